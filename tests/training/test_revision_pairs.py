"""Chains: wrong attempts in order of their distance from the right one."""

from __future__ import annotations

from functools import cache

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from ttc_explorer.training.revision_pairs import RIGHT_PER_PROBLEM, edit_distance, pair_attempts

words = st.text("ab1é", max_size=7)


@settings(max_examples=150)
@given(words, words)
def test_edit_distance_is_the_fewest_edits(one, other):
    @cache
    def fewest(i, j):
        if not i or not j:
            return i + j
        return min(
            fewest(i - 1, j) + 1,
            fewest(i, j - 1) + 1,
            fewest(i - 1, j - 1) + (one[i - 1] != other[j - 1]),
        )

    assert edit_distance(one, other) == fewest(len(one), len(other))


def solutions(question, *rows):
    return [
        {
            "question": question,
            "text": f"Problem {question}",
            "family": "linear",
            "level": 1,
            "steps": text.split("/"),
            "answer": answer,
            "correct": correct,
        }
        for text, answer, correct in rows
    ]


def test_the_closest_wrong_attempt_stands_last():
    table = pd.DataFrame(
        [
            *solutions(
                0,
                ("x=12/Answer: 12", "12", True),
                ("x=13/Answer: 13", "13", False),
                ("y/Answer: no way", "no way", False),
                ("x=99/Answer: 99", "99", False),
                ("x=13/Answer: 13", "13", False),
                ("x=12/Answer:", None, False),
                ("x=99/x=12/Answer: 12", "12", True),
                ("x=12/x=12/Answer: 12", "12", True),
                ("x=12/Answer: 12", "12", True),
            ),
            *solutions(1, ("x=1/Answer: 1", "1", True)),
            *solutions(2, ("x=1/Answer: 1", "1", False)),
        ]
    )
    made = pair_attempts(table)
    assert list(made["question"]) == [0] * RIGHT_PER_PROBLEM
    first, second = made.itertuples()
    assert first.right == ["x=12", "Answer: 12"]
    assert first.wrong == [["y", "Answer: no way"], ["x=99", "Answer: 99"], ["x=13", "Answer: 13"]]
    assert second.right == ["x=99", "x=12", "Answer: 12"]
    assert (first.text, first.family, first.level) == ("Problem 0", "linear", 1)


def test_nothing_to_pair_gives_an_empty_table_with_its_columns():
    made = pair_attempts(pd.DataFrame(solutions(0, ("Answer: 1", "1", True))))
    assert list(made) == ["question", "text", "family", "level", "right", "wrong"]
    assert made.empty
