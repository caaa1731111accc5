"""Traces: what goes in comes out, and nothing hostile gets further than one clear sentence."""

import copy
import gzip
import json
from contextlib import suppress
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.search.fakes import (
    ToyGenerator,
    ToyVerifier,
    equal,
    make_checker,
    run_to_completion,
    toy_run,
)
from ttc_explorer.models.protocol import Step
from ttc_explorer.problems.problem import BadInput, Problem
from ttc_explorer.search.ledger import Ledger
from ttc_explorer.search.run import Run, StopReason
from ttc_explorer.search.selector import SELECTORS
from ttc_explorer.search.settings import AGGREGATES, Settings
from ttc_explorer.search.trace import MAX_BYTES, dump_trace, load_trace, to_trace
from ttc_explorer.search.trace_format import MAX_NODES, Trace, trace_schema
from ttc_explorer.search.tree import SearchTree
from ttc_explorer.search.voting import ranked_votes, solution_score

texts = st.text(max_size=30)
counts = st.integers(0, 2**63 - 1)
amounts = st.floats(0, 1e30)
fact = st.none() | st.booleans() | counts | st.floats(-1e30, 1e30) | texts
facts = fact | st.lists(fact, max_size=3)


@st.composite
def trees(draw):
    """Any tree that the SearchTree's own methods can grow."""
    tree = SearchTree()
    for _ in range(draw(st.integers(0, 25))):
        finished = draw(st.booleans())
        node = tree.add(
            draw(st.integers(0, len(tree) - 1)),
            draw(texts),
            tokens=draw(counts),
            logprob=draw(st.floats(-1e9, 0)),
            token_logprobs=draw(st.lists(st.floats(-1e3, 0), max_size=3)),
            finished=finished,
            answer=draw(st.none() | st.sampled_from(["2", "½", "x < 3"])) if finished else None,
            kind=draw(st.sampled_from([None, "step", "answer", "revision", "rollout"])),
        )
        if draw(st.booleans()):
            tree.set_scores([node], [draw(st.floats(0, 1))])
        for _ in range(draw(st.integers(0, 2))):
            tree.add_copy(node)
        some = draw(st.integers(1, node))
        tree.set_status([some], draw(st.sampled_from(["open", "kept", "pruned"])))
        if draw(st.booleans()):
            tree.set_value(some, draw(counts), draw(st.floats(0, 1)))
        if draw(st.booleans()):
            tree.note(draw(texts), **draw(st.dictionaries(st.text(max_size=5), facts, max_size=3)))
    return tree


@st.composite
def any_runs(draw):
    tree = draw(trees())
    answers = {answer for answer in tree.answer if answer is not None}
    family = draw(st.none() | st.just("linear"))
    return Run(
        problem=Problem(
            draw(texts),
            draw(st.none() | texts),
            family,
            draw(st.none() | st.integers(1, 5)),
            "family",
        )
        if family
        else Problem(draw(texts), draw(st.none() | texts)),
        model=draw(texts),
        verifier=draw(st.none() | texts),
        strategy=draw(st.sampled_from(["greedy", "best_of_n", "beam"])),
        budget=draw(st.integers(1, 256)),
        seed=draw(counts),
        settings=Settings(
            temperature=draw(st.floats(0, 2)),
            selector=draw(st.sampled_from(list(SELECTORS))),
            aggregate=draw(st.sampled_from(AGGREGATES)),
            width=draw(st.integers(1, 256)),
            rounds=draw(st.integers(1, 200)),
        ),
        tree=tree,
        ledger=Ledger(
            draw(counts),
            draw(counts),
            draw(counts),
            draw(counts),
            draw(amounts),
            draw(amounts),
            draw(counts),
            draw(counts),
            draw(amounts),
        ),
        stopped=draw(st.sampled_from(get_args(StopReason))),
        error=draw(st.none() | texts),
        correct={answer: draw(st.booleans()) for answer in answers} if draw(st.booleans()) else {},
        reviser=draw(st.none() | texts),
    )


def columns(tree):
    return {name: column for name, column in vars(tree).items() if name != "events"}


def without_events(run):
    """The trace as it was written before traces had events."""
    trace = to_trace(run)
    del trace["events"]
    return json.dumps(trace).encode()


def run_toy(strategy="beam", budget=8, **settings):
    return run_to_completion(
        toy_run(strategy, budget, **settings), ToyGenerator(), ToyVerifier(), make_checker
    )


@pytest.mark.slow
@settings(max_examples=150)
@given(any_runs(), st.booleans())
def test_every_run_survives_the_round_trip(run, packed):
    data = gzip.compress(dump_trace(run)) if packed else dump_trace(run)
    loaded = load_trace(data)
    assert vars(loaded.tree) == vars(run.tree)
    assert vars(loaded) | {"tree": None} == vars(run) | {"tree": None}
    assert to_trace(loaded) == to_trace(run) == json.loads(dump_trace(run))
    assert columns(load_trace(without_events(run)).tree) == columns(run.tree)


