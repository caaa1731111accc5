"""The models behind the pages: loaded once, in the background, when somebody first wants them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Unfinished
from dataclasses import dataclass
from threading import Lock

from ttc_explorer.search.driver import Driver
from ttc_explorer.service import Service

MOST_RUNS = 16
"""Runs at once, all visitors together."""


@dataclass(frozen=True)
class Loaded:
    """The service that everybody shares, and the names of its models."""

    service: Service
    model: str
    verifier: str | None
    reviser: str | None


class Engine:
    """``make_driver`` loads the models; it may take long, and may raise ModelError or BadInput."""

    def __init__(self, make_driver: Callable[[], Driver]) -> None:
        self._make_driver = make_driver
        self._lock = Lock()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="models")
        self._loading: Future[Loaded] | None = None

    def begin(self) -> None:
        """Start to load, unless that has been done, and return at once. A failed load is tried again."""
        with self._lock:
            if self._loading is None or (self._loading.done() and self._loading.exception()):
                self._loading = self._worker.submit(self._load)

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

    def _load(self) -> Loaded:
        driver = self._make_driver()
        verifier = driver.verifier.name if driver.verifier else None
        reviser = driver.reviser.name if driver.reviser else None
        return Loaded(Service(driver, MOST_RUNS), driver.generator.name, verifier, reviser)
