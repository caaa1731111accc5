"""Energy: one figure for this machine everywhere, and a break-even that is one."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttc_explorer.asset_files import EXPERIMENTS_FOLDER
from ttc_explorer.experiments.energy import (
    DEVICES,
    break_even_queries,
    flops_to_joules,
    joules_to_co2_grams,
    lifetime_cost,
)
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.ledger import LOCAL_FLOPS, LOCAL_UTILISATION, Ledger

COST = st.floats(0.001, 1e6)


def test_the_ledger_of_a_run_and_the_table_agree_on_this_machine():
    assert flops_to_joules(3e12, "local") == pytest.approx(
        Ledger(generator_flops=2e12, verifier_flops=1e12).joules_estimate
    )


def test_the_share_of_the_peak_is_what_the_shipped_sweeps_reached():
    """FLOPs over seconds of all that was swept, a worker on one of two cores."""
    flops = seconds = 0.0
    for path in EXPERIMENTS_FOLDER.glob("*/*.parquet"):
        if path.stem in ("pool", "runs"):
            table = pd.read_parquet(path)
            flops += table["generator_flops"].sum() + table["verifier_flops"].sum()
            seconds += table["seconds"].sum()
    assert 2 * flops / seconds / LOCAL_FLOPS == pytest.approx(LOCAL_UTILISATION, rel=0.15)


def test_every_device_has_a_source_and_a_sensible_figure():
    for device in DEVICES.values():
        assert device.source
        assert 0 < device.utilisation <= 1
        assert 1e-13 < device.joules_per_flop < 1e-8


def test_by_hand():
    """An H100 at 40 % of 989.4 TFLOP/s takes 1 / 395.76e12 s for a FLOP, at 700 W."""
    assert flops_to_joules(395.76e12, "h100") == pytest.approx(700)
    assert joules_to_co2_grams(3.6e6) == 445
    assert joules_to_co2_grams(1.8e6, grams_per_kwh=100) == 50


def test_an_unknown_device_is_refused():
    with pytest.raises(BadInput, match="choose from local"):
        flops_to_joules(1.0, "abacus")


@given(COST, COST, COST, COST)
def test_before_the_break_even_the_small_model_costs_less_and_after_it_more(a, b, c, d):
    small, large = (min(a, b), max(c, d) * 1.01), (max(a, b) * 1.01, min(c, d))
    even = break_even_queries(*small, *large)
    assert lifetime_cost(*small, even) == pytest.approx(lifetime_cost(*large, even))
    assert lifetime_cost(*small, even * 0.9) < lifetime_cost(*large, even * 0.9)
    assert lifetime_cost(*small, even * 1.1) > lifetime_cost(*large, even * 1.1)


def test_where_there_is_no_break_even():
    assert break_even_queries(1, 1, 5, 1) == math.inf
    assert break_even_queries(5, 2, 5, 1) == 0
    assert break_even_queries(6, 1, 5, 2) == 0
