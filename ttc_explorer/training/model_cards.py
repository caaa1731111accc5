"""The model cards: what each shipped model is, what made it, and what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from safetensors import safe_open

from ttc_explorer.atomic_files import write_file
from ttc_explorer.problems.families import FAMILIES, LEVELS
from ttc_explorer.training.training_recipe import Recipe

CARD_TEMPLATE = """---
license: apache-2.0
library_name: transformers
pipeline_tag: {task}
language: en
tags: [math, test-time-compute]
---
# {title}

{what}

## Data
Problems of the {families} procedural families of TTC Explorer ({names}), levels 1 to 5, training \
split only: a hash of the canonical problem decides the split, so no test problem, reworded or \
not, was ever trained on. {data}

## Training
{parameters:,} parameters, Llama architecture, stored in half precision. {steps:,} steps, \
{tokens:.1f} million tokens, {minutes:.0f} minutes on {device}, seed {seed}. \
Made by `python -m ttc_explorer train --recipe {recipe} --out DIR` (stage `{stage}`); the log is \
`training.parquet`.

## Measured
On {questions} practice problems of the test split, looked at after every change of the models, \
not a final exam (`python -m ttc_explorer train --recipe {recipe} --stage measure --out DIR`; \
all figures are in `measured.json` beside this folder).

{table}

