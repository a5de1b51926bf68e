"""Kernels against quadrature, brute force, symmetries, and the Monte Carlo of their own finite networks."""

from __future__ import annotations

import itertools
import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate

from syntagma import learners
from syntagma.errors import InputError
from syntagma.kernels import (
    Architecture,
    Attention,
    Convolution,
    Dense,
    Embedding,
    LayerNorm,
    Residual,
    hierarchical_cnn,
    perceptron,
    template_transformer,
    transformer,
)
from syntagma.kernels.activations import activate, covariance, derivative_covariance
from syntagma.kernels.arc_cosine import arc_cosine
from syntagma.tasks import Shape
from tiers import slow_but

SEQUENCES = np.random.default_rng(0).integers(0, 3, (5, 4))
EMBEDDING = Embedding(vocab=3, position_variance=0.5)
AS_MATRIX = EMBEDDING.model_copy(update={"token_kernel": tuple(map(tuple, np.eye(3).tolist()))})
"""The same embedding, declared as a matrix: it is worked out on the grid of all pairs of positions."""
LINEAR = Attention(scores="linear")
UNIFORM = Attention(scores="uniform")
CAUSAL = Attention(scores="linear", causal=True)
MLP = (Dense(), Dense(activation="linear"))


def of(*layers: Any, readout: Any = "mean", embedding: Embedding = EMBEDDING) -> Architecture:
    return Architecture(embedding=embedding, layers=layers, readout=readout)


# Closed forms


def gauss_hermite(f: Any, left: float, right: float, k: float) -> float:
    """E[f(u) f(w)] by a product rule of 80 points a side."""
    points, weights = np.polynomial.hermite_e.hermegauss(80)
    weights = weights / weights.sum()
    u = math.sqrt(left) * points[:, None]
    w = k / math.sqrt(left) * points[:, None] + math.sqrt(right - k * k / left) * points[None, :]
    return float(np.einsum("i,j,ij->", weights, weights, np.asarray(f(u) * f(w))))


@pytest.mark.parametrize("case", [("erf", 0.0), ("cos", 0.0), ("cos", 0.7), ("linear", 0.0)])
@pytest.mark.parametrize("variances", [(1.3, 0.7, 0.5), (0.4, 2.0, -0.3)])
def test_smooth_activations_by_quadrature(case: Any, variances: tuple[float, float, float]) -> None:
    name, phase = case
    left, right, k = variances
    with jax.enable_x64(True):
        slope = jax.vmap(jax.vmap(jax.grad(lambda u: activate(name, phase, u))))
        expected = gauss_hermite(lambda u: activate(name, phase, jnp.asarray(u)), left, right, k)
        expected_slope = gauss_hermite(lambda u: slope(jnp.asarray(u) * jnp.ones((80, 80))), left, right, k)
        arrays = [jnp.array(v) for v in (k, left, right)]
        assert covariance(name, phase, *arrays) == pytest.approx(expected, rel=1e-9)
        assert derivative_covariance(name, phase, *arrays) == pytest.approx(expected_slope, rel=1e-9)


@pytest.mark.parametrize("order", [*range(5), 8, 16])
@pytest.mark.parametrize("cosine", [-1.0, -0.9, -0.2, 0.0, 0.5, 0.51, 0.999, 1.0])
def test_arc_cosine_by_polar_integral(order: int, cosine: float) -> None:
    """In polar coordinates the radius gives E[r^(2n)] = 2^n n! and the angle a finite integral."""
    t, left, right = math.acos(cosine), 1.7, 0.6
    angle, _ = integrate.quad(
        lambda a: (math.cos(a) * math.cos(a - t)) ** order, t - math.pi / 2, math.pi / 2, epsabs=1e-14
    )
    expected = (left * right) ** (order / 2) * 2**order * math.factorial(order) * angle / (2 * math.pi)
    with jax.enable_x64(True):
        found = arc_cosine(order, *(jnp.array(v) for v in (cosine * math.sqrt(left * right), left, right)))
    largest = (left * right) ** (order / 2) * math.prod(range(1, 2 * order, 2)) / 2
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-14 * largest)


