"""How fast the engine is, as ratios measured side by side in one run on the shipped models.

The yardstick is transformers' own ``generate``, used as search libraries commonly do: every round
it reads all prefixes again, and the verifier reads whole solutions again; best-of-N writes whole
solutions in one call and reads each once. Both searches are the same, by the same rule of
allocation, with equal steps left apart (``merge`` off). Beside it stand the same searches on vLLM,
where it is installed, and other libraries' own, where their code is given (``peers/``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter
from typing import NamedTuple, cast

import numpy as np
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoModelForTokenClassification, PreTrainedModel

from ttc_explorer.experiments.peers.peer import Peer, find_peers
from ttc_explorer.experiments.peers.transformers_baseline import (
    ALLOCATIONS,
    SETTINGS,
    TransformersBaseline,
)
from ttc_explorer.experiments.solver import Solver
from ttc_explorer.models import catalogue
from ttc_explorer.models.backbone import Backbone, append_tokens
from ttc_explorer.models.devices import thread_count
from ttc_explorer.models.flops import forward_flops
from ttc_explorer.models.hf_backbone import HFBackbone
from ttc_explorer.models.kv_cache import EMPTY_ROW
from ttc_explorer.models.llama_fast_path import FusedBackbone
from ttc_explorer.models.protocol import ModelError
from ttc_explorer.models.sampling import sample_tokens, uniform_draws
from ttc_explorer.models.tree_decoding import TreeGenerator
from ttc_explorer.models.trie_batch import TrieBatch
from ttc_explorer.problems.answer_checker import exact_match_checker
from ttc_explorer.problems.families import FAMILIES, draw_problem
from ttc_explorer.problems.problem import Problem

ROWS, TOKENS = 64, 64
"""Decoding is measured on so many rows and new tokens a row."""

BUDGETS = (16, 64)
MATRIX = 1024
"""The machine's matrix rate is that of the product of two square matrices of this width."""


def run_bench(questions: int = 4, repeats: int = 3, peers: Path | None = None) -> dict[str, object]:
    """Measure decoding and searches; ratios are times as fast as transformers, as vLLM where it
    is installed, and as the libraries in the folder ``peers``. Raises ModelError.

    Keys: ``threads``; ``matrix_gflops``, the machine's rate of matrix products; ``decode``, tokens
    a second of three decoders on the same rows, and the share of that rate that ours reaches;
    ``beam_16`` and so on, for each search and budget the means over ``questions`` problems of
    seconds, generated tokens and seconds per 1,000 of them, the tokens that our generator computed,
    and the time from the question to the first scored steps. The two searches sample different
    trees: the ratio is that of seconds per token written, the median of ``repeats`` rounds in each
    of which both take their turns.
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
    found, missing = find_peers(peers, baseline)
    others: dict[str, Peer] = {"transformers": baseline, **found}
    return {
        "threads": torch.get_num_threads(),
        "matrix_gflops": round(matrix_rate(repeats) / 1e9, 1),
        "decode": bench_decoding(model, codec.prompt(texts[0]), repeats),
        **{
            f"{strategy}_{budget}": bench_search(
                models,
                {name: one.search for name, one in others.items() if strategy in one.strategies},
                texts,
                strategy,
                budget,
                repeats,
            )
            for strategy in ALLOCATIONS
            for budget in BUDGETS
        },
        **missing,
    }


def matrix_rate(repeats: int) -> float:
    """FLOPs a second of a large matrix product."""
    one = torch.ones(MATRIX, MATRIX)
    seconds = interleaved_medians({"product": lambda: torch.mm(one, one)}, repeats)
    return 2.0 * MATRIX**3 / seconds["product"]


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
    flops = forward_flops(fused.parameters, fused.attention_width, len(prompt), TOKENS)
    rate = ROWS * flops / seconds["fused"]
    return {
        **{f"{name}_tokens_per_second": value for name, value in speed.items()},
        "fused_share_of_matrix_rate": round(rate / matrix_rate(repeats), 3),
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


def interleaved_medians(tasks: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Median seconds of each task, measured in turns after one warm-up of each."""
    spent: dict[str, list[float]] = {name: [] for name in tasks}
    for repeat in range(repeats + 1):
        for name, task in tasks.items():
            start = perf_counter()
            task()
            if repeat:
                spent[name].append(perf_counter() - start)
    return {name: median(seconds) for name, seconds in spent.items()}


