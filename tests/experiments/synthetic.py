"""Made-up results with known truth, for the tests of everything that reads a folder of results.

Each question has a chance that one solution is right; solutions, scores and runs are drawn from it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from ttc_explorer.experiments.result_tables import ABOUT_FILE, Results
from ttc_explorer.models.flops import forward_flops

PARAMETERS = 1000
VERIFIER_PARAMETERS = 500
ATTENTION_WIDTH, VERIFIER_ATTENTION_WIDTH = 3, 2
PROMPT = 20
"""Tokens of every prompt."""

GENERATOR_FLOPS = np.vectorize(partial(forward_flops, PARAMETERS, ATTENTION_WIDTH))
VERIFIER_FLOPS = np.vectorize(partial(forward_flops, VERIFIER_PARAMETERS, VERIFIER_ATTENTION_WIDTH))

BUDGETS = (4, 16, 64)
ARMS = {
    ("greedy", "{}"): (1,),
    ("beam", "{}"): BUDGETS,
    ("beam", '{"width": 0}'): BUDGETS,
    ("lookahead", "{}"): BUDGETS,
    ("dvts", "{}"): BUDGETS,
    ("revise", '{"chains": 1}'): BUDGETS,
    ("revise", '{"chains": 4}'): BUDGETS,
}
"""The strategies and settings with runs, and their budgets."""


@dataclass(frozen=True)
class Synthetic:
    """``results``, and the truth behind them: ``chance`` (question → chance that one sample is
    right) and ``arms`` (question, strategy, settings, budget, chance: that a run is right, by any
    selector)."""

    results: Results
    chance: pd.Series
    arms: pd.DataFrame


def synthetic(
    questions: int = 40, samples: int = 16, seed: int = 0, noise: bool = False
) -> Synthetic:
    """Results of ``questions`` questions, with pool and probe of ``samples`` solutions each.

    With ``noise`` every arm is right with the same chance, by whatever selector and at whatever
    budget, so that nothing is to be gained by choosing. Else beam search is the better on hard
    questions and falls with the budget on easy ones, and revisions in one chain are the best on
    easy questions.
    """
    rng = np.random.default_rng(seed)
    chance = pd.Series(rng.beta(0.8, 0.8, questions), name="chance")
    families = np.array(["linear", "percent", "sequence"])[np.arange(questions) % 3]
    levels = 5 - np.minimum(4, (chance.to_numpy() * 5).astype(int))
    problems = pd.DataFrame(
        {
            "question": np.arange(questions),
            "text": [f"What is {number} + 0?" for number in range(questions)],
            "answer": [str(number) for number in range(questions)],
            "family": families,
            "level": levels,
        }
    )
    arms = _arms(chance, noise)
    runs = _runs(arms, rng)
    results = Results(
        about={
            "version": 1,
            "command": "sweep",
            "seed": seed,
            "commit": None,
            "date": "2000-01-01",
            "model": "synthetic",
            "parameters": PARAMETERS,
            "attention_width": ATTENTION_WIDTH,
            "verifier": "synthetic-prm",
            "verifier_parameters": VERIFIER_PARAMETERS,
            "verifier_attention_width": VERIFIER_ATTENTION_WIDTH,
            "reviser": "synthetic-reviser",
            "revision_verifier": "synthetic-judge",
            "judges": ["orm", "prm"],
        },
        problems=problems,
        pool=_samples(problems, chance, samples, rng),
        probe=_with_lines(_samples(problems, chance, samples, rng), rng),
        runs=runs,
        attempts=_attempts(chance, rng),
    )
    return Synthetic(results, chance, arms)


def save(results: Results, folder: Path) -> None:
    """Write the folder that ``Results.load`` reads."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ABOUT_FILE).write_text(json.dumps(results.about), encoding="utf-8")
    for field in fields(results):
        table = getattr(results, field.name)
        if isinstance(table, pd.DataFrame):
            table.to_parquet(folder / f"{field.name}.parquet", compression="zstd", index=False)


def _samples(
    problems: pd.DataFrame, chance: pd.Series, samples: int, rng: np.random.Generator
) -> pd.DataFrame:
    rows = problems.loc[np.repeat(problems.index, samples), ["question", "family", "level"]]
    rows = rows.reset_index(drop=True)
    n = len(rows)
    correct = rng.random(n) < chance.to_numpy()[rows["question"]]
    wrong = rows["question"] + 1 + rng.geometric(0.4, n)  # wrong answers agree with each other, too
    answer = pd.Series(np.where(correct, rows["question"], wrong)).astype(str)
    answer[~correct & (rng.random(n) < 0.1)] = None
    generated = 10 + rng.poisson(10, n)
    scores = {
        name: _scores(correct, signal, rng)
        for name, signal in (("last", 1.0), ("orm", 0.7), ("prm", 0.9))
    }
    verifier = generated + PROMPT
    prefill = np.full(n, PROMPT / samples)
    return rows.assign(
        sample=np.tile(np.arange(samples), len(problems)),
        answer=answer,
        correct=correct,
        score=scores["last"],
        score_last=scores["last"],
        score_min=scores["last"] * 0.9,
        score_prod=scores["last"] ** 2,
        score_mean=(1 + scores["last"]) / 2,
        score_orm=scores["orm"],
        score_prm=scores["prm"],
        generated_tokens=generated,
        prefill_tokens=prefill,
        verifier_tokens=verifier,
        generator_flops=GENERATOR_FLOPS(PROMPT, generated) + GENERATOR_FLOPS(0, PROMPT) / samples,
        verifier_flops=VERIFIER_FLOPS(0, verifier),
        generator_depth=generated + 1,
        verifier_depth=2 + generated % 2,
        seconds=generated / 1000,
    )


