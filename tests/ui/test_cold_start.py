"""What the process that serves pages loads: until a page is open nothing that only a run or a
figure needs, and never torch."""

import subprocess
import sys

import pytest

from ttc_explorer.asset_files import PACKAGE_FOLDER

OPEN_THE_PAGES = """
import sys
import ttc_explorer.app as app
from ttc_explorer.ui.results_store import shipped_results
app.build_app(app.ModelManager(None), None)
late = ("torch", "transformers", "scipy", "sympy", "plotly", "statsmodels")
print([name for name in late if name in sys.modules], shipped_results()._loaded)
"""


@pytest.mark.slow
def test_pages_are_built_without_models_and_without_tables_of_results():
    built = subprocess.run(
        [sys.executable, "-c", OPEN_THE_PAGES],
        cwd=PACKAGE_FOLDER.parent,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    assert built.stdout.splitlines()[-1] == "[] {}"


USE_ALL_PAGES = """
import asyncio, sys
import httpx
import ttc_explorer.app as app
from tests.ui.toy_solver import toy_solver
from ttc_explorer.models.described_models import ModelDescription, ModelSetDescription
from ttc_explorer.serving.page_client import Browser, Job, read_functions

ENDPOINTS = {
    "solve": ["1 + 1?", "beam", 4, 0, "", None, ""],
    "compare": ["1 + 1?", ["beam", "greedy"], 4, 0, "", None, ""],
    "curves": [[{"question": "1", "answer": "5", "correct": True}] * 2, None, None, "score", 0],
    "grade": ["5", "5"],
}

def describe(name, services):
    part = ModelDescription(name, "generator", "shipped", name, "a line a step")
    return ModelSetDescription(name, part, None, None, "cpu", None, None)

async def use(address):
    async with httpx.AsyncClient(base_url=address, timeout=100) as client:
        browser = Browser(client, 0, await read_functions(client))
        await browser.reload()
        outcome = await browser.press_run(Job("1 + 1?", "beam", 4, 0), "whole")
        assert '["add",1,' in outcome.lines, outcome
        for page in browser.functions.showing:
            await browser.show_page(page)
        for name, data in ENDPOINTS.items():
            address = f"/gradio_api/call/{name}"
            event = (await client.post(address, json={"data": data})).json()["event_id"]
            reply = (await client.get(f"{address}/{event}")).text
            assert "event: complete" in reply, (name, reply)
        return sorted(browser.functions.showing)

manager = app.ModelManager(toy_solver, describe=describe)
pages = app.build_app(manager, None)
address = pages.launch(prevent_thread_lock=True, quiet=True)[1]
shown = asyncio.run(asyncio.wait_for(use(address), 250))
print(len(shown), [name for name in sys.modules if name in ("torch", "statsmodels")])
sys.stdout.flush()
app.exit_at_once(0)
"""


@pytest.mark.slow
def test_whatever_page_and_endpoint_is_used_there_is_no_torch_in_the_process_of_the_pages():
    used = subprocess.run(
        [sys.executable, "-c", USE_ALL_PAGES],
        cwd=PACKAGE_FOLDER.parent,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert used.stdout.splitlines()[-1:] == ["9 []"], used.stderr[-2000:]
