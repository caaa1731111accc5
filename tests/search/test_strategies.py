"""Strategies driven by hand: fixed texts and scores in, requests and statuses out."""

import math
from collections import Counter
from dataclasses import fields
from itertools import pairwise, product
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.search.fakes import Toys, toy_run
from ttc_explorer.models.protocol import Extend, Score, Step
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.settings import Settings
from ttc_explorer.search.strategies.beam import beam
from ttc_explorer.search.strategies.best_of_n import best_of_n
from ttc_explorer.search.strategies.dvts import dvts
from ttc_explorer.search.strategies.greedy import greedy
from ttc_explorer.search.strategies.lookahead import lookahead
from ttc_explorer.search.strategies.mcts import mcts
from ttc_explorer.search.strategies.particles import particles, score_to_odds
from ttc_explorer.search.strategies.rebase import BALANCE_TEMPERATURE, rebase, softmax_allocation
from ttc_explorer.search.strategy import STRATEGIES, check_selector, get_strategy, reads_scores
from ttc_explorer.search.tree import SearchTree


class ScriptedSearch:
    """Stands in for the driver: answers one Extend and one Score a round from a script, and notes
    what was asked.

    A round is a list of (text, score); a text that starts with "Answer" finishes its solution.
    ``asked`` has the requests that were answered; ``statuses`` those of all nodes but the root.
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

    @property
    def statuses(self):
        return " ".join(self.tree.status[1:])


def scripted_search(search, budget, seed=0, **changed):
    """A search with these settings, ready to play."""
    tree = SearchTree()
    tree.seed = seed
    return ScriptedSearch(search(tree, budget, Settings(**changed)), tree)


def test_greedy_asks_for_one_row_at_temperature_zero():
    tree = SearchTree()
    script = ScriptedSearch(greedy(tree, 16, Settings(temperature=0.8)), tree)
    script.play(("first", 0.5))
    script.play(("Answer: 1", 0.5))
    assert script.asked == [Extend((0,), 0.0), Extend((1,), 0.0)]
    assert script.stopped == "done"


def test_best_of_n_continues_every_live_solution_and_no_other():
    tree = SearchTree()
    script = ScriptedSearch(best_of_n(tree, 3, Settings(temperature=0.7)), tree)
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
        script = ScriptedSearch(search(tree, 2, Settings(rounds=2)), tree)
        script.play(("a", 0.1), ("b", 0.9))
        script.play(("c", 0.1), ("d", 0.9))
        assert script.stopped == "budget"
        assert tree.status[3:] == ["open", "open"]


def test_beam_keeps_the_best_and_gives_each_m_children():
    tree = SearchTree()
    script = ScriptedSearch(beam(tree, 4, Settings(width=2)), tree)
    script.play(("a", 0.2), ("b", 0.8), ("c", 0.3), ("d", 0.9))
    assert tree.status[1:] == ["pruned", "kept", "pruned", "kept"]
    script.play(("e", 0.1), ("f", 0.2), ("g", 0.4), ("h", 0.3))
    assert tree.status[5:] == ["pruned", "pruned", "kept", "kept"]
    assert [request.parents for request in script.asked] == [(0, 0, 0, 0), (2, 2, 4, 4)]
    assert script.request.parents == (7, 7, 8, 8)


def test_a_finished_solution_leaves_the_beam_with_its_place_and_is_never_pruned():
    tree = SearchTree()
    script = ScriptedSearch(beam(tree, 4, Settings(width=2)), tree)
    script.play(("a", 0.2), ("Answer: 1", 0.01), ("c", 0.3), ("d", 0.9))
    assert tree.status[1:] == [
        "pruned",
        "finished",
        "pruned",
        "kept",
    ]  # 3 places live: 3 // 2 = 1 survives
    script.play(("Answer: 2", 0.5), ("Answer: 3", 0.6), ("Answer: 2", 0.7))
    assert [request.parents for request in script.asked] == [(0, 0, 0, 0), (4, 4, 4)]
    assert len(list(tree.leaves())) == 4
    assert script.stopped == "done"


def test_a_width_that_does_not_divide_gives_the_better_ones_more_children():
    tree = SearchTree()
    script = ScriptedSearch(beam(tree, 7, Settings(width=3)), tree)
    script.play(*[("s", score) for score in (0.1, 0.8, 0.3, 0.9, 0.2, 0.4, 0.5)])
    assert script.request.parents == (2, 2, 2, 4, 4, 4, 4)


def test_ties_keep_the_older_node():
    tree = SearchTree()
    script = ScriptedSearch(beam(tree, 4, Settings(width=4)), tree)
    script.play(*[("s", 0.5)] * 4)
    assert tree.status[1:] == ["kept", "pruned", "pruned", "pruned"]


def test_beam_prunes_by_the_aggregate_over_the_path():
    # after round 2 one of three: 0.9 then 0.5 (product 0.45, mean 0.7) or 0.55 then 0.6 (0.33,
    # 0.575)
    for aggregate, best in {"last": 7, "min": 7, "prod": 5, "mean": 5}.items():
        played = scripted_search(beam, 4, width=2, aggregate=aggregate)
        played.play(("a", 0.9), ("b", 0.55), ("c", 0.0), ("d", 0.0))
        played.play(("e", 0.5), ("Answer: 1", 0.0), ("g", 0.6), ("h", 0.0))
        assert played.request.parents == (best, best, best)


def test_width_zero_stands_for_the_root_of_the_budget():
    roots = {1: 1, 2: 1, 3: 2, 4: 2, 16: 4, 63: 8, 256: 16}
    assert {budget: Settings(width=0).children(budget) for budget in roots} == roots
    assert Settings(width=3).children(64) == 3
    played = scripted_search(beam, 9, width=0)
    played.play(*[("s", place / 10) for place in range(9)])
    assert Counter(played.request.parents) == {7: 3, 8: 3, 9: 3}


@pytest.mark.parametrize("search", [beam, lookahead, dvts, rebase, particles, mcts])
def test_budget_one_works(search):
    played = scripted_search(search, 1, width=4, lookahead=0)
    played.play(("a", 0.0))
    played.play(("Answer: 1", 0.0))
    assert (played.stopped, played.statuses) == ("done", "kept finished")


# --- DVTS -----------------------------------------------------------------------------------------


def test_dvts_goes_on_from_the_best_of_each_subtree():
    played = scripted_search(dvts, 4, width=2)
    played.play(("a", 0.8), ("b", 0.9), ("c", 0.2), ("d", 0.1))
    assert played.statuses == "pruned kept kept pruned"  # a beam would have kept a and b
    assert played.request.parents == (2, 2, 3, 3)


def test_a_subtree_ends_with_its_best_step_and_every_finished_solution_votes():
    played = scripted_search(dvts, 4, width=2)
    played.play(("a", 0.8), ("b", 0.9), ("c", 0.2), ("d", 0.1))
    played.play(("e", 0.3), ("Answer: 1", 0.4), ("Answer: 2", 0.1), ("f", 0.7))
    assert played.statuses.endswith("pruned finished finished kept")
    assert played.request.parents == (8,)  # a finished sibling has taken its place with it
    played.play(("Answer: 3", 0.5))
    assert played.stopped == "done"
    assert len(list(played.tree.leaves())) == 3


@pytest.mark.parametrize(
    ("budget", "width", "sizes"),
    [
        (8, 4, [4, 4]),
        (7, 3, [4, 3]),
        (11, 3, [4, 4, 3]),
        (3, 4, [3]),
        (16, 0, [4, 4, 4, 4]),
        (2, 1, [1, 1]),
    ],
)
def test_dvts_spreads_the_budget_as_evenly_as_can_be(budget, width, sizes):
    played = scripted_search(dvts, budget, width=width)
    played.play(*[("s", -place) for place in range(budget)])
    assert list(Counter(played.request.parents).values()) == sizes


# --- REBASE ---------------------------------------------------------------------------------------


def test_rebase_gives_children_by_softmax_and_prunes_those_that_get_none():
    played = scripted_search(rebase, 5)
    played.play(("a", 0.9), ("Answer: 1", 0.99), ("b", 0.1), ("c", 0.8), ("d", 0.9))
    # four places are live; e^4.5, e^0.5, e^4, e^4.5 of their sum are 1.53, 0.03, 0.93 and 1.53
    # children
    assert played.statuses == "kept finished pruned kept kept"
    assert played.request.parents == (1, 1, 4, 5)
    played.play(*[("Answer: 2", 0.5)] * 4)
    assert played.stopped == "done"
    assert len(list(played.tree.leaves())) == 5


@given(
    st.lists(st.tuples(st.floats(0, 1), st.integers(1, 9)), min_size=1, max_size=4),
    st.integers(1, 5),
)
def test_shares_are_the_nearest_whole_numbers_that_sum_to_the_width(steps, width):
    scores, copies = zip(*steps, strict=True)
    found = softmax_allocation(scores, copies, width)
    weights = [count * math.exp(score / BALANCE_TEMPERATURE) for score, count in steps]
    exact = [width * weight / sum(weights) for weight in weights]

    def distance(shares):
        return sum(abs(share - wanted) for share, wanted in zip(shares, exact, strict=True))

    every = [each for each in product(range(width + 1), repeat=len(scores)) if sum(each) == width]
    assert sum(found) == width
    assert distance(found) == pytest.approx(min(map(distance, every)))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=256))
def test_shares_sum_and_favour_the_better(scores):
    found = softmax_allocation(scores, [1] * len(scores), len(scores))
    assert sum(found) == len(scores)
    ranked = [
        share for _, share in sorted(zip(scores, found, strict=True), key=lambda pair: pair[0])
    ]
    assert all(better >= worse - 1 for worse, better in pairwise(ranked))


# --- particles ------------------------------------------------------------------------------------


def test_particles_survive_in_proportion_to_the_odds_of_their_scores():
    scores = [0.5, 0.8, 0.2]
    drawn = Counter()
    for seed in range(3000):
        played = scripted_search(particles, 3, seed)
        played.play(*[("s", score) for score in scores])
        drawn.update(played.request.parents)
    odds = [1, 4, 0.25]
    assert [score_to_odds(score) for score in scores] == pytest.approx(odds)
    shares = [drawn[node] / 9000 for node in (1, 2, 3)]
    assert shares == pytest.approx(
        [each / sum(odds) for each in odds], abs=0.02
    )  # four standard errors


def test_a_finished_particle_draws_places_away_but_keeps_its_own():
    lives = []
    for seed in range(3000):
        played = scripted_search(particles, 3, seed)
        played.play(
            ("Answer: 1", 0.75), ("a", 0.5), ("b", 0.5)
        )  # odds 3, 1, 1: a place stays live by 2/5
        lives.append(0 if played.stopped else len(played.request.parents))
        assert (played.stopped == "done") == (lives[-1] == 0)
        assert played.tree.status[1] == "finished"
    assert fmean(lives) == pytest.approx(2 * 2 / 5, abs=0.05)
    assert max(lives) == 2


def test_lots_come_from_the_seed():
    played = [scripted_search(particles, 16, seed) for seed in (1, 1, 2)]
    for each in played:
        each.play(*[("s", 0.5)] * 16)
    first, second, third = (each.request.parents for each in played)
    assert first == second != third


def test_certain_scores_have_odds():
    assert 0 < score_to_odds(0.0) < score_to_odds(0.5) < score_to_odds(1.0) < math.inf


# --- MCTS -----------------------------------------------------------------------------------------


def test_mcts_by_hand():
    played = scripted_search(mcts, 4, width=2)
    tree = played.tree
    # 1: a is better than b, c better than the answer beside it, and an answer below c is the first
    # end
    played.play(("a", 0.6), ("b", 0.5))
    played.play(("c", 0.7), ("Answer: 1", 0.4))
    played.play(("Answer: 2", 0.9), ("d", 0.3))
    assert tree.visits[:6] == [1, 2, 1, 2, 1, 2]
    assert tree.value[:6] == pytest.approx([0.9, 0.75, 0.5, 0.8, 0.4, 0.9])
    # 2: a has 0.75 + √(2 ln 3 / 2) = 1.80, b 0.5 + √(2 ln 3) = 1.98: b, and the answer below it
    played.play(("e", 0.2), ("Answer: 3", 0.8))
    assert (tree.visits[2], tree.value[2]) == (2, pytest.approx(0.65))
    # 3: a has 1.93, b 1.83, and in a the answer 1.88, c 1.85: an end that is there already
    assert (tree.visits[4], tree.value[4]) == (2, 0.4)
    assert (tree.visits[1], tree.value[1]) == (3, pytest.approx(1.9 / 3))
    # 4: a has 1.67, b 1.92; its answer is explored, so e; room for one more solution, so one child
    played.play(("Answer: 4", 0.6))
    assert played.stopped == "done"
    assert [request.parents for request in played.asked] == [(0, 0), (1, 1), (3, 3), (2, 2), (7,)]
    assert [request.keep_state for request in played.asked] == [True, False, False, False, False]
    assert tree.visits == [4, 3, 3, 2, 2, 2, 1, 2, 2, 2]
    assert tree.value[0] == pytest.approx(fmean([0.9, 0.8, 0.4, 0.6]))
    assert played.statuses == "kept kept kept finished finished pruned kept finished finished"


def test_mcts_spends_the_whole_budget_where_the_tree_is_soon_explored():
    played = scripted_search(mcts, 5, width=2)
    for width in (2, 2, 1):
        assert played.request == Extend((0,) * width, 0.8, keep_state=True)
        played.play(*[("Answer: 1", 0.5)] * width)
    assert played.stopped == "done"


def test_mcts_ends_where_the_rounds_do():
    played = scripted_search(mcts, 3, width=2, rounds=2)
    while not played.stopped:
        played.play(*[("s", 0.5)] * len(played.request.parents))
    assert played.stopped == "budget"
    assert len(played.tree) - 1 == 3 * 2
    assert max(played.tree.round) == 2


# --- what is the same as best-of-N ----------------------------------------------------------------


@pytest.mark.parametrize("search", ["beam", "lookahead", "dvts", "mcts"])
def test_one_child_a_step_is_best_of_n(search):
    found, best = Toys().drive(toy_run(search, 6, width=1, lookahead=0), toy_run("best_of_n", 6))
    assert {tuple(found.tree.solution(leaf)) for leaf in found.tree.leaves()} == {
        tuple(best.tree.solution(leaf)) for leaf in best.tree.leaves()
    }


# --- the list -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "Beam", "mcts2", "x" * 5000])
def test_an_unknown_strategy_is_one_short_sentence(name):
    with pytest.raises(BadInput) as caught:
        get_strategy(name)
    assert len(str(caught.value)) < 200


def test_only_searches_that_use_scores_need_a_verifier():
    check_selector("greedy", "weighted", 4, has_verifier=False, tells_logprobs=False)
    check_selector("best_of_n", "majority", 4, has_verifier=False, tells_logprobs=False)
    for name, wanted in (("best_of_n", "weighted"), ("beam", "majority")):
        with pytest.raises(BadInput, match="needs a verifier"):
            check_selector(name, wanted, 4, has_verifier=False, tells_logprobs=True)
        check_selector(name, wanted, 4, has_verifier=True, tells_logprobs=False)


@pytest.mark.parametrize(
    ("has_verifier", "able"),
    [(False, "majority, random"), (True, "majority, best, weighted, random")],
)
def test_confidence_without_log_probabilities_is_refused_and_others_are_named(has_verifier, able):
    with pytest.raises(BadInput) as refused:
        check_selector("best_of_n", "confidence", 4, has_verifier, tells_logprobs=False)
    assert str(refused.value) == (
        "The selector confidence needs the log-probabilities of the model's tokens, which this "
        f"model does not have: choose another ({able})."
    )


@pytest.mark.parametrize("name", [n for n, s in STRATEGIES.items() if s.verifier == "select"])
@pytest.mark.parametrize("selector", ["best", "weighted", "confidence"])
def test_of_one_solution_nothing_is_selected(name, selector):
    check_selector(name, selector, 1, has_verifier=False, tells_logprobs=False)
    assert not reads_scores(name, selector, 1)
    assert reads_scores(name, selector, 2) == (selector != "confidence")


def test_every_listed_strategy_says_what_it_does():
    for listed in STRATEGIES.values():
        assert listed.title
        assert listed.summary.endswith(".")
        assert listed.verifier in ("search", "select", "nothing")
        assert set(listed.settings) <= {field.name for field in fields(Settings)} - {
            "selector",
            "aggregate",
        }
