"""Searches on allocated GPUs: by a stand-in for ``spaces`` that forks and pickles what goes in and
out."""

import importlib
import pickle
import sys
import time
from contextvars import ContextVar
from multiprocessing import get_context
from types import SimpleNamespace

import pytest

from tests.search.fakes import ToyGenerator, Toys, ToyVerifier, make_checker, toy_run
from ttc_explorer.experiments.solver import Solver
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.trace import to_trace
from ttc_explorer.serving import zerogpu
from ttc_explorer.serving.limits import Limits

LONG = 60.0
"""Seconds after which a wait counts as hung."""

VISITOR = ContextVar("visitor", default=None)


class FakeSpaces:
    """``spaces.GPU`` as the package has it: a forked, daemonic worker that can be stopped between
    two yields. ``durations`` has the seconds asked for, and who asked."""

    def __init__(self):
        self.durations = []

    def GPU(self, duration):
        def decorate(task):
            def run_in_fork(*args):
                self.durations.append((duration(*args), VISITOR.get()))
                context = get_context("fork")
                ours, theirs = context.Pipe()
                worker = context.Process(target=work, args=(task, theirs, ours), daemon=True)
                worker.start()
                theirs.close()
                ours.send_bytes(pickle.dumps(args))
                try:
                    while True:
                        kind, value = pickle.loads(ours.recv_bytes())
                        if kind == "end":
                            return
                        if kind == "error":
                            raise RuntimeError(value)
                        yield value
                        ours.send_bytes(b"go on")
                finally:
                    ours.close()
                    worker.join(LONG)
                    assert worker.exitcode is not None

            return run_in_fork

        return decorate


def work(task, pipe, other_end):
    other_end.close()  # which was forked too
    deltas = task(*pickle.loads(pipe.recv_bytes()))
    try:
        for value in deltas:
            pipe.send_bytes(pickle.dumps(("value", value)))
            try:
                pipe.recv_bytes()
            except EOFError:  # the client has gone
                deltas.close()
                return
        pipe.send_bytes(pickle.dumps(("end", None)))
    except Exception as error:
        pipe.send_bytes(pickle.dumps(("error", str(error))))


@pytest.fixture
def spaces(monkeypatch):
    stand_in = FakeSpaces()
    monkeypatch.setattr(zerogpu, "spaces", stand_in)
    return stand_in


def toys(name=None):
    return Solver.from_models(ToyGenerator(), ToyVerifier(), make_checker=make_checker)


def make_service(make_solver=toys, limits=None, name="toys"):
    return zerogpu.ZeroGPUService(
        toys().facts, zerogpu.make_search_function(make_solver), name, limits or Limits()
    )


def wait_until_stopped(service, run):
    while run.stopped is None:
        service.wait(run, len(run.tree.events), LONG)
    return run


def trace_without_seconds(run):
    """A trace without what the clock says."""
    trace = to_trace(run)
    for part in ("ledger", "timeline"):
        trace[part].pop("seconds", None)
    return trace


@pytest.mark.parametrize("strategy", ["best_of_n", "beam", "mcts"])
def test_a_search_on_a_lent_gpu_is_the_search(spaces, strategy):
    service = make_service()
    run = toy_run(strategy, 8)
    VISITOR.set("Ada")
    service.submit(run)
    assert trace_without_seconds(wait_until_stopped(service, run)) == trace_without_seconds(
        Toys().drive(toy_run(strategy, 8))[0]
    )
    service.drain_and_close()
    assert spaces.durations == [(zerogpu.LOAD_SECONDS + zerogpu.BASE_SECONDS + 8, "Ada")]
    assert (service.totals.runs, len(service)) == (1, 0)


def test_it_works_without_the_package(monkeypatch):
    monkeypatch.setattr(zerogpu, "spaces", None)
    service, run = make_service(), toy_run("beam", 8)
    service.submit(run)
    assert trace_without_seconds(wait_until_stopped(service, run)) == trace_without_seconds(
        Toys().drive(toy_run("beam", 8))[0]
    )


@pytest.mark.slow
def test_a_cancelled_search_ends_there_too(spaces):
    def slow(name):
        solver = toys()
        solver.generator.before_token = lambda: time.sleep(0.01)  # so that it is under way
        return solver

    service, run = make_service(slow), toy_run("best_of_n", 64)
    service.submit(run)
    assert service.wait(run, 1, LONG)  # its first delta
    service.cancel(run)
    assert wait_until_stopped(service, run).stopped == "cancelled"
    service.drain_and_close()
    assert run.error is None


def test_a_failing_worker_is_one_sentence(spaces):
    def broken(name):
        raise ValueError(f"no {name}")

    service, run = make_service(broken), toy_run()
    service.submit(run)
    assert wait_until_stopped(service, run).error.startswith(zerogpu.GPU_LOST)
    with pytest.raises(BadInput):
        service.submit(toy_run("nonsense"))


def test_rules_hold_for_lent_gpus_too(spaces):
    service = make_service(limits=Limits(budget=4, seconds=5))
    with pytest.raises(BadInput, match="4 at most"):
        service.submit(toy_run(budget=8))
    run = toy_run(budget=4)
    service.submit(run)
    wait_until_stopped(service, run)
    assert spaces.durations[0][0] == zerogpu.LOAD_SECONDS + 5
    service.drain_and_close()
    with pytest.raises(BadInput, match="exchanged"):
        service.submit(toy_run(budget=4))


@pytest.mark.parametrize(
    ("package", "variable", "here"),
    [(True, "true", True), (True, "", False), (False, "true", False)],
)
def test_gpus_are_lent_only_where_the_package_and_the_hardware_are(
    monkeypatch, package, variable, here
):
    monkeypatch.setitem(sys.modules, "spaces", SimpleNamespace(GPU=None) if package else None)
    monkeypatch.setenv("SPACES_ZERO_GPU", variable)
    try:
        assert importlib.reload(zerogpu).ENABLED is here
    finally:
        monkeypatch.undo()
        importlib.reload(zerogpu)


def test_a_larger_budget_asks_for_a_longer_loan_up_to_the_time_allowed():
    durations = [
        zerogpu.gpu_duration(zerogpu.GPURequest(None, toy_run(budget=budget), 60))
        for budget in (1, 16, 64, 256)
    ]
    assert durations == sorted(durations)
    assert durations[0] < durations[1] < durations[2] == durations[3] == zerogpu.LOAD_SECONDS + 60
