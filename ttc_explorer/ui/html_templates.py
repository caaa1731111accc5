"""HTML from Jinja templates (``templates/*.html``): structured data in, escaped HTML out."""

from __future__ import annotations

import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ttc_explorer.ui.glossary import TERMS
from ttc_explorer.ui.html_escape import escape_html
from ttc_explorer.ui.math_typesetting import math_pieces
from ttc_explorer.ui.number_format import count_noun, format_amount, format_percent
from ttc_explorer.ui.strategy_colours import colour_style

TEMPLATES = Path(__file__).parent / "templates"


def _escape(value: object) -> object:
    """What a template writes for a value: the template's own HTML as it is, all else escaped.

    Markupsafe alone would not do: Gradio reads the value of ``gr.HTML`` as a template once more.
    """
    return value if hasattr(value, "__html__") else Markup(escape_html(str(value)))


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        finalize=_escape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"glossary": TERMS, "colour_style": colour_style}
    environment.filters |= {
        "amount": format_amount,
        "count": count_noun,
        "percent": format_percent,
        "math": typeset_math,
        "plain": plain_text,
    }
    return environment


def plain_text(text: str) -> str:
    """A text of a lesson without its marks (``ui/lessons/lesson_text.js``)."""
    return re.sub(r"\[\[([^|\]]*)(?:\|[^\]]*)?\]\]|\*+|`", r"\1", text)


def typeset_math(text: str) -> Markup:
    """A text with its arithmetic set as mathematics."""
    return render_macro("math", math_pieces(text))


ENVIRONMENT = _environment()


def render(template: str, **values: object) -> Markup:
    """The HTML of a template.

    Args:
        template: name of a file in ``templates/``.
        values: what it is given. Strings are escaped where they are written, whatever they hold.
    """
    return Markup(ENVIRONMENT.get_template(template).render(values))


def render_macro(name: str, *arguments: object) -> Markup:
    """The HTML of a macro of ``templates/macros.html``, the small pieces that many blocks share."""
    return Markup(getattr(ENVIRONMENT.get_template("macros.html").module, name)(*arguments))
