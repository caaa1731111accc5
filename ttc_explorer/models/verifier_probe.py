"""Whether a verifier tells right from wrong at all: a head that was never trained loads without a
word, and scores everything alike."""

from __future__ import annotations

from typing import NamedTuple

from ttc_explorer.models.protocol import ScoreJob, Verifier


class Probe(NamedTuple):
    """A question, and a step that is right and one that is wrong, alike in all else."""

    question: str
    right: str
    wrong: str


PROBES = (
    Probe("What is 12 + 7?", "12 + 7 = 19", "12 + 7 = 4"),
    Probe(
        "Tom has 3 apples and buys 2 more. How many apples does he have?",
        "3 + 2 = 5, so Tom has 5 apples.",
        "3 + 2 = 9, so Tom has 9 apples.",
    ),
    Probe("Solve 2x = 10.", "x = 10 / 2 = 5", "x = 10 * 2 = 20"),
)
MIN_DIFFERENCE = 0.05
"""Mean score of the right steps above that of the wrong ones, at least. A random head of a 135M
model scored all steps from 0.92 to 0.97 (measured)."""


def untrained_note(verifier: Verifier) -> str:
    """What to know of a verifier that scores right and wrong steps alike, in a sentence; empty of
    one that does not. Raises ModelError if it cannot score."""
    states = [each.state for each in verifier.prefill([probe.question for probe in PROBES])]
    jobs = [
        ScoreJob(state, text, checks=0)
        for state, probe in zip(states, PROBES, strict=True)
        for text in (probe.right, probe.wrong)
    ]
    scores = [scored.score for scored in verifier.score(jobs)]
    right, wrong = (sum(part) / len(PROBES) for part in (scores[::2], scores[1::2]))
    if right - wrong >= MIN_DIFFERENCE:
        return ""
    reason = (
        "It was asked at once; with written checks (checks) it may do better."
        if getattr(verifier, "writes_checks", False)
        else "Its head may never have been trained, and searches that it leads are led by chance."
    )
    return (
        f"The verifier hardly tells right from wrong: it scored {len(PROBES)} right steps "
        f"{right:.2f} and {len(PROBES)} wrong ones {wrong:.2f} on average. {reason}"
    )
