"""Whether N is singular, by expansion, and N by conditional integrals: against quadrature, sampling, invariances."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from syntagma.errors import InputError
from syntagma.kernels.arc_cosine import arc_cosine
from syntagma.kernels.presets import perceptron, template_transformer
from syntagma.languages.templates import Templates, family
from syntagma.theory.template_integral import integrated, is_depth_one
from syntagma.theory.template_rank import template_rank
from syntagma.theory.templates import certificate, infinite


def grid(dimensions: int, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Points and weights of Gauss and Hermite's quadrature for independent N(0, 1)."""
    x, w = np.polynomial.hermite_e.hermegauss(nodes)
    points = np.array(list(itertools.product(x, repeat=dimensions))).reshape(-1, dimensions)
    weights = np.array([math.prod(one) for one in itertools.product(w / w.sum(), repeat=dimensions)])
    return points, weights


def softmax(scores: np.ndarray) -> np.ndarray:
    raised = np.exp(scores - scores.max(-1, keepdims=True))
    return raised / raised.sum(-1, keepdims=True)


def conditional_means(templates: Templates, beta: float, gamma: float, p: np.ndarray, nodes: int) -> np.ndarray:
    """F `[outer, r, T]` at the outer points `p` `[outer, T]`, of templates without regular tokens, by quadrature."""
    out = []
    for pattern, wildcards in zip(templates.patterns, templates.num_wildcards.tolist(), strict=True):
        g, weights = grid(wildcards, nodes)
        scores = gamma * p[:, None] + g[:, pattern]
        out.append(np.einsum("g,pga->pa", weights, softmax(beta * scores)))
    return np.stack(out, 1)


def covariances(templates: Templates, beta: float, gamma: float, outer: int, inner: int) -> np.ndarray:
    """C by brute force."""
    p, weights = grid(templates.sentence_length, outer)
    means = conditional_means(templates, beta, gamma, p, inner)
    return gamma**2 * np.einsum("p,pia,pja->ij", weights, means, means)


@pytest.mark.parametrize(("name", "order"), [("aba-abb", 2), ("same-different", 3), ("aabb-abab", 3)])
def test_the_smallest_eigenvalue_falls_with_the_power_of_beta_that_the_expansion_says(name: str, order: int) -> None:
    templates = family(name)
    found = template_rank(templates)
    assert found.full
    assert found.order == order
    smallest = [np.linalg.eigvalsh(covariances(templates, beta, 1.0, 5, 8))[0] for beta in (0.1, 0.05)]
    assert np.log2(smallest[0] / smallest[1]) == pytest.approx(2 * order, abs=0.15)


def test_relational_match_by_hand() -> None:
    """l C l = gamma^2 beta^8 / 11664 at small beta, and a combination that depends on beta is slower still."""
    templates, labels, gamma = family("relational-match"), np.array([1.0, -1, 1, -1]), 0.5
    assert templates.labels.tolist() == labels.tolist()
    p = np.random.default_rng(0).standard_normal((4, 6))
    for beta, near in ((0.2, 0.2), (0.1, 0.05)):
        combined = np.einsum("i,pia->pa", labels, conditional_means(templates, beta, gamma, p, 6))
        expected = beta**4 / 216 * np.array([0, 0, 1, 1, -1, -1])
        assert np.abs(np.abs(combined.mean(0)) - np.abs(expected)).max() < near * beta**4 / 216 * 2
        form = gamma**2 * (combined**2).sum(-1).mean()
        assert form == pytest.approx(gamma**2 * beta**8 / 11664, rel=2 * near)
    found = template_rank(templates)
    assert found.full
    assert found.order == 5
    assert np.abs(np.array(found.direction) @ labels) == pytest.approx(4)


def test_rank_does_not_depend_on_names_and_order() -> None:
    given = ("αβα -> 1", "αββ -> -1", "ααβ -> 0.5")
    orders = {
        template_rank(Templates(templates=tuple(ordered))).order
        for ordered in ([*given], [*reversed(given)], ["γδγ -> 1", "δγγ -> -1", "γγδ -> 2"])
    }
    assert len(orders) == 1


def test_without_positions_order_is_not_seen_and_regular_tokens_are() -> None:
    """With gamma = 0 the kernel depends on the multiset of symbols: these two templates have one row of N."""
    assert not template_rank(family("aba-abb"), 200, positions=False).full
    told = Templates(templates=("aα -> 1", "bα -> -1"), wildcards=("α",))
    assert template_rank(told, positions=False).full
    same = Templates(templates=("aαβ -> 1", "αaβ -> -1"), wildcards=("α", "β"))
    assert not template_rank(same, 100, positions=False).full
    assert template_rank(same).full


def test_integrated_is_the_kernel_by_quadrature() -> None:
    templates, beta, gamma = family("same-different"), 1.5, 0.7
    c = covariances(templates, beta, gamma, 24, 24)
    own = []
    for pattern in templates.patterns:
        points, weights = grid(4, 14)
        a = softmax(beta * (gamma * points[:, :2] + points[:, 2:][:, pattern]))
        same = (pattern[:, None] == pattern).astype(float) + gamma**2 * np.eye(2)
        own.append(np.einsum("g,ga,ab,gb->", weights, a, same, a))
    kappa = np.array(own)
    expected = np.asarray(arc_cosine(1, c, kappa[:, None], kappa[None]))
    found = integrated(templates, template_transformer(1, beta, gamma), 2**11)
    assert (np.abs(found.matrix - expected) < 5 * found.standard_error + 1e-6).all()
    assert found.smallest.low < np.linalg.eigvalsh(expected)[0] < found.smallest.high
    assert np.allclose(found.own, kappa / 2, rtol=2e-3)


def test_integrated_is_the_sampled_certificate_with_regular_tokens() -> None:
    templates = Templates(templates=("aαβ -> 1", "αbβ -> -1", "αaα -> 0.5"), wildcards=("α", "β"))
    architecture = template_transformer(1, 2.0, 1.0, "cos", frequency=1.3, phase=0.4)
    sampled, found = certificate(templates, infinite(architecture, 2**13)), integrated(templates, architecture, 2**11)
    assert (np.abs(sampled.matrix - found.matrix) < 5 * np.hypot(sampled.standard_error, found.standard_error)).all()
    assert np.allclose(sampled.own, found.own, rtol=5e-3)


def test_only_depth_one_is_integrated() -> None:
    assert is_depth_one(template_transformer(1, 4.0, 1.0))
    assert not is_depth_one(perceptron(1, 2))
    with pytest.raises(InputError, match="it is no softmax attention read by a class token"):
        integrated(family("same-different"), perceptron(1, 2))


@pytest.mark.slow
def test_relational_match_is_decided_where_sampling_leaves_it_open() -> None:
    templates, architecture = family("relational-match"), template_transformer(1, 4.0, 1.0)
    found = integrated(templates, architecture, 2**11)
    assert found.outcome == "generalises"
    assert found.smallest.high < 2e-5
    assert found.strings_needed().low > 1e5
