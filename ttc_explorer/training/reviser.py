"""Stages ``reviser`` and ``reviser-verifier``: a better answer after seeing earlier ones, and who judges it.

The reviser is the base, taught on chains of attempts (arXiv 2408.03314, section 6.1). Every attempt is a
block of its own with the question before it, so that the newest block looks like what the base knows. Beside
the paper's chains of wrong attempts that end in a right one it reads chains whose last attempts are right and
are repeated, which teaches it not to break right answers, and problems without any attempt.

In further rounds it goes on from chains that it wrote itself (dataset aggregation: Ross et al., arXiv
1011.0686). At work it meets its own attempts, not the base's, and where those had never taught it anything it
copied a wrong attempt as readily as a right one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd
from transformers import AutoModelForCausalLM, AutoModelForTokenClassification, AutoTokenizer

from ttc_explorer.models.decoding import TreeGenerator
from ttc_explorer.models.protocol import MEMORY, Chain, ExtendJob
from ttc_explorer.problems.families import LEVELS, Recognised, recognise
from ttc_explorer.problems.families.claims import claims
from ttc_explorer.problems.families.family import line_text
from ttc_explorer.problems.families.script import Line, Segment
from ttc_explorer.problems.problem import Problem
from ttc_explorer.training.base import make_examples, train_language
from ttc_explorer.training.data import Encoder, Example, draw_given, worded
from ttc_explorer.training.recipe import Recipe
from ttc_explorer.training.samples import (
    TEMPERATURE,
    draw_problems,
    in_parts,
    load_generator,
    read_parts,
    row,
)
from ttc_explorer.training.verifier import train_verifier

ALONE = 0.25
"""Share of the examples without earlier attempts: what the base learnt."""

MADE = 0.5
"""Share of the chains that are made of worked and mistaken solutions; the others are the base's own."""

REPEATED = 0.5
"""Share of the chains whose last attempt is right and stays."""

LOST = 0.25
"""Share of the chains of two wrong attempts and more in which one before the last was right already."""

STUCK = 0.5
"""How often a wrong attempt is the one before it again. Where only right attempts were ever repeated, the
reviser took repetition for a proof: a wrong attempt that it had written twice it wrote a third time in 7 of
10 cases, whatever its checks said, and one that it had written once in 2 of 10. Since then it is 6 in 10."""

OWN = 0.5
"""Share of the examples of a further round that go on from a chain of its own."""

LENGTH = 6
"""Attempts in the chains that the reviser writes, to learn from and to teach its verifier."""

ROUNDS = 40


def make_revision(encoder: Encoder, rng: Random, chains: pd.DataFrame) -> list[Example]:
    """One training example of the reviser."""
    if rng.random() < ALONE:
        return make_examples(encoder, rng)
    # A reviser at work meets its own repetitions: one right attempt after another, after wrong ones or none.
    length = rng.randint(1, MEMORY)
    rights = rng.randint(1, length) if rng.random() < REPEATED else 0
    wrong = length - rights
    if len(chains) and rng.random() >= MADE:
        found = chains.iloc[rng.randrange(len(chains))]
        question = found["text"]
        target = [(Segment(step),) for step in found["right"]]
        bad = [silent(steps) for steps in found["wrong"]]
        # The closest wrong attempt comes last, those before it at random.
        attempts = [*rng.sample(bad[:-1], min(wrong - 1, len(bad) - 1)), bad[-1]] if wrong else []
        kept = silent(found["right"])
    else:
        family, given, _ = draw_given(rng, "train")
        question = worded(family, given, rng)
        target = kept = family.worked(given)
        attempts = [family.mistaken(given, rng) for _ in range(wrong)]
    for place in reversed(range(1, len(attempts))):
        if rng.random() < STUCK:
            attempts[place - 1] = attempts[place]
    if len(attempts) > 1 and rng.random() < LOST:
        attempts[rng.randrange(len(attempts) - 1)] = kept
    return [encoder.revision([*attempts, *[kept] * rights], question, target)]


def go_on(encoder: Encoder, row: Mapping[str, Any]) -> Example:
    """An attempt of the reviser's own (a row of ``revise_in_chains``) and what to write next: the same again
    if it is right and says nothing false, else the worked solution."""
    found = recognise(row["text"])
    assert found is not None, "chains are written for problems of the families"
    stays = row["correct"] and all(all(claims(step)) for step in row["steps"])
    target = [(Segment(step),) for step in row["steps"]] if stays else found.family.worked(found.given)
    attempts = [silent(attempt) for attempt in (*row["attempts"], row["steps"])]
    return encoder.revision(attempts[-MEMORY:], row["text"], target)


def silent(steps: Iterable[str]) -> list[Line]:
    """An attempt as lines of which nothing is learnt: the checks of a sampled one may be false."""
    return [(Segment(step, given=True),) for step in steps]


def train_reviser(recipe: Recipe, work: Path, out: Path, number: int) -> None:
    """Round ``number``: from 0, S on chains of wrong and right attempts, then the reviser of the round before
    on all chains of its own too. The last is saved to ``out / "reviser"``, with the log of all."""
    encoder = Encoder(AutoTokenizer.from_pretrained(out / "tokenizer"))
    start = saved(recipe, work, out, number - 1) if number else out / "base-s"
    chains, sides = read_parts(work / "chains", "train"), []
    if number:
        own = [read_parts(work / "own-chains", f"train-{n}") for n in range(1, number + 1)]
        right = pd.concat(own).groupby("correct")
        sides = [side for _, side in right]

    def make(rng: Random) -> list[Example]:
        if not sides or rng.random() >= OWN:
            return make_revision(encoder, rng, chains)
        side = rng.choice(sides)  # wrong attempts as often as right ones
        return [go_on(encoder, side.iloc[rng.randrange(len(side))])]

    train_language(
        recipe,
        encoder,
        work / "reviser" / f"reviser-{number}",
        saved(recipe, work, out, number),
        recipe.reviser_again if number else recipe.reviser,
        AutoModelForCausalLM.from_pretrained(start, dtype="float32"),
        make,
        held_out_chains(encoder),
        45_000 + 2_000 * number,
        before=pd.read_parquet(start / "training.parquet") if number else None,
    )


