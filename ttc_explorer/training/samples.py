"""Stage ``samples``: the base solves training problems; every step gets an exact label from its family.

The solutions come from the product's own engine, through best-of-N without a verifier.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pandas as pd
import torch.distributed as dist
from transformers import AutoModelForCausalLM, AutoTokenizer

from ttc_explorer.models.decoding import TreeGenerator
from ttc_explorer.models.protocol import ModelError
from ttc_explorer.problems.exam import by_spelling
from ttc_explorer.problems.families import Recognised
from ttc_explorer.problems.families.family import LEVELS
from ttc_explorer.problems.problem import Problem
from ttc_explorer.problems.reading import read_answer
from ttc_explorer.progress import Counted
from ttc_explorer.search.driver import Driver
from ttc_explorer.search.run import Run
from ttc_explorer.search.settings import Settings
from ttc_explorer.training.data import draw_given
from ttc_explorer.training.recipe import Recipe

TEMPERATURE = 0.8
COLUMNS = (
    "question",
    "sample",
    "text",
    "family",
    "level",
    "steps",
    "labels",
    "answer",
    "correct",
)
"""What every table of solutions has."""

AT_ONCE = 64
"""Runs in progress together: the rows of one batch are this many times the samples of a problem."""


def draw_problems(split: str, count: int, seed: object) -> Iterator[tuple[Problem, Recognised]]:
    """Seeded problems of all families and levels in their notation, with their exact judges."""
    rng = Random(f"{seed} {split}")
    for _ in range(count):
        family, given, level = draw_given(rng, split)
        judge = Recognised(family, given)
        yield Problem(judge.text, judge.answer, family.name, level, "family"), judge


def sample_solutions(
    generator: TreeGenerator,
    problems: list[tuple[Problem, Recognised]],
    samples: int,
    seed: int,
    temperature: float = TEMPERATURE,
) -> pd.DataFrame:
    """One row a sampled solution: question (number), sample, text, family, level, steps, labels, answer,
    correct, generated_tokens. ``labels``: for each step, whether a right solution can begin so.
    """
    driver = Driver(generator, None, by_spelling)
    settings = Settings(temperature=temperature, selector="majority")
    waiting = list(enumerate(problems))[::-1]
    running: dict[int, tuple[int, Problem, Recognised, Run]] = {}
    rows: list[dict[str, object]] = []
    progress = Counted("problems sampled", len(problems))
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            number, (problem, judge) = waiting.pop()
            run = Run(problem, generator.name, None, "best_of_n", samples, seed + number, settings)
            driver.add(run)
            running[id(run)] = (number, problem, judge, run)
        driver.tick()
        for key in [k for k, (*_, run) in running.items() if run.stopped]:
            number, problem, judge, run = running.pop(key)
            if run.error:
                raise ModelError(run.error)
            rows += _rows(number, problem, judge, run)
        progress.done(len(problems) - len(waiting) - len(running))
    return pd.DataFrame(rows).sort_values(["question", "sample"], ignore_index=True)


def _rows(number: int, problem: Problem, judge: Recognised, run: Run) -> Iterator[dict[str, object]]:
    tree = run.tree
    for sample, leaf in enumerate(sorted(tree.leaves())):
        tokens = sum(tree.tokens[n] for n in tree.path(leaf))
        yield row(number, sample, problem, judge, tree.solution(leaf)) | {"generated_tokens": tokens}


def row(number: int, sample: int, problem: Problem, judge: Recognised, steps: list[str]) -> dict[str, object]:
    """One solution, judged exactly: the values of COLUMNS. A step's label is 1 if a right solution can begin
    so."""
    answer = read_answer("\n".join(steps))
    right = answer is not None and judge.right(answer)
    return {
        "question": number,
        "sample": sample,
        "text": problem.text,
        "family": problem.family,
        "level": problem.level,
        "steps": steps,
        "labels": [float(judge.consistent(steps[: i + 1])) for i in range(len(steps) - 1)] + [float(right)],
        "answer": answer,
        "correct": right,
    }


def load_generator(folder: Path, device: str, notation: Callable[[str], str] = str) -> TreeGenerator:
    """A generator that reads questions as ``notation`` writes them: as they are, if not told otherwise."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype="float32").to(device)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    return TreeGenerator(model.eval(), tokenizer, name=folder.name, notation=notation)


def make_samples(recipe: Recipe, work: Path, out: Path) -> None:
    """Sample solutions of training and validation problems into ``work / "samples"``, a part a process."""
    generator = load_generator(out / "base-s", recipe.device)
    for split, count in (("train", recipe.sampled), ("val", max(len(LEVELS), recipe.sampled // 16))):

        def sampled(mine: list[tuple[Problem, Recognised]]) -> pd.DataFrame:
            return sample_solutions(generator, mine, recipe.samples, seed=recipe.seed)

        in_parts(work / "samples", split, list(draw_problems(split, count, recipe.seed)), sampled)


def in_parts(folder: Path, name: str, problems: list, make: Callable[[list], pd.DataFrame]) -> None:
    """Let every process make the table of its share of ``problems``, unless it is there already.

    ``question`` numbers the problems of a process; in the file it numbers all of them.
    """
    rank, world = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{name}-{rank}.parquet"
    if target.exists():
        return
    table = make(problems[rank::world])
    table["question"] = table["question"] * world + rank
    table.to_parquet(target.with_suffix(".new"), index=False)
    target.with_suffix(".new").rename(target)


def read_parts(folder: Path, name: str) -> pd.DataFrame:
    """What all processes wrote with ``in_parts``."""
    return pd.concat(
        [pd.read_parquet(p) for p in sorted(folder.glob(f"{name}-*.parquet"))], ignore_index=True
    )
