"""What a search may ask of models, what it gets back, and what models offer. Pure data, no torch.

Upper half: the requests that a strategy yields and the replies that it receives (node ids of its
tree). Lower half: the interfaces that a generator and a verifier implement (states, texts, token
counts). The executor (``search/executor.py``) translates between the two.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol, runtime_checkable

State = Any
"""Opaque handle on a model's state after one prefix: a row of its KV cache, freed with the
handle."""


# --- between a strategy and the driver ------------------------------------------------------------


@dataclass(frozen=True)
class Prompt:
    """What a branch is asked that begins at the root, in place of the plain question.

    Attributes:
        text: What is asked; ``{question}`` in it stands for the run's question.
        system: The system prompt instead of the model's own, for a model that chats; others read it
            before the text. None leaves it as it is.
    """

    text: str = "{question}"
    system: str | None = None

    def about(self, question: str) -> Prompt:
        """The prompt with the question in its place."""
        return replace(self, text=self.text.replace("{question}", question))


ANSWER_CUE = "{answer cue}"
"""As a forced text: the model's own words that make it state its answer (``prompts.py``), after the
end of its thought if it thinks."""


class ExtendRow(NamedTuple):
    """What Extend asks for one child."""

    parent: int
    temperature: float
    forced: str
    prompt: Prompt | None


@dataclass(frozen=True)
class Extend:
    """Sample one further step after each node of ``parents``; a node named m times gets m children.

    Attributes:
        parents: Node ids, each once for each child. A finished node may be named, too, in the
            request after the one that made it or scored it: the solution then goes on.
        temperature: Of all rows, or one a row; 0 takes the likeliest token.
        keep_state: The parents will be extended again, so the models' states of them are kept until
            a request without ``keep_state`` names them, or they are marked pruned.
        rollout: The steps look ahead and will be discarded, so nobody reads an answer in them.
        forced: Texts that the rows' steps begin with, one a row (empty: none), or no text at all.
            They are read, not sampled: charged as prefill, without log-probability, and no part of
            ``Step.tokens``. In place of the end token, if the parent ended with one. A text is the
            beginning of one step: it has no line end. ANSWER_CUE stands for the model's own words
            that make it state its answer: ``Step.answer`` is what it then states, of a rollout too.
        thought: The rows think: a model that thinks (``Generator.thinks``) ends them where it would
            close its thought, and has not closed it: a forced text takes the place of that, too.
            Such an end is no solution's, and no answer is read from it.
        step: Where the steps end, as the setting ``step`` says (``search/step_rule.py``): a step
            may have several lines. ``own`` stands for what the model takes for a step.
        prompts: What the rows are asked, one a row, or nothing at all. Only rows whose parent is
            the root may have one; None stands for the plain question. A prompt is read anew by each
            request that has it. The verifier judges all steps as of the plain question.

    Raises:
        ValueError: There is not one entry a row, a text has a line end, or a prompt is given to a
            row that does not begin at the root.
    """

    parents: tuple[int, ...]
    temperature: float | tuple[float, ...]
    keep_state: bool = False
    rollout: bool = False
    forced: tuple[str, ...] = ()
    prompts: tuple[Prompt | None, ...] = ()
    step: str = "own"
    thought: bool = False

    def __post_init__(self) -> None:
        lengths = {len(self.forced), len(self.prompts)} - {0}
        if isinstance(self.temperature, tuple):
            lengths.add(len(self.temperature))
        if lengths - {len(self.parents)}:
            raise ValueError("temperature, forced and prompts have one entry for each parent")
        if any(len(text.splitlines()) > 1 or text.endswith("\n") for text in self.forced):
            raise ValueError("a forced text is the beginning of a step: it has no line end")
        if any(
            prompt and parent for prompt, parent in zip(self.prompts, self.parents, strict=False)
        ):
            raise ValueError("only a branch that begins at the root has a prompt of its own")

    def rows(self) -> list[ExtendRow]:
        """Each row by itself."""
        count = len(self.parents)
        temperature = self.temperature
        if not isinstance(temperature, tuple):
            temperature = (temperature,) * count
        forced = self.forced or ("",) * count
        prompts = self.prompts or (None,) * count
        return list(map(ExtendRow, self.parents, temperature, forced, prompts))


@dataclass(frozen=True)
class Revise:
    """Write one whole new attempt after each node of ``parents``; a node named m times gets m
    attempts.

    A parent is the root (a first attempt) or the end of a finished attempt: a revision, or the
    answer of a solution that a search has found. The reviser reads the question and the last
    ``REVISION_CONTEXT`` attempts on the path to the parent. The reply is one Step an entry, in that
    order: ``text`` holds the whole attempt, a line a step, and ``finished`` is true.
    """

    parents: tuple[int, ...]
    temperature: float


REVISION_CONTEXT = 4
"""Attempts that a reviser keeps in its context (arXiv 2408.03314, section 6.1)."""


@dataclass(frozen=True)
class Score:
    """Ask the verifier for the score of each node: the chance that a solution ends right from
    there."""

    nodes: tuple[int, ...]


@dataclass(frozen=True)
class PolicyQuery:
    """Ask the measured compute-optimal policy about a question whose probe ended with this
    ``mean_score`` (the verifier's mean score of the probe's solutions), with ``budget`` samples in
    all. The reply is one PolicyDecision, or None where no policy has been measured."""

    mean_score: float
    budget: int


@dataclass(frozen=True)
class StrategyChoice:
    """A strategy of the policy and the settings that differ from the run's own."""

    strategy: str
    settings: tuple[tuple[str, object], ...] = ()


