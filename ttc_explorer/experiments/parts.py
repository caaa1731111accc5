"""The folder of a sweep. While it runs, ``parts`` in it holds what is done, a folder a task; at the end the
tables of all tasks are joined, and ``parts`` goes.

Every folder and every table appears at once and whole, by a rename: at whatever moment the sweep is killed,
nothing is there by half, and nothing twice.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from ttc_explorer.experiments.jobs import Task
from ttc_explorer.experiments.records import Rows, typed
from ttc_explorer.problems.problem import BadInput, Problem

FAILURES = "failures"
TABLES = ("pool", "probe", "runs", "attempts", FAILURES)


class Parts:
    """The folder ``out`` of the sweep that ``command`` describes, on these problems.

    Raises BadInput if something is there, unless it is the same sweep and it is to be resumed. ``about`` is
    what the sweep knew of itself when it began, None if it has not.
    """

    def __init__(self, out: Path, command: str, problems: Sequence[Problem], resume: bool) -> None:
        self._out, self._parts, self._new = out, out / "parts", out / "parts.new"
        self._problems = typed(
            [
                {"question": n, "text": p.text, "answer": p.answer, "family": p.family, "level": p.level}
                for n, p in enumerate(problems)
            ]
        )
        self.about: dict[str, object] | None = None
        begun = next((f for f in (self._parts, out) if (f / "about.json").is_file()), None)
        if begun and resume:
            self.about = json.loads((begun / "about.json").read_text(encoding="utf-8"))
            self._check(self.about["command"], command, pd.read_parquet(begun / "problems.parquet"))
            self._clean()
        elif begun:
            raise BadInput(f"{out} holds a sweep: go on with it by --resume, or choose another folder.")
        elif out.is_dir() and any(path != self._new for path in out.iterdir()):
            raise BadInput(f"{out} is not empty, and holds no sweep: choose another folder.")

    def _check(self, theirs: object, command: str, problems: pd.DataFrame) -> None:
        if theirs != command:
            raise BadInput(f"{self._out} is not of this command, but of `{theirs}`: choose another folder.")
        if not problems.equals(self._problems):
            raise BadInput(f"{self._out} was begun with other problems: choose another folder.")

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to do, failed questions included."""
        return self.about is not None and not self._parts.is_dir()

    def begin(self, about: Mapping[str, object]) -> None:
        """Make the folder of a sweep that has not begun yet. Raises BadInput if it cannot be made."""
        self.about = dict(about)
        try:
            self._clean()
            self._new.mkdir(parents=True)
        except OSError as error:
            raise BadInput(f"The folder {self._out} cannot be made: {error.strerror}.") from None
        self._problems.to_parquet(self._new / "problems.parquet", index=False, compression="zstd")
        (self._new / "about.json").write_text(json.dumps(self.about, indent=1) + "\n", encoding="utf-8")
        self._new.rename(self._parts)

    def left(self, tasks: Sequence[Task]) -> list[Task]:
        """Those that are not done, or on which a question failed."""
        parts = [self._parts / task.name for task in tasks]
        done = {part.name for part in parts if part.is_dir() and not (part / f"{FAILURES}.parquet").exists()}
        return [task for task in tasks if task.name not in done]

    def keep(self, task: Task, tables: Mapping[str, Rows]) -> None:
        """Store what came of a task, in the place of what may be there of an earlier try."""
        self._clean()
        self._new.mkdir()
        for name, rows in tables.items():
            typed(rows).to_parquet(self._new / f"{name}.parquet", index=False, compression="zstd")
        place = self._parts / task.name
        if place.is_dir():
            shutil.rmtree(place)
        self._new.rename(place)

    def finish(self, tasks: Sequence[Task]) -> dict[str, int]:
        """Join the tables of all tasks, in the order of the tasks. Returns how many rows each has. The parts
        stay if a question failed, so that the sweep can be resumed to try it again."""
        rows = {}
        for name in TABLES:
            files = [self._parts / task.name / f"{name}.parquet" for task in tasks]
            tables = [pd.read_parquet(file) for file in files if file.is_file()]
            final = self._out / f"{name}.parquet"
            if tables:
                rows[name] = sum(map(len, tables))
                joined = typed(pd.concat(tables, ignore_index=True))
                joined.to_parquet(final.with_suffix(".new"), index=False, compression="zstd")
                final.with_suffix(".new").rename(final)
            else:
                final.unlink(missing_ok=True)  # failures of an earlier try
        for name in ("problems.parquet", "about.json"):
            shutil.copyfile(self._parts / name, self._out / f"{name}.new")
            (self._out / f"{name}.new").rename(self._out / name)
        if FAILURES not in rows:
            self._parts.rename(self._new)
            self._clean()
        return rows

    def _clean(self) -> None:
        if self._new.is_dir():
            shutil.rmtree(self._new)
