"""Who does the tasks of a sweep: actors on a Ray cluster, one a device. Ray is an optional install."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ttc_explorer.experiments.jobs import Job, Task
from ttc_explorer.experiments.records import Rows
from ttc_explorer.experiments.worker import Setup, Worker
from ttc_explorer.experiments.workers import LOST
from ttc_explorer.models.protocol import ModelError
from ttc_explorer.problems.problem import BadInput

MISSING = "Ray is not installed: `pip install ray`, or leave --ray out and share the work by --workers."


class RayWorkers:
    """``count`` actors on the cluster at ``address`` (``auto`` the one of this machine, ``local`` a new one,
    else ``HOST:PORT`` or ``ray://HOST:PORT``); without a count one for each GPU, or each core if there are
    none. Every node needs this package and the models at the same places. Raises BadInput.
    """

    def __init__(self, setup: Setup, address: str, count: int | None = None) -> None:
        try:
            import ray
        except ImportError:
            raise BadInput(MISSING) from None
        self._ray = ray
        cores = {"num_cpus": count} if address == "local" and count else {}
        try:
            ray.init(
                address=address, include_dashboard=False, log_to_driver=False, logging_level="ERROR", **cores
            )
        except Exception as error:  # of many kinds, bare ones among them
            reason = " ".join(str(error).split())[:200]
            raise BadInput(f"Ray does not start or is not found at '{address[:80]}': {reason}") from error
        devices = ray.cluster_resources()
        kind = "GPU" if devices.get("GPU") else "CPU"
        needs = {"num_gpus": 1} if kind == "GPU" else {"num_cpus": 1}
        actor = ray.remote(Worker).options(**needs)
        self._actors = [actor.remote(setup) for _ in range(count or max(1, int(devices[kind])))]

    def about(self, jobs: Sequence[Job]) -> dict[str, object]:
        return self._received(self._actors[0].about.remote(jobs))

    def do(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, dict[str, Rows]]]:
        waiting = iter(tasks)
        busy: dict[Any, tuple[Any, Task]] = {}

        def hand_out(actor: Any) -> None:
            task = next(waiting, None)
            if task is not None:
                busy[actor.do.remote(task)] = actor, task

        for actor in self._actors:
            hand_out(actor)
        while busy:
            (done, *_), _ = self._ray.wait(list(busy), num_returns=1)
            actor, task = busy.pop(done)
            tables = self._received(done)
            hand_out(actor)
            yield task, tables

    def close(self) -> None:
        self._ray.shutdown()

    def _received(self, reply: Any) -> Any:
        """What an actor replied. What it raised is raised here."""
        try:
            return self._ray.get(reply)
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from None
        except self._ray.exceptions.RayActorError:
            raise ModelError(LOST) from None
