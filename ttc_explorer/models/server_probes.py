"""Finds out what a server can do, by asking it: small calls, of which each shows one thing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ttc_explorer.models.completion_endpoints import (
    CONTINUED_CHAT,
    LLAMA_CPP_COMPLETION,
    OPENAI_COMPLETIONS,
    ChatPrefix,
    CompletionEndpoint,
)
from ttc_explorer.models.http_client import ApiCall, ApiClient
from ttc_explorer.models.protocol import ModelError
from ttc_explorer.models.response_parsing import (
    NO_TOKEN_COUNTS,
    logprobs,
    parse_usage,
    sampled_tokens,
)
from ttc_explorer.models.server_capabilities import (
    KNOWN_SERVERS,
    ONLY_CHATS,
    PLAIN_SAMPLING,
    STOP_REASON_KEYS,
    STOPS_UNKNOWN,
    TEMPLATE_UNKNOWN,
    ServerCapabilities,
    stop_reason,
)
from ttc_explorer.models.streamed_reply import StreamedReply

PROBE_PROMPT = "Twelve apples cost 3 dollars."
"""Begins a text that can go on in many ways."""

PROBE_TOKEN_IDS = [10, 11, 12]
"""Token ids that every vocabulary has."""

PROBE_MAX_TOKENS, PROBE_SAMPLES, PROBE_TEMPERATURE = 16, 4, 1.5
"""Tokens, samples and temperature of a probe: two samples are then hardly ever equal by chance."""

STREAMED = "streamed "
"""Begins the name of a probe whose reply is asked for piece by piece."""

PROBE_ATTEMPTS = 2
"""How often a probe is sent: whoever is connecting waits for it."""

MAX_LISTED_MODELS = 8
"""Models that are named when a server has several and none was chosen."""

UNFINISHED_TURN = ChatPrefix(
    (
        {
            "role": "user",
            "content": "Count from one to ten. Write each number as a word, and leave a blank line "
            "after it. Write nothing else.",
        },
    ),
    "one\n\ntwo\n\nthree\n\n",
)
"""A chat that the model goes on from with UNFINISHED_TURN_NEXT, if it is allowed to go on, and
answers anew otherwise: with its first number, or with some other words."""

UNFINISHED_TURN_NEXT = ("four", "4")


def probe_capabilities(
    client: ApiClient, model: str | None, knows_template: Callable[[str], bool]
) -> ServerCapabilities:
    """What the server can do.

    Args:
        client: The connection to it.
        model: Its model, or None for its only one.
        knows_template: Whether the chat template of a model by that source is known here.

    Returns:
        What it proved to do with that model.

    Raises:
        ModelError: It can do nothing, or what it does cannot be counted.
    """
    entry = _model_entry(client, model)
    probes = _first_probes(entry["id"])
    replies = dict(zip(probes, client.send(list(probes.values()), PROBE_ATTEMPTS), strict=True))
    refusal = replies["completions"]
    if isinstance(refusal, ModelError) and all(
        isinstance(reply, ModelError) for reply in replies.values()
    ):
        raise refusal
    found: dict[str, Any] = {
        "model": entry["id"],
        "source": entry["source"],
        "context": _context_length(entry, replies),
        "parameters": entry["parameters"],
        "supports_chat": bool(_choice_objects(replies["chat"])),
        "pooling": isinstance(replies["pooling"], dict)
        and isinstance(replies["pooling"].get("data"), list),
        "applies_template": _applies_template(replies["template"]),
        "slots": _positive_int(_mapping(replies["props"]).get("total_slots")),  # llama.cpp
        "sampling_note": KNOWN_SERVERS.get(entry["owner"], ""),
    }
    endpoint, found["whole_solutions"] = _choose_endpoint(found, replies, knows_template)
    if endpoint or found["supports_chat"]:
        found |= _probe_endpoint(client, entry["id"], endpoint or CONTINUED_CHAT)
    if endpoint is None:
        found["completions"] = False
    elif found["supports_chat"] and not found["tells_stops"]:
        found |= {"completions": False, "whole_solutions": STOPS_UNKNOWN}
    return ServerCapabilities(**found)


def _first_probes(model: str) -> dict[str, ApiCall]:
    """What is asked of every server, of which each knows a part."""
    text = {"model": model, "prompt": PROBE_PROMPT, "max_tokens": 1, "temperature": 0}
    chat = {"model": model, "messages": [{"role": "user", "content": PROBE_PROMPT}]}
    unfinished = text | {"prompt": UNFINISHED_TURN, "stop": ["\n\n"], "max_tokens": 4}
    return {
        "completions": _call(OPENAI_COMPLETIONS, text),
        "llama.cpp": _call(LLAMA_CPP_COMPLETION, text),
        "unfinished": _call(CONTINUED_CHAT, unfinished),
        "chat": ApiCall("chat/completions", chat | {"max_tokens": 1}),
        "template": ApiCall("/apply-template", {"messages": chat["messages"]}),
        "pooling": ApiCall("/pooling", {"model": model, "input": [PROBE_PROMPT]}),
        "props": ApiCall("/props"),
        "lm studio": ApiCall("/api/v0/models"),
        "ollama": ApiCall("/api/ps"),
    }


def _call(endpoint: CompletionEndpoint, body: dict[str, Any], is_streamed: bool = False) -> ApiCall:
    asked = endpoint.request(body)
    if not is_streamed:
        return ApiCall(endpoint.path, asked)
    return ApiCall(endpoint.path, {**asked, **endpoint.streamed}, streamed=StreamedReply(endpoint))


def _choose_endpoint(
    found: Mapping[str, Any], replies: Mapping[str, Any], knows_template: Callable[[str], bool]
) -> tuple[CompletionEndpoint | None, str]:
    """How texts are continued; None, and why, if only whole solutions can be asked for.

    A model that chats is only asked by the template that it was taught, whoever knows that: the
    tokenizer here, the server's ``/apply-template``, or its chats, if they go on from an unfinished
    message.
    """
    raw: CompletionEndpoint | None = None
    if _is_llama_cpp(replies["llama.cpp"]):
        raw = LLAMA_CPP_COMPLETION
    elif _choice_texts(replies["completions"]) and not _wraps_completions(replies):
        raw = OPENAI_COMPLETIONS
    templated = found["applies_template"] or knows_template(found["source"])
    if raw and (templated or not found["supports_chat"]):
        return raw, ""
    reply = replies["unfinished"]
    gone_on = CONTINUED_CHAT.response(reply) if isinstance(reply, dict) else {}
    (written,) = _choice_texts(gone_on) or [""]
    if written.strip().lower().startswith(UNFINISHED_TURN_NEXT):
        return CONTINUED_CHAT, ""
    return None, TEMPLATE_UNKNOWN if raw else ONLY_CHATS


def _is_llama_cpp(reply: Any) -> bool:
    return isinstance(reply, dict) and "stop_type" in reply


def _applies_template(reply: Any) -> bool:
    """Whether a reply of ``/apply-template`` is a chat as a model reads it."""
    prompt = reply.get("prompt") if isinstance(reply, dict) else None
    return isinstance(prompt, str) and PROBE_PROMPT in prompt


def _wraps_completions(replies: Mapping[str, Any]) -> bool:
    """Whether completions are chats in disguise, as Ollama's: the prompt is then as long in tokens
    as that of a chat."""
    plain, chat = (_usage_figure(replies[key], "prompt_tokens") for key in ("completions", "chat"))
    return bool(plain and chat) and plain >= chat


def _probe_endpoint(client: ApiClient, model: str, endpoint: CompletionEndpoint) -> dict[str, Any]:
    """What the server does at an endpoint, as fields of ServerCapabilities. Raises ModelError if
    what it writes cannot be counted."""

    def send(bodies: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        calls = [_call(endpoint, body, key.startswith(STREAMED)) for key, body in bodies.items()]
        replies = client.send(calls, PROBE_ATTEMPTS)
        as_asked = [call.streamed is None or call.streamed.has_come for call in calls]
        return {
            key: endpoint.response(reply) if isinstance(reply, dict) and came else {}
            for key, reply, came in zip(bodies, replies, as_asked, strict=True)
        }

    text = {
        "model": model,
        "prompt": PROBE_PROMPT,
        "max_tokens": PROBE_MAX_TOKENS,
        "temperature": 0,
        "top_p": 1,
        "logprobs": 1,
    }
    first = send({"greedy": text, "plain": text | PLAIN_SAMPLING | {"max_tokens": 1}})
    written = _choice_texts(first["greedy"])
    if written:
        _check_countable(first["greedy"])
    plain_sampling = bool(_choice_texts(first["plain"]))
    sampled = text | (PLAIN_SAMPLING if plain_sampling else {})
    sampled |= {"temperature": PROBE_TEMPERATURE}
    stop = written[0][len(written[0]) // 2 :][:1] if written else ""
    bodies = {
        "multiple_samples": sampled | {"n": PROBE_SAMPLES},
        "first": sampled | {"seed": 1},
        "again": sampled | {"seed": 1},
        "other": sampled | {"seed": 2},
        "stopped": text | {"stop": [stop or "\n\n"]},
        f"{STREAMED}stopped": text | {"stop": [stop or "\n\n"]},
        f"{STREAMED}samples": sampled | {"n": PROBE_SAMPLES},
    }
    if endpoint is not CONTINUED_CHAT:
        bodies["token_ids"] = text | {"prompt": PROBE_TOKEN_IDS, "max_tokens": 1}
        bodies["batched_prompts"] = text | {"prompt": [PROBE_PROMPT] * 2, "max_tokens": 1}
    replies = send(bodies)
    texts = {key: _choice_texts(reply) for key, reply in replies.items()}
    several = texts["multiple_samples"]
    really_several = len(several) == PROBE_SAMPLES and len(set(several)) > 1
    undercounts = really_several and _undercounts_samples(replies)
    # Where there is nothing to try it on: if it is not so, steps are cut here.
    stops = len(written) == 1 and (not stop or stop not in "".join(texts["stopped"] or [stop]))
    return {
        "endpoint": endpoint.name,
        "completions": len(written) == 1,
        "token_ids": len(texts.get("token_ids", ())) == 1,
        "batched_prompts": len(texts.get("batched_prompts", ())) == 2
        and _usage_figure(replies["batched_prompts"], "completion_tokens") != 1,
        "multiple_samples": really_several and not undercounts,
        "undercounts_samples": undercounts,
        "samples_vary": len({*several, *texts["first"], *texts["other"]}) > 1,
        "seeded_sampling": bool(texts["first"])
        and texts["first"] == texts["again"]
        and texts["first"] != texts["other"],
        "plain_sampling": plain_sampling,
        "logprobs": any(map(logprobs, _choice_objects(first["greedy"]))),
        "stop_sequences": stops,
        "tells_stops": not stops
        or any(stop_reason(choice) is not None for choice in _choice_objects(replies["stopped"])),
        "counts_prompts": bool(_usage_figure(first["greedy"], "prompt_tokens")) or not written,
        "streaming": _streams_rightly(replies),
    }


def _streams_rightly(replies: Mapping[str, dict[str, Any]]) -> bool:
    """Whether what comes piece by piece is what comes whole: text, what is said of its end, and the
    count of its tokens; and of several samples as many.

    A server need not write the same text twice, even the likeliest (sums depend on what else it
    computes): the count then has to be that of the tokens that came.
    """
    whole, streamed = replies["stopped"], replies[f"{STREAMED}stopped"]
    several = [_choice_texts(replies[key]) for key in ("multiple_samples", f"{STREAMED}samples")]
    ends = [
        [choice.keys() & STOP_REASON_KEYS for choice in _choice_objects(reply)]
        for reply in (whole, streamed)
    ]
    try:
        counts = [_completion_tokens(reply) for reply in (whole, streamed)]
    except ModelError:
        return False
    is_same = _choice_texts(whole) == _choice_texts(streamed)
    came = [sampled_tokens(choice) for choice in _choice_objects(streamed)]
    return (
        bool(_choice_texts(streamed))
        and ends[0] == ends[1]
        and (counts[0] == counts[1] if is_same else came == [counts[1]])
        and len(several[0]) == len(several[1])
    )


def _check_countable(reply: dict[str, Any]) -> None:
    """Raise ModelError unless a reply in which something was written says how many tokens that
    is."""
    if not _completion_tokens(reply):
        raise ModelError(NO_TOKEN_COUNTS)


def _completion_tokens(reply: dict[str, Any]) -> int:
    """The tokens that were written for a reply. Raises ModelError if it does not say."""
    listed = list(map(sampled_tokens, _choice_objects(reply)))
    return parse_usage(reply, listed).completion


def _undercounts_samples(replies: Mapping[str, dict[str, Any]]) -> bool:
    """Whether the figures for several samples are no larger than those for one, and the samples
    themselves do not show their tokens."""
    if all(sampled_tokens(choice) for choice in _choice_objects(replies["multiple_samples"])):
        return False
    several, *single = (
        _usage_figure(replies[key], "completion_tokens")
        for key in ("multiple_samples", "first", "other")
    )
    return several <= max(single)


def _usage_figure(reply: Any, name: str) -> int:
    usage = reply.get("usage") if isinstance(reply, dict) else None
    return _positive_int(usage.get(name)) if isinstance(usage, dict) else 0


def _choice_texts(reply: Any) -> list[str]:
    """The texts of a completion, in the order of its choices; empty if it is none."""
    found = [choice.get("text") for choice in _choice_objects(reply)]
    texts = [text for text in found if isinstance(text, str)]
    return texts if len(texts) == len(found) else []


def _choice_objects(reply: Any) -> Sequence[dict[str, Any]]:
    choices = reply.get("choices") if isinstance(reply, dict) else None
    if isinstance(choices, list) and all(isinstance(choice, dict) for choice in choices):
        return choices
    return []


def _model_entry(client: ApiClient, model: str | None) -> dict[str, Any]:
    """Name, source, owner, context and parameters of the model in the server's list. Raises
    ModelError."""
    try:
        listed = client.send_one(ApiCall("models"), max_attempts=1).get("data")
    except ModelError:
        if model is None:
            raise
        listed = []
    entries = {
        entry["id"]: entry
        for entry in (listed if isinstance(listed, list) else [])
        if isinstance(entry, dict)
        and isinstance(entry.get("id"), str)
        and entry["id"].isprintable()
    }
    if model is None and len(entries) != 1:
        names = ", ".join(name[:80] for name in list(entries)[:MAX_LISTED_MODELS])
        if len(entries) > MAX_LISTED_MODELS:
            names += f" and {len(entries) - MAX_LISTED_MODELS} more"
        raise ModelError(
            f"The server at {client.host} lists {names or 'no model at all'}: name one, as in "
            f"{client.address}#MODEL."
        )
    name = model or next(iter(entries))
    entry = entries.get(name, {})
    meta = _mapping(entry.get("meta"))
    source = entry.get("root")
    return {
        "id": name,
        "source": source if isinstance(source, str) else name,
        "owner": str(entry.get("owned_by")),
        "entry": entry,
        "parameters": _positive_int(meta.get("n_params")),  # llama.cpp
    }


def _context_length(found: Mapping[str, Any], replies: Mapping[str, Any]) -> int:
    """The longest sequence that the server takes, in tokens, wherever it says so; 0 if nowhere."""
    entry = found["entry"]
    props = _mapping(replies["props"])
    loaded = [
        listed
        for key, name in (("lm studio", "id"), ("ollama", "name"))
        for listed in _mapping(replies[key]).get("data" if key == "lm studio" else "models") or []
        if isinstance(listed, dict) and listed.get(name) == found["id"]
    ]
    told = [
        _mapping(props.get("default_generation_settings")).get("n_ctx"),  # llama.cpp, a slot
        _mapping(entry.get("meta")).get("n_ctx"),  # llama.cpp
        entry.get("max_model_len"),  # vLLM, SGLang
        *(listed.get("loaded_context_length") for listed in loaded),  # LM Studio
        *(listed.get("context_length") for listed in loaded),  # Ollama
        *(entry.get(key) for key in ("context_length", "context_window", "max_context_length")),
    ]
    return next(filter(None, map(_positive_int, told)), 0)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _positive_int(value: Any) -> int:
    return int(value) if type(value) in (int, float) and value == value // 1 > 0 else 0
