"""The next term of a sequence by its differences: computing, then a check of the last difference."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from random import Random

from ttc_explorer.problems.families.family import Family
from ttc_explorer.problems.families.script import Script, check, near, signed
from ttc_explorer.problems.families.understanding import Question
from ttc_explorer.problems.notation import words

Given = tuple[int, ...]
_CUES = frozenset(words("after come comes continue continues follow follows next pattern sequence series"))
_WORDS = _CUES | set(
    words(
        """
        begins below complete element extend first goes guess list member missing number one progression
        row starting starts subsequent term terms
        """
    )
)


class Sequence(Family):
    """``given``: four or five terms of a sequence whose second differences are constant."""

    name = "sequence"
    title = "Next term of a sequence"
    kind = "computing"
    shown = "end"
    phrasings = (
        "What comes next: {terms}?",
        "Find the next term of {terms}.",
        "Continue the sequence {terms}.",
    )
    slots: Mapping[str, str] = {"terms": r"-?\d{1,4}(?:,-?\d{1,4}){3,5}"}

    def draw(self, rng: Random, level: int) -> Given:
        start = rng.randint(1, (15, 20, 15, 20, 30)[level - 1])
        low, high = ((1, 9), (2, 12), (1, 6), (-5, 8), (-12, 12))[level - 1]
        bend = 0 if level <= 2 else rng.choice([b for b in range(1 - level, level) if b])
        step = rng.choice([s for s in range(low, high + 1) if s])
        terms = [start]
        for i in range(3):
            terms.append(terms[-1] + step + bend * i)
        return tuple(terms)

    def fill(self, given: Given) -> dict[str, str]:
        return {"terms": ", ".join(map(str, given))}

    def read(self, slots: Mapping[str, str]) -> Given | None:
        terms = tuple(map(int, slots["terms"].split(",")))
        steps = [b - a for a, b in itertools.pairwise(terms)]
        bends = {b - a for a, b in itertools.pairwise(steps)}
        return terms if len(bends) == 1 else None

    def understand(self, question: Question) -> Given | None:
        lists, ordinals = question.of("numbers"), question.of("ordinal")
        if len(lists) == 2 and lists[1] == lists[0][-1:] and "after" in question.words:
            lists.pop()
        count = len(lists[0]) if lists else 0
        told = len(question.of("numbers"))
        places = {"numbers": told, "ordinal": len(ordinals)} if ordinals else {"numbers": told}
        asked = {count + 1, 1} if question.of("count") else {count + 1}
        if len(lists) != 1 or not question.holds(count, **places) or not set(ordinals) <= asked:
            return None
        at = next(i for i, token in enumerate(question.tokens) if token.kind == "numbers")
        before, after = (
            question.tokens[:at],
            [token for token in question.tokens[at + 1 :] if token.text != ","],
        )
        if before and before[-1].kind == "blank" and (at == 1 or before[-2].kind != "word"):
            return None  # the gap is in front
        gap = len(after) > 0 and (
            after[0].kind == "letter" or (after[0].kind == "blank" and not after[0].close)
        )
        letters = after[0].text if gap else ""
        if not question.says_only(_WORDS, letters) or not (gap or ordinals or question.words & _CUES):
            return None
        return self.take(terms=",".join(map(str, lists[0])))

    def write(self, given: Given, script: Script) -> None:
        steps = []
        for a, b in itertools.pairwise(given):
            script.say(f"{b}{signed(-a)}=")
            steps.append(script.decide(b - a, near(b - a)))
            script.end()
        script.say(f"change {steps[1]}{signed(-steps[0])}=")
        bend = script.decide(steps[1] - steps[0], near(steps[1] - steps[0]))
        script.end()
        script.say(f"next step {steps[-1]}{signed(bend)}=")
        step = script.decide(steps[-1] + bend, near(steps[-1] + bend))
        script.end()
        script.say(f"{given[-1]}{signed(step)}=")
        value = script.decide(given[-1] + step, near(given[-1] + step))
        script.end()
        last, before = value - given[-1], given[-1] - given[-2]
        want = (given[1] - given[0]) - (given[2] - given[1])
        script.end(check(f"{value}{signed(-given[-1])}={last} {last}{signed(-before)}", last - before, -want))
        script.end(f"Answer: {value}")
