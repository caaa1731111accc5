"""The gallery of real runs: recorded by a command, listed with model and day, and shown."""

import json
from datetime import date
from types import SimpleNamespace

import gradio as gr
import pytest
from typer.testing import CliRunner

from tests.ui.toy_solver import finished_run
from ttc_explorer.asset_files import GALLERY_FOLDER
from ttc_explorer.cli.main import cli
from ttc_explorer.experiments import solver as solver_module
from ttc_explorer.experiments.run_gallery import (
    LIST_NAME,
    add_to_gallery,
    load_gallery,
    open_entry,
    trace_name,
)
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.trace import dump_trace
from ttc_explorer.ui.components.run_gallery_panel import RunGalleryPanel, gallery_list

TODAY = date(2026, 11, 30)
MAX_BYTES = 100_000
"""Of all shipped traces of the gallery together."""


def panel_of(folder):
    with gr.Blocks():
        return RunGalleryPanel(folder)


def test_a_run_is_listed_with_model_day_and_command_and_replaced_by_its_title(tmp_path):
    run = finished_run()
    first = add_to_gallery(tmp_path, run, "One run", "ttc-explorer record …", TODAY)
    add_to_gallery(tmp_path, run, "Another run", "again", TODAY)
    add_to_gallery(tmp_path, run, "One run", "anew", TODAY)
    listed = load_gallery(tmp_path)
    assert [(entry.title, entry.command) for entry in listed] == [
        ("Another run", "again"),
        ("One run", "anew"),
    ]
    assert first.file == "one-run.json.gz"
    assert first.recorded == "2026-11-30"
    assert first.model == f"{run.model}, judged by {run.verifier}"
    assert dump_trace(open_entry(tmp_path, listed[1])) == dump_trace(run)


def test_titles_and_lists_that_cannot_be_used_are_refused(tmp_path):
    for title in ("…", "x" * 81):
        with pytest.raises(BadInput, match="Give the run a title"):
            trace_name(title)
    (tmp_path / LIST_NAME).write_text('[{"file": 1}]')
    with pytest.raises(BadInput, match="is not the list of a gallery"):
        load_gallery(tmp_path)
    assert not panel_of(tmp_path)._entries  # the page opens all the same


def test_a_press_shows_the_run_and_strange_presses_a_sentence(tmp_path):
    run = finished_run()
    entry = add_to_gallery(tmp_path, run, "<b>One</b> run", "ttc-explorer record <x>", TODAY)
    panel = panel_of(tmp_path)
    assert "<b>One</b>" not in panel.list.value
    shown = panel.pick(SimpleNamespace(file=entry.file))
    assert json.loads(shown[panel.viewer].split("\n")[0])[0] == "run"
    assert "record &lt;x&gt;" in shown[panel.about]
    for strange in (SimpleNamespace(file="../opening.json.gz"), SimpleNamespace()):
        assert "no such run" in panel.pick(strange)[panel.banner]
    (tmp_path / entry.file).unlink()
    assert "cannot be read" in panel.pick(SimpleNamespace(file=entry.file))[panel.banner]
    assert gallery_list([]) == ""


def test_the_command_records_what_it_solves(tmp_path, monkeypatch):
    run = finished_run()

    class Solver:
        def __init__(self, model):
            self.model = model

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def settings(self, **values):
            return values

        def run(self, *asked):
            assert asked[1:] == ("best_of_n", 2, 0, {"temperature": "0.3"})
            return run

        def drive(self, runs, on_round):
            on_round()

    monkeypatch.setattr(solver_module, "Solver", Solver)
    asked = ["record", "1 + 1", "--title", "A sum", "--budget", "2", "--set", "temperature=0.3"]
    result = CliRunner().invoke(cli, [*asked, "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    (entry,) = load_gallery(tmp_path)
    assert entry.title == "A sum"
    nowhere = CliRunner().invoke(cli, [*asked, "--out", str(tmp_path / "nowhere")])
    assert nowhere.exit_code == 2


def test_the_shipped_runs_are_small_and_can_be_shown():
    panel = panel_of(GALLERY_FOLDER)
    assert len(panel._entries) >= 3
    assert sum(path.stat().st_size for path in GALLERY_FOLDER.iterdir()) < MAX_BYTES
    for name, entry in panel._entries.items():
        assert entry.command.startswith("ttc-explorer record ")
        assert "SmolLM2" in entry.model
        assert panel.pick(SimpleNamespace(file=name))[panel.banner] == ""
        run = open_entry(GALLERY_FOLDER, entry)
        for model in (run.model, *filter(None, [run.verifier])):
            address = model.partition(" at ")[2].partition(",")[0]
            assert f"http://{address}/v1" in entry.command  # what recorded it
