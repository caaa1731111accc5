"""Real language models beside ours: a table of figures with their sources, and their curves."""

from __future__ import annotations

from dataclasses import asdict

import pandas as pd
from markupsafe import Markup

from ttc_explorer.experiments.real_models import RealModel
from ttc_explorer.ui.components.pool_estimation import UploadedPool, curve_table, estimator_title
from ttc_explorer.ui.html_templates import render


def real_models_table(models: list[RealModel]) -> Markup:
    """Every model with what each selector reaches at the most samples, its interval, its source and
    licence; nothing without models."""
    if not models:
        return Markup("")
    rows = [
        {
            "model": model,
            "figures": [
                (selector_title(point.selector), point)
                for point in map(model.at_most, model.selectors)
                if point is not None
            ],
        }
        for model in models
    ]
    return render("real_models.html", rows=rows)


def selector_title(name: str) -> str:
    """What people read for a selector of such a table."""
    return "One solution" if name == "single" else estimator_title(name)


def sampled_models(models: list[RealModel]) -> list[RealModel]:
    """The models that have a curve, not only a point."""
    return [model for model in models if len({point.k for point in model.points}) > 1]


def real_model_pool(model: RealModel) -> UploadedPool:
    """The curves of a model as the chart draws those of a pool."""
    table = pd.DataFrame([asdict(point) for point in model.points])
    source = f"{model.repository}, {model.folder}, at {model.commit}; licence {model.licence}."
    notes = [note for note in (f"{model.dataset}.", model.note, f"Source: {source}") if note]
    questions = int(table["questions"].max())
    return UploadedPool(
        model.model,
        curve_table(table),
        questions,
        int(table["k"].max()),
        tuple(notes),
        all_questions=questions,
    )
