"""Stages ``prm-exact``, ``prm``, ``orm``: models that judge solutions, each from another kind of
label.

``prm-exact``: exact step labels, which our problems have for free. A third of what it reads are
pairs of a worked solution and a mistaken or misread one to the same problem, without end; the rest
are the base's own solutions, as many right as wrong ones of a problem, half of them where the
printed checks do not tell. ``prm``: the share of rollouts that end right from each step, as in the
paper. ``orm``: only whether the whole solution is right, at its last step.

Beside the score all of them keep predicting the text: that loss holds on to what the base knows of
sums.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from random import Random

import pandas as pd
import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn import functional as F
from transformers import LlamaForTokenClassification

from ttc_explorer.atomic_files import replaced_folder
from ttc_explorer.experiments.estimators import within_problem_auc
from ttc_explorer.problems.families.arithmetic_claims import printed_check_pass_rate
from ttc_explorer.problems.families.family import Family, Parameters, SolutionLine, line_text
from ttc_explorer.training.generator_training import save_model
from ttc_explorer.training.model_configs import new_verifier
from ttc_explorer.training.saved_models import load_encoder, load_language_model, move_model
from ttc_explorer.training.solution_samples import read_shards
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

LANGUAGE_LOSS_WEIGHT = 0.3
"""Weight of the language-modelling loss beside the score's."""

MISREAD_SHARE = 0.5
"""Share of the made wrong solutions that answer another question."""

MISREAD_ATTEMPTS = 8
"""Numbers that are changed in search of another problem of the family."""

HARD_SHARE = 0.5
"""Share of the sampled draws of ``prm-exact`` whose wrong solutions show no worse checks than a
right one.

The others are soon learnt by a glance at the last ``no``; drawn as they come they leave little to
learn from the rest, where the base misreads or miscalculates and finds everything in order."""

SOLUTIONS_PER_SIDE = 2
"""Right solutions, and as many wrong ones, taken of one sampled problem at a time."""

SEED_OFFSETS = {"prm-exact": 5_000, "prm": 15_000, "orm": 25_000, "reviser-prm": 35_000}
"""Where each stage's random streams begin."""


def draw_synthetic_pair(encoder: ExampleEncoder, rng: Random) -> list[TrainingExample]:
    """A worked and a mistaken or misread solution of one training problem, labelled step by
    step."""
    family, parameters, _ = draw_parameters(rng, "train")
    question = draw_wording(family, parameters, rng)
    wrong = (
        rng.random() < MISREAD_SHARE and misread_solution(family, parameters, rng)
    ) or family.mistaken_solution(parameters, rng)
    pair = []
    for lines in (family.worked_solution(parameters), wrong):
        steps = [line_text(line) for line in lines]
        labels = [
            float(family.is_correct_prefix(parameters, steps[: i + 1])) for i in range(len(steps))
        ]
        pair.append(encoder.verifier_example(question, steps, labels))
    return pair


def misread_solution(
    family: Family, parameters: Parameters, rng: Random
) -> list[SolutionLine] | None:
    """The worked solution of a problem that differs in one number, or None where none was found.

    All of its checks pass, and yet it answers another question: a verifier that trusts the last
    ``ok`` takes it for right.
    """
    text = family.wordings(parameters)[0]
    numbers = list(re.finditer(r"\d+", text))
    for _ in range(MISREAD_ATTEMPTS):
        number = rng.choice(numbers)
        other = max(1, int(number[0]) + rng.choice((-10, -5, -2, -1, 1, 2, 5, 10)))
        changed = family.recognise(f"{text[: number.start()]}{other}{text[number.end() :]}")
        another = changed is not None and family.key(changed) != family.key(parameters)
        if another and family.split(changed) == "train":
            return family.worked_solution(changed)
    return None


RightAndWrong = tuple[list[tuple], list[tuple]]
"""Right and wrong solutions of one problem: (text, steps, labels) each."""


