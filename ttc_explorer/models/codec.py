"""Between texts and token ids, for any tokenizer: prompts, steps, and which tokens end them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain, islice

import numpy as np
from transformers import PreTrainedTokenizerBase

from ttc_explorer.models.protocol import Chain
from ttc_explorer.problems.problem import BadInput

SPACES = {"Ġ": " ", "Ċ": "\n", "ĉ": "\t", "č": "\r", "▁": " ", "<0x0A>": "\n", "<0x0D>": "\r"}
"""How tokenizers write white space inside the names of their tokens."""

ROOM = 160
"""Tokens that a chain of attempts leaves for the next one."""


class Codec:
    """``line_ends``, ``blanks`` and ``specials`` tell which ids hold a line end, which hold nothing but white
    space, and which are no text at all (ids without a token too): boolean arrays over ``size`` ids.
    ``notation`` rewrites a question the way the model was taught to read such questions.
    """

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, size: int, notation: Callable[[str], str] = str
    ) -> None:
        self._tokenizer = tokenizer
        self._notation = notation
        self._special_texts = sorted(
            {*tokenizer.all_special_tokens}
            | {token.content for token in tokenizer.added_tokens_decoder.values() if token.special},
            key=len,
            reverse=True,
        )
        names = tokenizer.convert_ids_to_tokens(list(range(min(size, len(tokenizer)))))
        texts = [_written(name or "") for name in names] + [""] * (size - len(names))
        special = {*tokenizer.all_special_ids} | {
            number for number, token in tokenizer.added_tokens_decoder.items() if token.special
        }
        self.line_ends = np.array(["\n" in text for text in texts])
        self.blanks = np.array([text.isspace() for text in texts])
        self.specials = np.array([number in special or not text for number, text in enumerate(texts)])

    def prompt(self, question: str) -> list[int]:
        """The question as the model was taught to see it; special tokens spelled out in it are taken out."""
        question, before = self._notation(question), None
        while before != question:  # taking one out can put another together
            before = question
            for special in self._special_texts:
                question = question.replace(special, "")
        if not self._tokenizer.chat_template:
            return self._tokenizer(f"{question}\n", verbose=False)["input_ids"]
        rendered = self._tokenizer.apply_chat_template(
            [{"role": "user", "content": question}], add_generation_prompt=True, tokenize=False
        )
        return self._tokenizer(rendered, add_special_tokens=False, verbose=False)["input_ids"]

    def prompts(self, questions: Sequence[str], context: int) -> list[list[int]]:
        """The prompt of each question. Raises BadInput if one leaves no room in ``context`` tokens."""
        return _fitting([self.prompt(question) for question in questions], context)

    def chains(self, chains: Sequence[Chain], context: int) -> list[list[int]]:
        """Each question and the attempts at it, as our revisers and their verifiers were taught to see them:
        every attempt stands after the question and is closed by the end token; then comes the question once
        more. The oldest are left out until ROOM tokens are free. Raises BadInput like ``prompts``.
        """
        return _fitting([self._chain(attempts, context) for attempts in chains], context)

    def _chain(self, attempts: Chain, context: int) -> list[int]:
        prompt = self.prompt(attempts.question)
        ids = prompt
        for attempt in reversed(self.steps(attempts.attempts)):
            longer = [*prompt, *attempt, self._tokenizer.eos_token_id, *ids]
            if len(longer) + ROOM > context:
                break
            ids = longer
        return ids

    def steps(self, texts: Sequence[str]) -> list[list[int]]:
        """Each step and its line end; special tokens spelled out in it are read as plain text.

        A text of several lines is as many steps, each read as if it came alone.
        """
        lines = [[f"{line}\n" for line in text.split("\n")] for text in texts]
        if not lines:
            return []
        flat = [line for text in lines for line in text]
        read = self._tokenizer(flat, add_special_tokens=False, split_special_tokens=True)["input_ids"]
        ids = iter(read)
        return [list(chain.from_iterable(islice(ids, len(text)))) for text in lines]

    def texts(self, steps: Sequence[Sequence[int]]) -> list[str]:
        """Each step's text, on one line and without its line end."""
        decoded = self._tokenizer.batch_decode(
            steps, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return [text.strip("\n").replace("\n", " ") for text in decoded]


def _fitting(prompts: list[list[int]], context: int) -> list[list[int]]:
    """The prompts. Raises BadInput if one leaves no room in ``context`` tokens."""
    longest = max(map(len, prompts), default=0)
    if longest >= context:
        raise BadInput(
            f"The problem is too long for the model: it has {longest:,} tokens, and the problem and its "
            f"solution have room for {context:,} together."
        )
    return prompts


def _written(name: str) -> str:
    """The text of a token by its name, as far as white space goes."""
    for sign, text in SPACES.items():
        name = name.replace(sign, text)
    return name
