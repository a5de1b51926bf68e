"""Kernel ridge regression on n random examples: which modes are learned, and the error that is left.

A kernel with levels of eigenvalue lambda and multiplicity m, n examples, ridge d (the regression inverts Gram + d 1):
the effective ridge kappa, the learnability L of each mode and the mean squared error E against noisy test labels are

    sum m L + d / kappa = n,    L = lambda / (lambda + kappa)
    E = E0 (sum (1 - L)^2 v^2 + s^2),    E0 = n / (n - sum m L^2)

with v^2 the target's squared norm in a level, s^2 the variance of the label noise. On average the prediction keeps the
part L of each mode; its coefficients scatter independently with variance L^2 E / n; the error on the training labels is
(d / (n kappa))^2 E. Under another test distribution the same coefficients meet other second moments (`shifted_error`).

Regime: exact as n and the effective number of modes grow in proportion, for modes that behave like independent
Gaussian variables; relative corrections are of order 1/n, and larger where few modes carry the kernel (the error is
then underestimated). Ridge 0 is the limit d -> 0+: at n above the number of modes M it is least squares (kappa = 0,
all L = 1, E0 = n / (n - M)), and at n = M E0 is infinite.

Precision: every sum has positive terms only. With the levels above kappa (set A, M_A modes) apart from those below (B),

    sum_A m (1 - L) + (n - M_A) = sum_B m L + d / kappa,    n - sum m L^2 = sum m L (1 - L) + d / kappa,

and the first loses no digits however close n is to a number of modes: its condition number in ln kappa is at most 4.
So kappa and all errors are good to about 1e-13, if n and the multiplicities are exact in float64.

Sources: Simon, Dickens, Karkada, DeWeese, "The Eigenlearning Framework", arXiv 2110.03922, equations for kappa, E and
the covariance; Canatar, Bordelon, Pehlevan, arXiv 2106.02261 (other test distributions); the equivalent kernel:
Rasmussen & Williams, "Gaussian Processes for Machine Learning", section 7.1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from syntagma.checked_call import checked
from syntagma.errors import InputError, invalid
from syntagma.theory.spectrum import LARGEST, Spectrum

_BLOCK = 2**15
"""Elements of a block of (examples, levels) that is worked on at a time: its arrays fit the processor's cache."""
_COARSE = 256
"""Levels of the merged spectrum that gives the first guess of kappa, where there are more than four times as many."""
_ITERATIONS = 200


@dataclass(frozen=True)
class Errors:
    """Mean squared errors of kernel regression, `[n]` each: averages over training sets of each size.

    Attributes:
        test: against noisy test labels; without the noise it is `bias + variance`.
        bias: of the average prediction.
        variance: of the prediction between training sets, averaged over the inputs.
        train: on the training labels.
    """

    test: Float[np.ndarray, " n"]
    bias: Float[np.ndarray, " n"]
    variance: Float[np.ndarray, " n"]
    train: Float[np.ndarray, " n"]


