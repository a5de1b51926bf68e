"""Exchangeable languages: tokens are independent given a source that is drawn once a sentence.

    P(x) = E_p [ prod_a p_a^(c_a) ],   c_a = how often token a occurs in x

so all orders of the same tokens are equally probable, and the counts c are all that prediction needs:

    Dirichlet(alpha) sources (Polya's urn):  P(x) = prod_a (alpha_a)_(c_a) / (A)_T,    P(next = a | c) = (alpha_a + c_a) / (A + |c|)
    K given sources with weights w:          P(x) = sum_k w_k prod_a p_ka^(c_a),       P(next = a | c) = sum_k P(k | c) p_ka

with A = sum_a alpha_a and (z)_n = z (z + 1) .. (z + n - 1). Uniform independent tokens are the single source p_a = 1 / v.
All sums are over logarithms from tables, exact to rounding, for sentences of any length.

Source: de Finetti's theorem; Johnson, Kotz & Balakrishnan, "Discrete multivariate distributions", 1997, chapter 35.13.
"""  # noqa: E501

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import Literal, Self

import numpy as np
from jaxtyping import Float, Integer, Num
from pydantic import Field, model_validator

from syntagma.checked_model import CheckedModel
from syntagma.errors import invalid, whole_number
from syntagma.languages._categorical import Categorical, probability_rows, uniforms
from syntagma.languages._chains import log_sum
from syntagma.languages._chunks import sentences_per_chunk
from syntagma.languages._draws import random_bits
from syntagma.languages._tokens import checked_tokens
from syntagma.languages.language import PairLanguage, Sample
from syntagma.randomness import stream

Sampler = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray | None]]
"""Tokens `[n, T]` of n sentences from a generator, and the numbers of their sources `[n]` where they have numbers."""


class Exchangeable(CheckedModel, PairLanguage, abc.ABC):
    """A language in which all orders of the same tokens are equally probable. Counts are `[..., v]`."""

    vocab: int = Field(ge=2)
    sentence_length: int = Field(ge=1)

    @abc.abstractmethod
    def log_prob_of_one_order(self, counts: Num[np.ndarray, "*batch v"]) -> Float[np.ndarray, "*batch"]:
        """Log P(one sequence with these counts), of up to T tokens; `-inf` where impossible."""

    @abc.abstractmethod
    def predict(self, counts: Num[np.ndarray, "*batch v"]) -> Float[np.ndarray, "*batch v"]:
        """P(another token | others with these counts), wherever they stand; zeros where the counts are impossible."""

    @abc.abstractmethod
    def token_pair(self) -> Float[np.ndarray, "v v"]:
        """P(x_i = a, x_j = b) for i != j."""

    @abc.abstractmethod
    def _sampler(self) -> Sampler:
        """What draws sentences one after the other."""

    def language(self) -> Self:
        """The language itself."""
        return self

    def sample(self, seed: int, num_sentences: int, *, hidden: bool = False) -> Sample:
        """Independent sentences; the first k are the same for every `num_sentences >= k`.

        Raises:
            InputError: a number or seed that is no whole number.
        """
        rng = stream(whole_number("seed", seed, minimum=0), "sentences")
        num_sentences = whole_number("num_sentences", num_sentences)
        tokens = np.empty((num_sentences, self.sentence_length), np.min_scalar_type(self.vocab - 1))
        labels = np.zeros(num_sentences, np.min_scalar_type((self.num_classes or 1) - 1))
        draw, size = self._sampler(), 4 * sentences_per_chunk(self.sentence_length)
        for begin in range(0, num_sentences, size):
            part = slice(begin, min(begin + size, num_sentences))
            tokens[part], sources = draw(rng, part.stop - begin)
            if sources is not None:
                labels[part] = sources
        return Sample(tokens, labels=labels if hidden and self.label_kind else None)

    def log_prob(self, tokens: Integer[np.ndarray, "n T"]) -> Float[np.ndarray, " n"]:
        """Exact log P(sentence) in nats; `-inf` where the language cannot produce it.

        Raises:
            InputError: not an `[n, T]` array of tokens of the vocabulary.
        """
        return self.log_prob_of_one_order(self.counts(checked_tokens(tokens, self.vocab, self.sentence_length)))

    def counts(self, tokens: Integer[np.ndarray, "n T"]) -> Integer[np.ndarray, "n v"]:
        """How often each token occurs in each sentence."""
        cells = np.arange(len(tokens))[:, None] * self.vocab + tokens
        return np.bincount(cells.reshape(-1), minlength=len(tokens) * self.vocab).reshape(-1, self.vocab)

    def log_prob_of_counts(self, counts: Integer[np.ndarray, "*batch v"]) -> Float[np.ndarray, "*batch"]:
        """Log P(a sentence has these counts): that of one order times the number of orders.

        Raises:
            InputError: counts that do not sum to T.
        """
        totals = np.asarray(counts).sum(axis=-1)
        if (totals != self.sentence_length).any() or np.min(counts) < 0:
            raise invalid("counts", np.asarray(counts).tolist(), f"each row must sum to {self.sentence_length} tokens")
        log_factorials = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, self.sentence_length + 1)))])
        orders = log_factorials[self.sentence_length] - log_factorials[counts].sum(axis=-1)
        return np.asarray(self.log_prob_of_one_order(counts) + orders)

    def token_probabilities(self) -> Float[np.ndarray, " v"]:
        """P(x_i = a), the same at each position."""
        return self.predict(np.zeros(self.vocab))

    def count_mean(self) -> Float[np.ndarray, " v"]:
        """E[c]."""
        return self.sentence_length * self.token_probabilities()

    def count_covariance(self) -> Float[np.ndarray, "v v"]:
        """Cov(c_a, c_b) = T p_a delta_ab + T (T - 1) P(x_1 = a, x_2 = b) - T^2 p_a p_b."""
        length, single = self.sentence_length, self.token_probabilities()
        mean = self.count_mean()
        return length * np.diag(single) + length * (length - 1) * self.token_pair() - np.outer(mean, mean)

    def pair_probabilities(self) -> Float[np.ndarray, "T v T v"]:
        """P(x_i = a, x_j = b): one matrix for all i != j."""
        same = np.eye(self.sentence_length)[:, None, :, None]
        return same * np.diag(self.token_probabilities())[:, None] + (1 - same) * self.token_pair()[:, None]


