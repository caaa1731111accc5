"""Searches on lent GPUs: by a stand-in for ``spaces`` that forks and pickles what goes in and out."""

import importlib
import pickle
import sys
import time
from contextvars import ContextVar
from multiprocessing import get_context
from types import SimpleNamespace

import pytest

from tests.search.fakes import ToyGenerator, Toys, ToyVerifier, examine, toy_run
from ttc_explorer import zero
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.public import Rules
from ttc_explorer.search.driver import Driver
from ttc_explorer.search.trace import to_trace

LONG = 60.0
"""Seconds after which a wait counts as hung."""

VISITOR = ContextVar("visitor", default=None)


class StandIn:
    """``spaces.GPU`` as the package has it: a forked, daemonic worker that can be stopped between two yields.
    ``loans`` has the seconds asked for, and who asked."""

    def __init__(self):
        self.loans = []

    def GPU(self, duration):
        def lend(task):
            def lent(*args):
                self.loans.append((duration(*args), VISITOR.get()))
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

            return lent

        return lend


def work(task, pipe, other_end):
    other_end.close()  # which was forked too
    pieces = task(*pickle.loads(pipe.recv_bytes()))
    try:
        for value in pieces:
            pipe.send_bytes(pickle.dumps(("value", value)))
            try:
                pipe.recv_bytes()
            except EOFError:  # nobody listens any more
                pieces.close()
                return
        pipe.send_bytes(pickle.dumps(("end", None)))
    except Exception as error:
        pipe.send_bytes(pickle.dumps(("error", str(error))))


@pytest.fixture
def spaces(monkeypatch):
    stand_in = StandIn()
    monkeypatch.setattr(zero, "spaces", stand_in)
    return stand_in


def toys(name=None):
    return Driver(ToyGenerator(), ToyVerifier(), examine)


def lent(make_driver=toys, rules=None, name="toys"):
    return zero.Lent(toys(), zero.searching(make_driver), name, rules or Rules())


def ended(service, run):
    while run.stopped is None:
        service.wait(run, len(run.tree.events), LONG)
    return run


def known(run):
    """A trace without what the clock says."""
    trace = to_trace(run)
    return trace | {"ledger": trace["ledger"] | {"seconds": 0}}


@pytest.mark.parametrize("strategy", ["best_of_n", "beam", "mcts"])
def test_a_search_on_a_lent_gpu_is_the_search(spaces, strategy):
    service = lent()
    run = toy_run(strategy, 8)
    VISITOR.set("Ada")
    service.submit(run)
    assert known(ended(service, run)) == known(Toys().drive(toy_run(strategy, 8))[0])
    service.leave()
    assert spaces.loans == [(zero.START + zero.FIRST + 8, "Ada")]
    assert (service.tally.runs, len(service)) == (1, 0)


def test_it_works_without_the_package(monkeypatch):
    monkeypatch.setattr(zero, "spaces", None)
    service, run = lent(), toy_run("beam", 8)
    service.submit(run)
    assert known(ended(service, run)) == known(Toys().drive(toy_run("beam", 8))[0])


def test_a_cancelled_search_ends_there_too(spaces):
    def slow(name):
        driver = toys()
        driver.generator.before_token = lambda: time.sleep(0.01)  # so that it is under way
        return driver

    service, run = lent(slow), toy_run("best_of_n", 64)
    service.submit(run)
    assert service.wait(run, 1, LONG)  # its first news
    service.cancel(run)
    assert ended(service, run).stopped == "cancelled"
    service.leave()
    assert run.error is None


def test_a_failing_worker_is_one_sentence(spaces):
    def broken(name):
        raise ValueError(f"no {name}")

    service, run = lent(broken), toy_run()
    service.submit(run)
    assert ended(service, run).error.startswith(zero.LOST)
    with pytest.raises(BadInput):
        service.submit(toy_run("nonsense"))


def test_rules_hold_for_lent_gpus_too(spaces):
    service = lent(rules=Rules(budget=4, seconds=5))
    with pytest.raises(BadInput, match="4 at most"):
        service.submit(toy_run(budget=8))
    run = toy_run(budget=4)
    service.submit(run)
    ended(service, run)
    assert spaces.loans[0][0] == zero.START + 5
    service.leave()
    with pytest.raises(BadInput, match="exchanged"):
        service.submit(toy_run(budget=4))


@pytest.mark.parametrize(
    ("package", "variable", "here"), [(True, "true", True), (True, "", False), (False, "true", False)]
)
def test_gpus_are_lent_only_where_the_package_and_the_hardware_are(monkeypatch, package, variable, here):
    monkeypatch.setitem(sys.modules, "spaces", SimpleNamespace(GPU=None) if package else None)
    monkeypatch.setenv("SPACES_ZERO_GPU", variable)
    try:
        assert importlib.reload(zero).HERE is here
    finally:
        monkeypatch.undo()
        importlib.reload(zero)


def test_a_larger_budget_asks_for_a_longer_loan_up_to_the_time_allowed():
    loans = [zero.loan(zero.Order(None, toy_run(budget=budget), 60)) for budget in (1, 16, 64, 256)]
    assert loans == sorted(loans)
    assert loans[0] < loans[1] < loans[2] == loans[3] == zero.START + 60
