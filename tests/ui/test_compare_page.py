"""Compare without a browser: the rule of equal tokens, figures, pictures, and every handler's
answer."""

import itertools
import json
import math
from operator import attrgetter
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.search.fakes import ToyReviser, Toys, ToyVerifier, toy_run
from tests.ui.toy_solver import PausableGenerator, finished_run, toy_solver
from ttc_explorer.models.protocol import ModelError
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.strategy import STRATEGIES
from ttc_explorer.serving.model_manager import ModelManager
from ttc_explorer.ui.components.strategy_chips import chips_value, pressed_strategies
from ttc_explorer.ui.components.strategy_comparison import (
    MAX_COMPARED,
    ComparedStrategy,
    ComparisonLane,
    comparable_strategies,
    compared_strategies,
    lanes_by_samples,
    lanes_by_tokens,
    largest_budget_within,
    single_trial,
    tokens_processed,
)
from ttc_explorer.ui.pages.compare_page import ComparePage, CompareSession
from ttc_explorer.ui.run_viewer.comparison_stream import ComparisonStream, runs_side_by_side
from ttc_explorer.ui.strategy_colours import colour_style, extra_style

# --- the same budget ------------------------------------------------------------------------------


def settled_at(tokens, max_budget, used):
    """The N that ``largest_budget_within`` settles on if a run at N uses ``used(N)``, and all N
    that it tried."""
    trials, tried = largest_budget_within(tokens, max_budget), []
    try:
        number = next(trials)
        while True:
            tried.append(number)
            number = trials.send(used(number))
    except StopIteration as ending:
        return ending.value, tried


@given(st.integers(0, 5_000), st.lists(st.integers(1, 400), min_size=1, max_size=40))
def test_the_largest_n_fits_and_one_more_does_not(tokens, costs):
    max_budget = len(costs)
    totals = list(itertools.accumulate(costs, initial=0))
    number, tried = settled_at(tokens, max_budget, totals.__getitem__)
    assert totals[number] <= tokens
    assert number == max_budget or totals[number + 1] > tokens
    assert len(tried) == len(set(tried))
    assert all(1 <= each <= max_budget for each in tried)


@pytest.mark.parametrize("cost", [1, 37, 1000])
@pytest.mark.parametrize("prompt", [0, 2])
def test_even_costs_take_few_trials(cost, prompt):
    number, tried = settled_at(100 * cost, 256, lambda n: cost * (prompt + n))
    assert number == 100 - prompt
    assert len(tried) <= 9


def test_costs_that_stop_growing_take_few_trials():
    number, tried = settled_at(
        1000, 256, lambda n: min(995, 100 * n)
    )  # stops early, just below the budget
    assert number == 256
    assert len(tried) <= 12


def play(lanes, toys):
    """All lanes to their ends on one driver, as the page does."""
    for lane in lanes:
        toys.driver.add(lane.run)
    while going := [lane for lane in lanes if not lane.settled]:
        toys.driver.tick()
        for lane in going:
            if lane.over_budget():
                toys.driver.cancel(lane.run)
            if lane.run.stopped is not None and (following := lane.advance()):
                toys.driver.add(following)
    return lanes


def described(entry, number):
    return toy_run(entry.strategy, number, seed=5, **dict([entry.setting] if entry.setting else []))


def compared(tokens, keys):
    return play(
        lanes_by_tokens([comparable_strategies()[key] for key in keys], tokens, described), Toys()
    )


@pytest.mark.slow
@pytest.mark.parametrize("tokens", [40, 700, 2500])
def test_no_strategy_spends_more_than_the_tokens_and_one_more_sample_would(tokens):
    for lane in compared(tokens, comparable_strategies()):
        if lane.run is None:
            over_budget = Toys().drive(described(lane.entry, 1))[0]
            assert tokens_processed(over_budget.ledger) > tokens
            continue
        assert lane.run.stopped in ("done", "budget")
        assert tokens_processed(lane.run.ledger) <= tokens
        if lane.run.budget < lane.entry.max_budget:
            over_budget = Toys().drive(described(lane.entry, lane.run.budget + 1))[0]
            assert tokens_processed(over_budget.ledger) > tokens


