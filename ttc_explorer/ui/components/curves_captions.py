"""What is said above and below the chart of Curves -> HTML. Pure."""

from __future__ import annotations

import pandas as pd
from markupsafe import Markup

from ttc_explorer.problems.families import FAMILIES
from ttc_explorer.search.selector import SELECTORS
from ttc_explorer.ui.components.curve_selection import CurvesSelection
from ttc_explorer.ui.components.messages import status_line
from ttc_explorer.ui.components.pool_estimation import UploadedPool
from ttc_explorer.ui.html_templates import render, render_macro
from ttc_explorer.ui.number_format import count_noun

UPLOADED_POOL = "your pool"
SPLIT_HELP = {
    "all": "A point is the share of questions answered right; its band holds 95 % of what other "
    "questions of "
    "this kind would have given. Higher is better, and further left is cheaper. FLOPs count the "
    "verifier and what is read again; N does not.",
    "oracle": "Each panel is a fifth of the questions, by how often a single sample is right: "
    "measured "
    "against the right answers, on samples that count nowhere else.",
    "predicted": "Each panel is a fifth of the questions, by the verifier's mean score on samples "
    "that count "
    "nowhere else: no right answer was looked at, so a new question can be placed as well.",
    "absolute": "Each panel holds the questions on which a single sample is right that often. "
    "Panels mean "
    "the same for every model, but differ in size.",
    UPLOADED_POOL: "Coverage is the most that any way of choosing could reach. What lies between "
    "it and a rule is "
    "what a better verifier would win.",
}
COVERAGE_NOTE = (
    "Coverage is the most that any way of choosing among these samples could reach; revisions are "
    "written by another model, and may lie above it."
)


def chart_heading(selection: CurvesSelection, points: pd.DataFrame) -> Markup:
    kind = FAMILIES[selection.family].title if selection.family in FAMILIES else ""
    level = f"level {selection.level}" if selection.level else ""
    asked = int(points.groupby("panel")["questions"].max().sum())
    facts = [
        selection.model,
        kind,
        level,
        count_noun(asked, "question"),
        f"answer by {SELECTORS[selection.selector].title.lower()}",
    ]
    panel_rows = -(-points["panel"].nunique() // 2)  # on a narrow screen
    return _heading(
        "Accuracy against compute", [fact for fact in facts if fact], panel_rows, points
    )


def pool_status(pool: UploadedPool) -> Markup:
    """What is done next; nothing when all is."""
    if pool.questions < pool.all_questions:
        return status_line("loading", "Grading the other answers …", pool.share)
    if pool.unfinished:
        return status_line("loading", f"Estimating {pool.unfinished.lower()} …", pool.share)
    return Markup("")


def pool_heading(pool: UploadedPool) -> Markup:
    asked = count_noun(pool.all_questions, "question")
    if pool.questions < pool.all_questions:
        asked = f"{pool.questions:,} of {asked} so far"
    facts = [pool.name, asked, f"up to {pool.samples} samples each"]
    return _heading("What choosing is worth", facts, 1, pool.curve_points)


def _heading(title: str, facts: list[str], rows: int, points: pd.DataFrame) -> Markup:
    """The title, and on a narrow screen the names of the figure's lines."""
    named = points[["arm", "tone"]].drop_duplicates()
    lines = list(named.itertuples(index=False, name=None))
    return render(
        "curves_heading.html", title=title, caption=" · ".join(facts), rows=rows, lines=lines
    )


def pool_footer(pool: UploadedPool) -> Markup:
    source = f"From {pool.name}: coverage and one solution's choice exactly, votes by subsets."
    notes = list(pool.notes)
    if pool.questions < pool.all_questions:
        notes.append(
            f"So far the curve rests on {count_noun(pool.questions, 'graded question')}: plain "
            "answers are graded first, formulas after them."
        )
    return footer(UPLOADED_POOL, render_macro("source", source), " ".join(notes))


def footer(split: str, source: Markup, note: str = "") -> Markup:
    return render("curves_footer.html", help=f"{SPLIT_HELP[split]} {note}", source=source)
