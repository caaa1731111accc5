"""A reply as a server sends it piece by piece, in the form of vLLM's completions, OpenAI's chats
and llama.cpp's own."""

from __future__ import annotations

import json

PIECES = 4
"""In how many a sample comes, beside its end."""


def event_stream(reply):
    """The body of server-sent events for a whole reply."""
    pieces = list(llama_cpp_pieces(reply) if "choices" not in reply else openai_pieces(reply))
    marks = ["[DONE]"] if "choices" in reply else []  # llama.cpp's own has no end mark
    lines = [*map(json.dumps, pieces), *marks]
    return ": a comment\r\n\r\n" + "".join(f"data: {line}\r\n\r\n" for line in lines)


def openai_pieces(reply):
    """Of completions and chats: samples in turns, and the usage figures last."""
    choices = reply["choices"]
    for number in range(PIECES + 1):
        for choice in choices:
            kept = {key: value for key, value in choice.items() if key not in ("text", "message")}
            text = choice["message"]["content"] if "message" in choice else choice["text"]
            part = _share(text, number)
            ends = kept if number == PIECES else {"index": kept["index"], "finish_reason": None}
            lists = {"logprobs": _lists(kept.get("logprobs"), number)} if "logprobs" in kept else {}
            said = {"delta": {"content": part}} if "message" in choice else {"text": part}
            yield {"choices": [ends | said | lists], "usage": None}
    if "usage" in reply:
        yield {"choices": [], "usage": reply["usage"]}


def llama_cpp_pieces(reply):
    """Of llama.cpp's ``/completion``: the last of each sample has its figures, and no text."""
    for sample in reply.get("results", [reply]):
        for number in range(PIECES):
            probabilities = _lists(sample.get("completion_probabilities"), number)
            part = {"index": sample["index"], "content": _share(sample["content"], number)}
            yield part | {"stop": False, "completion_probabilities": probabilities}
        told = {key: value for key, value in sample.items() if key != "completion_probabilities"}
        yield told | {"content": "", "stop": True}


def _share(values, number):
    """A text's, or a list's, part of this number; the one after the last is empty."""
    size = -(-len(values) // PIECES) or 1
    return values[number * size : (number + 1) * size]


def _lists(found, number):
    """The same of lists of log-probabilities."""
    if isinstance(found, dict):
        return {key: _lists(values, number) for key, values in found.items()}
    return _share(found, number) if isinstance(found, list) else found
