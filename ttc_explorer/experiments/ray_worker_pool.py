"""Executors of a sweep's tasks: actors on a Ray cluster, one a device. Ray is an optional
install."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ttc_explorer.experiments.result_rows import Rows
from ttc_explorer.experiments.sweep_jobs import SweepJob, SweepTask
from ttc_explorer.experiments.sweep_worker import SweepWorker, WorkerSetup
from ttc_explorer.experiments.worker_pool import WORKER_LOST
from ttc_explorer.models.protocol import ModelError
from ttc_explorer.problems.problem import BadInput

RAY_NOT_INSTALLED = (
    "Ray is not installed: `pip install ray`, or leave --ray out and share the work by --workers."
)


class RayPool:
    """``count`` actors on the cluster at ``address`` (``auto`` the one of this machine, ``local`` a
    new one, else ``HOST:PORT`` or ``ray://HOST:PORT``); without a count one for each GPU, or each
    core if there are none. Every node needs this package and the models at the same places. Raises
    BadInput.
    """

    def __init__(self, setup: WorkerSetup, address: str, count: int | None = None) -> None:
        try:
            import ray
        except ImportError:
            raise BadInput(RAY_NOT_INSTALLED) from None
        self._ray = ray
        cores = {"num_cpus": count} if address == "local" and count else {}
        try:
            ray.init(
                address=address,
                include_dashboard=False,
                log_to_driver=False,
                logging_level="ERROR",
                **cores,
            )
        except Exception as error:  # of many kinds, bare ones among them
            reason = " ".join(str(error).split())[:200]
            raise BadInput(
                f"Ray does not start or is not found at '{address[:80]}': {reason}"
            ) from error
        devices = ray.cluster_resources()
        kind = "GPU" if devices.get("GPU") else "CPU"
        resources = {"num_gpus": 1} if kind == "GPU" else {"num_cpus": 1}
        actor = ray.remote(SweepWorker).options(**resources)
        self._actors = [actor.remote(setup) for _ in range(count or max(1, int(devices[kind])))]

    def about(self, jobs: Sequence[SweepJob]) -> dict[str, object]:
        found: dict[str, object] = self._receive(self._actors[0].about.remote(jobs))
        return found

    def execute(self, tasks: Iterable[SweepTask]) -> Iterator[tuple[SweepTask, dict[str, Rows]]]:
        pending = iter(tasks)
        in_flight: dict[Any, tuple[Any, SweepTask]] = {}

        def dispatch(actor: Any) -> None:
            task = next(pending, None)
            if task is not None:
                in_flight[actor.execute.remote(task)] = actor, task

        for actor in self._actors:
            dispatch(actor)
        while in_flight:
            (done, *_), _ = self._ray.wait(list(in_flight), num_returns=1)
            actor, task = in_flight.pop(done)
            tables = self._receive(done)
            dispatch(actor)
            yield task, tables

    def close(self) -> None:
        self._ray.shutdown()

    def _receive(self, reply: Any) -> Any:
        """What an actor replied. What it raised is raised here."""
        try:
            return self._ray.get(reply)
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from None
        except self._ray.exceptions.RayActorError:
            raise ModelError(WORKER_LOST) from None
