"""The Policy page without a browser: what its figures say, what a press shows, and learning from
runs."""

from __future__ import annotations

import copy
import math
import re
from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pandas as pd
import pytest

from tests.experiments.synthetic import save, synthetic
from tests.ui.toy_solver import finished_run
from ttc_explorer.experiments import cross_fitting
from ttc_explorer.experiments.bandit_outcomes import PRIOR_STRENGTH, OutcomeStore
from ttc_explorer.experiments.compute_optimal_policy import Policy
from ttc_explorer.experiments.cross_fitting import Candidate, PolicyCell
from ttc_explorer.models.protocol import StrategyChoice
from ttc_explorer.serving import outcome_learner
from ttc_explorer.serving.outcome_learner import OutcomeLearner, open_outcomes
from ttc_explorer.ui.components import policy_view
from ttc_explorer.ui.components.dot_plot import Dot, dot_plot
from ttc_explorer.ui.components.guarded_handler import INTERNAL_ERROR_MESSAGE
from ttc_explorer.ui.pages import policy_page as module
from ttc_explorer.ui.pages.policy_page import PolicyPage, posterior_intervals
from ttc_explorer.ui.results_store import ResultsStore

BEAM, BEST = StrategyChoice("beam", (("width", 2),)), StrategyChoice("best_of_n")


def taught_policy(model="synthetic"):
    candidates = (Candidate(BEST, 0.6, 0.52), Candidate(BEAM, 0.4, 0.5))
    cells = tuple(
        PolicyCell(bin, budget, 8, 0.5, 0.4, 0.6, candidates)
        for budget in (4, 16, 64)
        for bin in range(1, 6)
    )
    about = {"model": model, "verifier": "synthetic-prm"}
    return Policy(about, (0.2, 0.4, 0.6, 0.8), cells)


@pytest.fixture(scope="module")
def results_store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("experiments")
    save(synthetic(30, 16).results, folder / "base")
    save(replace(synthetic(30, 4).results, probe=None), folder / "bare")
    return ResultsStore(folder)


@pytest.fixture(scope="module")
def learner(tmp_path_factory):
    return OutcomeLearner(
        taught_policy(), OutcomeStore(tmp_path_factory.mktemp("kept") / "outcomes.json"), False
    )


@pytest.fixture(scope="module")
def page(results_store, learner):
    with gr.Blocks():
        return PolicyPage(results_store, learner)


def text_of(html):
    return re.sub(r"<[^>]+>", " ", html)


# --- the table and its evidence -------------------------------------------------------------------


@pytest.mark.slow
def test_table_shows_the_choice_of_every_cell_and_a_press_its_arms(page, results_store):
    frame = page.table("base", "predicted", (3, 16))
    heat = frame[page.heat]
    model_results = results_store.model_results("base")
    cells = cross_fitting.cells(
        model_results.evidence,
        cross_fitting.easiness_estimates(model_results.results.probe)["predicted"],
    )
    ties = page._cached_ties("base", "predicted")
    assert heat.count('class="cell"') == len(cells)
    assert re.findall(r'data-bin="(\d)" data-budget="(\d+)" aria-pressed="true"', heat) == [
        ("3", "16")
    ]
    for cell in cells:
        shown = re.search(rf'data-bin="{cell.bin}" data-budget="{cell.budget}".*?</button>', heat)[
            0
        ]
        tied = ties[cell.bin, cell.budget]
        named = tied[0] if len(tied) > 1 else cell.choice
        assert policy_view.short_title(named) in shown
        assert ('class="tie"' in shown) == (len(tied) > 1)
        assert f"<b>{cell.accuracy:.0%}</b>" in shown

    picked = page.pick("base", "predicted", SimpleNamespace(bin="5", budget="4"))
    cell = next(cell for cell in cells if (cell.bin, cell.budget) == (5, 4))
    assert picked[page.cell] == (5, 4)
    assert picked[page.evidence].count("<li") == len(cell.candidates)
    assert f"{cell.accuracy:.1%}" in picked[page.evidence]
    means = re.findall(r'class="figure">(\d+)%', picked[page.evidence])
    assert [int(mean) for mean in means] == sorted(map(int, means), reverse=True)


def test_a_cell_that_is_not_there_falls_back_to_the_middle(page):
    assert page.pick("base", "predicted", SimpleNamespace(bin="9", budget="x"))[page.cell][0] == 3


def test_results_that_cannot_carry_a_policy_are_said_in_one_sentence(page):
    for frame in (page.table("bare", "predicted", (3, 4)), page.table("nobody", "oracle", (3, 4))):
        assert frame[page.banner].count("banner") == 1
        assert "\n" not in text_of(frame[page.banner])


def test_without_results_the_page_says_how_to_make_them(tmp_path):
    with gr.Blocks():
        empty = PolicyPage(ResultsStore(tmp_path), None)
    assert "ttc_explorer sweep" in empty.banner.value


