"""What a server can do, found out by asking it. Servers that speak OpenAI's protocol differ in what they keep
of it, and some ignore what they do not know without a word: ``transformers serve`` sends one choice where n
are asked for, no log-probabilities, and always the likeliest token (measured).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ttc_explorer.models.connection import Call, Connection
from ttc_explorer.models.protocol import ModelError

PROMPT = "Twelve apples cost 3 dollars."
"""Begins a text that can go on in many ways."""

IDS = [10, 11, 12]
"""Token ids that every vocabulary has."""

WORDS, SAMPLES, HOT = 16, 4, 1.5
"""Tokens, samples and temperature of a probe: two samples are then hardly ever equal by chance."""

TRIES = 2
"""How often a probe is sent: whoever is connecting waits for it."""


WORDS_FOR = {
    "completions": "goes on from any text",
    "ids": "token ids",
    "several": "several samples a call",
    "lists": "many prompts a call",
    "samples": "samples differ",
    "seeds": "same seed, same text",
    "logprobs": "log-probabilities",
    "stops": "stops where it is told",
    "chats": "answers a chat",
    "pools": "gives a verifier's head (pooling)",
}
"""Field of Abilities -> what it means."""


@dataclass(frozen=True)
class Abilities:
    """``model`` is the server's name for its model and ``source`` where it has it from (a Hub id, a folder);
    ``context`` is its longest sequence in tokens and ``parameters`` its size, 0 where it does not say.

    ``completions``: it continues any text; ``ids``: also one of token ids; ``lists``: many of them a call;
    ``several``: with n samples each, and really n. ``samples``: they differ at all. ``logprobs``: it sends
    log-probabilities. ``stops``: it stops at a text. ``seeds``: the same seed gives the same sample.
    ``chats``: it answers a chat. ``pools``: it gives a token classifier's outputs (vLLM's ``/pooling``).
    """

    model: str
    source: str
    context: int = 0
    parameters: int = 0
    completions: bool = False
    ids: bool = False
    lists: bool = False
    several: bool = False
    samples: bool = False
    logprobs: bool = False
    stops: bool = False
    seeds: bool = False
    chats: bool = False
    pools: bool = False

    def proved(self) -> str:
        """All that it can do, in a line."""
        found = [words for field, words in WORDS_FOR.items() if getattr(self, field)]
        if self.context:
            found.append(f"{self.context:,} tokens of context")
        return ", ".join(found)

    def missing(self) -> tuple[str, ...]:
        """What it lacks as a generator, and what comes of it, a sentence each."""
        if not self.completions:
            return ("It only chats: strategies that continue a solution step by step cannot run on it.",)
        lacks = {
            "It takes one prompt a call, so a batch is many calls.": not self.lists,
            "It gives one sample a call, whatever is asked for.": not self.several,
            "It gave the same text every time: there is nothing to vote on or to search.": not self.samples,
            "It sends no log-probabilities: they show as 0.": not self.logprobs,
            "It does not stop where it is told: all that it writes costs, and is cut here.": not self.stops,
            "It does not repeat itself: the same seed gives another run.": self.samples and not self.seeds,
            "It does not say how large its model is: its FLOPs count as 0.": not self.parameters,
        }
        return tuple(sentence for sentence, lacking in lacks.items() if lacking)


def probe(connection: Connection, model: str | None) -> Abilities:
    """What the server can do with ``model``, or else with its only one. Raises ModelError if nothing."""
    entry = _entry(connection, model)
    name = entry["id"]
    text = {"model": name, "prompt": PROMPT, "max_tokens": WORDS}
    hot = text | {"temperature": HOT, "top_p": 1}
    bodies = {
        "greedy": text | {"temperature": 0, "logprobs": 1},
        "ids": text | {"prompt": IDS, "max_tokens": 1},
        "lists": text | {"prompt": [PROMPT] * 2, "max_tokens": 1},
        "several": hot | {"n": SAMPLES},
        "first": hot | {"seed": 1},
        "again": hot | {"seed": 1},
        "other": hot | {"seed": 2},
    }
    calls = {key: Call("completions", body) for key, body in bodies.items()}
    chat = {"model": name, "messages": [{"role": "user", "content": PROMPT}], "max_tokens": 1}
    calls["chats"] = Call("chat/completions", chat)
    calls["pools"] = Call("/pooling", {"model": name, "input": [PROMPT]})
    replies = dict(zip(calls, connection.ask(list(calls.values()), TRIES), strict=True))
    if all(isinstance(reply, ModelError) for reply in replies.values()):
        raise replies["greedy"]
    texts = {key: _texts(replies[key]) for key in bodies}
    greedy, several = texts["greedy"], texts["several"]
    sampled = texts["first"], texts["other"]
    return Abilities(
        model=name,
        source=entry["source"],
        context=entry["context"],
        parameters=entry["parameters"],
        completions=len(greedy) == 1,
        ids=len(texts["ids"]) == 1,
        lists=len(texts["lists"]) == 2,
        several=len(several) == SAMPLES and len(set(several)) > 1,
        samples=len({*several, *sampled[0], *sampled[1]}) > 1,
        logprobs=bool(_choices(replies["greedy"])) and bool(logprobs(_choices(replies["greedy"])[0])),
        stops=len(greedy) == 1 and _stops(connection, text, greedy[0]),
        seeds=bool(sampled[0]) and sampled[0] == texts["again"] and sampled[0] != sampled[1],
        chats=bool(_choices(replies["chats"])),
        pools=isinstance(replies["pools"], dict) and isinstance(replies["pools"].get("data"), list),
    )


def logprobs(choice: Mapping[str, Any]) -> list[float]:
    """The log-probability of each token that was sampled, in nats; empty if there are none."""
    found = choice.get("logprobs")
    values = found.get("token_logprobs") if isinstance(found, dict) else None
    if not isinstance(values, list) or not all(isinstance(value, int | float) for value in values):
        return []
    return [float(value) for value in values]


def _stops(connection: Connection, text: dict[str, Any], greedy: str) -> bool:
    """Whether the greedy text, asked for once more, ends before a letter from its middle."""
    stop = greedy[len(greedy) // 2 :][:1]
    if not stop:
        return True  # nothing to try it on: where it is not so, steps are cut here
    (reply,) = connection.ask([Call("completions", text | {"temperature": 0, "stop": [stop]})], TRIES)
    return _texts(reply) == [greedy[: greedy.index(stop)]]


def _texts(reply: Any) -> list[str]:
    """The texts of a completion, in the order of its choices; empty if it is none."""
    texts = [choice.get("text") for choice in _choices(reply)]
    return texts if all(isinstance(text, str) for text in texts) else []


def _choices(reply: Any) -> Sequence[dict[str, Any]]:
    choices = reply.get("choices") if isinstance(reply, dict) else None
    fits = isinstance(choices, list) and all(isinstance(choice, dict) for choice in choices)
    return choices if fits else []


def _entry(connection: Connection, model: str | None) -> dict[str, Any]:
    """Name, source, context and parameters of the model in the server's list. Raises ModelError."""
    try:
        listed = connection.ask_one(Call("models"), tries=1).get("data")
    except ModelError:
        if model is None:
            raise
        listed = []
    entries = {
        entry["id"]: entry
        for entry in (listed if isinstance(listed, list) else [])
        if isinstance(entry, dict) and isinstance(entry.get("id"), str) and entry["id"].isprintable()
    }
    if model is None and len(entries) != 1:
        names = ", ".join(name[:80] for name in list(entries)[:8]) or "no model at all"
        raise ModelError(
            f"The server at {connection.host} lists {names}: name one, as in {connection.address}#MODEL."
        )
    name = model or next(iter(entries))
    entry = entries.get(name, {})
    meta = entry.get("meta") if isinstance(entry.get("meta"), dict) else {}
    source = entry.get("root")
    return {
        "id": name,
        "source": source if isinstance(source, str) else name,
        "context": _count(entry.get("max_model_len")),  # vLLM, SGLang
        "parameters": _count(meta.get("n_params")),  # llama.cpp
    }


def _count(value: Any) -> int:
    return value if type(value) is int and value > 0 else 0