@pytest.mark.parametrize("strategy", ["greedy", "best_of_n", "beam"])
def test_a_loaded_run_replays_as_it_grew(strategy):
    run = run_toy(strategy, 16)
    assert load_trace(dump_trace(run)).tree.events == run.tree.events
    run = run_toy(strategy, 16, merge=False)
    assert load_trace(without_events(run)).tree.events == run.tree.events


def test_a_trace_of_version_1_is_of_a_run_that_merged_nothing():
    run = run_toy("beam", 16, merge=False)
    trace = to_trace(run) | {"version": 1}
    del trace["settings"]["merge"]
    for node in trace["nodes"]:
        node.pop("copies", None)
    loaded = load_trace(json.dumps(trace).encode())
    assert loaded.settings == run.settings
    assert not loaded.tree.merge
    assert columns(loaded.tree) == columns(run.tree)


def test_a_run_that_ran_out_of_rounds_replays_too():
    run = run_toy(rounds=2)
    assert load_trace(dump_trace(run)).tree.events == run.tree.events


def test_an_old_ledger_with_totals_only_is_read():
    run = run_toy()
    trace = to_trace(run)
    for key in ("generator_flops", "verifier_flops", "generator_depth", "verifier_depth"):
        del trace["ledger"][key]
    ledger = load_trace(json.dumps(trace).encode()).ledger
    assert ledger.flops == ledger.generator_flops == run.ledger.flops > 0
    assert ledger.sequential_depth == ledger.generator_depth == run.ledger.sequential_depth > 0
    del trace["ledger"]["flops"]
    with pytest.raises(BadInput, match="ledger"):
        load_trace(json.dumps(trace).encode())


# fmt: off
TRACE_KEYS = [
    "version", "problem", "model", "verifier", "strategy", "budget", "seed", "settings", "nodes",
    "solutions", "votes", "answer", "stopped", "ledger", "events", "correct", "timeline",
]
NODE_KEYS = ["id", "parent", "text", "kind", "status", "score", "logprob", "tokens", "round"]
LEDGER_KEYS = [
    "generated_tokens", "prefill_tokens", "cached_tokens", "verifier_tokens",
    "generator_flops", "verifier_flops", "generator_depth", "verifier_depth",
    "seconds", "flops", "sequential_depth", "joules_estimate",
]
# fmt: on


def test_the_trace_is_the_contracts():
    run = run_toy(budget=16)
    trace = to_trace(run)
    assert list(trace) == TRACE_KEYS
    assert set(trace["problem"]) == {"text", "answer"}
    for place, node in enumerate(trace["nodes"]):
        assert [key for key in node if key not in ("answer", "copies")] == NODE_KEYS
        assert node["id"] == place
        assert node["parent"] < place
    assert {vote["answer"] for vote in trace["votes"]} == {s["answer"] for s in trace["solutions"]}
    for vote in trace["votes"]:
        its = [solution for solution in trace["solutions"] if solution["answer"] == vote["answer"]]
        leaves = [trace["nodes"][solution["leaf"]] for solution in its]
        assert sum(leaf.get("copies", 1) for leaf in leaves) == vote["count"]
        assert sum(solution["weight"] for solution in its) == pytest.approx(vote["weight"])
        assert vote["equal_to_reference"] == equal(vote["answer"], "2")
    for solution in trace["solutions"]:
        assert solution["score"] == solution_score(run.tree, solution["leaf"], "last")
    assert trace["answer"] == ranked_votes(run.tree, "weighted", "last")[0].answer
    assert trace["correct"] == equal(trace["answer"], "2")
    assert list(trace["ledger"]) == LEDGER_KEYS


def test_optional_keys_are_left_out_when_unknown():
    run = toy_run(answer=None)
    trace = to_trace(run)
    assert "correct" not in trace
    assert "error" not in trace
    assert trace["problem"] == {"text": run.problem.text}
    assert (trace["stopped"], trace["answer"], trace["votes"]) == ("cancelled", None, [])


def test_a_half_surrogate_in_a_problem_can_still_be_saved():
    assert load_trace(dump_trace(toy_run(text="What is \ud800?"))).problem.text == "What is ??"


# --- hostile files --------------------------------------------------------------------------------


