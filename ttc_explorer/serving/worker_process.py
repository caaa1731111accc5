"""The parent's side of a process that runs searches (``search_worker.py`` says what is sent)."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from itertools import count
from threading import Event, Lock, Thread

from ttc_explorer.asset_files import PACKAGE_FOLDER
from ttc_explorer.models.described_models import ModelSetDescription, description_from_data
from ttc_explorer.models.hub import OnProgress, no_progress
from ttc_explorer.models.protocol import InsufficientMemory, ModelError
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.model_facts import ModelFacts
from ttc_explorer.serving.search_worker import Message

log = logging.getLogger(__name__)

WORKER_LOST_WHILE_LOADING = (
    "The process that loads the models ended unexpectedly, perhaps for want of memory: try again, "
    "or choose a smaller model."
)
DESCRIPTION_TOOK_TOO_LONG = "What '{name}' is could not be found out in time: try again later."
DESCRIPTION_SECONDS = 90.0
"""Seconds that a description may take: two servers may be asked, at SERVER_TIMEOUT each."""
WORKER_COMMAND = [sys.executable, "-m", "ttc_explorer.serving.search_worker"]
END_SECONDS = 5.0
"""Seconds that a process gets to end by itself once its input has ended."""
FAILURES: dict[str, type[Exception]] = {
    each.__name__: each for each in (InsufficientMemory, ModelError, BadInput)
}


class WorkerEnded(Exception):
    """The process that was asked has ended."""


class WorkerProcess:
    """A worker, which can describe models, and loads those of ``name`` when they are waited for.

    It ends when ``close`` is called or when this process does, however that ends: its input is then
    at its end.

    Args:
        name: Of the models, as on the command line; None stands for the shipped ones.
        on_progress: Called with one line on how far loading is.

    Attributes:
        facts: What the models are and can do, once ``wait_until_loaded`` has returned.
        useful_workers: How many such processes are of use on this machine, by then.
    """

    facts: ModelFacts
    useful_workers: int

    def __init__(self, name: str | None, on_progress: OnProgress = no_progress) -> None:
        self.name = name
        self._on_progress = on_progress
        self._on_message: Callable[[Message], None] | None = None
        self._on_end: Callable[[], None] | None = None
        self._failure: Exception | None = None
        self._loaded = Event()
        self._following = Event()
        self._sending = Lock()
        self._ended = False
        self._questions = count()
        self._asked: dict[int, Future[ModelSetDescription]] = {}
        self._process = subprocess.Popen(
            WORKER_COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": _python_path()},
            start_new_session=True,  # the terminal's Ctrl-C is for us
        )
        self._thread = Thread(target=self._read, name="worker messages", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def wait_until_loaded(self) -> None:
        """Have the models loaded, and wait for them; once.

        Raises:
            ModelError: They cannot be had, or the process ended.
            BadInput: The name or an extension is wrong.
        """
        self.send({"load": self.name})
        self._loaded.wait()
        if self._failure is not None:
            self.close()
            raise self._failure

    def follow(self, on_message: Callable[[Message], None], on_end: Callable[[], None]) -> None:
        """Have messages of runs handed over, and be told when the process has ended. Both are
        called on a thread of this worker's."""
        self._on_message, self._on_end = on_message, on_end
        self._following.set()

    def describe(self, name: str) -> ModelSetDescription:
        """What the models of a name are, which need not be loaded.

        Raises:
            ModelError: Nobody can say, or not in DESCRIPTION_SECONDS.
            WorkerEnded: The process has ended.
        """
        number, answer = next(self._questions), Future[ModelSetDescription]()
        self._asked[number] = answer
        self.send({"describe": name, "number": number})
        if self._ended:  # in this order, or nobody would tell
            answer.cancel()
            self._asked.pop(number, None)
            raise WorkerEnded
        try:
            return answer.result(DESCRIPTION_SECONDS)
        except TimeoutError:
            raise ModelError(DESCRIPTION_TOOK_TOO_LONG.format(name=name)) from None
        finally:
            self._asked.pop(number, None)

    def send(self, message: Message) -> None:
        """Send a message; nothing happens if the process has ended, which is told otherwise."""
        line = json.dumps(message).encode() + b"\n"
        with self._sending, suppress(BrokenPipeError, ValueError):
            assert self._process.stdin
            self._process.stdin.write(line)
            self._process.stdin.flush()

    def close(self) -> None:
        """End the process."""
        with self._sending, suppress(BrokenPipeError):
            assert self._process.stdin
            self._process.stdin.close()
        self._following.set()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    # --- on the thread that reads -----------------------------------------------------------------

    def _read(self) -> None:
        try:
            self._read_messages()
        except Exception:
            log.exception("a message of worker process %d could not be used", self.pid)
            self._process.kill()
        self._process.wait()
        self._ended = True
        for answer in list(self._asked.values()):
            if answer.set_running_or_notify_cancel():
                answer.set_exception(WorkerEnded())
        if not self._loaded.is_set():
            self._failure = ModelError(WORKER_LOST_WHILE_LOADING)
            self._loaded.set()
        elif self._failure is None:
            self._following.wait()
            if self._on_end is not None:
                self._on_end()

    def _read_messages(self) -> None:
        assert self._process.stdout
        with self._process.stdout as lines:
            for line in lines:
                if line.endswith(b"\n"):  # else it was killed in the midst of a message
                    self._receive(json.loads(line))

    def _receive(self, message: Message) -> None:
        if "number" in message:
            self._take_description(message)
        elif "run" in message:
            if self._on_message is not None:
                self._on_message(message)
        elif "loading" in message:
            self._on_progress(message["loading"])
        elif "loaded" in message:
            self.facts = ModelFacts.from_data(message["loaded"])
            self.useful_workers = message["workers"]
            self._loaded.set()
        else:
            self._failure = _failure_from(message)
            self._loaded.set()

    def _take_description(self, message: Message) -> None:
        answer = self._asked.pop(message["number"], None)
        if answer is None:  # whoever asked waits no more
            return
        if "described" in message:
            answer.set_result(description_from_data(message["described"]))
        else:
            answer.set_exception(_failure_from(message))


def _failure_from(message: Message) -> Exception:
    return FAILURES.get(message["failed"], RuntimeError)(message["sentence"])


def _python_path() -> str:
    """Where the worker finds this package, whatever folder we were started in."""
    inherited = os.environ.get("PYTHONPATH")
    here = str(PACKAGE_FOLDER.parent)
    return here if not inherited else os.pathsep.join((here, inherited))


def start_worker(name: str | None = None, on_progress: OnProgress = no_progress) -> WorkerProcess:
    """A worker that has loaded the models of a name, or the shipped ones.

    Args:
        name: Of the models, as on the command line.
        on_progress: Called with one line on how far that is.

    Raises:
        ModelError: The models cannot be had or cannot be used here.
        BadInput: The name or an extension is wrong.
    """
    worker = WorkerProcess(name, on_progress)
    worker.wait_until_loaded()
    return worker
