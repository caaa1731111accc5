"""Composes the application and launches it: ``python app.py``."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from ttc_explorer.search.driver import Driver
from ttc_explorer.search.trace import load as load_trace
from ttc_explorer.ui.engine import Engine
from ttc_explorer.ui.pages import build_app
from ttc_explorer.ui.theme import looks

OPENING = Path(__file__).parent / "assets" / "recorded" / "opening.json.gz"


def shipped() -> Driver:
    """The shipped models and the grader; torch is imported here, long after the page is open."""
    from ttc_explorer.models.catalogue import load
    from ttc_explorer.problems.grading import Grader, examine

    models, grader = load(), Grader()
    return Driver(
        models.generator,
        models.verifier,
        partial(examine, grader=grader),
        reviser=models.reviser,
        revision_verifier=models.revision_verifier,
    )


def main() -> None:
    opening = load_trace(OPENING.read_bytes()) if OPENING.exists() else None
    build_app(Engine(shipped), opening).launch(max_file_size="64mb", **looks())


if __name__ == "__main__":
    main()