def test_equal_inputs_have_angle_zero_and_near_ones_the_right_angle() -> None:
    with jax.enable_x64(True):
        same = jnp.array([0.1, 1 / 3, 7.7])
        np.testing.assert_array_equal(arc_cosine(0, same, same, same), 0.5)
        for angle in (1e-6, 1e-4, 1e-2):  # 1 - cos t = 2 sin^2(t/2), so k is known to one rounding
            k = 1 - 2 * math.sin(angle / 2) ** 2
            found = float(arc_cosine(0, jnp.array(k), jnp.array(1.0), jnp.array(1.0)))
            assert 0.5 - found == pytest.approx(angle / (2 * math.pi), rel=3e-16 / angle**2)


# Layers against brute force


def brute_force_linear_block(x: np.ndarray, y: np.ndarray, causal: bool) -> np.ndarray:
    """Causal or full linear attention, then ReLU, at all pairs of positions, by loops over the definition."""

    def k0(a: np.ndarray, b: np.ndarray, i: int, k: int) -> float:
        return float(a[i] == b[k]) + 0.5 * (i == k)

    def attended(a: np.ndarray, b: np.ndarray, i: int, k: int) -> float:
        rows, columns = (range(i + 1), range(k + 1)) if causal else (range(len(a)), range(len(b)))
        total = sum(k0(a, b, j, l) ** 2 for j in rows for l in columns)
        return k0(a, b, i, k) * total / (len(rows) * len(columns))

    found = np.zeros((len(x), len(x)))
    for i, k in itertools.product(range(len(x)), repeat=2):
        variances = attended(x, x, i, i), attended(y, y, k, k)
        cosine = np.clip(attended(x, y, i, k) / math.sqrt(variances[0] * variances[1]), -1, 1)
        t = math.acos(cosine)
        found[i, k] = math.sqrt(variances[0] * variances[1]) * (math.sin(t) + (math.pi - t) * cosine) / (2 * math.pi)
    return found


@pytest.mark.parametrize("causal", [False, True])
def test_linear_attention_block_by_brute_force(causal: bool) -> None:
    layers = (Attention(scores="linear", causal=causal), Dense())
    mean, last = of(*layers).gram(SEQUENCES).matrix, of(*layers, readout="last").gram(SEQUENCES).matrix
    for a, b in itertools.product(range(len(SEQUENCES)), repeat=2):
        expected = brute_force_linear_block(SEQUENCES[a], SEQUENCES[b], causal)
        assert mean[a, b] == pytest.approx(expected.mean(), rel=1e-12)
        assert last[a, b] == pytest.approx(expected[-1, -1], rel=1e-12)


EXCHANGEABLE = {
    "two linear layers": (LINEAR, *MLP, LINEAR),
    "residual": (Residual(of=(LayerNorm(), LINEAR)), Residual(of=(LayerNorm(), *MLP), scale=0.7), UNIFORM),
    "bias and erf": (UNIFORM, Dense(activation="erf", bias_variance=0.2, weight_variance=2.0), LayerNorm(), LINEAR),
    "bag of tokens": (Dense(activation="requ"),),
}


@pytest.mark.parametrize(
    ("name", "readout", "kind"),
    [
        ("residual", "last", "nngp"),
        ("bias and erf", "class", "ntk"),
        pytest.param("two linear layers", "mean", "ntk", marks=pytest.mark.slow),
        pytest.param("residual", "mean", "ntk", marks=pytest.mark.slow),
        pytest.param("two linear layers", "class", "ntk", marks=pytest.mark.slow),
        pytest.param("bag of tokens", "mean", "ntk", marks=pytest.mark.slow),
    ],
)
def test_four_kinds_of_pairs_hold_all_there_is(name: str, readout: Any, kind: Any) -> None:
    layers = EXCHANGEABLE[name]
    found = of(*layers, readout=readout).gram(SEQUENCES, kind=kind).matrix
    grid = of(*layers, readout=readout, embedding=AS_MATRIX).gram(SEQUENCES, kind=kind).matrix
    np.testing.assert_allclose(found, grid, rtol=1e-7 if kind == "ntk" else 1e-12)


