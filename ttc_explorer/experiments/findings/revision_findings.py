"""F9, F10, F11 and F18: revisions (arXiv 2408.03314, section 6). The attempts of a chain are
counted from 0, the first answer, so attempt 4 is the last that sees as many before it as the
reviser was trained on.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ttc_explorer.experiments.findings.resampled_results import (
    BEST_OF_N,
    FINDING_SELECTOR,
    Floats,
    ResampledResults,
    chart_row,
    complete_question_count,
    join_numbers,
)
from ttc_explorer.experiments.findings.verdict import (
    Claim,
    FindingChart,
    FindingMeasurement,
    InsufficientData,
)
from ttc_explorer.experiments.intervals import wilson_interval

TRAINED_ATTEMPTS = 4
"""Earlier answers that the reviser saw in training."""
CHAIN_LENGTH = 16
CHAIN_KEYS = ["question", "budget", "chains", "chain", "seed"]
"""What tells a chain of attempts from the others."""
LARGE_FLIP_SHARE = 0.2
"""A large share of right answers revised to wrong ones: half of the paper's 38 % and a little."""
EQUIVALENCE_MARGIN = 0.03
"""The difference in accuracy that counts as none."""
PAPER_REVISERS = ("reviser-paper",)
"""Revisers that were trained as the paper's: on wrong answers alone, revised into right ones."""


def accuracy_beyond_training_length(study: ResampledResults) -> FindingMeasurement:
    """F9: attempts 5 to 15 of a chain are right more often than attempt 4."""
    attempts = _long_chains(study)
    right = (
        attempts.groupby(["question", "place"])["correct"].mean().unstack().reindex(study.questions)
    )
    right = right[range(CHAIN_LENGTH)]
    gain = (
        right[range(TRAINED_ATTEMPTS + 1, CHAIN_LENGTH)].mean(axis=1) - right[TRAINED_ATTEMPTS]
    ).to_numpy(float)
    draws = study.mean(gain)
    rows = [
        chart_row("reviser", "revise", place, study.mean(right[place].to_numpy(float)))
        for place in right
    ]
    return FindingMeasurement(
        test=f"Share of right answers among attempts {TRAINED_ATTEMPTS + 1} to {CHAIN_LENGTH - 1} "
        "of a chain less that of "
        f"attempt {TRAINED_ATTEMPTS}: above 0.",
        estimates={"Later attempts less attempt 4": draws},
        unit="points",
        claim=Claim(above=0),
        questions=complete_question_count(gain),
        chart=FindingChart("Attempt in the chain", "Right answers", rows, log=False),
    )


def correct_to_wrong_flips(study: ResampledResults) -> FindingMeasurement:
    """F10a: over a fifth of right answers are followed by a wrong one.

    Args:
        study: the results of one model, with resamples of its questions.

    Returns:
        The share in every resample, its claim, and right answers along a chain.

    Raises:
        InsufficientData: there are no attempts, or no right one was revised.
    """
    attempts = study.table("attempts").sort_values([*CHAIN_KEYS, "place"])
    chain = attempts.groupby(CHAIN_KEYS, sort=False)["correct"]
    following = chain.shift(-1)
    pairs = attempts[following.notna() & attempts["correct"]]
    flipped = ~following[pairs.index].astype(bool)
    if pairs.empty:
        raise InsufficientData("No right answer was ever revised.")
    counts = pd.DataFrame({"question": pairs["question"], "lost": flipped})
    counts = (
        counts.groupby("question")["lost"]
        .agg(["sum", "size"])
        .reindex(study.questions, fill_value=0)
    )
    flip_counts, pair_counts = (
        study.weights @ counts[name].to_numpy(float) for name in ("sum", "size")
    )
    share = np.divide(
        flip_counts,
        pair_counts,
        out=np.full(len(pair_counts), flip_counts[0] / pair_counts[0]),
        where=pair_counts > 0,
    )
    _, low, high = wilson_interval(int(flipped.sum()), len(pairs))
    right = _long_chains(study).groupby(["question", "place"])["correct"].mean().unstack()
    right = right.reindex(study.questions)[range(CHAIN_LENGTH)]
    rows = [
        chart_row("right answers", "revise", place, study.mean(right[place].to_numpy(float)))
        for place in right
    ]
    return FindingMeasurement(
        test="Share of right answers that the next attempt turns wrong: above 20 %.",
        estimates={"Flipped to wrong": share},
        unit="share",
        claim=Claim(above=LARGE_FLIP_SHARE),
        questions=int((counts["size"] > 0).sum()),
        chart=FindingChart("Attempt in the chain", "Right answers", rows, log=False),
        said=f"Of {len(pairs):,} right answers, Wilson's interval {100 * low:.1f}–{high:.1%}.",
        untestable=""
        if str(study.results.about.get("reviser")) in PAPER_REVISERS
        else "This reviser was also taught to leave right answers alone, which the paper's was "
        "not: the share is low by construction. It takes a reviser trained as the paper's.",
    )


