"""Texts of libraries that pass solutions as text, as ids of the yardstick's models."""

from __future__ import annotations

from ttc_explorer.models.step_codec import StepCodec


def solution_ids(codec: StepCodec, question: str, solution: str = "") -> list[int]:
    """The ids of a question and of the lines that a solution has so far."""
    lines = codec.steps([solution.removesuffix("\n")])[0] if solution else []
    return codec.prompt(question) + lines
