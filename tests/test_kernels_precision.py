"""Closed forms against 50-digit arithmetic over their whole domain, and networks where a variance is 0.

`exact` writes the definitions down with as many digits as their cancellations cost (a variance of 1e300 costs 300, the
order 16 at correlation -1 + 1e-16 another 300) and 50 more.
"""

from __future__ import annotations

import functools
import itertools
import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syntagma.errors import InputError
from syntagma.kernels import Architecture, Attention, Convolution, Dense, Embedding, LayerNorm, Residual
from syntagma.kernels.activations import covariance, derivative_covariance
from syntagma.kernels.correlation import correlate, roots
from tiers import slow_but

DIGITS = 700
POWERS = ["step", "relu", "requ", *(f"relu^{n}" for n in range(3, 17))]
SMALLEST, LARGEST = mpmath.mpf("1e-300"), mpmath.mpf("1e300")
"""Values outside are no float64 numbers, or lose digits on the way to 0."""
NOISE = mpmath.mpf("6e-32")
"""The stated error of 1 - |c| where that is below 1e-16."""


@functools.cache
def polynomials(order: int) -> tuple[list[int], list[int]]:
    """p_n and q_n of Cho & Saul's J_n, the constant coefficient first."""

    def times(a: list[int], b: list[int]) -> list[int]:
        product = [0] * (len(a) + len(b))
        for (i, x), (j, y) in itertools.product(enumerate(a), enumerate(b)):
            product[i + j] += x * y
        return product

    def total(*terms: list[int]) -> list[int]:
        return [sum(column) for column in itertools.zip_longest(*terms, fillvalue=0)]

    def slope(a: list[int]) -> list[int]:
        return [i * x for i, x in enumerate(a)][1:] or [0]

    p, q = [0], [1]
    for n in range(order):
        p, q = (
            total(times([0, 2 * n], p), times([1, 0, -1], slope(p)), q),
            total(times([1, 0, -1], slope(q)), times([0, 2 * n + 1], q)),
        )
    return p, q


def exact(name: str, phase: float, k: float, left: float, right: float, *, slope: bool) -> tuple[Any, Any]:
    """The covariance, or the derivative's, and the relative error that is stated for it, as numbers of many digits."""
    k, left, right = (mpmath.mpf(float(x)) for x in (k, left, right))
    scale = mpmath.sqrt(left * right)
    k = max(min(k, scale), -scale)
    c = k / scale if scale else mpmath.mpf(0)
    noise = NOISE / (1 - abs(c)) if abs(c) < 1 else mpmath.mpf(0)
    if name == "erf":
        norm = (1 + 2 * left) * (1 + 2 * right)
        if slope:
            return 4 / mpmath.pi / mpmath.sqrt(norm - 4 * k * k), 2e-15 + noise
        return 2 / mpmath.pi * mpmath.asin(2 * k / mpmath.sqrt(norm)), 2e-15 + noise
    if name == "cos":
        mean, sign = (left + right) / 2, -1 if slope else 1
        terms = mpmath.exp(k - mean) / 2, sign * mpmath.cos(2 * mpmath.mpf(phase)) * mpmath.exp(-k - mean) / 2
        value = terms[0] + terms[1]
        distance = 2 * (mean - abs(k))
        spread = max(abs(t) for t in (*terms, value)) / abs(value) if value and phase and k < 0 else 1
        return value, spread * (4 + distance) * 1e-15 + distance * noise
    order = POWERS.index(name) - slope
    factor = (order + 1) ** 2 if slope else 1
    if scale == 0 or k == -scale:
        return mpmath.mpf(0), 0.0
    t = mpmath.acos(c)
    p, q = (sum(a * c**i for i, a in enumerate(coefficients)) for coefficients in polynomials(order))
    value = scale**order * (p * mpmath.sin(t) + q * (mpmath.pi - t)) / (2 * mpmath.pi)
    return factor * value, (order + 2) * 7e-16 + (order + 0.5) * noise * (c < 0)


