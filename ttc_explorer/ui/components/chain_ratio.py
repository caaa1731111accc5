"""The slider between all attempts side by side and all in one chain, and the chains that it stands
for.

Position p is a chain length of 2^p: 0 is all parallel, log2 N all sequential (arXiv 2408.03314,
section 6.2, in steps of four; here of two).
"""

from __future__ import annotations


def last_position(budget: int) -> int:
    """The slider's last position: the largest p with 2^p at most N."""
    return budget.bit_length() - 1


def chain_count(position: int, budget: int) -> int:
    """The number of chains; a position beyond the end is the end.

    >>> [chain_count(p, 16) for p in range(5)]
    [16, 8, 4, 2, 1]
    """
    return budget >> min(position, last_position(budget))


def nearest_position(chains: int, budget: int) -> int:
    """The position whose number of chains is nearest to ``chains``, from above."""
    return next(
        p
        for p in reversed(range(last_position(budget) + 1))
        if p == 0 or chain_count(p, budget) >= chains
    )


def describe_split(position: int, budget: int) -> str:
    """What the position means at this budget, in words.

    >>> describe_split(2, 16), describe_split(0, 4), describe_split(9, 4)
    ('4 chains × 4 attempts', '4 attempts side by side', 'one chain of 4 attempts')
    """
    chains = chain_count(position, budget)
    length = budget // chains
    if budget == 1:
        return "one attempt"
    if length == 1:
        return f"{chains} attempts side by side"
    return (
        f"one chain of {length} attempts" if chains == 1 else f"{chains} chains × {length} attempts"
    )
