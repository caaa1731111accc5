"""Names: the field's words only, one name one module, and no citation of what is not here."""

from __future__ import annotations

import ast
import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from tests.test_ground import PACKAGE, ROOT

MODULES = sorted(PACKAGE.rglob("*.py"))
REFUSED = frozenset((ROOT / "tests" / "refused_names.txt").read_text().split())
"""Private words of old versions, which a reader had to learn before a file could be read; each has
a standard term now (docs/glossary.md)."""

FOREIGN_FILES = {"my_rules.py", "NAME.py", "NAME_command.py", "Plotly.js", "my_page.py"}
"""Files that are cited and are somebody else's."""


def identifiers(module: Path) -> set[str]:
    """All names that a module defines, takes, reads or imports."""
    names = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                names.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names.add(name)
            case ast.ClassDef(name=name) | ast.keyword(arg=str(name)):
                names.add(name)
            case ast.alias(name=name, asname=alias):
                names |= {name.rpartition(".")[2], alias or name.rpartition(".")[2]}
    return names


def test_the_old_private_words_do_not_come_back():
    found = {module.name: identifiers(module) & REFUSED for module in MODULES}
    assert not {name: words for name, words in found.items() if words}
    assert not {module.stem for module in MODULES} & REFUSED


def test_a_module_name_is_unique_so_that_a_traceback_tells_the_floor():
    counts = Counter(module.stem for module in MODULES if module.stem != "__init__")
    assert [name for name, count in counts.items() if count > 1] == []


@pytest.mark.parametrize(
    "folder", ["ttc_explorer", "docs", "README.md", "CONTRIBUTING.md", "CHANGELOG.md"]
)
def test_only_files_of_this_repository_are_cited(folder):
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout
    present = {Path(name).name for name in listed.splitlines()} | FOREIGN_FILES
    files = [name for name in listed.splitlines() if name.startswith(folder)]
    assert files
    for name in files:
        if name.endswith((".css", ".html", ".js", ".md", ".py")):
            text = (ROOT / name).read_text(encoding="utf-8")
            cited = {Path(each).name for each in re.findall(r"[\w./-]+\.(?:js|md|py|sh)\b", text)}
            assert cited <= present, f"{name} cites {cited - present}"
