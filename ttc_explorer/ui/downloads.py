"""Scripts that save what is on screen as a file; the browser makes it, nothing is asked of the server."""

from __future__ import annotations


def csv(name: str) -> str:
    """Takes a text and saves it as ``name``.csv; nothing for no text."""
    return f"""(text) => {{
  if (!text) return;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], {{type: "text/csv"}}));
  link.download = "{name}.csv";
  link.click();
  URL.revokeObjectURL(link.href);
}}"""


def png(figure: str, head: str, name: str) -> str:
    """Saves the figure in the element ``figure`` as ``name``.png, for paper, under what ``head`` says: its
    title (h2) and a line (p)."""
    return f"""() => {{
  const drawn = document.querySelector("#{figure} .js-plotly-plot");
  if (!drawn) return;
  const said = [...document.querySelectorAll("#{head} :is(h2, p)")];
  const {{width, height}} = drawn.getBoundingClientRect(), room = 56;
  const [title, facts] = said.map((each) => each.textContent.replace(/[<>]/g, ""));
  const text = `<b>${{title}}</b><br><span style="font-size:14px">${{facts ?? ""}}</span>`;
  const layout = {{
    ...drawn.layout, width, height: height + room,
    margin: {{...drawn.layout.margin, t: drawn.layout.margin.t + room}},
    title: {{text, x: 0, xref: "paper", y: 1, yanchor: "top", pad: {{t: 14}}, font: {{size: 20}}}},
  }};
  const format = {{format: "png", filename: "{name}", width, height: height + room, scale: 2}};
  Plotly.downloadImage({{data: drawn.data, layout}}, format);
}}"""


WIDTH = "(...values) => [...values.slice(0, -1), innerWidth < 700]"
"""Tells a handler, by its last input, whether the window is narrow."""
