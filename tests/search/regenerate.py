"""Write the stored trees anew, after a change that is meant to change them: python -m
tests.search.regenerate

They were made by the toy models of fakes.py, whose texts and scores are pure functions of the seed:
each search once with every sample a node of its own, and once, by toys that often write the same
step, with equal steps merged.
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
    "budget_forcing": {
        "strategy": "budget_forcing",
        "budget": 4,
        "thinking": 40,
        "waits": 1,
        "probe": 12,
        "selector": "majority",
    },
    "adaptive": {"strategy": "adaptive", "budget": 12, "selector": "majority"},
    "auto": {"strategy": "auto", "budget": 8},
}


def run_case(case: str, merge: bool) -> Run:
    """The run of that name, by the toy models, in no time."""
    terms, seed = (2, 58) if merge else (30, 2)
    (run,) = Toys(terms=terms).drive(toy_run(seed=seed, merge=merge, **CASES[case]))
    return run


def stored_file(case: str, merge: bool) -> Path:
    """Where its trace is."""
    return FOLDER / ("merged" if merge else "") / f"{case}.json"


if __name__ == "__main__":
    for merge in (False, True):
        for case in CASES:
            lines = json.dumps(to_trace(run_case(case, merge)), indent=1, ensure_ascii=False)
            stored_file(case, merge).parent.mkdir(parents=True, exist_ok=True)
            stored_file(case, merge).write_text(lines + "\n", encoding="utf-8")
