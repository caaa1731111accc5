"""A folder of results, as ``sweep`` writes it and ``assets/experiments/`` ships it: about.json and tables.

``question`` is everywhere the row number in ``problems.parquet``. Token counts are what the models really
processed, ``flops`` are 2 · parameters · tokens over all models, ``sequential_depth`` counts passes that had
to wait for each other, ``seconds`` are wall time. A table that a sweep did not make is absent, and None here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ttc_explorer.problems.problem import BadInput

ABOUT = "about.json"
VERSION = 1
COSTS = ("generated_tokens", "prefill_tokens", "verifier_tokens", "flops", "sequential_depth", "seconds")

_SAMPLES = ("question", "sample", "answer", "correct", "score", *COSTS)
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "problems": ("question", "text", "answer"),
    "pool": _SAMPLES,
    "probe": _SAMPLES,
    "runs": (
        *("question", "strategy", "settings", "budget", "seed", "majority", "best", "weighted", "solutions"),
        *COSTS,
    ),
    "attempts": ("question", "budget", "chains", "chain", "place", "answer", "correct", "score"),
}
"""The columns that each table must have; it may have more."""

_BOOLEANS = ("correct", "majority", "best", "weighted")
_FACTS = ("version", "command", "seed", "date", "model", "parameters", "verifier_parameters")


@dataclass(frozen=True)
class Results:
    """What one sweep of one model found.

    ``about``: version, command, seed, commit, date, model, parameters, verifier, verifier_parameters,
    reviser, revision_verifier, judges, and the fingerprints of their ``weights``. ``pool``: one row a
    solution sampled by the generator; equal answers to a question are spelled alike, one that cannot be read
    is null, and the prefill_tokens of a question's solutions add up to one reading of its prompt for every
    MAX_BUDGET of them. ``probe``: the same for solutions that only difficulty is read from, never accuracy.
    ``runs``: one row a run of a strategy, and whether what each selector chooses is right. ``attempts``: one
    row an attempt in runs of ``revise``.
    """

    about: Mapping[str, Any]
    problems: pd.DataFrame
    pool: pd.DataFrame | None = None
    probe: pd.DataFrame | None = None
    runs: pd.DataFrame | None = None
    attempts: pd.DataFrame | None = None

    @classmethod
    def load(cls, folder: Path) -> Results:
        """Read a folder. Raises BadInput where it is none or a table is not what its name says."""
        about = _read_about(folder)
        tables = {name: _read_table(folder / f"{name}.parquet") for name in COLUMNS}
        if tables["problems"] is None:
            raise BadInput(f"{folder} has no problems.parquet: let the sweep that writes it begin again.")
        asked = set(tables["problems"]["question"])
        for name, table in tables.items():
            if table is not None and not set(table["question"]) <= asked:
                raise BadInput(f"{name}.parquet in {folder} has questions that problems.parquet has not.")
        return cls(about, **tables)

    @classmethod
    def all(cls, folder: Path) -> dict[str, Results]:
        """Every folder of results in ``folder``, by the name of the model, in the order of the names."""
        found = [cls.load(path.parent) for path in sorted(folder.glob(f"*/{ABOUT}"))]
        return {results.about["model"]: results for results in found}


def _read_about(folder: Path) -> dict[str, Any]:
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    except OSError:
        raise BadInput(f"{folder} is no folder of results: it has no {ABOUT} that can be read.") from None
    except (ValueError, RecursionError):
        about = None
    if not isinstance(about, dict) or not all(fact in about for fact in _FACTS):
        raise BadInput(f"{ABOUT} in {folder} is damaged: run the sweep again.")
    if about["version"] != VERSION:
        raise BadInput(
            f"The results in {folder} are from another version of this program: run the sweep again."
        )
    return about


def _read_table(path: Path) -> pd.DataFrame | None:
    if not path.is_file():
        return None
    try:
        table = pd.read_parquet(path)
    except (OSError, ValueError):  # what pandas and pyarrow raise
        raise BadInput(f"{path} is damaged: delete it, and resume the sweep.") from None
    missing = [column for column in COLUMNS[path.stem] if column not in table]
    if missing:
        raise BadInput(f"{path} has no column {', '.join(missing)}: run the sweep again.")
    wrong = [name for name in _BOOLEANS if name in table and not pd.api.types.is_bool_dtype(table[name])]
    if not pd.api.types.is_integer_dtype(table["question"]):
        wrong.append("question")
    if wrong:
        raise BadInput(
            f"The column {', '.join(wrong)} of {path} has values of another kind: run the sweep again."
        )
    return table
