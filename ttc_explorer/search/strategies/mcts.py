"""Monte Carlo tree search over steps: UCT, with the verifier's score in place of a random playout.

Sources: Kocsis and Szepesvári, Bandit based Monte-Carlo planning (2006) for UCT; Auer, Cesa-Bianchi
and Fischer, Finite-time analysis of the multiarmed bandit problem (2002) for its bound, UCB1.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Generator

from ttc_explorer.models.protocol import Reply, Request
from ttc_explorer.search.primitives import ROOT, Search, prune, sample_steps
from ttc_explorer.search.settings import Settings
from ttc_explorer.search.strategy import strategy
from ttc_explorer.search.tree import SearchTree
from ttc_explorer.search.voting import search_score

EXPLORATION_CONSTANT = math.sqrt(2)
"""UCB1's constant, for values in [0, 1]."""


@strategy(
    "mcts",
    title="Monte Carlo tree search",
    summary="Go down the tree again and again, to steps that proved good or were seldom tried, and "
    "on to an end.",
    verifier="search",
    settings=("temperature", "width", "rounds", "merge", "step"),
    needs_prefix_continuation=True,
    parallel_rows=lambda budget, settings: settings.children(budget),
)
def mcts(tree: SearchTree, budget: int, settings: Settings) -> Search:
    """Simulation after simulation: from the root down to an end by UCT, sampling M children
    wherever there are none to choose from; then the verifier's score of the end is added to all
    nodes on the way.

    A new step starts with one visit, by the verifier: its own score. Its value is the mean of that
    and of the ends that were reached through it. An end is a finished solution, or a step of the
    last round. What has been explored, an end that was reached or a step with nothing else below
    it, is not chosen again; when that is the whole tree, the root gets M more first steps.

    Equal steps are one arm of the bandit, as a move is in any tree search, whatever its copies: it
    starts with one visit and is explored once. So a node may have fewer than M children. An arm
    that is written again, when the root gets more steps, is open again. Budgets count samples: a
    leaf of 4 copies is 4 solutions.

    A budget of N is N solutions, as in best-of-N: the search ends when N have finished, whether a
    simulation has reached them or not, and samples N · rounds steps at most. Only steps are paid
    for: M for each level that a simulation adds to the tree. As several of the M in its last level
    mostly finish, N solutions cost no more steps than N places in a beam, as a rule, but one level
    after the other: it waits longest of all.
    """
    state = MctsState(tree, budget, settings)
    while state.remaining_width():
        leaf = yield from state.select_leaf()
        if leaf is None:
            break
        state.backpropagate(leaf)
    if state.finished_count() < budget:
        return "budget"
    prune(
        tree,
        [node for node in range(state.first_new_node, len(tree)) if tree.status[node] == "open"],
    )
    return "done"


class MctsState:
    """The state of the search: children of each node, and the nodes that are explored."""

    def __init__(self, tree: SearchTree, budget: int, settings: Settings) -> None:
        self.tree = tree
        self.budget = budget
        self.settings = settings
        self.first_new_node = len(tree)  # what stands before it was found by a probe
        self.samples_before = sum(tree.copies)
        self.finished_before = tree.solution_count()
        self.children: defaultdict[int, list[int]] = defaultdict(list)
        self.explored: set[int] = set()

    def finished_count(self) -> int:
        """How many solutions have finished."""
        return self.tree.solution_count() - self.finished_before

    def remaining_width(self) -> int:
        """How many children the next node may have: M, or what the budget leaves."""
        steps = self.budget * self.settings.rounds - (sum(self.tree.copies) - self.samples_before)
        return min(self.settings.children(self.budget), self.budget - self.finished_count(), steps)

    def select_leaf(self) -> Generator[Request, Reply, int | None]:
        """Go down from the root to an end, and return it; None if the budget runs out on the
        way."""
        node = ROOT
        while not self.is_terminal(node):
            unexplored_children = self.unexplored_children(node)
            if not unexplored_children:
                width = self.remaining_width()
                if not width:
                    return None
                unexplored_children = yield from self.expand(node, width)
            node = max(unexplored_children, key=self.ucb_score)
        return node

    def is_terminal(self, node: int) -> bool:
        return self.tree.status[node] == "finished" or self.tree.round[node] == self.settings.rounds

    def unexplored_children(self, node: int) -> list[int]:
        return [child for child in self.children[node] if child not in self.explored]

    def expand(self, node: int, width: int) -> Generator[Request, Reply, list[int]]:
        """Sample ``width`` steps, value each different one by its score, and return them. The root
        may get more, and so may a step that was written again: it is not explored any more."""
        self.tree.set_status([node], "kept")
        samples = yield from sample_steps(
            self.tree,
            [node] * width,
            self.settings.temperature,
            keep_state=node == ROOT,
            step=self.settings.step,
        )
        written = list(dict.fromkeys(samples))
        for child in written:
            if child not in self.children[node]:
                self.tree.set_value(child, 1, self.score(child))
                self.children[node].append(child)
        self.explored.difference_update(written)
        return written

    def score(self, node: int) -> float:
        """The verifier's score: the ``aggregate`` over the path, as in ``beam``."""
        return search_score(self.tree, node, self.settings.aggregate)

    def ucb_score(self, node: int) -> float:
        """UCB1, what UCT chooses by: mean value + c · √(ln of the siblings' visits, its own with
        them / its visits); ties go to the older node."""
        tree = self.tree
        siblings = self.children[tree.parent[node]]
        total_visits = sum(tree.visits[sibling] or 0 for sibling in siblings)
        return (tree.value[node] or 0.0) + EXPLORATION_CONSTANT * math.sqrt(
            math.log(total_visits) / (tree.visits[node] or 1)
        )

    def backpropagate(self, leaf: int) -> None:
        """Add the end's score to every node on its way, and note what is explored by now."""
        score = self.score(leaf)
        path_nodes = [ROOT, *self.tree.path(leaf)]
        for node in path_nodes:
            visits, value = self.tree.visits[node] or 0, self.tree.value[node] or 0.0
            self.tree.set_value(node, visits + 1, value + (score - value) / (visits + 1))
        for node in reversed(path_nodes[1:]):
            if self.unexplored_children(node):
                break
            self.explored.add(node)
