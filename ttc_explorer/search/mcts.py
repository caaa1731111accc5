"""Monte Carlo tree search over steps: UCT, with the verifier's score in place of a random playout.

Sources: Kocsis and Szepesvári, Bandit based Monte-Carlo planning (2006) for UCT; Auer, Cesa-Bianchi and
Fischer, Finite-time analysis of the multiarmed bandit problem (2002) for its bound, UCB1.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Generator

from ttc_explorer.models.protocol import Reply, Request
from ttc_explorer.search.moves import ROOT, Search, next_steps
from ttc_explorer.search.selection import solution_score
from ttc_explorer.search.settings import Settings
from ttc_explorer.search.tree import SearchTree

EXPLORATION = math.sqrt(2)
"""UCB1's constant, for values in [0, 1]."""


def mcts(tree: SearchTree, budget: int, settings: Settings) -> Search:
    """Simulation after simulation: from the root down to an end by UCT, sampling M children wherever there
    are none to choose from; then the verifier's score of the end is added to all nodes on the way.

    A new step starts with one visit, by the verifier: its own score. Its value is the mean of that and of the
    ends that were reached through it. An end is a finished solution, or a step of the last round. What has
    been explored, an end that was reached or a step with nothing else below it, is not chosen again; when
    that is the whole tree, the root gets M more first steps.

    A budget of N is N solutions, as in best-of-N: the search ends when N have finished, whether a simulation
    has reached them or not, and samples N · rounds steps at most. Only steps are paid for: M for each level
    that a simulation adds to the tree. As several of the M in its last level mostly finish, N solutions cost
    no more steps than N places in a beam, as a rule, but one level after the other: it waits longest of all.
    """
    grown = Grown(tree, budget, settings)
    while grown.room():
        end = yield from grown.descend()
        if end is None:
            break
        grown.back_up(end)
    if grown.finished() < budget:
        return "budget"
    tree.mark([node for node in range(grown.begin, len(tree)) if tree.status[node] == "open"], "pruned")
    return "done"


class Grown:
    """What the search has grown in the tree: children of each node, and the nodes that are explored."""

    def __init__(self, tree: SearchTree, budget: int, settings: Settings) -> None:
        self.tree = tree
        self.budget = budget
        self.settings = settings
        self.begin = len(tree)  # what stands before it was found by a probe
        self.children: defaultdict[int, list[int]] = defaultdict(list)
        self.explored: set[int] = set()

    def finished(self) -> int:
        """How many solutions have finished."""
        return sum(leaf >= self.begin for leaf in self.tree.leaves())

    def room(self) -> int:
        """How many children the next node may have: M, or what the budget leaves."""
        steps = self.budget * self.settings.rounds - (len(self.tree) - self.begin)
        return min(self.settings.children(self.budget), self.budget - self.finished(), steps)

    def descend(self) -> Generator[Request, Reply, int | None]:
        """Go down from the root to an end, and return it; None if the budget runs out on the way."""
        node = ROOT
        while not self.is_end(node):
            unexplored = self.unexplored(node)
            if not unexplored:
                width = self.room()
                if not width:
                    return None
                unexplored = yield from self.expand(node, width)
            node = max(unexplored, key=self.bound)
        return node

    def is_end(self, node: int) -> bool:
        return self.tree.status[node] == "finished" or self.tree.round[node] == self.settings.rounds

    def unexplored(self, node: int) -> list[int]:
        return [child for child in self.children[node] if child not in self.explored]

    def expand(self, node: int, width: int) -> Generator[Request, Reply, list[int]]:
        """Sample ``width`` children, value each by its score, and return them; the root may get more."""
        self.tree.mark([node], "kept")
        new = range(len(self.tree), len(self.tree) + width)
        yield from next_steps(self.tree, [node] * width, self.settings.temperature, again=node == ROOT)
        for child in new:
            self.tree.set_value(child, 1, self.score(child))
        self.children[node] += new
        return list(new)

    def score(self, node: int) -> float:
        """The verifier's score: the ``aggregate`` over the path, as in ``beam``."""
        return solution_score(self.tree, node, self.settings.aggregate)

    def bound(self, node: int) -> float:
        """UCB1, what UCT chooses by: mean value + c · √(ln of the siblings' visits, its own with them / its
        visits); ties go to the older node."""
        tree = self.tree
        plays = sum(tree.visits[sibling] for sibling in self.children[tree.parent[node]])
        return tree.value[node] + EXPLORATION * math.sqrt(math.log(plays) / tree.visits[node])

    def back_up(self, end: int) -> None:
        """Add the end's score to every node on its way, and note what is explored by now."""
        score = self.score(end)
        way = [ROOT, *self.tree.path(end)]
        for node in way:
            visits, value = self.tree.visits[node] or 0, self.tree.value[node] or 0.0
            self.tree.set_value(node, visits + 1, value + (score - value) / (visits + 1))
        for node in reversed(way[1:]):
            if self.unexplored(node):
                break
            self.explored.add(node)
