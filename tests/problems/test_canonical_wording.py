"""One spelling: LaTeX, Unicode, spaces, case and number words read into the training notation."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttc_explorer.problems.canonical_wording import (
    normalise_text,
    number_words_to_digits,
    to_ascii_math,
)
from ttc_explorer.problems.families import recognise


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (r"$\frac{3}{4}$ + $\tfrac12$", "3/4+1/2"),
        (r"\dfrac34 - \frac{1}5", "3/4-1/5"),
        (r"\[ x^{2} - 7 \cdot x + 12 = 0 \]", "x^2-7x+12=0"),
        (r"\left( 2 \times 3 \right) \div 6", "(2*3)/6"),
        (r"x² − 7x + 12 = 0", "x^2-7x+12=0"),
        (r"5a \equiv 3 \pmod{7}", "5a=3(mod 7)"),
        (r"5a ≡ 3 (mod 7)", "5a=3(mod 7)"),
        (r"15\,\% \text{ of } \$80", "15%of 80"),
        ("½ + ¾", "1/2+3/4"),
        ("Ｘ = １２", "x=12"),
        ("A\u00a0price  of 80.", "a price of 80"),
        (r"\gcd(12, 18)", "gcd(12,18)"),
    ],
)
def test_what_people_type_is_read_into_one_spelling(text, read):
    assert normalise_text(text) == read


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("seven plus twenty-one", "7 plus 21"),
        ("three quarters of one half", "3/4 of 1/2"),
        ("one by one, someone often", "one by one, someone often"),
        ("sixteen sixths", "16/6"),
    ],
)
def test_number_words_are_numbers(text, read):
    assert number_words_to_digits(text) == read


@settings(max_examples=100)
@given(st.text(alphabet=st.sampled_from(r"\{}$^_ frac()[]+-*/=.,?x12½²≡%" + "\n"), max_size=200))
def test_any_text_has_a_spelling_that_keeps_its_spelling(text):
    read = normalise_text(text)
    assert normalise_text(read) == normalise_text(normalise_text(read))
    assert all(not character.isspace() or character == " " for character in read)
    recognise(text)


@pytest.mark.parametrize(
    "piece",
    [
        "\\frac", "\\frac{1}", "\\text{", "{", "^{", "\\", " \n", "x+", "1/2+", "2,", "of them ",
        "a² ", "one half ", "he has 3 ", "- 1", "½", "=", "3x=", "how many ",
    ],
)  # fmt: skip
def test_the_work_grows_no_faster_than_the_text(piece):
    """A hundred thousand characters would take minutes if any pattern went back over what it has
    read."""
    text = piece * (100_000 // len(piece))
    assert len(to_ascii_math(text)) <= 4 * len(text)
    assert recognise(piece * (999 // len(piece))) is None
