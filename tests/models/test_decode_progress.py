"""Rows tell how far they are while a model here decodes them: seldom, and to no effect on them."""

from dataclasses import replace

import numpy as np
import pytest

from tests.models.toy_models import toy_generator
from ttc_explorer.models import decode_progress as module
from ttc_explorer.models.decode_progress import MAX_SHARE, REPORT_SECONDS, DecodeProgress
from ttc_explorer.models.protocol import PROGRESS_SECONDS, ExtendJob


class Clock:
    """A clock that is set by hand."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def job(on_progress=None):
    return ExtendJob(None, 1.0, (0,), on_progress=on_progress)


def report(progress, texts, ended):
    progress.report(texts, np.arange(1, 4), np.array(ended))


def test_a_report_comes_when_a_row_takes_long_and_then_at_intervals():
    told, clock = [], Clock()
    progress = DecodeProgress([job(told.append), job(), job(told.append)], clock)
    assert not progress.is_due()
    clock.now = PROGRESS_SECONDS
    assert progress.is_due()
    assert progress.rows == [0, 2]
    report(progress, ["a", "b"], [False, False, True])
    assert [(each.text, each.tokens, each.ended) for each in told] == [
        ("a", 1, False),
        ("b", 3, True),
    ]
    assert not progress.is_due()
    clock.now += REPORT_SECONDS
    assert progress.is_due()
    assert progress.rows == [0]  # the other one has been told to its end
    report(progress, ["a and"], [True, False, True])
    clock.now = 1e9
    assert not progress.is_due()


def test_reports_take_no_more_than_their_share_of_the_time():
    clock = Clock()

    def slow(_):
        clock.now += 2.0

    progress = DecodeProgress([job(slow)], clock)
    clock.now = PROGRESS_SECONDS
    assert progress.is_due()
    report(progress, ["a"], [False] * 3)
    began = clock.now
    clock.now = began + 0.99 * 2.0 / MAX_SHARE
    assert not progress.is_due()
    clock.now = began + 2.0 / MAX_SHARE
    assert progress.is_due()


def test_the_clock_is_not_even_read_where_nobody_looks():
    readings = []

    def clock():
        readings.append(0.0)
        return 0.0

    progress = DecodeProgress([job(), job()], clock)
    readings.clear()
    assert not progress.is_due()
    assert not readings


@pytest.mark.slow
def test_a_row_tells_its_beginning_and_is_the_same_row(monkeypatch):
    monkeypatch.setattr(module, "PROGRESS_SECONDS", 0.0)
    monkeypatch.setattr(module, "REPORT_SECONDS", 0.0)
    monkeypatch.setattr(module, "MAX_SHARE", 1e9)
    generator = toy_generator(0)
    (asked,) = generator.prefill(["1 + 1?"])
    jobs = [ExtendJob(asked.state, 1.0, (seed,), forced="So") for seed in range(4)]
    alone = generator.extend(jobs)
    told = [[] for _ in jobs]
    watched = generator.extend(
        [replace(job, on_progress=rows.append) for job, rows in zip(jobs, told, strict=True)]
    )
    for step, same, rows in zip(alone, watched, told, strict=True):
        assert (step.text, step.token_logprobs) == (same.text, same.token_logprobs)
        assert [each.tokens for each in rows] == list(range(1, step.tokens + 1))
        assert all(step.text.startswith(each.text.rstrip("\ufffd")) for each in rows)
        assert [each.ended for each in rows] == [False] * (step.tokens - 1) + [True]
        assert rows[-1].text == step.text
