"""The compute-optimal policy as a file: for each predicted difficulty and budget, what was measured
to be best (Snell et al., arXiv 2408.03314, section 3.2). ``auto`` asks it; ``cross_fitting.py``
measures it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ttc_explorer.experiments.cross_fitting import Candidate, PolicyCell, cells, easiness_estimates
from ttc_explorer.experiments.difficulty import BINS, bin_of_score, predicted_edges
from ttc_explorer.experiments.evidence import COST_COLUMNS, evidence
from ttc_explorer.experiments.intervals import RESAMPLES
from ttc_explorer.experiments.result_tables import Results
from ttc_explorer.models.catalogue import fingerprints
from ttc_explorer.models.protocol import (
    Generator,
    PolicyDecision,
    PolicyQuery,
    StrategyChoice,
    Verifier,
)
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.driver import PolicyFunction, no_policy
from ttc_explorer.search.settings import Settings, parse_budget
from ttc_explorer.search.strategies.auto import MAX_PROBE
from ttc_explorer.search.strategy import get_strategy

POLICY_VERSION = 1
MAX_FILE_BYTES = 4_000_000
"""Bytes of a policy file that are read."""

REBUILD_HINT = "make it anew with the command policy."


@dataclass(frozen=True)
class Policy:
    """The table and how to find one's place in it.

    ``about`` says what it was measured on (model, verifier, seed, commit, …, the fingerprints of
    the ``questions`` and of the ``weights``). ``edges``: a question is in bin 1 + the number of
    ``edges``, in ascending order, that its mean score is below. ``cells`` holds each bin 1 to BINS
    at each budget once.
    """

    about: Mapping[str, Any]
    edges: tuple[float, ...]
    cells: tuple[PolicyCell, ...]

    @property
    def budgets(self) -> list[int]:
        return sorted({cell.budget for cell in self.cells})

    def cell(self, bin: int, budget: int) -> PolicyCell:
        """The cell of a bin at one of ``budgets``."""
        return next(cell for cell in self.cells if (cell.bin, cell.budget) == (bin, budget))

    def bin(self, mean_score: float) -> int:
        """The predicted difficulty, 1 (easiest) to BINS, of a question whose probe has this mean
        score."""
        return bin_of_score(mean_score, self.edges)

    def nearest_budget(self, budget: int) -> int:
        """The measured budget nearest to ``budget`` in ratio; of two, the smaller."""
        return min(self.budgets, key=lambda other: max(other, budget) / min(other, budget))

    def matches_models(self, generator: Generator, verifier: Verifier | None) -> bool:
        """Whether it is for these models: what is best depends on them (arXiv 2408.03314, section
        3.2)."""
        names = generator.name, verifier.name if verifier else None
        if (self.about.get("model"), self.about.get("verifier")) != names:
            return False
        recorded_weights = self.about.get("weights")
        weights_by_name = recorded_weights if isinstance(recorded_weights, Mapping) else {}
        return all(
            weights_by_name.get(name) == weights for name, weights in fingerprints(names).items()
        )

    def decision_function(self, generator: Generator, verifier: Verifier | None) -> PolicyFunction:
        """``decide`` for the models that it was measured on, ``no_policy`` for others."""
        return self.decide if self.matches_models(generator, verifier) else no_policy

    def overlap_with(self, texts: Iterable[str]) -> int:
        """On how many of these questions it was chosen: on those it cannot be measured. Raises
        BadInput if it does not say on which."""
        if "questions" not in self.about:
            raise BadInput(
                "The policy that auto follows does not say on which questions it was chosen: "
                f"{REBUILD_HINT}"
            )
        return len(set(self.about["questions"]) & set(map(text_fingerprint, texts)))

    @property
    def fingerprint(self) -> str:
        """Hash of the policy's text."""
        return text_fingerprint(dump_policy(self))

    def decide(self, question: PolicyQuery) -> PolicyDecision:
        """The answer to ``auto``: the bin, and the choice in every bin at the nearest measured
        budget."""
        budget = self.nearest_budget(question.budget)
        choices = tuple(self.cell(bin, budget).choice for bin in range(1, BINS + 1))
        return PolicyDecision(self.bin(question.mean_score), choices)


# --- making one -----------------------------------------------------------------------------------


def make_policy(results: Results, resamples: int = RESAMPLES, seed: int = 0) -> Policy:
    """The policy that a folder of results supports. Raises BadInput where it is not enough."""
    if results.probe is None or results.probe["score"].isna().any():
        raise BadInput("A policy needs a probe scored by a verifier: sweep with both.")
    found = evidence(results, measured_budgets(results), seed)
    table = cells(found, easiness_estimates(results.probe)["predicted"], resamples, seed)
    if not table:
        raise BadInput("There is nothing to choose between: sweep more strategies than best-of-N.")
    about = dict(results.about) | {
        "questions": sorted(map(text_fingerprint, results.problems["text"]))
    }
    return Policy(about, predicted_edges(results.probe, MAX_PROBE), table)


