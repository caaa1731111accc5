"""The environment variables that TTC Explorer reads: every ``TTC_*``, in one place.

The README's table of them is generated from the descriptions here, and a test holds both together.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ttc_explorer.problems.problem import BadInput

PREFIX = "TTC_"

Names = Annotated[tuple[str, ...], NoDecode]
"""Names with commas between them."""
Site = Annotated[str, Field(pattern=r"^https?://(\*\.)?[A-Za-z0-9.-]+(:[0-9]{1,5})?$")]
"""A site as a content security policy names it, and nothing that could end the policy's line."""


def _limit(most: int, description: str) -> int | None:
    """A limit of what visitors may ask for: where it is not set, ``serving/limits.py`` decides."""
    field: int | None = Field(default=None, ge=1, le=most, description=description)
    return field


class Environment(BaseSettings):
    """The values of the variables; None where one is not set. ``model`` is TTC_MODEL, and so on."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        str_strip_whitespace=True,
    )

    model: str | None = Field(default=None, description="the models that the page begins with")
    device: str | None = Field(
        default=None, description="the device of models: `cpu`, `mps`, `cuda`, `cuda:1`"
    )
    threads: int | None = Field(
        default=None,
        ge=1,
        le=1024,
        description="threads that models compute with; else those found fastest when loading",
    )
    api_key: SecretStr | None = Field(default=None, description="the key of model servers")
    extensions: Names = Field(
        default=(), description="files or modules with strategies, selectors and pages of your own"
    )
    lessons: str | None = Field(default=None, description="a folder with lessons of your own")
    public: Literal["0", "1"] | None = Field(
        default=None,
        description="`1` where strangers share the app, `0` where not, even on a Space",
    )
    models: Names | None = Field(
        default=None, description="models besides the shipped ones that visitors may load"
    )
    hosts: Names = Field(
        default=(),
        description="host names, besides this machine's own, that the page is opened by",
    )
    frames: Annotated[tuple[Site, ...], NoDecode] = Field(
        default=(),
        description="sites that may show the page in a frame, such as `https://lms.example`",
    )
    max_characters: int | None = _limit(4000, "characters of a question")
    max_budget: int | None = _limit(256, "budget N of a run")
    max_seconds: int | None = _limit(3600, "seconds of a run, and of a comparison")
    max_runs: int | None = _limit(1024, "runs at once, of all visitors")
    max_queue: int | None = _limit(4096, "runs that wait for a place, of all visitors")
    mcp: Literal["0", "1"] | None = Field(
        default=None,
        description="`1` to offer what programs may call as tools of the Model Context Protocol",
    )
    workers: int | None = Field(
        default=None,
        ge=1,
        le=256,
        description="processes that searches run in; else as many as cores and memory allow beside "
        "the page",
    )
    max_upload: int | None = _limit(1024, "megabytes of a file that is sent")

    space_id: str | None = Field(
        default=None, validation_alias=AliasChoices("SPACE_ID", "space_id")
    )
    """Set by Hugging Face on every Space, not by people."""

    @field_validator("extensions", "hosts", "models", "frames", mode="before")
    @classmethod
    def _split_names(cls, value: object) -> object:
        """``a, b`` as ``("a", "b")``."""
        if not isinstance(value, str):
            return value
        return tuple(name.strip() for name in value.split(",") if name.strip())

    @property
    def is_public(self) -> bool:
        """Whether strangers share this process: as TTC_PUBLIC says, else on a Space."""
        return self.space_id is not None if self.public is None else self.public == "1"


def variable_name(field: str) -> str:
    """The variable of a field of Environment.

    >>> variable_name("max_budget")
    'TTC_MAX_BUDGET'
    """
    return PREFIX + field.upper()


def read_environment() -> Environment:
    """The variables as they are now.

    Raises:
        BadInput: One of them cannot be used; the sentence says which and what it must be.
    """
    try:
        return Environment()
    except ValidationError as error:
        field = str(error.errors()[0]["loc"][0]).lower().removeprefix(PREFIX.lower())
        raise BadInput(f"{variable_name(field)} {_requirement(field)}") from None


def _requirement(name: str) -> str:
    """What a variable must be, as the end of a sentence."""
    bounds: dict[str, int] = {}
    for bound in Environment.model_fields[name].metadata:
        bounds |= {key: getattr(bound, key) for key in ("ge", "le") if hasattr(bound, key)}
    if bounds:
        return f"must be a whole number from {bounds['ge']} to {bounds['le']:,}."
    if name == "mcp":
        return "must be 1 or 0."
    if name == "frames":
        return "must be sites as https://lms.example, with commas."
    return "must be 1 (strangers use this) or 0."
