"""What a server sends, read with care: it is untrusted, and every count in it is charged to
somebody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ttc_explorer.models.protocol import ModelError


class Usage(NamedTuple):
    """What a server says it processed for one call, in tokens. ``prompt`` counts each prompt once,
    however many samples it got, and contains the ``cached``, which it had read before (vLLM tells
    them when started with ``--enable-prompt-tokens-details``)."""

    prompt: int
    cached: int
    completion: int


def parse_usage(reply: dict[str, Any]) -> Usage:
    """The usage figures of a reply. Raises ModelError if there are none: nothing could be
    counted."""
    usage = reply.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else None
    figures = (usage.get("prompt_tokens"), cached or 0, usage.get("completion_tokens") or 0)
    counts = [figure for figure in figures if type(figure) is int and 0 <= figure < 2**40]
    if len(counts) < len(figures):
        raise ModelError(
            "The server does not say how many tokens it processed, so it cannot be used here."
        )
    prompt, read_before, completion = counts
    return Usage(prompt, min(read_before, prompt), completion)


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