@dataclass(frozen=True)
class PolicyDecision:
    """The policy's decision (arXiv 2408.03314, section 3.2): the difficulty ``bin``, 1 (easiest) to
    5, and its choice in every bin at this budget, so that the neighbours can be shown;
    ``choices[bin - 1]`` is taken. ``reviser`` says whether the driver has one: without it, some
    choices cannot be followed."""

    bin: int
    choices: tuple[StrategyChoice, ...]
    reviser: bool = True


@dataclass(frozen=True)
class Step:
    """Reply to Extend and Revise, one for each entry of ``parents`` and in that order.

    ``logprob`` is the sum over the step's sampled tokens, in nats, under the untempered model;
    ``token_logprobs`` are its summands, a token each, and empty where a server does not tell.
    ``text`` has a line end between its lines, where there are several, and none at its end.
    ``finished`` is true when the solution ends with this step; ``answer`` is then its final answer
    (None if none can be read), written the same way for all equal answers of the run. ``failed``:
    the model could not write it; it is finished, and nothing goes on from it. ``cut``: it is
    finished only because no room was left, and its solution has no end: no answer is read from it,
    unless ANSWER_CUE has asked for one.
    """

    text: str
    tokens: int
    logprob: float
    finished: bool = False
    answer: str | None = None
    token_logprobs: tuple[float, ...] = ()
    failed: bool = False
    cut: bool = False


Request = Extend | Revise | Score | PolicyQuery
Reply = Sequence[Step] | Sequence[float] | PolicyDecision | None


# --- between the driver and the models ------------------------------------------------------------


