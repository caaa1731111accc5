"""search-and-learn's beam search, by its own code, on the models of the benchmark's yardstick: the
same checkpoint, verifier and rule of where a solution ends."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from types import ModuleType, SimpleNamespace

import torch

from ttc_explorer.experiments.peers.solution_lines import solution_ids
from ttc_explorer.experiments.peers.transformers_baseline import SETTINGS, TransformersBaseline
from ttc_explorer.problems.answer_reader import read_answer


class SearchAndLearn:
    """Raises ImportError if the library cannot be loaded. vLLM, of which its search needs the names
    alone, need not be installed."""

    strategies: tuple[str, ...] = ("beam",)

    def __init__(self, baseline: TransformersBaseline) -> None:
        self._models = _SearchAndLearnModels(baseline)
        with _names_of_vllm():
            self._beam = importlib.import_module("sal.search.beam_search")
            self._config = importlib.import_module("sal.config")

    def search(self, question: str, strategy: str, budget: int, seed: int) -> int:
        """Tokens generated."""
        torch.manual_seed(seed)
        before = self._models.generated
        config = self._config.Config(
            approach="beam_search",
            custom_chat_template=None,
            n=budget,
            beam_width=SETTINGS.children(budget),
            num_iterations=SETTINGS.rounds,
            search_batch_size=1,
            lookahead=0,
        )
        with torch.inference_mode():
            self._beam.beam_search({"problem": [question]}, config, self._models, self._models)
        return self._models.generated - before


class _SearchAndLearnModels:
    """The yardstick's models as search-and-learn's language model, its tokenizer and its process
    reward model. A prompt is the question's line and what has been written so far."""

    def __init__(self, baseline: TransformersBaseline) -> None:
        self._baseline = baseline
        self.generated = 0

    def get_tokenizer(self) -> _SearchAndLearnModels:
        return self

    def apply_chat_template(
        self, conversations: Sequence[Sequence[dict[str, str]]], **_: object
    ) -> list[str]:
        """Each conversation as a prompt: the system, the question, what was answered so far."""
        return [
            "\n".join(message["content"] for message in conversation[1:])
            + "\n" * (len(conversation) == 2)
            for conversation in conversations
        ]

    def generate(
        self, prompts: Sequence[str], sampling: SimpleNamespace, **_: object
    ) -> list[SimpleNamespace]:
        """The next step of each; ``stop_reason`` is None where a solution has ended, as all do in
        the last round, which asks for no stop."""
        baseline = self._baseline
        live = [self._ids(*prompt.split("\n", 1)) for prompt in prompts]
        # A solution that has filled the context has ended, which search-and-learn does not know.
        has_room = [len(ids) < baseline.context for ids in live]
        some = [ids for ids, room in zip(live, has_room, strict=True) if room]
        steps = baseline.steps(some) if some else []
        self.generated += sum(map(len, steps))
        texts = iter(zip(baseline.codec.texts(steps), steps, strict=True))
        outputs = [self._output(*next(texts)) if room else _output("", None) for room in has_room]
        if not getattr(sampling, "stop", None):
            for output in outputs:
                output.outputs[0].stop_reason = None
        return outputs

    def score(
        self, questions: Sequence[str], solutions: Sequence[Sequence[str]]
    ) -> list[list[list[float]]]:
        """The score of each solution's last step, by question."""
        context = self._baseline.context
        rows = [
            self._ids(question, text)[:context]
            for question, texts in zip(questions, solutions, strict=True)
            for text in texts
        ]
        scores = iter(self._baseline.scores(rows))
        return [[[next(scores)] for _ in texts] for texts in solutions]

    def _ids(self, question: str, solution: str) -> list[int]:
        return solution_ids(self._baseline.codec, question, solution)

    def _output(self, text: str, step: Sequence[int]) -> SimpleNamespace:
        if step[-1] in self._baseline.ends and read_answer(text) is None:
            return _output(text + "\n", "\n")
        return _output(text, None)


def _output(text: str, stop_reason: str | None) -> SimpleNamespace:
    """As vLLM gives it."""
    return SimpleNamespace(outputs=[SimpleNamespace(text=text, stop_reason=stop_reason)])


@contextmanager
def _names_of_vllm() -> Iterator[None]:
    """A module vllm with the names that search-and-learn imports, where there is none."""
    if find_spec("vllm"):
        yield
        return
    module = ModuleType("vllm")
    vars(module).update(LLM=object, SamplingParams=SimpleNamespace)
    sys.modules["vllm"] = module
    try:
        yield
    finally:
        del sys.modules["vllm"]
