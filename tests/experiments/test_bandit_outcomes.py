"""Learning from outcomes: what is believed, where it is kept, and what it would have been worth."""

from __future__ import annotations

import json
from multiprocessing import get_context
from threading import Thread

import numpy as np
import pytest

from tests.experiments.test_compute_optimal_policy import CHOICES, OTHER, policy
from tests.experiments.test_cross_fitting import crossing, easiness, table
from ttc_explorer.experiments.bandit_outcomes import (
    LEARNER_PRIOR_STRENGTHS,
    OutcomeStore,
    beta_posterior,
    choose_arm,
    replay_regret,
)
from ttc_explorer.models.protocol import PolicyQuery
from ttc_explorer.problems.problem import BadInput

EASY = PolicyQuery(0.9, 16)


def test_with_no_outcomes_the_policy_stands(tmp_path):
    outcomes = OutcomeStore(tmp_path / "outcomes.json")
    assert outcomes.decide(policy(), EASY) == policy().decide(EASY)
    assert len(outcomes) == 0
    assert not (tmp_path / "outcomes.json").exists()


def test_failures_turn_it_to_the_runner_up_in_that_cell_alone(tmp_path):
    outcomes = OutcomeStore(tmp_path / "outcomes.json")
    for _ in range(30):
        outcomes.add(1, 16, CHOICES[0], right=False)
    assert outcomes.decide(policy(), EASY).choices == (OTHER.choice, *CHOICES[1:])
    assert outcomes.decide(policy(), PolicyQuery(0.9, 4)).choices == CHOICES
    for _ in range(60):
        outcomes.add(1, 16, OTHER.choice, right=False)
    assert outcomes.decide(policy(), EASY).choices == CHOICES


def test_one_failure_does_not(tmp_path):
    outcomes = OutcomeStore(tmp_path / "outcomes.json")
    outcomes.add(1, 16, CHOICES[0], right=False)
    assert outcomes.decide(policy(), EASY).choices == CHOICES


def test_the_posterior_is_the_prior_and_what_was_counted():
    a, b = beta_posterior(np.array([0.5]), np.array([3.0]), np.array([4.0]), strength=10)
    assert (a.tolist(), b.tolist()) == ([9.0], [7.0])


def test_thompson_sampling_tries_what_may_be_best_as_often_as_it_may():
    rng = np.random.default_rng(0)
    even = np.mean([choose_arm(np.ones(2), np.ones(2), rng) for _ in range(2000)])
    assert even == pytest.approx(0.5, abs=0.05)
    sure = [choose_arm(np.array([90.0, 10.0]), np.array([10.0, 90.0]), rng) for _ in range(200)]
    assert sum(sure) == 0