# --- what it wins ---------------------------------------------------------------------------------


def test_headline_and_curve_are_those_of_choosing(page, results_store):
    frame = page.draw_curves("base", "predicted", (3, 16), "budget", False)
    model_results = results_store.model_results("base")
    found = page._cached_lines("base")
    row = cross_fitting.compute_ratios(found, "predicted").set_index("budget").loc[16]
    assert policy_view.describe_ratio(row.ratio, row.low, row.high)[0] in frame[page.headline]
    drawn = policy_view.policy_curves_figure(found.table, "charged", "all_tokens", False)
    marked = [trace for trace in drawn["data"] if "text" in trace]
    line = next(trace for trace in marked if policy_view.LINE_LABELS["charged"] in trace["text"][0])
    rows = found.table[found.table["line"] == "charged"].sort_values("all_tokens")
    assert line["x"] == rows["all_tokens"].tolist()
    assert line["y"] == rows["accuracy"].tolist()
    arms = {arm[:2] for arm in model_results.table.arms if arm[2] == "weighted"}
    assert len(marked) == len(arms) + 1
    assert page.csv_table("base").count("\n") == len(found.table) + 1


def test_a_probe_that_is_paid_is_in_the_headline_of_the_cell_that_is_looked_at(page):
    """The point at N = 16 costs 16 samples and the probe; the headline is called by its N."""
    frame = page.draw_curves("base", "charged", (3, 16), "flops", False)
    row = cross_fitting.compute_ratios(page._cached_lines("base"), "charged", "flops").iloc[2]
    figure, note = policy_view.describe_ratio(row.ratio, row.low, row.high)
    assert f'class="figure">{figure}</p>' in frame[page.headline]
    assert f"{note} at N = 16" in frame[page.headline]


def test_arms_that_are_not_shown_to_be_worse_are_tied_and_the_cheapest_is_named():
    questions = np.arange(60)
    coin = np.random.default_rng(0).random(60)
    columns = ["generated_tokens", "verifier_tokens", "flops"]
    tables = [
        pd.DataFrame({"question": questions, "strategy": strategy, "value": value}).assign(
            settings="{}", selector="weighted", budget=4, **dict.fromkeys(columns, cost)
        )
        for strategy, value, cost in (
            ("best_of_n", (coin < 0.5).astype(float), 2.0),
            ("beam", np.roll(coin < 0.5, 1).astype(float), 1.0),
            ("dvts", np.zeros(60), 3.0),
        )
    ]
    evidence = pd.concat(tables).reindex(
        columns=[
            *("question", "strategy", "settings", "selector", "budget", "value"),
            *cross_fitting.COST_COLUMNS,
        ],
        fill_value=0.0,
    )
    easiness = pd.Series(np.random.default_rng(1).random(60))
    ties = cross_fitting.tied_arms(evidence, easiness, resamples=200)
    assert all(names[0].strategy == "beam" for names in ties.values() if len(names) > 1)
    assert all("dvts" not in {name.strategy for name in names} for names in ties.values())
    assert any(len(names) == 2 for names in ties.values())


def test_a_ratio_that_is_not_reached_says_so():
    table = pd.DataFrame(
        {"budget": [4, 16], "accuracy": [0.5, 0.6], "ratio": [2.1, math.inf], "low": [1.3, 1.0]}
    ).assign(high=[3.0, math.inf])
    assert ">no saving shown</p>" in policy_view.compute_savings(table, 16, "")
    assert "best-of-N stays below [1.0, never]" in policy_view.compute_savings(table, 16, "")
    assert ">2.1× less</p>" in policy_view.compute_savings(table, 4, "")
    assert "[1.3, 3.0]" in policy_view.compute_savings(table, 4, "")
    assert "finding F7</a> says 0.9 times" in policy_view.compute_savings(table, 4, "0.9 times")


def test_sharing_says_who_gets_how_much(page):
    shown = page.draw_allocation("base", "predicted", 4)[page.shares]
    assert shown.count("<li") == 5
    assert "against everybody alike" in shown
    assert "probe are not counted" in shown
    assert "Only 16 samples" in page.draw_allocation("base", "predicted", 32)[page.shares]


# --- dots -----------------------------------------------------------------------------------------


def test_dots_stand_where_their_values_are():
    rows = [
        Dot("a", "", "beam", 0.5, 0.25, 0.75, "50%", "tip"),
        Dot("<b>", "", "", math.nan, 0, 0, "?", ""),
    ]
    drawn = dot_plot(rows, "{:.2f}".format, mark=0.0)
    low, high = 0.0, 0.8
    assert f'class="dot" style="left:{100 * (0.5 - low) / (high - low):.2f}%' in drawn
    assert drawn.count('class="dot"') == 1
    assert "&lt;b&gt;" in drawn


# --- learning -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run():
    return finished_run()


