"""Traces as files: ``.json``, or ``.json.gz`` packed."""

from __future__ import annotations

import gzip
from pathlib import Path

from ttc_explorer.atomic_files import write_file
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.run import Run
from ttc_explorer.search.trace import MAX_BYTES, dump_trace, load_trace


def check_trace_path(path: Path) -> None:
    """Raise BadInput if no trace can be saved there: now, rather than after the work."""
    if not path.name.endswith((".json", ".json.gz")):
        raise BadInput("The name of a trace file must end in .json or .json.gz.")
    if path.is_dir() or not path.parent.is_dir():
        raise BadInput(
            f"The trace cannot be saved as {path}: choose a file in a folder that exists."
        )


def save_trace(run: Run, path: Path) -> None:
    """Write a run as a trace. Raises BadInput."""
    check_trace_path(path)
    data = dump_trace(run)
    write_file(path, gzip.compress(data, mtime=0) if path.suffix == ".gz" else data, "The trace")


def read_trace(path: Path) -> Run:
    """The run in a trace file, which is not trusted. Raises BadInput."""
    try:
        with path.open("rb") as file:
            return load_trace(file.read(MAX_BYTES + 1))
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.") from None
