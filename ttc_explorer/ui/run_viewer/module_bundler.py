"""The viewer's ES modules as one script, for places that take only one: a component of Gradio, an
exported file, a notebook.

Each module becomes a function scope. Modules import and export by name only, from beside them or
from a folder beside theirs, and no two import each other, so that what a module imports is complete
when it runs.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_IMPORT = re.compile(r'^import \{([^{}]*)\} from "(\.\.?/(?:\w+/)?)(\w+)\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:const|(?:async )?function|class) )", re.MULTILINE)
_EXPORTED_NAME = re.compile(r"^export (?:(?:async )?function|class) (\w+)", re.MULTILINE)
_EXPORTED_CONSTANTS = re.compile(r"^export const ([^;]*);", re.MULTILINE)
_OTHER_SYNTAX = re.compile(r"^(?:import|export)\b", re.MULTILINE)


def bundle_modules(entry: Path, exports: tuple[str, ...]) -> str:
    """One script that runs a module and what it imports.

    Args:
        entry: the module's file; imports name files beside it, or in a folder beside its own.
        exports: names of the module that the script makes constants of, for code after it.

    Returns:
        The script: no ``import`` or ``export`` is left in it.

    Raises:
        ValueError: if modules import in a circle, or by syntax other than names in braces.
    """
    order: list[str] = []
    sources: dict[str, str] = {}
    _visit(entry.stem, entry.parent, (), order, sources)
    scopes = [_scope(name, sources[name]) for name in order]
    names = ", ".join(exports)
    return "".join(scopes) + f"const {{ {names} }} = {_variable(entry.stem)};\n"


def exported_names(source: str) -> list[str]:
    """The names that a module exports.

    >>> exported_names("export async function f() {}\\nexport const A = 1, B = 2;")
    ['f', 'A', 'B']
    """
    names = _EXPORTED_NAME.findall(source)
    for constants in _EXPORTED_CONSTANTS.findall(source):
        names += re.findall(r"(?:^|, )(\w+) = ", constants)
    return names


def _visit(
    name: str, folder: Path, above: tuple[str, ...], order: list[str], sources: dict[str, str]
) -> None:
    """Append the module and, before it, what it imports."""
    if name in above:
        raise ValueError(f"modules import in a circle: {' > '.join((*above, name))}")
    if name in order:
        return
    sources[name] = _read(folder / f"{name}.js")
    for _, place, imported in _IMPORT.findall(sources[name]):
        _visit(imported, folder / place, (*above, name), order, sources)
    order.append(name)


@cache
def _read(file: Path) -> str:
    return file.read_text("utf-8")


def _scope(name: str, source: str) -> str:
    names = exported_names(source)
    body = _IMPORT.sub(lambda line: f"const {{{line[1]}}} = {_variable(line[3])};\n", source)
    body = _EXPORT.sub("", body)
    if _OTHER_SYNTAX.search(body):
        raise ValueError(f"{name}.js imports or exports otherwise than by names in braces")
    return (
        f"const {_variable(name)} = (() => {{\n{body}\nreturn {{ {', '.join(names)} }};\n}})();\n"
    )


def _variable(name: str) -> str:
    return f"module_{name}"
