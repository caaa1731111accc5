"""Whatever is written comes out as text: never as markup, never as a template; arithmetic is set as
such."""

import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttc_explorer.ui.html_escape import escape_html
from ttc_explorer.ui.html_templates import typeset_math

OURS = re.compile(r"</?(?:i|sup)>|<b class=\"(?:ok|no)\">|</b>")
NASTY = st.text(st.sampled_from("<>&\"'`${}\\/^*-+=x1a ,.()[]\n\x00\u202e"))


def shown(html):
    """What a reader sees, with room for signs taken out."""
    return re.sub(r"\s", "", unescape(OURS.sub("", html)))


@pytest.mark.parametrize(
    ("text", "looks"),
    [
        ("x^2-20x+99=0", "<i>x</i><sup>2</sup> − 20<i>x</i> + 99 = 0"),
        ("-11*-4=44", "−11 × −4 = 44"),
        ("x - 5 <= 3", "<i>x</i> − 5 ≤ 3"),
        ("-26-19=-45 -4+1=-3", "−26 − 19 = −45\N{EM SPACE}−4 + 1 = −3"),
        ("(a+b)^10/2", "(<i>a</i> + <i>b</i>)<sup>10</sup>/2"),
        ("Answer: -7,4", "Answer: −7, 4"),
        ("A price of 5 is well-known", "A price of 5 is well-known"),
        ("3*3=9 want 8 off -1 no", '3 × 3 = 9 want 8 off −1 <b class="no">no ✗</b>'),
        ("no", "no"),
    ],
)
def test_arithmetic_looks_like_mathematics(text, looks):
    assert typeset_math(text).replace("\N{NO-BREAK SPACE}", " ") == looks


@given(st.text() | NASTY)
def test_nothing_written_becomes_markup_or_template(text):
    for html in (escape_html(text), typeset_math(text)):
        assert not re.search(r"[<>\"'`${}\\]", OURS.sub("", html))
        assert not re.search(r"&(?!(?:#\w+|amp|lt|gt|quot);)", html)


@given(st.text(st.characters(categories=("L", "N", "P", "S"))))
def test_no_letter_is_lost(text):
    kept = escape_html(text)
    assert unescape(kept) == re.sub("[\u200b-\u200f\u2060-\u2069\ufeff]", "�", text)


@given(st.text(st.sampled_from("abcxyz0123456789+=*/ ")))
def test_typeset_shows_what_was_written(text):
    assert shown(typeset_math(text)).replace("×", "*") == re.sub(r"\s", "", text)


@pytest.mark.parametrize("text", ["^" * 5000, "((((" * 500, "^(" * 900, "a" * 100_000, "1 " * 999])
def test_long_and_nested_texts_end(text):
    assert typeset_math(text)
