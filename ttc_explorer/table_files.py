"""Tables from outside, CSV and Parquet, read within ``file_bounds``: nothing is evaluated or
unpickled."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ttc_explorer.file_bounds import bounds_in_force, count_lines
from ttc_explorer.parquet_pages import largest_column
from ttc_explorer.problems.problem import BadInput

ROWS_AT_ONCE = 65_536
MAX_FOOTER_ENTRIES = 1_000_000
"""Most entries in one list of a Parquet file's footer."""


def read_csv_table(path: Path) -> pd.DataFrame:
    """A CSV file as texts, columns by comma, semicolon or tab; an empty cell is an empty text.

    Raises:
        BadInput: it is too large, or has two columns of one name.
        ValueError: it is no CSV file in UTF-8.
    """
    data = path.read_bytes()
    text = data.decode("utf-8-sig")
    header = text.partition("\n")[0]
    separator = max(",;\t", key=header.count)
    # Every row has a cell for every column, however short its line is.
    bounds_in_force().check_table(count_lines(data), header.count(separator) + 1, path.name)
    names = next(csv.reader([header], delimiter=separator), [])
    _check_names([name.strip() for name in names], path)
    table = pd.read_csv(io.StringIO(text), sep=separator, dtype=str, keep_default_na=False)
    return table.rename(columns=str.strip)


def read_parquet_table(path: Path) -> pa.Table:
    """A Parquet file in memory.

    What it unpacks to is read from the footer and from the headers of its pages, since a footer may
    lie, and counted while unpacking, since a column of equal values is stored once.

    Raises:
        BadInput: it is too large, or has two columns of one name.
        pa.ArrowException: it is no Parquet file.
    """
    bounds = bounds_in_force()
    with pq.ParquetFile(path, thrift_container_size_limit=MAX_FOOTER_ENTRIES) as file:
        footer = file.metadata
        bounds.check_table(footer.num_rows, footer.num_columns, path.name)
        _check_names(file.schema_arrow.names, path)
        groups = [footer.row_group(number) for number in range(file.num_row_groups)]
        bounds.check_values(
            sum(
                group.column(column).num_values
                for group in groups
                for column in range(group.num_columns)
            ),
            path.name,
        )
        # A value may be as large as its whole column: few enough rows at once that all may be so.
        largest = largest_column(path, footer, bounds)
        rows_at_once = max(1, min(ROWS_AT_ONCE, bounds.unpacked_bytes // max(1, largest)))
        batches, rows, size = [], 0, 0
        for stored in file.iter_batches(rows_at_once):
            batch = _plain_batch(stored, path)
            rows, size = rows + batch.num_rows, size + batch.nbytes
            bounds.check_table(rows, batch.num_columns, path.name)
            bounds.check_unpacked(size, path.name)
            batches.append(batch)
        if not batches:
            return file.schema_arrow.empty_table()
        return pa.Table.from_batches(batches)


def _check_names(names: list[str], path: Path) -> None:
    if len(set(names)) < len(names):
        raise BadInput(f"{path.name} has two columns of the same name: leave one out.")


def _plain_batch(batch: pa.RecordBatch, path: Path) -> pa.RecordBatch:
    """A batch with every value written out where the file keeps a dictionary of them: so they are
    counted, and are what they would be without one."""
    columns = [
        column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
        for column in batch.columns
    ]
    if any(_holds_dictionary(column.type) for column in columns):
        raise BadInput(f"{path.name} has dictionaries within lists: save it with plain columns.")
    return pa.RecordBatch.from_arrays(columns, batch.schema.names)


def _holds_dictionary(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return True
    return any(_holds_dictionary(kind.field(place).type) for place in range(kind.num_fields))