def good():
    """A trace with something of everything."""
    run = run_toy(budget=4)
    run.tree.add(0, "1 + 1 = 2", token_logprobs=[-0.5, -0.25])
    rollout_node = run.tree.add_steps([1], [Step("3 + 4 = 7", 4, -1.0)], kind="rollout")
    run.tree.set_scores(rollout_node, [0.25])
    run.tree.add(
        0, "1 + 1 = 2\nAnswer: 2", answer=run.tree.answer[next(run.tree.leaves())], kind="revision"
    )
    run.tree.set_value(1, 3, 0.5)
    run.tree.note("Stopped early.", saved=12, chances=[0.5, 0.25], sure=True, which=None)
    return to_trace(run)


GOOD = good()


def refused(data, *words):
    with pytest.raises(BadInput) as caught:
        load_trace(data)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 300
    for word in words:
        assert word in message


def changed(*path, to):
    """GOOD with one value replaced, as bytes."""
    trace = copy.deepcopy(GOOD)
    place = trace
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = to
    return json.dumps(trace).encode()


@settings(max_examples=300)
@given(st.binary(max_size=200) | st.binary(max_size=200).map(gzip.compress))
def test_random_bytes_are_refused(data):
    refused(data)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.just(10**400),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


@pytest.mark.slow
@settings(max_examples=400)
@given(st.data())
def test_mutated_traces_load_or_are_refused(data):
    """One value anywhere in a good trace replaced by any JSON: it loads and can be shown, or is
    BadInput."""
    trace = copy.deepcopy(GOOD)
    place = trace
    while True:
        key = data.draw(
            st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place)))
        )
        inner = place[key]
        if not (isinstance(inner, dict | list) and inner) or data.draw(st.booleans()):
            break
        place = inner
    if data.draw(st.booleans()):
        place[key] = data.draw(json_values)
    else:
        del place[key]
    with suppress(BadInput):
        load_trace(dump_trace(load_trace(json.dumps(trace).encode())))


@settings(max_examples=100)
@given(st.data())
def test_damaged_bytes_load_or_are_refused(data):
    good = json.dumps(GOOD).encode()
    packed = data.draw(st.booleans())
    raw = bytearray(gzip.compress(good) if packed else good)
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(1, len(raw)))
    with suppress(BadInput):
        load_trace(bytes(raw[:cut]))


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "not a trace"),
        (b"[]", "not a trace"),
        (b"{}", "not a trace"),
        (b'"version"', "not a trace"),
        (b"[" * 100_000, "not a trace"),
        (b'{"version": ' * 100_000, "not a trace"),
        (b'{"version": ' + b"9" * 5000 + b"}", "not a trace"),
        (changed("version", to=3), "version 3"),
        (changed("version", to=True), "version"),
        (changed("version", to=0), "version"),
        (changed("strategy", to="<script>"), "strategy"),
        (changed("stopped", to="error"), "stopped"),
        (changed("budget", to=10**6), "budget"),
        (changed("budget", to=2.0), "budget"),
        (changed("seed", to=-1), "seed"),
        (changed("settings", "temperature", to=float("inf")), "JSON"),
        (changed("settings", "temperature", to=9), "temperature"),
        (changed("settings", "width", to=[4]), "width"),
        (changed("problem", "text", to="x" * 200_000), "longer"),
        (changed("problem", "level", to="high"), "level"),
        (changed("model", to="\ud800"), "proper text"),
        (changed("nodes", to=[]), "nodes"),
        (changed("nodes", 0, "kind", to="step"), "root"),
        (changed("nodes", 1, to=7), "node 1"),
        (changed("nodes", 1, "id", to=2), "node 1"),
        (changed("nodes", 1, "parent", to=1), "node 1"),
        (changed("nodes", 1, "parent", to=-1), "node 1"),
        (changed("nodes", 1, "parent", to=False), "node 1"),
        (changed("nodes", 1, "round", to=2), "node 1"),
        (changed("nodes", 1, "round", to=201), "node 1"),
        (changed("nodes", 1, "kind", to="root"), "node 1"),
        (changed("nodes", 1, "status", to="done"), "node 1"),
        (changed("nodes", 1, "text", to=None), "node 1"),
        (changed("nodes", 1, "score", to=1.5), "node 1"),
        (changed("nodes", 1, "score", to=float("nan")), "JSON"),
        (changed("nodes", 1, "logprob", to=-1e999), "JSON"),
        (changed("nodes", 1, "logprob", to="HERE").replace(b'"HERE"', b"-1e999"), "logprob"),
        (changed("nodes", 1, "tokens", to=-1), "node 1"),
        (changed("nodes", 1, "tokens", to=1.5), "node 1"),
        (changed("nodes", 1, "answer", to="2"), "not finished"),
        (changed("nodes", -1, "status", to="kept"), "revision, which cannot be kept"),
        (changed("nodes", -2, "status", to="open"), "rollout, which cannot be open"),
        (changed("nodes", 1, "visits", to=4), "do not lead"),
        (changed("nodes", 1, "status", to="open"), "do not lead"),
        (changed("nodes", 2, "score", to=None), "score"),
        (changed("events", to={}), "events"),
        (changed("events", to=[]), "do not lead"),
        (changed("events", 0, to=["add", 2]), "event 0"),
        (changed("events", 0, to=["add", True, 3]), "event 0"),
        (changed("events", 0, to=["mark", 0, "finished"]), "event 0"),
        (changed("events", 0, to=["mark", 9, "kept"]), "event 0"),
        (changed("events", 0, to=["score", 1]), "event 0"),
        (changed("events", 0, to=["value", 0, 1, 1.5]), "event 0"),
        (changed("events", 0, to=["value", 0, -1, 0.5]), "event 0"),
        (changed("events", 0, to=["note", 1]), "event 0"),
        (changed("events", -1, to=["mark", 0, "kept"]), "do not lead"),
        (changed("events", 0, to=7), "event 0"),
        (changed("notes", to=7), "notes"),
        (changed("notes", to=[7]), "note"),
        (changed("notes", 0, "text", to="x" * 200_000), "longer"),
        (changed("notes", 0, "data", to=[]), "data"),
        (changed("notes", 0, "data", "saved", to={"deep": 1}), "plain figures"),
        (changed("notes", 0, "data", "saved", to=[[1]]), "plain figures"),
        (changed("notes", 0, "data", "saved", to=10**400), "plain figures"),
        (changed("notes", 0, "data", "saved", to="\ud800"), "plain figures"),
        (changed("notes", 0, "data", "saved", to=[1] * 2000), "plain figures"),
        (changed("votes", to=[{"answer": "nowhere", "equal_to_reference": True}]), "vote"),
        (changed("votes", to=[3]), "vote"),
        (changed("ledger", "generator_flops", to=-1), "ledger"),
        (changed("ledger", "seconds", to=10**400), "ledger"),
        (changed("ledger", to=None), "ledger"),
        (changed("partial", to=[{"parent": 99, "text": "1 +", "tokens": 2}]), "without an end"),
        (changed("partial", to=[{"parent": 0, "text": 7, "tokens": 2}]), "partial"),
        (b"\x1f\x8b" + b"x" * 50, "damaged"),
        (gzip.compress(json.dumps(GOOD).encode())[:-20], "damaged"),
        (gzip.compress(b" " * (MAX_BYTES + 1)), "too large"),
        (b" " * (MAX_BYTES + 1), "too large"),
    ],
    ids=lambda value: value if isinstance(value, str) else "data",
)
def test_each_trick_gets_its_sentence(data, word):
    refused(data, word)