def test_outcomes_outlive_the_program_until_they_are_cleared(tmp_path):
    path = tmp_path / "kept" / "outcomes.json"
    first = OutcomeStore(path)
    first.add(2, 4, CHOICES[0], right=True)
    first.add(2, 4, CHOICES[0], right=False)
    again = OutcomeStore(path)
    assert again.counts(2, 4, CHOICES[0]) == (1, 2)
    assert (len(again), again.notice) == (2, None)
    again.clear()
    assert len(OutcomeStore(path)) == 0
    assert [file.name for file in path.parent.iterdir()] == ["outcomes.json"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[" * 100_000,
        "7",
        '{"version": 2, "outcomes": []}',
        '{"version": 1}',
        '{"version": 1, "outcomes": [7]}',
        json.dumps(
            {"version": 1, "outcomes": [{"bin": 1, "budget": 4, "strategy": "beam", "right": 3}]}
        ),
        json.dumps(
            {
                "version": 1,
                "outcomes": [
                    {
                        "bin": 1,
                        "budget": 4,
                        "strategy": "beam",
                        "settings": "{}",
                        "right": 3,
                        "asked": 2,
                    }
                ],
            }
        ),
        json.dumps(
            {
                "version": 1,
                "outcomes": [
                    {
                        "bin": 1,
                        "budget": 4,
                        "strategy": "beam",
                        "settings": '{"width": []}',
                        "right": 0,
                        "asked": 0,
                    }
                ],
            }
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_kept_aside(tmp_path, text):
    path = tmp_path / "outcomes.json"
    path.write_text(text)
    outcomes = OutcomeStore(path)
    assert "cannot be read, so learning starts from nothing" in outcomes.notice
    assert path.read_text() == text
    outcomes.add(1, 4, CHOICES[0], right=True)
    outcomes.add(1, 4, CHOICES[0], right=True)
    assert len(OutcomeStore(path)) == 2
    assert (tmp_path / "outcomes.kept-1.json").read_text() == text
    path.write_text(text)
    outcomes.clear()
    assert (tmp_path / "outcomes.kept-2.json").read_text() == text
    assert len(list(tmp_path.iterdir())) == 3


def test_a_place_that_cannot_be_written_is_said_once_and_learning_goes_on(tmp_path):
    (tmp_path / "file").write_text("")
    outcomes = OutcomeStore(tmp_path / "file" / "outcomes.json")
    outcomes.add(1, 4, CHOICES[0], right=True)
    outcomes.add(1, 4, CHOICES[0], right=True)
    assert "cannot be kept" in outcomes.notice
    assert len(outcomes) == 2
    with pytest.raises(BadInput, match="cannot be kept"):
        outcomes.clear()


def test_a_full_disk_leaves_the_file_as_it_was_and_nothing_beside_it(tmp_path, full_disk):
    path = tmp_path / "outcomes.json"
    outcomes = OutcomeStore(path)
    outcomes.add(1, 4, CHOICES[0], right=True)
    with full_disk():
        outcomes.add(1, 4, CHOICES[0], right=True)
    assert "cannot be kept" in outcomes.notice
    assert len(OutcomeStore(path)) == 1
    assert list(tmp_path.iterdir()) == [path]


def test_two_programs_on_one_file_lose_nothing(tmp_path):
    one, two = (OutcomeStore(tmp_path / "outcomes.json") for _ in range(2))
    for _ in range(5):
        one.add(1, 4, CHOICES[0], True)
    for _ in range(2):
        two.add(1, 4, CHOICES[0], False)
    assert OutcomeStore(tmp_path / "outcomes.json").counts(1, 4, CHOICES[0]) == (5, 7)
    two.clear()
    one.add(2, 4, CHOICES[0], True)
    assert len(OutcomeStore(tmp_path / "outcomes.json")) == 1


def test_processes_lose_nothing(tmp_path):
    path = tmp_path / "outcomes.json"

    def add() -> None:
        outcomes = OutcomeStore(path)
        for _ in range(20):
            outcomes.add(1, 4, CHOICES[0], True)

    children = [get_context("fork").Process(target=add, daemon=True) for _ in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
    assert [child.exitcode for child in children] == [0] * 3
    assert len(OutcomeStore(path)) == 60


def test_threads_lose_nothing(tmp_path):
    outcomes = OutcomeStore(tmp_path / "outcomes.json")
    threads = [
        Thread(target=lambda: [outcomes.add(1, 4, CHOICES[0], True) for _ in range(20)])
        for _ in "abcd"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(OutcomeStore(tmp_path / "outcomes.json")) == 80


def test_learning_from_nothing_costs_more_than_the_policy_where_it_is_right():
    evidence, easy = crossing()
    got = replay_regret(evidence, easy, 16, orders=10)
    end = got[got["round"] == got["round"].max()].set_index("learner")["regret"]
    assert set(end.index) == set(LEARNER_PRIOR_STRENGTHS)
    assert end["static"] == pytest.approx(0, abs=1.0)
    assert end["cold"] > end["thompson"] + 2
    assert got["round"].max() == 100


def test_learners_leave_a_policy_that_was_unlucky():
    """Arms so alike that the half which the policy rests on often prefers the wrong one."""
    rng = np.random.default_rng(5)
    value = rng.random((2, 400)) < np.array([[0.45], [0.55]])
    got = replay_regret(table({4: value}), easiness(400), 4, orders=20, seed=1)
    end = got[got["round"] == got["round"].max()].set_index("learner")["regret"]
    assert end["mean"] < end["static"]


def test_the_first_regret_is_that_of_one_question():
    evidence, easy = crossing()
    got = replay_regret(evidence, easy, 16, orders=4)
    assert got[got["round"] == 1]["regret"].abs().max() <= 1
    with pytest.raises(BadInput, match="choose from 4, 16"):
        replay_regret(evidence, easy, 5)
