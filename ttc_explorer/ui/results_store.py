"""The shipped results as the pages read them: each model's loaded once, when somebody first asks
for them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from threading import Lock

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyarrow.parquet import read_schema

from ttc_explorer.asset_files import EXPERIMENTS_FOLDER
from ttc_explorer.experiments.compute_optimal_policy import Policy, load_policy
from ttc_explorer.experiments.curve_points import EvidenceArrays, evidence_arrays
from ttc_explorer.experiments.difficulty import absolute_bins, mean_scores
from ttc_explorer.experiments.evidence import POOL_ARM, evidence
from ttc_explorer.experiments.pool import missing_column
from ttc_explorer.experiments.result_tables import ABOUT_FILE, Results
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.selector import SELECTORS
from ttc_explorer.search.settings import MAX_BUDGET

SWEEP_COMMAND = (
    "python -m ttc_explorer sweep --problems families:400 --samples 256 --probe 32 "
    "--out assets/experiments/base-s"
)
BUDGETS = [2**exponent for exponent in range(MAX_BUDGET.bit_length())]
ESTIMATION_SEED = 0
FINDINGS_FILE = "findings.json"


@dataclass(frozen=True)
class ModelResults:
    """One model's results. Of ``table.questions``, in their order, (Q,) each: ``easiness``, how
    easy they are, by ``oracle`` and ``predicted`` difficulty, and ``bins`` by fixed limits; empty
    and None without a probe. ``evidence`` is what ``table`` holds, as ``evidence.py`` gives it."""

    results: Results
    table: EvidenceArrays
    easiness: Mapping[str, NDArray[np.float64]]
    bins: NDArray[np.int64] | None
    evidence: pd.DataFrame

    @property
    def problems(self) -> pd.DataFrame:
        """Family, level and so on of ``table.questions``, in their order."""
        return self.results.problems.set_index("question").loc[self.table.questions]


class ResultsStore:
    """The results in ``folder``, a folder a model (``result_tables.py``); none if it is not
    there."""

    def __init__(self, folder: Path = EXPERIMENTS_FOLDER) -> None:
        self._folder = folder
        found = sorted(
            folder.glob(f"*/{ABOUT_FILE}"), key=lambda path: (_parameter_count(path), path)
        )
        self._folders = {path.parent.name: path.parent for path in found}
        self._parameters = {path.parent.name: _parameter_count(path) for path in found}
        self._loaded: dict[str, ModelResults] = {}
        self._lock = Lock()

    @property
    def folder(self) -> Path:
        """Where the results are."""
        return self._folder

    @property
    def models(self) -> list[str]:
        """Their names, the smallest first."""
        return list(self._folders)

    def parameters(self, model: str) -> int:
        """How large the model is, read without the rest; 0 if its file does not say."""
        return self._parameters[model]

    def arms(self) -> list[tuple[str, str]]:
        """(strategy, settings) of all that was run, whatever the model; read without the rest."""
        found = {POOL_ARM} if self._folders else set()
        for folder in self._folders.values():
            if (folder / "runs.parquet").is_file():
                runs = pd.read_parquet(folder / "runs.parquet", columns=["strategy", "settings"])
                found |= set(runs.drop_duplicates().itertuples(index=False, name=None))
        return sorted(found)

    def selectors(self) -> list[str]:
        """The selectors that any model's tables have something for; read without the rest."""
        found: set[str] = set()
        for folder in self._folders.values():
            for name in ("pool", "runs"):
                if (folder / f"{name}.parquet").is_file():
                    columns = set(read_schema(folder / f"{name}.parquet").names)
                    found |= columns & set(SELECTORS) if name == "runs" else _estimable(columns)
        return [name for name in SELECTORS if name in found]

    @cached_property
    def policy(self) -> Policy | None:
        """The shipped policy, if there is one that can be read."""
        try:
            return load_policy(self._folder / "policy.json")
        except BadInput:
            return None

    def model_results(self, model: str) -> ModelResults:
        """The results of a model. Takes seconds the first time. Raises BadInput if they are
        damaged."""
        with self._lock:
            if model not in self._loaded:
                self._loaded[model] = _load_model_results(self._folders[model])
            return self._loaded[model]


@cache
def shipped_results() -> ResultsStore:
    """The shipped results, one store for all pages."""
    return ResultsStore()


def _estimable(columns: set[str]) -> set[str]:
    """The selectors that a pool with these columns can be estimated by."""
    head = pd.DataFrame({name: [0.0] for name in columns})
    return {name for name in SELECTORS if missing_column(head, name) is None}


def _parameter_count(path: Path) -> int:
    """How large the model is; 0 if the file does not say, which ``model_results`` will complain
    of."""
    try:
        return int(json.loads(path.read_text("utf-8"))["parameters"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def _load_model_results(folder: Path) -> ModelResults:
    results = Results.load(folder)
    rows = evidence(results, BUDGETS, ESTIMATION_SEED)
    table = evidence_arrays(rows)
    probe = results.probe
    if probe is None:
        return ModelResults(results, table, {}, None, rows)
    easiness = {"oracle": probe.groupby("question")["correct"].mean()}
    if probe["score"].notna().any():
        easiness["predicted"] = mean_scores(probe)
    found = {
        name: series.reindex(table.questions).to_numpy(float) for name, series in easiness.items()
    }
    bins = absolute_bins(probe).reindex(table.questions).to_numpy()
    return ModelResults(results, table, found, bins, rows)
