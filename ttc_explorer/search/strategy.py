"""The strategies there are. A new one is one file in this folder and one line in this list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.primitives import Search
from ttc_explorer.search.settings import Settings
from ttc_explorer.search.strategies.adaptive import adaptive
from ttc_explorer.search.strategies.auto import auto
from ttc_explorer.search.strategies.beam import beam
from ttc_explorer.search.strategies.best_of_n import best_of_n
from ttc_explorer.search.strategies.dvts import dvts
from ttc_explorer.search.strategies.greedy import greedy
from ttc_explorer.search.strategies.hybrid import hybrid
from ttc_explorer.search.strategies.lookahead import lookahead
from ttc_explorer.search.strategies.mcts import mcts
from ttc_explorer.search.strategies.particles import particles
from ttc_explorer.search.strategies.rebase import rebase
from ttc_explorer.search.strategies.revision import revision
from ttc_explorer.search.tree import SearchTree


@dataclass(frozen=True)
class Strategy:
    """A strategy as people see it: its title and what it does, in one sentence.

    ``settings`` names those that it reads, apart from ``selector`` and ``aggregate``, by which
    every run is counted. ``verifier`` says what it wants a verifier for: to ``search``, only to
    ``select`` the answer (so that majority can do without), or for ``nothing``. ``reviser``: it
    cannot do without one. ``supports_prefix_continuation``: it goes on from one prefix in several
    ways, which a generator that writes whole solutions cannot. ``parallel_rows`` is how many
    solutions or steps it asks for together, at a budget and with settings: where that is less than
    the budget, it takes several such runs to fill a batch.
    """

    search: Callable[[SearchTree, int, Settings], Search]
    title: str
    sentence: str
    verifier: str
    settings: tuple[str, ...] = ()
    reviser: bool = False
    supports_prefix_continuation: bool = False
    parallel_rows: Callable[[int, Settings], int] = lambda budget, settings: budget


STRATEGIES: dict[str, Strategy] = {
    "greedy": Strategy(
        greedy,
        "Greedy",
        "Write one solution, always with the likeliest next token.",
        "nothing",
        ("rounds",),
    ),
    "best_of_n": Strategy(
        best_of_n,
        "Best-of-N",
        "Write N solutions independently, then choose among their answers.",
        "select",
        ("temperature", "rounds"),
    ),
    "beam": Strategy(
        beam,
        "Beam search",
        "Write N first steps, keep the best N/M by verifier score, try M next steps from each, "
        "and repeat.",
        "search",
        ("temperature", "width", "rounds"),
        supports_prefix_continuation=True,
    ),
    "lookahead": Strategy(
        lookahead,
        "Lookahead search",
        "Beam search that scores a step by where k more greedy steps lead, and forgets those "
        "steps again.",
        "search",
        ("temperature", "width", "lookahead", "rounds"),
        supports_prefix_continuation=True,
    ),
    "dvts": Strategy(
        dvts,
        "DVTS",
        "Split the budget over N/M subtrees; each tries M next steps and goes on from its own "
        "best one.",
        "search",
        ("temperature", "width", "rounds"),
        supports_prefix_continuation=True,
    ),
    "rebase": Strategy(
        rebase,
        "REBASE",
        "Give each live step next steps in proportion to the softmax of its score; drop those "
        "that get none.",
        "search",
        ("temperature", "rounds"),
        supports_prefix_continuation=True,
    ),
    "particles": Strategy(
        particles,
        "Particle filtering",
        "Write N solutions side by side; after each step draw lots, weighted by score, for who "
        "goes on.",
        "search",
        ("temperature", "rounds"),
        supports_prefix_continuation=True,
    ),
    "mcts": Strategy(
        mcts,
        "Monte Carlo tree search",
        "Go down the tree again and again, to steps that proved good or were seldom tried, and on "
        "to an end.",
        "search",
        ("temperature", "width", "rounds"),
        supports_prefix_continuation=True,
        parallel_rows=lambda budget, settings: settings.children(budget),
    ),
    "revise": Strategy(
        revision,
        "Revision",
        "Write chains of attempts, each after seeing the last four before it, then choose among "
        "all answers.",
        "select",
        ("temperature", "chains", "rounds"),
        reviser=True,
        parallel_rows=lambda budget, settings: min(settings.chains, budget),
    ),
    "hybrid": Strategy(
        hybrid,
        "Hybrid search",
        "Spend half on beam search, and the rest on revising the best attempts, found or revised, "
        "so far.",
        "search",
        ("temperature", "width", "chains", "rounds"),
        reviser=True,
        supports_prefix_continuation=True,
    ),
    "adaptive": Strategy(
        adaptive,
        "Adaptive best-of-N",
        "Write solutions in small batches, at most N, and stop as soon as the leading answer is "
        "safe.",
        "select",
        ("temperature", "rounds"),
    ),
    "auto": Strategy(
        auto,
        "Compute-optimal",
        "Probe how hard the question is, then spend the rest as was measured to be best for such "
        "questions.",
        "search",
        ("temperature", "width", "lookahead", "chains", "rounds"),
        supports_prefix_continuation=True,
    ),
}


def get_strategy(name: str) -> Strategy:
    """The strategy of that name. Raises BadInput."""
    if name not in STRATEGIES:
        raise BadInput(f"Unknown strategy '{str(name)[:40]}': choose from {', '.join(STRATEGIES)}.")
    return STRATEGIES[name]


NO_REVISER = (
    "needs a reviser, a model trained to improve on earlier attempts, and there is none here."
)
NO_VERIFIER = "needs a verifier, a model that scores steps, and there is none here."
NO_PREFIX_CONTINUATION = (
    "continues a solution from its middle, and this model can only be asked for whole ones."
)


def unavailable_reason(
    name: str, supports_prefix_continuation: bool, verifier: bool, reviser: bool
) -> str:
    """Why the strategy cannot run with a generator that ``supports_prefix_continuation`` or not,
    and with or without a verifier and a reviser: a sentence, empty if it can. Raises BadInput if
    there is no such strategy."""
    entry = get_strategy(name)
    if entry.supports_prefix_continuation and not supports_prefix_continuation:
        return f"{entry.title} {NO_PREFIX_CONTINUATION}"
    if entry.reviser and not reviser:
        return f"{entry.title} {NO_REVISER}"
    if entry.verifier == "search" and not verifier:
        return f"{entry.title} {NO_VERIFIER}"
    return ""


def check_verifier(name: str, settings: Settings, present: bool) -> None:
    """Raise BadInput if the strategy, with these settings, needs a verifier and none is present."""
    need = get_strategy(name).verifier
    if present or need == "nothing" or (need == "select" and settings.selector == "majority"):
        return
    if need == "select":
        raise BadInput(
            f"The selector '{settings.selector}' needs a verifier: choose one, or majority."
        )
    raise BadInput(f"{get_strategy(name).title} needs a verifier: choose one, or another strategy.")