class DirichletMultinomial(Exchangeable):
    """Sources drawn from a Dirichlet distribution: Polya's urn, where each token drawn makes itself more probable.

    Example: `DirichletMultinomial(vocab=4, sentence_length=8).sample(0, 10).tokens`.

    Attributes:
        concentration: alpha, for each token or one for all. Small: few kinds of token a sentence; large: independent
            tokens.
    """

    kind: Literal["dirichlet-multinomial"] = "dirichlet-multinomial"
    concentration: float | tuple[float, ...] = 1.0

    @model_validator(mode="after")
    def _check(self) -> Self:
        given = self.concentration
        if isinstance(given, tuple) and len(given) != self.vocab:
            raise invalid("concentration", given, f"it is one number, or one for each of the {self.vocab} tokens")
        if np.min(given) <= 0:
            raise invalid("concentration", given, "it must be positive")
        return self

    def log_prob_of_one_order(self, counts: Num[np.ndarray, "*batch v"]) -> Float[np.ndarray, "*batch"]:
        """See `Exchangeable`."""
        counts = np.asarray(counts, np.intp)
        each, total = self._log_rising()
        return np.asarray(each[np.arange(self.vocab), counts].sum(axis=-1) - total[counts.sum(axis=-1)])

    def predict(self, counts: Num[np.ndarray, "*batch v"]) -> Float[np.ndarray, "*batch v"]:
        """See `Exchangeable`."""
        weights = self._alpha + counts
        return weights / weights.sum(axis=-1, keepdims=True)

    def token_pair(self) -> Float[np.ndarray, "v v"]:
        """E[p_a p_b] = (alpha_a alpha_b + alpha_a delta_ab) / (A (A + 1))."""
        total = self._alpha.sum()
        return (np.outer(self._alpha, self._alpha) + np.diag(self._alpha)) / (total * (total + 1))

    @property
    def _alpha(self) -> Float[np.ndarray, " v"]:
        return np.broadcast_to(np.asarray(self.concentration, np.float64), (self.vocab,))

    def _log_rising(self) -> tuple[Float[np.ndarray, "v steps"], Float[np.ndarray, " steps"]]:
        """Logarithms of the rising factorials of each alpha and of their sum, of 0 to T steps."""
        bases = np.append(self._alpha, self._alpha.sum())
        steps = np.log(bases[:, None] + np.arange(self.sentence_length))
        sums = np.concatenate([np.zeros((len(steps), 1)), np.cumsum(steps, axis=1)], axis=1)
        return sums[:-1], sums[-1]

    def _sampler(self) -> Sampler:
        """The urn: token i repeats one of the i before it, each with probability 1 / (A + i), else it is fresh."""
        limits = np.cumsum(self._alpha)

        def draw(rng: np.random.Generator, count: int) -> tuple[np.ndarray, None]:
            shares = uniforms(rng, count * self.sentence_length).reshape(count, -1).T.copy()
            tokens, rows = np.empty(shares.shape, np.min_scalar_type(self.vocab - 1)), np.arange(count)
            for i, share in enumerate(shares):
                place = share * (limits[-1] + i)
                fresh = np.searchsorted(limits[:-1], place - i, side="right")
                earlier = np.minimum(place, max(i - 1, 0)).astype(np.intp)
                tokens[i] = np.where(place < i, tokens[earlier, rows], fresh)
            return tokens.T, None

        return draw


