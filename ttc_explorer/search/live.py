"""One run in progress: its search, the jobs it waits for, and what the models remember of its open nodes."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence

from ttc_explorer.models.protocol import (
    Cost,
    Extend,
    ExtendJob,
    ModelError,
    Opened,
    Reply,
    Request,
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
from ttc_explorer.search.strategies import strategy

log = logging.getLogger(__name__)

Stream = tuple[int, ...]


class Live:
    """The driver hands ``extend_jobs`` or ``score_jobs`` (one of them is empty) to a model and the results to
    the ``take_`` method; the run moves on to its next request.

    A row's random stream is the run's seed and the row's place in the tree, as child numbers from the root.
    So a run samples the same tree whatever shares its batches, best-of-4 is the first four solutions of
    best-of-16, and beam search starts from the first steps of best-of-N.

    A state is held from the step that made it to the one request that continues it, and no longer than its
    node can grow: at most one row a live solution.

    ``exam`` compares the answers; ``deadline`` is a time on ``clock``, in seconds.
    """

    def __init__(
        self,
        run: Run,
        judged: bool,
        exam: Exam,
        clock: Callable[[], float],
        seconds: float | None,
    ) -> None:
        self.run = run
        self.cancelled = False
        self.started = False
        self.extend_jobs: list[ExtendJob] = []
        self.score_jobs: list[ScoreJob] = []
        self._search = strategy(run.strategy).search(run.tree, run.budget, run.settings)
        self._judged = judged
        self._exam = exam
        self._clock = clock
        self._since = clock()
        self._deadline = None if seconds is None else self._since + seconds
        self._request: Request
        self._prefixes: dict[int, tuple[State, Stream]] = {}
        self._judgements: dict[int, State] = {}
        self._spelling: dict[str, str] = {}

    # --- stopping ---------------------------------------------------------------------------------------

    def asked_to_stop(self) -> bool:
        """Whether somebody cancelled the run or its time is up; models ask between decode steps."""
        return self.cancelled or (self._deadline is not None and self._clock() >= self._deadline)

    def running(self) -> bool:
        """Whether the run goes on; if it was asked to stop, it ends here."""
        if self.run.stopped is None and self.asked_to_stop():
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
        self.extend_jobs, self.score_jobs = [], []
        self.run.ledger.seconds = self._clock() - self._since
        self.run.stopped = reason  # last: who sees it finds everything else in place

    # --- results of the models --------------------------------------------------------------------------

    def take_prompt(self, opened: Sequence[Opened]) -> None:
        """The generator has read the question."""
        (prompt,) = opened
        self.run.ledger.charge(prompt.cost, depth=1)
        self._prefixes[ROOT] = prompt.state, (self.run.seed,)

    def take_question(self, opened: Sequence[Opened]) -> None:
        """The verifier has read the question."""
        (question,) = opened
        self.run.ledger.charge(question.cost, depth=1)
        self._judgements[ROOT] = question.state

    def start(self) -> None:
        """All models have read the question: let the search make its first request."""
        self.started = True
        self._advance(None)

    def take_steps(self, sampled: Sequence[Sampled]) -> None:
        """The rows of ``extend_jobs``, decoded. A run asked to stop pays for them and drops them."""
        cost = sum((row.cost for row in sampled), Cost())
        self.run.ledger.charge(cost, depth=max(row.cost.generated for row in sampled))
        if not self.running():
            return
        steps = []
        rows = zip(self._request.parents, self.extend_jobs, sampled, strict=True)
        for node, (parent, job, row) in enumerate(rows, start=len(self.run.tree)):
            if not row.finished:
                self._prefixes[node] = row.state, job.stream
            answer = self._answer(parent, row.text) if row.finished else None
            steps.append(Step(row.text, row.tokens, row.logprob, row.finished, answer))
        self._advance(steps)

    def take_scores(self, scored: Sequence[Scored]) -> None:
        """The steps of ``score_jobs``, judged. A run asked to stop pays for them and drops them."""
        cost = sum((judgement.cost for judgement in scored), Cost())
        self.run.ledger.charge(cost, depth=1 if cost.verifier else 0)
        if not self.running():
            return
        for node, judgement in zip(self._request.nodes, scored, strict=True):
            if not 0 <= judgement.score <= 1:
                raise ModelError(f"The verifier gave a score of {judgement.score}, which is no probability.")
            self._judgements[node] = judgement.state
        self._advance([judgement.score for judgement in scored])

    # --- the search -------------------------------------------------------------------------------------

    def _advance(self, reply: Reply | None) -> None:
        """Give the search its reply and make ready the jobs of its next request."""
        self.extend_jobs, self.score_jobs = [], []
        try:
            self._request = self._search.send(reply)
            while isinstance(self._request, Score) and not self._judged:
                self._request = self._search.send(())
        except StopIteration as ending:
            self._end(ending.value)
            return
        self.run.ledger.seconds = self._clock() - self._since
        self._forget_closed()
        if isinstance(self._request, Extend):
            self.extend_jobs = self._rows(self._request)
        else:
            self.score_jobs = self._steps_to_judge(self._request)

    def _rows(self, request: Extend) -> list[ExtendJob]:
        prefixes = {parent: self._prefixes.pop(parent) for parent in dict.fromkeys(request.parents)}
        born: Counter[int] = Counter()
        jobs = []
        for parent in request.parents:
            state, stream = prefixes[parent]
            jobs.append(ExtendJob(state, request.temperature, (*stream, born[parent]), self.asked_to_stop))
            born[parent] += 1
        return jobs

    def _steps_to_judge(self, request: Score) -> list[ScoreJob]:
        tree = self.run.tree
        parents = [tree.parent[node] for node in request.nodes]
        states = {parent: self._judgements.pop(parent) for parent in dict.fromkeys(parents)}
        return [
            ScoreJob(states[parent], tree.text[node], self.asked_to_stop)
            for parent, node in zip(parents, request.nodes, strict=True)
        ]

    def _forget_closed(self) -> None:
        """Let go of states whose nodes were pruned or finished; the models free their rows."""
        for states in (self._prefixes, self._judgements):
            for node in [n for n in states if self.run.tree.status[n] in ("pruned", "finished")]:
                del states[node]

    # --- answers ----------------------------------------------------------------------------------------

    def _answer(self, parent: int, last_step: str) -> str | None:
        """The finished solution's answer, spelled as the run's first answer that is equal to it."""
        read = read_answer("\n".join([*self.run.tree.solution(parent), last_step]))
        if read is None:
            return None
        if read not in self._spelling:
            known = dict.fromkeys(self._spelling.values())
            self._spelling[read] = next((answer for answer in known if self._exam.same(answer, read)), read)
            if self._spelling[read] == read and self._exam.right is not None:
                self.run.correct[read] = self._exam.right(read)
        return self._spelling[read]
