"""Where a step ends: every rule cuts the same lines, and each is judged where it ends."""

from __future__ import annotations

import re
from collections import Counter
from random import Random

import pytest

from tests.search.fakes import Toys, ToyVerifier, make_checker, toy_run, written_tokens
from tests.search.test_speaking_requests import ScriptedGenerator
from ttc_explorer.extensions import load_extensions
from ttc_explorer.models.protocol import Cost, DecodedStep
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.driver import Driver
from ttc_explorer.search.linear_pattern import MAX_SEARCHED, LinearPattern
from ttc_explorer.search.model_facts import ModelFacts
from ttc_explorer.search.settings import Settings, recorded_settings
from ttc_explorer.search.step_rule import (
    MEASURED,
    MEASURED_STEPS,
    OWN,
    STEP_RULES,
    find_step_rule,
    resolve_step,
    step_rule,
)
from ttc_explorer.search.strategy import STRATEGIES
from ttc_explorer.search.trace import dump_trace, load_trace, to_trace

TREE_SEARCHES = [
    name for name, each in STRATEGIES.items() if "step" in each.settings and name != "auto"
]
"""Those that go by the setting; ``auto`` goes by what was measured."""
STEPS = ["line", "paragraph", "check", "tokens:20", "pattern:[02468]$", r"pattern:^\d \+"]


def drive(strategy="beam", budget=8, seed=1, **settings):
    """A run by the toys, and what they have processed."""
    toys = Toys(terms=settings.pop("terms", 3))
    (run,) = toys.drive(toy_run(strategy, budget, seed, **settings))
    assert run.error is None
    return run, toys


def solutions(run):
    """Solution -> how many samples wrote it."""
    found = Counter()
    for leaf in run.tree.leaves():
        found["\n".join(run.tree.solution(leaf))] += run.tree.copies[leaf]
    return found


def test_the_tree_searches_have_the_setting_and_best_of_n_has_not():
    for name in ("beam", "lookahead", "dvts", "rebase", "particles", "mcts", "hybrid"):
        assert name in TREE_SEARCHES
    for name in ("best_of_n", "greedy", "revise"):
        assert name not in TREE_SEARCHES


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("merge", [True, False])
def test_the_solutions_are_the_same_wherever_they_are_cut(step, merge):
    """With nothing pruned (M = 1), beam search is best-of-N, whose lines have the same streams."""
    cut, toys = drive(width=1, merge=merge, step=step, selector="majority")
    whole, other = drive("best_of_n", merge=merge)
    assert solutions(cut) == solutions(whole)
    assert (cut.ledger.generated_tokens, cut.ledger.verifier_tokens) == (
        whole.ledger.generated_tokens,
        whole.ledger.verifier_tokens,
    )
    assert toys.verifier.passes <= other.verifier.passes


@pytest.mark.parametrize("strategy", TREE_SEARCHES)
def test_what_a_line_ends_is_what_a_step_was(strategy):
    by_line, _ = drive(strategy, step="line")
    by_token, _ = drive(strategy, step="tokens:1")
    own, _ = drive(strategy, step=OWN)
    assert vars(by_line.tree) == vars(by_token.tree) == vars(own.tree)
    assert by_line.ledger == own.ledger == by_token.ledger


@pytest.mark.parametrize(
    ("step", "ends"),
    [
        ("tokens:20", lambda lines: sum(len(line) + 1 for line in lines) >= 20),
        ("pattern:[02468]$", lambda lines: lines[-1][-1] in "02468"),
        ("check", lambda lines: False),
    ],
)
@pytest.mark.parametrize("strategy", TREE_SEARCHES)
def test_a_step_ends_with_the_first_line_that_the_rule_names(strategy, step, ends):
    run, toys = drive(strategy, 16, step=step)
    tree = run.tree
    lengths = set()
    for node in range(1, len(tree)):
        if tree.kind[node] == "revision":
            continue
        lines = tree.text[node].split("\n")
        lengths.add(len(lines))
        finished = tree.kind[node] == "answer" or lines[-1].startswith("Answer")
        assert ends(lines) or finished
        assert not any(ends(lines[:count]) for count in range(1, len(lines)))
    assert max(lengths) > 1
    assert written_tokens(tree) == run.ledger.generated_tokens
    assert run.ledger.verifier_tokens == sum(
        judge.read for judge in (toys.verifier, toys.revision_verifier)
    )
    assert toys.held() == 0


