"""A folder of results, as ``sweep`` writes it and ``assets/experiments/`` ships it: about.json and
tables.

``question`` is everywhere the row number in ``problems.parquet``. Token counts are what the models
really processed, ``generator_flops`` and ``verifier_flops`` are ``models/flops.py``'s,
``generator_depth`` and ``verifier_depth`` count passes that had to wait for each other, ``seconds``
are wall time. A reviser counts as generator, a verifier of revisions as verifier. A table that a
sweep did not make is absent, and None here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.selector import SELECTORS

ABOUT_FILE = "about.json"
RESULTS_VERSION = 1
RAW_COST_COLUMNS = (
    "generated_tokens",
    "prefill_tokens",
    "verifier_tokens",
    "generator_flops",
    "verifier_flops",
    "generator_depth",
    "verifier_depth",
    "seconds",
)

_SAMPLE_COLUMNS = ("question", "sample", "answer", "correct", "score", *RAW_COST_COLUMNS)
TABLE_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "problems": ("question", "text", "answer"),
    "pool": _SAMPLE_COLUMNS,
    "probe": _SAMPLE_COLUMNS,
    "runs": (
        *("question", "strategy", "settings", "budget", "seed", "solutions"),
        *RAW_COST_COLUMNS,
    ),
    "attempts": ("question", "budget", "chains", "chain", "place", "answer", "correct", "score"),
}
"""The columns that each table must have; it may have more. Runs have one column a selector, whether
what it chooses is right, for those selectors that were registered when they were swept."""

_REQUIRED_KEYS = (
    "version",
    "command",
    "seed",
    "date",
    "model",
    "parameters",
    "attention_width",
    "verifier_parameters",
    "verifier_attention_width",
)


@dataclass(frozen=True)
class Results:
    """What one sweep of one model found.

    ``about``: version, command, seed, commit, date, model, parameters, attention_width
    (``models/flops.py``), verifier, verifier_parameters, verifier_attention_width, reviser,
    revision_verifier, judges, and the fingerprints of their ``weights``. ``pool``: one row a
    solution sampled by the generator; equal answers to a question
    are spelled alike, one that cannot be read is null, and the prefill_tokens of a question's
    solutions add up to one reading of its prompt for every MAX_BUDGET of them. ``probe``: the same
    for solutions that only difficulty is read from, never accuracy. ``runs``: one row a run of a
    strategy, and whether what each selector chooses is right. ``attempts``: one row an attempt in
    runs of ``revise``; ``seed`` tells runs of the same apart.
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
        tables = {name: _read_table(folder / f"{name}.parquet") for name in TABLE_COLUMNS}
        if tables["problems"] is None:
            raise BadInput(
                f"{folder} has no problems.parquet: let the sweep that writes it begin again."
            )
        if (attempts := tables["attempts"]) is not None and "seed" not in attempts:
            tables["attempts"] = attempts.assign(seed=0)  # swept when there was one seed
        question_ids = set(tables["problems"]["question"])
        for name, table in tables.items():
            if table is not None and not set(table["question"]) <= question_ids:
                raise BadInput(
                    f"{name}.parquet in {folder} has questions that problems.parquet has not."
                )
        return cls(about, **tables)

    @classmethod
    def all(cls, folder: Path) -> dict[str, Results]:
        """Every folder of results in ``folder``, by the name of the model, in the order of the
        names."""
        found = [cls.load(path.parent) for path in sorted(folder.glob(f"*/{ABOUT_FILE}"))]
        return {results.about["model"]: results for results in found}


def _read_about(folder: Path) -> dict[str, Any]:
    try:
        about = json.loads((folder / ABOUT_FILE).read_text(encoding="utf-8"))
    except OSError:
        raise BadInput(
            f"{folder} is no folder of results: it has no {ABOUT_FILE} that can be read."
        ) from None
    except (ValueError, RecursionError):
        about = None
    if not isinstance(about, dict) or not all(key in about for key in _REQUIRED_KEYS):
        raise BadInput(f"{ABOUT_FILE} in {folder} is damaged: run the sweep again.")
    if about["version"] != RESULTS_VERSION:
        raise BadInput(
            f"The results in {folder} are from another version of this program: run the sweep "
            "again."
        )
    return about


def _read_table(path: Path) -> pd.DataFrame | None:
    if not path.is_file():
        return None
    try:
        table = pd.read_parquet(path)
    except (OSError, ValueError):  # what pandas and pyarrow raise
        raise BadInput(f"{path} is damaged: delete it, and resume the sweep.") from None
    missing = [column for column in TABLE_COLUMNS[path.stem] if column not in table]
    if missing:
        raise BadInput(f"{path} has no column {', '.join(missing)}: run the sweep again.")
    wrong_type = [
        name
        for name in ("correct", *SELECTORS)
        if name in table and not pd.api.types.is_bool_dtype(table[name])
    ]
    if not pd.api.types.is_integer_dtype(table["question"]):
        wrong_type.append("question")
    if wrong_type:
        raise BadInput(
            f"The column {', '.join(wrong_type)} of {path} has values of another kind: run the "
            "sweep again."
        )
    return table