def choice_against_last_answer(study: ResampledResults) -> FindingMeasurement:
    """F10b: choosing from a chain by weighted votes beats taking its last answer.

    Args:
        study: the results of one model, with resamples of its questions.

    Returns:
        The gain in every resample, its claim, and its chart.

    Raises:
        InsufficientData: the attempts of single chains were not kept.
    """
    attempts = study.table("attempts")
    arm = study.arm("revise", chains=1)
    chains = attempts[attempts["chains"] == 1]
    ends = chains.sort_values("place").groupby(["budget", "question", "seed"])["correct"].last()
    last = ends.astype(float).groupby(["budget", "question"]).mean()
    budgets = [
        budget
        for budget in study.budgets(arm, at_least=2)
        if budget in last.index.get_level_values(0)
    ]
    if not budgets:
        raise InsufficientData("The attempts of single chains were not kept.")
    last_answers = {
        budget: last[budget].reindex(study.questions).to_numpy(float) for budget in budgets
    }

    def gain(selector: str) -> Floats:
        gaps = [study.value(arm, budget, selector) - last_answers[budget] for budget in budgets]
        found: Floats = np.mean(gaps, axis=0)
        return found

    rows = [
        chart_row("last answer", "greedy", budget, study.mean(end))
        for budget, end in last_answers.items()
    ]
    rows += study.curve_rows(arm, "weighted votes", "revise")
    return FindingMeasurement(
        test="Accuracy of weighted votes over one chain less that of its last answer, mean over "
        f"N = {join_numbers(budgets)}: above 0.",
        estimates={
            "Weighted votes": study.mean(gain(FINDING_SELECTOR)),
            "Majority": study.mean(gain("majority")),
        },
        unit="points",
        claim=Claim(above=0),
        questions=complete_question_count(gain(FINDING_SELECTOR)),
        chart=FindingChart("Attempts in one chain", "Accuracy", rows),
    )


def sequential_against_parallel(study: ResampledResults) -> FindingMeasurement:
    """F11a: one chain of N beats N parallel attempts of the reviser, by weighted votes.

    Args:
        study: the results of one model, with resamples of its questions.

    Returns:
        The figure in every resample, its claim, and its chart.

    Raises:
        InsufficientData: revisions were not run in one chain and all parallel at the same
            budgets.
    """
    one = study.arm("revise", chains=1)
    parallel = {}
    for budget in study.budgets(one, at_least=2):
        try:
            arm = study.arm("revise", chains=budget)
        except InsufficientData:
            continue
        if budget in study.budgets(arm):
            parallel[budget] = arm
    if not parallel:
        raise InsufficientData("Revisions were not run all parallel.")
    selectors = {FINDING_SELECTOR: "By the verifier", "majority": "By majority"}
    gaps = {
        words: np.mean(
            [study.gap(one, arm, budget, selector) for budget, arm in parallel.items()], axis=0
        )
        for selector, words in selectors.items()
    }
    rows = []
    for selector in selectors:
        rows += study.curve_rows(one, "one chain", "revise", selector, panel=selector)
        rows += [
            chart_row(
                "all parallel",
                "best_of_n",
                budget,
                study.mean(study.value(arm, budget, selector)),
                selector,
            )
            for budget, arm in parallel.items()
        ]
    return FindingMeasurement(
        test="Accuracy of one chain of N attempts less that of N parallel attempts of the reviser, "
        f"mean over N = {join_numbers(parallel)}: above 0.",
        estimates={words: study.mean(gap) for words, gap in gaps.items()},
        unit="points",
        claim=Claim(above=0, margin=EQUIVALENCE_MARGIN),
        questions=complete_question_count(*gaps.values()),
        chart=FindingChart("Attempts N", "Accuracy", rows),
    )


