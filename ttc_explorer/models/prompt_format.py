"""The prompt format of a model on a server: its prompt and its steps, as token ids or as text."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from transformers import PreTrainedTokenizerBase

from ttc_explorer.models.completion_endpoints import ChatPrefix
from ttc_explorer.models.prompts import (
    STEP_SEPARATOR,
    THOUGHT_END,
    Message,
    revision_messages,
)
from ttc_explorer.models.protocol import RevisionContext
from ttc_explorer.models.step_codec import StepCodec, require_fit
from ttc_explorer.problems.answer_reader import has_boxed_answer

PromptPiece = list[int] | str | ChatPrefix
"""A prompt or a piece of one: token ids after token ids, or text after a text or a chat."""

UNLIMITED_CONTEXT = 2**40


class PromptWriter(Protocol):
    """Writes a question and the attempts so far as a model was taught to see them; or, with
    ``system``, the question alone after another system prompt than the model's own."""

    def __call__(self, chain: RevisionContext, system: str | None = None) -> PromptPiece: ...


@dataclass(frozen=True)
class PromptFormat:
    """``prompt`` writes what a model reads first, and ``continuation`` what follows, so that it can
    be appended; ``step_end`` is the text after which a step ends, and ``is_final`` tells a
    solution's last step. ``supports_chat``: it can be asked for a better attempt. ``thinks`` as of
    Generator (``protocol.py``)."""

    prompt: PromptWriter
    continuation: Callable[[str], PromptPiece]
    step_end: str = STEP_SEPARATOR
    is_final: Callable[[str], bool] = has_boxed_answer
    supports_chat: bool = True
    thinks: bool = False


def token_id_format(
    codec: StepCodec, tokenizer: PreTrainedTokenizerBase, context: int, **changes: Any
) -> PromptFormat:
    """The prompt format of the local models, token for token: special tokens that are spelled out
    in a question or in a step are none to the server either. ``context`` is the longest sequence in
    tokens, 0 if unknown."""
    longest = context or UNLIMITED_CONTEXT

    def prompt(chain: RevisionContext, system: str | None = None) -> list[int]:
        if chain.attempts:
            return codec.chat_revision_prompts([chain], longest)[0]
        return require_fit([codec.prompt(chain.question, system)], longest)[0]

    def continuation(text: str) -> list[int]:
        return tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]

    thinks = codec.thought_end_id() is not None
    return PromptFormat(prompt, continuation, **{"thinks": thinks} | changes)


def text_format(base_format: PromptFormat, tokenizer: PreTrainedTokenizerBase) -> PromptFormat:
    """The same for a server that takes no ids. It will put the token before the prompt that begins
    a text."""

    def prompt(chain: RevisionContext, system: str | None = None) -> str:
        ids = base_format.prompt(chain, system)
        assert isinstance(ids, list)
        if tokenizer("")["input_ids"][:1] == [tokenizer.bos_token_id] == ids[:1]:
            ids = ids[1:]
        return str(tokenizer.decode(ids, clean_up_tokenization_spaces=False))

    return replace(base_format, prompt=prompt, continuation=str)


def server_template_format(apply: Callable[[list[Message]], str], own_system: str) -> PromptFormat:
    """The prompt format of a model whose chat template its server applies: ``apply`` takes a chat
    to the text that the model reads before its reply. Special tokens that are spelled out in a
    question or an attempt are taken out; they are known by the texts around a message."""
    marker = "question"
    special = sorted(
        set(SPECIAL_TOKEN.findall(apply([{"role": "user", "content": marker}]))),
        key=len,
        reverse=True,
    )

    def clean(text: str) -> str:
        before = None
        while before != text:  # taking one out can put another together
            before = text
            for token in special:
                text = text.replace(token, "")
        return text

    def prompt(chain: RevisionContext, system: str | None = None) -> str:
        messages = revision_messages(chain, system or own_system)
        return apply([{**message, "content": clean(message["content"])} for message in messages])

    return PromptFormat(prompt, clean, thinks=_forgets_thoughts(apply))


def _forgets_thoughts(apply: Callable[[list[Message]], str]) -> bool:
    """Whether the template leaves the thoughts of earlier turns out, as those of models that think
    do."""
    earlier = f"<think>\nthought\n{THOUGHT_END}\n\nattempt"
    turns = ("user", "question"), ("assistant", earlier), ("user", "question")
    rendered = apply([{"role": role, "content": content} for role, content in turns])
    return "attempt" in rendered and "thought" not in rendered


SPECIAL_TOKEN = re.compile(r"<\S+?>|\[/?[A-Z_]+\]")
"""A special token in a rendered chat: ``<|im_end|>``, ``<end_of_turn>``, ``[INST]``."""


def continued_chat_format(own_system: str) -> PromptFormat:
    """The prompt format of a server that goes on from the unfinished last message of a chat."""

    def prompt(chain: RevisionContext, system: str | None = None) -> ChatPrefix:
        return ChatPrefix(tuple(revision_messages(chain, system or own_system)))

    return PromptFormat(prompt, str)


def plain_chat_format(own_system: str) -> PromptFormat:
    """The prompt format of a model that was not taught to chat: the chat as a text with the
    speakers' names."""

    def prompt(chain: RevisionContext, system: str | None = None) -> str:
        messages = revision_messages(chain, system or own_system)
        turns = [f"{message['role'].title()}: {message['content']}" for message in messages]
        return "\n\n".join([*turns, "Assistant:"])

    return PromptFormat(prompt, str)
