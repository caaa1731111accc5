"""What a server sends, read with care: it is untrusted, and every count in it is charged to
somebody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp
from typing import Any, NamedTuple

from ttc_explorer.models.protocol import ModelError

NO_TOKEN_COUNTS = (
    "The server does not say how many tokens it processed, so it cannot be used here: its costs "
    "are unknown."
)


class Usage(NamedTuple):
    """What a server says it processed for one call, in tokens. ``prompt`` counts each prompt once,
    however many samples it got, and contains the ``cached``, which it had read before (vLLM tells
    them when started with ``--enable-prompt-tokens-details``)."""

    prompt: int
    cached: int
    completion: int


def parse_usage(reply: dict[str, Any], listed: Sequence[int | None] = ()) -> Usage:
    """The usage figures of a reply.

    Args:
        reply: As the server sent it.
        listed: The tokens of each choice as the choice itself shows them, None where it does not.
            They count where the figures count nothing, or one choice of several. Empty for a reply
            in which nothing is written.

    Raises:
        ModelError: Neither tells how many tokens were written: nothing could be counted.
    """
    usage = reply.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else None
    told = usage.get("completion_tokens")
    prompt, read_before, completion = map(_count, (usage.get("prompt_tokens"), cached, told))
    seen = [count for count in listed if count is not None]
    if seen and len(seen) == len(listed) and (not completion or len(seen) > 1):
        completion = max(completion or 0, sum(seen))
    if (completion if listed else prompt) is None:
        raise ModelError(NO_TOKEN_COUNTS)
    prompt = prompt or 0
    return Usage(prompt, min(read_before or 0, prompt), completion or 0)


def _count(figure: Any) -> int | None:
    """A count of tokens, whole numbers with a decimal point included, or None if it is none."""
    if type(figure) is float and figure.is_integer():
        figure = int(figure)
    return figure if type(figure) is int and 0 <= figure < 2**40 else None


def sampled_tokens(choice: dict[str, Any]) -> int | None:
    """How many tokens were sampled for a choice, as it shows by itself (its own count, or its list
    of log-probabilities); None if it does not."""
    known = _count(choice.get("tokens"))
    found = choice.get("logprobs")
    if known is not None or not isinstance(found, dict):
        return known
    lists = [found.get(key) for key in ("token_logprobs", "content")]
    return next((len(values) for values in lists if isinstance(values, list)), None)


def logprobs(choice: Mapping[str, Any]) -> list[float]:
    """The log-probability of each token that was sampled, in nats, by OpenAI's older form or that
    of its chats; empty if there are none."""
    found = choice.get("logprobs")
    values = found.get("token_logprobs") if isinstance(found, dict) else None
    if not isinstance(values, list):
        return [value for _, value in chat_logprobs(choice)]
    if not all(isinstance(value, int | float) for value in values):
        return []
    return [float(value) for value in values]


def chat_logprobs(choice: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Text and log-probability, in nats, of each token of a choice; empty if there are none."""
    found = choice.get("logprobs")
    entries = found.get("content") if isinstance(found, dict) else None
    if not isinstance(entries, list):
        return []
    try:
        return [(str(entry["token"]), float(entry["logprob"])) for entry in entries]
    except (KeyError, TypeError, ValueError):
        return []


def word_probability(choice: Mapping[str, Any], words: tuple[str, str]) -> float:
    """The probability of the first of two words as a choice's first token, of the two together, by
    the likeliest tokens that the server lists, or else by the token that was written. A token
    counts for the word that it begins. One half where neither is among them.

    >>> listed = {" right": -0.5, " wrong": -1.5, "\\n": -2.0}
    >>> round(word_probability({"logprobs": {"top_logprobs": [listed]}}, (" right", " wrong")), 3)
    0.731
    >>> word_probability({"text": " Wrong"}, (" right", " wrong"))
    0.0
    """
    found = _likeliest_tokens(choice) or [(str(choice.get("text")), 0.0)]
    first, second = (
        sum(exp(min(logprob, 0.0)) for token, logprob in found if _begins(token, word))
        for word in words
    )
    return first / (first + second) if first + second else 0.5


def _begins(token: str, word: str) -> bool:
    """Whether a token, as a server writes it, begins a word.

    >>> _begins("▁ri", " right"), _begins(" ", " right")
    (True, False)
    """
    start = token.strip("\u2581\u0120 \n").lower()
    return bool(start) and word.strip().startswith(start)


def _likeliest_tokens(choice: Mapping[str, Any]) -> list[tuple[str, float]]:
    """The likeliest tokens in place of a choice's first one, with their log-probabilities in nats,
    by OpenAI's older form or that of its chats; empty if there are none."""
    found = choice.get("logprobs")
    try:
        if isinstance(found, dict) and isinstance(found.get("top_logprobs"), list):
            return [(str(token), float(value)) for token, value in found["top_logprobs"][0].items()]
        entries = found["content"][0]["top_logprobs"] if isinstance(found, dict) else []
        return [(str(entry["token"]), float(entry["logprob"])) for entry in entries]
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return []


def parse_choices(reply: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """The choices of a reply, in the order that was asked for. Raises ModelError unless there are
    ``count``, each an object."""
    choices = reply.get("choices")
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
        raise ModelError(
            "The server sent no list of choices: check that it speaks OpenAI's protocol."
        )
    if len(choices) != count:
        raise ModelError(f"The server sent {len(choices)} choices where {count} were asked for.")
    if all(type(choice.get("index")) is int for choice in choices):
        choices = sorted(choices, key=lambda choice: choice["index"])
    return choices


def parse_text(text: Any) -> str:
    """A text as it may stand in a tree: what is no Unicode text in it is replaced. Raises
    ModelError."""
    if not isinstance(text, str):
        raise ModelError(
            "The server sent a choice without text: check that it speaks OpenAI's protocol."
        )
    return text.encode("utf-8", "replace").decode()


def split_proportionally(total: int, weights: Sequence[int]) -> list[int]:
    """``total`` split in whole numbers in proportion to ``weights``, which it therefore equals
    where they sum to it. The sum of the shares is the total, whatever the weights.

    >>> split_proportionally(10, [4, 6]), split_proportionally(10, [1, 1, 1])
    ([4, 6], [3, 3, 4])
    >>> split_proportionally(3, [0, 0])
    [1, 2]
    """
    if not sum(weights):
        weights = [1] * len(weights)
    shares, assigned, cumulative_weight = [], 0, 0
    for weight in weights:
        cumulative_weight += weight
        shares.append(total * cumulative_weight // sum(weights) - assigned)
        assigned += shares[-1]
    return shares
