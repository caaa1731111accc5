"""Stage ``measure``: the finished family on problems of the test split, looked at once.

Everything is run here, through the product's own engine, and kept as tables in ``work / "measure"``;
``figures.py`` computes the figures from them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd
from transformers import AutoModelForTokenClassification, AutoTokenizer

from ttc_explorer.experiments.notice import rows
from ttc_explorer.models.decoding import TreeGenerator
from ttc_explorer.models.protocol import ModelError
from ttc_explorer.models.verifiers import TokenPRM
from ttc_explorer.problems.exam import Exam
from ttc_explorer.problems.families import FAMILIES, LEVELS, Recognised, in_notation
from ttc_explorer.problems.families.claims import checks_pass
from ttc_explorer.problems.problem import Problem
from ttc_explorer.progress import Counted
from ttc_explorer.search.driver import Driver
from ttc_explorer.search.run import Run
from ttc_explorer.search.selection import chosen
from ttc_explorer.search.settings import SELECTORS, Settings
from ttc_explorer.training.cards import write_cards
from ttc_explorer.training.data import Encoder
from ttc_explorer.training.figures import summarise
from ttc_explorer.training.recipe import Recipe
from ttc_explorer.training.samples import (
    draw_problems,
    in_parts,
    load_generator,
    read_parts,
    sample_solutions,
)
from ttc_explorer.training.verifier import step_scores

Problems = list[tuple[Problem, Recognised]]

POOL = 64
"""Solutions of S sampled of each test problem."""

PROBE = 32
"""Further solutions of S, which tell how hard a problem is and nothing else."""

FEW = 8
"""Solutions of every generator to each problem of the ladder, and to each reworded question."""

GENERATORS = ("base-s", "base-m", "base-l", "distilled-s")
VERIFIERS = ("prm-exact", "prm", "orm")

END = 40
"""Steps of a lookahead that always reaches the end."""

PLAYED: dict[str, tuple[str, int, Settings]] = {
    "beam 16": ("beam", 16, Settings()),
    "beam 64": ("beam", 64, Settings()),
    "dvts 64": ("dvts", 64, Settings()),
    "lookahead 16": ("lookahead", 16, Settings(lookahead=END)),
    "revise 1x16": ("revise", 16, Settings(chains=1)),
    "revise 4x4": ("revise", 16, Settings(chains=4)),
    "revise 16x1": ("revise", 16, Settings(chains=16)),
}
"""The runs on every test problem: strategy, budget, settings."""

AT_ONCE = 16


def measure(recipe: Recipe, work: Path, out: Path) -> None:
    """Make every table whose models are in ``out``, a part a process."""
    problems = list(draw_problems("test", recipe.measured, recipe.seed))
    seed = recipe.seed + 10**6
    folder = work / "measure"

    def probe(mine: Problems) -> pd.DataFrame:
        return sample_solutions(load_generator(out / "base-s", recipe.device), mine, PROBE, seed + 10**6)

    def pool(mine: Problems) -> pd.DataFrame:
        table = sample_solutions(load_generator(out / "base-s", recipe.device), mine, POOL, seed)
        # Equal answers vote together, as they do in a search.
        table["answer"] = [
            mine[question][1].family.canonical(answer) if isinstance(answer, str) else None
            for question, answer in zip(table["question"], table["answer"], strict=True)
        ]
        for name in VERIFIERS:
            if (out / name).is_dir():
                table[name] = step_scores(*load_scorer(out / name, recipe.device), table)
        return table.assign(rule=table["steps"].map(checks_pass))

    def rewordings(mine: list[dict[str, Any]]) -> pd.DataFrame:
        generator = load_generator(out / "base-s", recipe.device, in_notation)  # as the product loads it
        return reworded(generator, mine, seed)

    in_parts(folder, "probe", problems, probe)
    in_parts(folder, "pool", problems, pool)
    in_parts(folder, "rewordings", rows("rewordings.jsonl"), rewordings)
    steps = list(ladder(recipe.rungs, recipe.seed))
    for name in GENERATORS:
        if (out / name).is_dir():
            in_parts(folder, name, steps, lambda mine, name=name: few(out / name, recipe.device, mine, seed))
    for name, (strategy, budget, settings) in PLAYED.items():
        if strategy != "revise" or (out / "reviser-prm").is_dir():
            in_parts(
                folder,
                name,
                problems,
                lambda mine, played=(strategy, budget, settings): play(
                    out, recipe.device, mine, *played, seed
                ),
            )


def ladder(rungs: int, seed: int) -> Iterator[tuple[Problem, Recognised]]:
    """``rungs`` different test problems of every family and level, or as many as there are in a level with
    few."""
    for family in FAMILIES.values():
        for level in LEVELS:
            rng = Random(f"{seed} {family.name} {level}")
            drawn = (family.draw_split(rng, level, "test") for _ in range(4 * rungs))
            for given in list({family.key(given): given for given in drawn}.values())[:rungs]:
                judge = Recognised(family, given)
                yield Problem(judge.text, judge.answer, family.name, level, "family"), judge


def load_scorer(folder: Path, device: str) -> tuple[object, Encoder]:
    """A verifier for whole tables, and how it reads them."""
    model = AutoModelForTokenClassification.from_pretrained(folder, dtype="float32").to(device).eval()
    return model, Encoder(AutoTokenizer.from_pretrained(folder))


def few(folder: Path, device: str, problems: Problems, seed: int) -> pd.DataFrame:
    """FEW sampled solutions a problem, and the greedy one, which has the number -1."""
    generator = load_generator(folder, device)
    greedy = sample_solutions(generator, problems, 1, seed, temperature=0.0).assign(sample=-1)
    return pd.concat([greedy, sample_solutions(generator, problems, FEW, seed)], ignore_index=True)


def reworded(generator: TreeGenerator, rewordings: list[dict[str, Any]], seed: int) -> pd.DataFrame:
    """FEW solutions of each question that was reworded by hand, and of the same problem in its notation."""
    judges = [Recognised(FAMILIES[row["family"]], _tuples(row["given"])) for row in rewordings]
    tables = []
    for typed in (True, False):
        problems = [
            (Problem(row["text"] if typed else judge.text, row["answer"], row["family"]), judge)
            for row, judge in zip(rewordings, judges, strict=True)
        ]
        tables.append(sample_solutions(generator, problems, FEW, seed).assign(reworded=typed))
    table = pd.concat(tables, ignore_index=True)
    return table.assign(held_out=[not rewordings[question]["dev"] for question in table["question"]])


def _tuples(given: Any) -> Any:
    """What a problem gives, read back from JSON, which has only lists."""
    return tuple(map(_tuples, given)) if isinstance(given, list) else given


def play(
    out: Path,
    device: str,
    problems: Problems,
    strategy: str,
    budget: int,
    settings: Settings,
    seed: int,
) -> pd.DataFrame:
    """One row a run: question, family, level, whether each selector's answer is right, what it cost, and of
    every attempt of a reviser its ``chain``, ``place``, ``right`` and ``text``."""
    generator, verifier = load_generator(out / "base-s", device), load_prm(out / "prm-exact", device)
    reviser = revision_verifier = None
    if strategy == "revise":
        reviser, revision_verifier = (
            load_generator(out / "reviser", device),
            load_prm(out / "reviser-prm", device),
        )
    judges = {problem.text: judge for problem, judge in problems}

    def examine(problem: Problem) -> Exam:
        judge = judges[problem.text]
        return Exam(judge.same, judge.right)

    driver = Driver(generator, verifier, examine, reviser=reviser, revision_verifier=revision_verifier)
    waiting, running, rows = list(enumerate(problems))[::-1], {}, []
    progress = Counted(f"{strategy} {budget}", len(problems))
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            number, (problem, _) = waiting.pop()
            run = Run(problem, generator.name, verifier.name, strategy, budget, seed + number, settings)
            driver.add(run)
            running[number] = run
        driver.tick()
        for number in [n for n, run in running.items() if run.stopped]:
            rows.append(_played(number, running.pop(number)))
        progress.done(len(rows))
    return pd.DataFrame(rows).sort_values("question", ignore_index=True)


def load_prm(folder: Path, device: str) -> TokenPRM:
    model = AutoModelForTokenClassification.from_pretrained(folder, dtype="float32").to(device)
    return TokenPRM(model.eval(), AutoTokenizer.from_pretrained(folder), folder.name)


def _played(number: int, run: Run) -> dict[str, object]:
    if run.error:
        raise ModelError(run.error)
    votes = {selector: chosen(run.tree, selector, run.settings.aggregate) for selector in SELECTORS}
    attempts = [node for node in range(len(run.tree)) if run.tree.kind[node] == "revision"]
    roots = {node: run.tree.path(node)[0] for node in attempts}
    chains = list(dict.fromkeys(roots.values()))
    return {
        "question": number,
        "family": run.problem.family,
        "level": run.problem.level,
        **{selector: bool(vote and run.correct.get(vote.answer)) for selector, vote in votes.items()},
        "generated_tokens": run.ledger.generated_tokens,
        "verifier_tokens": run.ledger.verifier_tokens,
        "prefill_tokens": run.ledger.prefill_tokens,
        "flops": run.ledger.flops,
        "depth": run.ledger.sequential_depth,
        "chain": [chains.index(roots[node]) for node in attempts],
        "place": [len(run.tree.path(node)) - 1 for node in attempts],
        "right": [bool(run.correct.get(run.tree.answer[node])) for node in attempts],
        "text": [run.tree.text[node] for node in attempts],
    }


def finish(recipe: Recipe, work: Path, out: Path) -> None:
    """Write ``out / "measured.json"`` and the cards of all models."""
    folder = work / "measure"
    names = {path.name.rpartition("-")[0] for path in folder.glob("*.parquet")}
    figures = summarise({name: read_parts(folder, name) for name in sorted(names)}, recipe.seed)
    (out / "measured.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    write_cards(recipe, figures, out)
