"""A chat model as verifier: it writes checks of a solution in words, and then says how likely it is
to call it right (GenRM, arXiv 2408.15240)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import cast

from ttc_explorer.models.local_verifiers import SCORE_DECIMALS
from ttc_explorer.models.prompts import (
    STEP_SEPARATOR,
    THOUGHT_END,
    VERDICT_CUE,
    VERDICTS,
    judge_messages,
)
from ttc_explorer.models.protocol import (
    ChoiceJob,
    Cost,
    ExtendJob,
    Generator,
    ModelError,
    Prefilled,
    Prompt,
    ScoredStep,
    ScoreJob,
    State,
    SupportsChoice,
    WaitsForServer,
)
from ttc_explorer.models.response_parsing import word_probability
from ttc_explorer.problems.problem import BadInput

CHECK_TEMPERATURE = 0.7
"""Of sampled checks (arXiv 2408.15240, section 4)."""

MAX_CHECK_TOKENS = 512
"""A check that has no verdict after so many tokens is asked for one."""


NO_CHAT_JUDGE = (
    "{} was not taught to chat, so it cannot be asked to judge: name a chat model or a process "
    "reward model."
)


@dataclass(frozen=True)
class JudgedSolution:
    """The state: what was judged."""

    question: str
    steps: tuple[str, ...] = ()


@dataclass
class WrittenCheck:
    """A check of the job at place ``job``, as far as it is written: ``text``, the state from which
    its verdict is asked, and the ``cue`` that asks for it. ``costs`` are those of all its parts,
    ``depth`` is the tokens that were written one after another."""

    job: int
    rng_path: tuple[int, ...]
    state: State
    ended: bool
    text: str = ""
    cue: str = ""
    tokens: int = 0
    depth: int = 1
    costs: list[Cost] = field(default_factory=list)
    failure: str = ""
    probability: float = 0.0


class GenerativeVerifier:
    """A Verifier (``protocol.py``) on a chat model, local or on a server. Safe to call from any
    thread.

    For each step it writes ``ScoreJob.checks`` checks of the solution so far, each of which ends in
    a verdict. A check's vote is the probability of "right" against "wrong" in the verdict's place,
    and the score is the mean of the votes (GenRM-CoT, section 3.3). Without checks it is asked for
    the verdict at once (GenRM). What is judged alone seeds the checks: the same solution has the
    same score, whoever asks.

    A service that only writes whole texts does not say how likely a verdict is: each check then
    votes by the verdict that it wrote, and there is one check at least.

    All that it reads and writes is its cost (``Cost.verifier``): mostly far more than a head's.
    """

    writes_checks = True

    def __init__(self, generator: Generator) -> None:
        if not generator.supports_chat:
            raise ModelError(NO_CHAT_JUDGE.format(generator.name))
        self.name = f"{generator.name}, asked to judge"
        self.parameters = generator.parameters
        self.capabilities = getattr(generator, "capabilities", None)
        self._generator = generator
        self._tells_chances = hasattr(generator, "choose")

    @property
    def waiting(self) -> str:
        """Why the model's server is not asked now (``WaitsForServer``)."""
        return self._generator.waiting if isinstance(self._generator, WaitsForServer) else ""

    def prefill(self, questions: Sequence[str]) -> list[Prefilled]:
        """Nothing is read yet: what is judged stands after the question."""
        return [Prefilled(JudgedSolution(question), Cost()) for question in questions]

    def score(self, jobs: Sequence[ScoreJob]) -> list[ScoredStep]:
        """Judge every job's step. Cancelled jobs score 0, and so does a solution that is too long
        for the model. Raises ModelError."""
        judged = [
            JudgedSolution(job.state.question, (*job.state.steps, *job.text.split("\n")))
            for job in jobs
        ]
        checks, reading = self._begin(jobs, judged)
        self._write(jobs, checks)
        if self._tells_chances:
            self._choose(jobs, checks)
        else:
            for check in checks:
                check.probability = word_probability({"text": _verdict(check.text)}, VERDICTS)
        return [
            self._scored(solution, reading[place], [each for each in checks if each.job == place])
            for place, solution in enumerate(judged)
        ]

    def _begin(
        self, jobs: Sequence[ScoreJob], judged: Sequence[JudgedSolution]
    ) -> tuple[list[WrittenCheck], list[Cost]]:
        """Read each request once, and begin its checks."""
        checks, reading = [], [Cost()] * len(jobs)
        for place, (job, solution) in enumerate(zip(jobs, judged, strict=True)):
            if job.cancelled():
                continue
            system, request = judge_messages(solution.question, solution.steps)
            try:
                (read,) = self._generator.prefill([Prompt(request, system)])
            except BadInput:  # too long for the model
                continue
            reading[place] = read.cost
            seed = int.from_bytes(blake2b(request.encode(), digest_size=8).digest())
            at_once = job.checks == 0 and self._tells_chances
            for number in range(max(1, job.checks)):
                check = WrittenCheck(place, (seed, number), read.state, ended=at_once)
                check.cue = self._cue(check)
                checks.append(check)
        return checks, reading

    def _write(self, jobs: Sequence[ScoreJob], checks: Sequence[WrittenCheck]) -> None:
        """Write all checks together, a paragraph at a time, up to their verdicts."""
        while writing := [check for check in checks if not check.ended]:
            rows = self._generator.extend(
                [
                    ExtendJob(
                        check.state,
                        CHECK_TEMPERATURE,
                        (*check.rng_path, check.tokens),
                        jobs[check.job].cancelled,
                    )
                    for check in writing
                ]
            )
            for check, row in zip(writing, rows, strict=True):
                check.costs.append(row.cost)
                check.failure = row.failure
                check.tokens += row.tokens
                check.depth += row.tokens
                before, cue, _ = row.text.partition(VERDICT_CUE)
                check.text += row.text + STEP_SEPARATOR
                if cue and self._tells_chances:  # asked anew in its place, for its probability
                    check.cue, check.ended = before + VERDICT_CUE, True
                    continue
                check.state = row.state
                check.ended = (
                    row.finished
                    or bool(row.failure)
                    or check.tokens >= MAX_CHECK_TOKENS
                    or jobs[check.job].cancelled()
                )
                if check.ended:
                    check.cue = STEP_SEPARATOR * row.finished + self._cue(check)

    def _cue(self, check: WrittenCheck) -> str:
        """What asks for the verdict; before it, a thought is closed."""
        in_thought = self._generator.thinks and THOUGHT_END not in check.text
        return f"{THOUGHT_END}{STEP_SEPARATOR}" * in_thought + VERDICT_CUE

    def _choose(self, jobs: Sequence[ScoreJob], checks: Sequence[WrittenCheck]) -> None:
        """How likely each check calls the solution right."""
        asked = [check for check in checks if not check.failure]
        if not asked:
            return
        choices = cast(SupportsChoice, self._generator).choose(
            [
                ChoiceJob(check.state, check.cue, VERDICTS, jobs[check.job].cancelled)
                for check in asked
            ]
        )
        for check, choice in zip(asked, choices, strict=True):
            check.costs.append(choice.cost)
            check.failure, check.probability = choice.failure, choice.probability

    def _scored(
        self, solution: JudgedSolution, reading: Cost, checks: Sequence[WrittenCheck]
    ) -> ScoredStep:
        """The score of a solution, and what its checks cost together."""
        costs = [reading, *(cost for check in checks for cost in check.costs)]
        spent = sum(costs, Cost())
        cost = Cost(
            verifier=spent.prefilled + spent.generated,
            verifier_flops=spent.generator_flops,
            peak_memory=spent.peak_memory,
            verifier_computed=spent.generator_computed,
        )
        votes = [check.probability for check in checks if not check.failure]
        failure = next((check.failure for check in checks if check.failure), "")
        return ScoredStep(
            round(sum(votes) / len(votes), SCORE_DECIMALS) if votes else 0.0,
            solution,
            cost,
            "" if votes else failure,
            max((check.depth for check in checks), default=1),
        )


def _verdict(text: str) -> str:
    """The first word of a check's verdict, empty where it has none.

    >>> _verdict("3 + 2 = 5.\\n\\n**Verdict:** right.")
    'right'
    """
    words = text.rpartition(VERDICT_CUE)[2].strip(" *_\n").split()
    return words[0].strip(".!*_") if VERDICT_CUE in text and words else ""
