"""A tree grown once more, event by event: how it stood at any moment of its growth."""

from __future__ import annotations

from ttc_explorer.search.tree import (
    CopyAdded,
    Event,
    NodeAdded,
    NodeScored,
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
        grown, tree = self._grown, self.tree
        match event:
            case NodeAdded(0):  # every tree begins with its root
                pass
            case NodeAdded(node):
                tree.add(
                    grown.parent[node],
                    grown.text[node],
                    tokens=grown.tokens[node],
                    logprob=grown.logprob[node],
                    token_logprobs=grown.token_logprobs[node],
                    finished=grown.kind[node] in ("answer", "revision"),
                    answer=grown.answer[node],
                    kind=grown.kind[node],
                )
            case CopyAdded(node):
                tree.add_copy(node)
            case NodeScored(node, score):
                tree.set_scores([node], [score])
            case StatusChanged(node, status):
                tree.set_status([node], status)
            case ValueUpdated(node, visits, value):
                tree.set_value(node, visits, value)
            case NoteAdded(number):
                note = grown.notes[number]
                tree.note(note.text, **note.data)
