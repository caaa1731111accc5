"""F9, F10, F11 and F18: revisions (arXiv 2408.03314, section 6). The attempts of a chain are
counted from 0, the first answer, so attempt 4 is the last that sees as many before it as the
reviser was trained on.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ttc_explorer.experiments.findings.resampled_results import (
    FINDING_SELECTOR,
    Floats,
    ResampledResults,
    chart_row,
    complete_question_count,
    format_points,
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
LARGE_FLIP_SHARE = 0.2
"""A large share of right answers revised to wrong ones: half of the paper's 38 % and a little."""


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
        estimate_draws=draws,
        unit="points",
        claims=[Claim(draws, above=0)],
        questions=complete_question_count(gain),
        chart=FindingChart("Attempt in the chain", "Right answers", rows, log=False),
    )


def correct_to_wrong_flips(study: ResampledResults) -> FindingMeasurement:
    """F10: over a fifth of right answers are followed by a wrong one, and choosing from a chain by
    weighted votes beats taking its last answer.

    Args:
        study: the results of one model, with resamples of its questions.

    Returns:
        The figure in every resample, its claims, and its chart.

    Raises:
        InsufficientData: there are no attempts, or no right one was revised.
    """
    attempts = study.table("attempts").sort_values(
        ["question", "budget", "chains", "chain", "place"]
    )
    chain = attempts.groupby(["question", "budget", "chains", "chain"], sort=False)["correct"]
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

    arm = study.arm("revise", chains=1)
    chains = attempts[attempts["chains"] == 1]
    last = (
        chains.sort_values("place").groupby(["budget", "question"])["correct"].last().astype(float)
    )
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
    gap = np.mean([study.value(arm, budget) - last_answers[budget] for budget in budgets], axis=0)
    gain = study.mean(gap)
    _, low, high = wilson_interval(int(flipped.sum()), len(pairs))
    rows = [
        chart_row("last answer", "greedy", budget, study.mean(end))
        for budget, end in last_answers.items()
    ]
    rows += study.curve_rows(arm, "weighted votes", "revise")
    return FindingMeasurement(
        test="Share of right answers that the next attempt turns wrong: above 20 %; and accuracy "
        "of weighted "
        "votes over one chain less that of its last answer, mean over N = "
        f"{join_numbers(budgets)}: above 0.",
        estimate_draws=share,
        unit="share",
        claims=[Claim(share, above=LARGE_FLIP_SHARE), Claim(gain, above=0)],
        questions=int((counts["size"] > 0).sum()),
        chart=FindingChart("Attempts in one chain", "Accuracy", rows),
        said=f"Of {len(pairs):,} right answers, Wilson's interval {100 * low:.1f}–{high:.1%}. "
        "Voting "
        f"gains {format_points(gain[0])} over the last answer.",
    )


def sequential_against_parallel(study: ResampledResults) -> FindingMeasurement:
    """F11: one chain of N beats N parallel attempts, by majority and by weighted votes.

    Args:
        study: the results of one model, with resamples of its questions.

    Returns:
        The figure in every resample, its claims, and its chart.

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
    selectors = ("majority", FINDING_SELECTOR)
    gaps = [
        np.mean([study.gap(one, arm, budget, selector) for budget, arm in parallel.items()], axis=0)
        for selector in selectors
    ]
    means = [study.mean(gap) for gap in gaps]
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
        test="Accuracy of one chain of N attempts less that of N parallel attempts, mean over "
        f"N = {join_numbers(parallel)}: above 0 by majority and by weighted votes. The figure is "
        "the smaller.",
        estimate_draws=min(means, key=lambda draws: draws[0]),
        unit="points",
        claims=[Claim(mean, above=0) for mean in means],
        questions=complete_question_count(*gaps),
        chart=FindingChart("Attempts N", "Accuracy", rows),
        said=f"By majority {format_points(means[0][0])}, by weighted votes "
        f"{format_points(means[1][0])}.",
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
        estimate_draws=draws,
        unit="points",
        claims=[Claim(draws, above=0)],
        questions=complete_question_count(gap),
        chart=FindingChart("Attempts in one chain", "Accuracy", rows),
    )


def _long_chains(study: ResampledResults) -> pd.DataFrame:
    """All attempts of chains of CHAIN_LENGTH attempts or more."""
    attempts = study.table("attempts")
    keys = ["question", "budget", "chains", "chain"]
    length = attempts.groupby(keys)["place"].transform("max") + 1
    found = attempts[length >= CHAIN_LENGTH]
    if found.empty:
        raise InsufficientData(f"No chain of revisions is {CHAIN_LENGTH} attempts long.")
    return found


def _weighted_vote_correct(chains: pd.DataFrame, score: str) -> pd.Series:
    """Whether the answer with the largest sum of scores in a chain is right, by budget and
    question; of equal ones the older."""
    keys = ["budget", "question"]
    # A chain without a readable answer is not right.
    scored_questions = chains[keys].drop_duplicates().set_index(keys).index
    votes = chains.dropna(subset="answer").groupby([*keys, "answer"], as_index=False)
    sums = votes.agg(weight=(score, "sum"), first=("place", "min"), right=("correct", "max"))
    best = (
        sums.sort_values(["weight", "first"], ascending=[False, True])
        .groupby(keys)["right"]
        .first()
    )
    return best.reindex(scored_questions, fill_value=False).astype(float).sort_index()
