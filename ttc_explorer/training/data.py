"""Training examples as token ids, and their batches: endless, seeded, and resumable at any batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from ttc_explorer.problems.families import FAMILIES, LEVELS, Family
from ttc_explorer.problems.families.family import Given, Line, line_text

IGNORED = -100
"""The target of a token that carries no loss."""

SHARES = {"several decisions": 1.3, "one decision": 1.0, "computing": 0.7}
"""How often a family of each kind is drawn, relative to the others: harder kinds need more examples."""

LEVEL_SHARES = (3, 3, 2, 2, 2)


@dataclass(frozen=True)
class Example:
    """One sequence: token ``ids`` and, for each, the target that its position carries (or IGNORED).

    For a language model the target at a position is the next token; for a verifier the label of the step that
    ends there, as a number from 0 to 1 (IGNORED elsewhere).
    """

    ids: list[int]
    targets: list[float]


def draw_given(rng: Random, split: str) -> tuple[Family, Given, int]:
    """A problem of a random family and level, from one split."""
    families = list(FAMILIES.values())
    family = rng.choices(families, [SHARES[f.kind] for f in families])[0]
    level = rng.choices(LEVELS, LEVEL_SHARES)[0]
    return family, family.draw_split(rng, level, split), level


class Encoder:
    """Problems and solutions as ids, exactly as the decoder will see them."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self.tokenizer = tokenizer
        self.line_end = tokenizer.convert_tokens_to_ids("Ċ")
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

    def language(self, question: str, lines: Sequence[Line]) -> Example:
        """For the base model: every token of the solution is learnt, except wrong decisions."""
        ids = self.question(question)
        learnt = [False] * len(ids)
        for line in lines:
            whole = self.text(line_text(line))
            mask = [True] * len(whole)
            # Tokens are cut within lines, not within segments: a token is a wrong decision's if any of its
            # characters is.
            wrong = [s.wrong for s in line for _ in s.text]
            if any(wrong):
                encoded = self.tokenizer(
                    line_text(line), add_special_tokens=False, return_offsets_mapping=True
                )
                mask = [not any(wrong[a:b]) for a, b in encoded["offset_mapping"]]
            ids += [*whole, self.line_end]
            learnt += [*mask, True]
        ids.append(self.tokenizer.eos_token_id)
        learnt.append(True)
        targets = [float(i) if keep else IGNORED for i, keep in zip(ids[1:], learnt[1:], strict=True)]
        return Example(ids, [*targets, IGNORED])

    def judged(self, question: str, steps: Sequence[str], labels: Sequence[float]) -> Example:
        """For the verifier: each step's label stands at its line end."""
        ids = self.question(question)
        targets: list[float] = [IGNORED] * len(ids)
        for step, label in zip(self.steps(steps), labels, strict=True):
            ids += step
            targets += [IGNORED] * (len(step) - 1) + [label]
        return Example(ids, targets)


class Batches:
    """Endless batches of about ``tokens`` ids, padded, of similar lengths.

    A pool of ``pool`` examples is made at a time by ``make(rng)``, sorted by length and cut into batches;
    pool and order follow from (seed, pool number) alone, so training resumes at any batch.
    """

    def __init__(
        self, make: Callable[[Random], list[Example]], tokens: int, pool: int, seed: int, pad: int
    ) -> None:
        self.make, self.tokens, self.pool, self.seed, self.pad = make, tokens, pool, seed, pad

    def starting_at(self, pool: int, batch: int) -> Iterator[tuple[int, int, Tensor, Tensor]]:
        """Yields (pool number, batch number, ids, targets), from the given place on."""
        while True:
            cut = self._cut(pool)
            for i in range(batch, len(cut)):
                yield pool, i, *collate(cut[i], self.pad)
            pool, batch = pool + 1, 0

    def _cut(self, number: int) -> list[list[Example]]:
        rng = Random(f"{self.seed}/{number}")
        examples: list[Example] = []
        while len(examples) < self.pool:
            examples += self.make(rng)
        examples.sort(key=lambda e: len(e.ids))
        batches: list[list[Example]] = [[]]
        for example in examples:
            if batches[-1] and (len(batches[-1]) + 1) * len(example.ids) > self.tokens:
                batches.append([])
            batches[-1].append(example)
        rng.shuffle(batches)
        return batches


def collate(examples: Sequence[Example], pad: int) -> tuple[Tensor, Tensor]:
    """Ids (int64) and targets (float32), both (examples, longest), padded on the right."""
    width = max(len(e.ids) for e in examples)
    ids = torch.full((len(examples), width), pad)
    targets = torch.full((len(examples), width), float(IGNORED))
    for row, example in enumerate(examples):
        ids[row, : len(example.ids)] = torch.tensor(example.ids)
        targets[row, : len(example.targets)] = torch.tensor(example.targets)
    return ids, targets