@checked
@dataclass(frozen=True)
class Learnability:
    """What each number of examples makes of a spectrum.

    Attributes:
        spectrum: the kernel's levels.
        num_examples: `[n]`.
        ridge: d.
        kappa: `[n]`, effective ridge.
        ridge_modes: `[n]`, d / kappa, the examples that the ridge uses up.
        squares: `[n]`, sum of m L^2.
        free: `[n]`, n - sum of m L^2.
    """

    spectrum: Spectrum
    num_examples: Float[np.ndarray, " n"]
    ridge: float
    kappa: Float[np.ndarray, " n"]
    ridge_modes: Float[np.ndarray, " n"]
    squares: Float[np.ndarray, " n"]
    free: Float[np.ndarray, " n"]

    @property
    def learned(self) -> Float[np.ndarray, "n K"]:
        """L of each level: the part of a mode that the average prediction has; 0 where the eigenvalue is 0."""
        values = self.spectrum.eigenvalues
        return np.where(values > 0, _share(np.where(values > 0, values, 1.0), self.kappa[:, None]), 0.0)

    @property
    def unlearned(self) -> Float[np.ndarray, "n K"]:
        """1 - L of each level, to full relative precision."""
        values = self.spectrum.eigenvalues
        return np.where(values > 0, _share(self.kappa[:, None], np.where(values > 0, values, 1.0)), 1.0)

    @property
    def overfitting(self) -> Float[np.ndarray, " n"]:
        """E0 >= 1, by which noise and unlearned modes are amplified; infinite at n = number of modes, ridge 0."""
        with np.errstate(divide="ignore"):
            return (self.squares + self.free) / self.free

    @checked
    def errors(self, target: ArrayLike, noise: float = 0.0) -> Errors:
        """Errors for a target with squared norm `target[k]` in level k and label noise of variance `noise`.

        Raises:
            InputError: not one number for each level, negative norms or noise.
        """
        norms = _not_negative("target", target, len(self.spectrum))
        noise = float(_not_negative("noise", noise, 1)[0])
        with np.errstate(over="ignore"):
            total = norms.sum() + noise
        if not total <= LARGEST:
            raise invalid(
                "target", float(norms.max()), f"with the noise it is beyond {LARGEST:g}", "Divide by a number"
            )
        bias = np.concatenate([block**2 @ norms for block in self._blocks(lambda part: part.unlearned)])
        at_stake = bias + noise
        with np.errstate(divide="ignore", invalid="ignore"):
            variance = np.where(at_stake > 0, at_stake * (self.squares / self.free), 0.0)
        test = at_stake + variance
        used = np.divide(self.ridge_modes, self.free, out=np.zeros_like(self.free), where=self.free > 0)
        train = at_stake * used * (self.ridge_modes / self.num_examples)
        return Errors(test, bias, variance, train)

    @checked
    def shifted_error(
        self, target: ArrayLike, test_traces: ArrayLike, test_targets: ArrayLike, noise: float = 0.0
    ) -> Float[np.ndarray, " n"]:
        """Mean squared error against the noiseless target when test inputs follow another distribution.

        `test_traces[k]` is E'[sum of phi^2 over the modes phi of level k] and `test_targets[k, l]` is E'[f_k f_l], f_k
        the target's part in level k, E' the average over test inputs; for modes one by one with overlaps
        O_ij = E'[phi_i phi_j] they are O_ii and O_ij v_i v_j. With E' the training distribution they are the
        multiplicities and the diagonal matrix of `target`, and the result is bias + variance.

            sum_kl (1 - L_k) (1 - L_l) test_targets_kl  +  E / n sum_k L_k^2 test_traces_k

        Raises:
            InputError: shapes that do not fit the levels, negative traces.
        """
        levels = len(self.spectrum)
        traces = _not_negative("test_traces", test_traces, levels)
        moments = np.asarray(test_targets, dtype=np.float64)
        if moments.shape != (levels, levels) or not np.isfinite(moments).all():
            raise invalid(
                "test_targets", f"an array of shape {moments.shape}", f"it must be finite, [{levels}, {levels}]"
            )
        errors = self.errors(target, noise)
        unlearned, learned = self.unlearned, self.learned
        bias = np.einsum("nk,kl,nl->n", unlearned, moments, unlearned, optimize=True)
        return bias + errors.test / self.num_examples * (learned**2 @ traces)

    def _blocks(self, of: Callable[[Learnability], np.ndarray]) -> Iterator[np.ndarray]:
        """`of` a few sample sizes at a time."""
        for rows in _row_blocks(len(self.kappa), len(self.spectrum)):
            arrays = (self.kappa[rows], self.ridge_modes[rows], self.squares[rows], self.free[rows])
            yield of(Learnability(self.spectrum, self.num_examples[rows], self.ridge, *arrays))


@checked
def solve(spectrum: Spectrum, num_examples: ArrayLike, ridge: float = 0.0) -> Learnability:
    """Effective ridge and learnabilities at each number of examples (an array or a number; fractions are allowed).

    Cost: about five passes over `[n, K]`.

    Raises:
        InputError: a number of examples or a ridge that is not positive (ridge 0 is allowed), or a spectrum that is 0.
    """
    sizes, ridge = _checked_sizes(num_examples), _checked_ridge(ridge)
    levels = _Levels.sorted(spectrum)
    kappa = np.zeros_like(sizes)
    solvable = (sizes < levels.below[-1]) | (ridge / sizes > np.finfo(float).tiny)
    kappa[solvable] = _effective_ridge(levels, sizes[solvable], ridge)
    left = np.maximum(sizes - levels.below[-1], 0.0)  # also what d / kappa is where kappa is below all numbers
    ridge_modes = np.divide(ridge, kappa, out=left, where=kappa > 0) if ridge > 0 else left
    squares, spread = np.empty_like(sizes), np.empty_like(sizes)
    for rows in _row_blocks(len(sizes), len(levels.values)):
        column = kappa[rows, None]
        squares[rows] = _share(levels.values, column) ** 2 @ levels.counts
        spread[rows] = _half_share(levels, column)[1]
    return Learnability(spectrum, sizes, ridge, kappa, ridge_modes, squares, ridge_modes + spread)


