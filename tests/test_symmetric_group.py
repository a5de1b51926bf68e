"""Partitions by identities, sectors against brute-force eigendecomposition, targets against isotypic projectors."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syntagma.errors import InputError
from syntagma.languages.representations import draw_target, pair_parts, representation_target, two_body_partitions
from syntagma.randomness import stream
from syntagma.theory.symmetric_group import (
    character,
    decompose,
    default_degree,
    dimension,
    gram_of_tables,
    joint_multiplicity,
    kostka,
    partitions,
    project,
    sector_spectrum,
    sectors,
    sequence_multiplicities,
    symbol_multiplicity,
)
from syntagma.theory.symmetric_group.partitions import class_size
from syntagma.theory.symmetric_group.words import WordTables, all_tables, number_of_tables, number_of_words, tables
from tiers import slow_but

# Partitions, dimensions, characters, multiplicities


@pytest.mark.parametrize("length", range(1, 8))
def test_dimensions_and_characters(length: int) -> None:
    """sum f^2 = T!, characters are orthonormal, and that of the identity is f."""
    shapes = list(partitions(length))
    assert sum(dimension(shape) ** 2 for shape in shapes) == math.factorial(length)
    assert sum(class_size(shape) for shape in shapes) == math.factorial(length)
    for shape in shapes:
        assert character(shape, [1] * length) == dimension(shape)
        for other in shapes:
            product = sum(class_size(c) * character(shape, c) * character(other, c) for c in shapes)
            assert product == (math.factorial(length) if shape == other else 0)


def test_golden_numbers() -> None:
    """Character table of S_4 (James & Kerber, appendix I.A), dimensions at T = 100 by their polynomials."""
    assert [character((2, 2), c) for c in partitions(4)] == [0, -1, 2, 0, 2]
    assert [character((3, 1), c) for c in partitions(4)] == [-1, 0, -1, 1, 3]
    assert [dimension(shape) for shape in [(100,), (99, 1), (98, 2), (98, 1, 1)]] == [1, 99, 4850, 4851]
    assert symbol_multiplicity((100,), 4) == math.comb(103, 3)
    fixed_points = 30  # of a permutation with cycles 50, 20 and 30 ones: chi of the standard representation is one less
    assert character((99, 1), [50, 20, *[1] * fixed_points]) == fixed_points - 1
    assert list(partitions(4)) == [(4,), (3, 1), (2, 2), (2, 1, 1), (1, 1, 1, 1)]


@settings(deadline=None, max_examples=30)
@given(length=st.integers(1, 7), vocab=st.integers(1, 4))
def test_multiplicities_of_sequences(length: int, vocab: int) -> None:
    counts = [c for c in itertools.product(range(length + 1), repeat=vocab) if sum(c) == length]
    found = sequence_multiplicities(length, vocab)
    assert sum(dimension(shape) * number for shape, number in found.items()) == vocab**length
    for shape in partitions(length):
        number = found.get(shape, 0)
        assert number == symbol_multiplicity(shape, vocab) == sum(kostka(shape, c) for c in counts)
        assert number == sum(dimension(nu) * joint_multiplicity(shape, nu) for nu in partitions(vocab))


def test_joint_multiplicities_by_characters_of_both_groups() -> None:
    """<chi_lambda chi_nu, trace of (pi, sigma) on sequences>; that trace is a product over cycles."""
    length, vocab = 4, 3
    for shape in partitions(length):
        for nu in partitions(vocab):
            total = 0
            for cycles in partitions(length):
                for sigma in itertools.permutations(range(vocab)):
                    powers = {c: sum(_power(sigma, a, c) == a for a in range(vocab)) for c in set(cycles)}
                    trace = math.prod(powers[c] for c in cycles)
                    total += class_size(cycles) * character(shape, cycles) * character(nu, _cycles(sigma)) * trace
            assert total == joint_multiplicity(shape, nu) * math.factorial(length) * math.factorial(vocab)


def _power(sigma: tuple[int, ...], at: int, times: int) -> int:
    for _ in range(times):
        at = sigma[at]
    return at


def _cycles(sigma: tuple[int, ...]) -> list[int]:
    fixed = sum(sigma[a] == a for a in range(len(sigma)))
    return {3: [1, 1, 1], 1: [2, 1], 0: [3]}[fixed]


# Functions of tables

DISTRIBUTIONS = (np.full(2, 1 / 2), np.array([0.2, 0.5, 0.3]), np.full(3, 1 / 3))


@pytest.mark.parametrize("p", DISTRIBUTIONS, ids=str)
@pytest.mark.parametrize(("length", "degree"), [(3, 3), (4, 2)])
def test_functions_of_tables_are_orthonormal(p: np.ndarray, length: int, degree: int) -> None:
    vocab = len(p)
    words = WordTables(p, length, degree)
    assert len(words.words) == number_of_words(vocab, length, degree)
    table = np.concatenate([tables(x[None], y, vocab)[0] for x, y in all_tables(vocab, length)])
    assert len(np.unique(table, axis=0)) == len(table) == number_of_tables(vocab, length)
    ways = math.factorial(length) / np.prod([[math.factorial(int(n)) for n in t.ravel()] for t in table], axis=1)
    weights = ways * np.prod(np.outer(p, p) ** table, axis=(1, 2))
    functions = words.functions(table)
    np.testing.assert_allclose(functions * weights @ functions.T, np.eye(len(functions)), atol=1e-12)


# Kernels as functions of tables


def linear_attention(tokens: float = 1.0, positions: float = 1.0):
    """One block with infinitely many heads and mean read-out; `tokens` and `positions` are its two variances."""

    def kernel(table: np.ndarray) -> np.ndarray:
        length = table.sum(axis=(-1, -2))
        product = (table.sum(axis=-1) * table.sum(axis=-2)).sum(axis=-1)
        overlap = np.trace(table, axis1=-2, axis2=-1)
        first = tokens * product + positions * length
        second = tokens**2 * product + 2 * tokens * positions * overlap + positions**2 * length
        return first * second / length**4

    return kernel


def attention_relu(table: np.ndarray) -> np.ndarray:
    """A ReLU layer on the block's output: the arc-cosine kernel of order 1."""
    block, eye = linear_attention(), np.eye(table.shape[-1])
    own = [block(table.sum(axis=axis)[..., None] * eye) for axis in (-1, -2)]
    scale = np.sqrt(own[0] * own[1])
    cosine = np.clip(block(table) / scale, -1, 1)
    return scale * (np.sqrt(1 - cosine**2) + (np.pi - np.arccos(cosine)) * cosine) / np.pi