@dataclass(frozen=True)
class Cost:
    """What a piece of work really processed.

    Tokens: ``generated`` sampled by the generator, ``prefilled`` read by it in prompts, ``cached``
    tokens of prefixes that were read from a KV cache instead of again, ``verifier`` read by the
    verifier. A reviser counts as generator, a verifier of revisions as verifier.
    ``generator_flops`` and ``verifier_flops`` are ``models/flops.py``'s, attention included; where
    a server does not tell its model's shape, 2 · parameters · tokens (arXiv 2408.03314, section 7).
    ``peak_memory`` is the most memory that the device held meanwhile, in bytes, weights and other
    runs' rows included; 0 where that is not known. Of several costs it is the largest, where all
    else adds up.

    These are costs of the method, which know nothing of what equal work shares.
    ``generator_computed`` and ``verifier_computed`` are the tokens that a model here really read:
    what several pieces of work have in common is read once and stands with the first of them, so
    that they add up to what the models read. What a server reads is not computed here.
    """

    generated: int = 0
    prefilled: int = 0
    cached: int = 0
    verifier: int = 0
    generator_flops: float = 0.0
    verifier_flops: float = 0.0
    peak_memory: int = 0
    generator_computed: int = field(default=0, compare=False)
    verifier_computed: int = field(default=0, compare=False)

    @property
    def flops(self) -> float:
        """FLOPs of all models."""
        return self.generator_flops + self.verifier_flops

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.generated + other.generated,
            self.prefilled + other.prefilled,
            self.cached + other.cached,
            self.verifier + other.verifier,
            self.generator_flops + other.generator_flops,
            self.verifier_flops + other.verifier_flops,
            max(self.peak_memory, other.peak_memory),
            self.generator_computed + other.generator_computed,
            self.verifier_computed + other.verifier_computed,
        )


def never_cancelled() -> bool:
    """The ``cancelled`` callback of work that nobody cancels."""
    return False


@dataclass(frozen=True)
class RowProgress:
    """How far a row is while it is decoded: the ``text`` of its step so far, forced text included,
    and the ``tokens`` sampled so far (of a server that does not count them as it writes, the pieces
    that it has sent). ``ended``: it has the whole of its step, and waits for other rows."""

    text: str
    tokens: int
    ended: bool = False


ProgressCallback = Callable[[RowProgress], None]
"""Told now and then how far a row is, from any thread; it returns at once."""

PROGRESS_SECONDS = 0.75
"""A row that has ended within so many seconds is told of by its step alone."""


@dataclass(frozen=True)
class ExtendJob:
    """One row to decode: a step after ``state``. Of a model that chats, whose steps are paragraphs,
    ``by_line`` asks for one line instead.

    ``rng_path`` seeds the row's own random number generator, so that the row samples the same
    tokens alone or in a batch with other runs. ``cancelled`` is asked between decode steps; a
    cancelled row stops where it is. ``forced`` is read first, and ``thought`` means what it does in
    Extend. ``on_progress`` hears how far the row is, if it takes long, and changes nothing of what
    is sampled; None where nobody looks.
    """

    state: State
    temperature: float
    rng_path: tuple[int, ...]
    cancelled: Callable[[], bool] = never_cancelled
    forced: str = ""
    by_line: bool = False
    thought: bool = False
    on_progress: ProgressCallback | None = None


@dataclass(frozen=True)
class DecodedStep:
    """A decoded step: its text without the line end, forced text included (a paragraph may have
    several lines inside, and an answer is read from them before they are joined to one), the state
    after it, and its cost. ``tokens`` counts those that were sampled.
    ``logprob`` and ``token_logprobs`` as in Step.

    ``finished``: the solution ends here (the model said so, or its answer line stands, or no room
    is left). ``cut``: it is finished for want of room alone, and its answer does not stand in a
    closed box: what a text that breaks off ends in is not its answer. ``failure`` says in a
    sentence why a row has no step: it is then finished, and has no answer.
    """

    text: str
    tokens: int
    logprob: float
    finished: bool
    state: State
    cost: Cost
    failure: str = ""
    token_logprobs: tuple[float, ...] = ()
    cut: bool = False


@dataclass(frozen=True)
class ChoiceJob:
    """How likely a model is to go on with each of two words, after ``state`` and a ``forced``
    text."""

    state: State
    forced: str
    words: tuple[str, str]
    cancelled: Callable[[], bool] = never_cancelled


