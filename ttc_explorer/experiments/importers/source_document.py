"""Files of other people, read within limits: JSON, JSON lines, CSV and Parquet as plain values.

What is read is untrusted: it is counted before anything is made of it (``file_bounds.py``), and
nothing is ever evaluated or unpickled.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import pandas as pd
import pyarrow as pa

from ttc_explorer.file_bounds import bounds_in_force, json_lines, read_within
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.table_files import read_csv_table, read_parquet_table

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
        the reading stands is kept, so that a sentence can say so.

        Args:
            values: a list within the file.
            kind: what a sentence calls one of them.

        Returns:
            Pairs of number and object.

        Raises:
            TypeError: it is no list, or one of its members no object.
        """
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
    content = read_within(
        path, reader, f"{path.name} cannot be read, or is damaged, or is no {path.suffix} file."
    )

    def companion(name: str) -> SourceDocument | None:
        beside = path.with_name(name)
        return read_document(beside) if name != path.name and beside.is_file() else None

    return SourceDocument(path.name, content, companion)


def format_suffixes() -> str:
    """The kinds of files that can be read, for a sentence."""
    *others, last = READERS
    return f"{', '.join(others)} or {last}"


def _read_jsonl(path: Path) -> Content:
    lines = json_lines(path.read_bytes(), path.name)
    return _check_objects([json.loads(line) for line in lines if line.strip()], path)


def _read_json(path: Path) -> Content:
    data = path.read_bytes()
    bounds = bounds_in_force()
    bounds.check_json(data, path.name)
    content: Json = json.loads(data.decode("utf-8-sig"))
    if isinstance(content, list):
        bounds.check_table(len(content), 1, path.name)
        return _check_objects(content, path)
    return content


def _check_objects(rows: list[Json], path: Path) -> list[Json]:
    if not all(isinstance(row, dict) for row in rows):
        raise BadInput(f"{path.name} is not a list of JSON objects, one a solution.")
    return rows


def _read_csv(path: Path) -> Content:
    return read_csv_table(path).apply(_typed_column)


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
    table = read_parquet_table(path)
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
