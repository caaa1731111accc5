"""On how many tokens the shipped models were trained: what makes a comparison of them fair."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ttc_explorer.asset_files import MODELS_FOLDER


def training_tokens(model: str, folder: Path = MODELS_FOLDER) -> float | None:
    """Tokens that a model read in its training, by the log beside its weights.

    Args:
        model: its name; of a path, the last part.
        folder: has a folder a model.

    Returns:
        The number of tokens, None where there is no log.
    """
    path = folder / Path(model).name / "training.parquet"
    if not path.is_file():
        return None
    return float(pd.read_parquet(path, columns=["tokens"])["tokens"].max())
