"""Stage ``measure``: the finished pair on problems of the test split, looked at once, and the model cards."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import torch.distributed as dist
from transformers import AutoModelForTokenClassification, AutoTokenizer

from ttc_explorer.experiments.estimators import bootstrap, pass_at_k, voted_at_k, within_problem_auc
from ttc_explorer.training.cards import write_cards
from ttc_explorer.training.data import Encoder
from ttc_explorer.training.recipe import Recipe
from ttc_explorer.training.samples import draw_problems, load_generator, sample_solutions
from ttc_explorer.training.verifier import last_scores

POOL = 64
"""Solutions sampled of each test problem."""

VOTED = 16
SUBSETS = 200


def measure(recipe: Recipe, work: Path, out: Path) -> None:
    """Sample and score the test pool, a part a process, into ``work / "measure"``."""
    rank, world = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
    (work / "measure").mkdir(parents=True, exist_ok=True)
    generator = load_generator(out / "base-s", recipe.device)
    mine = list(draw_problems("test", recipe.measured, recipe.seed))[rank::world]
    table = sample_solutions(generator, mine, POOL, seed=recipe.seed + 10**6)
    table["question"] = table["question"] * world + rank
    verifier = AutoModelForTokenClassification.from_pretrained(out / "prm", dtype="float32").to(recipe.device)
    encoder = Encoder(AutoTokenizer.from_pretrained(out / "prm"))
    table["score"] = last_scores(verifier.eval(), encoder, table)
    table.to_parquet(work / "measure" / f"{rank}.parquet", index=False)


def summarise(pool: pd.DataFrame, seed: int) -> dict[str, object]:
    """The figures of the cards, from a pool of POOL scored solutions a test problem."""
    rows = []
    for question, group in pool.groupby("question", sort=True):
        answers, correct = list(group["answer"]), group["correct"].to_numpy()
        one = {"question": question, "family": group["family"].iloc[0], "level": int(group["level"].iloc[0])}
        one["pass@1"] = correct.mean()
        one |= {f"pass@{k}": pass_at_k(int(correct.sum()), len(correct), k) for k in (4, 16, POOL)}
        for name, weights in (("majority", np.ones(len(answers))), ("weighted", group["score"].to_numpy())):
            one[f"{name}@{VOTED}"] = voted_at_k(answers, correct, weights, VOTED, SUBSETS, seed)
        rows.append(one)
    table = pd.DataFrame(rows)
    gain = (table[f"weighted@{VOTED}"] - table[f"majority@{VOTED}"]).to_numpy()
    figures = [c for c in table.columns if "@" in c]
    return {
        "questions": len(table),
        "samples": len(pool),
        "overall": {c: float(table[c].mean()) for c in figures},
        "by_level": {str(k): {c: float(g[c].mean()) for c in figures} for k, g in table.groupby("level")},
        "by_family": {str(k): {c: float(g[c].mean()) for c in figures} for k, g in table.groupby("family")},
        "within_problem_auc": within_problem_auc(pool["question"], pool["correct"], pool["score"]),
        "weighted_minus_majority": dict(
            zip(("value", "low", "high"), bootstrap(gain, seed=seed), strict=True)
        ),
    }


def finish(recipe: Recipe, work: Path, out: Path) -> None:
    """Write ``out / "measured.json"`` and the cards of both models."""
    pool = pd.concat([pd.read_parquet(p) for p in sorted((work / "measure").glob("*.parquet"))])
    figures = summarise(pool, recipe.seed)
    (out / "measured.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    write_cards(recipe, figures, out)