def test_a_seed_gives_one_comparison_whoever_shares_it():
    def figures(lanes):
        return {
            lane.entry.key: (lane.run.budget, tokens_processed(lane.run.ledger), lane.run.tree.text)
            for lane in lanes
        }

    keys = ["best_of_n", "beam width=4", "mcts width=4"]
    together = figures(compared(1500, keys))
    assert figures(compared(1500, keys)) == together
    for key in keys:
        assert figures(compared(1500, [key]))[key] == together[key]


def test_by_samples_all_have_the_same_n():
    lanes = play(lanes_by_samples(comparable_strategies().values(), 8, described), Toys())
    assert {lane.run.budget for lane in lanes if lane.entry.max_budget > 1} == {8}
    assert {lane.entry.strategy for lane in lanes if lane.run.budget == 1} == {"greedy"}


def test_a_trial_that_is_stopped_leaves_the_last_one_that_fitted():
    lane = ComparisonLane(
        ComparedStrategy("best_of_n"), largest_budget_within(10_000, 64), 10_000, described
    )
    toys = Toys()
    fitted = toys.drive(lane.run)[0]
    cut = lane.advance()
    cut.stopped = "deadline"
    assert lane.advance() is None
    assert lane.settled
    assert lane.run is fitted


def test_a_stopped_comparison_by_samples_shows_what_there_is():
    lane = ComparisonLane(ComparedStrategy("best_of_n"), single_trial(4), float("inf"), described)
    lane.run.stopped = "cancelled"
    assert lane.advance() is None
    assert lane.run.budget == 4


# --- entries --------------------------------------------------------------------------------------


def test_every_strategy_can_be_compared_and_names_are_unique():
    assert {entry.strategy for entry in comparable_strategies().values()} == set(STRATEGIES)
    assert len({entry.name for entry in comparable_strategies().values()}) == len(
        comparable_strategies()
    )


@pytest.mark.parametrize(
    "keys", [[], ["nonsense"], list(comparable_strategies())[: MAX_COMPARED + 1]]
)
def test_a_choice_that_cannot_be_compared_is_refused(keys):
    with pytest.raises(BadInput):
        compared_strategies(keys)


@pytest.mark.parametrize("value", ["", "[]", "{}", "7", '{"chosen": 7}', "not json"])
def test_a_broken_choice_is_refused(value):
    with pytest.raises(BadInput, match="could not be read"):
        pressed_strategies(value)


# --- the stream -----------------------------------------------------------------------------------

EVIL = '<img src=x onerror="boom()">${1+1}'


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def standings(text):
    """Place of a lane -> its latest standing."""
    return {fields[0]: fields[1] for kind, *fields in lines(text) if kind == "lane"}


def test_a_comparison_grows_at_its_end_only_and_tells_every_lane():
    lanes, toys = lanes_by_samples(list(comparable_strategies().values())[:3], 8, described), Toys()
    stream, before = ComparisonStream(lanes, "majority"), ""
    for lane in lanes:
        toys.driver.add(lane.run)
    while any(lane.run.stopped is None for lane in lanes):
        toys.driver.tick()
        now = stream.update()
        assert now.startswith(before)
        assert {standing["state"] for standing in standings(now).values()} == {"running"}
        before = now
    for lane in lanes:
        assert lane.advance() is None
    now = stream.update()
    assert now == stream.update()
    assert {standing["state"] for standing in standings(now).values()} == {"done"}
    assert lines(now)[0][1]["selector"] == "majority"
    assert now.count('["add",') == sum(len(lane.run.tree) for lane in lanes)


def test_a_lane_without_a_run_says_so():
    lane = ComparisonLane(
        ComparedStrategy("best_of_n"),
        largest_budget_within(1, 9),
        1,
        lambda *_: finished_run(budget=1),
    )
    stream = ComparisonStream([lane], "weighted")
    assert standings(stream.update()) == {0: {"state": "running", "trying": True}}
    assert lane.advance() is None
    assert standings(stream.update()) == {0: {"state": "none", "trying": False}}
    assert lines(stream.update())[0][1]["tokens"] == 1


def test_hostile_text_is_no_markup_on_its_way():
    run = finished_run(budget=4)
    for node in run.tree.leaves():
        run.tree.answer[node] = EVIL
    run.tree.note(EVIL)
    run.error = EVIL
    assert "<" not in runs_side_by_side([run], "weighted")


