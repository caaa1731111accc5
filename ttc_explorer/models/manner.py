"""How a model on a server is spoken to: its prompt and its steps, as token ids or as text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from transformers import PreTrainedTokenizerBase

from ttc_explorer.models.codec import Codec
from ttc_explorer.models.prompts import STEP_END, boxes_answer, revision_messages
from ttc_explorer.models.protocol import Chain

Written = list[int] | str
"""A prompt or a piece of one; two pieces of the same kind are put together with ``+``."""

ANY_LENGTH = 2**40


@dataclass(frozen=True)
class Manner:
    """``prompt`` writes a question and the attempts so far as the model was taught to see them, and ``more``
    what follows, so that it can be appended; ``step_end`` is the text after which a step ends, and
    ``is_final`` tells a solution's last step. ``chats``: it can be asked for a better attempt."""

    prompt: Callable[[Chain], Written]
    more: Callable[[str], Written]
    step_end: str = STEP_END
    is_final: Callable[[str], bool] = boxes_answer
    chats: bool = True


def in_ids(codec: Codec, tokenizer: PreTrainedTokenizerBase, context: int, **changes: object) -> Manner:
    """The manner of the local models, token for token: special tokens that are spelled out in a question or
    in a step are none to the server either. ``context`` is the longest sequence in tokens, 0 if unknown."""
    longest = context or ANY_LENGTH

    def prompt(chain: Chain) -> list[int]:
        (ids,) = (
            codec.revisions([chain], longest) if chain.attempts else codec.prompts([chain.question], longest)
        )
        return ids

    def more(text: str) -> list[int]:
        return tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]

    return Manner(prompt, more, **changes)


def in_text(manner: Manner, tokenizer: PreTrainedTokenizerBase) -> Manner:
    """The same for a server that takes no ids. It will put the token before the prompt that begins a text."""

    def prompt(chain: Chain) -> str:
        ids = manner.prompt(chain)
        if tokenizer("")["input_ids"][:1] == [tokenizer.bos_token_id] == ids[:1]:
            ids = ids[1:]
        return tokenizer.decode(ids, clean_up_tokenization_spaces=False)

    return replace(manner, prompt=prompt, more=str)


def in_plain_words(system: str) -> Manner:
    """The manner of a model whose tokenizer nobody has: the chat as a text with the speakers' names."""

    def prompt(chain: Chain) -> str:
        messages = revision_messages(chain, system)
        said = [f"{message['role'].title()}: {message['content']}" for message in messages]
        return "\n\n".join([*said, "Assistant:"])

    return Manner(prompt, str)
