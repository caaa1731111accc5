"""A service that only chats: whole solutions, handed out step by step, and nothing that forks."""

import pytest

from tests.models.toy_models import toy_verifier
from tests.search.fakes import toy_run, written_tokens
from tests.server.toy_server import ToyServer
from ttc_explorer.models.chat_client import (
    ChatGenerator,
    connect_inference_provider,
    split_logprobs,
)
from ttc_explorer.models.http_client import ApiClient
from ttc_explorer.models.prompts import REVISION_REQUEST
from ttc_explorer.models.protocol import ExtendJob, ModelError
from ttc_explorer.models.server_factory import connect_generator
from ttc_explorer.problems.answer_checker import exact_match_checker
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.driver import Driver
from ttc_explorer.search.strategy import STRATEGIES, unavailable_reason

WHOLE_SOLUTION_STRATEGIES = [
    name for name, entry in STRATEGIES.items() if not entry.needs_prefix_continuation
]


async def no_sleep(_):
    """Sleep for no time."""


@pytest.fixture
def service():
    with ToyServer({"completions"}).running() as running:
        yield running, ChatGenerator(ApiClient(running.address, sleep=no_sleep), "toy")


def run_to_end(run, generator):
    driver = Driver(generator, toy_verifier(1), exact_match_checker, reviser=generator)
    driver.add(run)
    while driver.tick():
        pass
    return run


@pytest.mark.slow
@pytest.mark.parametrize("strategy", WHOLE_SOLUTION_STRATEGIES)
def test_strategies_of_whole_solutions_run_on_a_chat_and_pay_what_it_says(service, strategy):
    running, generator = service
    run = run_to_end(toy_run(strategy, 4, chains=2), generator)
    assert (run.error, run.stopped) == (None, "done")
    assert (
        run.ledger.generated_tokens
        == running.usage["completion_tokens"]
        == written_tokens(run.tree)
    )
    assert run.ledger.prefill_tokens == running.usage["prompt_tokens"]
    solutions = run.tree.solution_count()
    assert len(running.requests) == solutions == (1 if strategy == "greedy" else 4)


def test_a_revision_sees_the_attempt_before_it(service):
    running, generator = service
    run = run_to_end(toy_run("revise", 2, chains=1), generator)
    first, second = (body["messages"] for _, body in running.requests)
    assert [message["role"] for message in first] == ["system", "user"]
    assert second[2] == {"role": "assistant", "content": run.tree.text[1].replace("\n", "\n\n")}
    assert second[3] == {"role": "user", "content": REVISION_REQUEST}


@pytest.mark.parametrize(
    "strategy", [name for name in STRATEGIES if name not in WHOLE_SOLUTION_STRATEGIES]
)
def test_strategies_that_continue_a_prefix_are_refused_with_the_reason(service, strategy):
    _, generator = service
    reason = unavailable_reason(
        strategy, supports_prefix_continuation=False, verifier=True, reviser=True
    )
    assert reason.startswith(STRATEGIES[strategy].title)
    with pytest.raises(BadInput) as caught:
        run_to_end(toy_run(strategy), generator)
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    "reply", [{"choices": [{"message": {"content": None}}]}, {"choices": [{}]}, {}]
)
def test_a_failed_call_costs_its_solution_and_not_the_run(service, reply):
    running, generator = service
    usage = {"usage": {"prompt_tokens": 1, "completion_tokens": 1}}
    running.faults.append((200, {}, reply | usage))
    run = run_to_end(toy_run("best_of_n", 3), generator)
    assert run.error is None
    assert [note.data["lost"] for note in run.tree.notes if "lost" in note.data] == [1]
    running.faults += [(200, {}, reply | usage)] * 3
    assert run_to_end(toy_run("best_of_n", 3), generator).error


@pytest.mark.parametrize(
    ("content", "finish", "answered"),
    [
        ("We add.\n\nSo it is 7", "length", False),
        ("We add.\n\nSo it is 7", "stop", True),
        ("So it is \\boxed{7}.\n\nAnd", "length", True),
    ],
)
def test_a_solution_that_the_service_cut_off_has_no_answer(service, content, finish, answered):
    running, generator = service
    choice = {"message": {"content": content}, "finish_reason": finish}
    usage = {"usage": {"prompt_tokens": 1, "completion_tokens": 1}}
    running.faults.append((200, {}, {"choices": [choice]} | usage))
    # One call: of several, which gets this reply is a race.
    tree = run_to_end(toy_run("best_of_n", 1), generator).tree
    (leaf,) = tree.leaves()
    assert (tree.answer[leaf] is not None) == answered
    assert tree.cut_count() == (0 if answered else 1)


def test_a_cancelled_chat_writes_nothing(service):
    _, generator = service
    job = ExtendJob(generator.prefill(["1"])[0].state, 1.0, (1,), lambda: True)
    (row,) = generator.extend([job])
    assert (row.text, row.finished, row.cost.generated) == ("", False, 0)


@pytest.mark.slow
def test_log_probabilities_are_asked_for_where_the_server_tells_them():
    with ToyServer({"completions"}).running() as running:
        generator = connect_generator(running.address, {})
        run = run_to_end(toy_run("greedy", 1), generator)
    assert generator.capabilities.logprobs
    tree = run.tree
    assert len(tree) > 2
    for node in range(1, len(tree)):
        assert tree.token_logprobs[node] == (-float(node),) * len(tree.text[node])
        assert tree.logprob[node] == sum(tree.token_logprobs[node])
    with ToyServer({"completions", "logprobs"}).running() as running:
        generator = connect_generator(running.address, {})
        run = run_to_end(toy_run("greedy", 1), generator)
    assert not generator.capabilities.logprobs
    assert set(run.tree.token_logprobs) == {()}


def test_tokens_that_do_not_spell_the_solution_tell_nothing():
    assert split_logprobs("a\n\nb", [("a", -1.0), ("c", -2.0)]) == [(), ()]
    assert split_logprobs(
        "\n\na\n\nb\n\n", [("\n\na\n", -1.0), ("\nb\n", -2.0), ("\n", -3.0), ("<end>", -4.0)]
    ) == [
        (-1.0, -2.0),
        (-3.0, -4.0),
    ]


def test_a_server_that_only_chats_is_recognised():
    with ToyServer({"completions"}).running() as running:
        generator = connect_generator(running.address, {})
    assert isinstance(generator, ChatGenerator)
    assert not generator.supports_prefix_continuation


@pytest.mark.parametrize("token", [None, ""])
def test_nobody_pays_for_a_visitor_who_has_not_logged_in(monkeypatch, token):
    monkeypatch.setenv("TTC_API_KEY", "the operator's own")
    with pytest.raises(ModelError, match="Log in"):
        connect_inference_provider("org/model", token)
