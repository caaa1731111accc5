"""What programs may call, one endpoint a file: by the client of Gradio, by HTTP, and as tools of
the Model Context Protocol where ``TTC_MCP=1``."""

from __future__ import annotations

import gradio as gr

from ttc_explorer.serving.model_manager import ModelManager
from ttc_explorer.ui.endpoints.compare_endpoint import CompareEndpoint
from ttc_explorer.ui.endpoints.curves_endpoint import curves
from ttc_explorer.ui.endpoints.grade_endpoint import GradeEndpoint
from ttc_explorer.ui.endpoints.solve_endpoint import SolveEndpoint


def publish_endpoints(model_manager: ModelManager) -> None:
    """Add the endpoints to the application that is being built."""
    solve, compare = SolveEndpoint(model_manager).solve, CompareEndpoint(model_manager).compare
    for endpoint in (solve, compare, curves, GradeEndpoint().grade):
        gr.api(endpoint, api_name=endpoint.__name__, concurrency_limit=None)
