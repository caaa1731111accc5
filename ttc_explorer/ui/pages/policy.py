"""Policy: what is best for which difficulty and budget, the evidence behind it, and what it wins."""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import Any

import gradio as gr
import numpy as np
import pandas as pd

from ttc_explorer.experiments import allocation, choosing, outcomes
from ttc_explorer.experiments.choosing import SELECTOR, Cell, Lines
from ttc_explorer.experiments.outcomes import Outcomes
from ttc_explorer.experiments.points import points
from ttc_explorer.experiments.policy import probe_cost
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.auto import LARGEST_PROBE
from ttc_explorer.search.run import Run
from ttc_explorer.ui import downloads, figures, panels, policy_board
from ttc_explorer.ui.engine import Engine
from ttc_explorer.ui.learner import Learner
from ttc_explorer.ui.library import COMMAND, SEED, Library, shipped
from ttc_explorer.ui.pages.explore import OUR_FAULT, Frame
from ttc_explorer.ui.parts import heading, html, strip
from ttc_explorer.ui.typeset import escaped

log = logging.getLogger(__name__)

DIFFICULTIES = {"predicted": "Predicted", "charged": "Predicted, probe paid", "oracle": "Measured"}
"""Lines of ``choosing.lines`` -> the name in the row of choices."""
TOTALS = (2, 4, 8, 16, 32)
"""Samples a question that a batch shares."""
DRAWS = 20_000
"""From a posterior, to find its middle 95 %."""
FEWER = 250
"""Resamples for sharing a budget, which takes ten times as long as all else."""

MAKE = "python -m ttc_explorer policy assets/experiments/base-s --out assets/experiments/policy.json"
EMPTY = f"There are no results to choose from yet. This makes them: {COMMAND}."
UNTAUGHT = f"Compute-optimal on Explore has no policy to learn from yet. This saves one: {MAKE}."
TEACH = (
    "Run Compute-optimal on Explore with a problem whose right answer is known: each outcome counts here, "
    "for its bin and budget, and the next run goes by what has been learnt."
)
ELSEWHERE = "Compute-optimal follows the policy of {}; its beliefs stand beside that model's table."


def build(engine: Engine, opening: Run | None, choice: gr.State) -> None:
    """Put the page where we are."""
    PolicyPage(shipped(), engine.learner)


