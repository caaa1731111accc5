"""Samples and search trees that other tools published, as pools and runs; one format a file."""

from ttc_explorer.experiments.importers import (
    autotts,
    crucible_cassette,
    crucible_steps,
    inspect_log,
    interlace,
    its_hub_results,
    large_language_monkeys,
    lm_eval_samples,
    optillm_results,
    qwen_math_evaluation,
    search_and_learn,
    thinkbooster,
    tree_of_thought,
)
from ttc_explorer.experiments.importers.importer import (
    IMPORTERS,
    Imported,
    Importer,
    UnknownFormat,
    detect_format,
    import_document,
    importer,
)

__all__ = [
    "IMPORTERS",
    "Imported",
    "Importer",
    "UnknownFormat",
    "autotts",
    "crucible_cassette",
    "crucible_steps",
    "detect_format",
    "import_document",
    "importer",
    "inspect_log",
    "interlace",
    "its_hub_results",
    "large_language_monkeys",
    "lm_eval_samples",
    "optillm_results",
    "qwen_math_evaluation",
    "search_and_learn",
    "thinkbooster",
    "tree_of_thought",
]
