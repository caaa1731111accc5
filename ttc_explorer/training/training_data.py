"""Training examples as token ids, and their batches: endless, seeded, and resumable at any
batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from random import Random

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from ttc_explorer.models.step_codec import REVISION_RESERVE_TOKENS
from ttc_explorer.problems.families import FAMILIES, LEVELS, Family
from ttc_explorer.problems.families.family import Parameters, SolutionLine, line_text

IGNORED = -100
"""The target of a token that carries no loss."""

KIND_WEIGHTS = {"several decisions": 1.3, "one decision": 1.0, "computing": 0.7}
"""How often a family of each kind is drawn, relative to the others: harder kinds need more
examples."""

REWORDED_SHARE = 0.25
"""Share of the problems that are worded at random; the others are in the canonical wording, in
which the product gives every recognised problem to the models."""


@dataclass(frozen=True)
class TrainingExample:
    """One sequence: token ``ids`` and, for each, the target that its position carries (or IGNORED).

    For a language model the target at a position is the next token; for a verifier the label of the
    step that ends there, as a number from 0 to 1 (IGNORED elsewhere).
    """

    ids: list[int]
    targets: list[float]


def draw_parameters(rng: Random, split: str) -> tuple[Family, Parameters, int]:
    """A problem of a random family and level, from one split."""
    families = list(FAMILIES.values())
    family = rng.choices(families, [KIND_WEIGHTS[f.kind] for f in families])[0]
    level = rng.choice(LEVELS)
    return family, family.draw_from_split(rng, level, split), level


def draw_wording(family: Family, parameters: Parameters, rng: Random) -> str:
    """The problem in its canonical wording, or now and then in other words."""
    return (
        family.random_wording(parameters, rng)
        if rng.random() < REWORDED_SHARE
        else family.wordings(parameters)[0]
    )


class ExampleEncoder:
    """Problems and solutions as ids, exactly as the decoder will see them."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self.tokenizer = tokenizer
        self.line_end = tokenizer.get_vocab()["Ċ"]
        self._cache: dict[str, list[int]] = {}

    def text(self, text: str) -> list[int]:
        """Ids of a short text; remembered, since lines are made of few different pieces."""
        ids = self._cache.get(text)
        if ids is None:
            ids = self.tokenizer(text, add_special_tokens=False)["input_ids"]
            if len(self._cache) < 200_000:
                self._cache[text] = ids
        return ids

    def question(self, text: str) -> list[int]:
        return [self.tokenizer.bos_token_id, *self.text(text), self.line_end]

    def steps(self, steps: Sequence[str]) -> list[list[int]]:
        return [[*self.text(step), self.line_end] for step in steps]

    def language_example(self, question: str, lines: Sequence[SolutionLine]) -> TrainingExample:
        """For a generator: every token of the solution carries loss, except where a segment does
        not."""
        return self.revision_example([], question, lines)

    def revision_example(
        self,
        attempts: Sequence[Sequence[SolutionLine]],
        question: str,
        lines: Sequence[SolutionLine],
    ) -> TrainingExample:
        """For a reviser: the attempts so far, each a block of its own with the question before it,
        then the new one. What is computed honestly is learnt in all of them. Too old attempts are
        left out, as the decoder does it."""
        ids: list[int] = []
        in_loss: list[bool] = []
        truncated = self._truncated_attempts(
            question, [[*map(line_text, attempt)] for attempt in attempts]
        )
        for attempt in (*attempts[truncated:], lines):
            self._append_block(question, attempt, ids, in_loss)
        targets = [
            float(i) if keep else IGNORED for i, keep in zip(ids[1:], in_loss[1:], strict=True)
        ]
        return TrainingExample(ids, [*targets, IGNORED])

    def _append_block(
        self, question: str, lines: Sequence[SolutionLine], ids: list[int], in_loss: list[bool]
    ) -> None:
        question_ids = self.question(question)
        ids += question_ids
        in_loss += [False] * len(question_ids)
        for line in lines:
            whole = self.text(line_text(line))
            mask = [True] * len(whole)
            # Tokens are cut within lines, not within segments: a token is passed over if any of its
            # characters is.
            excluded = [not s.in_loss for s in line for _ in s.text]
            if all(excluded):
                mask = [False] * len(whole)
            elif any(excluded):
                encoded = self.tokenizer(
                    line_text(line), add_special_tokens=False, return_offsets_mapping=True
                )
                mask = [not any(excluded[a:b]) for a, b in encoded["offset_mapping"]]
            ids += [*whole, self.line_end]
            in_loss += [*mask, not all(excluded)]
        ids.append(self.tokenizer.eos_token_id)
        in_loss.append(any(segment.in_loss for line in lines for segment in line))

    def _truncated_attempts(self, question: str, attempts: Sequence[Sequence[str]]) -> int:
        """How many of the attempts, the oldest, the decoder leaves out (``Codec.chains``)."""
        question_length = len(self.question(question))
        context_used = question_length + REVISION_RESERVE_TOKENS
        for place in reversed(range(len(attempts))):
            context_used += question_length + sum(map(len, self.steps(attempts[place]))) + 1
            if context_used > self.tokenizer.model_max_length:
                return place + 1
        return 0

    def verifier_example(
        self,
        question: str,
        steps: Sequence[str],
        labels: Sequence[float],
        attempts: Sequence[Sequence[str]] = (),
    ) -> TrainingExample:
        """For a verifier: each step's label stands at its line end; ``attempts`` came before,
        unjudged, as in ``revision_example``."""
        ids: list[int] = []
        for attempt in attempts[self._truncated_attempts(question, attempts) :]:
            ids += self.question(question)
            ids += chain.from_iterable(self.steps(attempt))
            ids.append(self.tokenizer.eos_token_id)
        ids += self.question(question)
        targets: list[float] = [IGNORED] * len(ids)
        for step, label in zip(self.steps(steps), labels, strict=True):
            ids += step
            targets += [IGNORED] * (len(step) - 1) + [label]
        return TrainingExample(ids, targets)


