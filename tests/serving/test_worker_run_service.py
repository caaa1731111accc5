"""Runs in worker processes: the same runs as here; a crash costs its runs and no more; no process
outlives its parent."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from queue import SimpleQueue
from threading import Event, Thread

import pytest

from tests.search.fakes import ToyGenerator, ToyVerifier, run_to_completion, toy_run
from tests.search.fakes import make_checker as toy_checker
from ttc_explorer.asset_files import PACKAGE_FOLDER
from ttc_explorer.experiments.solver import Solver
from ttc_explorer.models.model_description import describe
from ttc_explorer.models.protocol import ModelError, RowProgress, StrategyChoice
from ttc_explorer.problems.problem import Problem
from ttc_explorer.search import executor
from ttc_explorer.search.delta import request_from_data, request_to_data, touched_run
from ttc_explorer.search.driver import Driver
from ttc_explorer.search.trace import to_trace
from ttc_explorer.serving import search_worker, worker_process
from ttc_explorer.serving.limits import Limits
from ttc_explorer.serving.model_describer import ModelDescriber
from ttc_explorer.serving.search_worker import ChoicesOfRuns, SearchLoop
from ttc_explorer.serving.worker_process import WorkerEnded, start_worker
from ttc_explorer.serving.worker_run_service import WORKER_LOST, WorkerRunService

LONG = 60.0
"""Seconds after which a wait counts as hung."""


class ThreadWorker:
    """A worker whose loop runs in a thread, with every message written as JSON on its way."""

    name, pid = "toys", 0

    def __init__(self, useful_workers=1, generator=None):
        driver = Driver(generator or ToyGenerator(), ToyVerifier(), toy_checker)
        self.facts, self.useful_workers = driver.facts, useful_workers
        self.received = []
        self._inbox, self._followed = SimpleQueue(), Event()
        self._loop = SearchLoop(driver, ChoicesOfRuns(), self._reply)
        self._thread = Thread(target=self._loop.run, args=(self._inbox,), daemon=True)
        self._thread.start()

    def follow(self, on_message, on_end):
        self._on_message, self.end = on_message, on_end

    def send(self, message):
        self.received.append(json.loads(json.dumps(message)))
        self._inbox.put(self.received[-1])
        if "cancel" in message:
            self._loop.cancel(message["cancel"])

    def close(self):
        self._inbox.put(None)
        self._thread.join(LONG)
        assert not self._thread.is_alive()

    def lose(self):
        """End as a process that was killed: nothing comes after."""
        self._on_message = lambda message: None
        self.end()

    def _reply(self, message):
        self._on_message(json.loads(json.dumps(message)))


def follow_until_stopped(service, run):
    while run.stopped is None:
        assert service.wait(run, len(run.tree.events), LONG)
    return run


def trace_without_seconds(run):
    trace = to_trace(run)
    for part in ("ledger", "timeline"):
        trace[part].pop("seconds", None)
    return trace


@pytest.mark.parametrize("strategy", ["best_of_n", "beam", "lookahead", "mcts", "adaptive"])
def test_a_run_in_a_worker_is_the_run(strategy):
    service = WorkerRunService(ThreadWorker(), Limits())
    runs = [toy_run(strategy, 8, seed=seed) for seed in range(3)]
    for run in runs:
        service.submit(run)
    for run in runs:
        here = toy_run(strategy, 8, seed=run.seed)
        run_to_completion(here, ToyGenerator(), ToyVerifier(), toy_checker)
        there = follow_until_stopped(service, run)
        assert trace_without_seconds(there) == trace_without_seconds(here)
        assert there.tree.events == here.tree.events
    assert (service.totals.runs, len(service)) == (3, 0)
    service.drain_and_close()


def test_a_request_is_plain_data_and_the_same_run():
    run = toy_run("beam", 8, seed=5)
    run.display_scores = True
    data = json.loads(json.dumps(request_to_data(run)))
    there = request_from_data(data)
    assert (there.problem, there.settings) == (run.problem, run.settings)
    assert request_to_data(there) == data


def test_a_touch_in_a_worker_is_the_touch():
    service = WorkerRunService(ThreadWorker(), Limits())
    run = toy_run("beam", 8)
    run_to_completion(run, ToyGenerator(), ToyVerifier(), toy_checker)
    here, there = (touched_run(run, "expand", 1, 4) for _ in range(2))
    run_to_completion(here, ToyGenerator(), ToyVerifier(), toy_checker)
    service.submit(there)
    follow_until_stopped(service, there)
    assert there.tree.solution_count() == run.tree.solution_count() + 4
    assert trace_without_seconds(there) == trace_without_seconds(here)
    service.drain_and_close()


def test_a_run_is_cancelled_in_its_worker():
    generator, go_on = ToyGenerator(), Event()
    generator.before_token = lambda: go_on.wait(LONG)
    service, run = WorkerRunService(ThreadWorker(generator=generator), Limits()), toy_run()
    service.submit(run)
    service.cancel(run)
    go_on.set()
    assert follow_until_stopped(service, run).stopped == "cancelled"
    service.drain_and_close()


def test_how_far_a_run_is_is_seen_in_the_midst_of_a_step(monkeypatch):
    monkeypatch.setattr(executor, "PROGRESS_SECONDS", 0.0)
    monkeypatch.setattr(search_worker, "PROGRESS_INTERVAL", 0.01)
    monkeypatch.setattr(search_worker, "UPDATE_SECONDS", 0.3)  # some steps are held back
    go_on = Event()

    class TellingGenerator(ToyGenerator):
        def extend(self, jobs):
            if len(self.batches) == 2:
                for job in jobs:
                    job.on_progress(RowProgress("1 +", 2))
                assert go_on.wait(LONG)
            return super().extend(jobs)

    worker = ThreadWorker(generator=TellingGenerator())
    reporting = Thread(target=worker._loop.report_progress, daemon=True)
    reporting.start()
    service, run = WorkerRunService(worker, Limits()), toy_run("best_of_n", 4)
    service.submit(run)
    end = time.monotonic() + LONG
    while not (run.current_progress and run.current_progress.rows):
        assert time.monotonic() < end
        service.wait(run, len(run.tree.events), 0.02)
    assert max(run.tree.round) == 2  # of all that was held back before the long step, too
    assert {row.text for row in run.current_progress.rows} == {"1 +"}
    assert {run.tree.round[row.parent] for row in run.current_progress.rows} == {2}
    go_on.set()
    here = toy_run("best_of_n", 4)
    run_to_completion(here, ToyGenerator(), ToyVerifier(), toy_checker)
    assert trace_without_seconds(follow_until_stopped(service, run)) == trace_without_seconds(here)
    assert run.current_progress is None
    service.drain_and_close()
    reporting.join(LONG)
    assert not reporting.is_alive()


def test_a_lost_worker_costs_its_runs_and_is_replaced(monkeypatch):
    generator, go_on = ToyGenerator(), Event()
    generator.before_token = lambda: go_on.wait(LONG)
    started = SimpleQueue()

    def replacement(name):
        started.put(ThreadWorker())
        worker = started.get()
        worker.wait_until_loaded = lambda: None
        started.put(worker)
        return worker

    monkeypatch.setattr("ttc_explorer.serving.worker_run_service.WorkerProcess", replacement)
    first = ThreadWorker(generator=generator)
    service = WorkerRunService(first, Limits(runs=1))
    lost, waiting = toy_run(seed=1), toy_run(seed=2)
    service.submit(lost)
    service.submit(waiting)
    first.lose()
    assert (lost.stopped, lost.error) == ("cancelled", WORKER_LOST)
    assert follow_until_stopped(service, waiting).stopped == "done"
    assert started.get().received
    go_on.set()
    service.drain_and_close()


def test_runs_of_auto_bring_along_what_was_learnt():
    class Learnt:
        def choices(self, budget):
            return [StrategyChoice("beam", (("width", 2),))] * 5

    worker = ThreadWorker()
    service = WorkerRunService(worker, Limits(), Learnt())
    for strategy in ("auto", "beam"):
        run = toy_run(strategy, 8)
        service.submit(run)
        follow_until_stopped(service, run)
    auto, beam = (message["choices"] for message in worker.received)
    assert auto == [["beam", [["width", 2]]]] * 5
    assert beam is None
    service.drain_and_close()


def test_a_run_that_cannot_be_sent_ends_and_gives_its_place_back():
    class Unreadable:
        def choices(self, budget):
            raise OSError("outcomes cannot be read")

    service = WorkerRunService(ThreadWorker(), Limits(runs=1), Unreadable())
    auto, beam = toy_run("auto", 8), toy_run("beam", 8)
    for run in (auto, beam):
        service.submit(run)
    assert auto.stopped == "cancelled"
    assert "OSError" in auto.error
    assert follow_until_stopped(service, beam).stopped == "done"
    service.drain_and_close()


@pytest.mark.parametrize("last", ['{"run": 0, "del', '{"run": 7, "delta": {}}\n', "no JSON\n"])
def test_a_worker_that_ends_in_mid_message_or_tells_nonsense_is_lost_and_no_more(monkeypatch, last):
    facts = json.dumps(Driver(ToyGenerator(), ToyVerifier(), toy_checker).facts.to_data())
    lines = f'{{"loaded": {facts}, "workers": 1}}\n{last}'
    script = f"import sys; sys.stdin.readline(); sys.stdout.write({lines!r}); sys.stdout.flush()"
    monkeypatch.setattr(worker_process, "WORKER_COMMAND", [sys.executable, "-c", script])
    ended, worker = Event(), start_worker()
    worker.follow(lambda message: message["delta"]["events"], ended.set)
    assert ended.wait(LONG)
    worker.close()


def test_models_are_described_by_a_process_of_its_own_only_while_no_other_lives(monkeypatch):
    class Describing:
        def __init__(self, name=None):
            self.lives = True
            started.append(self)

        def describe(self, name):
            if not self.lives:
                raise WorkerEnded
            return f"{name} by {started.index(self)}"

        def close(self):
            self.lives = False

    started = []
    monkeypatch.setattr("ttc_explorer.serving.model_describer.WorkerProcess", Describing)
    describer, service = ModelDescriber(), WorkerRunService(ThreadWorker(), Limits())
    assert [describer.describe(name, []) for name in ("a", "b")] == ["a by 0", "b by 0"]
    monkeypatch.setattr(service, "workers", lambda: [started[1]])
    Describing()
    assert describer.describe("c", [service]) == "c by 1"
    assert not started[0].lives
    started[1].close()
    assert describer.describe("d", [service]) == "d by 2"
    started[2].close()
    with pytest.raises(ModelError, match="ended"):
        describer.describe("e", [])
    service.drain_and_close()


# --- real processes -------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_process_runs_searches_is_replaced_when_killed_and_ends_with_the_service():
    service = WorkerRunService(start_worker(), Limits())
    problem = Problem("Solve 3x+5=20.")
    run = service.facts.run(problem, "beam", 8, 0, None)
    service.submit(run)
    with Solver() as solver:
        here = solver.solve(problem, strategy="beam", budget=8)
    assert trace_without_seconds(follow_until_stopped(service, run)) == trace_without_seconds(here)
    (first,) = service.pids()
    describer = ModelDescriber()
    here, there = describe("base-s"), describer.describe("base-s", [service])
    assert replace(there, room=here.room) == here  # memory is free as it comes
    with pytest.raises(ModelError, match="Name a model"):
        describer.describe("+nothing", [service])
    long = service.facts.run(problem, "best_of_n", 256, 0, None)
    service.submit(long)
    os.kill(first, signal.SIGKILL)
    assert follow_until_stopped(service, long).error == WORKER_LOST
    again = service.facts.run(problem, "greedy", 1, 0, None)
    service.submit(again)
    assert follow_until_stopped(service, again).stopped == "done"
    (second,) = service.pids()
    (worker,) = service.workers()
    service.drain_and_close()
    assert not any(map(is_alive, (first, second)))
    with pytest.raises(WorkerEnded):
        worker.describe("base-s")


@pytest.mark.slow
def test_models_that_cannot_be_had_are_one_sentence():
    with pytest.raises(ModelError, match="nowhere/nothing"):
        start_worker("nowhere/nothing")


@pytest.mark.slow
def test_no_worker_outlives_a_parent_that_is_killed():
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, cwd=PACKAGE_FOLDER.parent, text=True
    )
    worker = int(parent.stdout.readline())
    parent.kill()
    parent.wait(LONG)
    end = time.monotonic() + LONG
    while is_alive(worker):
        assert time.monotonic() < end, "the worker is an orphan"
        time.sleep(0.05)


PARENT = """
from ttc_explorer.serving.worker_process import WorkerProcess
import sys, time
worker = WorkerProcess(None)
print(worker.pid, flush=True)
worker.wait_until_loaded()
time.sleep(600)
"""


def is_alive(pid):
    """Whether the process runs; a zombie does not."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
