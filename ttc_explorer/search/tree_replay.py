"""A tree grown once more, event by event: how it stood at any moment of its growth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ttc_explorer.search.tree import (
    CopyAdded,
    Event,
    NodeAdded,
    NodeScored,
    Note,
    NoteAdded,
    SearchTree,
    StatusChanged,
    ValueUpdated,
)


class TreeReplay:
    """Grows ``tree`` as another tree grew.

    Args:
        grown: the tree to repeat; it may still be growing, in another thread.

    Attributes:
        tree: how the other one stood after the events that were repeated so far.
    """

    def __init__(self, grown: SearchTree) -> None:
        self._grown = grown
        self.tree = SearchTree()
        self.tree.seed, self.tree.merge = grown.seed, grown.merge

    def repeat(self, event: Event) -> None:
        """Let one more event happen. Each event of the other tree is given once, in order."""
        grown = self._grown
        repeat_event(
            self.tree, event, lambda node: node_arguments(grown, node), grown.notes.__getitem__
        )


def repeat_event(
    tree: SearchTree,
    event: Event,
    arguments: Callable[[int], dict[str, Any]],
    note: Callable[[int], Note],
) -> None:
    """Let an event of another tree happen in this one, which had all those before it.

    Args:
        tree: grows.
        event: of the other tree.
        arguments: what ``SearchTree.add`` takes for a node of the other tree.
        note: of the other tree, by its number.
    """
    match event:
        case NodeAdded(0):  # every tree begins with its root
            pass
        case NodeAdded(node):
            tree.add(**arguments(node))
        case CopyAdded(node):
            tree.add_copy(node)
        case NodeScored(node, score):
            tree.set_scores([node], [score])
        case StatusChanged(node, status):
            tree.set_status([node], status)
        case ValueUpdated(node, visits, value):
            tree.set_value(node, visits, value)
        case NoteAdded(number):
            made = note(number)
            tree.note(made.text, **made.data)


def node_arguments(tree: SearchTree, node: int) -> dict[str, Any]:
    """What the node was added with."""
    return {
        "parent": tree.parent[node],
        "text": tree.text[node],
        "tokens": tree.tokens[node],
        "logprob": tree.logprob[node],
        "token_logprobs": tree.token_logprobs[node],
        "finished": tree.kind[node] in ("answer", "revision"),
        "answer": tree.answer[node],
        "kind": tree.kind[node],
        "cut": tree.cut[node],
    }
