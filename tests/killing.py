"""Work killed again and again at random moments, by SIGKILL, until it is done.

On demand, for longer than the tests do it::

    python -m tests.killing sweep 50
    python -m tests.killing train 10
    python -m tests.killing exam 20
    python -m tests.killing import 50
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from random import Random

import pandas as pd
from pandas.testing import assert_frame_equal

from ttc_explorer.experiments import exam, sweep_jobs
from ttc_explorer.experiments.file_import import import_files, write_pool
from ttc_explorer.experiments.sweep import sweep
from ttc_explorer.experiments.sweep_jobs import SweepPlan

SWEEP = SweepPlan(
    problems="families:8", model="base-s", strategies=("beam", "revise"), budgets=(2,), samples=4
)
UNLIKE = ("seconds",)
"""Columns in which two undisturbed runs differ too."""


def in_child(work: Callable[[], object]) -> int:
    """Fork, and do the work there; the child's process id. A fork has everything imported, so that
    what is killed is the work."""
    pid = os.fork()
    # A group of its own, made from both sides: whoever kills it may come before the child has.
    with suppress(PermissionError, ProcessLookupError):
        os.setpgid(pid, pid or os.getpid())
    if pid == 0:
        try:
            work()
        except BaseException as error:
            print(f"child: {error!r}", file=sys.stderr)
            os._exit(1)
        os._exit(0)
    return pid


def wait_for(pid: int, seconds: float) -> int | None:
    """The exit status, or None if the child is still at work after so long; it is then killed."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None


def kill_until(kills: int, work: Callable[[bool], object], rng: Random, longest: float) -> int:
    """Do ``work(resume)`` in children that are killed after random times, ``kills`` times in all,
    then once undisturbed.

    Args:
        kills: how often; fewer if the work is done before.
        work: told whether it is to be resumed.
        rng: draws the times.
        longest: seconds that it may take undisturbed.

    Returns:
        How many kills there were.
    """
    done = 0
    spent = longest / 4
    while done < kills:
        if wait_for(in_child(lambda: work(True)), rng.uniform(0, spent)) is not None:
            break
        done += 1
    status = wait_for(in_child(lambda: work(True)), 20 * longest)
    assert status == 0, f"it did not finish: {status}"
    return done


def tables(folder: Path) -> dict[str, pd.DataFrame]:
    """All tables in a folder, without the columns that time decides."""
    files = sorted(folder.rglob("*.parquet"))
    return {
        str(file.relative_to(folder)): pd.read_parquet(file).drop(
            columns=list(UNLIKE), errors="ignore"
        )
        for file in files
    }


def assert_same_tables(one: Path, other: Path) -> None:
    first, second = tables(one), tables(other)
    assert list(first) == list(second)
    for name, table in first.items():
        assert_frame_equal(table, second[name], check_exact=True, obj=name)


def assert_same_weights(one: Path, other: Path) -> int:
    """How many files of weights there are, all of them equal byte by byte."""
    files = sorted(path.relative_to(one) for path in one.glob("*/*.safetensors"))
    for file in files:
        assert (one / file).read_bytes() == (other / file).read_bytes(), file
    return len(files)


def assert_no_litter(folder: Path) -> None:
    assert [path.name for path in folder.rglob("*.new")] == []
    assert [path.name for path in folder.rglob(".*")] == []


def killed_sweeps(kills: int, place: Path, seed: int = 0) -> int:
    """Sweeps, each begun anew when the one before is done, until so many kills; all must equal an
    undisturbed one. Returns how many were completed."""
    sweep_jobs.BATCH_ROWS = 8  # more tasks, and so more moments between them
    begun = time.monotonic()
    assert wait_for(in_child(lambda: sweep(SWEEP, place / "whole")), 600) == 0
    longest = time.monotonic() - begun
    rng, done, completed = Random(seed), 0, 0
    while done < kills:
        out = place / f"killed-{completed}"
        done += kill_until(kills - done, lambda _, out=out: sweep(SWEEP, out, True), rng, longest)
        assert_same_tables(place / "whole", out)
        assert_no_litter(out)
        completed += 1
    return completed


