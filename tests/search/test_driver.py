"""The driver with toy models: the budget audit, company, stopping, failures."""

from collections import Counter
from dataclasses import asdict, replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.search.fakes import (
    ToyGenerator,
    Toys,
    ToyVerifier,
    equal,
    make_checker,
    run_to_completion,
    toy_run,
    written_tokens,
)
from ttc_explorer.models.protocol import Cost, ModelError
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.driver import Driver
from ttc_explorer.search.selector import SELECTORS
from ttc_explorer.search.strategy import STRATEGIES, reads_scores, unavailable_reason
from ttc_explorer.search.trace import dump_trace, load_trace, to_trace
from ttc_explorer.search.voting import ranked_votes

runs = st.builds(
    toy_run,
    strategy=st.sampled_from(["greedy", "best_of_n", "beam"]),
    budget=st.integers(1, 64),
    seed=st.integers(0, 2**63 - 1),
    text=st.sampled_from(["What is 1 + 1?", "What is 2 + 3?"]),
    width=st.integers(1, 64),
    rounds=st.integers(1, 40),
    # The toy generator tells no log-probabilities.
    selector=st.sampled_from([n for n, rule in SELECTORS.items() if rule.needs != "logprobs"]),
    aggregate=st.sampled_from(["last", "min", "prod", "mean"]),
    merge=st.booleans(),
)


def fresh_copy(run, **changed):
    """The same run, not started."""
    given = {"seed": run.seed, "text": run.problem.text, "answer": run.problem.answer}
    return toy_run(run.strategy, run.budget, **(given | asdict(run.settings) | changed))


def drive_all(*runs, generator=None, verifier=None):
    """The runs, all driven to their ends together."""
    driver = Driver(
        generator or ToyGenerator(), verifier or ToyVerifier(), make_checker, clock=lambda: 0.0
    )
    for run in runs:
        driver.add(run)
    while driver.tick():
        pass
    return runs


def outcome(run):
    """All there is to know of a run that has ended."""
    return vars(run.tree), asdict(run.ledger), run.stopped, run.error, run.correct


def test_a_vote_by_confidence_ends_where_the_model_tells_none():
    run = toy_run("best_of_n", 4, selector="confidence")
    drive_all(run)
    assert run.stopped == "cancelled"
    others = ", ".join(name for name, each in SELECTORS.items() if each.needs != "logprobs")
    assert run.error == (
        "The selector confidence needs the log-probabilities of the model's tokens, which "
        f"{run.model} does not have: choose another ({others})."
    )
    (single,) = drive_all(toy_run("best_of_n", 1, selector="confidence"))
    assert (single.stopped, single.error) == ("done", None)


@settings(max_examples=60)
@given(runs)
def test_the_ledger_equals_what_the_models_processed(run):
    generator, verifier = ToyGenerator(), ToyVerifier()
    drive_all(run, generator=generator, verifier=verifier)
    ledger = run.ledger
    assert ledger.generated_tokens == generator.generated == written_tokens(run.tree)
    assert ledger.prefill_tokens == generator.prefilled
    assert ledger.cached_tokens == generator.cached
    assert ledger.verifier_tokens == verifier.read
    assert (ledger.generator_depth, ledger.verifier_depth) == (generator.passes, verifier.passes)
    assert ledger.sequential_depth == generator.passes + verifier.passes
    processed = generator.generated + generator.prefilled
    assert ledger.generator_flops == 2 * generator.parameters * processed
    assert ledger.verifier_flops == 2 * verifier.parameters * verifier.read
    assert ledger.flops == ledger.generator_flops + ledger.verifier_flops


