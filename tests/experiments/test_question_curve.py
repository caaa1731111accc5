"""One question over many seeds: counts by hand, with and without a reference answer."""

import pytest

from tests.search.fakes import ToyGenerator, ToyVerifier, make_checker, run_to_completion, toy_run
from ttc_explorer.experiments.intervals import wilson_interval
from ttc_explorer.experiments.question_curve import QuestionCurve, SeedOutcome
from ttc_explorer.search.voting import winning_vote


def outcome(seed, *answers, right=None, budget=4, strategy="beam", tokens=100, flops=1e6):
    return SeedOutcome(strategy, budget, seed, answers, right, tokens, flops)


def test_chosen_and_found_are_counted_apart():
    four = frozenset({"4"})
    curve = QuestionCurve(
        [
            outcome(0, "4", "5", right=four, tokens=100),
            outcome(1, "5", "4", right=four, tokens=300),  # found, not chosen
            outcome(2, "5", right=frozenset()),
            outcome(3, right=None),  # nothing to read: neither
        ]
    )
    [chosen], [found] = curve.points(), curve.points(found=True)
    assert curve.known
    assert (chosen.hits, chosen.runs, found.hits) == (1, 4, 2)
    assert (chosen.share, chosen.low, chosen.high) == wilson_interval(1, 4)
    assert chosen.tokens == pytest.approx(150)


def test_without_a_reference_the_commonest_answer_counts_in_every_spelling():
    curve = QuestionCurve(
        [outcome(0, "1/2"), outcome(1, "0.5"), outcome(2, "3", "1/2"), outcome(3, "7"), outcome(4)]
    )
    assert not curve.known
    assert curve.consensus == "1/2"
    assert [curve.points(found)[0].hits for found in (False, True)] == [2, 3]


def test_points_stand_by_strategy_as_they_came_and_by_budget():
    curve = QuestionCurve(
        [
            outcome(0, "4", budget=16),
            outcome(0, "4", budget=1),
            outcome(0, "4", strategy="best_of_n", budget=4),
        ]
    )
    keys = [(point.strategy, point.budget) for point in curve.points()]
    assert keys == [("beam", 1), ("beam", 16), ("best_of_n", 4)]


def test_nothing_is_said_of_nothing():
    assert QuestionCurve([]).points() == []
    assert QuestionCurve([]).consensus is None


def test_the_outcome_of_a_run_is_what_its_own_rule_chose():
    asked = toy_run("beam", 8, selector="best")
    run = run_to_completion(asked, ToyGenerator(), ToyVerifier(), make_checker)
    seen = SeedOutcome.of(run)
    assert seen.answers[0] == winning_vote(run.tree, "best", "last").answer
    assert seen.right == {answer for answer, right in run.correct.items() if right}
    assert (seen.tokens, seen.flops) == (run.ledger.generated_tokens, run.ledger.flops)
