"""The folder of a sweep. While it runs, ``parts`` in it holds what is done, a folder a task; at the
end the tables of all tasks are joined, and ``parts`` goes.

Every folder and every table appears at once and whole, by a rename: at whatever moment the sweep is
killed, nothing is there by half, and nothing twice.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import pandas as pd

from ttc_explorer.atomic_files import disk_errors, replaced_file, replaced_folder
from ttc_explorer.experiments.result_rows import Rows, to_typed_table
from ttc_explorer.experiments.sweep_jobs import SweepTask
from ttc_explorer.problems.problem import BadInput, Problem

FAILURES = "failures"
TABLES = ("pool", "probe", "runs", "attempts", FAILURES)


class SweepCheckpoint:
    """The folder ``out`` of the sweep that ``command`` describes, on these problems.

    Raises BadInput if something is there, unless it is the same sweep and it is to be resumed.
    ``about`` is what the sweep knew of itself when it began, None if it has not.
    """

    def __init__(self, out: Path, command: str, problems: Sequence[Problem], resume: bool) -> None:
        self._folder, self._tasks_folder = out, out / "parts"
        self._removed_folder = out / ".parts.removed.new"
        self._problems = to_typed_table(
            [
                {
                    "question": n,
                    "text": p.text,
                    "answer": p.answer,
                    "family": p.family,
                    "level": p.level,
                }
                for n, p in enumerate(problems)
            ]
        )
        self.about: dict[str, object] | None = None
        existing_folder = next(
            (f for f in (self._tasks_folder, out) if (f / "about.json").is_file()), None
        )
        if existing_folder and resume:
            self.about = json.loads((existing_folder / "about.json").read_text(encoding="utf-8"))
            self._check_same_sweep(
                self.about["command"],
                command,
                pd.read_parquet(existing_folder / "problems.parquet"),
            )
            self._remove_leftovers()
        elif existing_folder:
            raise BadInput(
                f"{out} holds a sweep: go on with it by --resume, or choose another folder."
            )
        elif out.is_dir() and any(path.name != ".parts.new" for path in out.iterdir()):
            raise BadInput(f"{out} is not empty, and holds no sweep: choose another folder.")

    def _check_same_sweep(
        self, existing_command: object, command: str, problems: pd.DataFrame
    ) -> None:
        if existing_command != command:
            raise BadInput(
                f"{self._folder} is not of this command, but of `{existing_command}`: choose "
                "another folder."
            )
        if not problems.equals(self._problems):
            raise BadInput(f"{self._folder} was begun with other problems: choose another folder.")

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to do, failed questions included."""
        return self.about is not None and not self._tasks_folder.is_dir()

    def start(self, about: Mapping[str, object]) -> None:
        """Make the folder of a sweep that has not begun yet. Raises BadInput if it cannot be
        made."""
        self.about = dict(about)
        with (
            disk_errors(f"The folder {self._folder} cannot be made"),
            replaced_folder(self._tasks_folder) as new,
        ):
            self._problems.to_parquet(new / "problems.parquet", index=False, compression="zstd")
            (new / "about.json").write_text(
                json.dumps(self.about, indent=1) + "\n", encoding="utf-8"
            )

    def remaining(self, tasks: Sequence[SweepTask]) -> list[SweepTask]:
        """Those that are not done, or on which a question failed."""
        parts = [self._tasks_folder / task.name for task in tasks]
        done = {
            part.name
            for part in parts
            if part.is_dir() and not (part / f"{FAILURES}.parquet").exists()
        }
        return [task for task in tasks if task.name not in done]

    def save_task(self, task: SweepTask, tables: Mapping[str, Rows]) -> None:
        """Store what came of a task, in the place of what may be there of an earlier try. Raises
        BadInput if it cannot be."""
        with self._disk_errors(), replaced_folder(self._tasks_folder / task.name) as new:
            for name, rows in tables.items():
                to_typed_table(rows).to_parquet(
                    new / f"{name}.parquet", index=False, compression="zstd"
                )

    def finish(self, tasks: Sequence[SweepTask]) -> dict[str, int]:
        """Join the tables of all tasks, in the order of the tasks. Returns how many rows each has.
        The parts stay if a question failed, so that the sweep can be resumed to try it again.
        Raises BadInput if they cannot be written."""
        with self._disk_errors():
            return self._join_parts(tasks)

    def _join_parts(self, tasks: Sequence[SweepTask]) -> dict[str, int]:
        rows = {}
        for name in TABLES:
            files = [self._tasks_folder / task.name / f"{name}.parquet" for task in tasks]
            tables = [pd.read_parquet(file) for file in files if file.is_file()]
            final = self._folder / f"{name}.parquet"
            if tables:
                rows[name] = sum(map(len, tables))
                joined = to_typed_table(pd.concat(tables, ignore_index=True))
                with replaced_file(final) as new:
                    joined.to_parquet(new, index=False, compression="zstd")
            else:
                final.unlink(missing_ok=True)  # failures of an earlier try
        for name in ("problems.parquet", "about.json"):
            with replaced_file(self._folder / name) as new:
                shutil.copyfile(self._tasks_folder / name, new)
        if FAILURES not in rows:
            self._tasks_folder.rename(self._removed_folder)  # at once, for who is killed meanwhile
            self._remove_leftovers()
        return rows

    def _disk_errors(self) -> AbstractContextManager[None]:
        return disk_errors(
            f"The sweep in {self._folder} cannot be written",
            "What is finished stays: make room, then go on with --resume.",
        )

    def _remove_leftovers(self) -> None:
        """Remove what a sweep that was killed had not renamed yet."""
        shutil.rmtree(self._removed_folder, ignore_errors=True)
        for folder in (self._folder, self._tasks_folder):
            for path in folder.glob(".*.new"):
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)