class CategoricalMixture(Exchangeable):
    """K given sources, one of which makes each sentence and labels it (where K > 1).

    Example: `CategoricalMixture(vocab=3, sentence_length=8).sample(0, 10).tokens`.

    Attributes:
        probabilities: K rows of v token probabilities; by default one uniform source: independent uniform tokens.
        weights: K probabilities of the sources; by default equal.
    """

    kind: Literal["categorical-mixture"] = "categorical-mixture"
    probabilities: tuple[tuple[float, ...], ...] | None = None
    weights: tuple[float, ...] | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        self._sources()  # so that its errors come now
        return self

    @property
    def num_classes(self) -> int | None:
        """K, where there is more than one source."""
        num_sources = len(self.probabilities or ())
        return num_sources if num_sources > 1 else None

    @property
    def label_kind(self) -> Literal["class"] | None:
        """Sentences are labelled by their source, where there is more than one."""
        return "class" if self.num_classes else None

    def log_joint(self, counts: Num[np.ndarray, "*batch v"]) -> Float[np.ndarray, "*batch K"]:
        """Log P(source, one sequence with these counts)."""
        weights, rows = self._sources()
        counts = np.asarray(counts, np.float64)
        with np.errstate(divide="ignore"):
            logs = np.where(rows > 0, np.log(rows), 0.0)
            log_weights = np.log(weights)
        impossible = counts @ (rows == 0).T.astype(np.float64) > 0
        return np.where(impossible, -np.inf, log_weights + counts @ logs.T)

    def log_prob_of_one_order(self, counts: Num[np.ndarray, "*batch v"]) -> Float[np.ndarray, "*batch"]:
        """See `Exchangeable`."""
        return log_sum(self.log_joint(counts))

    def source_posterior(self, counts: Num[np.ndarray, "*batch v"]) -> Float[np.ndarray, "*batch K"]:
        """P(source | the counts of its tokens); zeros where the counts are impossible."""
        joint = self.log_joint(counts)
        total = log_sum(joint)[..., None]
        return np.exp(joint - np.where(total == -np.inf, 0.0, total))

    def predict(self, counts: Num[np.ndarray, "*batch v"]) -> Float[np.ndarray, "*batch v"]:
        """See `Exchangeable`."""
        return self.source_posterior(counts) @ self._sources()[1]

    def token_pair(self) -> Float[np.ndarray, "v v"]:
        """sum_k w_k p_ka p_kb."""
        weights, rows = self._sources()
        return np.einsum("k,ka,kb->ab", weights, rows, rows)

    def _sources(self) -> tuple[Float[np.ndarray, " K"], Float[np.ndarray, "K v"]]:
        """Weights and token probabilities, each scaled to sum to 1 exactly."""
        uniform = ((1 / self.vocab,) * self.vocab,)
        rows = probability_rows("probabilities", self.probabilities or uniform, self.vocab)
        weights = self.weights or (1 / len(rows),) * len(rows)
        return probability_rows("weights", [weights], len(rows))[0], rows

    def _sampler(self) -> Sampler:
        """One word for the source and one a token."""
        weights, rows = self._sources()
        source, token = Categorical(weights[None]), Categorical(rows)

        def draw(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
            words = random_bits(rng, count * (self.sentence_length + 1), np.uint64).reshape(count, -1)
            sources = source.draw(np.zeros(count, np.intp), words[:, 0])
            return token.draw(sources[:, None], words[:, 1:]), sources

        return draw
