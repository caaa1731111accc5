"""A small server with OpenAI's protocol, and vLLM's ``/pooling``, over a toy model: plain, slow and
exact. It reads the whole text again for every token, so what it says is a reference for what we
make of it.

It counts what it processed, can be told to ignore parts of the protocol, and to fail in given ways.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Lock, Thread

import numpy as np
import torch
from transformers import AutoTokenizer

from tests.models.toy_models import (
    CONTEXT,
    toy_generator,
    toy_qwen2,
    toy_token_classifier,
    toy_tokenizer,
)
from tests.server.streamed_events import event_stream
from ttc_explorer.models.sampling import sample_tokens, uniform_draws


def token_outputs(model):
    """What ``/pooling`` sends of a token classifier: the probabilities of its labels at every
    token."""
    return lambda ids: model(torch.tensor([ids])).logits[0].softmax(-1).tolist()


class ToyServer:
    """``ignores`` names what it does not know: parameters of requests, paths, ``token_ids``,
    ``batched_prompts``. ``faults`` are sent first, each (status, headers, body). ``requests`` has a
    (path, body) for each.

    It serves the toys, or else what is in ``folder``: a language model as ``writer``, with its
    tokenizer, and a verifier as ``judge``, a function from ids to what ``/pooling`` sends for
    them."""

    def __init__(self, ignores=(), faults=(), model="toy", folder=None, writer=None, judge=None):
        self.model = model
        self.source = str(folder) if folder else model
        self.ignores = set(ignores)
        self.faults = list(faults)
        self.requests = []
        self.headers = []
        self.connections = 0
        self.usage = {"prompt_tokens": 0, "completion_tokens": 0}
        self._lock = Lock()
        self._unseeded = count()  # requests that run side by side draw apart
        self._tokenizer = AutoTokenizer.from_pretrained(folder) if folder else toy_tokenizer()
        self._writer, self._judge = (
            writer or toy_qwen2(0),
            judge or token_outputs(toy_token_classifier(1)),
        )
        self._banned_token_mask = toy_generator(0)._banned_token_mask
        if writer:
            self._banned_token_mask = torch.zeros(writer.config.vocab_size, dtype=torch.bool)
        self._http = None

    # --- the protocol -----------------------------------------------------------------------------

    def answer(self, path, body, headers):
        """(status, headers, object or text) for a request."""
        with self._lock:
            self.requests.append((path, body))
            self.headers.append(dict(headers))
            if self.faults:
                return self.faults.pop(0)
        known = {
            "/v1/models": self._models,
            "/v1/completions": self._completions,
            "/v1/chat/completions": self._chat,
            "/pooling": self._pooling,
        }
        if path not in known or path.removeprefix("/v1/") in self.ignores:
            return 404, {}, {"error": {"message": "Not Found"}}
        if body is not None:
            body = {key: value for key, value in body.items() if key not in self.ignores}
        with torch.inference_mode():
            return known[path](body)

    def _models(self, _):
        entry = {
            "id": self.model,
            "root": self.source,
            "max_model_len": CONTEXT,
            "meta": {"n_params": 1000},
        }
        return 200, {}, {"object": "list", "data": [entry]}

    def _completions(self, body):
        prompts = body["prompt"]
        lists = isinstance(prompts, list) and not isinstance(prompts[0], int)
        if lists and "batched_prompts" in self.ignores:
            return 400, {}, {"error": {"message": "prompt must be a string"}}
        prompts = prompts if lists else [prompts]
        if "token_ids" in self.ignores and not isinstance(prompts[0], str):
            return 400, {}, {"error": {"message": "prompt must be a string"}}
        rows = []
        read = 0
        for prompt in prompts:
            ids = self._tokenizer(prompt)["input_ids"] if isinstance(prompt, str) else prompt
            read += len(ids)
            if len(ids) + body["max_tokens"] > CONTEXT:
                return 400, {}, {"error": {"message": "the prompt is too long"}}
            rows += [(ids, *self._write(ids, body, number)) for number in range(body.get("n", 1))]
        choices = []
        for index, (ids, text, tokens, chances, reason, stopped) in enumerate(rows):
            logprobs = None
            if "logprobs" in body:
                logprobs = {"tokens": tokens, "token_logprobs": chances}
            if "logprob_token_ids" in body:  # of a single token
                next_ones = self._writer(torch.tensor([ids])).logits[0, -1].log_softmax(-1)
                wanted = {
                    f"token_id:{token}": float(next_ones[token])
                    for token in body["logprob_token_ids"]
                }
                logprobs["top_logprobs"] = [wanted]
            choices.append(
                {"index": index, "text": text, "logprobs": logprobs, "finish_reason": reason}
                | ({} if "stop_reason" in self.ignores else {"stop_reason": stopped})
            )
        usage = self._count(read, sum(len(row[2]) for row in rows))
        return 200, {}, {"choices": choices, "usage": usage}

    def _chat(self, body):
        """A paragraph for each line that the toy writes, until its answer line or the sixth."""
        question = body["messages"][-1]["content"].replace("\n", " ")
        ids = self._tokenizer(f"<bos>{question}\n")["input_ids"]
        lines, wrote = [], 0
        while not lines or ("Answer" not in lines[-1] and len(lines) < 6):
            settings = body | {
                "max_tokens": 40,
                "stop": ["\n"],
                "seed": body.get("seed", 0) + len(lines),
            }
            text, tokens, *_ = self._write(ids, settings, 0)
            lines.append(text or "0")
            wrote += len(tokens)
            ids = ids + self._tokenizer(f"{text}\n")["input_ids"]
        usage = self._count(len(question) + 2, wrote)
        message = {"role": "assistant", "content": "\n\n".join(lines)}
        choice = {"index": 0, "message": message}
        if body.get("logprobs"):  # a token a character, the last with the break after its line
            spelled = [[*line[:-1], f"{line[-1]}\n\n"] for line in lines]
            spelled[-1][-1] = lines[-1][-1]
            choice["logprobs"] = {
                "content": [
                    {"token": token, "logprob": -1.0 - number}
                    for number, line in enumerate(spelled)
                    for token in line
                ]
            }
        return 200, {}, {"choices": [choice], "usage": usage}

    def _pooling(self, body):
        texts = body["input"]
        if isinstance(texts[0], str):
            texts = [self._tokenizer(text)["input_ids"] for text in texts]
        data = [{"index": index, "data": self._judge(ids)} for index, ids in enumerate(texts)]
        return 200, {}, {"data": data, "usage": self._count(sum(map(len, texts)), 0)}

    def _write(self, ids, body, number):
        """Text, tokens, log-probabilities, finish reason and stop reason of one sample."""
        most, temperature = body["max_tokens"], float(body.get("temperature", 1))
        rng_path = (body["seed"], number) if "seed" in body else (next(self._unseeded), number)
        draws = uniform_draws([rng_path], most)[0]
        written, chances, names = [], [], []
        for draw in draws:
            logits = self._writer(torch.tensor([[*ids, *written]])).logits[0, -1:]
            chosen, chance = sample_tokens(
                logits,
                np.array([0]),
                np.array([temperature]),
                np.array([draw]),
                self._banned_token_mask,
            )
            written.append(int(chosen[0]))
            chances.append(float(chance[0]))
            names.append(self._tokenizer.convert_ids_to_tokens(int(chosen[0])))
            text = self._tokenizer.decode(written, skip_special_tokens=True)
            if written[-1] == self._tokenizer.eos_token_id:
                return text, names, chances, "stop", None
            for stop in body.get("stop", []):
                if stop in text:
                    return text[: text.index(stop)], names, chances, "stop", stop
        return text, names, chances, "length", None

    def _count(self, read, wrote):
        with self._lock:
            self.usage["prompt_tokens"] += read
            self.usage["completion_tokens"] += wrote
        return {"prompt_tokens": read, "completion_tokens": wrote, "total_tokens": read + wrote}

    # --- on a port --------------------------------------------------------------------------------

    @property
    def address(self):
        return f"http://127.0.0.1:{self._http.server_port}/v1"

    @contextmanager
    def running(self):
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"  # connections are kept open

            def setup(self):
                super().setup()
                with server._lock:
                    server.connections += 1

            def do_GET(self):
                self._do(None)

            def do_POST(self):
                self._do(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

            def _do(self, body):
                status, headers, reply = server.answer(self.path, body, self.headers)
                streams = (body or {}).get("stream") and "stream" not in server.ignores
                if streams and isinstance(reply, dict) and status == 200:
                    headers, reply = {"Content-Type": "text/event-stream"}, event_stream(reply)
                content = (reply if isinstance(reply, str) else json.dumps(reply)).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        thread.start()
        try:
            yield self
        finally:
            self._http.shutdown()
            self._http.server_close()
            thread.join()
