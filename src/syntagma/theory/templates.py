"""Whether a kernel learns templates rather than strings, and from how many strings: the certificate of a template set.

Template z_i of r has label l_i. Let N_ij = K(a string of z_i, a string of z_j) where the two share no symbol, K_i the
kernel of a string of z_i with itself, D_i = K_i - N_ii + ridge, and n_i the number of training strings of z_i. When
symbols are so many that no two strings share one, the kernel matrix of the training strings is Z N Z^T + diag(D) with
Z their templates one-hot, and a string of symbols never seen has the kernels Z N_t: so ridge regression answers

    f = N (N + diag(D_i / n_i))^(-1) l = N R (R N R + diag(D_i))^+ R l,      R = diag(sqrt(n_i)),

one number a template, whatever the symbols. With R and a pseudo-inverse it holds for n_i = 0 too, and is the limit of a
vanishing ridge where D_i = 0: of templates without wildcards, whose strings are all the same. It tends to the
projection of l on the range of N: to l itself, for every l, exactly if N is not singular. Along an eigenvector of
eigenvalue s, for equal D_i and n_i = n / r, it has come half of the way at n = r D / s, so the number of strings it
takes is r (K_self - N_tt + ridge) / s_min.

N is a limit of averages of Gram matrices over substitutions, so it is positive semidefinite and its smallest singular
value is its smallest eigenvalue. Estimated by quasi-Monte-Carlo that eigenvalue is too low on average (it is concave in
N), so its interval errs towards "singular".

Regime: an unlimited alphabet; with A symbols and w wildcards, about n w^2 / A of a string's training strings share a
symbol with it, which disturbs f. For real labels: symbols as labels are not covered, as copying a symbol never seen is
no regression (see `studies.abstract_symbols.predictions`). Precision: float64 where the kernel has a closed form.
Source: arXiv 2310.09753, section 3 (the matrix N, and that it must not be singular); f at finite n is derived here:
Z = U R with orthonormal columns U, so (Z N Z^T + D) U = U (R N R + D), where D is once a string and once a template.
What R N R + D maps to 0 is mapped to 0 by N R, so the pseudo-inverse is the limit of inverses as a ridge vanishes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
import scipy.stats
from jaxtyping import Float, Integer
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveInt

from syntagma.checked_call import checked
from syntagma.errors import invalid
from syntagma.kernels import Architecture
from syntagma.kernels.arc_cosine import arc_cosine
from syntagma.kernels.patterns import gram_by_pattern
from syntagma.languages.templates import Templates
from syntagma.learners.loss import right_side
from syntagma.randomness import stream

SOURCE = "arXiv 2310.09753, section 3"
Outcome = Literal["generalises", "does not", "open"]
Kernel = Callable[[Integer[np.ndarray, "n k"], Integer[np.ndarray, "m k"], int], Float[np.ndarray, "n m"]]
"""Kernel between strings, symbols being any whole numbers; where it is estimated, the last argument is the seed."""

_REPEATS = 8
"""Independent estimates of the kernel, of which the spread gives the intervals."""
_ROUNDING = 1e-12
"""Eigenvalues below this fraction of the largest are 0 where the kernel has a closed form."""
_PIVOT = 1e-14
"""The same of the system that is solved: lower, because a small ridge times few strings has a meaning there."""


@dataclass(frozen=True)
class Range:
    """A number and the ends of its 95 percent interval; the same three times where it is exact."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Certificate:
    """What the kernel between templates says of learning them.

    Attributes:
        matrix: N.
        standard_error: of each entry of N; 0 where the kernel has a closed form.
        own: K_i, the kernel of a string of each template with itself.
        smallest: the smallest eigenvalue of N with its interval.
        labels: l; None where labels are symbols.
        weights: probability of each template.
    """

    matrix: Float[np.ndarray, "r r"]
    standard_error: Float[np.ndarray, "r r"]
    own: Float[np.ndarray, " r"]
    smallest: Range
    labels: Float[np.ndarray, " r"] | None
    weights: Float[np.ndarray, " r"]

    @property
    def exact(self) -> bool:
        """Whether the kernel has a closed form."""
        return not self.standard_error.any()

    @property
    def coinciding(self) -> list[tuple[int, int]]:
        """Pairs of templates that the kernel cannot tell apart: their rows of N are equal to rounding."""
        scale = _ROUNDING * np.abs(self.matrix).max()
        equal = np.abs(self.matrix[:, None] - self.matrix[None]).max(-1) <= scale
        return [(int(i), int(j)) for i, j in zip(*np.nonzero(np.triu(equal, 1)), strict=True)]

    @property
    def outcome(self) -> Outcome:
        """Whether regression of these labels generalises to symbols never seen, as strings become many.

        "generalises" if N is not singular within its interval, or, where N is exact, if the labels are in its range;
        "does not" if N is exact and they are not; "open" if N is estimated and the interval reaches 0, or labels are
        symbols and N is singular.
        """
        if self.smallest.low > 0:
            return "generalises"
        if not self.exact or self.labels is None:
            return "open"
        missed = self.labels - self.at_the_end()
        return "does not" if np.abs(missed).max() > 1e-6 * np.abs(self.labels).max() else "generalises"

    def at_the_end(self) -> Float[np.ndarray, " r"]:
        """f for infinitely many strings: the labels' projection on the range of N (eigenvalues above rounding)."""
        values, vectors = np.linalg.eigh(self.matrix)
        kept = vectors[:, values > _ROUNDING * values[-1]]
        return kept @ (kept.T @ self._labels())

    @checked
    def strings_needed(self, ridge: NonNegativeFloat = 0.0) -> Range:
        """Strings after which the direction that takes longest is half learned; infinite where N may be singular.

        r (K_self - N_tt + ridge) / s_min, with 1 / r the smallest probability of a template.
        """
        steps = float(((self.own - np.diag(self.matrix) + ridge) / self.weights).max())
        smallest = self.smallest
        ends = (smallest.value, smallest.high, smallest.low)
        return Range(*(steps / value if value > 0 else math.inf for value in ends))

    @checked
    def answers(self, counts: Float[np.ndarray, "*n r"], ridge: NonNegativeFloat = 0.0) -> Float[np.ndarray, "*n r"]:
        """f: the answer to each template on symbols never seen, after `counts` training strings of each.

        Raises:
            InputError: not a number from 0 on for each template; labels that are symbols.
        """
        if not counts.size or counts.shape[-1] != len(self.matrix) or counts.min() < 0:
            reason = f"it has a number for each of {len(self.matrix)} templates, from 0 on"
            raise invalid("counts", counts, reason, "Give numbers of training strings")
        roots = np.sqrt(counts)
        own = np.diag(self.own - np.diag(self.matrix) + ridge)
        system = roots[..., :, None] * self.matrix * roots[..., None, :] + own
        inverse = np.linalg.pinv(system, rtol=_PIVOT, hermitian=True)
        return (roots * (inverse @ (roots * self._labels())[..., None])[..., 0]) @ self.matrix

    def predicted(
        self, sizes: Iterable[int], ridge: float = 0.0, draws: int = 512
    ) -> tuple[Float[np.ndarray, " P"], Float[np.ndarray, " P"]]:
        """Mean squared error and accuracy (of the sign) on symbols never seen, after each number of training strings.

        Averages over `draws` draws of how many of the strings are of each template; deterministic.
        """
        labels, losses, rights = self._labels(), [], []
        for size in sizes:
            counts = stream(0, "template-counts", size).multinomial(size, self.weights, draws)
            answers = self.answers(counts.astype(float), ridge)
            losses.append((((answers - labels) ** 2) @ self.weights).mean())
            rights.append((right_side(answers, labels) @ self.weights).mean())
        return np.array(losses), np.array(rights)

    def _labels(self) -> Float[np.ndarray, " r"]:
        if self.labels is None:
            raise invalid("labels", "symbols", "the certificate predicts answers that are numbers", "Label by numbers")
        return self.labels


