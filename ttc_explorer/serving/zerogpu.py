"""ZeroGPU, the GPUs that Spaces of Hugging Face share: a search holds one for as long as it runs,
no longer.

``spaces.GPU`` runs a call in a process that was forked from this one and has a GPU for a while.
What goes in and what comes out is pickled, what the call changes in memory stays there, and closing
the generator ends it at its next yield (huggingface.co/docs/hub/spaces-zerogpu). So a
``GPURequest`` goes in and ``RunDelta`` come out.

The package must be imported before torch: import this file first. Without the package,
``spaces.GPU`` is nothing: only a Space with such hardware has both.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Generator
from contextlib import closing
from contextvars import copy_context
from dataclasses import dataclass
from importlib import import_module
from threading import Thread
from typing import Any

from ttc_explorer.experiments.solver import Solver
from ttc_explorer.models.protocol import ModelError
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.delta import (
    RunDelta,
    apply_delta,
    delta_since,
    request_from_data,
    request_to_data,
)
from ttc_explorer.search.model_facts import ModelFacts
from ttc_explorer.search.run import Run
from ttc_explorer.serving.limits import Limits
from ttc_explorer.serving.local_run_service import LocalRunService
from ttc_explorer.serving.run_service import RunServiceBase

try:
    spaces: Any = import_module("spaces")
except ImportError:
    spaces = None

log = logging.getLogger(__name__)

ENABLED = spaces is not None and os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")
"""Whether this process is allocated GPUs. The variable is what the package itself goes by."""

LOAD_SECONDS = 15
"""Seconds of the allocation in which the weights move to the GPU."""
BASE_SECONDS, SECONDS_PER_SOLUTION = 15, 1
"""Seconds that a search of one solution may take, and that each further one adds."""
MIN_UPDATE_INTERVAL = 0.1
"""Least seconds between two deltas."""
MAX_UPDATE_INTERVAL = 0.5
"""Most seconds between two deltas: a search whose client has gone is ended when one is sent."""

GPU_LOST = (
    "The run stopped because no GPU was allocated, or it was taken back: try again, with a "
    "smaller budget."
)


@dataclass(frozen=True)
class GPURequest:
    """A search to run: the run as it is before it has begun, and by whose models."""

    name: str | None
    run: Run
    seconds: float


SearchFunction = Callable[[GPURequest], Generator[RunDelta, None, None]]


def search_seconds(request: GPURequest) -> int:
    """Seconds that a search may take: what its budget says, and no more than was requested."""
    return int(min(request.seconds, BASE_SECONDS + SECONDS_PER_SOLUTION * request.run.budget))


def gpu_duration(request: GPURequest) -> int:
    """Seconds for which a GPU is asked. Who asks for less is served sooner."""
    return LOAD_SECONDS + search_seconds(request)


def make_search_function(
    make_solver: Callable[[str | None], Solver],
) -> SearchFunction:
    """Performs a request on an allocated GPU, or right here where none is allocated: yields what is
    new in the run until it has stopped. ``make_solver`` loads the models of a name, for each
    request anew."""

    def search(request: GPURequest) -> Generator[RunDelta, None, None]:
        run = request_from_data(request_to_data(request.run))
        service = LocalRunService(make_solver(request.name).driver())
        service.submit(run, search_seconds(request))
        seen = len(run.tree.events)
        try:
            while True:
                service.wait(run, seen, MAX_UPDATE_INTERVAL)
                delta = delta_since(run, seen)
                seen += len(delta.events)
                yield delta
                if delta.stopped is not None:
                    return
                time.sleep(MIN_UPDATE_INTERVAL)
        finally:
            service.cancel(run)  # of no effect once it has ended
            service.drain_and_close()

    if spaces is None:
        return search
    allocated: SearchFunction = spaces.GPU(duration=gpu_duration)(search)
    return allocated


class ZeroGPUService(RunServiceBase):
    """A RunService whose searches run on allocated GPUs, each in a process of its own and in no
    batch with others.

    Args:
        facts: What the models can do, to refuse at once what they cannot.
        search: From ``make_search_function``; has the models of that ``name`` there.
        name: The name of the models.
        limits: What visitors may ask for.
    """

    def __init__(
        self,
        facts: ModelFacts,
        search: SearchFunction,
        name: str | None,
        limits: Limits,
    ) -> None:
        super().__init__(facts, limits)
        self._search = search
        self._name = name
        self._cancelled: set[int] = set()

    def _start(self, run: Run, seconds: float) -> None:
        request = GPURequest(self._name, run, seconds)
        # In the visitor's context: the allocation counts for them.
        context = copy_context()
        Thread(
            target=context.run,
            args=(self._mirror_run, run, request),
            name="gpu-search",
            daemon=True,
        ).start()

    def _cancel(self, run: Run) -> None:
        self._cancelled.add(id(run))

    def _mirror_run(self, run: Run, request: GPURequest) -> None:
        """Let the run grow here as it grows there, until it has ended or nobody wants it any
        more."""
        error = None
        try:
            with closing(self._search(request)) as deltas:
                for delta in deltas:
                    if id(run) in self._cancelled and delta.stopped is None:
                        break
                    with self._lock:
                        apply_delta(run, delta)
                        self._notify(run)
        except (BadInput, ModelError) as refusal:
            error = str(refusal)
        except Exception as failure:
            log.exception("a search on an allocated GPU failed")
            reason = " ".join(str(getattr(failure, "message", "")).split())[:200]
            error = f"{GPU_LOST} {reason}".strip()
        with self._lock:
            if run.stopped is None:
                run.error = error
                run.stopped = "cancelled"
            self._cancelled.discard(id(run))
            self._finish(run)
