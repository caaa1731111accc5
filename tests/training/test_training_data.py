"""Training examples: which tokens carry loss, and that models read in training what they read in
use."""

from __future__ import annotations

from itertools import takewhile
from random import Random

import numpy as np
import pandas as pd
import pytest

from ttc_explorer.models.protocol import REVISION_CONTEXT, RevisionContext, ScoreJob
from ttc_explorer.models.step_codec import StepCodec
from ttc_explorer.problems.families import FAMILIES, LEVELS, recognise
from ttc_explorer.problems.families.arithmetic_claims import claim_truths
from ttc_explorer.problems.families.family import line_text
from ttc_explorer.training import reviser_training
from ttc_explorer.training.arithmetic_drills import DRILL_QUESTION, arithmetic_drill
from ttc_explorer.training.reviser_training import (
    continuation_example,
    draw_revision_example,
    held_out_example,
    lines_without_loss,
)
from ttc_explorer.training.saved_models import load_prm, load_scorer
from ttc_explorer.training.solution_samples import read_shards
from ttc_explorer.training.training_data import IGNORED, ExampleEncoder
from ttc_explorer.training.verifier_training import (
    SampledPairs,
    draw_synthetic_pair,
    misread_solution,
    step_scores,
)

CONTEXT = 1024


@pytest.fixture(scope="module")
def encoder(tokenizer):
    return ExampleEncoder(tokenizer)


def in_loss(encoder, example):
    """The text that carries loss, the end tokens spelled out, without blanks.

    A token on the border of a wrong decision may go with it, and a blank in it.
    """
    ids = [int(t) for t in example.targets if t != IGNORED]
    return encoder.tokenizer.decode(ids).replace(" ", "")


def kept(lines):
    """What should carry loss of a solution: all but its wrong decisions."""
    text = "".join("".join(s.text for s in line if s.in_loss) + "\n" for line in lines)
    return text.replace(" ", "") + "<eos>"


def draw(name, seed, level=3):
    family, rng = FAMILIES[name], Random(seed)
    parameters = family.draw_from_split(rng, level, "train")
    return family, parameters, rng


def test_digits_and_line_ends_stand_alone_and_any_text_survives(tokenizer):
    for text in ("x=123\n456", "Émile's 3½ × ∑ 漢字\t\n\n👩‍🏫", "want 12 off -3 no"):
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        assert tokenizer.decode(ids) == text
        pieces = [tokenizer.decode([i]) for i in ids]
        assert all(len(p) == 1 for p in pieces if any(c in "0123456789\n" for c in p))


@pytest.mark.parametrize("name", FAMILIES)
def test_wrong_decisions_carry_no_loss_and_everything_after_them_does(encoder, name):
    family, parameters, rng = draw(name, name)
    lines = family.mistaken_solution(parameters, rng)
    assert in_loss(
        encoder, encoder.language_example(family.random_wording(parameters, rng), lines)
    ) == kept(lines)


def test_of_a_drill_only_results_carry_loss(encoder):
    lines = arithmetic_drill(Random(0))
    assert in_loss(encoder, encoder.language_example(DRILL_QUESTION, lines)) == kept(lines)
    assert all(line[0].prompt and not line[0].in_loss and line[1].in_loss for line in lines)


def test_a_target_is_the_next_token(encoder):
    family, parameters, _ = draw("linear", 1)
    example = encoder.revision_example(
        [family.worked_solution(parameters)],
        family.wordings(parameters)[0],
        family.worked_solution(parameters),
    )
    for place, target in enumerate(example.targets):
        assert target in (IGNORED, *example.ids[place + 1 : place + 2])


@pytest.mark.parametrize("name", FAMILIES)
def test_made_attempts_teach_what_is_honest_in_them(encoder, name):
    family, parameters, rng = draw(name, name)
    attempts = [family.mistaken_solution(parameters, rng) for _ in range(2)]
    target = family.worked_solution(parameters)
    example = encoder.revision_example(attempts, family.wordings(parameters)[0], target)
    assert in_loss(encoder, example) == "".join(map(kept, (*attempts, target)))


