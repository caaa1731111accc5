"""A short, seeded run of every door; ``fuzz_doors.py`` does it for longer."""

from random import Random

import pytest

from tests.fuzz.fuzz_doors import DOORS, Tally
from ttc_explorer.problems.problem import BadInput

COUNTS = {"texts": 60, "addresses": 300, "traces": 60, "pools": 20}


@pytest.mark.slow
@pytest.mark.parametrize("door", COUNTS)
def test_nonsense_is_refused_in_a_sentence_and_nothing_breaks(door):
    tally = DOORS[door](COUNTS[door], Random(17))
    assert tally.crashed == []
    assert tally.slow == 0
    assert tally.taken + tally.refused == tally.tried == COUNTS[door]
    assert min(tally.taken, tally.refused) > 0
    assert tally.longest_sentence < 1000


def test_a_crash_is_told_from_a_refusal():
    tally = Tally()
    for error in (BadInput("no"), ValueError("ours")):
        tally.feed(lambda error=error: (_ for _ in ()).throw(error).send(None))
    assert (tally.tried, tally.taken, tally.refused, len(tally.crashed)) == (2, 0, 1, 1)