@settings(max_examples=60)
@given(runs)
def test_no_search_exceeds_its_budget_orphans_a_node_or_counts_a_solution_twice(run):
    generator, verifier = ToyGenerator(), ToyVerifier()
    drive_all(run, generator=generator, verifier=verifier)
    tree, budget = run.tree, run.budget if run.strategy != "greedy" else 1
    solutions = tree.solution_count()
    assert max(generator.batches) <= budget
    assert len(generator.batches) <= run.settings.rounds
    assert solutions <= budget
    assert (run.stopped == "done") == (solutions == budget)
    assert sum(vote.count for vote in ranked_votes(tree, "majority", "last")) == solutions
    parents = set(tree.parent)
    scored = reads_scores(run.strategy, run.settings.selector, run.budget)
    for node in range(1, len(tree)):
        assert tree.status[tree.parent[node]] == "kept"
        assert (tree.status[node] == "kept") == (node in parents)
        assert (tree.score[node] is not None) == scored
        assert tree.status[node] != "open" or run.stopped == "budget"
    assert not generator.held
    assert not verifier.held


@pytest.mark.slow
@settings(max_examples=25)
@given(st.lists(runs, min_size=2, max_size=5))
def test_a_run_is_the_same_alone_and_in_company(company):
    together = drive_all(*company)
    for run in together:
        (alone,) = drive_all(fresh_copy(run))
        assert outcome(run) == outcome(alone)


def test_runs_in_company_share_batches():
    generator = ToyGenerator()
    drive_all(toy_run("best_of_n", 8), toy_run("best_of_n", 8, seed=1), generator=generator)
    assert generator.batches[0] == 16


def test_states_are_held_for_live_rows_only():
    generator, verifier = ToyGenerator(), ToyVerifier()
    driver = Driver(generator, verifier, make_checker)
    driver.add(toy_run("beam", 16))
    while driver.tick():
        assert len(generator.held) <= 16
        assert len(verifier.held) <= 16


def test_seeds_make_different_trees():
    first, second = drive_all(toy_run(seed=1), toy_run(seed=2))
    assert first.tree.text != second.tree.text


def test_best_of_n_grows_by_more_samples_of_the_same():
    small, large = drive_all(toy_run("best_of_n", 4), toy_run("best_of_n", 16))
    solutions = {tuple(large.tree.solution(leaf)) for leaf in large.tree.leaves()}
    assert {tuple(small.tree.solution(leaf)) for leaf in small.tree.leaves()} < solutions


def test_beam_of_width_one_is_best_of_n():
    beam, best = drive_all(toy_run("beam", 8, width=1), toy_run("best_of_n", 8))
    assert vars(beam.tree) == vars(best.tree)


def test_equal_answers_share_the_first_spelling_and_are_judged_once():
    (run,) = drive_all(toy_run("best_of_n", 64, answer="4/2"))
    found = {answer for answer in run.tree.answer if answer is not None}
    assert len(found) == 4  # 2, 3, 5, 7, however they were spelled
    assert run.correct == {answer: equal(answer, "2") for answer in found}


def test_without_a_reference_nothing_is_judged():
    (run,) = drive_all(toy_run("best_of_n", 8, answer=None))
    assert run.correct == {}


def test_majority_runs_without_a_verifier():
    run = toy_run("best_of_n", 8, verifier=None, selector="majority")
    run_to_completion(run, ToyGenerator(), None, make_checker)
    assert run.stopped == "done"
    assert set(run.tree.score) == {None}
    assert run.ledger.verifier_tokens == 0


@pytest.mark.parametrize(
    ("strategy", "selector", "scored"),
    [
        ("greedy", "weighted", False),
        ("best_of_n", "majority", False),
        ("best_of_n", "random", False),
        ("best_of_n", "confidence", False),
        ("adaptive", "majority", False),
        ("best_of_n", "best", True),
        ("adaptive", "weighted", True),
        ("beam", "majority", True),
    ],
)
def test_nothing_is_scored_that_nobody_reads(strategy, selector, scored):
    generator, verifier = ToyGenerator(), ToyVerifier()
    run = toy_run(strategy, 8, selector=selector)
    drive_all(run, generator=generator, verifier=verifier)
    ledger = run.ledger
    assert all((score is not None) == scored for score in run.tree.score[1:])
    assert verifier.read == ledger.verifier_tokens
    assert (
        bool(verifier.read) == bool(ledger.verifier_flops) == bool(ledger.verifier_depth) == scored
    )
    assert ledger.display_verifier_tokens == 0


