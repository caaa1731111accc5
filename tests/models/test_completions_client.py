"""Searches whose models are behind a server: the same trees as here, and every token accounted
for."""

from contextlib import contextmanager
from dataclasses import replace

import httpx
import pytest

from tests.models.toy_models import toy_qwen2, toy_token_classifier, toy_tokenizer, toy_verifier
from tests.search.fakes import run_to_completion, toy_run, written_tokens
from tests.server.toy_server import ToyServer
from ttc_explorer.models.completions_client import (
    CompletionsGenerator,
    PromptGroup,
    seed_from_rng_path,
)
from ttc_explorer.models.http_client import ApiClient
from ttc_explorer.models.local_verifiers import TokenPRM
from ttc_explorer.models.prompt_format import plain_chat_format, text_format, token_id_format
from ttc_explorer.models.prompts import SYSTEM_PROMPT
from ttc_explorer.models.protocol import ExtendJob, ModelError, RevisionContext, ScoreJob
from ttc_explorer.models.server_capabilities import ServerCapabilities
from ttc_explorer.models.server_factory import ServableModel, connect_generator, connect_verifier
from ttc_explorer.models.server_verifier import ServerVerifier, probability_of_correct
from ttc_explorer.models.step_codec import StepCodec
from ttc_explorer.models.tree_decoding import TreeGenerator, is_answer_line
from ttc_explorer.models.verifier_formats import LinePRMFormat
from ttc_explorer.problems.answer_checker import exact_match_checker
from ttc_explorer.problems.families import to_canonical_wording
from ttc_explorer.search.strategy import STRATEGIES
from ttc_explorer.search.trace import dump_trace, load_trace, to_trace

pytestmark = pytest.mark.slow

ALL_CAPABILITIES = ServerCapabilities(
    "toy", "toy", 512, 1000, *[True] * 10
)  # what the toy server can do when it ignores nothing
LINE_FORMAT = LinePRMFormat(toy_tokenizer())


async def no_sleep(_):
    """Sleep for no time."""


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    monkeypatch.delenv("TTC_API_KEY", raising=False)


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """A folder that makes the toy one of our own models, known by its name."""
    folder = tmp_path_factory.mktemp("models") / "toy"
    toy_tokenizer().save_pretrained(folder)
    return {"toy": ServableModel(folder, 1000)}


@contextmanager
def running_server(*ignores, faults=()):
    """A toy server that is running, and a generator on it, not probed."""
    with ToyServer(ignores, faults).running() as running:
        capabilities = replace(
            ALL_CAPABILITIES,
            batched_prompts="batched_prompts" not in ignores,
            multiple_samples="n" not in ignores,
            seeded_sampling="seed" not in ignores,
            token_ids="token_ids" not in ignores,
        )
        client = ApiClient(running.address, sleep=no_sleep)
        codec = StepCodec(toy_tokenizer(), len(toy_tokenizer()))
        line = {"step_end": "\n", "is_final": is_answer_line}
        prompt_format = token_id_format(codec, toy_tokenizer(), 512, **line)
        yield running, CompletionsGenerator(client, capabilities, prompt_format, 80)


class SeededTreeGenerator(TreeGenerator):
    """The toy in this process, drawing at random as the server does: from a call's seed, and each
    sample's number in it. A blank line is a step to it too: the server stops at every line end."""

    def __init__(self):
        super().__init__(toy_qwen2(0), toy_tokenizer(), "here")
        self.codec.blanks[:] = False

    def extend(self, jobs):
        first, born, drawn = {}, {}, []
        for place, job in enumerate(jobs):
            # greedy rows are calls of their own
            key = (id(job.state), job.forced, job.temperature or place)
            rng_path = first.setdefault(key, job.rng_path)
            number = born[key] = born.get(key, -1) + 1
            drawn.append(replace(job, rng_path=(seed_from_rng_path(rng_path), number)))
        return super().extend(drawn)


