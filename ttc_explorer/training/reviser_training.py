"""Stages ``reviser`` and ``reviser-verifier``: a better answer after seeing earlier ones, and its
verifier.

The reviser is the base, taught on chains of attempts (arXiv 2408.03314, section 6.1). Every attempt
is a block of its own with the question before it, so that the newest block looks like what the base
knows. Beside the paper's chains of wrong attempts that end in a right one it reads chains whose
last attempts are right and are repeated, which teaches it not to break right answers, and problems
without any attempt.

In further rounds it goes on from chains that it wrote itself (dataset aggregation: Ross et al.,
arXiv 1011.0686). At work it meets its own attempts, not the base's, and where those had never
taught it anything it copied a wrong attempt as readily as a right one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd

from ttc_explorer.models.protocol import REVISION_CONTEXT, ExtendJob, RevisionContext
from ttc_explorer.models.tree_decoding import TreeGenerator
from ttc_explorer.problems.families import LEVELS, RecognisedProblem, recognise
from ttc_explorer.problems.families.arithmetic_claims import claim_truths
from ttc_explorer.problems.families.family import line_text
from ttc_explorer.problems.families.solution_writer import Segment, SolutionLine
from ttc_explorer.problems.problem import Problem
from ttc_explorer.training.generator_training import draw_generator_examples, train_language_model
from ttc_explorer.training.saved_models import (
    load_encoder,
    load_language_model,
    load_token_classifier,
    load_tree_generator,
)
from ttc_explorer.training.solution_samples import (
    SAMPLING_TEMPERATURE,
    draw_recognised_problems,
    read_shards,
    solution_row,
    write_shards,
)
from ttc_explorer.training.training_data import (
    ExampleEncoder,
    TrainingExample,
    draw_parameters,
    draw_wording,
)
from ttc_explorer.training.training_recipe import Recipe
from ttc_explorer.training.verifier_training import train_verifier

NO_HISTORY_SHARE = 0.25
"""Share of the examples without earlier attempts: what the base learnt."""

SYNTHETIC_SHARE = 0.5
"""Share of the chains that are made of worked and mistaken solutions; the others are the base's
own."""

REPEATED_RIGHT_SHARE = 0.5
"""Share of the chains whose last attempt is right and stays."""

LOST_RIGHT_SHARE = 0.25
"""Share of the chains of two wrong attempts and more in which one before the last was right
already."""

REPEATED_WRONG_SHARE = 0.5
"""How often a wrong attempt is the one before it again. Where only right attempts were ever
repeated, the reviser took repetition for a proof: a wrong attempt that it had written twice it
wrote a third time in 7 of 10 cases, whatever its checks said, and one that it had written once in 2
of 10. Since then it is 6 in 10."""

OWN_CHAIN_SHARE = 0.5
"""Share of the examples of a further round that go on from a chain of its own."""

REVISER_CHAIN_LENGTH = 6
"""Attempts in the chains that the reviser writes, to learn from and to teach its verifier."""

MAX_STEPS = 40


def draw_revision_example(
    encoder: ExampleEncoder, rng: Random, chains: pd.DataFrame
) -> list[TrainingExample]:
    """One training example of the reviser."""
    if rng.random() < NO_HISTORY_SHARE:
        return draw_generator_examples(encoder, rng)
    # A reviser at work meets its own repetitions: one right attempt after another, after wrong ones
    # or none.
    length = rng.randint(1, REVISION_CONTEXT)
    rights = rng.randint(1, length) if rng.random() < REPEATED_RIGHT_SHARE else 0
    wrong = length - rights
    if len(chains) and rng.random() >= SYNTHETIC_SHARE:
        found = chains.iloc[rng.randrange(len(chains))]
        question = found["text"]
        target: list[SolutionLine] = [(Segment(step),) for step in found["right"]]
        wrong_attempts = [lines_without_loss(steps) for steps in found["wrong"]]
        # The closest wrong attempt comes last, those before it at random.
        attempts = (
            [
                *rng.sample(wrong_attempts[:-1], min(wrong - 1, len(wrong_attempts) - 1)),
                wrong_attempts[-1],
            ]
            if wrong
            else []
        )
        right_attempt = lines_without_loss(found["right"])
    else:
        family, parameters, _ = draw_parameters(rng, "train")
        question = draw_wording(family, parameters, rng)
        target = right_attempt = family.worked_solution(parameters)
        attempts = [family.mistaken_solution(parameters, rng) for _ in range(wrong)]
    for place in reversed(range(1, len(attempts))):
        if rng.random() < REPEATED_WRONG_SHARE:
            attempts[place - 1] = attempts[place]
    if len(attempts) > 1 and rng.random() < LOST_RIGHT_SHARE:
        attempts[rng.randrange(len(attempts) - 1)] = right_attempt
    return [encoder.revision_example([*attempts, *[right_attempt] * rights], question, target)]


def continuation_example(encoder: ExampleEncoder, row: Mapping[str, Any]) -> TrainingExample:
    """An attempt of the reviser's own (a row of ``revise_in_chains``) and what to write next: the
    same again if it is right and says nothing false, else the worked solution."""
    found = recognise(row["text"])
    assert found is not None, "chains are written for problems of the families"
    keep_attempt = row["correct"] and all(all(claim_truths(step)) for step in row["steps"])
    own_attempt: list[SolutionLine] = [(Segment(step),) for step in row["steps"]]
    worked_solution = found.family.worked_solution(found.parameters)
    target = own_attempt if keep_attempt else worked_solution
    attempts = [lines_without_loss(attempt) for attempt in (*row["attempts"], row["steps"])]
    return encoder.revision_example(attempts[-REVISION_CONTEXT:], row["text"], target)


def lines_without_loss(steps: Iterable[str]) -> list[SolutionLine]:
    """An attempt as lines that carry no loss: the checks of a sampled one may be false."""
    return [(Segment(step, prompt=True),) for step in steps]


def train_reviser(recipe: Recipe, work: Path, out: Path, number: int) -> None:
    """Round ``number``: from 0, S on chains of wrong and right attempts, then the reviser of the
    round before on all chains of its own too. The last is saved to ``out / "reviser"``, with the
    log of all."""
    encoder = load_encoder(out / "tokenizer")
    start = round_folder(recipe, work, out, number - 1) if number else out / "base-s"
    chains, sides = read_shards(work / "chains", "train"), []
    if number:
        own_chains = [read_shards(work / "own-chains", f"train-{n}") for n in range(1, number + 1)]
        right = pd.concat(own_chains).groupby("correct")
        sides = [side for _, side in right]

    def make(rng: Random) -> list[TrainingExample]:
        if not sides or rng.random() >= OWN_CHAIN_SHARE:
            return draw_revision_example(encoder, rng, chains)
        side = rng.choice(sides)  # wrong attempts as often as right ones
        return [continuation_example(encoder, side.iloc[rng.randrange(len(side))])]

    train_language_model(
        recipe,
        encoder,
        work / "reviser" / f"reviser-{number}",
        round_folder(recipe, work, out, number),
        recipe.reviser_again if number else recipe.reviser,
        load_language_model(start),
        make,
        held_out_examples(encoder),
        45_000 + 2_000 * number,
        before=pd.read_parquet(start / "training.parquet") if number else None,
    )


def round_folder(recipe: Recipe, work: Path, out: Path, number: int) -> Path:
    """Where a round leaves its model."""
    last = number == recipe.rounds
    return out / "reviser" if last else work / "reviser" / f"reviser-{number}" / "model"


def held_out_examples(encoder: ExampleEncoder) -> list[TrainingExample]:
    rng = Random("reviser validation")
    return [held_out_example(encoder, rng) for _ in range(192)]


def held_out_example(encoder: ExampleEncoder, rng: Random) -> TrainingExample:
    """A validation problem after one to four mistaken attempts; only the right solution counts."""
    family, parameters, _ = draw_parameters(rng, "val")
    wrong = [
        family.mistaken_solution(parameters, rng) for _ in range(rng.randint(1, REVISION_CONTEXT))
    ]
    attempts = [lines_without_loss(map(line_text, lines)) for lines in wrong]
    return encoder.revision_example(
        attempts, family.wordings(parameters)[0], family.worked_solution(parameters)
    )


def revise_in_chains(
    reviser: TreeGenerator,
    problems: Sequence[tuple[Problem, RecognisedProblem]],
    length: int,
    seed: int,
) -> pd.DataFrame:
    """Chains of the reviser, one a problem: rows as ``solution_samples.solution_row`` has them,
    ``sample`` the place in the chain, ``attempts`` (the steps of) the attempts that it had before
    it."""
    rows = []
    chains: list[list[list[str]]] = [[] for _ in problems]
    for place in range(length):
        asked = [
            RevisionContext(
                problem.text, tuple("\n".join(attempt) for attempt in chain[-REVISION_CONTEXT:])
            )
            for (problem, _), chain in zip(problems, chains, strict=True)
        ]
        states = {
            number: prefilled.state
            for number, prefilled in enumerate(reviser.prefill_revisions(asked))
        }
        steps: list[list[str]] = [[] for _ in problems]
        for line in range(MAX_STEPS):
            live = list(states)
            jobs = [
                ExtendJob(states[n], SAMPLING_TEMPERATURE, (seed, n, place, line)) for n in live
            ]
            for number, reply in zip(live, reviser.extend(jobs), strict=True):
                steps[number].append(reply.text)
                states[number] = reply.state
                if reply.finished:
                    del states[number]
            if not states:
                break
        for number, ((problem, recognised), chain) in enumerate(zip(problems, chains, strict=True)):
            made = solution_row(number, place, problem, recognised, steps[number])
            rows.append(
                made | {"attempts": [list(attempt) for attempt in chain[-REVISION_CONTEXT:]]}
            )
            chain.append(steps[number])
    return pd.DataFrame(rows)


def make_reviser_chains(recipe: Recipe, work: Path, out: Path, number: int) -> None:
    """Chains of the reviser of the round before for training problems, into ``work /
    "own-chains"``."""
    reviser = load_tree_generator(round_folder(recipe, work, out, number - 1), recipe.device)
    name = f"train-{number}"
    problems = list(
        draw_recognised_problems("train", recipe.chains, f"{recipe.seed} own chains {number}")
    )
    write_shards(
        work / "own-chains",
        name,
        problems,
        lambda mine: revise_in_batches(reviser, mine, recipe.seed),
    )


def make_revisions(recipe: Recipe, work: Path, out: Path) -> None:
    """Chains of the reviser for training and validation problems into ``work / "revisions"``."""
    reviser = load_tree_generator(out / "reviser", recipe.device)
    for split, count in (("train", recipe.chains), ("val", max(len(LEVELS), recipe.chains // 10))):
        write_shards(
            work / "revisions",
            split,
            list(draw_recognised_problems(split, count, f"{recipe.seed} revisions")),
            lambda mine: revise_in_batches(reviser, mine, recipe.seed),
        )


def revise_in_batches(
    reviser: TreeGenerator, mine: list[tuple[Problem, RecognisedProblem]], seed: int
) -> pd.DataFrame:
    """Chains of REVISER_CHAIN_LENGTH attempts for all of ``mine``, a batch after the other."""
    tables = []
    for first in range(0, len(mine), 128):
        table = revise_in_chains(
            reviser, mine[first : first + 128], REVISER_CHAIN_LENGTH, seed + first
        )
        tables.append(table.assign(question=table["question"] + first))
    return pd.concat(tables, ignore_index=True)


def train_reviser_verifier(recipe: Recipe, work: Path, out: Path) -> None:
    """Train the PRM further on the reviser's own chains, history in sight; saved to ``out /
    "reviser-prm"``."""
    encoder = load_encoder(out / "tokenizer")
    model = load_token_classifier(out / "prm-exact", recipe.device)
    table = read_shards(work / "revisions", "train")
    rows = list(zip(table["text"], table["steps"], table["labels"], table["attempts"], strict=True))
    sides = [
        [r for r, c in zip(rows, table["correct"], strict=True) if c == side]
        for side in (True, False)
    ]
    sides = [side for side in sides if side]

    def make(rng: Random) -> list[TrainingExample]:
        text, steps, labels, attempts = rng.choice(rng.choice(sides))
        # Now and then without its history, so that the verifier judges what it reads and not the
        # place.
        before = [list(a) for a in attempts] if rng.random() < 0.8 else []
        return [encoder.verifier_example(text, list(steps), list(labels), before)]

    train_verifier(
        recipe,
        work,
        out,
        "reviser-prm",
        recipe.reviser_verifier,
        make,
        model,
        read_shards(work / "revisions", "val"),
    )
