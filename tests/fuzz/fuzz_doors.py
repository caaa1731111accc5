"""What takes input from outside, and how it is fed with nonsense.

On demand, with as many inputs as one likes, which prints what became of them::

    python -m tests.fuzz.fuzz_doors traces 3000
"""

from __future__ import annotations

import gzip
import io
import json
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from unittest.mock import patch

import pandas as pd
from starlette.testclient import TestClient

from tests.fuzz.hostile_inputs import (
    HOSTILE_TEXTS,
    SCRIPTS,
    addresses,
    mutate_bytes,
    mutated_json,
)
from tests.ui.toy_solver import finished_run, toy_solver
from ttc_explorer.environment import read_environment
from ttc_explorer.experiments.file_import import import_files
from ttc_explorer.experiments.pool import read_pool
from ttc_explorer.models.http_client import is_server_address, split_server_address
from ttc_explorer.models.protocol import ModelError
from ttc_explorer.problems.answer_reader import read_answer
from ttc_explorer.problems.datasets import load_problems
from ttc_explorer.problems.families import recognise
from ttc_explorer.problems.grading import Grader
from ttc_explorer.problems.problem import BadInput, typed_problem
from ttc_explorer.problems.typed_question import read_question, require_mathematics
from ttc_explorer.search.trace import dump_trace, load_trace
from ttc_explorer.serving.http_guard import is_known_host

SLOW_SECONDS = 3.0


@dataclass
class Tally:
    """What became of the inputs. ``slow`` took more than SLOW_SECONDS of this process's own time,
    which other work on the machine does not lengthen."""

    tried: int = 0
    taken: int = 0
    refused: int = 0
    slow: int = 0
    crashed: list[str] = field(default_factory=list)
    longest_sentence: int = 0

    def feed(self, take: Callable[[], object]) -> None:
        """Try one input."""
        self.tried += 1
        begun = time.process_time()
        try:
            take()
            self.taken += 1
        except (BadInput, ModelError) as error:
            self.refused += 1
            self.longest_sentence = max(self.longest_sentence, len(str(error)))
        except Exception:
            self.crashed.append(traceback.format_exc()[-1500:])
        self.slow += time.process_time() - begun > SLOW_SECONDS


def fuzz_traces(count: int, rng: Random) -> Tally:
    """Traces, changed in values and bytes, packed and not."""
    bases = [
        json.loads(dump_trace(finished_run(strategy=name, budget=budget)))
        for name, budget in (("beam", 16), ("best_of_n", 8), ("mcts", 4))
    ]
    tally = Tally()
    for _ in range(count):
        data = mutated_json(rng.choice(bases), rng)
        if rng.random() < 0.2:
            data = gzip.compress(data, 1)
            data = mutate_bytes(data, rng) if rng.random() < 0.5 else data
        tally.feed(lambda data=data: dump_trace(load_trace(data)))
    return tally


POOL = [
    {
        "question": question,
        "sample": sample,
        "answer": answer,
        "correct": answer == "5",
        "score": 0.25 * sample,
        "generated_tokens": 9,
    }
    for question in ("What is 2 + 3?", "What is 9 - 4?")
    for sample, answer in enumerate(("5", "6", "x + 1", None))
]


def _pool_files(rng: Random) -> Iterator[tuple[str, bytes]]:
    table = pd.DataFrame(POOL)
    while True:
        kind = rng.choice((".jsonl", ".json", ".csv", ".parquet"))
        if kind in (".jsonl", ".json"):
            data = mutated_json(POOL, rng)
            if kind == ".jsonl":
                data = b"\n".join(mutated_json(row, rng) for row in POOL)
        else:
            target = io.BytesIO()
            changed = table.copy()
            column = rng.choice(list(table))
            text = rng.choice((*HOSTILE_TEXTS, *SCRIPTS)).encode("utf-8", "replace").decode()
            match rng.randrange(4):
                case 0:
                    changed[column] = text
                case 1:
                    changed = changed.rename(columns={column: text})
                case 2:
                    changed[column] = [text, *changed[column].astype(object)[1:].astype(str)]
            changed.to_csv(target, index=False) if kind == ".csv" else changed.to_parquet(target)
            data = target.getvalue()
            data = mutate_bytes(data, rng) if rng.random() < 0.6 else data
        yield kind, data


def fuzz_pools(count: int, rng: Random) -> Tally:
    """Pools and sheets of problems of every kind of file, by all readers of such files."""
    tally = Tally()
    files = _pool_files(rng)
    # One process that compares formulas for all of them: to start it takes seconds.
    with (
        tempfile.TemporaryDirectory() as folder,
        Grader() as grader,
        patch("ttc_explorer.experiments.pool.Grader", lambda: nullcontext(grader)),
        patch("ttc_explorer.experiments.file_import.Grader", lambda: nullcontext(grader)),
    ):
        for number in range(count):
            kind, data = next(files)
            path = Path(folder) / f"pool{kind}"
            path.write_bytes(data)
            if number % 4 == 3:
                tally.feed(lambda path=path: import_files([path]))
            elif number % 4 == 2:
                tally.feed(lambda path=path: load_problems(path))
            else:
                tally.feed(lambda path=path: read_pool(path))
    return tally


def fuzz_addresses(count: int, rng: Random) -> Tally:
    """Addresses of servers and hosts of requests."""
    tally = Tally()
    found = addresses(rng)

    def take(address: str) -> None:
        assert not is_known_host(address, ()) or "evil" not in address
        if is_server_address(address):
            split_server_address(address)

    for _ in range(count):
        address = next(found)
        tally.feed(lambda address=address: take(address))
    return tally


