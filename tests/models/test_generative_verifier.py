"""A chat model that judges: it writes checks, its chances of "right" are averaged, and all that it
reads and writes is counted."""

from __future__ import annotations

from math import exp

import pytest
import torch

from tests.models.test_chat_models import TOKENIZER, scripted_generator
from tests.models.tiny_published_models import QUESTION, qwen_tokenizer, save_model, tiny_qwen
from tests.search.fakes import ToyGenerator, make_checker, run_to_completion, toy_run
from tests.server.peculiar_server import ADDRESS, PeculiarServer
from ttc_explorer.models import catalogue
from ttc_explorer.models.generative_verifier import MAX_CHECK_TOKENS, GenerativeVerifier
from ttc_explorer.models.model_description import describe
from ttc_explorer.models.prompts import JUDGE_SYSTEM_PROMPT, VERDICTS, judge_messages
from ttc_explorer.models.protocol import (
    Choice,
    ChoiceJob,
    Cost,
    DecodedStep,
    ModelError,
    Prefilled,
    ScoreJob,
)
from ttc_explorer.models.server_factory import connect_verifier
from ttc_explorer.models.verifier_formats import GenerativeFormat
from ttc_explorer.problems.problem import BadInput


class Writer:
    """Writes ready paragraphs, and chooses by ready chances; a state is all that was read."""

    name, parameters, thinks = "writer", 10, False
    supports_chat = True

    def __init__(self, paragraphs, too_long=()):
        self.paragraphs, self.too_long, self.seeds, self.asked = paragraphs, too_long, [], []

    def prefill(self, prompts):
        (prompt,) = prompts
        if any(text in prompt.text for text in self.too_long):
            raise BadInput("too long")
        return [Prefilled(prompt.text, Cost(prefilled=100, generator_flops=1000.0))]

    def extend(self, jobs):
        return [self._step(job) for job in jobs]

    def _step(self, job):
        self.seeds.append(job.rng_path)
        text = self.paragraphs[job.state.count("|")]
        last = job.state.count("|") + 1 == len(self.paragraphs)
        cost = Cost(generated=7, cached=5, generator_flops=70.0)
        return DecodedStep(text, 7, 0.0, last, f"{job.state}|{text}", cost)


class Chooser(Writer):
    """Also tells chances, from ``chances`` in turn."""

    def __init__(self, paragraphs, chances, **more):
        super().__init__(paragraphs, **more)
        self.chances = list(chances)

    def choose(self, jobs):
        self.asked += jobs
        cost = Cost(generated=1, prefilled=3, generator_flops=40.0)
        return [Choice(self.chances.pop(0), cost) for _ in jobs]


def score(writer, *steps, **options):
    (state,) = GenerativeVerifier(writer).prefill([QUESTION])
    return GenerativeVerifier(writer).score([ScoreJob(state.state, s, **options) for s in steps])


def test_the_chances_of_all_checks_are_averaged_and_everything_is_counted():
    writer = Chooser(["I add.", "It fits.\nVerdict: wrong"], [0.9, 0.6])
    (judged,) = score(writer, "3 + 4 = 7", checks=2)
    assert judged.score == pytest.approx(0.75)
    assert judged.cost == Cost(
        verifier=100 + 2 * (7 + 7 + 1 + 3), verifier_flops=1000 + 2 * (70 + 70 + 40)
    )
    assert judged.depth == 1 + 7 + 7
    # the verdict is asked anew, in the place where it was written
    assert [job.forced for job in writer.asked] == ["It fits.\nVerdict:"] * 2
    assert [job.state[-6:] for job in writer.asked] == ["I add."] * 2
    assert len({seed for seed in writer.seeds if seed[2] == 0}) == 2  # each check is its own
    # the same solution is judged alike, in any company
    again = Chooser(writer.paragraphs, [0.0] * 4)
    score(again, "8", "3 + 4 = 7", checks=2)
    assert {*writer.seeds} < {*again.seeds}


def test_without_checks_it_is_asked_at_once():
    writer = Chooser([], [0.3])
    (judged,) = score(writer, "3 + 4 = 7", checks=0)
    assert judged.score == pytest.approx(0.3)
    assert (judged.cost.verifier, judged.depth) == (104, 1)
    assert writer.asked[0].forced == "Verdict:"
    assert writer.asked[0].state == judge_messages(QUESTION, ("3 + 4 = 7",))[1]


def test_a_check_that_never_comes_to_a_verdict_is_asked_for_it():
    writer = Chooser(["On and on."] * 1000, [0.5])
    (judged,) = score(writer, "7")
    assert MAX_CHECK_TOKENS <= judged.depth < MAX_CHECK_TOKENS + 8
    ended = Chooser(["It is right."], [0.5])
    score(ended, "7")
    assert (writer.asked[0].forced, ended.asked[0].forced) == ("Verdict:", "\n\nVerdict:")


def test_a_thought_is_closed_before_the_verdict():
    writer = Chooser(["<think>\nHm.", "So."], [0.5, 0.5, 0.5])
    writer.thinks = True
    score(writer, "7", checks=0)
    score(writer, "7")
    assert writer.asked[0].forced == "</think>\n\nVerdict:"
    assert writer.asked[1].forced == "\n\n</think>\n\nVerdict:"
    closed = Chooser(["Hm.</think>", "So."], [0.5])
    closed.thinks = True
    score(closed, "7")
    assert closed.asked[0].forced == "\n\nVerdict:"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Fine.\n**Verdict:** right.", 1.0),
        ("Verdict: wrong", 0.0),
        ("It is right.", 0.5),
        ("Verdict: right or so. No.\nVerdict: Wrong!", 0.0),
    ],
)
def test_where_chances_are_not_told_the_written_verdicts_vote(written, expected):
    (judged,) = score(Writer([written]), "7", checks=0)
    assert judged.score == expected
    assert judged.cost.verifier == 107