def test_scores_for_the_screen_are_kept_and_charged_to_no_cost():
    generator, verifier = ToyGenerator(), ToyVerifier()
    shown = toy_run("best_of_n", 8, selector="majority")
    shown.display_scores = True
    counted = toy_run("best_of_n", 8, selector="weighted")
    drive_all(shown, generator=generator, verifier=verifier)
    plain, _ = drive_all(toy_run("best_of_n", 8, selector="majority"), counted)
    assert shown.tree.score == counted.tree.score
    assert shown.ledger.display_verifier_tokens == verifier.read == counted.ledger.verifier_tokens
    assert replace(shown.ledger, display_verifier_tokens=0) == plain.ledger
    assert load_trace(dump_trace(shown)).ledger == shown.ledger


def test_a_search_that_needs_scores_pays_for_them_whatever_is_shown():
    shown = toy_run("beam", 8, selector="majority")
    shown.display_scores = True
    drive_all(shown)
    (plain,) = drive_all(toy_run("beam", 8, selector="majority"))
    assert shown.ledger == plain.ledger
    assert shown.ledger.verifier_tokens > 0


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"strategy": "beem"}, "Unknown strategy"),
        ({"budget": 0}, "budget"),
        ({"budget": 257}, "budget"),
        ({"seed": -1}, "seed"),
    ],
)
def test_a_run_that_cannot_start_is_refused(changed, message):
    with pytest.raises(BadInput, match=message):
        Driver(ToyGenerator(), ToyVerifier(), make_checker).add(toy_run(**changed))
    with pytest.raises(BadInput, match="needs a verifier"):
        Driver(ToyGenerator(), None, make_checker).add(toy_run("beam"))


# --- stopping -------------------------------------------------------------------------------------


def test_cancel_takes_effect_between_decode_steps_and_keeps_the_tree():
    generator, verifier = ToyGenerator(), ToyVerifier()
    driver = Driver(generator, verifier, make_checker)
    run, other = toy_run("best_of_n", 8), toy_run("best_of_n", 8, seed=1)
    driver.add(run)
    driver.add(other)
    driver.tick()
    before, events = generator.generated, len(run.tree.events)
    generator.before_token = lambda: (
        driver.cancel(run) if generator.generated == before + 5 else None
    )
    driver.tick()
    assert run.stopped == "cancelled"
    assert run.error is None
    assert len(run.tree.events) == events
    assert len(driver) == 1
    while driver.tick():
        pass
    assert vars(other.tree) == vars(drive_all(fresh_copy(other))[0].tree)
    assert run.ledger.generated_tokens + other.ledger.generated_tokens == generator.generated
    assert run.ledger.verifier_tokens + other.ledger.verifier_tokens == verifier.read
    assert not generator.held


def test_cancel_before_the_first_tick_does_no_work():
    generator = ToyGenerator()
    driver = Driver(generator, ToyVerifier(), make_checker)
    run = toy_run()
    driver.add(run)
    driver.cancel(run)
    driver.cancel(toy_run())  # a stranger: nothing happens
    assert not driver.tick()
    assert (run.stopped, generator.prefilled) == ("cancelled", 0)


def test_a_deadline_ends_the_run_and_its_seconds_are_counted():
    now = [100.0]
    generator = ToyGenerator()
    driver = Driver(generator, ToyVerifier(), make_checker, clock=lambda: now[0])
    run, free = toy_run("best_of_n", 8), toy_run("best_of_n", 8)
    driver.add(run, seconds=5)
    driver.add(free)
    driver.tick()
    assert run.stopped is None
    nodes = len(run.tree)
    now[0] += 6
    while driver.tick():
        pass
    assert (run.stopped, len(run.tree), run.ledger.seconds) == ("deadline", nodes, 6.0)
    assert free.stopped == "done"


# --- failures -------------------------------------------------------------------------------------


def test_a_verifier_that_fails_on_one_run_ends_only_that_run():
    bad, good = toy_run(text="What is a?"), toy_run(text="What is b?")
    drive_all(bad, good, verifier=ToyVerifier(refuses="What is a?"))
    assert bad.stopped == "cancelled"
    assert bad.error == "The run stopped because a model failed unexpectedly (RuntimeError)."
    assert len(bad.tree) == 1 + bad.budget  # its first steps are there, unscored
    assert (good.stopped, good.error) == ("done", None)
    assert vars(good.tree) == vars(drive_all(fresh_copy(good))[0].tree)


