"""The closed form of one linear-attention block: against brute force over all sequences, the sector machinery, "
"limits."""

from __future__ import annotations

import itertools

import mpmath
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


def exact_standard_eigenvalues(vocab, length, token, position):
    """The moments of the module's docstring as a matrix, diagonalised with 80 digits."""
    with mpmath.workdps(80):
        v, t, a, s = (mpmath.mpf(x) for x in (vocab, length, token, position))
        p, q = 2 * a * s * (a * t**2 / v + s * t) / (v * t**4), 2 * a**2 * s / (v**2 * t**4)
        helmert = [[mpmath.mpf(1)] * k + [mpmath.mpf(-k)] + [mpmath.mpf(0)] * (vocab - k - 1) for k in range(1, vocab)]
        phi = [[x / mpmath.sqrt(sum(y * y for y in row) / v) for x in row] for row in helmert]
        c = range(vocab - 1)

        def mean(*of):
            return sum(mpmath.fprod(phi[i][x] for i in of) for x in range(vocab)) / v

        features = [(i,) for i in c] + list(itertools.product(c, c))
        matrix = mpmath.zeros(len(features))
        for (i, one), (j, two) in itertools.product(enumerate(features), repeat=2):
            weight = mpmath.sqrt((p if len(one) == 1 else q) * (p if len(two) == 1 else q))
            moment = mpmath.mpf(one == two) if len(one) == len(two) == 1 else mean(*one, *two)
            if len(one) == len(two) == 2:
                (e, f), (g, h) = one, two
                moment += (t - 1) * (one == two) - (e == f) * (g == h) - (e == h) * (f == g)
            matrix[i, j] = weight * moment
        return sorted(map(float, mpmath.eigsy(matrix, eigvals_only=True)), reverse=True)


@pytest.mark.parametrize(
    ("vocab", "length", "token", "position"),
    [(2, 2, 1, 1), (3, 2, 1, 1), (3, 10**18, 1, 1), (4, 10**9, 2, 1e-5), (3, 7, 1e90, 1e-30)],
)
def test_eigenvalues_keep_their_accuracy_at_any_size(vocab, length, token, position):
    """A matrix that was diagonalised in float64 gave half of the largest at T = 10^18, and one below 0."""
    ours = standard_eigenvalues(vocab, length, float(token), float(position))
    wanted = exact_standard_eigenvalues(vocab, length, token, position)
    np.testing.assert_allclose(ours, wanted, rtol=1e-14, atol=1e-60 * wanted[0])
    assert slack(3, 10**18) == pytest.approx(5e17)


@pytest.mark.parametrize("call", [standard_eigenvalues, trace])
def test_a_kernel_beyond_float64_is_refused(call):
    with pytest.raises(InputError, match=r"^token or position=1e\+300 cannot be used: the kernel is beyond 1\.8e308"):
        call(3, 5, token=1e300)
    assert slack(3, 5, token=1e300) == pytest.approx(6.525e300, rel=1e-3)


def test_slack_grows_as_the_length():
    for token, position in ((1.0, 1.0), (2.0, 0.5)):
        limit = [slack(3, length, token, position) / (token * length / (2 * position)) for length in (10**3, 10**5)]
        assert abs(limit[1] - 1) < abs(limit[0] - 1) / 50
    assert slack(3, 1000) == pytest.approx(507.016, rel=1e-5)
    assert min(slack(3, length) for length in range(3, 1000)) > 12


def test_sizes_without_the_representation_are_refused():
    with pytest.raises(InputError, match=r"^length=1 cannot be used: the representation needs two symbols"):
        slack(3, 1)
