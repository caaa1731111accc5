"""The Exchange page without a browser: the formula on screen, who wins, the front, the energy."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import pandas as pd
import pytest

from tests.experiments.synthetic import save, synthetic
from ttc_explorer.experiments.energy import (
    DEVICES,
    break_even_queries,
    flops_to_joules,
    lifetime_cost,
)
from ttc_explorer.experiments.model_size_exchange import (
    OUT_OF_RANGE,
    PAPER_RATIOS,
    inference_multiplier,
)
from ttc_explorer.ui.components import exchange_view
from ttc_explorer.ui.components.exchange_view import AnswerCost, ExchangeInputs
from ttc_explorer.ui.pages.exchange_page import ExchangePage, _trained_models
from ttc_explorer.ui.results_store import ResultsStore

TOKENS = 1_000_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("assets")
    for name, parameters in (("base-s", 1000), ("base-l", 5000)):
        results = synthetic(30, 16, seed=parameters).results
        about = dict(results.about) | {"model": name, "parameters": parameters}
        save(replace(results, about=about), folder / "experiments" / name)
    for name in ("base-s", "base-l", "synthetic-prm"):
        (folder / "models" / name).mkdir(parents=True)
        log = pd.DataFrame({"step": [1, 2], "tokens": [TOKENS // 2, TOKENS]})
        log.to_parquet(folder / "models" / name / "training.parquet")
    return folder


@pytest.fixture(scope="module")
def page(folder):
    with gr.Blocks():
        return ExchangePage(ResultsStore(folder / "experiments"), folder / "models")


@pytest.fixture(scope="module")
def alone(folder):
    with gr.Blocks():
        return ExchangePage(ResultsStore(folder), folder / "models")


def text_of(html):
    return re.sub(r"<[^>]+>", "", html)


# --- the formula ----------------------------------------------------------------------------------


@pytest.mark.parametrize("ratio", PAPER_RATIOS)
@pytest.mark.parametrize("verifier", [0.0, 0.5, 1.0])
def test_formula_on_screen_is_that_of_exchange(ratio, verifier):
    shown = text_of(exchange_view.formula_html(ExchangeInputs(14, ratio, verifier)))
    assert f"m = {exchange_view.format_number(inference_multiplier(14, ratio, verifier))}" in shown
    filled = re.search(
        r"= \(([\d.]+) \+ 3 · \(([\d.]+) − 1\) / ([\d.]+)\) / \(1 \+ ([\d.]+)\)", shown
    )
    larger, again, r, v = map(float, filled.groups())
    assert larger == again == 14
    assert (larger + 3 * (larger - 1) / r) / (1 + v) == pytest.approx(
        inference_multiplier(14, ratio, verifier)
    )


def test_every_number_of_the_formula_explains_itself():
    shown = exchange_view.formula_html(ExchangeInputs(14, 0.79, 1.0))
    formula = re.search(r'<div class="formula">(.*?)</div>', shown)[1]
    assert formula.count("data-tip") == formula.count('class="term"') == 11


@pytest.mark.slow
def test_without_a_pair_the_formula_works_and_the_page_says_what_is_missing(alone):
    assert "ttc_explorer sweep" in alone.banner.value
    frame = alone.draw_formula(None, None, 14, "free", math.log10(22))
    assert (
        f"m = {exchange_view.format_number(inference_multiplier(14, 22))}" in frame[alone.formula]
    )
    assert alone.banner not in frame
    for wrong in (0.5, None, 1e9, float("nan")):
        assert "M must be" in alone.draw_formula(None, None, wrong, "free", 0.0)[alone.banner]


def test_a_mark_sets_the_slider(page):
    for ratio in PAPER_RATIOS:
        assert 10 ** page.pick_ratio(SimpleNamespace(ratio=str(ratio))) == pytest.approx(ratio)
        assert f'data-ratio="{ratio}"' in exchange_view.ratio_buttons()


# --- who wins -------------------------------------------------------------------------------------


def compared(page, ratio, **changes):
    chosen = {"small": "base-s", "large": "base-l", "larger": 14, "verifier": "counted"} | changes
    return page.draw_winners(
        **chosen, ratio=math.log10(ratio), spending=changes.get("spending", "best_of_n")
    )


@pytest.mark.slow
def test_who_wins_is_said_in_words_for_every_bin(page):
    shown = compared(page, 22)[page.wins]
    table = page._cached_exchange("base-s", "base-l", "counted", 10 ** math.log10(22), "best_of_n")
    assert shown.count("<li") == 6
    words = re.findall(r'class="figure">([^<]+)<', shown)
    assert words == [exchange_view.WINNER_LABELS[winner] for winner in table["winner"]]
    assert table["budget"].iloc[0] == pytest.approx(inference_multiplier(5, 22, 0.5))


def test_beyond_what_was_measured_nothing_is_claimed(page):
    frame = compared(page, 0.16)
    assert "Beyond what was measured" in frame[page.wins]
    assert "<li" not in frame[page.wins]
    row = re.search(r"R = 0.16.*?</tr>", frame[page.pattern])[0]
    assert "out of reach: the sweep goes to N = 16" in row


def test_the_verifier_switch_changes_m(page):
    counted, free = (
        page._exchange_inputs("base-s", "base-l", 0, cost, 0.0) for cost in ("counted", "free")
    )
    assert counted.inference_multiplier == pytest.approx(inference_multiplier(5, 1, 0.5))
    assert free.inference_multiplier == pytest.approx(inference_multiplier(5, 1))


def test_a_pair_the_wrong_way_round_is_one_sentence(page):
    frame = page.draw_formula("base-l", "base-s", 14, "free", 0.0)
    assert "not larger" in frame[page.banner]


def test_colours_of_winners_say_small_large_and_open():
    table = pd.DataFrame(
        {"bin": range(6), "budget": 4.0, "small": 0.5, "large": 0.4, "difference": 0.1, "low": 0.0}
    ).assign(high=0.2, winner=["open", "small", "large", "open", "small", "large"])
    shown = exchange_view.winners_table({0.79: table, 0.16: table.assign(winner=OUT_OF_RANGE)}, 4)
    assert re.findall(r'<td class="(\w+)"', shown) == [
        *("small", "large", "open", "small", "large"),
        "beyond",
    ]


# --- the front and the energy ---------------------------------------------------------------------


def test_front_counts_training_only_where_asked(page):
    alone, shared = page._cached_front(0.0, "free"), page._cached_front(100.0, "free")
    extra = (shared["flops"] - alone["flops"]).groupby(shared["model"]).mean()
    assert extra["base-l"] == pytest.approx(6 * 5000 * TOKENS / 100)
    drawn = exchange_view.pareto_figure(alone, ["base-s", "base-l"], False, False)
    names = [trace["name"] for trace in drawn["data"]]
    assert names == ["nothing beats it", "base-s", "base-l"]
    stairs = drawn["data"][0]
    assert stairs["y"] == sorted(stairs["y"])
    assert page.draw_front("free", "total", 6, False)


def test_energy_on_screen_is_that_of_energy():
    small = AnswerCost("small", 1e9, 5e6, 0.6, ("base-s", "reviser"))
    large = AnswerCost("large", 1e10, 1e6, 0.58, ("base-l",))
    shown = text_of(exchange_view.energy_table(small, large, "h100", 1e6))
    even = break_even_queries(1e9, 5e6, 1e10, 1e6)
    assert exchange_view.format_si(even).strip() in shown
    total = flops_to_joules(lifetime_cost(1e9, 5e6, 1e6), "h100")
    assert exchange_view.format_energy(total) in shown
    assert DEVICES["h100"].source in shown
    assert "estimate" in shown
    assert "trained: base-s, reviser" in shown
    assert "the small model is right 2.0 points more often" in shown
    assert "never" in text_of(
        exchange_view.energy_table(replace(small, query=1.0), large, "local", 1)
    )


def test_energy_compares_ways_that_are_equally_accurate_and_charges_all_that_was_trained(page):
    small, large = page._answer_costs("base-s", "base-l", "counted", "best_of_n")
    assert 0 < small.accuracy <= 1
    one = page._results_store.model_results("base-l").results.runs
    assert large.accuracy == pytest.approx(
        one[one["strategy"] == "greedy"].groupby("question")["majority"].mean().mean()
    )
    assert small.training == pytest.approx(6 * TOKENS * (1000 + 500))
    assert large.training == pytest.approx(6 * TOKENS * 5000)
    shown = page.draw_energy("base-s", "base-l", "counted", "best_of_n", "local", 6)[page.energy]
    assert small.name in shown


def test_a_way_that_revises_needs_the_reviser_and_its_verifier_trained():
    about = {"model": "s", "parameters": 10, "verifier": "prm", "verifier_parameters": 5}
    about |= {"reviser": "r", "revision_verifier": "rp"}
    assert _trained_models(about, {"revise"}, "counted") == {"s": 10, "r": 10, "rp": 5}
    assert _trained_models(about, {"revise"}, "free") == {"s": 10, "r": 10}
    assert _trained_models(about, {"beam"}, "counted") == {"s": 10, "prm": 5}
    assert set(_trained_models(about, {"beam", "revise"}, "counted")) == {"s", "r", "prm", "rp"}


def test_a_larger_model_without_a_greedy_run_is_one_sentence(folder, tmp_path):
    results = synthetic(30, 16, seed=5000).results
    about = dict(results.about) | {"model": "base-l", "parameters": 5000}
    save(synthetic(30, 16, seed=1000).results, tmp_path / "base-s")
    save(replace(results, about=about, runs=None), tmp_path / "base-l")
    with gr.Blocks():
        page = ExchangePage(ResultsStore(tmp_path), folder / "models")
    assert "no greedy run" in compared(page, 22)[page.banner]


@pytest.mark.slow
def test_a_model_of_unknown_training_is_said_in_one_sentence(folder, tmp_path):
    with gr.Blocks():
        page = ExchangePage(ResultsStore(folder / "experiments"), tmp_path)
    assert (
        "on how many tokens"
        in page.draw_energy("base-s", "base-l", "free", "best_of_n", "local", 6)[page.energy]
    )