def test_cancelled_and_overlong_solutions_are_not_judged():
    writer = Chooser(["Verdict: right"], [0.8], too_long=["9" * 50])
    (long, fits) = score(writer, "9" * 50, "7")
    assert (long.score, long.cost, fits.score) == (0.0, Cost(), pytest.approx(0.8))
    (stopped,) = score(writer, "7", cancelled=lambda: True)
    assert (stopped.score, stopped.cost) == (0.0, Cost())


@pytest.mark.slow
def test_a_local_models_chance_is_that_of_one_plain_pass(monkeypatch):
    generator, state = scripted_generator(monkeypatch, "We add.\n\nSo")
    jobs = [ChoiceJob(state, "Verdict:", VERDICTS), ChoiceJob(state, "No", (" a", " b"))]
    model, tokenizer = tiny_qwen(TOKENIZER), TOKENIZER
    prompt = [*state.row.ids.tolist(), state.last]
    for job, choice in zip(jobs, generator.choose(jobs), strict=True):
        first, second = (tokenizer(job.forced + word)["input_ids"] for word in job.words)
        common = next(i for i, (a, b) in enumerate(zip(first, second, strict=False)) if a != b)
        with torch.inference_mode():
            logits = model(input_ids=torch.tensor([prompt + first[:common]])).logits[0, -1]
        chances = logits[[first[common], second[common]]].softmax(-1)
        assert choice.probability == pytest.approx(float(chances[0]), abs=1e-5)
        assert choice.cost.prefilled == 1 + common
        assert choice.cost.cached == len(prompt) - 1
    (stopped,) = generator.choose([ChoiceJob(state, "", VERDICTS, lambda: True)])
    assert stopped.cost == Cost()


@pytest.mark.parametrize(
    ("has", "quirks"),
    [
        (("/completion", "/apply-template", "/props", "chat/completions"), []),
        (("completions", "chat/completions"), []),
        (("completions",), []),
        (("completions",), ["content logprobs"]),
    ],
)
def test_a_server_tells_the_chances_of_its_likeliest_tokens(has, quirks):
    server = PeculiarServer(*has, quirks=quirks)
    verifier = connect_verifier(ADDRESS, {}, transport=server.client()._transport)
    assert verifier.name.endswith("asked to judge")
    (state,) = verifier.prefill([QUESTION])
    (judged,) = verifier.score([ScoreJob(state.state, "7", checks=0)])
    right = exp(-1.0) + exp(-3.0)  # as it lists " right" and " Right", and " wrong"
    assert judged.score == pytest.approx(right / (right + exp(-2.0)), abs=1e-5)
    assert judged.cost.verifier > 10


def test_a_server_that_only_chats_judges_in_words():
    server = PeculiarServer("chat/completions", quirks=["starts anew"])
    verifier = connect_verifier(ADDRESS, {}, transport=server.client()._transport)
    (state,) = verifier.prefill([QUESTION])
    (judged,) = verifier.score([ScoreJob(state.state, "7", checks=3)])
    assert judged.score == 0.5  # it says other things
    assert [body["messages"][0]["content"] for _, body in server.requests[-3:]] == [
        JUDGE_SYSTEM_PROMPT
    ] * 3


@pytest.mark.slow
def test_any_chat_model_can_be_named_as_verifier_and_is_loaded_once_for_itself(
    tmp_path,
):
    tokenizer = TOKENIZER
    folder = str(save_model(tmp_path / "chatty", tiny_qwen(tokenizer), tokenizer))
    models = catalogue.load_models(f"{folder}+{folder}")
    try:
        assert isinstance(models.verifier, GenerativeVerifier)
        assert models.verifier._generator is models.generator
        description = describe(f"{folder}+{folder}")
        assert description.unusable is None
        assert description.verifier.format == GenerativeFormat.title
        assert isinstance(catalogue.load_verifier(folder), GenerativeVerifier)
        silent = qwen_tokenizer()
        silent.chat_template = None
        base = str(save_model(tmp_path / "base", tiny_qwen(silent), silent))
        assert "was not taught to chat" in describe(f"{folder}+{base}").unusable
    finally:
        catalogue.unload_models(())


def test_a_model_that_does_not_chat_cannot_be_asked():
    with pytest.raises(ModelError, match="was not taught to chat"):
        GenerativeVerifier(ToyGenerator())


def test_a_run_asks_for_as_many_checks_as_its_setting_says_and_pays_for_them():
    spent = {}
    for checks in (0, 1, 3):
        writer = Chooser(["Verdict: right"], [0.9] * 500)
        run = toy_run("beam", 4, checks=checks, rounds=3)
        run_to_completion(run, ToyGenerator(), GenerativeVerifier(writer), make_checker)
        assert run.error is None
        scored = len(writer.asked) // max(1, checks)
        assert run.ledger.verifier_tokens == scored * 100 + len(writer.asked) * (
            4 + 7 * bool(checks)
        )
        assert len(writer.asked) % max(1, checks) == 0
        spent[checks] = run.ledger.verifier_flops
    assert spent[0] < spent[1] < spent[3]
    with pytest.raises(BadInput, match="checks must be a whole number from 0 to 16"):
        toy_run(checks=17)
