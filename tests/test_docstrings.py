"""Docstrings say what goes in, what comes out and what goes wrong."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_ground import PACKAGE

FLOORS = ("search", "experiments", "serving")
WHOLE = (
    "experiments/estimators.py",
    "experiments/pool.py",
    "experiments/pool_grading.py",
    "experiments/real_models.py",
)
"""Modules whose every public function has its sections."""


def public_functions(file: Path) -> Iterator[ast.FunctionDef]:
    """Functions of the module, and methods of its public classes that have a docstring of their
    own: others do what the class that they derive from says."""
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.FunctionDef):
            yield node
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            methods = (each for each in node.body if isinstance(each, ast.FunctionDef))
            yield from (method for method in methods if ast.get_docstring(method))


def own_statements(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """All nodes of a function, without those of functions within it."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.Lambda | ast.ClassDef):
            waiting += ast.iter_child_nodes(node)


def missing_sections(function: ast.FunctionDef, wanted: tuple[str, ...]) -> list[str]:
    if function.name.startswith("_"):
        return []
    text = ast.get_docstring(function) or ""
    given = function.args
    names = {each.arg for each in [*given.posonlyargs, *given.args, *given.kwonlyargs]}
    gives_nothing = function.returns is None or ast.unparse(function.returns) == "None"
    is_property = any("property" in ast.unparse(each) for each in function.decorator_list)
    needed = {
        "Args": bool(names - {"self", "cls"}) or given.vararg is not None,
        "Returns": not gives_nothing and not is_property and bool(names - {"self", "cls"}),
        "Raises": any(isinstance(n, ast.Raise) and n.exc for n in own_statements(function)),
    }
    said = {"Args": ("Args:", "rguments as of"), "Returns": ("Returns:",), "Raises": ("Raise",)}
    return [
        section
        for section in wanted
        if needed[section] and not any(words in text for words in said[section])
    ]


FILES = [file for floor in FLOORS for file in sorted((PACKAGE / floor).rglob("*.py"))]


def test_what_raises_says_so():
    silent = [
        f"{file.relative_to(PACKAGE)}: {function.name}"
        for file in FILES
        for function in public_functions(file)
        if missing_sections(function, ("Raises",))
    ]
    assert not silent


@pytest.mark.parametrize("name", WHOLE)
def test_arguments_and_results_are_described(name):
    found = {
        function.name: missing
        for function in public_functions(PACKAGE / name)
        if (missing := missing_sections(function, ("Args", "Returns", "Raises")))
    }
    assert not found


def test_a_missing_section_is_found():
    source = 'def f(a: int) -> int:\n    """F."""\n    raise ValueError(a)'
    (function,) = ast.parse(source).body
    assert isinstance(function, ast.FunctionDef)
    assert missing_sections(function, ("Args", "Returns", "Raises")) == [
        "Args",
        "Returns",
        "Raises",
    ]
