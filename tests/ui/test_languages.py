"""Translations: whole for Explore and the lessons, and true to their figures."""

from __future__ import annotations

import re

import pytest

from ttc_explorer.search.narration import Phrase
from ttc_explorer.search.selector import SELECTORS
from ttc_explorer.search.strategy import STRATEGIES
from ttc_explorer.ui.components.strategy_picker import STRATEGY_GROUPS
from ttc_explorer.ui.languages import language_tables, lesson_texts
from ttc_explorer.ui.lessons.lesson_format import all_lessons
from ttc_explorer.ui.page import PAGES
from ttc_explorer.ui.pages.explore_page import FIRST_STEPS
from ttc_explorer.ui.run_history.run_history import TEXTS as HISTORY_TEXTS

PAGES_OF_THE_PACKAGE = [
    entry for entry in PAGES.values() if entry.build.__module__.startswith("ttc_explorer.")
]
MARKS = re.compile(r"\{\{[^{}]*\}\}|\{[^{}]*\}|\|[a-z -]+\]\]")


def english_texts() -> list[str]:
    """What learners and visitors of Explore read that is listed somewhere."""
    texts = [text for lesson in all_lessons().entries for text in lesson_texts(lesson)]
    for strategy in STRATEGIES.values():
        texts += [strategy.title, strategy.summary]
    texts += [*STRATEGY_GROUPS, *FIRST_STEPS, *(entry.title for entry in SELECTORS.values())]
    texts += [*HISTORY_TEXTS.values(), *(entry.title for entry in PAGES_OF_THE_PACKAGE)]
    texts += [*Phrase, "Only the question so far."]
    for name in ("explore", "learn"):
        intro = PAGES[name].intro
        texts += [intro.line, intro.see, intro.act, intro.why]
    return texts


@pytest.mark.parametrize("name", ["de", "zh"])
def test_a_table_is_whole_and_keeps_facts_figures_and_terms(name):
    table = language_tables()[name]
    assert [text for text in english_texts() if text not in table.texts] == []
    for english, translated in table.texts.items():
        wanted = [mark for mark in MARKS.findall(english) if not mark.startswith("|")]
        shown = [mark for mark in MARKS.findall(translated) if not mark.startswith("|")]
        assert sorted(wanted) == sorted(shown), english
        terms = re.findall(r"\[\[(?:[^|\]]*\|)?([^\]]*)\]\]", english)
        kept = re.findall(r"\[\[(?:[^|\]]*\|)?([^\]]*)\]\]", translated)
        assert terms == kept, english
        assert table.texts.get(translated, translated) == translated, (
            english
        )  # else it would change again
    assert table.note
