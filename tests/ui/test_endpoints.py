"""The endpoints for programs: what they give, and what they say of what they were sent."""

import json
import urllib.request
from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import pytest

from tests.ui.toy_solver import PausableGenerator, toy_solver
from ttc_explorer.app import check_mcp
from ttc_explorer.environment import Environment
from ttc_explorer.file_bounds import FileBounds
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.serving.model_manager import ModelManager
from ttc_explorer.ui.endpoints.compare_endpoint import CompareEndpoint
from ttc_explorer.ui.endpoints.curves_endpoint import curves
from ttc_explorer.ui.endpoints.grade_endpoint import GradeEndpoint
from ttc_explorer.ui.endpoints.mcp_results import write_json
from ttc_explorer.ui.endpoints.solve_endpoint import SolveEndpoint
from ttc_explorer.ui.pages import build_app

QUESTION = "Solve x^2-7x+12=0."
POOL = [
    {"question": question, "answer": answer, "reference": "4", "score": score}
    for question in (1, 2)
    for answer, score in (("4", 0.9), ("5", 0.2), ("2*2", 0.4))
]


@pytest.fixture(scope="module")
def manager():
    return ModelManager(toy_solver)


@pytest.fixture(scope="module")
def endpoints(manager):
    return {
        "solve": SolveEndpoint(manager).solve,
        "compare": CompareEndpoint(manager).compare,
        "grade": GradeEndpoint().grade,
        "curves": curves,
    }


@pytest.mark.slow
def test_programs_get_four_endpoints_with_their_descriptions(manager):
    app = build_app(manager)
    assert set(app.get_api_info()["named_endpoints"]) == {"/solve", "/compare", "/grade", "/curves"}
    published = [function for function in app.fns.values() if function.api_visibility == "public"]
    assert all("Args:" in function.fn.__doc__ for function in published)


def test_a_problem_is_solved_and_the_trace_comes_last(endpoints):
    *standings, solved = endpoints["solve"](QUESTION, "best_of_n", 4)
    assert standings[-1]["status"].startswith("Done in")
    assert solved["stopped"] == "done"
    assert len(solved["solutions"]) == 4
    *_, solved = endpoints["solve"](QUESTION, "beam", 4, settings={"width": 2, "merge": False})
    assert (solved["settings"]["width"], solved["settings"]["merge"]) == (2, False)
    assert solved["settings"]["selector"] == "weighted"


def test_strategies_are_compared_at_one_budget(endpoints):
    *standings, compared = endpoints["compare"](QUESTION, ["greedy", "best_of_n"], 4, seed=2)
    assert set(standings[0]["status"]) == {"greedy", "best_of_n"}
    *_, alone = endpoints["solve"](QUESTION, "best_of_n", 4, seed=2)
    assert compared["best_of_n"]["nodes"] == alone["nodes"]
    assert len(compared["greedy"]["solutions"]) == 1


def test_a_pool_gives_curves_and_answers_are_graded(endpoints):
    first, *_, last = endpoints["curves"](POOL, [1, 3])
    assert first["rows"] == last["rows"][: len(first["rows"])]  # so far: of the first selector
    assert {row["selector"] for row in first["rows"]} == {last["rows"][0]["selector"]}
    assert len(last["rows"]) > len(first["rows"])
    rows = {(row["selector"], row["k"]): row["accuracy"] for row in last["rows"]}
    assert rows["majority", 3] == rows["best", 1 + 2] == 1
    assert rows["coverage", 1] == pytest.approx(2 / 3)
    for prediction, verdict in (("So it is 0.5.", "equal"), ("1/3", "different")):
        (graded,) = endpoints["grade"]("1/2", prediction)
        assert graded == {"verdict": verdict, "equal": verdict == "equal"}