def killed_exams(kills: int, place: Path, seed: int = 0) -> int:
    """Exams, each begun anew when the one before is done, until so many kills; all must come to the
    findings of an undisturbed one, and have counted one look. Returns how many were completed."""
    exam.PLANS = (replace(SWEEP, seeds=2, probe=2),)
    sweep_jobs.BATCH_ROWS = 8
    practice = place / "practice"
    assert wait_for(in_child(lambda: sweep(replace(SWEEP, seed=1), practice)), 600) == 0

    def work(out: Path) -> None:
        if not (out / exam.FINDINGS_FILE).is_file():
            exam.open_exam(out, practice, resamples=20)

    begun = time.monotonic()
    assert wait_for(in_child(lambda: work(place / "whole")), 600) == 0
    longest = time.monotonic() - begun
    found = (place / "whole" / exam.FINDINGS_FILE).read_bytes()
    rng, done, completed = Random(seed), 0, 0
    while done < kills:
        out = place / f"killed-{completed}"
        done += kill_until(kills - done, lambda _, out=out: work(out), rng, longest)
        assert (out / exam.FINDINGS_FILE).read_bytes() == found
        assert exam.count_looks(out) == 1
        assert_same_tables(place / "whole", out)
        assert_no_litter(out)
        completed += 1
    return completed


def killed_training(kills: int, place: Path, seed: int = 0) -> int:
    """The smallest recipe, killed so often. Returns how many files of weights were equal."""
    from ttc_explorer.training.training_stages import train_family

    begun = time.monotonic()
    assert wait_for(in_child(lambda: train_family("smoke", place / "whole")), 1800) == 0
    longest = time.monotonic() - begun
    rng, done = Random(seed), 0
    for number in range(kills):
        out = place / f"killed-{number}"
        done += kill_until(
            kills - done, lambda _, out=out: train_family("smoke", out, resume=True), rng, longest
        )
        same = assert_same_weights(place / "whole", out)
        assert_same_tables(place / "whole", out)
        assert_no_litter(out)
        if done >= kills:
            break
    return same


def killed_imports(kills: int, place: Path, seed: int = 0) -> int:
    """Files imported over a pool that is there: whenever they are killed, there is the old one or
    the new one. Returns how many were killed before they were done."""
    source, out = place / "samples.jsonl", place / "pool.parquet"
    rows = [
        {"question": n, "reference": f"{n}x+1", "answer": f"1+{n + n % 2}x"} for n in range(20)
    ] + [{"question": n, "reference": str(n), "answer": str(n % 7)} for n in range(20, 2000)]
    source.write_text("\n".join(map(json.dumps, rows)))

    def work(target: Path) -> None:
        pool = import_files([source]).pool
        assert pool is not None
        write_pool(pool, target)

    begun = time.monotonic()
    assert wait_for(in_child(lambda: work(place / "whole.parquet")), 600) == 0
    longest = time.monotonic() - begun
    whole, old = (place / "whole.parquet").read_bytes(), b"as it was"
    rng, killed = Random(seed), 0
    for _ in range(kills):
        out.write_bytes(old)
        killed += wait_for(in_child(lambda: work(out)), rng.uniform(0, 1.1 * longest)) is None
        assert out.read_bytes() in (old, whole)
    assert wait_for(in_child(lambda: work(out)), 20 * longest) == 0
    assert out.read_bytes() == whole
    assert_no_litter(place)
    return killed


KINDS = {
    "sweep": (killed_sweeps, "sweeps completed"),
    "exam": (killed_exams, "exams completed"),
    "train": (killed_training, "files of weights"),
    "import": (killed_imports, "imports killed before they were done"),
}


def main() -> None:
    kind, kills = sys.argv[1], int(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        begun = time.monotonic()
        work, what = KINDS[kind]
        made = work(kills, Path(folder))
        seconds = time.monotonic() - begun
    print(f"{kills} kills, {made} {what}, all equal to undisturbed ones, {seconds:.0f} s")


if __name__ == "__main__":
    main()
