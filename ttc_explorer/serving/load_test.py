"""What a crowd gets: the app is started on loopback, and clients press Run, Stop and Reload, and
look at other pages, as browsers do (``page_client.py``). Nothing else on the machine should be busy
meanwhile.

A client's job is a problem, a strategy and a seed. It runs to its end, or is stopped or dropped (a
page that is reloaded) when its first nodes have come; before some, another page is looked at. Every
job is run alone first, so that trees under load can be compared with those of their seeds alone.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from statistics import median, quantiles
from typing import Any

import httpx

from ttc_explorer.asset_files import PACKAGE_FOLDER
from ttc_explorer.models.protocol import ModelError
from ttc_explorer.problems.families import FAMILIES, draw_problem
from ttc_explorer.serving.page_client import (
    FIRST_PAGE,
    Browser,
    Job,
    Outcome,
    PageFunctions,
    read_functions,
)

SEARCHES = (("beam", 16), ("best_of_n", 64))
"""Strategy and budget of the jobs, in turns."""
WHOLE_SHARE, STOPPED_SHARE = 0.7, 0.15
"""Shares of the runs that are left alone and that are stopped; the rest is dropped."""
VISIT_SHARE = 0.2
"""Share of the presses before which another page is looked at."""
START_SECONDS, RUN_SECONDS = 180.0, 300.0
"""Seconds after which the app counts as not starting, and a run as hung."""
SETTLE_SECONDS = 60.0
"""Seconds after the last client has left at which memory is read again."""
PAUSE_SECONDS = 0.25
"""Mean seconds that a person looks at the result before the next press."""
SCORE_TOLERANCE = 2e-3
"""Largest difference of a score that batches of other sizes make."""


def draw_jobs() -> list[Job]:
    """A question of each family, searched for in turns in two ways."""
    return [
        Job(draw_problem(family, 3, Random(place)).text, *SEARCHES[place % 2], place)
        for place, family in enumerate(FAMILIES)
    ]


def tree_of(lines: str) -> tuple[list[Any], dict[int, float]]:
    """The nodes of a stream (number, parent, kind, text, tokens) and their scores."""
    parsed = [json.loads(line) for line in lines.splitlines()]
    nodes = [[*line[1:4], *line[5:7]] for line in parsed if line[0] == "add"]
    return sorted(nodes), {line[1]: line[2] for line in parsed if line[0] == "score"}


def same_tree(one: str, other: str) -> bool:
    """Whether two streams show the same tree."""
    (nodes, scores), (other_nodes, other_scores) = tree_of(one), tree_of(other)
    return (
        nodes == other_nodes
        and scores.keys() == other_scores.keys()
        and all(abs(scores[node] - other_scores[node]) <= SCORE_TOLERANCE for node in scores)
    )


# --- a crowd --------------------------------------------------------------------------------------


@dataclass
class Crowd:
    """What some clients saw in some seconds; ``visits`` are the seconds until another page was
    there."""

    clients: int
    seconds: float
    outcomes: list[Outcome] = field(default_factory=list)
    visits: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    peak: int = 0
    page_cpu: float = 0.0
    worker_cpu: float = 0.0

    def figures(self, alone: dict[Job, str]) -> dict[str, Any]:
        """The figures, with trees compared with those alone."""
        done = [each for each in self.outcomes if each.kind == "whole" and not each.refused]
        firsts = sorted(each.first for each in self.outcomes if each.first is not None)
        ends = sorted(each.end for each in done if each.end is not None)
        unequal = [each for each in done if not same_tree(each.lines, alone[each.job])]
        return {
            "clients": self.clients,
            "seconds": round(self.seconds, 1),
            "presses": len(self.outcomes),
            "whole_runs": len(done),
            "whole_runs_a_minute": round(60 * len(done) / self.seconds, 1),
            "presses_a_minute": round(60 * len(self.outcomes) / self.seconds, 1),
            "refused": sum(bool(each.refused) for each in self.outcomes),
            "failures": len(self.failures),
            "first_nodes_seconds": _median_and_95(firsts),
            "end_seconds": _median_and_95(ends),
            "visits": len(self.visits),
            "visit_seconds": _median_and_95(sorted(self.visits)),
            "trees_unequal": len(unequal),
            "peak_memory_mb": self.peak >> 20,
            "cores_used": {
                "pages": round(self.page_cpu / self.seconds, 2),
                "workers": round(self.worker_cpu / self.seconds, 2),
            },
        }


def _median_and_95(values: list[float]) -> list[float] | None:
    """Median and 95th percentile."""
    if len(values) < 2:
        return [round(value, 2) for value in values] or None
    return [round(median(values), 2), round(quantiles(values, n=20)[-1], 2)]


async def run_crowd(address: str, clients: int, seconds: float, jobs: list[Job], pid: int) -> Crowd:
    """Let so many clients press Run for so long.

    Args:
        address: Of the app.
        clients: How many.
        seconds: How long; runs in progress then are left to their ends and do not count.
        jobs: What they ask for.
        pid: Of the app, whose memory is read meanwhile.
    """
    crowd = Crowd(clients, seconds)
    end = time.monotonic() + seconds
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    timeout = httpx.Timeout(RUN_SECONDS)

    async def visit(rng: Random, browser: Browser) -> None:
        """Look at another page, and come back."""
        start = time.monotonic()
        others = [page for page in browser.functions.showing if page != FIRST_PAGE]
        await browser.show_page(rng.choice(others))
        if time.monotonic() <= end:
            crowd.visits.append(time.monotonic() - start)
        await browser.show_page(FIRST_PAGE)

    async def live(number: int, client: httpx.AsyncClient, functions: PageFunctions) -> None:
        rng, browser = Random(number), Browser(client, number, functions)
        opened = False
        while time.monotonic() < end:
            chance = rng.random()
            kind = (
                "whole"
                if chance < WHOLE_SHARE
                else "stopped"
                if chance < WHOLE_SHARE + STOPPED_SHARE
                else "dropped"
            )
            try:
                if not opened:
                    await browser.reload()
                    opened = True
                if rng.random() < VISIT_SHARE:
                    await visit(rng, browser)
                outcome = await browser.press_run(rng.choice(jobs), kind)
                if time.monotonic() <= end:
                    crowd.outcomes.append(outcome)
            except (httpx.HTTPError, KeyError, ValueError) as error:
                crowd.failures.append(f"{type(error).__name__}: {error}")
                opened = False
            await asyncio.sleep(2 * PAUSE_SECONDS * rng.random() if clients > 1 else 0)

    before = process_usage(pid)

    async def watch() -> None:
        while time.monotonic() < end:
            seen = process_usage(pid)
            crowd.peak = max(crowd.peak, seen.memory)
            crowd.page_cpu = seen.page_cpu - before.page_cpu
            crowd.worker_cpu = seen.worker_cpu - before.worker_cpu
            await asyncio.sleep(1.0)

    async with httpx.AsyncClient(base_url=address, limits=limits, timeout=timeout) as client:
        functions = await read_functions(client)
        lives = (live(number, client, functions) for number in range(clients))
        await asyncio.gather(watch(), *lives)
    return crowd


async def run_alone(address: str, jobs: list[Job]) -> tuple[dict[Job, str], float]:
    """The stream of each job run alone, one after another, and the seconds of all together."""
    timeout = httpx.Timeout(RUN_SECONDS)
    async with httpx.AsyncClient(base_url=address, timeout=timeout) as client:
        browser = Browser(client, 0, await read_functions(client))
        await browser.reload()
        await browser.press_run(jobs[0], "whole")  # warms up
        start = time.monotonic()
        lines = {job: (await browser.press_run(job, "whole")).lines for job in jobs}
        return lines, time.monotonic() - start


@dataclass(frozen=True)
class Usage:
    """What the app's processes hold and have used: ``memory`` in bytes, and seconds of processor
    by the one that serves pages (``page_cpu``) and by all that it started (``worker_cpu``). Zeros
    where the system does not say (it does on Linux)."""

    memory: int = 0
    page_cpu: float = 0.0
    worker_cpu: float = 0.0


def process_usage(pid: int) -> Usage:
    """The usage of a process and all its descendants."""
    stats: dict[int, list[str]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            stats[int(stat.parent.name)] = stat.read_text().rpartition(")")[2].split()
    pending, memory, cpu = [pid], 0, {True: 0.0, False: 0.0}
    while pending:
        process = pending.pop()
        if process not in stats:
            continue
        fields = stats[process]  # from the third on, as proc(5) counts them
        pending += [other for other, each in stats.items() if int(each[1]) == process]
        memory += int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
        cpu[process == pid] += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return Usage(memory, cpu[True], cpu[False])


# --- the app --------------------------------------------------------------------------------------


@contextmanager
def running_app() -> Iterator[tuple[str, int, float]]:
    """The app in a process of its own: its address, its process, and the seconds until it answered.

    Raises:
        ModelError: It does not start.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    places = {"GRADIO_SERVER_PORT": str(port), "GRADIO_SERVER_NAME": "127.0.0.1"}
    paths = filter(None, (str(PACKAGE_FOLDER.parent), os.environ.get("PYTHONPATH")))
    quiet = {"GRADIO_ANALYTICS_ENABLED": "False", "PYTHONPATH": os.pathsep.join(paths)}
    start = time.monotonic()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ttc_explorer", "app"],
            stdout=log,
            stderr=log,
            env=os.environ | places | quiet,
        )
        try:
            while not _answers(address):
                if process.poll() is not None or time.monotonic() > start + START_SECONDS:
                    raise ModelError("The app did not start: run the command app to see why.")
                time.sleep(0.05)
            yield address, process.pid, time.monotonic() - start
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _answers(address: str) -> bool:
    try:
        return httpx.get(address, timeout=10).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def run_load_test(minutes: float, crowds: tuple[int, ...] = (16, 50)) -> dict[str, Any]:
    """Start the app, and measure it alone and with crowds.

    Args:
        minutes: Of each crowd.
        crowds: Numbers of clients.

    Returns:
        ``start_seconds``, until the app answered; ``alone``, runs one after another; and
        ``crowd_16`` and so on: throughput in whole runs a minute and as a ``ratio`` to those alone,
        seconds until first nodes and the end (median, 95th percentile), refusals, failures, trees
        that differ from those of their seeds alone, cores that pages and workers kept busy, and
        memory of all processes in MB, idle, at its peak and SETTLE_SECONDS after.

    Raises:
        ModelError: The app does not start.
    """
    jobs = draw_jobs()
    with running_app() as (address, pid, start_seconds):
        alone, spent = asyncio.run(run_alone(address, jobs))
        rate = 60 * len(jobs) / spent
        idle = process_usage(pid).memory
        figures: dict[str, Any] = {
            "cores": os.cpu_count(),
            "start_seconds": round(start_seconds, 1),
            "alone": {"runs": len(jobs), "runs_a_minute": round(rate, 1)},
            "idle_memory_mb": idle >> 20,
        }
        for clients in crowds:
            crowd = asyncio.run(run_crowd(address, clients, 60 * minutes, jobs, pid))
            time.sleep(SETTLE_SECONDS)
            seen = crowd.figures(alone)
            seen["ratio"] = round(seen["whole_runs_a_minute"] / rate, 2)
            seen["memory_after_mb"] = process_usage(pid).memory >> 20
            figures[f"crowd_{clients}"] = seen
    return figures
