"""The ground that the rest stands on: what the README promises, the requirements, the floors of the
house."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from fnmatch import fnmatch
from importlib.metadata import packages_distributions
from pathlib import Path

import pandas as pd
import pytest
from huggingface_hub import metadata_load
from transformers import AutoModelForCausalLM

from ttc_explorer.models.catalogue import fingerprints

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "ttc_explorer"
FLOORS = ("problems", "models", "search", "experiments", "training", "serving", "ui", "cli")
IMPURE = {
    "gradio",
    "httpx",
    "os",
    "pathlib",
    "requests",
    "socket",
    "subprocess",
    "time",
    "torch",
    "transformers",
}
OPTIONAL = {"ray", "spaces"}  # on a cluster, and on a Space with lent GPUs
UNIMPORTED = {"pyarrow"}  # pandas reads and writes Parquet with it


def imported(file: Path) -> set[str]:
    """Every module that a file imports, wherever in the file, as a dotted name."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file.name} imports relatively"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def pins() -> dict[str, str]:
    """Name to version of each requirement."""
    lines = (ROOT / "requirements.txt").read_text().split()
    return dict(line.split("==") for line in lines)


def front_matter() -> dict:
    return metadata_load(ROOT / "README.md")


def test_spaces_would_run_what_was_tested():
    card = front_matter()
    assert card["sdk"] == "gradio"
    assert card["sdk_version"].startswith(pins()["gradio"].removesuffix("*"))
    assert len(card["short_description"]) <= 60
    assert (ROOT / card["app_file"]).is_file()
    assert f"FROM python:{card['python_version']}-slim" in (ROOT / "Dockerfile").read_text()


def test_the_readme_points_only_at_files_that_exist():
    text = (ROOT / "README.md").read_text()
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert target.startswith("https://") or (ROOT / target).exists(), target


def test_the_readme_names_both_commands():
    text = (ROOT / "README.md").read_text()
    assert "pip install -r requirements.txt && python app.py\n" in text
    assert "bash tests/run.sh\n" in text


def test_requirements_are_what_the_code_imports():
    files = [ROOT / "app.py", *PACKAGE.rglob("*.py")]
    modules = {name.split(".")[0] for file in files for name in imported(file)}
    modules -= {*sys.stdlib_module_names, *OPTIONAL, "ttc_explorer"}
    known = packages_distributions()
    needed = {re.sub(r"[._]", "-", known[module][0]).lower() for module in modules}
    assert needed | UNIMPORTED == set(pins())


def test_the_lock_holds_every_requirement_by_hash_and_names_no_host():
    text = (ROOT / "requirements.lock").read_text()
    locked = dict(re.findall(r"^([\w-]+)==(\S+) \\\n    --hash=sha256:[0-9a-f]{64}$", text, re.M))
    assert len(locked) == text.count("==") == text.count("--hash")
    assert "://" not in text
    for name, pin in pins().items():
        assert fnmatch(locked[name].partition("+")[0], pin), name
    table = (ROOT / "docs" / "dependencies.md").read_text()
    assert dict(re.findall(r"^\| ([\w-]+) \| (\d\S*) \| [^|]+ \|$", table, re.M)) == locked


@pytest.mark.parametrize("floor", FLOORS)
def test_a_floor_imports_only_from_those_below_it(floor):
    above = FLOORS[FLOORS.index(floor) + 1 :]
    for file in (PACKAGE / floor).rglob("*.py"):
        for name in imported(file):
            package, _, rest = name.partition(".")
            assert package != "ttc_explorer" or rest.split(".")[0] not in above, (
                f"{file.name} imports {name}"
            )


def test_searches_are_pure():
    for file in (PACKAGE / "search").rglob("*.py"):
        if file.name != "driver.py":
            impure = {name.split(".")[0] for name in imported(file)} & IMPURE
            assert not impure, f"{file.name} imports {impure}"


def test_no_tracked_file_is_over_10_megabytes():
    names = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True
    ).stdout
    large = [name for name in names.split("\0") if name and (ROOT / name).stat().st_size > 10e6]
    assert not large


def test_what_is_shipped_was_measured_with_the_weights_that_are_shipped():
    experiments = ROOT / "assets" / "experiments"
    tables = [json.loads(path.read_text()) for path in sorted(experiments.glob("*/about.json"))]
    policy = json.loads((experiments / "policy.json").read_text())
    for about in (*tables, policy["about"]):
        names = [about[key] for key in ("model", "verifier", "reviser", "revision_verifier")]
        assert about["weights"] == fingerprints((*names, *about["judges"]))


def test_the_family_has_three_sizes_on_equal_tokens_in_sixty_megabytes():
    models = ROOT / "assets" / "models"
    bases = [models / name for name in ("base-s", "base-m", "base-l")]
    small, medium, large = (
        AutoModelForCausalLM.from_pretrained(base).num_parameters() for base in bases
    )
    assert 3 <= medium / small <= 5
    assert 12 <= large / small <= 16
    assert len({pd.read_parquet(base / "training.parquet")["tokens"].max() for base in bases}) == 1
    assert sum(file.stat().st_size for file in models.glob("*/*.safetensors")) < 60e6
