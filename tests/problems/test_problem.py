import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttc_explorer.problems.problem import MAX_CHARACTERS, BadInput, Problem, typed_problem


@given(st.text(max_size=200), st.none() | st.text(max_size=50))
def test_what_was_typed_is_kept_but_for_the_spaces_around(text, answer):
    try:
        problem = typed_problem(text, answer)
    except BadInput:
        assert not text.strip()
    else:
        assert problem == Problem(text.strip(), (answer or "").strip() or None)
        assert typed_problem(problem.text, problem.answer) == problem


@given(st.text(alphabet=" \t\r\n\u00a0\u2003"))
def test_nothing_but_spaces_is_no_problem(text):
    with pytest.raises(BadInput, match="empty"):
        typed_problem(text)


@given(st.integers(1, 10), st.text(alphabet=" \n", max_size=100))
def test_the_longest_problem_is_accepted_and_no_longer_one(more, around):
    assert len(typed_problem(around + "1" * MAX_CHARACTERS + around).text) == MAX_CHARACTERS
    with pytest.raises(BadInput, match="shorten it"):
        typed_problem("1" * (MAX_CHARACTERS + more))


def test_a_reference_answer_is_short():
    assert typed_problem("1?", "1" * 400).answer == "1" * 400
    with pytest.raises(BadInput, match="reference answer is too long"):
        typed_problem("1?", "1" * 401)
