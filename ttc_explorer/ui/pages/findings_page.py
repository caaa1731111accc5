"""Findings: what the paper found, tested on our own models, each with its verdict and the curve
behind it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any

import gradio as gr

from ttc_explorer.asset_files import EXPERIMENTS_FOLDER
from ttc_explorer.experiments.findings import evaluate_findings, load_findings
from ttc_explorer.experiments.findings.verdict import Finding
from ttc_explorer.experiments.question_looks import describe_looks
from ttc_explorer.experiments.result_tables import ABOUT_FILE
from ttc_explorer.ui.address.address_state import AddressKey
from ttc_explorer.ui.address.page_address import PageAddress
from ttc_explorer.ui.components import analysis_charts, findings_view, law_view, plotly_figures
from ttc_explorer.ui.components.basic_inputs import hidden_value, html_block
from ttc_explorer.ui.components.guarded_handler import ComponentUpdates, guarded
from ttc_explorer.ui.components.messages import banner, status_line
from ttc_explorer.ui.components.page_signals import narrow_screen, on_load, on_width_change
from ttc_explorer.ui.components.pickable_html import pickable_html
from ttc_explorer.ui.components.result_card import ResultCard
from ttc_explorer.ui.page import AppContext, Page, PageIntro, page
from ttc_explorer.ui.results_store import FINDINGS_FILE, SWEEP_COMMAND

NO_RESULTS_MESSAGE = (
    "No results are shipped with this copy, so nothing is tested. This makes "
    f"them: {SWEEP_COMMAND}."
)
FIRST = "F1"
"""The finding that is open at first."""
MAX_ID_CHARACTERS = 20
LAW = "L1"
"""The finding that opens the page."""
TESTING_MESSAGE = "Testing the findings on the shipped results: some minutes …"


@page(
    "findings",
    title="Findings",
    order=70,
    intro=PageIntro(
        "What the paper claims, and what we measured.",
        see="Each claim with our verdict, the figure and its interval, and what the claims about "
        "search depend on.",
        act="Open one: what was compared, on how many questions, and the command that makes "
        "it again.",
        why="Some claims hold here and some do not. Knowing when is worth more than believing all.",
    ),
)
def build(app: AppContext) -> FindingsPage:
    """Put the page where we are."""
    return FindingsPage(EXPERIMENTS_FOLDER)


class FindingsPage(Page):
    """The page. Make it inside ``gr.Blocks``.

    Args:
        folder: where the findings are stored, or the results that they are worked out from where
            they are not; once a process.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._lock = folder, Lock()
        self._findings: dict[str, Finding] = {}
        has_results = (folder / FINDINGS_FILE).is_file() or any(folder.glob(f"*/{ABOUT_FILE}"))
        self.chosen = hidden_value("findings-chosen", FIRST)
        self.card = ResultCard("findings", "ttc-finding")
        with gr.Column(elem_id="findings", min_width=0):
            self.banner = html_block(
                "findings-banner", "" if has_results else banner(NO_RESULTS_MESSAGE, "note")
            )
            with gr.Column(
                elem_id="findings-law", elem_classes="plate", min_width=0, visible=has_results
            ):
                self.law = html_block("findings-law-view", status_line("loading", "Reading …"))
            with gr.Row(elem_id="findings-cards", visible=has_results, equal_height=False):
                with gr.Column(elem_id="findings-list", elem_classes="plate", min_width=0):
                    self.tally = html_block("findings-tally")
                    self.findings_list = pickable_html(
                        "findings-board", status_line("loading", "Reading …"), "findings-behind"
                    )
                with gr.Column(elem_id="findings-behind", elem_classes="plate", min_width=0):
                    self.head = self.card.heading()
                    self.figure = self.card.plot()
                    self.downloads = self.card.download_buttons()
                    self.foot = html_block("findings-foot")
        if has_results:
            self._connect()

    def _connect(self) -> None:
        narrow = narrow_screen()
        details = [self.chosen, self.head, self.figure, self.downloads, self.foot]
        hidden: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        gr.on(
            [on_load()],
            self.show,
            [self.chosen, narrow],
            [self.banner, self.law, self.tally, self.findings_list, *details],
            **hidden,
        )
        self.findings_list.pick(
            self.pick,
            narrow,
            [*details, self.banner],
            trigger_mode="multiple",
            queue=False,
            **hidden,
        )
        on_width_change()(self.redraw, [self.chosen, narrow], [*details, self.banner], **hidden)

    @property
    def address(self) -> PageAddress:
        """Which finding is open, as the address has it."""
        key = AddressKey("finding", "text", FIRST, high=MAX_ID_CHARACTERS)
        return PageAddress({"finding": self.chosen}, (key,))

    # --- what it does -----------------------------------------------------------------------------

    @guarded(clear=("findings_list", "law"))
    def show(self, chosen: str, narrow: bool) -> Iterator[ComponentUpdates]:
        """All findings, and what is behind one. Where they must be worked out first, that is
        said."""
        if not self._findings and not (self._folder / FINDINGS_FILE).is_file():
            yield {self.findings_list: status_line("loading", TESTING_MESSAGE)}
        findings = self._load_or_test()
        known = findings.get(chosen)
        opened = known or findings[FIRST]
        yield {
            self.banner: ""
            if known
            else banner(f"There is no finding of that name: {FIRST} is open instead."),
            self.law: law_view.law_view(findings[LAW], findings.get("L2")),
            self.tally: findings_view.verdict_counts(
                list(findings.values()), describe_looks(self._read_about())
            ),
            self.findings_list: findings_view.findings_list(list(findings.values()), opened.id),
        } | self._finding_updates(opened, narrow)

    @guarded()
    def pick(self, narrow: bool, event: gr.EventData) -> ComponentUpdates:
        """What is behind the finding that was pressed."""
        finding = self._findings.get(str(event.finding))
        if finding is None:
            return {self.chosen: gr.skip()}
        return self._finding_updates(finding, narrow)

    @guarded()
    def redraw(self, chosen: str, narrow: bool) -> ComponentUpdates:
        """What is behind the finding on screen, for another width."""
        return self._finding_updates(self._load_or_test()[chosen], narrow)

    def _finding_updates(self, finding: Finding, narrow: bool) -> ComponentUpdates:
        chart = None if finding.id == LAW else finding.chart  # the law's stands above all
        figure = (
            None
            if chart is None
            else plotly_figures.to_plot_data(analysis_charts.finding_chart(chart, narrow))
        )
        return {
            self.chosen: finding.id,
            self.head: findings_view.finding_details(finding),
            self.figure: gr.update(value=figure, visible=figure is not None),
            self.downloads: gr.update(visible=figure is not None),
            self.foot: findings_view.reproduction_command(finding),
        }

    def _read_about(self) -> dict[str, Any]:
        """Of the results that the findings are about: those of the smallest model; empty without
        any that can be read."""
        found = []
        for path in self._folder.glob(f"*/{ABOUT_FILE}"):
            with suppress(OSError, ValueError):
                found.append(json.loads(path.read_text(encoding="utf-8")))
        return min(found, key=lambda about: about.get("parameters", 0), default={})

    def _load_or_test(self) -> dict[str, Finding]:
        """The findings by id.

        Raises:
            BadInput: the file of the findings, or the results, cannot be read.
        """
        with self._lock:
            if not self._findings:
                findings = load_findings(self._folder / FINDINGS_FILE) or evaluate_findings(
                    self._folder
                )
                self._findings = {finding.id: finding for finding in findings}
            return self._findings
