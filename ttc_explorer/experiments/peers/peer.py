"""What the benchmark asks of another engine or library, and which ones it finds."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from ttc_explorer.experiments.peers.its_hub_search import ItsHub
from ttc_explorer.experiments.peers.search_and_learn_search import SearchAndLearn
from ttc_explorer.experiments.peers.transformers_baseline import TransformersBaseline
from ttc_explorer.experiments.peers.vllm_baseline import VLLMBaseline


class Peer(Protocol):
    """Another engine or library. ``strategies`` are those that it has of ours."""

    strategies: tuple[str, ...]

    def search(self, question: str, strategy: str, budget: int, seed: int) -> int:
        """Tokens generated."""
        ...


LIBRARIES: dict[str, tuple[str, Callable[[TransformersBaseline], Peer]]] = {
    "its_hub": ("its_hub", ItsHub),
    "search_and_learn": ("sal", SearchAndLearn),
}
"""By name: the folder of its package, and its searches on the models of the yardstick."""


def find_peers(
    folder: Path | None, baseline: TransformersBaseline
) -> tuple[dict[str, Peer], dict[str, str]]:
    """vLLM where it is installed, and the libraries whose packages are in ``folder``; of each
    library that is not, one sentence on why it is left out."""
    found: dict[str, Peer] = {}
    missing: dict[str, str] = {}
    if find_spec("vllm"):
        found["vllm"] = VLLMBaseline(baseline)
    if folder is None:
        return found, missing
    sys.path.insert(0, str(folder))
    try:
        for name, (package, make) in LIBRARIES.items():
            if not (folder / package).is_dir():
                missing[name] = f"left out: there is no folder {package} in the folder of peers"
                continue
            try:
                found[name] = make(baseline)
            except ImportError as error:
                missing[name] = f"left out: it cannot be loaded ({error})"
    finally:
        sys.path.remove(str(folder))
    return found, missing
