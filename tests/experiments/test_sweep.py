"""The sweep: what its tables hold, and that no kill, resume or failure changes a row. Models are
toys."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from tests.search.fakes import ToyGenerator, ToyReviser, ToyRevisionVerifier, ToyVerifier
from ttc_explorer.asset_files import EXPERIMENTS_FOLDER
from ttc_explorer.experiments import sweep_jobs, sweep_worker
from ttc_explorer.experiments.compute_optimal_policy import (
    Policy,
    dump_policy,
    load_policy,
    text_fingerprint,
)
from ttc_explorer.experiments.cross_fitting import Candidate, PolicyCell
from ttc_explorer.experiments.result_tables import Results
from ttc_explorer.experiments.sweep import sweep
from ttc_explorer.experiments.sweep_jobs import SweepPlan
from ttc_explorer.models import catalogue
from ttc_explorer.models.protocol import StrategyChoice
from ttc_explorer.problems.problem import BadInput

pytestmark = pytest.mark.slow

QUESTIONS = [{"question": f"What is {n} - {n} + 2?", "answer": "2"} for n in range(5)]


class Judge(ToyVerifier):
    name = "judge"


@pytest.fixture
def toys(monkeypatch) -> catalogue.ModelSet:
    models = catalogue.ModelSet(ToyGenerator(), ToyVerifier(), ToyReviser(), ToyRevisionVerifier())
    monkeypatch.setattr(catalogue, "load_models", lambda *_: models)
    monkeypatch.setattr(catalogue, "load_verifier", lambda name: Judge())
    return models


@pytest.fixture(scope="module")
def questions(tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("questions") / "questions.jsonl"
    file.write_text("\n".join(map(json.dumps, QUESTIONS)), encoding="utf-8")
    return file


@pytest.fixture
def plan(toys, questions, monkeypatch) -> SweepPlan:
    """Every kind of table, in tasks of one or two questions."""
    monkeypatch.setattr(sweep_jobs, "BATCH_ROWS", 8)
    return SweepPlan(
        problems=str(questions),
        model="toy",
        strategies=("greedy", "beam", "beam width=2", "revise chains=grid"),
        budgets=(4,),
        samples=6,
        probe=3,
        judges=("judge",),
    )


def test_tasks_fill_a_batch_and_none_is_too_long():
    strategies = ("beam", "mcts", "revise chains=1", "revise chains=4")
    plan = SweepPlan("families:52", "base-s", strategies, budgets=(64,), samples=256)
    sizes = {
        task.job: max(len(t.questions) for t in plan.tasks(400) if t.job == task.job)
        for task in plan.tasks(400)
    }
    assert list(sizes.values()) == [1, 4, 8, 8, 8]


def tables(out: Path) -> dict[str, pd.DataFrame]:
    """The final tables, apart from the time that it took to make them."""
    found = {file.stem: pd.read_parquet(file) for file in out.glob("*.parquet")}
    return {name: table.drop(columns="seconds", errors="ignore") for name, table in found.items()}


def assert_same(one: Path, other: Path) -> None:
    assert {path.name for path in one.iterdir()} == {path.name for path in other.iterdir()}
    assert (one / "about.json").read_text() == (other / "about.json").read_text()
    first, second = tables(one), tables(other)
    for name, table in first.items():
        assert_frame_equal(table, second[name])


# --- what the tables hold -------------------------------------------------------------------------


def test_every_question_and_job_is_there_once(plan, tmp_path):
    rows = sweep(plan, tmp_path / "out")
    found = Results.load(tmp_path / "out")
    assert rows == {"pool": 30, "probe": 15, "runs": 5 * (1 + 1 + 1 + 2), "attempts": 5 * 2 * 4}
    assert not found.pool.duplicated(["question", "sample"]).any()
    assert not found.runs.duplicated(["question", "strategy", "settings", "budget"]).any()
    assert set(found.runs["settings"]) == {
        *("{}", '{"merge": true}', '{"merge": true, "width": 2}'),
        *('{"chains": 1}', '{"chains": 4}'),
    }
    assert set(found.runs.loc[found.runs["strategy"] == "greedy", "budget"]) == {1}
    assert not found.attempts.duplicated(["question", "budget", "chains", "chain", "place"]).any()
    assert found.about["judges"] == ["judge"]
    assert found.about["command"] == plan.command()
    assert not (tmp_path / "out" / "parts").exists()


def test_without_merging_it_makes_the_tables_that_are_shipped(tmp_path):
    """They were swept when every sample was a node of its own."""
    shipped = Results.load(EXPERIMENTS_FOLDER / "base-s")
    questions = range(2)
    first = shipped.problems[shipped.problems["question"].isin(questions)]
    asked = [{"question": row.text, "answer": row.answer} for row in first.itertuples()]
    file = tmp_path / "questions.jsonl"
    file.write_text("\n".join(map(json.dumps, asked)), encoding="utf-8")
    plan = SweepPlan(
        str(file), "base-s", ("beam", "lookahead", "rebase"), budgets=(4, 16), samples=8,
        changes=(("merge", "false"),),
    )  # fmt: skip
    sweep(plan, tmp_path / "out")
    found = Results.load(tmp_path / "out")
    keys = ["question", "strategy", "settings", "budget"]
    columns = ["seed", "weighted", "solutions", "generated_tokens", "verifier_tokens"]
    runs = found.runs.set_index(keys)[columns].sort_index()
    expected = shipped.runs.set_index(keys)[columns]
    assert_frame_equal(runs, expected.loc[runs.index], check_dtype=False)
    pool = found.pool.set_index(["question", "sample"])["answer"]
    assert pool.equals(shipped.pool.set_index(["question", "sample"])["answer"].loc[pool.index])


def test_what_models_processed_is_in_the_rows(toys, plan, tmp_path):
    sweep(plan, tmp_path / "out")
    parts = [
        table
        for name, table in tables(tmp_path / "out").items()
        if name in ("pool", "probe", "runs")
    ]
    writers = (toys.generator, toys.reviser)
    judges = (toys.verifier, toys.revision_verifier)
    assert sum(t["generated_tokens"].sum() for t in parts) == sum(
        model.generated for model in writers
    )
    assert sum(t["prefill_tokens"].sum() for t in parts) == pytest.approx(
        sum(model.prefilled for model in writers)
    )
    assert sum(t["verifier_tokens"].sum() for t in parts) == pytest.approx(
        sum(model.read for model in judges)
    )


def test_a_sample_alone_would_wait_as_long_as_its_row_says(toys, plan, tmp_path):
    """A pool of one solution is a run of best-of-1, whose depth the models count."""
    sweep(SweepPlan(plan.problems, "toy", samples=1, limit=1), tmp_path / "out")
    (row,) = pd.read_parquet(tmp_path / "out" / "pool.parquet").to_dict("records")
    assert row["generator_depth"] == toys.generator.passes
    assert row["verifier_depth"] == toys.verifier.passes


def test_a_small_pool_is_the_beginning_of_a_large_one(plan, tmp_path):
    """So a sample's number says nothing about its length: early ends do not come first."""
    for samples in (4, 16):
        sweep(SweepPlan(plan.problems, "toy", samples=samples), tmp_path / str(samples))
    small, large = (pd.read_parquet(tmp_path / n / "pool.parquet") for n in ("4", "16"))
    columns = ["question", "sample", "answer", "score", "generated_tokens"]
    first = large[large["sample"] < 4].reset_index(drop=True)
    # The spelling is that of the answer met first, which may come after the fourth sample.
    for table in (small, first):
        table["answer"] = table["answer"].replace({"2.0": "2", "4/2": "2", "6/2": "3"})
    assert_frame_equal(small[columns], first[columns])