@checked
def certificate(templates: Templates, kernel: Kernel | Architecture) -> Certificate:
    """The certificate of `templates` for learners with this kernel: `certificate(family("aabb-abab"), architecture)`.

    Exact where the kernel has a closed form, else with the spread of independent estimates; see above for the regime.

    Args:
        kernel: of strings, as `told_equalities` gives one; an architecture stands for `infinite` of it.

    Raises:
        InputError: neither of the two.
    """
    if isinstance(kernel, type):
        allowed = "it is an architecture, or a function of two arrays of strings and a seed"
        raise invalid("kernel", kernel.__name__, allowed, f"Make one, as {kernel.__name__}(...)")
    if isinstance(kernel, Architecture):
        kernel = infinite(kernel)
    strings = templates.fresh(2).swapaxes(0, 1)
    first, second = strings[0], strings[1]
    both = [kernel(first, np.concatenate([first, second]), seed) for seed in range(_REPEATS)]
    own = np.mean([np.diag(block) for block in both], axis=0)
    return certificate_of(templates, np.array([block[:, len(first) :] for block in both]), own)


def certificate_of(
    templates: Templates, estimates: Float[np.ndarray, "S r r"], own: Float[np.ndarray, " r"]
) -> Certificate:
    """The certificate from independent estimates of N, equal ones where it is exact, and K_i of each template."""
    estimates = (estimates + estimates.swapaxes(1, 2)) / 2
    matrix = estimates.mean(0)
    exact = bool((estimates == estimates[0]).all())
    spread = np.zeros_like(matrix) if exact else estimates.std(0, ddof=1) / math.sqrt(len(estimates))
    labels = None if templates.symbolic else templates.labels.astype(float)
    return Certificate(matrix, spread, own, _smallest(matrix, estimates, exact=exact), labels, templates.weights)


