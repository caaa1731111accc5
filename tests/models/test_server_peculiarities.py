"""What servers do otherwise than OpenAI: found out on connecting, said there, counted rightly."""

import json
from dataclasses import asdict

import pytest

from tests.search.fakes import run_to_completion, toy_run, written_tokens
from tests.server.peculiar_server import ADDRESS, CONTEXT, PeculiarServer
from ttc_explorer.models import server_factory
from ttc_explorer.models.completion_endpoints import (
    CONTINUED_CHAT,
    ENDPOINTS,
    LLAMA_CPP_COMPLETION,
    OPENAI_COMPLETIONS,
)
from ttc_explorer.models.protocol import ModelError
from ttc_explorer.models.server_capabilities import (
    KNOWN_SERVERS,
    ONLY_CHATS,
    STOPS_UNKNOWN,
    TEMPLATE_UNKNOWN,
)
from ttc_explorer.models.server_factory import connect_generator
from ttc_explorer.problems.answer_checker import exact_match_checker

LLAMA_CPP = ("/completion", "/apply-template", "/props", "completions", "chat/completions")
BOTH, CHAT = ("completions", "chat/completions"), ("chat/completions",)
WHOLE = None
"""Instead of an endpoint: it is asked for whole solutions."""

CASES = {
    # what it has, its quirks, how it is asked, what is said of it
    "llama.cpp": (LLAMA_CPP, ["usage of one", "no stop reason"], LLAMA_CPP_COMPLETION, ""),
    "a template that nobody knows": (BOTH, [], CONTINUED_CHAT, ""),
    "and no unfinished message": (BOTH, ["starts anew"], WHOLE, TEMPLATE_UNKNOWN),
    "only chats": (CHAT, ["starts anew"], WHOLE, ONLY_CHATS),
    "does not chat": (("completions",), [], OPENAI_COMPLETIONS, ""),
    "log-probabilities of chats in completions": (
        ("completions",),
        ["content logprobs"],
        OPENAI_COMPLETIONS,
        "",
    ),
    "completions that are chats": (BOTH, ["wraps", "starts anew"], WHOLE, ONLY_CHATS),
    "finish_reason alone": (BOTH, ["no stop reason"], WHOLE, STOPS_UNKNOWN),
    "finish_reason null": (BOTH, ["no stop reason", "null finish"], WHOLE, STOPS_UNKNOWN),
    "finish_reason missing": (BOTH, ["no stop reason", "no finish"], WHOLE, STOPS_UNKNOWN),
    "n ignored": (BOTH, ["ignores n"], CONTINUED_CHAT, "one sample a call, whatever"),
    "usage of one of n": (BOTH, ["usage of one"], CONTINUED_CHAT, ""),
    "usage of one of n, and no lists": (
        BOTH,
        ["usage of one", "no logprobs"],
        CONTINUED_CHAT,
        "tokens of one sample where several",
    ),
    "usage of zeros": (BOTH, ["zero usage"], CONTINUED_CHAT, "does not count what it reads"),
    "no usage": (BOTH, ["no usage"], CONTINUED_CHAT, "does not count what it reads"),
    "usage with decimal points": (BOTH, ["float usage"], CONTINUED_CHAT, ""),
    "a log-probability that is null": (BOTH, ["null logprob"], CONTINUED_CHAT, "they show as 0"),
    "parameters refused": (BOTH, ["refuses sampling"], CONTINUED_CHAT, "its own top_k"),
}


async def no_sleep(_):
    """Sleep for no time."""


def connect(server):
    transport = server.client()._transport
    return connect_generator(ADDRESS, {}, transport=transport, sleep=no_sleep)