def test_a_pool_beyond_the_largest_budget_is_spelled_alike(plan, tmp_path):
    sweep(SweepPlan(plan.problems, "toy", samples=300, limit=1), tmp_path / "out")
    pool = pd.read_parquet(tmp_path / "out" / "pool.parquet")
    assert list(pool["sample"]) == list(range(300))
    answers = set(pool["answer"].dropna())
    assert len(answers) == 4  # 2, 3, 5, 7, of seven spellings
    assert pool.groupby("answer")["correct"].nunique().eq(1).all()
    halves = pool[pool["sample"] < 44], pool[pool["sample"] >= 256]
    assert list(halves[0]["generated_tokens"]) != list(halves[1]["generated_tokens"])


# --- killed, resumed, refused ---------------------------------------------------------------------


def killed(work: Callable[[], object], arm: Callable[[Callable[[], None]], None]) -> bool:
    """Do the work in a process that is killed where ``arm`` puts the deadly call. Whether it
    was."""
    child = os.fork()
    if not child:
        try:
            arm(lambda: os.kill(os.getpid(), signal.SIGKILL))
            work()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def countdown(count: int, then: Callable[[], None]) -> Callable[[], None]:
    """A call that does ``then`` the ``count``-th time."""
    left = iter(range(count - 1, -1, -1))

    def step() -> None:
        if next(left, None) == 0:
            then()

    return step