def check(name: str, phase: float, ks: Any, lefts: Any, rights: Any) -> float:
    """The largest error over the stated one, of the covariance and of the derivative's."""
    worst = 0.0
    with jax.enable_x64(True), mpmath.workdps(DIGITS):
        arrays = [jnp.asarray(v, float) for v in (ks, lefts, rights)]
        for slope in (False, True) if name not in ("step", "linear") else (False,):
            values = np.asarray((derivative_covariance if slope else covariance)(name, phase, *arrays))
            assert not np.isnan(values).any()
            assert name in ("cos", "erf") or (values >= 0).all()
            for k, left, right, value in zip(*arrays, values, strict=True):
                wanted, error = exact(name, phase, k, left, right, slope=slope)
                if SMALLEST < abs(wanted) < LARGEST and error < 0.1:
                    worst = max(worst, float(abs(mpmath.mpf(float(value)) / wanted - 1) / error))
                elif wanted == 0:
                    assert value == 0
    return worst


VARIANCES = (0.0, 1e-300, 1e-160, 1e-12, 0.3, 1.0, 7.7, 1e3, 1e12, 1e16, 1e150, 1e300)
MODERATE = (0.0, 1e-17, 1e-8, 0.3, 1.0, 7.7, 1e9, 1e17)
"""Those whose sixteenth powers are float64 numbers."""
CORRELATIONS = (0.0, 1e-200, 1e-9, 0.2, 0.5, 0.51, 0.9, 0.999, 1 - 1e-9, 1 - 1e-15, 1 - 2.0**-53, 1.0)


def grid(variances: Any = VARIANCES, most: int = 600) -> list[np.ndarray]:
    """k, l and r: pairs of variances, equal ones most of all, with correlations of both signs; `most` of them all."""
    pairs = [(v, v) for v in variances] * 2 + [(v, math.nextafter(v, 2 * v)) for v in variances if v < 1e300]
    pairs += [p for p in itertools.product(variances, repeat=2) if p[0] != p[1]]
    rows = [(s * c * math.sqrt(l) * math.sqrt(r), l, r) for l, r in pairs for c in CORRELATIONS for s in (1, -1)]
    rows += [(s * l, l, l) for l in variances for s in (1, -1)]
    rows = [(k if abs(k) > 1e-300 else 0.0, l, r) for k, l, r in rows]
    chosen = np.random.default_rng(0).permutation(len(rows))[:most]
    return [np.array(column) for column in zip(*(rows[i] for i in chosen), strict=True)]


@pytest.mark.parametrize("name", slow_but(["relu^3", "erf"], ["step", "relu", "relu^3", "relu^16", "erf"]))
def test_closed_forms_over_the_whole_domain(name: str) -> None:
    assert check(name, 0.0, *grid(VARIANCES if name != "relu^16" else MODERATE)) <= 1


@pytest.mark.slow
@pytest.mark.parametrize("name", POWERS)
def test_every_order_on_the_whole_grid(name: str) -> None:
    assert check(name, 0.0, *grid()) <= 1
    assert check(name, 0.0, *grid(MODERATE)) <= 1


@pytest.mark.parametrize("phase", slow_but([0.7], [0.0, 0.7, -2.0, math.pi / 2]))
def test_cosines_over_the_whole_domain(phase: float) -> None:
    assert check("cos", phase, *grid((0.0, 1e-300, 1e-12, 0.3, 1.0, 7.7, 90.0, 300.0, 1e6, 1e12, 1e300), 300)) <= 1


variances = st.just(0.0) | st.floats(1e-300, 1e300) | st.floats(0.01, 100.0)


@given(
    name=st.sampled_from([*POWERS, "erf", "cos"]), left=variances, right=variances,
    distance=st.floats(0, 1) | st.floats(-60, 0).map(lambda x: 2.0**x), sign=st.sampled_from([1, -1]),
    phase=st.floats(-10, 10),
)  # fmt: skip
@settings(max_examples=200, deadline=None)
def test_closed_forms_of_any_numbers(
    name: str, left: float, right: float, distance: float, sign: int, phase: float
) -> None:
    k = sign * (1 - distance) * math.sqrt(left) * math.sqrt(right)
    k = k if abs(k) > 1e-300 else 0.0
    assert check(name, phase, [k], [left], [right]) <= 1


