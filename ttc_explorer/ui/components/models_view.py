"""Models -> HTML: the model list to choose from, what one is, and what those in use can do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from markupsafe import Markup

from ttc_explorer.models.server_capabilities import CAPABILITY_LABELS, ServerCapabilities
from ttc_explorer.search.strategy import STRATEGIES, unavailable_reason
from ttc_explorer.serving.model_manager import LoadedModels
from ttc_explorer.serving.run_service import RunTotals
from ttc_explorer.ui.html_templates import render
from ttc_explorer.ui.number_format import count_noun, format_amount

if TYPE_CHECKING:
    from ttc_explorer.models.described_models import ModelDescription, ModelSetDescription

SHIPPED, HUB, LISTED = "shipped", "hub", "listed"
GROUPS = {
    SHIPPED: ("Made for this app", "Tiny, taught only our kinds of problems. They run anywhere."),
    HUB: ("From Hugging Face", "Models that people use. Downloaded when first loaded."),
    LISTED: ("More that may be used here", ""),
}
"""Groups of the model list: their titles, and what is said about them."""
NO_VERIFIER = "Answers can be counted, by majority. Searches need a verifier to lead them."
REVISERS = {
    "trained": ("a model of its own", "trained to write a better attempt after earlier ones"),
    "prompted": (
        "the generator itself",
        "prompted: asked in words for a better attempt, not trained to",
    ),
    None: ("none", "revisions cannot run"),
}
"""How revisions are made: what writes them, and what is said about that."""

Figure = tuple[str, tuple[str, str] | str]
"""A figure and what stands below it: a term of the glossary (as shown, its name there), or
words."""


@dataclass(frozen=True)
class ModelListItem:
    """A row of the model list.

    Attributes:
        group: one of ``GROUPS``.
        description: what is known of the models.
        right: share of test problems that its first sample gets right, measured; None if that is
            not known here.
    """

    group: str
    description: ModelSetDescription
    right: float | None = None


def format_parameters(number: int | None) -> str:
    """
    >>> [format_parameters(n) for n in (1_600_000, 494_032_768, 1_543_714_304, None)]
    ['1.6M', '494M', '1.5B', '?']
    """
    if number is None:
        return "?"
    if number >= 999_500_000:
        return f"{number / 1e9:.1f}B"
    return f"{number / 1e6:.1f}M" if number < 99_950_000 else f"{number / 1e6:.0f}M"


def format_bytes(count: float) -> str:
    """
    >>> format_bytes(6.2e6), format_bytes(3.1e9)
    ('6 MB', '3.1 GB')
    """
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{max(count, 1e6) / 1e6:.0f} MB"


# --- the model list -------------------------------------------------------------------------------


class ModelRow(NamedTuple):
    """A row as it is shown: ``unusable`` says why it cannot be used here, if so."""

    name: str
    title: str
    size: str
    chosen: bool
    used: bool
    unusable: str


class ModelGroup(NamedTuple):
    """A group of the list, with its rows."""

    title: str
    about: str
    rows: list[ModelRow]


def model_list(items: Iterable[ModelListItem], chosen: str, used: str | None) -> Markup:
    """All that can be chosen, in groups.

    Args:
        items: the rows.
        chosen: name of the one that is looked at.
        used: name of the one that is in use, if it is of the list.
    """
    listed = list(items)
    groups = [
        ModelGroup(
            title,
            about,
            [_model_row(item.description, chosen, used) for item in listed if item.group == group],
        )
        for group, (title, about) in GROUPS.items()
    ]
    return render("model_list.html", groups=[group for group in groups if group.rows])


def _model_row(description: ModelSetDescription, chosen: str, used: str | None) -> ModelRow:
    generator, name = description.generator, description.name
    title = f"{generator.title[:1].upper()}{generator.title[1:]}"
    return ModelRow(
        name,
        title,
        format_parameters(generator.parameters),
        name == chosen,
        name == used,
        description.unusable or "",
    )


# --- one model ------------------------------------------------------------------------------------


class PartRow(NamedTuple):
    """A model that is part of the set: its role, its name and title, and facts; not ``named`` where
    no model of its own has the role."""

    role: str
    name: str
    title: str
    facts: str
    named: bool = True


def model_details(item: ModelListItem) -> Markup:
    """What a model is, what comes with it, what it needs, and what it can do, before it is
    loaded."""
    description = item.description
    generator, verifier = description.generator, description.verifier
    reviser, about = REVISERS[description.reviser]
    parts = [
        _part_row("Generator", generator),
        _part_row("Verifier", verifier)
        if verifier
        else PartRow("Verifier", "none", "", NO_VERIFIER, named=False),
        PartRow("Reviser", reviser, "", about, named=False),
    ]
    server = "server" in (generator.source, verifier.source if verifier else "")
    unreachable = generator.source == "server" and description.unusable
    return render(
        "model_details.html",
        name=description.name,
        unusable=description.unusable or "",
        notes=[note for part in (generator, verifier) if part for note in part.notes],
        figures=[] if server and generator.parameters is None else _requirements(item),
        parts=parts,
        availability=""
        if unreachable
        else strategy_availability(
            _unavailable_strategies(description), "would run" if description.unusable else "run"
        ),
    )


def _requirements(item: ModelListItem) -> list[Figure]:
    """Size, memory and accuracy in figures."""
    description = item.description
    parts = [part for part in (description.generator, description.verifier) if part]
    known = [part.need for part in parts if part.need]
    parameters = format_parameters(sum(part.parameters or 0 for part in parts))
    together = "weights, verifier's too" if len(parts) > 1 else "weights"
    figures: list[Figure] = [(parameters, (together, "parameters"))]
    if known:
        need = sum(need.weights for need in known)
        figures.append((format_bytes(need), ("memory to load", "memory need")))
        if description.room is not None:
            each = sum(need.solution for need in known)
            free = (
                format_bytes(need + description.room * each) if description.room else "too little"
            )
            figures.append((free, f"free on {description.device.upper()}"))
            figures.append((format_amount(description.room), ("solutions fit", "room")))
    if item.right is not None:
        figures.append((f"{item.right:.0%}", ("right at first try", "first try")))
    return figures


def _part_row(role: str, part: ModelDescription) -> PartRow:
    known = part.parameters
    size = f"{format_parameters(known)} weights" if known else "size not known yet"
    facts = [size, part.format, *([part.licence] if part.licence else [])]
    return PartRow(role, part.name, part.title, " · ".join(facts))


def _unavailable_strategies(description: ModelSetDescription) -> dict[str, str]:
    reasons = {
        name: unavailable_reason(
            name,
            description.generator.supports_prefix_continuation,
            description.verifier is not None,
            description.reviser is not None,
        )
        for name in STRATEGIES
    }
    return {name: reason for name, reason in reasons.items() if reason}


class StrategyMark(NamedTuple):
    """A strategy, what it does, and the reason why it cannot run, if so."""

    name: str
    title: str
    summary: str
    reason: str


def strategy_availability(missing: Mapping[str, str], runs: str = "run") -> Markup:
    """The strategies, those that cannot run greyed out and with the reason one hover away.

    Args:
        missing: strategy -> why it cannot run.
        runs: what the others do: ``run``, or ``would run`` where the models cannot be had.
    """
    able, known = len(STRATEGIES) - len(missing), len(STRATEGIES)
    return render(
        "strategy_availability.html",
        head=f"{able} of {known} strategies {runs} with it"
        if missing
        else f"All strategies {runs} with it",
        strategies=[
            StrategyMark(name, entry.title, entry.summary, missing.get(name, ""))
            for name, entry in STRATEGIES.items()
        ],
        reasons=_group_reasons(missing),
    )


def _group_reasons(missing: Mapping[str, str]) -> list[str]:
    """Each kind of reason once, after the strategies that have it."""
    kinds: dict[str, list[str]] = {}
    for name, reason in missing.items():
        title = STRATEGIES[name].title
        kinds.setdefault(reason.removeprefix(f"{title} "), []).append(title)
    return [f"{', '.join(titles)}: {reason}" for reason, titles in kinds.items()]


# --- what is in use -------------------------------------------------------------------------------


class ServerView(NamedTuple):
    """What a server proved to do when it was asked, and what is said about it."""

    capabilities: list[tuple[str, bool]]
    sentences: list[str]


def models_in_use(loaded: LoadedModels | None, progress: str) -> Markup:
    """The models in use: what they are called, what was measured, and, of a server, what it can do.

    Args:
        loaded: the models, once they are loaded.
        progress: how far that is, until then.
    """
    if loaded is None:
        return render("models_in_use.html", loading=progress or "Loading …")
    judge = f"verifier {loaded.verifier}" if loaded.verifier else "no verifier"
    revises = (
        f"{'prompted' if loaded.facts.prompted else 'trained'} reviser"
        if loaded.facts.reviser
        else "no reviser"
    )
    yours = ["yours alone, paid by your account"] if loaded.own else []
    facts = [*yours, judge, revises, *_measurements(loaded.service.totals, loaded.seconds)]
    missing = {name: reason for name in STRATEGIES if (reason := loaded.missing(name))}
    return render(
        "models_in_use.html",
        loading="",
        name=loaded.model,
        facts=" · ".join(facts),
        note=loaded.facts.verifier_note,
        server=_server_view(loaded.facts.capabilities),
        availability=strategy_availability(missing) if missing else "",
    )


def _measurements(totals: RunTotals, seconds: float) -> list[str]:
    facts = [f"loaded in {seconds:.1f} s"] if seconds >= 0.1 else []  # else they were still here
    if totals.seconds:
        speed = format_amount(totals.tokens / totals.seconds)
        facts.append(f"{count_noun(totals.runs, 'run')} so far, {speed} tokens a second")
    if totals.memory:
        facts.append(f"at most {format_bytes(totals.memory)} of memory")
    return facts


def _server_view(found: ServerCapabilities | None) -> ServerView | None:
    """None for models that no server runs."""
    if found is None:
        return None
    context = [f"It reads {found.context:,} tokens at most."] if found.context else []
    capabilities = [
        (words, bool(getattr(found, field))) for field, words in CAPABILITY_LABELS.items()
    ]
    return ServerView(capabilities, [*context, *filter(None, found.missing())])
