"""The thoughts of our own runs of budget forcing, as those of a replay store are: what each had
answered on the way, and how long it was."""

from __future__ import annotations

from ttc_explorer.experiments.width_depth import Thought
from ttc_explorer.models.prompts import answer_cue
from ttc_explorer.problems.answer_equality import answers_equal
from ttc_explorer.problems.answer_reader import read_answer
from ttc_explorer.problems.families import recognise
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.run import Run
from ttc_explorer.search.tree import SearchTree

CUES = (answer_cue(False, False), answer_cue(True, False), answer_cue(True, True))
"""What the answers begin with that a model is made to state."""


def run_thoughts(run: Run, question: int = 0) -> list[Thought]:
    """The thoughts of a run of budget forcing, each as long as it was until it answered.

    An interim answer is given after the first whole step from d = ``probe`` tokens on: here it
    counts from the next multiple of d. What asking costs is left out, as in replay stores.

    Args:
        run: of ``budget_forcing``, with ``probe``.
        question: the number of its question.

    Raises:
        BadInput: It is another run, or has no answers to judge.
    """
    probe_every = run.settings.probe
    if run.strategy != "budget_forcing" or not probe_every:
        raise BadInput(
            "This run has no interim answers: run budget_forcing with probe=d, which asks for one "
            "every d tokens."
        )
    recognised = recognise(run.problem.text)
    reference = run.problem.answer or (recognised.answer if recognised else None)
    if reference is None:
        raise BadInput("The run's problem has no reference answer: give one when you run it.")

    def spelled(answer: str | None) -> str | None:
        """Written as the reference where it is equal to it."""
        if answer is None:
            return None
        if recognised:
            return reference if recognised.is_correct(answer) else answer
        same = answers_equal(reference, answer, True, compare_formulas=lambda *_: None)
        return reference if same else answer

    tree = run.tree
    thoughts: list[Thought] = []
    for leaf in tree.leaves():
        path = tree.path(leaf)
        steps = path[:-1] if tree.text[leaf].startswith(CUES) else path
        tokens = sum(tree.tokens[node] for node in steps)
        asked = _interim_answers(tree, steps)
        probes = tuple(
            next((spelled(answer) for at, answer in reversed(asked) if at <= depth), None)
            for depth in range(probe_every, tokens + 1, probe_every)
        )
        thought = Thought(
            question, reference, probe_every, probes, tokens, spelled(tree.answer[leaf])
        )
        thoughts += [thought] * tree.copies[leaf]
    if not thoughts:
        raise BadInput("No thought of this run has answered: let it run to its end.")
    return thoughts


def _interim_answers(tree: SearchTree, steps: list[int]) -> list[tuple[int, str | None]]:
    """The interim answers on the way, each with the tokens of the thought by then."""
    found, tokens = [], 0
    for node in steps:
        tokens += tree.tokens[node]
        asked = [child for child in tree.children(node) if tree.kind[child] == "rollout"]
        found += [(tokens, read_answer(tree.text[child])) for child in asked]
    return found
