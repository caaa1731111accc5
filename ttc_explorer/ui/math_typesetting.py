"""Text as safe, well-set HTML. Whatever models, people and trace files write goes through here."""

from __future__ import annotations

import html
import re

_TEMPLATE_ESCAPES = str.maketrans(
    {"$": "&#36;", "{": "&#123;", "}": "&#125;", "`": "&#96;", "\\": "&#92;"}
)
"""Gradio reads gr.HTML values as templates: as character references these signs mean nothing to
it."""

_CONTROL_CHARACTERS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]"
)
"""Control signs, among them those that turn the reading direction: shown as �, never obeyed."""

_TOKEN = re.compile(
    r"""
    \^(?P<power>-?\d+|[A-Za-z]|\([^()]*\)|\{[^{}]*\})
  | (?P<word>[A-Za-z]{2,}(?:['’-][A-Za-z]+)*)
  | (?P<letter>[A-Za-z])
  | (?P<number>\d+(?:\.\d+)?)
  | (?P<sign><=|>=|!=|[-−*×·÷+=<>≤≥≠])
  | (?P<space>\s+)
  | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_SIGNS = {"-": "−", "*": "×", "<=": "≤", ">=": "≥", "!=": "≠"}
_RELATIONS = ("=", "<", ">", "<=", ">=", "!=", "≤", "≥", "≠")
"""A long formula breaks before one of these."""
_VERDICTS = {"ok": '<b class="ok">ok ✓</b>', "no": '<b class="no">no ✗</b>'}
_SPACED_SIGN = re.compile(r" *(?:[*×·÷+=<>≤≥≠]|<=|>=|!=) *|(?<=[^ ,:(]) [-−] ")
_FORMULA = re.compile(r"[-−]?(?:\d|[A-Za-z](?![A-Za-z]))")
_WORDS = re.compile(r" [A-Za-z]{2}")
_VERDICT = re.compile(r"(?:\S+ )?(?:ok|no)$")
_CHECK = re.compile(r"off \S+ (ok|no)$")
"""How the shipped models end a line that checks what was found against what is wanted."""


def escape_html(text: str) -> str:
    """``text`` as HTML that shows exactly it, inside elements and attributes.

    >>> escape_html('<b>"${1+1}"</b>')
    '&lt;b&gt;&quot;&#36;&#123;1+1&#125;&quot;&lt;/b&gt;'
    """
    return html.escape(_CONTROL_CHARACTERS.sub("�", text)).translate(_TEMPLATE_ESCAPES)


def typeset_math(text: str) -> str:
    r"""``text`` as HTML with its arithmetic set as mathematics: x² − 7x instead of x^2-7x.

    >>> typeset_math("2*x^2-7=1").replace("\N{NO-BREAK SPACE}", "~")
    '2~×~<i>x</i><sup>2</sup>~−~7 =~1'
    """
    if len(text) > 2000:  # nobody reads that as mathematics
        return escape_html(text)
    checked = _CHECK.search(text) is not None
    text = _SPACED_SIGN.sub(lambda room: room.group().strip(), text)
    out: list[str] = []
    last = ""  # the kind of the token before
    for match in _TOKEN.finditer(text):
        kind, token, rest = str(match.lastgroup), match.group(), text[match.end() :]
        if kind == "power":
            out.append(f"<sup>{typeset_math(match['power'].strip('(){}'))}</sup>")
        elif kind == "sign":
            leads = token in "-−+" and last not in ("number", "letter", "power", "close")
            sign = escape_html(_SIGNS.get(token, token))
            before = " " if token in _RELATIONS else "\N{NO-BREAK SPACE}"
            out.append(sign if leads else f"{before}{sign}\N{NO-BREAK SPACE}")
        elif kind == "space":
            if checked and _VERDICT.match(rest):
                token = "\N{NO-BREAK SPACE}"
            between = last in ("number", "letter", "power") and _FORMULA.match(rest)
            out.append("&emsp;" if between else token)
        elif kind == "letter" and not (token in "aAI" and _WORDS.match(rest)):
            out.append(f"<i>{token}</i>")
        elif kind == "word" and checked and not rest and token in _VERDICTS:
            out.append(_VERDICTS[token])
        elif token == "," and rest.strip():
            out.append(", " if rest[0] != " " else ",")
        else:
            out.append(escape_html(token))
        last = "close" if token in ")]" else kind
    return "".join(out)