# --- the palette ----------------------------------------------------------------------------------

PAGES = {"light": "#ffffff", "dark": "#161b22"}
SIGHT = {  # Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB
    "normal": np.eye(3),
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.01182, 0.04294, 0.968881],
    ],
    "tritan": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.3039],
    ],
}


def linear(colour):
    parts = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def contrast(first, second):
    light = sorted(linear(colour) @ [0.2126, 0.7152, 0.0722] + 0.05 for colour in (first, second))
    return light[1] / light[0]


def lab(rgb):
    xyz = (
        np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
        @ rgb
    )
    xyz = np.clip(xyz, 0, None) / [0.9505, 1, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("page", PAGES)
def test_strategies_can_be_told_apart_and_seen(page):
    """Those of the package, and as many from outside as there are in it: each has its own look."""
    looks = [colour_style(name) for name in STRATEGIES]
    looks += [extra_style(number) for number in range(len(looks) // 2)]
    colours = {look: (getattr(look, page), look.dash) for look in looks}
    assert all(contrast(colour, PAGES[page]) >= 3 for colour, _ in colours.values())
    for (first, dash), (second, other) in itertools.combinations(colours.values(), 2):
        if dash == other:
            for eyes in SIGHT.values():
                seen = [
                    lab(np.clip(np.array(eyes) @ linear(colour), 0, 1))
                    for colour in (first, second)
                ]
                assert np.linalg.norm(seen[0] - seen[1]) > 20  # ten times what is just noticed


# --- the page -------------------------------------------------------------------------------------

THREE = chips_value(["best_of_n", "beam width=4", "mcts width=4"], {})
SAMPLES = ("samples", 8)
ASKED = {
    "text": "Solve x^2-7x+12=0.",
    "answer": "",
    "chips": THREE,
    "unit": "samples",
    "samples": 8,
    "tokens": 5000,
    "step": "measured",
    "seed": 0,
}


def page_on(make_solver=toy_solver):
    with gr.Blocks():
        return ComparePage(ModelManager(make_solver), None)


def frames_of(page, session, choice=None, **changes):
    """The three events of a press on Compare, one after the other."""
    asked = ASKED | changes
    places = {name: getattr(page, name) for name in asked if name not in ("text", "answer")}
    places |= {"text": page.problem.text, "answer": page.problem.answer}
    values = {places[name]: value for name, value in asked.items()}
    yield from page.prepare(values | {page.session: session, page.choice: choice})
    yield from page.draw(session)
    yield page.controls.finish(session)


def run_page(page, session, **changes):
    """All that a comparison puts on the page, the last value of each component."""
    shown = {}
    for frame in frames_of(page, session, **changes):
        shown |= frame
    return shown


@pytest.mark.parametrize("unit", ["samples", "tokens"])
def test_three_strategies_to_the_end(unit):
    page, session = page_on(), CompareSession()
    shown = run_page(page, session, unit=unit, tokens=1500)
    assert 'data-state="done"' in shown[page.controls.status]
    assert [each["state"] for each in standings(shown[page.viewer]).values()] == ["done"] * 3
    assert shown[page.controls.start]["interactive"]
    assert not session.running
    if unit == "tokens":
        assert all(tokens_processed(lane.run.ledger) <= 1500 for lane in session.lanes)
    page.change_rule(session, SimpleNamespace(selector="majority"))
    run_page(page, session)
    assert {lane.run.settings.selector for lane in session.lanes} == {"majority"}
    page.change_rule(session, SimpleNamespace(selector="loudest"))
    assert session.selector == "majority"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "place", "sentence"),
    [
        ({"text": " "}, "controls.banner", "is empty"),
        ({"answer": "7" * 401}, "controls.banner", "too long"),
        ({"chips": chips_value([], {})}, "controls.banner", "Choose from 1 to 6"),
        ({"chips": "?"}, "controls.banner", "choose again"),
        ({"chips": chips_value(["revise chains=4"], {})}, "controls.banner", "needs a reviser"),
        ({"samples": 0}, "controls.banner", "budget must be"),
        ({"tokens": -1}, "controls.banner", "tokens"),
        ({"tokens": float("inf")}, "controls.banner", "tokens"),
        ({"seed": 0.5}, "controls.banner", "seed must be"),
        ({"seed": -1}, "controls.banner", "seed must be"),
    ],
)
def test_bad_input_is_one_sentence_in_its_place(changes, place, sentence):
    page, session = page_on(), CompareSession()
    shown = run_page(page, session, **changes)
    assert sentence in shown[attrgetter(place)(page)]
    assert shown[page.controls.start]["interactive"]
    assert page.viewer not in shown


def test_what_cannot_run_is_marked_once_the_models_are_known():
    page, session = page_on(), CompareSession()
    shown = run_page(page, session)
    assert "needs a reviser" in shown[page.chips]
    # Once the page knows it, no press is answered: what is pressed meanwhile would be undone.
    assert page.update_selection(session, shown[page.chips])[page.chips] == gr.skip()
    page = page_on(lambda: toy_solver(reviser=ToyReviser()))
    shown = run_page(
        page, session, chips=chips_value(["revise chains=4"], {"beam": "It was so before."})
    )
    assert '"missing": {}' in shown[page.chips]
    assert 'data-state="done"' in shown[page.controls.status]


@pytest.mark.slow
def test_before_anything_ran_stands_what_was_measured_of_the_strategies():
    page, session = page_on(), CompareSession()
    shown = page.show_measured(session, chips_value(["best_of_n", "beam width=4"], {}), *SAMPLES)
    assert "Before you run: over 400 measured questions at N = 8" in shown
    assert shown.index("Best-of-N") < shown.index("Beam search")  # the best first
    assert page.show_measured(session, THREE, "tokens", 8) == ""
    assert page.show_measured(session, chips_value([], {}), *SAMPLES) == ""
    run_page(page, session)
    assert page.show_measured(session, THREE, *SAMPLES) == gr.skip()


def test_a_lane_that_waits_says_where_it_stands_in_line():
    run = finished_run(budget=1)
    lane = ComparisonLane(ComparedStrategy("best_of_n"), single_trial(1), math.inf, lambda *_: run)
    place = ["Waiting for a place: next in line"]
    stream = ComparisonStream([lane], "weighted", lambda run: "".join(place))
    assert place[0] in stream.update()
    place.clear()
    assert json.loads(stream.update().splitlines()[-1])[-1]["status"]["text"].startswith("Done")


@pytest.mark.parametrize("error", [ModelError("The weights are missing."), KeyError("secret")])
def test_models_that_cannot_be_loaded_are_one_sentence(error):
    def load():
        raise error

    page = page_on(load)
    shown = run_page(page, CompareSession())
    assert "secret" not in shown[page.controls.banner]
    assert shown[page.controls.banner].count("<p") == 1
    assert shown[page.controls.start]["interactive"]


def test_models_that_fail_are_one_sentence_and_the_trees_stay():
    page = page_on(lambda: toy_solver(verifier=ToyVerifier(refuses="Solve")))
    shown = run_page(page, CompareSession())
    assert "failed unexpectedly" in shown[page.controls.banner]
    assert set(standings(shown[page.viewer])) == {0, 1, 2}


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["samples", "tokens"])
def test_stop_ends_all_runs(unit):
    gate = PausableGenerator(toy_solver().generator)
    gate.hold(after=1)  # no run ends with its first step
    page, session = page_on(lambda: toy_solver(gate)), CompareSession()
    shown = {}
    for frame in frames_of(page, session, unit=unit):
        shown |= frame
        if session.lanes:
            page.stop(session)
    assert 'data-state="cancelled"' in shown[page.controls.status]
    assert all(lane.run.stopped == "cancelled" for lane in session.lanes)
    assert len(page._model_manager.wait().service._driver) == 0


def test_a_closed_tab_cancels_all_runs():
    gate = PausableGenerator(toy_solver().generator)
    gate.hold(after=0)
    page, session = page_on(lambda: toy_solver(gate)), CompareSession()
    frames = frames_of(page, session)
    while not session.lanes:
        next(frames)
    frames.close()
    service = page._model_manager.wait().service
    for lane in session.lanes:
        while lane.run.stopped is None:
            service.wait(lane.run, len(lane.run.tree.events), 60)
        assert lane.run.stopped == "cancelled"
    assert not session.running
