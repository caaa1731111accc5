"""The policy as a file: round trip, distrust, and what it tells auto."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from tests.experiments.synthetic import save, synthetic
from tests.search.fakes import Toys, toy_run
from ttc_explorer.cli.main import cli
from ttc_explorer.experiments.compute_optimal_policy import (
    Policy,
    dump_policy,
    load_policy,
    make_policy,
    probe_cost,
)
from ttc_explorer.experiments.cross_fitting import Candidate, PolicyCell
from ttc_explorer.models import catalogue
from ttc_explorer.models.protocol import PolicyQuery, StrategyChoice
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.driver import no_policy

CHOICES = (
    StrategyChoice("revise", (("chains", 1),)),
    StrategyChoice("best_of_n"),
    StrategyChoice("beam", (("width", 2),)),
    StrategyChoice("mcts"),
    StrategyChoice("dvts"),
)
OTHER = Candidate(StrategyChoice("lookahead"), 0.1, 0.4)


def policy(budgets=(4, 16, 64)):
    cells = [
        PolicyCell(bin, budget, 40, 0.5, 0.4, 0.6, (Candidate(choice, 0.9, 0.55), OTHER))
        for budget in budgets
        for bin, choice in enumerate(CHOICES, 1)
    ]
    about = {"model": "toy", "verifier": "toy-prm"}
    return Policy(about, (0.2, 0.4, 0.6, 0.8), tuple(cells))


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "policy.json"
    path.write_text(dump_policy(policy()))
    return path


def test_what_is_saved_is_loaded(file):
    assert load_policy(file) == policy()


def test_no_file_is_no_policy(tmp_path):
    assert load_policy(tmp_path / "policy.json") is None


def changed(file, change):
    whole = json.loads(file.read_text())
    change(whole)
    file.write_text(json.dumps(whole))
    return file


@pytest.mark.parametrize(
    "change",
    [
        lambda whole: whole.update(version=2),
        lambda whole: whole.pop("cells"),
        lambda whole: whole.update(cells=[]),
        lambda whole: whole["cells"].pop(),
        lambda whole: whole["cells"].append(whole["cells"][0]),
        lambda whole: whole.update(edges=[0.8, 0.6, 0.4, 0.2]),
        lambda whole: whole.update(edges=[0.2, 0.4, 0.6]),
        lambda whole: whole.update(edges=["nan"] * 4),
        lambda whole: whole.update(about=7),
        lambda whole: whole["cells"][0].update(bin=6),
        lambda whole: whole["cells"][0].update(budget=1000),
        lambda whole: whole["cells"][0].update(accuracy=float("nan")),
        lambda whole: whole["cells"][0].update(questions=float("inf")),
        lambda whole: whole["cells"][0].update(candidates=[]),
        lambda whole: whole["cells"][0].update(candidates=[7]),
        lambda whole: whole["cells"][0]["candidates"][0].update(strategy="auto"),
        lambda whole: whole["cells"][0]["candidates"][0].update(strategy="wish"),
        lambda whole: whole["cells"][0]["candidates"][0].update(strategy=["beam"]),
        lambda whole: whole["cells"][0]["candidates"][0].update(settings={"selector": "best"}),
        lambda whole: whole["cells"][0]["candidates"][0].update(settings={"chains": "many"}),
        lambda whole: whole["cells"][0]["candidates"][0].update(settings={"chains": 0}),
    ],
)
def test_a_damaged_file_is_refused_in_one_sentence(file, change):
    with pytest.raises(BadInput, match=r"^policy\.json is no policy[^\n]*command policy\.$"):
        load_policy(changed(file, change))


def test_what_is_no_json_is_refused(file):
    for text in ("", "{", "[" * 100_000, "\ud800"):
        file.write_text(text, errors="surrogatepass")
        with pytest.raises(BadInput, match="policy"):
            load_policy(file)


@pytest.mark.parametrize(
    ("score", "bin"), [(0.0, 5), (0.19, 5), (0.2, 4), (0.5, 3), (0.79, 2), (0.8, 1), (1.0, 1)]
)
def test_the_higher_the_score_the_easier_the_bin(score, bin):
    assert policy().decide(PolicyQuery(score, 16)).bin == bin
    assert policy().decide(PolicyQuery(score, 16)).choices == CHOICES


@pytest.mark.parametrize(
    ("asked", "taken"), [(1, 4), (4, 4), (7, 4), (8, 4), (9, 16), (32, 16), (33, 64), (256, 64)]
)
def test_the_nearest_measured_budget_is_asked(asked, taken):
    assert policy().nearest_budget(asked) == taken


def test_a_policy_is_for_the_models_it_was_measured_on(file):
    model, judge = SimpleNamespace(name="toy"), SimpleNamespace(name="toy-prm")
    assert load_policy(file).decision_function(model, judge)(PolicyQuery(0.9, 16)).bin == 1
    assert load_policy(file).decision_function(judge, judge) is no_policy
    assert load_policy(file).decision_function(model, None) is no_policy


def test_a_policy_of_a_shipped_model_is_for_its_weights(tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue, "MODELS_FOLDER", tmp_path)
    names = ("base-s", "prm-exact")
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.safetensors").write_bytes(name.encode())
    about = dict(zip(("model", "verifier"), names, strict=True))
    models = [SimpleNamespace(name=name) for name in names]
    made = replace(policy(), about=about | {"weights": catalogue.fingerprints(names)})
    assert made.matches_models(*models)
    assert not replace(policy(), about=about).matches_models(*models)
    (tmp_path / "base-s" / "model.safetensors").write_bytes(b"trained anew")
    assert not made.matches_models(*models)


def test_auto_does_what_the_policy_says():
    (run,) = Toys(decide=policy().decide).drive(toy_run("auto", 16))
    note = run.tree.notes[0]
    assert note.data["choice"] == note.data["choices"][note.data["bin"] - 1]
    assert run.error is None


def test_the_command_makes_the_file_from_a_folder_of_results(tmp_path):
    results = synthetic(40, 8, seed=1).results
    save(results, tmp_path / "results")
    out = tmp_path / "policy.json"
    done = CliRunner().invoke(cli, ["policy", str(tmp_path / "results"), "--out", str(out)])
    assert done.exit_code == 0, done.output
    made = load_policy(out)
    assert made.budgets == [1, 4]  # best-of-N of 8 samples reaches no further
    assert made.about["model"] == "synthetic"
    assert made.decide(PolicyQuery(0.99, 4)).bin == 1
    assert len(done.output.splitlines()) == 10
    assert not {"auto", "adaptive"} & {cell.choice.strategy for cell in made.cells}


@pytest.mark.slow
def test_a_policy_needs_a_scored_probe_and_something_to_choose():
    results = synthetic(40, 8).results
    alone = results.runs[results.runs["strategy"] == "none"]
    for lacking in ({"probe": None}, {"runs": alone}, {"runs": None}):
        with pytest.raises(BadInput, match="sweep"):
            make_policy(SimpleNamespace(**{**vars(results), **lacking}))


def test_the_probe_costs_what_its_samples_and_its_prompt_cost():
    results = synthetic(30, 8).results
    cost = probe_cost(results)
    assert cost["budget"] == 8
    probe = results.probe
    whole = probe[["generated_tokens", "prefill_tokens", "verifier_tokens"]].to_numpy().sum() / 30
    assert cost["all_tokens"] == pytest.approx(whole)
    flops = probe[["generator_flops", "verifier_flops"]].to_numpy().sum() / 30
    assert cost["flops"] == pytest.approx(flops)
