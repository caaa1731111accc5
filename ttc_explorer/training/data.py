"""Training examples as token ids, and their batches: endless, seeded, and resumable at any batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from random import Random

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from ttc_explorer.models.codec import ROOM
from ttc_explorer.problems.families import FAMILIES, LEVELS, Family
from ttc_explorer.problems.families.family import Given, Line, line_text

IGNORED = -100
"""The target of a token that carries no loss."""

SHARES = {"several decisions": 1.3, "one decision": 1.0, "computing": 0.7}
"""How often a family of each kind is drawn, relative to the others: harder kinds need more examples."""

OTHER_WORDS = 0.25
"""Share of the problems that are worded at random; the others stand in the notation, in which the product
hands every problem that it understands to the models."""


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
    level = rng.choice(LEVELS)
    return family, family.draw_split(rng, level, split), level


def worded(family: Family, given: Given, rng: Random) -> str:
    """The problem in its notation, or now and then in other words."""
    return family.say(given, rng) if rng.random() < OTHER_WORDS else family.wordings(given)[0]


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
        """For a generator: every token of the solution is learnt, except where a segment is not."""
        return self.revision([], question, lines)

    def revision(self, attempts: Sequence[Sequence[Line]], question: str, lines: Sequence[Line]) -> Example:
        """For a reviser: the attempts so far, each a block of its own with the question before it, then the
        new one. What is computed honestly is learnt in all of them. Too old attempts are left out, as the
        decoder does it."""
        ids: list[int] = []
        learnt: list[bool] = []
        forgotten = self._forgotten(question, [[*map(line_text, attempt)] for attempt in attempts])
        for attempt in (*attempts[forgotten:], lines):
            self._block(question, attempt, ids, learnt)
        targets = [float(i) if keep else IGNORED for i, keep in zip(ids[1:], learnt[1:], strict=True)]
        return Example(ids, [*targets, IGNORED])

    def _block(self, question: str, lines: Sequence[Line], ids: list[int], learnt: list[bool]) -> None:
        asked = self.question(question)
        ids += asked
        learnt += [False] * len(asked)
        for line in lines:
            whole = self.text(line_text(line))
            mask = [True] * len(whole)
            # Tokens are cut within lines, not within segments: a token is passed over if any of its
            # characters is.
            passed = [not s.learnt for s in line for _ in s.text]
            if all(passed):
                mask = [False] * len(whole)
            elif any(passed):
                encoded = self.tokenizer(
                    line_text(line), add_special_tokens=False, return_offsets_mapping=True
                )
                mask = [not any(passed[a:b]) for a, b in encoded["offset_mapping"]]
            ids += [*whole, self.line_end]
            learnt += [*mask, not all(passed)]
        ids.append(self.tokenizer.eos_token_id)
        learnt.append(any(segment.learnt for line in lines for segment in line))

    def _forgotten(self, question: str, attempts: Sequence[Sequence[str]]) -> int:
        """How many of the attempts, the oldest, the decoder leaves out (``Codec.chains``)."""
        asked = len(self.question(question))
        used = asked + ROOM
        for place in reversed(range(len(attempts))):
            used += asked + sum(map(len, self.steps(attempts[place]))) + 1
            if used > self.tokenizer.model_max_length:
                return place + 1
        return 0

    def judged(
        self,
        question: str,
        steps: Sequence[str],
        labels: Sequence[float],
        attempts: Sequence[Sequence[str]] = (),
    ) -> Example:
        """For a verifier: each step's label stands at its line end; ``attempts`` came before, unjudged, as in
        ``revision``."""
        ids: list[int] = []
        for attempt in attempts[self._forgotten(question, attempts) :]:
            ids += self.question(question)
            ids += chain.from_iterable(self.steps(attempt))
            ids.append(self.tokenizer.eos_token_id)
        ids += self.question(question)
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
