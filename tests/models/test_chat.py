"""A service that only chats: whole solutions, handed out step by step, and nothing that forks."""

import pytest

from tests.models.toys import toy_verifier
from tests.search.fakes import toy_run
from tests.server.toy import ToyServer
from ttc_explorer.models.chat import ChatGenerator, hosted
from ttc_explorer.models.connect import connect
from ttc_explorer.models.connection import Connection
from ttc_explorer.models.prompts import BETTER
from ttc_explorer.models.protocol import ExtendJob, ModelError
from ttc_explorer.problems.exam import by_spelling
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.driver import Driver
from ttc_explorer.search.strategies import STRATEGIES, unavailable

WHOLE = ["greedy", "best_of_n", "revise", "adaptive"]


async def at_once(_):
    """Sleep for no time."""


@pytest.fixture
def service():
    with ToyServer({"completions"}).running() as running:
        yield running, ChatGenerator(Connection(running.address, sleep=at_once), "toy")


def driven(run, generator):
    driver = Driver(generator, toy_verifier(1), by_spelling, reviser=generator)
    driver.add(run)
    while driver.tick():
        pass
    return run


@pytest.mark.parametrize("strategy", WHOLE)
def test_strategies_of_whole_solutions_run_on_a_chat_and_pay_what_it_says(service, strategy):
    running, generator = service
    run = driven(toy_run(strategy, 4, chains=2), generator)
    assert (run.error, run.stopped) == (None, "done")
    assert run.ledger.generated_tokens == running.usage["completion_tokens"] == sum(run.tree.tokens)
    assert run.ledger.prefill_tokens == running.usage["prompt_tokens"]
    solutions = list(run.tree.leaves())
    assert len(running.requests) == len(solutions) == (1 if strategy == "greedy" else 4)


def test_a_revision_sees_the_attempt_before_it(service):
    running, generator = service
    run = driven(toy_run("revise", 2, chains=1), generator)
    first, second = (body["messages"] for _, body in running.requests)
    assert [message["role"] for message in first] == ["system", "user"]
    assert second[2] == {"role": "assistant", "content": run.tree.text[1].replace("\n", "\n\n")}
    assert second[3] == {"role": "user", "content": BETTER}


@pytest.mark.parametrize("strategy", [name for name in STRATEGIES if name not in WHOLE])
def test_strategies_that_continue_a_prefix_are_refused_with_the_reason(service, strategy):
    _, generator = service
    reason = unavailable(strategy, forks=False, verifier=True, reviser=True)
    assert reason.startswith(STRATEGIES[strategy].title)
    with pytest.raises(BadInput) as caught:
        driven(toy_run(strategy), generator)
    assert str(caught.value) == reason


@pytest.mark.parametrize("reply", [{"choices": [{"message": {"content": None}}]}, {"choices": [{}]}, {}])
def test_a_failed_call_costs_its_solution_and_not_the_run(service, reply):
    running, generator = service
    usage = {"usage": {"prompt_tokens": 1, "completion_tokens": 1}}
    running.faults.append((200, {}, reply | usage))
    run = driven(toy_run("best_of_n", 3), generator)
    assert run.error is None
    assert [note.data["lost"] for note in run.tree.notes] == [1]
    running.faults += [(200, {}, reply | usage)] * 3
    assert driven(toy_run("best_of_n", 3), generator).error


def test_a_cancelled_chat_writes_nothing(service):
    _, generator = service
    job = ExtendJob(generator.open(["1"])[0].state, 1.0, (1,), lambda: True)
    (row,) = generator.extend([job])
    assert (row.text, row.finished, row.cost.generated) == ("", False, 0)


def test_a_server_that_only_chats_is_recognised():
    with ToyServer({"completions"}).running() as running:
        generator = connect(running.address, {})
    assert isinstance(generator, ChatGenerator)
    assert not generator.forks


@pytest.mark.parametrize("token", [None, ""])
def test_nobody_pays_for_a_visitor_who_has_not_logged_in(monkeypatch, token):
    monkeypatch.setenv("TTC_API_KEY", "the operator's own")
    with pytest.raises(ModelError, match="Log in"):
        hosted("org/model", token)
