"""Monte-Carlo labels: the share of rollouts that end right, counted again by hand from the same streams."""

from __future__ import annotations

import numpy as np
import pytest

from ttc_explorer.models.protocol import Cost, Opened, Sampled
from ttc_explorer.problems.families.family import line_text
from ttc_explorer.training.rollouts import ROUNDS, _finish, roll_out
from ttc_explorer.training.samples import draw_problems

SEED = 5


def lucky(stream):
    """Whether the answer line of this stream is right."""
    return sum(stream) % 3 > 0


class Scripted:
    """Writes the worked solution; of an unlucky stream the answer is wrong. ``endless`` never ends."""

    def __init__(self, problems, endless=False):
        self.endless = endless
        self.lines = {
            problem.text: [line_text(line) for line in judge.family.worked(judge.given)]
            for problem, judge in problems
        }

    def open(self, questions):
        return [Opened((question, 0), Cost()) for question in questions]

    def extend(self, jobs):
        return [self.one(*job.state, job.stream) for job in jobs]

    def one(self, question, place, stream):
        lines = self.lines[question]
        last = place == len(lines) - 1 and not self.endless
        text = f"step {place}" if self.endless else lines[place]
        if last and not lucky(stream):
            text = "Answer: nothing"
        return Sampled(text, 1, 0.0, last, (question, place + 1), Cost())


@pytest.fixture(scope="module")
def problems():
    return list(draw_problems("train", 20, "rollouts test"))


def test_labels_are_the_shares_of_rollouts_that_end_right(problems):
    samples, rollouts = 2, 5
    generator = Scripted(problems)
    table = roll_out(generator, problems, samples, rollouts, SEED)
    assert list(table["question"]) == [q for q in range(len(problems)) for _ in range(samples)]
    for row in table.itertuples():
        lines = generator.lines[row.text]
        rounds = len(lines)
        stream = (SEED, row.question, row.sample)
        assert row.correct == lucky((*stream, rounds - 1))
        assert list(row.steps)[:-1] == lines[:-1]
        expected = [
            np.mean([lucky((*stream, after, r, rounds - 1 - after)) for r in range(rollouts)])
            for after in range(1, rounds)
        ]
        assert list(row.labels) == [*expected, float(row.correct)]
    shares = {label for labels in table["labels"] for label in labels}
    assert len(shares) > 3


def test_prefixes_are_proper_and_grow_step_by_step(problems):
    generator = Scripted(problems)
    starts = [(opened.state, (SEED, n), []) for n, opened in enumerate(generator.open(list(generator.lines)))]
    solutions, prefixes = _finish(generator, starts)
    for solution, prefix in zip(solutions, prefixes, strict=True):
        assert [steps for *_, steps in prefix] == [solution[:n] for n in range(1, len(solution))]
        assert [state[1] for state, *_ in prefix] == list(range(1, len(solution)))
    begun = [prefix[0] for prefix in prefixes if prefix]
    again, longer = _finish(generator, begun)
    for (*_, steps), solution, prefix in zip(begun, again, longer, strict=True):
        assert solution[: len(steps)] == steps
        assert [len(s) for *_, s in prefix] == list(range(len(steps) + 1, len(solution)))


def test_a_solution_that_never_ends_is_wrong_everywhere(problems):
    table = roll_out(Scripted(problems, endless=True), problems[:2], 1, 2, SEED)
    assert table["answer"].isna().all()
    assert all(len(steps) == ROUNDS for steps in table["steps"])
    assert all(list(labels) == [0.0] * ROUNDS for labels in table["labels"])
