"""The settings of a run and their limits, checked in one place."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from operator import index
from typing import Any, NamedTuple, SupportsIndex

from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.selector import SELECTORS
from ttc_explorer.search.step_rule import MEASURED, OWN, check_step
from ttc_explorer.search.token_confidence import CONFIDENCES

MAX_SEED = 2**63 - 1
MAX_BUDGET = 256
MAX_LOOKAHEAD = 40
THINKING_BOUNDS = {
    "thinking": (1, 2**15),
    "waits": (0, 16),
    "probe": (0, 2**15),
    "agree": (2, 16),
}
"""Least and most of the settings of budget forcing."""
MAX_CHECKS = 16
AGGREGATES = ("last", "min", "prod", "mean")


@dataclass(frozen=True)
class Settings:
    """How a strategy spends its budget (method: Snell et al., arXiv 2408.03314, section 5 and
    appendices).

    ``temperature`` of sampling; ``selector`` picks the answer from the finished solutions;
    ``aggregate`` turns a solution's step scores into one; ``width`` is M, the children a beam grows
    from each survivor, and 0 stands for M = √N (``children``); ``lookahead`` is k, the further
    steps that a step is rolled out before it is scored; ``chains`` is the number of parallel chains
    that revisions are written in; ``rounds`` bounds the steps of a solution; ``confidence`` says
    which tokens the model's own confidence is read from (``token_confidence.py``), for selectors
    that weigh by it; ``merge`` makes equal steps one node with copies (``tree.py``): searches then
    keep different steps, and share their places by how often each was drawn; ``step`` is where a
    step of a tree search ends (``step_rule.py``), and at first what was measured to be best.

    Of budget forcing (arXiv 2501.19393): ``thinking`` is L, the tokens from which on a thought is
    cut; ``waits`` is how often it is made to go on where it would end; ``probe`` is the tokens
    after which it is asked for an interim answer, 0 for never; and ``agree`` is how many of these
    in a row have to be equal for it to stop.

    ``checks`` is how often a verifier that writes checks (GenRM, arXiv 2408.15240) checks each
    step, 0 for a verdict at once; others do not read it.
    """

    temperature: float = 0.8
    selector: str = "weighted"
    aggregate: str = "last"
    width: int = 4
    lookahead: int = 1
    chains: int = 4
    rounds: int = 40
    confidence: str = "mean"
    merge: bool = True
    step: str = MEASURED
    thinking: int = 1024
    waits: int = 1
    probe: int = 0
    agree: int = 2
    checks: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.temperature <= 2:
            raise BadInput("temperature must lie between 0 and 2.")
        SELECTORS.find(self.selector)
        if self.aggregate not in AGGREGATES:
            raise BadInput(f"aggregate must be one of {', '.join(AGGREGATES)}.")
        if self.confidence not in CONFIDENCES:
            raise BadInput(f"confidence must be one of {', '.join(CONFIDENCES)}.")
        check_step(self.step)
        if not 0 <= self.width <= MAX_BUDGET:
            raise BadInput(f"width must be a whole number from 1 to {MAX_BUDGET}, or 0 for √N.")
        if not 0 <= self.lookahead <= MAX_LOOKAHEAD:
            raise BadInput(f"lookahead must be a whole number from 0 to {MAX_LOOKAHEAD}.")
        if not 1 <= self.chains <= MAX_BUDGET:
            raise BadInput(f"chains must be a whole number from 1 to {MAX_BUDGET}.")
        if not 1 <= self.rounds <= 200:
            raise BadInput("rounds must be a whole number from 1 to 200.")
        for name, (low, high) in {**THINKING_BOUNDS, "checks": (0, MAX_CHECKS)}.items():
            if not low <= getattr(self, name) <= high:
                raise BadInput(f"{name} must be a whole number from {low} to {high}.")

    def children(self, budget: int) -> int:
        """M, the children of a survivor, at a budget of N: ``width``, or √N rounded where ``width``
        is 0 (arXiv 2408.03314, section 5.2, has M = 4 and M = √N)."""
        return self.width or round(math.sqrt(budget))

    def to_dict(self) -> dict[str, object]:
        return asdict(self)

    def with_values(self, values: Mapping[str, object]) -> Settings:
        """These settings with ``values`` (texts or numbers) in their place. Raises BadInput."""
        kinds = {field.name: type(getattr(self, field.name)) for field in fields(self)}
        parsed = {}
        for key, value in values.items():
            if key not in kinds:
                raise BadInput(f"Unknown setting '{key[:40]}': choose from {', '.join(kinds)}.")
            try:
                parsed[key] = _PARSERS[kinds[key]].parse(value)
            except (KeyError, TypeError, ValueError, OverflowError):
                raise BadInput(f"{key} must be {_PARSERS[kinds[key]].wanted}.") from None
        return replace(self, **parsed)


def recorded_settings(values: Mapping[str, object], others: Settings | None = None) -> Settings:
    """The settings of something that was recorded or measured, a trace, a run of a sweep, a choice
    of a policy: ``values``, and those of ``others`` (or the defaults) for what it does not say.

    What does not say ``merge`` was made without: every sample was a node of its own before equal
    steps could be one. What does not say ``step`` has the steps that its model takes for one.

    Raises:
        BadInput: a value is none of its setting.
    """
    return (others or Settings()).with_values({"merge": False, "step": OWN} | dict(values))


class _Parser(NamedTuple):
    """How a value of one kind is read, and what it must be, in words."""

    parse: Callable[[Any], Any]
    wanted: str


def _parse_whole_number(value: Any) -> int:
    number = int(value)
    if isinstance(value, float) and value != number:
        raise ValueError
    return number


def _parse_truth(value: object) -> bool:
    return {"true": True, "false": False, "1": True, "0": False}[str(value).lower()]


_PARSERS = {
    int: _Parser(_parse_whole_number, "a whole number"),
    float: _Parser(float, "a number"),
    str: _Parser(str, "a word"),
    bool: _Parser(_parse_truth, "true or false"),
}


def parse_seed(seed: object) -> int:
    """The seed as an int from 0 to MAX_SEED. Raises BadInput."""
    number = -1 if isinstance(seed, bool) or not isinstance(seed, SupportsIndex) else index(seed)
    if not 0 <= number <= MAX_SEED:
        raise BadInput(f"The seed must be a whole number from 0 to {MAX_SEED}.")
    return number


def parse_budget(budget: object) -> int:
    """The budget N as an int from 1 to MAX_BUDGET. Raises BadInput."""
    try:
        number: int = int(budget)  # type: ignore[call-overload]
        if number != float(budget) or not 1 <= number <= MAX_BUDGET:  # type: ignore[arg-type]
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        raise BadInput(f"The budget must be a whole number from 1 to {MAX_BUDGET}.") from None
    return number
