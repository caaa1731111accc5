"""Lessons: their files, what the tables say in them, and what the documents promise."""

from __future__ import annotations

import json
import re

import pytest

from tests.test_ground import ROOT
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.ui.address.address_state import page_keys, parse_state
from ttc_explorer.ui.glossary import TERMS
from ttc_explorer.ui.lessons.lesson_figures import (
    FIGURES,
    NOT_MEASURED,
    compute_figure,
    fill_figures,
)
from ttc_explorer.ui.lessons.lesson_format import (
    FACTS,
    PLACES,
    all_lessons,
    load_lessons,
    read_lesson,
)
from ttc_explorer.ui.lessons.lesson_panel import figure_or_none, lesson_figures
from ttc_explorer.ui.page import PAGES
from ttc_explorer.ui.pages.learn_page import teacher_guide
from ttc_explorer.ui.results_store import shipped_results

LESSONS = all_lessons().entries
DOCUMENT = (ROOT / "docs" / "lessons.md").read_text("utf-8")
EXAMPLE = json.loads(re.search(r"```json\n(.*?)```", DOCUMENT, re.DOTALL)[1])


def test_the_shipped_lessons_can_all_be_used():
    assert all_lessons().faults == ()
    assert len(LESSONS) >= 11
    for lesson in LESSONS:
        assert 2 <= lesson.content.minutes <= 5, lesson.name
        assert any(step.predict for step in lesson.content.steps), lesson.name
        assert any(step.tables for step in lesson.content.steps), lesson.name


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_a_lesson_sets_what_the_address_knows_and_names_terms_that_there_are(lesson):
    keys = page_keys(list(PAGES))
    for step in lesson.content.steps:
        parsed = parse_state(step.state, keys)
        assert parsed.sentence == ""
        assert set(step.state) - set(parsed.state) <= {"step"}  # until it is a setting
        terms = re.findall(r"\[\[(?:[^|\]]*\|)?([^\]]*)\]\]", " ".join(step.text))
        assert set(terms) <= set(TERMS)
    kept = {step.keep for step in lesson.content.steps}
    for name in re.findall(r"[ {]([a-z]+)\.[a-z_]+[} \"]", json.dumps(lesson.content.model_dump())):
        assert name in kept


@pytest.mark.slow
def test_what_the_tables_say_is_worked_out_from_them():
    rows = shipped_results().model_results("base-s").evidence
    rows = rows[(rows["strategy"] == "best_of_n") & (rows["selector"] == "weighted")]
    expected = 100 * rows[rows["budget"] == 16]["value"].mean()
    assert compute_figure("accuracy best_of_n 16", shipped_results()) == f"{expected:.0f} %"
    assert compute_figure("gain best_of_n 16", shipped_results()) == "+0 points (+0 to +0)"
    assert figure_or_none("accuracy beam 3", shipped_results()) is None
    assert fill_figures("It is {{a}}.", {"a": "3"}) == "It is 3."
    assert fill_figures("It is {{a}}, not {{b}}.", {"a": "3", "b": None}) == NOT_MEASURED
    assert [name for name, figure in lesson_figures().items() if figure is None] == []
    guide = teacher_guide()
    assert guide.count("<li><b>") == 5 + sum(
        bool(step.tables) for lesson in LESSONS for step in lesson.content.steps
    )
    for faulty in ("nonsense 3", "", "accuracy beam"):
        with pytest.raises(BadInput):
            compute_figure(faulty, shipped_results())


def test_the_example_of_the_document_is_a_lesson(tmp_path):
    (tmp_path / "coins.json").write_text(json.dumps(EXAMPLE))
    (tmp_path / "broken.json").write_text("{")
    lessons = load_lessons([tmp_path])
    assert [lesson.name for lesson in lessons.entries] == ["coins"]
    assert lessons.faults == ("broken.json cannot be used: its JSON cannot be read.",)


def test_the_document_lists_all_facts_figures_and_places():
    names = set(re.findall(r"`([a-z_]+)[` ]", DOCUMENT))
    assert set(FACTS) | set(PLACES) | set(FIGURES) <= names


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"complete": ["rihgt >= 1"]}, "there is no fact 'rihgt'"),
        ({"complete": ["alert(1)"]}, "'alert(1)' is no condition"),
        ({"happened": [{"text": "{secret}"}]}, "there is no fact 'secret'"),
        ({"highlight": ["body"]}, "nothing can be highlighted as 'body'"),
        ({"text": []}, "'text' of step 0 has too few entries"),
        ({"text": ["x" * 5000]}, "is longer than 1,200 characters"),
        (
            {"predict": {"question": "?", "choices": [{"text": "a"}, {"text": "b"}]}},
            "one choice of a prediction",
        ),
    ],
)
def test_a_bad_lesson_is_refused_in_a_sentence(change, sentence):
    steps = [EXAMPLE["steps"][0] | change]
    with pytest.raises(ValueError, match=re.escape(sentence)):
        read_lesson(json.dumps(EXAMPLE | {"steps": steps}).encode(), "mine.json")
