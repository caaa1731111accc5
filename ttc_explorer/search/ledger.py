"""What a run cost: the models' own counts, added up.

Models count the tokens they really processed (``models/protocol.py``, Cost); strategies and pages
only read.
"""

from __future__ import annotations

from dataclasses import dataclass

from ttc_explorer.models.protocol import Cost

LOCAL_WATTS = 65.0
LOCAL_FLOPS = 160e9
JOULES_PER_FLOP = LOCAL_WATTS / LOCAL_FLOPS
"""Estimate: a 65 W desktop processor at its matrix-multiply peak of 160 GFLOP/s (two cores,
measured)."""


@dataclass
class Ledger:
    """Running totals of one run.

    Token counts as in Cost. ``sequential_depth`` counts model passes that had to wait for the one
    before them (the longest row of each decoding round, and one pass for each prefill or verifier
    call): latency, where the tokens are total work. ``seconds`` is wall time, shared with whoever
    else was running; so is ``peak_memory``, in bytes, the most that an accelerator held at one time
    (0: not known).
    """

    generated_tokens: int = 0
    prefill_tokens: int = 0
    cached_tokens: int = 0
    verifier_tokens: int = 0
    flops: float = 0.0
    sequential_depth: int = 0
    seconds: float = 0.0
    peak_memory: int = 0

    def charge(self, cost: Cost, depth: int = 0) -> None:
        """Add what a piece of work cost, and the number of passes it made others wait for."""
        self.generated_tokens += cost.generated
        self.prefill_tokens += cost.prefilled
        self.cached_tokens += cost.cached
        self.verifier_tokens += cost.verifier
        self.flops += cost.flops
        self.sequential_depth += depth
        self.peak_memory = max(self.peak_memory, cost.peak_memory)

    @property
    def joules_estimate(self) -> float:
        """Energy at JOULES_PER_FLOP; an estimate, never measured."""
        return self.flops * JOULES_PER_FLOP
