"""Where shipped results come from."""

from __future__ import annotations

from markupsafe import Markup

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
    ]
    shown = " · ".join(fact for fact in facts if fact)
    return render("results_source.html", facts=shown, command=str(about["command"]))
