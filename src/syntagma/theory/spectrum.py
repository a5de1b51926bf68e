"""The spectrum of a kernel operator as (eigenvalue, multiplicity) levels, so that degenerate levels cost nothing.

The operator is (K f)(x) = E_y[K(x, y) f(y)] under the distribution of the inputs; its trace is E_x[K(x, x)]. A level
may hold 1e12 modes or more: multiplicities are float64, exact up to 2^53. Regime: bookkeeping, exact; what the
eigenvalues mean for a learner is in `theory.learnability`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from syntagma.errors import invalid

LARGEST = 1e300
"""Larger numbers would leave no room for sums of them."""


@dataclass(frozen=True)
class Spectrum:
    """Levels of a kernel operator, in any order: `Spectrum([1.0, 0.1], [1, 63]).trace` is 7.3.

    Attributes:
        eigenvalues: `[K]`, not negative; a zero stands for functions that the kernel cannot express.
        multiplicities: `[K]`, how many modes each level has, positive.
        errors: `[K]`, absolute uncertainty of each eigenvalue; zeros where it is exact but for rounding.
        names: `[K]`, what tables call each level (for instance its representation); empty where it has no names.
    """

    eigenvalues: Float[np.ndarray, " K"]
    multiplicities: Float[np.ndarray, " K"]
    errors: Float[np.ndarray, " K"]
    names: tuple[str, ...] = ()

    def __init__(
        self,
        eigenvalues: ArrayLike,
        multiplicities: ArrayLike | None = None,
        errors: ArrayLike | None = None,
        names: Iterable[str] = (),
    ) -> None:
        """Multiplicities are 1 and errors 0 where they are not given.

        Raises:
            InputError: arrays of different lengths, negative or infinite values, or no level at all.
        """
        values = _vector("eigenvalues", eigenvalues)
        counts = np.ones_like(values) if multiplicities is None else _vector("multiplicities", multiplicities)
        spread = np.zeros_like(values) if errors is None else _vector("errors", errors)
        if len(values) == 0:
            raise invalid("eigenvalues", eigenvalues, "a spectrum has at least one level", "Give one or more")
        for field, array in (("multiplicities", counts), ("errors", spread)):
            if array.shape != values.shape:
                raise invalid(
                    field, f"{len(array)} numbers", f"eigenvalues has {len(values)}", "Give one for each level"
                )
        if (counts == 0).any():
            raise invalid("multiplicities", 0, "each level has a positive number of modes", "Leave the level out")
        if isinstance(names, str) or not isinstance(names, Iterable):
            raise invalid("names", names, "it must be a list of names", "Give one for each level")
        if not values.max() <= LARGEST or not np.sum(values / LARGEST * counts) <= 1:
            allowed = f"eigenvalues, and their sum with multiplicities, are at most {LARGEST:g}"
            raise invalid("eigenvalues", float(values.max()), allowed, "Divide all by a number")
        labels = tuple(names)
        if labels and len(labels) != len(values):
            raise invalid("names", f"{len(labels)} names", f"eigenvalues has {len(values)}", "Give one for each level")
        for field, content in zip(self.__dataclass_fields__, (values, counts, spread, labels), strict=True):
            object.__setattr__(self, field, content)

    def __len__(self) -> int:
        return len(self.eigenvalues)

    def __add__(self, other: Spectrum) -> Spectrum:
        """The levels of both, as of an operator that is the direct sum of two blocks."""
        pairs = zip(self._arrays(), other._arrays(), strict=True)
        names = self.names + other.names if bool(self.names) == bool(other.names) else ()
        return Spectrum(*(np.concatenate(pair) for pair in pairs), names=names)

    @property
    def trace(self) -> float:
        """Sum of eigenvalues times multiplicities."""
        return float(self.eigenvalues @ self.multiplicities)

    @property
    def num_modes(self) -> float:
        """Number of modes with a positive eigenvalue: the rank of the operator."""
        return float(self.multiplicities[self.eigenvalues > 0].sum())

    def _arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.eigenvalues, self.multiplicities, self.errors


def _vector(field: str, given: ArrayLike) -> Float[np.ndarray, " K"]:
    try:
        values = np.atleast_1d(np.asarray(given)).astype(np.float64, casting="same_kind")
    except (TypeError, ValueError):
        raise invalid(field, given, "it must be numbers") from None
    if values.ndim != 1:
        raise invalid(field, f"an array of shape {values.shape}", "it must be a list of numbers")
    wrong = values[~(np.isfinite(values) & (values >= 0))]
    if len(wrong):
        raise invalid(field, float(wrong[0]), "each must be finite and not negative", "Clip rounding errors to zero")
    return values
