"""Replies that a server sends piece by piece (server-sent events), put together to what they would
have been whole. Who reads them then need not know the difference, and counts as exactly."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

Json = dict[str, Any]

SampleCallback = Callable[[int, str, int, bool], None]
"""Told of a sample's place, its text and tokens so far, and whether it has ended, whenever one of
these has changed."""


class StreamedEndpoint(Protocol):
    """What a reply's pieces look like (``completion_endpoints.py``).

    ``parts`` are those of its samples in a piece: each with its ``index``, and as ``text`` what it
    grows by. ``whole`` makes of the samples, and of what else the pieces had, the reply as it would
    have come at once.
    """

    def parts(self, piece: Json) -> list[Json]: ...

    def whole(self, samples: list[Json], rest: Json) -> Json: ...


class EventReader:
    """Cuts a body of server-sent events into what each event says (the ``data`` of the standard,
    html.spec.whatwg.org/multipage/server-sent-events.html)."""

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._unread = ""

    def read(self, received: bytes) -> list[str]:
        r"""The events' data in what was received, as far as their lines are whole.

        >>> reader = EventReader()
        >>> reader.read(b'data: {"a": 1}\r\n\r\nda'), reader.read(b"ta: [DONE]\n\n")
        (['{"a": 1}'], ['[DONE]'])
        """
        *lines, self._unread = (self._unread + self._decode(received)).split("\n")
        return [line[5:].strip() for line in lines if line.startswith("data:")]


class StreamedReply:
    """A reply as far as it has come.

    Args:
        endpoint: What its pieces look like.
        on_sample: Hears how each sample grows.
    """

    def __init__(self, endpoint: StreamedEndpoint, on_sample: SampleCallback | None = None) -> None:
        self._endpoint = endpoint
        self._on_sample = on_sample
        self.begin()

    def begin(self) -> None:
        """Forget what has come: the call is made again."""
        self._samples: dict[int, Json] = {}
        self._pieces: dict[int, int] = {}
        self._rest: Json = {}

    def add(self, piece: Json) -> None:
        """Take one more piece. It is untrusted: what has no place in a reply is left out."""
        parts = self._endpoint.parts(piece)
        _merge(self._rest, {key: piece[key] for key in piece.keys() - {"choices"}})
        for position, part in enumerate(parts):
            place = part["index"] if type(part.get("index")) is int else position
            sample = self._samples.setdefault(place, {"text": ""})
            _merge(sample, part | {"index": place})
            self._pieces[place] = self._pieces.get(place, 0) + bool(part.get("text"))
            ended = bool(part.get("finish_reason") or part.get("stop"))
            if self._on_sample and (part.get("text") or ended):
                self._on_sample(place, sample["text"], self.tokens(place), ended)

    @property
    def has_come(self) -> bool:
        """Whether anything of a sample has come piece by piece."""
        return bool(self._samples)

    def text(self, place: int) -> str:
        """The text of a sample so far; empty before it has begun."""
        return str(self._samples[place]["text"]) if place in self._samples else ""

    def tokens(self, place: int) -> int:
        """The tokens of a sample so far, by its log-probabilities, or else the pieces that it came
        in."""
        found = self._samples.get(place, {}).get("logprobs")
        lists = found.values() if isinstance(found, dict) else ()
        listed = [len(values) for values in lists if isinstance(values, list)]
        return max([self._pieces.get(place, 0), *listed])

    def reply(self) -> Json:
        """The reply, as it would have come whole."""
        samples = [self._samples[place] for place in sorted(self._samples)]
        return self._endpoint.whole(samples, self._rest)


def _merge(known: Json, new: Mapping[str, Any]) -> None:
    """Let what is known of a sample grow by a piece: texts and lists go on, the rest is as it was
    told last.

    >>> known = {"text": "1 +", "logprobs": {"content": [1]}, "finish_reason": None}
    >>> _merge(known, {"text": " 1", "logprobs": {"content": [2]}, "finish_reason": "stop"})
    >>> known
    {'text': '1 + 1', 'logprobs': {'content': [1, 2]}, 'finish_reason': 'stop'}
    """
    for key, value in new.items():
        before = known.get(key)
        if key == "text":
            known[key] = (before or "") + value if isinstance(value, str) else before or ""
        elif isinstance(before, list) and isinstance(value, list):
            before.extend(value)
        elif isinstance(before, dict) and isinstance(value, dict):
            _merge(before, value)
        elif value is not None or key not in known:
            known[key] = list(value) if isinstance(value, list) else value


def event_object(data: str) -> Json | None:
    """What an event says, if it is an object; None of an end mark and of whatever else."""
    try:
        found = json.loads(data, parse_constant=lambda word: None)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
