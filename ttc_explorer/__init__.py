"""TTC Explorer: watch a language model spend test-time compute on math problems.

    import ttc_explorer as ttc

    run = ttc.solve("Solve 3x+5=20.", strategy="beam", budget=16)   # shipped models
    run.answer, run.votes, run.tree, run.ledger
    run.to_html("run.html")                                         # shows itself in a notebook

Floors, each importing only from those below it: ``problems`` (what is asked), ``models`` (who
answers and who judges), ``search`` (how compute is spent), ``experiments`` (what the numbers say),
``training`` (how the shipped models were made), ``serving`` (who may run what, where), ``ui`` (what
people see), ``cli``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from ttc_explorer.api import Run, Solver, compare, curves, load_trace, solve
    from ttc_explorer.search.selector import selector
    from ttc_explorer.search.settings import Settings
    from ttc_explorer.search.strategy import strategy
    from ttc_explorer.search.tree import SearchTree

__all__ = [
    "Run",
    "SearchTree",
    "Settings",
    "Solver",
    "__version__",
    "compare",
    "curves",
    "load_trace",
    "selector",
    "solve",
    "strategy",
]

_HOMES = {
    "SearchTree": "ttc_explorer.search.tree",
    "Settings": "ttc_explorer.search.settings",
    "selector": "ttc_explorer.search.selector",
    "strategy": "ttc_explorer.search.strategy",
}
"""The modules of the names that ``api.py`` does not define."""

if not TYPE_CHECKING:  # a checker would take any name for one of ours

    def __getattr__(name: str) -> object:
        """A public name, imported when it is first asked for: a command that only prints help need
        not load pandas."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value: object = getattr(import_module(_HOMES.get(name, "ttc_explorer.api")), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
