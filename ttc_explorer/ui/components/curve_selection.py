"""What Curves draws: which arms, on which questions, split how, and the points of that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ttc_explorer.experiments.curve_points import curve_points
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.ui.components.strategy_chips import pressed_keys
from ttc_explorer.ui.results_store import ModelResults, ResultsStore
from ttc_explorer.ui.strategy_variants import StrategyVariant

MAX_CURVES = 8
"""Arms in one figure."""
DIFFICULTY_SPLITS = {
    "all": "All",
    "oracle": "Oracle",
    "predicted": "Predicted",
    "absolute": "Absolute",
}
QUINTILE_LABELS = {1: "1 easiest", 2: "2", 3: "3", 4: "4", 5: "5 hardest"}
ABSOLUTE_BIN_LABELS = {1: "over 75 %", 2: "50 to 75 %", 3: "25 to 50 %", 4: "up to 25 %", 5: "0 %"}
REFERENCE = ("greedy", "{}", "majority")
"""The arm of the largest model that stands beside the curves of a smaller one: its one answer,
which nothing is chosen from."""


@dataclass(frozen=True)
class CurvesSelection:
    """What is looked at: arms and their selector, on which questions, split how. ``family`` and
    ``level`` are empty for all."""

    model: str
    arms: tuple[StrategyVariant, ...]
    selector: str
    family: str
    level: int
    split: str


def parse_selection(
    results_store: ResultsStore,
    variants: Mapping[str, StrategyVariant],
    model: object,
    pressed: str,
    selector: str,
    family: str,
    level: int,
    split: str,
) -> CurvesSelection:
    """What the controls of the page say.

    Args:
        results_store: the results to draw from.
        variants: all arms, by key.
        model: name of a model.
        pressed: the chips that are pressed, as the page has them.
        selector: name of a selector.
        family: of problems, empty for all.
        level: of problems, 0 for all.
        split: by which difficulty.

    Returns:
        What is looked at.

    Raises:
        BadInput: there is no such model, or too few or too many arms.
    """
    if model not in results_store.models:
        raise BadInput("There are no results of this model: choose another.")
    missing = unavailable_variants(variants, results_store.model_results(str(model)), selector)
    wanted = pressed_keys(pressed)
    arms = tuple(arm for key, arm in variants.items() if key in wanted and key not in missing)
    if not 1 <= len(arms) <= MAX_CURVES:
        raise BadInput(f"Choose from 1 to {MAX_CURVES} strategies to draw.")
    return CurvesSelection(str(model), arms, selector, family, level, split)


def unavailable_variants(
    variants: Mapping[str, StrategyVariant], model_results: ModelResults, selector: str
) -> dict[str, str]:
    """The arms that were not run with this model, or not counted by this selector, and a sentence
    that says so."""
    there = set(model_results.table.arms)
    run = {key[:2] for key in there}
    return {
        key: "Not counted by this selector in the sweep of this model."
        if arm.evidence_key(selector)[:2] in run
        else "Not in the sweep of this model."
        for key, arm in variants.items()
        if arm.evidence_key(selector) not in there
    }


def estimate_points(results_store: ResultsStore, selection: CurvesSelection) -> pd.DataFrame:
    """The points of a view, with the names of arms, colour styles and panels.

    Over all questions, the greedy answer of the largest model stands beside them: a point, at its
    own FLOPs.

    Args:
        results_store: the results to draw from.
        selection: what is looked at.

    Returns:
        Rows of ``curve_points``, with arm, tone and panel.

    Raises:
        BadInput: no question is of that kind, or the difficulty is not known.
    """
    model_results = results_store.model_results(selection.model)
    within = _selected_questions(model_results, selection)
    how: dict[str, Any] = {}
    if selection.split == "absolute" and model_results.bins is not None:
        how["bins"] = model_results.bins
    elif selection.split in model_results.easiness:
        how["easiness"] = model_results.easiness[selection.split]
        within &= np.isfinite(how["easiness"])
    elif selection.split != "all":
        raise BadInput(
            "These results have no probe to read this difficulty from: choose another split."
        )
    if not within.any():
        raise BadInput("No question of the sweep is of this kind and level: choose others.")
    counted = {arm.evidence_key(selection.selector): arm for arm in selection.arms}
    found = curve_points(model_results.table, list(counted), within, **how)
    keys = found[["strategy", "settings", "selector"]].itertuples(index=False, name=None)
    arms = [counted[key] for key in keys]
    names = ABSOLUTE_BIN_LABELS if selection.split == "absolute" else QUINTILE_LABELS
    points = found.assign(
        arm=[arm.name for arm in arms],
        tone=[arm.strategy for arm in arms],
        panel=[names.get(number, "") for number in found["bin"]],
        model=selection.model,
    )
    largest = results_store.models[-1]
    if selection.split == "all" and largest != selection.model:
        points = pd.concat([points, _reference_points(results_store, largest, selection)])
    return points.reset_index(drop=True)


def _reference_points(
    results_store: ResultsStore, model: str, selection: CurvesSelection
) -> pd.DataFrame:
    """The greedy answer of ``model`` on its questions of that kind; no rows where it has none."""
    model_results = results_store.model_results(model)
    within = _selected_questions(model_results, selection)
    if REFERENCE not in set(model_results.table.arms) or not within.any():
        return pd.DataFrame()
    found = curve_points(model_results.table, [REFERENCE], within)
    return found.assign(arm=f"{model}, greedy", tone="series-vermilion", panel="", model=model)


def _selected_questions(model_results: ModelResults, selection: CurvesSelection) -> Any:
    """Which questions are of the family and level, (questions,) of bool."""
    within = np.ones(len(model_results.table.questions), bool)
    for column, wanted in (("family", selection.family), ("level", selection.level)):
        if wanted:
            within &= (model_results.problems[column] == wanted).to_numpy()
    return within
