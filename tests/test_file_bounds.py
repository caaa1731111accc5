"""Files that are small and hold too much: each is refused in one sentence, at every door that takes
files of its kind."""

import csv
import gzip
import io
import json
import resource
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttc_explorer.checked_json import parse_json
from ttc_explorer.experiments.file_import import import_files, read_searches
from ttc_explorer.experiments.pool import read_pool
from ttc_explorer.file_bounds import PUBLIC_BOUNDS, FileBounds, bounds_in_force, json_extent
from ttc_explorer.problems.datasets import load_problems
from ttc_explorer.problems.problem import BadInput

DOORS = {
    "pool": read_pool,
    "import": lambda path: import_files([path]),
    "searches": read_searches,
    "problems": load_problems,
}
ROWS, COLUMNS, VALUES = PUBLIC_BOUNDS.rows, PUBLIC_BOUNDS.columns, PUBLIC_BOUNDS.values


def parquet(table: dict, **options) -> bytes:
    target = io.BytesIO()
    pq.write_table(pa.table(table), target, compression="zstd", **options)
    return target.getvalue()


def repeated(value: object, count: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array([0] * count, pa.int32()), pa.array([value]))


def csv_text(*rows: list) -> bytes:
    target = io.StringIO()
    csv.writer(target).writerows(rows)
    return target.getvalue().encode()


def zigzag(number: int, size: int = 1) -> bytes:
    """A whole number in Thrift's compact protocol, in at least ``size`` bytes."""
    number = number << 1 ^ number >> 63
    size = max(size, -(-number.bit_length() // 7))
    parts = [number >> 7 * place & 127 for place in range(size)]
    return bytes([part | 128 for part in parts[:-1]] + parts[-1:])


def lying(data: bytes, true: int, said: int) -> bytes:
    """A Parquet file whose footer has one number in the place of another."""
    size = int.from_bytes(data[-8:-4], "little")
    pages, footer, end = data[: -8 - size], data[-8 - size : -8], data[-8:]
    assert zigzag(true) in footer
    return pages + footer.replace(zigzag(true), zigzag(said, len(zigzag(true)))) + end


def hostile_files():
    """Name to content, and what the sentence must say. All are far below the bound of bytes."""
    many = ROWS + 1
    yield "rows.parquet", parquet({"question": repeated("q", many)}), "rows: at most"
    yield "rows.csv", b"question\n" + b"1\n" * many, "rows: at most"
    yield "returns.csv", b"question\r" + b"1\r" * many, "rows: at most"
    yield "rows.jsonl", b'{"question": 1}\n' * many, "rows: at most"
    yield "empty.jsonl", b"\n" * many, "rows: at most"
    wide = {f"c{n}": [None] for n in range(COLUMNS + 1)}
    yield "columns.parquet", parquet(wide), "columns: at most"
    yield "columns.csv", csv_text(["question", *wide]), "columns: at most"
    yield "keys.jsonl", b"\n".join(b'{"question": 1, "%d": 1}' % n for n in range(COLUMNS)), "col"
    cells = VALUES // COLUMNS + 1
    yield "cells.csv", csv_text(list(wide)[:-1]) + b"1\n" * cells, "cells can be read"
    nulls = {name: pa.nulls(cells, pa.string()) for name in list(wide)[:-1]}
    yield "cells.parquet", parquet(nulls), "cells can be read"
    long = "x" * 2**20
    yield "text.parquet", parquet({"question": repeated(long, 500)}), "MiB, unpacked"
    lists = pa.array([[True] * VALUES, [True]], pa.list_(pa.bool_()))
    yield "list.parquet", parquet({"question": lists}), "more than 1,000,000 values"
    for name, kept in (
        ("repeated.parquet", parquet({"question": repeated(long, 500)})),
        ("page.parquet", parquet({"question": [long * 200]}, use_dictionary=False)),
    ):
        size = pq.ParquetFile(io.BytesIO(kept)).metadata.row_group(0).total_byte_size
        yield name, lying(kept, size, 1), "MiB, unpacked"
    yield "values.json", b"[" + b"[]," * VALUES + b"[]]", "more than 1,000,000 values"
    yield "values.jsonl", b'{"question": [' + b"0," * VALUES + b"0]}", "more than 1,000,000 values"
    yield "deep.json", b"[" * 900 + b"]" * 900, "nested 900 deep"
    yield "deep.jsonl", b'{"question": ' + b"[" * 900 + b"]" * 900 + b"}", "nested 901 deep"


HOSTILE = list(hostile_files())
CASES = [
    pytest.param(
        door,
        name,
        content,
        says,
        id=f"{door}-{name}",
        marks=[pytest.mark.slow] if name == "text.parquet" else [],
    )
    for name, content, says in HOSTILE
    for door in DOORS
    if door not in ("problems", "searches")
    or (door == "problems" and not name.endswith(".json"))
    or (door == "searches" and name.endswith(".json"))
]


@pytest.fixture
def public(monkeypatch):
    monkeypatch.setenv("TTC_PUBLIC", "1")


@pytest.mark.slow
@pytest.mark.parametrize(("door", "name", "content", "says"), CASES)
def test_a_small_file_that_holds_too_much_is_one_sentence(
    public, tmp_path, door, name, content, says
):
    path = tmp_path / name
    path.write_bytes(content)
    assert len(content) < PUBLIC_BOUNDS.file_bytes / 8
    with pytest.raises(BadInput) as error:
        DOORS[door](path)
    if door != "searches":  # which says of every such file that it is no trace
        assert says in str(error.value)
    assert len(str(error.value)) < 400


def test_the_bounds_are_narrower_where_strangers_share_the_process(monkeypatch):
    assert bounds_in_force() == FileBounds()
    monkeypatch.setenv("TTC_PUBLIC", "1")
    assert bounds_in_force() == PUBLIC_BOUNDS
    assert all(
        getattr(PUBLIC_BOUNDS, name) <= getattr(FileBounds(), name)
        for name in FileBounds.__dataclass_fields__
    )


def test_traces_and_policies_are_counted_before_they_are_parsed():
    for data, says in (
        (b"[" + b"{}," * 3_000_000 + b"{}]", "more than 3,000,000 values"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "nested 65 deep"),
    ):
        with pytest.raises(ValueError, match=says):
            parse_json(data)
    assert parse_json(b"[" * 64 + b"]" * 64)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner),
)


