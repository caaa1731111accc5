"""Searches as libraries commonly do them on transformers' ``generate``: the yardstick of the
benchmark."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel

from ttc_explorer.models import catalogue
from ttc_explorer.models.step_codec import StepCodec
from ttc_explorer.problems.answer_reader import read_answer
from ttc_explorer.search.settings import Settings
from ttc_explorer.search.step_rule import OWN
from ttc_explorer.search.strategies.beam import beam_allocation
from ttc_explorer.search.strategies.rebase import softmax_allocation

SETTINGS = Settings(merge=False, step=OWN)


def _beam_widths(scores: Sequence[float], budget: int) -> list[int]:
    return beam_allocation(scores, [1] * len(scores), SETTINGS.children(budget))


def _rebase_widths(scores: Sequence[float], budget: int) -> list[int]:
    return softmax_allocation(scores, [1] * len(scores), len(scores))


ALLOCATIONS: dict[str, Callable[[Sequence[float], int], list[int]] | None] = {
    "beam": _beam_widths,
    "rebase": _rebase_widths,
    "best_of_n": None,
}
"""How each search that is measured gives the live steps children, by their scores and the budget;
None for one that writes whole solutions."""


class TransformersBaseline:
    """Searches on ``generate``: in batches, with a cache within a call but none between them.

    Args:
        model: Generates.
        verifier: Has two labels a token, of which 1 is right.
        codec: Of both.
    """

    strategies = tuple(ALLOCATIONS)

    def __init__(self, model: PreTrainedModel, verifier: PreTrainedModel, codec: StepCodec) -> None:
        self.model, self.verifier, self.codec = model, verifier, codec
        self.ends = codec.line_ends.nonzero()[0].tolist()
        self.end = model.config.eos_token_id
        self.context = model.config.max_position_embeddings

    @torch.inference_mode()
    def search(self, question: str, strategy: str, budget: int, seed: int) -> int:
        """Tokens generated."""
        torch.manual_seed(seed)
        live: list[list[int]] = [self.codec.prompt(question)] * budget
        allocate = ALLOCATIONS[strategy]
        if allocate is None:
            room = self.context - len(live[0])
            solutions = self._sample(live, [self.end], room)
            self.scores([ids + new for ids, new in zip(live, solutions, strict=True)])
            return sum(map(len, solutions))
        generated = 0
        for _ in range(SETTINGS.rounds):
            steps = self.steps(live)
            generated += sum(map(len, steps))
            extended = [ids + step for ids, step in zip(live, steps, strict=True)]
            scores = self.scores(extended)
            texts = self.codec.texts(steps)
            unfinished = [
                index
                for index, step in enumerate(steps)
                if step[-1] in self.ends
                and read_answer(texts[index]) is None
                and len(extended[index]) < self.context
            ]
            if not unfinished:
                break
            widths = allocate([scores[index] for index in unfinished], budget)
            live = [
                extended[index]
                for index, width in zip(unfinished, widths, strict=True)
                for _ in range(width)
            ]
        return generated

    def steps(self, live: list[list[int]]) -> list[list[int]]:
        """One sampled step (ids) after each prefix, all prefixes read from their beginning."""
        room = self.context - max(map(len, live))
        return self._sample(
            live, [*self.ends, self.end], min(catalogue.SHIPPED_MAX_STEP_TOKENS, room)
        )

    def _sample(self, live: list[list[int]], ends: list[int], most: int) -> list[list[int]]:
        """Up to ``most`` tokens after each prefix, to the first of ``ends``."""
        width = max(map(len, live))
        ids = pad_sequence(
            [torch.tensor(row) for row in live], batch_first=True, padding_side="left"
        )
        lengths = torch.tensor([len(row) for row in live])
        generate = cast(Callable[..., Tensor], self.model.generate)
        out = generate(
            input_ids=ids,
            attention_mask=(torch.arange(width) >= width - lengths[:, None]).long(),
            do_sample=True,
            temperature=SETTINGS.temperature,
            top_k=0,
            max_new_tokens=most,
            eos_token_id=ends,
            pad_token_id=0,
        )
        return [_trim_padding(row, ends) for row in out[:, width:].tolist()]

    def scores(self, rows: list[list[int]]) -> list[float]:
        """The verifier's score at the end of each solution, read from its beginning."""
        ids = pad_sequence([torch.tensor(row) for row in rows], batch_first=True)
        lengths = torch.tensor([len(row) for row in rows])
        mask = (torch.arange(ids.shape[1]) < lengths[:, None]).long()
        logits = self.verifier(input_ids=ids, attention_mask=mask).logits
        scores: list[float] = (
            logits[torch.arange(len(rows)), lengths - 1].softmax(-1)[:, 1].tolist()
        )
        return scores


def _trim_padding(row: list[int], ends: Sequence[int]) -> list[int]:
    """The sampled tokens without the padding after the end."""
    return next((row[: index + 1] for index, token in enumerate(row) if token in ends), row)