def test_fixed_attention_with_the_uniform_pattern_is_uniform() -> None:
    pattern = ((0.25,) * 4,) * 4
    found = of(Attention(scores="fixed", pattern=pattern), Dense()).gram(SEQUENCES, kind="ntk").matrix
    np.testing.assert_allclose(found, of(UNIFORM, Dense()).gram(SEQUENCES, kind="ntk").matrix, rtol=1e-7)


# Symmetries


def test_permutations_of_symbols_and_of_positions_change_nothing() -> None:
    architecture = of(Residual(of=(LINEAR,)), *MLP, LINEAR)
    expected = architecture.gram(SEQUENCES, kind="ntk").matrix
    for moved in (np.array([2, 0, 1])[SEQUENCES], SEQUENCES[:, [3, 1, 0, 2]]):
        np.testing.assert_allclose(architecture.gram(moved, kind="ntk").matrix, expected, rtol=1e-9)
    causal = of(CAUSAL, Dense()).gram(SEQUENCES).matrix
    assert np.abs(of(CAUSAL, Dense()).gram(SEQUENCES[:, [3, 1, 0, 2]]).matrix - causal).max() > 1e-3


def test_later_tokens_do_not_reach_earlier_positions() -> None:
    """Reading position 1 by a fixed pattern: tokens 2 and 3 matter without the mask, and not with it."""
    reading = Attention(scores="fixed", pattern=((0.0, 1.0, 0.0, 0.0),) * 4)
    changed = SEQUENCES.copy()
    changed[:, 2:] = 2 - changed[:, 2:]
    for causal in (True, False):
        first = Attention(scores="linear", causal=causal)
        before, after = (of(first, Dense(), reading).gram(x, kind="ntk").matrix for x in (SEQUENCES, changed))
        if causal:
            np.testing.assert_allclose(before, after, rtol=1e-8)
        else:
            assert np.abs(before / after - 1).max() > 1e-3


@given(seed=st.integers(0, 2**31 - 1), causal=st.booleans())
@settings(max_examples=8, deadline=None)
def test_gram_matrices_are_symmetric_and_positive_semidefinite(seed: int, causal: bool) -> None:
    x = np.random.default_rng(seed).integers(0, 3, (20, 4))
    architecture = of(Residual(of=(CAUSAL if causal else LINEAR,)), Dense())
    half, full = architecture.gram(x, kind="ntk").matrix, architecture.gram(x, x, kind="ntk").matrix
    np.testing.assert_array_equal(half, half.T)
    np.testing.assert_allclose(half, full, rtol=1e-7)
    np.testing.assert_allclose(np.diag(half), architecture.diagonal(x, kind="ntk"), rtol=1e-13)
    eigenvalues = np.linalg.eigvalsh(half)
    assert eigenvalues[0] > -1e-7 * eigenvalues[-1]


@pytest.mark.parametrize(
    "architecture", [of(LINEAR, Dense()), of(CAUSAL, Dense()), perceptron(3)], ids=["all", "causal", "tree"]
)
def test_the_block_size_does_not_change_a_bit(architecture: Architecture) -> None:
    x = np.random.default_rng(1).integers(0, 3, (40, 4))
    told: list[float] = []
    whole = architecture.gram(x).matrix
    for size in (17, 40):
        blocks = architecture.gram(x, block_size=size, progress=lambda text, fraction: told.append(fraction)).matrix
        np.testing.assert_array_equal(blocks, whole)
    assert told[-1] == 1.0


# Trees


@pytest.mark.slow
def test_weight_sharing_leaves_no_trace_without_pooling() -> None:
    x = np.random.default_rng(2).integers(0, 3, (6, 8))
    shared, local = (hierarchical_cnn(3, 2, 3, shared=s).gram(x, kind="ntk").matrix for s in (True, False))
    np.testing.assert_array_equal(shared, local)
    pooled = [of(Convolution(size=2, shared=s)).gram(x).matrix for s in (True, False)]
    assert np.abs(pooled[0] - pooled[1]).max() > 1e-2


