"""How a run stands, in one line."""

from __future__ import annotations

from collections import Counter

from ttc_explorer.search.run import Run
from ttc_explorer.search.tree import SearchTree
from ttc_explorer.ui.run_viewer.printable_text import single_line

LONGEST_SENTENCE = 200
"""Characters of what a model's server said."""

_STOP_LABELS = {
    None: "Round {rounds}",
    "done": "Done in {rounds} rounds",
    "budget": "Stopped after {rounds} rounds",
    "cancelled": "Stopped in round {rounds}",
    "deadline": "Out of time in round {rounds}",
}


def run_summary(run: Run) -> str:
    """How the run stands, in one line.

    >>> from ttc_explorer.problems.problem import Problem
    >>> from ttc_explorer.search.settings import Settings
    >>> run_summary(Run(Problem("1 + 1?"), "base", "prm", "beam", 4, 0, Settings()))
    'Reading the problem'
    """
    if run.error:
        return single_line(run.error, LONGEST_SENTENCE)
    tree, progress = run.tree, run.current_progress
    if progress and progress.waiting:
        return single_line(progress.waiting, LONGEST_SENTENCE)
    writing = len(progress.rows) if progress else 0
    tokens = f"{count_noun(progress.tokens, 'token')} so far" if progress else ""
    ended = sum(row.ended for row in progress.rows) if progress else 0
    if ended:
        tokens += f", {ended} of {writing} done and waiting"
    if len(tree) == 1 and writing:
        return f"Writing the first {count_noun(writing, 'step')} · {tokens}"
    if len(tree) == 1 and run.partial:
        return "Stopped in the first step"
    if len(tree) == 1:
        return "Reading the problem" if run.stopped is None else "Stopped before the first step"
    kinds, statuses, different = Counter[str](), Counter[str](), 0
    for node in range(1, len(tree)):
        kinds[tree.kind[node]] += tree.copies[node]
        if tree.kind[node] in ("step", "answer"):
            statuses[tree.status[node]] += tree.copies[node]
            different += 1
    steps, pruned, solutions = statuses.total(), statuses["pruned"], statuses["finished"]
    parts = [
        _STOP_LABELS[run.stopped].format(rounds=_last_round(tree)),
        count_noun(steps, "step") if steps else "",
        f"{different} different" if different < steps else "",
        f"{kinds['rollout']} looked ahead" if kinds["rollout"] else "",
        f"{pruned} pruned" if pruned else "",
        count_noun(solutions, "solution") if solutions else "",
        count_noun(kinds["revision"], "revision") if kinds["revision"] else "",
        f"{writing} being written, {tokens}" if writing else "",
    ]
    return " · ".join(filter(None, parts))


def _last_round(tree: SearchTree) -> int:
    return max(r for r, kind in zip(tree.round, tree.kind, strict=False) if kind != "rollout")


def count_noun(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