def told(run, choice='beam {"width": 2}', strategy="auto", stopped="done", **problem):
    """The run as one of ``auto`` that chose so, all its answers right."""
    run = replace(copy.deepcopy(run), strategy=strategy, stopped=stopped)
    run.problem = replace(run.problem, **problem)
    run.correct = dict.fromkeys(run.tree.answer, True)
    run.tree.note("It chose.", bin=2, choice=choice)
    return run


def test_a_finished_run_with_a_known_answer_counts(learner, run):
    before = learner.outcomes.counts(2, 16, BEAM)
    assert learner.record_outcome(told(run))
    assert learner.outcomes.counts(2, 16, BEAM) == (before[0] + 1, before[1] + 1)
    wrong = told(run)
    wrong.correct = dict.fromkeys(wrong.tree.answer, False)
    assert learner.record_outcome(wrong)
    assert learner.outcomes.counts(2, 16, BEAM) == (before[0] + 1, before[1] + 2)


@pytest.mark.parametrize(
    "changes",
    [{"choice": "greedy {}"}, {"answer": None}, {"stopped": "cancelled"}, {"strategy": "beam"}],
)
def test_what_says_nothing_about_the_policy_does_not_count(learner, run, changes):
    before = len(learner.outcomes)
    assert not learner.record_outcome(told(run, **changes))
    assert len(learner.outcomes) == before


def test_strangers_can_neither_teach_nor_clear_for_others(results_store, tmp_path, run):
    kept = OutcomeStore(tmp_path / "outcomes.json")
    kept.add(2, 16, BEAM, True)
    learner = OutcomeLearner(taught_policy(), kept, public=True)
    assert not learner.record_outcome(told(run, family="linear"))
    with gr.Blocks():
        page = PolicyPage(results_store, learner)
    assert "Nothing is learnt here" in page.forget_outcomes()[page.banner]
    assert len(OutcomeStore(tmp_path / "outcomes.json")) == 1
    updates = page._posterior_updates("base", (2, 16))
    assert not updates[page.forget]["visible"]
    assert "Strangers share this page" in updates[page.taught]


def test_where_strangers_share_a_machine_no_file_is_read_or_written(monkeypatch, tmp_path):
    file = tmp_path / "outcomes.json"
    monkeypatch.setattr(outcome_learner, "OUTCOMES_FILE", file)
    open_outcomes(public=True).add(1, 4, BEST, True)
    assert not file.exists()
    open_outcomes(public=False).add(1, 4, BEST, True)
    assert len(open_outcomes(public=False)) == 1
    assert len(open_outcomes(public=True)) == 0


def test_beliefs_are_the_posteriors_and_can_be_forgotten(page, learner):
    cell = learner.policy.cell(2, 16)
    for right in (True,) * 9 + (False,):
        learner.outcomes.add(2, 16, BEAM, right)
    counts, reach = posterior_intervals(cell, learner.outcomes)
    right, asked = counts[1]
    mean = (1 + PRIOR_STRENGTH * 0.5 + right) / (2 + PRIOR_STRENGTH + asked)
    assert reach[1][0] == pytest.approx(mean)
    assert reach[1][1] < mean < reach[1][2]
    frame = page.draw_learning("base", (2, 16), False)
    assert f"{mean:.0%}" in frame[page.beliefs]
    assert page.time in frame
    assert frame[page.forget]["interactive"]
    assert page.forget_outcomes() == {page.banner: ""}
    assert len(learner.outcomes) == 0
    assert not page._posterior_updates("base", (2, 16))[page.forget]["interactive"]


def test_beliefs_stand_only_beside_the_table_of_their_model(results_store, tmp_path):
    other = OutcomeLearner(taught_policy("other"), OutcomeStore(tmp_path / "o.json"), False)
    with gr.Blocks():
        page = PolicyPage(results_store, other)
        untaught = PolicyPage(results_store, None)
    assert "other" in page._posterior_updates("base", (2, 16))[page.taught]
    assert "ttc_explorer policy" in untaught._posterior_updates("base", (2, 16))[untaught.taught]


def test_a_fault_of_ours_is_a_sentence(page, monkeypatch):
    monkeypatch.setattr(module.policy_view, "allocation_view", lambda *_: 1 / 0)
    assert (
        INTERNAL_ERROR_MESSAGE.split(";")[0]
        in page.draw_allocation("base", "predicted", 2)[page.shares]
    )


def test_learning_draws_every_learner():
    rounds = np.arange(1, 6)
    table = pd.concat(
        pd.DataFrame(
            {"learner": name, "round": rounds, "regret": rounds * 0.1, "low": 0.0, "high": 1.0}
        )
        for name in policy_view.LEARNERS
    )
    drawn = policy_view.learning_curves(table, narrow=False)
    assert {note["text"] for note in drawn["layout"]["annotations"]} == {
        shown for shown, _ in policy_view.LEARNERS.values()
    }
