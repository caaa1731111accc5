"""The address of a server to a model: connect, see what it can do, and take what fits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from transformers import AutoConfig, AutoTokenizer, PreTrainedTokenizerBase

from ttc_explorer.models.chat_client import ChatGenerator
from ttc_explorer.models.completion_endpoints import CONTINUED_CHAT
from ttc_explorer.models.completions_client import CompletionsGenerator
from ttc_explorer.models.generative_verifier import GenerativeVerifier
from ttc_explorer.models.http_client import (
    ApiCall,
    ApiClient,
    is_local_address,
    split_server_address,
)
from ttc_explorer.models.hub import hub_reachable
from ttc_explorer.models.model_loading import detect_verifier_format, has_head
from ttc_explorer.models.presets import VerifierPreset, find_preset
from ttc_explorer.models.prompt_format import (
    PromptFormat,
    continued_chat_format,
    plain_chat_format,
    server_template_format,
    text_format,
    token_id_format,
)
from ttc_explorer.models.prompts import Message, system_prompt_for
from ttc_explorer.models.protocol import ModelError, ScoreJob
from ttc_explorer.models.response_parsing import parse_text
from ttc_explorer.models.server_capabilities import ServerCapabilities
from ttc_explorer.models.server_probes import probe_capabilities
from ttc_explorer.models.server_verifier import ServerVerifier
from ttc_explorer.models.step_codec import StepCodec, supports_chat, uses_line_format
from ttc_explorer.models.tree_decoding import is_answer_line
from ttc_explorer.models.verifier_formats import (
    LinePRMFormat,
    RegisteredFormat,
    VerifierFormat,
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
    prompt_format = prompt_format_for(client, capabilities, shipped)
    return CompletionsGenerator(
        client,
        capabilities,
        prompt_format,
        LINE_MAX_STEP_TOKENS if ours else PARAGRAPH_MAX_STEP_TOKENS,
    )


def connect_verifier(
    name: str, shipped: Mapping[str, ServableModel], **options: Any
) -> ServerVerifier | GenerativeVerifier:
    """The verifier at that address, tried out once; a model that writes is asked to judge in words,
    unless it is known to be a verifier. Raises ModelError."""
    client, capabilities = _connect_and_probe(name, shipped, options, reads_chats=False)
    format = verifier_format_for(client, capabilities, shipped)
    if format is None:
        return GenerativeVerifier(connect_generator(name, shipped, **options))
    verifier = ServerVerifier(client, capabilities, format)
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
    client: ApiClient, capabilities: ServerCapabilities, shipped: Mapping[str, ServableModel]
) -> VerifierFormat | None:
    """The input format of the server's verifier; None of a model that writes and is no verifier of
    a kind that is known here. Raises ModelError if nobody can know, or none judges so."""
    source, model = capabilities.source, capabilities.model
    only_here = is_local_address(client.address)
    writes = not capabilities.pooling and (capabilities.completions or capabilities.supports_chat)
    tokenizer = find_tokenizer(source, shipped, only_here)
    if tokenizer is None and writes:
        return None
    if tokenizer is None:
        raise ModelError(
            f"The tokenizer of {model} is not here, and a verifier needs it: serve the model "
            "under the name of its folder, or of its Hugging Face repository and download that "
            "with `hf download NAME`."
        )
    if Path(source).name in shipped:
        return LinePRMFormat(tokenizer, to_canonical_wording)
    preset = find_preset(source)
    format = (
        preset.format if isinstance(preset, VerifierPreset) else _detect_format(source, only_here)
    )
    if format is None or not has_head(format):
        if writes:
            return None
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


def _detect_format(source: str, only_here: bool) -> type[RegisteredFormat] | None:
    folder = Path(source)
    try:
        config = AutoConfig.from_pretrained(
            source, trust_remote_code=False, local_files_only=only_here or not hub_reachable()
        )
    except Exception:  # as in find_tokenizer
        return None
    return detect_verifier_format(config, folder if folder.is_dir() else None, source)


def prompt_format_for(
    client: ApiClient, capabilities: ServerCapabilities, shipped: Mapping[str, ServableModel]
) -> PromptFormat:
    """The prompt format of the server's model: by its tokenizer, if that can be had, or else by its
    chat template on the server."""
    source, system = capabilities.source, system_prompt_for(capabilities.source)
    if capabilities.endpoint == CONTINUED_CHAT.name:
        return continued_chat_format(system)
    tokenizer = find_tokenizer(source, shipped, is_local_address(client.address))
    if tokenizer is not None and Path(source).name in shipped:
        codec = StepCodec(tokenizer, len(tokenizer), to_canonical_wording)
        line = {"step_end": "\n", "is_final": is_answer_line, "supports_chat": False}
        prompt_format = token_id_format(codec, tokenizer, capabilities.context, **line)
    elif tokenizer is not None and supports_chat(tokenizer):
        codec = StepCodec(tokenizer, len(tokenizer), system=system)
        prompt_format = token_id_format(codec, tokenizer, capabilities.context)
    elif capabilities.applies_template:
        return server_template_format(partial(_apply_template, client), system)
    else:
        return plain_chat_format(system)
    return prompt_format if capabilities.token_ids else text_format(prompt_format, tokenizer)


def _apply_template(client: ApiClient, messages: list[Message]) -> str:
    """The text that llama.cpp's model reads before it replies to a chat. Raises ModelError."""
    return parse_text(
        client.send_one(ApiCall("/apply-template", {"messages": messages})).get("prompt")
    )


def find_tokenizer(
    source: str, shipped: Mapping[str, ServableModel], only_here: bool
) -> PreTrainedTokenizerBase | None:
    """The tokenizer of a model by the name that a server has for it, or None if there is none to be
    had. The name is untrusted: what it leads to is read as data, and no code of its authors
    runs. ``only_here``: nothing of it may leave this machine, so it is not looked up on Hugging
    Face."""
    servable = shipped.get(Path(source).name)
    place = servable.folder if servable else Path(source)
    if not place.is_dir() and not HUB_NAME.fullmatch(source):
        return None
    try:
        return AutoTokenizer.from_pretrained(
            place if place.is_dir() else source,
            trust_remote_code=False,
            local_files_only=only_here or not hub_reachable(),
        )
    except Exception:  # whatever a folder or the Hub can hold that is no tokenizer
        return None


HUB_NAME = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}(?<!\.gguf)", re.ASCII | re.IGNORECASE)
"""A name that Hugging Face may know."""


def _connect_and_probe(
    name: str,
    shipped: Mapping[str, ServableModel],
    options: Mapping[str, Any],
    reads_chats: bool = True,
) -> tuple[ApiClient, ServerCapabilities]:
    """``reads_chats``: the model is asked in chats, so its template matters. A verifier is not: its
    format is its makers' own, whatever its server's chats are."""
    address, model = split_server_address(name)
    client = ApiClient(address, **options)
    only_here = is_local_address(client.address)

    def knows_template(source: str) -> bool:
        if not reads_chats:
            return True
        tokenizer = find_tokenizer(source, shipped, only_here)
        ours = Path(source).name in shipped
        return tokenizer is not None and (ours or supports_chat(tokenizer))

    capabilities = probe_capabilities(client, model, knows_template)
    client.max_concurrent_calls = capabilities.slots or client.max_concurrent_calls
    servable = shipped.get(Path(capabilities.source).name)
    return client, replace(
        capabilities, parameters=servable.parameters
    ) if servable else capabilities
