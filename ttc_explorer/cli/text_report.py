"""A run in plain text, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from ttc_explorer.search.ledger import Ledger
from ttc_explorer.search.run import Run
from ttc_explorer.search.voting import Vote, ranked_votes

MAX_ANSWER_WIDTH = 40
"""Longest answer in the table of votes, in characters."""

STOP_PHRASES = {
    "done": "",
    "budget": "; the rounds ran out",
    "cancelled": "; cancelled",
    "deadline": "; time was up",
}
VERDICT_WORDS = {True: "right", False: "wrong", None: ""}


def format_run(run: Run) -> str:
    """The answer, who voted for it, and what it cost."""
    vote_list = ranked_votes(run.tree, run.settings.selector, run.settings.aggregate)
    solutions, steps = run.tree.solution_count(), sum(run.tree.copies) - 1
    return "\n".join(
        [
            f"Answer: {_format_answer(run, vote_list[0].answer)}"
            if vote_list
            else "Answer: none was reached",
            f"{solutions:,} solutions in {steps:,} steps{_different(run)}"
            f"{STOP_PHRASES[run.stopped or 'cancelled']}",
            *(_printable(note.text) for note in run.tree.notes),
            "",
            *(_vote_table(run, vote_list) if vote_list else []),
            *_cost_lines(run.ledger),
        ]
    )


def _different(run: Run) -> str:
    """How many different steps there are, where some are equal."""
    different, steps = len(run.tree) - 1, sum(run.tree.copies) - 1
    return f", {different:,} of them different" if different < steps else ""


def _format_answer(run: Run, answer: str) -> str:
    right = run.correct.get(answer)
    correction = f"; right is {run.problem.answer}" if right is False and run.problem.answer else ""
    return _printable(
        answer + (f" ({VERDICT_WORDS[right]}{correction})" if right is not None else "")
    )


def _vote_table(run: Run, vote_list: Sequence[Vote]) -> list[str]:
    answers = [_truncate(vote.answer) for vote in vote_list]
    width = max(map(len, ["answer", *answers]))
    lines = [f"{'answer':<{width}}  votes  weight"]
    for answer, vote in zip(answers, vote_list, strict=True):
        verdict = VERDICT_WORDS[run.correct.get(vote.answer)]
        lines.append(f"{answer:<{width}}  {vote.count:>5}  {vote.weight:>6.2f}  {verdict}".rstrip())
    return [*lines, ""]


def _cost_lines(ledger: Ledger) -> list[str]:
    return [
        f"Generator: {ledger.generated_tokens:,} tokens written, {ledger.prefill_tokens:,} read, "
        f"{ledger.cached_tokens:,} spared by the cache",
        f"Verifier:  {ledger.verifier_tokens:,} tokens read",
        f"Compute:   {ledger.flops:.3g} FLOPs, {ledger.sequential_depth:,} passes in sequence, "
        f"{ledger.seconds:.1f} s, {ledger.joules_estimate:.2g} J (estimate)",
    ]


def _truncate(answer: str) -> str:
    answer = _printable(answer)
    return answer if len(answer) <= MAX_ANSWER_WIDTH else f"{answer[: MAX_ANSWER_WIDTH - 1]}…"


def _printable(text: str) -> str:
    """Untrusted text without characters that could steer a terminal."""
    return "".join(character if character.isprintable() else "·" for character in text)
