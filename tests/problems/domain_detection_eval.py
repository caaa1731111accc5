"""How often the notice for questions outside the domain is wrong.

The notice is shown where ``recognise`` understands nothing. Two rates, measured on texts that were
written by hand and on perturbed phrasings:

- false alarm: a question of our families that is not understood as the problem it is (the notice is
  shown, or, worse, another problem is solved);
- miss: a question outside the families that is taken for one of them.

``python -m tests.problems.domain_detection_eval`` prints them, from the reworded questions that the
shipped family is measured on and from ``outside.jsonl`` beside this file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from ttc_explorer.problems.families import FAMILIES, LEVELS, recognise
from ttc_explorer.training.family_measurement import read_rewordings

OUTSIDE_FILE = Path(__file__).parent / "outside.jsonl"
PERTURBED_COUNT = 200
"""Perturbed phrasings that are drawn."""


@dataclass(frozen=True)
class ErrorRate:
    """``wrong`` of ``total`` questions."""

    name: str
    wrong: int
    total: int

    def __str__(self) -> str:
        return f"{self.name}: {self.wrong} of {self.total} ({self.wrong / self.total:.1%})"


def error_rates() -> list[ErrorRate]:
    """The false-alarm rates of known rewordings, held-out ones and disguised phrasings; the miss
    rate.
    """
    rewordings, outside = read_rewordings(), read_outside_questions()
    return [
        _error_rate(
            "false alarms, rewordings developed on",
            is_misrecognised,
            (r for r in rewordings if r["dev"]),
        ),
        _error_rate(
            "false alarms, rewordings held out",
            is_misrecognised,
            (r for r in rewordings if not r["dev"]),
        ),
        _error_rate(
            "false alarms, phrasings in disguise",
            is_misrecognised,
            perturbed_problems(Random(8), PERTURBED_COUNT),
        ),
        _error_rate(
            "misses, questions outside", lambda row: recognise(row["text"]) is not None, outside
        ),
    ]


def read_outside_questions() -> list[dict[str, Any]]:
    """Questions that are of none of the families, each with ``why`` it is none."""
    return [json.loads(line) for line in OUTSIDE_FILE.read_text(encoding="utf-8").splitlines()]


def is_misrecognised(row: dict[str, Any]) -> bool:
    """Whether a row's ``text`` is not understood as its ``parameters`` of its ``family``."""
    found = recognise(row["text"])
    same = found is not None and found.family.name == row["family"]
    return not (same and json.loads(json.dumps(found.parameters)) == row["given"])


def perturbed_problems(rng: Random, count: int) -> Iterable[dict[str, Any]]:
    """Problems of all families and levels in their phrasings, with other spaces, case, signs and
    LaTeX."""
    families = list(FAMILIES.values())
    for i in range(count):
        family = families[i % len(families)]
        parameters = family.draw_from_split(rng, rng.choice(LEVELS), "test")
        read = recognise(family.random_wording(parameters, rng))
        assert read is not None, "every phrasing is recognised"
        text = family.random_wording(read.parameters, rng)
        for perturb in rng.sample(_PERTURBATIONS, 2):
            text = perturb(text, rng)
        yield {
            "text": text,
            "family": family.name,
            "given": json.loads(json.dumps(read.parameters)),
        }


def _vary_spacing(text: str, rng: Random) -> str:
    return "".join(rng.choice((f" {c} ", c, f"\u00a0{c}")) if c in "+-=/" else c for c in text)


def _vary_case(text: str, rng: Random) -> str:
    return rng.choice((text.upper(), text.lower()))


def _use_typographic_signs(text: str, rng: Random) -> str:
    return (
        text.replace("^2", "²").replace("^3", "³").replace("-", "−").replace("*", rng.choice("×·"))
    )


def _use_latex(text: str, rng: Random) -> str:
    """Digits, signs and unknowns between dollars, fractions as fractions, powers in braces."""
    mathematics = [f"${word}$" if any(c in "=^/" for c in word) else word for word in text.split()]
    text = " ".join(mathematics).replace("^2", "^{2}").replace("^3", "^{3}").replace("%", r"\%")
    return text.replace("=", rng.choice(("=", " = ", r"\,=\,")))


_PERTURBATIONS: list[Callable[[str, Random], str]] = [
    _vary_spacing,
    _vary_case,
    _use_typographic_signs,
    _use_latex,
]


def _error_rate(
    name: str, wrong: Callable[[dict[str, Any]], bool], questions: Iterable[dict[str, Any]]
) -> ErrorRate:
    verdicts = [wrong(row) for row in questions]
    return ErrorRate(name, sum(verdicts), len(verdicts))


if __name__ == "__main__":
    for rate in error_rates():
        print(rate)
