"""Decoding and judging as the method says it: every row by itself, by plain passes over its whole
text. What ``TreeGenerator`` and ``TokenPRM`` do is measured by it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from transformers import PreTrainedModel

from ttc_explorer.models.flops import attention_width, forward_flops
from ttc_explorer.models.local_verifiers import SCORE_DECIMALS, TokenPRM
from ttc_explorer.models.protocol import (
    Cost,
    DecodedStep,
    ExtendJob,
    Prefilled,
    ScoredStep,
    ScoreJob,
)
from ttc_explorer.models.sampling import sample_tokens, uniform_draws
from ttc_explorer.models.tree_decoding import TreeGenerator


class RowGenerator:
    """Samples what ``generator`` would on ``model``, a row at a time. A state is the ids so far."""

    supports_prefix_continuation = True
    supports_chat = False
    prints_checks = False
    thinks = False

    def __init__(self, model: PreTrainedModel, generator: TreeGenerator) -> None:
        self._model, self._generator = model, generator
        self.name, self.parameters = generator.name, generator.parameters
        self._recomputes = generator.backbone.recomputes_prefix
        self._known: dict[tuple[int, ...], torch.Tensor] = {}

    def prefill(self, questions: Sequence[str]) -> list[Prefilled]:
        prompts = [tuple(self._generator.codec.prompt(question)) for question in questions]
        return [Prefilled(ids, self._cost(0, len(ids) - 1, 0)) for ids in prompts]

    def extend(self, jobs: Sequence[ExtendJob]) -> list[DecodedStep]:
        return [self._decode(job) for job in jobs]

    def _decode(self, job: ExtendJob) -> DecodedStep:
        generator, ids, logprobs = self._generator, list(job.state), []
        ended = step_ended = False
        draws = uniform_draws([job.rng_path], generator._max_step_tokens)[0]
        while not (ended or step_ended or job.cancelled()):
            token, logprob = sample_tokens(
                self._logits(tuple(ids)),
                np.array([0]),
                np.array([float(job.temperature)]),
                draws[[len(logprobs)]],
                generator._banned_token_mask,
            )
            ids.append(int(token[0]))
            logprobs.append(float(logprob[0]))
            step = ids[len(job.state) :]
            words = ~generator.codec.blanks[step]
            step_ended = bool(generator.codec.line_ends[step[-1]] and words.any())
            ended = bool(generator._end_token_mask[step[-1]]) or (
                not step_ended and len(step) == generator._max_step_tokens
            )
        (text,) = generator.codec.texts([ids[len(job.state) :]])
        return DecodedStep(
            text=text,
            tokens=len(logprobs),
            logprob=sum(logprobs),
            finished=ended or (step_ended and generator._is_final(text)),
            state=tuple(ids),
            cost=self._cost(len(job.state) - 1, 0, len(logprobs)),
            token_logprobs=tuple(logprobs),
        )

    def _logits(self, ids: tuple[int, ...]) -> torch.Tensor:
        """Of the next token: (1, vocabulary). A pure function, so it may be remembered."""
        if ids not in self._known:
            with torch.inference_mode():
                out = self._model(input_ids=torch.tensor([ids]), use_cache=False)
            self._known[ids] = out.logits[:, -1].float()
        return self._known[ids]

    def _cost(self, start: int, read: int, sampled: int) -> Cost:
        """Of a row that was ``start`` tokens long: ``read`` and ``sampled`` more."""
        if self._recomputes:
            start, read = 0, start if sampled else 0
        width = attention_width(self._model.config)
        return Cost(
            generated=sampled,
            prefilled=read,
            cached=start if sampled else 0,
            generator_flops=forward_flops(self.parameters, width, start, read + sampled),
        )


class RowVerifier:
    """Judges what ``verifier`` would on ``model``, a whole text at a time. A state is the ids so
    far."""

    def __init__(self, model: PreTrainedModel, verifier: TokenPRM) -> None:
        self._model, self._verifier = model, verifier
        self.name, self.parameters = verifier.name, verifier.parameters

    def prefill(self, questions: Sequence[str]) -> list[Prefilled]:
        prompts = [tuple(self._verifier.codec.prompt(question)) for question in questions]
        return [Prefilled(ids, self._cost(0, len(ids))) for ids in prompts]

    def score(self, jobs: Sequence[ScoreJob]) -> list[ScoredStep]:
        judged = []
        for job in jobs:
            (step,) = self._verifier.codec.steps([job.text])
            ids = (*job.state, *step)
            with torch.inference_mode():
                logits = self._model(input_ids=torch.tensor([ids])).logits[0, -1]
            score = round(float(logits.softmax(-1)[1]), SCORE_DECIMALS)
            judged.append(ScoredStep(score, ids, self._cost(len(job.state), len(step))))
        return judged

    def _cost(self, start: int, tokens: int) -> Cost:
        width = attention_width(self._model.config)
        flops = forward_flops(self.parameters, width, start, tokens)
        return Cost(verifier=tokens, verifier_flops=flops)
