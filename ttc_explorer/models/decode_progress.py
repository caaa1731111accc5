"""How far the rows of a batch are, told while they are decoded: seldom enough to cost next to
nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from math import inf

import numpy as np

from ttc_explorer.models.protocol import PROGRESS_SECONDS, ExtendJob, RowProgress

REPORT_SECONDS = 0.5
"""Least seconds between two reports."""

MAX_SHARE = 0.01
"""The most of the time that reports may take: making texts of many tokens is not free."""


class DecodeProgress:
    """Reports to those who look at ``jobs`` (``ExtendJob.on_progress``), first after
    PROGRESS_SECONDS.

    Args:
        jobs: The rows.
        clock: Seconds from any fixed time.

    Attributes:
        rows: The places of the jobs to report on: somebody looks, and they had not ended yet.
    """

    def __init__(
        self, jobs: Sequence[ExtendJob], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._callbacks = [job.on_progress for job in jobs]
        self.rows = [row for row, callback in enumerate(self._callbacks) if callback]
        self._due = clock() + PROGRESS_SECONDS if self.rows else inf
        self._began = 0.0

    def is_due(self) -> bool:
        """Whether it is time for a report, which then begins."""
        if self._due == inf:
            return False
        self._began = self._clock()
        return self._began >= self._due

    def report(self, texts: Sequence[str], tokens: np.ndarray, ended: np.ndarray) -> None:
        """Tell of ``rows``.

        Args:
            texts: The text so far of each of ``rows``.
            tokens: (jobs,) sampled so far.
            ended: (jobs,) whether a job has its whole step.
        """
        for row, text in zip(self.rows, texts, strict=True):
            if callback := self._callbacks[row]:
                callback(RowProgress(text, int(tokens[row]), bool(ended[row])))
        self.rows = [row for row in self.rows if not ended[row]]
        now = self._clock()
        pause = max(REPORT_SECONDS, (now - self._began) / MAX_SHARE)
        self._due = now + pause if self.rows else inf