def generic(vocab: int, seed: int = 0):
    """A function of tables with no structure but symmetry; neither positive nor the same for all symbols."""
    weights = stream(seed, "generic-kernel").standard_normal((vocab, vocab))
    return lambda table: np.cos((table * weights).sum((-1, -2))) + np.cos((table * weights.T).sum((-1, -2)))


def brute_force(kernel, vocab: int, length: int, p: np.ndarray) -> dict[tuple[int, ...], np.ndarray]:
    """Eigenvalues of the v^T x v^T matrix within each representation, each as often as it occurs."""
    sequences = np.array(list(itertools.product(range(vocab), repeat=length)))
    root = np.sqrt(p[sequences].prod(axis=1))
    matrix = root[:, None] * gram_of_tables(kernel, vocab)(sequences, sequences) * root
    digits = vocab ** np.arange(length - 1, -1, -1)
    orders = [np.array(order) for order in itertools.permutations(range(length))]
    moved = [sequences[:, order] @ digits for order in orders]
    cycles = [_cycle_type(order) for order in orders]
    found = {}
    for shape in partitions(length, vocab):
        projector = np.zeros_like(matrix)
        for to, cycle in zip(moved, cycles, strict=True):
            projector[np.arange(len(sequences)), to] += character(shape, cycle)
        values, vectors = np.linalg.eigh(projector * dimension(shape) / math.factorial(length))
        inside = vectors[:, values > 0.5]
        found[shape] = np.linalg.eigvalsh(inside.T @ matrix @ inside)
    return found


