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
from ttc_explorer.models.devices import Batches, finish, start_measuring
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

    A step ends with its line end, or, for a model with a ``system`` prompt, which chats, with a blank line;
    blank lines before it belong to it. A solution ends with the model's end token, with a step of which
    ``is_final`` is true, after ``max_step_tokens`` without an end of step, or when the context is full.

    The last token of a prompt or step is not read when it is sampled but when a next step is asked for: a
    leaf's never is. So what a row reads, token for token, equals what it samples, and the counts are exact:
    the model processes ``prefilled`` tokens in ``open`` and ``generated`` tokens in ``extend``, no others. A
    row that has ended leaves the batch at once; padding of a batch is not counted. Where the backbone reads
    prefixes again (``rereads``), ``open`` reads nothing, and every row pays for its prefix in ``extend``.

    When memory runs out, fewer rows are decoded together from then on.
    """

    forks = True

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        name: str,
        is_final: Callable[[str], bool] = states_answer,
        max_step_tokens: int = 80,
        notation: Callable[[str], str] = str,
        system: str | None = None,
    ) -> None:
        self.name = name
        self.backbone = backbone_of(model)
        self.parameters = self.backbone.parameters
        self.codec = Codec(tokenizer, model.get_output_embeddings().weight.shape[0], notation, system)
        self._is_final = is_final
        self._max_step_tokens = max_step_tokens
        self.chats = system is not None
        self._line_ends = 2 if self.chats else 1
        self._lock = Lock()
        self._batches = Batches(MAX_ROWS)
        # Sampling is done in 64 bits, which Apple's devices do not have.
        self._desk = torch.device("cpu") if model.device.type == "mps" else model.device
        self._ends = np.zeros_like(self.codec.specials)
        self._ends[[*_end_tokens(model, tokenizer), *self.codec.ends_of_turn()]] = True
        self._banned = torch.from_numpy(self.codec.specials & ~self._ends).to(self._desk)

    def open(self, questions: Sequence[str]) -> list[Opened]:
        """Read the prompts, all but their last token. Raises BadInput if one is too long for the model."""
        with self._lock:
            return self._read(self.codec.prompts(questions, self.backbone.context))

    def open_chains(self, chains: Sequence[Chain]) -> list[Opened]:
        """Read questions and the attempts at them, as ``open`` reads questions. For a model taught to revise:
        any other is surprised to find itself asked again."""
        with self._lock:
            return self._read(self.codec.chains(chains, self.backbone.context))

    def open_revisions(self, chains: Sequence[Chain]) -> list[Opened]:
        """Like ``open_chains``, for a model that chats: it is asked in words for a better solution."""
        with self._lock:
            return self._read(self.codec.revisions(chains, self.backbone.context))

    @torch.inference_mode()
    def _read(self, prompts: list[list[int]]) -> list[Opened]:
        start_measuring(self.backbone.device)
        rows, _ = append(
            self.backbone, [NOTHING] * len(prompts), [prompt[:-1] for prompt in prompts], predict=False
        )
        peak = finish(self.backbone.device)
        read = [0 if self.backbone.rereads else row.length for row in rows]
        return [
            Opened(
                Prefix(row, prompt[-1]),
                Cost(prefilled=tokens, flops=self._flops(tokens), peak_memory=peak),
            )
            for row, tokens, prompt in zip(rows, read, prompts, strict=True)
        ]

    def extend(self, jobs: Sequence[ExtendJob]) -> list[Sampled]:
        """Sample a step after each job's state, all together. See ExtendJob, Sampled.

        ``cost.cached`` counts the tokens of the prefix that a job did not have to read again. A cancelled row
        returns what it has so far, unfinished.
        """
        with self._lock, torch.inference_mode():
            return self._batches.run(jobs, self._decode)

    def _decode(self, jobs: Sequence[ExtendJob]) -> list[Sampled]:
        """One step of every job. Arrays are by job, except ``slots``: the job in each row of the block.

        The jobs still decoding stand in the first ``live`` rows; one that ends swaps places with the last.
        """
        start_measuring(self.backbone.device)
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
        breaks = np.zeros(len(jobs), dtype=int)  # line ends since the last word
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
            chosen = (temperature[rows], draws[rows, token])
            sampled = sample(
                logits.to(self._desk),
                *(torch.from_numpy(values).to(self._desk) for values in chosen),
                self._banned,
            )
            ids, chances = (values.cpu().numpy() for values in sampled)
            steps[rows, token] = last[rows] = ids
            counts[rows] = token + 1
            logprobs[rows] += chances
            breaks[rows] = self._breaks(breaks[rows], written[rows], ids)
            written[rows] |= ~self.codec.blanks[ids]
            closed[rows] = (breaks[rows] >= self._line_ends) & written[rows]
            final[rows] = self._ends[ids] | (~closed[rows] & (token + 1 >= limit[rows]))
            leaving = closed[rows] | final[rows] | cancelled.of(rows)

        place = np.empty_like(slots)
        place[slots] = np.arange(len(jobs))
        texts = self.codec.texts(
            [ids[:count] for ids, count in zip(steps.tolist(), counts.tolist(), strict=True)]
        )
        full = known + counts >= self.backbone.context
        peak = finish(self.backbone.device)
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
                cost=self._cost(prefix.row.length, count, peak),
            )
            for prefix, text, slot, count, token, logprob, complete, ended in rows
        ]

    def _breaks(self, breaks: np.ndarray, written: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """Line ends in the white space at the end of each row, or enough to end a step if it was met within
        the new token. ``breaks`` and whether anything was ``written`` are from before it."""
        codec = self.codec
        if self._line_ends == 1:
            return codec.line_ends[ids].astype(int)
        met = np.where(written, breaks + codec.before[ids], 0)
        ended = met >= self._line_ends
        return np.where(codec.blanks[ids] | ended, met, codec.after[ids])

    def _cost(self, known: int, count: int, peak: int) -> Cost:
        """What it cost to sample ``count`` tokens after ``known`` ones."""
        prefix = known if count else 0
        read = prefix if self.backbone.rereads else 0
        return Cost(
            generated=count,
            prefilled=read,
            cached=prefix - read,
            flops=self._flops(count + read),
            peak_memory=peak,
        )

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
