"""The Policy page without a browser: what its figures say, what a press shows, and learning from runs."""

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
from tests.ui.toys import finished_run
from ttc_explorer.experiments import choosing
from ttc_explorer.experiments.choosing import Candidate, Cell
from ttc_explorer.experiments.outcomes import PRIOR, Outcomes
from ttc_explorer.experiments.policy import Policy
from ttc_explorer.models.protocol import Choice
from ttc_explorer.ui import policy_board
from ttc_explorer.ui.dots import Dot, dots
from ttc_explorer.ui.learner import Learner, kept
from ttc_explorer.ui.library import Library
from ttc_explorer.ui.pages import policy as module
from ttc_explorer.ui.pages.policy import PolicyPage, posteriors

BEAM, BEST = Choice("beam", (("width", 2),)), Choice("best_of_n")


def taught_policy(model="synthetic"):
    candidates = (Candidate(BEST, 0.6, 0.52), Candidate(BEAM, 0.4, 0.5))
    cells = tuple(
        Cell(bin, budget, 8, 0.5, 0.4, 0.6, candidates) for budget in (4, 16, 64) for bin in range(1, 6)
    )
    about = {"model": model, "verifier": "synthetic-prm"}
    return Policy(about, (0.2, 0.4, 0.6, 0.8), cells)


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("experiments")
    save(synthetic(30, 16).results, folder / "base")
    save(replace(synthetic(30, 4).results, probe=None), folder / "bare")
    return Library(folder)


@pytest.fixture(scope="module")
def learner(tmp_path_factory):
    return Learner(taught_policy(), Outcomes(tmp_path_factory.mktemp("kept") / "outcomes.json"), False)


@pytest.fixture(scope="module")
def page(library, learner):
    with gr.Blocks():
        return PolicyPage(library, learner)


def text_of(html):
    return re.sub(r"<[^>]+>", " ", html)


# --- the table and its evidence -------------------------------------------------------------------------


def test_table_shows_the_choice_of_every_cell_and_a_press_its_arms(page, library):
    frame = page.table("base", "predicted", (3, 16))
    heat = frame[page.heat]
    book = library.book("base")
    cells = choosing.cells(book.evidence, choosing.ease_of(book.results.probe)["predicted"])
    assert heat.count('class="cell"') == len(cells)
    assert re.findall(r'data-bin="(\d)" data-budget="(\d+)" aria-pressed="true"', heat) == [("3", "16")]
    for cell in cells:
        shown = re.search(rf'data-bin="{cell.bin}" data-budget="{cell.budget}".*?</button>', heat)[0]
        assert policy_board.short(cell.choice) in shown
        assert f"<b>{cell.accuracy:.0%}</b>" in shown

    picked = page.pick("base", "predicted", SimpleNamespace(bin=5, budget=4))
    cell = next(cell for cell in cells if (cell.bin, cell.budget) == (5, 4))
    assert picked[page.cell] == (5, 4)
    assert picked[page.evidence].count("<li") == len(cell.candidates)
    assert f"{cell.accuracy:.1%}" in picked[page.evidence]
    means = re.findall(r'class="figure">(\d+)%', picked[page.evidence])
    assert [int(mean) for mean in means] == sorted(map(int, means), reverse=True)


def test_a_cell_that_is_not_there_falls_back_to_the_middle(page):
    assert page.pick("base", "predicted", SimpleNamespace(bin=9, budget="x"))[page.cell][0] == 3


def test_results_that_cannot_carry_a_policy_are_said_in_one_sentence(page):
    for frame in (page.table("bare", "predicted", (3, 4)), page.table("nobody", "oracle", (3, 4))):
        assert frame[page.banner].count("banner") == 1
        assert "\n" not in text_of(frame[page.banner])


def test_without_results_the_page_says_how_to_make_them(tmp_path):
    with gr.Blocks():
        empty = PolicyPage(Library(tmp_path), None)
    assert "ttc_explorer sweep" in empty.banner.value


# --- what it wins ---------------------------------------------------------------------------------------


def test_headline_and_curve_are_those_of_choosing(page, library):
    frame = page.win("base", "predicted", (3, 16), "budget", False)
    book = library.book("base")
    found = page._lines("base")
    row = choosing.ratios(found, "predicted").set_index("budget").loc[16]
    assert policy_board.factor(row.ratio, row.low, row.high)[0] in frame[page.headline]
    drawn = policy_board.won(found.table, "charged", "all_tokens", False)
    marked = [trace for trace in drawn["data"] if "text" in trace]
    line = next(trace for trace in marked if policy_board.LINES["charged"] in trace["text"][0])
    rows = found.table[found.table["line"] == "charged"].sort_values("all_tokens")
    assert line["x"] == rows["all_tokens"].tolist()
    assert line["y"] == rows["accuracy"].tolist()
    arms = {arm[:2] for arm in book.table.arms if arm[2] == "weighted"}
    assert len(marked) == len(arms) + 1
    assert page.sheet("base")[0].count("\n") == len(found.table) + 1


