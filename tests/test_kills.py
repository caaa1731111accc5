"""Killed at random moments and resumed, everything comes out as if it had not been
(``tests/killing.py`` does it for longer)."""

import pytest

from tests.killing import killed_exams, killed_imports, killed_sweeps

pytestmark = pytest.mark.slow


def test_a_sweep_that_is_killed_comes_out_the_same(tmp_path):
    assert killed_sweeps(4, tmp_path, seed=1) >= 1


def test_an_exam_that_is_killed_comes_to_the_same_findings_and_is_one_look(tmp_path):
    assert killed_exams(2, tmp_path, seed=1) >= 1


def test_an_import_that_is_killed_leaves_the_old_pool_or_the_new_one(tmp_path):
    assert 1 <= killed_imports(6, tmp_path, seed=1) <= 6
