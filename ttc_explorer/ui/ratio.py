"""The slider between all attempts side by side and all in one chain, and the chains that it stands for.

Position p is a chain length of 2^p: 0 is all parallel, log2 N all sequential (arXiv 2408.03314, section 6.2,
in steps of four; here of two).
"""

from __future__ import annotations


def steps(budget: int) -> int:
    """The slider's last position: the largest p with 2^p at most N."""
    return budget.bit_length() - 1


def chains_at(position: int, budget: int) -> int:
    """The number of chains; a position beyond the end is the end.

    >>> [chains_at(p, 16) for p in range(5)]
    [16, 8, 4, 2, 1]
    """
    return budget >> min(position, steps(budget))


def position_of(chains: int, budget: int) -> int:
    """The position whose number of chains is nearest to ``chains``, from above."""
    return next(p for p in reversed(range(steps(budget) + 1)) if p == 0 or chains_at(p, budget) >= chains)


def described(position: int, budget: int) -> str:
    """What the position means at this budget, in words.

    >>> described(2, 16), described(0, 4), described(9, 4)
    ('4 chains × 4 attempts', '4 attempts side by side', 'one chain of 4 attempts')
    """
    chains = chains_at(position, budget)
    length = budget // chains
    if budget == 1:
        return "one attempt"
    if length == 1:
        return f"{chains} attempts side by side"
    return f"one chain of {length} attempts" if chains == 1 else f"{chains} chains × {length} attempts"