def test_kernels_of_the_learners_hidden_layers() -> None:
    """Activations of `learners`' own networks: their mean product is the kernel."""
    x = np.random.default_rng(2).integers(0, 3, (4, 4))
    shape = Shape(vocab=3, length=4, outputs=2, branching=2)
    for shared, learner in ((True, learners.HierarchicalCNN(width=256)), (False, learners.LocallyConnected(width=256))):
        products = []
        for seed in range(12):
            network: Any = learner.network(jax.random.key(seed), shape)
            top = np.asarray(network.layers(jnp.array(x))[-1][:, 0])
            products.append(top @ top.T / top.shape[1])
        expected = hierarchical_cnn(3, 2, 2, shared=shared).gram(x).matrix
        error = np.std(products, axis=0, ddof=1) / len(products) ** 0.5
        assert np.abs((np.mean(products, axis=0) - expected) / error).max() < 5


# Finite networks


def kernel_of_networks(architecture: Architecture, width: int, draws: int, **sizes: int) -> tuple[Any, Any]:
    """Mean and standard error of features' products over random networks."""
    x = jnp.array(SEQUENCES)

    @jax.jit
    def product(key: Any) -> Any:
        features = architecture.network(key, width, SEQUENCES.shape[1], **sizes).features(x)
        return features @ features.T / features.shape[1]

    found = np.stack([np.asarray(product(key)) for key in jax.random.split(jax.random.key(width), draws)])
    return found.mean(0), found.std(0, ddof=1) / draws**0.5


def tangent_kernel_of_networks(architecture: Architecture, width: int, draws: int, **sizes: int) -> tuple[Any, Any]:
    """Mean and standard error of gradients' inner products over random networks."""
    x = jnp.array(SEQUENCES)

    @jax.jit
    def product(key: Any) -> Any:
        weights, rest = eqx.partition(
            architecture.network(key, width, SEQUENCES.shape[1], **sizes), eqx.is_inexact_array
        )
        jacobian = jax.jacrev(lambda w: eqx.combine(w, rest)(x))(weights)
        flat = jnp.concatenate([a.reshape(len(x), -1) for a in jax.tree.leaves(jacobian)], axis=1)
        return flat @ flat.T

    found = np.stack([np.asarray(product(key)) for key in jax.random.split(jax.random.key(width), draws)])
    return found.mean(0), found.std(0, ddof=1) / draws**0.5


COMPOSITIONS = {
    "linear, causal, residual": of(Residual(of=(CAUSAL,)), Residual(of=MLP), readout="last"),
    "class token": of(UNIFORM, Dense(activation="erf", bias_variance=0.3), LINEAR, readout="class"),
    "norm, fixed, cosine": of(
        LayerNorm(),
        Attention(scores="fixed", pattern=((1, 0, 0, 0), (0.5, 0.5, 0, 0), (0, 0.2, 0.8, 0), (0, 0, 0, 1))),
        Dense(activation="cos", phase=0.7),
    ),
    "convolution, fixed": of(
        Convolution(size=2), Attention(scores="fixed", pattern=((0.3, 0.7), (1.0, 0.0))), Dense(), readout="last"
    ),
    "shared convolution": of(Convolution(size=2, bias_variance=0.1), Dense()),
    "locally connected": of(Convolution(size=2, shared=False, bias_variance=0.1), Dense()),
    "perceptron": perceptron(3, layers=2),
    "softmax, last": of(Attention(causal=True, temperature=1.5), readout="last"),
    "softmax, mean, causal": of(Attention(causal=True, temperature=1.5), Dense()),
    "softmax, mean": of(Attention(temperature=1.5), Dense()),
    "softmax, class": template_transformer(3, 2.0, 0.7, "relu"),
    "softmax, two layers": of(Residual(of=(LayerNorm(), Attention())), Attention(), readout="last"),
}


QUICK = {"linear, causal, residual"}


@pytest.mark.parametrize("name", slow_but(QUICK, COMPOSITIONS))
def test_networks_of_finite_width_average_to_the_kernel(name: str) -> None:
    architecture = COMPOSITIONS[name]
    limit = architecture.gram(SEQUENCES, samples=4096)
    mean, error = kernel_of_networks(architecture, 64, 64, heads=64, head_size=32)
    quasi = 0 if limit.standard_error is None else limit.standard_error
    bias = 0.02 * np.diag(limit.matrix).mean()  # of order 1 / width
    assert (np.abs(mean - limit.matrix) < 4 * np.hypot(error, quasi) + bias).all()


