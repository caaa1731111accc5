"""Learning from outcomes: where a reference answer is known, what came out updates what the policy
believes.

Each candidate of a cell (a bin at a budget) has a Beta posterior of its chance to be right. It
starts from the evidence behind the policy, counted as PRIOR_STRENGTH outcomes, so that the learner
begins with the policy's choice and leaves it only for good reasons. Choices are the best posterior
mean, or Thompson sampling (Thompson, Biometrika 25, 1933; Russo et al., arXiv 1707.02038): a draw
from each posterior, and the highest wins.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from threading import Lock
from typing import Annotated, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, Json, model_validator

from ttc_explorer.atomic_files import disk_errors, replaced_file
from ttc_explorer.checked_json import Record, parse_json
from ttc_explorer.experiments.compute_optimal_policy import Policy
from ttc_explorer.experiments.cross_fitting import (
    PolicyCell,
    arms_by_budget,
    assign_halves,
    easiness_of_questions,
)
from ttc_explorer.experiments.difficulty import BINS, Floats, Ints, quintiles
from ttc_explorer.experiments.intervals import percentile_interval
from ttc_explorer.models.protocol import PolicyDecision, PolicyQuery, StrategyChoice
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.settings import MAX_BUDGET

PRIOR_STRENGTH = 20.0
"""Outcomes that the evidence behind the policy counts for, per candidate."""

MAX_FILE_BYTES = 4_000_000
"""Bytes of a file of outcomes that are read."""

OutcomeKey = tuple[int, int, StrategyChoice]


def beta_posterior(
    prior: Floats, right: Floats, trials: Floats, strength: float = PRIOR_STRENGTH
) -> tuple[Floats, Floats]:
    """The two parameters of the Beta posteriors of candidates whose prior means are ``prior``.

    A uniform Beta(1, 1), ``strength`` outcomes of that mean, then ``right`` of ``trials`` real
    ones.
    """
    return 1 + strength * prior + right, 1 + strength * (1 - prior) + trials - right


def choose_arm(a: Floats, b: Floats, rng: np.random.Generator | None = None) -> int:
    """The candidate with the best posterior mean, or, with ``rng``, by Thompson sampling."""
    return int(np.argmax(a / (a + b) if rng is None else rng.beta(a, b)))


# --- stored on the user's machine -----------------------------------------------------------------


class OutcomeStore:
    """Counts of outcomes by bin, budget and choice, kept in a JSON file.

    Several processes may share the file: each change reads it again, under a lock. A file that
    cannot be read, damaged or of a newer version, is kept under another name before one is written.
    ``notice`` is a sentence for the reader where the file could not be used or written, else None.
    Methods may be called from any thread.

    Args:
        path: the file; without one nothing is kept beyond this object.
    """

    def __init__(self, path: Path | None) -> None:
        self.notice: str | None = None
        self._path = path
        self._lock = Lock()
        self._counts: dict[OutcomeKey, tuple[int, int]] = {}
        self._read()

    def __len__(self) -> int:
        """Outcomes in all."""
        return sum(trials for _, trials in self._counts.values())

    def counts(self, bin: int, budget: int, choice: StrategyChoice) -> tuple[int, int]:
        """(right, asked)"""
        return self._counts.get((bin, budget, choice), (0, 0))

    def add(self, bin: int, budget: int, choice: StrategyChoice, right: bool) -> None:
        """One more outcome. Where it cannot be written, it is known to this object only, and
        ``notice`` says so."""
        with self._lock:
            counted = False
            try:
                with self._exclusive_file():
                    self._count(bin, budget, choice, right)
                    counted = True
                    self._write()
            except BadInput as error:
                self.notice = str(error)
                if not counted:
                    self._count(bin, budget, choice, right)

    def clear(self) -> None:
        """Forget everything.

        Raises:
            BadInput: the file cannot be written.
        """
        with self._lock, self._exclusive_file():
            self._counts = {}
            self.notice = None
            self._write()

    def _count(self, bin: int, budget: int, choice: StrategyChoice, right: bool) -> None:
        before = self.counts(bin, budget, choice)
        self._counts[bin, budget, choice] = before[0] + right, before[1] + 1

    def decide(
        self, policy: Policy, question: PolicyQuery, rng: np.random.Generator | None = None
    ) -> PolicyDecision:
        """The policy's advice with the choices as learnt; by Thompson sampling where ``rng`` is
        given."""
        budget = policy.nearest_budget(question.budget)
        choices = tuple(self._choose(policy.cell(bin, budget), rng) for bin in range(1, BINS + 1))
        return replace(policy.decide(question), choices=choices)

    def _choose(self, cell: PolicyCell, rng: np.random.Generator | None) -> StrategyChoice:
        counts = np.array(
            [self.counts(cell.bin, cell.budget, each.choice) for each in cell.candidates], float
        )
        prior = np.array([each.prior for each in cell.candidates])
        return cell.candidates[choose_arm(*beta_posterior(prior, *counts.T), rng)].choice

    @contextmanager
    def _exclusive_file(self) -> Iterator[None]:
        """The file as it is now, for us alone among all processes. Raises BadInput."""
        if self._path is None:
            yield
            return
        with disk_errors(f"Outcomes cannot be kept in {self._path}"):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            folder = os.open(self._path.parent, os.O_RDONLY)
            try:
                fcntl.flock(folder, fcntl.LOCK_EX)  # given back when the folder is closed
                self._read()
                yield
            finally:
                os.close(folder)

    def _read(self) -> None:
        """Take what the file has; where it cannot be read, keep what is known."""
        self._unreadable = False
        try:
            if self._path is not None and self._path.exists():
                self._counts = _read_counts(self._path)
        except (OSError, ValueError):
            self._unreadable = True
            self.notice = (
                f"The outcomes in {self._path} cannot be read, so learning starts from nothing: "
                "the file is kept beside the new one."
            )

    def _write(self) -> None:
        if self._path is None:
            return
        if self._unreadable:
            self._path.rename(_free_name(self._path))
        rows = [
            {
                "bin": bin,
                "budget": budget,
                "strategy": choice.strategy,
                "settings": json.dumps(dict(choice.settings), sort_keys=True),
                "right": right,
                "asked": trials,
            }
            for (bin, budget, choice), (right, trials) in self._counts.items()
        ]
        text = json.dumps({"version": 1, "outcomes": rows}, indent=1) + "\n"
        with replaced_file(self._path) as new:
            new.write_text(text, encoding="utf-8")


def _free_name(path: Path) -> Path:
    """A name beside ``path`` that no file has."""
    names = (path.with_name(f"{path.stem}.kept-{number}{path.suffix}") for number in count(1))
    return next(name for name in names if not name.exists())


class OutcomeRecord(Record):
    """Outcomes of one choice in one cell, as the file has them. ``settings`` is JSON within
    JSON."""

    bin: Annotated[int, Field(ge=1, le=BINS)]
    budget: Annotated[int, Field(ge=1, le=MAX_BUDGET)]
    strategy: str
    settings: Json[dict[str, bool | str | int | float]]
    right: Annotated[int, Field(ge=0)]
    asked: Annotated[int, Field(ge=0, le=10**9)]

    @model_validator(mode="after")
    def _check_counts(self) -> Self:
        if self.right > self.asked:
            raise ValueError("more outcomes are right than there are")
        return self

    @property
    def key(self) -> OutcomeKey:
        choice = StrategyChoice(self.strategy, tuple(sorted(self.settings.items())))
        return self.bin, self.budget, choice


class OutcomesRecord(Record):
    """The whole file."""

    version: Literal[1]
    outcomes: list[OutcomeRecord]


def _read_counts(path: Path) -> dict[OutcomeKey, tuple[int, int]]:
    """Raises OSError or ValueError: the file is not trusted."""
    if path.stat().st_size > MAX_FILE_BYTES:
        raise ValueError("too large")
    record = OutcomesRecord.model_validate(parse_json(path.read_bytes()))
    return {each.key: (each.right, each.asked) for each in record.outcomes}


# --- regret of learning, replayed ----------------------------------------------------------------

LEARNER_PRIOR_STRENGTHS = {
    "static": None,
    "mean": PRIOR_STRENGTH,
    "thompson": PRIOR_STRENGTH,
    "cold": 0.0,
}
"""The policy as it is; learning by posterior mean; by Thompson sampling; and so from no evidence at
all."""


def replay_regret(
    evidence: pd.DataFrame, easiness: pd.Series, budget: int, orders: int = 100, seed: int = 0
) -> pd.DataFrame:
    """Regret of LEARNER_PRIOR_STRENGTHS over time, on recorded outcomes: nothing is simulated.

    In each of ``orders``, bins and halves are drawn; one half is the evidence that the policy rests
    on, and the other comes question by question in random order. A learner sees what the arm it
    chose is worth on the question (``value``, right or wrong, or best-of-N's chance to be right),
    and nothing of other arms. Regret is measured against the arm that proves best in each bin of
    that half, known only in hindsight.

    Rows: learner, round (1, …), regret (the mean sum so far, in right answers), low and high (the
    middle 95 % of the orders). Raises BadInput.
    """
    questions, arms = arms_by_budget(evidence)
    if budget not in arms:
        raise BadInput(
            f"Nothing was measured at a budget of {budget}: choose from "
            f"{', '.join(map(str, arms))}."
        )
    value, easiness_values = arms[budget].value, easiness_of_questions(easiness, questions)
    regrets = np.empty((len(LEARNER_PRIOR_STRENGTHS), orders, len(questions) // 2))
    for order, stream in enumerate(np.random.SeedSequence(seed).spawn(orders)):
        rng = np.random.default_rng(stream)
        bins = quintiles(easiness_values, np.ones(len(easiness_values)), rng)
        evidence_half = assign_halves(bins, np.ones(len(easiness_values)), rng) % 2 == order % 2
        test_questions = rng.permutation(np.flatnonzero(~evidence_half))[: regrets.shape[2]]
        prior, best = (
            _arm_means(value, bins, evidence_half),
            _arm_means(value, bins, ~evidence_half).argmax(axis=1),
        )
        for i, (learner, strength) in enumerate(LEARNER_PRIOR_STRENGTHS.items()):
            chosen_arms = _choose_arms(
                value[:, test_questions], bins[test_questions], prior, learner, strength, rng
            )
            regrets[i, order] = (
                value[best[bins[test_questions] - 1], test_questions]
                - value[chosen_arms, test_questions]
            )
    sums = regrets.cumsum(axis=2)
    frames = []
    for i, learner in enumerate(LEARNER_PRIOR_STRENGTHS):
        low, high = percentile_interval(sums[i])
        columns = {"round": np.arange(1, sums.shape[2] + 1), "regret": sums[i].mean(axis=0)}
        frames.append(pd.DataFrame({"learner": learner, **columns, "low": low, "high": high}))
    return pd.concat(frames, ignore_index=True)


def _arm_means(value: Floats, bins: Ints, mask: NDArray[np.bool_]) -> Floats:
    """Mean of each arm over the questions in use, (BINS, arms)."""
    member = (bins[:, None] == np.arange(1, BINS + 1)) & mask[:, None]
    means: Floats = (value @ member / np.maximum(1, member.sum(axis=0))).T
    return means


def _choose_arms(
    value: Floats,
    bins: Ints,
    prior: Floats,
    learner: str,
    strength: float | None,
    rng: np.random.Generator,
) -> Ints:
    """The arm that a learner takes for each question as it comes, (questions,)."""
    if strength is None:
        best: Ints = prior.argmax(axis=1)[bins - 1]
        return best
    right, trials = np.zeros_like(prior), np.zeros_like(prior)
    chosen_arms = np.empty(len(bins), np.int64)
    for question, b in enumerate(bins - 1):
        belief = beta_posterior(prior[b], right[b], trials[b], strength)
        arm = chosen_arms[question] = choose_arm(*belief, None if learner == "mean" else rng)
        right[b, arm] += value[arm, question]
        trials[b, arm] += 1
    return chosen_arms
