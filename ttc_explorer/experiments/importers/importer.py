"""The registry of formats: a new one is one file with one function.

A format is known by keys that its files have. Its function makes samples, the rows of a pool, and
search trees, runs like our own, of what it finds. Files are untrusted: what a function stumbles
over (a missing key, a text for a number) is refused in one sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pandas as pd

from ttc_explorer.experiments.importers.source_document import (
    Content,
    Json,
    Row,
    SourceDocument,
)
from ttc_explorer.experiments.width_depth import Thought
from ttc_explorer.file_bounds import named_keys
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.registry import Registry
from ttc_explorer.search.run import Run

PROBED_ROWS = 10
"""Rows of a list that are looked at to know a format."""


@dataclass
class Imported:
    """What a file holds: ``samples`` are rows of a pool, ``runs`` search trees, ``thoughts`` those
    of a replay store; ``notes`` say what was left out or assumed, in whole sentences."""

    samples: list[Row] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    thoughts: list[Thought] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


Convert = Callable[[SourceDocument], Imported]


@dataclass(frozen=True)
class Importer:
    """A format.

    Attributes:
        convert: a document of it to what it holds.
        title: its name on screen.
        detects: paths of keys that its files have, such as ``records.traces.text``; lists are
            looked into. Of several formats that fit, the one with the most paths is taken.
    """

    convert: Convert
    title: str
    detects: tuple[str, ...]


IMPORTERS: Registry[Importer] = Registry("format")


def importer(name: str, *, title: str, detects: tuple[str, ...]) -> Callable[[Convert], Convert]:
    """Register the decorated function as the ``convert`` of a format; arguments as in Importer.

    Raises:
        BadInput: the name is taken, or no identifier.
    """

    def register(convert: Convert) -> Convert:
        IMPORTERS.register(name, Importer(convert, title, detects), convert.__module__)
        return convert

    return register


class UnknownFormat(BadInput):
    """A file that is neither a pool nor of a known format; the sentence names what was found and
    what is missing."""

    def __init__(self, document: SourceDocument) -> None:
        missing = {
            name: [path for path in entry.detects if not _has_path(document.content, path)]
            for name, entry in IMPORTERS.items()
        }
        shares = {
            name: 1 - len(gone) / len(IMPORTERS[name].detects) for name, gone in missing.items()
        }
        nearest = max(shares, key=lambda name: shares[name])
        keys = document.keys()
        sentence = (
            f"{document.name} is no pool, since it has no column question"
            + (f" (it has {named_keys(keys)})" if keys else "")
            + ", and no file of a known tool"
        )
        if shares[nearest] > 0:
            sentence += (
                f" (it is nearest to {IMPORTERS[nearest].title}, but lacks "
                f"{named_keys(missing[nearest])})"
            )
        super().__init__(
            f"{sentence}: rename its columns, or say which is which, question=NAME and so on."
        )


def detect_format(document: SourceDocument) -> str | None:
    """The name of the format that a document is in; None if none fits."""
    fitting = [
        name
        for name, entry in IMPORTERS.items()
        if all(_has_path(document.content, path) for path in entry.detects)
    ]
    return max(fitting, key=lambda name: len(IMPORTERS[name].detects), default=None)


def import_document(document: SourceDocument, name: str) -> Imported:
    """What a document of the format ``name`` holds.

    Raises:
        BadInput: there is no such format, or the document is not in it.
    """
    entry = IMPORTERS.find(name)
    try:
        imported = entry.convert(document)
    except BadInput:
        raise
    except (TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError):
        # no lists, of unequal lengths, or of other things
        place = f"{document.place} of {document.name}" if document.place else document.name
        raise BadInput(f"{place} is not what a file of {entry.title} looks like.") from None
    if not imported.samples and not imported.runs:
        raise BadInput(f"{document.name} is a file of {entry.title}, but holds no solutions.")
    return imported


def _has_path(content: Content, path: str) -> bool:
    """Whether a key path leads somewhere, through the first rows of every list on its way."""
    if isinstance(content, pd.DataFrame):
        return path in content.columns
    return any(True for _ in _follow(content, path.split(".")))


def _follow(value: Json, keys: list[str]) -> Iterator[Json]:
    if isinstance(value, list):
        for item in value[:PROBED_ROWS]:
            if isinstance(item, dict):
                yield from _follow(item, keys)
    elif not keys:
        yield value
    elif isinstance(value, dict) and keys[0] in value:
        following = value[keys[0]]
        yield from _follow(following, keys[1:]) if keys[1:] else iter([following])
