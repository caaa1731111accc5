"""Decoding over a tree of prefixes: every step continues from the KV cache of its parent."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ttc_explorer.models.backbone import append_tokens, build_backbone
from ttc_explorer.models.decode_progress import DecodeProgress
from ttc_explorer.models.devices import AdaptiveBatches, reset_peak_memory, synchronized_peak_memory
from ttc_explorer.models.flops import forward_flops
from ttc_explorer.models.kv_cache import EMPTY_ROW, KVRow, common_length
from ttc_explorer.models.protocol import (
    Choice,
    ChoiceJob,
    Cost,
    DecodedStep,
    ExtendJob,
    Prefilled,
    Prompt,
    RevisionContext,
)
from ttc_explorer.models.sampling import sample_tokens, uniform_draws
from ttc_explorer.models.step_codec import StepCodec, require_fit, uses_line_format
from ttc_explorer.models.trie_batch import TrieBatch
from ttc_explorer.problems.answer_reader import has_boxed_answer
from ttc_explorer.problems.grading import read_answer

MAX_ROWS = 512
"""Most rows decoded together; more are decoded in turns."""

EXTRA_TOKENS = 32
"""Tokens of a step that room is made ready for; longer ones grow their block."""


NO_ROOM_FOR_VERDICT = "The model's context has no room for a verdict."


@dataclass(frozen=True)
class KVPrefix:
    """The state after a step: the row that holds all of it but its last token, and that token."""

    row: KVRow
    last: int


def is_answer_line(step: str) -> bool:
    """Whether a step is an answer line."""
    return read_answer(step) is not None


class TreeGenerator:
    """A Generator and Reviser (``protocol.py``) on a transformers causal language model. Safe to
    call from any thread.

    A step ends with its line end, or, for a model with a ``system`` prompt, which chats, with a
    blank line, unless the job asks for a line; blank lines before it belong to it. A solution ends
    with the model's end token (a thought that is asked for as one, with ``</think>``), with a step
    of which ``is_final`` is true, after ``max_step_tokens`` without an end of step, or when the
    context is full.

    Samples that have written the same so far are one row of the model, and each draws from it by
    its own random stream. So the model computes the trie of the samples (``TrieBatch``); costs of
    the method count the samples.

    The last token of a prompt or step is not read when it is sampled but when a next step is asked
    for: a leaf's never is. So what a row reads, token for token, equals what it samples, and the
    counts are exact: the model processes ``prefilled`` tokens in ``prefill`` and ``generated``
    tokens in ``extend``, no others. A row that has ended leaves the batch at once; padding of a
    batch is not counted. A forced text is read before a step is sampled, and counts as prefilled.
    Where the backbone reads prefixes again (``recomputes_prefix``),
    ``prefill`` reads nothing, and every row pays for its prefix in ``extend``.

    When memory runs out, fewer rows are decoded together from then on.
    """

    supports_prefix_continuation = True

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        name: str,
        is_final: Callable[[str], bool] = is_answer_line,
        max_step_tokens: int = 80,
        rewrite_question: Callable[[str], str] = str,
        system: str | None = None,
    ) -> None:
        self.name = name
        self.backbone = build_backbone(model)
        self.parameters = self.backbone.parameters
        self.codec = StepCodec(
            tokenizer, model.get_output_embeddings().weight.shape[0], rewrite_question, system
        )
        self._is_final = is_final
        self._max_step_tokens = max_step_tokens
        self.supports_chat = system is not None
        self.prints_checks = uses_line_format(tokenizer)
        self._thought_end = self.codec.thought_end_id() if self.supports_chat else None
        self.thinks = self._thought_end is not None
        self._line_ends = 2 if self.supports_chat else 1
        self._lock = Lock()
        self._batches = AdaptiveBatches(MAX_ROWS)
        # Sampling is done in 64 bits, which Apple's devices do not have.
        self._sampling_device = torch.device("cpu") if model.device.type == "mps" else model.device
        self._end_token_mask = np.zeros_like(self.codec.specials)
        self._end_token_mask[[*_end_token_ids(model, tokenizer), *self.codec.end_of_turn_ids()]] = (
            True
        )
        self._thought_end_mask = np.zeros_like(self.codec.specials)
        if self._thought_end is not None:
            self._thought_end_mask[self._thought_end] = True
        allowed = self._end_token_mask | self._thought_end_mask
        self._banned_token_mask = torch.from_numpy(self.codec.specials & ~allowed).to(
            self._sampling_device
        )

    def prefill(self, questions: Sequence[str | Prompt]) -> list[Prefilled]:
        """Read the prompts, all but their last token. Raises BadInput if one is too long for the
        model."""
        prompts = [
            self.codec.prompt(asked)
            if isinstance(asked, str)
            else self.codec.prompt(asked.text, asked.system)
            for asked in questions
        ]
        with self._lock:
            return self._prefill_prompts(require_fit(prompts, self.backbone.context))

    def prefill_revisions(self, chains: Sequence[RevisionContext]) -> list[Prefilled]:
        """Read questions and the attempts at them, as ``prefill`` reads questions. For a model
        taught to revise: for any other model the prompt is out of distribution."""
        with self._lock:
            return self._prefill_prompts(self.codec.chains(chains, self.backbone.context))

    def prefill_chat_revisions(self, chains: Sequence[RevisionContext]) -> list[Prefilled]:
        """Like ``prefill_revisions``, for a model that chats: it is asked in words for a better
        solution."""
        with self._lock:
            return self._prefill_prompts(
                self.codec.chat_revision_prompts(chains, self.backbone.context)
            )

    @torch.inference_mode()
    def _prefill_prompts(self, prompts: list[list[int]]) -> list[Prefilled]:
        reset_peak_memory(self.backbone.device)
        read = append_tokens(
            self.backbone,
            [EMPTY_ROW] * len(prompts),
            [prompt[:-1] for prompt in prompts],
            predict=False,
        )
        peak = synchronized_peak_memory(self.backbone.device)
        return [
            Prefilled(
                KVPrefix(one.row, prompt[-1]),
                Cost()
                if self.backbone.recomputes_prefix
                else Cost(
                    prefilled=one.row.length,
                    generator_flops=self._flops(0, one.row.length),
                    peak_memory=peak,
                    generator_computed=one.computed,
                ),
            )
            for one, prompt in zip(read, prompts, strict=True)
        ]

    def extend(self, jobs: Sequence[ExtendJob]) -> list[DecodedStep]:
        """Sample a step after each job's state, all together. See ExtendJob, Sampled.

        ``cost.cached`` counts the tokens of the prefix that a job did not have to read again. A
        cancelled row returns what it has so far, unfinished. Who looks is told of the rows now and
        then (``DecodeProgress``).
        """
        with self._lock, torch.inference_mode():
            return self._batches.run(jobs, self._decode)

    def choose(self, jobs: Sequence[ChoiceJob]) -> list[Choice]:
        """How likely each job's first word is, by one pass over what stands before it: the first
        tokens in which the two words differ are compared. See ChoiceJob."""
        with self._lock, torch.inference_mode():
            written = [
                [self.codec.tokenize_plain(job.forced + word) for word in job.words] for job in jobs
            ]
            shared = [common_length(*map(np.array, both)) for both in written]
            prefixes, _ = self._read_forced(
                [job.state for job in jobs],
                [first[:common] for (first, _), common in zip(written, shared, strict=True)],
            )
            read = [
                place
                for place, (job, prefix) in enumerate(zip(jobs, prefixes, strict=True))
                if prefix.row.length < self.backbone.context and not job.cancelled()
            ]
            appended = append_tokens(
                self.backbone,
                [prefixes[place].row for place in read],
                [[prefixes[place].last] for place in read],
                predict=True,
            )
        choices = [Choice(0.5, Cost(), NO_ROOM_FOR_VERDICT)] * len(jobs)
        for place, one in zip(read, appended, strict=True):
            first, second = (ids[shared[place]] for ids in written[place])
            assert one.output is not None
            start = 0 if self.backbone.recomputes_prefix else jobs[place].state.row.length
            tokens = one.row.length - start
            choices[place] = Choice(
                float(one.output[[first, second]].double().softmax(-1)[0]),
                Cost(
                    prefilled=tokens,
                    cached=start,
                    generator_flops=self._flops(start, tokens),
                    generator_computed=tokens,
                ),
            )
        return choices

    def _decode(self, jobs: Sequence[ExtendJob]) -> list[DecodedStep]:
        """One step of every job.

        Arrays are by job, except those of the rows that the model reads: jobs with the same history
        have a row together, as long as they sample the same tokens. ``row_of`` is the row of each
        job in ``active``, the jobs still decoding.
        """
        reset_peak_memory(self.backbone.device)
        cancelled, progress = _CancelFlags(jobs), DecodeProgress(jobs)
        leaving = cancelled.check(np.arange(len(jobs)))
        forced_ids = [
            self.codec.tokenize_plain(job.forced) if job.forced and not left else []
            for job, left in zip(jobs, leaving, strict=True)
        ]
        prefixes, computed = self._read_forced([job.state for job in jobs], forced_ids)
        prefix_length = np.array([prefix.row.length for prefix in prefixes])
        max_tokens = np.minimum(self.backbone.context - prefix_length, self._max_step_tokens)
        temperature = np.array([float(job.temperature) for job in jobs])
        draws = uniform_draws([job.rng_path for job in jobs], self._max_step_tokens)

        last = np.array([prefix.last for prefix in prefixes])
        steps = np.zeros(draws.shape, dtype=int)
        counts = np.zeros(len(jobs), dtype=int)
        line_end_count = np.zeros(len(jobs), dtype=int)  # line ends since the last word
        logprobs = np.zeros(draws.shape)  # of each sampled token, nats
        step_ended = np.zeros(len(jobs), dtype=bool)
        solution_ended = max_tokens < 1  # no room for a token
        is_thought = np.array([job.thought for job in jobs])
        wanted_line_ends = np.array([1 if job.by_line else self._line_ends for job in jobs])
        has_text = np.array([not self.codec.blanks[ids].all() for ids in forced_ids])
        ends = [prefix.row for prefix in prefixes]  # all of a job's tokens but its last

        active = np.flatnonzero(~(leaving | solution_ended))
        row_of, first_jobs = _group_equal([(ends[job].ids.tobytes(), last[job]) for job in active])
        batch = TrieBatch(self.backbone, [ends[job] for job in active[first_jobs]], EXTRA_TOKENS)
        parents = np.arange(len(first_jobs))
        if self.backbone.recomputes_prefix:
            computed[active[first_jobs]] += prefix_length[active[first_jobs]]
        for token in range(self._max_step_tokens):
            if not len(active):
                break
            computed[active[first_jobs]] += 1
            logits = batch.read(parents, last[active[first_jobs]])
            ids, sampled_logprobs = sample_tokens(
                logits.to(self._sampling_device),
                row_of,
                temperature[active],
                draws[active, token],
                self._banned_token_mask,
            )
            steps[active, token] = last[active] = ids
            counts[active] = token + 1
            logprobs[active, token] = sampled_logprobs
            line_end_count[active] = self._trailing_line_ends(
                line_end_count[active], has_text[active], ids, wanted_line_ends[active]
            )
            has_text[active] |= ~self.codec.blanks[ids]
            step_ended[active] = (line_end_count[active] >= wanted_line_ends[active]) & has_text[
                active
            ]
            solution_ended[active] = (
                self._end_token_mask[ids]
                | (self._thought_end_mask[ids] & is_thought[active])
                | (~step_ended[active] & (token + 1 >= max_tokens[active]))
            )
            leaving = step_ended[active] | solution_ended[active] | cancelled.check(active)
            for row in np.unique(row_of[leaving]).tolist():
                end = batch.row(row)
                for job in active[leaving & (row_of == row)]:
                    ends[job] = end
            if progress.is_due():
                written = [
                    forced_ids[job] + steps[job, : counts[job]].tolist() for job in progress.rows
                ]
                progress.report(self.codec.texts(written), counts, step_ended | solution_ended)
            active, row_of = active[~leaving], row_of[~leaving]
            # What has sampled the same token after the same history is a row of the next pass.
            histories = row_of * len(self._end_token_mask) + last[active]
            _, first_jobs, next_row_of = np.unique(
                histories, return_index=True, return_inverse=True
            )
            parents, row_of = row_of[first_jobs], next_row_of

        closed_thought = (is_thought & (counts > 0) & self._thought_end_mask[last]).tolist()
        texts = self.codec.texts(
            [
                forced + ids[: count - closed]
                for forced, ids, count, closed in zip(
                    forced_ids, steps.tolist(), counts.tolist(), closed_thought, strict=True
                )
            ]
        )
        context_full = prefix_length + counts >= self.backbone.context
        said_end = self._end_token_mask[last] | (self._thought_end_mask[last] & is_thought)
        said_end &= counts > 0
        peak = synchronized_peak_memory(self.backbone.device)
        decoded = zip(
            jobs,
            prefix_length.tolist(),
            texts,
            ends,
            counts.tolist(),
            last.tolist(),
            [tuple(row[:count].tolist()) for row, count in zip(logprobs, counts, strict=True)],
            step_ended.tolist(),
            said_end.tolist(),
            (solution_ended | (step_ended & context_full)).tolist(),
            computed.tolist(),
            strict=True,
        )
        return [
            DecodedStep(
                text=text,
                tokens=count,
                logprob=sum(token_logprobs),
                finished=ended or self._is_answered(text, complete),
                state=KVPrefix(end, token),
                cost=self._cost(job.state.row.length, length, count, read, peak),
                token_logprobs=token_logprobs,
                cut=ended
                and not (said or self._is_answered(text, complete) or has_boxed_answer(text)),
            )
            for (
                job, length, text, end, count, token, token_logprobs, complete, said, ended, read
            ) in decoded
        ]  # fmt: skip

    def _is_answered(self, step: str, is_complete: bool) -> bool:
        """Whether a step that has its end ends its solution."""
        return is_complete and self._is_final(step)

    def _trailing_line_ends(
        self,
        line_end_count: np.ndarray,
        has_text: np.ndarray,
        ids: np.ndarray,
        wanted_line_ends: np.ndarray,
    ) -> np.ndarray:
        """Line ends in the white space at the end of each row, or enough to end a step if it was
        met within the new token. ``line_end_count`` and ``has_text`` (whether anything but white
        space was written) are from before it; ``wanted_line_ends`` end a step: where one does, any
        line end counts."""
        codec = self.codec
        line_ends_met = np.where(has_text, line_end_count + codec.before[ids], 0)
        ended = line_ends_met >= wanted_line_ends
        in_paragraph = np.where(codec.blanks[ids] | ended, line_ends_met, codec.after[ids])
        return np.where(wanted_line_ends == 1, codec.line_ends[ids], in_paragraph)

    def _read_forced(
        self, prefixes: Sequence[KVPrefix], forced_ids: Sequence[list[int]]
    ) -> tuple[list[KVPrefix], np.ndarray]:
        """The prefixes with the forced tokens read, but for their last, as far as there is room;
        and how many tokens (prefixes,) were read for each.

        They stand in the place of an end token, or of the end of a thought.
        """
        unread: dict[int, list[int]] = {}
        for index, (prefix, forced) in enumerate(zip(prefixes, forced_ids, strict=True)):
            if forced:
                replaced = self._end_token_mask[prefix.last] or self._thought_end_mask[prefix.last]
                ids = forced if replaced else [prefix.last, *forced]
                unread[index] = ids[: self.backbone.context - prefix.row.length + 1]
        longer = [index for index, ids in unread.items() if len(ids) > 1]
        read = append_tokens(
            self.backbone,
            [prefixes[index].row for index in longer],
            [unread[index][:-1] for index in longer],
            predict=False,
        )
        computed = np.zeros(len(prefixes), dtype=int)
        if not self.backbone.recomputes_prefix:
            computed[longer] = [one.computed for one in read]
        row_of = {index: one.row for index, one in zip(longer, read, strict=True)}
        return [
            KVPrefix(row_of.get(index, prefix.row), unread[index][-1])
            if index in unread
            else prefix
            for index, prefix in enumerate(prefixes)
        ], computed

    def _cost(self, start: int, prefix_length: int, count: int, computed: int, peak: int) -> Cost:
        """What it cost to sample ``count`` tokens after ``prefix_length`` ones, all of which but
        the first ``start`` were forced. Where nothing was read (a row that was cancelled before its
        first token, say) it is nothing."""
        if self.backbone.recomputes_prefix:
            cached, prefilled = 0, prefix_length if count else 0
        else:
            prefilled = prefix_length - start
            cached = start if count or prefilled else 0
        return Cost(
            generated=count,
            prefilled=prefilled,
            cached=cached,
            generator_flops=self._flops(cached, prefilled + count),
            peak_memory=peak,
            generator_computed=computed,
        )

    def _flops(self, start: int, tokens: int) -> float:
        return forward_flops(self.parameters, self.backbone.attention_width, start, tokens)


class _CancelFlags:
    """The cancel flags of jobs, each distinct one asked once for all its rows."""

    def __init__(self, jobs: Sequence[ExtendJob]) -> None:
        numbers = {
            flag: number for number, flag in enumerate(dict.fromkeys(job.cancelled for job in jobs))
        }
        self._flags = list(numbers)
        self._number = np.array([numbers[job.cancelled] for job in jobs])

    def check(self, rows: np.ndarray) -> np.ndarray:
        """Which of the jobs ``rows`` are cancelled now."""
        return np.array([bool(flag()) for flag in self._flags])[self._number[rows]]


def _group_equal(keys: Sequence[Hashable]) -> tuple[np.ndarray, np.ndarray]:
    """The group (keys,) of each key, and the place (groups,) of the first key of each group."""
    groups: dict[Hashable, int] = {}
    group_of = np.array([groups.setdefault(key, len(groups)) for key in keys], dtype=int)
    return group_of, np.unique(group_of, return_index=True)[1]


def _end_token_ids(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """The ids with which the model may end a text."""
    settings = (model.config, getattr(model, "generation_config", None), tokenizer)
    ends: set[int | None] = set()
    for ids in (getattr(source, "eos_token_id", None) for source in settings):
        ends |= {*ids} if isinstance(ids, list) else {ids}
    return sorted(end for end in ends if end is not None)
