"""Verifiers: the chance that a solution ends right, judged at the end of each of its steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ttc_explorer.models.backbone import append, backbone_of
from ttc_explorer.models.codec import Codec, fitting
from ttc_explorer.models.devices import finish, start_measuring
from ttc_explorer.models.formats import Format
from ttc_explorer.models.memory import NOTHING, Row
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


@dataclass(frozen=True)
class Judged:
    """What a StepVerifier has read: ``row`` remembers ``ids``."""

    question: str
    steps: tuple[str, ...]
    ids: list[int]
    row: Row


class StepVerifier:
    """A Verifier (``protocol.py``) that reads what its ``format`` writes. Safe to call from any thread.

    A step adds to the text and may change its end (a turn is closed, another opened): the model goes on from
    the longest beginning that it has read already. ``cost.verifier`` counts the tokens it reads; one whose
    memory cannot be forked reads the beginning again, and pays for it.

    A step that would take the text beyond the model's context is not read and scores 0.
    """

    def __init__(self, model: PreTrainedModel, name: str, format: Format) -> None:
        self.name = name
        self.format = format
        self.backbone = backbone_of(model)
        self.parameters = self.backbone.parameters
        self._lock = Lock()

    def open(self, questions: Sequence[str]) -> list[Opened]:
        """Read the prompts. Raises BadInput if one is too long for the model."""
        prompts = fitting([self.format.ids(question, ()) for question in questions], self.backbone.context)
        with self._lock, torch.inference_mode():
            start_measuring(self.backbone.device)
            rows, _ = append(self.backbone, [NOTHING] * len(prompts), prompts, predict=False)
            peak = finish(self.backbone.device)
        return [
            Opened(
                Judged(question, (), ids, row),
                self._cost(0 if self.backbone.rereads else len(ids), peak),
            )
            for question, ids, row in zip(questions, prompts, rows, strict=True)
        ]

    def score(self, jobs: Sequence[ScoreJob]) -> list[Scored]:
        """Judge every job's step; of several lines in a text, the last. Cancelled jobs are not read and
        score 0."""
        scored = [Scored(0.0, job.state, Cost()) for job in jobs]
        with self._lock, torch.inference_mode():
            start_measuring(self.backbone.device)
            texts = [(*job.state.steps, *job.text.split("\n")) for job in jobs]
            whole = [self.format.ids(job.state.question, text) for job, text in zip(jobs, texts, strict=True)]
            read = [
                i
                for i, job in enumerate(jobs)
                if len(whole[i]) <= self.backbone.context and not job.cancelled()
            ]
            # The last token is always read: the score stands there.
            known = {i: min(_shared(jobs[i].state.ids, whole[i]), len(whole[i]) - 1) for i in read}
            rows, outputs = append(
                self.backbone,
                [Row(jobs[i].state.row.block, jobs[i].state.row.slot, known[i]) for i in read],
                [whole[i][known[i] :] for i in read],
                predict=True,
            )
            scores = self.format.scores(torch.stack(outputs)).tolist() if read else []
            peak = finish(self.backbone.device)
        for i, row, score in zip(read, rows, scores, strict=True):
            state = Judged(jobs[i].state.question, texts[i], whole[i], row)
            spared = 0 if self.backbone.rereads else known[i]
            scored[i] = Scored(round(score, DIGITS), state, self._cost(len(whole[i]) - spared, peak))
        return scored

    def _cost(self, tokens: int, peak: int) -> Cost:
        return Cost(verifier=tokens, flops=2.0 * self.parameters * tokens, peak_memory=peak)


class PooledVerifier:
    """A Verifier on a classifier of whole texts that can be run in no other way (an encoder, say): every text
    is read from its beginning, alone. Safe to call from any thread. Too long a text scores 0."""

    def __init__(self, model: PreTrainedModel, name: str, format: Format) -> None:
        self.name = name
        self.format = format
        self.parameters = sum(weight.numel() for weight in model.parameters())
        self._model = model.eval()
        self._context: int = getattr(model.config, "max_position_embeddings", None) or 512
        self._lock = Lock()

    def open(self, questions: Sequence[str]) -> list[Opened]:
        """Nothing is read yet. Raises BadInput if a question is too long for the model."""
        fitting([self.format.ids(question, ()) for question in questions], self._context)
        return [Opened(Judged(question, (), [], NOTHING), Cost()) for question in questions]

    def score(self, jobs: Sequence[ScoreJob]) -> list[Scored]:
        """See StepVerifier."""
        with self._lock, torch.inference_mode():
            return [self._scored(job) for job in jobs]

    def _scored(self, job: ScoreJob) -> Scored:
        steps = (*job.state.steps, *job.text.split("\n"))
        ids = self.format.ids(job.state.question, steps)
        if len(ids) > self._context or job.cancelled():
            return Scored(0.0, job.state, Cost())
        logits = self._model(input_ids=torch.tensor([ids], device=self._model.device)).logits.float()
        (score,) = self.format.scores(logits).tolist()
        cost = Cost(verifier=len(ids), flops=2.0 * self.parameters * len(ids))
        return Scored(round(score, DIGITS), Judged(job.state.question, steps, [], NOTHING), cost)


def _shared(one: Sequence[int], other: Sequence[int]) -> int:
    """How many ids two texts have in common at their beginning."""
    return next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
