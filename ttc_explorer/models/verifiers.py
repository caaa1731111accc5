"""Process reward models: the chance that a solution ends right, judged at the end of each of its steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ttc_explorer.models.backbone import append, backbone_of
from ttc_explorer.models.codec import Codec
from ttc_explorer.models.memory import NOTHING
from ttc_explorer.models.protocol import Chain, Cost, ModelError, Opened, Scored, ScoreJob

DIGITS = 6
"""Scores are rounded to so many decimals, about the precision of the sums behind them."""


class TokenPRM:
    """A Verifier and RevisionVerifier (``protocol.py``) on a token classifier with two labels. Safe to call
    from any thread.

    The format of TRL's PRMTrainer: after the prompt, each step is tokenised on its own and followed by a line
    end; the score is the probability of label 1 at the line end. (Which labels it learns from: arXiv
    2408.03314, section 5.1 and appendix D.) It reads every token once: ``cost.verifier`` counts the tokens of
    the prompt in ``open``, of the step and its line end in ``score``; padding of a batch is not counted.

    A step that would take the solution beyond the model's context is not read and scores 0.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        name: str,
        notation: Callable[[str], str] = str,
    ) -> None:
        if model.config.num_labels != 2:
            raise ModelError(
                f"{name} cannot be used as a verifier: it has {model.config.num_labels} labels a token, "
                "and a process reward model of this kind has two (wrong, right)."
            )
        self.name = name
        self.backbone = backbone_of(model)
        self.parameters = self.backbone.parameters
        self.codec = Codec(tokenizer, model.get_input_embeddings().weight.shape[0], notation)
        self._lock = Lock()

    def open(self, questions: Sequence[str]) -> list[Opened]:
        """Read the prompts. Raises BadInput if one is too long for the model."""
        with self._lock:
            return self._read(self.codec.prompts(questions, self.backbone.context))

    def open_chains(self, chains: Sequence[Chain]) -> list[Opened]:
        """Read questions and the attempts at them. Raises BadInput like ``open``."""
        with self._lock:
            return self._read(self.codec.chains(chains, self.backbone.context))

    @torch.inference_mode()
    def _read(self, prompts: list[list[int]]) -> list[Opened]:
        rows, _ = append(self.backbone, [NOTHING] * len(prompts), prompts, predict=False)
        return [Opened(row, self._cost(row.length)) for row in rows]

    def score(self, jobs: Sequence[ScoreJob]) -> list[Scored]:
        """Judge every job's step; of several lines in a text, the last. Cancelled jobs are not read and
        score 0."""
        scored = [Scored(0.0, job.state, Cost()) for job in jobs]
        with self._lock, torch.inference_mode():
            steps = self.codec.steps([job.text for job in jobs])
            read = [
                i
                for i, job in enumerate(jobs)
                if job.state.length + len(steps[i]) <= self.backbone.context and not job.cancelled()
            ]
            rows, outputs = append(
                self.backbone, [jobs[i].state for i in read], [steps[i] for i in read], predict=True
            )
            scores = torch.stack(outputs).softmax(-1)[:, 1].tolist() if read else []
        for i, row, score in zip(read, rows, scores, strict=True):
            scored[i] = Scored(round(score, DIGITS), row, self._cost(len(steps[i])))
        return scored

    def _cost(self, tokens: int) -> Cost:
        return Cost(verifier=tokens, flops=2.0 * self.parameters * tokens)