@pytest.mark.parametrize(
    ("name", "slope", "k", "variance", "wanted"),
    [
        ("relu^8", False, -0.999, 1.0, 8.596e-23),
        ("relu^3", False, -0.999, 1.0, 1.952317e-11),
        ("relu^16", False, -0.9, 1.0, 3.2269e-5),
        ("erf", True, 1e12, 1e12, 6.366197724e-7),
        ("erf", True, 1e16, 1e16, 6.3662e-9),
    ],
)
def test_differences_of_nearly_equal_terms(name: str, slope: bool, k: float, variance: float, wanted: float) -> None:
    """Found by 60-digit arithmetic, to the digits given."""
    with jax.enable_x64(True):
        form = derivative_covariance if slope else covariance
        assert form(name, 0.0, *(jnp.array(v) for v in (k, variance, variance))) == pytest.approx(wanted, rel=3e-5)


def test_the_distance_from_one_is_exact_where_numbers_touch() -> None:
    """Of l = a^2, r = b^2 and k = a b, products without rounding, it is 0; one digit further it is that digit."""
    rng = np.random.default_rng(0)
    a, b = (np.round(rng.uniform(2**25, 2**26, 10_000)) for _ in range(2))
    with jax.enable_x64(True):
        left, right = roots(jnp.array(a * a)), roots(jnp.array(b * b))
        assert (np.asarray(correlate(jnp.array(a * b), left, right).defect) == 0).all()
        below = np.nextafter(a * b, 0)
        wanted = (a * b - below) / (a * b)
        np.testing.assert_allclose(correlate(jnp.array(-below), left, right).defect, wanted, rtol=1e-15)


# Stacks of layers


def stack(name: str, phase: float, weight: float, bias: float, depth: int, start: Any) -> tuple[Any, Any]:
    """NNGP and NTK of layers on a 2 x 2 token kernel, with many digits: `(k, theta)` for (0, 0), (1, 1) and (0, 1)."""
    cells = {(0, 0): start[0][0], (1, 1): start[1][1], (0, 1): start[0][1]}
    nngp = {cell: mpmath.mpf(float(value)) for cell, value in cells.items()}
    ntk = dict(nngp)
    for _ in range(depth):
        pre = {cell: mpmath.mpf(weight) * value + mpmath.mpf(bias) for cell, value in nngp.items()}
        ntk = {cell: mpmath.mpf(weight) * value + pre[cell] for cell, value in ntk.items()}
        for i, j in cells:
            numbers = pre[i, j], pre[i, i], pre[j, j]
            nngp[i, j], slope = (_many_digits(name, phase, *numbers, slope=s) for s in (False, True))
            ntk[i, j] *= slope
    return nngp, {cell: ntk[cell] + nngp[cell] for cell in cells}


def _many_digits(name: str, phase: float, k: Any, left: Any, right: Any, *, slope: bool) -> Any:
    """As `exact`, of numbers that are no float64 numbers."""
    if name == "erf":
        norm = mpmath.sqrt((1 + 2 * left) * (1 + 2 * right))
        return 4 / mpmath.pi / mpmath.sqrt(norm**2 - 4 * k * k) if slope else 2 / mpmath.pi * mpmath.asin(2 * k / norm)
    if name == "cos":
        mean, sign = (left + right) / 2, -1 if slope else 1
        return (mpmath.exp(k - mean) + sign * mpmath.cos(2 * mpmath.mpf(phase)) * mpmath.exp(-k - mean)) / 2
    scale = mpmath.sqrt(left * right)
    t = mpmath.acos(min(k / scale, mpmath.mpf(1)))
    if slope:
        return (mpmath.pi - t) / (2 * mpmath.pi)
    return scale * (mpmath.sin(t) + (mpmath.pi - t) * mpmath.cos(t)) / (2 * mpmath.pi)


DEEP = {
    "relu": ("relu", 0.0, 2.0, 0.0),
    "relu, falling to 1e-200": ("relu", 0.0, 0.02, 0.0),
    "relu, rising to 1e200": ("relu", 0.0, 200.0, 0.0),
    "relu with a bias": ("relu", 0.0, 1.5, 0.3),
    "erf": ("erf", 0.0, 1.5, 0.1),
    "cos": ("cos", 0.7, 1.0, 0.1),
}