class PolicyPage:
    """The page. Make it inside ``gr.Blocks``; without results in the library it says how to make them."""

    def __init__(self, library: Library, learner: Learner | None) -> None:
        self._library, self._learner = library, learner
        self._cells = lru_cache(16)(self._chosen)
        self._arms = lru_cache(16)(self._measured)
        self._lines = lru_cache(8)(self._drawn)
        self._regret = lru_cache(16)(self._lost)
        self._shared = lru_cache(32)(self._split)
        self._replay = lru_cache(32)(self._replayed)
        there = bool(library.models)
        self.cell = gr.State((3, 0))
        with gr.Column(elem_id="policy", min_width=0):
            self.banner = html("policy-banner", "" if there else panels.banner(EMPTY, "note"))
            with gr.Column(elem_id="policy-cards", min_width=0, visible=there):
                self._what()
                with gr.Row(elem_id="policy-upper", equal_height=True):
                    self._table()
                self._won()
                with gr.Row(elem_id="policy-lower", equal_height=True):
                    self._sharing()
                    self._learning()
                self.foot = html("policy-foot")
        self.commas = gr.Textbox(visible="hidden", show_label=False, elem_id="policy-commas")
        self.narrow = gr.Checkbox(False, visible=False)
        self.opener = gr.HTML("", js_on_load="trigger('input')", apply_default_css=False)
        if there:
            self._connect()

    # --- what is on the page ----------------------------------------------------------------------------

    def _what(self) -> None:
        models = self._library.models
        taught = self._learner.policy.about.get("model") if self._learner else None
        first = taught if taught in models else next(iter(models), None)
        with gr.Row(elem_id="policy-what"):
            heading("Model", "sweep")
            self.model = strip("Model", "policy-model", [(m, m) for m in models], first)
            heading("Difficulty", "read difficulty")
            choices = [(title, name) for name, title in DIFFICULTIES.items()]
            self.difficulty = strip("Difficulty", "policy-difficulty", choices, "predicted")

    def _table(self) -> None:
        with gr.Column(elem_id="policy-table", elem_classes="plate", min_width=0):
            html("policy-table-head", _title("What is best", "best choice, share answered right, 95 %"))
            self.heat = gr.HTML(
                panels.status("loading", "Choosing and measuring …"),
                elem_id="policy-heat",
                js_on_load=_PICK,
                apply_default_css=False,
            )
        with gr.Column(elem_id="policy-evidence", elem_classes="plate", min_width=0):
            self.evidence_head = html("policy-evidence-head")
            self.evidence = html("policy-dots")

    def _won(self) -> None:
        with gr.Column(elem_id="policy-won", elem_classes="plate", min_width=0):
            with gr.Row(elem_id="policy-won-top", elem_classes="plate-top"):
                self.won_head = html("policy-won-head", _title("What it wins", ""))
                axes = [(axis.short, axis.column) for axis in figures.AXES.values()]
                heading("Compute", "compute")
                self.across = strip("Compute, counted in", "policy-across", axes, "budget")
                self.save = gr.Button("CSV", min_width=0, elem_id="policy-csv", size="md")
                self.print = gr.Button("PNG", min_width=0, elem_id="policy-png", size="md")
            with gr.Row(elem_id="policy-won-row"):
                with gr.Column(elem_id="policy-sums", min_width=0):
                    self.headline = html("policy-headline", panels.status("loading", "Drawing the curve …"))
                    self.regret = html("policy-regret")
                self.figure = gr.Plot(show_label=False, container=False, elem_id="policy-figure")

    def _sharing(self) -> None:
        with gr.Column(elem_id="policy-sharing", elem_classes="plate", min_width=0):
            with gr.Row(elem_classes="plate-top"):
                html("policy-sharing-head", _title("Sharing a budget", "over a batch of questions"))
                heading("Samples each", "shared budget")
                totals = [(str(total), total) for total in TOTALS]
                self.total = strip("Samples a question", "policy-total", totals, 8)
            self.shares = html("policy-shares", panels.status("loading", "Sharing the budget …"))

    def _learning(self) -> None:
        with gr.Column(elem_id="policy-learning", elem_classes="plate", min_width=0):
            with gr.Row(elem_classes="plate-top"):
                self.learning_head = html("policy-learning-head", _title("Learning from outcomes", ""))
                self.forget = gr.Button(
                    "Forget what was learnt", min_width=0, elem_id="policy-forget", size="md"
                )
            self.beliefs = html("policy-beliefs")
            self.time = gr.Plot(show_label=False, container=False, elem_id="policy-time")
            downloads.buttons("policy-time", "policy-learning-head", "ttc-learning")
            self.taught = html("policy-taught")

    def _connect(self) -> None:
        heard: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        slow: dict[str, Any] = heard | {"trigger_mode": "always_last", "concurrency_limit": 1}
        what = [self.model, self.difficulty, self.cell]
        table = [self.heat, self.evidence_head, self.evidence, self.cell, self.foot, self.banner]
        won = [self.figure, self.won_head, self.headline, self.regret, self.banner]
        curve = [*what, self.across, self.narrow]
        split = [self.model, self.difficulty, self.total]
        taught = [self.learning_head, self.beliefs, self.time, self.taught, self.forget]
        learnt = [self.model, self.cell, self.narrow]

        gr.on(
            [self.opener.input, self.model.input, self.difficulty.input], self.table, what, table, **slow
        ).then(self.win, curve, won, js=downloads.WIDTH, **slow).then(
            self.share, split, [self.shares, self.banner], **slow
        ).then(self.learn, learnt, taught, js=downloads.WIDTH, **slow)
        self.heat.pick(
            self.pick, [self.model, self.difficulty], [self.cell, self.evidence_head, self.evidence], **heard
        ).then(self.win, curve, won, js=downloads.WIDTH, **slow).then(
            self.learn, learnt, taught, js=downloads.WIDTH, **slow
        )
        self.across.input(self.win, curve, won, js=downloads.WIDTH, **slow)
        self.total.input(self.share, split, [self.shares, self.banner], **slow)
        self.forget.click(self.clear, None, self.banner, **heard).then(
            self.learn, learnt, taught, js=downloads.WIDTH, **slow
        )
        self.save.click(self.sheet, self.model, [self.commas, self.banner], **heard).then(
            None, self.commas, None, js=downloads.text("ttc-policy.csv"), **heard
        )
        self.print.click(
            None, None, None, js=downloads.png("policy-figure", "policy-won-head", "ttc-policy"), **heard
        )

    # --- what it does -----------------------------------------------------------------------------------

    def table(self, model: str, difficulty: str, cell: tuple[int, int]) -> Frame:
        """The table, and the evidence behind one of its cells."""
        try:
            cells = self._cells(model, _ease(difficulty))
            here = _at(cells, cell)
            picked = here.bin, here.budget
            return {
                self.heat: policy_board.heat(cells, picked),
                self.cell: picked,
                self.foot: self._source(model),
                self.banner: "",
            } | self._behind(model, difficulty, here)
        except BadInput as error:
            return {self.banner: panels.banner(str(error)), self.heat: ""}
        except Exception:
            log.exception("a policy could not be made")
            return {self.banner: panels.banner(OUR_FAULT)}

    def pick(self, model: str, difficulty: str, event: gr.EventData) -> Frame:
        """The evidence behind the cell that was pressed."""
        try:
            cell = _at(self._cells(model, _ease(difficulty)), (event.bin, event.budget))
        except BadInput:  # the table said so
            return {self.cell: gr.skip()}
        return {self.cell: (cell.bin, cell.budget)} | self._behind(model, difficulty, cell)

    def win(self, model: str, difficulty: str, cell: tuple[int, int], across: str, narrow: bool) -> Frame:
        """The curve of the policy, how much less it needs, and what it loses against hindsight."""
        try:
            found = self._lines(model)
            ratios = choosing.ratios(found, difficulty, across)
            axis = figures.AXES[across]
            said = f"{policy_board.LINES[difficulty]} · answer by weighted vote · compute in {axis.unit}"
            drawn = policy_board.won(found.table, difficulty, across, narrow)
            return {
                self.figure: figures.drawn(drawn),
                self.won_head: _title("What it wins", said),
                self.headline: policy_board.headline(ratios, cell[1]),
                self.regret: policy_board.regrets(self._regret(model, _ease(difficulty))),
                self.banner: "",
            }
        except BadInput as error:
            return {self.banner: panels.banner(str(error)), self.headline: ""}
        except Exception:
            log.exception("the curve of a policy could not be drawn")
            return {self.banner: panels.banner(OUR_FAULT)}

    def share(self, model: str, difficulty: str, total: int) -> Frame:
        """Who gets how much of a budget that a batch shares."""
        try:
            probe = LARGEST_PROBE if difficulty == "charged" else 0
            return {self.shares: policy_board.sharing(*self._shared(model, _ease(difficulty), total, probe))}
        except BadInput as error:
            return {self.shares: panels.banner(str(error), "note")}
        except Exception:
            log.exception("a budget could not be shared")
            return {self.shares: panels.banner(OUR_FAULT)}

    def learn(self, model: str, cell: tuple[int, int], narrow: bool) -> Frame:
        """What outcomes taught about the cell, and what learning would have been worth."""
        try:
            drawn = figures.drawn(policy_board.learning(self._replay(model, cell[1]), narrow))
            found = self._believed(model, cell)
            lines = policy_board.key(policy_board.LEARNERS.values())
            return found | {self.time: drawn, self.taught: lines + found[self.taught]}
        except BadInput as error:
            return {self.taught: panels.banner(str(error), "note")}
        except Exception:
            log.exception("what was learnt could not be shown")
            return {self.taught: panels.banner(OUR_FAULT)}

    def clear(self) -> str:
        """Forget all outcomes."""
        try:
            if self._learner is not None:
                self._learner.outcomes.clear()
            return ""
        except BadInput as error:
            return panels.banner(str(error))

    def sheet(self, model: str) -> tuple[str, str]:
        """All curves of the policy and of the static strategies as comma-separated values."""
        try:
            table = self._lines(model).table.assign(model=model)
            return table.to_csv(index=False, float_format="%.6g", lineterminator="\n"), ""
        except BadInput as error:
            return "", panels.banner(str(error))

    # --- what is behind it ------------------------------------------------------------------------------

    def _behind(self, model: str, difficulty: str, cell: Cell) -> Frame:
        measured = self._arms(model, _ease(difficulty))
        here = measured[(measured["bin"] == cell.bin) & (measured["budget"] == cell.budget)]
        counted = panels.counted(len(cell.candidates), "strategy").replace("strategys", "strategies")
        said = f"bin {policy_board.FIFTHS[cell.bin]}, N = {cell.budget}: {counted}"
        return {
            self.evidence_head: _title("The evidence", said),
            self.evidence: policy_board.evidence(cell, here),
        }

    def _probed(self, model: str) -> dict[str, pd.Series]:
        """Ease by ``oracle`` and ``predicted`` difficulty. Raises BadInput."""
        if model not in self._library.models:
            raise BadInput("There are no results of this model: choose another.")
        results = self._library.book(model).results
        if results.probe is None or results.probe["score"].isna().any():
            raise BadInput("A policy needs a probe scored by a verifier: sweep with both.")
        return choosing.ease_of(results.probe)

    def _chosen(self, model: str, ease: str) -> tuple[Cell, ...]:
        easy = self._probed(model)[ease]
        cells = choosing.cells(self._library.book(model).evidence, easy, seed=SEED)
        if not cells:
            raise BadInput("There is nothing to choose between: sweep more strategies than best-of-N.")
        return cells

    def _measured(self, model: str, ease: str) -> pd.DataFrame:
        """Every arm in every bin at every budget, with intervals."""
        easy, table = self._probed(model)[ease], self._library.book(model).table
        arms = [arm for arm in table.arms if arm[2] == SELECTOR and arm[0] != "auto"]
        return points(table, arms, ease=choosing.eases(easy, table.questions), seed=SEED)

    def _drawn(self, model: str) -> Lines:
        ease, book = self._probed(model), self._library.book(model)
        return choosing.lines(book.evidence, ease, probe_cost(book.results, SEED), seed=SEED)

    def _lost(self, model: str, ease: str) -> pd.DataFrame:
        easy = self._probed(model)[ease]
        return choosing.regret(self._library.book(model).evidence, easy, seed=SEED)

    def _split(self, model: str, ease: str, total: int, probe: int) -> tuple[pd.Series, pd.DataFrame]:
        easy, found = self._probed(model)[ease], self._library.book(model).evidence
        gained = allocation.shared(found, easy, [total], probe, FEWER, SEED)
        return gained.iloc[0], allocation.shares(found, easy, total, SEED)

    def _replayed(self, model: str, budget: int) -> pd.DataFrame:
        easy = self._probed(model)["predicted"]
        return outcomes.replay(self._library.book(model).evidence, easy, budget, seed=SEED)

    def _believed(self, model: str, cell: tuple[int, int]) -> Frame:
        learner = self._learner
        none = {self.beliefs: "", self.forget: gr.update(visible=False)}
        if learner is None:
            return none | {
                self.learning_head: _title("Learning from outcomes", ""),
                self.taught: _note(UNTAUGHT),
            }
        total = len(learner.outcomes)
        said = panels.counted(total, "outcome") + " so far"
        head = {self.learning_head: _title("Learning from outcomes", said)}
        policy, owner = learner.policy, learner.policy.about.get("model")
        if owner != self._library.book(model).results.about["model"] or cell[1] not in policy.budgets:
            return none | head | {self.taught: _note(ELSEWHERE.format(owner))}
        here = policy.cell(*cell)
        notice = learner.outcomes.notice or TEACH
        return head | {
            self.beliefs: policy_board.beliefs(here, *posteriors(here, learner.outcomes)),
            self.forget: gr.update(visible=True, interactive=total > 0),
            self.taught: _note(notice),
        }

    def _source(self, model: str) -> str:
        about = self._library.book(model).results.about
        facts = [
            f"Model {about['model']}, verifier {about.get('verifier')}",
            panels.counted(len(self._library.book(model).results.problems), "problem"),
            f"seed {about['seed']}",
            f"commit {str(about['commit'])[:7]}" if about.get("commit") else "",
            str(about["date"])[:10],
        ]
        said = escaped(" · ".join(fact for fact in facts if fact))
        return f'<p class="source">{said}<code>{escaped(str(about["command"]))}</code></p>'


