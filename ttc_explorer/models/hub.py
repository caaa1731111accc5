"""The files of a model: in a folder, downloaded before, or to be fetched from Hugging Face."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any

import httpx
from huggingface_hub import HfApi, constants, get_token, snapshot_download
from huggingface_hub.errors import GatedRepoError
from huggingface_hub.utils import filter_repo_objects, tqdm

from ttc_explorer.models.protocol import ModelError

DOWNLOAD_PATTERNS = ["*.safetensors", "*.json", "*.jinja", "*.model", "*.txt"]
"""What is fetched: weights, settings, tokenizer. No code, and no pickles."""
IGNORED_PATTERNS = ["*/*", "*.gguf"]
"""What is not: copies of the weights in other forms, which stand in folders of their own."""

HUB_TIMEOUT = 10
"""Seconds that Hugging Face may take to say what a model is."""

HUB_REACH_SECONDS, HUB_REACH_CACHE_SECONDS = 3.0, 60.0
"""Seconds to see whether Hugging Face can be reached, and for how long that holds."""

OnProgress = Callable[[str], None]
"""Takes a line on how far a download is."""


def no_progress(line: str) -> None:
    """Ignores the progress of a download."""


def fetch_model_folder(name: str, on_progress: OnProgress = no_progress) -> Path:
    """The folder of a model by folder or Hugging Face name; downloads it if it is not here, and
    reports how far that is. Raises ModelError."""
    place = Path(name)
    if place.is_dir():
        return place
    downloaded = downloaded_folder(name)
    if downloaded:
        return downloaded
    download_size(name)
    try:
        folder = snapshot_download(
            name,
            allow_patterns=DOWNLOAD_PATTERNS,
            ignore_patterns=IGNORED_PATTERNS,
            tqdm_class=progress_bar_class(name, on_progress),
        )
    except GatedRepoError as error:
        raise ModelError(gated_model_message(name)) from error
    except Exception as error:
        raise ModelError(_unknown_model_message(name)) from error
    return Path(folder)


def download_size(name: str) -> int:
    """The bytes of a model that is not here, as Hugging Face lists its files. Raises ModelError if
    it cannot be downloaded, or has no weights that are read here."""
    if not hub_reachable():
        raise ModelError(_unreachable_message(name))
    try:
        listed = HfApi().model_info(name, files_metadata=True, timeout=HUB_TIMEOUT)
    except Exception as error:  # no such name, or whatever a network can do
        raise ModelError(_unknown_model_message(name)) from error
    if listed.gated and not _has_gated_access(name):
        raise ModelError(gated_model_message(name))
    files = {file.rfilename: file.size or 0 for file in listed.siblings or []}
    wanted = list(
        filter_repo_objects(
            files, allow_patterns=DOWNLOAD_PATTERNS, ignore_patterns=IGNORED_PATTERNS
        )
    )
    if not any(file.endswith(".safetensors") for file in wanted):
        raise ModelError(
            f"'{name}' has no weights in safetensors, the only form that is read here: choose "
            "another model."
        )
    return sum(files[file] for file in wanted)


def downloaded_folder(name: str) -> Path | None:
    """The model's folder among the downloads of this machine, if all of its weights are there."""
    try:
        folder = Path(
            snapshot_download(
                name,
                allow_patterns=DOWNLOAD_PATTERNS,
                ignore_patterns=IGNORED_PATTERNS,
                local_files_only=True,
                tqdm_class=SilentProgressBar,
            )
        )
    except Exception:  # no such name, or nothing of it here
        return None
    return folder if list(folder.glob("*.safetensors")) else None


def download_obstacle(name: str, is_gated: bool) -> str | None:
    """Why a published model cannot be downloaded, in words that go on from its name; None if it
    can."""
    if constants.is_offline_mode():
        return "is not downloaded, and HF_HUB_OFFLINE forbids it"
    if not hub_reachable():
        return "is not downloaded, and Hugging Face cannot be reached"
    if is_gated and not _has_gated_access(name):
        return (
            "is not downloaded, and its licence must be accepted first: "
            f"{_licence_instructions(name)}"
        )
    return None


def _unknown_model_message(name: str) -> str:
    return f"There is no folder '{name}', and no model of that name can be read from Hugging Face."


def _unreachable_message(name: str) -> str:
    why = (
        "HF_HUB_OFFLINE forbids to ask Hugging Face"
        if constants.is_offline_mode()
        else "Hugging Face cannot be reached"
    )
    return f"There is no folder '{name}' here, and {why}: name a folder."


def gated_model_message(name: str) -> str:
    """The sentence for a model whose licence has not been accepted."""
    return f"The licence of '{name}' must be accepted first: {_licence_instructions(name)}."


def _licence_instructions(name: str) -> str:
    return f"visit https://huggingface.co/{name} and log in with `hf auth login`"


def hub_reachable() -> bool:
    """Whether Hugging Face can be asked: allowed, and reached within HUB_REACH_SECONDS. What was
    found holds for HUB_REACH_CACHE_SECONDS, so that nobody waits twice."""
    global _reached
    if constants.is_offline_mode():
        return False
    when, answer = _reached
    if time.monotonic() - when > HUB_REACH_CACHE_SECONDS:
        answer = _reaches_hub()
        _reached = time.monotonic(), answer
    return answer


_reached = (float("-inf"), False)


def _reaches_hub() -> bool:
    """Whether Hugging Face answers anything at all. The look-up of its name cannot be given a time
    limit, so a thread of its own asks, which is left behind if that takes longer."""
    found = Queue[bool]()

    def ask() -> None:
        try:
            httpx.head(constants.ENDPOINT, timeout=HUB_REACH_SECONDS)
            found.put(True)
        except Exception:  # whatever a network can do
            found.put(False)

    Thread(target=ask, name="hub", daemon=True).start()
    try:
        return found.get(timeout=HUB_REACH_SECONDS)
    except Empty:
        return False


def _has_gated_access(name: str) -> bool:
    """Whether the person who is logged in here may download a gated model."""
    if get_token() is None:
        return False
    try:
        HfApi().auth_check(name)
    except Exception:  # not allowed, or not reached
        return False
    return True


class SilentProgressBar(tqdm):
    """A progress bar that shows nothing."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.pop("name", None)
        super().__init__(*args, **{**kwargs, "disable": True})


def progress_bar_class(name: str, on_progress: OnProgress) -> type[tqdm]:
    """A class of progress bars for a download; the one that counts bytes reports to
    ``on_progress``."""

    class CallbackProgressBar(SilentProgressBar):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            self._counts_bytes = kwargs.get("name") == "huggingface_hub.snapshot_download"
            super().__init__(*args, **kwargs)
            self.total, self.n = kwargs.get("total") or 0, kwargs.get("initial") or 0

        def update(self, n: float | None = 1) -> bool | None:
            self.n += n or 0
            if self._counts_bytes and self.total:
                on_progress(f"{name}: {self.n / 1e9:.2f} of {self.total / 1e9:.2f} GB downloaded")
            return None

    return CallbackProgressBar
