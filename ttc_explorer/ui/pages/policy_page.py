"""Policy: what is best for which difficulty and budget, the evidence behind it, and what it
wins."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any

import gradio as gr
import numpy as np
import pandas as pd

from ttc_explorer.experiments import allocation, bandit_outcomes, cross_fitting
from ttc_explorer.experiments.bandit_outcomes import OutcomeStore
from ttc_explorer.experiments.compute_optimal_policy import probe_cost
from ttc_explorer.experiments.cross_fitting import SELECTOR, PolicyCell, PolicyCurves
from ttc_explorer.experiments.curve_points import curve_points
from ttc_explorer.experiments.findings import format_estimate, load_findings
from ttc_explorer.models.protocol import StrategyChoice
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.strategies.auto import MAX_PROBE
from ttc_explorer.serving.outcome_learner import OutcomeLearner
from ttc_explorer.ui.address.address_state import AddressKey, AddressValue
from ttc_explorer.ui.address.page_address import PageAddress
from ttc_explorer.ui.components import plotly_figures, policy_view
from ttc_explorer.ui.components.accuracy_curves import COST_AXES
from ttc_explorer.ui.components.basic_inputs import control_heading, html_block, segmented_control
from ttc_explorer.ui.components.component_scripts import component_script
from ttc_explorer.ui.components.guarded_handler import ComponentUpdates, guarded
from ttc_explorer.ui.components.messages import banner, status_line
from ttc_explorer.ui.components.page_signals import narrow_screen, on_load, on_width_change
from ttc_explorer.ui.components.pickable_html import pickable_html
from ttc_explorer.ui.components.result_card import ResultCard, card_heading
from ttc_explorer.ui.components.results_keys import compute_key, sweep_key
from ttc_explorer.ui.components.results_source import results_source
from ttc_explorer.ui.number_format import count_noun
from ttc_explorer.ui.page import AppContext, Page, PageIntro, page
from ttc_explorer.ui.results_store import (
    ESTIMATION_SEED,
    FINDINGS_FILE,
    SWEEP_COMMAND,
    ResultsStore,
    shipped_results,
)

DIFFICULTY_LABELS = {
    "charged": "Predicted, probe paid",
    "predicted": "Predicted",
    "oracle": "Measured",
}
"""Lines of ``cross_fitting.policy_curves`` -> the name in the row of choices."""
SHARED_BUDGETS = (2, 4, 8, 16, 32)
"""Samples a question that a batch shares."""
POSTERIOR_DRAWS = 20_000
"""From a posterior, to find its middle 95 %."""
ALLOCATION_RESAMPLES = 250
"""Resamples for sharing a budget, which takes ten times as long as all else."""

POLICY_COMMAND = (
    "python -m ttc_explorer policy assets/experiments/base-s --out assets/experiments/policy.json"
)
NO_RESULTS_MESSAGE = f"There are no results to choose from yet. This makes them: {SWEEP_COMMAND}."
NO_POLICY_MESSAGE = (
    f"Compute-optimal on Explore has no policy to learn from yet. This saves one: {POLICY_COMMAND}."
)
LEARNING_TITLE = "Learning from outcomes"
LEARNING_HINT = (
    "Run Compute-optimal on Explore with a problem whose right answer is known: each outcome "
    "counts here, for its bin and budget, and the next run goes by what has been learnt."
)
NO_LEARNING_HINT = (
    "Strangers share this page, so nothing is learnt from their runs: Compute-optimal follows the "
    "policy as it was measured."
)
OTHER_MODEL_HINT = (
    "Compute-optimal follows the policy of {}; its beliefs stand beside that model's table."
)


@page(
    "policy",
    title="Policy",
    order=40,
    intro=PageIntro(
        "Which strategy for which question, and what that saves.",
        see="For each difficulty and budget the strategy that was measured to be best, and "
        "how sure that is.",
        act="Count compute in several ways, pay for reading the difficulty or not, share a "
        "budget among questions.",
        why="Easy and hard questions want different strategies; whether choosing pays depends "
        "on what choosing costs.",
    ),
)
def build(app: AppContext) -> PolicyPage:
    """Put the page where we are."""
    return PolicyPage(shipped_results(), app.model_manager.learner)


class PolicyPage(Page):
    """The page. Make it inside ``gr.Blocks``.

    Args:
        results_store: the results to choose from; without any the page says how to make them.
        learner: learns from outcomes of the compute-optimal strategy, if there is a policy.
    """

    def __init__(self, results_store: ResultsStore, learner: OutcomeLearner | None) -> None:
        self._results_store, self._learner = results_store, learner
        self._cached_cells = lru_cache(16)(self._compute_cells)
        self._cached_ties = lru_cache(16)(self._compute_ties)
        self._cached_points = lru_cache(16)(self._compute_points)
        self._cached_lines = lru_cache(8)(self._compute_lines)
        self._cached_regret = lru_cache(16)(self._compute_regret)
        self._cached_allocation = lru_cache(32)(self._compute_allocation)
        self._cached_replay = lru_cache(32)(self._compute_replay)
        has_results = bool(results_store.models)
        self.cell = gr.State((3, 0))
        with gr.Column(elem_id="policy", min_width=0):
            self.banner = html_block(
                "policy-banner",
                "" if has_results else banner(NO_RESULTS_MESSAGE, "note"),
            )
            with gr.Column(elem_id="policy-cards", min_width=0, visible=has_results):
                self._build_data_controls()
                with gr.Row(elem_id="policy-upper", equal_height=True):
                    self._build_table_card()
                self._build_curves_card()
                with gr.Row(elem_id="policy-lower", equal_height=True):
                    self._build_allocation_card()
                    self._build_learning_card()
                self.foot = html_block("policy-foot")
        if has_results:
            self._connect()

    # --- what is on the page ----------------------------------------------------------------------

    def _build_data_controls(self) -> None:
        models = self._results_store.models
        taught = self._learner.policy.about.get("model") if self._learner else None
        first = taught if taught in models else next(iter(models), None)
        with gr.Row(elem_id="policy-what"):
            control_heading("Model", "sweep")
            self.model = segmented_control("Model", "policy-model", [(m, m) for m in models], first)
            control_heading("Difficulty", "read difficulty")
            choices = [(title, name) for name, title in DIFFICULTY_LABELS.items()]
            self.difficulty = segmented_control(
                "Difficulty", "policy-difficulty", choices, "charged"
            )

    def _build_table_card(self) -> None:
        with gr.Column(elem_id="policy-table", elem_classes="plate", min_width=0):
            html_block(
                "policy-table-head",
                card_heading("What is best", "best choice, share answered right, 95 %"),
            )
            self.heat = pickable_html(
                "policy-heat", status_line("loading", "Choosing and measuring …")
            )
        with gr.Column(elem_id="policy-evidence", elem_classes="plate", min_width=0):
            self.evidence_head = html_block("policy-evidence-head")
            self.evidence = html_block("policy-dots")

    def _build_curves_card(self) -> None:
        card = self.card = ResultCard("policy-won", "ttc-policy", "policy-figure")
        with gr.Column(elem_id="policy-won", elem_classes="plate", min_width=0):
            with gr.Row(elem_id="policy-won-top", elem_classes="plate-top"):
                self.won_head = card.heading("What it wins")
                axes = [(axis.short, axis.column) for axis in COST_AXES.values()]
                control_heading("Compute", "compute")
                self.cost_column = segmented_control(
                    "Compute, counted in", "policy-across", axes, "flops"
                )
                card.download_buttons("policy", server_table=True)
            with gr.Row(elem_id="policy-won-row"):
                with gr.Column(elem_id="policy-sums", min_width=0):
                    self.headline = html_block(
                        "policy-headline", status_line("loading", "Drawing the curve …")
                    )
                    self.regret = html_block("policy-regret")
                self.figure = card.plot()

    def _build_allocation_card(self) -> None:
        with gr.Column(elem_id="policy-sharing", elem_classes="plate", min_width=0):
            with gr.Row(elem_classes="plate-top"):
                html_block(
                    "policy-sharing-head",
                    card_heading("Sharing a budget", "over a batch of questions"),
                )
                control_heading("Samples each", "shared budget")
                totals = [(str(total), total) for total in SHARED_BUDGETS]
                self.total = segmented_control("Samples a question", "policy-total", totals, 8)
            self.shares = html_block(
                "policy-shares", status_line("loading", "Sharing the budget …")
            )

    def _build_learning_card(self) -> None:
        card = ResultCard("policy-learning", "ttc-learning", "policy-time")
        with gr.Column(elem_id="policy-learning", elem_classes="plate", min_width=0):
            with gr.Row(elem_classes="plate-top"):
                self.learning_head = card.heading(LEARNING_TITLE)
                self.forget = gr.Button(
                    "Forget what was learnt", min_width=0, elem_id="policy-forget", size="md"
                )
            self.beliefs = html_block("policy-beliefs")
            self.time = card.plot()
            card.download_buttons()
            self.taught = html_block("policy-taught")

    def _connect(self) -> None:
        hidden: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        slow: dict[str, Any] = hidden | {"trigger_mode": "always_last", "concurrency_limit": 1}
        narrow = narrow_screen()
        what = [self.model, self.difficulty, self.cell]
        table = [self.heat, self.evidence_head, self.evidence, self.cell, self.foot, self.banner]
        won = [self.figure, self.won_head, self.headline, self.regret, self.banner]
        curve = [*what, self.cost_column, narrow]
        split = [self.model, self.difficulty, self.total]
        taught = [self.learning_head, self.beliefs, self.time, self.taught, self.forget]
        learnt = [self.model, self.cell, narrow]

        gr.on(
            [on_load(), self.model.input, self.difficulty.input], self.table, what, table, **slow
        ).then(self.draw_curves, curve, won, **slow).then(
            self.draw_allocation, split, self.shares, **slow
        ).then(self.draw_learning, learnt, taught, **slow)
        self.heat.pick(
            self.pick,
            [self.model, self.difficulty],
            [self.cell, self.evidence_head, self.evidence, self.banner],
            **hidden,
        ).then(self.draw_curves, curve, won, **slow).then(
            self.draw_learning, learnt, taught, **slow
        )
        self.cost_column.input(self.draw_curves, curve, won, **slow)
        on_width_change()(self.draw_curves, curve, won, **slow).then(
            self.draw_learning, learnt, taught, **slow
        )
        self.total.input(self.draw_allocation, split, self.shares, **slow)
        self.forget.click(self.forget_outcomes, None, self.banner, **hidden).then(
            self.draw_learning, learnt, taught, **slow
        )
        self.card.connect_table(self.csv_table, self.model, self.banner)

    @property
    def address(self) -> PageAddress:
        """The controls as the address has them."""
        if not self._results_store.models:
            return PageAddress()
        fields = {
            "sweep": self.model, "difficulty": self.difficulty, "compute": self.cost_column,
            "samples": self.total,
        }  # fmt: skip
        keys = (
            sweep_key(self._results_store.models),
            AddressKey("difficulty", "choice", "charged", tuple(DIFFICULTY_LABELS)),
            compute_key(),
            AddressKey("samples", "choice", "8", tuple(map(str, SHARED_BUDGETS))),
        )
        values = {key.name: key.default for key in keys}
        return PageAddress(
            fields,
            keys,
            apply=lambda state: self.apply_state(values | state),
            outputs=tuple(fields.values()),
            to_state=component_script("policy_state.js"),
        )

    def apply_state(self, state: Mapping[str, AddressValue | None]) -> ComponentUpdates:
        """Set the controls to what an address says; ``state`` has all of them."""
        return {
            self.model: state["sweep"],
            self.difficulty: state["difficulty"],
            self.cost_column: state["compute"],
            self.total: int(str(state["samples"])),
        }

    # --- what it does -----------------------------------------------------------------------------

    @guarded(clear=("heat",))
    def table(self, model: str, difficulty: str, cell: tuple[int, int]) -> ComponentUpdates:
        """The table, and the evidence behind one of its cells."""
        cells = self._cached_cells(model, _difficulty_method(difficulty))
        here = _find_cell(cells, cell)
        picked = here.bin, here.budget
        return {
            self.heat: policy_view.policy_table(
                cells, picked, self._cached_ties(model, _difficulty_method(difficulty))
            ),
            self.cell: picked,
            self.foot: results_source(self._results_store.model_results(model)),
            self.banner: "",
        } | self._evidence_updates(model, difficulty, here)

    @guarded()
    def pick(self, model: str, difficulty: str, event: gr.EventData) -> ComponentUpdates:
        """The evidence behind the cell that was pressed."""
        cells = self._cached_cells(model, _difficulty_method(difficulty))
        cell = _find_cell(cells, (_number(event.bin), _number(event.budget)))
        picked = {self.cell: (cell.bin, cell.budget)}
        return picked | self._evidence_updates(model, difficulty, cell)

    @guarded(clear=("headline",))
    def draw_curves(
        self, model: str, difficulty: str, cell: tuple[int, int], cost_column: str, narrow: bool
    ) -> ComponentUpdates:
        """The curve of the policy, how much less it needs, and what it loses against hindsight."""
        curves = self._cached_lines(model)
        ratios = cross_fitting.compute_ratios(curves, difficulty, cost_column)
        # A point whose probe is paid stands at N and the probe; it is called by its N.
        ratios["budget"] = cross_fitting.compute_ratios(curves, "predicted")["budget"]
        caption = (
            f"{policy_view.LINE_LABELS[difficulty]} · answer by weighted vote · compute in "
            f"{COST_AXES[cost_column].unit}"
        )
        figure = policy_view.policy_curves_figure(curves.table, difficulty, cost_column, narrow)
        regret = self._cached_regret(model, _difficulty_method(difficulty))
        return {
            self.figure: plotly_figures.to_plot_data(figure),
            self.won_head: card_heading("What it wins", caption),
            self.headline: policy_view.compute_savings(ratios, cell[1], self._finding_ratio()),
            self.regret: policy_view.regret_plot(regret),
            self.banner: "",
        }

    @guarded("shares", "note")
    def draw_allocation(self, model: str, difficulty: str, total: int) -> ComponentUpdates:
        """Who gets how much of a budget that a batch shares."""
        probe = MAX_PROBE if difficulty == "charged" else 0
        gain, who = self._cached_allocation(model, _difficulty_method(difficulty), total, probe)
        return {self.shares: policy_view.allocation_view(gain, who, MAX_PROBE, bool(probe))}

    @guarded("taught", "note")
    def draw_learning(self, model: str, cell: tuple[int, int], narrow: bool) -> ComponentUpdates:
        """What outcomes taught about the cell, and what learning would have been worth."""
        curves = policy_view.learning_curves(self._cached_replay(model, cell[1]), narrow)
        return self._posterior_updates(model, cell) | {
            self.time: plotly_figures.to_plot_data(curves)
        }

    @guarded()
    def forget_outcomes(self) -> ComponentUpdates:
        """Forget all outcomes."""
        if self._learner is not None:
            self._learner.forget()
        return {self.banner: ""}

    def csv_table(self, model: str) -> str:
        """All curves of the policy and of the static strategies as comma-separated values.

        Raises:
            BadInput: the results cannot carry a policy.
        """
        table = self._cached_lines(model).table.assign(model=model)
        return str(table.to_csv(index=False, float_format="%.6g", lineterminator="\n"))

    # --- the computations -------------------------------------------------------------------------

    def _evidence_updates(self, model: str, difficulty: str, cell: PolicyCell) -> ComponentUpdates:
        measured = self._cached_points(model, _difficulty_method(difficulty))
        here = measured[(measured["bin"] == cell.bin) & (measured["budget"] == cell.budget)]
        counted = count_noun(len(cell.candidates), "strategy", "strategies")
        caption = f"bin {policy_view.QUINTILE_LABELS[cell.bin]}, N = {cell.budget}: {counted}"
        return {
            self.evidence_head: card_heading("The evidence", caption),
            self.evidence: policy_view.cell_evidence(cell, here),
        }

    def _difficulty_estimates(self, model: str) -> dict[str, pd.Series]:
        """Ease by ``oracle`` and ``predicted`` difficulty. Raises BadInput."""
        if model not in self._results_store.models:
            raise BadInput("There are no results of this model: choose another.")
        results = self._results_store.model_results(model).results
        if results.probe is None or results.probe["score"].isna().any():
            raise BadInput("A policy needs a probe scored by a verifier: sweep with both.")
        return cross_fitting.easiness_estimates(results.probe)

    def _compute_cells(self, model: str, easiness: str) -> tuple[PolicyCell, ...]:
        easy = self._difficulty_estimates(model)[easiness]
        cells = cross_fitting.cells(
            self._results_store.model_results(model).evidence, easy, seed=ESTIMATION_SEED
        )
        if not cells:
            raise BadInput(
                "There is nothing to choose between: sweep more strategies than best-of-N."
            )
        return cells

    def _compute_ties(
        self, model: str, easiness: str
    ) -> dict[tuple[int, int], tuple[StrategyChoice, ...]]:
        easy = self._difficulty_estimates(model)[easiness]
        return cross_fitting.tied_arms(
            self._results_store.model_results(model).evidence, easy, seed=ESTIMATION_SEED
        )

    def _finding_ratio(self) -> str:
        """What finding F7 says of searches alone, in words; empty where it was not tested."""
        with suppress(BadInput):
            for finding in load_findings(self._results_store.folder / FINDINGS_FILE) or []:
                if finding.id == "F7" and finding.estimate is not None:
                    return f"{format_estimate(finding)}: {finding.verdict}"
        return ""

    def _compute_points(self, model: str, easiness: str) -> pd.DataFrame:
        """Every arm in every bin at every budget, with intervals."""
        easy, table = (
            self._difficulty_estimates(model)[easiness],
            self._results_store.model_results(model).table,
        )
        arms = [arm for arm in table.arms if arm[2] == SELECTOR and arm[0] != "auto"]
        return curve_points(
            table,
            arms,
            easiness=cross_fitting.easiness_of_questions(easy, table.questions),
            seed=ESTIMATION_SEED,
        )

    def _compute_lines(self, model: str) -> PolicyCurves:
        easiness, model_results = (
            self._difficulty_estimates(model),
            self._results_store.model_results(model),
        )
        return cross_fitting.policy_curves(
            model_results.evidence,
            easiness,
            probe_cost(model_results.results, ESTIMATION_SEED),
            seed=ESTIMATION_SEED,
        )

    def _compute_regret(self, model: str, easiness: str) -> pd.DataFrame:
        easy = self._difficulty_estimates(model)[easiness]
        return cross_fitting.policy_regret(
            self._results_store.model_results(model).evidence, easy, seed=ESTIMATION_SEED
        )

    def _compute_allocation(
        self, model: str, easiness: str, total: int, probe: int
    ) -> tuple[pd.Series, pd.DataFrame]:
        easy, found = (
            self._difficulty_estimates(model)[easiness],
            self._results_store.model_results(model).evidence,
        )
        gained = allocation.shared_budget_gain(
            found, easy, [total], probe, ALLOCATION_RESAMPLES, ESTIMATION_SEED
        )
        return gained.iloc[0], allocation.shared_budget_allocation(
            found, easy, total, ESTIMATION_SEED
        )

    def _compute_replay(self, model: str, budget: int) -> pd.DataFrame:
        easy = self._difficulty_estimates(model)["predicted"]
        return bandit_outcomes.replay_regret(
            self._results_store.model_results(model).evidence, easy, budget, seed=ESTIMATION_SEED
        )

    def _posterior_updates(self, model: str, cell: tuple[int, int]) -> ComponentUpdates:
        learner = self._learner
        if learner is None:
            return self._no_posteriors("", NO_POLICY_MESSAGE)
        policy, owner = learner.policy, learner.policy.about.get("model")
        total = len(learner.outcomes)
        caption = f"{count_noun(total, 'outcome')} so far"
        of_this_model = owner == self._results_store.model_results(model).results.about["model"]
        if not of_this_model or cell[1] not in policy.budgets:
            return self._no_posteriors(caption, OTHER_MODEL_HINT.format(owner))
        here = policy.cell(*cell)
        intervals = posterior_intervals(here, learner.outcomes)
        return {
            self.learning_head: card_heading(LEARNING_TITLE, caption),
            self.beliefs: policy_view.posterior_plot(here, *intervals),
            self.forget: gr.update(visible=learner.learns, interactive=total > 0),
            self.taught: policy_view.learning_note(
                learner.outcomes.notice or (LEARNING_HINT if learner.learns else NO_LEARNING_HINT)
            ),
        }

    def _no_posteriors(self, caption: str, reason: str) -> ComponentUpdates:
        return {
            self.learning_head: card_heading(LEARNING_TITLE, caption),
            self.beliefs: "",
            self.forget: gr.update(visible=False),
            self.taught: policy_view.learning_note(reason),
        }


def posterior_intervals(
    cell: PolicyCell, learnt: OutcomeStore
) -> tuple[list[tuple[int, int]], list[tuple[float, float, float]]]:
    """Of each candidate of a cell: outcomes (right, asked), and its posterior's mean and middle 95
    %."""
    counts = [learnt.counts(cell.bin, cell.budget, each.choice) for each in cell.candidates]
    prior = np.array([each.prior for each in cell.candidates])
    a, b = bandit_outcomes.beta_posterior(prior, *np.array(counts, float).T)
    drawn = np.random.default_rng(ESTIMATION_SEED).beta(a, b, (POSTERIOR_DRAWS, len(a)))
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    mean = a / (a + b)
    intervals = zip(mean.tolist(), low.tolist(), high.tolist(), strict=True)
    return counts, list(intervals)


def _difficulty_method(difficulty: str) -> str:
    """Whether bins are by ``oracle`` or ``predicted`` difficulty."""
    return "oracle" if difficulty == "oracle" else "predicted"


def _find_cell(cells: tuple[PolicyCell, ...], wanted: tuple[int, int]) -> PolicyCell:
    """The wanted cell, or that of the middle bin at the middle budget."""
    budgets = sorted({cell.budget for cell in cells})
    middle = 3, budgets[len(budgets) // 2]
    places = {(cell.bin, cell.budget): cell for cell in cells}
    bin_number, budget = wanted  # the page sends a list
    return places.get((bin_number, budget)) or places[middle]


def _number(text: object) -> int:
    """A number as the page sends it; 0, which no cell has, for anything else."""
    return int(str(text)) if str(text).isdecimal() else 0
