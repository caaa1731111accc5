"""The address of a server to a model: connect, see what it can do, and take what fits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from transformers import AutoConfig, AutoTokenizer, PreTrainedTokenizerBase

from ttc_explorer.models.chat_client import ChatGenerator
from ttc_explorer.models.completions_client import CompletionsGenerator
from ttc_explorer.models.http_client import ApiClient, split_server_address
from ttc_explorer.models.model_loading import detect_verifier_format
from ttc_explorer.models.presets import VerifierPreset, find_preset
from ttc_explorer.models.prompt_format import (
    PromptFormat,
    plain_chat_format,
    text_format,
    token_id_format,
)
from ttc_explorer.models.prompts import system_prompt_for
from ttc_explorer.models.protocol import ModelError, ScoreJob
from ttc_explorer.models.server_capabilities import ServerCapabilities, probe_capabilities
from ttc_explorer.models.server_verifier import ServerVerifier
from ttc_explorer.models.step_codec import StepCodec, supports_chat
from ttc_explorer.models.tree_decoding import is_answer_line
from ttc_explorer.models.verifier_formats import (
    LinePRMFormat,
    LocalVerifierFormat,
    VerifierFormat,
    uses_line_format,
)
from ttc_explorer.problems.families import to_canonical_wording

LINE_MAX_STEP_TOKENS, PARAGRAPH_MAX_STEP_TOKENS = 80, 512
"""Longest step of a model of the shipped family, whose lines are short, and of any other; in
tokens."""


class ServableModel(NamedTuple):
    """One of our own models, which a server may serve under its name."""

    folder: Path
    parameters: int


def connect_generator(
    name: str, shipped: Mapping[str, ServableModel], **options: Any
) -> CompletionsGenerator | ChatGenerator:
    """The generator at ``http(s)://HOST:PORT/v1#MODEL``. ``shipped`` has our own models, which are
    known on a server by their names; ``options`` go to the ApiClient. Raises ModelError."""
    client, capabilities = _connect_and_probe(name, shipped, options)
    if not capabilities.completions and capabilities.supports_chat:
        return ChatGenerator(client, capabilities.model, capabilities)
    if not capabilities.completions:
        raise ModelError(
            f"{capabilities.model} at {client.host} writes no text, so it can be a verifier at "
            "most: "
            "name it after a generator, as in GENERATOR+ADDRESS."
        )
    ours = Path(capabilities.source).name in shipped
    prompt_format = prompt_format_for(capabilities, shipped)
    return CompletionsGenerator(
        client,
        capabilities,
        prompt_format,
        LINE_MAX_STEP_TOKENS if ours else PARAGRAPH_MAX_STEP_TOKENS,
    )


def connect_verifier(
    name: str, shipped: Mapping[str, ServableModel], **options: Any
) -> ServerVerifier:
    """The verifier at that address, tried out once. Raises ModelError."""
    client, capabilities = _connect_and_probe(name, shipped, options)
    verifier = ServerVerifier(client, capabilities, verifier_format_for(capabilities, shipped))
    if not (
        capabilities.completions and capabilities.token_ids
        if verifier.format.sign_token_ids
        else capabilities.pooling
    ):
        runner = "" if verifier.format.sign_token_ids else " --runner pooling"
        raise ModelError(
            f"{capabilities.model} at {client.host} judges no steps as it is served: use "
            f"`vllm serve MODEL{runner}`."
        )
    (prefilled,) = verifier.prefill(["1 + 1"])
    verifier.score([ScoreJob(prefilled.state, "2")])
    return verifier


def verifier_format_for(
    capabilities: ServerCapabilities, shipped: Mapping[str, ServableModel]
) -> VerifierFormat:
    """The input format of the server's verifier. Raises ModelError if nobody can know, or none
    judges so."""
    source, model = capabilities.source, capabilities.model
    tokenizer = find_tokenizer(source, shipped)
    if tokenizer is None:
        raise ModelError(
            f"The tokenizer of {model} is not here, and a verifier needs it: serve the model "
            "under the name "
            "of its folder or of its Hugging Face repository."
        )
    if Path(source).name in shipped:
        return LinePRMFormat(tokenizer, to_canonical_wording)
    preset = find_preset(source)
    format = preset.format if isinstance(preset, VerifierPreset) else _detect_format(source)
    if format is None:
        raise ModelError(
            f"{model} is no verifier of a kind that is known here: name another, or none."
        )
    if not format.servable:
        raise ModelError(
            f"No server gives the value head of {model}: use it here, or serve Qwen2.5-Math-PRM, "
            "Math-Shepherd, an RLHFlow PRM, a token classifier or a reward model."
        )
    return (
        LinePRMFormat(tokenizer)
        if format.head == "token_classifier" and uses_line_format(tokenizer)
        else format(tokenizer)
    )


def _detect_format(source: str) -> type[LocalVerifierFormat] | None:
    folder = Path(source)
    try:
        config = AutoConfig.from_pretrained(source, trust_remote_code=False)
    except Exception:  # as in find_tokenizer
        return None
    return detect_verifier_format(config, folder if folder.is_dir() else None, source)


def prompt_format_for(
    capabilities: ServerCapabilities, shipped: Mapping[str, ServableModel]
) -> PromptFormat:
    """The prompt format of the server's model, as far as its tokenizer can be had."""
    tokenizer, system = (
        find_tokenizer(capabilities.source, shipped),
        system_prompt_for(capabilities.source),
    )
    if tokenizer is None:
        return plain_chat_format(system)
    if Path(capabilities.source).name in shipped:
        codec = StepCodec(tokenizer, len(tokenizer), to_canonical_wording)
        line = {"step_end": "\n", "is_final": is_answer_line, "supports_chat": False}
        prompt_format = token_id_format(codec, tokenizer, capabilities.context, **line)
    elif supports_chat(tokenizer):
        prompt_format = token_id_format(
            StepCodec(tokenizer, len(tokenizer), system=system), tokenizer, capabilities.context
        )
    else:
        return plain_chat_format(system)
    return prompt_format if capabilities.token_ids else text_format(prompt_format, tokenizer)


def find_tokenizer(
    source: str, shipped: Mapping[str, ServableModel]
) -> PreTrainedTokenizerBase | None:
    """The tokenizer of a model by the name that a server has for it, or None if there is none to be
    had. The name is untrusted: what it leads to is read as data, and no code of its authors
    runs."""
    servable = shipped.get(Path(source).name)
    place = servable.folder if servable else source
    try:
        return AutoTokenizer.from_pretrained(place, trust_remote_code=False)
    except Exception:  # whatever a folder or the Hub can hold that is no tokenizer
        return None


def _connect_and_probe(
    name: str, shipped: Mapping[str, ServableModel], options: Mapping[str, Any]
) -> tuple[ApiClient, ServerCapabilities]:
    address, model = split_server_address(name)
    client = ApiClient(address, **options)
    capabilities = probe_capabilities(client, model)
    servable = shipped.get(Path(capabilities.source).name)
    return client, replace(
        capabilities, parameters=servable.parameters
    ) if servable else capabilities
