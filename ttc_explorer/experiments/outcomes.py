"""Learning from outcomes: where a reference answer is known, what came out updates what the policy believes.

Each candidate of a cell (a bin at a budget) has a Beta posterior of its chance to be right. It starts from
the evidence behind the policy, counted as PRIOR outcomes, so that the learner begins with the policy's choice
and leaves it only for good reasons. Choices are the best posterior mean, or Thompson sampling (Thompson,
Biometrika 25, 1933; Russo et al., arXiv 1707.02038): a draw from each posterior, and the highest wins.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ttc_explorer.experiments.choosing import (
    BINS,
    Cell,
    Floats,
    Ints,
    arms_of,
    choice_of,
    eases,
    fifths,
    halves,
)
from ttc_explorer.experiments.intervals import interval
from ttc_explorer.experiments.policy import Policy
from ttc_explorer.models.protocol import Advice, Choice, Consult
from ttc_explorer.problems.problem import BadInput

PRIOR = 20.0
"""Outcomes that the evidence behind the policy counts for, per candidate."""

VERSION = 1
LARGEST_FILE = 4_000_000
"""Bytes of a file of outcomes that are read."""

Key = tuple[int, int, Choice]


def posterior(prior: Floats, right: Floats, asked: Floats, strength: float = PRIOR) -> tuple[Floats, Floats]:
    """The two parameters of the Beta posteriors of candidates whose prior means are ``prior``.

    A uniform Beta(1, 1), ``strength`` outcomes of that mean, then ``right`` of ``asked`` real ones.
    """
    return 1 + strength * prior + right, 1 + strength * (1 - prior) + asked - right


def chosen(a: Floats, b: Floats, rng: np.random.Generator | None = None) -> int:
    """The candidate with the best posterior mean, or, with ``rng``, by Thompson sampling."""
    return int(np.argmax(a / (a + b) if rng is None else rng.beta(a, b)))


# --- kept on the reader's own machine -------------------------------------------------------------------


class Outcomes:
    """Counts of outcomes by bin, budget and choice, kept in a JSON file.

    ``notice`` is a sentence for the reader where the file could not be used (it is then left alone until the
    next outcome is written over it), else None. Methods may be called from any thread; those that write raise
    BadInput where the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.notice: str | None = None
        self._path = path
        self._lock = Lock()
        self._counts: dict[Key, tuple[int, int]] = {}
        try:
            if path.exists():
                self._counts = _read(path)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            self.notice = f"The outcomes in {path.name} cannot be read: learning starts from nothing."

    def __len__(self) -> int:
        """Outcomes in all."""
        return sum(asked for _, asked in self._counts.values())

    def of(self, bin: int, budget: int, choice: Choice) -> tuple[int, int]:
        """(right, asked)"""
        return self._counts.get((bin, budget, choice), (0, 0))

    def add(self, bin: int, budget: int, choice: Choice, right: bool) -> None:
        """One more outcome."""
        with self._lock:
            before = self.of(bin, budget, choice)
            self._counts[bin, budget, choice] = before[0] + right, before[1] + 1
            self._write()

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._counts = {}
            self.notice = None
            self._write()

    def advise(self, policy: Policy, question: Consult, rng: np.random.Generator | None = None) -> Advice:
        """The policy's advice with the choices as learnt; by Thompson sampling where ``rng`` is given."""
        budget = policy.nearest(question.budget)
        choices = tuple(self._choice(policy.cell(bin, budget), rng) for bin in range(1, BINS + 1))
        return replace(policy.advise(question), choices=choices)

    def _choice(self, cell: Cell, rng: np.random.Generator | None) -> Choice:
        counts = np.array([self.of(cell.bin, cell.budget, each.choice) for each in cell.candidates], float)
        prior = np.array([each.prior for each in cell.candidates])
        return cell.candidates[chosen(*posterior(prior, *counts.T), rng)].choice

    def _write(self) -> None:
        """At once or not at all: a file beside, then a rename."""
        rows = [
            {
                "bin": bin,
                "budget": budget,
                "strategy": choice.strategy,
                "settings": json.dumps(dict(choice.settings), sort_keys=True),
                "right": right,
                "asked": asked,
            }
            for (bin, budget, choice), (right, asked) in self._counts.items()
        ]
        text = json.dumps({"version": VERSION, "outcomes": rows}, indent=1) + "\n"
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(
                "w", encoding="utf-8", dir=self._path.parent, prefix=self._path.name, delete=False
            ) as file:
                file.write(text)
            os.replace(file.name, self._path)
        except OSError as error:
            raise BadInput(f"Outcomes cannot be kept in {self._path}: {error.strerror}.") from None


