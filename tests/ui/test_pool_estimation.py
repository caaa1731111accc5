"""Work on somebody's pool is bounded in time, and ends when nobody waits for it."""

import threading

import pandas as pd
import pytest

from ttc_explorer.file_bounds import FileBounds
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.ui.components import pool_estimation
from ttc_explorer.ui.components.pool_estimation import estimate_pool


@pytest.fixture
def pool(tmp_path):
    path = tmp_path / "pool.jsonl"
    rows = [{"question": n // 4, "answer": f"x + {n}", "correct": n % 2 == 0} for n in range(40)]
    pd.DataFrame(rows).to_json(path, orient="records", lines=True)
    return path


@pytest.mark.slow
def test_work_on_a_pool_ends_when_its_reader_leaves(pool, monkeypatch):
    entered, go_on, ended = threading.Event(), threading.Event(), threading.Event()
    merge = pool_estimation.merge_answers

    def merge_when_told(samples, grader, on_progress):
        entered.set()
        assert go_on.wait(60)
        try:
            return merge(samples, grader, on_progress)
        except BaseException:
            ended.set()
            raise

    monkeypatch.setattr(pool_estimation, "merge_answers", merge_when_told)
    reports = estimate_pool(pool)
    next(reports)
    assert entered.wait(60)
    reports.close()
    go_on.set()
    assert ended.wait(60)


@pytest.mark.slow
def test_work_on_a_pool_may_take_only_so_long(pool, monkeypatch):
    monkeypatch.setattr(pool_estimation, "bounds_in_force", lambda: FileBounds(seconds=0.0))
    with pytest.raises(BadInput, match="more than 0 s to read: leave questions or samples out"):
        list(estimate_pool(pool))
