import pytest

from tests.search.fakes import make_checker, toy_run
from ttc_explorer.problems.problem import Problem
from ttc_explorer.search.answer_groups import AnswerGroups

SOLUTIONS = ["12 + 7 = 19", "We add.\nSo she has 19 left.", "Hence \\boxed{19}.", "I am lost."]


@pytest.fixture
def run():
    run = toy_run(text="What is 12 + 7?")
    run.problem = Problem("What is 12 + 7?", "19")
    return run


def test_a_chat_model_votes_without_a_mark_and_the_run_says_so_once(run):
    groups = AnswerGroups(make_checker(run.problem), run, reads_unmarked=True)
    assert [groups.read(solution) for solution in SOLUTIONS] == ["19", "19", "19", None]
    assert run.correct == {"19": True}
    assert [note.data["read_from"] for note in run.tree.notes] == ["the whole text"]


def test_a_model_that_marks_its_answers_gives_none_without_a_mark(run):
    groups = AnswerGroups(make_checker(run.problem), run, reads_unmarked=False)
    assert [groups.read(solution) for solution in SOLUTIONS] == [None, None, "19", None]
    assert run.tree.notes == []


def test_of_a_real_models_endings_only_those_with_a_value_vote(run):
    """SmolLM2-135M-Instruct wrote them: the first was cut off."""
    groups = AnswerGroups(make_checker(run.problem), run, reads_unmarked=True)
    assert groups.read("Tom has 2 apples remaining. Tom has 2 apples remaining. Tom has ") is None
    sells = "She sells the remainder daily for $2, which is equivalent to 2 x 16 = 32 eggs per day."
    assert groups.read(sells) == "32"
