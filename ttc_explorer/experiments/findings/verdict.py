"""How a finding is judged: one rule for all of them.

A finding is a claim about figures: each of them lies above a limit, or below one, or between two.
It claims all of its bounds at once. The figures are computed anew in FINDING_RESAMPLES paired
resamples of the questions, bins and choices included (``resampled_results.py``), and everything
else follows from these draws:

- the interval is the middle 95 % of the draws of the figure that is shown;
- a bound fails in the share of draws on its other side, and holds in the share on its own (Davison
  and Hinkley, Bootstrap Methods, 1997, 4.2: one draw more on either side). The finding as a whole
  is as doubtful as its most doubtful bound (intersection-union test), and its opposite as doubtful
  as its clearest failure, times the number of bounds (Bonferroni). p is twice the smaller of the
  two;
- all findings that could be tested are one family, and Holm's method corrects their p-values;
- a corrected p below 0.05 says ``reproduced`` where the bounds hold and ``refuted`` where one
  fails; any other says ``inconclusive``. A finding without its data is ``untested``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ttc_explorer.experiments.intervals import holm_correction, percentile_interval

Floats = NDArray[np.float64]

FINDING_RESAMPLES = 4000
"""More than the 1,000 of curves: the least p must survive a family of 18."""
SIGNIFICANCE_LEVEL = 0.05
FINDING_VERDICTS = ("reproduced", "refuted", "inconclusive", "untested")


class InsufficientData(Exception):
    """The data for a finding is not there; the message is one plain sentence."""


@dataclass(frozen=True)
class Claim:
    """A figure and where it should lie. ``draws`` (1 + FINDING_RESAMPLES,): its value, then that of
    each resample."""

    draws: Floats
    above: float = -math.inf
    below: float = math.inf

    def bounds(self) -> list[tuple[float, float]]:
        """For each bound, the chance of such data if it failed, and if it held with room to
        spare."""
        drawn = self.draws[1:]
        found = []
        if math.isfinite(self.above):
            found.append((_tail_share(drawn <= self.above), _tail_share(drawn >= self.above)))
        if math.isfinite(self.below):
            found.append((_tail_share(drawn >= self.below), _tail_share(drawn <= self.below)))
        return found


@dataclass(frozen=True)
class FindingChart:
    """The curve behind a finding. ``rows``: panel, line, tone, x, y, low, high; ``tone`` names a
    strategy or a rule. ``kind`` of y: ``share`` or ``number``; x is logarithmic if ``log``."""

    x: str
    y: str
    rows: list[dict[str, Any]]
    kind: str = "share"
    log: bool = True


@dataclass(frozen=True)
class FindingMeasurement:
    """What a test found. ``estimate_draws`` is the figure on display, in ``unit`` (``points`` of
    accuracy as a share, ``slope`` points a doubling, ``share``, ``ratio``); the first of ``claims``
    is about it. ``said``: what else there is to say, in a sentence or two.
    """

    test: str
    estimate_draws: Floats
    unit: str
    claims: Sequence[Claim]
    questions: int
    chart: FindingChart
    said: str = ""

    @property
    def p(self) -> tuple[float, bool]:
        """The p-value, and whether the data lean towards the finding."""
        bounds = [bound for claim in self.claims for bound in claim.bounds()]
        against = max(fails for fails, _ in bounds)
        favour = min(1.0, len(bounds) * min(holds for _, holds in bounds))
        return min(1.0, 2 * min(against, favour)), against < favour


@dataclass(frozen=True)
class Finding:
    """A row of the page. Figures are None where the finding is ``untested``, and ``said`` tells
    why. It would hold where the figure surely lies ``above`` and ``below`` these, None for no
    bound."""

    id: str
    statement: str
    paper: str
    verdict: str
    said: str
    command: str
    test: str | None = None
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    above: float | None = None
    below: float | None = None
    unit: str | None = None
    p: float | None = None
    corrected: float | None = None
    questions: int | None = None
    chart: FindingChart | None = field(default=None)


def assign_verdicts(measured: Sequence[FindingMeasurement | None]) -> list[dict[str, Any]]:
    """What the family says about each: the figures of a ``Finding``, and its verdict. None is
    untested."""
    p_values = [each.p for each in measured if each]
    corrected = iter(holm_correction([p for p, _ in p_values]))
    found: list[dict[str, Any]] = []
    for each in measured:
        if each is None:
            found.append({"verdict": "untested"})
            continue
        (p, is_favourable), corrected_p = each.p, next(corrected)
        low, high = percentile_interval(each.estimate_draws[1:])
        verdict = (
            "inconclusive"
            if corrected_p >= SIGNIFICANCE_LEVEL
            else "reproduced"
            if is_favourable
            else "refuted"
        )
        figures = {
            "estimate": each.estimate_draws[0],
            "low": low,
            "high": high,
            "p": p,
            "corrected": corrected_p,
        }
        found.append({"verdict": verdict} | {name: float(value) for name, value in figures.items()})
    return found


def _tail_share(hits: NDArray[np.bool_]) -> float:
    return float((1 + hits.sum()) / (1 + len(hits)))
