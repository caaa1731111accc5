"""Models -> HTML: the shelf to choose from, what one is, and what those in use can do. Every text from
outside is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ttc_explorer.models.abilities import WORDS_FOR, Abilities
from ttc_explorer.search.strategies import STRATEGIES, unavailable
from ttc_explorer.service import Tally
from ttc_explorer.ui import panels
from ttc_explorer.ui.board import swatch
from ttc_explorer.ui.engine import Loaded
from ttc_explorer.ui.panels import term
from ttc_explorer.ui.typeset import escaped

if TYPE_CHECKING:
    from ttc_explorer.models.description import Description, Part

SHIPPED, HUB, LISTED = "Made for this app", "From Hugging Face", "More that may be used here"
ABOUT = {
    SHIPPED: "Tiny, taught only our kinds of problems. They run anywhere.",
    HUB: "Models that people use. Downloaded when first loaded.",
    LISTED: "",
}


@dataclass(frozen=True)
class Item:
    """A row of the shelf. ``right`` is the share of test problems that its first sample gets right, measured;
    None if that is not known here."""

    group: str
    said: Description
    right: float | None = None


def weights(number: int | None) -> str:
    """
    >>> [weights(n) for n in (1_600_000, 494_032_768, 1_543_714_304, None)]
    ['1.6M', '494M', '1.5B', '?']
    """
    if number is None:
        return "?"
    if number >= 999_500_000:
        return f"{number / 1e9:.1f}B"
    return f"{number / 1e6:.1f}M" if number < 99_950_000 else f"{number / 1e6:.0f}M"


def gigabytes(count: float) -> str:
    """
    >>> gigabytes(6.2e6), gigabytes(3.1e9)
    ('6 MB', '3.1 GB')
    """
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{max(count, 1e6) / 1e6:.0f} MB"


# --- the shelf ------------------------------------------------------------------------------------------


def shelf(items: Iterable[Item], chosen: str, used: str | None) -> str:
    """All that can be chosen, in groups; ``chosen`` is marked, and so is the one that is in ``used``."""
    blocks = []
    for group in (SHIPPED, HUB, LISTED):
        rows = [_row(item, chosen, used) for item in items if item.group == group]
        if rows:
            blocks.append(f"<h3>{group}</h3><p class='about'>{ABOUT[group]}</p><ul>{''.join(rows)}</ul>")
    return f'<div class="shelf">{"".join(blocks)}</div>'


def _row(item: Item, chosen: str, used: str | None) -> str:
    said, name = item.said, item.said.name
    state = "in use" if name == used else "not usable here" if said.unusable else ""
    note = f'<em class="{"used" if name == used else "off"}">{state}</em>' if state else ""
    size = weights(said.generator.parameters)
    tip = f' data-tip="{escaped(said.unusable)}"' if said.unusable else ""
    return (
        f'<li><button type="button" data-name="{escaped(name)}" '
        f'aria-pressed="{str(name == chosen).lower()}"{tip}>'
        f"<b>{escaped(name)}</b>{note}<span>{size}</span>"
        f"<small>{escaped(_sentence(said.generator.title))}</small></button></li>"
    )


def _sentence(title: str) -> str:
    return f"{title[:1].upper()}{title[1:]}"


# --- one model ------------------------------------------------------------------------------------------


def details(item: Item) -> str:
    """What a model is, what comes with it, what it needs, and what it can do, before it is loaded."""
    said = item.said
    generator, verifier = said.generator, said.verifier
    server = "server" in (generator.source, verifier.source if verifier else "")
    rows = [_part(term("Generator", "generator"), generator)]
    rows.append(_part(term("Verifier", "verifier"), verifier) if verifier else _no_verifier())
    rows.append(_reviser(said))
    works = "" if generator.source == "server" and said.unusable else can(_missing(said), "")
    figures = "" if server and generator.parameters is None else _needs(item)
    notes = "".join(
        panels.banner(note, "note") for part in (generator, verifier) if part for note in part.notes
    )
    return (
        f'<div class="model"><h2>{escaped(said.name)}</h2>{panels.banner(said.unusable or "")}{notes}'
        f"{figures}"
        f'<table class="parts">{"".join(rows)}</table>{works}</div>'
    )


def _needs(item: Item) -> str:
    """Size, memory and accuracy in figures."""
    said = item.said
    parts = [part for part in (said.generator, said.verifier) if part]
    known = [part.need for part in parts if part.need]
    figures = [(weights(sum(part.parameters or 0 for part in parts)), term("weights", "parameters"))]
    if known:
        need = sum(need.weights for need in known)
        figures.append((gigabytes(need), term("memory to load", "memory need")))
        if said.room is not None:
            each = sum(need.solution for need in known)
            free = need + said.room * each if said.room else 0
            here = gigabytes(free) if said.room else "too little"
            figures.append((here, f"free on {escaped(said.device.upper())}"))
            figures.append((panels.amount(said.room), term("solutions fit", "room")))
    if item.right is not None:
        figures.append((f"{item.right:.0%}", term("right at first try", "first try")))
    return panels.facts(figures)


def _part(role: str, part: Part) -> str:
    size = f"{weights(part.parameters)} weights" if part.parameters else "size not known yet"
    facts = [size, escaped(part.format)] + ([escaped(part.licence)] if part.licence else [])
    return (
        f"<tr><th scope='row'>{role}</th><td><b>{escaped(part.name)}</b> {escaped(part.title)}"
        f"<small>{' · '.join(facts)}</small></td></tr>"
    )


def _no_verifier() -> str:
    return (
        f"<tr><th scope='row'>{term('Verifier', 'verifier')}</th><td>none<small>Answers can be counted, by "
        "majority. Searches need a verifier to lead them.</small></td></tr>"
    )


def _reviser(said: Description) -> str:
    words = {
        "trained": ("a model of its own", "trained to write a better attempt after earlier ones"),
        "prompted": ("the generator itself", "prompted: asked in words for a better attempt, not trained to"),
        None: ("none", "revisions cannot run"),
    }
    name, about = words[said.reviser]
    return f"<tr><th scope='row'>{term('Reviser', 'reviser')}</th><td>{name}<small>{about}</small></td></tr>"


def _missing(said: Description) -> dict[str, str]:
    reasons = {
        name: unavailable(name, said.generator.forks, said.verifier is not None, said.reviser is not None)
        for name in STRATEGIES
    }
    return {name: reason for name, reason in reasons.items() if reason}


def can(missing: Mapping[str, str], note: str) -> str:
    """The strategies, those that cannot run greyed out and with the reason one hover away."""
    marks = "".join(
        f'<li class="{"off" if name in missing else "on"}" tabindex="0" '
        f'data-tip="{escaped(missing.get(name) or entry.sentence)}">{swatch(name)}{escaped(entry.title)}</li>'
        for name, entry in STRATEGIES.items()
    )
    runs = len(STRATEGIES) - len(missing)
    head = f"{runs} of {len(STRATEGIES)} strategies run with it" if missing else "All strategies run with it"
    reasons = "".join(f"<p class='about'>{escaped(reason)}</p>" for reason in _kinds(missing))
    return f'<h3>{head}</h3><ul class="can">{marks}</ul>{reasons}{note}'


def _kinds(missing: Mapping[str, str]) -> list[str]:
    """Each kind of reason once, after the strategies that have it."""
    kinds: dict[str, list[str]] = {}
    for name, reason in missing.items():
        title = STRATEGIES[name].title
        kinds.setdefault(reason.removeprefix(f"{title} "), []).append(title)
    return [f"{', '.join(titles)}: {reason}" for reason, titles in kinds.items()]


# --- what is in use -------------------------------------------------------------------------------------


def now(loaded: Loaded | None, line: str) -> str:
    """The models in use: what they are called, what was measured, and, of a server, what it can do."""
    if loaded is None:
        return f'<div class="model now"><h3>In use</h3>{panels.status("loading", line or "Loading …")}</div>'
    judge = f"verifier {loaded.verifier}" if loaded.verifier else "no verifier"
    revises = f"{'prompted' if loaded.prompted else 'trained'} reviser" if loaded.reviser else "no reviser"
    yours = ["yours alone, paid by your account"] if loaded.own else []
    parts = [*yours, judge, revises, *_measured(loaded.service.tally, loaded.seconds)]
    server = _abilities(loaded.abilities) if loaded.abilities is not None else ""
    missing = {name: reason for name in STRATEGIES if (reason := loaded.missing(name))}
    which = can(missing, "") if missing else ""
    return (
        f'<div class="model now"><h3>In use</h3><h2>{escaped(loaded.model)}</h2>'
        f"<p class='about'>{escaped(' · '.join(parts))}</p>{server}{which}</div>"
    )


def _measured(tally: Tally, seconds: float) -> list[str]:
    said = [f"loaded in {seconds:.1f} s"] if seconds >= 0.1 else []  # else they were still here
    if tally.seconds:
        speed = panels.amount(tally.tokens / tally.seconds)
        said.append(f"{panels.counted(tally.runs, 'run')} so far, {speed} tokens a second")
    if tally.memory:
        said.append(f"at most {gigabytes(tally.memory)} of memory")
    return said


def _abilities(found: Abilities) -> str:
    """What the server proved to do when it was asked."""
    marks = "".join(
        f'<li class="on">✓ {words}</li>' if getattr(found, field) else f'<li class="off">✗ {words}</li>'
        for field, words in WORDS_FOR.items()
    )
    context = f"It reads {found.context:,} tokens at most." if found.context else ""
    lacks = "".join(
        f"<p class='about'>{escaped(sentence)}</p>" for sentence in (context, *found.missing()) if sentence
    )
    return f'<h3>What this server does, tried out</h3><ul class="can">{marks}</ul>{lacks}'
