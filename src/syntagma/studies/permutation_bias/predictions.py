"""What theory says, as tables: eigenvalues by representation, and the sample complexities that follow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from syntagma.studies.permutation_bias.facts import Levels
from syntagma.studies.permutation_bias.settings import PermutationBias

_ROUNDING = 1e-9
"""Eigenvalues below this share of their trace bound are rounding."""


def spectrum_table(spectra: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """One row a level: block, representation, eigenvalue with its error, multiplicity, and the trace bound.

    Levels below their error, or lost in rounding, are left out; the largest of each representation is kept.
    """
    rows = []
    for block, fact in spectra.items():
        for name, sector in fact["sectors"].items():
            for place, (value, error) in enumerate(zip(sector["eigenvalues"], sector["errors"], strict=True)):
                if place and value <= max(error, _ROUNDING * sector["bound"]):
                    continue
                rows.append(
                    {
                        "block": block,
                        "representation": name,
                        "place": place,
                        "eigenvalue": value,
                        "error": error,
                        "multiplicity": sector["dimension"],
                        "bound": sector["bound"],
                        "reached": sector["reached"],
                    }
                )
    return pd.DataFrame(rows)


def growth_table(settings: PermutationBias, spectra: Mapping[int, Mapping[str, Any]]) -> pd.DataFrame:
    """Examples at half the error, and what the trace bound alone asks for, against T."""
    rows = []
    for name, lengths in settings.lengths.items():
        for length in lengths:
            if length not in spectra:
                continue
            levels = Levels(spectra[length], settings.ridge)
            sector = spectra[length]["sectors"][name]
            rows.append(
                {
                    "representation": name,
                    "length": length,
                    "dimension": sector["dimension"],
                    "eigenvalue": sector["eigenvalues"][0],
                    "half_error": levels.half(name),
                    "trace_bound": levels.bound(name),
                }
            )
    return pd.DataFrame(rows)
