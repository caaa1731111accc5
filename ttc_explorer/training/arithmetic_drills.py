"""Arithmetic drill: lines of plain computation in the notation of the families' solutions.

A solution spends most of its tokens on other things; here every line asks for one result, so that a
small model learns to compute its checks from fewer tokens. The prompt of a line carries no loss;
only its result does.
"""

from __future__ import annotations

from random import Random

from ttc_explorer.problems.families.solution_writer import Segment, SolutionLine, format_check

DRILL_QUESTION = "Compute."
DRILL_LINES = 12

PromptAndResult = tuple[str, str]
"""The prompt and the result of a line."""


def arithmetic_drill(rng: Random) -> list[SolutionLine]:
    """DRILL_LINES lines. They hold single operations on small numbers, never a problem of a
    family."""
    prompts_and_results = (rng.choice(_DRILL_KINDS)(rng) for _ in range(DRILL_LINES))
    return [
        (Segment(prompt, prompt=True), Segment(result)) for prompt, result in prompts_and_results
    ]


def _draw_magnitude(rng: Random) -> int:
    """The size of a number: mostly one or two digits, now and then three."""
    return rng.choice((9, 9, 20, 50, 99, 99, 200))


def _draw_sum(rng: Random) -> PromptAndResult:
    a, b = rng.randint(0, _draw_magnitude(rng)), rng.randint(0, _draw_magnitude(rng))
    a, b = a * rng.choice((1, 1, -1)), b * rng.choice((1, -1))
    return f"{a}{b:+d}=", str(a + b)


def _draw_product(rng: Random) -> PromptAndResult:
    a, b = rng.randint(1, rng.choice((12, 20))), rng.randint(1, rng.choice((12, 20, 30)))
    a, b = a * rng.choice((1, 1, -1)), b * rng.choice((1, 1, -1))
    if rng.random() < 0.3:
        c, d = rng.randint(1, 12), rng.randint(-12, 12)
        return f"{a}*{b}{c:+d}*{d}=", f"{a * b}{c * d:+d}={a * b + c * d}"
    return f"{a}*{b}=", str(a * b)


def _draw_quotient(rng: Random) -> PromptAndResult:
    b, q = rng.randint(2, 20), rng.randint(1, 20)
    if rng.random() < 0.3:
        a = b * q + rng.randint(1, b - 1)
        return f"{a}-", f"{a // b}*{b}={a}-{a // b * b}={a % b}"
    return f"{b * q}/{b}=", str(q)


def _draw_difference(rng: Random) -> PromptAndResult:
    """The end of a check: what was got, what is wanted."""
    want = rng.randint(-_draw_magnitude(rng), _draw_magnitude(rng))
    how = rng.random()
    got = (
        want if how < 0.25 else want + rng.randint(-12, 12) if how < 0.6 else rng.randint(-60, 150)
    )
    prompt, _, result = format_check(str(got), got, want).partition(" off ")
    return f"{prompt} off ", result


_DRILL_KINDS = (
    _draw_sum,
    _draw_sum,
    _draw_product,
    _draw_product,
    _draw_quotient,
    _draw_difference,
    _draw_difference,
)
