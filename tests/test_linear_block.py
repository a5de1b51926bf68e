"""The closed form of one linear-attention block: against brute force over all sequences, the sector machinery, "
"limits."""

from __future__ import annotations

import numpy as np
import pytest

from syntagma.errors import InputError
from syntagma.kernels import Architecture, Attention, Embedding
from syntagma.theory.enumeration import all_sequences
from syntagma.theory.linear_block import slack, standard_eigenvalues, trace
from syntagma.theory.symmetric_group import decompose


def block(vocab: int, token: float, position: float) -> Architecture:
    embedding = Embedding(vocab=vocab, token_variance=token, position_variance=position)
    return Architecture(embedding=embedding, layers=(Attention(scores="linear"),), readout="mean")


@pytest.mark.parametrize(("vocab", "length", "token", "position"), [(2, 5, 1.0, 1.0), (3, 4, 1.5, 0.7)])
def test_eigenvalues_are_those_of_the_gram_matrix_over_all_sequences(vocab, length, token, position):
    """Each T - 1 times, and what is left belongs to functions of the counts."""
    x = all_sequences(vocab, length)
    gram = block(vocab, token, position).gram(x).matrix / len(x)
    assert np.trace(gram) == pytest.approx(trace(vocab, length, token, position), rel=1e-12)
    ours = standard_eigenvalues(vocab, length, token, position)
    ours = ours[ours > 1e-12]
    counts = np.eye(vocab)[x].sum(1)
    kinds = np.unique(counts, axis=0, return_inverse=True)[1].reshape(-1)
    indicator = np.eye(kinds.max() + 1)[kinds]
    projector = indicator / indicator.sum(0) @ indicator.T
    rest = gram - projector @ gram @ projector
    found = np.linalg.eigvalsh(rest)[::-1][: len(ours) * (length - 1)]
    assert np.allclose(found, np.repeat(ours, length - 1), rtol=1e-9, atol=1e-14)


def test_eigenvalues_are_those_of_the_sectors_at_a_length_beyond_enumeration():
    found = decompose(lambda x, y: block(3, 1.0, 1.0).gram(x, y).matrix, 3, 12, degree=2)
    sector = found.sector((11, 1))
    assert np.allclose(sector.eigenvalues[:4], standard_eigenvalues(3, 12)[:4], rtol=1e-9)
    assert slack(3, 12) == pytest.approx(found.trace_bound((11, 1)) / sector.eigenvalues[0], rel=1e-9)


def test_slack_grows_as_the_length():
    for token, position in ((1.0, 1.0), (2.0, 0.5)):
        limit = [slack(3, length, token, position) / (token * length / (2 * position)) for length in (10**3, 10**5)]
        assert abs(limit[1] - 1) < abs(limit[0] - 1) / 50
    assert slack(3, 1000) == pytest.approx(507.016, rel=1e-5)
    assert min(slack(3, length) for length in range(3, 1000)) > 12


def test_sizes_without_the_representation_are_refused():
    with pytest.raises(InputError, match=r"^length=1 cannot be used: the representation needs two symbols"):
        slack(3, 1)
