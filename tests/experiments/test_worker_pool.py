"""Who works changes nothing: several processes, or a Ray cluster, make the tables that one process
makes."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from tests.models.toy_models import toy_qwen2, toy_token_classifier, toy_tokenizer
from ttc_explorer.experiments import sweep_jobs
from ttc_explorer.experiments.sweep import load_sweep_problems, sweep
from ttc_explorer.experiments.sweep_jobs import SweepPlan
from ttc_explorer.experiments.sweep_worker import WorkerSetup
from ttc_explorer.experiments.worker_pool import ProcessPool
from ttc_explorer.models.protocol import ModelError
from ttc_explorer.problems.problem import BadInput

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def plan(tmp_path_factory) -> SweepPlan:
    """Four tasks with toy models that any process can load."""
    folder = tmp_path_factory.mktemp("models")
    for name, model in (("generator", toy_qwen2()), ("verifier", toy_token_classifier())):
        model.save_pretrained(folder / name)
        toy_tokenizer().save_pretrained(folder / name)
    pair = f"{folder / 'generator'}+{folder / 'verifier'}"
    return SweepPlan(
        "families:4", pair, ("beam rounds=4",), (4,), samples=4, changes=(("rounds", "6"),)
    )


@pytest.fixture(scope="module")
def alone(plan, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("alone") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweep_jobs, "BATCH_ROWS", 8)
        sweep(plan, out)
    return out


@pytest.fixture
def out(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(sweep_jobs, "BATCH_ROWS", 8)
    return tmp_path / "out"


def assert_same(one: Path, other: Path) -> None:
    for name in ("pool", "runs"):
        tables = [
            pd.read_parquet(out / f"{name}.parquet").drop(columns="seconds") for out in (one, other)
        ]
        assert_frame_equal(*tables)


def test_two_processes_make_the_same_tables(plan, out, alone):
    sweep(plan, out, workers=2)
    assert_same(out, alone)


def test_what_is_wrong_in_a_process_is_said_here(tmp_path):
    wrong = SweepPlan("families:1", str(tmp_path / "none"), samples=2)
    worker_pool = ProcessPool(WorkerSetup(wrong, tuple(load_sweep_problems(wrong))), 1)
    with pytest.raises(ModelError, match="no folder"):
        worker_pool.about(wrong.jobs())
    worker_pool.close()


@pytest.mark.parametrize("gone", [False, True])
def test_a_process_that_is_killed_is_reported(plan, gone):
    worker_pool = ProcessPool(WorkerSetup(plan, tuple(load_sweep_problems(plan))), 1)
    os.kill(worker_pool._processes[0].pid, signal.SIGKILL)
    if gone:  # before it is sent anything, or perhaps after
        worker_pool._processes[0].join()
    with pytest.raises(ModelError, match="--resume"):
        list(worker_pool.execute(plan.tasks(4)))
    worker_pool.close()


def test_two_ray_actors_make_the_same_tables(plan, out, alone):
    pytest.importorskip("ray")
    sweep(plan, out, workers=2, ray="local")
    assert_same(out, alone)


def test_without_ray_one_sentence_says_so(plan, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(BadInput, match="pip install ray"):
        sweep(plan, tmp_path / "out", ray="auto")
