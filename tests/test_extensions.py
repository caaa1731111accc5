"""Twenty lines in somebody's own file are a strategy and a selector everywhere: in processes that
know of them by TTC_EXTENSIONS alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from ttc_explorer.experiments.pool import question_blocks

ROOT = Path(__file__).parent.parent
OWN = ROOT / "tests" / "own_extension.py"

WHERE_PEOPLE_CHOOSE = """
import gradio as gr
from pathlib import Path
from ttc_explorer.extensions import load_extensions
load_extensions()
from ttc_explorer.experiments.evidence import evidence
from ttc_explorer.experiments.result_tables import Results
from ttc_explorer.search.selector import SELECTORS
from ttc_explorer.search.strategy import STRATEGIES
from ttc_explorer.ui.components.strategy_comparison import comparable_strategies
from ttc_explorer.ui.components.strategy_picker import strategy_picker
from ttc_explorer.ui.pages.curves_page import CurvesPage
from ttc_explorer.ui.plot_css import dark_theme_css
from ttc_explorer.ui.results_store import ResultsStore
from ttc_explorer.ui.strategy_colours import DEFAULT_STYLE, registered_styles

folder = Path(FOLDER)
assert "my_rule" in comparable_strategies()
styles = registered_styles()
assert styles["my_rule"] != styles["my_vote"]
for name in ("my_rule", "my_vote"):
    assert list(styles.values()).count(styles[name]) == 1 and styles[name] != DEFAULT_STYLE
    assert f"trace{name}~" in dark_theme_css()
with gr.Blocks():
    assert "Hot best-of-N" in str(strategy_picker("beam").html_template)
    page = CurvesPage(ResultsStore(folder.parent))
assert "my_vote" in page._results_store.selectors()
assert 'my_rule {}' in page._variants
table = evidence(Results.load(folder), [4], 0)
arms = set(table[["strategy", "selector"]].itertuples(index=False, name=None))
for selector in SELECTORS:
    assert ("best_of_n", selector) in arms and ("my_rule", selector) in arms, selector
own = table[(table["strategy"] == "my_rule") & (table["selector"] == "my_vote")]
assert not own["verifier_flops"].any() and (own["generator_flops"] > 0).all()
"""

pytestmark = pytest.mark.slow


def run_process(*arguments: object) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"TTC_EXTENSIONS": str(OWN), "HF_HUB_OFFLINE": "1"}
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )


def command(*arguments: object) -> str:
    """The command's output; it must succeed."""
    done = run_process("-m", "ttc_explorer", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("experiments") / "own"
    command(
        *("sweep", "--problems", "families:13", "--limit", 3, "--strategy", "my_rule"),
        *("--budget", 4, "--samples", 4, "--out", out),
    )
    return out


def test_solve_runs_and_counts_by_them():
    trace = json.loads(
        command(
            *("solve", "Solve 3x+5=20.", "--strategy", "my_rule", "--budget", 4, "--json"),
            *("--set", "selector=my_vote"),
        )
    )
    assert (trace["strategy"], trace["settings"]["selector"]) == ("my_rule", "my_vote")
    copies = {node["id"]: node.get("copies", 1) for node in trace["nodes"]}
    assert sum(copies[solution["leaf"]] for solution in trace["solutions"]) == 4
    tokens = {node["id"]: node["tokens"] for node in trace["nodes"]}
    parents = {node["id"]: node["parent"] for node in trace["nodes"]}
    for solution in trace["solutions"]:
        node, length = solution["leaf"], 0
        while node > 0:
            node, length = parents[node], length + tokens[node]
        weight = copies[solution["leaf"]] / length if solution["answer"] else 0
        assert solution["weight"] == pytest.approx(weight)
    assert trace["ledger"]["verifier_tokens"] == 0


def test_a_sweep_has_their_rows_and_columns_and_curves_estimate_them(swept: Path):
    runs, pool = (pd.read_parquet(swept / f"{name}.parquet") for name in ("runs", "pool"))
    assert set(runs["strategy"]) == {"my_rule"}
    assert runs[["my_vote", "random", "confidence"]].dtypes.astype(str).tolist() == ["bool"] * 3
    confidences = pool.filter(like="confidence_").to_numpy()
    assert confidences.shape == (12, 3)
    assert ((confidences > 0) & (confidences <= 1)).all()
    (block,) = question_blocks(pool)
    rows = json.loads(command("curves", "--pool", swept / "pool.parquet", "--k", "1,4", "--json"))
    found = {row["k"]: row["accuracy"] for row in rows if row["selector"] == "my_vote"}
    assert found[1] == pytest.approx((block.correct & (block.labels >= 0)).mean())
    assert {row["selector"] for row in rows} >= {"my_vote", "random", "confidence"}


def test_pickers_colours_curves_and_estimators_have_them(swept: Path):
    done = run_process("-c", WHERE_PEOPLE_CHOOSE.replace("FOLDER", repr(str(swept))))
    assert done.returncode == 0, done.stderr


def test_no_test_of_ours_fails_while_they_are_loaded():
    """The files that go through all strategies and selectors."""
    files = (
        "tests/search/test_driver.py",
        "tests/search/test_audit.py",
        "tests/search/test_replay.py",
        "tests/search/test_voting.py",
        "tests/models/test_chat_client.py",
        "tests/experiments/test_estimators.py",
        "tests/experiments/test_evidence.py",
        "tests/experiments/test_pool_curves.py",
        "tests/ui/test_compare_page.py",
        "tests/ui/test_curves_page.py",
        "tests/ui/test_plotly_figures.py",
    )
    done = run_process("-m", "pytest", "-q", "-m", "not slow", "-p", "no:cacheprovider", *files)
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("raise RuntimeError('not today')", "cannot be loaded: RuntimeError: not today"),
        (OWN.read_text().replace('"my_vote"', '"majority"'), "registered by"),
        (OWN.read_text().replace('"my_rule"', '"my rule"'), "cannot name a strategy"),
    ],
)
def test_an_extension_that_fails_is_one_line(tmp_path: Path, code: str, complaint: str):
    file = tmp_path / "broken.py"
    file.write_text(code)
    done = subprocess.run(
        [sys.executable, "-m", "ttc_explorer", "problems"],
        cwd=ROOT,
        env=os.environ | {"TTC_EXTENSIONS": f"{file}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1
