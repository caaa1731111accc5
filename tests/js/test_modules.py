"""The viewer's modules under Node's own test runner: ``*.test.mjs``, fed with stored runs."""

from __future__ import annotations

import json
import os
import subprocess
from itertools import product
from pathlib import Path

import pytest
from playwright._impl._driver import compute_driver_executable

from tests.search.fakes import Toys, toy_run
from tests.search.regenerate import CASES, run_case
from tests.ui.test_address_state import KEYS
from ttc_explorer.search.run import Run
from ttc_explorer.search.selector import SELECTORS
from ttc_explorer.search.settings import AGGREGATES
from ttc_explorer.search.tree import (
    CopyAdded,
    NodeAdded,
    NodeScored,
    SearchTree,
    StatusChanged,
    ValueUpdated,
)
from ttc_explorer.search.voting import lacks_figures, ranked_votes
from ttc_explorer.ui.address.address_state import browser_keys
from ttc_explorer.ui.html_templates import typeset_math
from ttc_explorer.ui.lessons.lesson_format import FACTS
from ttc_explorer.ui.run_viewer.module_bundler import bundle_modules, exported_names
from ttc_explorer.ui.run_viewer.printable_text import single_line
from ttc_explorer.ui.run_viewer.stream import RunStream
from ttc_explorer.ui.run_viewer.viewer_options import FOLDER

TESTS = sorted(Path(__file__).parent.glob("*.test.mjs"))
NODE = compute_driver_executable()[0]
MATHS = [
    "x^2-20x+99=0", "-11*-4=44", "x - 5 <= 3", "-26-19=-45 -4+1=-3", "(a+b)^10/2", "Answer: -7,4",
    "A price of 5 is well-known", "3*3=9 want 8 off -1 no", "no", "2*x^2-7=1", "a = 2 2*2=4 ok",
    "so x^{2n} != y_1; it's 17.5%", "f(x)=3x-1", "", "((", "^^2", "1 2 3", "a\nb",
]  # fmt: skip


def tree_states(tree: SearchTree) -> list[dict[str, object]]:
    """The tree as it stood after each of its events: columns of the nodes that there were."""
    state: dict[str, list[object]] = {
        "parent": [], "kind": [], "status": [], "score": [], "visits": [], "value": [], "copies": []
    }  # fmt: skip
    states = []
    for event in tree.events:
        match event:
            case NodeAdded(node):
                kind = tree.kind[node]
                born = {"root": "kept", "revision": "finished", "rollout": "pruned"}.get(
                    kind,
                    "finished" if tree.answer[node] is not None or kind == "answer" else "open",
                )
                for key, value in {
                    "parent": tree.parent[node],
                    "kind": kind,
                    "status": born,
                }.items():
                    state[key].append(value)
                for key in ("score", "visits", "value"):
                    state[key].append(None)
                state["copies"].append(1)
            case CopyAdded(node):
                state["copies"][node] += 1
            case NodeScored(node, score):
                state["score"][node] = round(score, 4)
            case StatusChanged(node, status):
                state["status"][node] = status
            case ValueUpdated(node, visits, value):
                state["visits"][node], state["value"][node] = visits, round(value, 4)
        states.append(json.loads(json.dumps(state)))
    return states


def growing_streams(run: Run) -> list[str]:
    """The stream after each event of the run, as if the page had looked that often."""
    stream, events, stopped = RunStream("r", run), run.tree.events, run.stopped
    texts = []
    for count in range(1, len(events) + 1):
        run.tree.events = events[:count]
        run.stopped = stopped if count == len(events) else None
        texts.append(stream.update())
    run.tree.events = events
    return texts


def votes_of(run: Run) -> dict[str, list[list[object]]]:
    """By selector and aggregate, what ``voting.py`` says."""
    return {
        f"{selector} {aggregate}": [
            [
                single_line(vote.answer, 200),
                vote.count,
                round(vote.weight, 6),
                vote.leaf,
                None if vote.score is None else round(vote.score, 6),
            ]
            for vote in ranked_votes(run.tree, selector, aggregate, run.settings.confidence)
            if not lacks_figures(run.tree, selector, aggregate)
        ]
        for selector in SELECTORS
        for aggregate in AGGREGATES
    }


@pytest.fixture(scope="session")
def fixtures(tmp_path_factory) -> Path:
    """A file with the stored runs as streams, and what Python says of them."""
    runs = {}
    stored = {
        f"{case} merged" if merge else case: run_case(case, merge)
        for case, merge in product(CASES, (False, True))
    }
    lines = toy_run("beam", 8, seed=1, step="tokens:20")  # steps of several lines
    for case, run in (stored | {"beam of lines": Toys().drive(lines)[0]}).items():
        texts = growing_streams(run)
        runs[case] = {
            "stream": texts[-1],
            "lengths": [len(text) for text in texts],
            "states": tree_states(run.tree),
            "votes": votes_of(run),
            "solutions": {leaf: run.tree.solution(leaf) for leaf in run.tree.leaves()},
        }
    file = tmp_path_factory.mktemp("js") / "runs.json"
    maths = [[text, typeset_math(text)] for text in MATHS]
    file.write_text(
        json.dumps(
            {
                "runs": runs,
                "maths": maths,
                "addressKeys": browser_keys(KEYS),
                "lessonFacts": list(FACTS),
            }
        ),
        "utf-8",
    )
    return file


@pytest.mark.parametrize("test", TESTS, ids=lambda test: test.stem)
def test_modules_under_node(test, fixtures):
    done = subprocess.run(
        [NODE, "--test", "--test-reporter=spec", str(test)],
        env=os.environ | {"FIXTURES": str(fixtures), "MODULES": str(FOLDER)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr


@pytest.mark.parametrize("entry", ["viewer", "comparison"])
def test_the_bundles_are_scripts(tmp_path, entry):
    script = tmp_path / "bundle.js"
    script.write_text(bundle_modules(FOLDER / f"{entry}.js", ()), "utf-8")
    done = subprocess.run([NODE, "--check", str(script)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_no_module_parses_html():
    own = (FOLDER, FOLDER.parent / "lessons", FOLDER.parent / "run_history")
    for file in (file for folder in own for file in folder.glob("*.js")):
        source = file.read_text("utf-8")
        for parser in (
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "DOMParser",
        ):
            assert parser not in source, f"{file.name} uses {parser}"


def test_a_bundle_is_the_modules_in_the_order_that_they_need(tmp_path):
    (tmp_path / "a.js").write_text('import { b, C } from "./b.js";\nexport const a = b() + C;\n')
    (tmp_path / "b.js").write_text(
        'import { D } from "./d.js";\nexport function b() { return D; }\nexport const C = 2;\n'
    )
    (tmp_path / "d.js").write_text("export class D {}\nD.toString = () => 40;\n")
    script = bundle_modules(tmp_path / "a.js", ("a",)) + "console.log(a);"
    done = subprocess.run([NODE, "-e", script], capture_output=True, text=True)
    assert done.stdout == "402\n" or done.stdout.endswith("2\n"), done.stderr
    assert exported_names((tmp_path / "b.js").read_text()) == ["b", "C"]


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ('import { a } from "./a.js";\n', "in a circle"),
        ("export default 3;\n", "names in braces"),
        ('import * as b from "./b.js";\n', "names in braces"),
    ],
)
def test_a_bundle_refuses_what_it_cannot_do(tmp_path, source, sentence):
    (tmp_path / "a.js").write_text(source)
    with pytest.raises(ValueError, match=sentence):
        bundle_modules(tmp_path / "a.js", ())