def test_too_many_nodes_are_refused():
    refused(changed("nodes", to=[0] * (MAX_NODES + 1)), "100,000")


def test_a_long_chain_is_refused_before_it_costs_time():
    root, node = GOOD["nodes"][0], GOOD["nodes"][1] | {"answer": None}
    chain = [
        node | {"id": place, "parent": place - 1, "round": place} for place in range(1, 10_000)
    ]
    refused(changed("nodes", to=[root, *chain]), "round")


def test_unknown_keys_are_ignored_everywhere():
    trace = copy.deepcopy(GOOD)
    for place in (trace, trace["problem"], trace["settings"], trace["nodes"][0], trace["votes"][0]):
        place["a later idea"] = {"deep": [1, 2, 3]}
    assert to_trace(load_trace(json.dumps(trace).encode())) == GOOD


def test_votes_and_answer_are_computed_never_believed():
    trace = copy.deepcopy(GOOD) | {"answer": "42", "correct": True, "solutions": "lies"}
    for vote in trace["votes"]:
        vote["count"], vote["weight"] = 10**9, "lies"
    assert to_trace(load_trace(json.dumps(trace).encode())) == GOOD


# --- the published schema -------------------------------------------------------------------------


def test_the_published_schema_is_up_to_date():
    """After a change: python -m ttc_explorer.search.trace_format > docs/trace.schema.json"""
    published = Path(__file__).parents[2] / "docs" / "trace.schema.json"
    assert published.read_text(encoding="utf-8") == trace_schema()


def test_the_schema_names_all_that_is_written():
    schema = Trace.model_json_schema()

    def compare(data, described):
        described = (
            schema["$defs"][described["$ref"].split("/")[-1]] if "$ref" in described else described
        )
        if isinstance(data, dict) and "properties" in described:
            for key, value in data.items():
                compare(value, described["properties"][key])
        elif isinstance(data, list) and "items" in described:
            for value in data:
                compare(value, described["items"])

    run = run_toy("mcts", 8)
    run.ledger.peak_memory = run.ledger.display_verifier_tokens = 1
    run.ledger.generator_tokens_computed = run.ledger.verifier_tokens_computed = 1
    compare(to_trace(run), schema)
    compare(GOOD, schema)
