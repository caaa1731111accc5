"""From finished runs to the rows of a sweep's tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd

from ttc_explorer.experiments.sweep_jobs import SweepJob
from ttc_explorer.models.protocol import ScoreJob, State, Verifier
from ttc_explorer.problems.answer_checker import AnswerChecker
from ttc_explorer.problems.families import recognise
from ttc_explorer.search.run import Run
from ttc_explorer.search.selector import SELECTORS
from ttc_explorer.search.settings import AGGREGATES
from ttc_explorer.search.token_confidence import CONFIDENCES, token_confidence
from ttc_explorer.search.tree import SearchTree
from ttc_explorer.search.voting import (
    aggregate_scores,
    solution_logprobs,
    solution_score,
    winning_vote,
)

Rows = list[dict[str, Any]]

COLUMN_TYPES = {
    "question": "int32",
    "sample": "int32",
    "budget": "int32",
    "chains": "int32",
    "chain": "int32",
    "place": "int32",
    "level": "Int8",
    "solutions": "int32",
    "correct": "bool",
    **dict.fromkeys(("text", "answer", "family", "strategy", "settings", "error"), "str"),
    "seed": "int64",
    **dict.fromkeys(
        ("generated_tokens", "cached_tokens", "generator_depth", "verifier_depth"), "int64"
    ),
    **dict.fromkeys(
        ("prefill_tokens", "verifier_tokens", "generator_flops", "verifier_flops", "seconds"),
        "float32",
    ),
    **dict.fromkeys(("top_score", "mean_score"), "float32"),
}
"""What a column holds, in any table; lists stay as they are. Scores are float32, as exact as they
come."""


class TimedRun(NamedTuple):
    """A finished run, and the seconds of the machine that it took."""

    run: Run
    seconds: float


def to_typed_table(rows: Rows | pd.DataFrame) -> pd.DataFrame:
    """The rows as a table whose columns have one type each, whatever they happen to hold."""
    table = pd.DataFrame(rows)
    types = {name: kind for name, kind in COLUMN_TYPES.items() if name in table}
    types |= {
        name: "float32"
        for name in table
        if name == "score" or str(name).startswith(("score_", "confidence_"))
    }
    types |= {
        name: "boolean" if table[name].isna().any() else "bool"
        for name in SELECTORS
        if name in table
    }
    return table.astype(types)


# --- the pool -------------------------------------------------------------------------------------


def pool_rows(
    question: int,
    timed: Sequence[TimedRun],
    checker: AnswerChecker,
    judges: Sequence[Verifier],
    lines: bool = False,
) -> Rows:
    """A row a sampled solution, of runs that merge nothing, in the order of their random streams;
    one that did not end in its rounds has no answer. Equal answers get one canonical form in all of
    them.

    What a run was charged is shared out: the prompt to all its solutions alike, everything else in
    proportion to the tokens of each. ``generator_depth`` and ``verifier_depth`` count the passes
    that the solution alone would need: one for each token, and one for the prompt; one for the
    verifier's reading of it, and for every judged step. ``lines``: with the texts of the steps, the
    score after each, and whether a right solution can begin so.
    """
    canonical_answers: dict[str, str] = {}
    rows: Rows = []
    for run, seconds in timed:
        tree, ledger = run.tree, run.ledger
        leaves = _solution_leaves(tree)
        scores = judge_scores(judges, run.problem.text, [tree.solution(leaf) for leaf in leaves])
        token_counts = [sum(tree.tokens[node] for node in tree.path(leaf)) for leaf in leaves]
        total = sum(token_counts)
        for number, (leaf, tokens) in enumerate(zip(leaves, token_counts, strict=True)):
            share = tokens / total if total else 1 / len(leaves)
            steps = [tree.score[node] for node in tree.path(leaf)]
            known = [score for score in steps if score is not None]
            fully_scored = len(known) == len(steps)
            answer = tree.answer[leaf]
            right = answer is not None and run.correct[answer]
            row: dict[str, Any] = {
                "question": question,
                "sample": len(rows),
                "answer": _canonical_answer(answer, canonical_answers, checker),
                "correct": right,
                "score": steps[-1],
                **{
                    f"score_{aggregate}": aggregate_scores(known, aggregate)
                    if fully_scored
                    else None
                    for aggregate in AGGREGATES
                },
                **{f"score_{judge.name}": scores[judge.name][number] for judge in judges},
                **{
                    f"confidence_{which}": token_confidence(solution_logprobs(tree, leaf), which)
                    for which in CONFIDENCES
                },
                "generated_tokens": tokens,
                "prefill_tokens": ledger.prefill_tokens / len(leaves),
                "verifier_tokens": ledger.verifier_tokens * share,
                "generator_flops": ledger.generator_flops * share,
                "verifier_flops": ledger.verifier_flops * share,
                "generator_depth": 1 + tokens,
                "verifier_depth": 1 + len(steps) if fully_scored else 0,
                "seconds": seconds * share,
                "family": run.problem.family,
                "level": run.problem.level,
            }
            if lines:
                texts = tree.solution(leaf)
                step_correct = step_correctness(run.problem.text, texts, right)
                row |= {
                    "lines": texts,
                    "line_scores": steps if fully_scored else None,
                    "line_right": step_correct,
                }
            rows.append(row)
    return rows


def _solution_leaves(tree: SearchTree) -> list[int]:
    """The last step of each solution of best-of-N, those that ended early not first."""
    leaves = [node for node in range(1, len(tree)) if tree.status[node] in ("finished", "open")]
    return sorted(leaves, key=lambda leaf: tree.path(leaf)[0])


def _canonical_answer(
    answer: str | None, canonical_answers: dict[str, str], checker: AnswerChecker
) -> str | None:
    """The answer as the first equal one in ``canonical_answers`` is written, and is stored
    there."""
    if answer is not None and answer not in canonical_answers:
        distinct_answers = dict.fromkeys(canonical_answers.values())
        canonical_answers[answer] = next(
            (other for other in distinct_answers if checker.equal(other, answer)), answer
        )
    return answer and canonical_answers[answer]


def step_correctness(text: str, lines: Sequence[str], right: bool) -> list[bool] | None:
    """For each line of a solution, whether a right solution can begin so: what verifiers learn from
    exact labels (``training/solution_samples.py``). The first False is the first wrong step. None
    if nobody can tell: for a problem of no family, or a right solution that is not written in its
    family's lines.
    """
    judge = recognise(text)
    if judge is None:
        return None
    step_correct = [
        judge.is_correct_prefix(lines[: number + 1]) for number in range(len(lines) - 1)
    ]
    return None if right and not all(step_correct) else [*step_correct, right]


def judge_scores(
    judges: Sequence[Verifier], text: str, solutions: Sequence[Sequence[str]]
) -> dict[str, list[float]]:
    """Each judge's score at the last line of every solution. Solutions that begin alike are read
    once."""
    scores: dict[str, list[float]] = {}
    for judge in judges:
        (prefilled_prompt,) = judge.prefill([text])
        states: dict[tuple[str, ...], State] = {(): prefilled_prompt.state}
        score_by_prefix: dict[tuple[str, ...], float] = {}
        for length in range(1, max(map(len, solutions), default=0) + 1):
            prefixes = list(dict.fromkeys(tuple(s[:length]) for s in solutions if len(s) >= length))
            scored = judge.score([ScoreJob(states[prefix[:-1]], prefix[-1]) for prefix in prefixes])
            states = {prefix: one.state for prefix, one in zip(prefixes, scored, strict=True)}
            score_by_prefix |= {
                prefix: one.score for prefix, one in zip(prefixes, scored, strict=True)
            }
        scores[judge.name] = [score_by_prefix[tuple(solution)] for solution in solutions]
    return scores


# --- runs -----------------------------------------------------------------------------------------


def run_row(question: int, job: SweepJob, timed: TimedRun) -> dict[str, Any]:
    """A run: whether the answer that each selector chooses is right, and what the run cost."""
    run, seconds = timed
    tree, ledger, aggregate = run.tree, run.ledger, run.settings.aggregate
    leaves = list(tree.leaves())
    confident = any(solution_logprobs(tree, leaf) for leaf in leaves)
    known = {"nothing": True, "scores": run.verifier is not None, "logprobs": confident}
    right: dict[str, bool | None] = {}
    for selector, rule in SELECTORS.items():
        vote = winning_vote(tree, selector, aggregate, run.settings.confidence)
        correct = vote is not None and run.correct[vote.answer]
        right[selector] = correct if known[rule.needs] else None
    scores = [
        score
        for leaf in leaves
        if (score := solution_score(tree, leaf, aggregate)) is not None
        for _ in range(tree.copies[leaf])
    ]
    return {
        "question": question,
        "strategy": job.strategy,
        "settings": job.settings_text,
        "budget": job.budget,
        "seed": run.seed,
        **right,
        "top_score": max(scores, default=None),
        "mean_score": math.fsum(scores) / len(scores) if scores else None,
        "solutions": tree.solution_count(),
        "generated_tokens": ledger.generated_tokens,
        "prefill_tokens": ledger.prefill_tokens,
        "cached_tokens": ledger.cached_tokens,
        "verifier_tokens": ledger.verifier_tokens,
        "generator_flops": ledger.generator_flops,
        "verifier_flops": ledger.verifier_flops,
        "generator_depth": ledger.generator_depth,
        "verifier_depth": ledger.verifier_depth,
        "seconds": seconds,
    }


def attempt_rows(question: int, run: Run, judges: Sequence[Verifier]) -> Rows:
    """A row an attempt of a reviser, chain by chain in the order of their random streams."""
    tree = run.tree
    attempts = [node for node in range(len(tree)) if tree.kind[node] == "revision"]
    solutions = [tree.solution(node) for node in attempts]
    scores = judge_scores(judges, run.problem.text, solutions)
    chains = {first: number for number, first in enumerate(tree.children(0))}
    rows = [
        {
            "question": question,
            "budget": run.budget,
            "chains": run.settings.chains,
            "seed": run.seed,
            "chain": chains[tree.path(node)[0]],
            "place": len(tree.path(node)) - 1,
            "answer": tree.answer[node],
            "correct": bool(run.correct.get(tree.answer[node] or "")),
            "score": tree.score[node],
            **{f"score_{judge.name}": scores[judge.name][number] for judge in judges},
        }
        for number, node in enumerate(attempts)
    ]
    return sorted(rows, key=lambda row: (row["chain"], row["place"]))


def failure_row(question: int, job: SweepJob, error: str) -> dict[str, Any]:
    """A question on which a job failed, and why, in one sentence."""
    return {
        "question": question,
        "kind": job.kind,
        "strategy": job.strategy,
        "settings": job.settings_text,
        "budget": job.budget,
        "error": error,
    }
