"""The shipped results as the pages read them: each model's loaded once, when somebody first asks for them."""

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

from ttc_explorer.experiments.difficulty import absolute_bins, mean_scores
from ttc_explorer.experiments.evidence import POOLED, evidence
from ttc_explorer.experiments.points import Grid, grid
from ttc_explorer.experiments.policy import Policy, load_policy
from ttc_explorer.experiments.results import ABOUT, Results
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.settings import MAX_BUDGET

FOLDER = Path(__file__).parents[2] / "assets" / "experiments"
COMMAND = (
    "python -m ttc_explorer sweep --problems families:400 --samples 256 --probe 32 "
    "--out assets/experiments/base-s"
)
BUDGETS = [2**exponent for exponent in range(MAX_BUDGET.bit_length())]
SEED = 0


@dataclass(frozen=True)
class Book:
    """One model's results. Of ``table.questions``, in their order, (Q,) each: ``ease``, how easy they are, by
    ``oracle`` and ``predicted`` difficulty, and ``bins`` by fixed limits; empty and None without a probe.
    ``evidence`` is what ``table`` holds, as ``evidence.py`` gives it."""

    results: Results
    table: Grid
    ease: Mapping[str, NDArray[np.float64]]
    bins: NDArray[np.int64] | None
    evidence: pd.DataFrame

    @property
    def problems(self) -> pd.DataFrame:
        """Family, level and so on of ``table.questions``, in their order."""
        return self.results.problems.set_index("question").loc[self.table.questions]


class Library:
    """The results in ``folder``, a folder a model (``results.py``); none if it is not there."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        found = sorted(folder.glob(f"*/{ABOUT}"), key=lambda path: (_weights(path), path))
        self._folders = {path.parent.name: path.parent for path in found}
        self._books: dict[str, Book] = {}
        self._lock = Lock()

    @property
    def models(self) -> list[str]:
        """Their names, the smallest first."""
        return list(self._folders)

    def arms(self) -> list[tuple[str, str]]:
        """(strategy, settings) of all that was run, whatever the model; read without the rest."""
        found = {POOLED} if self._folders else set()
        for folder in self._folders.values():
            if (folder / "runs.parquet").is_file():
                runs = pd.read_parquet(folder / "runs.parquet", columns=["strategy", "settings"])
                found |= set(runs.drop_duplicates().itertuples(index=False, name=None))
        return sorted(found)

    @cached_property
    def policy(self) -> Policy | None:
        """The shipped policy, if there is one that can be read."""
        try:
            return load_policy(self._folder / "policy.json")
        except BadInput:
            return None

    def book(self, model: str) -> Book:
        """The results of a model. Takes seconds the first time. Raises BadInput if they are damaged."""
        with self._lock:
            if model not in self._books:
                self._books[model] = _read(self._folders[model])
            return self._books[model]


@cache
def shipped() -> Library:
    """The shipped results, one library for all pages."""
    return Library()


def _weights(path: Path) -> int:
    """How large the model is; 0 if the file does not say, which ``book`` will complain of."""
    try:
        return int(json.loads(path.read_text("utf-8"))["parameters"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def _read(folder: Path) -> Book:
    results = Results.load(folder)
    rows = evidence(results, BUDGETS, SEED)
    table = grid(rows)
    probe = results.probe
    if probe is None:
        return Book(results, table, {}, None, rows)
    ease = {"oracle": probe.groupby("question")["correct"].mean()}
    if probe["score"].notna().any():
        ease["predicted"] = mean_scores(probe)
    found = {name: series.reindex(table.questions).to_numpy(float) for name, series in ease.items()}
    bins = absolute_bins(probe).reindex(table.questions).to_numpy()
    return Book(results, table, found, bins, rows)
