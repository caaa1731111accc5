"""The address as a state and back, by the cases that the browser's module is tested with too."""

import json
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.settings import Settings
from ttc_explorer.ui.address.address_state import (
    MAX_ADDRESS_CHARACTERS,
    TOO_LONG,
    browser_keys,
    format_address,
    page_keys,
    parse_address,
    parse_state,
    run_keys,
)

CASES = json.loads((Path(__file__).parent / "address_cases.json").read_text("utf-8"))
KEYS = page_keys(["explore", "compare", "curves"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["address"][:40])
def test_an_address_is_read_and_written_as_the_table_says(case):
    parsed = parse_address(case["address"], KEYS)
    assert json.loads(json.dumps(parsed.state)) == case["state"]
    assert parsed.sentence == case.get("sentence", "")
    assert format_address(parsed.state, KEYS) == case["written"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["address"][:40])
def test_what_is_written_is_read_as_the_same_but_for_defaults(case):
    again = parse_address(case["written"], KEYS)
    assert again.sentence == ""
    assert format_address(again.state, KEYS) == case["written"]


def test_ten_megabytes_are_one_sentence():
    parsed = parse_address("#q=" + "x" * 10**7, KEYS)
    assert (parsed.state, parsed.sentence) == ({}, TOO_LONG)
    longest = "#q=" + "%E6%95%B0" * 4000
    assert len(longest) <= MAX_ADDRESS_CHARACTERS
    assert len(parse_address(longest, KEYS).state["q"]) == 4000


@settings(max_examples=100, deadline=None)
@given(st.text())
def test_no_address_is_an_error(text):
    parsed = parse_address(text, KEYS)
    assert parsed.sentence.count("In the address") <= 1
    again = parse_address(format_address(parsed.state, KEYS), KEYS)
    assert again.sentence == ""


def test_every_setting_has_a_key_with_its_limits():
    keys = {key.name: key for key in run_keys()}
    for field in fields(Settings):
        key = keys[field.name]
        assert key.default == getattr(Settings(), field.name)
        if key.kind in ("whole", "number"):
            for number in (key.low, key.high):
                Settings().with_values({key.name: number})
            for number in (key.low - 1, key.high + 1):
                with pytest.raises(BadInput):
                    Settings().with_values({key.name: number})
                assert key.parse(str(int(number))) is None
        else:
            with pytest.raises(BadInput):
                Settings().with_values({key.name: "no such word"})
            assert key.parse("no such word") is None
            assert key.parse(key.format(key.default)) == key.default


def test_values_are_read_as_lessons_write_them():
    values = {"n": 8, "temperature": 0.5, "merge": False, "hide": ["votes"], "lesson_step": 2}
    assert parse_state(values, KEYS).state == values | {"hide": ("votes",)}
    assert "n must be" in parse_state({"n": {"$gt": 0}}, KEYS).sentence
    assert parse_state({"q": None}, KEYS).state == {}


def test_the_browser_gets_the_same_keys():
    names = [key["name"] for key in json.loads(json.dumps(browser_keys(KEYS)))]
    assert names == [key.name for key in KEYS]
    assert len(set(names)) == len(names)