@pytest.mark.parametrize("name", slow_but(["relu with a bias", "erf"], DEEP))
def test_a_hundred_layers(name: str) -> None:
    """Rounding adds up to 1e-14; in the tangent kernel to 2e-13, or, where correlations go to 1, to 1e-15 over angles.

    With a bias the 100th layer's correlation is 1 - 2e-12: the angle 2e-6 is known to 1e-10, and its slope so too.
    """
    activation, phase, weight, bias = DEEP[name]
    start = ((1.0, -0.25), (-0.25, 0.5))
    layer = Dense(activation=activation, phase=phase, weight_variance=weight, bias_variance=bias)
    with mpmath.workdps(80):
        wanted = stack(activation, phase, weight, bias, 100, start)
    architecture = Architecture(embedding=Embedding(vocab=2, token_kernel=start), layers=(layer,) * 100, readout="last")
    tangent = 1e-8 if name == "relu with a bias" else 2e-13
    for kind, values, error in zip(("nngp", "ntk"), wanted, (1e-14, tangent), strict=True):
        matrix = architecture.gram(np.array([[0], [1]]), kind=kind).matrix
        for (i, j), value in values.items():
            assert matrix[i, j] == pytest.approx(float(value), rel=error)


@pytest.mark.parametrize("weight", [2e-4, 2e4])
def test_forty_layers_of_tiny_or_huge_weights(weight: float) -> None:
    embedding = Embedding(vocab=2, token_kernel=((1.0, 0.5), (0.5, 1.0)))
    layers = (Dense(weight_variance=weight),) * 40
    matrix = Architecture(embedding=embedding, layers=layers, readout="last").gram(np.array([[0], [1]])).matrix
    assert matrix[0, 0] == pytest.approx((weight / 2) ** 40, rel=1e-13)
    assert matrix[0, 1] / matrix[0, 0] == pytest.approx(0.98376894, abs=1e-8)


def test_layers_in_a_loop_are_the_layers_one_by_one() -> None:
    """Equal layers run in a loop; broken up by others, that are the identity, they do not."""
    embedding = Embedding(vocab=3, position_variance=0.5)
    x = np.random.default_rng(0).integers(0, 3, (5, 4))
    layer, same = Dense(activation="erf", bias_variance=0.1), Dense(activation="linear")
    broken = tuple(itertools.chain.from_iterable([(layer, same)] * 6))
    for kind in ("nngp", "ntk"):
        inside = Architecture(embedding=embedding, layers=(layer,) * 6).gram(x, kind=kind).matrix
        if kind == "nngp":
            outside = Architecture(embedding=embedding, layers=broken).gram(x).matrix
            np.testing.assert_allclose(inside, outside, rtol=1e-13)
        else:
            np.testing.assert_array_equal(inside, inside.T)


def test_a_kernel_beyond_float64_is_refused() -> None:
    layers = (Dense(activation="relu^16"),) * 4
    architecture = Architecture(embedding=Embedding(vocab=2), layers=layers, readout="last")
    for call in (architecture.gram, architecture.diagonal):
        with pytest.raises(InputError, match=r"their kernel is beyond 1\.8e308, the largest float64\. Lower the"):
            call(np.array([[0], [1]]))


# Variance 0

SILENT = Embedding(vocab=3, token_kernel=((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 0.0)))
"""Token 2 is the zero vector."""
TOKENS = np.array([[0, 2], [2, 2], [2, 1], [0, 2]])
ROWS_OF_ZEROS = Attention(scores="fixed", pattern=((0.0, 0.0), (0.5, 0.5)))
AT_ZERO: dict[str, tuple[tuple[Any, ...], Any]] = {
    "layer norm": ((LayerNorm(),), "last"),
    "layer norm of a silent position": ((ROWS_OF_ZEROS, LayerNorm(), Dense()), "mean"),
    "norm in a residual branch": ((Residual(of=(LayerNorm(), Attention(scores="linear"))), Dense()), "last"),
    "linear attention": ((Attention(scores="linear", causal=True), LayerNorm(), Dense(activation="erf")), "mean"),
    "softmax": ((Attention(causal=True), LayerNorm(), Dense(activation="linear")), "last"),
    "softmax of a layer": ((ROWS_OF_ZEROS, Attention(), Dense()), "last"),
    "convolution": ((Convolution(size=2, activation="cos", phase=0.4),), "last"),
    **{name: ((Dense(activation=name),), "last") for name in ("linear", "step", "relu", "requ", "relu^3", "erf")},
    "cos": ((Dense(activation="cos", phase=0.4),), "last"),
}