class TrainingBatches:
    """Endless batches of about ``tokens`` ids, padded, of similar lengths.

    A pool of ``pool`` examples is made at a time by ``make(rng)``, sorted by length and cut into
    batches; pool and order follow from (seed, pool number) alone, so training resumes at any batch.
    """

    def __init__(
        self,
        make: Callable[[Random], list[TrainingExample]],
        tokens: int,
        pool: int,
        seed: int,
        pad: int,
    ) -> None:
        self.make, self.tokens, self.pool, self.seed, self.pad = make, tokens, pool, seed, pad

    def from_position(self, pool: int, batch: int) -> Iterator[tuple[int, int, Tensor, Tensor]]:
        """Yields (pool number, batch number, ids, targets), from the given place on."""
        while True:
            cut = self._make_batches(pool)
            for i in range(batch, len(cut)):
                yield pool, i, *collate(cut[i], self.pad)
            pool, batch = pool + 1, 0

    def _make_batches(self, number: int) -> list[list[TrainingExample]]:
        rng = Random(f"{self.seed}/{number}")
        examples: list[TrainingExample] = []
        while len(examples) < self.pool:
            examples += self.make(rng)
        examples.sort(key=lambda e: len(e.ids))
        batches: list[list[TrainingExample]] = [[]]
        for example in examples:
            if batches[-1] and (len(batches[-1]) + 1) * len(example.ids) > self.tokens:
                batches.append([])
            batches[-1].append(example)
        rng.shuffle(batches)
        return batches


def collate(examples: Sequence[TrainingExample], pad: int) -> tuple[Tensor, Tensor]:
    """Ids (int64) and targets (float32), both (examples, longest), padded on the right."""
    width = max(len(e.ids) for e in examples)
    ids = torch.full((len(examples), width), pad)
    targets = torch.full((len(examples), width), float(IGNORED))
    for row, example in enumerate(examples):
        ids[row, : len(example.ids)] = torch.tensor(example.ids)
        targets[row, : len(example.targets)] = torch.tensor(example.targets)
    return ids, targets
