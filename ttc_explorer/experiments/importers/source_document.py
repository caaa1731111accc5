"""Files of other people, read within limits: JSON, JSON lines, CSV and Parquet as plain values.

What is read is untrusted: rows, bytes and values are counted before anything is unpacked, and
nothing is ever evaluated or unpickled.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ttc_explorer.problems.problem import BadInput

MAX_FILE_BYTES = 256 * 2**20
MAX_UNPACKED_BYTES = 2**30
"""Most bytes of a table in memory: a small Parquet file may unpack to anything."""
MAX_ROWS = 1_000_000
MAX_JSON_VALUES = 10_000_000
"""Most values in a JSON file, counted by its commas and brackets: each takes some 60 bytes."""
MAX_KEYS_NAMED = 12
"""Columns that a sentence about an unknown file names."""

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
Row: TypeAlias = dict[str, Json]
Content: TypeAlias = "Json | pd.DataFrame"


@dataclass
class SourceDocument:
    """One file, parsed.

    Attributes:
        name: the file's name, for sentences.
        content: a table where the file is one without lists inside (CSV, most Parquet files), else
            plain JSON values; JSON lines are a list.
        companion: reads a file beside this one, by name; None if there is none.
        place: the row that is being read, for sentences.
    """

    name: str
    content: Content
    companion: Callable[[str], SourceDocument | None] = field(default=lambda _: None, repr=False)
    place: str = ""

    def rows(self, values: Content = None, kind: str = "Row") -> Iterator[tuple[int, Row]]:
        """The objects of a list, numbered from 0; the file's own rows without ``values``. Where
        the reading stands is kept, so that a sentence can say so."""
        rows = self.content if values is None else values
        if not isinstance(rows, list):
            raise TypeError(f"no list of rows, but {type(rows).__name__}")
        for number, row in enumerate(rows):
            self.place = f"{kind} {number + 1}"
            if not isinstance(row, dict):
                raise TypeError(f"no object, but {type(row).__name__}")
            yield number, row

    def keys(self) -> list[str]:
        """The columns of the file, or the keys of its first rows or of its one object."""
        if isinstance(self.content, pd.DataFrame):
            return [str(name) for name in self.content.columns]
        first = self.content[:10] if isinstance(self.content, list) else [self.content]
        return list(dict.fromkeys(key for row in first if isinstance(row, dict) for key in row))


def read_document(path: Path) -> SourceDocument:
    """Read a ``.jsonl``, ``.json``, ``.csv`` or ``.parquet`` file.

    Args:
        path: the file; its suffix says what it is.

    Returns:
        The document, with access to the files beside it.

    Raises:
        BadInput: it is missing, damaged, too large, or of another kind.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise BadInput(
            f"{path.name} cannot be read as a pool: give a {format_suffixes()} file, one row a "
            "sampled solution."
        )
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise BadInput(
                f"{path.name} is too large: at most {MAX_FILE_BYTES // 2**20} MiB can be read."
            )
        content = reader(path)
    except FileNotFoundError:
        raise BadInput(f"There is no file {path}.") from None
    except BadInput:
        raise
    except Exception:  # the parsers raise errors of many kinds, and none of them is our fault
        raise BadInput(
            f"{path.name} cannot be read, or is damaged, or is no {path.suffix} file."
        ) from None

    def companion(name: str) -> SourceDocument | None:
        beside = path.with_name(name)
        return read_document(beside) if name != path.name and beside.is_file() else None

    return SourceDocument(path.name, content, companion)


def format_suffixes() -> str:
    """The kinds of files that can be read, for a sentence."""
    *others, last = READERS
    return f"{', '.join(others)} or {last}"


def _read_jsonl(path: Path) -> Content:
    data = path.read_bytes()
    _check_rows(data.count(b"\n"), path)
    _check_json_values(data, path)
    lines = data.decode("utf-8-sig").split("\n")  # not splitlines: a text may hold U+2028
    return _check_objects([json.loads(line) for line in lines if line.strip()], path)