@pytest.fixture
def own_chains(monkeypatch):
    """A table of one sampled chain, the only thing that ``draw_revision_example`` draws from."""
    monkeypatch.setattr(reviser_training, "NO_HISTORY_SHARE", 0.0)
    monkeypatch.setattr(reviser_training, "SYNTHETIC_SHARE", 0.0)
    family, parameters, rng = draw("quadratic", 4)
    wrong = []
    while len(wrong) < 6:
        steps = [line_text(line) for line in family.mistaken_solution(parameters, rng)]
        if steps not in wrong:
            wrong.append(steps)
    return pd.DataFrame(
        {
            "text": [family.wordings(parameters)[0]],
            "right": [[line_text(line) for line in family.worked_solution(parameters)]],
            "wrong": [wrong],
        }
    )


def test_of_a_sampled_chain_the_final_attempt_is_learnt_and_nothing_else(encoder, own_chains):
    right, wrong = own_chains["right"][0], own_chains["wrong"][0]
    lengths, ends, lost, stuck = set(), set(), 0, 0
    for seed in range(120):
        (example,) = draw_revision_example(encoder, Random(seed), own_chains)
        assert in_loss(encoder, example) == ("\n".join(right) + "\n<eos>").replace(" ", "")
        blocks = encoder.tokenizer.decode(example.ids).split("<bos>")[1:]
        before = [block.removesuffix("\n<eos>").split("\n")[1:] for block in blocks[:-1]]
        lengths.add(len(before))
        rights = len(list(takewhile(right.__eq__, reversed(before))))
        ends.add(rights)
        bad = before[: len(before) - rights]
        if bad:
            assert bad[-1] == wrong[-1]
            assert bad.count(right) <= 1
            assert all(attempt in wrong for attempt in bad if attempt != right)
            lost += right in bad
            stuck += len({*map(tuple, bad)}) < len(bad)
    assert lengths == {1, 2, 3, 4}
    assert ends == {0, 1, 2, 3, 4}
    assert lost
    assert stuck  # wrong attempts are repeated too: repetition proves nothing


def attempt_of(family, parameters, steps, correct, before=()):
    return {
        "text": family.wordings(parameters)[0],
        "steps": steps,
        "correct": correct,
        "attempts": list(before),
    }


def test_the_reviser_learns_to_repeat_a_right_and_true_attempt_and_else_the_solution(encoder):
    family, parameters, rng = draw("system", 4)
    worked_solution = [line_text(line) for line in family.worked_solution(parameters)]
    wrong = [line_text(line) for line in family.mistaken_solution(parameters, rng)]
    misprint = [worked_solution[0] + "0", *worked_solution[1:]]
    target = ("\n".join(worked_solution) + "\n<eos>").replace(" ", "")
    for steps, correct in ((wrong, False), (worked_solution, True), (misprint, True)):
        example = continuation_example(
            encoder, attempt_of(family, parameters, steps, correct, [wrong] * 6)
        )
        assert in_loss(encoder, example) == target
        blocks = encoder.tokenizer.decode(example.ids).split("<bos>")[1:]
        before = [block.removesuffix("\n<eos>").split("\n")[1:] for block in blocks[:-1]]
        assert before == [wrong, wrong, wrong, steps]
    other = [
        line for line in worked_solution if not line.startswith("x=")
    ]  # right, true, and not the worked one
    example = continuation_example(encoder, attempt_of(family, parameters, other, True))
    assert in_loss(encoder, example) == ("\n".join(other) + "\n<eos>").replace(" ", "")


def test_of_a_validation_chain_only_the_right_solution_counts(encoder):
    rng = Random(3)
    for _ in range(10):
        example = held_out_example(encoder, rng)
        block = encoder.tokenizer.decode(example.ids).split("<bos>")[-1]
        found = recognise(block.partition("\n")[0])
        assert in_loss(encoder, example) == kept(found.family.worked_solution(found.parameters))


