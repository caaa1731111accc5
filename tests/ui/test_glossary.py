"""What explains itself: the terms on screen, and the heads of the pages."""

from __future__ import annotations

import re

from tests.test_ground import ROOT
from ttc_explorer.ui.components.messages import glossary_term
from ttc_explorer.ui.glossary import TERMS
from ttc_explorer.ui.glossary_examples import EXAMPLES, glossary_markdown
from ttc_explorer.ui.html_templates import render
from ttc_explorer.ui.page import PAGES


def test_every_term_has_a_meaning_and_an_example_of_two_lines():
    assert set(EXAMPLES) == set(TERMS)
    assert {name for name, example in EXAMPLES.items() if len(example.split("\n")) != 2} == set()
    assert all(line.strip() for example in EXAMPLES.values() for line in example.split("\n"))


def test_the_terms_in_the_documents_are_those_of_the_pages():
    assert (ROOT / "docs" / "terms_on_screen.md").read_text("utf-8") == glossary_markdown()


def test_a_term_carries_the_name_of_its_entry_in_the_glossary():
    assert 'data-term="score"' in glossary_term("Points", "score")
    shown = render("glossary.html", terms=TERMS, examples=EXAMPLES)
    assert set(re.findall(r'data-entry="([^"]*)"', shown)) == set(TERMS)
    assert shown.count("<br>") == len(TERMS)


def test_every_page_says_what_it_shows_what_to_do_and_why():
    assert PAGES
    for name, entry in PAGES.items():
        if entry.build.__module__.startswith("ttc_explorer."):
            assert entry.intro is not None, name
            assert len(entry.intro.line) <= 60, name