@checked
def infinite(architecture: Architecture, samples: PositiveInt = 2**14) -> Kernel:
    """The NNGP kernel of an architecture, by patterns; `samples` are the points of each estimate, where it is one.

    `infinite(Architecture(...))(strings, strings, 0)`. Regime: infinite width, last layer trained.
    """
    return lambda x, y, seed: gram_by_pattern(architecture, x, y, samples=samples, seed=seed).matrix


@checked
def told_equalities(vocab: PositiveInt, layers: NonNegativeInt) -> Kernel:
    """The NNGP kernel of `learners.EqualityPerceptron`, in closed form: ReLU layers on one-hot tokens and X X^T.

    The inner product of two inputs counts the positions with equal tokens, and the pairs of positions that hold equal
    tokens in both strings. `told_equalities(vocab=64, layers=2)(strings, strings, 0)`. Regime: infinite width; exact
    there, derived here from the arc-cosine kernel of order 1 (`kernels.arc_cosine`).
    """

    def kernel(x: np.ndarray, y: np.ndarray, seed: int) -> np.ndarray:
        del seed
        length = x.shape[1]
        alike = [(z[:, :, None] == z[:, None, :]).reshape(len(z), -1).astype(float) for z in (x, y)]
        product = (x[:, None] == y[None]).sum(-1) + alike[0] @ alike[1].T
        scale = length * vocab + length**2
        k, left, right = product / scale, *((length + a.sum(1)) / scale for a in alike)
        with jax.enable_x64(True):
            for _ in range(layers):
                k = np.asarray(arc_cosine(1, jnp.asarray(k), jnp.asarray(left)[:, None], jnp.asarray(right)))
                left, right = left / 2, right / 2
        return k

    return kernel


@checked
def positionwise_change(kernel: Kernel, templates: Templates, seed: int = 0) -> float:
    """How much the kernel changes, relative to its mean, when symbols are renamed differently at every position.

    0 for a perceptron on one-hot tokens, trained or not: each position has weights of its own, those of symbols never
    seen stay as they were drawn, independent and alike, so a string of such symbols is answered as any other, equal
    symbols or not. A kernel that compares positions is changed. `positionwise_change(kernel, templates)`. Exact for the
    one renaming drawn from `seed`; derived here.
    """
    strings = templates.fresh(2).reshape(-1, templates.sentence_length)
    symbols = int(strings.max()) + 1 - templates.num_regular
    rng = stream(seed, "positionwise-renaming")
    renamed = strings.copy()
    for position in range(strings.shape[1]):
        names = templates.num_regular + rng.permutation(symbols)
        column = strings[:, position]
        is_symbol = column >= templates.num_regular
        renamed[is_symbol, position] = names[column[is_symbol] - templates.num_regular]
    before, after = (kernel(x, x, seed) for x in (strings, renamed))
    return float(np.abs(after - before).max() / np.abs(before).mean())


def _smallest(matrix: np.ndarray, estimates: np.ndarray, *, exact: bool) -> Range:
    """The smallest eigenvalue, its interval from the estimates' quadratic forms of its eigenvector."""
    values, vectors = np.linalg.eigh(matrix)
    value = float(values[0])
    if exact:
        value = 0.0 if value <= _ROUNDING * values[-1] else value
        return Range(value, value, value)
    forms = np.einsum("i,sij,j->s", vectors[:, 0], estimates, vectors[:, 0])
    quantile = scipy.stats.t.ppf(0.975, len(forms) - 1)
    width = float(quantile * forms.std(ddof=1) / math.sqrt(len(forms)))
    return Range(value, value - width, value + width)
