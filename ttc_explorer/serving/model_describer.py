"""Asks worker processes what models are, for the process that serves pages: working it out needs
torch, which that process never imports."""

from __future__ import annotations

from collections.abc import Iterable
from threading import Lock

from ttc_explorer.models.described_models import ModelSetDescription
from ttc_explorer.models.protocol import ModelError
from ttc_explorer.serving.run_service import RunService
from ttc_explorer.serving.worker_process import (
    WORKER_LOST_WHILE_LOADING,
    WorkerEnded,
    WorkerProcess,
)
from ttc_explorer.serving.worker_run_service import WorkerRunService


class ModelDescriber:
    """Asks a worker that runs searches; where there is none, as the models could not be loaded, one
    of its own, which is ended as soon as it can do without."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._own: WorkerProcess | None = None

    def describe(self, name: str, services: Iterable[RunService]) -> ModelSetDescription:
        """What the models of a name are.

        Args:
            name: Of a generator, with its verifier or without.
            services: That are open now.

        Raises:
            ModelError: There are none of that name, or nobody can say.
            BadInput: The name is wrong.
        """
        workers = [
            worker
            for service in services
            if isinstance(service, WorkerRunService)
            for worker in service.workers()
        ]
        for worker in workers:
            try:
                description = worker.describe(name)
            except WorkerEnded:
                continue
            self._use_own(False)
            return description
        try:
            own = self._use_own(True)
            assert own is not None
            return own.describe(name)
        except WorkerEnded:
            self._use_own(False)
            raise ModelError(WORKER_LOST_WHILE_LOADING) from None

    def _use_own(self, needed: bool) -> WorkerProcess | None:
        with self._lock:
            if needed and self._own is None:
                self._own = WorkerProcess(None)
            elif not needed and self._own is not None:
                self._own.close()
                self._own = None
            return self._own
