"""The models behind the pages: loaded in the background when somebody first wants them, and exchanged for
others when somebody chooses those.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Unfinished
from dataclasses import dataclass
from threading import Lock
from typing import Any

from ttc_explorer.models.protocol import ModelError
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.public import SIZES, Rules
from ttc_explorer.search.driver import Driver
from ttc_explorer.search.strategies import unavailable
from ttc_explorer.service import Service
from ttc_explorer.ui.learner import Learner

log = logging.getLogger(__name__)

BUSY = "Models are being loaded already: wait until they are here."
FAILED = "These models could not be loaded because something went wrong here that should not have."


@dataclass(frozen=True)
class Loaded:
    """The service that everybody shares, and what is to be known of its models: their names, and whether the
    generator ``forks`` (``protocol.py``) and the reviser is only ``prompted``. ``name`` is what was chosen,
    None for the shipped models; ``abilities`` what a server can do (``models/abilities.py``), None without
    one; ``seconds`` how long loading took."""

    service: Service
    model: str
    verifier: str | None
    reviser: str | None
    name: str | None = None
    forks: bool = True
    prompted: bool = False
    abilities: Any = None
    seconds: float = 0.0

    @property
    def shipped(self) -> bool:
        """Whether the generator is one of ours, which knows our kinds of problems and no others."""
        return self.name is None or self.name.partition("+")[0] in SIZES

    def missing(self, strategy: str) -> str:
        """Why a strategy cannot run with these models, in a sentence; empty if it can."""
        return unavailable(strategy, self.forks, self.verifier is not None, self.reviser is not None)


class Engine:
    """``make_driver(name, tell)`` loads the models of a name, and tells how far that is; ``make_driver()``
    those that are shipped. It may take long, and may raise ModelError or BadInput. ``first`` names the models
    to begin with, the shipped ones if it is None. ``learner`` hears how runs of ``auto`` end, ``rules`` say
    what visitors may ask for, and ``serve`` makes the service.
    """

    def __init__(
        self,
        make_driver: Callable[..., Driver],
        learner: Learner | None = None,
        rules: Rules | None = None,
        serve: Callable[[Driver, str | None, Rules], Service] | None = None,
        first: str | None = None,
    ) -> None:
        self._make_driver = make_driver
        self._first = first
        self.learner = learner
        self.rules = rules or Rules()
        self._serve = serve or (lambda driver, name, rules: Service(driver, rules))
        self._lock = Lock()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="models")
        self._loading: Future[Loaded] | None = None
        self._leaving: Loaded | None = None
        self.progress = ""
        """How far an exchange is, in a line."""
        self.failure = ""
        """Why the last exchange came to nothing, in a sentence; empty if it did not."""

    def begin(self) -> None:
        """Start to load, unless that has been done, and return at once. A failed load is tried again."""
        with self._lock:
            if self._loading is None or (self._loading.done() and self._loading.exception()):
                self._loading = self._worker.submit(self._load, self._first)

    def choose(self, name: str) -> None:
        """Start to exchange the models for those of that name, and return at once. Raises BadInput.

        Runs in progress end on the old models first: both together might not fit. If the new ones cannot be
        had, the old ones come back, and ``failure`` says why.
        """
        self.rules.check_model(name)
        with self._lock:
            if self._loading is not None and not self._loading.done():
                raise BadInput(BUSY)
            self.progress, self.failure = "Loading …", ""
            self._leaving = self.ready()
            self._loading = self._worker.submit(self._exchange, name)

    def wait(self, seconds: float | None = None) -> Loaded | None:
        """The models; None if they are on their way even ``seconds`` from now. Raises what loading raised."""
        if self._loading is None:
            self.begin()
        assert self._loading is not None
        try:
            return self._loading.result(seconds)
        except Unfinished:
            return None

    def ready(self) -> Loaded | None:
        """The models if they have been loaded. Neither waits nor raises."""
        loading = self._loading
        return None if loading is None or not loading.done() or loading.exception() else loading.result()

    def _exchange(self, name: str) -> Loaded:
        old, self._leaving = self._leaving, None
        before = old.name if old else self._first
        if old is not None:
            count = len(old.service)
            if count:
                runs = "1 run" if count == 1 else f"{count} runs"
                self.progress = f"Waiting for {runs} on the old models to end …"
            old.service.leave()
        del old  # the last that holds the old models, whose memory is needed
        self.progress = "Loading …"
        try:
            return self._load(name)
        except (BadInput, ModelError) as error:
            self.failure = str(error)
        except Exception:
            log.exception("models could not be loaded")
            self.failure = FAILED
        return self._load(before)

    def _load(self, name: str | None) -> Loaded:
        since = time.monotonic()
        driver = self._make_driver() if name is None else self._make_driver(name, self._tell)
        generator, verifier, reviser = driver.generator, driver.verifier, driver.reviser
        return Loaded(
            self._serve(driver, name, self.rules),
            generator.name,
            verifier.name if verifier else None,
            reviser.name if reviser else None,
            name,
            generator.forks,
            getattr(reviser, "prompted", reviser is generator),
            getattr(generator, "abilities", None),
            time.monotonic() - since,
        )

    def _tell(self, line: str) -> None:
        self.progress = line
