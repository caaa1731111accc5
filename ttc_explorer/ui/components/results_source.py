"""Where shipped results come from."""

from __future__ import annotations

import json

from markupsafe import Markup

from ttc_explorer.experiments.question_looks import describe_looks
from ttc_explorer.experiments.result_tables import Results
from ttc_explorer.search.settings import recorded_settings
from ttc_explorer.search.step_rule import MEASURED_STEPS, OWN
from ttc_explorer.search.strategy import STRATEGIES
from ttc_explorer.ui.html_templates import render
from ttc_explorer.ui.number_format import count_noun, format_amount
from ttc_explorer.ui.results_store import ModelResults


def results_source(model_results: ModelResults) -> Markup:
    """The models of a sweep, its size, seed, commit and day, and the command that makes it."""
    results = model_results.results
    about, pool = results.about, results.pool
    samples = 0 if pool is None else int(pool.groupby("question").size().max())
    facts = [
        f"Model {about['model']} ({format_amount(about['parameters'])} weights)"
        + (f", verifier {about['verifier']}" if about.get("verifier") else ""),
        count_noun(len(results.problems), "problem"),
        f"{count_noun(samples, 'sample')} each" if samples else "",
        f"seed {about['seed']}",
        f"commit {str(about['commit'])[:7]}" if about.get("commit") else "",
        str(about["date"])[:10],
        _steps(results),
    ]
    shown = " · ".join(fact for fact in facts if fact)
    looks_note = describe_looks(about)
    return render(
        "results_source.html", facts=shown, looks_note=looks_note, command=str(about["command"])
    )


def _steps(results: Results) -> str:
    """What a step of its searches was, and what they did with equal ones, where that is not what
    they do now."""
    if results.runs is None:
        return ""
    searches = results.runs[["strategy", "settings"]].drop_duplicates().itertuples(index=False)
    swept = [
        (strategy, recorded_settings(json.loads(settings)))
        for strategy, settings in searches
        if strategy in STRATEGIES and "merge" in STRATEGIES[strategy].settings
    ]
    steps = {(strategy, settings.step) for strategy, settings in swept}
    notes = []
    if any((strategy, MEASURED_STEPS.get(strategy, OWN)) not in steps for strategy, _ in steps):
        notes.append("steps of one line")
    if not all(settings.merge for _, settings in swept):
        notes.append("equal steps apart")
    return f"searches with {' and '.join(notes)}" if notes else ""