def fuzz_texts(count: int, rng: Random) -> Tally:
    """What is typed as a problem, a right answer, or comes as an answer."""
    tally = Tally()

    def take(text: str, answer: str) -> None:
        read_answer(text[:4000])
        recognise(text[:4000])
        problem = typed_problem(text, answer)
        read_question(problem.text)
        require_mathematics(problem.text)

    for number in range(count):
        text, answer = (rng.choice((*HOSTILE_TEXTS, *SCRIPTS, "Solve 3x+5=20.", "5")) for _ in "ab")
        if number < len(HOSTILE_TEXTS):
            text, answer = HOSTILE_TEXTS[number], "5"
        elif rng.random() < 0.5:
            text += rng.choice(HOSTILE_TEXTS)
        tally.feed(lambda text=text, answer=answer: take(text, answer))
    return tally


def api_client() -> TestClient:
    """The whole application with toy models, guarded as in public mode, without a server."""
    from gradio.routes import App
    from starlette.middleware import Middleware

    from ttc_explorer.serving.http_guard import HttpGuard, HttpRules
    from ttc_explorer.serving.limits import PUBLIC_LIMITS
    from ttc_explorer.serving.model_manager import ModelManager
    from ttc_explorer.ui.pages import build_app

    manager = ModelManager(toy_solver, limits=PUBLIC_LIMITS)
    manager.start_loading()
    manager.wait()
    rules = HttpRules.for_app(read_environment(), PUBLIC_LIMITS, Path(tempfile.mkdtemp()), "")
    app = App.create_app(
        build_app(manager), app_kwargs={"middleware": [Middleware(HttpGuard, rules)]}
    )
    return TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)


ENDPOINTS: dict[str, list[object]] = {
    "solve": ["Solve 3x+5=20.", "greedy", 1, 0, "", None, ""],
    "compare": ["Solve 3x+5=20.", ["greedy", "beam"], 4, 0, "", {"width": 2}, ""],
    "curves": [POOL, [1, 2], None, "score", 0],
    "grade": ["1/2", "So it is 0.5."],
}
"""What programs may call, and values that it takes."""

# Not those whose replies have no end: heartbeats, streams, the events of a call.
ROUTES = (
    *(f"/gradio_api/{way}/{name}" for name in ENDPOINTS for way in ("call", "call/v2", "run")),
    "/gradio_api/queue/join",
    "/gradio_api/reset",
    "/gradio_api/cancel",
    "/gradio_api/component_server",
    "/gradio_api/upload",
    "/gradio_api/process_recording",
    "/login",
    "/theme.css",
    "/monitoring",
    "/monitoring/summary",
    "/config",
    "/gradio_api/info",
    "/gradio_api/file=/etc/passwd",
    "/gradio_api/file=../app.py",
    "/gradio_api/file=%2e%2e%2fapp.py",
    "/static/../app.py",
    "/assets/..%2f..%2fapp.py",
    "/svelte/../../app.py",
)
SOLVE = {"data": ENDPOINTS["solve"]}
SECRETS = ("root:x:0", "Traceback (most recent", "class HttpRules")


def fuzz_api(count: int, rng: Random) -> Tally:
    """Requests to the routes of the application. ``refused`` are replies from 400 on; a reply that
    gives a file or a traceback away has crashed."""
    tally = Tally()
    body = {"fn_index": 0, "session_hash": "abc", "event_data": None, "trigger_id": None}
    with api_client() as client:

        def ask() -> None:
            route = rng.choice(ROUTES)
            if rng.random() < 0.2:
                route += rng.choice(("/", "?x=" + "y" * 99, "%00", "/.."))
            headers = {"host": next(hosts)} if rng.random() < 0.1 else {}
            headers = {key: text.encode("utf-8", "replace") for key, text in headers.items()}
            if rng.random() < 0.25:
                reply = client.get(route, headers=headers)
            else:
                named = next((name for name in ENDPOINTS if name in route), "solve")
                sent = body | {"fn_index": rng.randrange(-2, 90), "data": ENDPOINTS[named]}
                data = mutated_json(sent, rng) if rng.random() < 0.9 else rng.randbytes(99)
                headers["content-type"] = rng.choice(("application/json", "text/plain", "x"))
                reply = client.post(route, content=data, headers=headers)
            leaks = [secret for secret in SECRETS if secret in reply.text]
            assert not leaks, (route, leaks)
            if reply.status_code >= 400:
                raise BadInput(str(reply.status_code))

        hosts = (address.replace("\n", "").strip() for address in addresses(rng))
        for _ in range(count):
            tally.feed(ask)
        alive = client.post("/gradio_api/call/solve", json=SOLVE)
        assert alive.status_code == 200, "it does not answer any more"
    return tally


DOORS = {
    "traces": fuzz_traces,
    "pools": fuzz_pools,
    "addresses": fuzz_addresses,
    "texts": fuzz_texts,
    "api": fuzz_api,
}


def main() -> None:
    door, count = sys.argv[1], int(sys.argv[2])
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    begun = time.monotonic()
    tally = DOORS[door](count, Random(seed))
    print(
        f"{door}: {tally.tried:,} tried, {tally.taken:,} taken, {tally.refused:,} refused, "
        f"{len(tally.crashed)} crashed, {tally.slow} over {SLOW_SECONDS:.0f} s, "
        f"{time.monotonic() - begun:.0f} s"
    )
    for text in dict.fromkeys(tally.crashed):
        print(text)


if __name__ == "__main__":
    main()
