"""What first questions are to the shipped models: nothing is answered that they do not know without
saying so, and what is said of it is exact."""

from fractions import Fraction
from pathlib import Path
from random import Random

import pytest

from tests.problems.first_questions import FIRST_QUESTIONS, first_questions_markdown
from ttc_explorer.problems.arithmetic_reader import arithmetic_value, family_wording, read_formula
from ttc_explorer.problems.families import FAMILIES, LEVELS, draw_problem, recognise
from ttc_explorer.problems.problem import BadInput, Problem
from ttc_explorer.problems.typed_question import (
    _NEAREST,
    ANY_EXAMPLE,
    read_question,
    require_mathematics,
    with_known_answer,
)

DOCUMENT = Path(__file__).parents[2] / "docs" / "first_questions.md"


@pytest.mark.parametrize("row", FIRST_QUESTIONS, ids=lambda row: row["text"])
def test_first_questions_are_read_as_the_table_says(row):
    reading = read_question(row["text"])
    assert reading.kind == row["kind"]
    assert reading.asked_as == row.get("asked_as")
    assert reading.answer == row.get("answer")
    assert reading.nearest == row.get("nearest", "")
    if row["kind"] == "other":
        with pytest.raises(BadInput, match="nothing to compute"):
            require_mathematics(row["text"])
    else:
        require_mathematics(row["text"])


def test_the_table_of_first_questions_is_written_down():
    """``python -m tests.problems.first_questions > docs/first_questions.md`` writes it anew."""
    assert len(FIRST_QUESTIONS) >= 40
    assert DOCUMENT.read_text("utf-8") == first_questions_markdown()


def test_what_is_offered_instead_is_known():
    for example in [ANY_EXAMPLE, *(example for _, example in _NEAREST)]:
        assert recognise(example), example


@pytest.mark.slow
def test_another_wording_asks_for_the_same_number():
    """Every product of small numbers, in whatever words."""
    for a in range(1, 25):
        for b in range(1, 25):
            wording = family_wording(f"What is {a} times {b}?")
            assert wording is None or recognise(wording).answer == str(a * b)
            reading = read_question(f"{a} x {b} = ?")
            assert reading.answer == str(a * b)
            assert (reading.kind == "family") == (wording is not None)


def test_values_are_exact():
    rng = Random(0)
    for _ in range(300):
        a, b, c = (rng.randint(1, 999) for _ in range(3))
        one, other = rng.choice("+-*/"), rng.choice("+-*")
        expected = eval(f"Fraction({a}){one}Fraction({b}){other}{c}", {"Fraction": Fraction})
        assert arithmetic_value(f"Calculate {a} {one} {b} {other} {c}") == str(expected)


@pytest.mark.parametrize(
    "text",
    [
        "12 apples and 5 pears",
        "17*23 apples",
        "12",
        "2 3",
        "1 200 + 3",
        "x + 5",
        "10/0",
        "2^999999999",
        "(" * 150 + "1+1",
        "1+1" * 5000,
        "what is the sum of 3 and 5 and how much is 2 - 1",
        "12 + 5 is not 18",
        "",
    ],
)
def test_what_is_not_plain_arithmetic_is_not_taken_for_it(text):
    assert arithmetic_value(text) is None
    assert family_wording(text) is None


def test_problems_of_families_are_never_taken_for_plain_arithmetic():
    rng = Random(1)
    for name in FAMILIES:
        for level in LEVELS:
            problem = draw_problem(name, level, rng)
            reading = read_question(problem.text)
            assert (reading.kind, reading.asked_as) == ("family", None)
            assert reading.recognised.family.name == name
            formula = read_formula(problem.text)
            assert formula is None or name in ("fraction", "percent")


def test_a_reference_that_somebody_gave_stands():
    assert with_known_answer(Problem("17*23", "400")).answer == "400"
    assert with_known_answer(Problem("17*23")).answer == "391"
    assert with_known_answer(Problem("derivative of x^2")).answer is None
    assert with_known_answer(Problem("Solve 3x+5=20.")).family == "linear"
