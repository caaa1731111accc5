"""The files of a model: in a folder, downloaded before, or to be fetched from Hugging Face."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, constants, get_token, snapshot_download
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError
from huggingface_hub.utils import filter_repo_objects, tqdm

from ttc_explorer.models.protocol import ModelError

FILES = ["*.safetensors", "*.json", "*.jinja", "*.model", "*.txt"]
"""What is fetched: weights, settings, tokenizer. No code, and no pickles."""
APART = ["*/*", "*.gguf"]
"""What is not: copies of the weights in other forms, which stand in folders of their own."""

LONGEST = 10
"""Seconds that Hugging Face may take to say what a model is."""

Tell = Callable[[str], None]
"""Takes a line on how far a download is."""


def silent(line: str) -> None:
    """For those who do not want to know."""


def folder_of(name: str, tell: Tell = silent) -> Path:
    """The folder of a model by folder or Hugging Face name; downloads it if it is not here, and tells how
    far that is. Raises ModelError."""
    place = Path(name)
    if place.is_dir():
        return place
    downloaded = downloaded_folder(name)
    if downloaded:
        return downloaded
    download_size(name)
    try:
        folder = snapshot_download(
            name, allow_patterns=FILES, ignore_patterns=APART, tqdm_class=teller(name, tell)
        )
    except GatedRepoError as error:
        raise ModelError(gated(name)) from error
    except Exception as error:
        raise ModelError(_unknown(name)) from error
    return Path(folder)


def download_size(name: str) -> int:
    """The bytes of a model that is not here, as Hugging Face lists its files. Raises ModelError if it cannot
    be downloaded, or has no weights that are read here."""
    try:
        listed = HfApi().model_info(name, files_metadata=True, timeout=LONGEST)
    except Exception as error:  # no such name, or whatever a network can do
        raise ModelError(_unknown(name)) from error
    if listed.gated and not _allowed(name):
        raise ModelError(gated(name))
    files = {file.rfilename: file.size or 0 for file in listed.siblings or []}
    wanted = list(filter_repo_objects(files, allow_patterns=FILES, ignore_patterns=APART))
    if not any(file.endswith(".safetensors") for file in wanted):
        raise ModelError(
            f"'{name}' has no weights in safetensors, the only form that is read here: choose another model."
        )
    return sum(files[file] for file in wanted)


def downloaded_folder(name: str) -> Path | None:
    """The model's folder among the downloads of this machine, if all of its weights are there."""
    try:
        folder = Path(
            snapshot_download(
                name, allow_patterns=FILES, ignore_patterns=APART, local_files_only=True, tqdm_class=Quiet
            )
        )
    except Exception:  # no such name, or nothing of it here
        return None
    return folder if list(folder.glob("*.safetensors")) else None


def unreachable(name: str, is_gated: bool) -> str | None:
    """Why a published model cannot be downloaded, in words that go on from its name; None if it can."""
    if constants.is_offline_mode():
        return "is not downloaded, and HF_HUB_OFFLINE forbids it"
    if not _reachable():
        return "is not downloaded, and Hugging Face cannot be reached"
    if is_gated and not _allowed(name):
        return f"is not downloaded, and its licence must be accepted first: {_door(name)}"
    return None


def _unknown(name: str) -> str:
    return f"There is no folder '{name}', and no model of that name can be read from Hugging Face."


def gated(name: str) -> str:
    """The sentence for a model whose licence has not been accepted."""
    return f"The licence of '{name}' must be accepted first: {_door(name)}."


def _door(name: str) -> str:
    return f"visit https://huggingface.co/{name} and log in with `hf auth login`"


@cache
def _reachable() -> bool:
    """Whether Hugging Face answers at all; asked once."""
    try:
        HfApi().model_info("Qwen/Qwen2.5-0.5B-Instruct", timeout=3)
    except (RepositoryNotFoundError, HfHubHTTPError):
        return True
    except Exception:  # whatever a network can do
        return False
    return True


def _allowed(name: str) -> bool:
    """Whether the person who is logged in here may download a gated model."""
    if get_token() is None:
        return False
    try:
        HfApi().auth_check(name)
    except Exception:  # not allowed, or not reached
        return False
    return True


class Quiet(tqdm):
    """A progress bar that nobody sees."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.pop("name", None)
        super().__init__(*args, **{**kwargs, "disable": True})


def teller(name: str, tell: Tell) -> type[tqdm]:
    """The progress bars of a download of which only the one of bytes speaks, to ``tell``."""

    class Teller(Quiet):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            self._bytes = kwargs.get("name") == "huggingface_hub.snapshot_download"
            super().__init__(*args, **kwargs)
            self.total, self.n = kwargs.get("total") or 0, kwargs.get("initial") or 0

        def update(self, n: float | None = 1) -> bool | None:
            self.n += n or 0
            if self._bytes and self.total:
                tell(f"{name}: {self.n / 1e9:.2f} of {self.total / 1e9:.2f} GB downloaded")
            return None

    return Teller