class Failing(ToyGenerator):
    """Fails where it is told to."""

    def __init__(self, fails):
        super().__init__()
        self.fails = fails

    def prefill(self, questions):
        if self.fails == "open" and "too long" in questions:
            raise BadInput("The problem is too long for this model.")
        return super().prefill(questions)

    def extend(self, jobs):
        if self.fails == "extend":
            raise ModelError("The model's weights are gone: download it again.")
        return super().extend(jobs)[: -1 if self.fails == "short" else None]


def test_a_question_the_model_cannot_read_ends_only_its_run():
    bad, good = toy_run(text="too long"), toy_run()
    drive_all(bad, good, generator=Failing("open"))
    assert bad.error == "The problem is too long for this model."
    assert (len(bad.tree), bad.ledger.generated_tokens) == (1, 0)
    assert (good.stopped, good.error) == ("done", None)


def test_a_model_that_always_fails_ends_every_run_with_its_own_sentence():
    for run in drive_all(toy_run(), toy_run(), generator=Failing("extend")):
        assert run.error == "The model's weights are gone: download it again."
        assert run.stopped == "cancelled"


def test_a_model_that_returns_too_little_ends_the_run():
    (run,) = drive_all(toy_run(), generator=Failing("short"))
    assert run.error
    assert len(run.tree) == 1


def test_a_score_that_is_no_probability_ends_the_run():
    class Broken(ToyVerifier):
        def score(self, jobs):
            return [type(row)(float("nan"), row.state, row.cost) for row in super().score(jobs)]

    (run,) = drive_all(toy_run(), verifier=Broken())
    assert run.error == "The verifier gave a score of nan, which is no probability."


# --- what a generator cannot do -------------------------------------------------------------------


class WholeSolutionsOnly(ToyGenerator):
    """Writes whole solutions only."""

    supports_prefix_continuation = False


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_strategy_is_refused_exactly_where_it_says_that_it_cannot_run(name):
    for generator, verifier in product(
        (ToyGenerator(), WholeSolutionsOnly()), (ToyVerifier(), None)
    ):
        reason = unavailable_reason(
            name, generator.supports_prefix_continuation, verifier is not None, reviser=False
        )
        driver = Driver(generator, verifier, make_checker)
        run = toy_run(name, selector="majority")
        if reason:
            with pytest.raises(BadInput, match=STRATEGIES[name].title):
                driver.add(run)
        else:
            driver.add(run)


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_strategy_that_needs_no_prefix_continuation_continues_each_prefix_once(name):
    """What ``needs_prefix_continuation`` says decides whether a chat may run it."""
    toys, continued = Toys(), Counter()
    for model in (toys.generator, toys.reviser):

        def watched(jobs, extend=model.extend):
            continued.update(job.state for job in jobs if "\n" in job.state.text)
            return extend(jobs)

        model.extend = watched
    toys.drive(toy_run(name, 8, chains=2))
    assert STRATEGIES[name].needs_prefix_continuation or set(continued.values()) == {1}


class Losing(ToyGenerator):
    """Loses the second row of each batch, but for the first batch."""

    def extend(self, jobs):
        rows = super().extend(jobs)
        if len(self.batches) > 1 and len(rows) > 1:
            rows[1] = replace(
                rows[1], text="", tokens=0, finished=True, cost=Cost(), failure="The line broke."
            )
        return rows


@pytest.mark.parametrize("strategy", ["beam", "best_of_n", "dvts", "rebase"])
def test_a_lost_row_is_a_solution_without_an_answer_and_the_run_goes_on(strategy):
    (run,) = drive_all(toy_run(strategy, 8), generator=Losing())
    assert (run.error, run.stopped) == (None, "done")
    assert run.tree.notes[0].text == "1 step was lost. The line broke."
    lost = [node for node in run.tree.leaves() if not run.tree.tokens[node]]
    assert all(run.tree.answer[node] is None for node in lost)
    assert lost
    assert to_trace(load_trace(dump_trace(run))) == to_trace(run)