def extent(value: object) -> tuple[int, int]:
    """Values and depth, counted one by one."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    found = [extent(each) for each in inner]
    depth = isinstance(value, list | dict) + max((deep for _, deep in found), default=0)
    return 1 + sum(count for count, _ in found), depth


@settings(max_examples=50)
@given(JSON, st.booleans())
def test_json_is_counted_as_it_would_be_parsed(value, ascii_only):
    count, depth = json_extent(json.dumps(value, ensure_ascii=ascii_only).encode())
    values, deep = extent(value)
    assert values <= count <= values + json.dumps(value).count("[") + json.dumps(value).count("{")
    assert depth == deep


@given(st.binary(max_size=200) | st.text('"\\[]{},a', max_size=80).map(str.encode))
def test_any_bytes_can_be_counted(data):
    count, depth = json_extent(data)
    assert 1 <= count <= len(data) + 1
    assert 0 <= depth <= len(data)


READ_IN_CHILD = """
import resource, sys
from pathlib import Path
from ttc_explorer.experiments.pool import read_pool
from ttc_explorer.problems.problem import BadInput
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in map(Path, sys.argv[1:]):
    try:
        read_pool(path)
    except BadInput:
        pass
    else:
        sys.exit(f"{path.name} was read")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_of_a_file_that_says_it_has_few_rows_no_more_are_read(public, tmp_path):
    path = tmp_path / "rows.parquet"
    whole = parquet({"question": repeated("q", ROWS + 1), "correct": repeated(True, ROWS + 1)})
    path.write_bytes(lying(whole, ROWS + 1, 10))
    assert len(read_pool(path)) == 10


@pytest.mark.slow
def test_refusing_costs_less_than_100_megabytes(public, tmp_path):
    """The file of 208 KB that took 2.6 GB, and its brothers."""
    paths = []
    for name, content, _ in HOSTILE:
        paths.append(tmp_path / name)
        paths[-1].write_bytes(content)
    block = pa.table({"question": [0] * 2_000_000, "correct": [True] * 2_000_000})
    paths.append(tmp_path / "bomb.parquet")
    with pq.ParquetWriter(paths[-1], block.schema, compression="zstd") as writer:
        for _ in range(10):
            writer.write_table(block)
    child = subprocess.run(
        [sys.executable, "-c", READ_IN_CHILD, *map(str, paths)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert child.returncode == 0, child.stderr
    assert int(child.stdout) < 100 * 1024


def test_a_packed_trace_is_unpacked_no_further_than_it_may_be(tmp_path):
    path = tmp_path / "bomb.json.gz"
    path.write_bytes(gzip.compress(b" " * 2**27, 1))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BadInput, match="too large"):
        read_searches(Path(path))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024