@checked
def equivalent_kernel(spectrum: Spectrum, num_examples: ArrayLike, ridge: float) -> Learnability:
    """The limit of many examples at fixed d/n: kappa = d / n and E0 = 1, the spread between training sets left out.

    `sum m L` is neglected against n, so kappa is too small, and so is the error, by a relative order of `sum m L / n`.

    Raises:
        InputError: as `solve`; ridge 0 has no such limit.
    """
    sizes, ridge = _checked_sizes(num_examples), _checked_ridge(ridge)
    if ridge == 0:
        raise invalid("ridge", ridge, "the equivalent kernel needs a positive ridge", "Use solve for ridge 0")
    return Learnability(spectrum, sizes, ridge, ridge / sizes, sizes, np.zeros_like(sizes), sizes)


@checked
def sample_complexity(
    spectrum: Spectrum, learnability: float = 0.5, ridge: float = 0.0, eigenvalues: ArrayLike | None = None
) -> Float[np.ndarray, " levels"]:
    """Number of examples at which each level's learnability is the one given; infinite where the eigenvalue is 0.

    In closed form: L fixes kappa = lambda (1 - L) / L, and kappa fixes n. `eigenvalues` may name other modes than the
    spectrum's own. Cost: number of eigenvalues times K.

    Raises:
        InputError: a learnability outside (0, 1), a negative ridge.
    """
    if not 0 < learnability < 1:
        raise invalid("learnability", learnability, "it must lie between 0 and 1, both excluded", "0.5 is usual")
    ridge = _checked_ridge(ridge)
    wanted = spectrum.eigenvalues if eigenvalues is None else Spectrum(eigenvalues).eigenvalues
    sizes = np.full(len(wanted), np.inf)
    kappa = wanted[wanted > 0] * ((1 - learnability) / learnability)
    parts = [
        _share(spectrum.eigenvalues, kappa[rows, None]) @ spectrum.multiplicities
        for rows in _row_blocks(len(kappa), len(spectrum))
    ]
    sizes[wanted > 0] = np.concatenate([*parts, []]) + ridge / kappa
    return sizes


@dataclass(frozen=True)
class _Levels:
    """Positive levels by falling eigenvalue; `below[j]` counts the modes of the j largest, `[K + 1]`."""

    values: Float[np.ndarray, " K"]
    counts: Float[np.ndarray, " K"]
    below: Float[np.ndarray, " K+1"]

    @classmethod
    def sorted(cls, spectrum: Spectrum) -> _Levels:
        order = np.argsort(-spectrum.eigenvalues, kind="stable")
        order = order[spectrum.eigenvalues[order] > 0]
        if len(order) == 0:
            raise InputError("eigenvalues cannot be used: all are 0, and such a kernel learns nothing.")
        return cls.of(spectrum.eigenvalues[order], spectrum.multiplicities[order])

    @classmethod
    def of(cls, values: Float[np.ndarray, " K"], counts: Float[np.ndarray, " K"]) -> _Levels:
        return cls(values, counts, np.concatenate([[0.0], np.cumsum(counts)]))

    def merged(self) -> _Levels:
        """Neighbours put together at their mean, in bins of equal width in ln lambda; modes and trace stay the same."""
        logs = np.log(self.values)
        bins = np.floor((logs[0] - logs) / max(logs[0] - logs[-1], 1e-300) * (_COARSE - 1e-9))
        starts = np.flatnonzero(np.diff(bins, prepend=-1.0))
        counts = np.add.reduceat(self.counts, starts)
        return _Levels.of(np.add.reduceat(self.counts * self.values, starts) / counts, counts)


def _effective_ridge(levels: _Levels, sizes: Float[np.ndarray, " n"], ridge: float) -> Float[np.ndarray, " n"]:
    """kappa of each size, for ridge > 0 or size < number of modes."""
    if len(levels.values) > 4 * _COARSE:
        guess = _effective_ridge(levels.merged(), sizes, ridge)
    else:
        guess = _first_guess(levels, sizes, ridge)
    kappa = np.empty_like(sizes)
    for rows in _row_blocks(len(sizes), len(levels.values)):
        kappa[rows] = _newton(levels, sizes[rows], ridge, guess[rows])
    return kappa


