"""Exact inference: what the ideal observer of a language predicts."""

from syntagma.oracles.oracle import LabelOracle, Oracle, has_oracle, oracle_of
from syntagma.oracles.tree import TreeOracle

__all__ = ["LabelOracle", "Oracle", "TreeOracle", "has_oracle", "oracle_of"]
