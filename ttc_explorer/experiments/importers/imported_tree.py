"""Search trees of other tools, grown like our own: by nodes, scores and marks, round by round, so
that they replay."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ttc_explorer.problems.grading import Grader
from ttc_explorer.problems.problem import Problem
from ttc_explorer.search.ledger import Ledger
from ttc_explorer.search.run import Run
from ttc_explorer.search.settings import MAX_BUDGET, Settings
from ttc_explorer.search.trace_format import MAX_DEPTH, MAX_NODES, MAX_TEXT

MAX_NAME_CHARACTERS = 200


class TreeImport:
    """One run in the making.

    Args:
        grader: compares answers, for votes and against the reference.
        text: the question.
        reference: the right answer, if it is known.
        model: who wrote the steps.
        verifier: who scored them; None if nobody did.
        strategy: the strategy of ours that spends its budget alike.
        budget: solutions or beams; from 1 to MAX_BUDGET.
        settings: the settings of ours that say the same.
        source: the tool, for the note that every such run carries.
    """

    def __init__(
        self,
        grader: Grader,
        *,
        text: str,
        reference: str | None,
        model: str,
        verifier: str | None,
        strategy: str,
        budget: int,
        settings: Settings,
        source: str,
    ) -> None:
        self._grader = grader
        self._answers: list[str] = []
        self._source = source
        self.run = Run(
            Problem(text[:MAX_TEXT], reference, source=source),
            model[:MAX_NAME_CHARACTERS],
            verifier[:MAX_NAME_CHARACTERS] if verifier else None,
            strategy,
            max(1, min(MAX_BUDGET, budget)),
            0,
            settings,
            stopped="done",
        )

    def add(
        self,
        parent: int,
        text: str,
        *,
        tokens: int = 0,
        finished: bool = False,
        answer: str | None = None,
        correct: bool | None = None,
    ) -> int:
        """Append a node; its id. A finished one may have an answer, and the source's verdict on it.

        Raises:
            ValueError: the tree is too large or too deep, or ``parent`` is no node.
        """
        tree = self.run.tree
        if len(tree) >= MAX_NODES or tree.round[parent] >= MAX_DEPTH:
            raise ValueError("the tree is too large")
        if finished and answer is not None:
            answer = self._canonical(answer[:MAX_TEXT], correct)
        return tree.add(
            parent,
            text.strip("\n")[:MAX_TEXT],
            tokens=tokens,
            finished=finished,
            answer=answer if finished else None,
        )

    def judge(self, nodes: Sequence[int], scores: Sequence[float | None]) -> None:
        """Record scores in [0, 1]; None where a node has none.

        Raises:
            ValueError: a score lies outside.
        """
        scored = [(n, s) for n, s in zip(nodes, scores, strict=True) if s is not None]
        if not all(0 <= score <= 1 for _, score in scored):
            raise ValueError("a score outside of [0, 1]")
        self.run.tree.set_scores([node for node, _ in scored], [score for _, score in scored])

    def mark(self, kept: Iterable[int], pruned: Iterable[int]) -> None:
        """Record what a round kept and what it pruned."""
        self.run.tree.set_status(list(kept), "kept")
        self.run.tree.set_status(list(pruned), "pruned")

    def finish(self, note: str, generated_tokens: int = 0) -> Run:
        """The run, with a note on where it is from and what ``note`` says of it."""
        self.run.ledger = Ledger(generated_tokens=generated_tokens)
        self.run.tree.note(f"This search was run elsewhere ({self._source}): {note}")
        return self.run

    def _canonical(self, answer: str, correct: bool | None) -> str:
        """The answer as the first equal one is written, with its verdict recorded."""
        same = next((known for known in self._answers if known == answer), None) or next(
            (
                known
                for known in self._answers
                if self.run.correct.get(known) == correct and self._grader.equal(known, answer)
            ),
            None,
        )
        if same is None:
            self._answers.append(answer)
            reference = self.run.problem.answer
            if correct is None and reference is not None:
                correct = self._grader.verdict(reference, answer) == "equal"
            if correct is not None:
                self.run.correct[answer] = correct
        return same or answer
