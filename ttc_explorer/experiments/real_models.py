"""Curves of real language models, from samples that others have published: figures with their
sources, none of the texts.

The shipped table (``assets/experiments/real_models.json``) is made anew by the command
``real-curves`` from a folder with the files.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import TypeAdapter

from ttc_explorer.experiments.estimators import COVERAGE
from ttc_explorer.experiments.file_import import import_files
from ttc_explorer.experiments.importers.source_document import read_document
from ttc_explorer.experiments.intervals import bootstrap
from ttc_explorer.experiments.pool_curves import default_ks, pool_curves
from ttc_explorer.problems.problem import BadInput

ONE_SAMPLE = "single"
"""The selector of a system that writes one solution."""


@dataclass(frozen=True)
class RealCurvePoint:
    """A row of ``pool_curves``: the accuracy of what ``selector`` chooses from ``k`` samples."""

    selector: str
    k: int
    accuracy: float
    low: float
    high: float
    questions: int


@dataclass(frozen=True)
class RealModel:
    """A model on a data set, as its source measured it.

    Attributes:
        model: its name, with the verifier, if there is one.
        dataset: the questions.
        files: names of the source's files.
        selectors: what the samples allow.
        repository: OWNER/NAME on GitHub, at ``commit``, where ``folder`` holds the files.
        commit: a short commit.
        folder: a path in the repository.
        licence: of the files.
        note: what a reader must know beside the figures; may be empty.
        points: the curves.
    """

    model: str
    dataset: str
    files: tuple[str, ...]
    selectors: tuple[str, ...]
    repository: str
    commit: str
    folder: str
    licence: str
    note: str = ""
    points: tuple[RealCurvePoint, ...] = ()

    def at_most(self, selector: str) -> RealCurvePoint | None:
        """The point of a selector at the most samples.

        Args:
            selector: one of the model's ``selectors``.

        Returns:
            The point, or None where the selector was not computed.
        """
        own = [point for point in self.points if point.selector == selector]
        return max(own, key=lambda point: point.k, default=None)


SAMPLED = (
    RealModel(
        "Qwen2.5-1.5B-Instruct, Skywork-o1-Open-PRM-1.5B",
        "MATH-500, its first 40 questions",
        tuple(f"math500-bestofn-seed{seed}.json" for seed in (0, 1, 2)),
        (COVERAGE, "majority", "best", "weighted"),
        "satchmakua/crucible-ttc",
        "fb47019",
        "tests/fixtures",
        "MIT",
    ),
    RealModel(
        "Qwen2.5-0.5B-Instruct",
        "GSM8K, 200 questions of its test set",
        ("gsm8k_trajectories.jsonl",),
        (COVERAGE, "majority", "confidence"),
        "voidlinestudios12-jpg/Interlace-AI",
        "2e304a5",
        "best-of-n/results",
        "Apache-2.0",
        "The confidence is the mean log-probability of a solution's tokens.",
    ),
    RealModel(
        "GPT-4, chain of thought",
        "Game of 24, puzzles 900 to 999",
        ("gpt-4_0.7_naive_cot_sample_100_start900_end1000.json",),
        (COVERAGE, "majority"),
        "princeton-nlp/tree-of-thought-llm",
        "ab40034",
        "logs/game24",
        "MIT",
        "Answers are expressions, equal where they are written alike.",
    ),
)

GSM8K_SOLUTIONS = "example_model_solutions.jsonl"
GSM8K_QUESTIONS = 1319
GSM8K_SYSTEMS = {
    "6b_finetuning": ("GPT-3 6B", ONE_SAMPLE, 1),
    "6b_verification": ("GPT-3 6B, verifier", "best", 100),
    "175b_finetuning": ("GPT-3 175B", ONE_SAMPLE, 1),
    "175b_verification": ("GPT-3 175B, verifier", "best", 100),
}
"""The systems of OpenAI's file: model, what chooses, from how many samples (arXiv 2110.14168,
section 4)."""
GSM8K_PART_NOTE = (
    "Only {questions} of the file's 1,319 questions were at hand, so the interval is wide. Counted "
    "elsewhere on all 1,319: 6B with verifier 39.0 %, 175B alone 34.7 %."
)


def compute_real_models(
    folder: Path, on_progress: Callable[[str], None] = lambda _: None, seed: int = 0
) -> list[RealModel]:
    """The curves of every source whose files are in a folder, or in folders in it.

    Args:
        folder: where the files lie, under the names that they have in their repositories; of
            OpenAI's file a beginning will do, as ``gsm8k_model_solutions*.jsonl``.
        on_progress: called with a message on how far it is.
        seed: of subsets and bootstrap.

    Returns:
        The sources found, with their points.

    Raises:
        BadInput: there is none, or a file is not what it should be.
    """
    if not folder.is_dir():
        raise BadInput(f"There is no folder {folder}: give the one with the sources' files.")
    found = []
    for source in SAMPLED:
        paths = [path for name in source.files for path in sorted(folder.rglob(name))[:1]]
        if len(paths) == len(source.files):
            pool = import_files(paths, on_progress=on_progress).pool
            if pool is None:
                raise BadInput(f"{paths[0].name} holds no samples.")
            curves = pool_curves(pool, default_ks(pool), source.selectors, seed=seed)
            found.append(replace(source, points=_points(curves)))
    solutions = [*folder.rglob(GSM8K_SOLUTIONS), *folder.rglob("gsm8k_model_solutions*.jsonl")]
    if solutions:
        found += _gsm8k_systems(solutions[0], seed)
    if not found:
        raise BadInput(
            f"{folder} holds no file of a known source: {', '.join(_file_names())} are looked for."
        )
    return found


def _file_names() -> list[str]:
    return [*(name for source in SAMPLED for name in source.files), GSM8K_SOLUTIONS]


def _points(curves: pd.DataFrame) -> tuple[RealCurvePoint, ...]:
    return tuple(
        RealCurvePoint(
            str(row["selector"]),
            int(row["k"]),
            float(row["accuracy"]),
            float(row["low"]),
            float(row["high"]),
            int(row["questions"]),
        )
        for row in curves.to_dict("records")
    )


def _gsm8k_systems(path: Path, seed: int) -> list[RealModel]:
    """The four systems of OpenAI's file, one solution each a question."""
    document = read_document(path)
    verdicts: dict[str, list[float]] = {name: [] for name in GSM8K_SYSTEMS}
    try:
        for _, row in document.rows():
            for name, right in verdicts.items():
                system = row[name]
                if not isinstance(system, dict) or not isinstance(system["is_correct"], bool):
                    raise TypeError(name)
                right.append(float(system["is_correct"]))
    except (KeyError, TypeError):
        raise BadInput(
            f"{document.place} of {path.name} is not what OpenAI's {GSM8K_SOLUTIONS} looks like."
        ) from None
    found = []
    for name, (model, selector, k) in GSM8K_SYSTEMS.items():
        values = np.array(verdicts[name])
        accuracy, low, high = (float(figure) for figure in bootstrap(values, seed=seed))
        asked = len(values)
        whole = asked == GSM8K_QUESTIONS
        found.append(
            RealModel(
                model,
                "GSM8K test set" if whole else f"GSM8K, the first {asked} of its test set",
                (GSM8K_SOLUTIONS,),
                (selector,),
                "openai/grade-school-math",
                "3101c7d",
                "grade_school_math/data",
                "MIT",
                "" if whole else GSM8K_PART_NOTE.format(questions=asked),
                (RealCurvePoint(selector, k, accuracy, low, high, asked),),
            )
        )
    return found


def dump_real_models(models: Iterable[RealModel]) -> str:
    """The table as JSON.

    Args:
        models: with their points.

    Returns:
        What ``load_real_models`` reads.
    """
    return json.dumps([asdict(model) for model in models], indent=1) + "\n"


def load_real_models(path: Path) -> list[RealModel]:
    """The table that is shipped; empty where there is none.

    Args:
        path: a file of ``dump_real_models``.

    Returns:
        The sources, with their points.
    """
    if not path.is_file():
        return []
    return _MODELS.validate_json(path.read_bytes())


_MODELS = TypeAdapter(list[RealModel])
