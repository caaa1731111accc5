"""Budget forcing: how long a model thinks is set from outside (s1, arXiv 2501.19393, 3.1)."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace

from ttc_explorer.models.protocol import ANSWER_CUE, Extend, Reply, Request, Step
from ttc_explorer.search.primitives import ROOT, Search, request_steps, score_nodes
from ttc_explorer.search.settings import Settings
from ttc_explorer.search.strategy import strategy
from ttc_explorer.search.tree import SearchTree

WAIT = "Wait"
"""What takes the place of a thought's end (s1, section 3.1)."""


@dataclass(eq=False)
class _Thought:
    """One of the N thoughts.

    Attributes:
        node: its last step.
        waits: how often it is still made to go on.
        tokens: sampled for it so far.
        unprobed: of these, since it was last asked for an interim answer.
        forced: what its next step begins with.
        interim: the interim answers.
    """

    node: int
    waits: int
    tokens: int = 0
    unprobed: int = 0
    forced: str = ""
    interim: list[str | None] = field(default_factory=list)

    def is_stable(self, count: int) -> bool:
        """Whether the last ``count`` interim answers agree."""
        last = self.interim[-count:]
        return len(last) == count and None not in last and len(set(last)) == 1


@strategy(
    "budget_forcing",
    title="Budget forcing",
    summary="Write N thoughts: each is cut at L tokens and made to answer, and one that would end "
    "earlier is told to wait and goes on.",
    verifier="select",
    settings=("temperature", "thinking", "waits", "probe", "agree", "rounds"),
    needs_prefix_continuation=True,
)
def budget_forcing(tree: SearchTree, budget: int, settings: Settings) -> Search:
    """N thoughts side by side, a chain each, one step of each a round; the selector chooses among
    their answers.

    A thought that would end is not let: "Wait" takes the place of its end, ``waits`` times, as long
    as it has fewer than L = ``thinking`` tokens. With its last step from L tokens on (steps are
    whole lines, or paragraphs of a model that chats), or when the rounds run out, it is cut, and
    the model's own words for an answer are forced (``ANSWER_CUE``), the likeliest tokens after
    them. At every ``probe`` tokens the same words ask for an interim answer: it is seen in the tree
    as a rollout, and forgotten by the thought. Where the last ``agree`` of them are equal, the
    latest is the thought's answer (as Dynasor stops, arXiv 2412.20993). Everything is paid for.

    What a thought is: of a model whose chat template knows ``</think>``, what it writes before
    that. Of any other the solution itself, in its own steps: where it ends with an answer, that
    stands, and nothing is forced but "Wait".
    """
    live = [_Thought(ROOT, settings.waits) for _ in range(budget)]
    for _ in range(settings.rounds - 1):
        live, cut = yield from _think(tree, live, settings)
        live = yield from _probe(tree, live, settings)
        yield from _conclude(tree, cut)
        if not live:
            return "done"
    yield from _conclude(tree, live)
    return "done"


def _think(
    tree: SearchTree, thoughts: Sequence[_Thought], settings: Settings
) -> Generator[Request, Reply, tuple[list[_Thought], list[_Thought]]]:
    """A step of each thought; returns those that go on, and those that are to answer now."""
    parents = tuple(thought.node for thought in thoughts)
    forced = tuple(thought.forced for thought in thoughts)
    tree.set_status(parents, "kept")
    steps = yield from request_steps(
        Extend(parents, settings.temperature, forced=forced, thought=True)
    )
    live, cut, nodes = [], [], []
    for thought, step in zip(thoughts, steps, strict=True):
        thought.tokens += step.tokens
        thought.unprobed += step.tokens
        thought.forced = ""
        has_room = thought.tokens < settings.thinking
        if step.finished and has_room and thought.waits and not step.failed:
            thought.waits -= 1
            thought.forced = WAIT
            step = _unfinished(step)
            live.append(thought)
        elif step.finished and step.answer is None and not step.failed:
            step = _unfinished(step)
            cut.append(thought)
        elif not step.finished:
            (live if has_room else cut).append(thought)
        (thought.node,) = tree.add_steps([thought.node], [step])
        nodes.append(thought.node)
    yield from score_nodes(tree, nodes)
    return live, cut


def _probe(
    tree: SearchTree, thoughts: list[_Thought], settings: Settings
) -> Generator[Request, Reply, list[_Thought]]:
    """Ask the thoughts for an interim answer for which it is time; returns those that go on."""
    due = [thought for thought in thoughts if 0 < settings.probe <= thought.unprobed]
    if not due:
        return thoughts
    parents = tuple(thought.node for thought in due)
    tree.set_status(parents, "kept")
    cues = (ANSWER_CUE,) * len(due)
    answers = yield from request_steps(
        Extend(parents, 0.0, keep_state=True, rollout=True, forced=cues)
    )
    stable: dict[int, int] = {}  # of the thoughts that stop, by place: the node of the answer
    for place, (thought, step) in enumerate(zip(due, answers, strict=True)):
        thought.unprobed = 0
        thought.interim.append(step.answer)
        if thought.is_stable(settings.agree):
            (stable[place],) = tree.add_steps([thought.node], [replace(step, finished=True)])
        else:
            tree.add_steps([thought.node], [step], kind="rollout")
    yield from score_nodes(tree, list(stable.values()))
    stopped = [due[place] for place in stable]
    return [thought for thought in thoughts if thought not in stopped]


def _conclude(tree: SearchTree, thoughts: Sequence[_Thought]) -> Generator[Request, Reply, None]:
    """Make the thoughts answer."""
    if not thoughts:
        return
    parents = tuple(thought.node for thought in thoughts)
    tree.set_status(parents, "kept")
    answers = yield from request_steps(Extend(parents, 0.0, forced=(ANSWER_CUE,) * len(parents)))
    nodes = tree.add_steps(parents, [replace(answer, finished=True) for answer in answers])
    yield from score_nodes(tree, nodes)


def _unfinished(step: Step) -> Step:
    return replace(step, finished=False, answer=None, cut=False)
