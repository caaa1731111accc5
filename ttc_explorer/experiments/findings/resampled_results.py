"""A model's results made ready for tests: arms by name, means over questions in every resample at
once."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ttc_explorer.experiments.cross_fitting import (
    CROSS_FIT_REPEATS,
    PolicyCurves,
    easiness_estimates,
)
from ttc_explorer.experiments.curve_points import evidence_arrays
from ttc_explorer.experiments.difficulty import quintiles
from ttc_explorer.experiments.early_judgement import (
    JUDGES_EARLY,
    EarlyJudgement,
    early_judgement,
)
from ttc_explorer.experiments.estimators import success_at_k
from ttc_explorer.experiments.evidence import POOL_ARM, evidence
from ttc_explorer.experiments.findings.verdict import FINDING_RESAMPLES, InsufficientData
from ttc_explorer.experiments.intervals import percentile_interval
from ttc_explorer.experiments.model_size_exchange import bracket_budget
from ttc_explorer.experiments.pool import question_blocks
from ttc_explorer.experiments.result_tables import Results
from ttc_explorer.experiments.training_logs import training_tokens
from ttc_explorer.search.settings import MAX_BUDGET, Settings, recorded_settings
from ttc_explorer.search.step_rule import OWN

Floats = NDArray[np.float64]
ArmKey = tuple[str, str]
"""A strategy and its settings (JSON text)."""

BEST_OF_N: ArmKey = POOL_ARM
FINDING_SELECTOR = "weighted"
EASY_BINS, MIDDLE_BINS, HARDEST_BINS = (1, 2), (3, 4), (5,)
"""Bins of difficulty."""
EQUAL_TRAINING = 1.1
"""Verifiers that read up to so many times the tokens of each other count as trained alike."""
ALL_QUESTIONS = "All questions"
JUDGED_EARLY = "Verifier judges the deciding step"
JUDGED_LATE = "It cannot"
"""The sets of questions that a claim about search is answered for."""


class ResampledResults:
    """One model's results. All arrays by question follow ``questions`` (Q,); ``weights`` (1 +
    resamples, Q) says how often each was drawn: once each in the first row, then the resamples that
    all findings share.

    Whatever is asked for and was not measured raises ``InsufficientData``.
    """

    def __init__(
        self,
        results: Results,
        resamples: int = FINDING_RESAMPLES,
        seed: int = 0,
        repeats: int = CROSS_FIT_REPEATS,
        whole: ResampledResults | None = None,
    ) -> None:
        """
        Args:
            results: of one model.
            resamples: of the questions.
            seed: of all that is drawn.
            repeats: ways of halving that a cross-fitted figure is the mean of.
            whole: the same with more questions, of which this is a part: what each question
                says is known there.
        """
        self.results, self.resamples, self.seed = results, resamples, seed
        self.repeats, self._whole = repeats, whole
        self.policy_curves: dict[str, PolicyCurves] = {}
        self._pool_accuracy: dict[tuple[str, str], dict[int, pd.Series]] = {}
        self.questions = np.sort(results.problems["question"].to_numpy())
        count = len(self.questions)
        drawn = np.random.default_rng(seed).multinomial(
            count, np.full(count, 1 / count), size=resamples
        )
        self.weights = np.concatenate([np.ones((1, count)), drawn])

    # --- what there is ----------------------------------------------------------------------------

    @property
    def command(self) -> str:
        return f"{self.results.about['command']} && python -m ttc_explorer findings DIR"

    def table(self, name: str) -> pd.DataFrame:
        """A table of the folder.

        Args:
            name: a field of Results: pool, runs, probe or attempts.

        Returns:
            The table, with at least one row.

        Raises:
            InsufficientData: the sweep has no such table.
        """
        table: pd.DataFrame | None = getattr(self.results, name)
        if table is None or table.empty:
            raise InsufficientData(
                f"The results of {self.results.about['model']} have no {TABLE_DESCRIPTIONS[name]}."
            )
        return table

    def restricted(
        self, questions: Collection[int], resamples: int, repeats: int
    ) -> ResampledResults:
        """The results on some of the questions alone, with resamples and halvings of their own."""

        def part(table: pd.DataFrame | None) -> pd.DataFrame | None:
            return None if table is None else table[table["question"].isin(questions)]

        results = replace(
            self.results,
            problems=self.results.problems[self.results.problems["question"].isin(questions)],
            pool=part(self.results.pool),
            probe=part(self.results.probe),
            runs=part(self.results.runs),
            attempts=part(self.results.attempts),
        )
        return ResampledResults(results, resamples, self.seed, repeats, self)

    @cached_property
    def early(self) -> EarlyJudgement | None:
        """How well the verifier judges the deciding step, by family; None where nobody knows."""
        if self._whole is not None:
            return self._whole.early
        probe = self.results.probe
        return None if probe is None or probe.empty else early_judgement(probe)

    @cached_property
    def families(self) -> pd.Series:
        """Question → family of its problem; empty where problems have none."""
        problems = self.results.problems
        if "family" not in problems:
            return pd.Series(dtype=object)
        return problems.set_index("question")["family"].dropna()

    @cached_property
    def kinds(self) -> dict[str, list[int]]:
        """The questions of families in which the verifier judges the deciding step, and of those in
        which it does not; empty unless there are both."""
        if self.early is None:
            return {}
        aucs = self.families.map(self.early.families["auc"]).dropna()
        kinds = {
            JUDGED_EARLY: aucs.index[aucs >= JUDGES_EARLY].tolist(),
            JUDGED_LATE: aucs.index[aucs < JUDGES_EARLY].tolist(),
        }
        return kinds if all(kinds.values()) else {}

    def unequal_training(self, one: str, other: str) -> str:
        """Why two verifiers cannot be held against each other: they did not learn from as many
        tokens, or nobody knows; empty where they did."""
        tokens = {name: training_tokens(name) for name in (one, other)}
        if None in tokens.values():
            return f"It is not known whether {one} and {other} were trained alike."
        read = {name: count for name, count in tokens.items() if count is not None}
        if max(read.values()) <= EQUAL_TRAINING * min(read.values()):
            return ""
        words = " and ".join(f"{name} {count / 1e6:.1f} M" for name, count in read.items())
        return f"They were not trained alike: tokens read {words}. It takes equally trained rivals."

    @cached_property
    def evidence(self) -> pd.DataFrame:
        """All arms at the budgets of the runs, and best-of-N at all powers of two."""
        if self._whole is not None:
            rows = self._whole.evidence
            return rows[rows["question"].isin(self.questions)]
        runs = self.results.runs
        budgets = {2**power for power in range(MAX_BUDGET.bit_length())}
        budgets |= set() if runs is None else set(runs["budget"].tolist())
        return evidence(self.results, sorted(budgets), self.seed)

    def pool_accuracy(self, score: str, selector: str = FINDING_SELECTOR) -> dict[int, Floats]:
        """What choosing from the pool by a column of scores is worth, by k: 1, 4, 16 … up to a
        quarter of the samples, as votes over more are hardly of independent subsets. (Q,) each."""
        found = (self._whole or self)._estimate_pool_accuracy(score, selector)
        return {k: value.reindex(self.questions).to_numpy(float) for k, value in found.items()}

    def _estimate_pool_accuracy(self, score: str, selector: str) -> dict[int, pd.Series]:
        if (score, selector) not in self._pool_accuracy:
            blocks = list(question_blocks(self.table("pool")))
            ks = [4**power for power in range(5) if 4 * 4**power <= blocks[-1].samples]
            parts: dict[int, list[pd.Series]] = {k: [] for k in ks}
            for block in blocks:
                valid_ks = [k for k in ks if k <= block.samples]
                values = success_at_k(
                    selector,
                    block.labels,
                    block.correct,
                    block.features(score),
                    valid_ks,
                    self.seed,
                )
                for k, column in zip(valid_ks, values.T, strict=True):
                    parts[k].append(pd.Series(column, block.questions))
            self._pool_accuracy[score, selector] = {k: pd.concat(parts[k]) for k in ks}
        return self._pool_accuracy[score, selector]

    @cached_property
    def _values(self) -> dict[tuple[str, str, str, int], Floats]:
        table = evidence_arrays(self.evidence)
        at = np.searchsorted(self.questions, table.questions)
        values = np.full((len(self.questions), len(table.columns)), np.nan)
        values[at] = table.value
        keys = table.columns[["strategy", "settings", "selector", "budget"]].itertuples(
            index=False, name=None
        )
        return dict(zip(keys, values.T, strict=True))

    def measured_arms(self, budget: int) -> list[ArmKey]:
        """All arms that were measured at a budget, best-of-N first."""
        found = {key[:2] for key in self._values if key[2:] == (FINDING_SELECTOR, budget)}
        return sorted(found, key=lambda arm: (arm != BEST_OF_N, arm))

    def arm(self, strategy: str, **required_settings: int | str) -> ArmKey:
        """The arm of that strategy with these settings, others but the temperature at their
        defaults, and steps as the model itself takes them; with equal steps merged, if that was
        run.

        Args:
            strategy: its name.
            required_settings: values of Settings by name.

        Returns:
            The strategy, and its settings as the sweep wrote them.

        Raises:
            InsufficientData: the sweep did not run it.
        """
        self.table("runs")
        for merge in (True, False):
            for name, settings, *_ in self._values:
                if name == strategy:
                    found = recorded_settings(json.loads(settings))
                    wanted = Settings(merge=merge, step=OWN).with_values(required_settings)
                    if found == replace(wanted, temperature=found.temperature):
                        return name, settings
        set_to = "".join(f" with {key} {value}" for key, value in required_settings.items())
        raise InsufficientData(f"The sweep did not run {strategy.replace('_', ' ')}{set_to}.")

    def budgets(
        self, *arms: ArmKey, at_least: int = 1, selector: str = FINDING_SELECTOR
    ) -> list[int]:
        """The budgets at which all of the arms were measured.

        Args:
            arms: strategies with their settings.
            at_least: smaller budgets are left out, in samples.
            selector: what chooses the answers.

        Returns:
            The budgets in samples, ascending; at least one.

        Raises:
            InsufficientData: there is none.
        """
        budgets_by_arm = [
            {key[3] for key in self._values if key[:3] == (*arm, selector)} for arm in arms
        ]
        found = sorted(budget for budget in set.intersection(*budgets_by_arm) if budget >= at_least)
        if not found:
            raise InsufficientData(
                f"No budget from {at_least} up was measured for all that is compared here."
            )
        return found

    def value(self, arm: ArmKey, budget: int, selector: str = FINDING_SELECTOR) -> Floats:
        """The chance that the answer is right, by question."""
        return self._values[(*arm, selector, budget)]

    def interpolated_value(self, arm: ArmKey, budget: float) -> Floats:
        """The same at a budget between two measured ones, on a straight line in its logarithm.

        Args:
            arm: a strategy with its settings.
            budget: in samples.

        Returns:
            (Q,): the chance of each question that the answer is right; nan where the
            arm was not run.

        Raises:
            InsufficientData: nothing was measured on both sides of the budget.
        """
        bracketing_budgets = bracket_budget(self.budgets(arm), budget)
        if bracketing_budgets is None:
            raise InsufficientData(f"Nothing was measured around N = {budget:.0f}.")
        low, high, fraction = bracketing_budgets
        return (1 - fraction) * self.value(arm, low) + fraction * self.value(arm, high)

    def mean_flops(self, arm: ArmKey, budget: int) -> float:
        """What a question costs by weighted votes, in FLOPs."""
        rows = self.evidence
        is_arm = (rows["strategy"] == arm[0]) & (rows["settings"] == arm[1])
        is_arm &= (rows["selector"] == FINDING_SELECTOR) & (rows["budget"] == budget)
        return float(rows.loc[is_arm, "flops"].mean())

    def value_at_flops(
        self, arm: ArmKey, flops: float, selector: str = FINDING_SELECTOR
    ) -> Floats | None:
        """What an arm is worth where it costs so many FLOPs a question, on a straight line in their
        logarithm, (Q,); None beyond what was measured."""
        budgets = self.budgets(arm, selector=selector)
        costs = [self.mean_flops(arm, budget) for budget in budgets]
        if not costs[0] <= flops <= costs[-1]:
            return None
        after = next(place for place, cost in enumerate(costs) if cost >= flops)
        before = max(0, after - 1)
        span = np.log(costs[after] / costs[before]) or 1.0
        part = np.log(flops / costs[before]) / span
        low, high = (self.value(arm, budgets[place], selector) for place in (before, after))
        found: Floats = (1 - part) * low + part * high
        return found

    def gap(
        self, arm: ArmKey, other: ArmKey, budget: int, selector: str = FINDING_SELECTOR
    ) -> Floats:
        """By how much an arm is the better, by question."""
        return self.value(arm, budget, selector) - self.value(other, budget, selector)

    # --- means over questions ---------------------------------------------------------------------

    @cached_property
    def bins(self) -> NDArray[np.int64]:
        """Oracle bins, made anew in each resample, (1 + resamples, Q); 0 for a question without a
        probe."""
        easiness = (
            easiness_estimates(self.table("probe"))["oracle"]
            .reindex(self.questions)
            .to_numpy(float)
        )
        is_measured = np.isfinite(easiness)
        rng = np.random.default_rng(self.seed)
        bins = np.zeros(self.weights.shape, np.int64)
        bins[:, is_measured] = [
            quintiles(easiness[is_measured], weight[is_measured], rng) for weight in self.weights
        ]
        return bins

    def mean(self, values: Floats, bins: Sequence[int] = ()) -> Floats:
        """The mean over questions, or over those of some bins, in every resample: (Q,) -> (1 +
        resamples,).

        A question that is nan says nothing.

        Args:
            values: (Q,), nan for a question that says nothing.
            bins: numbers of oracle bins, 1 to 5; empty for all questions.

        Returns:
            (1 + resamples,), the measured mean first.

        Raises:
            InsufficientData: every question is nan.
        """
        is_measured = np.isfinite(values)
        weights = self.weights * np.isin(self.bins, bins) if bins else self.weights
        size = weights @ is_measured.astype(float)
        if size[0] == 0:
            raise InsufficientData("No question was measured in all that is compared here.")
        means = weights @ np.where(is_measured, values, 0.0)
        means = np.divide(means, size, out=np.full(len(size), np.nan), where=size > 0)
        drawn: Floats = np.where(np.isfinite(means), means, means[0])
        return drawn

    def resample_statistic(self, statistic: Callable[[Floats], Any]) -> Floats:
        """Any figure of the weights of the questions (Q,), in every resample."""
        return np.array([statistic(weight) for weight in self.weights], float)

    # --- rows of a chart --------------------------------------------------------------------------

    def curve_rows(
        self,
        arm: ArmKey,
        name: str,
        tone: str,
        selector: str = FINDING_SELECTOR,
        bins: Sequence[int] = (),
        panel: str = "",
    ) -> list[dict[str, Any]]:
        """Accuracy of an arm at its budgets, as rows of a chart."""
        return [
            chart_row(name, tone, budget, self.mean(self.value(arm, budget, selector), bins), panel)
            for budget in self.budgets(arm, selector=selector)
        ]


def chart_row(name: str, tone: str, x: float, draws: Floats, panel: str = "") -> dict[str, Any]:
    """A point of a chart from its value and draws."""
    low, high = percentile_interval(draws[1:])
    figures = {"x": x, "y": draws[0], "low": low, "high": high}
    return {"panel": panel, "line": name, "tone": tone} | {
        key: float(figure) for key, figure in figures.items()
    }


def log2_slope(budgets: Sequence[int], draws: Sequence[Floats]) -> Floats:
    """The least-squares slope of a figure in log2 of the budget, in every resample: what doubling
    brings.

    Args:
        budgets: in samples, at least two.
        draws: of each budget, the figure in every resample, (1 + resamples,).

    Returns:
        (1 + resamples,): the change of the figure by a doubling of the budget.

    Raises:
        InsufficientData: there is one budget only.
    """
    if len(budgets) < 2:
        raise InsufficientData("One budget alone has no slope: sweep more of them.")
    x = np.log2(budgets)
    x -= x.mean()
    slopes: Floats = np.tensordot(x, np.stack(draws), axes=1) / (x @ x)
    return slopes


def arm_label(arm: ArmKey) -> str:
    """An arm in words.

    >>> arm_label(("best_of_n", "{}")), arm_label(("revise", '{"chains": 1}'))
    ('best-of-n', 'revise, chains 1')
    """
    words = [f"{name} {value}" for name, value in json.loads(arm[1]).items()]
    return ", ".join([arm[0].replace("_", "-"), *words])


def join_numbers(numbers: Iterable[int]) -> str:
    """
    >>> join_numbers([4, 16, 64])
    '4, 16 and 64'
    """
    *others, last = map(str, numbers)
    return f"{', '.join(others)} and {last}" if others else last


def format_points(share: float) -> str:
    """A difference of shares in words.

    >>> format_points(-0.0123), format_points(0.04)
    ('-1.2 points', '+4.0 points')
    """
    return f"{100 * share:+z.1f} points"


def complete_question_count(*values: Floats) -> int:
    """Questions for which all of the values, by question, are there."""
    return int(np.isfinite(values).all(axis=0).sum())


TABLE_DESCRIPTIONS = {
    "pool": "pool of sampled solutions",
    "probe": "probe to tell difficulty by",
    "runs": "runs of strategies",
    "attempts": "attempts of a reviser",
}
