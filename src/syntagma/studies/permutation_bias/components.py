"""Principal components of a text's covariance, projected on representations of the permutations of positions, by words.

C[(i, a), (j, b)] is the covariance of one-hot tokens in windows of T, e an eigenvector of it, e_ia its loading on word
a at position i. With the mean over positions m_a = sum_i e_ia / T,

    share of (T)     = T sum_a m_a^2,        share of (T-1,1) = 1 - share of (T),

the squared lengths of its projections. Of a source that is symmetric under permutations of positions every eigenvector
is in one of the two (or can be chosen so, where eigenvalues meet): a share between 0 and 1 is what symmetry lacks.
Words are told by sum_i e_ia^2, the parts of |e|^2 = 1. Regime: exact for the sample's covariance; a component whose
eigenvalue is near the sampling floor is noise. Source: arXiv 2402.05173, section on WikiText; the shares are derived
here, from the projector 1/T on functions of positions that are constant.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Integer

from syntagma.languages.text import OTHER

_NAMED = 4
"""Words told of each component."""
_BATCH = 4096


def covariance(windows: Integer[np.ndarray, "n T"], vocab: int) -> Float[np.ndarray, "Tv Tv"]:
    """Of one-hot tokens, positions first: `covariance(windows, 8)`."""
    number, length = windows.shape
    second, mean = np.zeros((length * vocab, length * vocab)), np.zeros(length * vocab)
    offsets = np.arange(length) * vocab
    for start in range(0, number, _BATCH):
        places = windows[start : start + _BATCH].astype(np.int64) + offsets
        one_hot = np.zeros((len(places), length * vocab), np.float32)
        np.put_along_axis(one_hot, places, 1.0, axis=1)
        second += one_hot.T @ one_hot
        mean += one_hot.sum(0)
    mean /= number
    return second / number - np.outer(mean, mean)


def components(
    windows: Integer[np.ndarray, "n T"], vocab: int, names: Sequence[str], count: int
) -> Iterator[dict[str, Any]]:
    """The largest components: eigenvalue, its share of the trace, share of (T), and the words that it is made of.

    All words without a place in the vocabulary are one token, `OTHER`, whose variance says nothing about words: the
    components are of the covariance of all others.
    """
    length, named = windows.shape[1], [word for word in range(vocab) if names[word] != OTHER]
    places = np.add.outer(np.arange(length) * vocab, named).ravel()
    matrix = covariance(windows, vocab)[np.ix_(places, places)]
    names, vocab = [names[word] for word in named], len(named)
    values, vectors = np.linalg.eigh(matrix)
    for rank in range(1, count + 1):
        loadings = vectors[:, -rank].reshape(length, vocab)
        parts = (loadings**2).sum(0)
        top = np.argsort(-parts, kind="stable")[:_NAMED]
        sums = loadings.sum(0)
        told = ", ".join(f"{'-' if sums[a] < 0 else ''}{names[a]} {parts[a]:.2f}" for a in top)
        mean = sums / length
        shares = {"symmetric": float(length * (mean**2).sum()), "trace": float(values[-rank] / np.trace(matrix))}
        yield {"rank": rank, "eigenvalue": float(values[-rank]), **shares, "words": told}
