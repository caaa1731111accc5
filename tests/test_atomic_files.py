"""Files appear whole or not at all, and what is wrong with a disk is one sentence."""

import errno
import os
import signal
from pathlib import Path

import pandas as pd
import pytest
from safetensors import SafetensorError

from tests.ui.toy_solver import finished_run
from ttc_explorer.atomic_files import (
    disk_error_number,
    disk_errors,
    replaced_file,
    replaced_folder,
    write_file,
)
from ttc_explorer.experiments.file_import import write_pool
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.trace_files import save_trace

POOL = pd.DataFrame({"question": range(500), "answer": ["5"] * 500, "correct": [True] * 500})
WRITERS = {
    "trace.json": lambda path: save_trace(finished_run(), path),
    "trace.json.gz": lambda path: save_trace(finished_run(), path),
    "pool.parquet": lambda path: write_pool(POOL, path),
    "pool.csv": lambda path: write_pool(POOL, path),
    "pool.jsonl": lambda path: write_pool(POOL, path),
    "text": lambda path: write_file(path, "0123456789ab", "The text"),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_is_one_sentence_and_leaves_what_was_there(tmp_path, full_disk, name):
    path = tmp_path / name
    path.write_bytes(b"as it was")
    with full_disk(), pytest.raises(BadInput, match=f"cannot be saved as .*{name}: File too large"):
        WRITERS[name](path)
    assert path.read_bytes() == b"as it was"
    assert list(tmp_path.iterdir()) == [path]
    WRITERS[name](path)
    assert path.read_bytes() != b"as it was"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", WRITERS)
def test_a_folder_that_is_none_or_cannot_be_written_is_one_sentence(tmp_path, name):
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "none", "/proc"):
        with pytest.raises(BadInput, match="cannot be saved as"):
            WRITERS[name](tmp_path / folder / name)


def test_a_file_keeps_who_may_read_it(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o640)
    write_file(path, "new", "It")
    assert path.stat().st_mode & 0o777 == 0o640
    (tmp_path / "link").symlink_to(path)
    write_file(tmp_path / "link", "newer", "It")
    assert path.read_text() == "newer"


def test_a_device_is_written_to_and_stays_one():
    write_file(Path(os.devnull), "x", "It")
    assert not os.path.isfile(os.devnull)


def test_whatever_interrupts_leaves_what_was_there(tmp_path):
    for replaced, name in ((replaced_file, "file"), (replaced_folder, "folder")):
        path = tmp_path / name
        context = replaced(path)
        new = context.__enter__()
        (new if name == "file" else new / "inner").write_text("half")
        assert not context.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_goes_with_the_next_file_and_nobody_elses(tmp_path):
    pid = os.fork()
    if pid == 0:
        half_done = replaced_file(tmp_path / "file")
        half_done.__enter__()
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    assert len(list(tmp_path.iterdir())) == 1
    with replaced_file(tmp_path / "other") as others:
        write_file(tmp_path / "file", "new", "It")
        assert sorted(tmp_path.iterdir()) == sorted([others, tmp_path / "file"])


def test_a_folder_takes_the_place_of_another_and_of_one_that_was_left_by_a_kill(tmp_path):
    (tmp_path / ".folder.new").mkdir()
    (tmp_path / ".folder.new" / "half").touch()
    for content in ("one", "two"):
        with replaced_folder(tmp_path / "folder") as new:
            (new / content).touch()
    assert [path.name for path in tmp_path.rglob("*")] == ["folder", "two"]


def test_errors_of_other_things_pass():
    for error in (ConnectionResetError(errno.ECONNRESET, "reset"), ValueError("x"), OSError("y")):
        with pytest.raises(type(error)), disk_errors("It cannot be written"):
            raise error
    for kind in (SafetensorError, Exception):  # of tokenizers
        full = kind("Error while serializing: I/O error: No space left (os error 28)")
        assert disk_error_number(full) == errno.ENOSPC
    assert disk_error_number(ValueError("No space left (os error 28)")) is None
    assert disk_error_number(SafetensorError("header too large")) is None