def sequential_at_equal_flops(study: ResampledResults) -> FindingMeasurement:
    """F11b: one chain beats best-of-N of the base model at equal FLOPs: a chain reads its earlier
    answers again and again.

    Args:
        study: the results of one model, with resamples of its questions.

    Returns:
        The figure in every resample, its claim, and its chart.

    Raises:
        InsufficientData: best-of-N was not sampled where it costs as much as a chain.
    """
    one = study.arm("revise", chains=1)
    budgets = study.budgets(one, at_least=2)
    figures: dict[str, Floats] = {}
    compared: list[int] = []
    for selector, words in ((FINDING_SELECTOR, "By the verifier"), ("majority", "By majority")):
        gaps = {}
        for budget in budgets:
            rival = study.value_at_flops(BEST_OF_N, study.mean_flops(one, budget), selector)
            if rival is not None:
                gaps[budget] = study.value(one, budget, selector) - rival
        if gaps:
            figures[words] = study.mean(np.mean(list(gaps.values()), axis=0))
            compared = compared or list(gaps)
    if not figures:
        raise InsufficientData("Best-of-N was not sampled where it costs as much as a chain.")
    rows = []
    for arm, name, tone in ((BEST_OF_N, "best-of-N", "best_of_n"), (one, "one chain", "revise")):
        rows += [
            each | {"x": study.mean_flops(arm, int(each["x"]))}
            for each in study.curve_rows(arm, name, tone)
        ]
    return FindingMeasurement(
        test="Accuracy of one chain of N attempts less that of best-of-N of the base model at as "
        f"many FLOPs, mean over N = {join_numbers(compared)}: above 0.",
        estimates=figures,
        unit="points",
        claim=Claim(above=0, margin=EQUIVALENCE_MARGIN),
        questions=complete_question_count(study.value(one, compared[0])),
        chart=FindingChart("FLOPs a question", "Accuracy", rows),
        said="A chain reads its earlier answers again for each new one, and pays for that.",
    )


def revision_verifier_against_prm(study: ResampledResults) -> FindingMeasurement:
    """F18: weighted votes over a chain are right more often by the revision verifier than by the
    PRM.

    Args:
        study: the results of one model, with resamples of its questions.

    Returns:
        The figure in every resample, its claims, and its chart.

    Raises:
        InsufficientData: the attempts lack the scores of one of the two verifiers, or are
            not in one chain.
    """
    attempts = study.table("attempts")
    named = study.results.about.get("verifier")
    judge = next((name for name in (f"score_{named}", "score_prm") if name in attempts), None)
    if judge is None or attempts["score"].isna().all():
        raise InsufficientData("The attempts of the reviser were not scored by both verifiers.")
    chains = attempts[attempts["chains"] == 1]
    own, base = (_weighted_vote_correct(chains, score) for score in ("score", judge))
    budgets = sorted(budget for budget in own.index.get_level_values(0).unique() if budget > 1)
    if not budgets:
        raise InsufficientData("Revisions were not run in one chain.")

    def values(right: pd.Series, budget: int) -> Floats:
        found: Floats = right[budget].reindex(study.questions).to_numpy(float)
        return found

    gap = np.mean([values(own, budget) - values(base, budget) for budget in budgets], axis=0)
    draws = study.mean(gap)
    rows = [
        chart_row(name, tone, budget, study.mean(values(right, budget)))
        for right, name, tone in (
            (base, "base PRM", "series-vermilion"),
            (own, "its own verifier", "series-plum"),
        )
        for budget in budgets
    ]
    return FindingMeasurement(
        test="Accuracy of votes over one chain, weighted by the verifier trained on revisions, "
        "less that "
        f"weighted by {judge.removeprefix('score_')}, mean over N = {join_numbers(budgets)}: "
        "above 0.",
        estimates={"Its own verifier": draws},
        unit="points",
        claim=Claim(above=0, margin=EQUIVALENCE_MARGIN),
        questions=complete_question_count(gap),
        chart=FindingChart("Attempts in one chain", "Accuracy", rows),
        untestable=study.unequal_training(
            str(study.results.about.get("revision_verifier")), judge.removeprefix("score_")
        ),
    )


def _long_chains(study: ResampledResults) -> pd.DataFrame:
    """All attempts of chains of CHAIN_LENGTH attempts or more."""
    attempts = study.table("attempts")
    length = attempts.groupby(CHAIN_KEYS)["place"].transform("max") + 1
    found = attempts[length >= CHAIN_LENGTH]
    if found.empty:
        raise InsufficientData(f"No chain of revisions is {CHAIN_LENGTH} attempts long.")
    return found


def _weighted_vote_correct(chains: pd.DataFrame, score: str) -> pd.Series:
    """Whether the answer with the largest sum of scores in a chain is right, by budget and
    question; of equal ones the older. Over several seeds the share."""
    keys = ["budget", "question", "seed"]
    # A chain without a readable answer is not right.
    scored_questions = chains[keys].drop_duplicates().set_index(keys).index
    votes = chains.dropna(subset="answer").groupby([*keys, "answer"], as_index=False)
    sums = votes.agg(weight=(score, "sum"), first=("place", "min"), right=("correct", "max"))
    best = (
        sums.sort_values(["weight", "first"], ascending=[False, True])
        .groupby(keys)["right"]
        .first()
    )
    right = best.reindex(scored_questions, fill_value=False).astype(float)
    return right.groupby(["budget", "question"]).mean().sort_index()