@pytest.fixture
def small(plan) -> SweepPlan:
    """Three tasks, and every table."""
    return SweepPlan(plan.problems, "toy", ("revise chains=4",), (4,), samples=3, probe=3, limit=2)


@pytest.fixture
def whole(small, tmp_path) -> Path:
    sweep(small, tmp_path / "whole")
    return tmp_path / "whole"


def test_killed_at_any_token_and_resumed_it_is_the_same(toys, small, whole):
    tokens = toys.generator.generated

    @settings(max_examples=6)
    @given(st.lists(st.integers(1, tokens), min_size=1, max_size=2))
    def check(moments: list[int]) -> None:
        with TemporaryDirectory() as folder:
            out = Path(folder, "out")
            for moment in moments:

                def arm(die: Callable[[], None], moment: int = moment) -> None:
                    toys.generator.before_token = countdown(moment, die)

                killed(lambda: sweep(small, out, resume=True), arm)
            sweep(small, out, resume=True)
            assert_same(out, whole)

    check()


def test_killed_before_any_rename_or_after_the_last_and_resumed_it_is_the_same(
    small, whole, tmp_path
):
    renames = {name: getattr(os, name) for name in ("rename", "replace")}

    def survives(out: Path, moment: int, after: bool = False) -> bool:
        """Kill a sweep at its ``moment``-th rename; whether that came. Resumed, it must be the
        same."""

        def arm(die: Callable[[], None]) -> None:
            step = countdown(moment, die)

            def deadly(rename: Callable[..., None], *places: Path) -> None:
                if not after:
                    step()
                rename(*places)
                if after:
                    step()

            for name, rename in renames.items():
                setattr(os, name, partial(deadly, rename))

        dead = killed(lambda: sweep(small, out, resume=True), arm)
        sweep(small, out, resume=True)
        assert_same(out, whole)
        return not dead

    moments = 1 + 3 + 4 + 2 + 1  # begin, tasks, tables, problems and about, parts away
    for moment in range(1, moments + 1):
        assert not survives(tmp_path / f"before-{moment}", moment)
    assert not survives(tmp_path / "after", moments, after=True)
    assert survives(tmp_path / "never", moments + 1)


def test_a_finished_question_is_not_asked_again(toys, plan, tmp_path):
    out = tmp_path / "out"
    sweep(plan, out)
    written = toys.generator.generated
    assert sweep(plan, out, resume=True) == {}
    assert toys.generator.generated == written