def test_a_trace_keeps_the_lines_of_a_step():
    run, _ = drive(step="tokens:20", merge=True)
    loaded = load_trace(dump_trace(run))
    assert vars(loaded.tree) == vars(run.tree)
    assert loaded.settings.step == "tokens:20"
    assert any("\n" in node["text"] for node in to_trace(run)["nodes"])


def test_a_step_has_as_many_lines_as_a_solution_may_have_steps():
    run, _ = drive(step="pattern:never", rounds=2)
    assert max(len(text.split("\n")) for text in run.tree.text) <= 2


def test_a_stop_within_a_step_is_paid_for_and_leaves_no_half_step():
    toys = Toys()
    run = toy_run("beam", 4, step="check")

    def cancel():
        if toys.generator.generated == 40:
            toys.driver.cancel(run)

    toys.generator.before_token = cancel
    toys.drive(run)
    assert run.stopped == "cancelled"
    assert len(run.tree) == 1
    assert run.ledger.generated_tokens == toys.generator.generated
    assert toys.held() == 0


def test_a_model_that_chats_is_asked_for_lines_and_its_blank_lines_are_none():
    def write(job):
        assert job.by_line
        lines = ["We try 2.", "", "2*3=6 want 6 off 0 ok", "Answer: 6"]
        return lines[job.state.count("\n") - 1]

    run, judged = run_chat(write, step="check")
    assert run.tree.text[1:] == ["We try 2.\n2*3=6 want 6 off 0 ok", "Answer: 6"]
    assert judged == run.tree.text[1:]  # a step is judged once, at its end


def test_a_model_that_chats_writes_paragraphs_as_before():
    def write(job):
        assert not job.by_line
        return ["We try\n2.", "Answer: 6"][job.state.count("\n\n")]

    run, _ = run_chat(write, step="paragraph")
    assert run.tree.text[1:] == ["We try 2.", "Answer: 6"]


def run_chat(write, **settings):
    """Beam search of one place with a chat model that writes what ``write(job)`` says; the run, and
    the texts that were judged."""

    class Chat(ScriptedGenerator):
        supports_chat = True

        def extend(self, jobs):
            rows = []
            for job in jobs:
                text = write(job)
                state = f"{job.state}{text}" + ("\n" if job.by_line else "\n\n")
                finished = text.startswith("Answer")
                rows.append(DecodedStep(text, len(text), -1.0, finished, state, Cost(len(text))))
            return rows

    class Judge(ToyVerifier):
        def score(self, jobs):
            judged.extend(job.text for job in jobs)
            return super().score(jobs)

    judged = []
    run = toy_run("beam", 1, **settings)
    driver = Driver(Chat(None), Judge(), make_checker)
    driver.add(run)
    while driver.tick():
        pass
    assert run.error is None
    return run, judged


# --- the setting ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("word", "step must be line, paragraph, check, tokens:K, pattern:REGEX"),
        ("", "step must be line"),
        ("tokens", "Say step=tokens:K"),
        ("tokens:0", "whole number from 1"),
        ("tokens:many", "whole number from 1"),
        ("tokens:²", "whole number from 1"),
        ("tokens:99999999999999", "whole number from 1"),
        ("line:3", "step=line has nothing after it"),
        ("pattern", "Say step=pattern:REGEX"),
        ("pattern:(", "The pattern cannot be read"),
        ("pattern:" + "a" * 101, "1 to 100 characters"),
        ("pattern:(a+)+$", "A repeat within a repeat"),
        (r"pattern:(a)\1", "not supported"),
        ("pattern:(?=a)", "not supported"),
        ("pattern:a{99}b{99}c{99}d{99}", "too large"),
        ("pattern:a{101}", "at most 100 times"),
    ],
)
def test_what_is_no_rule_is_refused_in_a_sentence(step, message):
    with pytest.raises(BadInput, match=re.escape(message)) as refused:
        Settings(step=step)
    assert "\n" not in str(refused.value)


