"""The unit beside a number or formula: read off, and brought to one name."""

from __future__ import annotations

import re

_CURRENCY = re.compile(r"(?P<sign>[-+]? ?)(?P<unit>[$€£]) ?(?P<rest>-?(?:\d|\.\d|\\).*)")
_SIGN = re.compile(r"(?P<rest>.+?) ?(?P<unit>%|°(?: ?[A-Za-z]+)?)")
_WORDS = re.compile(
    r"(?P<rest>.*(?:[\d.)}\]]|\\[a-z]+)) (?P<unit>[A-Za-z.]+(?:[ /-][A-Za-z.]+){0,5}(?: ?\^ "
    r"?\{?[23]\}?)?)"
)
_CLOSE = re.compile(
    r"(?P<rest>.*\d)(?P<unit>[ap]\.?m\.?|[cmk]m|k?g|ft|hrs?|min|mph)(?:\^?\{?[23]\}?)?"
)
_SHORT = re.compile(r"[msgh]|[cmk]m|[km]g|ml|ft|in|oz|lb|[ap]m|of")
_NO_UNIT = re.compile(
    r"\b(?:or|and|to|if|by|then|more|less|than|mod|pi|sqrt|sin|cos|tan|sec|csc|cot|log|exp|infinity|inf|gcd|lcm)\b"
)
_NAMES = {
    "dollar": "$",
    "usd": "$",
    "euro": "€",
    "pound": "£",
    "percent": "%",
    "centimeter": "cm",
    "centimetre": "cm",
    "millimeter": "mm",
    "millimetre": "mm",
    "kilometer": "km",
    "kilometre": "km",
    "meter": "m",
    "metre": "m",
    "gram": "g",
    "kilogram": "kg",
    "hour": "h",
    "hr": "h",
    "minute": "min",
    "second": "s",
    "sec": "s",
    "foot": "ft",
    "feet": "ft",
    "inche": "in",
    "inch": "in",
    "mile per hour": "mph",
    "unit": None,
    "square unit": None,
    "cubic unit": None,
}
"""Singular words -> the name; None where they say nothing."""


def split_unit(text: str) -> tuple[str, str | None]:
    r"""What stands beside the unit, and the unit's one name (None without one); ``text`` is plain.

    A single letter is a unit only if it is a common one: ``3 x`` and ``\pi r`` are products.

    >>> split_unit("18 centimeters"), split_unit("$18"), split_unit("45°"), split_unit("3 x")
    (('18', 'cm'), ('18', '$'), ('45', '°'), ('3 x', None))
    """
    text = text.strip()
    money = _CURRENCY.fullmatch(text)
    if money:
        return (money["sign"] + split_unit(money["rest"])[0]).replace(" ", "", 1), money["unit"]
    sign = _SIGN.fullmatch(text)
    if sign:
        return sign["rest"], sign["unit"].replace(" ", "")[:2].upper()
    beside = _CLOSE.fullmatch(text) or _WORDS.fullmatch(text)
    if beside is None:
        return text, None
    words = beside["unit"].lower().replace(".", "")
    if _NO_UNIT.search(words) or any(
        len(word) < 3 and not _SHORT.fullmatch(word) for word in re.findall("[a-z]+", words)
    ):
        return text, None
    singular = re.sub(r"(?<=\w\w)s\b", "", words)
    return beside["rest"], _NAMES.get(singular, singular)
