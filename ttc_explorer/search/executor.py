"""One run in progress: its search, the jobs it waits for, and the model states of its open
nodes."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ttc_explorer.models.protocol import (
    REVISION_CONTEXT,
    Cost,
    DecodedStep,
    Extend,
    ExtendJob,
    ModelError,
    PolicyDecision,
    PolicyQuery,
    Prefilled,
    Reply,
    Request,
    Revise,
    RevisionContext,
    Score,
    ScoredStep,
    ScoreJob,
    State,
    Step,
)
from ttc_explorer.problems.answer_checker import AnswerChecker
from ttc_explorer.problems.answer_reader import read_answer
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.primitives import ROOT
from ttc_explorer.search.run import Run
from ttc_explorer.search.strategy import NO_REVISER, get_strategy

log = logging.getLogger(__name__)

RngPath = tuple[int, ...]

NEEDS_MODEL = object()
"""Stands for a reply that only a model can give."""


@dataclass
class PendingRevision:
    """A revision being written, a step a tick. ``finished`` when the reviser has ended it."""

    parent: int
    rng_path: RngPath
    state: State
    lines: list[str] = field(default_factory=list)
    tokens: int = 0
    logprob: float = 0.0
    token_logprobs: tuple[float, ...] = ()
    finished: bool = False
    answer: str | None = None

    def add(self, row: DecodedStep) -> None:
        self.state = None if row.finished else row.state
        self.lines.append(row.text)
        self.tokens += row.tokens
        self.logprob += row.logprob
        self.token_logprobs += row.token_logprobs
        self.finished = row.finished

    def to_step(self) -> Step:
        return Step(
            "\n".join(self.lines),
            self.tokens,
            self.logprob,
            finished=True,
            answer=self.answer,
            token_logprobs=self.token_logprobs,
        )


class RunExecutor:
    """Waits at a ``stage`` with ``jobs`` for a model; the driver hands the results to
    ``on_results``, and the run goes to its next stage. A stage is named after the work that a model
    does there:

    ``prompts``, ``chains``        generator, reviser: read the question, or a chain of attempts
    ``steps``, ``lines``           generator, reviser: write a step of a solution, or of an attempt
    ``questions``, ``histories``   verifier, verifier of revisions: read the question, or a chain
    ``scores``, ``judgements``     verifier, verifier of revisions: judge steps, or attempts

    A row's RNG path is the run's seed and the row's place in the tree, as child numbers from the
    root (and for a step of an attempt its number there). So a run samples the same tree whatever
    shares its batches, best-of-4 is the first four solutions of best-of-16, and beam search starts
    from the first steps of best-of-N. A rollout takes no child number: lookahead samples the
    children that beam search would.

    A state is held from the step that made it to the one request that continues it without
    ``keep_state``, and no longer than its node can grow; a rollout's state for the next request
    only.

    ``has_verifier`` says whether there is a verifier, ``has_revision_verifier`` whether revisions
    have one of their own, ``reviser`` what the reviser is called, if there is one; ``checker``
    compares the answers; ``decide`` asks the policy; ``seconds`` is the time allowed, on ``clock``.
    """

    def __init__(
        self,
        run: Run,
        has_verifier: bool,
        has_revision_verifier: bool,
        reviser: str | None,
        checker: AnswerChecker,
        decide: Callable[[PolicyQuery], PolicyDecision | None],
        clock: Callable[[], float],
        seconds: float | None,
    ) -> None:
        self.run = run
        self.cancelled = False
        self.started = False
        self.stage: str | None = None
        self.jobs: list[Any] = []
        self.on_results: Callable[[list[Any]], None] = self._advance
        self._search = get_strategy(run.strategy).search(run.tree, run.budget, run.settings)
        self._has_verifier = has_verifier
        self._has_revision_verifier = has_revision_verifier
        self._reviser = reviser
        self._checker = checker
        self._decide = decide
        self._clock = clock
        self._start_time = clock()
        self._deadline = None if seconds is None else self._start_time + seconds
        self._request: Request
        self._generator_states: dict[int, State] = {}
        self._verifier_states: dict[int, State] = {}
        self._rng_paths: dict[int, RngPath] = {ROOT: (run.seed,)}
        self._child_counts: Counter[int] = Counter()
        self._kept_states: set[int] = set()
        self._attempts: list[PendingRevision] = []
        self._canonical_answers: dict[str, str] = {}

    # --- stopping ---------------------------------------------------------------------------------

    def should_stop(self) -> bool:
        """Whether somebody cancelled the run or its time is up; models ask between decode steps."""
        return self.cancelled or (self._deadline is not None and self._clock() >= self._deadline)

    def running(self) -> bool:
        """Whether the run goes on; if it was asked to stop, it ends here, with the attempts that
        are done."""
        if self.run.stopped is None and self.should_stop():
            done = [attempt for attempt in self._attempts if attempt.finished]
            attempts = [attempt.to_step() for attempt in done]
            self.run.tree.add_steps([attempt.parent for attempt in done], attempts, kind="revision")
            self._end("cancelled" if self.cancelled else "deadline")
        return self.run.stopped is None

    def fail(self, error: Exception) -> None:
        """End the run because a model or we failed; the tree stays as it is."""
        if isinstance(error, ModelError | BadInput):
            self.run.error = str(error)
        else:
            log.error("a run failed", exc_info=error)
            self.run.error = (
                f"The run stopped because a model failed unexpectedly ({type(error).__name__})."
            )
        self._end("cancelled")

    def _end(self, reason: str) -> None:
        self._search.close()
        self._generator_states.clear()
        self._verifier_states.clear()
        self._attempts.clear()
        self.stage, self.jobs = None, []
        self.run.ledger.seconds = self._clock() - self._start_time
        self.run.stopped = reason  # last: who sees it finds everything else in place

    # --- the search -------------------------------------------------------------------------------

    def start(self) -> None:
        """Let the search make its first request."""
        self.started = True
        try:
            self._advance(None)
        except Exception as error:
            self.fail(error)

    def _advance(self, reply: Reply | None) -> None:
        """Give the search its reply, and go to the stage that its next request needs first."""
        try:
            self._request = self._search.send(reply)
            while (reply := self._reply_without_model(self._request)) is not NEEDS_MODEL:
                self._request = self._search.send(reply)
        except StopIteration as ending:
            self._end(ending.value)
            return
        self.run.ledger.seconds = self._clock() - self._start_time
        self._free_closed_states()
        if isinstance(self._request, Extend):
            self._go_for_steps()
        elif isinstance(self._request, Revise):
            self._go_for_attempts()
        else:
            self._go_for_scores()

    def _reply_without_model(self, request: Request) -> Any:
        """The reply to a request that needs no model, else UNKNOWN."""
        if isinstance(request, PolicyQuery):
            decision = self._decide(request)
            return decision and replace(decision, reviser=self._reviser is not None)
        if not isinstance(request, Score):
            return NEEDS_MODEL if request.parents else ()
        has_verifier = self._has_verifier or (
            self._has_revision_verifier and self._are_revisions(request)
        )
        return NEEDS_MODEL if request.nodes and has_verifier else ()

    def _enter_stage(
        self, stage: str, jobs: list[Any], on_results: Callable[[list[Any]], None]
    ) -> None:
        self.stage, self.jobs, self.on_results = stage, jobs, on_results

    def _free_closed_states(self) -> None:
        """Free states whose nodes were pruned or finished, unless the request is about them or
        their children (rollouts are pruned from the start); the models free their rows."""
        tree, request = self.run.tree, self._request
        named = set(request.nodes if isinstance(request, Score) else request.parents)
        needed = named | {tree.parent[node] for node in named}
        for states in (self._generator_states, self._verifier_states):
            for node in [
                n for n in states if tree.status[n] in ("pruned", "finished") and n not in needed
            ]:
                del states[node]

    # --- steps ------------------------------------------------------------------------------------

    def _go_for_steps(self) -> None:
        if ROOT in self._request.parents and ROOT not in self._generator_states:
            self._enter_stage("prompts", [self.run.problem.text], self._take_prompt)
        else:
            self._enter_stage("steps", self._rows(self._request), self._take_steps)

    def _take_prompt(self, prefilled: Sequence[Prefilled]) -> None:
        """The generator has read the question."""
        (prompt,) = prefilled
        self.run.ledger.charge(prompt.cost, generator_depth=1)
        self._generator_states[ROOT] = prompt.state
        self._go_for_steps()

    def _rows(self, request: Extend) -> list[ExtendJob]:
        parents = dict.fromkeys(request.parents)
        if request.keep_state:
            self._kept_states.update(parents)
            states = {parent: self._generator_states[parent] for parent in parents}
        else:
            self._kept_states.difference_update(parents)
            states = {parent: self._generator_states.pop(parent) for parent in parents}
        return [
            ExtendJob(
                states[parent],
                request.temperature,
                self._next_rng_path(parent, counts=not request.rollout),
                self.should_stop,
            )
            for parent in request.parents
        ]

    def _next_rng_path(self, parent: int, counts: bool = True) -> RngPath:
        """The random stream of the parent's next child."""
        rng_path = (*self._rng_paths[parent], self._child_counts[parent])
        self._child_counts[parent] += counts
        return rng_path

    def _take_steps(self, sampled: Sequence[DecodedStep]) -> None:
        """Decoded rows. A run asked to stop pays for them and drops them."""
        self._charge_rows(sampled)
        if not self.running():
            return
        self._note_failures(sampled, "step")
        tree = self.run.tree
        steps = []
        rows = zip(self._request.parents, self.jobs, sampled, strict=True)
        for node, (parent, job, row) in enumerate(rows, start=len(tree)):
            self._rng_paths[node] = job.rng_path
            answer = None
            if not row.finished:
                self._generator_states[node] = row.state
            elif not self._request.rollout and not row.failure:
                answer = self._canonical_answer("\n".join([*tree.solution(parent), row.text]))
            steps.append(
                Step(row.text, row.tokens, row.logprob, row.finished, answer, row.token_logprobs)
            )
        self._advance(steps)

    def _charge_rows(self, sampled: Sequence[DecodedStep]) -> None:
        cost = sum((row.cost for row in sampled), Cost())
        self.run.ledger.charge(cost, generator_depth=max(row.cost.generated for row in sampled))

    # --- attempts ---------------------------------------------------------------------------------

    def _revision_context(self, node: int) -> RevisionContext:
        """What a reviser, or its verifier, reads before it goes on from ``node``."""
        tree = self.run.tree
        attempts = tree.chain(node)[-REVISION_CONTEXT:]
        return RevisionContext(
            self.run.problem.text, tuple("\n".join(tree.solution(n)) for n in attempts)
        )

    def _go_for_attempts(self) -> None:
        if self._reviser is None:
            raise BadInput(f"{get_strategy(self.run.strategy).title} {NO_REVISER}")
        self.run.reviser = self._reviser
        parents = dict.fromkeys(self._request.parents)
        self._enter_stage(
            "chains", [self._revision_context(parent) for parent in parents], self._take_chains
        )

    def _take_chains(self, prefilled: Sequence[Prefilled]) -> None:
        """The reviser has read the chain of each distinct parent."""
        parents = self._request.parents
        states = self._charge_prefills(dict.fromkeys(parents), prefilled, generator_depth=1)
        self._attempts = [
            PendingRevision(parent, self._next_rng_path(parent), states[parent])
            for parent in parents
        ]
        self._go_for_lines()

    def _unfinished_attempts(self) -> list[PendingRevision]:
        """The attempts that another line may follow."""
        rounds = self.run.settings.rounds
        return [a for a in self._attempts if not a.finished and len(a.lines) < rounds]

    def _go_for_lines(self) -> None:
        jobs = [
            ExtendJob(
                attempt.state,
                self._request.temperature,
                (*attempt.rng_path, len(attempt.lines)),
                self.should_stop,
            )
            for attempt in self._unfinished_attempts()
        ]
        self._enter_stage("lines", jobs, self._take_lines)

    def _take_lines(self, sampled: Sequence[DecodedStep]) -> None:
        """A line of each attempt that is being written, decoded."""
        self._charge_rows(sampled)
        for attempt, row in zip(self._unfinished_attempts(), sampled, strict=True):
            attempt.add(row)
            if attempt.finished and not row.failure:
                attempt.answer = self._canonical_answer("\n".join(attempt.lines))
        if not self.running():
            return
        self._note_failures(sampled, "attempt")
        if self._unfinished_attempts():
            self._go_for_lines()
            return
        attempts, self._attempts = self._attempts, []
        self._rng_paths.update(
            enumerate((attempt.rng_path for attempt in attempts), start=len(self.run.tree))
        )
        self._advance([attempt.to_step() for attempt in attempts])

    # --- scores -----------------------------------------------------------------------------------

    def _are_revisions(self, request: Score) -> bool:
        return self.run.tree.kind[request.nodes[0]] == "revision"

    def _go_for_scores(self) -> None:
        """To the scores of the nodes: steps after their parents, attempts after the question (or,
        with a verifier of their own, after the attempts before them)."""
        tree, nodes = self.run.tree, self._request.nodes
        parents = [tree.parent[node] for node in nodes]
        revisions = self._are_revisions(self._request)
        if revisions and self._has_revision_verifier:
            chains = [self._revision_context(parent) for parent in dict.fromkeys(parents)]
            self._enter_stage("histories", chains, self._take_histories)
            return
        if revisions:
            parents = [ROOT] * len(nodes)
        if ROOT in parents and ROOT not in self._verifier_states:
            self._enter_stage("questions", [self.run.problem.text], self._take_question)
            return
        states = {parent: self._verifier_states[parent] for parent in dict.fromkeys(parents)}
        for parent in states:
            if parent not in self._kept_states and not revisions:
                del self._verifier_states[parent]
        self._enter_stage("scores", self._texts_to_judge(parents, states), self._take_scores)

    def _take_question(self, prefilled: Sequence[Prefilled]) -> None:
        """The verifier has read the question."""
        (question,) = prefilled
        self.run.ledger.charge(question.cost, verifier_depth=1)
        self._verifier_states[ROOT] = question.state
        self._go_for_scores()

    def _take_histories(self, prefilled: Sequence[Prefilled]) -> None:
        """The verifier of revisions has read the chain of each distinct parent."""
        parents = [self.run.tree.parent[node] for node in self._request.nodes]
        states = self._charge_prefills(dict.fromkeys(parents), prefilled, verifier_depth=1)
        self._enter_stage("judgements", self._texts_to_judge(parents, states), self._take_scores)

    def _texts_to_judge(self, parents: Sequence[int], states: dict[int, State]) -> list[ScoreJob]:
        return [
            ScoreJob(states[parent], self.run.tree.text[node], self.should_stop)
            for parent, node in zip(parents, self._request.nodes, strict=True)
        ]

    def _charge_prefills(
        self, parents: Sequence[int], prefilled: Sequence[Prefilled], **depth: int
    ) -> dict[int, State]:
        """The states of chains that a model has read, by parent."""
        self.run.ledger.charge(sum((chain.cost for chain in prefilled), Cost()), **depth)
        return {parent: chain.state for parent, chain in zip(parents, prefilled, strict=True)}

    def _take_scores(self, scored: Sequence[ScoredStep]) -> None:
        """Judged texts. A run asked to stop pays for them and drops them."""
        cost = sum((judgement.cost for judgement in scored), Cost())
        self.run.ledger.charge(cost, verifier_depth=1 if cost.verifier else 0)
        if not self.running():
            return
        self._note_failures(scored, "score")
        for node, judgement in zip(self._request.nodes, scored, strict=True):
            if not 0 <= judgement.score <= 1:
                raise ModelError(
                    f"The verifier gave a score of {judgement.score}, which is no probability."
                )
            self._verifier_states[node] = judgement.state
        self._advance([judgement.score for judgement in scored])

    # --- failures ---------------------------------------------------------------------------------

    def _note_failures(
        self, results: Sequence[DecodedStep] | Sequence[ScoredStep], what: str
    ) -> None:
        """Say in the tree what the models could not do; the run goes on without it."""
        reasons = [result.failure for result in results if result.failure]
        if reasons:
            lost = f"1 {what} was" if len(reasons) == 1 else f"{len(reasons)} {what}s were"
            self.run.tree.note(f"{lost} lost. {reasons[0]}", lost=len(reasons))

    # --- answers ----------------------------------------------------------------------------------

    def _canonical_answer(self, solution: str) -> str | None:
        """The finished solution's answer, spelled as the run's first answer that is equal to it."""
        read = read_answer(solution)
        if read is None:
            return None
        if read not in self._canonical_answers:
            known = dict.fromkeys(self._canonical_answers.values())
            self._canonical_answers[read] = next(
                (answer for answer in known if self._checker.equal(answer, read)), read
            )
            if self._canonical_answers[read] == read and self._checker.is_correct is not None:
                self.run.correct[read] = self._checker.is_correct(read)
        return self._canonical_answers[read]