def test_what_was_recorded_without_a_word_on_steps_has_the_models_own():
    assert recorded_settings({}).step == OWN
    assert recorded_settings({"step": "check"}).step == "check"
    assert Settings().step == MEASURED


def test_an_open_step_is_resolved_by_what_the_models_are():
    for strategy in STRATEGIES:
        assert resolve_step(MEASURED, strategy, True, False) == "paragraph"
        assert resolve_step(MEASURED, strategy, False, False) == "line"
        expected = MEASURED_STEPS.get(strategy, "line")
        assert resolve_step(MEASURED, strategy, False, True) == expected
        assert resolve_step(OWN, strategy, False, True) == "line"
        assert resolve_step("check", strategy, True, False) == "check"
    for step in MEASURED_STEPS.values():
        find_step_rule(step)
    assert {*MEASURED_STEPS} <= {*TREE_SEARCHES}


def test_a_run_says_what_its_steps_were():
    facts = ModelFacts("model", "judge", supports_chat=True)
    run = facts.run(toy_run().problem, "beam", 4, 0, None)
    assert run.settings.step == "paragraph"
    assert drive()[0].settings.step == "line"


def test_somebody_elses_rule_is_taken_like_ours():
    load_extensions()

    @step_rule("odd_sum", title="an odd sum", summary="A step ends with an odd sum.")
    def odd_sum(parameter):
        return lambda step: step.lines[-1][-1] in "13579"

    try:
        run, _ = drive(step="odd_sum", budget=16)
        assert any("\n" in text for text in run.tree.text)
    finally:
        del STEP_RULES._entries["odd_sum"]
        find_step_rule.cache_clear()


# --- patterns of strangers ------------------------------------------------------------------------

PARTS = [
    *"ab.^$xé",
    *("[ab]", "[^a]", r"\d", r"\w", r"\s", r"\b", "(a|b)", "(?:ab|a)", "(a|)", r"\."),
    *("[]a]", "[^]a]", r"[\]b]", r"[a\-]", "{}"),
]
REPEATS = ["", "", "", "*", "+", "?", "{2}", "{1,2}", "{,2}", "{,}", "{1,}", "*?"]


def random_pattern(rng):
    pattern = ""
    for _ in range(rng.randint(1, 4)):
        part = rng.choice(PARTS)
        pattern += part if part in ("^", "$", "\\b") else part + rng.choice(REPEATS)
    if rng.random() < 0.3:
        pattern += f"|{rng.choice(PARTS)}"
    return f"({pattern})" if rng.random() < 0.2 else pattern


def test_a_pattern_is_found_where_python_finds_it():
    rng = Random(0)
    found = Counter()
    for _ in range(600):
        pattern = random_pattern(rng)
        text = "".join(rng.choice("aab b1.]-_é{}") for _ in range(rng.randint(0, 7)))
        expected = re.search(pattern, text) is not None
        assert LinearPattern(pattern).found_in(text) == expected, (pattern, text)
        found[expected] += 1
    assert min(found.values()) > 100


@pytest.mark.parametrize(
    "pattern", ["(a|a)*b", ".*.*.*.*.*=", "a?" * 30 + "a" * 30 + "b", "a*a*a*b"]
)
def test_no_pattern_keeps_a_search_busy(pattern):
    """Each character is looked at once by each state: Python's own matcher would not end here."""
    looked = 0
    compiled = LinearPattern(pattern)

    def counting(test):
        def looks(sign):
            nonlocal looked
            looked += 1
            return test(sign)

        return test and looks

    compiled._tests = [counting(test) for test in compiled._tests]
    assert not compiled.found_in("a" * 10_000)
    assert looked <= MAX_SEARCHED * len(compiled._tests)
