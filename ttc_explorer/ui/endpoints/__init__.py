"""What programs may call, one endpoint a file."""

from __future__ import annotations

import gradio as gr

from ttc_explorer.serving.model_manager import ModelManager
from ttc_explorer.ui.endpoints.solve_endpoint import SolveEndpoint


def publish_endpoints(model_manager: ModelManager) -> None:
    """Add the endpoints to the application that is being built."""
    gr.api(SolveEndpoint(model_manager).solve, api_name="solve", concurrency_limit=None)
