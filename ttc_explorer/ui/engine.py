"""The models behind the pages: loaded in the background when somebody first wants them, and exchanged for
others when somebody chooses those.

One person's machine has one set of models, and a choice exchanges it on all pages. Where strangers share the
process a choice is of the visitor who makes it: models stay here by their names for all who chose them, and
those that nobody has a run on leave when others have no room beside them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Unfinished
from dataclasses import dataclass
from threading import Lock, Thread
from typing import Any

from ttc_explorer.models.protocol import ModelError, NoRoom
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.public import SIZES, Rules
from ttc_explorer.search.driver import Driver
from ttc_explorer.search.strategies import unavailable
from ttc_explorer.service import Service
from ttc_explorer.ui.learner import Learner

log = logging.getLogger(__name__)

BUSY = "Models are being loaded already: wait until they are here."
FAILED = "These models could not be loaded because something went wrong here that should not have."
LOADING = "Loading …"


@dataclass(frozen=True)
class Loaded:
    """The service of the models that somebody uses, and what is to be known of these: their names, and
    whether the generator ``forks`` (``protocol.py``) and the reviser is only ``prompted``. ``name`` is what
    was chosen, None for the shipped models; ``own`` whether they are one visitor's alone; ``abilities`` what
    a server can do (``models/abilities.py``), None without one; ``seconds`` how long loading took."""

    service: Service
    model: str
    verifier: str | None
    reviser: str | None
    name: str | None = None
    own: bool = False
    forks: bool = True
    prompted: bool = False
    abilities: Any = None
    seconds: float = 0.0

    @property
    def shipped(self) -> bool:
        """Whether the generator is one of ours, which knows our kinds of problems and no others."""
        return not self.own and (self.name is None or self.name.partition("+")[0] in SIZES)

    def missing(self, strategy: str) -> str:
        """Why a strategy cannot run with these models, in a sentence; empty if it can."""
        return unavailable(strategy, self.forks, self.verifier is not None, self.reviser is not None)


class Choice:
    """Which models somebody uses: those of ``name``, None for those that everybody begins with, or ``own``
    ones, which nobody else may use. Kept in a visitor's session; only the engine looks inside."""

    def __init__(self) -> None:
        self.name: str | None = None
        self.own: Loaded | None = None
        self.coming: Future[None] | None = None  # not the models: those let go must be free
        self.progress = self.failure = ""


