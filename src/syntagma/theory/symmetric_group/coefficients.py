"""A permutation-symmetric kernel's coefficients in the basis of words, from its values on pairs of sequences.

From all tables: c_C = E[K(x, y) Psi_C(N)], a sum with multinomial probabilities, exact. Psi_C are normalised here.

From random pairs, where tables are too many: least squares, sector by sector. The k-fold difference

    (D_k K)(x, y) = sum over subsets s of {1..k} of (-1)^|s| K(x, y with positions 2j-1 and 2j exchanged for j in s)

is 0 on functions of fewer than k positions, so on every representation with first row above T - k: what it leaves is
of the size of what is sought, and the representations with smaller first row, fitted before, are taken away. Among
functions of degree at most D the fit is exact; parts of higher degree are orthogonal to them and act as noise, which
the residuals measure. (Without the differences that noise is of the size of the largest representation: at v = 4,
T = 100, D = 3 the largest eigenvalue of a ReLU block in (T-2, 2), 1.8e-9, came out as 3e-8 +- 2e-8.)

Source: own derivation. D_k is 2^k times an orthogonal projection that commutes with K, so differences of orthogonal
functions of the sectors stay orthogonal, and the least-squares solution under the distribution of pairs is K's own.
Regime: exact for kernels of degree at most D, or whose tables are all enumerated; else least squares, with its error.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import scipy.linalg
from jaxtyping import Float, Int, Integer
from scipy.special import gammaln

from syntagma.errors import InputError, invalid
from syntagma.randomness import stream
from syntagma.theory.symmetric_group.sector_basis import SectorBasis
from syntagma.theory.symmetric_group.words import Gram, WordTables, all_tables, tables

_PAIRS_PER_UNKNOWN = 6
_SIDE = 8
"""Sequences on each side of a block of random pairs."""
_BLOCKS, _MIN_BLOCKS = 128, 16
"""Blocks of a fit without differences, and the least with them; as groups they give its standard error."""
_CHUNK = 512
"""Tables whose functions are evaluated at a time."""
_ASYMMETRY = 1e-5
"""Change of the kernel under a permutation, relative to its size, that is taken for rounding (in float32)."""
_DEVIATIONS = 8
"""Change under a permutation, in standard deviations of one estimate of the kernel, that is taken for sampling."""


def from_estimates(grams: Sequence[Gram], words: WordTables) -> tuple[Float[np.ndarray, "k P"], tuple[float, float]]:
    """c_C from all tables, of the mean of independent estimates of a kernel, and E[K(x, x)] with its standard error.

    The first row is the mean's. The others are what each estimate adds to it, so that their squares add up to the
    variance of the mean; none where the kernel is exact, one Gram function.
    """
    found = [from_all_tables(gram, words) for gram in grams]
    each, traces = np.array([moments for moments, _ in found]), np.array([trace for _, trace in found])
    if len(grams) == 1:
        return each, (float(traces[0]), 0.0)
    mean = each.mean(axis=0)
    shifts = (each - mean) / np.sqrt(len(grams) * (len(grams) - 1))
    return np.vstack([mean, shifts]), (float(traces.mean()), float(traces.std() / np.sqrt(len(grams) - 1)))


def from_all_tables(gram: Gram, words: WordTables) -> tuple[Float[np.ndarray, " P"], float]:
    """c_C of each table of words, and E[K(x, x)]."""
    groups = list(all_tables(words.vocab, words.length))
    most = max(len(y) for _, y in groups)
    moments, trace = np.zeros(len(words.words)), 0.0
    for x, y in groups:
        kernel = values(gram, x[None], np.resize(y, (most, words.length)))[0, : len(y)]
        table = tables(x[None], y, words.vocab)[0]
        weighted = kernel * _multinomial(table, np.outer(words.probabilities, words.probabilities))
        for rows in _chunks(len(y)):
            moments += words.functions(table[rows]) @ weighted[rows]
        counts = np.bincount(x, minlength=words.vocab)
        trace += float(kernel[(y == x).all(axis=1)][0] * _multinomial(counts[None], words.probabilities)[0])
    return moments, trace


def _multinomial(counts: np.ndarray, probabilities: np.ndarray) -> Float[np.ndarray, " R"]:
    axes = tuple(range(1, counts.ndim))
    logs = gammaln(counts.sum(axis=axes) + 1) + (counts * np.log(probabilities) - gammaln(counts + 1)).sum(axis=axes)
    return np.exp(logs)


def from_random_pairs(
    gram: Gram, words: WordTables, bases: Sequence[SectorBasis], seed: int
) -> Iterator[tuple[list[SectorBasis], Float[np.ndarray, "k P"]]]:
    """Sectors that share a number of differences, the most first, with their part of c_C.

    The first row is the estimate. The others are what each block of pairs adds to it through its residuals r, for a
    design Q R: R^-1 Q_g^T r_g, independent with mean 0, so their squares add up to the variance (cluster-robust
    covariance), with each residual divided by 1 - leverage as for a pair left out of the fit (HC3).
    """
    folds = [min(basis.marked.marked, words.length // 2) for basis in bases]
    known = np.zeros(len(words.words))
    for fold in sorted(set(folds), reverse=True):
        here = [basis for basis, its in zip(bases, folds, strict=True) if its == fold]
        functions = np.concatenate([basis.functions for basis in here])
        blocks = max(_MIN_BLOCKS, _BLOCKS // 2**fold, -(-_PAIRS_PER_UNKNOWN * len(functions) // _SIDE**2))
        rng = stream(seed, "sector-pairs", fold)
        x, y = (_random_blocks(rng, words, blocks, fold) for _ in range(2))
        kernel, design = _differences(gram, words, x, y, fold)
        found = _least_squares(design @ functions.T, kernel - (design @ known).reshape(kernel.shape), words.degree)
        coefficients = found @ functions
        known = known + coefficients[0]
        yield here, coefficients


def _least_squares(
    design: Float[np.ndarray, "R u"], values: Float[np.ndarray, "blocks pairs"], degree: int
) -> Float[np.ndarray, "k u"]:
    q, r = np.linalg.qr(design)
    diagonal = np.abs(np.diagonal(r))
    if diagonal.min() < 1e-9 * diagonal.max():
        raise invalid("degree", degree, "random sequences do not determine so many coefficients", "Lower degree")
    projected = q.T @ values.ravel()
    residual = (values.ravel() - q @ projected) / (1 - (q**2).sum(axis=1))
    shifts = np.einsum("gpu,gp->gu", q.reshape(*values.shape, -1), residual.reshape(values.shape))
    return scipy.linalg.solve_triangular(r, np.vstack([projected, shifts]).T).T


def _differences(
    gram: Gram, words: WordTables, x: Integer[np.ndarray, "g n T"], y: Integer[np.ndarray, "g n T"], fold: int
) -> tuple[Float[np.ndarray, "g pairs"], Float[np.ndarray, "R P"]]:
    """D_k of the kernel and of Psi_C for each pair of a block."""
    orders, signs = [], []
    for exchanged in itertools.product((False, True), repeat=fold):
        order = np.arange(words.length)
        for pair in np.flatnonzero(exchanged):
            order[[2 * pair, 2 * pair + 1]] = order[[2 * pair + 1, 2 * pair]]
        orders.append(order)
        signs.append((-1.0) ** sum(exchanged))
    kernel, table = [], []
    for own, other in zip(x, y, strict=True):
        turned = np.concatenate([other[:, order] for order in orders])
        kernel.append(np.tensordot(signs, values(gram, own, turned).reshape(_SIDE, len(signs), _SIDE), (0, 1)).ravel())
        table.append(tables(own, turned, words.vocab).reshape(_SIDE, len(signs), _SIDE, *[words.vocab] * 2))
    each = (
        np.concatenate(table).swapaxes(1, 2).reshape(-1, *[words.vocab] * 2)
    )  # the terms of a difference side by side
    design = np.empty((len(each) // len(signs), len(words.words)))
    step = _CHUNK // len(signs)
    for at in range(0, len(design), step):
        functions = words.functions(each[at * len(signs) : (at + step) * len(signs)])
        design[at : at + step] = np.tensordot(functions.reshape(len(functions), -1, len(signs)), signs, 1).T
    return np.array(kernel), design


def _random_blocks(rng: np.random.Generator, words: WordTables, blocks: int, fold: int) -> Int[np.ndarray, "g n T"]:
    """Random sequences in which the first `fold` pairs of positions hold two different symbols: else D_k is 0."""
    p, shape = words.probabilities, (blocks, _SIDE)
    tokens = random_tokens(rng, p, (*shape, words.length))
    pairs = np.outer(p, p)
    np.fill_diagonal(pairs, 0.0)
    drawn = random_tokens(rng, pairs.ravel() / pairs.sum(), (*shape, fold))
    tokens[..., 0 : 2 * fold : 2], tokens[..., 1 : 2 * fold : 2] = drawn // words.vocab, drawn % words.vocab
    return tokens


def random_tokens(
    rng: np.random.Generator, probabilities: Float[np.ndarray, " v"], shape: tuple[int, ...]
) -> Int[np.ndarray, "..."]:
    """Independent draws."""
    return np.minimum(np.searchsorted(np.cumsum(probabilities), rng.random(shape), "right"), len(probabilities) - 1)


def sampled_trace(gram: Gram, words: WordTables, seed: int) -> tuple[float, float]:
    """E[K(x, x)] from random sequences, and its standard error.

    K(x, x) is regressed on the symmetric functions of x of degree at most D; all but the constant average to 0.
    """
    alone = [place for place, word in enumerate(words.words) if all(e % words.vocab == 0 for e in word)]
    blocks = max(_MIN_BLOCKS, -(-_PAIRS_PER_UNKNOWN * len(alone) // _SIDE))
    x = random_tokens(stream(seed, "sector-trace"), words.probabilities, (blocks, _SIDE, words.length))
    own = np.concatenate([np.diagonal(values(gram, block, block)) for block in x])
    counts = (x.reshape(-1, words.length, 1) == np.arange(words.vocab)).sum(axis=1)
    design = words.functions(counts[:, :, None] * np.eye(words.vocab))[alone].T
    inverse = np.linalg.pinv(design)
    variance = ((own - design @ (inverse @ own)) ** 2).sum() / (len(own) - len(alone))
    return float(inverse[0] @ own), float(np.sqrt(variance * (inverse[0] ** 2).sum()))


def values(gram: Gram, x: Integer[np.ndarray, "n T"], y: Integer[np.ndarray, "m T"]) -> Float[np.ndarray, "n m"]:
    """The kernel between two lists of sequences, checked.

    Raises:
        InputError: another shape, or values that are not finite.
    """
    found = np.asarray(gram(x.astype(np.int32), y.astype(np.int32)), dtype=np.float64)
    wanted = (len(x), len(y))
    if found.shape != wanted:
        raise invalid(
            "gram", f"an array of shape {found.shape}", f"its values must be {list(wanted)} for as many sequences"
        )
    if not np.isfinite(found).all():
        raise InputError("gram cannot be used: some of its values are not finite.")
    return found


def check_symmetry(grams: Sequence[Gram], words: WordTables, seed: int) -> None:
    """Look at 8 times 8 random pairs; of several estimates, at the mean, which may vary as much as they do.

    Raises:
        InputError: K(x, y) differs from K(y, x), or from K(pi x, pi y) for a permutation pi of positions.
    """
    rng = stream(seed, "symmetry-check")
    x, y = (random_tokens(rng, words.probabilities, (_SIDE, words.length)) for _ in range(2))
    order = rng.permutation(words.length)

    def each(x: Int[np.ndarray, "n T"], y: Int[np.ndarray, "m T"]) -> Float[np.ndarray, "g n m"]:
        return np.array([values(gram, x, y) for gram in grams])

    found = each(x, y)
    allowed = _ASYMMETRY * np.abs(found).max() + _DEVIATIONS * found.std(axis=0).max()
    found = found.mean(axis=0)
    if np.abs(each(y, x).mean(axis=0).T - found).max() > allowed:
        raise InputError("gram cannot be used: K(x, y) and K(y, x) differ. A kernel is symmetric.")
    if np.abs(each(x[:, order], y[:, order]).mean(axis=0) - found).max() > allowed:
        raise InputError(
            "gram cannot be used: it changes when the positions of both sequences are permuted alike. Use a read-out, "
            "a mask and a position kernel that treat all positions alike (mean read-out, no causal mask)."
        )


def _chunks(count: int) -> Iterator[slice]:
    return (slice(start, start + _CHUNK) for start in range(0, count, _CHUNK))
