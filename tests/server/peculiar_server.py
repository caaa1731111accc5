"""Servers as people run them, each with what it keeps of OpenAI's protocol, over a model that says
one of three ready solutions: no port and no network, and it counts what it really wrote.

The peculiarities are those of llama.cpp, Ollama, LM Studio and others, as they were seen.
"""

from __future__ import annotations

import json
import re

import httpx

from tests.server.streamed_events import event_stream
from ttc_explorer.models.http_client import ApiClient

SOLUTIONS = (
    "First, 2 + 2 = 4.\n\nSo the answer is \\boxed{4}.",
    "Two and two:\n\n2 + 2 = 4.\n\nIt is \\boxed{4}.",
    "I count: 1, 2, 3, 5.\n\nSo it is \\boxed{5}.",
)
TEMPLATE = "<|im_start|>{role}\n{content}<|im_end|>\n"
REPLY = "<|im_start|>assistant\n"
CONTEXT, SLOTS = 2048, 4
LISTED = {" right": -1.0, "\n": -0.5, " wrong": -2.0, " Right": -3.0, "": -1.5}
"""The likeliest tokens in every place, where several are asked for."""
ADDRESS = "http://127.0.0.1:1/v1"


def tokens_of(text):
    """A token a word, a sign with the space before it, or a blank line."""
    return re.findall(r"\n\n| ?[^\s]+|\s", text)


def written_in(prompt):
    """What the model has said so far in a prompt; nothing in one that is no chat."""
    return re.split(f"{re.escape(REPLY)}|Assistant:", prompt)[-1] if "What is" in prompt else ""


def top_logprobs(listed):
    """The likeliest tokens in the form of chats."""
    entries = [{"token": token, "logprob": value} for token, value in listed.items()]
    return {"top_logprobs": entries} if listed else {}