def saved(recipe: Recipe, work: Path, out: Path, number: int) -> Path:
    """Where a round leaves its model."""
    last = number == recipe.rounds
    return out / "reviser" if last else work / "reviser" / f"reviser-{number}" / "model"


def held_out_chains(encoder: Encoder) -> list[Example]:
    rng = Random("reviser validation")
    return [held_out_chain(encoder, rng) for _ in range(192)]


def held_out_chain(encoder: Encoder, rng: Random) -> Example:
    """A validation problem after one to four mistaken attempts; only the right solution counts."""
    family, given, _ = draw_given(rng, "val")
    wrong = [family.mistaken(given, rng) for _ in range(rng.randint(1, MEMORY))]
    attempts = [silent(map(line_text, lines)) for lines in wrong]
    return encoder.revision(attempts, family.wordings(given)[0], family.worked(given))


def revise_in_chains(
    reviser: TreeGenerator, problems: Sequence[tuple[Problem, Recognised]], length: int, seed: int
) -> pd.DataFrame:
    """Chains of the reviser, one a problem: rows as ``samples.row`` has them, ``sample`` the place in the
    chain, ``attempts`` (the steps of) the attempts that it had before it."""
    rows = []
    chains: list[list[list[str]]] = [[] for _ in problems]
    for place in range(length):
        asked = [
            Chain(problem.text, tuple("\n".join(attempt) for attempt in chain[-MEMORY:]))
            for (problem, _), chain in zip(problems, chains, strict=True)
        ]
        states = {number: opened.state for number, opened in enumerate(reviser.open_chains(asked))}
        steps: list[list[str]] = [[] for _ in problems]
        for line in range(ROUNDS):
            live = list(states)
            jobs = [ExtendJob(states[n], TEMPERATURE, (seed, n, place, line)) for n in live]
            for number, reply in zip(live, reviser.extend(jobs), strict=True):
                steps[number].append(reply.text)
                states[number] = reply.state
                if reply.finished:
                    del states[number]
            if not states:
                break
        for number, ((problem, judge), chain) in enumerate(zip(problems, chains, strict=True)):
            made = row(number, place, problem, judge, steps[number])
            rows.append(made | {"attempts": [list(attempt) for attempt in chain[-MEMORY:]]})
            chain.append(steps[number])
    return pd.DataFrame(rows)


def make_own_chains(recipe: Recipe, work: Path, out: Path, number: int) -> None:
    """Chains of the reviser of the round before for training problems, into ``work / "own-chains"``."""
    reviser = load_generator(saved(recipe, work, out, number - 1), recipe.device)
    name = f"train-{number}"
    problems = list(draw_problems("train", recipe.chains, f"{recipe.seed} own chains {number}"))
    in_parts(work / "own-chains", name, problems, lambda mine: revised(reviser, mine, recipe.seed))


def make_revisions(recipe: Recipe, work: Path, out: Path) -> None:
    """Chains of the reviser for training and validation problems into ``work / "revisions"``."""
    reviser = load_generator(out / "reviser", recipe.device)
    for split, count in (("train", recipe.chains), ("val", max(len(LEVELS), recipe.chains // 10))):
        in_parts(
            work / "revisions",
            split,
            list(draw_problems(split, count, f"{recipe.seed} revisions")),
            lambda mine: revised(reviser, mine, recipe.seed),
        )


def revised(reviser: TreeGenerator, mine: list[tuple[Problem, Recognised]], seed: int) -> pd.DataFrame:
    """Chains of LENGTH attempts for all of ``mine``, a batch after the other."""
    tables = []
    for first in range(0, len(mine), 128):
        table = revise_in_chains(reviser, mine[first : first + 128], LENGTH, seed + first)
        tables.append(table.assign(question=table["question"] + first))
    return pd.concat(tables, ignore_index=True)


def train_reviser_verifier(recipe: Recipe, work: Path, out: Path) -> None:
    """Train the PRM further on the reviser's own chains, history in sight; saved to ``out /
    "reviser-prm"``."""
    tokenizer = AutoTokenizer.from_pretrained(out / "tokenizer")
    encoder = Encoder(tokenizer)
    model = AutoModelForTokenClassification.from_pretrained(out / "prm-exact", dtype="float32").to(
        recipe.device
    )
    table = read_parts(work / "revisions", "train")
    rows = list(zip(table["text"], table["steps"], table["labels"], table["attempts"], strict=True))
    sides = [[r for r, c in zip(rows, table["correct"], strict=True) if c == side] for side in (True, False)]
    sides = [side for side in sides if side]

    def make(rng: Random) -> list[Example]:
        text, steps, labels, attempts = rng.choice(rng.choice(sides))
        # Now and then without its history, so that the verifier judges what it reads and not the place.
        before = [list(a) for a in attempts] if rng.random() < 0.8 else []
        return [encoder.judged(text, list(steps), list(labels), before)]

    train_verifier(
        recipe,
        work,
        out,
        "reviser-prm",
        recipe.reviser_verifier,
        make,
        model,
        read_parts(work / "revisions", "val"),
    )
