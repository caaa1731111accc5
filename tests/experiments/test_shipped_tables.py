"""The shipped tables recomputed without the package: plain pandas and numpy on the files, so that a
mistake of the estimators cannot hide in its own check."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from ttc_explorer.experiments.model_size_exchange import inference_multiplier

EXPERIMENTS = Path(__file__).resolve().parents[2] / "assets" / "experiments"


def read(model: str, table: str, columns: list[str] | None = None) -> pd.DataFrame:
    return pd.read_parquet(EXPERIMENTS / model / f"{table}.parquet", columns=columns)


def about(model: str) -> dict:
    return json.loads((EXPERIMENTS / model / "about.json").read_text(encoding="utf-8"))


@pytest.mark.slow
@pytest.mark.parametrize("ratio", [0.16, 0.79, 22.0])
@pytest.mark.parametrize("verifier_counted", [True, False])
def test_exchange_gives_both_models_equal_flops(ratio, verifier_counted):
    """What m verified samples of the small model cost by the tables, pretraining shared, is what
    one greedy answer of the large one costs. (Answers differ in length, and the small model reads
    its prompt once for all samples: a fifth. Dividing only a part of m by 1 + v gave the small
    model 2.3 times as much.)"""
    small, large = about("base-s"), about("base-l")
    times = large["parameters"] / small["parameters"]
    share = small["verifier_parameters"] / small["parameters"] if verifier_counted else 0.0
    pool = read("base-s", "pool", ["generator_flops", "verifier_flops"])
    sample, judged = pool["generator_flops"].mean(), pool["verifier_flops"].mean()
    runs = read("base-l", "runs")
    greedy = runs.loc[runs["strategy"] == "greedy", "generator_flops"].mean()
    samples = inference_multiplier(times, ratio, share)
    # Pretraining takes 3 times the FLOPs of inference for each token, of which there are 1 / R.
    spent_small = samples * (sample + judged * verifier_counted) + 3 * sample / ratio
    spent_large = greedy + 3 * greedy / ratio
    assert spent_small == pytest.approx(spent_large, rel=0.2)
