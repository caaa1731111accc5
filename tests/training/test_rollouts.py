"""Monte-Carlo labels: the share of rollouts that end right, counted again by hand from the same
streams."""

from __future__ import annotations

import numpy as np
import pytest

from ttc_explorer.models.protocol import Cost, DecodedStep, Prefilled
from ttc_explorer.problems.families.family import line_text
from ttc_explorer.training.rollouts import MAX_STEPS, _complete_prefixes, label_by_rollouts
from ttc_explorer.training.solution_samples import draw_recognised_problems

SEED = 5


def lucky(rng_path):
    """Whether the answer line of this stream is right."""
    return sum(rng_path) % 3 > 0


class Scripted:
    """Writes the worked solution; of an unlucky stream the answer is wrong. ``endless`` never
    ends."""

    def __init__(self, problems, endless=False):
        self.endless = endless
        self.lines = {
            problem.text: [
                line_text(line) for line in recognised.family.worked_solution(recognised.parameters)
            ]
            for problem, recognised in problems
        }

    def prefill(self, questions):
        return [Prefilled((question, 0), Cost()) for question in questions]

    def extend(self, jobs):
        return [self.one(*job.state, job.rng_path) for job in jobs]

    def one(self, question, place, rng_path):
        lines = self.lines[question]
        last = place == len(lines) - 1 and not self.endless
        text = f"step {place}" if self.endless else lines[place]
        if last and not lucky(rng_path):
            text = "Answer: nothing"
        return DecodedStep(text, 1, 0.0, last, (question, place + 1), Cost())


@pytest.fixture(scope="module")
def problems():
    return list(draw_recognised_problems("train", 20, "rollouts test"))


def test_labels_are_the_shares_of_rollouts_that_end_right(problems):
    samples, rollouts = 2, 5
    generator = Scripted(problems)
    table = label_by_rollouts(generator, problems, samples, rollouts, SEED)
    assert list(table["question"]) == [q for q in range(len(problems)) for _ in range(samples)]
    for row in table.itertuples():
        lines = generator.lines[row.text]
        rounds = len(lines)
        rng_path = (SEED, row.question, row.sample)
        assert row.correct == lucky((*rng_path, rounds - 1))
        assert list(row.steps)[:-1] == lines[:-1]
        expected = [
            np.mean([lucky((*rng_path, after, r, rounds - 1 - after)) for r in range(rollouts)])
            for after in range(1, rounds)
        ]
        assert list(row.labels) == [*expected, float(row.correct)]
    shares = {label for labels in table["labels"] for label in labels}
    assert len(shares) > 3


def test_prefixes_are_proper_and_grow_step_by_step(problems):
    generator = Scripted(problems)
    starts = [
        (prefilled.state, (SEED, n), [])
        for n, prefilled in enumerate(generator.prefill(list(generator.lines)))
    ]
    solutions, prefixes = _complete_prefixes(generator, starts)
    for solution, prefix in zip(solutions, prefixes, strict=True):
        assert [steps for *_, steps in prefix] == [solution[:n] for n in range(1, len(solution))]
        assert [state[1] for state, *_ in prefix] == list(range(1, len(solution)))
    begun = [prefix[0] for prefix in prefixes if prefix]
    again, longer = _complete_prefixes(generator, begun)
    for (*_, steps), solution, prefix in zip(begun, again, longer, strict=True):
        assert solution[: len(steps)] == steps
        assert [len(s) for *_, s in prefix] == list(range(len(steps) + 1, len(solution)))


def test_a_solution_that_never_ends_is_wrong_everywhere(problems):
    table = label_by_rollouts(Scripted(problems, endless=True), problems[:2], 1, 2, SEED)
    assert table["answer"].isna().all()
    assert all(len(steps) == MAX_STEPS for steps in table["steps"])
    assert all(list(labels) == [0.0] * MAX_STEPS for labels in table["labels"])
