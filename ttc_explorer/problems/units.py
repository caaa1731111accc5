"""The unit beside a number or formula: read off, and brought to one name."""

from __future__ import annotations

import re

_CURRENCY = re.compile(r"(?P<sign>[-+]? ?)(?P<unit>[$€£¥]) ?(?P<rest>-?(?:\d|\.\d|\\).*)")
_SIGN = re.compile(r"(?P<rest>.+?) ?(?P<unit>%|°(?: ?[A-Za-z]+)?|[€£¥$])")
_REMARK = re.compile(r"(?P<rest>.*[\d.)}\]]) \((?P<unit>[^\W\d_][^()\d]*)\)")
_POWER = r"(?: ?\^ ?\{? ?[23] ?\}?)?"
_WORDS = re.compile(
    rf"(?P<rest>.*(?:\d\.?|[)}}\]]|\\[a-z]+)) (?P<unit>[A-Za-z.'’]+{_POWER}"
    rf"(?:(?: ?/ ?| |-)[A-Za-z.'’]+{_POWER}){{0,5}})"
)
_CLOSE = re.compile(
    rf"(?P<rest>.*\d)(?P<unit>[ap]\.?m\.?|(?:[cmkd]m|k?g|ft|mi|yd|lbs?|oz|hrs?|min|mph|ml){_POWER}"
    rf"|[ckm]?m ?/ ?(?:s|h|hr|min){_POWER})"
)
_SHORT = re.compile(
    r"[msghlLNJWAV]|[cmkd]m|[km]g|ml|mL|ft|in|oz|lb|yd|mi|cc|Hz|[apAP][mM]|of|a|m|to|sq"
)
_NO_UNIT = re.compile(
    r"\b(?:or|and|if|by|then|less|than|mod|pi|sqrt|sin|cos|tan|sec|csc|cot|log|ln|exp|infinity"
    r"|inf|gcd|lcm|base|is|are|equals|times|plus|minus|over)\b",
    re.IGNORECASE,
)
_NAMES = {
    "$": "dollar usd buck",
    "¢": "cent penny pennie",
    "€": "euro eur",
    "£": "pound-sterling gbp quid",
    "%": "percent pct percentage",
    "mm": "millimeter millimetre",
    "cm": "centimeter centimetre",
    "dm": "decimeter decimetre",
    "m": "meter metre",
    "km": "kilometer kilometre",
    "in": "inch inche",
    "ft": "foot feet",
    "yd": "yard",
    "mi": "mile",
    "mg": "milligram",
    "g": "gram gm",
    "kg": "kilogram kilo",
    "lb": "pound",
    "oz": "ounce",
    "mL": "milliliter millilitre ml",
    "L": "liter litre l",
    "gal": "gallon",
    "s": "second sec",
    "min": "minute",
    "h": "hour hr",
    "d": "day",
    "week": "wk",
    "month": "",
    "y": "year yr",
    "N": "newton",
    "J": "joule",
    "W": "watt",
    "Hz": "hertz",
    "am": "",
    "pm": "",
    "rad": "radian",
}
_KNOWN = {
    word: name for name, words in _NAMES.items() for word in (name, name.lower(), *words.split())
}
"""A word, in the singular -> the name of its unit."""

_WHOLE_NAMES = {"mph": "mi/h", "kph": "km/h", "kmh": "km/h", "cc": "cm^3"}
_PREFIXES = {"square": "2", "sq": "2", "cubic": "3", "cu": "3"}
_SUFFIXES = {"squared": "2", "cubed": "3"}


def split_unit(text: str) -> tuple[str, str | None]:
    r"""What stands beside the unit, and the unit's one name; None without one, or where the words
    name what was counted (``15 (pears)``) rather than a measure.

    Args:
        text: A plain text (``answer_normalisation.normalise_answer``).

    A single letter is a unit only if it is a common one: ``3 x`` and ``\pi r`` are products.

    >>> split_unit("18 square centimeters"), split_unit("$18"), split_unit("45°"), split_unit("3 x")
    (('18', 'cm^2'), ('18', '$'), ('45', '°'), ('3 x', None))
    >>> split_unit("15 (pears)"), split_unit("12 kilometers per hour")
    (('15', None), ('12', 'km/h'))
    """
    text = re.sub(r"(?<=\d) ?/ ?(?=[a-z]{3,})(?!sqrt)", " per ", text.strip())
    money = _CURRENCY.fullmatch(text)
    if money:
        return (money["sign"] + split_unit(money["rest"])[0]).replace(" ", "", 1), money["unit"]
    sign = _SIGN.fullmatch(text)
    if sign:
        return sign["rest"], sign["unit"].replace(" ", "")[:2].upper()
    beside = _REMARK.fullmatch(text) or _CLOSE.fullmatch(text) or _WORDS.fullmatch(text)
    if beside is None:
        return text, None
    words = beside["unit"].replace(".", "")
    if words == "times":
        return beside["rest"], None
    if beside.re is not _REMARK and (
        _NO_UNIT.search(words)
        or any(
            len(word) < 3 and not _SHORT.fullmatch(word) for word in re.findall("[A-Za-z]+", words)
        )
    ):
        return text, None
    return beside["rest"], unit_name(words)


def unit_name(words: str) -> str | None:
    """The one name of a measure that words spell; None if they name no measure.

    >>> unit_name("miles per hour"), unit_name("meters squared"), unit_name("pieces of chalk")
    ('mi/h', 'm^2', None)
    """
    words = re.sub(r"\bper\b|\ban?\b(?= hour| day)", "/", words.replace("{", "").replace("}", ""))
    words = re.sub(r"\s*([/^])\s*", r"\1", words.strip())
    sides = [_side_name(side) for side in words.split("/")]
    return None if not sides or None in sides else "/".join(side for side in sides if side)


def _side_name(words: str) -> str | None:
    """One side of a ``/``: a unit and its power."""
    name, power = None, ""
    for word in re.split(r"[ -]+", words):
        base, _, written_power = word.partition("^")
        lower = base.lower()
        if lower in _PREFIXES or lower in _SUFFIXES:
            power = _PREFIXES.get(lower) or _SUFFIXES[lower]
            continue
        found = _WHOLE_NAMES.get(lower) or _known_name(base)
        if found is None or name is not None:
            return name if lower in ("celsius", "fahrenheit") else None
        name, power = found, written_power or power
    return f"{name}^{power}" if name and power else name


def _known_name(word: str) -> str | None:
    lower = word.lower()
    singular = re.sub(r"(?<=\w\w)s$", "", lower)
    return _KNOWN.get(word) or _KNOWN.get(lower) or _KNOWN.get(singular)
