"""A driver made of two functions: what is written after a node, and what a node is worth."""

from __future__ import annotations

from ttc_explorer.models.protocol import Consult, Score, Step


def play(search, write, judge, advice=None):
    """Drive ``search`` to its end; return why it stopped and all that it asked for.

    ``write(request, place)`` gives the text that follows ``request.parents[place]``; one that starts with
    "Answer" finishes its solution. ``judge(node)`` gives the score.
    """
    asked, reply = [], None
    while True:
        try:
            request = search.send(reply)
        except StopIteration as ending:
            return ending.value, asked
        asked.append(request)
        if isinstance(request, Consult):
            reply = advice
        elif isinstance(request, Score):
            reply = [judge(node) for node in request.nodes]
        else:
            texts = [write(request, place) for place in range(len(request.parents))]
            reply = [Step(text, 1, -1.0, text.startswith("Answer"), text[8:] or None) for text in texts]
