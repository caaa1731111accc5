"""A verifier whose head was never trained is noticed when it is loaded."""

import pytest

from ttc_explorer.models.protocol import Cost, Prefilled, ScoredStep
from ttc_explorer.models.verifier_probe import PROBES, untrained_note


class Judge:
    """Scores the right steps of the probes and all others by two numbers, each with some noise."""

    name, parameters = "judge", 1

    def __init__(self, right, other):
        self._right, self._other = right, other

    def prefill(self, questions):
        return [Prefilled(question, Cost()) for question in questions]

    def score(self, jobs):
        right = {probe.right for probe in PROBES}
        return [
            ScoredStep(
                (self._right if job.text in right else self._other) + 0.01 * (place % 3),
                job.state,
                Cost(),
            )
            for place, job in enumerate(jobs)
        ]


@pytest.mark.parametrize(
    ("right", "other", "noticed"),
    [(0.94, 0.94, True), (0.9, 0.3, False), (0.2, 0.7, True), (0.55, 0.45, False)],
)
def test_a_verifier_that_scores_everything_alike_is_noticed(right, other, noticed):
    note = untrained_note(Judge(right, other))
    assert ("hardly tells right from wrong" in note) == noticed


def test_of_a_chat_model_that_was_asked_at_once_it_is_said_that_it_may_write_checks():
    asked = Judge(0.9, 0.9)
    asked.writes_checks = True
    assert "with written checks" in untrained_note(asked)
    assert "with written checks" not in untrained_note(Judge(0.9, 0.9))
