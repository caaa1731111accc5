"""Searches replayed against stored trees: what a strategy does must not change unnoticed.

A change that is meant to change them rewrites them with python -m tests.search.regenerate
"""

import json

import pytest

from tests.search.regenerate import CASES, run_case, stored_file
from ttc_explorer.search.strategy import STRATEGIES, Strategy
from ttc_explorer.search.trace import load_trace, to_trace


def is_built_in(entry: Strategy) -> bool:
    return entry.search.__module__.startswith("ttc_explorer.")


@pytest.mark.parametrize("merge", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_a_search_grows_its_stored_tree(case, merge):
    stored = stored_file(case, merge).read_bytes()
    run = run_case(case, merge)
    assert to_trace(run) == json.loads(stored)
    assert load_trace(stored).tree.events == run.tree.events


def test_every_strategy_of_the_package_has_a_stored_tree():
    own = {name for name, entry in STRATEGIES.items() if is_built_in(entry)}
    assert {case["strategy"] for case in CASES.values()} == own
