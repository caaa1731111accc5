"""The runs of this browser: kept by it, opened again by their addresses, compared."""
