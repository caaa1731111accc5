"""Compute-optimal: see how hard the question is, then spend as was measured to be best for such
questions (arXiv 2408.03314, section 3.2).
"""

from __future__ import annotations

import math

from ttc_explorer.models.protocol import PolicyDecision, PolicyQuery, StrategyChoice
from ttc_explorer.search.primitives import Search
from ttc_explorer.search.settings import Settings, recorded_settings
from ttc_explorer.search.strategies.best_of_n import best_of_n
from ttc_explorer.search.strategy import choice_key, format_choice, get_strategy, strategy
from ttc_explorer.search.tree import NoteValue, SearchTree

MAX_PROBE = 16
FALLBACK_CHOICE = StrategyChoice("best_of_n")
MEASURED_WITH = {name: getattr(Settings(), name) for name in ("width", "lookahead", "chains")}
"""Settings that a choice was measured with where it does not say them: they are the policy's, and
not those of who asks."""


@strategy(
    "auto",
    title="Compute-optimal",
    summary="Probe how hard the question is, then spend the rest as was measured to be best for "
    "such questions.",
    verifier="search",
    settings=("temperature", "rounds", "merge", "step"),
    needs_prefix_continuation=True,
)
def auto(tree: SearchTree, budget: int, settings: Settings) -> Search:
    """A probe of best-of-n, its mean score asked about, and the rest of N spent as the policy says.

    The probe is a quarter of N, from 1 to 16 solutions, and part of the budget (the paper leaves
    its cost out). Its evidence is the mean of the verifier's scores at the ends of its solutions:
    predicted difficulty, no reference answer used. The chosen strategy goes on in the same tree
    with what is left, and the solutions of the probe vote with its own. Where there is no policy,
    or its choice needs a reviser and there is none, the rest is best-of-N too: together, best-of-N
    as if nobody had asked. A budget of 1 is all probe.

    Equal steps of probe and search are one node; what the probe kept, the search does not prune. A
    choice is followed as it was measured: without merging if it was without, and with the width,
    lookahead and chains that it had then.
    """
    probe = min(max(1, budget // 4), MAX_PROBE)
    rest = budget - probe
    ending = yield from best_of_n(tree, probe, settings, keep_state=rest > 0)
    ends = [node for node in range(len(tree)) if tree.status[node] in ("finished", "open")]
    mean_score = math.fsum(tree.copies[node] * (tree.score[node] or 0.0) for node in ends) / probe
    evidence = f"The mean score of a probe of {probe} is {mean_score:.2f}"
    note_data: dict[str, NoteValue | list[NoteValue]] = {
        "probe": probe,
        "rest": rest,
        "mean_score": mean_score,
    }
    if not rest:
        tree.note(f"{evidence}, and the probe was the whole budget.", **note_data)
        return ending

    decision = yield PolicyQuery(mean_score, budget)
    choice = FALLBACK_CHOICE
    if not isinstance(decision, PolicyDecision):
        tree.note(f"{evidence}. No policy has been measured yet: best-of-N goes on.", **note_data)
    else:
        choice, explanation = resolve_choice(decision)
        tree.note(
            f"{evidence}: bin {decision.bin} of {len(decision.choices)}. {explanation} "
            f"{describe_neighbour_bins(decision)}",
            **note_data,
            bin=decision.bin,
            choices=[choice_key(each) for each in decision.choices],
            choice=choice_key(choice),
        )
    strategy_of_rest = get_strategy(choice.strategy)
    measured = MEASURED_WITH | dict(choice.settings)
    settings_of_rest = settings.with_values(measured)
    if "merge" in strategy_of_rest.settings:
        settings_of_rest = recorded_settings(measured, settings)
        tree.merge = settings_of_rest.merge
    ending_of_rest = yield from strategy_of_rest.search(tree, rest, settings_of_rest)
    return "budget" if "budget" in (ending, ending_of_rest) else "done"


def resolve_choice(decision: PolicyDecision) -> tuple[StrategyChoice, str]:
    """What is done with the rest of the budget, and a sentence that says so."""
    policy_choice = decision.choices[decision.bin - 1]
    if decision.reviser or not get_strategy(policy_choice.strategy).needs_reviser:
        return policy_choice, f"The policy's choice for the rest: {format_choice(policy_choice)}."
    reason = "needs a reviser, and there is none here: best-of-N goes on."
    return FALLBACK_CHOICE, f"The policy's choice, {format_choice(policy_choice)}, {reason}"


def describe_neighbour_bins(decision: PolicyDecision) -> str:
    """What the policy would have chosen, had the question looked a little easier or harder: a
    sentence."""
    neighbour_bins = [
        number
        for number in (decision.bin - 1, decision.bin + 1)
        if 1 <= number <= len(decision.choices)
    ]
    descriptions = ", ".join(
        f"{format_choice(decision.choices[number - 1])} in bin {number}"
        for number in neighbour_bins
    )
    return f"It would have been {descriptions}."
