"""How often the notice for questions outside the domain is wrong.

The notice is shown where ``recognise`` understands nothing. Two rates, measured on texts that were written by
hand and on phrasings in disguise:

- false alarm: a question of our families that is not understood as the problem it is (the notice is shown,
  or, worse, another problem is solved);
- miss: a question outside the families that is taken for one of them.

``python -m ttc_explorer.experiments.notice`` prints them from the files beside the tests,
``tests/problems/rewordings.jsonl`` and ``outside.jsonl``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from ttc_explorer.problems.families import FAMILIES, LEVELS, recognise

FILES = Path(__file__).parents[2] / "tests" / "problems"
DISGUISES = 200
"""Phrasings in disguise that are drawn."""


@dataclass(frozen=True)
class Rate:
    """``wrong`` of ``asked`` questions."""

    name: str
    wrong: int
    asked: int

    def __str__(self) -> str:
        return f"{self.name}: {self.wrong} of {self.asked} ({self.wrong / self.asked:.1%})"


def rates() -> list[Rate]:
    """The false-alarm rates of known rewordings, held-out ones and disguised phrasings; the miss rate.

    Raises OSError where the two files are missing (an installed package has no tests).
    """
    rewordings, outside = rows("rewordings.jsonl"), rows("outside.jsonl")
    return [
        _rate("false alarms, rewordings developed on", not_understood, (r for r in rewordings if r["dev"])),
        _rate("false alarms, rewordings held out", not_understood, (r for r in rewordings if not r["dev"])),
        _rate("false alarms, phrasings in disguise", not_understood, disguised(Random(8), DISGUISES)),
        _rate("misses, questions outside", lambda row: recognise(row["text"]) is not None, outside),
    ]


def rows(name: str) -> list[dict[str, Any]]:
    """The JSON lines of one of the two files."""
    return [json.loads(line) for line in (FILES / name).read_text(encoding="utf-8").splitlines()]


def not_understood(row: dict[str, Any]) -> bool:
    """Whether a row's ``text`` is not understood as its ``given`` of its ``family``."""
    found = recognise(row["text"])
    same = found is not None and found.family.name == row["family"]
    return not (same and json.loads(json.dumps(found.given)) == row["given"])


def disguised(rng: Random, count: int) -> Iterable[dict[str, Any]]:
    """Problems of all families and levels in their phrasings, with other spaces, case, signs and LaTeX."""
    families = list(FAMILIES.values())
    for i in range(count):
        family = families[i % len(families)]
        given = family.draw_split(rng, rng.choice(LEVELS), "test")
        read = recognise(family.say(given, rng))
        assert read is not None, "every phrasing is recognised"
        text = family.say(read.given, rng)
        for disguise in rng.sample(_DISGUISES, 2):
            text = disguise(text, rng)
        yield {"text": text, "family": family.name, "given": json.loads(json.dumps(read.given))}


def _spaced(text: str, rng: Random) -> str:
    return "".join(rng.choice((f" {c} ", c, f"\u00a0{c}")) if c in "+-=/" else c for c in text)


def _shouted(text: str, rng: Random) -> str:
    return rng.choice((text.upper(), text.lower()))


def _typographic(text: str, rng: Random) -> str:
    return text.replace("^2", "²").replace("^3", "³").replace("-", "−").replace("*", rng.choice("×·"))


def _latex(text: str, rng: Random) -> str:
    """Digits, signs and unknowns between dollars, fractions as fractions, powers in braces."""
    mathematics = [f"${word}$" if any(c in "=^/" for c in word) else word for word in text.split()]
    text = " ".join(mathematics).replace("^2", "^{2}").replace("^3", "^{3}").replace("%", r"\%")
    return text.replace("=", rng.choice(("=", " = ", r"\,=\,")))


_DISGUISES: list[Callable[[str, Random], str]] = [_spaced, _shouted, _typographic, _latex]


def _rate(name: str, wrong: Callable[[dict[str, Any]], bool], questions: Iterable[dict[str, Any]]) -> Rate:
    verdicts = [wrong(row) for row in questions]
    return Rate(name, sum(verdicts), len(verdicts))


if __name__ == "__main__":
    for rate in rates():
        print(rate)