class SampledPairs:
    """Balanced draws from the base's own solutions to problems that it gets right and wrong.

    ``last_only``: no label but that of the whole solution; ``hard``: see HARD_SHARE. Where the base
    gets nothing both right and wrong (a toy, say) made pairs stand in.
    """

    def __init__(
        self,
        encoder: ExampleEncoder,
        samples: pd.DataFrame,
        last_only: bool = False,
        hard: float = 0.0,
    ) -> None:
        self.encoder = encoder
        self.last_only = last_only
        self.hard = hard
        self.problems: list[RightAndWrong] = []
        self.hard_problems: list[RightAndWrong] = []
        for _, group in samples.groupby("question", sort=True):
            rows = list(zip(group["text"], group["steps"], group["labels"], strict=True))
            sides = [
                [r for r, c in zip(rows, group["correct"], strict=True) if c == side]
                for side in (True, False)
            ]
            if all(sides):
                right, wrong = sides
                self.problems.append((right, wrong))
                worst = min(printed_check_pass_rate(steps) for _, steps, _ in right)
                if undetected := [row for row in wrong if printed_check_pass_rate(row[1]) >= worst]:
                    self.hard_problems.append((right, undetected))

    def __call__(self, rng: Random) -> list[TrainingExample]:
        if not self.problems:
            return draw_synthetic_pair(self.encoder, rng)
        hard = self.hard_problems and rng.random() < self.hard
        sides = rng.choice(self.hard_problems if hard else self.problems)
        count = min(SOLUTIONS_PER_SIDE, *map(len, sides))
        return [
            self.encoder.verifier_example(text, list(steps), self._labels(labels))
            for side in sides
            for text, steps, labels in rng.sample(side, count)
        ]

    def _labels(self, labels: list[float]) -> list[float]:
        return [IGNORED] * (len(labels) - 1) + [labels[-1]] if self.last_only else list(labels)


def verifier_loss(
    model: LlamaForTokenClassification, pad: int
) -> Callable[[Tensor, Tensor], Tensor]:
    """Binary cross-entropy of the step scores, plus LANGUAGE_LOSS_WEIGHT times that of the next
    tokens."""

    def loss(ids: Tensor, targets: Tensor) -> Tensor:
        hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state
        labelled = targets != IGNORED
        logits = model.score(hidden[labelled])
        step_loss = F.binary_cross_entropy_with_logits(
            logits[:, 1] - logits[:, 0], targets[labelled]
        )
        follows = ids[:, 1:]
        real = follows != pad
        tokens = F.linear(hidden[:, :-1][real], model.model.embed_tokens.weight)
        return step_loss + LANGUAGE_LOSS_WEIGHT * F.cross_entropy(tokens, follows[real])

    return loss


def train_prm_exact(recipe: Recipe, work: Path, out: Path) -> None:
    """Train the PRM from exact labels and save it to ``out / "prm-exact"``."""
    encoder = load_encoder(out / "tokenizer")
    sampled_pairs = SampledPairs(encoder, read_shards(work / "samples", "train"), hard=HARD_SHARE)

    def make(rng: Random) -> list[TrainingExample]:
        # A sampled draw gives about twice as many examples as a made pair.
        return draw_synthetic_pair(encoder, rng) if rng.random() < 1 / 2 else sampled_pairs(rng)

    train_on_generator(recipe, work, out, "prm-exact", recipe.prm_exact, make)


def train_prm(recipe: Recipe, work: Path, out: Path) -> None:
    """Train the PRM from Monte-Carlo labels alone and save it to ``out / "prm"``."""
    encoder = load_encoder(out / "tokenizer")
    table = read_shards(work / "rollouts", "train")
    # Solutions without a readable answer are left out, as in the paper; a toy writes no others.
    table = table[table["answer"].notna()] if table["answer"].notna().any() else table
    rows = list(zip(table["text"], table["steps"], table["labels"], strict=True))

    def make(rng: Random) -> list[TrainingExample]:
        text, steps, labels = rng.choice(rows)
        return [encoder.verifier_example(text, list(steps), list(labels))]

    train_on_generator(recipe, work, out, "prm", recipe.prm, make)


