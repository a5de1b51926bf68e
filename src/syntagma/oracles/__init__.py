"""Exact inference: what the ideal observer of a language predicts."""

from syntagma.oracles.tree import TreeOracle

__all__ = ["TreeOracle"]
