"""Figures of the shipped tables in the texts of lessons: worked out when a lesson is opened, never
typed in.

A text has them in double braces, a function and its arguments: ``{{accuracy best_of_n 16}}``. Where
the tables do not hold one, the whole text says so instead.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from ttc_explorer.asset_files import EXPERIMENTS_FOLDER
from ttc_explorer.experiments.curve_points import EvidenceArrays
from ttc_explorer.experiments.difficulty import quintiles
from ttc_explorer.experiments.estimators import COVERAGE
from ttc_explorer.experiments.findings import format_estimate, load_findings
from ttc_explorer.experiments.intervals import bootstrap
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.registry import Registry
from ttc_explorer.ui.results_store import ModelResults, ResultsStore

NOT_MEASURED = "The tables that are here do not hold this."
MODEL = "base-s"
_FIGURE = re.compile(r"\{\{([^{}]*)\}\}")
_WORDS = re.compile(r"(\w+)=([\w,.-]+)|([\w.-]+)")

Options = dict[str, str]
Figure = Callable[[ResultsStore, list[str], Options], str]
FIGURES: Registry[Figure] = Registry("figure")


class NotMeasured(LookupError):
    """The tables do not hold a figure."""


def figure(name: str) -> Callable[[Figure], Figure]:
    """A decorator that registers what works out a figure, by its name in texts."""

    def register(compute: Figure) -> Figure:
        FIGURES.register(name, compute, compute.__module__)
        return compute

    return register


def figure_names(text: str) -> list[str]:
    """What stands between double braces in a text."""
    return _FIGURE.findall(text)


def fill_figures(text: str, figures: Mapping[str, str | None]) -> str:
    """The text with its figures, by name; NOT_MEASURED if one is not there."""
    if any(figures.get(name) is None for name in figure_names(text)):
        return NOT_MEASURED
    return _FIGURE.sub(lambda match: figures[match[1]] or "", text)


def compute_figure(name: str, store: ResultsStore) -> str:
    """A figure, such as ``accuracy best_of_n 16``.

    Raises:
        BadInput: a function or an argument is none.
        NotMeasured: the tables do not hold it.
    """
    words, options = [], {}
    for option, value, word in _WORDS.findall(name):
        if option:
            options[option] = value
        else:
            words.append(word)
    if not words:
        raise BadInput("A figure needs a name, such as accuracy.")
    return FIGURES.find(words[0])(store, words[1:], options)


@figure("accuracy")
def accuracy(store: ResultsStore, words: list[str], options: Options) -> str:
    """``accuracy STRATEGY N``: the share of questions that it gets right. Options: ``selector``
    (weighted), ``model``, ``bin`` (1 easiest to 5), ``families``, settings by their names."""
    results, mask = _asked(store, options)
    values = _values(results.table, words, options)[mask]
    return f"{100 * _mean(values):.0f} %"


@figure("coverage")
def coverage(store: ResultsStore, words: list[str], options: Options) -> str:
    """``coverage N``: the share of questions with a right solution among N samples. Options:
    ``model``, ``bin``, ``families``."""
    return accuracy(store, [COVERAGE, *words], options)


@figure("gain")
def gain(store: ResultsStore, words: list[str], options: Options) -> str:
    """``gain STRATEGY N``: its accuracy less that of best-of-N at the same N, weighted votes, in
    points, with its 95 % interval (paired bootstrap over questions). Options as of ``accuracy``,
    and ``than``: another strategy to compare with."""
    results, mask = _asked(store, options)
    here = _values(results.table, words, options)[mask]
    other = _values(results.table, [options.get("than", "best_of_n"), *words[1:]], {})[mask]
    both = np.isfinite(here) & np.isfinite(other)
    if not both.any():
        raise NotMeasured
    difference = 100 * (here - other)[both]
    _, low, high = bootstrap(difference)
    return f"{difference.mean():+.0f} points ({low:+.0f} to {high:+.0f})".replace("-", "−")


@figure("questions")
def questions(store: ResultsStore, words: list[str], options: Options) -> str:
    """``questions``: how many were measured. Options: ``model``, ``bin``, ``families``."""
    return str(int(_asked(store, options)[1].sum()))


@figure("tokens")
def tokens(store: ResultsStore, words: list[str], options: Options) -> str:
    """``tokens STRATEGY N``: tokens that a question's run wrote, on average. Options as of
    ``accuracy``."""
    results, mask = _asked(store, options)
    column = _column(results.table, words, options)
    return f"{_mean(results.table.costs['generated_tokens'][mask, column]):,.0f}"


@figure("ratio")
def ratio(store: ResultsStore, words: list[str], options: Options) -> str:
    """``ratio``: how many times larger the model of ``than`` is than that of ``model``."""
    sizes = [store.parameters(options[name]) for name in ("than", "model") if name in options]
    if len(sizes) != 2 or not all(sizes):
        raise NotMeasured
    return f"{sizes[0] / sizes[1]:.0f}"


@figure("finding")
def finding(store: ResultsStore, words: list[str], options: Options) -> str:
    """``finding ID``: the figure of a finding, its interval, and its verdict."""
    found = {each.id: each for each in load_findings(EXPERIMENTS_FOLDER / "findings.json") or []}
    here = found.get(words[0]) if words else None
    if here is None or here.estimate is None:
        raise NotMeasured
    return f"{format_estimate(here)}, {here.verdict}".replace("-", "−")


def _asked(store: ResultsStore, options: Options) -> tuple[ModelResults, NDArray[np.bool_]]:
    """The results of the model, and which of its questions are asked for, (Q,)."""
    model = options.get("model", MODEL)
    if model not in store.models:
        raise NotMeasured
    results = store.model_results(model)
    mask = np.ones(len(results.table.questions), bool)
    if "families" in options:
        mask &= results.problems["family"].isin(options["families"].split(",")).to_numpy()
    if "bin" in options:
        if "oracle" not in results.easiness:
            raise NotMeasured
        weight = np.ones(len(mask))
        bins = quintiles(results.easiness["oracle"], weight, np.random.default_rng(0))
        mask &= bins == int(options["bin"])
    if not mask.any():
        raise NotMeasured
    return results, mask


def _column(table: EvidenceArrays, words: list[str], options: Options) -> int:
    """The column of an arm at a budget."""
    if len(words) != 2 or not words[1].isdecimal():
        raise BadInput("A figure of a strategy needs its name and N: accuracy beam 16.")
    others = {"selector", "model", "bin", "families", "than"}
    settings = {name: json.loads(value) for name, value in options.items() if name not in others}
    selector = COVERAGE if words[0] == COVERAGE else options.get("selector", "weighted")
    strategy = "best_of_n" if words[0] == COVERAGE else words[0]
    columns = table.columns
    same = (
        (columns["strategy"] == strategy)
        & (columns["settings"] == json.dumps(settings))
        & (columns["selector"] == selector)
        & (columns["budget"] == int(words[1]))
    )
    found = np.flatnonzero(same)
    if not len(found):
        raise NotMeasured
    return int(found[0])


def _values(table: EvidenceArrays, words: list[str], options: Options) -> NDArray[np.float64]:
    """The chance of a right answer on each question, (Q,), nan where it was not run."""
    values: NDArray[np.float64] = table.value[:, _column(table, words, options)]
    return values


def _mean(values: NDArray[np.float64]) -> float:
    measured = values[np.isfinite(values)]
    if not len(measured):
        raise NotMeasured
    return float(measured.mean())
