"""Where a step of a tree search ends. A new rule is one function, here or in somebody's own file
(``extensions.py``).

A model writes lines; a rule says after which of them the step is complete. So every generator cuts
alike, the texts of a run are the same wherever they are cut (the lines of a solution have the same
random streams, ``executor.py``), and a step ends with a whole line, which verifiers were taught to
judge.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

from ttc_explorer.problems.families.arithmetic_claims import printed_verdict
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.registry import Registry
from ttc_explorer.search.linear_pattern import LinearPattern

MEASURED = "measured"
"""The setting ``step`` of who leaves it open: what was measured to be best (``resolve_step``)."""
OWN = "own"
"""What was recorded without a word on steps: each was what the model itself takes for one, a line,
or, where it was taught to chat, a paragraph."""

MEASURED_STEPS: dict[str, str] = dict.fromkeys(("beam", "dvts", "mcts"), "check")
"""Strategy -> the step that was measured to be best for it, with the shipped models; those that are
not here cut by lines.

On 65 problems of the validation split at N = 16, equal steps merged, one seed, accuracy by the
weighted vote, check less line in points with the paired bootstrap's 95 %: the greedy searches beam
+1.5 [0.0, 4.6], DVTS +7.7 [1.5, 15.4], MCTS +1.5 [0.0, 4.6], together +3.6 [0.5, 7.2]; the soft
ones REBASE +3.1 [0.0, 7.7], particles +4.6 [0.0, 10.8]. The soft ones stay with lines all the same:
in an earlier trial, on practice questions, they had lost by checks, and two small measurements that
disagree decide nothing. Lookahead and hybrid were not measured::

    python -m ttc_explorer problems --split val --count 130 --seed 230 | head -65 > val.jsonl
    python -m ttc_explorer sweep --problems val.jsonl --model base-s --budget 16 --out DIR \
        --strategy beam --strategy "beam step=check"
"""

MAX_STEP_TOKENS = 1000


class PartialStep(NamedTuple):
    """A step that is being written: its lines so far, of which the last is complete, and how many
    tokens were sampled for them."""

    lines: Sequence[str]
    tokens: int


IsComplete = Callable[[PartialStep], bool]
"""Whether a step ends with the line that was written last."""


@dataclass(frozen=True)
class StepRule:
    """A rule as people see it.

    Attributes:
        make: What stands after the colon (nothing: an empty text) to the rule; BadInput if it
            cannot be that.
        title: Its name on screen, after "a step ends at"; the parameter in it stands for its value.
        summary: What it does, in one sentence.
        parameter: What stands after the colon, in one word; empty if nothing does.
        unit: What the rule is asked after: each line, or each paragraph. A model that was not
            taught to chat leaves no blank lines: its paragraph is a whole solution.
    """

    make: Callable[[str], IsComplete]
    title: str
    summary: str
    parameter: str = ""
    unit: Literal["line", "paragraph"] = "line"

    def title_of(self, parameter: str) -> str:
        """The title with a value of the parameter."""
        return self.title.replace(self.parameter, parameter) if self.parameter else self.title


STEP_RULES: Registry[StepRule] = Registry("step")
"""Name -> rule."""


def step_rule(
    name: str,
    *,
    title: str,
    summary: str,
    parameter: str = "",
    unit: Literal["line", "paragraph"] = "line",
) -> Callable[[Callable[[str], IsComplete]], Callable[[str], IsComplete]]:
    """Register the decorated function as the ``make`` of a rule; arguments as in StepRule::

        @step_rule("sentence", title="a full stop", summary="A step ends with a full stop.")
        def sentence(parameter: str) -> IsComplete:
            return lambda step: step.lines[-1].endswith(".")

    Raises:
        BadInput: the name is taken, or no identifier.
    """

    def register(make: Callable[[str], IsComplete]) -> Callable[[str], IsComplete]:
        STEP_RULES.register(name, StepRule(make, title, summary, parameter, unit), make.__module__)
        return make

    return register


@lru_cache(maxsize=64)
def find_step_rule(step: str) -> tuple[StepRule, IsComplete]:
    """The rule that a setting names, as ``NAME`` or ``NAME:PARAMETER``.

    Raises:
        BadInput: there is no such rule, or its parameter is wrong; one sentence.
    """
    name, colon, parameter = step.partition(":")
    if name not in STEP_RULES:
        raise BadInput(f"step must be {step_choices()}: '{step[:40]}' is none of them.")
    rule = STEP_RULES[name]
    if rule.parameter and not parameter:
        raise BadInput(f"Say step={name}:{rule.parameter}.")
    if colon and not rule.parameter:
        raise BadInput(f"step={name} has nothing after it.")
    return rule, rule.make(parameter)


def check_step(step: str) -> None:
    """Accept what the setting ``step`` may be.

    Raises:
        BadInput: it can be no such setting; one sentence.
    """
    if step not in (MEASURED, OWN):
        find_step_rule(step)


def step_choices() -> str:
    """All that the setting may be, in words."""
    rules = [f"{name}:{rule.parameter}" if rule.parameter else name
             for name, rule in STEP_RULES.items()]  # fmt: skip
    return ", ".join([*rules, f"{MEASURED} or {OWN}"])


def step_label(step: str) -> str:
    """The setting in words.

    >>> step_label("check"), step_label("tokens:16")
    ('steps end at a check', 'steps end at 16 tokens')
    """
    rule, _ = find_step_rule(step)
    return f"steps end at {rule.title_of(step.partition(':')[2])}"


def resolve_step(step: str, strategy: str, chats: bool, prints_checks: bool) -> str:
    """The rule that a run goes by.

    Args:
        step: The setting.
        strategy: The run's.
        chats: Whether its model was taught to chat.
        prints_checks: Whether its model prints the verdict on a decision where it has checked it.

    >>> resolve_step("measured", "rebase", chats=False, prints_checks=True)
    'line'
    >>> resolve_step("measured", "beam", chats=True, prints_checks=False)
    'paragraph'
    """
    if step == MEASURED:
        step = MEASURED_STEPS.get(strategy, OWN) if prints_checks else OWN
    if step == OWN:
        return "paragraph" if chats else "line"
    return step


def requested_step(step: str) -> str:
    """The setting as a request says it. A search that was started without models, by which
    ``resolve_step`` goes, knows of nothing that was measured."""
    return OWN if step == MEASURED else step


class StepEnd(NamedTuple):
    """How the steps of one request are cut: whether a model that chats is asked for lines instead
    of paragraphs, and what tells a step's last."""

    by_line: bool
    is_complete: IsComplete


