"""The prompt format of a model on a server: its prompt and its steps, as token ids or as text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from transformers import PreTrainedTokenizerBase

from ttc_explorer.models.prompts import STEP_SEPARATOR, has_boxed_answer, revision_messages
from ttc_explorer.models.protocol import RevisionContext
from ttc_explorer.models.step_codec import StepCodec

PromptPiece = list[int] | str
"""A prompt or a piece of one; two pieces of the same kind are put together with ``+``."""

UNLIMITED_CONTEXT = 2**40


@dataclass(frozen=True)
class PromptFormat:
    """``prompt`` writes a question and the attempts so far as the model was taught to see them, and
    ``continuation`` what follows, so that it can be appended; ``step_end`` is the text after which
    a step ends, and ``is_final`` tells a solution's last step. ``supports_chat``: it can be asked
    for a better attempt."""

    prompt: Callable[[RevisionContext], PromptPiece]
    continuation: Callable[[str], PromptPiece]
    step_end: str = STEP_SEPARATOR
    is_final: Callable[[str], bool] = has_boxed_answer
    supports_chat: bool = True


def token_id_format(
    codec: StepCodec, tokenizer: PreTrainedTokenizerBase, context: int, **changes: object
) -> PromptFormat:
    """The prompt format of the local models, token for token: special tokens that are spelled out
    in a question or in a step are none to the server either. ``context`` is the longest sequence in
    tokens, 0 if unknown."""
    longest = context or UNLIMITED_CONTEXT

    def prompt(chain: RevisionContext) -> list[int]:
        (ids,) = (
            codec.chat_revision_prompts([chain], longest)
            if chain.attempts
            else codec.prompts([chain.question], longest)
        )
        return ids

    def continuation(text: str) -> list[int]:
        return tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]

    return PromptFormat(prompt, continuation, **changes)


def text_format(base_format: PromptFormat, tokenizer: PreTrainedTokenizerBase) -> PromptFormat:
    """The same for a server that takes no ids. It will put the token before the prompt that begins
    a text."""

    def prompt(chain: RevisionContext) -> str:
        ids = base_format.prompt(chain)
        if tokenizer("")["input_ids"][:1] == [tokenizer.bos_token_id] == ids[:1]:
            ids = ids[1:]
        return tokenizer.decode(ids, clean_up_tokenization_spaces=False)

    return replace(base_format, prompt=prompt, continuation=str)


def plain_chat_format(system: str) -> PromptFormat:
    """The prompt format of a model whose tokenizer nobody has: the chat as a text with the
    speakers' names."""

    def prompt(chain: RevisionContext) -> str:
        messages = revision_messages(chain, system)
        turns = [f"{message['role'].title()}: {message['content']}" for message in messages]
        return "\n\n".join([*turns, "Assistant:"])

    return PromptFormat(prompt, str)
