"""Budget forcing: thoughts that are cut, made to go on, probed and stopped; with scripted models, a
token a character, and what it costs to the token."""

from dataclasses import replace

import pytest

from tests.search.fakes import Toys, make_checker, toy_run, written_tokens
from tests.search.test_speaking_requests import ScriptedGenerator
from ttc_explorer.models.prompts import answer_cue
from ttc_explorer.models.protocol import Cost, DecodedStep
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.driver import Driver
from ttc_explorer.search.settings import Settings
from ttc_explorer.search.strategies.budget_forcing import WAIT
from ttc_explorer.search.voting import ranked_votes

CUE = answer_cue(chats=False, thinks=False)
QUESTION = "What is 1 + 1?"


class Thinker(ScriptedGenerator):
    """Writes a thought first; its end is not written where a thought is asked for."""

    supports_chat = True
    thinks = True

    def extend(self, jobs):
        rows = []
        for job, row in zip(jobs, super().extend(jobs), strict=True):
            thought, closed, _ = row.text.partition("</think>")
            if job.thought and closed:
                state = job.state + thought
                row = replace(row, text=thought.strip(), finished=True, state=state)
            elif job.forced == answer_cue(chats=True, thinks=True):
                row = replace(row, finished=True)
            rows.append(row)
        return rows


def force(write, budget=1, generator=ScriptedGenerator, **settings):
    """A run of budget forcing by a model that writes what ``write(prefix)`` says."""
    generator = generator(lambda prefix, temperature: write(prefix))
    driver = Driver(generator, None, make_checker)
    run = toy_run("budget_forcing", budget, verifier=None, selector="majority", **settings)
    driver.add(run)
    while driver.tick():
        pass
    assert (run.error, run.stopped) == (None, "done")
    assert run.ledger.generated_tokens == written_tokens(run.tree)
    return run, generator


def counting(prefix):
    """A thought without end, and an answer that tells how far it came."""
    return f"{prefix.count('so')}" if prefix.endswith(CUE) else "so..."


def test_a_thought_is_cut_at_the_first_step_from_l_tokens_on_and_made_to_answer():
    for thinking, steps in ((10, 2), (11, 3), (1, 1)):
        run, generator = force(counting, thinking=thinking)
        assert run.tree.text[1:] == ["so..."] * steps + [f"{CUE}{steps}"]
        assert run.tree.kind[-1] == "answer"
        assert [vote.answer for vote in ranked_votes(run.tree, "majority", "last")] == [str(steps)]
        assert run.ledger.generated_tokens == 5 * steps + 1
        assert run.ledger.prefill_tokens == len(QUESTION) + len(CUE)
        assert [temperature for _, temperature in generator.heard][-2:] == [0.8, 0.0]


def test_a_thought_without_end_answers_with_the_last_step_that_it_may_have():
    for rounds in (1, 2, 4):
        run, _ = force(counting, rounds=rounds)
        assert run.tree.text[1:] == ["so..."] * (rounds - 1) + [f"{CUE}{rounds - 1}"]


@pytest.mark.parametrize("waits", [0, 1, 3])
def test_wait_takes_the_place_of_an_end_and_what_a_solution_then_says_stands(waits):
    def write(prefix):
        return ", no." if prefix.endswith(WAIT) else f"Answer: {prefix.count(WAIT) + 2}"

    run, _ = force(write, waits=waits)
    again = [text for n in range(waits) for text in ("Wait, no.", f"Answer: {n + 3}")]
    assert run.tree.text[1:] == ["Answer: 2", *again]
    assert [vote.answer for vote in ranked_votes(run.tree, "majority", "last")] == [str(waits + 2)]
    assert list(run.tree.leaves()) == [1 + 2 * waits], "the only answer that votes is the last"
    assert run.ledger.prefill_tokens == len(QUESTION) + waits * len(WAIT)


def test_nobody_waits_beyond_l():
    run, _ = force(lambda prefix: "Answer: 2", waits=5, thinking=20)
    assert run.tree.text[1:] == ["Answer: 2", "WaitAnswer: 2", "WaitAnswer: 2"]


def test_a_model_that_thinks_closes_its_thought_when_it_is_told_to():
    def write(prefix):
        if prefix.endswith("boxed{"):
            return f"{prefix.count(WAIT) + 1}}}."
        return ", one more.\n</think>" if prefix.endswith(WAIT) else "It is \\boxed{9}.\n</think>"

    run, generator = force(write, generator=Thinker, waits=1)
    cue = answer_cue(chats=True, thinks=True)
    assert run.tree.text[1:] == ["It is \\boxed{9}.", "Wait, one more.", f"{cue}2}}."]
    assert generator.heard[-1][0] == (
        f"{QUESTION}\nIt is \\boxed{{9}}.\nWait, one more.\n</think> The final answer is \\boxed{{"
    )
    assert run.tree.answer[1:] == [None, None, "2"], "no answer is read from a thought"
    assert run.tree.kind[1:] == ["step", "step", "answer"]
    assert run.tree.parent[1:] == [0, 1, 2], "one chain"
    assert run.correct == {"2": True}


