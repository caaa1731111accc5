"""The model cards: what each shipped model is, what made it, and what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from safetensors import safe_open

from ttc_explorer.problems.families import FAMILIES
from ttc_explorer.training.recipe import Recipe

HEADER = """---
license: apache-2.0
library_name: transformers
pipeline_tag: {task}
language: en
tags: [math, test-time-compute]
---
# {title}

{what}

## Data
Problems of the {families} procedural families of TTC Explorer ({names}), levels 1 to 5, training split \
only: a hash of the canonical problem decides the split, so no test problem, reworded or not, was ever \
trained on. \
{data}

## Training
{parameters:,} parameters, Llama architecture, stored in half precision. {steps:,} steps, \
{tokens:.1f} million tokens, {minutes:.0f} minutes on {device}. \
Made by `python -m ttc_explorer train --recipe {recipe} --out DIR`; the log is `training.parquet`.

## Measured
On {questions} problems of the test split, {samples} solutions each at temperature 0.8, looked at once \
(`python -m ttc_explorer train --recipe {recipe} --stage measure --out DIR`).

{table}

## Limits
It knows these kinds of problems in this notation and nothing else, and at its size it makes arithmetic \
mistakes. For teaching and experiments with test-time compute, not for answers that matter.
"""


def write_cards(recipe: Recipe, figures: dict[str, Any], out: Path) -> None:
    """Write ``README.md`` into both model folders."""
    shared = {
        "families": len(FAMILIES),
        "names": ", ".join(FAMILIES),
        "questions": figures["questions"],
        "samples": figures["samples"] // figures["questions"],
        "recipe": recipe.name,
        "device": "one GPU" if recipe.device == "cuda" else f"{recipe.workers} CPU cores",
    }
    base = shared | {
        "task": "text-generation",
        "title": "TTC Explorer base S",
        "what": (
            "A causal language model that writes step-by-step solutions, one step a line, ending in "
            "`Answer: …`. `AutoModelForCausalLM.from_pretrained(folder)` loads it; the chat template of the "
            "tokenizer renders a question."
        ),
        "data": (
            "Close to half of the solutions hold a deliberately wrong decision, whose tokens carry no loss, "
            "followed by honest checks."
        ),
        "table": _base_table(figures),
    }
    prm = shared | {
        "task": "token-classification",
        "title": "TTC Explorer process reward model",
        "what": (
            "Scores every step of a solution: the softmax of label 1 at the token of each line end is the "
            "probability that a right solution can begin so. "
            "`AutoModelForTokenClassification.from_pretrained(folder)` loads it."
        ),
        "data": (
            f"Pairs of worked and mistaken solutions without end, and {recipe.samples} of the base's own "
            f"solutions to each of {recipe.sampled:,} problems; every step labelled exactly by its family."
        ),
        "table": _verifier_table(figures),
    }
    for folder, card in ((out / "base-s", base), (out / "prm", prm)):
        log = pd.read_parquet(folder / "training.parquet").iloc[-1]
        with safe_open(folder / "model.safetensors", framework="pt") as file:
            parameters = sum(file.get_tensor(name).numel() for name in file.keys())  # noqa: SIM118
        text = HEADER.format(
            **card,
            parameters=parameters,
            steps=int(log["step"]),
            tokens=log["tokens"] / 1e6,
            minutes=log["seconds"] / 60,
        )
        (folder / "README.md").write_text(text, encoding="utf-8")


def _base_table(figures: dict[str, Any]) -> str:
    rows = {"all": figures["overall"]}
    rows |= {f"level {k}": v for k, v in figures["by_level"].items()}
    rows |= figures["by_family"]
    return _table(rows, [c for c in figures["overall"] if c.startswith("pass")])


def _verifier_table(figures: dict[str, Any]) -> str:
    rows = {"all": figures["overall"]}
    rows |= {f"level {k}": v for k, v in figures["by_level"].items()}
    rows |= figures["by_family"]
    gain = figures["weighted_minus_majority"]
    return (
        f"Within-problem AUC of the last step's score: {figures['within_problem_auc']:.3f}. "
        f"Weighted best-of-16 minus majority-of-16: {100 * gain['value']:+.1f} points "
        f"(95 % {100 * gain['low']:+.1f} to {100 * gain['high']:+.1f}, paired bootstrap over questions).\n\n"
        + _table(rows, [c for c in figures["overall"] if not c.startswith("pass")])
    )


def _table(rows: dict[str, dict[str, float]], columns: list[str]) -> str:
    lines = ["| problems | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for name, figures in rows.items():
        lines.append(f"| {name} | " + " | ".join(f"{100 * figures[c]:.1f} %" for c in columns) + " |")
    return "\n".join(lines)