@pytest.mark.slow
@pytest.mark.parametrize("architecture", COMPOSITIONS.values(), ids=COMPOSITIONS.keys())
def test_gradients_of_networks_average_to_the_tangent_kernel(architecture: Architecture) -> None:
    limit = architecture.gram(SEQUENCES, kind="ntk", samples=4096)
    mean, error = tangent_kernel_of_networks(architecture, 48, 32, heads=32, head_size=16)
    quasi = 0 if limit.standard_error is None else limit.standard_error
    bias = 0.03 * np.diag(limit.matrix).mean()
    assert (np.abs(mean - limit.matrix) < 4 * np.hypot(error, quasi) + bias).all()


@pytest.mark.parametrize("name", slow_but(["relu^3"], ["relu^3", "relu^4"]))
def test_powers_of_relu_at_any_width(name: str) -> None:
    """One hidden layer on fixed inputs: its units are exactly Gaussian, so the average has no bias of order 1 / width.

    The tails of powers are heavy, hence many draws.
    """
    embedding = Embedding(vocab=3, trained=False, position_variance=0.5)
    architecture = of(Dense(activation=name, weight_variance=0.7, bias_variance=0.2), embedding=embedding)
    for kind, measure in (("nngp", kernel_of_networks), ("ntk", tangent_kernel_of_networks)):
        limit = architecture.gram(SEQUENCES, kind=kind).matrix
        mean, error = measure(architecture, 256, 512)
        assert (np.abs(mean - limit) < 4 * error).all()
        assert (error < 0.1 * limit).all()


@pytest.mark.slow
def test_the_error_of_networks_falls_as_one_over_width() -> None:
    """Mean square error of single networks' products: slope -1 in the width."""
    architecture, widths = of(Residual(of=(UNIFORM,)), Dense()), [16, 64, 256]
    limit = architecture.gram(SEQUENCES).matrix
    errors = []
    for width in widths:
        mean, error = kernel_of_networks(architecture, width, 48, heads=width, head_size=1)
        errors.append(np.mean((mean - limit) ** 2 + 48 * error**2))
    slope = np.polyfit(np.log(widths), np.log(errors), 1)[0]
    assert slope == pytest.approx(-1, abs=0.2)


@pytest.mark.parametrize(
    ("layers", "trained", "times"),
    [
        ((LINEAR,), False, 5),
        ((LINEAR,), True, 8),
        ((CAUSAL, CAUSAL), False, 17),
        ((UNIFORM, Dense(activation="linear")), True, 5),
        ((Attention(scores="fixed", pattern=((0.1, 0.2, 0.3, 0.4),) * 4),), False, 3),
    ],
)
def test_tangent_kernel_of_what_is_linear_in_every_weight(layers: Any, trained: bool, times: int) -> None:
    """f linear in W has E<df/dW, df'/dW> = E[f f']: the NTK is the NNGP kernel times a number.

    One for each weight matrix of the last layers (4 of linear attention, 2 of fixed, 1 of dense or read-out); linear
    attention is cubic in what comes in, so it passes on 3 times what that has: 17 = 1 + 4 + 3 * 4, 8 = 1 + 4 + 3 * 1.
    """
    architecture = of(*layers, embedding=EMBEDDING.model_copy(update={"trained": trained}))
    nngp, ntk = architecture.gram(SEQUENCES).matrix, architecture.gram(SEQUENCES, kind="ntk").matrix
    np.testing.assert_allclose(ntk, times * nngp, rtol=1e-12)


def test_networks_have_the_outputs_asked_for() -> None:
    architecture = transformer(3)
    assert architecture.network(jax.random.key(0), 8, 4)(jnp.array(SEQUENCES)).shape == (5,)
    assert architecture.network(jax.random.key(0), 8, 4, outputs=3)(jnp.array(SEQUENCES)).shape == (5, 3)


# Softmax


