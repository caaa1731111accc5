"""How fast the engine is, as ratios measured side by side in one run on the shipped models.

The yardstick is transformers' own ``generate``, used as search libraries commonly do: every round
it reads all prefixes again, and the verifier reads whole solutions again. Both searches are the
same beam search.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from statistics import median
from time import perf_counter
from typing import cast

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoModelForCausalLM, AutoModelForTokenClassification, PreTrainedModel

from ttc_explorer.experiments.solver import Solver
from ttc_explorer.models import catalogue
from ttc_explorer.models.backbone import Backbone, append_tokens
from ttc_explorer.models.devices import thread_count
from ttc_explorer.models.hf_backbone import HFBackbone
from ttc_explorer.models.kv_cache import EMPTY_ROW
from ttc_explorer.models.llama_fast_path import FusedBackbone
from ttc_explorer.models.protocol import ModelError
from ttc_explorer.models.sampling import sample_tokens, uniform_draws
from ttc_explorer.models.step_codec import StepCodec
from ttc_explorer.models.tree_decoding import TreeGenerator
from ttc_explorer.models.trie_batch import TrieBatch
from ttc_explorer.problems.answer_checker import exact_match_checker
from ttc_explorer.problems.answer_reader import read_answer
from ttc_explorer.problems.families import FAMILIES, draw_problem
from ttc_explorer.problems.problem import Problem
from ttc_explorer.search.settings import Settings

ROWS, TOKENS = 64, 64
"""Decoding is measured on so many rows and new tokens a row."""

BUDGETS = (16, 64)
SETTINGS = Settings()


def run_bench(questions: int = 8, repeats: int = 3) -> dict[str, object]:
    """Measure decoding and beam search; ratios are times as fast as transformers. Raises
    ModelError.

    Keys: ``threads``; ``decode``, tokens a second of three decoders on the same rows; ``beam_16``
    and so on, for each budget the means over ``questions`` problems of seconds, generated tokens
    and seconds per 1,000 of them, and the time from the question to the first scored steps. The two
    searches sample different trees: the ratio is that of seconds per token.
    """
    models = catalogue.load_models()
    if not isinstance(models.generator, TreeGenerator) or models.verifier is None:
        raise ModelError("The shipped models are not here: the benchmark needs them.")
    torch.set_num_threads(thread_count(models.generator.parameters))
    model = AutoModelForCausalLM.from_pretrained(
        catalogue.MODELS_FOLDER / models.generator.name, dtype=torch.float32
    )
    verifier = AutoModelForTokenClassification.from_pretrained(
        catalogue.MODELS_FOLDER / models.verifier.name, dtype=torch.float32
    )
    texts = benchmark_questions(questions)
    codec = models.generator.codec
    baseline = TransformersBaseline(model.train(False), verifier.train(False), codec)
    return {
        "threads": torch.get_num_threads(),
        "decode": bench_decoding(model, codec.prompt(texts[0]), repeats),
        **{f"beam_{budget}": bench_search(models, baseline, texts, budget) for budget in BUDGETS},
    }


def benchmark_questions(count: int) -> list[str]:
    """Questions of all families in turn, of middling level."""
    families = list(FAMILIES)
    return [draw_problem(families[i % len(families)], 3, Random(i)).text for i in range(count)]


# --- decoding -------------------------------------------------------------------------------------


def bench_decoding(model: PreTrainedModel, prompt: list[int], repeats: int) -> dict[str, float]:
    """Tokens a second at ROWS rows: own fused decoder, generic decoder, transformers'
    ``generate``."""
    ids = torch.tensor([prompt] * ROWS)

    generate = cast(Callable[..., Tensor], model.generate)  # torch types it as a tensor

    def baseline() -> None:
        generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            do_sample=True,
            temperature=0.8,
            top_k=0,
            min_new_tokens=TOKENS,
            max_new_tokens=TOKENS,
            pad_token_id=0,
        )

    fused, generic = FusedBackbone(model), HFBackbone(model)
    seconds = interleaved_medians(
        {
            "fused": lambda: decode(fused, ids),
            "generic": lambda: decode(generic, ids),
            "generate": baseline,
        },
        repeats,
    )
    speed = {name: round(ROWS * TOKENS / spent) for name, spent in seconds.items()}
    return {
        **{f"{name}_tokens_per_second": value for name, value in speed.items()},
        "fused_ratio": round(seconds["generate"] / seconds["fused"], 2),
        "generic_ratio": round(seconds["generate"] / seconds["generic"], 2),
    }


@torch.inference_mode()
def decode(backbone: Backbone, ids: Tensor) -> None:
    """Sample TOKENS tokens after each row of ``ids`` (rows, prompt), none of them an end; rows stay
    apart also where they are equal."""
    count = len(ids)
    prompts = append_tokens(backbone, [EMPTY_ROW] * count, ids[:, :-1].tolist(), predict=False)
    batch = TrieBatch(backbone, [prompt.row for prompt in prompts], TOKENS)
    last, rows = ids[:, -1].numpy(), np.arange(count)
    draws = uniform_draws([(row,) for row in range(count)], TOKENS)
    temperatures = np.full(count, SETTINGS.temperature)
    for token in range(TOKENS):
        logits = batch.read(rows, last)
        banned = torch.zeros(logits.shape[1], dtype=torch.bool)
        last, _ = sample_tokens(logits, rows, temperatures, draws[:, token], banned)


def interleaved_medians(tasks: dict[str, Callable[[], None]], repeats: int) -> dict[str, float]:
    """Median seconds of each task, measured in turns after one warm-up of each."""
    spent: dict[str, list[float]] = {name: [] for name in tasks}
    for repeat in range(repeats + 1):
        for name, task in tasks.items():
            start = perf_counter()
            task()
            if repeat:
                spent[name].append(perf_counter() - start)
    return {name: median(seconds) for name, seconds in spent.items()}


# --- beam search ----------------------------------------------------------------------------------


def bench_search(
    models: catalogue.ModelSet, baseline: TransformersBaseline, questions: list[str], budget: int
) -> dict[str, object]:
    """Beam search through our driver and by ``baseline``, question by question in turns."""
    engine_costs: list[tuple[float, int]] = []
    baseline_costs: list[tuple[float, int]] = []
    first_step_seconds: list[float] = []
    for seed, question in enumerate([questions[0], *questions]):
        start = perf_counter()
        tokens, first = engine_beam(models, question, budget, seed)
        middle = perf_counter()
        baseline_tokens = baseline.beam(question, budget, seed)
        if seed:  # the first search of each warms up
            engine_costs.append((middle - start, tokens))
            baseline_costs.append((perf_counter() - middle, baseline_tokens))
            first_step_seconds.append(first)
    results = {"ours": _mean_costs(engine_costs), "transformers": _mean_costs(baseline_costs)}
    spent = {name: result["seconds_per_1000_tokens"] for name, result in results.items()}
    return {
        "questions": len(questions),
        **results,
        "seconds_to_first_steps": round(median(first_step_seconds), 3),
        "ratio": round(spent["transformers"] / spent["ours"], 2),
    }


def _mean_costs(searches: list[tuple[float, int]]) -> dict[str, float]:
    """Means of (seconds, tokens generated)."""
    seconds, tokens = (sum(values) for values in zip(*searches, strict=True))
    return {
        "seconds": round(seconds / len(searches), 3),
        "generated_tokens": round(tokens / len(searches)),
        "seconds_per_1000_tokens": round(1000 * seconds / tokens, 3),
    }


def engine_beam(
    models: catalogue.ModelSet, question: str, budget: int, seed: int
) -> tuple[int, float]:
    """Tokens generated, and seconds until the first steps had their scores."""
    solver = Solver.from_models(models.generator, models.verifier, make_checker=exact_match_checker)
    run, driver = solver.run(Problem(question), "beam", budget, seed, SETTINGS), solver.driver()
    start = perf_counter()
    driver.add(run)
    running = driver.tick()
    first = perf_counter() - start
    while running:
        running = driver.tick()
    return run.ledger.generated_tokens, first


class TransformersBaseline:
    """The same beam search on ``generate``: in batches, with a cache within a round but none
    between them."""

    def __init__(self, model: PreTrainedModel, verifier: PreTrainedModel, codec: StepCodec) -> None:
        self.model, self.verifier, self.codec = model, verifier, codec
        self.ends = codec.line_ends.nonzero()[0].tolist()
        self.end = model.config.eos_token_id
        self.context = model.config.max_position_embeddings

    @torch.inference_mode()
    def beam(self, question: str, budget: int, seed: int) -> int:
        """Tokens generated."""
        torch.manual_seed(seed)
        prompt = self.codec.prompt(question)
        live: list[list[int]] = [prompt] * budget
        generated = 0
        for _ in range(SETTINGS.rounds):
            steps = self._steps(live)
            generated += sum(map(len, steps))
            extended = [ids + step for ids, step in zip(live, steps, strict=True)]
            scores = self._scores(extended)
            texts = self.codec.texts(steps)
            ranking = [
                index
                for index in sorted(range(len(extended)), key=lambda index: -scores[index])
                if steps[index][-1] in self.ends
                and read_answer(texts[index]) is None
                and len(extended[index]) < self.context
            ]
            if not ranking:
                break
            survivors = ranking[: max(1, len(ranking) // SETTINGS.children(budget))]
            live = [extended[survivors[index % len(survivors)]] for index in range(len(ranking))]
        return generated

    def _steps(self, live: list[list[int]]) -> list[list[int]]:
        """One sampled step after each prefix, all prefixes read from their beginning."""
        width = max(map(len, live))
        ids = pad_sequence(
            [torch.tensor(row) for row in live], batch_first=True, padding_side="left"
        )
        lengths = torch.tensor([len(row) for row in live])
        generate = cast(Callable[..., Tensor], self.model.generate)
        out = generate(
            input_ids=ids,
            attention_mask=(torch.arange(width) >= width - lengths[:, None]).long(),
            do_sample=True,
            temperature=SETTINGS.temperature,
            top_k=0,
            max_new_tokens=min(catalogue.SHIPPED_MAX_STEP_TOKENS, self.context - width),
            eos_token_id=[*self.ends, self.end],
            pad_token_id=0,
        )
        return [self._trim_padding(row) for row in out[:, width:].tolist()]

    def _trim_padding(self, step: list[int]) -> list[int]:
        """The sampled tokens without the padding after the end."""
        for index, token in enumerate(step):
            if token in self.ends or token == self.end:
                return step[: index + 1]
        return step

    def _scores(self, rows: list[list[int]]) -> list[float]:
        """The verifier's score at the end of each solution, read from its beginning."""
        ids = pad_sequence([torch.tensor(row) for row in rows], batch_first=True)
        lengths = torch.tensor([len(row) for row in rows])
        mask = (torch.arange(ids.shape[1]) < lengths[:, None]).long()
        logits = self.verifier(input_ids=ids, attention_mask=mask).logits
        scores: list[float] = (
            logits[torch.arange(len(rows)), lengths - 1].softmax(-1)[:, 1].tolist()
        )
        return scores