@dataclass(frozen=True)
class Choice:
    """``probability`` of the first of a ChoiceJob's two words, of the two together: one half where
    the model would say neither. ``failure`` says in a sentence why nobody knows."""

    probability: float
    cost: Cost
    failure: str = ""


@dataclass(frozen=True)
class ScoreJob:
    """One step to judge: ``text`` (without line end) after ``state``. A verifier that writes checks
    writes so many ``checks`` of it."""

    state: State
    text: str
    cancelled: Callable[[], bool] = never_cancelled
    checks: int = 1


@dataclass(frozen=True)
class ScoredStep:
    """A judged step: probability in [0, 1] that the solution ends right, the state after it, what
    it cost, and how many passes of the model had to wait for one another (``depth``). ``failure``
    says in a sentence why a step could not be judged: its score is then 0."""

    score: float
    state: State
    cost: Cost
    failure: str = ""
    depth: int = 1


@dataclass(frozen=True)
class Prefilled:
    """A prefix that has been read (prefill): the state after it, and what reading it cost."""

    state: State
    cost: Cost


@dataclass(frozen=True)
class RevisionContext:
    """What a reviser, or a verifier of revisions, reads first: the question and the attempts so
    far, oldest first, each a whole solution with a line a step."""

    question: str
    attempts: tuple[str, ...] = ()


class Generator(Protocol):
    """Samples steps. ``parameters`` counts the weights used for each token.
    ``supports_prefix_continuation``: it can go on from any prefix, in several ways; a service that
    only chats cannot, it writes whole solutions. ``supports_chat``: it was taught to chat, so that
    a solution of its own need not mark the answer, and its steps are paragraphs, not lines.
    ``prints_checks``: it was taught to print the verdict on a decision where it has checked it.
    ``thinks``: it writes a thought before its solution, and closes it by ``</think>``."""

    name: str
    parameters: int
    supports_prefix_continuation: bool
    supports_chat: bool
    prints_checks: bool
    thinks: bool

    def prefill(self, questions: Sequence[str | Prompt]) -> list[Prefilled]: ...

    def extend(self, jobs: Sequence[ExtendJob]) -> list[DecodedStep]: ...


@runtime_checkable
class WaitsForServer(Protocol):
    """A model of any kind whose server may be busy or broken. ``waiting`` says in a sentence why
    it waits to ask again; empty while it does not."""

    @property
    def waiting(self) -> str: ...


class SupportsChoice(Generator, Protocol):
    """A Generator that tells how likely a word is, so that it can be asked for a verdict."""

    def choose(self, jobs: Sequence[ChoiceJob]) -> list[Choice]: ...


class Verifier(Protocol):
    """Scores steps (a process reward model, PRM)."""

    name: str
    parameters: int

    def prefill(self, questions: Sequence[str]) -> list[Prefilled]: ...

    def score(self, jobs: Sequence[ScoreJob]) -> list[ScoredStep]: ...


class Reviser(Protocol):
    """Writes a better attempt after seeing earlier ones, step by step like a Generator."""

    name: str

    @property
    def parameters(self) -> int: ...

    def prefill_revisions(self, contexts: Sequence[RevisionContext]) -> list[Prefilled]: ...

    def extend(self, jobs: Sequence[ExtendJob]) -> list[DecodedStep]: ...


class RevisionVerifier(Protocol):
    """Scores whole attempts (``text`` of a ScoreJob has a line a step), having seen those before
    them."""

    name: str

    @property
    def parameters(self) -> int: ...

    def prefill_revisions(self, contexts: Sequence[RevisionContext]) -> list[Prefilled]: ...

    def score(self, jobs: Sequence[ScoreJob]) -> list[ScoredStep]: ...


class ModelError(RuntimeError):
    """A model cannot be used; the message is one clear sentence that says what to do."""


class InsufficientMemory(ModelError):
    """There is too little free memory for a model."""
