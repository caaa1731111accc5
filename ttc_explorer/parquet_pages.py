"""What the pages of a Parquet file unpack to, by their own headers: the footer may lie, and whoever
reads a page makes room for what its header says.

A header is a struct of Thrift's compact protocol, ``PageHeader`` of parquet.thrift: field 2 is the
size of the page unpacked, field 3 as it is stored.
"""

from __future__ import annotations

import mmap
from pathlib import Path

import pyarrow.parquet as pq

from ttc_explorer.file_bounds import FileBounds

UNPACKED_SIZE, STORED_SIZE = 2, 3
MAX_DEPTH = 8
_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 12
_WHOLE = (4, 5, 6)
"""Of 16, 32 and 64 bits."""


def largest_column(path: Path, footer: pq.FileMetaData, bounds: FileBounds) -> int:
    """Go through all pages, and find the largest column of a row group.

    Args:
        path: the file.
        footer: its own, of which only the places of the columns are believed.
        bounds: what its pages may hold together.

    Returns:
        Bytes, unpacked.

    Raises:
        BadInput: the pages unpack to too much, or are too many.
        ValueError: where a page should be, there is none.
    """
    largest = total = pages = 0
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for number in range(footer.num_row_groups):
            group = footer.row_group(number)
            for column in map(group.column, range(group.num_columns)):
                place = column.data_page_offset
                if column.has_dictionary_page:
                    place = min(place, column.dictionary_page_offset)
                end, size = place + column.total_compressed_size, 0
                while place < end:
                    header = _Header(data, place)
                    unpacked, stored = header.sizes()
                    place = header.place + stored
                    size += unpacked
                    pages += 1
                    bounds.check_unpacked(total + size, path.name)
                    bounds.check_values(pages, path.name)
                total, largest = total + size, max(largest, size)
    return largest


class _Header:
    """The header at a place of a file; once it is read, ``place`` is where the page begins."""

    def __init__(self, data: mmap.mmap, place: int) -> None:
        self._data = data
        self.place = place

    def sizes(self) -> tuple[int, int]:
        """Bytes of the page, unpacked and as it is stored."""
        numbers: dict[int, int] = {}
        field = 0
        while head := self._byte():
            field = field + (head >> 4) if head >> 4 else self._number()
            if head & 15 in _WHOLE:
                numbers[field] = self._number()
            else:
                self._skip(head & 15, 1)
        unpacked, stored = numbers.get(UNPACKED_SIZE, -1), numbers.get(STORED_SIZE, -1)
        if min(unpacked, stored) < 0:
            raise ValueError("a page of no size")
        return unpacked, stored

    def _byte(self) -> int:
        if not 0 <= self.place < len(self._data):
            raise ValueError("a header that is not in the file")
        self.place += 1
        return self._data[self.place - 1]

    def _varint(self) -> int:
        value = 0
        for shift in range(0, 70, 7):
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
        raise ValueError("a number of more than 64 bits")

    def _number(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

    def _skip(self, kind: int, depth: int, in_list: bool = False) -> None:
        if depth > MAX_DEPTH:
            raise ValueError("a header that is nested deeply")
        if kind in (_TRUE, _FALSE):
            self.place += in_list  # within a struct the kind is the value
        elif kind == _BYTE:
            self.place += 1
        elif kind in _WHOLE:
            self._varint()
        elif kind == _DOUBLE:
            self.place += 8
        elif kind == _BINARY:
            length = self._varint()
            self.place += length
        elif kind in (_LIST, _SET):
            head = self._byte()
            for _ in range(self._varint() if head >> 4 == 15 else head >> 4):
                self._skip(head & 15, depth + 1, in_list=True)
                if self.place > len(self._data):
                    raise ValueError("a list that is not in the file")
        elif kind == _STRUCT:
            while head := self._byte():
                if not head >> 4:
                    self._varint()
                self._skip(head & 15, depth + 1)
        else:
            raise ValueError("a header of no known kind")
