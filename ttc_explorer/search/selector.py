"""Selectors: how one answer is chosen from finished solutions. A new one is one function.

A selector says what a finished solution weighs, by its features, and how the weights of equal
answers combine. A run (``voting.py``) and a pool of sampled solutions
(``experiments/estimators.py``) both ask that one function, so a selector that is registered is
voted, estimated, drawn and compared like those that come with the package (``search/selectors/``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ttc_explorer.registry import Registry

Floats = NDArray[np.float64]

Need = Literal["nothing", "scores", "logprobs"]
Combine = Literal["sum", "max"]


@dataclass(frozen=True)
class SolutionFeatures:
    """What is known of finished solutions: arrays of one shape, (n,) for the n solutions of a run,
    (questions, n) for a pool.

    ``tokens`` were generated. ``score`` is the verifier's, by the run's ``aggregate``; nan for
    selectors that do not say they need ``scores``, and where a solution has none. ``confidence`` is
    the model's own, in (0, 1], by the run's setting (``token_confidence.py``); nan for selectors
    that do not need ``logprobs``, and where the model told none. ``draw`` is uniform in [0, 1),
    seeded by the run; a pool, whose estimators average over all draws, has it constant.
    """

    tokens: Floats
    score: Floats
    confidence: Floats
    draw: Floats


@dataclass(frozen=True)
class Selector:
    """A selector as people see it, and its rule.

    Attributes:
        weigh: features to the weight of every solution, of the same shape; it must not be negative,
            and nan stands for a solution about which nothing is known: it weighs nothing.
        title: its name on screen.
        summary: what it does, in one sentence.
        needs: what the rule reads: verifier ``scores``, token ``logprobs``, or ``nothing`` that
            costs anything. What a selector does not need is not computed, and not charged for.
        combine: an answer weighs the ``sum`` of its solutions' weights, or the ``max``, the one
            best solution's. Ties of sums go to the more frequent answer, then to the older one; of
            maxima, to the older solution.
        within_chains_first: whether, among revisions, the rule first chooses within each chain and
            then across the chains' winners (arXiv 2408.03314, section 6), or counts all attempts
            flat.
        settings: the settings it reads, beside ``selector``.
    """

    weigh: Callable[[SolutionFeatures], Floats]
    title: str
    summary: str
    needs: Need
    combine: Combine = "sum"
    within_chains_first: bool = False
    settings: tuple[str, ...] = ()


SELECTORS: Registry[Selector] = Registry("selector")
"""Name -> selector. The built-in ones are there as soon as anything of ``search`` is imported."""

NEEDED_FIGURES = {
    "scores": "a verifier's scores",
    "logprobs": "the log-probabilities of the model's tokens",
}
"""What a selector of each need reads, in words."""


def figures_given(verifier: bool, logprobs: bool) -> list[Need]:
    """What there is of what selectors may need, where there is a verifier or log-probabilities."""
    given: list[Need] = ["scores"] * verifier
    given += ["logprobs"] * logprobs
    return given


def selectors_with(given: Collection[Need]) -> list[str]:
    """The selectors that can choose by what is given."""
    return [name for name, rule in SELECTORS.items() if rule.needs in ("nothing", *given)]


def missing_figures(name: str, given: Collection[Need], where: str) -> str:
    """Why a selector cannot choose, and which others can.

    Args:
        name: of the selector.
        given: what there is of what selectors may need.
        where: what has not got the rest, as in "this run".

    Returns:
        A sentence; empty if there is what the selector needs.

    Raises:
        BadInput: there is no such selector.
    """
    needs = SELECTORS.find(name).needs
    if needs == "nothing" or needs in given:
        return ""
    return (
        f"The selector {name} needs {NEEDED_FIGURES[needs]}, which {where} does not have: choose "
        f"another ({', '.join(selectors_with(given))})."
    )


def selector(
    name: str,
    *,
    title: str,
    summary: str,
    needs: Need,
    combine: Combine = "sum",
    within_chains_first: bool = False,
    settings: tuple[str, ...] = (),
) -> Callable[[Callable[[SolutionFeatures], Floats]], Callable[[SolutionFeatures], Floats]]:
    """Register the decorated function as the ``weigh`` of a selector; arguments as in Selector::

        @selector("shortest", title="Shortest", summary="The shortest one decides.",
                  needs="nothing", combine="max")
        def shortest(features: SolutionFeatures) -> Floats:
            return 1 / features.tokens

    Raises:
        BadInput: the name is taken, or no identifier.
    """

    def register(weigh: Callable[[SolutionFeatures], Floats]) -> Callable[..., Floats]:
        entry = Selector(weigh, title, summary, needs, combine, within_chains_first, settings)
        SELECTORS.register(name, entry, weigh.__module__)
        return weigh

    return register
