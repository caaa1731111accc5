"""The selectors that come with the package, one a file; each registers itself."""

from ttc_explorer.search.selector import SELECTORS
from ttc_explorer.search.selectors import (
    best_score,
    confidence_vote,
    majority_vote,
    random_choice,
    weighted_vote,
)

SELECTORS.put_first(("majority", "best", "weighted", "random", "confidence"))

__all__ = ["best_score", "confidence_vote", "majority_vote", "random_choice", "weighted_vote"]
