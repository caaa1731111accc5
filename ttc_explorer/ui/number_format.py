"""Numbers as people read them."""

from __future__ import annotations


def format_amount(number: float) -> str:
    """A count in few characters.

    >>> [format_amount(n) for n in (812, 5201, 23_345, 1_890_000, 6.4e11)]
    ['812', '5,201', '23.3k', '1.9M', '640G']
    """
    if number < 10_000:
        return f"{number:,.0f}"
    units = iter("kMGT")
    unit = ""
    while number >= 999.5 and unit != "T":
        number, unit = number / 1000, next(units)
    return f"{number:.1f}{unit}" if number < 99.95 else f"{number:,.0f}{unit}"


def count_noun(number: int, noun: str, plural: str | None = None) -> str:
    """A number and its noun.

    >>> count_noun(1, "vote"), count_noun(1200, "vote"), count_noun(2, "strategy", "strategies")
    ('1 vote', '1,200 votes', '2 strategies')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def format_percent(share: float, digits: int = 0) -> str:
    """
    >>> format_percent(0.8249), format_percent(0.8249, 1)
    ('82%', '82.5%')
    """
    return f"{share:.{digits}%}"