def _read(path: Path) -> dict[Key, tuple[int, int]]:
    """Raises ValueError, KeyError, TypeError or AttributeError: the file is not trusted."""
    if path.stat().st_size > LARGEST_FILE:
        raise ValueError("too large")
    whole = json.loads(path.read_text(encoding="utf-8"))
    if whole["version"] != VERSION:
        raise ValueError("of another version")
    return dict(_counted(row) for row in whole["outcomes"])


def _counted(row: Mapping[str, Any]) -> tuple[Key, tuple[int, int]]:
    right, asked = int(row["right"]), int(row["asked"])
    if not 0 <= right <= asked <= 10**9:
        raise ValueError("impossible counts")
    choice = choice_of(str(row["strategy"]), row["settings"])
    hash(choice)
    return (int(row["bin"]), int(row["budget"]), choice), (right, asked)


# --- what learning would have been worth ----------------------------------------------------------------

LEARNERS = {"static": None, "mean": PRIOR, "thompson": PRIOR, "cold": 0.0}
"""The policy as it is; learning by posterior mean; by Thompson sampling; and so from no evidence at all."""


def replay(
    evidence: pd.DataFrame, ease: pd.Series, budget: int, orders: int = 100, seed: int = 0
) -> pd.DataFrame:
    """Regret of LEARNERS over time, on recorded outcomes: nothing is simulated.

    In each of ``orders``, bins and halves are drawn; one half is the evidence that the policy rests on, and
    the other comes question by question in random order. A learner sees what the arm it chose is worth on the
    question (``value``, right or wrong, or best-of-N's chance to be right), and nothing of other arms. Regret
    is measured against the arm that proves best in each bin of that half, known only in hindsight.

    Rows: learner, round (1, …), regret (the mean sum so far, in right answers), low and high (the middle 95 %
    of the orders). Raises BadInput.
    """
    questions, arms = arms_of(evidence)
    if budget not in arms:
        raise BadInput(
            f"Nothing was measured at a budget of {budget}: choose from {', '.join(map(str, arms))}."
        )
    value, easy = arms[budget].value, eases(ease, questions)
    lost = np.empty((len(LEARNERS), orders, len(questions) // 2))
    for order, stream in enumerate(np.random.SeedSequence(seed).spawn(orders)):
        rng = np.random.default_rng(stream)
        bins = fifths(easy, np.ones(len(easy)), rng)
        known = halves(bins, np.ones(len(easy)), rng) % 2 == order % 2
        coming = rng.permutation(np.flatnonzero(~known))[: lost.shape[2]]
        prior, best = _means(value, bins, known), _means(value, bins, ~known).argmax(axis=1)
        for i, (learner, strength) in enumerate(LEARNERS.items()):
            taken = _taken(value[:, coming], bins[coming], prior, learner, strength, rng)
            lost[i, order] = value[best[bins[coming] - 1], coming] - value[taken, coming]
    sums = lost.cumsum(axis=2)
    frames = []
    for i, learner in enumerate(LEARNERS):
        low, high = interval(sums[i])
        columns = {"round": np.arange(1, sums.shape[2] + 1), "regret": sums[i].mean(axis=0)}
        frames.append(pd.DataFrame({"learner": learner, **columns, "low": low, "high": high}))
    return pd.concat(frames, ignore_index=True)


def _means(value: Floats, bins: Ints, use: NDArray[np.bool_]) -> Floats:
    """Mean of each arm over the questions in use, (BINS, arms)."""
    member = (bins[:, None] == np.arange(1, BINS + 1)) & use[:, None]
    return (value @ member / np.maximum(1, member.sum(axis=0))).T


def _taken(
    value: Floats, bins: Ints, prior: Floats, learner: str, strength: float | None, rng: np.random.Generator
) -> Ints:
    """The arm that a learner takes for each question as it comes, (questions,)."""
    if strength is None:
        return prior.argmax(axis=1)[bins - 1]
    right, asked = np.zeros_like(prior), np.zeros_like(prior)
    taken = np.empty(len(bins), np.int64)
    for question, b in enumerate(bins - 1):
        belief = posterior(prior[b], right[b], asked[b], strength)
        arm = taken[question] = chosen(*belief, None if learner == "mean" else rng)
        right[b, arm] += value[arm, question]
        asked[b, arm] += 1
    return taken
