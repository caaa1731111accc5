"""Generators and verifiers: decoding over a tree of prefixes, process reward models, and the
catalogue of models."""
