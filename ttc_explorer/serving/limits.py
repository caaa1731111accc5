"""What visitors may ask of this process: limits, each an environment variable, and stricter where
strangers share it (public mode: on a Space of Hugging Face, or wherever TTC_PUBLIC=1).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ttc_explorer.environment import Environment, variable_name
from ttc_explorer.problems.problem import MAX_CHARACTERS, BadInput
from ttc_explorer.search.run import Run
from ttc_explorer.search.settings import MAX_BUDGET

SHIPPED_GENERATORS = ("base-s", "base-m", "base-l", "distilled-s")
"""The shipped generators: small, and here for everybody."""


@dataclass(frozen=True)
class Limits:
    """What a visitor may ask for.

    Attributes:
        public: Strangers share this process.
        models: What may be loaded from the page besides the shipped family; None stands for all
            there are, folders, Hub ids and servers too.
        characters: Length of a question.
        budget: Budget N of a run.
        seconds: Time of a run.
        runs: Runs of all visitors together, at once.
        queue: Runs of all visitors together that wait for a place.
        upload: Megabytes of a file that is sent.
        sessions: Visitors whose state is kept, at some 0.6 MB each; the one longest away is
            forgotten first.
        kept_files: Megabytes of files kept for all visitors together; None stands for any amount.
    """

    public: bool = False
    models: tuple[str, ...] | None = None
    characters: int = MAX_CHARACTERS
    budget: int = MAX_BUDGET
    seconds: int = 240
    runs: int = 16
    queue: int = 64
    upload: int = 64
    sessions: int = 1000
    kept_files: int | None = None

    @property
    def runs_per_visitor(self) -> int:
        """Runs of one visitor at once: three quarters of the places, so that nobody holds all, and
        a comparison of six runs has its places where there are eight.

        >>> [Limits(runs=runs).runs_per_visitor for runs in (1, 2, 8, 16)]
        [1, 1, 6, 12]
        """
        return max(1, 3 * self.runs // 4)

    def check(self, run: Run) -> None:
        """Raise BadInput if a run is larger than it may be."""
        length = len(run.problem.text)
        if length > self.characters:
            raise BadInput(
                f"The problem is {length:,} characters long: here it may have {self.characters:,} "
                "at most."
            )
        if run.budget > self.budget:
            raise BadInput(f"The budget N may be {self.budget} at most here: choose a smaller one.")

    def allowed_seconds(self, seconds: float | None) -> float:
        """The seconds that a run gets which would like to have so many, or as many as it may."""
        return self.seconds if seconds is None else min(seconds, self.seconds)

    def time_is_up(self, seconds: float) -> str:
        """What to tell people of a run that was ended after so many seconds, in a sentence: which
        limit it was, and what to do.

        >>> Limits(public=True, seconds=60).time_is_up(60)
        'Ended after 60 s, the longest that a run may take here: choose a smaller budget N.'
        """
        remedy = "choose a smaller budget N"
        if not self.public:
            remedy += f", or set {variable_name('max_seconds')} to more"
        return f"Ended after {seconds:.0f} s, the longest that a run may take here: {remedy}."

    def check_model(self, name: str) -> None:
        """Raise BadInput if nobody may load the models of that name here."""
        if self.models is not None and name not in (*SHIPPED_GENERATORS, *self.models):
            raise BadInput("Only the models of the list can be used here: choose one of them.")


PUBLIC_LIMITS = Limits(
    public=True,
    models=(),
    characters=1000,
    budget=64,
    seconds=60,
    runs=8,
    queue=32,
    upload=8,
    sessions=200,
    kept_files=1024,
)
"""What strangers may do where nothing else is said."""


def limits_from_environment(environment: Environment) -> Limits:
    """The limits of this process. The models that the app begins with (TTC_MODEL) may always be
    used."""
    defaults = PUBLIC_LIMITS if environment.is_public else Limits()
    models = defaults.models if environment.models is None else environment.models
    if environment.is_public and environment.model:
        models = (environment.model, *(models or ()))
    return replace(
        defaults,
        models=models,
        characters=environment.max_characters or defaults.characters,
        budget=environment.max_budget or defaults.budget,
        seconds=environment.max_seconds or defaults.seconds,
        runs=environment.max_runs or defaults.runs,
        queue=environment.max_queue or defaults.queue,
        upload=environment.max_upload or defaults.upload,
    )