@pytest.mark.parametrize("name", slow_but(["layer norm", "linear attention", "relu", "erf"], AT_ZERO))
def test_what_networks_give_at_variance_zero(name: str) -> None:
    """Sequence 1 is all zeros, so a network's product with itself is no random number, if the activation has no bias.

    The other entries are compared with the mean over networks, in units of its standard error.
    """
    layers, readout = AT_ZERO[name]
    architecture = Architecture(embedding=SILENT, layers=layers, readout=readout)

    @jax.jit
    def products(key: Any) -> Any:
        network = architecture.network(key, 64, 2, heads=32, head_size=16)
        features = network.features(jnp.array(TOKENS))
        return features @ features.T / features.shape[1]

    drawn = np.stack([np.asarray(products(key)) for key in jax.random.split(jax.random.key(0), 48)])
    mean, error = drawn.mean(0), drawn.std(0, ddof=1) / len(drawn) ** 0.5
    gram = architecture.gram(TOKENS, samples=2048)
    assert np.isfinite(architecture.gram(TOKENS, kind="ntk", samples=256).matrix).all()
    np.testing.assert_allclose(gram.matrix[1, 1], drawn[:, 1, 1], rtol=1e-5, atol=1e-12)
    quasi = 0 if gram.standard_error is None else gram.standard_error
    assert (np.abs(mean - gram.matrix) < 4 * np.hypot(error, quasi) + 0.02).all()


@pytest.mark.parametrize(
    "name", slow_but(["relu"], ["layer norm", "layer norm of a silent position", "relu", "step", "erf", "linear"])
)
def test_gradients_of_networks_at_variance_zero(name: str) -> None:
    """Sequence 1 is all zeros: what its gradient is in networks, the tangent kernel's row is."""
    layers, readout = AT_ZERO[name]
    architecture = Architecture(embedding=SILENT, layers=layers, readout=readout)

    @jax.jit
    def products(key: Any) -> Any:
        weights, rest = eqx.partition(architecture.network(key, 128, 2), eqx.is_inexact_array)
        jacobian = jax.jacrev(lambda w: eqx.combine(w, rest)(jnp.array(TOKENS)))(weights)
        flat = jnp.concatenate([a.reshape(len(TOKENS), -1) for a in jax.tree.leaves(jacobian)], axis=1)
        return flat @ flat.T

    drawn = np.stack([np.asarray(products(key)) for key in jax.random.split(jax.random.key(0), 32)])
    mean, error = drawn.mean(0), drawn.std(0, ddof=1) / len(drawn) ** 0.5
    wanted = architecture.gram(TOKENS, kind="ntk").matrix
    assert (np.abs(mean - wanted) < 5 * error + 0.05 * np.abs(wanted).max() + 1e-9).all()


@pytest.mark.parametrize("readout", slow_but(["mean"], ["mean", "class"]))
@pytest.mark.parametrize("depth", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_softmax_attention_of_tiny_and_huge_variances(readout: Any, depth: int) -> None:
    """Scores are products of two vectors: with variances times s and temperatures over s, K is times s."""

    def matrix(scale: float, kind: Any) -> np.ndarray:
        embedding = Embedding(vocab=3, token_variance=scale, position_variance=scale / 2, class_variance=scale)
        layers = (Attention(temperature=1 / scale),) * depth
        return Architecture(embedding=embedding, layers=layers, readout=readout).gram(x, kind=kind, samples=64).matrix

    x = np.array([[0, 1], [2, 2], [2, 0]])
    for kind in ("nngp", "ntk"):
        wanted = matrix(1.0, kind)
        for scale in (2.0**-600, 2.0**600):
            np.testing.assert_allclose(matrix(scale, kind) / scale, wanted, rtol=1e-9)
