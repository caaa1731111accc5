"""The keys of the address that the pages on results share."""

from __future__ import annotations

from collections.abc import Sequence

from ttc_explorer.ui.address.address_state import AddressKey
from ttc_explorer.ui.components.accuracy_curves import COST_AXES


def sweep_key(models: Sequence[str]) -> AddressKey:
    """Whose results are shown.

    Args:
        models: those that have results, at least one; the first is shown at first.
    """
    return AddressKey("sweep", "choice", models[0], tuple(models))


def compute_key() -> AddressKey:
    """What compute is counted in."""
    return AddressKey("compute", "choice", "flops", tuple(COST_AXES))
