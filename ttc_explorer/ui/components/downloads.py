"""Scripts that save what is on screen as a file; the browser makes it, nothing is asked of the
server."""

from __future__ import annotations

import gradio as gr


def save_text_script(file: str, kind: str = "text/csv") -> str:
    """Takes a text and saves it as ``file``; nothing for no text."""
    return f"""(text) => {{
  if (!text) return;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], {{type: "{kind}"}}));
  link.download = "{file}";
  link.click();
  URL.revokeObjectURL(link.href);
}}"""


def save_png_script(figure: str, head: str, name: str) -> str:
    """Saves the figure in the element ``figure`` as ``name``.png, for paper, under what ``head``
    says: its title (h2) and a line (p)."""
    return f"""() => {{
  const drawn = document.querySelector("#{figure} .js-plotly-plot");
  if (!drawn) return;
  const said = [...document.querySelectorAll("#{head} :is(h2, p)")];
  const seen = drawn.getBoundingClientRect(), room = 64, air = 18;  // the page's letters are narrower
  const width = seen.width + air, height = seen.height + room;
  const [title, facts] = said.map((each) => each.textContent.replace(/[<>]/g, ""));
  const text = `<b>${{title}}</b><br><span style="font-size:14px">${{facts ?? ""}}</span>`;
  const layout = {{
    ...drawn.layout, width, height,
    margin: {{...drawn.layout.margin, t: drawn.layout.margin.t + room, l: drawn.layout.margin.l + air}},
    title: {{text, x: 0, xref: "paper", y: 1, yanchor: "top", pad: {{t: 24}}, font: {{size: 20}}}},
  }};
  const format = {{format: "png", filename: "{name}", width, height, scale: 2}};
  Plotly.downloadImage({{data: drawn.data, layout}}, format);
}}"""


def download_buttons(figure: str, head: str, name: str) -> gr.HTML:
    """Two buttons that save the curves in the element ``figure``: their points as CSV, a row each
    (panel, line, x, y, its interval if it has one, and what pointing at it says), and their picture
    as PNG, see ``save_png_script``. Of a trace these are ``meta``, ``name``, ``x``, ``y``,
    ``customdata`` and ``text``."""
    return gr.HTML(
        '<button type="button">CSV</button><button type="button">PNG</button>',
        elem_classes="saves",
        js_on_load=f"""
const [table, picture] = element.querySelectorAll("button");
const cell = (value) => `"${{String(value ?? "").replaceAll('"', '""')}}"`;
const plain = (text) => text?.replace(/<br>/g, "; ").replace(/<[^>]*>/g, "");
table.addEventListener("click", () => {{
  const traces = document.querySelector("#{figure} .js-plotly-plot")?.data ?? [];
  const rows = traces.filter((each) => each.hoverinfo !== "skip").flatMap((each) => each.x.map((x, at) => [
    each.meta, each.name, x, each.y[at], ...(each.customdata?.[at] ?? ["", ""]), plain(each.text?.[at]),
  ]));
  const head = ["panel", "line", "x", "y", "low", "high", "said"];
  const text = [head, ...rows].map((row) => row.map(cell).join(",") + "\\n").join("");
  if (rows.length) ({save_text_script(name + ".csv")})(text);
}});
picture.addEventListener("click", {save_png_script(figure, head, name)});
""",
        apply_default_css=False,
    )


APPEND_IS_NARROW_SCRIPT = "(...values) => [...values.slice(0, -1), innerWidth < 700]"
"""Tells a handler, by its last input, whether the window is narrow."""