def text_fingerprint(text: str) -> str:
    """A text's fingerprint."""
    return hashlib.sha256(text.strip().encode()).hexdigest()[:16]


def measured_budgets(results: Results) -> list[int]:
    """The budgets at which strategies other than best-of-N were run."""
    return (
        []
        if results.runs is None
        else sorted(int(budget) for budget in results.runs["budget"].unique())
    )


def probe_cost(results: Results, seed: int = 0) -> dict[str, float]:
    """What the probe that predicts difficulty costs a question: budget (its samples) and
    COST_COLUMNS."""
    samples = min(MAX_PROBE, int(results.probe.groupby("question").size().min()))
    probe_evidence = evidence(replace(results, pool=results.probe, runs=None), [samples], seed)
    costs = probe_evidence[probe_evidence["selector"] == "majority"][
        ["budget", *COST_COLUMNS]
    ].mean()
    return {name: float(cost) for name, cost in costs.items()}


# --- the file -------------------------------------------------------------------------------------


def dump_policy(policy: Policy) -> str:
    """The policy as JSON text."""
    table = [
        {
            "bin": cell.bin,
            "budget": cell.budget,
            "questions": cell.questions,
            "accuracy": cell.accuracy,
            "low": cell.low,
            "high": cell.high,
            "candidates": [
                {
                    "strategy": candidate.choice.strategy,
                    "settings": dict(candidate.choice.settings),
                    "share": candidate.share,
                    "prior": candidate.prior,
                }
                for candidate in cell.candidates
            ],
        }
        for cell in policy.cells
    ]
    data = {
        "version": POLICY_VERSION,
        "about": dict(policy.about),
        "edges": list(policy.edges),
        "cells": table,
    }
    return json.dumps(data, indent=1) + "\n"


def load_policy(path: Path) -> Policy | None:
    """The policy of a file, None if there is no such file. Raises BadInput: the file is not
    trusted."""
    if not path.exists():
        return None
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise BadInput(f"{path.name} is too large for a policy: {REBUILD_HINT}")
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError):
        raise BadInput(f"{path.name} is not JSON: {REBUILD_HINT}") from None
    try:
        return _parse_policy(data)
    except BadInput as error:
        raise BadInput(
            f"{path.name} is no policy: {str(error).rstrip('.')}; {REBUILD_HINT}"
        ) from None
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise BadInput(f"{path.name} is no policy: {REBUILD_HINT}") from None


def _parse_policy(data: dict[str, Any]) -> Policy:
    if data["version"] != POLICY_VERSION:
        raise BadInput("its version is not known here")
    edges = tuple(_parse_share(edge) for edge in data["edges"])
    if len(edges) != BINS - 1 or sorted(edges) != list(edges):
        raise BadInput(f"it needs {BINS - 1} ascending edges")
    table = tuple(_parse_cell(row) for row in data["cells"])
    places = {(cell.bin, cell.budget) for cell in table}
    if not table or len(places) != len(table) or len(table) != BINS * len({b for _, b in places}):
        raise BadInput("it needs each bin once at each budget")
    return Policy(dict(data["about"]), edges, table)


def _parse_cell(row: dict[str, Any]) -> PolicyCell:
    if row["bin"] not in range(1, BINS + 1):
        raise BadInput(f"bins are numbered 1 to {BINS}")
    candidates = tuple(
        Candidate(
            _parse_choice(each["strategy"], each["settings"]),
            _parse_share(each["share"]),
            _parse_share(each["prior"]),
        )
        for each in row["candidates"]
    )
    if not candidates:
        raise BadInput("every cell needs a choice")
    return PolicyCell(
        int(row["bin"]),
        parse_budget(row["budget"]),
        int(row["questions"]),
        _parse_share(row["accuracy"]),
        _parse_share(row["low"]),
        _parse_share(row["high"]),
        candidates,
    )


def _parse_choice(name: str, settings: dict[str, Any]) -> StrategyChoice:
    """Raises BadInput for what ``auto`` must not be told: to ask again, or to count by another
    selector."""
    if name == "auto":
        raise BadInput("auto cannot choose itself")
    unknown_settings = set(settings) - set(get_strategy(name).settings)
    if unknown_settings:
        raise BadInput(f"{name} has no setting '{min(unknown_settings)[:40]}'")
    checked = Settings().with_values(settings)
    return StrategyChoice(name, tuple((key, getattr(checked, key)) for key in sorted(settings)))


def _parse_share(number: Any) -> float:
    """A number from 0 to 1."""
    if not 0 <= float(number) <= 1:
        raise BadInput("it has a share outside 0 to 1")
    return float(number)
