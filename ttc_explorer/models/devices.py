"""Where models run: the device and its number format, how much memory is free, what to do when none
is."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TypeVar

import torch

from ttc_explorer.environment import read_environment
from ttc_explorer.models.protocol import ModelError

BatchJob = TypeVar("BatchJob")
BatchResult = TypeVar("BatchResult")

THREADS_GAIN = 1.25
"""So many times as fast must more threads be to be worth it: other work on the machine costs them
more than it costs one."""

TRIAL_ROWS, TRIAL_REPEATS = 8, 5
TRIAL_WIDTHS = (128, 1024)
"""Threads are tried on matrices of the model's width, within these bounds."""

OUT_OF_MEMORY_MESSAGES = ("out of memory", "can't allocate memory", "not enough memory")
"""How torch says that memory ran out, where it has no error class for it."""


def best_device() -> torch.device:
    """The fastest device of this machine for a language model; the environment variable TTC_DEVICE
    decides otherwise (cpu, mps, cuda, cuda:1). Raises ModelError if it names none that is here."""
    wanted = read_environment().device
    if not wanted:
        kind = (
            "cuda"
            if torch.cuda.is_available()
            else "mps"
            if torch.backends.mps.is_available()
            else "cpu"
        )
        return torch.device(kind)
    try:
        device = torch.device(wanted)
        torch.empty(1, device=device)
    except Exception as error:
        raise ModelError(
            f"TTC_DEVICE={wanted[:20]} is no device of this machine: try cpu."
        ) from error
    return device


def thread_count(parameters: int) -> int:
    """How many threads torch should compute with, for a model of so many weights.

    The environment variable TTC_THREADS decides. Without it, it is measured once, on products of
    the size of the model's, with whatever else the machine does meanwhile: the operations of a
    small model are so short that threads wait for each other longer than they work, and where
    cores are shared that holds for models of 100M weights, too (two threads took 6 to 10 times as
    long as one, measured).
    """
    # A transformer of 24 layers has 12 · width² weights in each.
    width = int(min(max((parameters / (24 * 12)) ** 0.5, TRIAL_WIDTHS[0]), TRIAL_WIDTHS[1]))
    return read_environment().threads or _fastest_thread_count(width)


@lru_cache
def _fastest_thread_count(width: int) -> int:
    """The fewest threads that no other number beats by THREADS_GAIN, for matrices of this width.

    Tried in turns, so that what else the machine does falls on all alike.
    """
    cores = os.cpu_count() or 1
    candidates = sorted({1, *(2**power for power in range(1, 8) if 2**power < cores), cores})
    if len(candidates) == 1:
        return 1
    before = torch.get_num_threads()
    spent: dict[int, list[float]] = {threads: [] for threads in candidates}
    try:
        for _ in range(TRIAL_REPEATS):
            for threads in candidates:
                torch.set_num_threads(threads)
                spent[threads].append(_trial_seconds(width))
    finally:
        torch.set_num_threads(before)
    fastest = 1
    for threads in candidates[1:]:
        if median(spent[fastest]) > THREADS_GAIN * median(spent[threads]):
            fastest = threads
    return fastest


def _trial_seconds(width: int) -> float:
    """Seconds of a few feed-forward layers of this width on TRIAL_ROWS rows."""
    rows = torch.ones(TRIAL_ROWS, width)
    wide, narrow = torch.ones(width, 4 * width), torch.ones(4 * width, width)
    with torch.inference_mode():
        torch.mm(torch.mm(rows, wide), narrow)  # threads are awake after this
        start = perf_counter()
        for _ in range(4):
            torch.mm(torch.nn.functional.silu(torch.mm(rows, wide)), narrow)
        return perf_counter() - start


@contextmanager
def torch_threads(parameters: int) -> Iterator[None]:
    """Compute with ``thread_count(parameters)`` threads here, and then with as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(thread_count(parameters))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def best_dtype(device: torch.device) -> torch.dtype:
    """The number format that the device is fast with: on processors that is the full one."""
    if device.type == "cuda":
        return (
            torch.bfloat16
            if torch.cuda.is_bf16_supported(including_emulation=False)
            else torch.float16
        )
    return torch.float16 if device.type == "mps" else torch.float32


def free_memory(device: torch.device) -> int | None:
    """Bytes that a model may still take on the device; None where the system does not say."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    if device.type == "mps":
        return int(torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory())
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    (available,) = (
        int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable")
    )
    return int(min(available, _container_free_memory()))


def _container_free_memory() -> float:
    """Bytes that the container we are in has left; infinite outside one (control groups, version
    2)."""
    group = Path("/sys/fs/cgroup")
    try:
        return int((group / "memory.max").read_text()) - int((group / "memory.current").read_text())
    except (OSError, ValueError):  # no such file, or "max"
        return float("inf")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the work failed only because it was too much at once."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(
        words in str(error) for words in OUT_OF_MEMORY_MESSAGES
    )


class AdaptiveBatches:
    """Cuts work into batches of at most ``size`` jobs, and into smaller ones for good once memory
    has run out. What a batch that ran out of memory had done is lost, and done again in the smaller
    ones."""

    def __init__(self, size: int) -> None:
        self.size = size

    def run(
        self, jobs: Sequence[BatchJob], work: Callable[[Sequence[BatchJob]], list[BatchResult]]
    ) -> list[BatchResult]:
        """``work`` on all jobs, results in their order. Raises ModelError if even one job is too
        much."""
        done: list[BatchResult] = []
        while len(done) < len(jobs):
            batch = jobs[len(done) : len(done) + self.size]
            try:
                done += work(batch)
                continue
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
            # Out here the failed work's tensors are free: the error held on to them.
            if len(batch) == 1:
                raise ModelError(
                    "The memory does not hold even one solution beside the model: choose a "
                    "smaller model, or "
                    "free some memory."
                )
            self.size = -(-len(batch) // 2)
            free_unused_memory()
        return done


def free_unused_memory() -> None:
    """Give memory that nobody uses any more back to the device."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()


def reset_peak_memory(device: torch.device) -> None:
    """From here on ``synchronized_peak_memory`` looks for the peak of memory."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def synchronized_peak_memory(device: torch.device) -> int:
    """Wait until the device has done what it was given, so that a clock read afterwards is right.

    Returns the peak of memory that tensors took since ``reset_peak_memory``, weights included, in
    bytes (on Apple's devices what is held now); 0 on a processor, where it is not known.
    """
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_allocated(device)
    if device.type == "mps":
        torch.mps.synchronize()
        return torch.mps.driver_allocated_memory()
    return 0
