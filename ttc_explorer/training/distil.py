"""Stage ``distil``: one round of feeding the verifier's choice back into the generator.

Of the base's own solutions of training problems those that weighted best-of-N chooses, by the exact-label
PRM, become its lessons; no reference answer is used.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

import pandas as pd
from transformers import AutoModelForCausalLM, AutoModelForTokenClassification, AutoTokenizer

from ttc_explorer.problems.families.script import Segment
from ttc_explorer.training.base import make_examples, solved, train_language
from ttc_explorer.training.data import Encoder, Example
from ttc_explorer.training.recipe import Recipe
from ttc_explorer.training.samples import read_parts
from ttc_explorer.training.verifier import last_scores

OWN = 0.6
"""Share of the examples that are the base's own chosen solutions; the rest is what it was trained on."""


def train_distilled(recipe: Recipe, work: Path, out: Path) -> None:
    """Fine-tune S on the verifier's choice among its samples and save it to ``out / "distilled-s"``."""
    encoder = Encoder(AutoTokenizer.from_pretrained(out / "tokenizer"))
    verifier = AutoModelForTokenClassification.from_pretrained(out / "prm-exact", dtype="float32")
    samples = read_parts(work / "samples", "train")
    scores = last_scores(verifier.to(recipe.device).eval(), encoder, samples)
    chosen = chosen_solutions(samples.assign(score=scores))
    lessons = list(zip(chosen["text"], chosen["steps"], strict=True))

    def make(rng: Random) -> list[Example]:
        if not lessons or rng.random() >= OWN:
            return make_examples(encoder, rng)
        text, steps = rng.choice(lessons)
        return [encoder.language(text, [(Segment(step),) for step in steps])]

    rng = Random("base validation")
    held_out = [solved(encoder, rng, "val", 0.0) for _ in range(256)]
    model = AutoModelForCausalLM.from_pretrained(out / "base-s", dtype="float32")
    train_language(
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


def chosen_solutions(samples: pd.DataFrame) -> pd.DataFrame:
    """Of each question the best solution of the answer with the greatest sum of scores (``score``)."""
    readable = samples[samples["answer"].notna()]
    weight = readable.groupby(["question", "answer"])["score"].transform("sum")
    ranked = readable.assign(weight=weight).sort_values(
        ["question", "weight", "score"], ascending=[True, False, False], kind="stable"
    )
    return ranked.groupby("question", sort=True).head(1)