def test_revisions_fit_the_context(encoder, monkeypatch):
    monkeypatch.setattr(reviser_training, "NO_HISTORY_SHARE", 0.0)
    none = pd.DataFrame(columns=["text", "right", "wrong"])
    lengths = [
        len(draw_revision_example(encoder, Random(seed), none)[0].ids) for seed in range(200)
    ]
    for name in FAMILIES:
        for level in LEVELS:
            family, parameters, rng = draw(name, level, level)
            question = max(family.wordings(parameters), key=len)
            attempts = [family.mistaken_solution(parameters, rng) for _ in range(REVISION_CONTEXT)]
            lengths.append(
                len(
                    encoder.revision_example(
                        attempts, question, family.worked_solution(parameters)
                    ).ids
                )
            )
    assert max(lengths) <= CONTEXT


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("count", [0, 1, 4, 12])
def test_a_chain_is_read_in_training_as_it_is_in_use(encoder, name, count):
    """Also where it is too long, so that the oldest attempts are left out."""
    family, parameters, rng = draw(name, count, 5)
    question, lines = family.wordings(parameters)[0], family.worked_solution(parameters)
    attempts = [
        lines_without_loss(map(line_text, family.mistaken_solution(parameters, rng)))
        for _ in range(count)
    ]
    steps = [[line_text(line) for line in attempt] for attempt in attempts]
    codec = StepCodec(encoder.tokenizer, len(encoder.tokenizer))
    (read,) = codec.chains([RevisionContext(question, tuple("\n".join(s) for s in steps))], CONTEXT)
    solution = [line_text(line) for line in lines]
    own = [i for ids in codec.steps(solution) for i in ids]
    assert encoder.revision_example(attempts, question, lines).ids == [
        *read,
        *own,
        encoder.tokenizer.eos_token_id,
    ]
    verifier_example = encoder.verifier_example(question, solution, [0.5] * len(solution), steps)
    assert verifier_example.ids == [*read, *own]
    ends = [place for place, target in enumerate(verifier_example.targets) if target != IGNORED]
    assert len(ends) == len(solution)
    assert {verifier_example.ids[place] for place in ends} == {encoder.line_end}
    assert ends[-1] == len(verifier_example.ids) - 1
    assert min(ends) > len(read)


def test_the_verifier_of_revisions_scores_tables_and_searches_alike(smoke):
    model, encoder = load_scorer(smoke.out / "reviser-prm", "cpu")
    table = read_shards(smoke.out / "work" / "revisions", "val")
    read = [
        len(
            encoder.verifier_example(
                row.text, row.steps, row.labels, [list(a) for a in row.attempts]
            ).ids
        )
        for row in table.itertuples()
    ]
    table = table[[ids <= model.config.max_position_embeddings for ids in read]].head(12)
    assert len(table) > 3
    scores = step_scores(model, encoder, table)
    prm = load_prm(smoke.out / "reviser-prm", "cpu")
    asked = [
        RevisionContext(text, tuple("\n".join(attempt) for attempt in attempts))
        for text, attempts in zip(table["text"], table["attempts"], strict=True)
    ]
    prefilled = prm.prefill_revisions(asked)
    jobs = [
        ScoreJob(state.state, "\n".join(steps))
        for state, steps in zip(prefilled, table["steps"], strict=True)
    ]
    found = [scored.score for scored in prm.score(jobs)]
    assert found == pytest.approx([own[-1] for own in scores], abs=1e-4)


def test_samples_and_revisions_are_labelled_by_the_exact_checker(smoke):
    tables = [read_shards(smoke.out / "work" / name, "train") for name in ("samples", "revisions")]
    for row in (row for table in tables for row in table.head(40).itertuples()):
        recognised = recognise(row.text)
        assert row.level in LEVELS
        assert row.correct == (isinstance(row.answer, str) and recognised.is_correct(row.answer))
        begun = [
            recognised.is_correct_prefix(list(row.steps[:i])) for i in range(1, len(row.steps))
        ]
        assert list(row.labels) == [*begun, row.correct]


