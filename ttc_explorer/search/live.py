"""One run in progress: its search, the jobs it waits for, and what the models remember of its open nodes."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ttc_explorer.models.protocol import (
    MEMORY,
    Advice,
    Chain,
    Consult,
    Cost,
    Extend,
    ExtendJob,
    ModelError,
    Opened,
    Reply,
    Request,
    Revise,
    Sampled,
    Score,
    Scored,
    ScoreJob,
    State,
    Step,
)
from ttc_explorer.problems.exam import Exam
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.problems.reading import read_answer
from ttc_explorer.search.moves import ROOT
from ttc_explorer.search.run import Run
from ttc_explorer.search.strategies import NO_REVISER, strategy

log = logging.getLogger(__name__)

Stream = tuple[int, ...]

UNKNOWN = object()
"""Stands for a reply that only a model can give."""


@dataclass
class Attempt:
    """A revision being written, a step a tick. ``finished`` when the reviser has ended it."""

    parent: int
    stream: Stream
    state: State
    lines: list[str] = field(default_factory=list)
    tokens: int = 0
    logprob: float = 0.0
    finished: bool = False
    answer: str | None = None

    def add(self, row: Sampled) -> None:
        self.state = None if row.finished else row.state
        self.lines.append(row.text)
        self.tokens += row.tokens
        self.logprob += row.logprob
        self.finished = row.finished

    def whole(self) -> Step:
        return Step("\n".join(self.lines), self.tokens, self.logprob, True, self.answer)


class Live:
    """Waits at a ``desk`` with ``jobs`` for a model; the driver hands the results to ``take``, and the run
    goes to its next desk. A desk is named after the work that a model does there:

    ``prompts``, ``chains``        generator, reviser: read the question, or a chain of attempts
    ``steps``, ``lines``           generator, reviser: write a step of a solution, or of an attempt
    ``questions``, ``histories``   verifier, verifier of revisions: read the question, or a chain
    ``scores``, ``judgements``     verifier, verifier of revisions: judge steps, or attempts

    A row's random stream is the run's seed and the row's place in the tree, as child numbers from the root
    (and for a step of an attempt its number there). So a run samples the same tree whatever shares its
    batches, best-of-4 is the first four solutions of best-of-16, and beam search starts from the first steps
    of best-of-N. A rollout takes no child number: lookahead samples the children that beam search would.

    A state is held from the step that made it to the one request that continues it without ``again``, and no
    longer than its node can grow; a rollout's state for the next request only.

    ``judged`` says whether there is a verifier, ``judged_by_history`` whether revisions have one of their
    own, ``reviser`` what the reviser is called, if there is one; ``exam`` compares the answers; ``advise``
    asks the policy; ``seconds`` is the time allowed, on ``clock``.
    """

    def __init__(
        self,
        run: Run,
        judged: bool,
        judged_by_history: bool,
        reviser: str | None,
        exam: Exam,
        advise: Callable[[Consult], Advice | None],
        clock: Callable[[], float],
        seconds: float | None,
    ) -> None:
        self.run = run
        self.cancelled = False
        self.started = False
        self.desk: str | None = None
        self.jobs: list[Any] = []
        self.take: Callable[[list[Any]], None] = self._advance
        self._search = strategy(run.strategy).search(run.tree, run.budget, run.settings)
        self._judged = judged
        self._judged_by_history = judged_by_history
        self._reviser = reviser
        self._exam = exam
        self._advise = advise
        self._clock = clock
        self._since = clock()
        self._deadline = None if seconds is None else self._since + seconds
        self._request: Request
        self._prefixes: dict[int, State] = {}
        self._judgements: dict[int, State] = {}
        self._streams: dict[int, Stream] = {ROOT: (run.seed,)}
        self._born: Counter[int] = Counter()
        self._again: set[int] = set()
        self._attempts: list[Attempt] = []
        self._spelling: dict[str, str] = {}

    # --- stopping ---------------------------------------------------------------------------------------

    def asked_to_stop(self) -> bool:
        """Whether somebody cancelled the run or its time is up; models ask between decode steps."""
        return self.cancelled or (self._deadline is not None and self._clock() >= self._deadline)

    def running(self) -> bool:
        """Whether the run goes on; if it was asked to stop, it ends here, with the attempts that are done."""
        if self.run.stopped is None and self.asked_to_stop():
            done = [attempt for attempt in self._attempts if attempt.finished]
            attempts = [attempt.whole() for attempt in done]
            self.run.tree.grow([attempt.parent for attempt in done], attempts, kind="revision")
            self._end("cancelled" if self.cancelled else "deadline")
        return self.run.stopped is None

    def fail(self, error: Exception) -> None:
        """End the run because a model or we failed; the tree stays as it is."""
        if isinstance(error, ModelError | BadInput):
            self.run.error = str(error)
        else:
            log.error("a run failed", exc_info=error)
            self.run.error = f"The run stopped because a model failed unexpectedly ({type(error).__name__})."
        self._end("cancelled")

    def _end(self, reason: str) -> None:
        self._search.close()
        self._prefixes.clear()
        self._judgements.clear()
        self._attempts.clear()
        self.desk, self.jobs = None, []
        self.run.ledger.seconds = self._clock() - self._since
        self.run.stopped = reason  # last: who sees it finds everything else in place

    # --- the search -------------------------------------------------------------------------------------

    def start(self) -> None:
        """Let the search make its first request."""
        self.started = True
        try:
            self._advance(None)
        except Exception as error:
            self.fail(error)

    def _advance(self, reply: Reply | None) -> None:
        """Give the search its reply, and go to the desk that its next request needs first."""
        try:
            self._request = self._search.send(reply)
            while (reply := self._known(self._request)) is not UNKNOWN:
                self._request = self._search.send(reply)
        except StopIteration as ending:
            self._end(ending.value)
            return
        self.run.ledger.seconds = self._clock() - self._since
        self._forget_closed()
        if isinstance(self._request, Extend):
            self._go_for_steps()
        elif isinstance(self._request, Revise):
            self._go_for_attempts()
        else:
            self._go_for_scores()

    def _known(self, request: Request) -> Any:
        """The reply to a request that needs no model, else UNKNOWN."""
        if isinstance(request, Consult):
            advice = self._advise(request)
            return advice and replace(advice, reviser=self._reviser is not None)
        if not isinstance(request, Score):
            return UNKNOWN if request.parents else ()
        judged = self._judged or (self._judged_by_history and self._are_revisions(request))
        return UNKNOWN if request.nodes and judged else ()

    def _go(self, desk: str, jobs: list[Any], take: Callable[[list[Any]], None]) -> None:
        self.desk, self.jobs, self.take = desk, jobs, take

    def _forget_closed(self) -> None:
        """Let go of states whose nodes were pruned or finished, unless the request is about them or their
        children (rollouts are pruned from the start); the models free their rows."""
        tree, request = self.run.tree, self._request
        named = set(request.nodes if isinstance(request, Score) else request.parents)
        needed = named | {tree.parent[node] for node in named}
        for states in (self._prefixes, self._judgements):
            for node in [n for n in states if tree.status[n] in ("pruned", "finished") and n not in needed]:
                del states[node]

    # --- steps ------------------------------------------------------------------------------------------

    def _go_for_steps(self) -> None:
        if ROOT in self._request.parents and ROOT not in self._prefixes:
            self._go("prompts", [self.run.problem.text], self._take_prompt)
        else:
            self._go("steps", self._rows(self._request), self._take_steps)

    def _take_prompt(self, opened: Sequence[Opened]) -> None:
        """The generator has read the question."""
        (prompt,) = opened
        self.run.ledger.charge(prompt.cost, depth=1)
        self._prefixes[ROOT] = prompt.state
        self._go_for_steps()

    def _rows(self, request: Extend) -> list[ExtendJob]:
        parents = dict.fromkeys(request.parents)
        if request.again:
            self._again.update(parents)
            states = {parent: self._prefixes[parent] for parent in parents}
        else:
            self._again.difference_update(parents)
            states = {parent: self._prefixes.pop(parent) for parent in parents}
        return [
            ExtendJob(
                states[parent],
                request.temperature,
                self._new_stream(parent, counts=not request.rollout),
                self.asked_to_stop,
            )
            for parent in request.parents
        ]

    def _new_stream(self, parent: int, counts: bool = True) -> Stream:
        """The random stream of the parent's next child."""
        stream = (*self._streams[parent], self._born[parent])
        self._born[parent] += counts
        return stream

    def _take_steps(self, sampled: Sequence[Sampled]) -> None:
        """Decoded rows. A run asked to stop pays for them and drops them."""
        self._pay_for_rows(sampled)
        if not self.running():
            return
        self._note_failures(sampled, "step")
        tree = self.run.tree
        steps = []
        rows = zip(self._request.parents, self.jobs, sampled, strict=True)
        for node, (parent, job, row) in enumerate(rows, start=len(tree)):
            self._streams[node] = job.stream
            answer = None
            if not row.finished:
                self._prefixes[node] = row.state
            elif not self._request.rollout and not row.failed:
                answer = self._answer("\n".join([*tree.solution(parent), row.text]))
            steps.append(Step(row.text, row.tokens, row.logprob, row.finished, answer))
        self._advance(steps)

    def _pay_for_rows(self, sampled: Sequence[Sampled]) -> None:
        cost = sum((row.cost for row in sampled), Cost())
        self.run.ledger.charge(cost, depth=max(row.cost.generated for row in sampled))

    # --- attempts ---------------------------------------------------------------------------------------

    def _chain(self, node: int) -> Chain:
        """What a reviser, or its verifier, reads before it goes on from ``node``."""
        tree = self.run.tree
        attempts = tree.chain(node)[-MEMORY:]
        return Chain(self.run.problem.text, tuple("\n".join(tree.solution(n)) for n in attempts))

    def _go_for_attempts(self) -> None:
        if self._reviser is None:
            raise BadInput(f"{strategy(self.run.strategy).title} {NO_REVISER}")
        self.run.reviser = self._reviser
        parents = dict.fromkeys(self._request.parents)
        self._go("chains", [self._chain(parent) for parent in parents], self._take_chains)

    def _take_chains(self, opened: Sequence[Opened]) -> None:
        """The reviser has read the chain of each distinct parent."""
        parents = self._request.parents
        states = self._paid(dict.fromkeys(parents), opened)
        self._attempts = [Attempt(parent, self._new_stream(parent), states[parent]) for parent in parents]
        self._go_for_lines()

    def _writing(self) -> list[Attempt]:
        """The attempts that another line may follow."""
        rounds = self.run.settings.rounds
        return [a for a in self._attempts if not a.finished and len(a.lines) < rounds]

    def _go_for_lines(self) -> None:
        jobs = [
            ExtendJob(
                attempt.state,
                self._request.temperature,
                (*attempt.stream, len(attempt.lines)),
                self.asked_to_stop,
            )
            for attempt in self._writing()
        ]
        self._go("lines", jobs, self._take_lines)

    def _take_lines(self, sampled: Sequence[Sampled]) -> None:
        """A line of each attempt that is being written, decoded."""
        self._pay_for_rows(sampled)
        for attempt, row in zip(self._writing(), sampled, strict=True):
            attempt.add(row)
            if attempt.finished and not row.failed:
                attempt.answer = self._answer("\n".join(attempt.lines))
        if not self.running():
            return
        self._note_failures(sampled, "attempt")
        if self._writing():
            self._go_for_lines()
            return
        attempts, self._attempts = self._attempts, []
        self._streams.update(enumerate((attempt.stream for attempt in attempts), start=len(self.run.tree)))
        self._advance([attempt.whole() for attempt in attempts])

    # --- scores -----------------------------------------------------------------------------------------

    def _are_revisions(self, request: Score) -> bool:
        return self.run.tree.kind[request.nodes[0]] == "revision"

    def _go_for_scores(self) -> None:
        """To the scores of the nodes: steps after their parents, attempts after the question (or, with a
        verifier of their own, after the attempts before them)."""
        tree, nodes = self.run.tree, self._request.nodes
        parents = [tree.parent[node] for node in nodes]
        revisions = self._are_revisions(self._request)
        if revisions and self._judged_by_history:
            chains = [self._chain(parent) for parent in dict.fromkeys(parents)]
            self._go("histories", chains, self._take_histories)
            return
        if revisions:
            parents = [ROOT] * len(nodes)
        if ROOT in parents and ROOT not in self._judgements:
            self._go("questions", [self.run.problem.text], self._take_question)
            return
        states = {parent: self._judgements[parent] for parent in dict.fromkeys(parents)}
        for parent in states:
            if parent not in self._again and not revisions:
                del self._judgements[parent]
        self._go("scores", self._texts_to_judge(parents, states), self._take_scores)

    def _take_question(self, opened: Sequence[Opened]) -> None:
        """The verifier has read the question."""
        (question,) = opened
        self.run.ledger.charge(question.cost, depth=1)
        self._judgements[ROOT] = question.state
        self._go_for_scores()

    def _take_histories(self, opened: Sequence[Opened]) -> None:
        """The verifier of revisions has read the chain of each distinct parent."""
        parents = [self.run.tree.parent[node] for node in self._request.nodes]
        states = self._paid(dict.fromkeys(parents), opened)
        self._go("judgements", self._texts_to_judge(parents, states), self._take_scores)

    def _texts_to_judge(self, parents: Sequence[int], states: dict[int, State]) -> list[ScoreJob]:
        return [
            ScoreJob(states[parent], self.run.tree.text[node], self.asked_to_stop)
            for parent, node in zip(parents, self._request.nodes, strict=True)
        ]

    def _paid(self, parents: Sequence[int], opened: Sequence[Opened]) -> dict[int, State]:
        """The states of chains that a model has read, by parent."""
        self.run.ledger.charge(sum((chain.cost for chain in opened), Cost()), depth=1)
        return {parent: chain.state for parent, chain in zip(parents, opened, strict=True)}

    def _take_scores(self, scored: Sequence[Scored]) -> None:
        """Judged texts. A run asked to stop pays for them and drops them."""
        cost = sum((judgement.cost for judgement in scored), Cost())
        self.run.ledger.charge(cost, depth=1 if cost.verifier else 0)
        if not self.running():
            return
        self._note_failures(scored, "score")
        for node, judgement in zip(self._request.nodes, scored, strict=True):
            if not 0 <= judgement.score <= 1:
                raise ModelError(f"The verifier gave a score of {judgement.score}, which is no probability.")
            self._judgements[node] = judgement.state
        self._advance([judgement.score for judgement in scored])

    # --- failures ---------------------------------------------------------------------------------------

    def _note_failures(self, results: Sequence[Sampled] | Sequence[Scored], what: str) -> None:
        """Say in the tree what the models could not do; the run goes on without it."""
        reasons = [result.failed for result in results if result.failed]
        if reasons:
            lost = f"1 {what} was" if len(reasons) == 1 else f"{len(reasons)} {what}s were"
            self.run.tree.note(f"{lost} lost. {reasons[0]}", lost=len(reasons))

    # --- answers ----------------------------------------------------------------------------------------

    def _answer(self, solution: str) -> str | None:
        """The finished solution's answer, spelled as the run's first answer that is equal to it."""
        read = read_answer(solution)
        if read is None:
            return None
        if read not in self._spelling:
            known = dict.fromkeys(self._spelling.values())
            self._spelling[read] = next((answer for answer in known if self._exam.same(answer, read)), read)
            if self._spelling[read] == read and self._exam.right is not None:
                self.run.correct[read] = self._exam.right(read)
        return self._spelling[read]
