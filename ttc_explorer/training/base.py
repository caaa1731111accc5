"""Stage ``base``: the generator learns solved problems, right and wrong ones, from nothing.

Close to half of the examples hold a deliberately wrong decision. Its tokens carry no loss, but everything
computed after it does: that is how a model this small learns to compute a check instead of copying one.
"""

from __future__ import annotations

import copy
from pathlib import Path
from random import Random

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn import functional as F
from transformers import AutoTokenizer

from ttc_explorer.training.data import IGNORED, Batches, Encoder, Example, collate, draw_given
from ttc_explorer.training.loop import train
from ttc_explorer.training.recipe import Recipe
from ttc_explorer.training.shapes import new_generator

MISTAKEN = 0.45
"""Share of the examples that slip."""


def make_examples(encoder: Encoder, rng: Random, split: str, mistaken: float) -> list[Example]:
    family, given, _ = draw_given(rng, split)
    lines = family.mistaken(given, rng) if rng.random() < mistaken else family.worked(given)
    return [encoder.language(family.say(given, rng), lines)]


def language_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy in nats over the targets that carry loss; logits (batch, width, vocabulary)."""
    return F.cross_entropy(logits.flatten(0, 1), targets.long().flatten(), ignore_index=IGNORED)


def train_base(recipe: Recipe, work: Path, out: Path) -> None:
    """Train the generator with the tokenizer in ``out / "tokenizer"`` and save it to ``out / "base-s"``."""
    tokenizer = AutoTokenizer.from_pretrained(out / "tokenizer")
    encoder = Encoder(tokenizer)
    model = new_generator(recipe.shape, tokenizer, recipe.context, recipe.seed).to(recipe.device)
    rank = dist.get_rank() if dist.is_initialized() else 0
    batches = Batches(
        lambda rng: make_examples(encoder, rng, "train", MISTAKEN),
        recipe.tokens,
        recipe.pool,
        # Streams of the processes are far apart in seed, so that they never read the same examples.
        recipe.seed + 1000 * rank,
        tokenizer.pad_token_id,
    )
    rng = Random("base validation")
    held_out = [e for _ in range(256) for e in make_examples(encoder, rng, "val", 0.0)]
    held_out.sort(key=lambda e: len(e.ids))
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

    log = train(model, batches, loss, recipe.base, work / "base", validate)
    if rank == 0:
        save(model, tokenizer, out / "base-s")
        log.to_parquet(out / "base-s" / "training.parquet", index=False)


def save(model: torch.nn.Module, tokenizer: object, folder: Path) -> None:
    """Plain Hugging Face format, half precision; the model in hand keeps its own precision."""
    folder.mkdir(parents=True, exist_ok=True)
    copy.deepcopy(model).to("cpu", torch.float16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
