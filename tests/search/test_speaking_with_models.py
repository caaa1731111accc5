"""Forced text and prompts of branches through real models: the local decoder against plain passes,
a completions server against the local decoder, and a chat."""

from dataclasses import replace

import pytest

from tests.models.test_completions_client import SeededTreeGenerator, running_server
from tests.models.test_stateless_backbone import MODELS, with_toy_weights
from tests.models.test_tree_decoding import plain_logprobs
from tests.models.toy_models import (
    count_what_is_read,
    toy_generator,
    toy_qwen2,
    toy_tokenizer,
    toy_verifier,
)
from tests.search.fakes import ToyReviser, toy_run, written_tokens
from tests.search.speaking_strategies import SPEAKING_STRATEGIES, budget_forcing, plan_then_solve
from tests.server.toy_server import ToyServer
from ttc_explorer.models.chat_client import ChatGenerator
from ttc_explorer.models.http_client import ApiClient
from ttc_explorer.models.protocol import Cost, ExtendJob, Prompt
from ttc_explorer.models.tree_decoding import TreeGenerator
from ttc_explorer.problems.answer_checker import exact_match_checker
from ttc_explorer.search.driver import Driver

pytestmark = pytest.mark.slow

FORCED = ["", "Wait", "9+", "", "Right? "]


def drive(generator, *runs):
    driver = Driver(
        generator, toy_verifier(1), exact_match_checker, lambda: 0.0, reviser=ToyReviser()
    )
    for run in runs:
        driver.add(run)
    while driver.tick():
        pass
    for run in runs:
        assert run.error is None
    return runs


def sampled_ids(generator):
    """The ids of every step from now on, forced ones included, as they are decoded."""
    found, texts = [], generator.codec.texts
    generator.codec.texts = lambda ids: found.extend(ids) or texts(ids)
    return found


# --- the local decoder ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["plain", "sliding window"])
def test_what_follows_a_forced_text_is_what_a_plain_pass_says(kind):
    """Over two rounds: the second goes on from all ends, also those with an end token."""
    model = toy_qwen2() if kind == "plain" else with_toy_weights(MODELS[kind]())
    generator = TreeGenerator(model, toy_tokenizer(), "forced", max_step_tokens=12)
    (prompt,) = generator.prefill(["3+4"])
    ids = sampled_ids(generator)
    fed = count_what_is_read(generator.backbone)
    live = [(generator.codec.prompt("3+4"), prompt.state)] * 80
    ended = 0
    for round_ in range(2):
        jobs = [
            ExtendJob(state, 1.0, (round_, i), forced=FORCED[i % 5])
            for i, (_, state) in enumerate(live)
        ]
        rows = generator.extend(jobs)
        grown = []
        for (before, _), job, row, step in zip(live, jobs, rows, ids[-len(rows) :], strict=True):
            forced = generator.codec.tokenize_plain(job.forced)
            if forced and before[-1] == 2:  # the end token
                before, ended = before[:-1], ended + 1
            assert step[: len(forced)] == forced
            assert row.tokens == len(step) - len(forced)
            assert row.text.startswith(job.forced.strip())
            wanted = plain_logprobs(model, before + forced, step[len(forced) :])
            assert row.token_logprobs == pytest.approx(wanted, abs=1e-3)
            grown.append((before + step, row.state))
        live = [row for i, row in enumerate(grown) if i % 5]
        if kind == "plain":
            cost = sum((row.cost for row in rows), Cost())
            assert cost.generator_computed == fed.tokens < cost.prefilled + cost.generated
            fed.tokens = fed.contexts = 0
    assert ended, "some solutions should end with the end token"


def test_forced_text_is_charged_as_read_and_company_makes_no_difference():
    generator = toy_generator()
    fed = count_what_is_read(generator.backbone)
    (prompt,) = generator.prefill(["3+4"])
    jobs = [
        ExtendJob(prompt.state, 1.0, (i,), forced=forced) for i, forced in enumerate(FORCED * 3)
    ]
    for job, row in zip(jobs, generator.extend(jobs), strict=True):
        fed.tokens = fed.contexts = 0
        (alone,) = generator.extend([job])
        assert alone.cost.prefilled + alone.cost.generated == fed.tokens
        assert alone.cost.flops == fed.flops(toy_qwen2())
        assert (row.text, row.cost, row.finished) == (alone.text, alone.cost, alone.finished)
        assert row.cost.prefilled == len(job.forced)  # a token a character
        assert row.cost.generated == row.tokens > 0
    (cancelled,) = generator.extend([replace(jobs[1], cancelled=lambda: True)])
    assert (cancelled.text, cancelled.cost) == ("", Cost())


