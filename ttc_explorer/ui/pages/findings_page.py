"""Findings: what the paper found, tested on our own models, each with its verdict and the curve
behind it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import Any

import gradio as gr

from ttc_explorer.experiments.findings import evaluate_findings, load_findings
from ttc_explorer.experiments.findings.verdict import Finding
from ttc_explorer.experiments.result_tables import ABOUT_FILE
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.run import Run
from ttc_explorer.serving.model_manager import ModelManager
from ttc_explorer.ui.components import analysis_charts, findings_view, plotly_figures, result_panels
from ttc_explorer.ui.components.basic_inputs import html_block
from ttc_explorer.ui.components.downloads import APPEND_IS_NARROW_SCRIPT, download_buttons
from ttc_explorer.ui.pages.explore_page import INTERNAL_ERROR_MESSAGE, ComponentUpdates
from ttc_explorer.ui.results_store import RESULTS_FOLDER, SWEEP_COMMAND

log = logging.getLogger(__name__)

FINDINGS_FILE = "findings.json"
NO_RESULTS_MESSAGE = (
    "No results are shipped with this copy, so nothing is tested. This makes "
    f"them: {SWEEP_COMMAND}."
)
TESTING_MESSAGE = "Testing the findings on the shipped results: half a minute …"
FINDINGS_HELP = (
    "Press a finding to see the curve behind it. A dot is our figure, and its bar is where it "
    "lies in 95 % "
    "of resampled sets of questions; shaded is where the finding would hold. Of so many tests "
    "some would "
    "succeed by luck: p-values are corrected for that. Refuted and open findings are results like "
    "the others."
)


def build(model_manager: ModelManager, initial_run: Run | None, choice: gr.State) -> None:
    """Put the page where we are."""
    FindingsPage(RESULTS_FOLDER)


class FindingsPage:
    """The page. Make it inside ``gr.Blocks``. It shows the findings stored in ``folder``, and works
    them out if there are only results; once a process."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._lock = folder, Lock()
        self._findings: dict[str, Finding] = {}
        has_results = (folder / FINDINGS_FILE).is_file() or any(folder.glob(f"*/{ABOUT_FILE}"))
        self.chosen = gr.State("F1")
        with gr.Column(elem_id="findings", min_width=0):
            self.banner = html_block(
                "findings-banner",
                "" if has_results else result_panels.banner(NO_RESULTS_MESSAGE, "note"),
            )
            with gr.Row(elem_id="findings-cards", visible=has_results, equal_height=False):
                with gr.Column(elem_id="findings-list", elem_classes="plate", min_width=0):
                    self.tally = html_block("findings-tally")
                    self.findings_list = gr.HTML(
                        result_panels.status_line("loading", "Reading …"),
                        elem_id="findings-board",
                        js_on_load=_PICK,
                        apply_default_css=False,
                    )
                with gr.Column(elem_id="findings-behind", elem_classes="plate", min_width=0):
                    self.head = html_block("findings-head")
                    self.figure = gr.Plot(
                        show_label=False, container=False, elem_id="findings-figure"
                    )
                    self.saves = download_buttons("findings-figure", "findings-head", "ttc-finding")
                    self.foot = html_block("findings-foot")
        self.narrow = gr.Checkbox(False, visible=False)
        self.page_loaded = gr.HTML("", js_on_load="trigger('input')", apply_default_css=False)
        if has_results:
            self._connect()

    def _connect(self) -> None:
        behind = [self.chosen, self.head, self.figure, self.saves, self.foot]
        event_options: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        self.page_loaded.input(
            self.show,
            [self.chosen, self.narrow],
            [self.banner, self.tally, self.findings_list, *behind],
            js=APPEND_IS_NARROW_SCRIPT,
            **event_options,
        )
        self.findings_list.pick(
            self.pick,
            self.narrow,
            behind,
            js=APPEND_IS_NARROW_SCRIPT,
            trigger_mode="multiple",
            queue=False,
            **event_options,
        )

    # --- what it does -----------------------------------------------------------------------------

    def show(self, chosen: str, narrow: bool) -> Iterator[ComponentUpdates]:
        """All findings, and what is behind one. Where they must be worked out first, that is
        said."""
        if not self._findings and not (self._folder / FINDINGS_FILE).is_file():
            yield {self.findings_list: result_panels.status_line("loading", TESTING_MESSAGE)}
        try:
            found = self._load_or_test()
            yield {
                self.tally: findings_view.verdict_counts(list(found.values())),
                self.findings_list: findings_view.findings_list(list(found.values()), chosen)
                + f'<p class="reading">{FINDINGS_HELP}</p>',
            } | self._finding_updates(found[chosen], narrow)
        except BadInput as error:
            yield {self.banner: result_panels.banner(str(error)), self.findings_list: ""}
        except Exception:
            log.exception("the findings could not be tested")
            yield {
                self.banner: result_panels.banner(INTERNAL_ERROR_MESSAGE),
                self.findings_list: "",
            }

    def pick(self, narrow: bool, event: gr.EventData) -> ComponentUpdates:
        """What is behind the finding that was pressed."""
        finding = self._findings.get(str(event.finding))
        return (
            {self.chosen: gr.skip()} if finding is None else self._finding_updates(finding, narrow)
        )

    def _finding_updates(self, finding: Finding, narrow: bool) -> ComponentUpdates:
        chart = finding.chart
        return {
            self.chosen: finding.id,
            self.head: findings_view.finding_details(finding),
            self.figure: gr.update(
                value=plotly_figures.to_plot_data(analysis_charts.line_chart(chart, narrow))
                if chart
                else None,
                visible=chart is not None,
            ),
            self.saves: gr.update(visible=chart is not None),
            self.foot: findings_view.reproduction_command(finding),
        }

    def _load_or_test(self) -> dict[str, Finding]:
        """Raises BadInput."""
        with self._lock:
            if not self._findings:
                found = load_findings(self._folder / FINDINGS_FILE) or evaluate_findings(
                    self._folder
                )
                self._findings = {finding.id: finding for finding in found}
            return self._findings


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
