"""Composes the application and launches it."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Collection
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from threading import Event, Thread
from typing import Any

from ttc_explorer.serving import zerogpu  # before anything that imports torch

# isort: split
from gradio.utils import get_upload_folder
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from ttc_explorer.asset_files import POLICY_FILE, RECORDED_RUNS_FOLDER
from ttc_explorer.environment import Environment, read_environment
from ttc_explorer.experiments.compute_optimal_policy import load_policy
from ttc_explorer.experiments.solver import Solver
from ttc_explorer.extensions import load_extensions
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.process_exit import INTERRUPTED, TERMINATED, exit_at_once, raise_on_sigterm
from ttc_explorer.serving.http_guard import HttpGuard, HttpRules
from ttc_explorer.serving.limits import Limits, limits_from_environment
from ttc_explorer.serving.local_run_service import LocalRunService
from ttc_explorer.serving.model_describer import ModelDescriber
from ttc_explorer.serving.model_manager import ModelManager
from ttc_explorer.serving.outcome_learner import OutcomeLearner, open_outcomes
from ttc_explorer.serving.run_service import RunService
from ttc_explorer.serving.solver_loading import load_solver
from ttc_explorer.serving.worker_process import WorkerProcess, start_worker
from ttc_explorer.serving.worker_run_service import WorkerRunService
from ttc_explorer.trace_files import read_trace
from ttc_explorer.ui.endpoints.mcp_results import write_json
from ttc_explorer.ui.pages import build_app
from ttc_explorer.ui.theme import launch_options

SECONDS_TO_CLOSE = 1.0
"""How long requests in progress are waited for at the end."""

USUAL_PORT = 7860
"""Where Gradio serves if no port is named and this one is free."""

OTHER_THREADS = 40
"""Threads of the web process beside those that follow a run, or wait for one, each."""
NO_ANALYTICS = {
    "GRADIO_ANALYTICS_CACHE_FREQUENCY": "1000000000",
    "GRADIO_ANALYTICS_MAX_EVENTS": "1",
}
"""Gradio makes a table of the last ten thousand events whenever one ends, for a page of figures
that is closed here. Read when the queue is made."""

OPENING_TRACE = RECORDED_RUNS_FOLDER / "opening.json.gz"


def unload_models_except(names: Collection[str]) -> None:
    """Unload all models but those of these names."""
    from ttc_explorer.models import catalogue

    catalogue.unload_models(names)


def make_model_manager(learner: OutcomeLearner | None, limits: Limits) -> ModelManager:
    """Loads models into worker processes; into this one where GPUs are allocated to its calls."""
    name = read_environment().model
    if not zerogpu.ENABLED:

        def in_workers(worker: WorkerProcess, name: str | None, limits: Limits) -> RunService:
            return WorkerRunService(worker, limits, learner)

        describe = ModelDescriber().describe
        return ModelManager(start_worker, learner, limits, in_workers, name, describe=describe)
    load = partial(load_solver, learner)
    return ModelManager(load, learner, limits, make_gpu_service, name, unload_models_except)


def make_gpu_service(solver: Solver, name: str | None, limits: Limits) -> RunService:
    """The service of these models: on allocated GPUs where they run on a GPU, else here."""
    from ttc_explorer.models.model_description import describe

    if name and describe(name).generator.source in ("folder", "Hugging Face"):
        return zerogpu.ZeroGPUService(solver.facts, ZEROGPU_SEARCH, name, limits)
    return LocalRunService(solver.driver(), limits)


ZEROGPU_SEARCH = zerogpu.make_search_function(partial(load_solver, None))


def launch() -> None:
    """Build the page and serve it until the process ends. Raises BadInput."""
    check_port()
    load_extensions()
    opening = read_trace(OPENING_TRACE) if OPENING_TRACE.exists() else None
    policy = load_policy(POLICY_FILE)
    environment = read_environment()
    check_mcp(environment)
    limits = limits_from_environment(environment)
    learner = (
        OutcomeLearner(policy, open_outcomes(limits.public), limits.public) if policy else None
    )
    os.environ.update(NO_ANALYTICS)
    model_manager = make_model_manager(learner, limits)
    model_manager.start_loading()  # beside the pages, which are built meanwhile
    app = build_app(model_manager, opening)
    # What is on the GPU before the launch need not be moved there with every allocation.
    if zerogpu.ENABLED:
        model_manager.wait()
    options = server_options(environment, limits, model_manager)
    app.launch(prevent_thread_lock=True, **options)
    if app.mcp_server_obj is not None:
        write_json(app.mcp_server_obj)
    sys.stdout.flush()  # the address, for whoever reads it from a file or a pipe
    try:
        Event().wait()
    finally:
        closing = Thread(target=app.close, kwargs={"verbose": False}, daemon=True)
        closing.start()
        closing.join(SECONDS_TO_CLOSE)


def check_port() -> None:
    """Raise BadInput if a port was named and cannot be had: nobody would look for us on another.
    Where none was named, Gradio takes the next free one, and it is only said."""
    named = os.environ.get("GRADIO_SERVER_PORT")
    port = named or str(USUAL_PORT)
    host = os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1")
    try:
        with socket.create_server((host, int(port)), family=_address_family(host)):
            return
    except (ValueError, OverflowError):
        raise BadInput("GRADIO_SERVER_PORT must be a whole number from 1 to 65,535.") from None
    except OSError as error:
        taken = f"Port {port} of {host} cannot be used: {os.strerror(error.errno or 0)}."
        if named:
            raise BadInput(
                f"{taken} End what uses it, or name another port in GRADIO_SERVER_PORT."
            ) from None
        print(f"{taken} The next free one is taken.", file=sys.stderr)


def check_mcp(environment: Environment) -> None:
    """Raise BadInput if tools are wanted and the package that serves them is missing."""
    if environment.mcp == "1" and find_spec("mcp") is None:
        raise BadInput("TTC_MCP=1 needs a package that is missing: pip install 'mcp<2'.")


def _address_family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def server_options(
    environment: Environment, limits: Limits, model_manager: ModelManager
) -> dict[str, Any]:
    """What ``launch`` must be given for the pages to look as designed, and for the server to keep
    to the limits and to say how it stands."""

    async def service_status(request: Request) -> JSONResponse:
        return JSONResponse(model_manager.status(), headers={"Cache-Control": "no-store"})

    pages = launch_options()
    rules = HttpRules.for_app(environment, limits, Path(get_upload_folder()), pages["head"])
    return pages | {
        "max_file_size": f"{limits.upload}mb",
        "max_threads": limits.runs + limits.queue + OTHER_THREADS,
        "state_session_capacity": limits.sessions,
        "enable_monitoring": False,
        "mcp_server": environment.mcp == "1",
        "app_kwargs": {
            "middleware": [
                Middleware(GZipMiddleware, minimum_size=1000),  # streams of events stay as they are
                Middleware(HttpGuard, rules),
            ],
            "routes": [*pages["app_kwargs"]["routes"], Route("/service-status", service_status)],
        },
    }


def main() -> None:
    """``launch``, with a variable or a file that cannot be read reported in one line."""
    raise_on_sigterm()
    try:
        launch()
    except BadInput as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        exit_at_once(INTERRUPTED)
    except SystemExit as ended:
        if ended.code == TERMINATED:
            exit_at_once(TERMINATED)
        raise
