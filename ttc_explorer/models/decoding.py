"""Decoding over a tree of prefixes: every step continues from keys and values that its parent left behind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ttc_explorer.models.backbone import append, backbone_of
from ttc_explorer.models.codec import Codec
from ttc_explorer.models.memory import NOTHING, Row, fork
from ttc_explorer.models.protocol import Chain, Cost, ExtendJob, Opened, Sampled
from ttc_explorer.models.sampling import sample, uniforms
from ttc_explorer.problems.grading import read_answer

MAX_ROWS = 512
"""Most rows decoded together; more are decoded in turns."""

SPARE = 32
"""Columns made ready for a step; longer ones grow their block."""


@dataclass(frozen=True)
class Prefix:
    """The state after a step: the row that holds all of it but its last token, and that token."""

    row: Row
    last: int


def states_answer(step: str) -> bool:
    """Whether a step is an answer line."""
    return read_answer(step) is not None


class TreeGenerator:
    """A Generator and Reviser (``protocol.py``) on a transformers causal language model. Safe to call from
    any thread.

    A step ends with its line end; blank lines before it belong to it. A solution ends with the model's end
    token, with a step of which ``is_final`` is true, after ``max_step_tokens`` without a line end, or when
    the context is full.

    The last token of a prompt or step is not read when it is sampled but when a next step is asked for: a
    leaf's never is. So what a row reads, token for token, equals what it samples, and the counts are exact:
    the model processes ``prefilled`` tokens in ``open`` and ``generated`` tokens in ``extend``, no others. A
    row that has ended leaves the batch at once; padding of a batch is not counted.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        name: str,
        is_final: Callable[[str], bool] = states_answer,
        max_step_tokens: int = 80,
        notation: Callable[[str], str] = str,
    ) -> None:
        self.name = name
        self.backbone = backbone_of(model)
        self.parameters = self.backbone.parameters
        self.codec = Codec(tokenizer, model.get_output_embeddings().weight.shape[0], notation)
        self._is_final = is_final
        self._max_step_tokens = max_step_tokens
        self._lock = Lock()
        self._ends = np.zeros_like(self.codec.specials)
        self._ends[_end_tokens(model, tokenizer)] = True
        self._banned = self._sent(self.codec.specials & ~self._ends)

    def open(self, questions: Sequence[str]) -> list[Opened]:
        """Read the prompts, all but their last token. Raises BadInput if one is too long for the model."""
        with self._lock:
            return self._read(self.codec.prompts(questions, self.backbone.context))

    def open_chains(self, chains: Sequence[Chain]) -> list[Opened]:
        """Read questions and the attempts at them, as ``open`` reads questions. For a model taught to revise:
        any other is surprised to find itself asked again."""
        with self._lock:
            return self._read(self.codec.chains(chains, self.backbone.context))

    @torch.inference_mode()
    def _read(self, prompts: list[list[int]]) -> list[Opened]:
        rows, _ = append(
            self.backbone, [NOTHING] * len(prompts), [prompt[:-1] for prompt in prompts], predict=False
        )
        return [
            Opened(Prefix(row, prompt[-1]), Cost(prefilled=row.length, flops=self._flops(row.length)))
            for row, prompt in zip(rows, prompts, strict=True)
        ]

    def extend(self, jobs: Sequence[ExtendJob]) -> list[Sampled]:
        """Sample a step after each job's state, all together. See ExtendJob, Sampled.

        ``cost.cached`` counts the tokens of the prefix that a job did not have to read again. A cancelled row
        returns what it has so far, unfinished.
        """
        sampled: list[Sampled] = []
        for first in range(0, len(jobs), MAX_ROWS):
            with self._lock, torch.inference_mode():
                sampled += self._decode(jobs[first : first + MAX_ROWS])
        return sampled

    def _decode(self, jobs: Sequence[ExtendJob]) -> list[Sampled]:
        """One step of every job. Arrays are by job, except ``slots``: the job in each row of the block.

        The jobs still decoding stand in the first ``live`` rows; one that ends swaps places with the last.
        """
        prefixes: list[Prefix] = [job.state for job in jobs]
        block = fork([prefix.row for prefix in prefixes], SPARE)
        known = np.array([prefix.row.length for prefix in prefixes])
        last = np.array([prefix.last for prefix in prefixes])
        limit = np.minimum(self.backbone.context - known, self._max_step_tokens)
        temperature = np.array([float(job.temperature) for job in jobs])
        draws = uniforms([job.stream for job in jobs], self._max_step_tokens)
        cancelled = _Cancelled(jobs)

        steps = np.zeros(draws.shape, dtype=int)
        counts = np.zeros(len(jobs), dtype=int)
        logprobs = np.zeros(len(jobs))
        written, closed, final = np.zeros((3, len(jobs)), dtype=bool)

        slots = np.arange(len(jobs))
        live, leaving = len(jobs), cancelled.of(slots)
        for token in range(self._max_step_tokens):
            live -= int(leaving.sum())
            holes, movers = np.flatnonzero(leaving[:live]), live + np.flatnonzero(~leaving[live:])
            if len(holes):
                block.swap(zip(holes, movers, strict=True), int(known.max()) + token)
                slots[holes], slots[movers] = slots[movers], slots[holes]
            if not live:
                break
            rows = slots[:live]
            logits = self.backbone.read(
                self._sent(last[rows, None]), self._sent(known[rows] + token), block, predict=True
            )[:, 0]
            sampled = sample(
                logits, self._sent(temperature[rows]), self._sent(draws[rows, token]), self._banned
            )
            ids, chances = (values.cpu().numpy() for values in sampled)
            steps[rows, token] = last[rows] = ids
            counts[rows] = token + 1
            logprobs[rows] += chances
            written[rows] |= ~self.codec.blanks[ids]
            closed[rows] = self.codec.line_ends[ids] & written[rows]
            final[rows] = self._ends[ids] | (~closed[rows] & (token + 1 >= limit[rows]))
            leaving = closed[rows] | final[rows] | cancelled.of(rows)

        place = np.empty_like(slots)
        place[slots] = np.arange(len(jobs))
        texts = self.codec.texts(
            [ids[:count] for ids, count in zip(steps.tolist(), counts.tolist(), strict=True)]
        )
        full = known + counts >= self.backbone.context
        rows = zip(
            prefixes,
            texts,
            place.tolist(),
            counts.tolist(),
            last.tolist(),
            logprobs.tolist(),
            closed.tolist(),
            (final | (closed & full)).tolist(),
            strict=True,
        )
        return [
            Sampled(
                text=text,
                tokens=count,
                logprob=logprob,
                finished=ended or (complete and self._is_final(text)),
                state=Prefix(Row(block, slot, prefix.row.length + count), token),
                cost=Cost(
                    generated=count,
                    cached=prefix.row.length if count else 0,
                    flops=self._flops(count),
                ),
            )
            for prefix, text, slot, count, token, logprob, complete, ended in rows
        ]

    def _sent(self, array: np.ndarray) -> Tensor:
        """The array as a tensor where the model is."""
        return torch.from_numpy(array).to(self.backbone.device)

    def _flops(self, tokens: int) -> float:
        return 2.0 * self.parameters * tokens


class _Cancelled:
    """The cancel flags of jobs, each distinct one asked once for all its rows."""

    def __init__(self, jobs: Sequence[ExtendJob]) -> None:
        numbers = {flag: number for number, flag in enumerate(dict.fromkeys(job.cancelled for job in jobs))}
        self._flags = list(numbers)
        self._number = np.array([numbers[job.cancelled] for job in jobs])

    def of(self, rows: np.ndarray) -> np.ndarray:
        """Which of the jobs ``rows`` are cancelled now."""
        return np.array([bool(flag()) for flag in self._flags])[self._number[rows]]


def _end_tokens(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """The ids with which the model may end a text."""
    settings = (model.config, getattr(model, "generation_config", None), tokenizer)
    ends: set[int] = set()
    for ids in (getattr(source, "eos_token_id", None) for source in settings):
        ends |= {*ids} if isinstance(ids, list) else {ids}
    return sorted(ends - {None})