@pytest.mark.parametrize(
    ("endpoint", "changes", "says"),
    [
        ("solve", {"problem": ""}, "is empty"),
        ("solve", {"problem": None}, "problem must be a text"),
        ("solve", {"problem": ["a"]}, "problem must be a text"),
        ("solve", {"strategy": 5}, "strategy must be a text"),
        ("solve", {"strategy": "x"}, "Unknown strategy"),
        ("solve", {"answer": 5}, "answer must be a text"),
        ("solve", {"budget": "x"}, "budget must be a whole number"),
        ("solve", {"budget": None}, "budget must be a whole number"),
        ("solve", {"seed": "x"}, "seed must be a whole number"),
        ("solve", {"seed": 0.5}, "seed must be a whole number"),
        ("solve", {"settings": [1]}, "settings must be an object"),
        ("solve", {"settings": {"width": "wide"}}, "width must be a whole number"),
        ("solve", {"settings": {"depth": 1}}, "Unknown setting"),
        ("solve", {"model": 5}, "model must be a text"),
        ("solve", {"model": "/etc"}, "shipped models, or those listed"),
        ("compare", {"strategies": "beam"}, "list of 1 to"),
        ("compare", {"strategies": []}, "list of 1 to"),
        ("compare", {"strategies": [["beam"]]}, "strategy 1 must be a text"),
        ("compare", {"strategies": ["beam"], "budget": 0}, "budget must be a whole number"),
        ("curves", {"pool": "x"}, "list of objects"),
        ("curves", {"pool": []}, "list of objects"),
        ("curves", {"pool": [{"a": 1}]}, "question"),
        ("curves", {"pool": POOL, "k": ["1"]}, "list of whole numbers"),
        ("curves", {"pool": POOL, "k": [1] * 65}, "at most 64 whole numbers"),
        ("curves", {"pool": POOL, "selectors": "best"}, "list of names"),
        ("curves", {"pool": POOL, "selectors": ["loudest"]}, "loudest"),
        ("curves", {"pool": POOL, "selectors": [{}]}, "selector 1 must be a text"),
        ("curves", {"pool": POOL * 200}, "Only 1,000 rows can be graded"),
        ("grade", {"prediction": 4}, "prediction must be a text"),
        ("grade", {"prediction": "x" * 100_001}, "at most 100,000"),
    ],
)
def test_a_program_that_sends_another_kind_of_value_is_told(endpoints, endpoint, changes, says):
    usual = {"solve": {"problem": QUESTION}, "compare": {"problem": QUESTION}, "curves": {}}
    asked = usual.get(endpoint, {"reference": "1"}) | changes
    with pytest.raises(gr.Error, match=says):
        list(endpoints[endpoint](**asked))


def test_what_is_named_twice_is_estimated_once(endpoints):
    *_, last = endpoints["curves"](POOL, [1, 3, 3, 1], ["coverage"] * 1000)
    assert [(row["k"], row["questions"]) for row in last["rows"]] == [(1, 2), (3, 2)]


def test_a_pool_that_takes_too_long_is_given_up(endpoints, monkeypatch):
    bounds = replace(FileBounds(), seconds=-1.0)
    monkeypatch.setattr("ttc_explorer.ui.endpoints.curves_endpoint.bounds_in_force", lambda: bounds)
    with pytest.raises(gr.Error, match="takes more than"):
        list(endpoints["curves"](POOL))


def test_a_program_that_has_left_ends_its_run():
    gate = PausableGenerator(toy_solver().generator)
    gate.hold(after=0)
    model_manager = ModelManager(lambda: toy_solver(gate))
    standings = SolveEndpoint(model_manager).solve(QUESTION, "best_of_n", 4)
    assert next(standings) == {"status": "Reading the problem"}
    service = model_manager.wait().service
    standings.close()
    service.drain_and_close()  # hangs if the run does not end
    assert service.totals.runs == 1


def replies_of(url, endpoint, values):
    """What a program reads of an endpoint, while it comes: name of the event, and its data."""
    call = f"{url}gradio_api/call/{endpoint}"
    body = json.dumps({"data": values}).encode()
    asked = urllib.request.Request(call, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=60) as reply:
        event = json.load(reply)["event_id"]
    with urllib.request.urlopen(f"{call}/{event}", timeout=60) as stream:
        for line in stream:
            name, _, data = line.decode().strip().partition(": ")
            if name == "event":
                kind = data
            elif name == "data" and data != "null":
                yield kind, json.loads(data)


@pytest.mark.slow
def test_a_program_reads_how_its_run_stands_before_it_has_ended():
    gate = PausableGenerator(toy_solver().generator)
    app = build_app(ModelManager(lambda: toy_solver(gate)))
    _, url, _ = app.launch(prevent_thread_lock=True, quiet=True)
    try:
        for endpoint, strategy in (("solve", "beam"), ("compare", ["beam", "greedy"])):
            gate.hold(after=1)
            replies = replies_of(url, endpoint, [QUESTION, strategy, 4, 0, "", None, ""])
            kind, (standing,) = next(replies)  # the generator is held: nothing can have ended
            assert (kind, set(standing)) == ("generating", {"status"})
            gate.release()
            *_, (kind, (trace,)) = replies
            assert kind in ("generating", "complete")
            assert trace.get("beam", trace)["stopped"] == "done"
    finally:
        gate.release()
        app.close()


def test_tools_that_cannot_be_served_are_told_before_anything_loads(monkeypatch):
    check_mcp(Environment())
    monkeypatch.setattr("ttc_explorer.app.find_spec", lambda name: None)
    with pytest.raises(BadInput, match="pip install"):
        check_mcp(Environment(mcp="1"))


def test_tools_give_json():
    server = SimpleNamespace(types=SimpleNamespace(TextContent=dict))
    write_json(server)
    (content,) = server.postprocess_output_data([{"equal": True, "answer": None}], "http://here")
    assert content == {"type": "text", "text": '{"equal": true, "answer": null}'}
