"""Strategies driven by hand: fixed texts and scores in, requests and statuses out."""

import pytest

from ttc_explorer.models.protocol import Extend, Score, Step
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.beam import beam, survivors
from ttc_explorer.search.best_of_n import best_of_n
from ttc_explorer.search.greedy import greedy
from ttc_explorer.search.settings import Settings
from ttc_explorer.search.strategies import STRATEGIES, check_verifier, strategy
from ttc_explorer.search.tree import SearchTree


class Script:
    """Plays the driver: answers one Extend and one Score a round from a script, and notes what was asked.

    A round is a list of (text, score); a text that starts with "Answer" finishes its solution.
    """

    def __init__(self, search, tree):
        self.search, self.tree = search, tree
        self.request = next(search)
        self.asked = []
        self.stopped = None

    def play(self, *steps):
        assert isinstance(self.request, Extend)
        self.asked.append(self.request)
        before = len(self.tree)
        self.request = self.search.send(
            [Step(text, 1, -1.0, text.startswith("Answer"), text[8:] or None) for text, _ in steps]
        )
        assert self.request == Score(tuple(range(before, len(self.tree))))
        try:
            self.request = self.search.send([score for _, score in steps])
        except StopIteration as ending:
            self.stopped = ending.value


def test_greedy_asks_for_one_row_at_temperature_zero():
    tree = SearchTree()
    script = Script(greedy(tree, 16, Settings(temperature=0.8)), tree)
    script.play(("first", 0.5))
    script.play(("Answer: 1", 0.5))
    assert script.asked == [Extend((0,), 0.0), Extend((1,), 0.0)]
    assert script.stopped == "done"


def test_best_of_n_continues_every_live_solution_and_no_other():
    tree = SearchTree()
    script = Script(best_of_n(tree, 3, Settings(temperature=0.7)), tree)
    script.play(("a", 0.1), ("Answer: 1", 0.9), ("c", 0.5))
    script.play(("d", 0.2), ("Answer: 2", 0.3))
    script.play(("Answer: 3", 0.4))
    assert [request.parents for request in script.asked] == [(0, 0, 0), (1, 3), (4,)]
    assert {request.temperature for request in script.asked} == {0.7}
    assert tree.status == ["kept", "kept", "finished", "kept", "kept", "finished", "finished"]
    assert tree.score[1:] == [0.1, 0.9, 0.5, 0.2, 0.3, 0.4]
    assert script.stopped == "done"


def test_rounds_run_out():
    for search in (best_of_n, beam):
        tree = SearchTree()
        script = Script(search(tree, 2, Settings(rounds=2)), tree)
        script.play(("a", 0.1), ("b", 0.9))
        script.play(("c", 0.1), ("d", 0.9))
        assert script.stopped == "budget"
        assert tree.status[3:] == ["open", "open"]


def test_beam_keeps_the_best_and_gives_each_m_children():
    tree = SearchTree()
    script = Script(beam(tree, 4, Settings(width=2)), tree)
    script.play(("a", 0.2), ("b", 0.8), ("c", 0.3), ("d", 0.9))
    assert tree.status[1:] == ["pruned", "kept", "pruned", "kept"]
    script.play(("e", 0.1), ("f", 0.2), ("g", 0.4), ("h", 0.3))
    assert tree.status[5:] == ["pruned", "pruned", "kept", "kept"]
    assert [request.parents for request in script.asked] == [(0, 0, 0, 0), (2, 2, 4, 4)]
    assert script.request.parents == (7, 7, 8, 8)


def test_a_finished_solution_leaves_the_beam_with_its_place_and_is_never_pruned():
    tree = SearchTree()
    script = Script(beam(tree, 4, Settings(width=2)), tree)
    script.play(("a", 0.2), ("Answer: 1", 0.01), ("c", 0.3), ("d", 0.9))
    assert tree.status[1:] == ["pruned", "finished", "pruned", "kept"]  # 3 places live: 3 // 2 = 1 survives
    script.play(("Answer: 2", 0.5), ("Answer: 3", 0.6), ("Answer: 2", 0.7))
    assert [request.parents for request in script.asked] == [(0, 0, 0, 0), (4, 4, 4)]
    assert len(list(tree.leaves())) == 4
    assert script.stopped == "done"


def test_a_width_that_does_not_divide_gives_the_better_ones_more_children():
    tree = SearchTree()
    script = Script(beam(tree, 7, Settings(width=3)), tree)
    script.play(*[("s", score) for score in (0.1, 0.8, 0.3, 0.9, 0.2, 0.4, 0.5)])
    assert script.request.parents == (2, 2, 2, 4, 4, 4, 4)


def test_ties_keep_the_older_node():
    tree = SearchTree()
    script = Script(beam(tree, 4, Settings(width=4)), tree)
    script.play(*[("s", 0.5)] * 4)
    assert tree.status[1:] == ["kept", "pruned", "pruned", "pruned"]


def test_beam_prunes_by_the_aggregate_over_the_path():
    tree = SearchTree()  # 0.9 then 0.5 (product 0.45, mean 0.7) against 0.55 then 0.6 (0.33, 0.575)
    for parent, score in ((0, 0.9), (0, 0.55), (1, 0.5), (2, 0.6)):
        tree.set_scores([tree.add(parent, "s")], [score])
    for aggregate, best in {"last": 4, "min": 4, "prod": 3, "mean": 3}.items():
        assert survivors(tree, [3, 4], Settings(width=2, aggregate=aggregate)) == [best, best]


def test_budget_one_works():
    tree = SearchTree()
    script = Script(beam(tree, 1, Settings(width=4)), tree)
    script.play(("a", 0.0))
    script.play(("Answer: 1", 0.0))
    assert (script.stopped, tree.status) == ("done", ["kept", "kept", "finished"])


@pytest.mark.parametrize("name", ["", "Beam", "mcts2", "x" * 5000])
def test_an_unknown_strategy_is_one_short_sentence(name):
    with pytest.raises(BadInput) as caught:
        strategy(name)
    assert len(str(caught.value)) < 200


def test_only_searches_that_use_scores_need_a_verifier():
    majority, weighted = Settings(selector="majority"), Settings(selector="weighted")
    check_verifier("greedy", weighted, present=False)
    check_verifier("best_of_n", majority, present=False)
    for name, settings in (("best_of_n", weighted), ("beam", majority)):
        with pytest.raises(BadInput, match="needs a verifier"):
            check_verifier(name, settings, present=False)
        check_verifier(name, settings, present=True)


def test_every_listed_strategy_says_what_it_does():
    for listed in STRATEGIES.values():
        assert listed.title
        assert listed.sentence.endswith(".")
        assert listed.verifier in ("search", "select", "nothing")
