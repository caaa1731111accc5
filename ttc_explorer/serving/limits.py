"""What visitors may ask of this process: limits, each an environment variable, and stricter where
strangers share it (public mode: on a Space of Hugging Face, or wherever TTC_PUBLIC=1).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from ttc_explorer.problems.problem import MAX_CHARACTERS, BadInput
from ttc_explorer.search.run import Run
from ttc_explorer.search.settings import MAX_BUDGET

SHIPPED_GENERATORS = ("base-s", "base-m", "base-l", "distilled-s")
"""The shipped generators: small, and here for everybody."""


@dataclass(frozen=True)
class Limits:
    """``public``: strangers share this process. ``models`` may be loaded from the page, and those
    of the shipped family always; None stands for all there are, folders, Hub ids and servers too.

    A run has a question of at most ``characters``, a budget of at most ``budget`` and at most
    ``seconds``. All visitors together have at most ``runs`` at once, and ``queue`` requests that
    wait for their turn. A file that is sent has at most ``upload`` megabytes. The names are those
    of the variables: TTC_MAX_BUDGET is ``budget``.
    """

    public: bool = False
    models: tuple[str, ...] | None = None
    characters: int = MAX_CHARACTERS
    budget: int = MAX_BUDGET
    seconds: int = 240
    runs: int = 16
    queue: int = 64
    upload: int = 64

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

    def check_model(self, name: str) -> None:
        """Raise BadInput if nobody may load the models of that name here."""
        if self.models is not None and name not in (*SHIPPED_GENERATORS, *self.models):
            raise BadInput("Only the models of the list can be used here: choose one of them.")


PUBLIC_LIMITS = Limits(
    public=True, models=(), characters=1000, budget=64, seconds=60, runs=8, queue=32, upload=8
)
"""What strangers may do where nothing else is said."""

LIMIT_NAMES = ("characters", "budget", "seconds", "runs", "queue", "upload")


def limits_from_environment(environment: Mapping[str, str] = os.environ) -> Limits:
    """The limits of this process: TTC_PUBLIC, TTC_MODELS (names with commas between them), and the
    limits. TTC_MODEL, which the app begins with, may always be used. Raises BadInput if a variable
    cannot be read."""
    public = environment.get("TTC_PUBLIC", "1" if "SPACE_ID" in environment else "0")
    if public not in ("0", "1"):
        raise BadInput("TTC_PUBLIC must be 1 (strangers use this) or 0.")
    limits = PUBLIC_LIMITS if public == "1" else Limits()
    if model_list := environment.get("TTC_MODELS"):
        limits = replace(
            limits, models=tuple(name.strip() for name in model_list.split(",") if name.strip())
        )
    if limits.public and (initial_model := environment.get("TTC_MODEL")):
        limits = replace(limits, models=(initial_model, *limits.models))
    return replace(
        limits,
        **{limit: _read_limit(limit, getattr(limits, limit), environment) for limit in LIMIT_NAMES},
    )


def _read_limit(name: str, default: int, environment: Mapping[str, str]) -> int:
    variable = f"TTC_MAX_{name.upper()}"
    text = environment.get(variable) or str(default)
    maximum = {field.name: field.default for field in fields(Limits)} | {
        "seconds": 3600,
        "upload": 1024,
    }
    maximum |= {"runs": 1024, "queue": 4096}
    if not text.isdecimal() or not 1 <= int(text) <= maximum[name]:
        raise BadInput(f"{variable} must be a whole number from 1 to {maximum[name]:,}.")
    return int(text)