def _cycle_type(order: np.ndarray) -> list[int]:
    fixed = [int(np.linalg.matrix_power(np.eye(len(order))[order], n).trace()) for n in range(1, len(order) + 1)]
    lengths: list[int] = []
    for n, count in enumerate(fixed, start=1):  # points that power n fixes are on cycles whose length divides n
        lengths += [n] * ((count - sum(length for length in lengths if n % length == 0)) // n)
    return lengths


@pytest.mark.parametrize("name", ["linear", "relu", "generic"])
@pytest.mark.parametrize(("vocab", "length", "uniform"), [(2, 6, False), (3, 4, True), (3, 4, False)])
def test_sectors_are_those_of_the_full_matrix(name: str, vocab: int, length: int, uniform: bool) -> None:
    kernel = {"linear": linear_attention(0.7, 1.3), "relu": attention_relu, "generic": generic(vocab)}[name]
    p = np.full(vocab, 1 / vocab) if uniform else np.array([0.2, 0.5, 0.3])[:vocab] / sum([0.2, 0.5, 0.3][:vocab])
    expected = brute_force(kernel, vocab, length, p)
    found = decompose(gram_of_tables(kernel, vocab), vocab, length, degree=length, probabilities=p)
    assert set(found.sectors) == set(expected)
    for shape, sector in found.sectors.items():
        assert len(sector.eigenvalues) == symbol_multiplicity(shape, vocab)
        mine = np.sort(np.repeat(sector.eigenvalues, sector.dimension))
        np.testing.assert_allclose(mine, expected[shape], atol=1e-13)
        np.testing.assert_array_equal(sector.errors, 0)
    assert found.trace == pytest.approx(sum(values.sum() for values in expected.values()))
    assert found.exact
    if name != "generic":
        assert found.unresolved < 1e-13
        assert found.spectrum().trace == pytest.approx(found.trace)


@pytest.mark.parametrize("name", slow_but(["generic"], ["relu", "generic"]))
def test_sectors_at_three_symbols_and_six_positions(name: str) -> None:
    kernel = {"relu": attention_relu, "generic": generic(3)}[name]
    expected = brute_force(kernel, 3, 6, np.full(3, 1 / 3))
    for shape, sector in decompose(gram_of_tables(kernel, 3), 3, 6, degree=6).sectors.items():
        mine = np.sort(np.repeat(sector.eigenvalues, sector.dimension))
        np.testing.assert_allclose(mine, expected[shape], atol=1e-12)


def test_a_sampled_kernel_has_the_spectrum_of_its_mean_within_its_errors() -> None:
    """Estimates that differ by symmetric noise of known size: 4 of its errors hold the exact eigenvalues."""

    def estimate(number: int) -> Callable[..., np.ndarray]:
        return lambda table: (
            attention_relu(table) * (1 + 0.01 * np.sin(97.0 * number + table @ np.arange(3.0) @ [1, 5, 25]))
        )

    exact = decompose(gram_of_tables(attention_relu, 3), 3, 5, degree=5)
    found = decompose([gram_of_tables(estimate(k), 3) for k in range(8)], 3, 5, degree=5)
    assert exact.trace_error == 0
    assert abs(found.trace - exact.trace) < 5 * found.trace_error
    assert found.trace_error > 0
    for shape, sector in found.sectors.items():
        assert (sector.errors > 0).all()
        np.testing.assert_array_less(
            np.abs(sector.eigenvalues[0] - exact.sectors[shape].eigenvalues[0]), 6 * sector.errors[0]
        )
    assert not all(found.reached().values())  # what is below the noise is not said to be reached
    with pytest.raises(InputError, match="gram='2 estimates' cannot be used: sequences of 100 tokens have more than"):
        decompose([gram_of_tables(attention_relu, 3)] * 2, 3, 100, degree=2)


def test_a_linear_attention_block_reaches_two_representations_and_a_relu_all() -> None:
    linear, relu = (decompose(gram_of_tables(k, 3), 3, 5, degree=5) for k in (linear_attention(), attention_relu))
    assert [shape for shape, reached in linear.reached().items() if reached] == [(5,), (4, 1)]
    assert all(relu.reached().values())
    squared = decompose(gram_of_tables(lambda table: linear_attention()(table) ** 2, 3), 3, 5, degree=5)
    assert [shape for shape, reached in squared.reached().items() if reached] == [(5,), (4, 1), (3, 2), (3, 1, 1)]


def test_fit_to_random_pairs_is_exact_for_kernels_of_that_degree() -> None:
    """The block has degree 2 in each argument: two fits of other pairs and degrees agree to rounding, at T = 100."""
    gram, length = gram_of_tables(linear_attention(), 4), 100
    found = decompose(gram, 4, length, degree=2)
    other = decompose(gram_of_tables(linear_attention(), 3), 3, length, degree=3)
    assert not found.exact
    again = decompose(gram, 4, length, degree=2, seed=1)
    for shape in two_body_partitions(length).values():
        np.testing.assert_allclose(found.sector(shape).eigenvalues, again.sector(shape).eigenvalues, atol=1e-15)
    assert default_degree(3, length) == 4
    assert max(sector.errors.max() for sector in other.sectors.values()) < 1e-15
    for vocab, sectors_found in ((4, found), (3, other)):
        assert [shape for shape, reached in sectors_found.reached().items() if reached] == [(100,), (99, 1)]
        # The overlap has eigenvalue 1 / v on functions c.phi, its factor in K is 2 n.n / T^4, n.n = T^2 / v + O(T).
        leading = 2 / (vocab * length) ** 2
        assert sectors_found.sector((99, 1)).eigenvalues[0] == pytest.approx(leading, rel=5 / length)


def test_fit_to_random_pairs_agrees_with_all_tables_within_its_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    gram, length = gram_of_tables(attention_relu, 2), 40
    exact = decompose(gram, 2, length, degree=6)
    monkeypatch.setattr(sectors, "_MAX_TABLES", 0)
    fitted = decompose(gram, 2, length, degree=4)
    assert exact.exact
    assert not fitted.exact
    assert abs(fitted.trace - exact.trace) < 4 * fitted.trace_error + 1e-13
    for shape in [(40,), (39, 1), (38, 2)]:
        right, found = exact.sector(shape), fitted.sector(shape)
        gap = np.abs(found.eigenvalues - right.eigenvalues[: len(found.eigenvalues)])
        assert (gap < 4 * found.errors + 1e-15).all()
        assert found.errors[0] < 0.03 * found.eigenvalues[0]


def test_error_of_a_lower_degree_holds_the_complete_answer() -> None:
    gram = gram_of_tables(attention_relu, 2)
    complete, found = decompose(gram, 2, 12, degree=12), decompose(gram, 2, 12, degree=4)
    for shape, sector in found.sectors.items():
        right = complete.sector(shape).eigenvalues[: len(sector.eigenvalues)]
        assert (sector.eigenvalues <= right + 1e-15).all()
        assert (right[:2] - sector.eigenvalues[:2] <= sector.errors[:2] + 1e-15).all()
    missing = complete.trace - sum(sector.trace for sector in found.sectors.values())
    assert found.unresolved == pytest.approx(missing)
    assert found.unresolved > 0


def test_standard_representation_falls_like_the_square_of_the_length() -> None:
    """While its bound, trace / f, falls like trace / (T - 1)."""
    exact = []
    for length in (24, 48):
        found = decompose(gram_of_tables(linear_attention(), 2), 2, length, degree=2)
        exact.append(found.sector((length - 1, 1)).eigenvalues[0])
        bound = found.trace_bound((length - 1, 1))
        assert bound == pytest.approx(found.trace / (length - 1))
        assert exact[-1] < bound / 10
    assert math.log2(exact[0] / exact[1]) == pytest.approx(2, abs=0.1)


def test_sectors_do_not_depend_on_the_names_of_symbols() -> None:
    kernel, p, order = generic(3), np.array([0.2, 0.5, 0.3]), np.array([2, 0, 1])
    renamed = decompose(lambda x, y: gram_of_tables(kernel, 3)(order[x], order[y]), 3, 4, probabilities=p[order])
    for shape, sector in decompose(gram_of_tables(kernel, 3), 3, 4, probabilities=p).sectors.items():
        np.testing.assert_allclose(renamed.sector(shape).eigenvalues, sector.eigenvalues, atol=1e-13)


# Projectors and targets


def test_isotypic_projectors_resolve_the_identity() -> None:
    values = stream(0, "projector").standard_normal([3] * 4)
    parts = {shape: project(values, shape) for shape in partitions(4)}
    np.testing.assert_allclose(sum(parts.values()), values)
    np.testing.assert_allclose(parts[1, 1, 1, 1], 0, atol=1e-14)  # four positions, three symbols
    for shape, other in itertools.product(parts, repeat=2):
        np.testing.assert_allclose(project(parts[shape], other), parts[shape] * (shape == other), atol=1e-13)


def test_pair_parts_are_the_isotypic_projections() -> None:
    """Of f(x) = sum_{i != j} W_ij g(x_i) h(x_j), for any W, g and h."""
    length, vocab, rng = 5, 3, stream(0, "pair-parts")
    weights, g, h = rng.standard_normal((length, length)), rng.standard_normal(vocab), rng.standard_normal(vocab)
    g, h = g - g.mean(), h - h.mean()

    def function(w: np.ndarray) -> np.ndarray:
        tokens = np.indices([vocab] * length).reshape(length, -1)
        values = np.einsum("ij,in,jn->n", w * (1 - np.eye(length)), g[tokens], h[tokens])
        return values.reshape([vocab] * length)

    parts = pair_parts(weights)
    for name, shape in two_body_partitions(length).items():
        np.testing.assert_allclose(function(parts[name]), project(function(weights), shape), atol=1e-12)
    both = pair_parts(np.stack([weights, 2 * weights], axis=-1))
    for name, part in parts.items():
        np.testing.assert_allclose(both[name], np.stack([part, 2 * part], axis=-1), atol=1e-14)


@pytest.mark.parametrize(("vocab", "length"), [(2, 4), (3, 4), (3, 3), (4, 4), (2, 7)])
def test_targets_have_unit_norm_and_lie_in_one_representation(vocab: int, length: int) -> None:
    tokens = np.array(list(itertools.product(range(vocab), repeat=length)))
    for shape in two_body_partitions(length).values():
        if len(shape) > vocab:
            continue
        values = representation_target(tokens, shape, vocab, seed=3)
        assert values.dtype == np.float64
        assert np.mean(values**2) == pytest.approx(1, rel=1e-12)
        assert np.mean(values) == pytest.approx(0, abs=1e-13)
        on_grid = values.reshape([vocab] * length)
        np.testing.assert_allclose(project(on_grid, shape), on_grid, atol=1e-12)
        np.testing.assert_array_equal(values, representation_target(tokens, shape, vocab, seed=3))
        if dimension(shape) * symbol_multiplicity(shape, vocab) > 1:
            assert np.abs(values - representation_target(tokens, shape, vocab, seed=4)).max() > 0.1


def test_target_is_the_sum_over_pairs_that_is_written() -> None:
    target = draw_target((3, 1, 1), 5, 4, seed=0)
    phi, psi = target.letters
    tokens = stream(0, "target-tokens").integers(4, size=(6, 5))
    by_hand = [
        sum(
            target.weights[i, j] * (phi[x[i]] * psi[x[j]] - psi[x[i]] * phi[x[j]]) / math.sqrt(2)
            for i, j in itertools.combinations(range(5), 2)
        )
        for x in tokens
    ]
    np.testing.assert_allclose(target(tokens), by_hand, atol=1e-13)
    assert len(target(tokens[:0])) == 0


@pytest.mark.parametrize("uniform", [True, False])
def test_norms_of_a_target_in_each_level(uniform: bool) -> None:
    """<f, K^m f> = sum of v^2 lambda^m for m = 0..3, by brute force."""
    vocab, length = 3, 4
    p = np.full(3, 1 / 3) if uniform else np.array([0.2, 0.5, 0.3])
    found = decompose(gram_of_tables(attention_relu, vocab), vocab, length, probabilities=p)
    tokens = np.array(list(itertools.product(range(vocab), repeat=length)))
    root = np.sqrt(p[tokens].prod(axis=1))
    matrix = root[:, None] * gram_of_tables(attention_relu, vocab)(tokens, tokens) * root
    for shape in two_body_partitions(length).values():
        target = draw_target(shape, length, vocab, seed=1)
        sector = found.sector(shape)
        norms, vector = sector.target_norms(target), root * target(tokens)
        for power in range(4):
            by_hand = vector @ np.linalg.matrix_power(matrix, power) @ vector
            assert norms @ sector.eigenvalues**power == pytest.approx(by_hand, rel=1e-10)


# Bad input

GRAM = gram_of_tables(linear_attention(), 3)
TOKENS = np.zeros((2, 5), dtype=int)
LAST_TOKEN = lambda x, y: 1.0 * np.outer(x[:, -1], y[:, -1])  # noqa: E731


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: sector_spectrum(GRAM, 3, 5, (3, 1)), "partition=(3, 1) cannot be used: its rows sum to 4, not to the"),
        (lambda: sector_spectrum(GRAM, 3, 5, (9, 6)), "partition=(9, 6) cannot be used: its rows sum to 15, not to"),
        (lambda: dimension((1, 3)), "partition=(1, 3) cannot be used: no row may be longer than the one before it."),
        (lambda: dimension("31"), "partition='31' cannot be used: it must be a list."),
        (lambda: dimension((2, 0)), "partition=0 cannot be used: it must be at least 1."),
        (lambda: character((2, 1), (2,)), "cycle_type=(2,) cannot be used: its rows sum to 2, not to the length 3."),
        (lambda: kostka((2, 1), (2, 2)), "content=(2, 2) cannot be used: its counts must sum to 3"),
        (lambda: sector_spectrum(GRAM, 3, 5, (2, 1, 1, 1)), "partition=(2, 1, 1, 1) cannot be used: sequences over"),
        (lambda: sector_spectrum(GRAM, 3, 5, (3, 2), degree=1), "partition=(3, 2) cannot be used: functions of degree"),
        (lambda: decompose(GRAM, 3, 5, degree=6), "degree=6 cannot be used: functions of 5 tokens have at most that"),
        (lambda: decompose(GRAM, 3, 5, probabilities=[0.5, 0.5]), "probabilities=[0.5, 0.5] cannot be used: it must"),
        (
            lambda: decompose(GRAM, 3, 5, probabilities=[1, 0, 0]),
            "probabilities=[1.0, 0.0, 0.0] cannot be used: they must be",
        ),
        (lambda: decompose(lambda x, y: GRAM(x, y)[0], 3, 5), "gram='an array of shape (8,)' cannot be used: its"),
        (lambda: decompose(lambda x, y: GRAM(x, y) * np.nan, 3, 5), "gram cannot be used: some of its values are not"),
        (lambda: decompose(lambda x, y: x @ (y + 1).T, 3, 5), "gram cannot be used: K(x, y) and K(y, x) differ."),
        (lambda: decompose(LAST_TOKEN, 3, 5), "gram cannot be used: it changes when the positions of both sequences"),
        (lambda: decompose(lambda x, y: -GRAM(x, y), 3, 5).spectrum(), "gram=-0."),
        (
            lambda: project(np.zeros((2, 3)), (2,)),
            "values='an array of shape (2, 3)' cannot be used: it must have 1 to",
        ),
        (
            lambda: representation_target(TOKENS, (2, 2, 1), 3, 0),
            "partition=(2, 2, 1) cannot be used: at length 5 there",
        ),
        (lambda: representation_target(TOKENS, (3, 1, 1), 2, 0), "vocab=2 cannot be used: (3, 1, 1) is antisymmetric"),
        (lambda: representation_target(TOKENS + 7, (5,), 3, 0), "tokens=7 cannot be used: tokens go from 0 to 2."),
        (lambda: representation_target(TOKENS[0], (5,), 3, 0), "tokens='an array of shape (5,)' cannot be used"),
        (lambda: draw_target((5,), 5, 3, 0)(TOKENS[:, 1:]), "tokens='an array of shape (2, 4)' cannot be used: it"),
        (lambda: decompose(GRAM, 3, 5).sector((5,)).target_norms(draw_target((4, 1), 5, 3, 0)), "target=(4, 1) cannot"),
    ],
)
def test_bad_input_is_one_line(call, says: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert str(caught.value).startswith(says)
    assert "\n" not in str(caught.value)


def test_bad_partitions_say_how_to_mend_them() -> None:
    for rows, mend in (((3, 1), "Give (4, 1)."), ((9, 6), "Give numbers that sum to 5."), ((2, 3), "Give (3, 2).")):
        with pytest.raises(InputError) as caught:
            sector_spectrum(GRAM, 3, 5, rows)
        assert str(caught.value).endswith(mend)
