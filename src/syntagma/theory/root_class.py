"""When the class at the root is learned from whole sentences, and how its error falls where rules are not equal.

A learner of the class has to know which lowest s-tuples are synonyms; a tuple tells it by its correlation with the
class (arXiv 2307.02129). Item i, a tuple at one place, has probability p_i and covariance vector C_i with the n_c
classes, and is known, by signal = noise as in `theory.reading`, from about

    P_i = p_i (1 - p_i) (1 - 1/n_c) / |C_i|^2 on:      r_i(P) = Pr(chi^2_d <= d P / P_i),   d = n_c - 1,

or, to a table that looks tuples up, once it has been seen there: r_i(P) = 1 - (1 - p_i)^P. A tuple of rule k has
|C_i| ~ p_i, so both come at P ~ 1/f_k, f_k the rule's probability. The share of tuples not known, averaged over the n
places, is U(P) = mean sum_i p_i (1 - r_i(P)), and

    error(P) / chance = sum_j C(n, j) U^j (1 - U)^(n - j) e_j / e_n,

e_j the error of exact inference when j of the n symbols of level 1 are not known, e_n = 1 - 1/n_c: chance.

With Zipf rules f_k ~ k^-(1+a) the law of infinitely many rules is error ~ P^(-a/(1+a)) (arXiv 2505.07067). With m of
them U ends once the rarest is known, and falls ever more steeply before. Exponents between half of chance and the share
of the m/2 rarest rules, s = 3, L = 2, means of three grammars, and a convolutional network's on such grammars:

                          a = 1/2    1      2
    law                     0.33   0.50   0.67
    this, v = 8,  m = 32    0.70   0.63   0.68    measured 0.70 [0.66, 0.75], 0.71 [0.65, 0.79], 0.73 [0.68, 0.77]
    this, v = 16, m = 128   0.62   0.59   0.68

Nor is a prefactor needed at m = 32: the network's error is the curve's at 1 to 2 times as many sentences.

Regime: exact p_i, C_i and e_j of the grammar, any rules at level 1; approximations: places and tuples are known
independently of one another and of the symbol that they stand for; levels above the first are known by then (with equal
rules each takes 1/m of the sentences of the one below). Derived here, but for the threshold, arXiv 2307.02129.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Float, Integer, Num
from pydantic import PositiveFloat
from scipy.special import gammaincc

from syntagma.checked_call import checked
from syntagma.errors import invalid, unknown
from syntagma.languages.hierarchy import RandomHierarchy
from syntagma.oracles.tree import TreeOracle
from syntagma.randomness import stream
from syntagma.statistics.nodes import covariance_with_root, marginal
from syntagma.theory.exact import ROUNDING
from syntagma.theory.prediction import PredictedCurve

SOURCE = "signal = noise of arXiv 2307.02129, exact correlations and errors derived here (theory.root_class)"
ZIPF_SOURCE = "arXiv 2505.07067"

Known = Literal["resolved", "seen"]

_MOST_EXACT = 2**16
_SAMPLES = 2**12
_SIZES_A_DOUBLING = 64


@checked
def threshold(language: RandomHierarchy) -> float:
    """P* by signal = noise, over all values and places; exact: `threshold(RandomHierarchy(8, 3, 2, 3))` is 188.

    The law is n_c m^L = 216 (`theory.hierarchy.class_sample_complexity`), for v and m large: sum C^2 is 1 / (n_c m) for
    the children of the root, and 1/m of it for each level below and for the tuple, to leading order. Infinite where
    there is one class.
    """
    items = _items(language)
    squares = float(sum(np.sum(one.signal) for one in items))
    floors = float(sum(np.sum(one.noise) for one in items))
    entries = sum(one.signal.size for one in items) * language.num_classes
    return floors / squares if squares > ROUNDING * entries else math.inf


@dataclass(frozen=True, eq=False)
class ClassErrorCurve(PredictedCurve):
    """The class error over that of chance: `error_curve(language)(np.array([1e3, 1e4]))`.

    Attributes:
        share: `[items]`, probabilities of tuples at places, over the number of places; they sum to 1.
        needed: `[items]`, P_i where tuples are resolved, else 1 / p_i.
        freedom: d where tuples are resolved; None where they are looked up.
        errors: `[n + 1]`, e_j.
    """

    share: Float[np.ndarray, " items"]
    needed: Float[np.ndarray, " items"]
    freedom: float | None
    errors: Float[np.ndarray, " unknown"]

    def unknown(self, num_examples: Num[np.ndarray, " P"]) -> Float[np.ndarray, " P"]:
        """U(P), the share of tuples that are not known."""
        sizes = np.asarray(num_examples, np.float64)[:, None]
        if self.freedom is None:
            with np.errstate(divide="ignore", invalid="ignore"):
                missing = np.where(self.needed > 1, np.exp(sizes * np.log1p(-1.0 / self.needed)), sizes == 0)
        else:
            missing = gammaincc(self.freedom / 2, self.freedom / 2 * sizes / self.needed)
        return np.clip(missing @ self.share, 0.0, 1.0)

    def __call__(self, num_examples: Num[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
        sizes = np.asarray(num_examples, np.float64)
        missing, places = self.unknown(sizes.reshape(-1)), len(self.errors) - 1
        terms = (
            math.comb(places, j) * missing**j * (1.0 - missing) ** (places - j) * error
            for j, error in enumerate(self.errors)
        )
        return (np.sum(list(terms), axis=0) / self.errors[-1]).reshape(sizes.shape)


@checked
def error_curve(language: RandomHierarchy, known: Known = "resolved") -> ClassErrorCurve:
    """The predicted class error over chance, of one grammar: `error_curve(language, "seen")` for a look-up table.

    Raises:
        InputError: unknown `known`; one class, so that nothing can be wrong.
    """
    if known not in get_args(Known):
        raise unknown("known", known, get_args(Known))
    if language.num_classes == 1:
        raise invalid("language.num_classes", 1, "with one class there is no error", "Give two classes or more")
    items = _items(language)
    share = np.concatenate([one.share for one in items])
    noise, signal = (np.concatenate([getattr(one, name) for one in items]) for name in ("noise", "signal"))
    tells = signal > ROUNDING * language.num_classes
    with np.errstate(divide="ignore"):
        needed = 1.0 / share if known == "seen" else np.where(tells, noise / np.where(tells, signal, 1.0), np.inf)
    freedom = None if known == "seen" else language.num_classes - 1.0
    return ClassErrorCurve(share / len(items), needed, freedom, unknown_errors(language))


@checked
def unknown_errors(
    language: RandomHierarchy, *, seed: int = 0
) -> Float[np.ndarray, " {language.branching}**({language.depth}-1)+1"]:
    """e_j: how often the best guess of the class is wrong if j of the n = s^(L-1) symbols of level 1 are not known.

    `unknown_errors(RandomHierarchy(8, 32, 3, 2))` is about 0, 0.60, 0.79 and 7/8. Exact where the levels above have at
    most 2**16 cases of sentence and unknown places, else the mean over 2**12 draws for each j, from a stream of `seed`.
    """
    places = language.branching ** (language.depth - 1)
    chance = 1.0 - 1.0 / language.num_classes
    if language.depth == 1:
        return np.array([0.0, chance])
    upper = RandomHierarchy.from_productions(
        language.productions[1:], tuple(language.weights[1:]), vocab=language.vocab
    )
    oracle = TreeOracle(upper)
    if upper.num_sentences * 2**places > _MOST_EXACT:
        return np.array([_sampled_error(oracle, unknown_places, seed) for unknown_places in range(places + 1)])
    patterns = np.array(list(itertools.product([False, True], repeat=places)))
    sentences = _all_sentences(upper)
    weights = np.exp(upper.log_prob(sentences))
    sentences, weights = sentences[weights > 0], weights[weights > 0]  # rules of probability 0 make others
    found = np.array([float(weights @ _wrong(oracle, sentences, observed)) for observed in patterns])
    number = places - patterns.sum(axis=1)
    return np.bincount(number, weights=found) / np.bincount(number)


@checked
def slope_between(
    curve: PredictedCurve, high: float, low: float, smallest: PositiveFloat, largest: PositiveFloat
) -> float:
    """k of error ~ P^-k, least squares in logarithms between where the curve falls to `high` and to `low`.

    `slope_between(error_curve(language), 0.5, 0.1, 1, 1e8)`. A prefactor of P changes nothing. NaN where the curve does
    not fall to `low` between `smallest` and `largest`.

    Raises:
        InputError: `low` not below `high`.
    """
    if not 0.0 < low < high:
        raise invalid("low", low, f"it is above 0 and below high={high}")
    if largest <= smallest:
        raise invalid("largest", largest, f"it is above smallest={smallest}", "Raise largest")
    doublings = np.log2(largest) - np.log2(smallest)
    sizes = np.geomspace(smallest, largest, int(np.ceil(_SIZES_A_DOUBLING * doublings)) + 1)
    values = curve(sizes)
    inside = (values <= high) & (values >= low)
    if inside.sum() < 2 or values[-1] > low or values[0] < high:
        return math.nan
    return -float(np.polyfit(np.log(sizes[inside]), np.log(values[inside]), 1)[0])


@dataclass(frozen=True, eq=False)
class _Place:
    """Tuples at one place: probability, noise of one sentence, and |C|^2, each `[v m]`."""

    share: Float[np.ndarray, " items"]
    noise: Float[np.ndarray, " items"]
    signal: Float[np.ndarray, " items"]


def _items(language: RandomHierarchy) -> list[_Place]:
    found = []
    for position in range(language.branching ** (language.depth - 1)):
        squares = np.sum(covariance_with_root(language, (1, position)) ** 2, axis=1)
        share = (marginal(language, (1, position))[:, None] * language.weights[0]).reshape(-1)
        signal = (squares[:, None] * language.weights[0] ** 2).reshape(-1)
        found.append(_Place(share, share * (1.0 - share) * (1.0 - 1.0 / language.num_classes), signal))
    return found


def _wrong(
    oracle: TreeOracle, sentences: Integer[np.ndarray, "n T"], observed: Bool[np.ndarray, "*n T"]
) -> Float[np.ndarray, " n"]:
    language = oracle.language
    return 1.0 - oracle.posterior(sentences, observed, language.depth, 0).max(axis=1)


def _sampled_error(oracle: TreeOracle, unknown_places: int, seed: int) -> float:
    generator = stream(seed, "unknown tuples", unknown_places)
    sentences = oracle.language.sample(int(generator.integers(2**62)), _SAMPLES).tokens
    ranks = generator.permuted(np.tile(np.arange(sentences.shape[1]), (_SAMPLES, 1)), axis=1)
    return float(_wrong(oracle, sentences, ranks >= unknown_places).mean())


def _all_sentences(language: RandomHierarchy) -> Integer[np.ndarray, "n T"]:
    """Every sentence, from the root down."""
    rows = np.arange(language.num_classes)[:, None]
    for productions in reversed(language.productions):
        choices = np.array(list(itertools.product(range(language.rules), repeat=rows.shape[1])))
        children = productions[rows[:, None, :], choices[None]]
        rows = children.reshape(len(rows) * len(choices), -1)
    return rows