@pytest.mark.parametrize("strategy", ["beam", "best_of_n"])
def test_a_search_through_the_server_grows_the_tree_that_it_grows_here(strategy):
    here = SeededTreeGenerator()
    local_verifier = toy_verifier(1)
    with running_server() as (running, there):
        verifier = ServerVerifier(ApiClient(running.address), ALL_CAPABILITIES, LINE_FORMAT)
        local, remote = (
            run_to_completion(
                toy_run(strategy, 8, rounds=4, step="own"), generator, judging, exact_match_checker
            )
            for generator, judging in ((here, local_verifier), (there, verifier))
        )
        assert remote.error is None
        assert remote.tree.text == local.tree.text
        assert remote.tree.parent == local.tree.parent
        assert remote.tree.status == local.tree.status
        assert remote.tree.answer == local.tree.answer
        assert remote.tree.tokens == local.tree.tokens
        assert remote.tree.logprob == pytest.approx(local.tree.logprob, abs=1e-4)
        for wanted, told in zip(local.tree.token_logprobs, remote.tree.token_logprobs, strict=True):
            assert told == pytest.approx(wanted, abs=1e-4)
        assert remote.tree.score[1:] == pytest.approx(local.tree.score[1:], abs=1e-5)
        # the audit: our ledger is the sum of the server's own figures
        ledger = remote.ledger
        assert (
            ledger.generated_tokens
            == running.usage["completion_tokens"]
            == written_tokens(remote.tree)
        )
        read = ledger.prefill_tokens + ledger.cached_tokens + ledger.verifier_tokens
        assert read == running.usage["prompt_tokens"]
        written = ledger.generated_tokens + ledger.prefill_tokens
        assert ledger.generator_flops == 2000 * written
        assert ledger.verifier_flops == 2000 * ledger.verifier_tokens


@pytest.mark.parametrize(
    "lacks", [("n",), ("batched_prompts",), ("seed",), ("n", "batched_prompts", "seed", "logprobs")]
)
def test_a_server_that_can_do_less_is_asked_for_less(lacks):
    with running_server(*lacks) as (running, generator):
        run = run_to_completion(
            toy_run("best_of_n", 6, rounds=4, selector="majority"),
            generator,
            None,
            exact_match_checker,
        )
        assert run.error is None
        copies = zip(run.tree.parent, run.tree.copies, strict=True)
        assert sum(count for parent, count in copies if parent == 0) == 6
        bodies = [body for _, body in running.requests]
        assert all(("n" in body) <= ("n" not in lacks) for body in bodies)
        assert all(("seed" in body) <= ("seed" not in lacks) for body in bodies)
        assert all(
            isinstance(body["prompt"][0], list) == ("batched_prompts" not in lacks)
            for body in bodies
        )
        if "seed" in lacks and "batched_prompts" not in lacks:
            assert max(len(body["prompt"]) for body in bodies) > 1  # many prompts a call
        assert (
            run.ledger.generated_tokens
            == running.usage["completion_tokens"]
            == written_tokens(run.tree)
        )
        assert run.ledger.prefill_tokens == running.usage["prompt_tokens"]


def test_a_search_repeats_itself_and_best_of_2_is_the_first_two_of_best_of_5():
    with running_server() as (_, generator):
        first, again, fewer = (
            run_to_completion(
                toy_run("best_of_n", n, rounds=1, selector="majority"),
                generator,
                None,
                exact_match_checker,
            )
            for n in (5, 5, 2)
        )
    assert first.tree.text == again.tree.text
    assert fewer.tree.text == first.tree.text[:3]
    assert len(set(first.tree.text)) > 2


def test_where_the_server_takes_no_ids_it_gets_the_same_tokens_as_text(shipped):
    tokenizer = toy_tokenizer()
    codec = StepCodec(tokenizer, len(tokenizer))
    token_ids = token_id_format(codec, tokenizer, 512)
    text = text_format(token_ids, tokenizer)
    chain = RevisionContext("What is <eos>1 + 1?")
    assert tokenizer(text.prompt(chain))["input_ids"] == token_ids.prompt(chain)
    with ToyServer({"token_ids"}).running() as running:
        there = connect_generator(running.address, shipped)
        (row,) = there.extend([ExtendJob(there.prefill([chain.question])[0].state, 0.8, (1,))])
        assert isinstance(row.state.content, str)
        assert row.state.content.endswith(f"{row.text}\n")
        assert isinstance(running.requests[-1][1]["prompt"][0], str)


