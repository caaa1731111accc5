"""The compute-optimal policy as a file: for each predicted difficulty and budget, what was measured
to be best (Snell et al., arXiv 2408.03314, section 3.2). ``auto`` asks it; ``cross_fitting.py``
measures it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from ttc_explorer.checked_json import Record, describe_error, parse_json
from ttc_explorer.experiments.cross_fitting import (
    SELECTOR,
    Candidate,
    PolicyCell,
    cells,
    easiness_estimates,
)
from ttc_explorer.experiments.difficulty import BINS, bin_of_score, predicted_edges
from ttc_explorer.experiments.evidence import COST_COLUMNS, evidence
from ttc_explorer.experiments.intervals import RESAMPLES
from ttc_explorer.experiments.result_tables import Results
from ttc_explorer.models.protocol import (
    Generator,
    PolicyDecision,
    PolicyQuery,
    StrategyChoice,
    Verifier,
)
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.driver import no_policy
from ttc_explorer.search.executor import PolicyFunction
from ttc_explorer.search.settings import MAX_BUDGET, Settings
from ttc_explorer.search.strategies.auto import MAX_PROBE
from ttc_explorer.search.strategy import get_strategy

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
        from ttc_explorer.models.catalogue import fingerprints  # imports torch: not for a page

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
    COST_COLUMNS. Raises BadInput if there is no probe."""
    if results.probe is None:
        raise BadInput("These results have no probe: sweep with one.")
    samples = min(MAX_PROBE, int(results.probe.groupby("question").size().min()))
    probe_evidence = evidence(replace(results, pool=results.probe, runs=None), [samples], seed)
    # Predicted difficulty is a mean of scores: the probe pays for its verifier.
    costs = probe_evidence[probe_evidence["selector"] == SELECTOR][["budget", *COST_COLUMNS]].mean()
    return {name: float(cost) for name, cost in costs.items()}


# --- the file -------------------------------------------------------------------------------------

Share = Annotated[float, Field(ge=0, le=1)]


class CandidateRecord(Record):
    """A candidate as a file has it."""

    strategy: str
    settings: dict[str, bool | str | int | float]
    share: Share
    prior: Share

    @model_validator(mode="after")
    def _check_choice(self) -> Self:
        """``auto`` must not be told to ask again, or to count by another selector."""
        if self.strategy == "auto":
            raise ValueError("auto cannot choose itself")
        unknown_settings = self.settings.keys() - set(get_strategy(self.strategy).settings)
        if unknown_settings:
            raise ValueError(f"{self.strategy} has no setting '{min(unknown_settings)[:40]}'")
        Settings().with_values(self.settings)
        return self

    def candidate(self) -> Candidate:
        """The candidate itself."""
        choice = StrategyChoice(self.strategy, tuple(sorted(self.settings.items())))
        return Candidate(choice, self.share, self.prior)


class CellRecord(Record):
    """A cell as a file has it."""

    bin: Annotated[int, Field(ge=1, le=BINS)]
    budget: Annotated[int, Field(ge=1, le=MAX_BUDGET)]
    questions: Annotated[int, Field(ge=0)]
    accuracy: Share
    low: Share
    high: Share
    candidates: Annotated[list[CandidateRecord], Field(min_length=1)]


class PolicyRecord(Record):
    """The whole file."""

    version: Literal[1] = 1
    about: dict[str, Any]
    edges: Annotated[list[Share], Field(min_length=BINS - 1, max_length=BINS - 1)]
    cells: Annotated[list[CellRecord], Field(min_length=1)]

    @model_validator(mode="after")
    def _check_table(self) -> Self:
        if sorted(self.edges) != self.edges:
            raise ValueError("its edges do not ascend")
        places = {(cell.bin, cell.budget) for cell in self.cells}
        budgets = {budget for _, budget in places}
        if not len(places) == len(self.cells) == BINS * len(budgets):
            raise ValueError("it needs each bin once at each budget")
        return self


def dump_policy(policy: Policy) -> str:
    """The policy as JSON text."""
    table = [
        asdict(cell)
        | {
            "candidates": [
                {
                    "strategy": candidate.choice.strategy,
                    "settings": dict(candidate.choice.settings),
                    "share": candidate.share,
                    "prior": candidate.prior,
                }
                for candidate in cell.candidates
            ]
        }
        for cell in policy.cells
    ]
    data = {"about": dict(policy.about), "edges": list(policy.edges), "cells": table}
    record = PolicyRecord.model_validate(data)
    return json.dumps(record.model_dump(), indent=1) + "\n"


def load_policy(path: Path) -> Policy | None:
    """The policy of a file, None if there is no such file. Raises BadInput: the file is not
    trusted."""
    if not path.exists():
        return None
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise BadInput(f"{path.name} is too large for a policy: {REBUILD_HINT}")
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.") from None
    try:
        record = PolicyRecord.model_validate(parse_json(data))
    except ValueError as error:
        what = describe_error(error, "the file")
        raise BadInput(f"{path.name} is no policy: {what}; {REBUILD_HINT}") from None
    cells = tuple(
        PolicyCell(
            cell.bin,
            cell.budget,
            cell.questions,
            cell.accuracy,
            cell.low,
            cell.high,
            tuple(each.candidate() for each in cell.candidates),
        )
        for cell in record.cells
    )
    return Policy(record.about, tuple(record.edges), cells)
