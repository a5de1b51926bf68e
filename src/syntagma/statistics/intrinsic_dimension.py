"""The intrinsic dimension of a text's windows, which a rival theory says sets the exponent of a scaling law.

Of points that locally fill d dimensions evenly, the ratio r_2 / r_1 of the distances to the two nearest others has the
distribution 1 - (r_2 / r_1)^(-d), whatever the density, so that the likeliest d of n points is

    d = (n - 1) / sum ln(r_2 / r_1)         (unbiased for n independent ratios)

Source: Facco, d'Errico, Rodriguez & Laio, Scientific Reports 7, 12140 (2017). Sharma & Kaplan, J. Mach. Learn. Res. 23
(9), 1 (2022), arXiv 2004.10802, have alpha = 4 / d of loss ~ size^(-alpha), in the number of parameters, with d that of
a trained network's last layer; tools use it for the amount of text.

No trained network is asked here: a window is the mean of its tokens' vectors, and those are the leading singular
vectors of the positive pointwise mutual information of neighbours (Levy & Goldberg, NeurIPS 2014). It stands for the
sentence embeddings that public tools take d from, and is no better founded than they are.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Integer

from syntagma.checked_call import checked
from syntagma.errors import invalid, whole_number
from syntagma.estimate import Estimate
from syntagma.languages._tokens import checked_stream


@checked
def two_nearest_dimension(points: Float[np.ndarray, "n d"]) -> Estimate:
    """d with its standard error, d / n^(1/2): `two_nearest_dimension(window_vectors(tokens, 50)).value`.

    Points at the same place count once. Cost: n^2 distances.

    Raises:
        InputError: fewer than ten different points.
    """
    from scipy.spatial import KDTree

    points = np.unique(points / max(np.abs(points).max(initial=0.0), np.finfo(float).tiny), axis=0)
    if len(points) < 10:
        raise invalid("points", f"{len(points)} different ones", "a dimension needs ten", "Give more")
    distances = KDTree(points).query(points, k=3)[0]
    logs = np.log(distances[:, 2] / distances[:, 1])
    value = float((len(logs) - 1) / logs.sum())
    return Estimate(value, value / len(logs) ** 0.5)


@checked
def window_vectors(
    tokens: Integer[np.ndarray, " N"], vocab: int, *, length: int = 32, windows: int = 2000, directions: int = 32
) -> Float[np.ndarray, "n d"]:
    """`[windows, directions]`, the mean vectors of windows at equal distances in the text, or of fewer of either.

    Args:
        tokens: the text.
        vocab: v.
        length: tokens of a window.
        windows: how many; no two of them overlap.
        directions: of the tokens' vectors.

    Raises:
        InputError: a text shorter than two windows.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.linalg import svds

    length, windows = whole_number("length", length), whole_number("windows", windows)
    tokens = checked_stream(tokens, vocab, shortest=2 * length).astype(np.int64)
    pairs, counts = np.unique(tokens[:-1] * vocab + tokens[1:], return_counts=True)
    first, second = np.divmod(pairs, vocab)
    shares = (np.bincount(side, weights=counts, minlength=vocab) for side in (first, second))
    of_first, of_second = (share[side] for share, side in zip(shares, (first, second), strict=True))
    information = np.maximum(np.log(counts * counts.sum() / (of_first * of_second)), 0.0)
    number = min(whole_number("directions", directions), vocab - 1)
    if number < 1 or not information.any():
        return np.zeros((min(windows, len(tokens) // length), 1))
    table = coo_array((information, (first, second)), shape=(vocab, vocab)).tocsr()
    left, scale, _ = svds(table, k=number, v0=np.ones(vocab))
    vectors = left * np.sqrt(np.maximum(scale, 0.0))
    starts = np.unique(np.linspace(0, len(tokens) // length - 1, min(windows, len(tokens) // length)).astype(int))
    return np.stack([vectors[tokens[start * length : (start + 1) * length]].mean(axis=0) for start in starts])
