"""Strategies, selectors, pages and whatever else has a registry, from outside the package.

A module with entries that register themselves is an extension. It is found by an entry point of an
installed package, ``[project.entry-points."ttc_explorer.extensions"]``, or named in the environment
variable TTC_EXTENSIONS: Python files or module names, with commas between them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache, partial
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from ttc_explorer.environment import read_environment
from ttc_explorer.problems.problem import BadInput

ENTRY_POINT_GROUP = "ttc_explorer.extensions"


@cache
def load_extensions() -> None:
    """Import all extensions, once in a process. Every way in calls it: the command line, the app,
    a ``Solver``, the workers of a sweep.

    Raises:
        BadInput: one of them cannot be imported, or registers a name that is taken.
    """
    for entry_point in entry_points(group=ENTRY_POINT_GROUP):
        _load(f"the entry point {entry_point.name}", entry_point.load)
    for name in read_environment().extensions:
        if name.endswith(".py"):
            _load(name, partial(_import_file, Path(name)))
        else:
            _load(name, partial(import_module, name))


def _load(name: str, load: Callable[[], object]) -> None:
    try:
        load()
    except Exception as error:  # somebody else's code may fail in any way
        raise BadInput(
            f"The extension {name} cannot be loaded: {type(error).__name__}: {error}"
        ) from error


def _import_file(path: Path) -> None:
    """Import a Python file as a module named for it, so that its entries have one origin."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    name = f"ttc_extension_{path.stem}"
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = module_from_spec(spec)
    sys.modules[name] = (
        module  # before it runs, as the import statement does: dataclasses look here
    )
    spec.loader.exec_module(module)
