"""Many runs of one question in the background, without standing in anybody's way.

They hold a quarter of the places at most, and none is started while somebody waits for one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

from ttc_explorer.search.run import Run
from ttc_explorer.serving.limits import Limits
from ttc_explorer.serving.run_service import RunService

LONGEST_RUNS = 4
"""All of them together may last as long as so many runs at their longest."""
SECONDS_TO_STOP = 10.0
"""After their time was up, runs that have not stopped by then are given up."""


class RepeatedRuns:
    """Runs that are started one after the other as there is room for them.

    Args:
        service: does them.
        runs: what is to be run, in order; nobody has started any.
        limits: of this process.
        visitor: whose runs they are.
        clock: seconds, as ``time.monotonic``.
    """

    def __init__(
        self,
        service: RunService,
        runs: Iterable[Run],
        limits: Limits,
        visitor: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._service, self._visitor, self._clock = service, visitor, clock
        self._left: Iterator[Run] = iter(runs)
        self._all_started = False
        self._going: list[Run] = []
        self._places = max(1, limits.runs // 4)
        self._seconds = LONGEST_RUNS * limits.seconds
        self._end = clock() + self._seconds
        self.time_is_up = False

    def __bool__(self) -> bool:
        """Whether any run is in progress or to come."""
        return not self._all_started or bool(self._going)

    def advance(self, timeout: float) -> list[Run]:
        """Start what there is room for, and wait for something to end.

        Args:
            timeout: seconds to wait at most.

        Returns:
            The runs that ended since the last call.

        Raises:
            BadInput: a run is impossible.
        """
        if self._clock() >= self._end:
            self.time_is_up = True
            self.cancel()
        if self._clock() >= self._end + SECONDS_TO_STOP:
            self._going.clear()  # their service was closed
        self._start()
        if self._going:
            self._service.wait(self._going[0], 10**9, timeout)
        elif self:
            time.sleep(timeout)  # somebody waits for a place: it is theirs
        ended = [run for run in self._going if run.stopped is not None]
        self._going = [run for run in self._going if run.stopped is None]
        return ended

    def cancel(self) -> None:
        """Start no more, and ask those in progress to end."""
        self._all_started = True
        for run in self._going:
            self._service.cancel(run)

    def _start(self) -> None:
        while not self._all_started and len(self._going) < self._places:
            if self._service.waiting():
                return
            run = next(self._left, None)
            if run is None:
                self._all_started = True
                return
            self._service.submit(run, max(0.0, self._end - self._clock()), self._visitor)
            self._going.append(run)
