"""How a finding is judged: one rule for all of them.

A finding is a claim about one figure: it lies above a limit, or below one, or between two. The
figure is computed anew in FINDING_RESAMPLES paired resamples of the questions, bins and choices
included (``resampled_results.py``), and everything else follows from these draws:

- a bound fails in the share of draws on its other side, and holds in the share on its own (Davison
  and Hinkley, Bootstrap Methods, 1997, 4.2: one draw more on either side). Between two bounds the
  claim is as doubtful as the more doubtful of them (two one-sided tests). p is twice the smaller of
  the two shares;
- all answers that could be tested are one family, and Holm's method corrects their p-values;
- Holm's method tests each answer at a level of its own, 5 % or less. The interval that is shown is
  that of this level, so that it and the verdict can never disagree: the claim ``holds`` where the
  interval lies within its bounds, ``does not hold`` where it lies beyond one, and is ``too close to
  tell`` otherwise;
- ``equivalent``: a claim of two bounds that holds, or one that is too close to tell, whose interval
  lies within the stated margin around nothing;
- ``not testable here``: the data is missing, or what is compared is not comparable.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ttc_explorer.experiments.intervals import holm_correction, holm_levels

Floats = NDArray[np.float64]

FINDING_RESAMPLES = 4000
"""More than the 1,000 of curves: the least p must survive a family of 60."""
SIGNIFICANCE_LEVEL = 0.05
HOLDS, FAILS, OPEN = "holds", "does not hold", "too close to tell"
EQUIVALENT, UNTESTABLE = "equivalent", "not testable here"
FINDING_VERDICTS = (HOLDS, EQUIVALENT, FAILS, OPEN, UNTESTABLE)


class InsufficientData(Exception):
    """The data for a finding is not there; the message is one plain sentence."""


@dataclass(frozen=True)
class Claim:
    """Where a figure should lie: ``above`` and ``below`` a limit, infinite for none. Within
    ``margin`` of 0 it counts as nothing; None where nothing was stated."""

    above: float = -math.inf
    below: float = math.inf
    margin: float | None = None

    def p(self, draws: Floats) -> float:
        """The two-sided p-value.

        Args:
            draws: the figure, then that of each resample, (1 + resamples,).
        """
        drawn = draws[1:]
        fails, holds = [], []
        if math.isfinite(self.above):
            fails.append(_tail_share(drawn <= self.above))
            holds.append(_tail_share(drawn >= self.above))
        if math.isfinite(self.below):
            fails.append(_tail_share(drawn >= self.below))
            holds.append(_tail_share(drawn <= self.below))
        return min(1.0, 2 * min(max(fails), min(holds)))

    def verdict(self, low: float, high: float) -> str:
        """What an interval says about the claim."""
        if low > self.above and high < self.below:
            both = math.isfinite(self.above) and math.isfinite(self.below)
            return EQUIVALENT if both else HOLDS
        if high < self.above or low > self.below:
            return FAILS
        if self.margin is not None and low > -self.margin and high < self.margin:
            return EQUIVALENT
        return OPEN


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
    """What a test found. ``estimates``: name of what was compared → its figure and that of every
    resample, (1 + resamples,), in ``unit`` (``points`` of accuracy as a share, ``slope`` points a
    doubling, ``auc_slope`` points for each 0.1 of AUC, ``share``, ``ratio``). The claim is about
    the first; the others stand beside it. ``said``: what else there is to say, in a sentence.

    ``unlimited``: the first figure where it may be infinite, for what was never reached; then
    ``estimates`` say the least that it can be, and the claim is judged by these.
    ``premise`` is the id of a finding without which this one says nothing, and ``also`` a second
    figure and what must be true of it besides. ``untestable``: why the
    figure, though measured, decides nothing.
    """

    test: str
    estimates: Mapping[str, Floats]
    unit: str
    claim: Claim
    questions: int
    chart: FindingChart
    said: str = ""
    premise: str = ""
    unlimited: Floats | None = None
    also: tuple[Floats, Claim] | None = None
    untestable: str = ""

    @property
    def draws(self) -> Floats:
        """Those of the figure that the claim is about."""
        return next(iter(self.estimates.values()))

    @property
    def judged_draws(self) -> Floats:
        """The same as the claim is judged by."""
        return self.draws if self.unlimited is None else self.unlimited


@dataclass(frozen=True)
class Interval:
    """A figure and its interval; ``verdict`` is empty where no claim is made about it."""

    estimate: float
    low: float
    high: float
    verdict: str = ""


@dataclass(frozen=True)
class AnswerRow:
    """What was compared, and its figure over each of the ``columns`` of a finding; None where it
    was not measured."""

    name: str
    cells: list[Interval | None]


@dataclass(frozen=True)
class Finding:
    """A row of the page. Figures are None where it could not be measured, and ``said`` tells why.
    It would hold where the interval lies ``above`` and ``below`` these, None for no bound.

    ``columns`` name the sets of questions it is answered for, all of them first; ``rows`` hold the
    figures, what the claim is about first. ``without`` is the family of problems whose absence
    changes the figure most, and the figure without it.
    """

    id: str
    statement: str
    section: str
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
    confidence: float | None = None
    questions: int | None = None
    columns: list[str] = field(default_factory=list)
    rows: list[AnswerRow] = field(default_factory=list)
    without: tuple[str, float] | None = None
    chart: FindingChart | None = None


@dataclass(frozen=True)
class JudgedAnswer:
    """What the family says about one answer. ``level``: the share of sets of questions that the
    interval may miss."""

    interval: Interval
    p: float
    corrected: float
    level: float


def judge_family(measured: Sequence[FindingMeasurement]) -> list[JudgedAnswer]:
    """The figures and verdicts of all answers that are tested together."""
    p_values = [each.claim.p(each.judged_draws) for each in measured]
    corrected = holm_correction(p_values)
    levels = holm_levels(p_values, SIGNIFICANCE_LEVEL)
    found = []
    for each, p, corrected_p, level in zip(measured, p_values, corrected, levels, strict=True):
        interval = interval_at_level(each.draws, level)
        judged_interval = interval_at_level(each.judged_draws, level)
        verdict = each.claim.verdict(judged_interval.low, judged_interval.high)
        if verdict in (HOLDS, FAILS) and p >= level:  # too few draws for so strict a level
            verdict = OPEN
        if verdict == HOLDS and each.also is not None:
            second = interval_at_level(each.also[0], level)
            verdict = each.also[1].verdict(second.low, second.high)
        estimate = float(each.draws[0])
        judged = Interval(estimate, interval.low, interval.high, verdict)
        found.append(JudgedAnswer(judged, p, corrected_p, level))
    return found


def interval_at_level(draws: Floats, level: float) -> Interval:
    """The figure, and the interval of the draws that excludes a value exactly where the p-value of
    that value is below ``level``; with too few draws for that, all of them.

    >>> interval_at_level(np.append(0.0, np.arange(1.0, 100.0)), 0.1)
    Interval(estimate=0.0, low=4.0, high=96.0, verdict='')
    """
    drawn = np.sort(draws[1:])
    # With h draws beyond a value, p = 2 (1 + h) / (1 + n): below the level for h up to this many.
    excluded = math.ceil(level * (1 + len(drawn)) / 2 - 1) - 1
    rank = max(0, excluded)
    return Interval(float(draws[0]), float(drawn[rank]), float(drawn[len(drawn) - 1 - rank]))


def _tail_share(hits: NDArray[np.bool_]) -> float:
    return float((1 + hits.sum()) / (1 + len(hits)))
