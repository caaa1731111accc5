"""Who answers and who judges: decoding over a tree of prefixes, verifiers, and the catalogue of models."""
