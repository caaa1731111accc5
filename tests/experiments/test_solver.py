"""The one place where models, checker and policy become runs and drivers."""

import ast

import pytest

from tests.search.fakes import ToyGenerator, ToyReviser, Toys, ToyVerifier, make_checker, toy_run
from ttc_explorer.asset_files import PACKAGE_FOLDER
from ttc_explorer.experiments.solver import Solver
from ttc_explorer.models.protocol import ModelError
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.driver import no_policy


def toy_solver(**parts):
    return Solver.from_models(
        ToyGenerator(),
        parts.pop("verifier", ToyVerifier()),
        parts.pop("reviser", None),
        make_checker=make_checker,
        **parts,
    )


def test_a_solver_solves_as_its_driver_does():
    run = toy_solver().solve("What is 1 + 1?", answer="2", strategy="beam", budget=8, width=2)
    (alone,) = Toys().drive(toy_run("beam", 8, width=2))
    assert run.tree.events == alone.tree.events
    assert (run.model, run.verifier) == ("toy generator", "toy verifier")
    assert run.correct == alone.correct
    assert run.stopped == "done"


def test_the_selector_is_weighted_where_there_is_a_verifier_and_else_majority():
    assert toy_solver().settings().selector == "weighted"
    alone = toy_solver(verifier=None)
    assert alone.settings().selector == "majority"
    run = alone.solve("What is 1 + 1?", strategy="best_of_n", budget=4)
    assert (run.settings.selector, run.stopped) == ("majority", "done")
    assert alone.settings(selector="best").selector == "best"


@pytest.mark.slow
def test_the_shipped_models_solve_what_they_were_made_for():
    with Solver() as solver:
        run = solver.solve("Solve 3x+5=20.", budget=4)
        assert run.correct
        assert solver.name == "base-s"
        assert solver.decide is not no_policy
        assert (solver.reviser.name, solver.revision_verifier.name) == ("reviser", "reviser-prm")
    with Solver("base-s", "orm") as other:
        assert other.verifier_name == "orm"
        assert other.decide is no_policy  # the policy was measured with another verifier


def test_what_is_wrong_is_one_sentence():
    solver = toy_solver()
    for wrong in ({"strategy": "guess"}, {"budget": 0}, {"selector": "loudest"}, {"colour": 3}):
        with pytest.raises(BadInput):
            solver.solve("What is 1 + 1?", **wrong)
    with pytest.raises(BadInput, match="reviser"):
        solver.solve("What is 1 + 1?", strategy="revise")
    assert toy_solver(reviser=ToyReviser()).solve("1 + 1?", strategy="revise").stopped == "done"
    with pytest.raises(BadInput, match="once"):
        Solver("base-s+prm", "orm")
    with pytest.raises(BadInput, match="by their name"):
        solver.sweep("families:2", "nowhere", samples=2)
    with pytest.raises(ModelError, match="failed"):
        toy_solver(verifier=ToyVerifier(refuses="What")).solve("What is 1 + 1?")


@pytest.mark.slow
def test_a_sweep_of_a_solver_is_that_of_the_command(tmp_path):
    with Solver() as solver:
        rows = solver.sweep("families:2", tmp_path / "out", samples=2, strategies=["greedy"])
    assert (rows["pool"], rows["runs"]) == (4, 2)


@pytest.mark.slow
def test_runs_and_drivers_are_assembled_in_one_place():
    found = set()
    for file in PACKAGE_FOLDER.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                found |= {(node.func.id, file.name)} if node.func.id in ("Run", "Driver") else set()
    copies = {("Run", f"{name}.py") for name in ("trace", "imported_tree", "delta")}
    assert found - copies == {("Run", "model_facts.py"), ("Driver", "solver.py")}