def test_where_the_server_does_not_say_why_it_stopped_nothing_more_means_the_end():
    with running_server() as (_, generator):
        state = generator.prefill(["1"])[0].state
        calls = [[PromptGroup(state, [0])]]
        ends = {}
        for reason in ({}, {"stop_reason": None}, {"stop_reason": "\n"}, {"matched_stop": 2}):
            for text in ("1+1", ""):
                choice = {"text": text, "finish_reason": "stop"} | reason
                reply = {"choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 3}}
                ends[(*reason.items(), text)] = generator._parse_response(calls[0], reply)[
                    0
                ].finished
    assert list(ends.values()) == [False, True, True, True, False, False, True, True]


@pytest.mark.parametrize("step", ["check", "tokens:12"])
def test_steps_of_several_lines_are_asked_for_line_by_line_and_counted_rightly(step):
    """A model that chats, whose own steps are paragraphs."""
    with running_server() as (running, generator):
        generator._prompt_format = replace(generator._prompt_format, step_end="\n\n")
        generator.supports_chat, own = True, generator._body
        stops = set()
        generator._body = lambda *call: stops.add(*(body := own(*call))["stop"]) or body
        run = toy_run("beam", 8, rounds=4, step=step)
        run_to_completion(run, generator, toy_verifier(1), exact_match_checker)
    assert run.error is None
    assert stops == {"\n"}
    assert any("\n" in text for text in run.tree.text)
    assert run.ledger.generated_tokens == running.usage["completion_tokens"]


def test_what_is_written_beyond_the_step_is_cut_and_paid():
    with running_server("stop") as (running, generator):
        root = generator.prefill(["1 + 1"])[0].state
        rows = generator.extend([ExtendJob(root, 0.8, (number,)) for number in range(4)])
    assert not any("\n" in row.text for row in rows)
    assert (
        sum(row.tokens for row in rows)
        == running.usage["completion_tokens"]
        > sum(len(row.text) for row in rows)
    )


def test_a_full_context_ends_the_solution_and_not_the_run():
    with running_server() as (_, generator):
        state = generator.prefill(["1 + " * 120])[0].state
        assert 0 < 512 - state.tokens < 80
        (row,) = generator.extend([ExtendJob(state, 0.8, (1,))])
        full = replace(state, tokens=512)
        (nothing,) = generator.extend([ExtendJob(full, 0.8, (1,))])
    assert row.cost.generated <= 512 - state.tokens
    assert (nothing.finished, nothing.failure, nothing.cost.generated) == (True, "", 0)
    assert nothing.cut


@pytest.mark.parametrize(
    ("text", "finish", "stop", "cut"),
    [
        ("So it is 7", "length", {"stop_reason": None}, True),
        ("So it is 7", "length", {}, True),
        ("So it is 7", "stop", {"stop_reason": None}, False),
        ("So it is 7", "stop", {"stop_reason": "\n"}, False),
        ("So it is \\boxed{7}. And", "length", {"stop_reason": None}, False),
        ("1 + 1 = 2\nSo", "length", {"stop_reason": None}, False),  # beyond the step's end
    ],
)
def test_a_text_that_ends_for_want_of_room_is_cut_unless_its_answer_stands(text, finish, stop, cut):
    with running_server() as (_, generator):
        state = generator.prefill(["1"])[0].state
        choice = {"text": text, "finish_reason": finish} | stop
        reply = {"choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 3}}
        row = generator._parse_response([PromptGroup(state, [0])], reply)[0]
    assert row.cut == cut
    assert row.finished or not cut


def test_cancelled_rows_are_not_paid_for():
    with running_server() as (_, generator):
        state = generator.prefill(["1 + 1"])[0].state
        rows = generator.extend([ExtendJob(state, 0.8, (1,), lambda: True)] * 3)
    assert [(row.text, row.finished, row.cost.generated) for row in rows] == [("", False, 0)] * 3


# --- connecting -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ignores", "lacks"),
    [
        ((), set()),
        (
            ("n", "logprobs", "batched_prompts", "seed", "stop"),
            {
                "multiple_samples",
                "logprobs",
                "batched_prompts",
                "seeded_sampling",
                "stop_sequences",
            },
        ),
        (("temperature", "n", "seed"), set()),  # 1 is the server's own
        (("/pooling", "chat/completions", "token_ids"), {"pooling", "supports_chat", "token_ids"}),
    ],
)
def test_what_a_server_can_do_is_found_out_and_said(shipped, ignores, lacks):
    with ToyServer(ignores).running() as running:
        capabilities = connect_generator(running.address, shipped).capabilities
    capability_names = {
        "multiple_samples",
        "logprobs",
        "batched_prompts",
        "seeded_sampling",
        "stop_sequences",
        "pooling",
        "supports_chat",
        "token_ids",
    }
    if "temperature" not in ignores:
        assert {name for name in capability_names if not getattr(capabilities, name)} == lacks
    assert (capabilities.context, capabilities.parameters, capabilities.samples_vary) == (
        512,
        1000,
        True,
    )
    assert len(capabilities.missing()) == len(
        {"multiple_samples", "logprobs", "batched_prompts", "seeded_sampling", "stop_sequences"}
        & {name for name in capability_names if not getattr(capabilities, name)}
    )


def test_a_server_that_always_says_the_same_is_found_out():
    usage = {"prompt_tokens": 7, "completion_tokens": 1}
    says = {"choices": [{"text": "4", "finish_reason": "stop"}], "usage": usage}

    def reply(request):
        if request.url.path == "/v1/models":
            return httpx.Response(200, json={"data": [{"id": "parrot"}]})
        return httpx.Response(200, json=says)

    generator = connect_generator(
        "http://toy:1", {}, transport=httpx.MockTransport(reply), sleep=no_sleep
    )
    assert not generator.capabilities.samples_vary
    assert not generator.capabilities.multiple_samples
    assert "gave the same text every time" in " ".join(generator.capabilities.missing())


def test_a_server_with_several_models_wants_a_name():
    def reply(request):
        return httpx.Response(200, json={"data": [{"id": "a/one"}, {"id": "b/two"}]})

    with pytest.raises(
        ModelError, match=r"lists a/one, b/two: name one, as in http://toy:1/v1#MODEL"
    ):
        connect_generator("http://toy:1", {}, transport=httpx.MockTransport(reply), sleep=no_sleep)


def test_a_verifier_is_no_generator_and_the_other_way_round(shipped):
    with ToyServer({"completions", "chat/completions"}).running() as running:
        assert connect_verifier(running.address, shipped).name.startswith("toy at 127.0.0.1:")
        with pytest.raises(ModelError, match="writes no text"):
            connect_generator(running.address, shipped)
    with (
        ToyServer({"/pooling"}).running() as running,
        pytest.raises(ModelError, match="judges no steps"),
    ):
        connect_verifier(running.address, shipped)


def test_a_verifier_without_its_tokenizer_is_refused():
    served = ToyServer(model="no/such-model").running()
    with served as running, pytest.raises(ModelError, match="tokenizer"):
        connect_verifier(running.address, {})


def test_a_model_whose_tokenizer_nobody_has_is_asked_in_plain_words():
    prompt = plain_chat_format(SYSTEM_PROMPT).prompt(
        RevisionContext("What is 1 + 1?", ("It is 3.",))
    )
    assert prompt.startswith("System: ")
    assert "User: What is 1 + 1?\n\nAssistant: It is 3." in prompt
    assert prompt.endswith("Assistant:")


# --- failures -------------------------------------------------------------------------------------


def test_a_busy_and_then_a_broken_server_do_not_disturb_a_run():
    faults = [(429, {"Retry-After": "3"}, {}), (500, {}, "oops")]
    with running_server(faults=faults) as (_, generator):
        disturbed = run_to_completion(
            toy_run("best_of_n", 4, rounds=3), generator, toy_verifier(1), exact_match_checker
        )
    with running_server() as (_, generator):
        calm = run_to_completion(
            toy_run("best_of_n", 4, rounds=3), generator, toy_verifier(1), exact_match_checker
        )
    assert disturbed.error is None
    assert vars(disturbed.tree) == vars(calm.tree)


@pytest.mark.parametrize(
    "fault",
    [
        (400, {}, {"message": "no"}),
        (200, {}, "<html>"),
        (200, {}, {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}),
        (
            200,
            {},
            {"choices": [{"text": 5}], "usage": {"prompt_tokens": 1, "completion_tokens": 1}},
        ),
        (200, {}, {"choices": "x", "usage": {"prompt_tokens": 1, "completion_tokens": 1}}),
        (200, {}, {"choices": [{"text": "1"}], "usage": {"prompt_tokens": -1}}),
        (200, {}, {"choices": [{"text": "1"}]}),
    ],
)
def test_a_failed_call_costs_its_node_and_not_the_run(fault):
    with running_server() as (running, generator):
        roots = generator.prefill(["1 + 1", "2 + 2"])
        jobs = [ExtendJob(root.state, 0.8, (number,)) for number, root in enumerate(roots)]
        running.faults.append(fault)
        rows = generator.extend(jobs)
        (lost,) = [row for row in rows if row.failure]
        (kept,) = [row for row in rows if not row.failure]
        assert (lost.finished, lost.text, lost.cost.generated) == (True, "", 0)
        assert kept.tokens > 0
        running.faults += [fault] * 2
        with pytest.raises(ModelError):
            generator.extend(jobs)


def test_a_run_goes_on_without_what_was_lost_and_says_so():
    with running_server() as (running, generator):

        class Losing:
            """Loses the first of the calls after the first steps."""

            name, parameters, prefill = generator.name, 1000, generator.prefill
            supports_prefix_continuation, supports_chat = True, False
            prints_checks = thinks = False

            def extend(self, jobs):
                if len({id(job.state) for job in jobs}) > 1 and not any(
                    "lost" in str(f) for f in sent
                ):
                    sent.append((400, {}, {"error": "lost it"}))
                    running.faults.append(sent[-1])
                return generator.extend(jobs)

        sent = []
        run = run_to_completion(
            toy_run("best_of_n", 6, rounds=4), Losing(), toy_verifier(1), exact_match_checker
        )
    tree = run.tree
    assert run.error is None
    (note,) = tree.notes
    assert note.text.startswith("1 step was lost. The server at 127.0.0.1")
    assert "answered 400: lost it" in note.text
    (node,) = [n for n in tree.leaves() if not tree.tokens[n]]
    assert (tree.text[node], tree.status[node], tree.answer[node]) == ("", "finished", None)
    assert to_trace(load_trace(dump_trace(run))) == to_trace(run)


# --- the verifier ---------------------------------------------------------------------------------


def test_scores_through_the_server_equal_those_here(shipped):
    here = TokenPRM(toy_token_classifier(1), toy_tokenizer(), "here", to_canonical_wording)
    with ToyServer().running() as running:
        there = connect_verifier(running.address, shipped)
        scores = []
        for verifier in (here, there):
            state = verifier.prefill(["What is 1 + 1?"])[0].state
            (first,) = verifier.score([ScoreJob(state, "1+1=2")])
            more = verifier.score(
                [ScoreJob(first.state, text) for text in ("Answer: 2", "Answer: 3")]
            )
            (both,) = verifier.score([ScoreJob(state, "1+1=2\nAnswer: 2")])
            scores.append([judged.score for judged in (first, *more, both)])
    assert scores[1] == pytest.approx(scores[0], abs=1e-5)
    assert len(set(scores[0])) == 3


def test_a_judgement_that_failed_scores_0_and_says_so(monkeypatch):
    monkeypatch.setattr("ttc_explorer.models.server_verifier.MAX_TEXTS_PER_CALL", 1)
    with ToyServer().running() as running:
        verifier = ServerVerifier(
            ApiClient(running.address, sleep=no_sleep), ALL_CAPABILITIES, LINE_FORMAT
        )
        state = verifier.prefill(["1 + 1"])[0].state
        running.faults.append(
            (200, {}, {"data": [{"data": [[3.0, -2.0]]}], "usage": {"prompt_tokens": 1}})
        )
        scored = verifier.score([ScoreJob(state, "2"), ScoreJob(state, "3")])
        assert sorted(bool(judgement.failure) for judgement in scored) == [False, True]
        (lost,) = [judgement for judgement in scored if judgement.failure]
        assert lost.score == 0
        assert "(wrong, right)" in lost.failure


@pytest.mark.parametrize("data", [[], [[1.0]], [["a", "b"]], [[0.2, 0.2]], None, [[None, 1]], "xy"])
def test_what_is_no_pair_of_probabilities_is_refused(data):
    with pytest.raises(ModelError):
        probability_of_correct({"data": data})


def test_every_strategy_runs_through_the_server():
    with running_server() as (running, generator):
        verifier = ServerVerifier(ApiClient(running.address), ALL_CAPABILITIES, LINE_FORMAT)
        for name in [name for name, entry in STRATEGIES.items() if not entry.needs_reviser]:
            run = run_to_completion(
                toy_run(name, 2, rounds=2), generator, verifier, exact_match_checker
            )
            assert run.error is None, name
            assert run.ledger.generated_tokens == written_tokens(run.tree)
