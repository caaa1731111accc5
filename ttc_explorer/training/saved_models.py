"""Models and tokenizers of the family, loaded from where a stage saved them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from torch import nn
from transformers import (
    AutoTokenizer,
    LlamaForCausalLM,
    LlamaForTokenClassification,
    PreTrainedTokenizerFast,
)

from ttc_explorer.models.local_verifiers import TokenPRM
from ttc_explorer.models.tree_decoding import TreeGenerator
from ttc_explorer.training.training_data import ExampleEncoder


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """The tokenizer of a stage."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert isinstance(tokenizer, PreTrainedTokenizerFast)
    return tokenizer


def load_encoder(folder: Path) -> ExampleEncoder:
    """How examples are encoded with the tokenizer in ``folder``."""
    return ExampleEncoder(load_tokenizer(folder))


def load_language_model(folder: Path, device: str = "cpu") -> LlamaForCausalLM:
    """A generator in single precision."""
    model = LlamaForCausalLM.from_pretrained(folder, dtype="float32")
    move_model(model, device)
    return model


def load_token_classifier(folder: Path, device: str = "cpu") -> LlamaForTokenClassification:
    """A verifier in single precision."""
    model = LlamaForTokenClassification.from_pretrained(folder, dtype="float32")
    move_model(model, device)
    return model


def move_model(model: nn.Module, device: str) -> None:
    """Move a model in place. (The types of transformers' own ``to`` are wrong.)"""
    model.to(device)


def load_tree_generator(
    folder: Path, device: str, rewrite_question: Callable[[str], str] = str
) -> TreeGenerator:
    """A generator that reads questions as ``rewrite_question`` writes them: as they are, if not
    told otherwise."""
    model = load_language_model(folder, device)
    return TreeGenerator(
        model.eval(),
        load_tokenizer(folder),
        name=folder.name,
        rewrite_question=rewrite_question,
    )


def load_prm(folder: Path, device: str) -> TokenPRM:
    """A verifier as searches ask it."""
    model = load_token_classifier(folder, device)
    return TokenPRM(model.eval(), load_tokenizer(folder), folder.name)


def load_scorer(folder: Path, device: str) -> tuple[LlamaForTokenClassification, ExampleEncoder]:
    """A verifier for whole tables, and how it reads them."""
    return load_token_classifier(folder, device).eval(), load_encoder(folder)
