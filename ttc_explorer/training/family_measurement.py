"""Stage ``measure_family``: the finished family on problems of the test split, looked at once.

Everything is run here, through the product's own engine, and kept as tables in ``work /
"measure"``; ``training_metrics.py`` computes the metrics from them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd

from ttc_explorer.atomic_files import write_file
from ttc_explorer.experiments.solver import Solver
from ttc_explorer.models.protocol import ModelError
from ttc_explorer.models.tree_decoding import TreeGenerator
from ttc_explorer.problems.answer_checker import AnswerChecker
from ttc_explorer.problems.families import FAMILIES, LEVELS, RecognisedProblem, to_canonical_wording
from ttc_explorer.problems.families.arithmetic_claims import printed_check_pass_rate
from ttc_explorer.problems.problem import Problem
from ttc_explorer.progress_reporting import CountedProgress
from ttc_explorer.search.run import Run
from ttc_explorer.search.selector import SELECTORS
from ttc_explorer.search.settings import Settings
from ttc_explorer.search.voting import winning_vote
from ttc_explorer.training.model_cards import write_cards
from ttc_explorer.training.saved_models import load_prm, load_scorer, load_tree_generator
from ttc_explorer.training.solution_samples import (
    draw_recognised_problems,
    read_shards,
    sample_solutions,
    write_shards,
)
from ttc_explorer.training.training_metrics import compute_metrics
from ttc_explorer.training.training_recipe import Recipe
from ttc_explorer.training.verifier_training import step_scores

RecognisedProblems = list[tuple[Problem, RecognisedProblem]]

POOL_SAMPLES = 64
"""Solutions of S sampled of each test problem."""

DIFFICULTY_PROBE_SAMPLES = 32
"""Further solutions of S, which tell how hard a problem is and nothing else."""

SAMPLES_PER_PROBLEM = 8
"""Solutions of every generator to each stratified problem, and to each reworded question."""

GENERATORS = ("base-s", "base-m", "base-l", "distilled-s")
VERIFIERS = ("prm-exact", "prm", "orm")

FULL_LOOKAHEAD = 40
"""Steps of a lookahead that always reaches the end."""

STRATEGY_RUNS: dict[str, tuple[str, int, Settings]] = {
    "beam 16": ("beam", 16, Settings()),
    "beam 64": ("beam", 64, Settings()),
    "dvts 64": ("dvts", 64, Settings()),
    "lookahead 16": ("lookahead", 16, Settings(lookahead=FULL_LOOKAHEAD)),
    "revise 1x16": ("revise", 16, Settings(chains=1)),
    "revise 4x4": ("revise", 16, Settings(chains=4)),
    "revise 16x1": ("revise", 16, Settings(chains=16)),
}
"""The runs on every test problem: strategy, budget, settings."""

MAX_CONCURRENT_RUNS = 16

REWORDINGS_FILE = Path(__file__).parent / "rewordings.jsonl"


def measure_family(recipe: Recipe, work: Path, out: Path) -> None:
    """Make every table whose models are in ``out``, a shard a process."""
    problems = list(draw_recognised_problems("test", recipe.measured_problems, recipe.seed))
    seed = recipe.seed + 10**6
    folder = work / "measure"

    def probe(mine: RecognisedProblems) -> pd.DataFrame:
        return sample_solutions(
            load_tree_generator(out / "base-s", recipe.device),
            mine,
            DIFFICULTY_PROBE_SAMPLES,
            seed + 10**6,
        )

    def pool(mine: RecognisedProblems) -> pd.DataFrame:
        table = sample_solutions(
            load_tree_generator(out / "base-s", recipe.device), mine, POOL_SAMPLES, seed
        )
        # Equal answers vote together, as they do in a search.
        table["answer"] = [
            mine[question][1].family.canonical(answer) if isinstance(answer, str) else None
            for question, answer in zip(table["question"], table["answer"], strict=True)
        ]
        for name in VERIFIERS:
            if (out / name).is_dir():
                table[name] = step_scores(*load_scorer(out / name, recipe.device), table)
        return table.assign(rule=table["steps"].map(printed_check_pass_rate))

    def rewordings(mine: list[dict[str, Any]]) -> pd.DataFrame:
        generator = load_tree_generator(
            out / "base-s", recipe.device, to_canonical_wording
        )  # as the product loads it
        return sample_rewordings(generator, mine, seed)

    write_shards(folder, "probe", problems, probe)
    write_shards(folder, "pool", problems, pool)
    write_shards(folder, "rewordings", read_rewordings(), rewordings)
    stratified = list(draw_stratified_problems(recipe.problems_per_level, recipe.seed))
    for name in GENERATORS:
        if (out / name).is_dir():
            write_shards(
                folder,
                name,
                stratified,
                partial(sample_and_greedy, out / name, recipe.device, seed=seed),
            )
    for name, (strategy, budget, settings) in STRATEGY_RUNS.items():
        if strategy != "revise" or (out / "reviser-prm").is_dir():
            write_shards(
                folder,
                name,
                problems,
                partial(
                    run_strategy,
                    out,
                    recipe.device,
                    strategy=strategy,
                    budget=budget,
                    settings=settings,
                    seed=seed,
                ),
            )


def read_rewordings() -> list[dict[str, Any]]:
    """Questions of the families in free wording, each with what it asks for; ``dev`` marks those
    that the reader of questions was developed on."""
    lines = REWORDINGS_FILE.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def draw_stratified_problems(
    problems_per_level: int, seed: int
) -> Iterator[tuple[Problem, RecognisedProblem]]:
    """``problems_per_level`` different test problems of every family and level, or as many as there
    are in a level with few."""
    for family in FAMILIES.values():
        for level in LEVELS:
            rng = Random(f"{seed} {family.name} {level}")
            drawn = (
                family.draw_from_split(rng, level, "test") for _ in range(4 * problems_per_level)
            )
            for parameters in list(
                {family.key(parameters): parameters for parameters in drawn}.values()
            )[:problems_per_level]:
                recognised = RecognisedProblem(family, parameters)
                yield (
                    Problem(recognised.text, recognised.answer, family.name, level, "family"),
                    recognised,
                )


def sample_and_greedy(
    folder: Path, device: str, problems: RecognisedProblems, seed: int
) -> pd.DataFrame:
    """SAMPLES_PER_PROBLEM sampled solutions a problem, and the greedy one, which has the number
    -1."""
    generator = load_tree_generator(folder, device)
    greedy = sample_solutions(generator, problems, 1, seed, temperature=0.0).assign(sample=-1)
    return pd.concat(
        [greedy, sample_solutions(generator, problems, SAMPLES_PER_PROBLEM, seed)],
        ignore_index=True,
    )


def sample_rewordings(
    generator: TreeGenerator, rewordings: list[dict[str, Any]], seed: int
) -> pd.DataFrame:
    """SAMPLES_PER_PROBLEM solutions of each question that was reworded by hand, and of the same
    problem in its canonical wording."""
    recognised_problems = [
        RecognisedProblem(FAMILIES[row["family"]], _to_tuples(row["given"])) for row in rewordings
    ]
    tables = []
    for typed in (True, False):
        problems = [
            (
                Problem(row["text"] if typed else recognised.text, row["answer"], row["family"]),
                recognised,
            )
            for row, recognised in zip(rewordings, recognised_problems, strict=True)
        ]
        tables.append(
            sample_solutions(generator, problems, SAMPLES_PER_PROBLEM, seed).assign(reworded=typed)
        )
    table = pd.concat(tables, ignore_index=True)
    return table.assign(
        held_out=[not rewordings[question]["dev"] for question in table["question"]]
    )


def _to_tuples(parameters: Any) -> Any:
    """What a problem gives, read back from JSON, which has only lists."""
    return tuple(map(_to_tuples, parameters)) if isinstance(parameters, list) else parameters


def run_strategy(
    out: Path,
    device: str,
    problems: RecognisedProblems,
    strategy: str,
    budget: int,
    settings: Settings,
    seed: int,
) -> pd.DataFrame:
    """One row a run: question, family, level, whether each selector's answer is right, what it
    cost, and of every attempt of a reviser its ``chain``, ``place``, ``is_correct`` and
    ``text``."""
    generator, verifier = (
        load_tree_generator(out / "base-s", device),
        load_prm(out / "prm-exact", device),
    )
    reviser = revision_verifier = None
    if strategy == "revise":
        reviser, revision_verifier = (
            load_tree_generator(out / "reviser", device),
            load_prm(out / "reviser-prm", device),
        )
    recognised_problems = {problem.text: recognised for problem, recognised in problems}

    def make_checker(problem: Problem) -> AnswerChecker:
        recognised = recognised_problems[problem.text]
        return AnswerChecker(recognised.equal, recognised.is_correct)

    solver = Solver.from_models(
        generator, verifier, reviser, revision_verifier, make_checker=make_checker
    )
    driver = solver.driver()
    waiting, rows = list(enumerate(problems))[::-1], []
    running: dict[int, Run] = {}
    with CountedProgress(f"{strategy} {budget}", len(problems)) as progress:
        while waiting or running:
            while waiting and len(running) < MAX_CONCURRENT_RUNS:
                number, (problem, _) = waiting.pop()
                run = solver.run(problem, strategy, budget, seed + number, settings)
                driver.add(run)
                running[number] = run
            driver.tick()
            for number in [n for n, run in running.items() if run.stopped]:
                rows.append(_run_row(number, running.pop(number)))
            progress.done(len(rows))
    return pd.DataFrame(rows).sort_values("question", ignore_index=True)


def _run_row(number: int, run: Run) -> dict[str, object]:
    if run.error:
        raise ModelError(run.error)
    votes = {
        selector: winning_vote(run.tree, selector, run.settings.aggregate) for selector in SELECTORS
    }
    attempts = [node for node in range(len(run.tree)) if run.tree.kind[node] == "revision"]
    roots = {node: run.tree.path(node)[0] for node in attempts}
    chains = list(dict.fromkeys(roots.values()))
    return {
        "question": number,
        "family": run.problem.family,
        "level": run.problem.level,
        **{
            selector: bool(vote and run.correct.get(vote.answer))
            for selector, vote in votes.items()
        },
        "generated_tokens": run.ledger.generated_tokens,
        "verifier_tokens": run.ledger.verifier_tokens,
        "prefill_tokens": run.ledger.prefill_tokens,
        "flops": run.ledger.flops,
        "depth": run.ledger.sequential_depth,
        "chain": [chains.index(roots[node]) for node in attempts],
        "place": [len(run.tree.path(node)) - 1 for node in attempts],
        "right": [run.correct.get(run.tree.answer[node] or "", False) for node in attempts],
        "text": [run.tree.text[node] for node in attempts],
    }


def write_measurements(recipe: Recipe, work: Path, out: Path) -> None:
    """Write ``out / "measured.json"`` and the cards of all models."""
    folder = work / "measure"
    names = {path.name.rpartition("-")[0] for path in folder.glob("*.parquet")}
    metrics = compute_metrics(
        {name: read_shards(folder, name) for name in sorted(names)}, recipe.seed
    )
    write_file(out / "measured.json", json.dumps(metrics, indent=1) + "\n", "The measurements")
    write_cards(recipe, metrics, out)