@pytest.mark.parametrize("case", CASES)
def test_a_peculiar_server_is_found_out_and_its_solutions_end_and_are_counted(case):
    has, quirks, endpoint, sentence = CASES[case]
    server = PeculiarServer(*has, quirks=quirks)
    generator = connect(server)
    capabilities = generator.capabilities
    asked = ENDPOINTS[capabilities.endpoint] if capabilities.completions else WHOLE
    assert asked is endpoint
    assert json.loads(json.dumps(asdict(capabilities)))  # it goes between processes
    assert sentence in " ".join(capabilities.missing())
    server.wrote = 0
    run = run_to_completion(
        toy_run("best_of_n", 6, selector="majority", merge=False),
        generator,
        None,
        exact_match_checker,
    )
    assert run.error is None
    tree = run.tree
    solutions = list(tree.leaves())
    assert tree.solution_count() == 6
    assert {tree.answer[leaf] for leaf in solutions} <= {"4", "5"}  # each was read to its end
    assert len(set(tree.text)) > 3
    assert run.ledger.generated_tokens == written_tokens(tree) == server.wrote
    logprobs_told = not {"null logprob", "no logprobs"} & set(quirks)
    assert capabilities.logprobs == logprobs_told
    assert bool(tree.token_logprobs[1]) == logprobs_told


def test_a_chat_model_is_never_asked_in_plain_words():
    for has, quirks, endpoint, _ in CASES.values():
        server = PeculiarServer(*has, quirks=quirks)
        generator = connect(server)
        if "chat/completions" in has and endpoint is not WHOLE:
            asked = generator.prefill(["What is 2+2?"])[0].state.content
            assert "User: What is" not in str(asked)


def test_special_tokens_in_a_question_are_none_to_llama_cpp():
    generator = connect(PeculiarServer(*LLAMA_CPP))
    (asked,) = generator.prefill(["2<|im_<|im_end|>end|>+2?"])
    assert "user\n2+2?<|im_end|>\n" in asked.state.content


@pytest.mark.parametrize(
    ("path", "owner", "note"),
    [
        ("/props", "llamacpp", ""),
        ("/api/ps", "library", KNOWN_SERVERS["library"]),
        ("/api/v0/models", "organization_owner", KNOWN_SERVERS["organization_owner"]),
    ],
)
def test_the_context_and_what_is_added_to_samples_are_known(path, owner, note):
    capabilities = connect(PeculiarServer(*BOTH, path, owner=owner)).capabilities
    assert capabilities.context == CONTEXT
    assert note in capabilities.missing() or not note
    assert capabilities.plain_sampling


def test_no_more_calls_wait_at_a_server_than_it_has_slots():
    server = PeculiarServer(*LLAMA_CPP)
    generator = connect(server)
    assert generator.capabilities.slots == generator._client.max_concurrent_calls == 4


def test_a_server_whose_tokens_nobody_can_count_is_refused_on_connecting():
    for usage in ("no usage", "zero usage"):
        with pytest.raises(ModelError, match="how many tokens"):
            connect(PeculiarServer(*BOTH, quirks=[usage, "no logprobs"]))


def test_a_refusal_that_calls_itself_success_is_passed_on():
    with pytest.raises(ModelError, match=r"refused: model 'mine' not found\."):
        connect(PeculiarServer(*BOTH, quirks=["error 200"]))


def test_what_the_server_adds_to_samples_is_switched_off_in_every_call():
    server = PeculiarServer(*LLAMA_CPP)
    generator = connect(server)
    server.requests.clear()
    run_to_completion(
        toy_run("best_of_n", 2, selector="majority"), generator, None, exact_match_checker
    )
    bodies = [body for path, body in server.requests if path == "/completion"]
    assert bodies
    assert all(body["top_k"] == -1 and body["min_p"] == 0 for body in bodies)


def test_a_name_on_a_local_server_is_nobody_elses_business(monkeypatch):
    looked_up = []

    def from_pretrained(source, **options):
        looked_up.append(options["local_files_only"])
        raise OSError("not here")

    monkeypatch.setattr(server_factory.AutoTokenizer, "from_pretrained", from_pretrained)
    monkeypatch.setattr(server_factory, "hub_reachable", lambda: True)
    server = PeculiarServer(*BOTH, model="Qwen/Qwen2.5-0.5B-Instruct")
    connect(server)
    assert set(looked_up) == {True}
    looked_up.clear()
    transport = server.client()._transport
    connect_generator("https://api.example.com/v1", {}, transport=transport, sleep=no_sleep)
    assert set(looked_up) == {False}
    looked_up.clear()
    connect(PeculiarServer(*BOTH, model="/home/me/SmolLM2.gguf"))
    assert not looked_up
