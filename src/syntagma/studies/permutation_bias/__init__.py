"""Permutation bias: what the symmetry of an infinitely wide transformer block says of what it learns, and how fast.

A block whose positions are exchangeable has a kernel with K(pi X, pi Y) = K(X, Y), so each eigenvalue belongs to an
irreducible representation of the symmetric group of positions, and is repeated as often as its dimension. From the
eigenvalues follows how many examples a target in each representation takes; the rest is measured. Representations of
S_T are named by their tails, see `permutation_bias.settings`.
Source: arXiv 2402.05173.
"""

from __future__ import annotations

from syntagma.studies.permutation_bias.claims import claims
from syntagma.studies.permutation_bias.figures import figures
from syntagma.studies.permutation_bias.measured import cells, facts, measure
from syntagma.studies.permutation_bias.presets import PRESETS
from syntagma.studies.permutation_bias.settings import PermutationBias
from syntagma.studies.permutation_bias.tables import predictions, tables
from syntagma.studies.study import Study

__all__ = ["PRESETS", "STUDY", "PermutationBias"]

STUDY = Study(
    name="permutation-bias",
    title="What permutation symmetry says of a transformer's learning curves",
    paper="arXiv 2402.05173",
    settings=PermutationBias,
    presets=PRESETS,
    facts=facts,
    cells=cells,
    predictions=predictions,
    measure=measure,
    tables=tables,
    claims=claims,
    figures=figures,
)
