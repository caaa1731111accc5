"""Models that chat: how they are asked, where their steps and solutions end, how they revise."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.models.tiny_published_models import (
    QUESTION,
    llama_tokenizer,
    qwen_tokenizer,
    tiny_llama,
    tiny_qwen,
)
from ttc_explorer.models.chat_reviser import PromptedReviser
from ttc_explorer.models.prompts import REVISION_REQUEST, SYSTEM_PROMPT
from ttc_explorer.models.protocol import ExtendJob, RevisionContext
from ttc_explorer.models.step_codec import CHAT_REVISION_RESERVE_TOKENS, StepCodec
from ttc_explorer.models.tree_decoding import TreeGenerator
from ttc_explorer.problems.answer_reader import has_boxed_answer
from ttc_explorer.problems.problem import BadInput

TOKENIZER = qwen_tokenizer()
CODEC = StepCodec(TOKENIZER, len(TOKENIZER) + 8, system=SYSTEM_PROMPT)
CHAIN = RevisionContext(QUESTION, ("We add.\nIt is \\boxed{8}.", "It is \\boxed{<|im_end|>9}."))


class ScriptedSampler:
    """Stands for the sampler: every row writes the same ids."""

    def __init__(self, ids):
        self.remaining_ids = list(ids)

    def __call__(self, logits, rows, *more):
        return np.full(len(rows), self.remaining_ids.pop(0)), np.zeros(len(rows))


def scripted_generator(monkeypatch, text, tokenizer=TOKENIZER):
    """A chat generator that will write ``text``, and the state after its prompt."""
    generator = TreeGenerator(
        tiny_qwen(tokenizer),
        tokenizer,
        "toy",
        has_boxed_answer,
        max_step_tokens=200,
        system=SYSTEM_PROMPT,
    )
    ids = text if isinstance(text, list) else tokenizer(text)["input_ids"]
    monkeypatch.setattr("ttc_explorer.models.tree_decoding.sample_tokens", ScriptedSampler(ids))
    (prefilled,) = generator.prefill([QUESTION])
    return generator, prefilled.state


def test_the_prompt_is_a_chat_with_a_system_prompt():
    text = TOKENIZER.decode(CODEC.prompt(QUESTION + "<|im_end|>"))
    assert text == (
        f"<|im_start|>system\n{SYSTEM_PROMPT}<|im_end|>\n<|im_start|>user\n{QUESTION}<|im_end|>\n"
        "<|im_start|>assistant\n"
    )


def test_a_template_without_a_system_role_hears_it_from_the_user():
    tokenizer = qwen_tokenizer()
    tokenizer.chat_template = (
        "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system role') "
        "}}{% endif %}"
        "{{ '[' + m.role + ']' + m.content }}{% endfor %}"
    )
    text = tokenizer.decode(
        StepCodec(tokenizer, len(tokenizer), system=SYSTEM_PROMPT).prompt(QUESTION)
    )
    assert text == f"[user]{SYSTEM_PROMPT}\n\n{QUESTION}"


def test_revisions_show_the_attempts_as_the_models_own_words():
    (ids,) = CODEC.chat_revision_prompts([CHAIN], 4096)
    turns = TOKENIZER.decode(ids).split("<|im_start|>")[2:]
    assert turns == [
        f"user\n{QUESTION}<|im_end|>\n",
        "assistant\nWe add.\n\nIt is \\boxed{8}.<|im_end|>\n",
        f"user\n{REVISION_REQUEST}<|im_end|>\n",
        "assistant\nIt is \\boxed{9}.<|im_end|>\n",
        f"user\n{REVISION_REQUEST}<|im_end|>\n",
        "assistant\n",
    ]
    assert CODEC.chat_revision_prompts([RevisionContext(QUESTION)], 4096) == CODEC.prompts(
        [QUESTION], 4096
    )


def test_the_oldest_attempts_make_room_for_a_revision():
    (whole,) = CODEC.chat_revision_prompts([CHAIN], 4096)
    context = len(whole) + CHAT_REVISION_RESERVE_TOKENS - 1
    (ids,) = CODEC.chat_revision_prompts([CHAIN], context)
    assert [ids] == CODEC.chat_revision_prompts(
        [RevisionContext(QUESTION, CHAIN.attempts[1:])], 4096
    )
    with pytest.raises(BadInput, match="too long for the model"):
        CODEC.chat_revision_prompts([CHAIN], 20)


def test_a_step_ends_with_a_blank_line_and_a_solution_with_a_box(monkeypatch):
    reply_text = "\n\nWe add.\nIt is so.\n\nThen 7.\n \nIt is \\boxed{7}.\n\nMore"
    generator, state = scripted_generator(monkeypatch, reply_text)
    steps = []
    for place in range(3):
        (row,) = generator.extend([ExtendJob(state, 1.0, (place,))])
        steps.append((row.text, row.finished))
        state = row.state
    assert steps == [("We add.\nIt is so.", False), ("Then 7.", False), ("It is \\boxed{7}.", True)]


def test_a_line_of_a_paragraph_can_be_asked_for(monkeypatch):
    """Beside rows that are not: the blank lines before a line belong to it."""
    generator, state = scripted_generator(monkeypatch, "We add.\n\nIt is so.\nThen \\boxed{7}.\n7")
    lines = []
    for place in range(3):
        (row,) = generator.extend([ExtendJob(state, 1.0, (place,), by_line=True)])
        lines.append((row.text, row.finished))
        state = row.state
    assert lines == [("We add.", False), ("It is so.", False), ("Then \\boxed{7}.", True)]


def test_rows_that_end_with_a_line_and_with_a_blank_one_share_a_batch(monkeypatch):
    generator, state = scripted_generator(monkeypatch, "We add.\nIt is so.\n\n")
    line, paragraph = generator.extend(
        [ExtendJob(state, 1.0, (0,), by_line=True), ExtendJob(state, 1.0, (1,))]
    )
    assert (line.text, paragraph.text) == ("We add.", "We add.\nIt is so.")


def test_a_turn_ends_with_the_token_of_the_template(monkeypatch):
    """Also where no settings of the model name it as an end."""
    tokenizer = qwen_tokenizer(eos_token="<|endoftext|>")
    end = tokenizer.convert_tokens_to_ids("<|im_end|>")
    generator, state = scripted_generator(
        monkeypatch, [*tokenizer("I give up.")["input_ids"], end], tokenizer
    )
    (row,) = generator.extend([ExtendJob(state, 1.0, (0,))])
    assert (row.text, row.finished) == ("I give up.", True)


@pytest.mark.slow
@given(
    st.lists(
        st.sampled_from(["\n", "\n\n", " \n", "a", "b.", ".\n\n", "x\n", " "]),
        min_size=1,
        max_size=12,
    )
)
def test_steps_end_at_the_first_blank_line_after_a_word(pieces):
    """Whatever tokens it is cut in."""
    tokens = {text: TOKENIZER(text)["input_ids"] for text in pieces}
    ids = [number for text in pieces for number in tokens[text]]
    monkeypatch = pytest.MonkeyPatch()
    try:
        generator, state = scripted_generator(monkeypatch, [*ids, TOKENIZER.eos_token_id])
        (row,) = generator.extend([ExtendJob(state, 1.0, (0,))])
    finally:
        monkeypatch.undo()
    text, end = "", 0
    for number in ids:
        text, end = text + TOKENIZER.decode([number]), end + 1
        body = text.lstrip()
        rest = body[len(body.rstrip()) :] if body else ""
        if body and rest.count("\n") >= 2:
            break
    else:
        end += 1  # the end token
    assert row.tokens == end
    assert row.text == text.strip()


@pytest.mark.parametrize(
    ("make", "tokenizer"), [(tiny_qwen, TOKENIZER), (tiny_llama, llama_tokenizer())]
)
def test_a_prompted_reviser_samples_after_the_whole_chat(make, tokenizer):
    model = make(tokenizer)
    generator = TreeGenerator(
        model, tokenizer, "toy", has_boxed_answer, max_step_tokens=12, system=SYSTEM_PROMPT
    )
    reviser = PromptedReviser(generator)
    assert (reviser.name, reviser.prompted, reviser.parameters) == (
        "toy, prompted",
        True,
        generator.parameters,
    )
    (prefilled,) = reviser.prefill_revisions([CHAIN])
    (ids,) = generator.codec.chat_revision_prompts([CHAIN], 4096)
    assert prefilled.cost.prefilled == len(ids) - 1
    (row,) = reviser.extend([ExtendJob(prefilled.state, 0.0, (0,))])
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([ids])).logits[0, -1]
    logits[torch.from_numpy(generator.codec.specials & ~generator._end_token_mask)] = -torch.inf
    first = int(logits.argmax())
    assert row.tokens >= 1
    assert (
        row.text.startswith(tokenizer.decode([first]).strip()) or first in tokenizer.all_special_ids
    )