def _scores(correct: np.ndarray, signal: float, rng: np.random.Generator) -> np.ndarray:
    """Sigmoids of a noise that right solutions stand above."""
    return 1 / (1 + np.exp(-rng.normal(signal * (2 * correct - 1), 1.0)))


def _with_lines(samples: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """The lines of each solution: in a wrong one everything from some line on is wrong."""
    lines, line_scores, line_right = [], [], []
    for row in samples.itertuples():
        count = int(rng.integers(2, 5))
        first_wrong = count if row.correct else int(rng.integers(0, count))
        right = [place < first_wrong for place in range(count)]
        lines.append(
            [f"{place} + 0 = {place}" for place in range(count - 1)] + [f"Answer: {row.answer}"]
        )
        line_scores.append(
            [*(float(s) for s in _scores(np.array(right[:-1]), 1.0, rng)), row.score]
        )
        line_right.append(right)
    return samples.assign(lines=lines, line_scores=line_scores, line_right=line_right)


def _arms(chance: pd.Series, noise: bool) -> pd.DataFrame:
    rows = []
    for (strategy, settings), budgets in ARMS.items():
        for budget in budgets:
            rows.append(
                pd.DataFrame(
                    {
                        "question": chance.index,
                        "strategy": strategy,
                        "settings": settings,
                        "budget": budget,
                        "chance": 0.5 if noise else _strength(strategy, settings, budget, chance),
                    }
                )
            )
    return pd.concat(rows, ignore_index=True)


def _strength(strategy: str, settings: str, budget: int, chance: pd.Series) -> pd.Series:
    """The chance that a run is right; log4 of the budget is the unit of progress."""
    rounds = np.log(budget) / np.log(4)
    if strategy == "greedy":
        return chance
    if strategy == "revise" and "1" in settings:
        return (chance + 0.15 * rounds * chance).clip(0, 1)
    if strategy == "revise":
        return (chance + 0.05 * rounds).clip(0, 1)
    hard = 1 - chance
    return (chance + 0.1 * rounds * hard - 0.05 * rounds * chance).clip(0, 1)


def _runs(arms: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    n = len(arms)
    generated = arms["budget"] * 20 + rng.poisson(10, n)
    verifier = generated * 2
    top = rng.beta(2, 1, n)
    table = arms.drop(columns="chance").assign(seed=0)
    for selector in ("majority", "best", "weighted"):
        table[selector] = rng.random(n) < arms["chance"].to_numpy()
    return table.assign(
        top_score=top,
        mean_score=top * 0.8,
        solutions=arms["budget"],
        generated_tokens=generated,
        prefill_tokens=PROMPT,
        cached_tokens=PROMPT * arms["budget"],
        verifier_tokens=verifier,
        generator_flops=GENERATOR_FLOPS(0, PROMPT + generated),
        verifier_flops=VERIFIER_FLOPS(0, verifier),
        generator_depth=25 + arms["budget"],
        verifier_depth=5,
        seconds=generated / 1000,
    )


def _attempts(chance: pd.Series, rng: np.random.Generator) -> pd.DataFrame:
    """Chains in which one answer in ten that is right is broken, and one in ten that is wrong is
    mended."""
    rows = []
    for question, likely in chance.items():
        for budget in BUDGETS:
            for chains in (1, 4):
                for chain in range(chains):
                    right = rng.random() < likely
                    for place in range(budget // chains):
                        right = right ^ (place > 0 and rng.random() < 0.1)
                        rows.append((question, budget, chains, chain, place, bool(right)))
    table = pd.DataFrame(
        rows, columns=["question", "budget", "chains", "chain", "place", "correct"]
    )
    correct = table["correct"].to_numpy()
    wrong = table["question"] + 1 + rng.geometric(0.4, len(table))
    return table.assign(
        seed=0,
        answer=pd.Series(np.where(correct, table["question"], wrong)).astype(str),
        score=_scores(correct, 1.0, rng),
        score_prm=_scores(correct, 0.6, rng),
    )
