"""What servers do otherwise than OpenAI: found out on connecting, said there, counted rightly."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from tests.search.fakes import run_to_completion, toy_run, written_tokens
from tests.server.peculiar_server import CONTEXT, PeculiarServer
from tests.server.server_cases import (
    BOTH,
    CASES,
    LLAMA_CPP,
    WHOLE,
    asked_at,
    connect,
    no_sleep,
    server_table,
    solve,
)
from ttc_explorer.models import server_factory
from ttc_explorer.models.protocol import ModelError
from ttc_explorer.models.server_capabilities import KNOWN_SERVERS
from ttc_explorer.models.server_factory import connect_generator
from ttc_explorer.problems.answer_checker import exact_match_checker

DOCUMENT = Path(__file__).parents[2] / "docs" / "servers.md"


@pytest.mark.parametrize("case", CASES)
def test_a_peculiar_server_is_found_out_and_its_solutions_end_and_are_counted(case):
    expected = CASES[case]
    server = expected.server()
    generator = connect(server)
    capabilities = generator.capabilities
    assert asked_at(generator) is expected.endpoint
    assert json.loads(json.dumps(asdict(capabilities)))  # it goes between processes
    assert expected.sentence in " ".join(capabilities.missing())
    server.wrote = 0
    run = solve(generator)
    assert run.error is None
    tree = run.tree
    solutions = list(tree.leaves())
    assert tree.solution_count() == 6
    assert {tree.answer[leaf] for leaf in solutions} <= {"4", "5"}  # each was read to its end
    assert len(set(tree.text)) > 3
    assert run.ledger.generated_tokens == written_tokens(tree) == server.wrote
    assert capabilities.streaming == (not {"never streams", "bare pieces"} & set(expected.quirks))
    logprobs_told = not {"null logprob", "no logprobs"} & set(expected.quirks)
    assert capabilities.logprobs == logprobs_told
    assert bool(tree.token_logprobs[1]) == logprobs_told


@pytest.mark.parametrize("case", CASES)
def test_what_comes_piece_by_piece_is_what_comes_whole(case):
    runs = []
    for is_watched in (False, True):
        server = CASES[case].server()
        generator = connect(server)
        server.requests.clear()
        runs.append(solve(generator, is_watched))
        streamed = [body.get("stream", False) for _, body in server.requests if body]
        assert set(streamed) >= {is_watched and generator.capabilities.streaming}
    whole, pieces = runs
    assert pieces.tree.events == whole.tree.events
    assert pieces.tree.text == whole.tree.text
    assert pieces.tree.token_logprobs == whole.tree.token_logprobs
    assert replace(pieces.ledger, seconds=0) == replace(whole.ledger, seconds=0)


@pytest.mark.slow
def test_the_document_is_what_the_product_does():
    assert DOCUMENT.read_text("utf-8") == server_table()


def test_a_chat_model_is_never_asked_in_plain_words():
    for case in CASES.values():
        generator = connect(case.server())
        if "chat/completions" in case.has and case.endpoint is not WHOLE:
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
