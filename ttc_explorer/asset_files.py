"""Where the shipped files are: models, results, recorded runs.

They are the folder ``assets`` of a checkout, and ``ttc_explorer/assets`` of an installed wheel.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

PACKAGE_FOLDER = Path(str(files("ttc_explorer")))
"""The package itself; its parent is where Python finds it."""

_PACKAGED_ASSETS = PACKAGE_FOLDER / "assets"
ASSETS_FOLDER = _PACKAGED_ASSETS if _PACKAGED_ASSETS.is_dir() else PACKAGE_FOLDER.parent / "assets"
MODELS_FOLDER = ASSETS_FOLDER / "models"
"""The shipped models, a Hugging Face folder each, and ``measured.json``."""
EXPERIMENTS_FOLDER = ASSETS_FOLDER / "experiments"
"""The shipped tables, a folder a generator, and what was worked out from them."""
POLICY_FILE = EXPERIMENTS_FOLDER / "policy.json"
"""The compute-optimal policy that ``auto`` follows."""
REAL_MODELS_FILE = EXPERIMENTS_FOLDER / "real_models.json"
"""Figures of real language models, with their sources."""
THOUGHT_TABLES_FILE = EXPERIMENTS_FOLDER / "thought_tables.json"
"""What thoughts of real models reach, by their number and length, with their sources."""
RECORDED_RUNS_FOLDER = ASSETS_FOLDER / "recorded"
"""Traces that pages open on."""
GALLERY_FOLDER = RECORDED_RUNS_FOLDER / "real"
"""Runs of real language models, with a list of them."""
LESSONS_FOLDER = ASSETS_FOLDER / "lessons"
"""The shipped lessons, one a file."""
TEXTS_FOLDER = ASSETS_FOLDER / "texts"
"""Translations of the page's texts, a file a language."""