def _first_guess(levels: _Levels, sizes: Float[np.ndarray, " n"], ridge: float) -> Float[np.ndarray, " n"]:
    """Geometric mean of two bounds, which are within a small factor of each other for power laws.

    For every j: the j largest levels have L >= lambda_j / (lambda_j + kappa), so kappa >= lambda_j (M_j / n - 1); and
    n <= M_j + (sum of m lambda over the others + d) / kappa bounds kappa from above where M_j < n.
    """
    guess = np.empty_like(sizes)
    rest = np.concatenate([np.cumsum((levels.counts * levels.values)[::-1])[::-1], [0.0]]) + ridge
    for rows in _row_blocks(len(sizes), len(rest)):
        n = sizes[rows, None]
        low = (levels.values * (levels.below[1:] / n - 1)).max(axis=1)
        unfilled = n - levels.below
        high = np.divide(rest, unfilled, out=np.full(unfilled.shape, np.inf), where=unfilled > 0).min(axis=1)
        guess[rows] = np.sqrt(np.maximum(low, ridge / sizes[rows])) * np.sqrt(high)
    return guess


def _newton(
    levels: _Levels, sizes: Float[np.ndarray, " n"], ridge: float, kappa: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    """The root kappa of F(kappa) = sum m L + d / kappa = n, from any positive start.

    F is convex and falling in kappa, concave and rising in 1 / kappa. So with r = (F - n) / |dF / d ln kappa| Newton's
    steps in the two variables enclose the root, kappa (1 + r) <= root <= kappa / (1 - r), and each taken alone
    converges from its own side. The step in ln kappa, kappa e^r, lies between them: where |r| is small the relative
    error after it is below r^2.
    """
    for _ in range(_ITERATIONS):
        excess, slope = _excess(levels, sizes, ridge, kappa)
        r = excess / slope
        with np.errstate(over="ignore", divide="ignore"):
            far = np.where(r > 0, 1 + r, 1 / (1 - r))
            kappa = kappa * np.where(np.abs(r) < 0.5, np.exp(r), far)
        if np.abs(r).max(initial=0.0) < 1e-7:
            return kappa
    raise AssertionError("Newton's iteration for kappa did not end")


def _excess(
    levels: _Levels, sizes: Float[np.ndarray, " n"], ridge: float, kappa: Float[np.ndarray, " n"]
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """F - n, without the digits that the levels above kappa would cancel, and -dF / d ln kappa."""
    small, spread = _half_share(levels, kappa[:, None])
    above = len(levels.values) - np.searchsorted(levels.values[::-1], kappa, side="right")
    signed = np.where(np.arange(len(levels.values)) < above[:, None], -levels.counts, levels.counts)
    used = ridge / kappa
    return np.einsum("nk,nk->n", small, signed) + used + (levels.below[above] - sizes), spread + used


def _half_share(
    levels: _Levels, kappa: Float[np.ndarray, "n 1"]
) -> tuple[Float[np.ndarray, "n K"], Float[np.ndarray, " n"]]:
    """The lesser of L and 1 - L, at most 1/2, and the sum of m L (1 - L)."""
    small = np.minimum(levels.values, kappa)
    small /= levels.values + kappa
    return small, small @ levels.counts - small**2 @ levels.counts


def _share(part: np.ndarray, rest: np.ndarray) -> np.ndarray:
    return part / (part + rest)


def _row_blocks(rows: int, columns: int) -> Iterator[slice]:
    step = max(1, _BLOCK // columns)
    return (slice(start, start + step) for start in range(0, rows, step))


def _checked_sizes(num_examples: ArrayLike) -> Float[np.ndarray, " n"]:
    sizes = np.atleast_1d(np.asarray(num_examples, dtype=np.float64))
    if sizes.ndim != 1:
        raise invalid("num_examples", f"an array of shape {sizes.shape}", "it must be a number or a list of numbers")
    wrong = sizes[~(np.isfinite(sizes) & (sizes > 0))]
    if len(wrong):
        raise invalid("num_examples", float(wrong[0]), "each must be positive and finite")
    return sizes


def _checked_ridge(ridge: float) -> float:
    if not 0 <= ridge <= LARGEST:
        raise invalid("ridge", ridge, f"it must be 0 or positive, and at most {LARGEST:g}", "0 is interpolation")
    return float(ridge)


def _not_negative(field: str, given: ArrayLike, count: int) -> Float[np.ndarray, " K"]:
    values = np.atleast_1d(np.asarray(given, dtype=np.float64))
    if values.shape != (count,):
        raise invalid(
            field, f"an array of shape {values.shape}", f"it must be {count} numbers", "Give one for each level"
        )
    wrong = values[~(np.isfinite(values) & (values >= 0))]
    if len(wrong):
        raise invalid(field, float(wrong[0]), "it must be finite and not negative")
    return values
