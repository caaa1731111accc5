"""A run's tree as a small still picture: SVG without a script, light enough for six that grow side
by side.

The question is at the top, one row a round, solutions where they end. Edges of a kind, and dots of
a colour, are one path, so that 2,000 nodes are some 40 kB. Pure functions; no text of the tree is
in the picture.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from ttc_explorer.search.run import Run
from ttc_explorer.search.tree import SearchTree
from ttc_explorer.ui.math_typesetting import escape_html
from ttc_explorer.ui.run_viewer.tree_stream import run_summary
from ttc_explorer.ui.score_colours import score_colour

WIDTH, HEIGHT, MARGIN = 320, 120, 9
"""Of the picture and the air around the tree, in its own units; it is scaled to its place."""
MIN_ROUNDS = 5
"""A tree with fewer rounds does not fill the height, so that a growing one is not redrawn at every
round."""
MAX_RADIUS, MIN_RADIUS = 4.5, 0.8
"""Radius of a dot where there is room, and where there is none."""
STATUS_WIDTHS = {"kept": 1.0, "open": 1.0, "finished": 1.0, "pruned": 0.5}
"""Breadth of a childless node, by its status."""
SCORE_STEPS = 20
"""Scores are drawn in steps of 1 / SCORE_STEPS."""


def small_tree(run: Run, best: Iterable[int]) -> str:
    """The picture; ``best`` is the path to the answer, drawn strongest."""
    tree, size = run.tree, len(run.tree)
    x, gap = node_positions(tree, size)
    rounds = max(MIN_ROUNDS, *tree.round[:size])
    y = [MARGIN + tree.round[node] * (HEIGHT - 2 * MARGIN) / rounds for node in range(size)]
    radius = max(MIN_RADIUS, min(MAX_RADIUS, 0.42 * gap, 0.3 * HEIGHT / rounds))

    marked = set(best)
    edges, dots = defaultdict(list), defaultdict(list)
    for node in range(1, size):
        parent = tree.parent[node]
        kind = "best" if node in marked else _edge_kind(tree, node)
        edges[kind].append(f"M{x[parent]:.1f} {y[parent]:.1f}L{x[node]:.1f} {y[node]:.1f}")
        spot = f"M{x[node]:.1f} {y[node]:.1f}h0"
        if tree.status[node] == "finished":
            right = run.correct.get(tree.answer[node]) if tree.answer[node] is not None else None
            dots[{True: "right", False: "wrong", None: "end"}[right]].append(spot)
        score = tree.score[node]
        dots[-1.0 if score is None else round(score * SCORE_STEPS) / SCORE_STEPS].append(spot)
    lines = "".join(
        f'<path class="{kind}" d="{"".join(edges[kind])}"/>'
        for kind in ("ghost", "pruned", "kept", "best")
        if kind in edges
    )
    rings = "".join(
        _dots_path(f'class="dots {kind}"', dots[kind], 1.5 * radius)
        for kind in ("end", "wrong", "right")
        if kind in dots
    )
    discs = "".join(
        _dots_path(
            'class="dots blank"' if key < 0 else f'class="dots" stroke="{score_colour(key)}"',
            spots,
            radius,
        )
        for key, spots in dots.items()
        if not isinstance(key, str)
    )
    root = f'<circle class="root" cx="{x[0]:.1f}" cy="{y[0]:.1f}" r="{max(2.5, radius):.1f}"/>'
    return (
        f'<svg class="small-tree" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape_html(run_summary(run))}">{lines}{rings}{discs}{root}</svg>'
    )


def node_positions(tree: SearchTree, size: int) -> tuple[list[float], float]:
    """Where each of the first ``size`` nodes stands from left to right, and the room of one full
    leaf.

    Leaves share the width by STATUS_WIDTHS, in the order of a walk that takes children by age; a
    parent stands in the middle of its children.
    """
    children: list[list[int]] = [[] for _ in range(size)]
    for node in range(1, size):
        children[tree.parent[node]].append(node)
    leaves, stack = [], [0]
    while stack:
        node = stack.pop()
        stack += reversed(children[node])
        if not children[node]:
            leaves.append(node)
    total = sum(STATUS_WIDTHS[tree.status[leaf]] for leaf in leaves)
    unit = (WIDTH - 2 * MARGIN) / total
    x, place = [0.0] * size, float(MARGIN)
    for leaf in leaves:
        room = unit * STATUS_WIDTHS[tree.status[leaf]]
        x[leaf] = place + room / 2
        place += room
    for node in reversed(range(size)):  # children stand after their parent
        if children[node]:
            x[node] = (x[children[node][0]] + x[children[node][-1]]) / 2
    return x, unit


def _edge_kind(tree: SearchTree, node: int) -> str:
    if tree.kind[node] == "rollout":
        return "ghost"
    return "pruned" if tree.status[node] == "pruned" else "kept"


def _dots_path(attributes: str, spots: list[str], radius: float) -> str:
    """Round dots in one path: lines of no length with round ends."""
    return f'<path {attributes} stroke-width="{2 * radius:.1f}" d="{"".join(spots)}"/>'