def train_orm(recipe: Recipe, work: Path, out: Path) -> None:
    """Train the ORM on the base's own solutions and save it to ``out / "orm"``."""
    encoder = load_encoder(out / "tokenizer")
    pairs = SampledPairs(encoder, read_shards(work / "samples", "train"), last_only=True)
    train_on_generator(recipe, work, out, "orm", recipe.orm, pairs)


def train_on_generator(
    recipe: Recipe,
    work: Path,
    out: Path,
    name: str,
    schedule: Schedule,
    make: Callable[[Random], list[TrainingExample]],
) -> None:
    """Train a verifier on top of S; validated by its AUC on the base's solutions of validation
    problems."""
    base = load_language_model(out / "base-s")
    model = new_verifier(base, recipe.verifier_layers, recipe.seed)
    move_model(model, recipe.device)
    train_verifier(
        recipe, work, out, name, schedule, make, model, read_shards(work / "samples", "val")
    )


def train_verifier(
    recipe: Recipe,
    work: Path,
    out: Path,
    name: str,
    schedule: Schedule,
    make: Callable[[Random], list[TrainingExample]],
    model: LlamaForTokenClassification,
    held_out: pd.DataFrame,
) -> None:
    """Train ``model`` on what ``make`` draws and save it to ``out / name``.

    It is validated by its AUC on the solutions of ``held_out``.
    """
    encoder = load_encoder(out / "tokenizer")
    tokenizer = encoder.tokenizer
    rank = dist.get_rank() if dist.is_initialized() else 0
    seed = recipe.seed + SEED_OFFSETS[name] + 1000 * rank
    batches = TrainingBatches(make, recipe.tokens, recipe.pool, seed, tokenizer.pad_token_id)

    def validate() -> dict[str, float]:
        scores = last_scores(model, encoder, held_out)
        return {"auc": within_problem_auc(held_out["question"], held_out["correct"], scores)}

    loss = verifier_loss(model, tokenizer.pad_token_id)
    log = train(model, batches, loss, schedule, work / name, validate, report_every=150)
    if rank == 0:
        with replaced_folder(out / name) as new:
            save_model(model, tokenizer, new)
            log.to_parquet(new / "training.parquet", index=False)


@torch.no_grad()
def step_scores(
    model: LlamaForTokenClassification,
    encoder: ExampleEncoder,
    table: pd.DataFrame,
    rows: int = 128,
) -> list[list[float]]:
    """The score at every step of each solution in ``table``; ``attempts`` of a row, if there, came
    before."""
    attempts = table["attempts"] if "attempts" in table else [()] * len(table)
    examples = [
        encoder.verifier_example(text, list(steps), [0.0] * len(steps), [list(a) for a in before])
        for text, steps, before in zip(table["text"], table["steps"], attempts, strict=True)
    ]
    order = sorted(range(len(examples)), key=lambda i: len(examples[i].ids))
    scores: list[list[float]] = [[] for _ in examples]
    for at in range(0, len(order), rows):
        chunk = order[at : at + rows]
        ids, targets = collate([examples[i] for i in chunk], encoder.tokenizer.pad_token_id)
        hidden = model.model(input_ids=ids.to(model.device), use_cache=False).last_hidden_state
        labelled = targets != IGNORED
        values = iter(model.score(hidden[labelled.to(model.device)]).softmax(-1)[:, 1].tolist())
        for i, count in zip(chunk, labelled.sum(1).tolist(), strict=True):
            scores[i] = [next(values) for _ in range(count)]
    return scores


def last_scores(
    model: LlamaForTokenClassification, encoder: ExampleEncoder, table: pd.DataFrame
) -> list[float]:
    """The score at the last step of each solution in ``table``."""
    return [scores[-1] for scores in step_scores(model, encoder, table)]