@pytest.mark.slow
def test_template_kernel_by_direct_monte_carlo() -> None:
    """K_attn as design section 5 writes it, by plain Monte Carlo, and phi on top of it."""
    beta, gamma, draws = 1.7, 0.6, 200_000
    x, y = SEQUENCES[0], SEQUENCES[1]
    within, across = (np.equal.outer(x, z) + gamma**2 * np.eye(4) for z in (x, y))
    joint = np.block([[within, across], [across.T, np.equal.outer(y, y) + gamma**2 * np.eye(4)]])
    m = np.random.default_rng(0).multivariate_normal(np.zeros(8), joint, draws)
    weights = [np.exp(beta * half) / np.exp(beta * half).sum(1, keepdims=True) for half in (m[:, :4], m[:, 4:])]
    samples = np.einsum("nj,jl,nl->n", weights[0], across, weights[1])
    error = samples.std() / draws**0.5
    linear = template_transformer(3, beta, gamma, "linear").gram(SEQUENCES[:2], samples=2**15)
    assert linear.standard_error is not None
    assert abs(linear.matrix[0, 1] - samples.mean()) < 4 * math.hypot(error, linear.standard_error[0, 1])
    assert linear.standard_error.max() < 2e-3
    cosine = template_transformer(3, beta, gamma, "cos", frequency=1.5, phase=0.4).gram(SEQUENCES[:2], samples=2**15)
    with jax.enable_x64(True):
        k = 1.5**2 * linear.matrix
        expected = covariance("cos", 0.4, *(jnp.array(v) for v in (k[0, 1], k[0, 0], k[1, 1])))
    assert cosine.matrix[0, 1] == pytest.approx(float(expected), rel=2e-3)


