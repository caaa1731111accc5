"""The endpoint that solves: what a program gets, and what it is told of what it sent."""

import gradio as gr
import pytest

from tests.ui.toy_solver import PausableGenerator, toy_solver
from ttc_explorer.serving.model_manager import ModelManager
from ttc_explorer.ui.endpoints.solve_endpoint import SolveEndpoint
from ttc_explorer.ui.pages import build_app

QUESTION = "Solve x^2-7x+12=0."


@pytest.fixture(scope="module")
def endpoint():
    return SolveEndpoint(ModelManager(toy_solver))


@pytest.mark.slow
def test_programs_get_one_endpoint_that_solves(endpoint):
    app = build_app(ModelManager(toy_solver))
    assert set(app.get_api_info()["named_endpoints"]) == {"/solve"}
    *standings, solved = endpoint.solve(QUESTION, "best_of_n", 4)
    assert standings[-1]["status"].startswith("Done in")
    assert solved["stopped"] == "done"
    assert len(solved["solutions"]) == 4
    with pytest.raises(gr.Error, match="is empty"):
        next(endpoint.solve(""))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"problem": None}, "problem must be a text"),
        ({"problem": ["a"]}, "problem must be a text"),
        ({"strategy": 5}, "strategy must be a text"),
        ({"answer": 5}, "answer must be a text"),
        ({"budget": "x"}, "budget must be a whole number"),
        ({"budget": None}, "budget must be a whole number"),
        ({"seed": "x"}, "seed must be a whole number"),
        ({"seed": 0.5}, "seed must be a whole number"),
    ],
)
def test_a_program_that_sends_another_kind_of_value_is_told(endpoint, changes, says):
    with pytest.raises(gr.Error, match=says):
        next(endpoint.solve(**{"problem": QUESTION} | changes))


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
