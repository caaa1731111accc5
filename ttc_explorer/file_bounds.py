"""How much of a file from outside is read.

Its size says little: 20 million equal rows are a Parquet file of 208 KB. So rows, columns, cells,
unpacked bytes, JSON values and their nesting are read from a footer, or counted, before anything is
made of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from ttc_explorer.environment import read_environment
from ttc_explorer.problems.problem import BadInput

MAX_NAMES_SAID = 12
"""Columns that a sentence about a file names."""

Value = TypeVar("Value")


@dataclass(frozen=True)
class FileBounds:
    """The most that a file may hold.

    Attributes:
        file_bytes: the file itself.
        unpacked_bytes: its columns in memory.
        rows: of a table, or lines.
        columns: of a table.
        values: cells of a table, or values in a JSON file; each takes some 60 bytes.
        depth: lists and objects within each other.
        seconds: of work on it, where somebody waits on a page.
    """

    file_bytes: int = 256 * 2**20
    unpacked_bytes: int = 2**30
    rows: int = 1_000_000
    columns: int = 1_000
    values: int = 10_000_000
    depth: int = 64
    seconds: float = 600.0

    def check_file(self, path: Path) -> None:
        """Raise BadInput if the file itself is too large; OSError if it cannot be looked at."""
        if path.stat().st_size > self.file_bytes:
            raise BadInput(
                f"{path.name} is too large: at most {self.file_bytes // 2**20} MiB can be read."
            )

    def check_table(self, rows: int, columns: int, name: str) -> None:
        """Raise BadInput if a table of that shape is too large, full or empty."""
        if rows > self.rows:
            raise BadInput(f"{name} has {rows:,} rows: at most {self.rows:,} can be read.")
        if columns > self.columns:
            raise BadInput(f"{name} has {columns:,} columns: at most {self.columns:,} can be read.")
        if rows * columns > self.values:
            raise BadInput(
                f"{name} has {rows:,} rows of {columns:,} columns: leave columns out, at most "
                f"{self.values:,} cells can be read."
            )

    def check_rows(self, rows: Sequence[object], name: str) -> None:
        """Raise BadInput if the table that objects make is too large: one new key a row is a column
        more in all rows."""
        keys = {key for row in rows if isinstance(row, Mapping) for key in row}
        self.check_table(len(rows), len(keys), name)

    def check_unpacked(self, size: int, name: str) -> None:
        """Raise BadInput if so many bytes are too many in memory."""
        if size > self.unpacked_bytes:
            raise BadInput(
                f"{name} is too large: at most {self.unpacked_bytes // 2**20:,} MiB, unpacked, "
                "can be read."
            )

    def check_values(self, values: int, name: str) -> None:
        """Raise BadInput if so many values are too many."""
        if values > self.values:
            raise BadInput(
                f"{name} holds more than {self.values:,} values: split it into smaller files."
            )

    def check_json(self, data: bytes, name: str) -> None:
        """Raise BadInput if JSON text, or lines of it, is too large for a parser."""
        values, depth = json_extent(data)
        self.check_values(values, name)
        if depth > self.depth:
            raise BadInput(f"{name} is nested {depth:,} deep: at most {self.depth} can be read.")


PUBLIC_BOUNDS = FileBounds(
    file_bytes=64 * 2**20,
    unpacked_bytes=128 * 2**20,
    rows=100_000,
    columns=200,
    values=1_000_000,
    seconds=60.0,
)
"""Where strangers share the process."""


def bounds_in_force() -> FileBounds:
    """The bounds of this process, narrower in public mode."""
    return PUBLIC_BOUNDS if read_environment().is_public else FileBounds()


_JSON_TEXT = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_ALL_BUT_STRUCTURE = bytes(set(range(256)) - set(b"[]{},"))
_STEPS = np.zeros(256, np.int8)
_STEPS[list(b"[{")], _STEPS[list(b"]}")] = 1, -1


def json_extent(data: bytes) -> tuple[int, int]:
    """How large JSON is, from its brackets and commas outside of texts.

    Args:
        data: a JSON text in UTF-8, or several in lines; it need not be valid.

    Returns:
        At least as many as it has values, and how deep they are nested.

    >>> json_extent(b'{"a": [1, "[[,,", [2]]}')
    (6, 3)
    """
    structure = _JSON_TEXT.sub(b"", data).translate(None, _ALL_BUT_STRUCTURE)
    if not structure:
        return 1, 0
    steps = _STEPS[np.frombuffer(structure, np.uint8)]
    opened = int(np.count_nonzero(steps == 1))
    values = 1 + opened + structure.count(b",")
    return values, int(np.cumsum(steps, dtype=np.int64).max(initial=0))


def read_within(path: Path, reader: Callable[[Path], Value], damaged: str) -> Value:
    """What ``reader`` makes of a file that is no larger than it may be.

    Args:
        path: the file, which is not trusted.
        reader: may raise BadInput itself; whatever else it raises is the file's fault.
        damaged: the sentence for that.

    Raises:
        BadInput: it is missing, too large, cannot be read, or is damaged.
    """
    try:
        bounds_in_force().check_file(path)
        return reader(path)
    except FileNotFoundError:
        raise BadInput(f"There is no file {path}.") from None
    except BadInput:
        raise
    except OSError as error:
        raise BadInput(
            f"{path.name} cannot be read: {error.strerror or 'it is damaged'}."
        ) from None
    except Exception:  # the parsers raise errors of many kinds, and none of them is our fault
        raise BadInput(damaged) from None


def count_lines(data: bytes) -> int:
    """Lines of a text, whichever way they end; an empty last one counts."""
    return 1 + data.count(b"\n") + data.count(b"\r") - data.count(b"\r\n")


def json_lines(data: bytes, name: str) -> list[str]:
    """The lines of a file of JSON lines, with none left out, once they are known to be few and
    small enough.

    Raises:
        BadInput: they are not.
        ValueError: they are not UTF-8.
    """
    bounds = bounds_in_force()
    bounds.check_table(data.count(b"\n"), 1, name)
    bounds.check_json(data, name)
    return data.decode("utf-8-sig").split("\n")  # not splitlines: a text may hold U+2028


def joined_rows(tables: Iterable[Sequence[Value]], name: str) -> list[Value]:
    """Rows of several files as those of one, counted together. Raises BadInput."""
    rows: list[Value] = []
    for table in tables:
        rows.extend(table)
        bounds_in_force().check_table(len(rows), 1, name)
    return rows


def named_keys(names: Iterable[str]) -> str:
    """Names of columns for a sentence: the first few, each cut."""
    names = list(names)
    cut = [name[:40] for name in names[:MAX_NAMES_SAID]]
    return ", ".join(cut) + (" …" if len(names) > MAX_NAMES_SAID else "")
