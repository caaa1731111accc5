"""Requests that say something: forced text, prompts of a branch, temperatures of rows. With
scripted and toy models; with real ones in test_speaking_with_models.py."""

from dataclasses import replace

import pytest

from tests.search.fakes import (
    ToyGenerator,
    ToyReviser,
    Toys,
    ToyVerifier,
    make_checker,
    toy_run,
)
from tests.search.speaking_strategies import (
    SPEAKING_STRATEGIES,
    budget_forcing,
    generative_verifier,
    plan_then_solve,
    verdicts_within,
)
from ttc_explorer.models.protocol import Cost, DecodedStep, Extend, Prefilled, Prompt
from ttc_explorer.search.driver import Driver
from ttc_explorer.search.primitives import ROOT, extend_and_score, request_steps, score_nodes
from ttc_explorer.search.voting import ranked_votes


class ScriptedGenerator:
    """Writes what ``write(prefix, temperature)`` says; an answer ends a solution. ``heard`` are the
    prefixes, forced text included."""

    name = "scripted"
    parameters = 1
    supports_prefix_continuation = True
    supports_chat = False
    prints_checks = False
    thinks = False

    def __init__(self, write):
        self.write = write
        self.heard = []

    def prefill(self, questions):
        texts = [
            asked if isinstance(asked, str) else f"[{asked.system}] {asked.text}"
            for asked in questions
        ]
        return [Prefilled(f"{text}\n", Cost(prefilled=len(text))) for text in texts]

    def extend(self, jobs):
        rows = []
        for job in jobs:
            prefix = job.state + job.forced
            self.heard.append((prefix, job.temperature))
            text = self.write(prefix, job.temperature)
            cost = Cost(generated=len(text), prefilled=len(job.forced))
            finished = "Answer" in text
            state = f"{prefix}{text}\n"
            rows.append(DecodedStep(job.forced + text, len(text), -1.0, finished, state, cost))
        return rows


def run_scripted(write, budget, search, strategy, **changed):
    search(strategy)
    generator = ScriptedGenerator(write)
    driver = Driver(generator, ToyVerifier(), make_checker, reviser=ToyReviser())
    run = toy_run("made_up", budget, selector="majority", **changed)
    driver.add(run)
    while driver.tick():
        pass
    assert run.error is None
    return run, generator


def test_budget_forcing_makes_the_model_go_on_and_only_the_last_answer_votes(search):
    def write(prefix, _):
        if prefix.endswith("Wait"):
            return ", once more"
        return f"Answer: {prefix.count('Wait') + 2}"

    run, generator = run_scripted(write, 3, search, budget_forcing)
    tree = run.tree
    assert tree.text[1:] == [
        "Answer: 2",
        "Wait, once more",
        "Answer: 3",
        "Wait, once more",
        "Answer: 4",
    ]
    assert [prefix for prefix, _ in generator.heard][-1] == (
        "What is 1 + 1?\nAnswer: 2\nWait, once more\nAnswer: 3\nWait, once more\n"
    )
    assert [vote.answer for vote in ranked_votes(tree, "majority", "last")] == ["4"]
    assert (run.stopped, list(tree.leaves())) == ("done", [5])
    assert tree.tokens[1:] == [9, 11, 9, 11, 9], "what is forced is not sampled"
    assert run.ledger.generated_tokens == 49
    assert run.ledger.prefill_tokens == len("What is 1 + 1?") + 2 * len("Wait")
    assert run.ledger.generator_depth == 1 + 49


def test_a_plan_is_asked_for_in_other_words_and_shown_to_the_solution(search):
    def write(prefix, temperature):
        if prefix.startswith("[You plan.]"):
            return "add" if temperature == 0 else "count"
        return "Answer: 2" if "Plan: add" in prefix else "Answer: 3"

    run, generator = run_scripted(write, 3, search, plan_then_solve, temperature=0.5)
    tree = run.tree
    assert generator.heard[0] == ("[You plan.] What is 1 + 1? Write a plan.\n", 0.0)
    assert [temperature for _, temperature in generator.heard] == [0.0, 0.5, 0.5] * 2
    assert generator.heard[4][0] == "[None] What is 1 + 1? Plan: count\n"
    assert tree.kind[1:] == ["rollout"] * 2 + ["answer"] * 2
    assert tree.copies[1:] == [1, 2, 1, 2]
    assert [(v.answer, v.count) for v in ranked_votes(tree, "majority", "last")] == [
        ("3", 2),
        ("2", 1),
    ]
    read = ["[You plan.] What is 1 + 1? Write a plan."]
    read += [f"[None] What is 1 + 1? Plan: {plan}" for plan in ("add", "count")]
    assert run.ledger.prefill_tokens == sum(map(len, read)), "equal prompts are read once"


