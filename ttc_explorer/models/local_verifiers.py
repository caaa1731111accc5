"""Verifiers: the chance that a solution ends right, judged at the end of each of its steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from threading import Lock

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ttc_explorer.models.backbone import append_tokens, build_backbone
from ttc_explorer.models.devices import reset_peak_memory, synchronized_peak_memory
from ttc_explorer.models.flops import attention_width, forward_flops
from ttc_explorer.models.kv_cache import EMPTY_ROW, KVRow, common_length
from ttc_explorer.models.protocol import (
    Cost,
    ModelError,
    Prefilled,
    RevisionContext,
    ScoredStep,
    ScoreJob,
)
from ttc_explorer.models.step_codec import StepCodec, require_fit
from ttc_explorer.models.trie_append import Appended
from ttc_explorer.models.verifier_formats import LocalVerifierFormat

SCORE_DECIMALS = 6
"""Scores are rounded to so many decimals, about the precision of the sums behind them."""


class TokenPRM:
    """A Verifier and RevisionVerifier (``protocol.py``) on a token classifier with two labels. Safe
    to call from any thread.

    The format of TRL's PRMTrainer: after the prompt, each step is tokenised on its own and followed
    by a line end; the score is the probability of label 1 at the line end. (Which labels it learns
    from: arXiv 2408.03314, section 5.1 and appendix D.) It reads every token once:
    ``cost.verifier`` counts the tokens of the prompt in ``prefill``, of the step and its line end
    in ``score``; padding of a batch is not counted.

    A step that would take the solution beyond the model's context is not read and scores 0.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        name: str,
        rewrite_question: Callable[[str], str] = str,
    ) -> None:
        if model.config.num_labels != 2:
            raise ModelError(
                f"{name} cannot be used as a verifier: it has {model.config.num_labels} labels a "
                "token, "
                "and a process reward model of this kind has two (wrong, right)."
            )
        self.name = name
        self.backbone = build_backbone(model)
        self.parameters = self.backbone.parameters
        self.codec = StepCodec(tokenizer, _vocabulary_size(model), rewrite_question)
        self._lock = Lock()

    def prefill(self, questions: Sequence[str]) -> list[Prefilled]:
        """Read the prompts. Raises BadInput if one is too long for the model."""
        with self._lock:
            return self._prefill_prompts(self.codec.prompts(questions, self.backbone.context))

    def prefill_revisions(self, chains: Sequence[RevisionContext]) -> list[Prefilled]:
        """Read questions and the attempts at them. Raises BadInput like ``prefill``."""
        with self._lock:
            return self._prefill_prompts(self.codec.chains(chains, self.backbone.context))

    @torch.inference_mode()
    def _prefill_prompts(self, prompts: list[list[int]]) -> list[Prefilled]:
        read = append_tokens(self.backbone, [EMPTY_ROW] * len(prompts), prompts, predict=False)
        return [Prefilled(one.row, self._cost(0, one.row.length, one.computed)) for one in read]

    def score(self, jobs: Sequence[ScoreJob]) -> list[ScoredStep]:
        """Judge every job's step; of several lines in a text, the last. Cancelled jobs are not read
        and score 0."""
        scored = [ScoredStep(0.0, job.state, Cost()) for job in jobs]
        with self._lock, torch.inference_mode():
            steps = self.codec.steps([job.text for job in jobs])
            read = [
                i
                for i, job in enumerate(jobs)
                if job.state.length + len(steps[i]) <= self.backbone.context and not job.cancelled()
            ]
            appended = append_tokens(
                self.backbone, [jobs[i].state for i in read], [steps[i] for i in read], predict=True
            )
            scores = _stack_outputs(appended).softmax(-1)[:, 1].tolist() if read else []
        for i, one, score in zip(read, appended, scores, strict=True):
            cost = self._cost(jobs[i].state.length, len(steps[i]), one.computed)
            scored[i] = ScoredStep(round(score, SCORE_DECIMALS), one.row, cost)
        return scored

    def _cost(self, start: int, tokens: int, computed: int) -> Cost:
        width = self.backbone.attention_width
        return Cost(
            verifier=tokens,
            verifier_flops=forward_flops(self.parameters, width, start, tokens),
            verifier_computed=computed,
        )


@dataclass(frozen=True)
class StepVerifierState:
    """What a StepVerifier has read."""

    question: str
    steps: tuple[str, ...]
    row: KVRow


