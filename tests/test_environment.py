"""The environment variables: read in one place, documented in one table."""

import re

import pytest

from tests.test_ground import PACKAGE, ROOT
from ttc_explorer.environment import Environment, read_environment, variable_name
from ttc_explorer.problems.problem import MAX_CHARACTERS, BadInput
from ttc_explorer.search.settings import MAX_BUDGET


def test_the_readme_has_each_variable_with_its_description():
    rows = re.findall(r"^\| `(TTC_\w+)` \| ([^|]+) \|", (ROOT / "README.md").read_text(), re.M)
    assert dict(rows) == {
        variable_name(name): field.description
        for name, field in Environment.model_fields.items()
        if field.description
    }


def test_variables_are_read_in_one_place():
    for file in PACKAGE.rglob("*.py"):
        text = file.read_text()
        assert not re.search(r"environ\b.*[\"']TTC_", text), f"{file.name} reads a variable itself"


def test_an_empty_variable_is_none(monkeypatch):
    monkeypatch.setenv("TTC_THREADS", "")
    monkeypatch.setenv("TTC_MODEL", "  base-m ")
    monkeypatch.setenv("TTC_EXTENSIONS", "mine.py, package.module,")
    environment = read_environment()
    assert (environment.threads, environment.model) == (None, "base-m")
    assert environment.extensions == ("mine.py", "package.module")


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("TTC_THREADS", "many", "TTC_THREADS must be a whole number from 1 to 1,024."),
        ("TTC_MAX_SECONDS", "0", "TTC_MAX_SECONDS must be a whole number from 1 to 3,600."),
        (
            "TTC_FRAMES",
            "https://a.example; script-src *",
            "TTC_FRAMES must be sites as https://lms.example, with commas.",
        ),
        ("TTC_PUBLIC", "2", "TTC_PUBLIC must be 1 (strangers use this) or 0."),
    ],
)
def test_a_bad_variable_is_one_sentence(monkeypatch, variable, value, sentence):
    monkeypatch.setenv(variable, value)
    with pytest.raises(BadInput) as refused:
        read_environment()
    assert str(refused.value) == sentence


def test_a_key_is_not_printed(monkeypatch):
    monkeypatch.setenv("TTC_API_KEY", "the-secret")
    assert "the-secret" not in repr(read_environment())


def test_the_largest_limits_are_those_of_the_package():
    def most(name):
        return next(
            bound.le for bound in Environment.model_fields[name].metadata if hasattr(bound, "le")
        )

    assert (most("max_characters"), most("max_budget")) == (MAX_CHARACTERS, MAX_BUDGET)
