"""The final exam: fresh questions, opened once, and every look is counted."""

from __future__ import annotations

import json

import pytest

from tests.experiments.synthetic import save, synthetic
from ttc_explorer.experiments import exam
from ttc_explorer.experiments.result_tables import ABOUT_FILE
from ttc_explorer.experiments.sweep import load_sweep_problems
from ttc_explorer.experiments.sweep_jobs import SweepPlan
from ttc_explorer.problems.problem import BadInput

pytestmark = pytest.mark.slow


@pytest.fixture
def swept(monkeypatch):
    """Sweeps write made-up results; which plans were swept."""
    plans = []

    def fake_sweep(plan, out, resume=False, **_):
        plans.append(plan)
        if not out.is_dir():
            save(synthetic(5, 4, seed=len(plans)).results, out)
        return {}

    monkeypatch.setattr(exam, "sweep", fake_sweep)
    monkeypatch.setattr(exam, "evaluate_findings", lambda *_: [])
    return plans


def looks(out):
    return [json.loads(path.read_text())["looks"] for path in sorted(out.glob(f"*/{ABOUT_FILE}"))]


def test_an_exam_is_opened_once_and_a_second_time_only_if_one_says_so(swept, tmp_path):
    out, practice = tmp_path / "exam", tmp_path / "practice"
    exam.open_exam(out, practice)
    assert looks(out) == [1, 1, 1]
    with pytest.raises(BadInput, match=r"was opened once: .* --again"):
        exam.open_exam(out, practice)
    assert looks(out) == [1, 1, 1]
    exam.open_exam(out, practice, again=True)
    assert looks(out) == [2, 2, 2]
    with pytest.raises(BadInput, match="was opened 2 times"):
        exam.open_exam(out, practice)


def test_an_exam_that_was_stopped_before_its_findings_is_no_look(swept, tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(exam, "evaluate_findings", stop)
        with pytest.raises(KeyboardInterrupt):
            exam.open_exam(tmp_path / "exam", tmp_path)
    assert exam.count_looks(tmp_path / "exam") == 0
    exam.open_exam(tmp_path / "exam", tmp_path)
    assert exam.count_looks(tmp_path / "exam") == 1


def test_an_exam_that_was_killed_when_it_had_counted_and_not_shown_is_one_look(
    swept, tmp_path, monkeypatch
):
    out = tmp_path / "exam"

    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(exam, "dump_findings", stop)
        with pytest.raises(KeyboardInterrupt):
            exam.open_exam(out, tmp_path)
    assert looks(out) == [1, 1, 1]
    exam.open_exam(out, tmp_path)
    assert looks(out) == [1, 1, 1]
    with pytest.raises(BadInput, match="was opened once"):
        exam.open_exam(out, tmp_path)


def test_three_seeds_of_every_search_and_fresh_questions(swept, tmp_path):
    exam.open_exam(tmp_path / "exam", tmp_path / "practice")
    small = swept[0]
    assert small.without == (str(tmp_path / "practice"),)
    repeats = {}
    for job in small.jobs():
        if job.kind == "run":
            repeats.setdefault((job.strategy, job.settings, job.budget), []).append(job.repeat)
    assert repeats.pop(("greedy", (), 1)) == [0]
    assert set(map(tuple, repeats.values())) == {(0, 1, 2)}
    streams = {job.stream for job in small.jobs() if job.kind == "run"}
    assert streams == {"runs", "runs 1", "runs 2"}


def test_questions_that_were_looked_at_are_replaced_by_others(tmp_path):
    """Seeds draw from the same families, so two sets share questions; as many are asked anyway."""
    known = load_sweep_problems(SweepPlan("families:120", "base-s", seed=0))
    results = synthetic(120, 4).results
    results.problems["text"] = [problem.text for problem in known]
    save(results, tmp_path)
    plain = load_sweep_problems(SweepPlan("families:120", "base-s", seed=1))
    fresh = load_sweep_problems(
        SweepPlan("families:120", "base-s", seed=1, without=(str(tmp_path),))
    )
    texts = {problem.text for problem in known}
    assert any(problem.text in texts for problem in plain)
    assert not any(problem.text in texts for problem in fresh)
    assert len({problem.text for problem in fresh}) == 120
