"""The address of a server to a model: connect, see what it can do, and take what fits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from transformers import AutoTokenizer, PreTrainedTokenizerBase

from ttc_explorer.models.abilities import Abilities, probe
from ttc_explorer.models.chat import ChatGenerator
from ttc_explorer.models.codec import Codec, chats
from ttc_explorer.models.connection import Connection, address_and_model
from ttc_explorer.models.decoding import states_answer
from ttc_explorer.models.manner import PLAIN, Manner, in_ids, in_text
from ttc_explorer.models.pooling import ServerVerifier
from ttc_explorer.models.prompts import SYSTEM
from ttc_explorer.models.protocol import ModelError
from ttc_explorer.models.server import ServerGenerator
from ttc_explorer.problems.families import in_notation

SHORT_STEP, LONG_STEP = 80, 512
"""Longest step of a model of the shipped family, whose lines are short, and of any other; in tokens."""


class Own(NamedTuple):
    """One of our own models, which a server may serve under its name."""

    folder: Path
    parameters: int


def connect(name: str, shipped: Mapping[str, Own], **options: Any) -> ServerGenerator | ChatGenerator:
    """The generator at ``http(s)://HOST:PORT/v1#MODEL``. ``shipped`` has our own models, which are known
    on a server by their names; ``options`` go to the Connection. Raises ModelError."""
    connection, abilities = _found(name, shipped, options)
    if not abilities.completions and abilities.chats:
        return ChatGenerator(connection, abilities.model)
    if not abilities.completions:
        raise ModelError(
            f"{abilities.model} at {connection.host} writes no text, so it can be a verifier at most: "
            "name it after a generator, as in GENERATOR+ADDRESS."
        )
    ours = Path(abilities.source).name in shipped
    manner = manner_of(abilities, shipped)
    return ServerGenerator(connection, abilities, manner, SHORT_STEP if ours else LONG_STEP)


def connect_verifier(name: str, shipped: Mapping[str, Own], **options: Any) -> ServerVerifier:
    """The process reward model at that address. Raises ModelError."""
    connection, abilities = _found(name, shipped, options)
    tokenizer = tokenizer_of(abilities.source, shipped)
    if not abilities.pools:
        raise ModelError(
            f"{abilities.model} at {connection.host} judges no steps: serve a process reward model with "
            "`vllm serve MODEL --runner pooling`."
        )
    if tokenizer is None:
        raise ModelError(
            f"The tokenizer of {abilities.model} is not here, and a verifier needs it: serve the model under "
            "the name of its folder or of its Hugging Face repository."
        )
    ours = Path(abilities.source).name in shipped
    codec = Codec(tokenizer, len(tokenizer), in_notation if ours else str)
    return ServerVerifier(connection, abilities, codec)


def manner_of(abilities: Abilities, shipped: Mapping[str, Own]) -> Manner:
    """How the server's model wants to be spoken to, as far as its tokenizer can be had."""
    tokenizer = tokenizer_of(abilities.source, shipped)
    if tokenizer is None:
        return PLAIN
    if Path(abilities.source).name in shipped:
        codec = Codec(tokenizer, len(tokenizer), in_notation)
        line = {"step_end": "\n", "is_final": states_answer, "chats": False}
        manner = in_ids(codec, tokenizer, abilities.context, **line)
    elif chats(tokenizer):
        manner = in_ids(Codec(tokenizer, len(tokenizer), system=SYSTEM), tokenizer, abilities.context)
    else:
        return PLAIN
    return manner if abilities.ids else in_text(manner, tokenizer)


def tokenizer_of(source: str, shipped: Mapping[str, Own]) -> PreTrainedTokenizerBase | None:
    """The tokenizer of a model by the name that a server has for it, or None if there is none to be had. The
    name is untrusted: what it leads to is read as data, and no code of its authors runs."""
    own = shipped.get(Path(source).name)
    place = own.folder if own else source
    try:
        return AutoTokenizer.from_pretrained(place, trust_remote_code=False)
    except Exception:  # whatever a folder or the Hub can hold that is no tokenizer
        return None


def _found(name: str, shipped: Mapping[str, Own], options: Mapping[str, Any]) -> tuple[Connection, Abilities]:
    address, model = address_and_model(name)
    connection = Connection(address, **options)
    abilities = probe(connection, model)
    own = shipped.get(Path(abilities.source).name)
    return connection, replace(abilities, parameters=own.parameters) if own else abilities
