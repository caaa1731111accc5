"""Write the stored trees anew, after a change that is meant to change them: python -m
tests.search.regenerate

They were made by the toy models of fakes.py, whose texts and scores are pure functions of the seed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.search.fakes import Toys, toy_run
from ttc_explorer.search.run import Run
from ttc_explorer.search.trace import to_trace

FOLDER = Path(__file__).parent / "stored"

CASES: dict[str, dict[str, Any]] = {
    "greedy": {"strategy": "greedy", "budget": 1},
    "best_of_n": {"strategy": "best_of_n", "budget": 4, "selector": "majority"},
    "beam": {"strategy": "beam", "budget": 8, "width": 4},
    "beam_uneven": {
        "strategy": "beam",
        "budget": 7,
        "width": 3,
        "aggregate": "min",
        "selector": "best",
    },
    "beam_out_of_rounds": {"strategy": "beam", "budget": 8, "width": 2, "rounds": 3},
    "beam_root_of_budget": {"strategy": "beam", "budget": 9, "width": 0},
    "lookahead": {"strategy": "lookahead", "budget": 4, "width": 2, "lookahead": 2},
    "dvts": {"strategy": "dvts", "budget": 7, "width": 3},
    "rebase": {"strategy": "rebase", "budget": 8},
    "particles": {"strategy": "particles", "budget": 8},
    "mcts": {"strategy": "mcts", "budget": 8, "width": 3},
    "revise": {"strategy": "revise", "budget": 7, "chains": 3},
    "hybrid": {"strategy": "hybrid", "budget": 8, "width": 2, "chains": 2},
    "adaptive": {"strategy": "adaptive", "budget": 12, "selector": "majority"},
    "auto": {"strategy": "auto", "budget": 8},
}


def run_case(case: str) -> Run:
    """The run of that name, by the toy models, in no time."""
    (run,) = Toys().drive(toy_run(seed=2, **CASES[case]))
    return run


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for case in CASES:
        lines = json.dumps(to_trace(run_case(case)), indent=1, ensure_ascii=False)
        (FOLDER / f"{case}.json").write_text(lines + "\n", encoding="utf-8")
