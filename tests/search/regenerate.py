"""Write the stored trees anew, after a change that is meant to change them: python -m tests.search.regenerate

They were made by the toy models of fakes.py, whose texts and scores are pure functions of the seed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.search.fakes import ToyGenerator, ToyVerifier, examine, toy_run
from ttc_explorer.search.driver import Driver
from ttc_explorer.search.run import Run
from ttc_explorer.search.trace import to_trace

FOLDER = Path(__file__).parent / "stored"

CASES: dict[str, dict[str, Any]] = {
    "greedy": {"strategy": "greedy", "budget": 1},
    "best_of_n": {"strategy": "best_of_n", "budget": 4, "selector": "majority"},
    "beam": {"strategy": "beam", "budget": 8, "width": 4},
    "beam_uneven": {"strategy": "beam", "budget": 7, "width": 3, "aggregate": "min", "selector": "best"},
    "beam_out_of_rounds": {"strategy": "beam", "budget": 8, "width": 2, "rounds": 3},
}


def solved(case: str) -> Run:
    """The run of that name, by the toy models, in no time."""
    run = toy_run(seed=2, **CASES[case])
    driver = Driver(ToyGenerator(), ToyVerifier(), examine, clock=lambda: 0.0)
    driver.add(run)
    while driver.tick():
        pass
    return run


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for case in CASES:
        lines = json.dumps(to_trace(solved(case)), indent=1, ensure_ascii=False)
        (FOLDER / f"{case}.json").write_text(lines + "\n", encoding="utf-8")
