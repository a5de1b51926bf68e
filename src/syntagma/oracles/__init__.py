"""Exact inference: what the ideal observer of a language predicts."""

from syntagma.oracles.exchangeable import CategoricalMixtureOracle, DirichletMultinomialOracle
from syntagma.oracles.forward import ForwardOracle
from syntagma.oracles.oracle import LabelOracle, Oracle, has_oracle, oracle_of
from syntagma.oracles.tree import TreeOracle

__all__ = [
    "CategoricalMixtureOracle",
    "DirichletMultinomialOracle",
    "ForwardOracle",
    "LabelOracle",
    "Oracle",
    "TreeOracle",
    "has_oracle",
    "oracle_of",
]
