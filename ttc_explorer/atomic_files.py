"""Files that appear whole or not at all, and disks that are full, read-only or gone, said in a
sentence.

A new file is written beside the old one and renamed over it, so that whoever is killed, or runs out
of space, leaves what was there; and nothing is left lying about for longer than until the next file
is written there.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

from ttc_explorer.problems.problem import BadInput

DISK_ERRORS = {
    errno.EACCES,
    errno.EDQUOT,
    errno.EEXIST,
    errno.EFBIG,
    errno.EIO,
    errno.EISDIR,
    errno.ENAMETOOLONG,
    errno.ENOENT,
    errno.ENOSPC,
    errno.ENOTDIR,
    errno.EPERM,
    errno.EROFS,
}
"""What is wrong with a disk or a place on it, and not with us or the network."""

_HOST = re.sub(r"\W", "-", socket.gethostname()[:40])
_NEW_FILE = re.compile(rf"\..*\.{_HOST}-(\d+)\.\w+\.new")
"""Name of a new file that a process of this machine is writing, or was when it was killed."""


@contextmanager
def replaced_file(path: Path) -> Iterator[Path]:
    """A place beside ``path`` to write a file to, which takes the place of ``path`` at the end of
    the block, and is removed where the block raises. A device or a pipe is written to itself.

    Raises:
        OSError: from making the place or renaming it.
    """
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        yield path
        return
    _remove_leftovers(path.parent)
    prefix = f".{path.name[:40]}.{_HOST}-{os.getpid()}."
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=prefix, suffix=".new")
    os.close(handle)
    new = Path(name)
    try:
        yield new
        new.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
        os.replace(new, path)
    except BaseException:
        with suppress(OSError):
            new.unlink()
        raise


@lru_cache(maxsize=256)
def _remove_leftovers(folder: Path) -> None:
    """Remove the new files of processes that were killed; looked for once, since a folder may hold
    many files and get many more."""
    with suppress(OSError):
        for path in folder.glob(".*.new"):
            match = _NEW_FILE.fullmatch(path.name)
            if match and not _lives(int(match[1])):
                path.unlink()


def _lives(pid: int) -> bool:
    """Whether there is a process of that number on this machine."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # somebody else's
        return True
    return True


@contextmanager
def replaced_folder(path: Path) -> Iterator[Path]:
    """As ``replaced_file``, for a folder: an empty one beside ``path``, which takes its place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    shutil.rmtree(new, ignore_errors=True)  # of one that was killed
    new.mkdir()
    try:
        yield new
        if path.is_dir():
            shutil.rmtree(path)
        new.rename(path)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise


def write_file(path: Path, content: str | bytes, what: str) -> None:
    """Put a file in place.

    Args:
        path: the file; there may be one, which it replaces.
        content: a text is written in UTF-8.
        what: what it is, for a sentence: ``The trace``.

    Raises:
        BadInput: it cannot be written, and why.
    """
    data = content.encode() if isinstance(content, str) else content
    with disk_errors(f"{what} cannot be saved as {path}"), replaced_file(path) as new:
        new.write_bytes(data)


@contextmanager
def disk_errors(sentence: str, remedy: str = "") -> Iterator[None]:
    """Errors of the disk within the block become BadInput.

    Args:
        sentence: what cannot be done, without a full stop; the reason is added.
        remedy: a further sentence: what to do.
    """
    try:
        yield
    except Exception as error:
        number = disk_error_number(error)
        if number is None:
            raise
        reason = os.strerror(number)
        raise BadInput(f"{sentence}: {reason}. {remedy}".rstrip()) from None


def disk_error_number(error: BaseException) -> int | None:
    """The system's number of an error of the disk, None if it is another one. Safetensors (by an
    error of their own) and tokenizers (by a bare one) tell it in the text only."""
    number = error.errno if isinstance(error, OSError) else None
    if type(error).__name__ in ("SafetensorError", "Exception") and (
        match := re.search(r"os error (\d+)", str(error))
    ):
        number = int(match[1])
    return number if number in DISK_ERRORS else None


def _umask() -> int:
    """The bits that new files lack; it can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
