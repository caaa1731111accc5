"""A gallery of real runs: traces in a folder, and a list that says of each which model it is of,
when it was recorded, and by which command."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pydantic import TypeAdapter

from ttc_explorer.atomic_files import write_file
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.run import Run
from ttc_explorer.trace_files import check_trace_path, read_trace, save_trace

LIST_NAME = "gallery.json"
MAX_TITLE_CHARACTERS = 80


@dataclass(frozen=True)
class GalleryEntry:
    """A recorded run.

    Attributes:
        file: the trace's name in the gallery's folder.
        title: what it shows.
        model: who answered, and who judged.
        recorded: the day, YYYY-MM-DD.
        command: that records it again.
    """

    file: str
    title: str
    model: str
    recorded: str
    command: str


_ENTRIES = TypeAdapter(list[GalleryEntry])


def load_gallery(folder: Path) -> list[GalleryEntry]:
    """The runs of a gallery, in the order in which they were recorded; empty where there is none.

    Raises:
        BadInput: its list cannot be read.
    """
    path = folder / LIST_NAME
    if not path.is_file():
        return []
    try:
        return _ENTRIES.validate_json(path.read_bytes())
    except (OSError, ValueError):
        raise BadInput(f"{path} is not the list of a gallery: record its runs anew.") from None


def open_entry(folder: Path, entry: GalleryEntry) -> Run:
    """The run of an entry. Raises BadInput if its trace cannot be read."""
    return read_trace(folder / Path(entry.file).name)


def trace_name(title: str) -> str:
    """The name of the trace of a title.

    Raises:
        BadInput: there is no letter or digit in the title, or it is too long.

    >>> trace_name("Best-of-8, judged by itself")
    'best-of-8-judged-by-itself.json.gz'
    """
    words = re.findall(r"[a-z0-9]+", title.lower())
    if not words or len(title) > MAX_TITLE_CHARACTERS:
        raise BadInput(
            f"Give the run a title of letters, {MAX_TITLE_CHARACTERS} characters at most."
        )
    return f"{'-'.join(words)}.json.gz"


def check_gallery(folder: Path, title: str) -> None:
    """Raise BadInput if no run of that title can be recorded there: now, rather than after it."""
    check_trace_path(folder / trace_name(title))
    load_gallery(folder)


def model_names(run: Run) -> str:
    """Who answered, and who judged, without the address of a server."""
    answers = run.model.partition(" at ")[0]
    if run.verifier is None:
        return answers
    judge = run.verifier.partition(" at ")[0]
    return f"{answers}, judged by {'itself' if judge == answers else judge}"


def add_to_gallery(folder: Path, run: Run, title: str, command: str, today: date) -> GalleryEntry:
    """Save a run, in the place of one of the same title. Raises BadInput."""
    entry = GalleryEntry(trace_name(title), title, model_names(run), today.isoformat(), command)
    others = [each for each in load_gallery(folder) if each.file != entry.file]
    save_trace(run, folder / entry.file)
    listed = _ENTRIES.dump_json([*others, entry], indent=1).decode() + "\n"
    write_file(folder / LIST_NAME, listed, "The list")
    return entry
