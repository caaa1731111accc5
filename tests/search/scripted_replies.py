"""A driver made of two functions: what is written after a node, and the score of a node."""

from __future__ import annotations

from ttc_explorer.models.protocol import PolicyQuery, Score, Step


def drive_with_replies(search, write, score, decision=None):
    """Drive ``search`` to its end; return why it stopped and all that it asked for.

    ``write(request, place)`` gives the text that follows ``request.parents[place]``; one that
    starts with "Answer" finishes its solution. ``score(node)`` gives the score.
    """
    requests, reply = [], None
    while True:
        try:
            request = search.send(reply)
        except StopIteration as ending:
            return ending.value, requests
        requests.append(request)
        if isinstance(request, PolicyQuery):
            reply = decision
        elif isinstance(request, Score):
            reply = [score(node) for node in request.nodes]
        else:
            texts = [write(request, place) for place in range(len(request.parents))]
            reply = [
                Step(text, 1, -1.0, text.startswith("Answer"), text[8:] or None) for text in texts
            ]
