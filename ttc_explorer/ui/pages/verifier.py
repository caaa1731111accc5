"""Verifier: how far its scores can be trusted, and what happens to a search that trusts them too far."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import gradio as gr
import pandas as pd

from ttc_explorer.experiments import calibration as measured
from ttc_explorer.experiments.findings.verdict import Chart
from ttc_explorer.experiments.results import Results
from ttc_explorer.problems.families import FAMILIES
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.run import Run
from ttc_explorer.search.selection import chosen
from ttc_explorer.search.trace import load as load_trace
from ttc_explorer.ui import charts, figures, panels
from ttc_explorer.ui.dots import Dot, dots
from ttc_explorer.ui.downloads import WIDTH, buttons
from ttc_explorer.ui.engine import Engine
from ttc_explorer.ui.library import COMMAND, Library, shipped
from ttc_explorer.ui.pages.explore import OUR_FAULT, Frame
from ttc_explorer.ui.parts import heading, html, strip
from ttc_explorer.ui.small_tree import small_tree
from ttc_explorer.ui.typeset import escaped, typeset

log = logging.getLogger(__name__)

RECORDED = Path(__file__).parents[3] / "assets" / "recorded"
EMPTY = f"No results are shipped with this copy, so no verifier was measured. This makes them: {COMMAND}."
UNREAD = "These results have no probe scored by a verifier: sweep with --probe."
SHAPES = {"best_of_n": "Best-of-N", "beam": "Beam search"}
FIFTHS = {1: "1 easiest", 2: "2", 3: "3", 4: "4", 5: "5 hardest"}
AGGREGATES = {
    "score_last": ("last step", "weighted"),
    "score_min": ("minimum", "best"),
    "score_prod": ("product", "revise"),
    "score_mean": ("mean", "majority"),
}
JUDGES = {
    "score_last": ("PRM", "weighted"),
    "score_prm": ("PRM of rollouts", "revise"),
    "score_orm": ("ORM", "majority"),
}
"""Column of scores -> its name here, and its tone."""
READINGS = {
    "calibration": "On the dotted line a score is a chance: of solutions scored 0.7, seven in ten are right. "
    "A step counts as right if a right solution can begin so, by our exact check.",
    "auc": "How often a right solution scores above a wrong one of the same question; one half is luck. "
    "Beside it, the rule that only counts the printed checks that say ok.",
    "places": "Each row: where the first wrong step of a solution really is. A perfect verifier would fill "
    "the diagonal.",
    "aggregates": "A verifier scores every step; something must make one score of them. Equal answers then "
    "add up their scores.",
    "judges": "A PRM learned to judge steps, an ORM only whole solutions. What matters is whom to trust when "
    "there are many solutions to choose from.",
    "over": "The score of the solution that the verifier likes best always rises with N. Where the share "
    "that is right stalls or falls, the search has found what the verifier is wrong about.",
}


def build(engine: Engine, opening: Run | None, choice: gr.State) -> None:
    """Put the page where we are."""
    VerifierPage(shipped(), RECORDED)


class VerifierPage:
    """The page. Make it inside ``gr.Blocks``; ``recorded`` is the folder that the command misled fills."""

    def __init__(self, library: Library, recorded: Path) -> None:
        self._library, self._recorded = library, recorded
        self._told = lru_cache(8)(self._measured)
        self._searched = lru_cache(8)(self._over)
        there = bool(library.models)
        with gr.Column(elem_id="verifier", min_width=0):
            self.banner = html("verifier-banner", "" if there else panels.banner(EMPTY, "note"))
            with gr.Column(elem_id="verifier-cards", min_width=0, visible=there):
                with gr.Row(elem_id="verifier-what"):
                    heading("Solutions by", "sweep")
                    models = [(name, name) for name in library.models]
                    self.model = strip(
                        "Model", "verifier-model", models, library.models[0] if there else None
                    )
                    self.status = html("verifier-status")
                with gr.Row(elem_classes="verifier-row", equal_height=True):
                    self.calibration, self.calibration_said = self._plate(
                        "calibration", "Are scores chances?"
                    )
                    with gr.Column(elem_id="verifier-auc", elem_classes="plate", min_width=0):
                        html("verifier-auc-head", _title("Right from wrong", "auc"))
                        self.auc = html("verifier-auc-dots")
                        html("verifier-auc-reading", _reading("auc"))
                with gr.Row(elem_classes="verifier-row", equal_height=True):
                    self.places, self.places_said = self._plate("places", "The first wrong step")
                    self.aggregates, self.aggregates_said = self._plate("aggregates", "One score of many")
                    self.judges, self.judges_said = self._plate("judges", "Steps or whole solutions")
                with gr.Column(elem_id="verifier-over", elem_classes="plate", min_width=0):
                    with gr.Row(elem_classes="plate-top"):
                        html("verifier-over-head", _title("Too much of a good thing", "over-optimisation"))
                        shapes = [(title, name) for name, title in SHAPES.items()]
                        self.shape = strip("Search", "verifier-shape", shapes, "best_of_n")
                        buttons("verifier-over-figure", "verifier-over-head", "ttc-over-optimisation")
                    self.over = gr.Plot(show_label=False, container=False, elem_id="verifier-over-figure")
                    html("verifier-over-reading", _reading("over"))
                    self.trees = html("verifier-trees", self._pair())
        self.narrow = gr.Checkbox(False, visible=False)
        self.opener = gr.HTML("", js_on_load="trigger('input')", apply_default_css=False)
        if there:
            self._connect()

    def _plate(self, name: str, title: str) -> tuple[gr.Plot, gr.HTML]:
        with gr.Column(elem_id=f"verifier-{name}", elem_classes="plate", min_width=0):
            html(f"verifier-{name}-head", _title(title, name))
            figure = gr.Plot(show_label=False, container=False, elem_id=f"verifier-{name}-figure")
            said = html(f"verifier-{name}-said")
            html(f"verifier-{name}-reading", _reading(name))
            if name != "places":  # a table, whose figures stand in it
                buttons(f"verifier-{name}-figure", f"verifier-{name}-head", f"ttc-{name}")
        return figure, said

    def _connect(self) -> None:
        heard: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "js": WIDTH}
        heard["trigger_mode"] = "always_last"
        told = [
            self.banner, self.status, self.calibration, self.calibration_said, self.auc, self.places,
            self.places_said, self.aggregates, self.aggregates_said, self.judges, self.judges_said,
        ]  # fmt: skip
        seen = [self.model, self.shape, self.narrow]
        gr.on([self.opener.input, self.model.input], self.tell, [self.model, self.narrow], told, **heard)
        gr.on(
            [self.opener.input, self.model.input, self.shape.input],
            self.search,
            seen,
            [self.banner, self.over],
            **heard,
        )

    # --- what it does -----------------------------------------------------------------------------------

    def tell(self, model: str, narrow: bool) -> Frame:
        """All but over-optimisation."""

        def frame() -> Frame:
            return self._frame(self._told(self._known(model)), narrow)

        return self._guarded(frame)

    def search(self, model: str, shape: str, narrow: bool) -> Frame:
        """The score of what the verifier likes best, and how often it is right."""

        def frame() -> Frame:
            table = self._searched(self._known(model))
            rows = table[table["strategy"] == (shape if shape in SHAPES else "best_of_n")]
            if rows.empty:
                raise BadInput("Beam search was not run with this model.")
            return {self.over: figures.drawn(charts.curves(_over_chart(rows, narrow), narrow, 19 / 240))}

        return self._guarded(frame)

    def _guarded(self, frame: Callable[[], Frame]) -> Frame:
        try:
            return {self.banner: ""} | frame()
        except BadInput as error:
            return {self.banner: panels.banner(str(error))}
        except Exception:
            log.exception("a verifier could not be measured")
            return {self.banner: panels.banner(OUR_FAULT)}

    def _known(self, model: str) -> str:
        """Raises BadInput."""
        if model not in self._library.models:
            raise BadInput("There are no results of this model: choose another.")
        return model

    def _frame(self, told: dict[str, Any], narrow: bool) -> Frame:
        results: Results = told["results"]
        about = results.about
        facts = [
            f"judged by {about.get('verifier')}",
            panels.counted(int(told["solutions"].count), "solution"),
            panels.counted(results.probe["question"].nunique(), "question"),
        ]
        frame = {
            self.status: f'<p class="source">{escaped(" · ".join(facts))}</p>',
            self.calibration: figures.drawn(charts.reliability(told["calibrations"])),
            self.calibration_said: _chances(told["calibrations"]),
            self.auc: _aucs(told["aucs"]),
        }
        found = told["places"]
        if found:
            frame |= {
                self.places: figures.drawn(charts.wrong_steps(found.table)),
                self.places_said: _found(found, told["checks"]),
            }
        for name, figure, said in (
            ("aggregates", self.aggregates, self.aggregates_said),
            ("judges", self.judges, self.judges_said),
        ):
            table, names = told[name]
            frame |= {
                figure: figures.drawn(charts.curves(_by_score(table, names), narrow=True)),
                said: _last(table, names),
            }
        return frame

    # --- what is behind it ------------------------------------------------------------------------------

    def _measured(self, model: str) -> dict[str, Any]:
        """All figures of a verifier. Raises BadInput."""
        results = self._library.book(model).results
        probe, pool = results.probe, results.pool
        if probe is None or pool is None or probe["score"].isna().all() or "lines" not in probe:
            raise BadInput(UNREAD)
        probe = measured.with_baseline(probe)
        solutions, steps = measured.of_solutions(probe), measured.of_steps(probe)
        calibrations = [("whole solutions", "best_of_n", solutions)]
        if steps:
            calibrations.append(("steps", "beam", steps))
        judged = {name: each for name, each in JUDGES.items() if name in pool}
        aggregated = {name: each for name, each in AGGREGATES.items() if name in pool}
        return {
            "results": results,
            "solutions": solutions,
            "calibrations": calibrations,
            "aucs": measured.aucs(probe, ["score", "score_checks"]),
            "places": measured.places(probe),
            "checks": measured.places_by_checks(probe),
            "aggregates": (measured.chosen_by(pool, list(aggregated)), aggregated),
            "judges": (measured.chosen_by(pool, list(judged)), judged),
        }

    def _over(self, model: str) -> pd.DataFrame:
        results = self._library.book(model).results
        if results.probe is None or results.pool is None or results.pool["score"].isna().all():
            raise BadInput(UNREAD)
        return measured.over_optimised(results.pool, results.probe, results.runs)

    def _pair(self) -> str:
        """The two recorded runs of a search that was misled, side by side; nothing without them."""
        try:
            runs = [load_trace((self._recorded / f"{name}.json.gz").read_bytes()) for name in measured.MISLED]
        except (OSError, BadInput):
            return ""
        lanes = "".join(_tree(run) for run in runs)
        question = typeset(runs[0].problem.text)
        rule = (
            "One easy question, beam search with few and with many samples. Chosen by a rule: of all that "
            "the best solution gets right with the fewest and wrong with the most, the one whose score rose "
            "most."
        )
        return (
            f'<h3>For example: {question}</h3><p class="source">{rule}</p><div class="misled">{lanes}</div>'
            '<p class="source">Recorded by <code>python -m ttc_explorer misled</code></p>'
        )


def _over_chart(table: pd.DataFrame, narrow: bool) -> Chart:
    """A panel a bin; on a narrow screen the easiest, the middle and the hardest."""
    shown = (1, 3, 5) if narrow else tuple(FIFTHS)
    rows = [
        {
            "panel": FIFTHS[row.bin],
            "line": {"score": "score", "accuracy": "right"}[row.figure],
            "tone": {"score": "best", "accuracy": "best_of_n"}[row.figure],
            "x": row.budget,
            "y": row.value,
            "low": row.low,
            "high": row.high,
        }
        for row in table.sort_values(["bin", "budget"]).itertuples()
        if row.bin in shown
    ]
    return Chart("Samples N", "Best-liked solution", rows)


def _by_score(table: pd.DataFrame, names: dict[str, tuple[str, str]]) -> Chart:
    rows = [
        {
            "panel": "",
            "line": names[row.score][0],
            "tone": names[row.score][1],
            "x": row.k,
            "y": row.accuracy,
            "low": row.low,
            "high": row.high,
        }
        for row in table.itertuples()
    ]
    return Chart("Samples N", "Accuracy, weighted votes", rows)


# --- what is said ---------------------------------------------------------------------------------------


def _title(title: str, name: str) -> str:
    return f'<div class="top-line"><h2>{title}</h2><p>{panels.term(*WORDS[name])}</p></div>'


def _reading(name: str) -> str:
    return f'<p class="reading">{escaped(READINGS[name])}</p>'


def _chances(found: list[tuple[str, str, measured.Calibration]]) -> str:
    rows = "".join(
        f"<tr><th>{escaped(name)}</th><td>{_ranged(each.brier, '.3f')}</td><td>{each.base[0]:.3f}</td>"
        f"<td>{_ranged(each.ece, '.3f')}</td></tr>"
        for name, _, each in found
    )
    heads = "".join(
        f"<th>{panels.term(*words)}</th>"
        for words in (("Brier", "Brier score"), ("by base rate", "base rate"), ("ECE", "ECE"))
    )
    return f'<table class="measures"><thead><tr><th></th>{heads}</tr></thead><tbody>{rows}</tbody></table>'


def _found(found: measured.Places, checks: measured.Places | None) -> str:
    rows = [("PRM", found)] + ([("printed checks only", checks)] if checks else [])
    body = "".join(
        f"<tr><th>{name}</th><td>{_ranged(each.wrong, '.0%')}</td><td>{_ranged(each.right, '.0%')}</td>"
        f"<td>{_ranged(each.f1, '.0%')}</td></tr>"
        for name, each in rows
    )
    heads = "".join(
        f"<th>{panels.term(*words)}</th>"
        for words in (("place found", "place found"), ("none seen", "none seen"), ("F1", "F1 of both"))
    )
    return f'<table class="measures"><thead><tr><th></th>{heads}</tr></thead><tbody>{body}</tbody></table>'


def _last(table: pd.DataFrame, names: dict[str, tuple[str, str]]) -> str:
    """The figures at the largest N."""
    largest = table[table["k"] == table["k"].max()]
    body = "".join(
        f"<tr><th>{names[row.score][0]}</th><td>{_ranged((row.accuracy, row.low, row.high), '.1%')}</td></tr>"
        for row in largest.itertuples()
    )
    head = f"<th>right at N = {largest['k'].iloc[0]}</th>"
    return f'<table class="measures"><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table>'


def _aucs(table: pd.DataFrame) -> str:
    """Both scores in all families, the most reliable first."""
    rows = []
    ours = table[table["score"] == "score"].sort_values("auc", ascending=False)
    families = ["", *(family for family in ours["family"] if family)]
    for family in families:
        for score, name, tone in (
            ("score", "PRM", "best_of_n"),
            ("score_checks", "printed checks", "greedy"),
        ):
            found = table[(table["score"] == score) & (table["family"] == family)]
            for row in found.itertuples():
                title = FAMILIES[family].title if family in FAMILIES else family or "All"
                first = score == "score"
                rows.append(
                    Dot(
                        title if first else "",
                        "" if first and family else name,
                        tone,
                        row.auc,
                        row.low,
                        row.high,
                        f"{row.auc:.2f}",
                        f"{title}, {name}: {row.auc:.3f} ({row.low:.3f} to {row.high:.3f}), "
                        f"{panels.counted(row.questions, 'question')} with right and wrong solutions",
                        not family,
                    )
                )
    return dots(rows, "{:.1f}".format, 0.5)


def _tree(run: Run) -> str:
    vote = chosen(run.tree, "best", run.settings.aggregate)
    path = run.tree.path(vote.leaf) if vote else []
    answer = "no answer" if vote is None else f"{typeset(vote.answer)} {panels.verdict(run, vote.answer)}"
    score = "" if vote is None or vote.score is None else f"score {vote.score:.2f}"
    return (
        f'<article class="lane"><header><h3>N = {run.budget}</h3><span class="samples">{score}</span>'
        f'</header><div class="picture">{small_tree(run, path)}</div>'
        f'<footer><p class="answer">{answer}</p></footer></article>'
    )


def _ranged(figure: tuple[float, float, float], how: str) -> str:
    value, low, high = (f"{each:{how}}" for each in figure)
    return f"<b>{value}</b> <small>{low.rstrip('%')}–{high}</small>"


WORDS = {
    "calibration": ("calibration", "calibration"),
    "auc": ("within one question", "within-problem AUC"),
    "places": ("said against true", "first wrong step"),
    "aggregates": ("last, minimum, product, mean", "aggregate"),
    "judges": ("PRM against ORM", "PRM and ORM"),
    "over-optimisation": ("over-optimisation", "over-optimisation"),
}
"""Name of a plate -> the word beside its title, and the term that explains it."""