def test_another_command_or_other_problems_are_refused(plan, tmp_path, questions):
    out = tmp_path / "out"
    copy = tmp_path / "questions.jsonl"
    copy.write_bytes(questions.read_bytes())
    mine = SweepPlan(str(copy), "toy", samples=2)
    sweep(mine, out)
    with pytest.raises(BadInput, match="--resume"):
        sweep(mine, out)
    with pytest.raises(BadInput, match="--samples 2 "):
        sweep(SweepPlan(str(copy), "toy", samples=3), out, resume=True)
    copy.write_text('{"question": "Another?", "answer": "1"}\n', encoding="utf-8")
    with pytest.raises(BadInput, match="other problems"):
        sweep(mine, out, resume=True)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").touch()
    for resume in (False, True):
        with pytest.raises(BadInput, match="not empty"):
            sweep(mine, tmp_path / "full", resume)


def test_a_question_that_fails_is_listed_and_tried_again(toys, plan, tmp_path):
    out, whole = tmp_path / "out", tmp_path / "whole"
    sweep(plan, whole)
    toys.verifier.refuses = "What is 3"
    rows = sweep(plan, out)
    failed = pd.read_parquet(out / "failures.parquet")
    assert rows["failures"] == len(failed)
    assert set(failed["question"]) == {3}
    # Greedy asks no verifier, and revisions have one of their own.
    assert set(failed["strategy"]) == {"best_of_n", "beam"}
    assert failed["error"].str.contains("model failed").all()
    pool = pd.read_parquet(out / "pool.parquet")
    assert_frame_equal(
        pool.drop(columns="seconds"),
        tables(whole)["pool"].query("question != 3").reset_index(drop=True),
    )
    toys.verifier.refuses = "no question"
    sweep(plan, out, resume=True)
    assert_same(out, whole)


def test_a_question_that_takes_too_long_is_left_out_and_can_be_given_more_time(
    toys, plan, tmp_path, monkeypatch
):
    """Question 3 takes a minute of an imagined clock for each step."""
    now, extend = [0.0], toys.generator.extend

    def slow(jobs):
        now[0] += 60 * any("What is 3" in job.state.text for job in jobs)
        return extend(jobs)

    monkeypatch.setattr(sweep_worker, "perf_counter", lambda: now[0])
    monkeypatch.setattr(sweep_jobs, "BATCH_ROWS", 1)
    asked = SweepPlan(plan.problems, "toy", ("beam",), (4,))
    out = tmp_path / "out"
    monkeypatch.setattr(toys.generator, "extend", slow)
    rows = sweep(asked, out, minutes=1.5)
    assert rows == {"runs": 4, "failures": 1}
    (failed,) = pd.read_parquet(out / "failures.parquet").to_dict("records")
    assert (failed["question"], failed["strategy"]) == (3, "beam")
    assert failed["error"] == "It took longer than 1.5 minutes, and is left out."
    assert sweep(asked, out, resume=True, minutes=60) == {"runs": 5}
    sweep(asked, tmp_path / "whole")
    assert_same(out, tmp_path / "whole")


def test_no_time_at_all_ends_cleanly(plan, tmp_path):
    rows = sweep(plan, tmp_path / "out", minutes=1e-9)
    assert rows == {"failures": 5 * 7}


# --- auto -----------------------------------------------------------------------------------------


@pytest.fixture
def policy(tmp_path) -> Path:
    """Dvts for everything, measured on the toys with other questions."""
    cells = tuple(
        PolicyCell(b, 4, 9, 0.5, 0.4, 0.6, (Candidate(StrategyChoice("dvts"), 1.0, 0.5),))
        for b in range(1, 6)
    )
    about = {"model": ToyGenerator.name, "verifier": ToyVerifier.name, "questions": ["0" * 16]}
    file = tmp_path / "policy.json"
    file.write_text(dump_policy(Policy(about, (0.2, 0.4, 0.6, 0.8), cells)))
    return file


