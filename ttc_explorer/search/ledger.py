"""What a run cost: the models' own counts, added up.

Models count the tokens they really processed (``models/protocol.py``, Cost); strategies and pages
only read.
"""

from __future__ import annotations

from dataclasses import dataclass

from ttc_explorer.models.protocol import Cost

LOCAL_WATTS = 65.0
LOCAL_FLOPS = 160e9
LOCAL_UTILISATION = 0.25
"""What decoding reaches of the peak: the runs and pools of the shipped sweeps (assets/experiments)
took a second of one of the two cores for 20 GFLOP."""
JOULES_PER_FLOP = LOCAL_WATTS / (LOCAL_FLOPS * LOCAL_UTILISATION)
"""Estimate: a 65 W desktop processor at a quarter of its matrix-multiply peak of 160 GFLOP/s (two
cores, measured)."""


@dataclass
class Ledger:
    """Running totals of one run.

    Tokens and FLOPs as in Cost, generator and verifier apart. ``generator_depth`` and
    ``verifier_depth`` count model passes that had to wait for the one before them (the longest row
    of each decoding round, and one pass for each prefill or verifier call): latency, where the
    tokens are total work. ``seconds`` is wall time, shared with whoever else was running; so is
    ``peak_memory``, in bytes, the most that an accelerator held at one time (0: not known).
    ``display_verifier_tokens`` were read for scores that are only shown on the screen
    (``Run.display_scores``): they are in no other cost.

    All of these count what the method asks for: a token that four samples wrote counts four times,
    wherever they ran. ``generator_tokens_computed`` and ``verifier_tokens_computed`` are what the
    models here really read for it, scores for the screen included: what samples have in common is
    computed once. 0 for models that run on a server. What several runs at one time have in common
    stands with one of them.
    """

    generated_tokens: int = 0
    prefill_tokens: int = 0
    cached_tokens: int = 0
    verifier_tokens: int = 0
    generator_flops: float = 0.0
    verifier_flops: float = 0.0
    generator_depth: int = 0
    verifier_depth: int = 0
    seconds: float = 0.0
    peak_memory: int = 0
    display_verifier_tokens: int = 0
    generator_tokens_computed: int = 0
    verifier_tokens_computed: int = 0

    def charge(self, cost: Cost, generator_depth: int = 0, verifier_depth: int = 0) -> None:
        """Add what a piece of work cost, and the number of passes it made others wait for."""
        self.generated_tokens += cost.generated
        self.prefill_tokens += cost.prefilled
        self.cached_tokens += cost.cached
        self.verifier_tokens += cost.verifier
        self.generator_flops += cost.generator_flops
        self.verifier_flops += cost.verifier_flops
        self.generator_depth += generator_depth
        self.verifier_depth += verifier_depth
        self.peak_memory = max(self.peak_memory, cost.peak_memory)
        self.generator_tokens_computed += cost.generator_computed
        self.verifier_tokens_computed += cost.verifier_computed

    @property
    def flops(self) -> float:
        """FLOPs of all models."""
        return self.generator_flops + self.verifier_flops

    @property
    def sequential_depth(self) -> int:
        """Passes in sequence: models wait for one another."""
        return self.generator_depth + self.verifier_depth

    @property
    def joules_estimate(self) -> float:
        """Energy at JOULES_PER_FLOP; an estimate, never measured."""
        return self.flops * JOULES_PER_FLOP