## Limits
It knows these kinds of problems in this notation and nothing else, and at its size it makes \
arithmetic mistakes. For teaching and experiments with test-time compute, not for answers that \
matter.
"""

GENERATOR_TASK, VERIFIER_TASK = "text-generation", "token-classification"

GENERATOR_USAGE = (
    "A causal language model that writes step-by-step solutions, one step a line, ending in "
    "`Answer: …`. "
    "`AutoModelForCausalLM.from_pretrained(folder)` loads it; the chat template of the tokenizer "
    "renders a "
    "question."
)
VERIFIER_USAGE = (
    "`AutoModelForTokenClassification.from_pretrained(folder)` loads it; the softmax of label 1 "
    "at the token "
    "of a line end is the score of the step that ends there."
)
GENERATOR_DATA = (
    "Close to half of the solutions hold a deliberately wrong decision, whose tokens carry no "
    "loss, followed "
    "by honest checks; a fifth of the examples are plain arithmetic."
)


@dataclass(frozen=True)
class ModelCard:
    """What a card says beside its metrics: ``stage`` that made the model, what it is, what it was
    fed."""

    stage: str
    task: str
    title: str
    what: str
    data: str


def model_cards(recipe: Recipe) -> dict[str, ModelCard]:
    """The cards by folder name."""
    own = f"{recipe.samples} of S's own solutions to each of {recipe.sampled_problems:,} problems"
    bases = {
        f"base-{size}": ModelCard(
            f"base-{size}",
            GENERATOR_TASK,
            f"TTC Explorer base {size.upper()}",
            f"{GENERATOR_USAGE} S, M and L read the same stream of the same number of tokens.",
            GENERATOR_DATA,
        )
        for size in "sml"
    }
    return bases | {
        "prm-exact": ModelCard(
            "prm-exact",
            VERIFIER_TASK,
            "TTC Explorer process reward model",
            "Scores every step of a solution: the chance that a right solution begins so. "
            f"{VERIFIER_USAGE}",
            f"Pairs of worked and mistaken or misread solutions without end, and {own}, half of "
            "the time "
            "those whose printed checks do not show the mistake; every step labelled exactly by "
            "its family.",
        ),
        "prm": ModelCard(
            "prm",
            VERIFIER_TASK,
            "TTC Explorer process reward model from rollouts",
            "Scores every step of a solution: the chance that S ends right from there. "
            f"{VERIFIER_USAGE}",
            f"{recipe.rollout_samples} of S's own solutions to each of "
            f"{recipe.rollout_problems:,} problems; the "
            f"label of a step is the share of {recipe.rollouts} rollouts from it that end right "
            "(arXiv 2408.03314).",
        ),
        "orm": ModelCard(
            "orm",
            VERIFIER_TASK,
            "TTC Explorer outcome reward model",
            "Scores whole solutions; only the score of the last step means anything. "
            f"{VERIFIER_USAGE}",
            f"{own}; one label a solution, whether it is right.",
        ),
        "reviser": ModelCard(
            "reviser",
            GENERATOR_TASK,
            "TTC Explorer reviser",
            "Writes a new attempt after seeing up to four earlier ones: every attempt is a block "
            "(the "
            "question, its lines, the end token), then comes the question once more. "
            "`AutoModelForCausalLM.from_pretrained(folder)` loads it.",
            "S, taught on chains: zero to four wrong attempts and then a right one (made ones, "
            "and S's "
            "own, of which the last is the closest by edit distance), and chains whose last "
            "attempt is right "
            "and stays. Wrong attempts are repeated in them as right ones are, so that repetition "
            "proves "
            f"nothing. Then, in {recipe.rounds} more rounds, also on chains that it wrote itself "
            "for "
            f"{recipe.chains:,} problems each: a right attempt stays, after a wrong one comes the "
            "solution.",
        ),
        "reviser-prm": ModelCard(
            "reviser-verifier",
            VERIFIER_TASK,
            "TTC Explorer verifier of revisions",
            "Scores the newest attempt of a chain, step by step, with the earlier ones in sight. "
            f"{VERIFIER_USAGE}",
            f"The reviser's own chains for {recipe.chains:,} problems; every step labelled "
            "exactly.",
        ),
        "distilled-s": ModelCard(
            "distil",
            GENERATOR_TASK,
            "TTC Explorer base S, distilled once",
            f"{GENERATOR_USAGE} It is S after one round of learning what its verifier chose among "
            "its own solutions.",
            f"{own}, of which the weighted vote of the verifier chose one a problem; no reference "
            "answers.",
        ),
    }


def write_cards(recipe: Recipe, metrics: dict[str, Any], out: Path) -> None:
    """Write ``README.md`` into the folder of every model that was measured."""
    measured = {*metrics["generators"], *metrics["verifiers"]}
    if "revisions" in metrics:
        measured |= {"reviser", "reviser-prm"}
    for name, card in model_cards(recipe).items():
        if name not in measured:
            continue
        folder = out / name
        log = pd.read_parquet(folder / "training.parquet").iloc[-1]
        text = CARD_TEMPLATE.format(
            task=card.task,
            title=card.title,
            what=card.what,
            data=card.data,
            stage=card.stage,
            families=len(FAMILIES),
            names=", ".join(FAMILIES),
            parameters=count_safetensors_parameters(folder),
            steps=int(log["step"]),
            tokens=log["tokens"] / 1e6,
            minutes=log["seconds"] / 60,
            device="one GPU" if recipe.device == "cuda" else f"{recipe.workers} CPU cores",
            seed=recipe.seed,
            recipe=recipe.name,
            questions=metrics["questions"],
            table=_metrics_table(name, metrics),
        )
        write_file(folder / "README.md", text, "The card")


def count_safetensors_parameters(folder: Path) -> int:
    """The weights in the safetensors files of a folder, tied ones once."""
    total = 0
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            total += sum(file.get_tensor(name).numel() for name in file.keys())  # noqa: SIM118
    return total


def _metrics_table(name: str, metrics: Mapping[str, Any]) -> str:
    if name in metrics["generators"]:
        return _generator_table(name, metrics)
    if name in metrics["verifiers"]:
        return _verifier_table(metrics)
    return _revision_table(metrics)


def _generator_table(name: str, metrics: Mapping[str, Any]) -> str:
    own = metrics["generators"][name]
    asked = f"{own['questions']:,} problems, all families and levels weighing the same"
    rows = [
        (f"greedy, {asked}", own["greedy"]),
        ("pass@1 of these at temperature 0.8", own["pass@1"]),
    ]
    rows += [(f"pass@1, level {level}", value) for level, value in own["by_level"].items()]
    text = _markdown_table(("", "right"), [(title, _percent(value)) for title, value in rows])
    if name != "base-s":
        return f"{text}{_level_table(own)}"
    coverage = [
        (
            f"pass@{k}, {metrics['questions']} problems",
            _percent(metrics["base-s"]["all"][f"pass@{k}"]),
        )
        for k in (1, 4, 16, 64)
    ]
    truth = [
        ("lines whose every printed number is true", _percent(metrics["true_lines"]["base-s"]))
    ]
    wordings = metrics["rewordings"]["all"]
    truth += [
        (f"pass@1 of {wordings['questions']} questions {worded}", _percent(wordings[worded]))
        for worded in ("reworded", "in notation")
    ]
    table = "\n".join(f"| {a} | {b} |" for a, b in coverage + truth)
    helped = _strategy_table(metrics) if "beam 16" in metrics["played"] else ""
    return f"{text}\n{table}{_level_table(own)}{helped}"


def _level_table(own: Mapping[str, Any]) -> str:
    """pass@1 by family and level, and where a level is easier than one below it."""
    rows = [
        (
            family,
            *(_percent(levels[str(level)]) if str(level) in levels else "–" for level in LEVELS),
        )
        for family, levels in own["by_family_and_level"].items()
    ]
    easier = [f"{one['family']} {one['level']} than {one['than']}" for one in own["easier"]]
    return (
        "\n\npass@1 of the same problems by family and level:\n\n"
        + _markdown_table(("", *(f"level {level}" for level in LEVELS)), rows)
        + "\n\nLevels that are easier than a lower one of their family beyond chance (permutation "
        "tests over "
        f"problems, all pairs of levels, Holm's correction at 5 %): {', '.join(easier) or 'none'}."
    )


CARD_STRATEGIES = {
    "beam": "beam 16",
    "lookahead to the end": "lookahead 16",
    "revisions, 4 × 4": "revise 4x4",
}
"""Strategies of which a card says how much they help each family, and their runs."""


def _strategy_table(metrics: Mapping[str, Any]) -> str:
    """What helps which family: the strategies side by side at 16 solutions, all counted by the
    verifier."""
    runs = {title: name for title, name in CARD_STRATEGIES.items() if name in metrics["played"]}
    rows = []
    for family, own in metrics["base-s"]["by_family"].items():
        found = [
            own["weighted@16"],
            *(metrics["played"][name]["by_family"][family] for name in runs.values()),
        ]
        shown = [
            f"**{_percent(x)}**" if x == max(found) > own["pass@1"] else _percent(x) for x in found
        ]
        rows.append((family, _percent(own["pass@1"]), *shown))
    each = metrics["questions"] / len(rows)
    return (
        f"\n\nWhat helps which family, at 16 solutions (about {each:.0f} problems a family, so "
        "that one more "
        f"right is {_percent(1 / each)}; the most in bold):\n\n"
        + _markdown_table(("", "one solution", "best-of-16", *runs), rows)
    )


def _verifier_table(metrics: Mapping[str, Any]) -> str:
    titles = {
        "prm-exact": "PRM, exact labels",
        "prm": "PRM, rollouts",
        "orm": "ORM",
        "rule": "rule that reads the printed checks",
    }
    rows = []
    for name, title in titles.items():
        if name in metrics["verifiers"]:
            own = metrics["verifiers"][name]
            f1 = own.get("first_wrong_step_f1")
            votes = [_percent(own["weighted"][k]) for k in ("16", "64")]
            rows.append((title, f"{own['auc']:.3f}", "–" if f1 is None else f"{f1:.2f}", *votes))
    majority = [_percent(metrics["base-s"]["all"][f"majority@{k}"]) for k in (16, 64)]
    rows.append(("majority vote, no verifier", "–", "–", *majority))
    head = (
        "",
        "AUC within problems",
        "F1, first wrong step",
        "weighted best-of-16",
        "weighted best-of-64",
    )
    return "The same solutions of S, judged by each verifier:\n\n" + _markdown_table(head, rows)


def _revision_table(metrics: Mapping[str, Any]) -> str:
    own = metrics["revisions"]
    along = " / ".join(f"{100 * value:.0f}" for value in own["pass@1"])
    rows = [
        (
            name,
            *(
                _percent(metrics["played"][f"revise {shape}"]["all"][s])
                for s in ("weighted", "majority")
            ),
        )
        for name, shape in (("1 chain", "1x16"), ("4 chains", "4x4"), ("16 in parallel", "16x1"))
    ]
    return (
        f"Right along single chains of 16 attempts, in %: {along}. A revision breaks "
        f"{_percent(own['broken'])} of the right answers and mends {_percent(own['mended'])} of "
        "the wrong "
        "ones.\n\n"
        + _markdown_table(("16 attempts", "selected by the verifier", "by majority"), rows)
    )


def _markdown_table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
