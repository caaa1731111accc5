"""Stages ``base-s``, ``base-m``, ``base-l``: the generators learn solved problems, right and wrong ones.

Close to half of the solutions hold a deliberately wrong decision. Its tokens carry no loss, but everything
computed after it does: that is how a model this small learns to compute a check instead of copying one.
All sizes read the same stream of the same number of tokens, so that only their parameters differ.
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
from transformers import AutoTokenizer, LlamaForCausalLM

from ttc_explorer.training.data import IGNORED, Batches, Encoder, Example, collate, draw_given, worded
from ttc_explorer.training.drill import QUESTION, drill
from ttc_explorer.training.loop import Schedule, train
from ttc_explorer.training.recipe import Recipe
from ttc_explorer.training.shapes import new_generator

MISTAKEN = 0.45
"""Share of the solutions that slip."""

DRILLED = 0.2
"""Share of the examples that are plain arithmetic."""


def make_examples(encoder: Encoder, rng: Random) -> list[Example]:
    """One training example: a drill, or a solution, right or wrong."""
    if rng.random() < DRILLED:
        return [encoder.language(QUESTION, drill(rng))]
    return [solved(encoder, rng, "train", MISTAKEN)]


def solved(encoder: Encoder, rng: Random, split: str, mistaken: float) -> Example:
    """A solution that slips with probability ``mistaken``."""
    family, given, _ = draw_given(rng, split)
    lines = family.mistaken(given, rng) if rng.random() < mistaken else family.worked(given)
    return encoder.language(worded(family, given, rng), lines)


def language_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy in nats over the targets that carry loss; logits (batch, width, vocabulary)."""
    return F.cross_entropy(logits.flatten(0, 1), targets.long().flatten(), ignore_index=IGNORED)


def train_base(recipe: Recipe, work: Path, out: Path, name: str) -> None:
    """Train the generator ``name`` with the tokenizer in ``out / "tokenizer"`` and save it to ``out /
    name``."""
    size = recipe.bases[name]
    tokenizer = AutoTokenizer.from_pretrained(out / "tokenizer")
    encoder = Encoder(tokenizer)
    model = new_generator(size.shape, tokenizer, recipe.context, recipe.seed)
    rng = Random("base validation")
    held_out = [solved(encoder, rng, "val", 0.0) for _ in range(256)]
    train_language(
        recipe,
        encoder,
        work / name,
        out / name,
        size.schedule,
        model,
        lambda rng: make_examples(encoder, rng),
        held_out,
        0,
    )


def train_language(
    recipe: Recipe,
    encoder: Encoder,
    place: Path,
    folder: Path,
    schedule: Schedule,
    model: LlamaForCausalLM,
    make: Callable[[Random], list[Example]],
    held_out: list[Example],
    seed: int,
    before: pd.DataFrame | None = None,
) -> None:
    """Train a generator on what ``make`` draws, validated by its loss on ``held_out``; keep checkpoints in
    ``place``, and save it to ``folder`` with its log, which goes on from the one ``before``.

    ``seed`` keeps the stages' streams apart. Each process reads its own, so that none reads an example twice.
    """
    tokenizer = encoder.tokenizer
    model.to(recipe.device)
    rank = dist.get_rank() if dist.is_initialized() else 0
    batches = Batches(
        make, recipe.tokens, recipe.pool, recipe.seed + seed + 1000 * rank, tokenizer.pad_token_id
    )
    held_out = sorted(held_out, key=lambda e: len(e.ids))
    chunks = [collate(held_out[i : i + 32], tokenizer.pad_token_id) for i in range(0, len(held_out), 32)]

    def loss(ids: Tensor, targets: Tensor) -> Tensor:
        hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state
        learnt = targets != IGNORED
        return F.cross_entropy(model.lm_head(hidden[learnt]), targets[learnt].long())

    @torch.no_grad()
    def validate() -> dict[str, float]:
        losses = [
            language_loss(
                model(input_ids=ids.to(recipe.device), use_cache=False).logits, targets.to(recipe.device)
            )
            for ids, targets in chunks
        ]
        return {"validation": float(torch.stack(losses).mean())}

    log = train(model, batches, loss, schedule, place, validate)
    if rank == 0:
        if before is not None:
            spent = ["step", "tokens", "seconds"]
            log[spent] += before[spent].iloc[-1]
            log = pd.concat([before, log], ignore_index=True)
        save(model, tokenizer, folder)
        log.to_parquet(folder / "training.parquet", index=False)


def save(model: torch.nn.Module, tokenizer: object, folder: Path) -> None:
    """Plain Hugging Face format, half precision, in shards that a repository takes; the model in hand keeps
    its own precision."""
    folder.mkdir(parents=True, exist_ok=True)
    copy.deepcopy(model).to("cpu", torch.float16).save_pretrained(folder, max_shard_size="9MB")
    tokenizer.save_pretrained(folder)
