"""What a budget is in words before a run."""

from tests.ui.toy_solver import finished_run
from ttc_explorer.ui.components.run_estimate import RunEstimate, RunRates, estimate_sentence


def test_steps_and_seconds_are_those_of_the_runs_that_ended_here():
    rates, run = RunRates(), finished_run()
    run.ledger.seconds = 2.0
    tokens = run.ledger.generated_tokens
    assert rates.steps(run.model, "beam", tokens) is None
    rates.record(run)
    assert rates.steps(run.model, "best_of_n", tokens) is None  # its steps may be longer
    steps, seconds = rates.steps(run.model, "beam", tokens), rates.seconds(run.model, tokens)
    assert steps == sum(run.tree.copies[1:])
    assert seconds == 2.0
    run.ledger.seconds = 4.0
    rates.record(run)
    assert 2.0 < rates.seconds(run.model, tokens) < 4.0  # slowly
    run.stopped, run.ledger.seconds = "cancelled", 100.0
    rates.record(run)
    assert rates.seconds(run.model, tokens) < 4.0


def test_a_budget_is_said_as_far_as_it_is_known():
    assert estimate_sentence(16, None) == ""
    known = {
        "about 2,100 tokens.": RunEstimate(2149, None, None),
        "about 83 steps, 2,100 tokens, 1 s here.": RunEstimate(2149, 83.2, 1.2),
        "about 7 steps, 130 tokens, under 1 s here.": RunEstimate(128, 7.4, 0.2),
    }
    for words, estimate in known.items():
        assert f"N = 16: {words}" in estimate_sentence(16, estimate)
