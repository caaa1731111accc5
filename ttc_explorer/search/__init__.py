"""How compute is spent: strategies as pure generators over a search tree, selection, and the
driver."""