def test_an_interim_answer_is_asked_for_at_every_d_tokens_and_forgotten():
    run, generator = force(counting, probe=10, thinking=25, agree=16)
    tree = run.tree
    probes = [node for node, kind in enumerate(tree.kind) if kind == "rollout"]
    assert [tree.text[node] for node in probes] == [f"{CUE}2", f"{CUE}4"]
    assert [len(tree.path(node)) for node in probes] == [3, 5]
    assert tree.solution(next(tree.leaves())) == ["so..."] * 5 + [f"{CUE}5"]
    assert not any(f"{CUE}2" in prefix for prefix, _ in generator.heard)
    assert [vote.answer for vote in ranked_votes(tree, "majority", "last")] == ["5"]
    assert run.correct == {"5": False}, "who has not answered is not judged"
    assert run.ledger.generated_tokens == 5 * 5 + 3
    assert run.ledger.prefill_tokens == len(QUESTION) + 3 * len(CUE)
    assert run.ledger.generator_depth == 1 + 5 * 5 + 3


@pytest.mark.parametrize(
    ("answers", "agree", "steps"),
    [
        (["3", "2", "2.0", "7"], 2, 3),
        (["2", "3", "2", "3"], 2, 5),
        (["2", "2", "2", "7"], 3, 3),
        (["", "", "2", "2"], 2, 4),
    ],
)
def test_a_thought_stops_as_soon_as_its_interim_answers_agree(answers, agree, steps):
    def write(prefix):
        came = prefix.count("so")
        return (*answers, "9")[came - 1] if prefix.endswith(CUE) else "so..."

    run, _ = force(write, probe=1, thinking=25, agree=agree)
    tree = run.tree
    (leaf,) = tree.leaves()
    assert tree.solution(leaf)[:-1] == ["so..."] * steps
    assert tree.kind.count("rollout") == (steps - 1)
    assert tree.answer[leaf] == ("9" if steps == 5 else "2")


def test_thoughts_side_by_side_end_each_in_its_own_time_and_vote():
    def write(prefix):
        if prefix.endswith(CUE):
            return "5" if "long" in prefix else "2"
        return next(first) if prefix == f"{QUESTION}\n" else "Answer: 3" * ("short" in prefix)

    for merge in (True, False):
        first = iter(["a long way", "short", "a long way", "a middle one"])
        run, _ = force(write, 4, thinking=11, waits=0, rounds=4, merge=merge)
        votes = ranked_votes(run.tree, "majority", "last")
        assert [(vote.answer, vote.count) for vote in votes] == [("5", 2), ("2", 1), ("3", 1)]
        assert run.tree.solution_count() == 4


def test_a_step_that_is_lost_ends_its_thought_and_the_others_go_on():
    class Losing(ScriptedGenerator):
        def extend(self, jobs):
            rows = super().extend(jobs)
            if len(jobs) == 3:
                lost = DecodedStep("", 0, 0.0, True, None, Cost(), failure="It was lost.")
                return [lost, *rows[1:]]
            return rows

    run, _ = force(counting, 3, generator=Losing, thinking=10, merge=False)
    assert [run.tree.answer[leaf] for leaf in run.tree.leaves()] == [None, "2", "2"]
    assert [note.data["lost"] for note in run.tree.notes] == [1]


@pytest.mark.parametrize("merge", [True, False])
def test_what_it_costs_is_what_the_models_did_and_company_changes_nothing(merge):
    settings = {"thinking": 60, "waits": 2, "probe": 20, "agree": 2, "merge": merge}
    runs = [toy_run("budget_forcing", 4, seed, rounds=9, **settings) for seed in range(6)]
    Toys(terms=2).drive(*runs)
    for run in runs:
        own = Toys(terms=2)
        (alone,) = own.drive(toy_run("budget_forcing", 4, run.seed, rounds=9, **settings))
        assert run.error is None
        assert vars(alone.tree) == vars(run.tree)
        assert replace(run.ledger, seconds=0.0) == own.processed()
        assert run.ledger.generated_tokens == written_tokens(run.tree)
        assert run.tree.solution_count() == 4
        assert own.held() == 0
    assert any("rollout" in run.tree.kind for run in runs)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"thinking": 0}, "thinking must be a whole number from 1 to 32768"),
        ({"waits": -1}, "waits must be a whole number from 0 to 16"),
        ({"probe": "often"}, "probe must be a whole number"),
        ({"agree": 1}, "agree must be a whole number from 2 to 16"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(changed, message):
    with pytest.raises(BadInput, match=message):
        Settings().with_values(changed)
