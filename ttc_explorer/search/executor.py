"""One run in progress, as a generator: it answers the requests of the run's search, and yields the
work that it needs of models for that."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from traceback import clear_frames
from typing import Any

from ttc_explorer.models.prompts import answer_cue
from ttc_explorer.models.protocol import (
    ANSWER_CUE,
    PROGRESS_SECONDS,
    REVISION_CONTEXT,
    DecodedStep,
    Extend,
    ExtendJob,
    ExtendRow,
    ModelError,
    PolicyDecision,
    PolicyQuery,
    Prefilled,
    Prompt,
    Reply,
    Revise,
    Reviser,
    RevisionContext,
    Score,
    ScoredStep,
    ScoreJob,
    State,
    Step,
    Verifier,
)
from ttc_explorer.problems.answer_checker import AnswerChecker
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.answer_groups import AnswerGroups
from ttc_explorer.search.pending_text import NodeSample, PendingText
from ttc_explorer.search.primitives import ROOT
from ttc_explorer.search.run import Run
from ttc_explorer.search.run_progress import PartialRows, RunProgress
from ttc_explorer.search.selector import figures_given, missing_figures
from ttc_explorer.search.step_rule import OWN, PartialStep, step_end
from ttc_explorer.search.strategy import (
    NO_REVISER,
    get_strategy,
    reads_logprobs,
    reads_scores,
)
from ttc_explorer.search.touch import touch_search
from ttc_explorer.search.tree import CopyAdded, NodeAdded
from ttc_explorer.search.work import Execution, Models, Work, ask, total_cost

log = logging.getLogger(__name__)

TOUCH_STREAM = 2**31 - 1
"""In a random stream's path: not a child's number, but that of a touch follows."""
PolicyFunction = Callable[[PolicyQuery], PolicyDecision | None]


class RunStopped(Exception):
    """Ends an execution from within: the run was asked to stop. The message is the stop reason."""


class RunExecutor:
    """Executes ``run``: the driver sees to ``work``, hands its results to ``advance``, and so on
    until ``run.stopped`` is set.

    A row's RNG path is the run's seed and the row's place in the tree, as child numbers from the
    root (and for a line of an attempt its number there; the lines of a step that has several have
    the paths that steps of a line would have). So a run samples the same tree whatever
    shares its batches, best-of-4 is the first four solutions of best-of-16, and beam search starts
    from the first steps of best-of-N. A rollout takes no child number: lookahead samples the
    children that beam search would.

    A node that stands for several samples keeps the stream and the state of each, and its children
    go on from them in turn: the one with the fewest children, of equals the oldest. So best-of-N
    samples the same solutions whether equal steps are merged or not.

    A state is held from the step that made it to the one request that continues it without
    ``keep_state``, and no longer than its node can grow; a rollout's state for the next request
    only.

    Scores are asked for where the search or the run's selector reads them. Where nobody does, a
    Score is answered with nothing, and costs nothing; or, with ``run.display_scores``, with scores
    that are kept for the screen and charged to no cost (``Ledger.display_verifier_tokens``).

    When a run is asked to stop, what its rows have written is kept in ``run.partial``.

    Args:
        run: What to run; its tree, ledger and outcome are written here.
        models: Who works for it.
        checker: Compares the answers.
        decide: Answers for the measured policy.
        clock: Seconds from any fixed time.
        seconds: The time allowed, or None.
        is_watched: Whether anybody asks for ``progress``.
    """

    def __init__(
        self,
        run: Run,
        models: Models,
        checker: AnswerChecker,
        decide: PolicyFunction,
        clock: Callable[[], float],
        seconds: float | None,
        is_watched: bool = False,
    ) -> None:
        self.run = run
        run.partial = ()  # of a run that is gone on with: it is written anew
        self.cancelled = False
        self.work: Work | None = None
        self._is_watched = is_watched
        self._partial_rows = PartialRows()
        self._models = models
        self._answers = AnswerGroups(checker, run, reads_unmarked=models.generator.supports_chat)
        self._cue = answer_cue(models.generator.supports_chat, models.generator.thinks)
        self._decide = decide
        self._clock = clock
        now = self._request_start = clock()
        self._start_time = now - run.ledger.seconds  # of a run that is gone on with: its own, too
        self._deadline = None if seconds is None else now + seconds
        rule = (run.strategy, run.settings.selector, run.budget)
        self._reads_scores, self._reads_logprobs = reads_scores(*rule), reads_logprobs(*rule)
        if run.touch_pending:
            reads_step = "step" in get_strategy(run.strategy).settings
            settings = run.settings if reads_step else run.settings.with_values({"step": OWN})
            self._search = touch_search(run.tree, run.touches[-1], settings)
            self._reads_scores |= run.touches[-1].kind == "judge"
        else:
            self._search = get_strategy(run.strategy).search(run.tree, run.budget, run.settings)
        self._is_touch = run.touch_pending
        self._cut_before = run.tree.cut_count()
        self._execution = self.execute()
        self._samples: dict[int, list[NodeSample]] = {ROOT: [NodeSample((run.seed,))]}
        self._with_state: dict[int, list[NodeSample]] = {}
        self._new_samples: list[NodeSample] = []
        self._events_seen = 0
        self._verifier_states: dict[int, State] = {}
        self._kept_states: set[int] = set()
        self._reread: set[int] = set()

    # --- what the driver calls --------------------------------------------------------------------

    def advance(self, results: list[Any] | None = None) -> None:
        """Take the results of ``work`` (None before the first), and go on to the next."""
        self._resume(lambda: self._execution.send(results))  # type: ignore[arg-type]

    def fail(self, error: Exception) -> None:
        """End the run because a model or we failed; the tree stays as it is."""
        self._resume(lambda: self._execution.throw(error))

    def should_stop(self) -> bool:
        """Whether somebody cancelled the run or its time is up; models ask between decode steps."""
        return self.cancelled or (self._deadline is not None and self._clock() >= self._deadline)

    def progress(self) -> RunProgress | None:
        """How far it is beyond its tree, if its work takes long; any thread may ask."""
        events, now = len(self.run.tree.events), self._clock()
        if self.run.stopped or self.work is None or now < self._request_start + PROGRESS_SECONDS:
            return None
        rows, waiting = self._partial_rows.current(), self._models.waiting()
        return RunProgress(events, now - self._start_time, rows, waiting)

    def running(self) -> bool:
        """Whether the run goes on; if it was asked to stop, it ends here, with the attempts that
        are done."""
        if self.run.stopped is None and self.should_stop():
            self.fail(self._stopped())
        return self.run.stopped is None

    def _stopped(self) -> RunStopped:
        return RunStopped("cancelled" if self.cancelled else "deadline")

    def _resume(self, resume: Callable[[], Work]) -> None:
        try:
            self.work = resume()
        except StopIteration as ending:
            self._end(ending.value)
        except RunStopped as stopped:
            clear_frames(stopped.__traceback__)  # which hold model states
            self._end(str(stopped))
        except Exception as error:
            if isinstance(error, ModelError | BadInput):
                self.run.error = str(error)
            else:
                log.error("a run failed", exc_info=error)
                self.run.error = (
                    f"The run stopped because a model failed unexpectedly ({type(error).__name__})."
                )
            clear_frames(error.__traceback__)
            self._end("cancelled")

    def _end(self, reason: str) -> None:
        self._search.close()
        self._samples.clear()
        self._with_state.clear()
        self._new_samples.clear()
        self._verifier_states.clear()
        self.work = None
        self._note_cut_solutions()
        self._count_seconds()
        self.run.record_moment()
        self.run.stopped = reason  # last: who sees it finds everything else in place

    def _count_seconds(self) -> None:
        self.run.ledger.seconds = self._clock() - self._start_time

    # --- the execution ----------------------------------------------------------------------------

    def execute(self) -> Execution[str]:
        """Drive the search to its end; returns why it stopped."""
        reply: Reply | None = None
        while True:
            try:
                request = self._search.send(reply)
            except StopIteration as ending:
                return str(ending.value)
            self._count_seconds()
            self.run.record_moment()
            self._place_new_samples()
            self._request_start = self._clock()
            match request:
                case Extend():
                    reply = yield from self._extend(request)
                case Revise():
                    reply = yield from self._revise(request)
                case Score():
                    reply = yield from self._score(request)
                case PolicyQuery():
                    decision = self._decide(request)
                    has_reviser = self._models.reviser is not None
                    reply = decision and replace(decision, reviser=has_reviser)

    def _place_new_samples(self) -> None:
        """Find the nodes that the search has made of the steps that it was last given: its tree's
        events tell, in order. A step that it left out has no node, and its state is freed."""
        new_events = self.run.tree.events[self._events_seen :]
        nodes = (event.node for event in new_events if isinstance(event, NodeAdded | CopyAdded))
        for node, sample in zip(nodes, self._new_samples, strict=False):
            self._samples.setdefault(node, []).append(sample)
            if sample.state is not None:
                self._with_state.setdefault(node, []).append(sample)
        self._new_samples = []

    def _give(self, samples: list[NodeSample]) -> None:
        """Note whose steps the search is given now."""
        self._new_samples = samples
        self._events_seen = len(self.run.tree.events)

    def _extend(self, request: Extend) -> Execution[Sequence[Step]]:
        """A sampled step after each parent."""
        if not request.parents:
            return ()
        self._free_closed_states(request.parents)
        tree = self.run.tree
        self._reread = self._find_reread(request.parents)
        jobs = yield from self._extend_jobs(request)
        steps = yield from self._write_steps(request, jobs)
        self._give(
            [NodeSample(step.rng_path, None if step.failed else step.state) for step in steps]
        )
        is_thought = request.thought and self._models.generator.thinks
        for step, row in zip(steps, request.rows(), strict=True):
            if step.failed:
                continue
            if row.forced == ANSWER_CUE:  # its own words alone: what came before says other things
                read = self._answers.read_interim if request.rollout else self._answers.read
                step.answer = read("\n".join(step.lines))
            elif step.finished and not (step.cut or request.rollout or is_thought):
                lines = [*tree.solution(step.parent), *step.lines]
                step.answer = self._answers.read("\n".join(lines))
        return [step.to_step() for step in steps]

    def _write_steps(
        self, request: Extend, jobs: Sequence[ExtendJob]
    ) -> Execution[list[PendingText]]:
        """Let each row be written line by line, to the end of its step; it has as many lines as a
        solution may have steps, at most. A blank line, which a chat model asked for lines leaves
        between paragraphs, is none."""
        by_line, is_complete = step_end(request.step, self._models.generator.supports_chat)
        steps = [
            PendingText(parent, job.rng_path, job.state)
            for parent, job in zip(request.parents, jobs, strict=True)
        ]
        writing = [
            (place, step, replace(job, by_line=by_line))
            for place, (step, job) in enumerate(zip(steps, jobs, strict=True))
        ]
        self._partial_rows.begin(len(steps))
        try:
            for _ in range(self.run.settings.rounds):
                watched = [self._watched(job, place, step) for place, step, job in writing]
                rows = yield from ask(self._models.generator.extend, watched)
                unfinished = []
                for (place, step, job), decoded in zip(writing, rows, strict=True):
                    step.rng_path, row = job.rng_path, _without_reread(decoded, job)
                    step.add(row)
                    if by_line and not row.finished and not row.text.strip():
                        step.lines.pop()
                    if not row.finished and not (
                        step.lines and is_complete(PartialStep(step.lines, step.tokens))
                    ):
                        rng_path = (*job.rng_path, 0)
                        next_job = replace(job, state=row.state, rng_path=rng_path, forced="")
                        unfinished.append((place, step, next_job))
                self._take_rows(rows, "step")
                writing = unfinished
                if not writing:
                    break
        except RunStopped:
            self._keep_partial(steps)
            raise
        finally:
            self._partial_rows.end()
        return steps

    def _watched(self, job: ExtendJob, place: int, text: PendingText) -> ExtendJob:
        """A job of the text at this place among those of the request: how far it is is noted where
        anybody asks."""
        if not self._is_watched:
            return job
        told = self._partial_rows.callback(
            place, text.parent, text.lines, text.tokens, job.forced.count("\n")
        )
        return replace(job, on_progress=told)

    def _keep_partial(self, texts: Iterable[PendingText]) -> None:
        """Keep what was being written."""
        partial = (text.to_partial() for text in texts if not text.failed)
        self.run.partial = tuple(row for row in partial if row.text.strip())

    def _extend_jobs(self, request: Extend) -> Execution[list[ExtendJob]]:
        """A row to decode for each parent, after the generator has read what the rows are asked, as
        far as it has not yet."""
        rows = request.rows()
        prompt_states = yield from self._prefill_prompts(rows)
        continued = dict.fromkeys(row.parent for row in rows if row.prompt is None)
        for parent in self._reread:  # from the state of the question
            del continued[parent]
        for parent in continued:
            if parent not in self._with_state:
                raise ValueError(f"node {parent} is extended again, and its state was not kept")
        jobs, used = [], []
        for row in rows:
            plain = row.prompt is None and row.parent not in self._reread
            sample = _next_sample((self._with_state if plain else self._samples)[row.parent])
            state = sample.state if row.prompt is None else prompt_states[row.prompt]
            forced = self._cue if row.forced == ANSWER_CUE else row.forced
            if row.parent in self._reread:
                state = self._samples[ROOT][0].state
                forced = self._prefix(row.parent) + forced
            rng_path = (*sample.rng_path, sample.children)
            job = ExtendJob(state, row.temperature, rng_path, self.should_stop, forced)
            jobs.append(replace(job, thought=request.thought))
            sample.children += 1
            used.append(sample)
        if request.rollout:  # takes no child number
            for sample in used:
                sample.children -= 1
        if request.keep_state:
            self._kept_states.update(continued)
        else:
            self._kept_states.difference_update(continued)
            for parent in continued:
                self._free_state(parent)
        return jobs

    def _find_reread(self, parents: Iterable[int]) -> set[int]:
        """The parents that a touch goes on from and whose states are not held any more: the steps
        that lead to them are read again, after the question. Their samples have a random stream of
        their own, by the number of the touch."""
        if not self._is_touch:
            return set()
        rng_path = (self.run.seed, TOUCH_STREAM, len(self.run.touches))
        if ROOT in parents and ROOT not in self._with_state:
            self._samples[ROOT] = [NodeSample(rng_path)]
        found = {node for node in parents if node != ROOT and node not in self._with_state}
        for node in found:
            self._samples.setdefault(node, [NodeSample(rng_path)])
        return found

    def _prefix(self, node: int) -> str:
        """What is read again before a step after the node; empty where its state is held."""
        if node not in self._reread:
            return ""
        return "".join(f"{step}\n" for step in self.run.tree.solution(node))

    def _prefill_prompts(self, rows: Sequence[ExtendRow]) -> Execution[dict[Prompt, State]]:
        """Let the generator read the rows' own prompts, each distinct one once, and the plain
        question where a row needs it and it has not been read."""
        question = self.run.problem.text
        prompts = list(dict.fromkeys(row.prompt for row in rows if row.prompt is not None))
        asked: list[str | Prompt] = [prompt.about(question) for prompt in prompts]
        begins = {row.parent for row in rows if row.prompt is None}
        if ROOT not in self._with_state and (ROOT in begins or begins & self._reread):
            asked.append(question)
        if not asked:
            return {}
        prefilled = yield from ask(self._models.generator.prefill, asked)
        self.run.ledger.charge(total_cost(prefilled), generator_depth=1)
        states = [each.state for each in prefilled]
        if len(asked) > len(prompts):
            (question_sample,) = self._samples[ROOT]
            question_sample.state = states.pop()
            self._with_state[ROOT] = [question_sample]
        return dict(zip(prompts, states, strict=True))

    def _take_rows(self, rows: Sequence[DecodedStep], what: str) -> None:
        """Charge decoded rows. A run asked to stop pays for them and drops them."""
        depth = max(row.cost.generated for row in rows)
        self.run.ledger.charge(total_cost(rows), generator_depth=depth)
        self._stop_if_asked()
        self._note_failures(rows, what)
        if self._reads_logprobs and any(row.tokens and not row.token_logprobs for row in rows):
            given = figures_given(self._models.verifier is not None, logprobs=False)
            raise BadInput(missing_figures(self.run.settings.selector, given, self.run.model))

    def _revise(self, request: Revise) -> Execution[Sequence[Step]]:
        """A whole attempt after each parent, written a line of every attempt at a time."""
        if not request.parents:
            return ()
        self._free_closed_states(request.parents)
        reviser, tree = self._models.reviser, self.run.tree
        if reviser is None:
            raise BadInput(f"{get_strategy(self.run.strategy).title} {NO_REVISER}")
        self.run.reviser = reviser.name
        attempts = yield from self._begin_attempts(request, reviser)
        self._partial_rows.begin(len(attempts))
        try:
            while unfinished := self._unfinished(attempts):
                jobs = []
                for place, attempt in unfinished:
                    rng_path = (*attempt.rng_path, len(attempt.lines))
                    job = ExtendJob(attempt.state, request.temperature, rng_path, self.should_stop)
                    jobs.append(self._watched(job, place, attempt))
                rows = yield from ask(reviser.extend, jobs)
                for (_, attempt), row in zip(unfinished, rows, strict=True):
                    attempt.add(row)
                    if attempt.finished:
                        attempt.state = None
                    if attempt.finished and not (attempt.failed or attempt.cut):
                        attempt.answer = self._answers.read("\n".join(attempt.lines))
                self._take_rows(rows, "attempt")
        except RunStopped:  # what is done is kept
            done = [attempt for attempt in attempts if attempt.finished]
            steps = [attempt.to_step() for attempt in done]
            tree.add_steps([attempt.parent for attempt in done], steps, kind="revision")
            self._keep_partial(attempt for attempt in attempts if not attempt.finished)
            raise
        finally:
            self._partial_rows.end()
        self._give([NodeSample(attempt.rng_path) for attempt in attempts])
        return [replace(attempt.to_step(), finished=True) for attempt in attempts]

    def _begin_attempts(self, request: Revise, reviser: Reviser) -> Execution[list[PendingText]]:
        """The reviser reads the chain of each distinct parent."""
        chains = yield from self._prefill_chains(reviser.prefill_revisions, request.parents)
        self.run.ledger.charge(total_cost(chains.values()), generator_depth=1)
        attempts = []
        for parent in request.parents:
            revised = _next_sample(self._samples[parent])
            rng_path = (*revised.rng_path, revised.children)
            attempts.append(PendingText(parent, rng_path, chains[parent].state))
            revised.children += 1
        return attempts

    def _unfinished(self, attempts: Sequence[PendingText]) -> list[tuple[int, PendingText]]:
        """The attempts that another line may follow, with their places."""
        rounds = self.run.settings.rounds
        return [
            (place, attempt)
            for place, attempt in enumerate(attempts)
            if not attempt.finished and len(attempt.lines) < rounds
        ]

    def _prefill_chains(
        self,
        method: Callable[[Sequence[RevisionContext]], list[Prefilled]],
        parents: Sequence[int],
    ) -> Execution[dict[int, Prefilled]]:
        """Let a reviser, or its verifier, read what leads to each distinct parent: the question and
        the last attempts."""
        tree, contexts = self.run.tree, {}
        for parent in parents:
            attempts = tree.chain(parent)[-REVISION_CONTEXT:]
            texts = tuple("\n".join(tree.solution(attempt)) for attempt in attempts)
            contexts[parent] = RevisionContext(self.run.problem.text, texts)
        prefilled = yield from ask(method, list(contexts.values()))
        return dict(zip(contexts, prefilled, strict=True))

    # --- scores -----------------------------------------------------------------------------------

    def _score(self, request: Score) -> Execution[Sequence[float]]:
        """The verifier's score of each node; nothing where nobody reads scores, or can give
        them."""
        tree, nodes = self.run.tree, request.nodes
        if not nodes or not (self._reads_scores or self.run.display_scores):
            return ()
        self._free_closed_states([*nodes, *(tree.parent[node] for node in nodes)])
        are_revisions = tree.kind[nodes[0]] == "revision"
        judge = self._models.revision_verifier
        if judge is not None and are_revisions:
            parents = [tree.parent[node] for node in nodes]
            chains = yield from self._prefill_chains(judge.prefill_revisions, parents)
            self._charge_verifier(chains.values(), depth=1)
            jobs = [
                ScoreJob(chains[parent].state, tree.text[node], self.should_stop)
                for parent, node in zip(parents, nodes, strict=True)
            ]
            scored = yield from ask(judge.score, jobs)
        elif self._models.verifier is None:
            return ()
        else:
            jobs = yield from self._score_jobs(nodes, self._models.verifier)
            scored = yield from ask(self._models.verifier.score, jobs)
        depth = max(each.depth for each in scored) if total_cost(scored).verifier else 0
        self._charge_verifier(scored, depth)
        self._stop_if_asked()
        self._note_failures(scored, "score")
        for node, judgement in zip(nodes, scored, strict=True):
            if not 0 <= judgement.score <= 1:
                raise ModelError(
                    f"The verifier gave a score of {judgement.score}, which is no probability."
                )
            if not are_revisions:
                self._verifier_states[node] = judgement.state
        return [judgement.score for judgement in scored]

    def _score_jobs(self, nodes: Sequence[int], verifier: Verifier) -> Execution[list[ScoreJob]]:
        """What the verifier reads to judge the nodes: the steps after the nearest ancestor that it
        remembers, or else after the question."""
        starts = [self._last_read(node) for node in nodes]
        if ROOT in starts and ROOT not in self._verifier_states:
            (question,) = yield from ask(verifier.prefill, [self.run.problem.text])
            self._charge_verifier([question], depth=1)
            self._verifier_states[ROOT] = question.state
        tree = self.run.tree
        jobs = []
        for start, node in zip(starts, nodes, strict=True):
            unread = "\n".join(tree.solution(node)[len(tree.solution(start)) :])
            job = ScoreJob(self._verifier_states[start], unread, self.should_stop)
            jobs.append(replace(job, checks=self.run.settings.checks))
        for start in set(starts) - self._kept_states:
            if tree.kind[nodes[0]] != "revision":
                del self._verifier_states[start]
        return jobs

    def _last_read(self, node: int) -> int:
        """The node's nearest ancestor whose state the verifier holds, or the root. Of a revision,
        whose text stands by itself, the root."""
        tree = self.run.tree
        if tree.kind[node] == "revision":
            return ROOT
        node = tree.parent[node]
        while node != ROOT and node not in self._verifier_states:
            node = tree.parent[node]
        return node

    def _charge_verifier(self, results: Iterable[Prefilled | ScoredStep], depth: int) -> None:
        cost = total_cost(results)
        if self._reads_scores:
            self.run.ledger.charge(cost, verifier_depth=depth)
        else:
            self.run.ledger.display_verifier_tokens += cost.verifier
            self.run.ledger.verifier_tokens_computed += cost.verifier_computed

    # --- what all of them share -------------------------------------------------------------------

    def _free_closed_states(self, needed: Iterable[int]) -> None:
        """Free states whose nodes were pruned or finished, unless they are ``needed`` (rollouts are
        pruned from the start); the models free their rows."""
        status, kept = self.run.tree.status, set(needed)

        def is_closed(node: int) -> bool:
            return node not in kept and status[node] in ("pruned", "finished")

        for node in filter(is_closed, list(self._with_state)):
            self._free_state(node)
        for node in filter(is_closed, list(self._verifier_states)):
            del self._verifier_states[node]

    def _free_state(self, node: int) -> None:
        for sample in self._with_state.pop(node):
            sample.state = None

    def _stop_if_asked(self) -> None:
        if self.should_stop():
            raise self._stopped()

    def _note_cut_solutions(self) -> None:
        """Say in the tree how many solutions broke off."""
        tree, cut = self.run.tree, self.run.tree.cut_count()
        if cut > self._cut_before:
            what = "1 solution broke" if cut == 1 else f"{cut} solutions broke"
            tree.note(
                f"{what} off because there was no room for more: no answer is read from a text "
                "without an end.",
                cut=cut,
                solutions=tree.solution_count(),
            )

    def _note_failures(
        self, results: Sequence[DecodedStep] | Sequence[ScoredStep], what: str
    ) -> None:
        """Say in the tree what the models could not do; the run goes on without it."""
        reasons = [result.failure for result in results if result.failure]
        if reasons:
            lost = f"1 {what} was" if len(reasons) == 1 else f"{len(reasons)} {what}s were"
            self.run.tree.note(f"{lost} lost. {reasons[0]}", lost=len(reasons))


def _without_reread(row: DecodedStep, job: ExtendJob) -> DecodedStep:
    """The row without the steps that were read again: the lines of its forced text."""
    return replace(row, text=row.text.split("\n", job.forced.count("\n"))[-1])


def _next_sample(samples: Sequence[NodeSample]) -> NodeSample:
    """The sample that a node's next child goes on from."""
    return min(samples, key=lambda sample: sample.children)
