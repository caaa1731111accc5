r"""Compare formulas with math-verify, guarded: a small program of its own that ``grading.Grader``
starts.

For each line ``[reference, answer, ordered]`` (JSON) that it reads, it writes one line, a verdict;
whoever asks waits for it before asking again. The work is done in a fork of the process, which has
math-verify loaded. Whatever hostile input does there (endless computing, all the memory, a crash),
the fork dies of its limits, the verdict is ``timeout``, and the next fork takes over. Nothing is
ever evaluated as Python: math-verify is used with its LaTeX grammar only.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import resource
import signal
import sys
import warnings

import sympy
from latex2sympy2_extended import NormalizationConfig
from math_verify import LatexExtractionConfig, parse, verify

from ttc_explorer.problems.answer_equality import answers_equal

TIME_LIMIT_SECONDS = 3.0
MEMORY_LIMIT_BYTES = 2 * 1024**3
"""Limits: seconds a comparison, bytes of address space."""

MAX_NESTING = 60
"""Deeper nesting of brackets is unreadable: the parser's time grows too fast with it."""

RELATIVE_ERROR = 1e-6
"""Two numbers that differ by a larger share of them are different."""

_LATEX = (
    LatexExtractionConfig(
        boxed_match_priority=-1,
        # its units are ours to judge: it would take the d of 2d for one
        normalization_config=NormalizationConfig(units=False, malformed_operators=True, nits=True),
    ),
)


class _Unreadable(ValueError):
    """The answer is no formula."""


def equal_formulas(reference: str, answer: str) -> bool:
    r"""Whether two plain texts are the same formula. Raises _Unreadable if the answer is none.

    Degrees equal radians: ``45°`` equals ``\frac{\pi}{4}``. Letters stand for positive numbers, so
    that ``\sqrt{1/m}`` equals ``\frac{1}{\sqrt{m}}``; ``i`` is the imaginary unit where the two
    hold no other letter.
    """
    if reference.endswith("°") != answer.endswith("°"):
        reference, answer = _to_radians(reference), _to_radians(answer)
    gold, read = _parse_latex(reference), _parse_latex(answer)
    if not read:
        raise _Unreadable
    if not gold:
        return False
    try:
        if verify(
            gold, read, allow_set_relation_comp=True, timeout_seconds=None, raise_on_error=True
        ):
            return not _differ_relatively(gold[0], read[0])
        return _equal_beyond_verify(gold[0], read[0])
    except MemoryError:
        raise
    except Exception:  # whatever sympy cannot do with the two, they are not shown equal
        return False


def _differ_relatively(one: sympy.Basic, other: sympy.Basic) -> bool:
    """Whether two numbers differ by more than a rounding: math-verify rounds to so many places, and
    calls any two tiny numbers equal."""
    if not (isinstance(one, sympy.Expr) and isinstance(other, sympy.Expr)):
        return False
    if one.free_symbols or other.free_symbols:
        return False
    values = [abs(complex(sympy.N(number, 30))) for number in (one, other)]
    if not any(values):  # below what a float can hold
        return bool(sympy.N(abs(one - other), 30) > RELATIVE_ERROR * sympy.N(abs(one), 30))
    return abs(complex(sympy.N(one - other, 30))) > RELATIVE_ERROR * max(values)


def _equal_beyond_verify(one: sympy.Basic, other: sympy.Basic) -> bool:
    """What math-verify leaves out: lines written otherwise, ``i``, roots of positive letters."""
    if isinstance(one, sympy.Eq) and isinstance(other, sympy.Eq):
        return _same_line(one, other)
    if not (isinstance(one, sympy.Expr) and isinstance(other, sympy.Expr)):
        return False
    names = {symbol.name for symbol in one.free_symbols | other.free_symbols}
    if names == {"i"}:
        one, other = (_replace_symbols(side, {"i": sympy.I}) for side in (one, other))
        return bool(sympy.simplify(sympy.expand(one - other, complex=True)) == 0)
    positive = {name: sympy.Symbol(name, positive=True) for name in names}
    one, other = (_replace_symbols(side, positive) for side in (one, other))
    return bool(sympy.simplify(sympy.powdenest(one - other, force=True)) == 0)


def _replace_symbols(formula: sympy.Expr, new: dict[str, sympy.Expr]) -> sympy.Expr:
    return formula.xreplace(
        {symbol: new[symbol.name] for symbol in formula.free_symbols if symbol.name in new}
    )


def _same_line(one: sympy.Eq, other: sympy.Eq) -> bool:
    """Whether two equations in the same letters, two at least, are multiples of each other."""
    letters = one.free_symbols
    if len(letters) < 2 or letters != other.free_symbols:
        return False
    sides = [sympy.expand(equation.lhs - equation.rhs) for equation in (one, other)]
    if 0 in sides:
        return sides[0] == sides[1]
    ratio = sympy.simplify(sides[0] / sides[1])
    return not ratio.free_symbols and ratio != 0


def _to_radians(angle: str) -> str:
    return rf"\frac{{({angle[:-1]}) \pi}}{{180}}" if angle.endswith("°") else angle


def _parse_latex(text: str) -> list[sympy.Basic]:
    """What math-verify makes of a formula; empty if it can make nothing of it."""
    if _nesting_depth(text) > MAX_NESTING:
        return []
    return parse(f"${_to_latex(text)}$", _LATEX, fallback_mode="no_fallback", parsing_timeout=None)


def _nesting_depth(text: str) -> int:
    depth = deepest = 0
    for sign in text:
        depth += (sign in "([{") - (sign in ")]}")
        deepest = max(deepest, depth)
    return deepest


def _to_latex(text: str) -> str:
    r"""A formula as people type it, ``2*sqrt(3)*pi/x^10``, in LaTeX; LaTeX stays as it is."""
    text = text.replace("**", "^").replace("*", r"\cdot ").replace("°", r"^\circ").replace("$", "")
    text = re.sub(r"(?<![\\a-zA-Z])(pi|sqrt|sin|cos|tan|log|ln|exp)(?![a-z])", r"\\\1", text)
    text = re.sub(r"\\sqrt\s*\(([^()]*)\)", r"\\sqrt{\1}", text)
    return re.sub(r"\^(-?\d\d+|-\d|\([^()]*\))", r"^{\1}", text)


def _verdict(reference: str, answer: str, ordered: bool) -> str:
    try:
        return "equal" if answers_equal(reference, answer, ordered, equal_formulas) else "different"
    except (_Unreadable, RecursionError):
        return "unreadable"


def _answer_requests() -> None:
    """In the fork: answer line by line, within the limits, until there are no more."""
    with contextlib.suppress(OSError, ValueError):  # where the system knows no such limit
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
    for line in sys.stdin:
        signal.setitimer(
            signal.ITIMER_REAL, TIME_LIMIT_SECONDS
        )  # nobody handles the alarm: the kernel ends the fork
        verdict = _verdict(*json.loads(line))
        signal.setitimer(signal.ITIMER_REAL, 0)
        print(verdict, flush=True)


def main() -> None:
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    _verdict(
        r"\frac{\sqrt{2}}{2}x^2 + 1", r"\sin{x} - \pi", True
    )  # the forks inherit what this loads
    while True:
        fork = os.fork()
        if fork == 0:
            code = 1
            try:
                _answer_requests()
                code = 0
            finally:
                os._exit(code)
        _, status = os.waitpid(fork, 0)
        if status == 0:
            return
        with contextlib.suppress(BrokenPipeError):  # nobody waits any more
            os.write(sys.stdout.fileno(), b"timeout\n")


if __name__ == "__main__":
    main()
