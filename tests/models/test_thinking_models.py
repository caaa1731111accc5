"""Models that think: where a thought ends, what takes the place of its end, locally and on a
server."""

from dataclasses import replace

import pytest

from tests.models.test_chat_models import QUESTION, ScriptedSampler
from tests.models.tiny_published_models import qwen_tokenizer, tiny_qwen
from tests.search.fakes import make_checker, toy_run
from tests.server.toy_server import ToyServer
from ttc_explorer.models.completions_client import CompletionsGenerator
from ttc_explorer.models.http_client import ApiClient
from ttc_explorer.models.prompt_format import plain_chat_format, server_template_format
from ttc_explorer.models.prompts import SYSTEM_PROMPT, answer_cue
from ttc_explorer.models.protocol import ExtendJob
from ttc_explorer.models.server_capabilities import ServerCapabilities
from ttc_explorer.models.step_codec import StepCodec
from ttc_explorer.models.tree_decoding import TreeGenerator
from ttc_explorer.problems.answer_reader import has_boxed_answer
from ttc_explorer.search.driver import Driver

pytestmark = pytest.mark.slow


def thinking_tokenizer(template_end=""):
    """A tokenizer of a model that thinks, whose template ends a prompt with ``template_end``."""
    tokenizer = qwen_tokenizer()
    tokenizer.add_tokens(["<think>", "</think>"])
    tokenizer.chat_template = f"{{# </think> #}}{tokenizer.chat_template}{template_end}"
    return tokenizer


@pytest.fixture
def thinker(monkeypatch):
    """Makes a local model that will write ``text``; gives it and the state after its prompt."""

    def make(text):
        tokenizer = thinking_tokenizer()
        generator = TreeGenerator(
            tiny_qwen(tokenizer), tokenizer, "toy", has_boxed_answer, 60, system=SYSTEM_PROMPT
        )
        (prefilled,) = generator.prefill([QUESTION])
        sampler = ScriptedSampler(tokenizer(text)["input_ids"])
        monkeypatch.setattr("ttc_explorer.models.tree_decoding.sample_tokens", sampler)
        return generator, prefilled.state

    return make


def read_ids(state):
    """All ids that a state holds."""
    return [*state.row.ids.tolist(), state.last]


def test_a_thought_ends_where_it_would_be_closed_and_a_forced_text_takes_that_place(thinker):
    generator, state = thinker("It is 7.\n</think>, or 8.\n\n")
    assert generator.thinks
    (thought,) = generator.extend([ExtendJob(state, 1.0, (1,), thought=True)])
    assert (thought.text, thought.finished) == ("It is 7.", True)
    (after,) = generator.extend([ExtendJob(thought.state, 1.0, (1, 0), forced="Wait")])
    assert (after.text, after.finished) == ("Wait, or 8.", False)
    written = generator.codec._tokenizer.decode(read_ids(after.state))
    assert written.endswith("It is 7.\nWait, or 8.\n\n")
    assert after.cost.prefilled == len(generator.codec.tokenize_plain("Wait")) - 1  # in its place


def test_elsewhere_the_end_of_a_thought_is_a_word_like_others(thinker):
    generator, state = thinker("It is 7.\n</think>So 8.\n\n")
    (step,) = generator.extend([ExtendJob(state, 1.0, (1,))])
    assert (step.text, step.finished) == ("It is 7.\n</think>So 8.", False)


@pytest.mark.parametrize(
    ("tokenizer", "thinks"),
    [
        (thinking_tokenizer(), True),
        (thinking_tokenizer("<think>\n"), True),
        (thinking_tokenizer("<think>\n\n</think>\n\n"), False),
        (qwen_tokenizer(), False),
    ],
)
def test_who_thinks_is_known_by_the_template(tokenizer, thinks):
    codec = StepCodec(tokenizer, len(tokenizer), system=SYSTEM_PROMPT)
    assert (codec.thought_end_id() is not None) == thinks


@pytest.mark.parametrize("forgets", [True, False])
def test_a_template_on_a_server_is_known_by_what_it_forgets(forgets):
    def apply(messages):
        contents = [each["content"] for each in messages]
        return "|".join(c.rpartition("</think>")[2] if forgets else c for c in contents)

    assert server_template_format(apply, SYSTEM_PROMPT).thinks == forgets


def reply(text, stopped, tokens):
    """What a server sends for one sample."""
    choice = {"index": 0, "text": text, "finish_reason": "stop", "stop_reason": stopped}
    usage = {"prompt_tokens": 100, "completion_tokens": tokens}
    return 200, {}, {"choices": [choice], "usage": usage}


def test_a_server_is_asked_to_stop_there_and_gets_what_is_forced():
    cue = answer_cue(chats=True, thinks=True)
    faults = [
        reply("It is 7.\n", "</think>", 6),
        reply(", or 8.", "\n\n", 4),
        reply("8}.", None, 3),
    ]
    capabilities = ServerCapabilities("toy", "toy", 512, 1000, *[True] * 10)
    with ToyServer(faults=faults).running() as running:
        prompts = replace(plain_chat_format(SYSTEM_PROMPT), thinks=True)
        generator = CompletionsGenerator(ApiClient(running.address), capabilities, prompts, 60)
        run = toy_run("budget_forcing", 1, verifier=None, selector="majority", thinking=10)
        driver = Driver(generator, None, make_checker)
        driver.add(run)
        while driver.tick():
            pass
        bodies = [body for _, body in running.requests]
    assert (run.error, run.stopped) == (None, "done")
    assert run.tree.text[1:] == ["It is 7.", "Wait, or 8.", f"{cue}8}}."]
    assert run.tree.answer[-1] == "8"
    assert [body["stop"] for body in bodies] == [["\n\n", "</think>"]] * 2 + [["\n\n"]]
    assert bodies[1]["prompt"][0].endswith("It is 7.\nWait")
    assert bodies[2]["prompt"][0].endswith(f"It is 7.\nWait, or 8.\n\n{cue}")
    assert run.ledger.generated_tokens == 6 + 4 + 3
    assert run.ledger.prefill_tokens == 300