class PeculiarServer:
    """``has`` are paths beside ``/v1/models``; ``quirks`` what is out of the ordinary:

    ``zero usage``, ``no usage``, ``float usage``, ``usage of one``: what it says of tokens;
    ``no stop reason``, ``matched stop``, ``null finish``, ``no finish``: of ends;
    ``content logprobs``, ``null logprob``, ``no logprobs``; ``ignores n``; ``refuses sampling``:
    it takes no parameter that OpenAI does not know; ``starts anew``: it answers an unfinished
    message; ``wraps``: its completions are chats; ``error 200``: it refuses politely; ``never
    streams``: it sends all replies whole; ``bare pieces``: those that it does not are uncounted."""

    def __init__(self, *has, quirks=(), owner="vllm", model="mine"):
        self.has = {f"/v1/{path}" if path[0] != "/" else path for path in has}
        self.quirks, self.owner, self.model = set(quirks), owner, model
        self.wrote = 0
        self.requests = []
        self._samples = 0

    def client(self, **options):
        return ApiClient(ADDRESS, transport=httpx.MockTransport(self.answer), **options)

    def answer(self, request):
        path = request.url.path
        body = json.loads(request.content) if request.content else None
        self.requests.append((path, body))
        if path == "/v1/models":
            entry = {"id": self.model, "owned_by": self.owner}
            return httpx.Response(200, json={"data": [entry]})
        if path not in self.has:
            return httpx.Response(404, json={"error": {"message": "no such path"}})
        if "error 200" in self.quirks:
            return httpx.Response(200, json={"error": f"model '{self.model}' not found"})
        if "refuses sampling" in self.quirks and "top_k" in (body or ()):
            return httpx.Response(400, json={"error": {"message": "unknown parameter top_k"}})
        reply = {
            "/v1/completions": self._completions,
            "/v1/chat/completions": self._chat,
            "/completion": self._llama_cpp,
            "/apply-template": lambda body: {"prompt": self._render(body["messages"])},
            "/props": lambda _: {
                "default_generation_settings": {"n_ctx": CONTEXT},
                "total_slots": SLOTS,
            },
            "/api/ps": lambda _: {"models": [{"name": self.model, "context_length": CONTEXT}]},
            "/api/v0/models": lambda _: {
                "data": [{"id": self.model, "loaded_context_length": CONTEXT}]
            },
        }[path](body)
        if (
            (body or {}).get("stream")
            and "never streams" not in self.quirks
            and "error" not in reply
        ):
            reply = dict(reply) if isinstance(reply, dict) else {"results": reply}
            if "bare pieces" in self.quirks:
                reply.pop("usage", None)
            kind = {"Content-Type": "text/event-stream; charset=utf-8"}
            return httpx.Response(200, headers=kind, text=event_stream(reply))
        return httpx.Response(200, json=reply)

    def _render(self, messages):
        return "".join(TEMPLATE.format(**message) for message in messages) + REPLY

    def _sample(self, written, body, number):
        """Text, tokens and stop (eos, limit, word) of one sample after what was ``written``."""
        self._samples += 1
        greedy = not body.get("temperature", 1)
        seed = 0 if greedy else body.get("seed", self._samples) + number
        possible = [text for text in SOLUTIONS if text.startswith(written)] or [f"{written}four"]
        rest = possible[seed % len(possible)][len(written) :]
        most = body.get("max_tokens", body.get("n_predict"))
        stops = body.get("stop") or []
        tokens = []
        for token in [*tokens_of(rest), ""]:  # the last is the end token
            tokens.append(token)
            text = "".join(tokens)
            stop = next((stop for stop in stops if stop in text), None)
            if stop:
                return text[: text.index(stop)], tokens, "word", stop
            if token and len(tokens) == most:
                return text, tokens, "limit", ""
        return "".join(tokens), tokens, "eos", ""

    def _samples_of(self, written, body):
        count = 1 if "ignores n" in self.quirks else body.get("n", 1)
        samples = [self._sample(written, body, number) for number in range(count)]
        self.wrote += sum(len(tokens) for _, tokens, *_ in samples)
        return samples

    def _completions(self, body):
        prompts = body["prompt"] if isinstance(body["prompt"], list) else [body["prompt"]]
        if not isinstance(prompts[0], str):
            return {"error": {"message": "prompt must be a string"}}
        samples, read = [], 0
        for prompt in prompts:
            read += len(tokens_of(prompt)) + (3 if "wraps" in self.quirks else 0)
            samples += self._samples_of(written_in(prompt), body)
        choices = [
            {"text": text} | self._end(stop, word) | self._logprobs(tokens, body)
            for text, tokens, stop, word in samples
        ]
        return self._reply(choices, read, samples)

    def _chat(self, body):
        *_, last = body["messages"]
        goes_on = last["role"] == "assistant" and "starts anew" not in self.quirks
        samples = self._samples_of(last["content"] if goes_on else "", body)
        read = 3 + sum(len(tokens_of(message["content"])) for message in body["messages"])
        choices = [
            {"message": {"role": "assistant", "content": text}}
            | self._end(stop, word)
            | self._logprobs(tokens, body)
            for text, tokens, stop, word in samples
        ]
        return self._reply(choices, read, samples)

    def _llama_cpp(self, body):
        if not isinstance(body["prompt"], str):
            return {"error": {"message": "not here"}}
        if body.get("n", 1) > SLOTS:
            return {"error": {"message": f"n must be between 1 and {SLOTS}"}}
        prompt = body["prompt"]
        samples = self._samples_of(written_in(prompt), body)
        results = [
            {
                "index": number,
                "content": text,
                "prompt": prompt,
                "stop_type": stop,
                "stopping_word": word,
                "tokens_predicted": len(tokens),
                "tokens_evaluated": len(tokens_of(prompt)),
                "timings": {"cache_n": 2},
                "completion_probabilities": [
                    {"id": 1, "token": token, "logprob": -0.5}
                    | top_logprobs(LISTED if body.get("n_probs", 0) > 1 else {})
                    for token in tokens
                ],
            }
            for number, (text, tokens, stop, word) in enumerate(samples)
        ]
        return results if len(results) > 1 else results[0]

    def _end(self, stop, word):
        finish = {"finish_reason": "length" if stop == "limit" else "stop"}
        if "null finish" in self.quirks:
            finish = {"finish_reason": None}
        if "no finish" in self.quirks:
            finish = {}
        if "no stop reason" in self.quirks:
            return finish
        key = "matched_stop" if "matched stop" in self.quirks else "stop_reason"
        return finish | {key: word or None}

    def _logprobs(self, tokens, body):
        if not body.get("logprobs") or "no logprobs" in self.quirks:
            return {}
        values = [-0.5] * len(tokens)
        if "null logprob" in self.quirks:
            values[0] = None
        asked = body.get("top_logprobs", body["logprobs"])
        listed = LISTED if asked is not True and asked > 1 else {}
        if "messages" not in body and "content logprobs" not in self.quirks:
            lists = {"top_logprobs": [listed] * len(tokens)} if listed else {}
            return {"logprobs": {"token_logprobs": values} | lists}
        content = [
            {"token": token, "logprob": value} | top_logprobs(listed)
            for token, value in zip(tokens, values, strict=True)
        ]
        return {"logprobs": {"content": content}}

    def _reply(self, choices, read, samples):
        wrote = sum(len(tokens) for _, tokens, *_ in samples)
        if "usage of one" in self.quirks:
            wrote = len(samples[0][1])
        usage = {"prompt_tokens": read, "completion_tokens": wrote}
        if "zero usage" in self.quirks:
            usage = dict.fromkeys(usage, 0)
        if "float usage" in self.quirks:
            usage = {key: float(value) for key, value in usage.items()}
        reply = {"choices": [{"index": number} | each for number, each in enumerate(choices)]}
        return reply if "no usage" in self.quirks else reply | {"usage": usage}
