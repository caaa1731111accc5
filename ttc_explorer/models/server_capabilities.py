"""What a server can do; ``server_probes.py`` finds it out. Servers that speak OpenAI's protocol
differ in what they keep of it, and some ignore what they do not know without a word: ``transformers
serve`` sends one choice where n are asked for, no log-probabilities, and always the likeliest token
(measured); llama.cpp counts one sample of n, and does not say what ended a text (measured).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ttc_explorer.models.completion_endpoints import (
    OPENAI_COMPLETIONS,
)

PLAIN_SAMPLING: dict[str, float] = {
    "top_k": -1,
    "min_p": 0,
    "repeat_penalty": 1,
    "repetition_penalty": 1,
}
"""Switches off what servers add by themselves: llama.cpp top_k 40 and min_p 0.05 (its ``/props``),
vLLM the model's ``generation_config``. Temperature and top_p are always sent."""

STOP_REASON_KEYS = ("stop_reason", "matched_stop")
"""Where vLLM and SGLang say what a text was stopped by."""

CAPABILITY_LABELS = {
    "completions": "goes on from any text",
    "applies_template": "writes prompts by the model's chat template",
    "token_ids": "token ids",
    "multiple_samples": "several samples a call",
    "batched_prompts": "many prompts a call",
    "samples_vary": "samples differ",
    "seeded_sampling": "same seed, same text",
    "plain_sampling": "samples from all tokens",
    "logprobs": "log-probabilities",
    "stop_sequences": "stops where it is told",
    "tells_stops": "says what stopped it",
    "supports_chat": "answers a chat",
    "streaming": "sends texts as it writes them",
    "pooling": "gives a verifier's head (pooling)",
}
"""Field of ServerCapabilities -> what it means."""

ONLY_CHATS = "It only chats: strategies that continue a solution step by step cannot run on it."
TEMPLATE_UNKNOWN = (
    "Nobody here knows its chat template, and it does not go on from an unfinished message: it is "
    "asked for whole solutions, and strategies that continue one step by step cannot run on it."
)
STOPS_UNKNOWN = (
    "It does not say whether a text has ended or was stopped: it is asked for whole solutions, and "
    "strategies that continue one step by step cannot run on it."
)
KNOWN_SERVERS = {
    "library": "Ollama's own top_k 40 and repetition penalty 1.1 stay on, so its samples differ "
    "less than those of other servers.",
    "organization_owner": "LM Studio's own min_p 0.05 stays on, so its samples differ less than "
    "those of other servers.",
}
"""Who a server's list says owns its models -> what it does to samples that cannot be switched
off."""


@dataclass(frozen=True)
class ServerCapabilities:
    """``model`` is the server's name for its model and ``source`` where it has it from (a Hub id, a
    folder); ``context`` is its longest sequence in tokens and ``parameters`` its size, 0 where it
    does not say.

    ``completions``: it continues any text; ``token_ids``: also one of token ids;
    ``batched_prompts``: many of them a call; ``multiple_samples``: with n samples each, really n,
    and counted. ``samples_vary``: they differ at all. ``logprobs``: it sends log-probabilities (of
    completions, or where it only chats, of chats).
    ``stop_sequences``: it stops at a text. ``seeded_sampling``: the same seed gives the same
    sample. ``supports_chat``: it answers a chat. ``pooling``: it gives a token classifier's outputs
    (vLLM's ``/pooling``).

    ``endpoint`` is how texts are continued (``completion_endpoints.ENDPOINTS``).
    ``applies_template``: it writes a chat as its model reads it (llama.cpp's
    ``/apply-template``). ``tells_stops``: its replies tell a text that was stopped from one that
    has ended. ``plain_sampling``: PLAIN_SAMPLING is accepted.
    ``counts_prompts``: its usage figures have what it read. ``undercounts_samples``: they count one
    sample of several. ``whole_solutions`` says why it is not asked step by step, if so, and
    ``sampling_note`` what it does to samples by itself. ``slots`` are the rows that it writes at
    once, 0 where it does not say: more calls than that would only wait there, and more samples a
    call are refused. ``streaming``: it sends texts piece by piece as it writes them, and they are
    the same, with the same count of tokens, as those that it sends whole.
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
    endpoint: str = OPENAI_COMPLETIONS.name
    applies_template: bool = False
    tells_stops: bool = False
    plain_sampling: bool = False
    counts_prompts: bool = True
    undercounts_samples: bool = False
    whole_solutions: str = ""
    sampling_note: str = ""
    slots: int = 0
    streaming: bool = False

    def summary(self) -> str:
        """All that it can do, in a line."""
        found = [words for field, words in CAPABILITY_LABELS.items() if getattr(self, field)]
        if self.context:
            found.append(f"{self.context:,} tokens of context")
        return ", ".join(found)

    def missing(self) -> tuple[str, ...]:
        """What it lacks as a generator, and what comes of it, a sentence each."""
        steps = self.completions
        lacks = {
            self.whole_solutions or ONLY_CHATS: not steps,
            "It takes one prompt a call, so a batch is many calls.": steps
            and not self.batched_prompts,
            "It counts the tokens of one sample where several are asked for, so one is asked for "
            "at a time.": self.undercounts_samples,
            "It gives one sample a call, whatever is asked for.": steps
            and not self.multiple_samples
            and not self.undercounts_samples,
            "It gave the same text every time: there is nothing to vote on or to "
            "search.": not self.samples_vary,
            "It sends no log-probabilities: they show as 0.": not self.logprobs,
            "It does not stop where it is told: all that it writes costs, and is cut here.": steps
            and not self.stop_sequences,
            "It does not repeat itself: the same seed gives another run.": self.samples_vary
            and not self.seeded_sampling,
            "It refuses to switch off its own top_k, min_p and repetition penalty, if it has any: "
            "its samples may differ less than those of other models.": not self.plain_sampling
            and not self.sampling_note,
            self.sampling_note: bool(self.sampling_note),
            "It does not count what it reads: only the tokens that it writes are "
            "charged.": not self.counts_prompts,
            "It does not send a text while it writes it: a step is seen once it is "
            "whole.": not self.streaming,
            "It does not say how large its model is: its FLOPs count as 0.": not self.parameters,
        }
        return tuple(sentence for sentence, lacking in lacks.items() if lacking)


def stop_reason(choice: Mapping[str, Any]) -> Any:
    """What vLLM and SGLang say a text was stopped by: the stop sequence, None or the end token's
    number at the model's own end. None also where nothing is said."""
    return next((choice[key] for key in STOP_REASON_KEYS if key in choice), None)
