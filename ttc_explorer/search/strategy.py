"""Strategies: how a run spends its budget. A new one is one function in one file, here
(``search/strategies/``) or in somebody's own (``extensions.py``)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

from ttc_explorer.models.protocol import StrategyChoice
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.registry import Registry
from ttc_explorer.search.primitives import Search
from ttc_explorer.search.selector import (
    SELECTORS,
    figures_given,
    missing_figures,
    selectors_with,
)
from ttc_explorer.search.settings import Settings
from ttc_explorer.search.tree import SearchTree

VerifierUse = Literal["search", "select", "nothing"]
SearchFunction = Callable[[SearchTree, int, Settings], Search]
AnySearch = TypeVar("AnySearch", bound=Callable[..., Search])
"""A search function that may take more when another search calls it."""


def rows_of_the_budget(budget: int, settings: Settings) -> int:
    """The rows of a strategy that asks for its whole budget at once."""
    return budget


@dataclass(frozen=True)
class Strategy:
    """A strategy as people see it, and its search.

    Attributes:
        search: the generator function: (tree, budget, settings) to requests (``primitives.py``).
        title: its name on screen.
        summary: what it does, in one sentence.
        verifier: what it wants a verifier for: to ``search``, only to ``select`` the answer (so
            that a selector that needs no scores can do without), or for ``nothing``.
        settings: the settings it reads, apart from ``selector`` and ``aggregate``, by which every
            run is counted.
        needs_reviser: it cannot do without a reviser.
        needs_prefix_continuation: it goes on from one prefix in several ways, which a generator
            that writes whole solutions cannot.
        parallel_rows: how many solutions or steps it asks for together, at a budget and with
            settings: where that is less than the budget, it takes several such runs to fill a
            batch.
    """

    search: SearchFunction
    title: str
    summary: str
    verifier: VerifierUse
    settings: tuple[str, ...] = ()
    needs_reviser: bool = False
    needs_prefix_continuation: bool = False
    parallel_rows: Callable[[int, Settings], int] = rows_of_the_budget


STRATEGIES: Registry[Strategy] = Registry("strategy")
"""Name -> strategy. The built-in ones are there as soon as anything of ``search`` is imported."""


def strategy(
    name: str,
    *,
    title: str,
    summary: str,
    verifier: VerifierUse,
    settings: tuple[str, ...] = (),
    needs_reviser: bool = False,
    needs_prefix_continuation: bool = False,
    parallel_rows: Callable[[int, Settings], int] = rows_of_the_budget,
) -> Callable[[AnySearch], AnySearch]:
    """Register the decorated search function; arguments as in Strategy::

        @strategy("pairs", title="Pairs", summary="Two solutions.", verifier="select",
                  settings=("temperature",))
        def pairs(tree: SearchTree, budget: int, settings: Settings) -> Search:
            return (yield from best_of_n(tree, 2, settings))

    Raises:
        BadInput: the name is taken, or no identifier.
    """

    def register(search: AnySearch) -> AnySearch:
        entry = Strategy(
            search,
            title,
            summary,
            verifier,
            settings,
            needs_reviser,
            needs_prefix_continuation,
            parallel_rows,
        )
        STRATEGIES.register(name, entry, search.__module__)
        return search

    return register


def get_strategy(name: str) -> Strategy:
    """The strategy of that name. Raises BadInput."""
    return STRATEGIES.find(name)


def format_choice(choice: StrategyChoice) -> str:
    """A strategy and the settings that differ from the run's own, in words.

    >>> format_choice(StrategyChoice("beam", (("width", 2),)))
    'Beam search (width 2)'
    """
    settings = ", ".join(f"{key} {value}" for key, value in choice.settings)
    return get_strategy(choice.strategy).title + (f" ({settings})" if settings else "")


def choice_key(choice: StrategyChoice) -> str:
    """A choice as data: the strategy, and the settings as JSON, as tables of results have them.

    >>> choice_key(StrategyChoice("beam", (("width", 2),)))
    'beam {"width": 2}'
    """
    return f"{choice.strategy} {json.dumps(dict(choice.settings), sort_keys=True)}"


def reads_scores(name: str, selector: str, budget: int) -> bool:
    """Whether a run of this strategy, counted by this selector, reads the verifier's scores: to
    search, or to select, which takes two solutions at least. What nobody reads is neither computed
    nor charged for. Raises BadInput."""
    return get_strategy(name).verifier == "search" or (
        _selects(name, budget) and SELECTORS.find(selector).needs == "scores"
    )


def reads_logprobs(name: str, selector: str, budget: int) -> bool:
    """Whether a run of this strategy, counted by this selector, reads the log-probabilities of its
    tokens. Raises BadInput."""
    return _selects(name, budget) and SELECTORS.find(selector).needs == "logprobs"


def _selects(name: str, budget: int) -> bool:
    """Whether there may be several solutions to choose from."""
    return get_strategy(name).verifier != "nothing" and budget > 1


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
    if entry.needs_prefix_continuation and not supports_prefix_continuation:
        return f"{entry.title} {NO_PREFIX_CONTINUATION}"
    if entry.needs_reviser and not reviser:
        return f"{entry.title} {NO_REVISER}"
    if entry.verifier == "search" and not verifier:
        return f"{entry.title} {NO_VERIFIER}"
    return ""


def check_selector(
    name: str, selector: str, budget: int, has_verifier: bool, tells_logprobs: bool
) -> None:
    """Raise BadInput if a run of the strategy, counted by the selector, needs a verifier or
    log-probabilities of tokens that the models do not give."""
    entry = get_strategy(name)
    if entry.verifier == "search" and not has_verifier:
        raise BadInput(
            f"{entry.title} needs a verifier: name one after the generator (GENERATOR+VERIFIER), "
            "or choose another strategy, such as best_of_n."
        )
    given = figures_given(has_verifier, tells_logprobs)
    if reads_scores(name, selector, budget) and not has_verifier:
        *able, last = selectors_with(given)
        raise BadInput(
            f"The selector '{selector}' needs a verifier: name one after the generator "
            f"(GENERATOR+VERIFIER), or set selector={', '.join(able)} or {last}."
        )
    if reads_logprobs(name, selector, budget) and not tells_logprobs:
        raise BadInput(missing_figures(selector, given, "this model"))