class Engine:
    """``make_driver(name, tell)`` loads the models of a name, and tells how far that is; ``make_driver()``
    those that are shipped. It may take long, and may raise ModelError or BadInput. ``first`` names the models
    to begin with, the shipped ones if it is None. ``learner`` hears how runs of ``auto`` end, ``rules`` say
    what visitors may ask for, ``serve`` makes the service, and ``forget`` lets go of all models but those of
    the names that it is given.

    The methods take the choice of a visitor; without one they are about the models of everybody.
    """

    def __init__(
        self,
        make_driver: Callable[..., Driver],
        learner: Learner | None = None,
        rules: Rules | None = None,
        serve: Callable[[Driver, str | None, Rules], Service] | None = None,
        first: str | None = None,
        forget: Callable[[Collection[str]], None] = lambda kept: None,
    ) -> None:
        self._make_driver = make_driver
        self._first = first
        self.learner = learner
        self.rules = rules or Rules()
        self._serve = serve or (lambda driver, name, rules: Service(driver, rules))
        self._forget = forget
        self._lock = Lock()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="models")
        self._all = Choice()
        self._kept: dict[str | None, Loaded] = {}  # by name; only the worker's thread writes here

    def begin(self, choice: Choice | None = None) -> None:
        """Start to load, unless that has been done, and return at once. A failed load is tried again."""
        whose = self._whose(choice)
        with self._lock:
            if self.ready(choice) is None and (whose.coming is None or whose.coming.done()):
                whose.coming = self._worker.submit(self._keep, whose, whose.name)

    def wait(self, seconds: float | None = None, choice: Choice | None = None) -> Loaded | None:
        """The models; None if they are on their way even ``seconds`` from now. Raises what loading raised."""
        whose = self._whose(choice)
        while (ready := self.ready(choice)) is None:
            if whose.coming is None or (whose.coming.done() and not whose.coming.exception()):  # or let go
                self.begin(choice)
            assert whose.coming is not None
            try:
                whose.coming.result(seconds)
            except Unfinished:
                return None
        return ready

    def ready(self, choice: Choice | None = None) -> Loaded | None:
        """The models if they have been loaded. Neither waits nor raises."""
        whose = self._whose(choice)
        if choice is not None and choice.own is not None:
            return choice.own
        on_their_way = whose.coming is not None and not whose.coming.done()
        return None if on_their_way else self._kept.get(whose.name)

    def progress(self, choice: Choice | None = None) -> str:
        """How far loading is, in a line."""
        return self._whose(choice).progress

    def failure(self, choice: Choice | None = None) -> str:
        """Why what was chosen last could not be had, in a sentence; empty if it could."""
        return self._whose(choice).failure

    def choose(self, name: str, choice: Choice | None = None) -> None:
        """Start to exchange the models for those of that name, and return at once. Raises BadInput.

        Those that all pages share go first, when runs in progress have ended: both together might not fit.
        If the new ones cannot be had, the old ones stay or come back, and ``failure`` says why.
        """
        self.rules.check_model(name)
        whose = self._whose(choice)
        with self._lock:
            if whose.coming is not None and not whose.coming.done():
                raise BadInput(BUSY)
            whose.progress, whose.failure = LOADING, ""
            whose.coming = self._worker.submit(self._exchange, whose, self._key(name))
        if choice is not None:
            self.leave(choice)

    def adopt(self, driver: Driver, name: str, choice: Choice) -> Loaded:
        """Give a visitor models of their own, such as they have an account for, until they choose others.
        They are nowhere but in ``choice``."""
        self.leave(choice)
        choice.own = _described(Service(driver, self.rules), driver, name, own=True)
        return choice.own

    def leave(self, choice: Choice) -> None:
        """Let go of a visitor's own models, if they have any, once their runs have ended."""
        own, choice.own = choice.own, None
        if own is not None:
            Thread(target=own.service.leave, name="leaving", daemon=True).start()

    def _whose(self, choice: Choice | None) -> Choice:
        """Whose choice counts."""
        return choice if choice is not None and self.rules.public else self._all

    def _key(self, name: str) -> str | None:
        """The models that everybody begins with have no second name, and so no second service."""
        return None if name == self._beginning else name

    @property
    def _beginning(self) -> str:
        return self._first or SIZES[0]

    # --- on the worker's thread -----------------------------------------------------------------------------

    def _exchange(self, whose: Choice, key: str | None) -> None:
        if whose is self._all:
            self._let_go(whose.name, whose)
        try:
            self._keep(whose, key)
            whose.name = key
            return
        except (BadInput, ModelError) as error:
            whose.failure = str(error)
        except Exception:
            log.exception("models could not be loaded")
            whose.failure = FAILED
        self._keep(whose, whose.name)

    def _keep(self, whose: Choice, key: str | None) -> None:
        """Have the models of a name. Others that have no run go if there is no room beside them."""
        whose.progress = LOADING
        while key not in self._kept:
            try:
                self._kept[key] = self._load(whose, key)
            except NoRoom:
                idle = [name for name, loaded in self._kept.items() if name and not len(loaded.service)]
                if not idle:
                    raise
                self._let_go(idle[0], whose)

    def _let_go(self, key: str | None, whose: Choice) -> None:
        """Let runs in progress end, and forget the models of a name."""
        loaded = self._kept.pop(key, None)
        if loaded is None:
            return
        if count := len(loaded.service):
            runs = "1 run" if count == 1 else f"{count} runs"
            whose.progress = f"Waiting for {runs} on the old models to end …"
        loaded.service.leave()

    def _load(self, whose: Choice, key: str | None) -> Loaded:
        since, name = time.monotonic(), key or self._first

        def tell(line: str) -> None:
            whose.progress = line

        self._forget([other or self._beginning for other in (*self._kept, key)])
        driver = self._make_driver() if name is None else self._make_driver(name, tell)
        service = self._serve(driver, name, self.rules)
        return _described(service, driver, name, seconds=time.monotonic() - since)


def _described(service: Service, driver: Driver, name: str | None, **more: Any) -> Loaded:
    generator, verifier, reviser = driver.generator, driver.verifier, driver.reviser
    return Loaded(
        service,
        generator.name,
        verifier.name if verifier else None,
        reviser.name if reviser else None,
        name,
        forks=generator.forks,
        prompted=getattr(reviser, "prompted", reviser is generator),
        abilities=getattr(generator, "abilities", None),
        **more,
    )