def step_end(step: str, chats: bool) -> StepEnd:
    """How a model cuts by the setting, one that was taught to chat or not. Raises BadInput."""
    if step == OWN:
        return StepEnd(False, lambda partial: True)
    rule, is_complete = find_step_rule(step)
    if rule.unit == "line":
        return StepEnd(chats, is_complete)
    return StepEnd(False, is_complete if chats else lambda partial: False)


# --- the rules ------------------------------------------------------------------------------------


@step_rule("line", title="a line end", summary="Each line is a step.")
def line(parameter: str) -> IsComplete:
    return lambda step: True


@step_rule("paragraph", title="a blank line", summary="Each paragraph is a step.", unit="paragraph")
def paragraph(parameter: str) -> IsComplete:
    return lambda step: True


@step_rule(
    "check",
    title="a check",
    summary="A step goes on until the line that prints the verdict on its decision, ok or no: a "
    "guess and its check are one.",
)
def check(parameter: str) -> IsComplete:
    """Of a text without such a line the whole rest is one step, and beam search best-of-N."""
    return lambda step: printed_verdict(step.lines[-1]) is not None


@step_rule(
    "tokens",
    title="K tokens",
    summary="A step has at least K tokens, and goes on to the end of its line.",
    parameter="K",
)
def tokens(parameter: str) -> IsComplete:
    """A step ends with a whole line, which a verifier was taught to judge, and K tokens may end
    within a word.

    Raises:
        BadInput: K is no whole number from 1 to MAX_STEP_TOKENS.
    """
    if not parameter.isdecimal() or not 1 <= int(parameter[:9]) <= MAX_STEP_TOKENS:
        raise BadInput(f"K in step=tokens:K must be a whole number from 1 to {MAX_STEP_TOKENS}.")
    count = int(parameter)
    return lambda step: step.tokens >= count


@step_rule(
    "pattern",
    title="pattern REGEX",
    summary="A step goes on until a line in which the pattern is found.",
    parameter="REGEX",
)
def pattern(parameter: str) -> IsComplete:
    """Anybody may send a pattern: ``LinearPattern`` bounds the time that it can take."""
    wanted = LinearPattern(parameter)
    return lambda step: wanted.found_in(step.lines[-1])
