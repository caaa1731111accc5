"""Models -> HTML: the model list to choose from, what one is, and what those in use can do. Every
text from outside is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ttc_explorer.models.server_capabilities import CAPABILITY_LABELS, ServerCapabilities
from ttc_explorer.search.strategy import STRATEGIES, unavailable_reason
from ttc_explorer.serving.model_manager import LoadedModels
from ttc_explorer.serving.run_service import RunTotals
from ttc_explorer.ui.components.compare_view import swatch
from ttc_explorer.ui.components.messages import banner, glossary_term, status_line
from ttc_explorer.ui.html_templates import render_macro
from ttc_explorer.ui.math_typesetting import escape_html
from ttc_explorer.ui.number_format import count_noun, format_amount

if TYPE_CHECKING:
    from ttc_explorer.models.model_description import ModelDescription, ModelSetDescription

SHIPPED, HUB, LISTED = "Made for this app", "From Hugging Face", "More that may be used here"
GROUP_DESCRIPTIONS = {
    SHIPPED: "Tiny, taught only our kinds of problems. They run anywhere.",
    HUB: "Models that people use. Downloaded when first loaded.",
    LISTED: "",
}


@dataclass(frozen=True)
class ModelListItem:
    """A row of the model list. ``right`` is the share of test problems that its first sample gets
    right, measured; None if that is not known here."""

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


def model_list(items: Iterable[ModelListItem], chosen: str, used: str | None) -> str:
    """All that can be chosen, in groups; ``chosen`` is marked, and so is the one that is in
    ``used``."""
    blocks = []
    for group in (SHIPPED, HUB, LISTED):
        rows = [_model_row(item, chosen, used) for item in items if item.group == group]
        if rows:
            blocks.append(
                f"<h3>{group}</h3><p "
                f"class='about'>{GROUP_DESCRIPTIONS[group]}</p><ul>{''.join(rows)}</ul>"
            )
    return f'<div class="shelf">{"".join(blocks)}</div>'


def _model_row(item: ModelListItem, chosen: str, used: str | None) -> str:
    description, name = item.description, item.description.name
    state = "in use" if name == used else "not usable here" if description.unusable else ""
    note = f'<em class="{"used" if name == used else "off"}">{state}</em>' if state else ""
    size = format_parameters(description.generator.parameters)
    tip = f' data-tip="{escape_html(description.unusable)}"' if description.unusable else ""
    return (
        f'<li><button type="button" data-name="{escape_html(name)}" '
        f'aria-pressed="{str(name == chosen).lower()}"{tip}>'
        f"<b>{escape_html(name)}</b>{note}<span>{size}</span>"
        f"<small>{escape_html(_sentence(description.generator.title))}</small></button></li>"
    )


def _sentence(title: str) -> str:
    return f"{title[:1].upper()}{title[1:]}"


# --- one model ------------------------------------------------------------------------------------


def model_details(item: ModelListItem) -> str:
    """What a model is, what comes with it, what it needs, and what it can do, before it is
    loaded."""
    description = item.description
    generator, verifier = description.generator, description.verifier
    server = "server" in (generator.source, verifier.source if verifier else "")
    rows = [_part_row(glossary_term("Generator", "generator"), generator)]
    rows.append(
        _part_row(glossary_term("Verifier", "verifier"), verifier)
        if verifier
        else _no_verifier_row()
    )
    rows.append(_reviser_row(description))
    works = (
        ""
        if generator.source == "server" and description.unusable
        else strategy_availability(_unavailable_strategies(description), "")
    )
    figures = "" if server and generator.parameters is None else _requirements(item)
    notes = "".join(
        banner(note, "note") for part in (generator, verifier) if part for note in part.notes
    )
    return (
        f'<div class="model"><h2>{escape_html(description.name)}</h2>{banner(description.unusable or "")}{notes}'
        f"{figures}"
        f'<table class="parts">{"".join(rows)}</table>{works}</div>'
    )


def _requirements(item: ModelListItem) -> str:
    """Size, memory and accuracy in figures."""
    description = item.description
    parts = [part for part in (description.generator, description.verifier) if part]
    known = [part.need for part in parts if part.need]
    figures = [
        (
            format_parameters(sum(part.parameters or 0 for part in parts)),
            glossary_term("weights", "parameters"),
        )
    ]
    if known:
        need = sum(need.weights for need in known)
        figures.append((format_bytes(need), glossary_term("memory to load", "memory need")))
        if description.room is not None:
            each = sum(need.solution for need in known)
            free = need + description.room * each if description.room else 0
            here = format_bytes(free) if description.room else "too little"
            figures.append((here, f"free on {escape_html(description.device.upper())}"))
            figures.append(
                (
                    format_amount(description.room),
                    glossary_term("solutions fit", "room"),
                )
            )
    if item.right is not None:
        figures.append((f"{item.right:.0%}", glossary_term("right at first try", "first try")))
    return render_macro("definition_list", figures)


def _part_row(role: str, part: ModelDescription) -> str:
    size = (
        f"{format_parameters(part.parameters)} weights" if part.parameters else "size not known yet"
    )
    facts = [size, escape_html(part.format)] + ([escape_html(part.licence)] if part.licence else [])
    return (
        f"<tr><th scope='row'>{role}</th><td><b>{escape_html(part.name)}</b> "
        f"{escape_html(part.title)}"
        f"<small>{' · '.join(facts)}</small></td></tr>"
    )


def _no_verifier_row() -> str:
    return (
        f"<tr><th scope='row'>{glossary_term('Verifier', 'verifier')}</th><td>none<small>Answers "
        "can be counted, by "
        "majority. Searches need a verifier to lead them.</small></td></tr>"
    )


def _reviser_row(description: ModelSetDescription) -> str:
    words = {
        "trained": ("a model of its own", "trained to write a better attempt after earlier ones"),
        "prompted": (
            "the generator itself",
            "prompted: asked in words for a better attempt, not trained to",
        ),
        None: ("none", "revisions cannot run"),
    }
    name, about = words[description.reviser]
    return f"<tr><th scope='row'>{glossary_term('Reviser', 'reviser')}</th><td>{name}<small>{about}</small></td></tr>"


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


def strategy_availability(missing: Mapping[str, str], note: str) -> str:
    """The strategies, those that cannot run greyed out and with the reason one hover away."""
    marks = "".join(
        f'<li class="{"off" if name in missing else "on"}" tabindex="0" '
        f'data-tip="{escape_html(missing.get(name) or entry.summary)}">{swatch(name)}{escape_html(entry.title)}</li>'
        for name, entry in STRATEGIES.items()
    )
    runs = len(STRATEGIES) - len(missing)
    head = (
        f"{runs} of {len(STRATEGIES)} strategies run with it"
        if missing
        else "All strategies run with it"
    )
    reasons = "".join(
        f"<p class='about'>{escape_html(reason)}</p>" for reason in _group_reasons(missing)
    )
    return f'<h3>{head}</h3><ul class="can">{marks}</ul>{reasons}{note}'


def _group_reasons(missing: Mapping[str, str]) -> list[str]:
    """Each kind of reason once, after the strategies that have it."""
    kinds: dict[str, list[str]] = {}
    for name, reason in missing.items():
        title = STRATEGIES[name].title
        kinds.setdefault(reason.removeprefix(f"{title} "), []).append(title)
    return [f"{', '.join(titles)}: {reason}" for reason, titles in kinds.items()]


# --- what is in use -------------------------------------------------------------------------------


def models_in_use(loaded: LoadedModels | None, line: str) -> str:
    """The models in use: what they are called, what was measured, and, of a server, what it can
    do."""
    if loaded is None:
        return (
            '<div class="model now"><h3>In '
            f"use</h3>{status_line('loading', line or 'Loading …')}</div>"
        )
    judge = f"verifier {loaded.verifier}" if loaded.verifier else "no verifier"
    revises = (
        f"{'prompted' if loaded.prompted else 'trained'} reviser"
        if loaded.reviser
        else "no reviser"
    )
    yours = ["yours alone, paid by your account"] if loaded.own else []
    parts = [*yours, judge, revises, *_measurements(loaded.service.totals, loaded.seconds)]
    server = _server_capabilities(loaded.capabilities) if loaded.capabilities is not None else ""
    missing = {name: reason for name in STRATEGIES if (reason := loaded.missing(name))}
    which = strategy_availability(missing, "") if missing else ""
    return (
        f'<div class="model now"><h3>In use</h3><h2>{escape_html(loaded.model)}</h2>'
        f"<p class='about'>{escape_html(' · '.join(parts))}</p>{server}{which}</div>"
    )


def _measurements(totals: RunTotals, seconds: float) -> list[str]:
    description = (
        [f"loaded in {seconds:.1f} s"] if seconds >= 0.1 else []
    )  # else they were still here
    if totals.seconds:
        speed = format_amount(totals.tokens / totals.seconds)
        description.append(f"{count_noun(totals.runs, 'run')} so far, {speed} tokens a second")
    if totals.memory:
        description.append(f"at most {format_bytes(totals.memory)} of memory")
    return description


def _server_capabilities(found: ServerCapabilities) -> str:
    """What the server proved to do when it was asked."""
    marks = "".join(
        f'<li class="on">✓ {words}</li>'
        if getattr(found, field)
        else f'<li class="off">✗ {words}</li>'
        for field, words in CAPABILITY_LABELS.items()
    )
    context = f"It reads {found.context:,} tokens at most." if found.context else ""
    lacks = "".join(
        f"<p class='about'>{escape_html(sentence)}</p>"
        for sentence in (context, *found.missing())
        if sentence
    )
    return f'<h3>What this server does, tried out</h3><ul class="can">{marks}</ul>{lacks}'
