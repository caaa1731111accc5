"""Plain arithmetic as people type it first (``17*23``, ``12 plus 5``, ``12% of 50``): its exact
value, and the wording of a family that asks for the same, where there is one.

Only whole questions are read: one word that is not known here, and nothing is said. Nothing is
evaluated but numbers, by ``exact_arithmetic.py``.
"""

from __future__ import annotations

import re
from fractions import Fraction

from ttc_explorer.problems.canonical_wording import number_words_to_digits, to_ascii_math
from ttc_explorer.problems.exact_arithmetic import evaluate

MAX_QUESTION_CHARACTERS = 200
MAX_VALUE_DIGITS = 30
"""Characters of the longest question that is read here, and digits of the longest value."""

MAX_PARTS, MAX_PART = 19, 15
"""Products that the built-in models can work out in the steps of a percentage: so many parts at
most, each so large. Beyond this range they were not trained, and fail."""

_ASKING = re.compile(
    r"^(?:hi|hello|hey|please|pls)?[ ,]*(?:can you |could you )?(?:please )?"
    r"(?:what(?:'s| is| are| does)|whats|how much (?:is|are)|calculate|compute|evaluate|work out"
    r"|find|solve|simplify|tell me|cuanto (?:es|son)|combien (?:font|fait)|calcule[rz]?"
    r"|(?:was|wieviel|wie viel) (?:ist|sind|ergibt)|berechne|quanto (?:e|fa))?(?: the value of)? "
)
_CLOSING = re.compile(r"(?: (?:please|pls|equal|equals|make|is))*[ =?.!]*$")
_OPERATORS = tuple(
    (re.compile(pattern), sign)
    for pattern, sign in (
        (r"\b(?:multiplied by|times|mal|fois|por|per)\b|(?<=\d) ?x ?(?=\d)", "*"),
        (r"\b(?:divided by|over|geteilt durch|dividido (?:por|entre)|divise par)\b|:", "/"),
        (r"\b(?:plus|und|mas|et)\b|(?<=\d) (?:and|added to) (?=\d)", "+"),
        (r"\b(?:minus|menos|moins|less)\b", "-"),
        (r"\b(?:to the power(?: of)?)\b|\*\*", "^"),
        (r" squared\b", "^2"),
        (r" cubed\b", "^3"),
        (r" ?(?:%|percent|per cent|prozent) ?(?:of|from|von|de)\b", "/100*"),
        (r"(?<=\d),(?=\d{3}\b)", ""),
        (r"(?<=\d) of (?=\d)", "*"),
    )
)
_FORMULA = re.compile(r"[-+*/^().\d]+")
_BINARY = re.compile(r"[\d)] ?[-+*/^] ?[-(.\d]")
_PRODUCT, _SQUARE = re.compile(r"(\d{1,3})\*(\d{1,3})"), re.compile(r"^(\d{1,3})\^2$")

_MULTIPLE = r"(?:(?P<twice>twice|double|two times)|(?P<thrice>thrice|triple)|(?P<n>\d{1,2}) times)"
_NUMBER = r"(?: of)? (?:a|some|my|the|what|which|an unknown)(?: secret| certain)? number"
_GIVES = r"(?: together)?,? (?:is|are|equals?|gives?|makes?|yields?|was|get)(?: equal)?(?: to)? "
_EQUATIONS_IN_WORDS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"{_MULTIPLE}{_NUMBER},? (?P<sign>plus|minus|increased by|decreased by|and)"
        rf" (?P<b>\d{{1,3}}){_GIVES}(?P<d>\d{{1,4}})",
        rf"(?P<b>\d{{1,3}}) (?P<sign>more than|less than|added to|subtracted from)"
        rf" {_MULTIPLE}{_NUMBER}{_GIVES}(?P<d>\d{{1,4}})",
    )
)
_MINUS_WORDS = ("minus", "decreased by", "less than", "subtracted from")


def read_formula(text: str) -> str | None:
    """The formula of numbers that a question is nothing else than, in ASCII; None for any other.

    >>> read_formula("What is 17 times 23?"), read_formula("12% of 50"), read_formula("12 apples")
    ('17*23', '12/100*50', None)
    """
    if len(text) > MAX_QUESTION_CHARACTERS:
        return None
    spelled = number_words_to_digits(to_ascii_math(text.replace("¿", ""))).strip()
    spelled = re.sub(r"\bone\b", "1", re.sub(r"\s+", " ", spelled))
    spelled = _CLOSING.sub("", _ASKING.sub("", f"{spelled} ", count=1).strip())
    for pattern, sign in _OPERATORS:
        spelled = pattern.sub(sign, spelled)
    formula = re.sub(r"(?<!\d) | (?!\d)", "", spelled)
    return formula if _FORMULA.fullmatch(formula) and _BINARY.search(formula) else None


def arithmetic_value(text: str) -> str | None:
    """The exact value of a question in plain arithmetic: a whole number or a fraction; None where
    it asks something else, or for a number too long to read.

    >>> arithmetic_value("What is 17*23?"), arithmetic_value("0.1 + 0.2"), arithmetic_value("hello")
    ('391', '3/10', None)
    """
    formula = read_formula(text)
    value = evaluate(formula) if formula else None
    if value is None or value.imaginary:
        return None
    shown = str(Fraction(value.real))
    return shown if len(shown) <= MAX_VALUE_DIGITS else None


def family_wording(text: str) -> str | None:
    """A question of plain arithmetic, or an equation in words, as a family of problems asks for the
    same number; None where no family does.

    >>> family_wording("12*13"), family_wording("Twice a number plus 3 is 11. What is it?")
    ('What is 60% of 260?', 'Solve 2x+3=11.')
    """
    formula = read_formula(text) or ""
    product = _PRODUCT.fullmatch(_SQUARE.sub(r"\1*\1", formula))
    if product:
        a, b = int(product[1]), int(product[2])
        for parts, part in ((a, b), (b, a)):
            if 0 < parts <= MAX_PARTS and 0 < part <= MAX_PART:
                return f"What is {5 * parts}% of {20 * part}?"
        return None
    if len(text) > MAX_QUESTION_CHARACTERS:
        return None
    return _equation_in_words(number_words_to_digits(to_ascii_math(text)))


_AROUND_EQUATION = re.compile(
    r"(?:if |suppose |when |what (?:is the number|number is it) if )?(?P<equation>[^.?!]*?)"
    r"(?:[.,;?!]? ?(?:what is (?:it|the number|that number|this number)"
    r"|(?:find|what's) (?:it|the number)|which number is (?:it|that)))?[ .?!]*"
)


def _equation_in_words(spelled: str) -> str | None:
    around = _AROUND_EQUATION.fullmatch(spelled.strip())
    if around is None:
        return None
    for pattern in _EQUATIONS_IN_WORDS:
        match = pattern.fullmatch(around["equation"].strip())
        if match:
            factor = 2 if match["twice"] else 3 if match["thrice"] else int(match["n"])
            sign = "-" if match["sign"] in _MINUS_WORDS else "+"
            return f"Solve {factor}x{sign}{int(match['b'])}={int(match['d'])}."
    return None
