"""The background thread that advances all runs of this process: they share a driver, and so their
batches."""

from __future__ import annotations

from threading import Thread

from ttc_explorer.search.driver import Driver
from ttc_explorer.search.run import Run
from ttc_explorer.serving.limits import Limits
from ttc_explorer.serving.run_service import RunServiceBase


class LocalRunService(RunServiceBase):
    """Ticks ``driver`` on a background thread while there are runs; nobody else may tick it. The
    thread starts with the first run and ends after the round in which the service is closed."""

    def __init__(self, driver: Driver, limits: Limits | None = None) -> None:
        super().__init__(driver.facts, limits)
        self._driver = driver
        self._thread = Thread(target=self._run_loop, name="searches", daemon=True)

    def _start(self, run: Run, seconds: float) -> None:
        self._driver.add(run, seconds, is_watched=True)
        if not self._thread.ident:
            self._thread.start()
        self._state_changed.notify_all()

    def _cancel(self, run: Run) -> None:
        self._driver.cancel(run)

    def wait(self, run: Run, seen_events: int, timeout: float) -> bool:
        is_news = super().wait(run, seen_events, timeout)
        run.progress = self._driver.progress(run)
        return is_news

    def close(self) -> None:
        super().close()
        if self._thread.ident:
            self._thread.join()

    def _run_loop(self) -> None:
        while True:
            with self._lock:
                self._state_changed.wait_for(lambda: self._closed or self._started_runs())
                if self._closed:
                    return
            self._driver.tick()
            with self._lock:
                for run in self._started_runs():
                    self._notify(run)
                    if run.stopped is not None:
                        self._finish(run)
