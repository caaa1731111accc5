"""What a server can do, found out by asking it. Servers that speak OpenAI's protocol differ in what
they keep of it, and some ignore what they do not know without a word: ``transformers serve`` sends
one choice where n are asked for, no log-probabilities, and always the likeliest token (measured).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ttc_explorer.models.http_client import ApiCall, ApiClient
from ttc_explorer.models.protocol import ModelError

PROBE_PROMPT = "Twelve apples cost 3 dollars."
"""Begins a text that can go on in many ways."""

PROBE_TOKEN_IDS = [10, 11, 12]
"""Token ids that every vocabulary has."""

PROBE_MAX_TOKENS, PROBE_SAMPLES, PROBE_TEMPERATURE = 16, 4, 1.5
"""Tokens, samples and temperature of a probe: two samples are then hardly ever equal by chance."""

PROBE_ATTEMPTS = 2
"""How often a probe is sent: whoever is connecting waits for it."""


CAPABILITY_LABELS = {
    "completions": "goes on from any text",
    "token_ids": "token ids",
    "multiple_samples": "several samples a call",
    "batched_prompts": "many prompts a call",
    "samples_vary": "samples differ",
    "seeded_sampling": "same seed, same text",
    "logprobs": "log-probabilities",
    "stop_sequences": "stops where it is told",
    "supports_chat": "answers a chat",
    "pooling": "gives a verifier's head (pooling)",
}
"""Field of ServerCapabilities -> what it means."""


@dataclass(frozen=True)
class ServerCapabilities:
    """``model`` is the server's name for its model and ``source`` where it has it from (a Hub id, a
    folder); ``context`` is its longest sequence in tokens and ``parameters`` its size, 0 where it
    does not say.

    ``completions``: it continues any text; ``token_ids``: also one of token ids;
    ``batched_prompts``: many of them a call; ``multiple_samples``: with n samples each, and really
    n. ``samples_vary``: they differ at all. ``logprobs``: it sends log-probabilities (of
    completions, or where it only chats, of chats).
    ``stop_sequences``: it stops at a text. ``seeded_sampling``: the same seed gives the same
    sample. ``supports_chat``: it answers a chat. ``pooling``: it gives a token classifier's outputs
    (vLLM's ``/pooling``).
    """

    model: str
    source: str
    context: int = 0
    parameters: int = 0
    completions: bool = False
    token_ids: bool = False
    batched_prompts: bool = False
    multiple_samples: bool = False
    samples_vary: bool = False
    logprobs: bool = False
    stop_sequences: bool = False
    seeded_sampling: bool = False
    supports_chat: bool = False
    pooling: bool = False

    def summary(self) -> str:
        """All that it can do, in a line."""
        found = [words for field, words in CAPABILITY_LABELS.items() if getattr(self, field)]
        if self.context:
            found.append(f"{self.context:,} tokens of context")
        return ", ".join(found)

    def missing(self) -> tuple[str, ...]:
        """What it lacks as a generator, and what comes of it, a sentence each."""
        if not self.completions:
            return (
                "It only chats: strategies that continue a solution step by step cannot run on it.",
            )
        lacks = {
            "It takes one prompt a call, so a batch is many calls.": not self.batched_prompts,
            "It gives one sample a call, whatever is asked for.": not self.multiple_samples,
            "It gave the same text every time: there is nothing to vote on or to "
            "search.": not self.samples_vary,
            "It sends no log-probabilities: they show as 0.": not self.logprobs,
            "It does not stop where it is told: all that it writes costs, and is cut "
            "here.": not self.stop_sequences,
            "It does not repeat itself: the same seed gives another run.": self.samples_vary
            and not self.seeded_sampling,
            "It does not say how large its model is: its FLOPs count as 0.": not self.parameters,
        }
        return tuple(sentence for sentence, lacking in lacks.items() if lacking)


def probe_capabilities(client: ApiClient, model: str | None) -> ServerCapabilities:
    """What the server can do with ``model``, or else with its only one. Raises ModelError if
    nothing."""
    entry = _model_entry(client, model)
    name = entry["id"]
    text = {"model": name, "prompt": PROBE_PROMPT, "max_tokens": PROBE_MAX_TOKENS}
    sampled_body = text | {"temperature": PROBE_TEMPERATURE, "top_p": 1}
    bodies = {
        "greedy": text | {"temperature": 0, "logprobs": 1},
        "token_ids": text | {"prompt": PROBE_TOKEN_IDS, "max_tokens": 1},
        "batched_prompts": text | {"prompt": [PROBE_PROMPT] * 2, "max_tokens": 1},
        "multiple_samples": sampled_body | {"n": PROBE_SAMPLES},
        "first": sampled_body | {"seed": 1},
        "again": sampled_body | {"seed": 1},
        "other": sampled_body | {"seed": 2},
    }
    calls = {key: ApiCall("completions", body) for key, body in bodies.items()}
    chat = {"model": name, "messages": [{"role": "user", "content": PROBE_PROMPT}], "max_tokens": 1}
    calls["supports_chat"] = ApiCall("chat/completions", chat)
    calls["chat_logprobs"] = ApiCall("chat/completions", chat | {"logprobs": True})
    calls["pooling"] = ApiCall("/pooling", {"model": name, "input": [PROBE_PROMPT]})
    replies = dict(zip(calls, client.send(list(calls.values()), PROBE_ATTEMPTS), strict=True))
    refusal = replies["greedy"]
    if isinstance(refusal, ModelError) and all(
        isinstance(reply, ModelError) for reply in replies.values()
    ):
        raise refusal
    texts = {key: _choice_texts(replies[key]) for key in bodies}
    greedy, multiple_samples = texts["greedy"], texts["multiple_samples"]
    sampled = texts["first"], texts["other"]
    return ServerCapabilities(
        model=name,
        source=entry["source"],
        context=entry["context"],
        parameters=entry["parameters"],
        completions=len(greedy) == 1,
        token_ids=len(texts["token_ids"]) == 1,
        batched_prompts=len(texts["batched_prompts"]) == 2,
        multiple_samples=len(multiple_samples) == PROBE_SAMPLES and len(set(multiple_samples)) > 1,
        samples_vary=len({*multiple_samples, *sampled[0], *sampled[1]}) > 1,
        logprobs=any(map(logprobs, _choice_objects(replies["greedy"])))
        or (not greedy and any(map(chat_logprobs, _choice_objects(replies["chat_logprobs"])))),
        stop_sequences=len(greedy) == 1 and _honours_stop(client, text, greedy[0]),
        seeded_sampling=bool(sampled[0])
        and sampled[0] == texts["again"]
        and sampled[0] != sampled[1],
        supports_chat=bool(_choice_objects(replies["supports_chat"])),
        pooling=isinstance(replies["pooling"], dict)
        and isinstance(replies["pooling"].get("data"), list),
    )


def logprobs(choice: Mapping[str, Any]) -> list[float]:
    """The log-probability of each token that was sampled, in nats; empty if there are none."""
    found = choice.get("logprobs")
    values = found.get("token_logprobs") if isinstance(found, dict) else None
    if not isinstance(values, list) or not all(isinstance(value, int | float) for value in values):
        return []
    return [float(value) for value in values]


def chat_logprobs(choice: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Text and log-probability, in nats, of each token of a chat's choice; empty if there are
    none."""
    found = choice.get("logprobs")
    entries = found.get("content") if isinstance(found, dict) else None
    if not isinstance(entries, list):
        return []
    try:
        return [(str(entry["token"]), float(entry["logprob"])) for entry in entries]
    except (KeyError, TypeError, ValueError):
        return []


def _honours_stop(client: ApiClient, text: dict[str, Any], greedy: str) -> bool:
    """Whether the greedy text, asked for once more, ends before a letter from its middle."""
    stop = greedy[len(greedy) // 2 :][:1]
    if not stop:
        return True  # nothing to try it on: where it is not so, steps are cut here
    (reply,) = client.send(
        [ApiCall("completions", text | {"temperature": 0, "stop": [stop]})], PROBE_ATTEMPTS
    )
    return _choice_texts(reply) == [greedy[: greedy.index(stop)]]


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
    """Name, source, context and parameters of the model in the server's list. Raises ModelError."""
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
        names = ", ".join(name[:80] for name in list(entries)[:8]) or "no model at all"
        raise ModelError(
            f"The server at {client.host} lists {names}: name one, as in {client.address}#MODEL."
        )
    name = model or next(iter(entries))
    entry = entries.get(name, {})
    told = entry.get("meta")
    meta = told if isinstance(told, dict) else {}
    source = entry.get("root")
    return {
        "id": name,
        "source": source if isinstance(source, str) else name,
        "context": _positive_int(entry.get("max_model_len")),  # vLLM, SGLang
        "parameters": _positive_int(meta.get("n_params")),  # llama.cpp
    }


def _positive_int(value: Any) -> int:
    return value if type(value) is int and value > 0 else 0
