"""Servers and their peculiarities: how each is asked, what the page says of it, and what is
counted. The document of it::

    python -m tests.server.server_cases > docs/servers.md
"""

from __future__ import annotations

from typing import NamedTuple

from tests.search.fakes import toy_run
from tests.server.peculiar_server import ADDRESS, PeculiarServer
from ttc_explorer.models.completion_endpoints import (
    CONTINUED_CHAT,
    ENDPOINTS,
    LLAMA_CPP_COMPLETION,
    OPENAI_COMPLETIONS,
    CompletionEndpoint,
)
from ttc_explorer.models.completions_client import CompletionsGenerator
from ttc_explorer.models.server_capabilities import (
    KNOWN_SERVERS,
    ONLY_CHATS,
    STOPS_UNKNOWN,
    TEMPLATE_UNKNOWN,
)
from ttc_explorer.models.server_factory import connect_generator
from ttc_explorer.problems.answer_checker import exact_match_checker
from ttc_explorer.search.driver import Driver
from ttc_explorer.search.run import Run

WHOLE = None
"""Instead of an endpoint: it is asked for whole solutions."""


class Case(NamedTuple):
    """What a server ``has`` and its ``quirks`` (``PeculiarServer``), the ``endpoint`` that it is to
    be asked at, a ``sentence`` that is to be said of it, and who its list says owns its models."""

    has: tuple[str, ...]
    quirks: tuple[str, ...]
    endpoint: CompletionEndpoint | None
    sentence: str = ""
    owner: str = "vllm"

    def server(self) -> PeculiarServer:
        """The server."""
        return PeculiarServer(*self.has, quirks=self.quirks, owner=self.owner)


LLAMA_CPP = ("/completion", "/apply-template", "/props", "completions", "chat/completions")
BOTH, CHAT = ("completions", "chat/completions"), ("chat/completions",)
OLLAMA, LM_STUDIO = "library", "organization_owner"

CASES = {
    "llama.cpp (measured)": Case(
        LLAMA_CPP, ("usage of one", "no stop reason"), LLAMA_CPP_COMPLETION
    ),
    # docs.ollama.com, OpenAI compatibility: no n, a string as prompt, log-probabilities of chats
    # only; completions apply the chat template.
    "Ollama (by its documents)": Case(
        (*BOTH, "/api/ps"),
        ("wraps", "ignores n", "no stop reason"),
        WHOLE,
        KNOWN_SERVERS[OLLAMA],
        OLLAMA,
    ),
    # lmstudio.ai, OpenAI-compatible endpoints: its list of parameters has no n and no logprobs.
    "LM Studio (from memory)": Case(
        (*BOTH, "/api/v0/models"),
        ("ignores n", "no logprobs", "no stop reason"),
        WHOLE,
        KNOWN_SERVERS[LM_STUDIO],
        LM_STUDIO,
    ),
    # docs.sglang.io, OpenAI-compatible APIs: matched_stop, continue_final_message.
    "SGLang (from memory)": Case(BOTH, ("matched stop",), CONTINUED_CHAT, owner="sglang"),
    "a template that nobody knows": Case(BOTH, (), CONTINUED_CHAT),
    "and no unfinished message": Case(BOTH, ("starts anew",), WHOLE, TEMPLATE_UNKNOWN),
    "only chats": Case(CHAT, ("starts anew",), WHOLE, ONLY_CHATS),
    "does not chat": Case(("completions",), (), OPENAI_COMPLETIONS),
    "log-probabilities of chats in completions": Case(
        ("completions",), ("content logprobs",), OPENAI_COMPLETIONS
    ),
    "completions that are chats": Case(BOTH, ("wraps", "starts anew"), WHOLE, ONLY_CHATS),
    "finish_reason alone": Case(BOTH, ("no stop reason",), WHOLE, STOPS_UNKNOWN),
    "finish_reason null": Case(BOTH, ("no stop reason", "null finish"), WHOLE, STOPS_UNKNOWN),
    "finish_reason missing": Case(BOTH, ("no stop reason", "no finish"), WHOLE, STOPS_UNKNOWN),
    "n ignored": Case(BOTH, ("ignores n",), CONTINUED_CHAT, "one sample a call, whatever"),
    "usage of one of n": Case(BOTH, ("usage of one",), CONTINUED_CHAT),
    "usage of one of n, and no lists": Case(
        BOTH, ("usage of one", "no logprobs"), CONTINUED_CHAT, "tokens of one sample where several"
    ),
    "usage of zeros": Case(BOTH, ("zero usage",), CONTINUED_CHAT, "does not count what it reads"),
    "no usage": Case(BOTH, ("no usage",), CONTINUED_CHAT, "does not count what it reads"),
    "usage with decimal points": Case(BOTH, ("float usage",), CONTINUED_CHAT),
    "a log-probability that is null": Case(
        BOTH, ("null logprob",), CONTINUED_CHAT, "they show as 0"
    ),
    "no pieces": Case(BOTH, ("never streams",), CONTINUED_CHAT, "does not send a text while"),
    "pieces without usage": Case(
        BOTH, ("bare pieces", "no logprobs"), CONTINUED_CHAT, "does not send a text while"
    ),
    "parameters refused": Case(BOTH, ("refuses sampling",), CONTINUED_CHAT, "its own top_k"),
}


async def no_sleep(_: float) -> None:
    """Sleep for no time."""


def connect(server: PeculiarServer):
    """The generator at a server."""
    transport = server.client()._transport
    return connect_generator(ADDRESS, {}, transport=transport, sleep=no_sleep)


def asked_at(generator) -> CompletionEndpoint | None:
    """The endpoint at which it is asked for steps; WHOLE if it is asked for whole solutions."""
    found = generator.capabilities
    return ENDPOINTS[found.endpoint] if isinstance(generator, CompletionsGenerator) else WHOLE


def solve(generator, is_watched: bool = False) -> Run:
    """Best-of-6 by majority; ``is_watched`` by somebody who wants to see texts as they are
    written."""
    run = toy_run("best_of_n", 6, selector="majority", merge=False)
    driver = Driver(generator, None, exact_match_checker)
    driver.add(run, is_watched=is_watched)
    while driver.tick():
        pass
    return run


def server_table() -> str:
    """The document: a row a case, all of it as the product does it."""
    rows = []
    for name, case in CASES.items():
        server = case.server()
        generator = connect(server)
        server.wrote = 0
        run = solve(generator)
        endpoint = asked_at(generator)
        asked = "whole solutions, `chat/completions`" if endpoint is WHOLE else f"`{endpoint.path}`"
        said = "<br>".join(generator.capabilities.missing()) or "nothing"
        counted = f"{run.ledger.generated_tokens} of {server.wrote}"
        logprobs = "yes" if any(run.tree.token_logprobs) else "no"
        rows.append(f"| {name} | {asked} | {said} | {counted} | {logprobs} |")
    return HEAD + "\n".join(rows) + "\n"


HEAD = """# Servers and their peculiarities

Made by `python -m tests.server.server_cases > docs/servers.md`: a fake server with one peculiarity
at a time, asked by the product itself. *Counted*: the tokens in the ledger of best-of-6, of those
that the server wrote. *Log-probabilities*: whether a run has them. Ollama is as its
documents have it (OpenAI compatibility), LM Studio and SGLang as we remember them; none of
the three was run here; llama.cpp was.

| server | is asked at | the page says | counted | log-probabilities |
|---|---|---|---|---|
"""

if __name__ == "__main__":
    print(server_table(), end="")
