"""The word diff loses no word, invents none, and never becomes markup."""

import re

from hypothesis import given
from hypothesis import strategies as st

from ttc_explorer.ui.components.text_diff import (
    MAX_DIFF_CHARACTERS,
    count_new_words,
    diff_html,
    diff_lines,
)

LINES = st.lists(st.text(st.sampled_from("ab1=+<>&${} "), max_size=12), max_size=6)


def words(lines, *kinds):
    return [
        word for line in lines for part in line if part.kind in kinds for word in part.text.split()
    ]


def plain(lines):
    return [word for line in lines for word in line.split()]


@given(LINES, LINES)
def test_both_attempts_can_be_read_off(before, after):
    lines = diff_lines(before, after)
    assert words(lines, "same", "new") == plain(after)
    assert words(lines, "same", "gone") == plain(before)


@given(LINES)
def test_an_attempt_repeated_has_no_changes(lines):
    assert words(diff_lines(lines, lines), "new", "gone") == []
    assert count_new_words("\n".join(lines), "\n".join(lines)) == 0


def test_only_the_words_that_differ_are_marked():
    html = diff_html(
        ["4x = 73 - 5", "x = 16", "Answer: 16"], ["4x = 73 - 5", "x = 17", "Answer: 17"]
    )
    assert re.findall("<ins>(.*?)</ins>", html) == ["17", "17"]
    assert re.findall("<del>(.*?)</del>", html) == ["16", "16"]
    assert html.count("<p>") == 3


def test_added_and_dropped_lines_stand_alone():
    lines = diff_lines(["a", "b"], ["b", "c d"])
    assert lines == [[("gone", "a")], [("same", "b")], [("new", "c d")]]


def test_attempts_too_long_to_compare_are_shown_one_after_the_other():
    before, after = ["x " * MAX_DIFF_CHARACTERS], ["y"]
    assert [part.kind for line in diff_lines(before, after) for part in line] == ["gone", "new"]


@given(LINES, LINES)
def test_texts_stay_texts(before, after):
    ours = re.compile(r"</?(?:p|ins|del|span|i|sup)>")
    assert not re.search(r"[<>${}`]", ours.sub("", diff_html(before, after)))