def posteriors(
    cell: Cell, learnt: Outcomes
) -> tuple[list[tuple[int, int]], list[tuple[float, float, float]]]:
    """Of each candidate of a cell: outcomes (right, asked), and its posterior's mean and middle 95 %."""
    counts = [learnt.of(cell.bin, cell.budget, each.choice) for each in cell.candidates]
    prior = np.array([each.prior for each in cell.candidates])
    a, b = outcomes.posterior(prior, *np.array(counts, float).T)
    drawn = np.random.default_rng(SEED).beta(a, b, (DRAWS, len(a)))
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    mean = a / (a + b)
    return counts, [tuple(map(float, each)) for each in zip(mean, low, high, strict=True)]


def _ease(difficulty: str) -> str:
    """Whether bins are by ``oracle`` or ``predicted`` difficulty."""
    return "oracle" if difficulty == "oracle" else "predicted"


def _at(cells: tuple[Cell, ...], wanted: tuple[int, int]) -> Cell:
    """The wanted cell, or that of the middle bin at the middle budget."""
    budgets = sorted({cell.budget for cell in cells})
    middle = 3, budgets[len(budgets) // 2]
    places = {(cell.bin, cell.budget): cell for cell in cells}
    return places.get(tuple(wanted)) or places[middle]


def _title(title: str, said: str) -> str:
    return f'<div class="top-line"><h2>{title}</h2><p>{escaped(said)}</p></div>'


def _note(sentence: str) -> str:
    return f'<p class="source">{escaped(sentence)}</p>'


_PICK = """
element.addEventListener("click", (event) => {
  const cell = event.target.closest?.(".cell");
  if (!cell) return;
  for (const other of element.querySelectorAll(".cell")) other.setAttribute("aria-pressed", other === cell);
  trigger("pick", { bin: Number(cell.dataset.bin), budget: Number(cell.dataset.budget) });
});
"""