def test_chains_remember_the_attempts_before(smoke):
    for split in ("train", "val"):
        for _, chain in read_shards(smoke.out / "work" / "revisions", split).groupby("question"):
            rows = list(chain.sort_values("sample").itertuples())
            assert [row.sample for row in rows] == list(
                range(reviser_training.REVISER_CHAIN_LENGTH)
            )
            for place, row in enumerate(rows):
                before = rows[max(0, place - REVISION_CONTEXT) : place]
                assert [list(a) for a in row.attempts] == [list(one.steps) for one in before]


def test_sampled_pairs_are_balanced(encoder):
    steps = ["2x=4", "x=2", "Answer: 2"]
    rows = [
        {
            "question": q,
            "text": "Solve 2x+5=9.",
            "steps": steps,
            "labels": [c] * len(steps),
            "correct": c,
        }
        for q, sides in ((0, (True, False, False, False)), (1, (True, True)))
        for c in sides
    ]
    for last_only in (False, True):
        drawn = SampledPairs(encoder, pd.DataFrame(rows), last_only)(Random(0))
        labels = [[t for t in example.targets if t != IGNORED] for example in drawn]
        assert sorted(label[-1] for label in labels) == [0.0, 1.0]
        assert all(len(label) == (1 if last_only else len(steps)) for label in labels)


def test_hard_pairs_are_wrong_where_the_checks_do_not_show_it(encoder):
    right, plain, fair = ["x=2", "2 want 2 ok"], ["x=3", "3 want 2 no"], ["x=4", "4 want 4 ok"]
    rows = [
        {"question": q, "text": f"Solve x+{q}=2.", "steps": s, "labels": [c, c], "correct": c}
        for q, wrong in ((0, [plain]), (1, [plain, fair, plain]))
        for s, c in ((right, True), *((steps, False) for steps in wrong))
    ]
    pairs = SampledPairs(encoder, pd.DataFrame(rows), hard=1.0)
    texts = {encoder.tokenizer.decode(e.ids) for seed in range(20) for e in pairs(Random(seed))}
    assert {text.replace(" ", "") for text in texts} == {
        f"<bos>Solvex+1=2.\n{steps[0]}\n{steps[1].replace(' ', '')}\n" for steps in (right, fair)
    }


def test_the_score_of_a_table_does_not_depend_on_its_batches(smoke):
    table = read_shards(smoke.out / "work" / "samples", "val").head(9)
    scorer = load_scorer(smoke.out / "prm-exact", "cpu")
    one, other = step_scores(*scorer, table), step_scores(*scorer, table, rows=2)
    assert [len(scores) for scores in one] == [len(steps) for steps in table["steps"]]
    assert np.allclose(np.concatenate(one), np.concatenate(other), atol=1e-5)


@pytest.mark.parametrize("name", ["percent", "subset", "word", "gcd", "linear"])
def test_a_misread_solution_is_flawless_and_answers_another_question(name):
    """Every printed number is true in it, and what makes it wrong stands in the question alone."""
    wrong = 0
    for seed in range(20):
        family, parameters, rng = draw(name, seed)
        steps = [line_text(line) for line in misread_solution(family, parameters, rng) or ()]
        assert all(all(claim_truths(step)) for step in steps)
        if steps and not family.is_correct(parameters, steps[-1].removeprefix("Answer: ")):
            wrong += 1
            assert not family.is_correct_prefix(parameters, steps)
    assert wrong > 5


def test_a_made_pair_is_a_right_and_a_wrong_solution_judged_step_by_step(encoder):
    last = [
        [example.targets[-1] for example in draw_synthetic_pair(encoder, Random(seed))]
        for seed in range(40)
    ]
    assert all(right == 1 for right, _ in last)
    assert sum(wrong == 0 for _, wrong in last) > 30
