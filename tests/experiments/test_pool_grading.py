"""Grading a pool in parts: what the parts hold, and that the last is what it always was."""

import itertools

import pandas as pd
import pytest

from ttc_explorer.experiments.pool_grading import FIRST_SECONDS, graded_so_far


class FakeGrader:
    """Compares texts; what holds a backslash is a formula, which takes a minute."""

    def __init__(self):
        self.seconds, self.started = 0.0, False

    def start(self):
        self.started = True

    def plain_verdict(self, reference, answer):
        self.seconds += 0.01
        return None if "\\" in reference + answer else self._verdict(reference, answer)

    def verdict(self, reference, answer):
        if "\\" in reference + answer:
            assert self.started
            self.seconds += 60
        return self._verdict(reference, answer)

    def _verdict(self, reference, answer):
        return "equal" if reference.strip("\\") == answer.strip("\\") else "different"


def ungraded(*questions):
    return pd.DataFrame(
        [
            {"question": f"q{number}", "sample": sample, "answer": answer, "reference": reference}
            for sample in range(max(len(answers) for _, answers in questions))
            for number, (reference, answers) in enumerate(questions)
            for answer in answers[sample : sample + 1]
        ],
        dtype=object,
    )


def parts(pool):
    grader = FakeGrader()
    return list(graded_so_far(pool, grader, clock=lambda: grader.seconds))


def test_what_is_decided_at_once_comes_before_formulas():
    pool = ungraded(("\\1", ["1", "\\1"]), ("2", ["2", "3"]), ("4", ["\\5", None]), ("6", ["6"]))
    found = parts(pool)
    asked = [sorted(part["question"].unique()) for part in found]
    assert asked == [["q1", "q3"], ["q0", "q1", "q3"], ["q0", "q1", "q2", "q3"]]
    assert found[-1].drop(columns="correct").equals(pool)
    right = found[-1].groupby("question")["correct"].agg(list)
    assert right.to_dict() == {
        "q0": [True, True],
        "q1": [True, False],
        "q2": [False, False],
        "q3": [True],
    }


@pytest.mark.parametrize("formulas", [(), (0,), (2, 5), range(8)])
def test_parts_hold_whole_questions_and_agree_with_the_whole(formulas):
    pool = ungraded(
        *(
            ("\\7" if number in formulas else "7", ["7", "8", None][: 1 + number % 3])
            for number in range(8)
        )
    )
    found = parts(pool)
    whole = found[-1]
    assert len(whole) == len(pool)
    for part, later in itertools.pairwise(found):
        assert 0 < part["question"].nunique() < later["question"].nunique()
    for part in found:
        rows = whole["question"].isin(part["question"])
        assert part.equals(whole[rows])
        assert part["correct"].dtype == bool


def test_many_plain_answers_are_handed_out_on_the_way():
    questions = 400  # at 0.01 s each
    found = parts(ungraded(*((str(number), [str(number)]) for number in range(questions))))
    sizes = [len(part) for part in found]
    assert FIRST_SECONDS / 0.01 <= sizes[0] <= 2 * FIRST_SECONDS / 0.01
    assert sizes[-1] == questions
    assert len(sizes) < 8  # each part takes twice as long as the one before it


def test_a_pool_that_says_what_is_right_is_taken_as_it_is():
    pool = ungraded(("1", ["1", "2"])).assign(correct=[False, True])
    (part,) = parts(pool)
    assert part.equals(pool)
