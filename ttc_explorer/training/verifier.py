"""Stage ``prm``: the process reward model learns which steps a right solution can begin with.

Half of what it reads are pairs of a worked solution and a mistaken one to the same problem, without end; half
are the base's own solutions, as many right as wrong ones of a problem. All labels are exact. Beside the score
it keeps predicting the text: that loss holds on to what the base knows of arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import pandas as pd
import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn import functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForTokenClassification

from ttc_explorer.experiments.estimators import within_problem_auc
from ttc_explorer.problems.families.family import line_text
from ttc_explorer.training.base import save
from ttc_explorer.training.data import IGNORED, Batches, Encoder, Example, collate, draw_given
from ttc_explorer.training.loop import train
from ttc_explorer.training.recipe import Recipe
from ttc_explorer.training.samples import read_samples
from ttc_explorer.training.shapes import new_verifier

TEXT_WEIGHT = 0.3
"""Weight of the language-modelling loss beside the score's."""

PER_SIDE = 2
"""Right solutions, and as many wrong ones, taken of one sampled problem at a time."""


def made_pair(encoder: Encoder, rng: Random) -> list[Example]:
    """A worked and a mistaken solution of one training problem, labelled step by step."""
    family, given, _ = draw_given(rng, "train")
    question = family.say(given, rng)
    pair = []
    for lines in (family.worked(given), family.mistaken(given, rng)):
        steps = [line_text(line) for line in lines]
        labels = [float(family.consistent(given, steps[: i + 1])) for i in range(len(steps))]
        pair.append(encoder.judged(question, steps, labels))
    return pair


class SampledPairs:
    """Balanced draws from the base's own solutions to problems that it gets right and wrong."""

    def __init__(self, encoder: Encoder, samples: pd.DataFrame) -> None:
        self.encoder = encoder
        self.problems: list[tuple[list[tuple], list[tuple]]] = []
        for _, group in samples.groupby("question", sort=True):
            rows = list(zip(group["text"], group["steps"], group["labels"], strict=True))
            sides = [
                [r for r, c in zip(rows, group["correct"], strict=True) if c == side]
                for side in (True, False)
            ]
            if all(sides):
                self.problems.append((sides[0], sides[1]))

    def __call__(self, rng: Random) -> list[Example]:
        sides = rng.choice(self.problems)
        count = min(PER_SIDE, *map(len, sides))
        return [
            self.encoder.judged(text, list(steps), list(map(float, labels)))
            for side in sides
            for text, steps, labels in rng.sample(side, count)
        ]


def verifier_loss(model: LlamaForTokenClassification, pad: int) -> Callable[[Tensor, Tensor], Tensor]:
    """Binary cross-entropy of the step scores, plus TEXT_WEIGHT times that of the next tokens."""

    def loss(ids: Tensor, targets: Tensor) -> Tensor:
        hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state
        judged = targets != IGNORED
        logits = model.score(hidden[judged])
        step_loss = F.binary_cross_entropy_with_logits(logits[:, 1] - logits[:, 0], targets[judged])
        follows = ids[:, 1:]
        real = follows != pad
        tokens = F.linear(hidden[:, :-1][real], model.model.embed_tokens.weight)
        return step_loss + TEXT_WEIGHT * F.cross_entropy(tokens, follows[real])

    return loss


def train_verifier(recipe: Recipe, work: Path, out: Path) -> None:
    """Train the PRM on top of ``out / "base-s"`` and save it to ``out / "prm"``."""
    tokenizer = AutoTokenizer.from_pretrained(out / "tokenizer")
    encoder = Encoder(tokenizer)
    base = AutoModelForCausalLM.from_pretrained(out / "base-s", dtype="float32")
    model = new_verifier(base, recipe.verifier_layers, recipe.seed).to(recipe.device)
    rank = dist.get_rank() if dist.is_initialized() else 0
    sampled = SampledPairs(encoder, read_samples(work, "train"))

    def make(rng: Random) -> list[Example]:
        if not sampled.problems or rng.random() < 2 / 3:
            # A sampled draw gives about twice as many examples as a made pair.
            return made_pair(encoder, rng)
        return sampled(rng)

    batches = Batches(
        make, recipe.tokens, recipe.pool, recipe.seed + 5000 + 1000 * rank, tokenizer.pad_token_id
    )
    held_out = read_samples(work, "val")

    def validate() -> dict[str, float]:
        scores = last_scores(model, encoder, held_out)
        return {"auc": within_problem_auc(held_out["question"], held_out["correct"], scores)}

    loss = verifier_loss(model, tokenizer.pad_token_id)
    log = train(model, batches, loss, recipe.verifier, work / "prm", validate, report_every=150)
    if rank == 0:
        save(model, tokenizer, out / "prm")
        log.to_parquet(out / "prm" / "training.parquet", index=False)


@torch.no_grad()
def last_scores(
    model: LlamaForTokenClassification, encoder: Encoder, table: pd.DataFrame, rows: int = 128
) -> list[float]:
    """The score at the last step of each solution in ``table``."""
    examples = [
        encoder.judged(text, list(steps), [0.0] * len(steps))
        for text, steps in zip(table["text"], table["steps"], strict=True)
    ]
    order = sorted(range(len(examples)), key=lambda i: len(examples[i].ids))
    scores = [0.0] * len(examples)
    for at in range(0, len(order), rows):
        chunk = order[at : at + rows]
        ids, _ = collate([examples[i] for i in chunk], encoder.tokenizer.pad_token_id)
        hidden = model.model(input_ids=ids.to(model.device), use_cache=False).last_hidden_state
        ends = torch.tensor([len(examples[i].ids) - 1 for i in chunk])
        logits = model.score(hidden[torch.arange(len(chunk)), ends])
        for i, score in zip(chunk, logits.softmax(-1)[:, 1].tolist(), strict=True):
            scores[i] = score
    return scores
