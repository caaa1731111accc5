"""A strategy made up by a test: ``@search`` on a function makes runs of ``made_up`` do it."""

import pytest

from ttc_explorer.search.strategy import STRATEGIES, Strategy


@pytest.fixture
def search(monkeypatch):
    def made_up(function):
        listed = Strategy(function, "Made up", "A test.", "search", (), needs_reviser=True)
        monkeypatch.setitem(STRATEGIES._entries, "made_up", listed)
        return function

    return made_up