def test_a_forced_text_that_leaves_no_room_ends_the_solution():
    model = toy_qwen2(max_position_embeddings=24)
    generator = TreeGenerator(model, toy_tokenizer(), "short")
    (prompt,) = generator.prefill(["3+4=?"])  # seven tokens, the last of them unread
    for length, tokens in ((17, 1), (18, 0), (90, 0)):
        (row,) = generator.extend([ExtendJob(prompt.state, 1.0, (1,), forced="x" * length)])
        assert (row.finished, row.tokens) == (True, tokens)
        assert row.state.row.length <= 24
        (after,) = generator.extend([ExtendJob(row.state, 1.0, (2,), forced="more")])
        assert (after.finished, after.tokens) == (True, 0)


def test_special_tokens_in_a_forced_text_are_plain_text():
    generator = toy_generator()
    (prompt,) = generator.prefill(["3+4"])
    ids = sampled_ids(generator)
    generator.extend([ExtendJob(prompt.state, 1.0, (1,), forced="<eos>")])
    assert ids[0][:5] == toy_tokenizer()("<eos>", split_special_tokens=True)["input_ids"]
    assert len(ids[0]) > 5


def test_another_prompt_is_read_as_a_question_after_its_system_prompt():
    generator = toy_generator()
    plain, same, other = generator.prefill(["3+4", Prompt("3+4"), Prompt("3+4", "Plan.")])
    assert plain.cost == same.cost
    asked = toy_tokenizer().decode(generator.codec.prompt("3+4", "Plan."))
    assert asked == "<bos>Plan.  3+4\n"  # the template writes a space for a line end
    assert other.cost.prefilled == len("Plan.  3+4") + 1


@pytest.mark.parametrize("strategy", SPEAKING_STRATEGIES)
def test_speaking_strategies_run_on_a_local_model_alone_as_in_company(search, strategy):
    search(strategy)
    generator = toy_generator()
    runs = [toy_run("made_up", 3, seed, rounds=6, selector="majority") for seed in range(2)]
    for run in drive(generator, *runs):
        (alone,) = drive(generator, toy_run("made_up", 3, run.seed, rounds=6, selector="majority"))
        assert run.tree.text == alone.tree.text
        assert run.ledger.generated_tokens == written_tokens(run.tree)
        assert run.ledger.generator_flops == pytest.approx(alone.ledger.generator_flops)


# --- a completions server -------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", SPEAKING_STRATEGIES)
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_completions_server_hears_what_a_local_model_hears(search, strategy, temperature):
    search(strategy)
    described = {"rounds": 5, "selector": "majority", "temperature": temperature}
    (local,) = drive(SeededTreeGenerator(), toy_run("made_up", 3, 1, **described))
    with running_server() as (running, generator):
        generator.supports_chat = False  # a model of our own, as here
        (remote,) = drive(generator, toy_run("made_up", 3, 1, **described))
        usage = running.usage
    assert remote.tree.text == local.tree.text
    assert remote.tree.tokens == local.tree.tokens
    assert remote.tree.answer == local.tree.answer
    assert remote.tree.logprob == pytest.approx(local.tree.logprob, abs=1e-3)
    assert remote.ledger.generated_tokens == usage["completion_tokens"]
    assert remote.ledger.prefill_tokens + remote.ledger.cached_tokens == usage["prompt_tokens"]


# --- a chat ---------------------------------------------------------------------------------------


@pytest.fixture
def chat():
    with ToyServer({"completions"}).running() as running:
        yield running, ChatGenerator(ApiClient(running.address), "toy")


def test_a_chat_goes_on_after_a_forced_text(chat, search):
    search(budget_forcing)
    running, generator = chat
    (run,) = drive(generator, toy_run("made_up", 2, rounds=20, selector="majority"))
    first, second = (body["messages"] for _, body in running.requests)
    (place,) = (n for n, text in enumerate(run.tree.text) if text.startswith("Wait"))
    said = "\n\n".join(run.tree.text[1:place])
    assert second[:-1] == first
    assert second[-1] == {"role": "assistant", "content": f"{said}\n\nWait"}
    assert run.stopped == "done"
    assert run.ledger.generated_tokens == running.usage["completion_tokens"]


def test_a_chat_is_asked_what_a_branch_is_asked(chat, search):
    search(plan_then_solve)
    running, generator = chat
    (run,) = drive(generator, toy_run("made_up", 2, selector="majority", temperature=0.7))
    bodies = [body for _, body in running.requests]
    asked = sorted(
        (body["messages"][0]["content"], body["messages"][1]["content"], body["temperature"])
        for body in bodies
    )
    plans = [
        text for text, kind in zip(run.tree.text, run.tree.kind, strict=True) if kind == "rollout"
    ]
    question = run.problem.text
    wanted = [("You plan.", f"{question} Write a plan.", temperature) for temperature in (0.0, 0.7)]
    own = asked[0][0]
    assert asked[-2:] == wanted
    assert asked[:2] == sorted(
        (own, f"{question} Plan: {plan}", temperature)
        for plan, temperature in zip(plans, (0.0, 0.7), strict=True)
    )