def test_auto_follows_the_policy_and_says_which(plan, policy, tmp_path, monkeypatch):
    asked = []
    decide = Policy.decide
    monkeypatch.setattr(Policy, "decide", lambda *given: asked.append(given[1]) or decide(*given))
    rows = sweep(SweepPlan(plan.problems, "toy", ("auto",), (4,)), tmp_path / "out", policy=policy)
    assert rows == {"runs": 5}
    assert len(asked) == 5
    assert Results.load(tmp_path / "out").about["policy"] == load_policy(policy).fingerprint


@pytest.mark.parametrize(
    ("about", "says"),
    [
        (
            {"questions": ["0" * 16, text_fingerprint("What is 3 - 3 + 2?")]},
            "chosen on 1 of these questions",
        ),
        ({"model": "another"}, "on other models"),
        ({"questions": None}, "on which questions"),
        (None, "no policy to follow"),
    ],
)
def test_auto_is_not_measured_by_a_policy_that_saw_the_questions_or_other_models(
    plan, policy, tmp_path, about, says
):
    if about is None:
        policy.unlink()
    else:
        whole = json.loads(policy.read_text())
        told = whole["about"] | about
        whole["about"] = {key: value for key, value in told.items() if value is not None}
        policy.write_text(json.dumps(whole))
    with pytest.raises(BadInput, match=says):
        sweep(SweepPlan(plan.problems, "toy", ("auto",), (4,)), tmp_path / "out", policy=policy)
    assert not (tmp_path / "out").exists()


def test_another_policy_cannot_go_on(toys, plan, policy, tmp_path):
    asked = SweepPlan(plan.problems, "toy", ("auto",), (4,))
    toys.verifier.refuses = "What is 3"
    sweep(asked, tmp_path / "out", policy=policy)
    policy.write_text(policy.read_text().replace("dvts", "beam"))
    with pytest.raises(BadInput, match="another policy"):
        sweep(asked, tmp_path / "out", resume=True, policy=policy)


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"strategies": ("beem",)}, "beem"),
        ({"strategies": ("",)}, "Unknown strategy"),
        ({"strategies": ("beam chains=4",)}, "no setting 'chains'"),
        ({"strategies": ("beam width",)}, "equals sign"),
        ({"strategies": ("beam width=grid",)}, "whole number"),
        ({"budgets": (0,)}, "budget"),
        ({"budgets": ()}, "--budget 16"),
        ({"strategies": ("best_of_n",), "budgets": (16,)}, "--samples 16"),
        ({"strategies": (), "samples": 0, "probe": 0}, "nothing to do"),
        ({"changes": (("selector", "best"),)}, "selector"),
        ({"changes": (("colour", "red"),)}, "colour"),
        ({"problems": "nothing"}, "nothing"),
        ({"problems": "none.jsonl"}, "no file"),
        ({"answer_column": "solution"}, "solution"),
    ],
)
def test_bad_plans_are_refused_before_anything_is_written(plan, tmp_path, changes, says):
    asked = SweepPlan(
        **({field: getattr(plan, field) for field in plan.__dataclass_fields__} | changes)
    )
    with pytest.raises(BadInput, match=says):
        sweep(asked, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_the_models_cannot_do_is_refused(plan, tmp_path, monkeypatch):
    monkeypatch.setattr(
        catalogue, "load_models", lambda *_: catalogue.ModelSet(ToyGenerator(), None)
    )
    with pytest.raises(BadInput, match="needs a verifier"):
        sweep(plan, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_without_a_verifier_the_pool_has_no_scores_and_runs_have_a_majority(
    plan, tmp_path, monkeypatch
):
    monkeypatch.setattr(
        catalogue, "load_models", lambda *_: catalogue.ModelSet(ToyGenerator(), None)
    )
    sweep(SweepPlan(plan.problems, "toy", ("adaptive",), (8,), samples=2), tmp_path / "out")
    found = Results.load(tmp_path / "out")
    assert found.pool["score"].isna().all()
    assert found.pool["verifier_tokens"].eq(0).all()
    assert found.runs["majority"].notna().all()
    assert found.runs[["best", "weighted"]].isna().all(axis=None)
