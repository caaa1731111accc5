"""Compute-optimal: see how hard the question is, then spend as was measured to be best for such questions
(arXiv 2408.03314, section 3.2).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ttc_explorer.models.protocol import Advice, Choice, Consult
from ttc_explorer.search.best_of_n import best_of_n
from ttc_explorer.search.moves import Search
from ttc_explorer.search.settings import Settings
from ttc_explorer.search.tree import Fact, SearchTree

if TYPE_CHECKING:
    from ttc_explorer.search.strategies import Strategy

LARGEST_PROBE = 16
FALLBACK = Choice("best_of_n")


def auto(tree: SearchTree, budget: int, settings: Settings) -> Search:
    """A probe of best-of-n, its mean score asked about, and the rest of N spent as the policy says.

    The probe is a quarter of N, from 1 to 16 solutions, and part of the budget (the paper leaves its cost
    out). Its evidence is the mean of the verifier's scores at the ends of its solutions: predicted
    difficulty, no reference answer used. The chosen strategy goes on in the same tree with what is left, and
    the solutions of the probe vote with its own. Where there is no policy, or its choice needs a reviser and
    there is none, the rest is best-of-N too: together, best-of-N as if nobody had asked. A budget of 1 is
    all probe.
    """
    probe = min(max(1, budget // 4), LARGEST_PROBE)
    rest = budget - probe
    ending = yield from best_of_n(tree, probe, settings, again=rest > 0)
    ends = [node for node in range(len(tree)) if tree.status[node] in ("finished", "open")]
    mean_score = math.fsum(tree.score[node] for node in ends) / probe
    evidence = f"The mean score of a probe of {probe} is {mean_score:.2f}"
    facts: dict[str, Fact | list[Fact]] = {"probe": probe, "rest": rest, "mean_score": mean_score}
    if not rest:
        tree.note(f"{evidence}, and the probe was the whole budget.", **facts)
        return ending

    advice = yield Consult(mean_score, budget)
    choice = FALLBACK
    if advice is None:
        tree.note(f"{evidence}. No policy has been measured yet: best-of-N goes on.", **facts)
    else:
        choice, decision = decided(advice)
        tree.note(
            f"{evidence}: bin {advice.bin} of {len(advice.choices)}. {decision} {neighbours(advice)}",
            **facts,
            bin=advice.bin,
            choices=[titled(each) for each in advice.choices],
            choice=titled(choice),
        )
    search = listed(choice.strategy).search(tree, rest, settings.updated(dict(choice.settings)))
    ending_of_rest = yield from search
    return "budget" if "budget" in (ending, ending_of_rest) else "done"


def decided(advice: Advice) -> tuple[Choice, str]:
    """What is done with the rest of the budget, and a sentence that says so."""
    wanted = advice.choices[advice.bin - 1]
    if advice.reviser or not listed(wanted.strategy).reviser:
        return wanted, f"The policy's choice for the rest: {titled(wanted)}."
    reason = "needs a reviser, and there is none here: best-of-N goes on."
    return FALLBACK, f"The policy's choice, {titled(wanted)}, {reason}"


def listed(name: str) -> Strategy:
    """The strategy of that name, looked up this late because the list of strategies has ``auto`` in it."""
    from ttc_explorer.search.strategies import strategy

    return strategy(name)


def titled(choice: Choice) -> str:
    """A choice of the policy in words.

    >>> titled(Choice("beam", (("width", 2),)))
    'Beam search (width 2)'
    """
    settings = ", ".join(f"{key} {value}" for key, value in choice.settings)
    return listed(choice.strategy).title + (f" ({settings})" if settings else "")


def neighbours(advice: Advice) -> str:
    """What the policy would have chosen, had the question looked a little easier or harder: a sentence."""
    near = [number for number in (advice.bin - 1, advice.bin + 1) if 1 <= number <= len(advice.choices)]
    said = ", ".join(f"{titled(advice.choices[number - 1])} in bin {number}" for number in near)
    return f"It would have been {said}."