# --- searches -------------------------------------------------------------------------------------


def bench_search(
    models: catalogue.ModelSet,
    others: Mapping[str, Callable[[str, str, int, int], int]],
    questions: list[str],
    strategy: str,
    budget: int,
    repeats: int,
) -> dict[str, object]:
    """A search through our driver and by ``others``, question by question in turns. They take the
    question, the strategy, the budget and a seed, and give the tokens that they generated."""
    ours: list[list[EngineCost]] = []
    theirs: dict[str, list[list[tuple[float, int]]]] = {name: [] for name in others}
    for repeat in range(repeats + 1):  # the first round warms up, on one question
        ours.append([])
        for searches in theirs.values():
            searches.append([])
        for seed, question in enumerate(questions if repeat else questions[:1]):
            ours[-1].append(engine_search(models, question, strategy, budget, seed))
            for name, search in others.items():
                start = perf_counter()
                tokens = search(question, strategy, budget, seed)
                theirs[name][-1].append((perf_counter() - start, tokens))
    own_rates = [
        _seconds_per_token([(cost.seconds, cost.tokens) for cost in own]) for own in ours[1:]
    ]
    all_ours = [cost for own in ours[1:] for cost in own]
    figures: dict[str, object] = {
        "questions": len(questions),
        "ours": _mean_costs([cost[:2] for cost in all_ours]),
        "computed_tokens": round(sum(cost.computed for cost in all_ours) / len(all_ours)),
        "seconds_to_first_steps": round(median(cost.first for cost in all_ours), 3),
    }
    for name, rounds in theirs.items():
        ratios = [
            _seconds_per_token(other) / own
            for own, other in zip(own_rates, rounds[1:], strict=True)
        ]
        figures[name] = {
            **_mean_costs([cost for other in rounds[1:] for cost in other]),
            "ratio": round(median(ratios), 2),
            "ratios": [round(ratio, 2) for ratio in ratios],
        }
    return figures


def _seconds_per_token(searches: Sequence[tuple[float, int]]) -> float:
    return sum(seconds for seconds, _ in searches) / sum(tokens for _, tokens in searches)


def _mean_costs(searches: Sequence[tuple[float, int]]) -> dict[str, float]:
    """Means of (seconds, tokens generated)."""
    seconds, tokens = (sum(values) for values in zip(*searches, strict=True))
    return {
        "seconds": round(seconds / len(searches), 3),
        "generated_tokens": round(tokens / len(searches)),
        "seconds_per_1000_tokens": round(1000 * seconds / tokens, 3),
    }


class EngineCost(NamedTuple):
    """Seconds, tokens that the samples wrote, tokens that the generator computed for them, and
    seconds until the first steps had their scores."""

    seconds: float
    tokens: int
    computed: int
    first: float


def engine_search(
    models: catalogue.ModelSet, question: str, strategy: str, budget: int, seed: int
) -> EngineCost:
    """What a search through our driver costs."""
    solver = Solver.from_models(models.generator, models.verifier, make_checker=exact_match_checker)
    run, driver = solver.run(Problem(question), strategy, budget, seed, SETTINGS), solver.driver()
    start = perf_counter()
    driver.add(run)
    running = driver.tick()
    first = perf_counter() - start
    while running:
        running = driver.tick()
    ledger = run.ledger
    seconds = perf_counter() - start
    return EngineCost(seconds, ledger.generated_tokens, ledger.generator_tokens_computed, first)
