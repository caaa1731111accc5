"""What solution lines claim: arithmetic against Python's own, and the truth of what the families
write."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttc_explorer.problems.families import FAMILIES, LEVELS
from ttc_explorer.problems.families.arithmetic_claims import (
    claim_truths,
    evaluate_arithmetic,
    printed_check_pass_rate,
)
from ttc_explorer.problems.families.family import line_text
from ttc_explorer.problems.families.solution_writer import format_check

families = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
whole = st.integers(-(10**6), 10**6)


@st.composite
def sums(draw):
    """A sum of products as text, and its value, worked out while it is written."""
    text, total = "", Fraction(0)
    for number in range(draw(st.integers(1, 5))):
        factor = draw(whole)
        sign = draw(st.sampled_from("+-")) if number else ""
        term, product = str(factor), Fraction(factor)
        for _ in range(draw(st.integers(0, 3))):
            factor, times = draw(whole), draw(st.booleans())
            if not times and not factor:
                continue
            term += f"{'*' if times else '/'}{factor}"
            product = product * factor if times else product / factor
        text += sign + term
        total += -product if sign == "-" else product
    return text, total


@settings(max_examples=200)
@given(sums())
def test_a_sum_of_products_has_the_value_that_arithmetic_gives_it(made):
    text, expected = made
    assert evaluate_arithmetic(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "3x",
        "3 4",
        "3+",
        "*3",
        "3**2",
        "1/0",
        "2*(3+4)",
        "1.5",
        "1" * 13,
        "3*-",
        "²",
        "+-+3",
    ],
)
def test_any_other_text_has_no_value(text):
    assert evaluate_arithmetic(text) is None


@settings(max_examples=200)
@given(sums(), st.fractions(max_denominator=1))
def test_an_equality_is_judged_by_its_value(made, error):
    text, total = made
    if total.denominator == 1 and abs(total) < 10**11:
        said = total + int(error)
        assert claim_truths(f"{text}={said}") == [error == 0]
        assert claim_truths(f"a=3 {text}={said}") == [error == 0]
        # A chain of equalities claims each of them.
        assert claim_truths(f"{text}={said}={total}") == [error == 0] * 2


@settings(max_examples=200)
@given(sums(), whole, st.integers(-3, 3), st.booleans())
def test_a_check_claims_its_sum_its_difference_and_its_verdict(made, want, error, swap):
    text, total = made
    if total.denominator == 1 and abs(total) < 10**11 and text != str(total):
        got = int(total)
        line = format_check(text, got, want)
        assert claim_truths(line) == [True, True, True]
        verdict = "no" if line.endswith("ok") else "ok"
        assert claim_truths(f"{line.rpartition(' ')[0]} {verdict}") == [True, True, False]
        false = (
            f"{text}={got} want {want} off {want - got + error} "
            f"{'no' if want - got + error else 'ok'}"
        )
        assert claim_truths(false) == [True, error == 0, True]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("17/5=3 rest 2", [True]),
        ("17/5=3 rest 1", [False]),
        ("5x=10", []),
        ("Answer: 3*4=13", [False]),
        ("a=5", []),
        ("3*4=12,12+2=15", [True, False]),
        ("3=x9", []),
        ("3=+", [False]),
        ("4 want 4 off 0", [True, False]),
        ("", []),
    ],
)
def test_lines_of_every_form(line, found):
    assert claim_truths(line) == found


@pytest.mark.slow
@families
@settings(max_examples=25)
@given(seed=st.integers(0, 10**9), level=st.sampled_from(LEVELS))
def test_families_claim_only_what_is_true_but_for_wrong_decisions(family, seed, level):
    rng = Random(seed)
    drawn = family.draw(rng, level)
    worked_solution = [claim_truths(line_text(line)) for line in family.worked_solution(drawn)]
    assert any(worked_solution)
    assert all(all(found) for found in worked_solution)
    for line in family.mistaken_solution(drawn, rng):
        if not any(segment.wrong for segment in line):
            assert all(claim_truths(line_text(line))), line_text(line)


def test_the_baseline_reads_verdicts_and_nothing_else():
    assert (
        printed_check_pass_rate([])
        == printed_check_pass_rate(["a=3 look ok then", "Answer: 3"])
        == 0.5
    )
    assert printed_check_pass_rate(["3 want 3 off 0 ok", "Answer: 3"]) == 1.0
    assert (
        printed_check_pass_rate(["3 want 3 off 0 ok", "2*2=5 want 4 off 0 no", "9 ok", "1 no"])
        == 0.5
    )


@pytest.mark.parametrize(
    "line",
    [
        "1" * 50_000,
        "1+" * 50_000 + "=2",
        "=" * 50_000,
        "1*" * 20_000 + "1=1",
        "12345678901/98765432109*" * 2_000 + "1=1",
        "1 want 2 off " * 5_000,
        "-" * 50_000 + " want - off - ok",
        "1/2=" * 20_000,
        "x" * 50_000 + " ok",
        "١+٢=٣ ½=½ \u202e3=3 \x00 🙂=🙂",
    ],
)
def test_hostile_lines_are_read_in_no_time(line):
    assert all(isinstance(found, bool) for found in claim_truths(line))
    assert 0 <= printed_check_pass_rate([line]) <= 1


@settings(max_examples=200)
@given(st.text(st.sampled_from("0123456789+-*/=, restwanofk:x")) | st.text())
def test_any_text_can_be_read(line):
    assert all(isinstance(found, bool) for found in claim_truths(line))
    assert printed_check_pass_rate([line]) in (0.0, 0.5, 1.0)
