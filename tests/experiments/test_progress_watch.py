"""Somebody looks at runs while they are driven."""

from threading import Event

from tests.search.fakes import toy_run
from tests.search.test_run_progress import TellingGenerator
from ttc_explorer.experiments.progress_watch import watch_progress
from ttc_explorer.models.protocol import RowProgress
from ttc_explorer.problems.answer_checker import exact_match_checker
from ttc_explorer.search.driver import Driver

BOUND = 60.0
"""Seconds after which a test gives up."""


def test_what_is_being_written_is_seen_in_the_midst_of_a_round():
    seen, looked, ticks = [], Event(), iter(range(10**6))

    def in_between(jobs):
        jobs[0].on_progress(RowProgress("1 +", 2))
        looked.clear()
        assert looked.wait(BOUND)  # the model writes until somebody has looked

    def look():
        seen.append(run.current_progress)
        looked.set()

    run = toy_run("best_of_n", 2, selector="majority", merge=False)
    driver = Driver(TellingGenerator(in_between), None, exact_match_checker, lambda: next(ticks))
    driver.add(run, is_watched=True)
    with watch_progress(driver, [run], look, interval=0.01):
        while driver.tick():
            pass
    told = [progress for progress in seen if progress]
    assert {row.text for progress in told for row in progress.rows} == {"1 +"}
    assert run.stopped == "done"
    count = len(seen)
    assert run.current_progress is None
    assert len(seen) == count  # nobody looks any more
