"""The toy family: the smoke recipe run once, and a tokenizer with the context of the shipped
models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from ttc_explorer.training import generator_training, verifier_training
from ttc_explorer.training.tokenizer import train_tokenizer
from ttc_explorer.training.training_loop import train
from ttc_explorer.training.training_stages import train_family


@pytest.fixture(scope="session")
def tokenizer():
    return train_tokenizer(texts=400, seed=0, context=1024)


@dataclass(frozen=True)
class Smoke:
    """What the smoke recipe left in ``out``, and by model what drew its training examples."""

    out: Path
    makes: dict[str, Callable]


@pytest.fixture(scope="session")
def smoke(tmp_path_factory):
    makes = {}

    def listening(model, batches, loss, schedule, folder, validate, **more):
        makes[folder.name] = batches.make
        return train(model, batches, loss, schedule, folder, validate, **more)

    out = tmp_path_factory.mktemp("smoke")
    with pytest.MonkeyPatch.context() as patched:
        for module in (generator_training, verifier_training):
            patched.setattr(module, "train", listening)
        train_family("smoke", out)
    return Smoke(out, makes)