class StepVerifier:
    """A Verifier (``protocol.py``) that reads what its ``format`` writes. Safe to call from any
    thread.

    A step adds to the text and may change its end (a turn is closed, another opened): the model
    goes on from the longest beginning that it has read already. ``cost.verifier`` counts the tokens
    it reads; one whose KV cache cannot be forked reads the beginning again, and pays for it.

    A step that would take the text beyond the model's context is not read and scores 0.
    """

    def __init__(self, model: PreTrainedModel, name: str, format: LocalVerifierFormat) -> None:
        self.name = name
        self.format = format
        self.backbone = build_backbone(model)
        self.parameters = self.backbone.parameters
        self._lock = Lock()

    def prefill(self, questions: Sequence[str]) -> list[Prefilled]:
        """Read the prompts. Raises BadInput if one is too long for the model."""
        prompts = require_fit(
            [self.format.ids(question, ()) for question in questions], self.backbone.context
        )
        with self._lock, torch.inference_mode():
            reset_peak_memory(self.backbone.device)
            read = append_tokens(self.backbone, [EMPTY_ROW] * len(prompts), prompts, predict=False)
            peak = synchronized_peak_memory(self.backbone.device)
        return [
            Prefilled(
                StepVerifierState(question, (), one.row),
                Cost()
                if self.backbone.recomputes_prefix
                else self._cost(0, one.row.length, one.computed, peak),
            )
            for question, one in zip(questions, read, strict=True)
        ]

    def score(self, jobs: Sequence[ScoreJob]) -> list[ScoredStep]:
        """Judge every job's step; of several lines in a text, the last. Cancelled jobs are not read
        and score 0."""
        scored = [ScoredStep(0.0, job.state, Cost()) for job in jobs]
        with self._lock, torch.inference_mode():
            reset_peak_memory(self.backbone.device)
            texts = [(*job.state.steps, *job.text.split("\n")) for job in jobs]
            token_ids = [
                self.format.ids(job.state.question, text)
                for job, text in zip(jobs, texts, strict=True)
            ]
            read = [
                i
                for i, job in enumerate(jobs)
                if len(token_ids[i]) <= self.backbone.context and not job.cancelled()
            ]
            # The last token is always read: the score stands there.
            cached_lengths = {
                i: min(
                    common_length(jobs[i].state.row.ids, np.array(token_ids[i])),
                    len(token_ids[i]) - 1,
                )
                for i in read
            }
            appended = append_tokens(
                self.backbone,
                [jobs[i].state.row.beginning(cached_lengths[i]) for i in read],
                [token_ids[i][cached_lengths[i] :] for i in read],
                predict=True,
            )
            scores = self.format.scores(_stack_outputs(appended)).tolist() if read else []
            peak = synchronized_peak_memory(self.backbone.device)
        for i, one, score in zip(read, appended, scores, strict=True):
            state = StepVerifierState(jobs[i].state.question, texts[i], one.row)
            start, computed = cached_lengths[i], one.computed
            if self.backbone.recomputes_prefix:
                start, computed = 0, len(token_ids[i]) if one.computed else 0
            cost = self._cost(start, len(token_ids[i]) - start, computed, peak)
            scored[i] = ScoredStep(round(score, SCORE_DECIMALS), state, cost)
        return scored

    def _cost(self, start: int, tokens: int, computed: int, peak: int) -> Cost:
        width = self.backbone.attention_width
        return Cost(
            verifier=tokens,
            verifier_flops=forward_flops(self.parameters, width, start, tokens),
            peak_memory=peak,
            verifier_computed=computed,
        )


class WholeTextVerifier:
    """A Verifier on a classifier of whole texts that can be run in no other way (an encoder, say):
    every text is read from its beginning, alone. Safe to call from any thread. Too long a text
    scores 0."""

    def __init__(self, model: PreTrainedModel, name: str, format: LocalVerifierFormat) -> None:
        self.name = name
        self.format = format
        self.parameters = sum(weight.numel() for weight in model.parameters())
        self._attention_width = attention_width(model.config)
        self._model = model.eval()
        self._context: int = getattr(model.config, "max_position_embeddings", None) or 512
        self._lock = Lock()

    def prefill(self, questions: Sequence[str]) -> list[Prefilled]:
        """Nothing is read yet. Raises BadInput if a question is too long for the model."""
        require_fit([self.format.ids(question, ()) for question in questions], self._context)
        return [
            Prefilled(StepVerifierState(question, (), EMPTY_ROW), Cost()) for question in questions
        ]

    def score(self, jobs: Sequence[ScoreJob]) -> list[ScoredStep]:
        """See StepVerifier."""
        judged: dict[tuple[int, ...], ScoredStep] = {}
        with self._lock, torch.inference_mode():
            return [self._score_one(job, judged) for job in jobs]

    def _score_one(self, job: ScoreJob, judged: dict[tuple[int, ...], ScoredStep]) -> ScoredStep:
        """Judge a job; ``judged`` holds what was judged before, by what the model read."""
        steps = (*job.state.steps, *job.text.split("\n"))
        ids = tuple(self.format.ids(job.state.question, steps))
        if len(ids) > self._context or job.cancelled():
            return ScoredStep(0.0, job.state, Cost())
        if ids in judged:
            before = judged[ids]
            return replace(before, cost=replace(before.cost, verifier_computed=0))
        logits = self._model(
            input_ids=torch.tensor([ids], device=self._model.device)
        ).logits.float()
        (score,) = self.format.scores(logits).tolist()
        flops = forward_flops(self.parameters, self._attention_width, 0, len(ids))
        judged[ids] = ScoredStep(
            round(score, SCORE_DECIMALS),
            StepVerifierState(job.state.question, steps, EMPTY_ROW),
            Cost(verifier=len(ids), verifier_flops=flops, verifier_computed=len(ids)),
        )
        return judged[ids]


def _vocabulary_size(model: PreTrainedModel) -> int:
    """The number of ids that the model has an embedding of."""
    weight = model.get_input_embeddings().weight
    assert isinstance(weight, Tensor)
    return weight.shape[0]


def _stack_outputs(appended: Sequence[Appended]) -> Tensor:
    """The head's outputs (texts, outputs)."""
    return torch.stack([one.output for one in appended if one.output is not None])
