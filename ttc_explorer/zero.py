"""ZeroGPU, the GPUs that Spaces of Hugging Face share: a search holds one for as long as it runs, no longer.

``spaces.GPU`` runs a call in a process that was forked from this one and has a GPU for a while. What goes in
and what comes out is pickled, what the call changes in memory stays there, and closing the generator ends it
at its next yield (huggingface.co/docs/hub/spaces-zerogpu). So an ``Order`` goes in and ``News`` come out.

The package must be imported before torch: import this file first. Without the package, ``spaces.GPU`` is
nothing: only a Space with such hardware has both.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from contextvars import copy_context
from dataclasses import dataclass, replace
from threading import Condition, Thread

from ttc_explorer.models.protocol import ModelError
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.public import Rules
from ttc_explorer.search.driver import Driver, check
from ttc_explorer.search.ledger import Ledger
from ttc_explorer.search.news import News, follow, news
from ttc_explorer.search.run import Run
from ttc_explorer.search.tree import SearchTree
from ttc_explorer.service import FULL, LEAVING, Service, Tally

try:
    import spaces
except ImportError:
    spaces = None

log = logging.getLogger(__name__)

HERE = spaces is not None and os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")
"""Whether this process is lent GPUs. The variable is what the package itself goes by."""

START = 15
"""Seconds of the loan in which the weights move to the GPU."""
FIRST, EACH = 15, 1
"""Seconds that a search of one solution may take, and that each further one adds."""
PACE = 0.1
"""Seconds between two pieces of news, at least."""
BREATH = 0.5
"""The same at most: a search that nobody listens to any more is ended when one is sent."""

LOST = "The run stopped because no GPU was lent, or it was taken back: try again, with a smaller budget."


@dataclass(frozen=True)
class Order:
    """A search to do: the run as it is before it has begun, and by whose models."""

    name: str | None
    run: Run
    seconds: float


def time_of(order: Order) -> int:
    """Seconds that a search may take: what its budget says, and no more than was ordered."""
    return int(min(order.seconds, FIRST + EACH * order.run.budget))


def loan(order: Order) -> int:
    """Seconds for which a GPU is asked. Who asks for less is served sooner."""
    return START + time_of(order)


def searching(make_driver: Callable[[str | None], Driver]) -> Callable[[Order], Iterator[News]]:
    """What does an order on a lent GPU, or right here where none is lent: yields what is new in the run
    until it has stopped. ``make_driver`` makes the models of a name, for each order anew."""

    def search(order: Order) -> Iterator[News]:
        run = replace(order.run, tree=SearchTree(), ledger=Ledger(), correct={})
        service = Service(make_driver(order.name))
        service.submit(run, time_of(order))
        seen = 0
        try:
            while True:
                service.wait(run, seen, BREATH)
                latest = news(run, seen)
                seen += len(latest.events)
                yield latest
                if latest.stopped is not None:
                    return
                time.sleep(PACE)
        finally:
            service.cancel(run)  # of no effect once it has ended
            service.leave()

    return spaces.GPU(duration=loan)(search) if spaces else search


class Lent:
    """A Service whose searches run on lent GPUs, each in a process of its own and in no batch with others.

    ``search`` comes from ``searching``, and has the models of that ``name`` there; ``driver`` has them here.
    See Service for the methods.
    """

    def __init__(
        self, driver: Driver, search: Callable[[Order], Iterator[News]], name: str | None, rules: Rules
    ) -> None:
        self._models = (driver.generator, driver.verifier, driver.reviser)
        self._search = search
        self._name = name
        self._rules = rules
        self._news = Condition()
        self._going: dict[int, Run] = {}
        self._cancelled: set[int] = set()
        self._leaving = False
        self.tally = Tally()

    def __len__(self) -> int:
        return len(self._going)

    def submit(self, run: Run, seconds: float | None = None) -> None:
        self._rules.check(run)
        check(run, *self._models)
        order = Order(self._name, run, self._rules.time(seconds))
        with self._news:
            if self._leaving:
                raise BadInput(LEAVING)
            if len(self._going) >= self._rules.runs:
                raise BadInput(FULL)
            self._going[id(run)] = run
        # In the visitor's context: the loan counts for them.
        context = copy_context()
        Thread(target=context.run, args=(self._follow, run, order), name="loan", daemon=True).start()

    def cancel(self, run: Run) -> None:
        with self._news:
            if id(run) in self._going:
                self._cancelled.add(id(run))

    def wait(self, run: Run, seen_events: int, timeout: float) -> bool:
        with self._news:
            return self._news.wait_for(
                lambda: run.stopped is not None or len(run.tree.events) > seen_events, timeout
            )

    def leave(self) -> None:
        with self._news:
            self._leaving = True
            self._news.wait_for(lambda: not self._going)

    def close(self) -> None:
        self._leaving = True

    def _follow(self, run: Run, order: Order) -> None:
        """Let the run grow here as it grows there, until it has ended or nobody wants it any more."""
        error = None
        try:
            with closing(self._search(order)) as pieces:
                for latest in pieces:
                    if id(run) in self._cancelled and latest.stopped is None:
                        break
                    with self._news:
                        follow(run, latest)
                        self._news.notify_all()
        except (BadInput, ModelError) as refusal:
            error = str(refusal)
        except Exception as failure:
            log.exception("a lent GPU failed")
            reason = " ".join(str(getattr(failure, "message", "")).split())[:200]
            error = f"{LOST} {reason}".strip()
        with self._news:
            if run.stopped is None:
                run.error = error
                run.stopped = "cancelled"
            del self._going[id(run)]
            self._cancelled.discard(id(run))
            self.tally.count(run)
            self._news.notify_all()
