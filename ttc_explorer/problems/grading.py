"""Whether an answer is right."""

from ttc_explorer.problems.reading import read_answer

__all__ = ["read_answer"]
