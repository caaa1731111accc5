"""The ways in which servers go on from a text, behind one form: that of OpenAI's completions.

A server is asked in the way that tells most of it. llama.cpp's own ``/completion`` counts every
sample and says what stopped it, where its ``/v1/completions`` does neither (measured, build of
October 2026); a server that only chats may go on from a message of its own that is not finished.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ttc_explorer.models.prompts import Message
from ttc_explorer.models.streamed_reply import Json, StreamedEndpoint


@dataclass(frozen=True)
class ChatPrefix:
    """A chat, and what the model has said so far in its last turn, which it is to go on from."""

    messages: tuple[Message, ...]
    written: str = ""

    def __len__(self) -> int:
        return sum(len(message["content"]) for message in self.messages) + len(self.written)

    def __add__(self, text: str) -> ChatPrefix:
        return ChatPrefix(self.messages, self.written + text)


STREAMED: Mapping[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}
"""Asks OpenAI's protocol for a reply piece by piece, with its usage figures in the last one."""
LLAMA_CPP_STREAMED: Mapping[str, Any] = {"stream": True}
"""The same of llama.cpp's own: its last piece has them anyway."""


class CompletionEndpoint(StreamedEndpoint, Protocol):
    """``name`` is how capabilities call it, and ``path`` is posted to (``http_client.ApiCall``).
    ``request`` takes the body of an OpenAI
    completion to the endpoint's own, ``response`` its reply back, with the ``stop_reason`` of vLLM
    where that is known. A reply of another form stays as it is: whoever reads it says so.
    ``streamed`` in a body of ``request`` asks for the reply piece by piece
    (``streamed_reply.py``)."""

    name: str
    path: str
    streamed: Mapping[str, Any]

    def request(self, body: Json) -> Json: ...

    def response(self, reply: Json) -> Json: ...


class OpenAICompletions:
    """``/v1/completions``: vLLM, SGLang, and most others."""

    name = path = "completions"
    streamed = STREAMED

    def request(self, body: Json) -> Json:
        return body

    def response(self, reply: Json) -> Json:
        return reply

    def parts(self, piece: Json) -> list[Json]:
        return _objects(piece.get("choices"))

    def whole(self, samples: list[Json], rest: Json) -> Json:
        return rest | {"choices": samples}


class ContinuedChat:
    """``/v1/chat/completions`` with a last message that the model goes on from. vLLM and SGLang
    want ``continue_final_message``; llama.cpp and Ollama do so anyway, and ignore it."""

    name = path = "chat/completions"
    streamed = STREAMED

    def request(self, body: Json) -> Json:
        prompt = body["prompt"]
        if isinstance(prompt, str):
            prompt = ChatPrefix(({"role": "user", "content": prompt},))
        messages = [*prompt.messages]
        asked = {key: value for key, value in body.items() if key != "prompt"}
        if "logprobs" in asked:
            listed = asked["logprobs"]
            asked |= {"logprobs": True, **({"top_logprobs": listed} if listed > 1 else {})}
        if prompt.written:
            messages.append({"role": "assistant", "content": prompt.written})
            asked |= {"continue_final_message": True, "add_generation_prompt": False}
        return asked | {"messages": messages}

    def response(self, reply: Json) -> Json:
        choices = reply.get("choices")
        if not isinstance(choices, list):
            return reply
        return reply | {"choices": [_text_of_message(choice) for choice in choices]}

    def parts(self, piece: Json) -> list[Json]:
        return [
            {key: value for key, value in choice.items() if key != "delta"}
            | {"text": _mapping(choice.get("delta")).get("content")}
            for choice in _objects(piece.get("choices"))
        ]

    def whole(self, samples: list[Json], rest: Json) -> Json:
        return rest | {"choices": samples}


def _text_of_message(choice: Any) -> Any:
    message = choice.get("message") if isinstance(choice, dict) else None
    return choice | {"text": message.get("content")} if isinstance(message, dict) else choice


LLAMA_CPP_NAMES = {"max_tokens": "n_predict", "logprobs": "n_probs"}
"""OpenAI's names -> llama.cpp's."""


class LlamaCppCompletion:
    """llama.cpp's own ``/completion`` (tools/server/README.md there): an object a sample."""

    name = "llama.cpp"
    path = "/completion"
    streamed = LLAMA_CPP_STREAMED

    def request(self, body: Json) -> Json:
        return {LLAMA_CPP_NAMES.get(key, key): value for key, value in body.items()}

    def response(self, reply: Json) -> Json:
        samples = reply.get("results", [reply])
        if not isinstance(samples, list) or not all(
            isinstance(sample, dict) and "stop_type" in sample for sample in samples
        ):
            return reply
        prompts = {sample.get("prompt"): sample for sample in samples}.values()
        usage = {
            # the samples of a prompt share one reading of it
            "prompt_tokens": _total(sample.get("tokens_evaluated") for sample in prompts),
            "prompt_tokens_details": {
                "cached_tokens": _total(
                    _mapping(sample.get("timings")).get("cache_n") for sample in prompts
                )
            },
            "completion_tokens": _total(sample.get("tokens_predicted") for sample in samples),
        }
        return {"choices": list(map(_choice_of_sample, samples)), "usage": usage}

    def parts(self, piece: Json) -> list[Json]:
        return [piece | {"text": piece.get("content")}] if "content" in piece else []

    def whole(self, samples: list[Json], rest: Json) -> Json:
        whole = [sample | {"content": sample["text"]} for sample in samples]
        return {"results": whole} if whole else rest


def _choice_of_sample(sample: Json) -> Json:
    stop = sample["stop_type"]
    return {
        "index": sample.get("index"),
        "text": sample.get("content"),
        "finish_reason": "length" if stop == "limit" else "stop",
        "stop_reason": sample.get("stopping_word") if stop == "word" else None,
        "logprobs": {"content": sample.get("completion_probabilities")},
        "tokens": sample.get("tokens_predicted"),
    }


def _objects(value: Any) -> list[Json]:
    """The objects of a list; nothing of what is none."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _total(counts: Any) -> int | None:
    """The sum of counts, or None if one is missing."""
    known = list(counts)
    return sum(known) if all(type(count) is int for count in known) else None


OPENAI_COMPLETIONS, CONTINUED_CHAT = OpenAICompletions(), ContinuedChat()
LLAMA_CPP_COMPLETION = LlamaCppCompletion()
ENDPOINTS: dict[str, CompletionEndpoint] = {
    each.name: each for each in (OPENAI_COMPLETIONS, CONTINUED_CHAT, LLAMA_CPP_COMPLETION)
}
"""By name, as ``ServerCapabilities.endpoint`` has it."""