@pytest.mark.parametrize(
    ("kind", "causal", "readout"),
    [
        ("nngp", False, "class"),
        pytest.param("ntk", False, "mean", marks=pytest.mark.slow),
        pytest.param("nngp", True, "mean", marks=pytest.mark.slow),
        pytest.param("nngp", False, "last", marks=pytest.mark.slow),
        *(
            pytest.param("ntk", c, r, marks=pytest.mark.slow)
            for c, r in ((True, "mean"), (False, "last"), (False, "class"))
        ),
    ],
)
def test_two_integrals_of_softmax_attention_agree(
    kind: Any, causal: bool, readout: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each sequence worked on once, and each pair of sequences: different dimensions, the same law."""
    x = SEQUENCES[:3]
    architecture = of(Attention(causal=causal, temperature=1.5), readout=readout)
    fields = architecture.gram(x, kind=kind, samples=2**13)
    with monkeypatch.context() as patch:
        patch.setattr("syntagma.kernels.fields.affordable", lambda *args, **named: False)
        jax.clear_caches()
        from syntagma.kernels import gram

        gram._requests.cache_clear()
        pairs = architecture.gram(x, kind=kind, samples=2**13)
    jax.clear_caches()
    gram._requests.cache_clear()
    assert fields.standard_error is not None
    assert pairs.standard_error is not None
    error = np.hypot(fields.standard_error, pairs.standard_error)
    assert (np.abs(fields.matrix - pairs.matrix) < 5 * error + 1e-9).all()
    assert error.max() < 0.02 * fields.matrix.max()


@pytest.mark.parametrize("readout", ["class", pytest.param("last", marks=pytest.mark.slow), "mean"])
def test_softmax_gram_is_positive_semidefinite_and_one_kernel_for_train_and_test(readout: Any) -> None:
    x, architecture = np.random.default_rng(3).integers(0, 3, (40, 4)), of(Attention(), readout=readout)
    found = architecture.gram(x, samples=512)
    assert np.linalg.eigvalsh(found.matrix)[0] > -1e-9
    np.testing.assert_allclose(architecture.gram(x[:7], x[7:], samples=512).matrix, found.matrix[:7, 7:], rtol=1e-9)
    np.testing.assert_allclose(architecture.diagonal(x, samples=512), np.diag(found.matrix), rtol=1e-9)
    np.testing.assert_allclose(architecture.gram(x, samples=512, block_size=16).matrix, found.matrix, rtol=1e-9)


def test_softmax_of_temperature_zero_is_uniform() -> None:
    found = of(Attention(temperature=1e-6), Dense()).gram(SEQUENCES, samples=64).matrix
    np.testing.assert_allclose(found, of(UNIFORM, Dense()).gram(SEQUENCES).matrix, rtol=1e-5)


# Settings and bad input


def test_settings_are_one_to_one_with_json() -> None:
    for architecture in COMPOSITIONS.values():
        assert Architecture.model_validate_json(architecture.model_dump_json()) == architecture


BAD = {
    "lengths": (lambda a: a.gram([[0, 1], [0, 1, 2]]), "its sequences must have one length"),
    "range": (lambda a: a.gram([[0, 3]]), "tokens go from 0 to vocab-1 = 2"),
    "negative": (lambda a: a.gram([[0, -1]]), "x=-1 cannot be used"),
    "fractions": (lambda a: a.gram([[0.0, 1.5]]), "tokens are whole numbers"),
    "shape": (lambda a: a.gram([0, 1]), "an array of n sequences of T tokens"),
    "none": (
        lambda a: a.gram(np.zeros((0, 4))),
        "x=(0, 4) cannot be used: at least one sequence of at least one token",
    ),
    "two lengths": (lambda a: a.gram([[0, 1]], [[0, 1, 2]]), "the other sequences have 2 tokens"),
    "memory": (lambda a: a.gram(np.zeros((10**6, 2), int)), "their Gram matrix takes 8,000.0 GB"),
    "memory with errors": (
        lambda a: a.model_copy(update={"layers": (Attention(),)}).gram(np.zeros((10**6, 2), int)),
        "their Gram matrix takes 16,000.0 GB",
    ),
    "kind": (lambda a: a.gram([[0, 1]], kind="cntk"), "it must be 'nngp' or 'ntk'"),
    "block": (lambda a: a.gram([[0, 1]], block_size=0), "block_size=0 cannot be used"),
}


@pytest.mark.parametrize(("call", "text"), BAD.values(), ids=BAD.keys())
def test_bad_sequences_are_refused_in_one_line(call: Any, text: str) -> None:
    with pytest.raises(InputError) as error:
        call(of(LINEAR))
    assert text in str(error.value)
    assert "\n" not in str(error.value)


def test_compositions_without_a_limit_here_are_refused() -> None:
    for layers, text in (
        ((Dense(), LayerNorm()), "a mean over its units that is not 0, and layer norm of that is not implemented"),
        ((Residual(of=(Dense(),)),), "correlated with the skipped input"),
        ((Residual(of=(Convolution(size=2, activation="linear"),)),), "changes the positions"),
    ):
        with pytest.raises(InputError, match=text):
            of(*layers)
    for activation in ("relu^2", "relu^1.5", "relu^-1", "relu^17", "relu^"):
        with pytest.raises(InputError, match=r"powers of ReLU are 'step', 'relu', 'requ', and 'relu\^3' to"):
            Dense(activation=activation)
    with pytest.raises(InputError, match=r"activation='rely' is unknown: .*Did you mean 'relu'"):
        Dense(activation="rely")
    with pytest.raises(InputError, match="scores='fixed' needs one"):
        Attention(scores="fixed")
    with pytest.raises(InputError, match="it must have vocab=3 rows"):
        Embedding(vocab=3, token_kernel=((1.0,),))
    with pytest.raises(InputError, match="smallest eigenvalue"):
        Embedding(vocab=2, token_kernel=((1.0, 2.0), (2.0, 1.0)))
    with pytest.raises(InputError, match="a convolution of size 3 needs a multiple of it"):
        of(Convolution(size=3)).gram(SEQUENCES)
    with pytest.raises(InputError, match="pattern='1 rows' cannot be used: the attention meets 4 positions"):
        of(Attention(scores="fixed", pattern=((1.0,),))).gram(SEQUENCES)
    with pytest.raises(InputError, match="pattern='4 rows' cannot be used: the attention meets 2 positions"):
        of(Convolution(size=2), Attention(scores="fixed", pattern=((0.25,) * 4,) * 4)).gram(SEQUENCES)