def test_the_generator_is_its_own_verifier(search):
    answers = iter(["Answer: 2", "Answer: 5"])
    verdicts = iter(["yes", "no", "yes", "no", "no", "no"])

    def write(prefix, _):
        return next(verdicts) if prefix.endswith("Is that right?\n") else next(answers)

    run, generator = run_scripted(write, 2, search, generative_verifier)
    leaves = list(run.tree.leaves())
    assert [run.tree.score[leaf] for leaf in leaves] == [pytest.approx(2 / 3), 0.0]
    assert generator.heard[2][0] == "[None] What is 1 + 1? Answer: 2 Is that right?\n"
    assert [vote.answer for vote in ranked_votes(run.tree, "best", "last")] == ["2", "5"]


def test_a_verdict_within_the_solution_leaves_no_trace_in_it(search):
    def write(prefix, _):
        if prefix.endswith("Right?"):
            return " yes" if "Answer: 2" in prefix else " no"
        return "1 + 1 = 2" if "=" not in prefix else "Answer: 2"

    run, generator = run_scripted(write, 1, search, verdicts_within)
    tree = run.tree
    assert tree.text[1:] == ["1 + 1 = 2", "Right? no", "Answer: 2", "Right? yes"]
    assert tree.solution(3) == ["1 + 1 = 2", "Answer: 2"]
    assert (tree.score[1], tree.score[3]) == (0.0, 1.0)
    assert generator.heard[2][0] == "What is 1 + 1?\n1 + 1 = 2\n"


@pytest.mark.parametrize("strategy", SPEAKING_STRATEGIES)
def test_speaking_strategies_pay_for_what_they_read_and_company_changes_nothing(search, strategy):
    search(strategy)
    runs = [toy_run("made_up", 4, seed, rounds=6, selector="majority") for seed in range(3)]
    toys = Toys()
    toys.drive(*runs)
    generated = prefilled = 0
    for run in runs:
        assert run.error is None
        alone = toy_run("made_up", 4, run.seed, rounds=6, selector="majority")
        own = Toys()
        own.drive(alone)
        assert vars(alone.tree) == vars(run.tree)
        assert alone.ledger == replace(own.processed(), seconds=0.0) == run.ledger
        generated += run.ledger.generated_tokens
        prefilled += run.ledger.prefill_tokens
    assert (generated, prefilled) == (toys.generator.generated, toys.generator.prefilled)
    assert toys.held() == 0


def test_a_step_that_was_not_scored_is_read_with_the_next_one(search):
    """Whatever a strategy leaves out, the verifier judges the whole solution."""

    @search
    def every_other_step(tree, budget, settings):
        live = yield from extend_and_score(tree, [ROOT] * budget, 1.0)
        steps = yield from request_steps(Extend(tuple(live), 1.0))
        unscored = tree.add_steps(live, steps)
        live = [node for node in unscored if tree.status[node] == "open"]
        steps = yield from request_steps(Extend(tuple(live), 1.0))
        last = tree.add_steps(live, steps)
        yield from score_nodes(tree, last)
        yield from score_nodes(tree, unscored)
        return "done"

    @search
    def each_step(tree, budget, settings):
        live = [ROOT] * budget
        for _ in range(3):
            live = yield from extend_and_score(tree, live, 1.0)
        return "done"

    runs = []
    for strategy in (every_other_step, each_step):
        search(strategy)
        (run,) = Toys().drive(toy_run("made_up", 6))
        assert run.error is None
        runs.append(run.tree.score)
    assert runs[0] == runs[1]


def test_a_node_whose_state_is_gone_is_refused_with_a_reason(search, caplog):
    @search
    def twice(tree, budget, settings):
        live = yield from extend_and_score(tree, [ROOT] * 8, 1.0)
        yield from extend_and_score(tree, live, 1.0)
        yield from extend_and_score(tree, live, 1.0)
        return "done"

    (run,) = Toys().drive(toy_run("made_up", 1))
    assert "ValueError" in run.error
    assert "its state was not kept" in caplog.text


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"temperature": (1.0,)}, "one entry for each parent"),
        ({"forced": ("Wait",)}, "one entry for each parent"),
        ({"prompts": (None,) * 3}, "one entry for each parent"),
        ({"forced": ("Wait\n", "")}, "no line end"),
        ({"forced": ("", "a\nb")}, "no line end"),
        ({"prompts": (None, Prompt())}, "begins at the root"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_where_it_is_made(changed, message):
    with pytest.raises(ValueError, match=message):
        Extend(**{"parents": (ROOT, 1), "temperature": 1.0} | changed)


def test_a_prompt_does_not_use_up_the_plain_question(search):
    @search
    def both(tree, budget, settings):
        for prompts in ((None, Prompt("{question}!")), (Prompt("{question}?"), None)):
            request = Extend((ROOT, ROOT), 1.0, keep_state=True, prompts=prompts)
            tree.add_steps(request.parents, (yield from request_steps(request)))
        return "done"

    generator = ToyGenerator()
    driver = Driver(generator, ToyVerifier(), make_checker, reviser=ToyReviser())
    run = toy_run("made_up", 2)
    driver.add(run)
    while driver.tick():
        pass
    assert (run.error, len(run.tree)) == (None, 5)
    length = len(run.problem.text)
    assert run.ledger.prefill_tokens == generator.prefilled == length + 2 * (length + 1)
