"""From FLOPs to joules: estimates by what a device draws and how much of its peak it really
reaches.

    joules = FLOPs / (peak · utilisation) · watts

The whole rated power is charged for the time that the work takes; idle time, memory, cooling and
the rest of the machine are left out. Nothing in here is measured at a socket, and everything shown
from it says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.ledger import LOCAL_FLOPS, LOCAL_UTILISATION, LOCAL_WATTS

UTILISATION = 0.4
"""Share of the peak that large-scale training reaches: 38 to 43 % on 8,192 to 16,384 H100 (Llama 3,
arXiv 2407.21783, table 4). Decoding a few sequences at a time reaches far less."""

GRAMS_PER_KWH = 445.0
"""CO2 of the world's electricity in 2024 (IEA, Electricity 2025, section Emissions)."""

JOULES_PER_KWH = 3.6e6


@dataclass(frozen=True)
class Device:
    """``watts`` of rated power, ``peak`` in FLOP/s of dense matrix products, the share
    ``utilisation`` of it that is assumed to be reached, and where the first two figures stand."""

    title: str
    watts: float
    peak: float
    utilisation: float
    source: str

    @property
    def joules_per_flop(self) -> float:
        return self.watts / (self.peak * self.utilisation)


DEVICES: dict[str, Device] = {
    "local": Device(
        "Two desktop cores",
        LOCAL_WATTS,
        LOCAL_FLOPS,
        LOCAL_UTILISATION,
        "65 W class desktop processor; 160 GFLOP/s in float32 matrix products, measured on two "
        "cores, and the share by the seconds of the shipped sweeps",
    ),
    "laptop": Device(
        "Laptop processor",
        28.0,
        384e9,
        UTILISATION,
        "Intel Core i7-1185G7: 28 W, 4 cores at 3.0 GHz, 32 float32 FLOP a cycle with AVX-512",
    ),
    "rtx-4090": Device(
        "NVIDIA RTX 4090",
        450.0,
        165.2e12,
        UTILISATION,
        "NVIDIA Ada GPU architecture whitepaper: bfloat16 with float32 accumulation, dense",
    ),
    "a100": Device(
        "NVIDIA A100 SXM",
        400.0,
        312e12,
        UTILISATION,
        "NVIDIA A100 Tensor Core GPU datasheet: bfloat16, dense",
    ),
    "h100": Device(
        "NVIDIA H100 SXM",
        700.0,
        989.4e12,
        UTILISATION,
        "NVIDIA H100 Tensor Core GPU datasheet: bfloat16, dense",
    ),
}


def flops_to_joules(flops: float, device: str) -> float:
    """Estimated energy of some work on one of DEVICES. Raises BadInput for an unknown one."""
    if device not in DEVICES:
        raise BadInput(f"Unknown device '{device[:40]}': choose from {', '.join(DEVICES)}.")
    return flops * DEVICES[device].joules_per_flop


def joules_to_co2_grams(energy: float, grams_per_kwh: float = GRAMS_PER_KWH) -> float:
    """Estimated grams of CO2 of ``energy`` joules."""
    return energy / JOULES_PER_KWH * grams_per_kwh


def lifetime_cost(training: float, query: float, queries: float) -> float:
    """Training, and ``queries`` at ``query`` each, in whatever unit (joules or FLOPs) both are
    given."""
    return training + queries * query


def break_even_queries(
    small_training: float, small_query: float, large_training: float, large_query: float
) -> float:
    """After how many queries a small model with test-time compute has cost as much as a large one
    that does not.

    Up to there the small model costs less in all. Infinite where its queries cost no more than the
    large one's; 0 where it was not even cheaper to train.

    >>> break_even_queries(small_training=10, small_query=3, large_training=110, large_query=1)
    50.0
    """
    training_saved, extra_query_cost = large_training - small_training, small_query - large_query
    if training_saved <= 0:
        return 0.0
    return training_saved / extra_query_cost if extra_query_cost > 0 else math.inf
