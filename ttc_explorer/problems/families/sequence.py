"""The next term of a sequence by its differences: computing, then a check of the last
difference."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from random import Random
from typing import ClassVar

from ttc_explorer.problems.canonical_wording import word_list
from ttc_explorer.problems.families.family import Family, family
from ttc_explorer.problems.families.solution_writer import (
    SolutionWriter,
    format_check,
    format_signed,
    near_miss,
)
from ttc_explorer.problems.families.typed_problem_parser import Question

Parameters = tuple[int, ...]
_CUE_WORDS = frozenset(
    word_list("after come comes continue continues follow follows next pattern sequence series")
)
_VOCABULARY = _CUE_WORDS | set(
    word_list(
        """
        begins below complete element extend first goes guess list member missing number one
        progression row starting starts subsequent term terms
        """
    )
)


@family
class SequenceFamily(Family):
    """``parameters``: four or five terms of a sequence whose second differences are constant."""

    name = "sequence"
    title = "Next term of a sequence"
    kind = "computing"
    errors_visible_at = "end"
    templates = (
        "What comes next: {terms}?",
        "Find the next term of {terms}.",
        "Continue the sequence {terms}.",
    )
    slots: ClassVar[Mapping[str, str]] = {"terms": r"-?\d{1,4}(?:,-?\d{1,4}){3,5}"}

    def draw(self, rng: Random, level: int) -> Parameters:
        start = rng.randint(1, (15, 20, 15, 20, 30)[level - 1])
        low, high = ((1, 9), (2, 12), (1, 6), (-5, 8), (-12, 12))[level - 1]
        bend = 0 if level <= 2 else rng.choice([b for b in range(1 - level, level) if b])
        step = rng.choice([s for s in range(low, high + 1) if s])
        terms = [start]
        for i in range(3):
            terms.append(terms[-1] + step + bend * i)
        return tuple(terms)

    def fill_slots(self, parameters: Parameters) -> dict[str, str]:
        return {"terms": ", ".join(map(str, parameters))}

    def parse_slots(self, slots: Mapping[str, str]) -> Parameters | None:
        terms = tuple(map(int, slots["terms"].split(",")))
        steps = [b - a for a, b in itertools.pairwise(terms)]
        bends = {b - a for a, b in itertools.pairwise(steps)}
        return terms if len(bends) == 1 else None

    def parse_question(self, question: Question) -> Parameters | None:
        lists, ordinals = question.values_of("numbers"), question.values_of("ordinal")
        if len(lists) == 2 and lists[1] == lists[0][-1:] and "after" in question.words:
            lists.pop()
        count = len(lists[0]) if lists else 0
        list_count = len(question.values_of("numbers"))
        places = (
            {"numbers": list_count, "ordinal": len(ordinals)}
            if ordinals
            else {"numbers": list_count}
        )
        asked = {count + 1, 1} if question.values_of("count") else {count + 1}
        if (
            len(lists) != 1
            or not question.has_exactly(count, **places)
            or not set(ordinals) <= asked
        ):
            return None
        at = next(i for i, token in enumerate(question.tokens) if token.kind == "numbers")
        before, after = (
            question.tokens[:at],
            [token for token in question.tokens[at + 1 :] if token.text != ","],
        )
        if before and before[-1].kind == "blank" and (at == 1 or before[-2].kind != "word"):
            return None  # the gap is in front
        gap = len(after) > 0 and (
            after[0].kind == "letter"
            or (after[0].kind == "blank" and not after[0].touches_previous)
        )
        letters = after[0].text if gap else ""
        if not question.uses_only_words(_VOCABULARY, letters) or not (
            gap or ordinals or question.words & _CUE_WORDS
        ):
            return None
        return self.from_slots(terms=",".join(map(str, lists[0])))

    def write_solution(self, parameters: Parameters, writer: SolutionWriter) -> None:
        steps = []
        for a, b in itertools.pairwise(parameters):
            writer.write(f"{b}{format_signed(-a)}=")
            steps.append(writer.decide(b - a, near_miss(b - a)))
            writer.end()
        writer.write(f"change {steps[1]}{format_signed(-steps[0])}=")
        bend = writer.decide(steps[1] - steps[0], near_miss(steps[1] - steps[0]))
        writer.end()
        writer.write(f"next step {steps[-1]}{format_signed(bend)}=")
        step = writer.decide(steps[-1] + bend, near_miss(steps[-1] + bend))
        writer.end()
        writer.write(f"{parameters[-1]}{format_signed(step)}=")
        value = writer.decide(parameters[-1] + step, near_miss(parameters[-1] + step))
        writer.end()
        last, before = value - parameters[-1], parameters[-1] - parameters[-2]
        want = (parameters[1] - parameters[0]) - (parameters[2] - parameters[1])
        writer.end(
            format_check(
                f"{value}{format_signed(-parameters[-1])}={last} {last}{format_signed(-before)}",
                last - before,
                -want,
            )
        )
        writer.end(f"Answer: {value}")
