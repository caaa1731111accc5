"""Stages ``base-s``, ``base-m``, ``base-l``: the generators learn solved problems, right and wrong
ones.

Close to half of the solutions hold a deliberately wrong decision. Its tokens carry no loss, but
everything computed after it does: that is how a model this small learns to compute a check instead
of copying one. All sizes read the same stream of the same number of tokens, so that only their
parameters differ.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from random import Random

import pandas as pd
import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn import functional as F
from transformers import LlamaForCausalLM, PreTrainedModel, PreTrainedTokenizerFast

from ttc_explorer.atomic_files import replaced_folder
from ttc_explorer.training.arithmetic_drills import DRILL_QUESTION, arithmetic_drill
from ttc_explorer.training.model_configs import new_generator
from ttc_explorer.training.saved_models import load_encoder, move_model
from ttc_explorer.training.training_data import (
    IGNORED,
    ExampleEncoder,
    TrainingBatches,
    TrainingExample,
    collate,
    draw_parameters,
    draw_wording,
)
from ttc_explorer.training.training_loop import Schedule, train
from ttc_explorer.training.training_recipe import Recipe

MISTAKEN_SHARE = 0.45
"""Share of the solutions with an injected error."""

DRILL_SHARE = 0.2
"""Share of the examples that are plain arithmetic."""


def draw_generator_examples(encoder: ExampleEncoder, rng: Random) -> list[TrainingExample]:
    """One training example: a drill, or a solution, right or wrong."""
    if rng.random() < DRILL_SHARE:
        return [encoder.language_example(DRILL_QUESTION, arithmetic_drill(rng))]
    return [solution_example(encoder, rng, "train", MISTAKEN_SHARE)]


def solution_example(
    encoder: ExampleEncoder, rng: Random, split: str, mistake_rate: float
) -> TrainingExample:
    """A solution that is mistaken with probability ``mistake_rate``."""
    family, parameters, _ = draw_parameters(rng, split)
    lines = (
        family.mistaken_solution(parameters, rng)
        if rng.random() < mistake_rate
        else family.worked_solution(parameters)
    )
    return encoder.language_example(draw_wording(family, parameters, rng), lines)


def language_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy in nats over the targets that carry loss; logits (batch, width,
    vocabulary)."""
    return F.cross_entropy(logits.flatten(0, 1), targets.long().flatten(), ignore_index=IGNORED)


def train_generator(recipe: Recipe, work: Path, out: Path, name: str) -> None:
    """Train the generator ``name`` with the tokenizer in ``out / "tokenizer"`` and save it to ``out
    / name``."""
    size = recipe.bases[name]
    encoder = load_encoder(out / "tokenizer")
    model = new_generator(size.shape, encoder.tokenizer, recipe.context, recipe.seed)
    rng = Random("base validation")
    held_out = [solution_example(encoder, rng, "val", 0.0) for _ in range(256)]
    train_language_model(
        recipe,
        encoder,
        work / name,
        out / name,
        size.schedule,
        model,
        lambda rng: draw_generator_examples(encoder, rng),
        held_out,
        0,
    )


def train_language_model(
    recipe: Recipe,
    encoder: ExampleEncoder,
    checkpoint_folder: Path,
    folder: Path,
    schedule: Schedule,
    model: LlamaForCausalLM,
    make: Callable[[Random], list[TrainingExample]],
    held_out: list[TrainingExample],
    seed: int,
    before: pd.DataFrame | None = None,
) -> None:
    """Train a generator on what ``make`` draws, validated by its loss on ``held_out``; keep
    checkpoints in ``checkpoint_folder``, and save it to ``folder`` with its log, which goes on from
    the one ``before``.

    ``seed`` keeps the stages' streams apart. Each process reads its own, so that none reads an
    example twice.
    """
    tokenizer = encoder.tokenizer
    move_model(model, recipe.device)
    rank = dist.get_rank() if dist.is_initialized() else 0
    batches = TrainingBatches(
        make, recipe.tokens, recipe.pool, recipe.seed + seed + 1000 * rank, tokenizer.pad_token_id
    )
    held_out = sorted(held_out, key=lambda e: len(e.ids))
    chunks = [
        collate(held_out[i : i + 32], tokenizer.pad_token_id) for i in range(0, len(held_out), 32)
    ]

    def loss(ids: Tensor, targets: Tensor) -> Tensor:
        hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state
        in_loss = targets != IGNORED
        return F.cross_entropy(model.lm_head(hidden[in_loss]), targets[in_loss].long())

    @torch.no_grad()
    def validate() -> dict[str, float]:
        losses = [
            language_loss(
                model(input_ids=ids.to(recipe.device), use_cache=False).logits,
                targets.to(recipe.device),
            )
            for ids, targets in chunks
        ]
        return {"validation": float(torch.stack(losses).mean())}

    log = train(model, batches, loss, schedule, checkpoint_folder, validate)
    if rank == 0:
        if before is not None:
            cumulative = ["step", "tokens", "seconds"]
            log[cumulative] += before[cumulative].iloc[-1]
            log = pd.concat([before, log], ignore_index=True)
        with replaced_folder(folder) as new:
            save_model(model, tokenizer, new)
            log.to_parquet(new / "training.parquet", index=False)


def save_model(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Plain Hugging Face format, half precision, in shards that a repository takes; the model in
    hand keeps its own precision."""
    saved = copy.deepcopy(model)
    move_model(saved, "cpu")
    saved.half().save_pretrained(folder, max_shard_size="9MB")
    tokenizer.save_pretrained(folder)
