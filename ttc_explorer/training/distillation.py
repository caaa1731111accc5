"""Stage ``distil``: one round of feeding the verifier's choice back into the generator.

Of the base's own solutions of training problems those that weighted best-of-N chooses, by the
exact-label PRM, become its training data; no reference answer is used.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

import pandas as pd

from ttc_explorer.problems.families.solution_writer import Segment
from ttc_explorer.training.generator_training import (
    draw_generator_examples,
    solution_example,
    train_language_model,
)
from ttc_explorer.training.saved_models import (
    load_encoder,
    load_language_model,
    load_token_classifier,
)
from ttc_explorer.training.solution_samples import read_shards
from ttc_explorer.training.training_data import TrainingExample
from ttc_explorer.training.training_recipe import Recipe
from ttc_explorer.training.verifier_training import last_scores

CHOSEN_SHARE = 0.6
"""Share of the examples that are the base's own chosen solutions; the rest is what it was trained
on."""


def train_distilled(recipe: Recipe, work: Path, out: Path) -> None:
    """Fine-tune S on the verifier's choice among its samples and save it to ``out /
    "distilled-s"``."""
    encoder = load_encoder(out / "tokenizer")
    verifier = load_token_classifier(out / "prm-exact", recipe.device).eval()
    samples = read_shards(work / "samples", "train")
    scores = last_scores(verifier, encoder, samples)
    chosen = select_by_weighted_vote(samples.assign(score=scores))
    chosen_pairs = list(zip(chosen["text"], chosen["steps"], strict=True))

    def make(rng: Random) -> list[TrainingExample]:
        if not chosen_pairs or rng.random() >= CHOSEN_SHARE:
            return draw_generator_examples(encoder, rng)
        text, steps = rng.choice(chosen_pairs)
        return [encoder.language_example(text, [(Segment(step),) for step in steps])]

    rng = Random("base validation")
    held_out = [solution_example(encoder, rng, "val", 0.0) for _ in range(256)]
    model = load_language_model(out / "base-s")
    train_language_model(
        recipe,
        encoder,
        work / "distilled-s",
        out / "distilled-s",
        recipe.distil,
        model,
        make,
        held_out,
        55_000,
    )


def select_by_weighted_vote(samples: pd.DataFrame) -> pd.DataFrame:
    """Of each question the best solution of the answer with the greatest sum of scores
    (``score``)."""
    readable = samples[samples["answer"].notna()]
    weight = readable.groupby(["question", "answer"])["score"].transform("sum")
    ranked = readable.assign(weight=weight).sort_values(
        ["question", "weight", "score"], ascending=[True, False, False], kind="stable"
    )
    return ranked.groupby("question", sort=True).head(1)
