"""The address of a server to a model: connect, see what it can do, and take what fits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from transformers import AutoConfig, AutoTokenizer, PreTrainedTokenizerBase

from ttc_explorer.models.abilities import Abilities, probe
from ttc_explorer.models.chat import ChatGenerator
from ttc_explorer.models.codec import Codec, chats
from ttc_explorer.models.connection import Connection, address_and_model
from ttc_explorer.models.decoding import states_answer
from ttc_explorer.models.formats import TRL, Lines, Reading, Skywork, by_lines
from ttc_explorer.models.loading import format_of
from ttc_explorer.models.manner import Manner, in_ids, in_plain_words, in_text
from ttc_explorer.models.pooling import ServerVerifier
from ttc_explorer.models.presets import Judge, published
from ttc_explorer.models.prompts import system_of
from ttc_explorer.models.protocol import ModelError, ScoreJob
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
        return ChatGenerator(connection, abilities.model, abilities)
    if not abilities.completions:
        raise ModelError(
            f"{abilities.model} at {connection.host} writes no text, so it can be a verifier at most: "
            "name it after a generator, as in GENERATOR+ADDRESS."
        )
    ours = Path(abilities.source).name in shipped
    manner = manner_of(abilities, shipped)
    return ServerGenerator(connection, abilities, manner, SHORT_STEP if ours else LONG_STEP)


def connect_verifier(name: str, shipped: Mapping[str, Own], **options: Any) -> ServerVerifier:
    """The verifier at that address, tried out once. Raises ModelError."""
    connection, abilities = _found(name, shipped, options)
    verifier = ServerVerifier(connection, abilities, reading_of(abilities, shipped))
    if not (abilities.completions and abilities.ids if verifier.format.signs else abilities.pools):
        runner = "" if verifier.format.signs else " --runner pooling"
        raise ModelError(
            f"{abilities.model} at {connection.host} judges no steps as it is served: use "
            f"`vllm serve MODEL{runner}`."
        )
    (opened,) = verifier.open(["1 + 1"])
    verifier.score([ScoreJob(opened.state, "2")])
    return verifier


def reading_of(abilities: Abilities, shipped: Mapping[str, Own]) -> Reading:
    """What the server's verifier wants to read. Raises ModelError if nobody can know, or none judges so."""
    source, model = abilities.source, abilities.model
    tokenizer = tokenizer_of(source, shipped)
    if tokenizer is None:
        raise ModelError(
            f"The tokenizer of {model} is not here, and a verifier needs it: serve the model under the name "
            "of its folder or of its Hugging Face repository."
        )
    if Path(source).name in shipped:
        return Lines(tokenizer, in_notation)
    known = published(source)
    format = known.format if isinstance(known, Judge) else _format_at(source)
    if format is None:
        raise ModelError(f"{model} is no verifier of a kind that is known here: name another, or none.")
    if format is Skywork:
        raise ModelError(
            f"No server gives the value head of {model}: use it here, or serve Qwen2.5-Math-PRM, "
            "Math-Shepherd, an RLHFlow PRM, a token classifier or a reward model."
        )
    return Lines(tokenizer) if format is TRL and by_lines(tokenizer) else format(tokenizer)


def _format_at(source: str) -> type[Reading] | None:
    folder = Path(source)
    try:
        config = AutoConfig.from_pretrained(source, trust_remote_code=False)
    except Exception:  # as in tokenizer_of
        return None
    return format_of(config, folder if folder.is_dir() else None, source)


def manner_of(abilities: Abilities, shipped: Mapping[str, Own]) -> Manner:
    """How the server's model wants to be spoken to, as far as its tokenizer can be had."""
    tokenizer, system = tokenizer_of(abilities.source, shipped), system_of(abilities.source)
    if tokenizer is None:
        return in_plain_words(system)
    if Path(abilities.source).name in shipped:
        codec = Codec(tokenizer, len(tokenizer), in_notation)
        line = {"step_end": "\n", "is_final": states_answer, "chats": False}
        manner = in_ids(codec, tokenizer, abilities.context, **line)
    elif chats(tokenizer):
        manner = in_ids(Codec(tokenizer, len(tokenizer), system=system), tokenizer, abilities.context)
    else:
        return in_plain_words(system)
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
