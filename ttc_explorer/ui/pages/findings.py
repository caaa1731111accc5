"""Findings: what the paper found, tested on our own models, each with its verdict and the curve behind it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import Any

import gradio as gr

from ttc_explorer.experiments.findings import findings, load_findings
from ttc_explorer.experiments.findings.verdict import Finding
from ttc_explorer.experiments.results import ABOUT
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.run import Run
from ttc_explorer.ui import charts, figures, panels, verdicts
from ttc_explorer.ui.downloads import WIDTH, buttons
from ttc_explorer.ui.engine import Engine
from ttc_explorer.ui.library import COMMAND, FOLDER
from ttc_explorer.ui.pages.explore import OUR_FAULT, Frame
from ttc_explorer.ui.parts import html

log = logging.getLogger(__name__)

FILE = "findings.json"
EMPTY = f"No results are shipped with this copy, so nothing is tested. This makes them: {COMMAND}."
TESTING = "Testing the findings on the shipped results: half a minute …"
READING = (
    "Press a finding to see the curve behind it. A dot is our figure, and its bar is where it lies in 95 % "
    "of resampled sets of questions; shaded is where the finding would hold. Of so many tests some would "
    "succeed by luck: p-values are corrected for that. Refuted and open findings are results like the others."
)


def build(engine: Engine, opening: Run | None, choice: gr.State) -> None:
    """Put the page where we are."""
    FindingsPage(FOLDER)


class FindingsPage:
    """The page. Make it inside ``gr.Blocks``. It shows the findings stored in ``folder``, and works them out
    if there are only results; once a process."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._lock = folder, Lock()
        self._found: dict[str, Finding] = {}
        there = (folder / FILE).is_file() or any(folder.glob(f"*/{ABOUT}"))
        self.chosen = gr.State("F1")
        with gr.Column(elem_id="findings", min_width=0):
            self.banner = html("findings-banner", "" if there else panels.banner(EMPTY, "note"))
            with gr.Row(elem_id="findings-cards", visible=there, equal_height=False):
                with gr.Column(elem_id="findings-list", elem_classes="plate", min_width=0):
                    self.tally = html("findings-tally")
                    self.board = gr.HTML(
                        panels.status("loading", "Reading …"),
                        elem_id="findings-board",
                        js_on_load=_PICK,
                        apply_default_css=False,
                    )
                with gr.Column(elem_id="findings-behind", elem_classes="plate", min_width=0):
                    self.head = html("findings-head")
                    self.figure = gr.Plot(show_label=False, container=False, elem_id="findings-figure")
                    self.saves = buttons("findings-figure", "findings-head", "ttc-finding")
                    self.foot = html("findings-foot")
        self.narrow = gr.Checkbox(False, visible=False)
        self.opener = gr.HTML("", js_on_load="trigger('input')", apply_default_css=False)
        if there:
            self._connect()

    def _connect(self) -> None:
        behind = [self.chosen, self.head, self.figure, self.saves, self.foot]
        heard: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        self.opener.input(
            self.show,
            [self.chosen, self.narrow],
            [self.banner, self.tally, self.board, *behind],
            js=WIDTH,
            **heard,
        )
        self.board.pick(
            self.pick, self.narrow, behind, js=WIDTH, trigger_mode="multiple", queue=False, **heard
        )

    # --- what it does -----------------------------------------------------------------------------------

    def show(self, chosen: str, narrow: bool) -> Iterator[Frame]:
        """All findings, and what is behind one. Where they must be worked out first, that is said."""
        if not self._found and not (self._folder / FILE).is_file():
            yield {self.board: panels.status("loading", TESTING)}
        try:
            found = self._tested()
            yield {
                self.tally: verdicts.tally(list(found.values())),
                self.board: verdicts.board(list(found.values()), chosen)
                + f'<p class="reading">{READING}</p>',
            } | self._behind(found[chosen], narrow)
        except BadInput as error:
            yield {self.banner: panels.banner(str(error)), self.board: ""}
        except Exception:
            log.exception("the findings could not be tested")
            yield {self.banner: panels.banner(OUR_FAULT), self.board: ""}

    def pick(self, narrow: bool, event: gr.EventData) -> Frame:
        """What is behind the finding that was pressed."""
        finding = self._found.get(str(event.finding))
        return {self.chosen: gr.skip()} if finding is None else self._behind(finding, narrow)

    def _behind(self, finding: Finding, narrow: bool) -> Frame:
        chart = finding.chart
        return {
            self.chosen: finding.id,
            self.head: verdicts.behind(finding),
            self.figure: gr.update(
                value=figures.drawn(charts.curves(chart, narrow)) if chart else None,
                visible=chart is not None,
            ),
            self.saves: gr.update(visible=chart is not None),
            self.foot: verdicts.repeated(finding),
        }

    def _tested(self) -> dict[str, Finding]:
        """Raises BadInput."""
        with self._lock:
            if not self._found:
                found = load_findings(self._folder / FILE) or findings(self._folder)
                self._found = {finding.id: finding for finding in found}
            return self._found


_PICK = """
element.addEventListener("click", (event) => {
  const row = event.target.closest?.("[data-finding]");
  if (!row) return;
  const rows = element.querySelectorAll("[data-finding]");
  for (const other of rows) other.setAttribute("aria-pressed", other === row);
  trigger("pick", { finding: row.dataset.finding });
  if (innerWidth < 1000) document.querySelector("#findings-behind")?.scrollIntoView({ behavior: "smooth" });
});
"""
