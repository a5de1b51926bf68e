"""Representations of the symmetric group: partitions, projectors, and the spectrum of a kernel on each of them."""

from syntagma.theory.symmetric_group.partitions import (
    character,
    conjugate,
    dimension,
    joint_multiplicity,
    kostka,
    partitions,
    sequence_multiplicities,
    symbol_multiplicity,
)
from syntagma.theory.symmetric_group.projectors import project
from syntagma.theory.symmetric_group.sectors import KernelSectors, Sector, decompose, default_degree, sector_spectrum
from syntagma.theory.symmetric_group.words import gram_of_tables, tables

__all__ = [
    "KernelSectors",
    "Sector",
    "character",
    "conjugate",
    "decompose",
    "default_degree",
    "dimension",
    "gram_of_tables",
    "joint_multiplicity",
    "kostka",
    "partitions",
    "project",
    "sector_spectrum",
    "sequence_multiplicities",
    "symbol_multiplicity",
    "tables",
]