def test_a_ratio_that_is_not_reached_says_so():
    table = pd.DataFrame(
        {"budget": [4, 16], "accuracy": [0.5, 0.6], "ratio": [2.1, math.inf], "low": [1.3, 1.0]}
    ).assign(high=[3.0, math.inf])
    assert "not reached" in policy_board.headline(table, 16)
    assert ">2.1× less</p>" in policy_board.headline(table, 4)
    assert "[1.3, 3.0]" in policy_board.headline(table, 4)


def test_sharing_says_who_gets_how_much(page):
    shown = page.share("base", "predicted", 4)[page.shares]
    assert shown.count("<li") == 5
    assert "against everybody alike" in shown
    assert "Only 16 samples" in page.share("base", "predicted", 32)[page.shares]


# --- dots -----------------------------------------------------------------------------------------------


def test_dots_stand_where_their_values_are():
    rows = [Dot("a", "", "beam", 0.5, 0.25, 0.75, "50%", "tip"), Dot("<b>", "", "", math.nan, 0, 0, "?", "")]
    drawn = dots(rows, "{:.2f}".format, mark=0.0)
    low, high = 0.0, 0.8
    assert f'class="dot" style="left:{100 * (0.5 - low) / (high - low):.2f}%' in drawn
    assert drawn.count('class="dot"') == 1
    assert "&lt;b&gt;" in drawn


# --- learning -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run():
    return finished_run()


def told(run, choice="Beam search (width 2)", strategy="auto", stopped="done", **problem):
    """The run as one of ``auto`` that chose so, all its answers right."""
    run = replace(copy.deepcopy(run), strategy=strategy, stopped=stopped)
    run.problem = replace(run.problem, **problem)
    run.correct = dict.fromkeys(run.tree.answer, True)
    run.tree.note("It chose.", bin=2, choice=choice)
    return run


def test_a_finished_run_with_a_known_answer_counts(learner, run):
    before = learner.outcomes.of(2, 16, BEAM)
    assert learner.hear(told(run))
    assert learner.outcomes.of(2, 16, BEAM) == (before[0] + 1, before[1] + 1)
    wrong = told(run)
    wrong.correct = dict.fromkeys(wrong.tree.answer, False)
    assert learner.hear(wrong)
    assert learner.outcomes.of(2, 16, BEAM) == (before[0] + 1, before[1] + 2)


@pytest.mark.parametrize(
    "changes", [{"choice": "Greedy"}, {"answer": None}, {"stopped": "cancelled"}, {"strategy": "beam"}]
)
def test_what_says_nothing_about_the_policy_does_not_count(learner, run, changes):
    before = len(learner.outcomes)
    assert not learner.hear(told(run, **changes))
    assert len(learner.outcomes) == before


def test_strangers_cannot_teach_with_an_answer_that_they_typed(tmp_path, run):
    learner = Learner(taught_policy(), Outcomes(tmp_path / "outcomes.json"), strangers=True)
    assert not learner.hear(told(run, family=None))
    assert learner.hear(told(run, family="linear"))


def test_where_strangers_share_a_machine_outcomes_stay_in_the_process():
    one, two = kept(strangers=True), kept(strangers=True)
    one.add(1, 4, BEST, True)
    assert len(two) == 0


def test_beliefs_are_the_posteriors_and_can_be_forgotten(page, learner):
    cell = learner.policy.cell(2, 16)
    for right in (True,) * 9 + (False,):
        learner.outcomes.add(2, 16, BEAM, right)
    counts, reach = posteriors(cell, learner.outcomes)
    right, asked = counts[1]
    mean = (1 + PRIOR * 0.5 + right) / (2 + PRIOR + asked)
    assert reach[1][0] == pytest.approx(mean)
    assert reach[1][1] < mean < reach[1][2]
    frame = page.learn("base", (2, 16), False)
    assert f"{mean:.0%}" in frame[page.beliefs]
    assert page.time in frame
    assert frame[page.forget]["interactive"]
    assert page.clear() == ""
    assert len(learner.outcomes) == 0
    assert not page._believed("base", (2, 16))[page.forget]["interactive"]


def test_beliefs_stand_only_beside_the_table_of_their_model(library, tmp_path):
    other = Learner(taught_policy("other"), Outcomes(tmp_path / "o.json"), False)
    with gr.Blocks():
        page = PolicyPage(library, other)
        untaught = PolicyPage(library, None)
    assert "other" in page._believed("base", (2, 16))[page.taught]
    assert "ttc_explorer policy" in untaught._believed("base", (2, 16))[untaught.taught]


def test_a_fault_of_ours_is_a_sentence(page, monkeypatch):
    monkeypatch.setattr(module.policy_board, "sharing", lambda *_: 1 / 0)
    assert module.OUR_FAULT.split(";")[0] in page.share("base", "predicted", 2)[page.shares]


def test_learning_draws_every_learner():
    rounds = np.arange(1, 6)
    table = pd.concat(
        pd.DataFrame({"learner": name, "round": rounds, "regret": rounds * 0.1, "low": 0.0, "high": 1.0})
        for name in policy_board.LEARNERS
    )
    drawn = policy_board.learning(table, narrow=False)
    assert {note["text"] for note in drawn["layout"]["annotations"]} == {
        shown for shown, _ in policy_board.LEARNERS.values()
    }
