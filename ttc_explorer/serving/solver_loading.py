"""Loads the models of a name into this process, to compute with as many threads as they are fastest
with."""

from __future__ import annotations

from ttc_explorer.experiments.solver import PolicySource, Solver
from ttc_explorer.models.hub import OnProgress, no_progress


def load_solver(
    policy: PolicySource | None = None,
    name: str | None = None,
    on_progress: OnProgress = no_progress,
) -> Solver:
    """The models of a name.

    Args:
        policy: What ``auto`` follows.
        name: As on the command line; None stands for the shipped models.
        on_progress: Called with one line on how far that is.

    Raises:
        ModelError: The models cannot be had or cannot be used here.
    """
    import torch  # here, long after a page is open

    from ttc_explorer.models.devices import thread_count

    solver = Solver(name, policy=policy, on_progress=on_progress)
    torch.set_num_threads(thread_count(solver.generator.parameters))
    return solver
