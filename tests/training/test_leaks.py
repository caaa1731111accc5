"""No test problem, however worded, in anything that a stage learns from; validation problems kept
apart."""

from __future__ import annotations

from random import Random

import pandas as pd
import pytest
from transformers import AutoTokenizer

from ttc_explorer.problems.families import FAMILIES, parse_typed_problem, recognise
from ttc_explorer.problems.families.family import line_text
from ttc_explorer.training.arithmetic_drills import DRILL_QUESTION, arithmetic_drill
from ttc_explorer.training.generator_training import solution_example
from ttc_explorer.training.reviser_training import held_out_example
from ttc_explorer.training.solution_samples import draw_recognised_problems
from ttc_explorer.training.training_data import ExampleEncoder

MODELS = [
    "base-s",
    "base-m",
    "base-l",
    "prm",
    "prm-exact",
    "orm",
    "reviser-0",
    "reviser-1",
    "reviser-2",
    "reviser-prm",
    "distilled-s",
]

OTHERS = ("beam", "dvts", "lookahead", "revise", "rewordings")
"""First words of the tables whose rows are whole runs (their texts are attempts, not problems), or
questions in free wording (all of the test split: tests/problems/test_rewordings.py)."""


def canonical(text):
    """The problem that a text words, and its split."""
    found = recognise(text)
    assert found is not None, text
    return (found.family.name, found.family.key(found.parameters)), found.family.split(
        found.parameters
    )


def questions(tokenizer, example):
    """What an example asks: the line after each begin token."""
    blocks = tokenizer.decode(example.ids).split("<bos>")[1:]
    return {block.partition("\n")[0] for block in blocks}


def test_every_table_holds_problems_of_its_own_split_only(smoke):
    work = smoke.out / "work"
    held = {"train": set(), "val": set(), "test": set()}
    paths = sorted(work.glob("*/*.parquet"))
    tables = {"samples", "rollouts", "chains", "own-chains", "revisions", "measure"}
    assert {path.parent.name for path in paths} == tables
    for path in paths:
        expected = "test" if path.parent.name == "measure" else path.name.partition("-")[0]
        table = pd.read_parquet(path)
        for text in set() if path.name.startswith(OTHERS) else set(table["text"]):
            problem, split = canonical(text)
            assert split == expected
            held[expected].add(problem)
    assert all(held.values())
    assert not held["test"] & (held["train"] | held["val"])
    assert not held["train"] & held["val"]


@pytest.mark.parametrize("model", MODELS)
def test_what_a_model_reads_in_training_is_of_the_training_split(smoke, model):
    tokenizer = AutoTokenizer.from_pretrained(smoke.out / "tokenizer")
    asked = set()
    for seed in range(40):
        for example in smoke.makes[model](Random(seed)):
            asked |= questions(tokenizer, example)
    asked -= {DRILL_QUESTION}
    assert asked
    assert {canonical(text)[1] for text in asked} == {"train"}


def test_what_a_model_is_validated_on_is_of_the_validation_split(tokenizer):
    encoder, rng = ExampleEncoder(tokenizer), Random(0)
    asked = set()
    for _ in range(40):
        asked |= questions(tokenizer, solution_example(encoder, rng, "val", 0.0))
        asked |= questions(tokenizer, held_out_example(encoder, rng))
    assert {canonical(text)[1] for text in asked} == {"val"}


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_drawn_problems_are_of_the_split_asked_for(split):
    for problem, recognised in draw_recognised_problems(split, 30, 0):
        assert canonical(problem.text) == (
            (recognised.family.name, recognised.family.key(recognised.parameters)),
            split,
        )


def families_asked(text):
    """The families of which ``text`` itself is a problem; not those in whose words it can be asked
    when somebody types it, as 6*11 is asked as a percentage."""
    question = parse_typed_problem(text)
    return [
        name
        for name, family in FAMILIES.items()
        if family.recognise(text) is not None
        or (question is not None and family.parse_question(question) is not None)
    ]


def test_drills_hold_no_problem_of_a_family():
    for seed in range(30):
        for line in arithmetic_drill(Random(seed)):
            text = line_text(line)
            for wording in (
                text,
                f"Compute {text}",
                f"Compute {text.partition('=')[0]}.",
                f"Solve {text}.",
            ):
                assert not families_asked(wording)
    assert recognise(DRILL_QUESTION) is None