def _read_json(path: Path) -> Content:
    data = path.read_bytes()
    _check_json_values(data, path)
    content: Json = json.loads(data.decode("utf-8-sig"))
    if isinstance(content, list):
        _check_rows(len(content), path)
        return _check_objects(content, path)
    return content


def _check_objects(rows: list[Json], path: Path) -> list[Json]:
    if not all(isinstance(row, dict) for row in rows):
        raise BadInput(f"{path.name} is not a list of JSON objects, one a solution.")
    return rows


def _check_json_values(data: bytes, path: Path) -> None:
    values = sum(data.count(sign) for sign in (b",", b"[", b"{"))
    if values > MAX_JSON_VALUES:
        raise BadInput(
            f"{path.name} holds more than {MAX_JSON_VALUES:,} values: split it into smaller files."
        )


def _check_rows(rows: int, path: Path) -> None:
    if rows > MAX_ROWS:
        raise BadInput(f"{path.name} has {rows:,} rows: at most {MAX_ROWS:,} can be read.")


def _read_csv(path: Path) -> Content:
    text = path.read_bytes().decode("utf-8-sig")
    _check_rows(text.count("\n"), path)
    header = text.partition("\n")[0]
    separator = max(",;\t", key=header.count)
    names = next(csv.reader([header], delimiter=separator), [])
    if len({name.strip() for name in names}) < len(names):
        raise BadInput(f"{path.name} has two columns of the same name: leave one out.")
    table = pd.read_csv(io.StringIO(text), sep=separator, dtype=str, keep_default_na=False)
    return table.rename(columns=str.strip).apply(_typed_column)


def _typed_column(column: pd.Series) -> pd.Series:
    """A column of texts as what they all say: true or false, whole numbers, numbers; else texts.
    Empty cells are None."""
    texts = [text.strip() for text in column]
    known = [text for text in texts if text]
    for parse in (_parse_boolean, int, float):
        try:
            values = [parse(text) if text else None for text in texts]
        except ValueError:
            continue
        return pd.Series(values, index=column.index, dtype=None if known == texts else object)
    return pd.Series([text or None for text in texts], index=column.index, dtype=object)


def _parse_boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


def _read_parquet(path: Path) -> Content:
    with pq.ParquetFile(path) as file:
        _check_rows(file.metadata.num_rows, path)
        if len(set(file.schema_arrow.names)) < len(file.schema_arrow.names):
            raise BadInput(f"{path.name} has two columns of the same name: leave one out.")
        groups = [file.metadata.row_group(number) for number in range(file.num_row_groups)]
        # A value may be as large as its whole column: few enough rows at once that all may be so.
        largest = max((group.total_byte_size for group in groups), default=1)
        batches, size = [], 0
        for batch in file.iter_batches(max(1, min(65_536, MAX_UNPACKED_BYTES // max(1, largest)))):
            size += batch.nbytes
            if size > MAX_UNPACKED_BYTES:
                raise BadInput(
                    f"{path.name} is too large: at most {MAX_UNPACKED_BYTES // 2**20:,} MiB, "
                    "unpacked, can be read."
                )
            batches.append(batch)
        table = pa.Table.from_batches(batches, file.schema_arrow)
    if any(pa.types.is_nested(kind) for kind in table.schema.types):
        return table.to_pylist()
    return table.to_pandas()


READERS: dict[str, Callable[[Path], Content]] = {
    ".jsonl": _read_jsonl,
    ".json": _read_json,
    ".csv": _read_csv,
    ".parquet": _read_parquet,
}
"""By the suffix of a file."""


def named_keys(names: Iterable[str]) -> str:
    """Names of columns for a sentence: the first few, each cut."""
    names = list(names)
    cut = [name[:40] for name in names[:MAX_KEYS_NAMED]]
    return ", ".join(cut) + (" …" if len(names) > MAX_KEYS_NAMED else "")
