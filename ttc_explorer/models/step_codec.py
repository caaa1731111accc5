"""Between texts and token ids, for any tokenizer: prompts, steps, and which tokens end them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from ttc_explorer.models.prompts import (
    SYSTEM_PROMPT,
    THOUGHT_END,
    Message,
    merge_system_into_user,
    revision_messages,
    solution_messages,
)
from ttc_explorer.models.protocol import RevisionContext
from ttc_explorer.problems.problem import BadInput

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TOKEN_WHITESPACE = {
    "Ġ": " ",
    "Ċ": "\n",
    "ĉ": "\t",
    "č": "\r",
    "▁": " ",
    "<0x0A>": "\n",
    "<0x0D>": "\r",
}
"""How tokenizers write white space inside the names of their tokens."""

REVISION_RESERVE_TOKENS = 160
"""Tokens that a chain of attempts leaves for the next one."""

CHAT_REVISION_RESERVE_TOKENS = 1024
"""The same for a chat model, whose solutions are longer."""

PLACEHOLDER = "attempt"
"""Stands for a model's own words where only what follows them counts."""


TEMPLATE_DATE = "26 Jul 2024"
"""What templates that tell the date say (Llama's own default): prompts do not change overnight."""


def supports_chat(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether the model was taught to chat: its template has roles."""
    return "role" in (tokenizer.chat_template or "")


def uses_line_format(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether the tokenizer is of our own recipe: its template puts a question on a line. A
    generator then writes solutions that print their checks, and a token classifier takes
    LinePRMFormat, not TRLFormat."""
    return tokenizer.chat_template is not None and not supports_chat(tokenizer)


class StepCodec:
    """``line_ends``, ``blanks`` and ``specials`` tell which ids hold a line end, which hold nothing
    but white space, and which are no text at all (ids without a token too): boolean arrays over
    ``size`` ids. ``before`` and ``after`` count the line ends at the beginning and the end of each
    id's text. ``rewrite_question`` rewrites a question the way the model was taught to read such
    questions; with a ``system`` prompt, questions and attempts are asked as a chat
    (``prompts.py``).
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        size: int,
        rewrite_question: Callable[[str], str] = str,
        system: str | None = None,
    ) -> None:
        self._tokenizer = tokenizer
        self._rewrite_question = rewrite_question
        self._system = system
        self._special_texts = sorted(
            {*tokenizer.all_special_tokens}
            | {token.content for token in tokenizer.added_tokens_decoder.values() if token.special},
            key=len,
            reverse=True,
        )
        names = tokenizer.convert_ids_to_tokens(list(range(min(size, len(tokenizer)))))
        texts = [_token_text(name or "") for name in names] + [""] * (size - len(names))
        special = {*tokenizer.all_special_ids} | {
            number for number, token in tokenizer.added_tokens_decoder.items() if token.special
        }
        self.line_ends = np.array(["\n" in text for text in texts])
        self.blanks = np.array([text.isspace() for text in texts])
        self.before = np.array([_leading_line_ends(text) for text in texts])
        self.after = np.array([_leading_line_ends(text[::-1]) for text in texts])
        self.specials = np.array(
            [number in special or not text for number, text in enumerate(texts)]
        )

    def prompt(self, question: str, system: str | None = None) -> list[int]:
        """The question as the model was taught to see it; special tokens spelled out in it are
        taken out. ``system`` is asked for instead of the model's own system prompt; one that does
        not chat reads it before the question."""
        messages = solution_messages(self._rewrite_question(question), system or self._system or "")
        if self._system is None:
            messages = merge_system_into_user(messages) if system else messages[1:]
        if not self._tokenizer.chat_template:
            text = self.strip_special_tokens(messages[-1]["content"])
            return self._tokenizer(f"{text}\n", verbose=False)["input_ids"]
        return self.chat(messages)

    def chat(self, messages: list[Message], reply: bool = True) -> list[int]:
        """A chat, up to where the model is to ``reply``; special tokens spelled out in it are taken
        out."""
        clean = [
            message | {"content": self.strip_special_tokens(message["content"])}
            for message in messages
        ]
        try:
            rendered = self._render_chat(clean, reply)
        except Exception:  # whatever a template raises when it knows no system role
            rendered = self._render_chat(merge_system_into_user(clean), reply)
        return self._tokenizer(rendered, add_special_tokens=False, verbose=False)["input_ids"]

    def _render_chat(self, messages: list[Message], reply: bool) -> str:
        rendered = self._tokenizer.apply_chat_template(
            messages, add_generation_prompt=reply, tokenize=False, date_string=TEMPLATE_DATE
        )
        return str(rendered)

    def strip_special_tokens(self, text: str) -> str:
        """The text without the special tokens that are spelled out in it."""
        before = None
        while before != text:  # taking one out can put another together
            before = text
            for special in self._special_texts:
                text = text.replace(special, "")
        return text

    def end_of_turn_ids(self) -> list[int]:
        """The special tokens that the chat template puts after a model's own words."""
        if not supports_chat(self._tokenizer):
            return []
        turns = [{"role": "user", "content": "1"}, {"role": "assistant", "content": PLACEHOLDER}]
        after = self._render_chat(turns, reply=False).rpartition(PLACEHOLDER)[2]
        ids = self._tokenizer(after, add_special_tokens=False)["input_ids"]
        return [number for number in ids if self.specials[number]][:1]

    def thought_end_id(self) -> int | None:
        """The token that closes the thought of a model that thinks; None for one that does not:
        its template knows of no thoughts, or has it answer at once, after an empty one."""
        number = self._tokenizer.get_vocab().get(THOUGHT_END)
        if number is None or THOUGHT_END not in (self._tokenizer.chat_template or ""):
            return None
        asked = self._render_chat([{"role": "user", "content": "1"}], reply=True)
        return None if asked.rstrip().endswith(THOUGHT_END) else number

    def prompts(self, questions: Sequence[str], context: int) -> list[list[int]]:
        """The prompt of each question. Raises BadInput if one leaves no room in ``context``
        tokens."""
        return require_fit([self.prompt(question) for question in questions], context)

    def chains(self, chains: Sequence[RevisionContext], context: int) -> list[list[int]]:
        """Each question and the attempts at it, as our revisers and their verifiers were taught to
        see them: every attempt stands after the question and is closed by the end token; then comes
        the question once more. The oldest are left out until REVISION_RESERVE_TOKENS tokens are
        free. Raises BadInput like ``prompts``.
        """
        return require_fit(
            [self._revision_prompt(attempts, context) for attempts in chains], context
        )

    def chat_revision_prompts(
        self, chains: Sequence[RevisionContext], context: int
    ) -> list[list[int]]:
        """Each question and the attempts at it, as a chat that asks for a better one. The oldest
        attempts are left out until CHAT_REVISION_RESERVE_TOKENS tokens are free. Raises BadInput
        like ``prompts``."""
        return require_fit(
            [self._chat_revision_prompt(chain, context) for chain in chains], context
        )

    def _chat_revision_prompt(self, chain: RevisionContext, context: int) -> list[int]:
        for first in range(len(chain.attempts) + 1):
            shorter = RevisionContext(
                self._rewrite_question(chain.question), chain.attempts[first:]
            )
            ids = self.chat(revision_messages(shorter, self._system or SYSTEM_PROMPT))
            if len(ids) + CHAT_REVISION_RESERVE_TOKENS <= context:
                break
        return ids

    def _revision_prompt(self, attempts: RevisionContext, context: int) -> list[int]:
        prompt = self.prompt(attempts.question)
        ids = prompt
        for attempt in reversed(self.steps(attempts.attempts)):
            longer = [*prompt, *attempt, self._tokenizer.eos_token_id, *ids]
            if len(longer) + REVISION_RESERVE_TOKENS > context:
                break
            ids = longer
        return ids

    def tokenize_plain(self, text: str) -> list[int]:
        """A text in which special tokens are plain text, and to which none is added."""
        return self._tokenizer(text, add_special_tokens=False, split_special_tokens=True)[
            "input_ids"
        ]

    def steps(self, texts: Sequence[str]) -> list[list[int]]:
        """Each step and its line end; special tokens spelled out in it are read as plain text.

        A text of several lines is as many steps, each read as if it came alone.
        """
        lines = [[f"{line}\n" for line in text.split("\n")] for text in texts]
        distinct = list(dict.fromkeys(chain.from_iterable(lines)))
        if not distinct:
            return []
        token_ids = self._tokenizer(distinct, add_special_tokens=False, split_special_tokens=True)[
            "input_ids"
        ]
        ids_of = dict(zip(distinct, token_ids, strict=True))
        return [list(chain.from_iterable(ids_of[line] for line in text)) for text in lines]

    def texts(self, steps: Sequence[Sequence[int]]) -> list[str]:
        """Each step's text, without its line end; a chat model's paragraph may have several
        lines."""
        distinct = list(dict.fromkeys(map(tuple, steps)))
        decoded = self._tokenizer.batch_decode(
            [list(step) for step in distinct],
            skip_special_tokens=True,
            clean_up_tokenization_spaces=False,
        )
        edges = "\n" if self._system is None else None  # white space of every kind
        decoded_text = {
            step: text.strip(edges) for step, text in zip(distinct, decoded, strict=True)
        }
        return [decoded_text[tuple(step)] for step in steps]


def require_fit(prompts: list[list[int]], context: int) -> list[list[int]]:
    """The prompts. Raises BadInput if one leaves no room in ``context`` tokens."""
    longest = max(map(len, prompts), default=0)
    if longest >= context:
        raise BadInput(
            f"The problem is too long for the model: it has {longest:,} tokens, and the problem "
            "and its "
            f"solution have room for {context:,} together."
        )
    return prompts


def _leading_line_ends(text: str) -> int:
    """How many line ends stand in the white space that the text begins with."""
    return text[: len(text) - len(text.lstrip())].count("\n")


def _token_text(name: str) -> str:
    """The text of a token by its name, as far as white space goes."""
    for sign, text in TOKEN_WHITESPACE.items():
        name = name.replace(sign, text)
    return name
