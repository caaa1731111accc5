"""A run in plain text, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from ttc_explorer.search.ledger import Ledger
from ttc_explorer.search.run import Run
from ttc_explorer.search.selection import Vote, votes

WIDEST = 40
"""Longest answer in the table of votes, in characters."""

ENDINGS = {
    "done": "",
    "budget": "; the rounds ran out",
    "cancelled": "; cancelled",
    "deadline": "; time was up",
}
VERDICTS = {True: "right", False: "wrong", None: ""}


def report(run: Run) -> str:
    """The answer, who voted for it, and what it cost."""
    ballot = votes(run.tree, run.settings.selector, run.settings.aggregate)
    solutions = sum(1 for _ in run.tree.leaves())
    return "\n".join(
        [
            f"Answer: {_verdict(run, ballot[0].answer)}" if ballot else "Answer: none was reached",
            f"{solutions:,} solutions in {len(run.tree) - 1:,} steps{ENDINGS[run.stopped or 'cancelled']}",
            *(_printable(note.text) for note in run.tree.notes),
            "",
            *(_table(run, ballot) if ballot else []),
            *_cost(run.ledger),
        ]
    )


def _verdict(run: Run, answer: str) -> str:
    right = run.correct.get(answer)
    mending = f"; right is {run.problem.answer}" if right is False and run.problem.answer else ""
    return _printable(answer + (f" ({VERDICTS[right]}{mending})" if right is not None else ""))


def _table(run: Run, ballot: Sequence[Vote]) -> list[str]:
    answers = [_short(vote.answer) for vote in ballot]
    width = max(map(len, ["answer", *answers]))
    lines = [f"{'answer':<{width}}  votes  weight"]
    for answer, vote in zip(answers, ballot, strict=True):
        verdict = VERDICTS[run.correct.get(vote.answer)]
        lines.append(f"{answer:<{width}}  {vote.count:>5}  {vote.weight:>6.2f}  {verdict}".rstrip())
    return [*lines, ""]


def _cost(ledger: Ledger) -> list[str]:
    return [
        f"Generator: {ledger.generated_tokens:,} tokens written, {ledger.prefill_tokens:,} read, "
        f"{ledger.cached_tokens:,} spared by the cache",
        f"Verifier:  {ledger.verifier_tokens:,} tokens read",
        f"Compute:   {ledger.flops:.3g} FLOPs, {ledger.sequential_depth:,} passes in sequence, "
        f"{ledger.seconds:.1f} s, {ledger.joules_estimate:.2g} J (estimate)",
    ]


def _short(answer: str) -> str:
    answer = _printable(answer)
    return answer if len(answer) <= WIDEST else f"{answer[: WIDEST - 1]}…"


def _printable(text: str) -> str:
    """Untrusted text without characters that could steer a terminal."""
    return "".join(character if character.isprintable() else "·" for character in text)
