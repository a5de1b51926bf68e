"""Hidden Markov models and mixtures of them: a hidden chain of states, each of which emits one token.

    P(x) = sum_k w_k sum_(s_1..s_T) start_k(s_1) emit_k(x_1 | s_1) prod_(t > 1) step_k(s_t | s_(t-1)) emit_k(x_t | s_t)

One of K chains is drawn for a sentence, with probability w_k, and labels it. The probability is exact, by the forward
algorithm: O(K S^2) a token, for sentences of any length (see `_chains.py`).

Source: Rabiner, Proc. IEEE 77, 1989; mixtures as data for permutation symmetry: arXiv 2402.05173.
"""

from __future__ import annotations

import abc
from typing import Literal, Self

import numpy as np
from jaxtyping import Float, Integer
from pydantic import Field, model_validator

from syntagma.checked_model import CheckedModel
from syntagma.errors import invalid, whole_number
from syntagma.languages._categorical import Categorical, dirichlet, probability_rows
from syntagma.languages._chains import Chains, log_sum
from syntagma.languages._chunks import sentences_per_chunk
from syntagma.languages._draws import random_bits
from syntagma.languages._tokens import checked_tokens
from syntagma.languages.language import PairLanguage, Sample
from syntagma.randomness import stream


class HiddenMarkovLanguage(CheckedModel, PairLanguage, abc.ABC):
    """A mixture of K >= 1 hidden Markov models; `Sample.labels` says which one made each sentence, where K > 1."""

    vocab: int = Field(ge=2)
    sentence_length: int = Field(ge=1)

    @abc.abstractmethod
    def chains(self) -> Chains:
        """The mixture's numbers, made anew at each call."""

    @property
    @abc.abstractmethod
    def num_classes(self) -> int | None:
        """K, where there is more than one model."""

    @property
    def label_kind(self) -> Literal["class"] | None:
        """Sentences are labelled by their model, where there is more than one."""
        return "class" if self.num_classes else None

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
        models = np.empty(num_sentences, np.min_scalar_type((self.num_classes or 1) - 1))
        chains = self.chains()
        laws = chains.weights, chains.start, chains.transitions, chains.emissions
        tables = tuple(Categorical(law.reshape(-1, law.shape[-1])) for law in laws)
        size = 4 * sentences_per_chunk(self.sentence_length)
        for begin in range(0, num_sentences, size):
            part = slice(begin, min(begin + size, num_sentences))
            shape = self.sentence_length, part.stop - begin
            tokens[part], models[part] = _draw(rng, shape, tables, chains.start.shape[1])
        return Sample(tokens, labels=models if hidden and self.label_kind else None)

    def log_prob(self, tokens: Integer[np.ndarray, "n T"]) -> Float[np.ndarray, " n"]:
        """Exact log P(sentence) in nats, all hidden paths summed; `-inf` where the language cannot produce it.

        Raises:
            InputError: not an `[n, T]` array of tokens of the vocabulary.
        """
        return log_sum(self.chains().log_joint(checked_tokens(tokens, self.vocab, self.sentence_length)))

    def pair_probabilities(self) -> Float[np.ndarray, "T v T v"]:
        """P(x_i = a, x_j = b); O(T K S (S^2 + T v^2)), a product for each lag j - i."""
        chains, length = self.chains(), self.sentence_length
        states = [chains.start]
        for _ in range(length - 1):
            states.append(np.einsum("ks,kst->kt", states[-1], chains.transitions))
        emitted = np.stack(states)[..., None] * chains.emissions * chains.weights[:, None, None]  # [T, K, S, v]
        result = np.zeros((length, self.vocab, length, self.vocab))
        later, places = chains.emissions, np.arange(length)
        for lag in range(1, length):
            later = chains.transitions @ later  # P(token `lag` steps on | state)
            pairs = np.einsum("iksa,ksb->iab", emitted[:-lag], later)
            result[places[:-lag], :, places[lag:], :] = pairs
            result[places[lag:], :, places[:-lag], :] = pairs.transpose(0, 2, 1)
        result[places, :, places, :] = np.einsum("iksa,ab->iab", emitted, np.eye(self.vocab))
        return result


class Chain(CheckedModel):
    """One hidden Markov model of S states, and its weight among others.

    Attributes:
        start: S probabilities of the first state.
        transitions: S rows of S: row s has the probabilities of the state after s.
        emissions: S rows of v: row s has the probabilities of the token in state s.
        weight: how probable the model is, relative to the others of the mixture.
    """

    start: tuple[float, ...]
    transitions: tuple[tuple[float, ...], ...]
    emissions: tuple[tuple[float, ...], ...]
    weight: float = Field(1.0, gt=0)


class HiddenMarkov(HiddenMarkovLanguage):
    """Hidden Markov models with the matrices given.

    Example: two states, each of which stays as it is nine times in ten and shows one token:

        chain = {"start": [0.5, 0.5], "transitions": [[0.9, 0.1], [0.1, 0.9]], "emissions": [[1, 0], [0, 1]]}
        HiddenMarkov(vocab=2, sentence_length=8, models=[chain]).language()
    """

    kind: Literal["hidden-markov"] = "hidden-markov"
    models: tuple[Chain, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        self.chains()  # so that its errors come now
        return self

    @property
    def num_classes(self) -> int | None:
        """See `HiddenMarkovLanguage`."""
        return len(self.models) if len(self.models) > 1 else None

    def chains(self) -> Chains:
        """The matrices as arrays, rows scaled to sum to 1 exactly."""
        states = len(self.models[0].start)
        weights = np.array([model.weight for model in self.models])
        start, transitions, emissions = [], [], []
        for place, model in enumerate(self.models):
            field = f"models[{place}]"
            start.append(probability_rows(f"{field}.start", [model.start], states)[0])
            for name, choices, found in (("transitions", states, transitions), ("emissions", self.vocab, emissions)):
                rows = probability_rows(f"{field}.{name}", getattr(model, name), choices)
                if len(rows) != states:
                    raise invalid(
                        f"{field}.{name}.shape", rows.shape, f"it must be ({states}, {choices}), a row a state"
                    )
                found.append(rows)
        return Chains(weights / weights.sum(), np.stack(start), np.stack(transitions), np.stack(emissions))


class RandomHiddenMarkov(HiddenMarkovLanguage):
    """Hidden Markov models drawn at random: each row of each matrix from a symmetric Dirichlet distribution.

    Example: `RandomHiddenMarkov(vocab=8, sentence_length=8, states=4).language()`.

    Attributes:
        states: number S of hidden states of each model.
        num_models: number K of models, all equally probable.
        transition_concentration: Dirichlet parameter of each next state; small: nearly deterministic steps.
        emission_concentration: Dirichlet parameter of each token; small: each state has few tokens.
        seed: fixes the matrices.
    """

    kind: Literal["random-hidden-markov"] = "random-hidden-markov"
    states: int = Field(ge=1)
    num_models: int = Field(1, ge=1)
    transition_concentration: float = Field(1.0, gt=0)
    emission_concentration: float = Field(1.0, gt=0)
    seed: int = Field(0, ge=0)

    @property
    def num_classes(self) -> int | None:
        """See `HiddenMarkovLanguage`."""
        return self.num_models if self.num_models > 1 else None

    def chains(self) -> Chains:
        """The matrices drawn; the first state is uniform. A model's are the same whatever the number of models."""
        shape = (self.num_models, self.states)
        transitions, emissions = np.empty((*shape, self.states)), np.empty((*shape, self.vocab))
        for k in range(self.num_models):
            rng = stream(self.seed, "transitions", k)
            transitions[k] = dirichlet(rng, self.transition_concentration, self.states, self.states)
            rng = stream(self.seed, "emissions", k)
            emissions[k] = dirichlet(rng, self.emission_concentration, self.states, self.vocab)
        weights = np.full(self.num_models, 1 / self.num_models)
        return Chains(weights, np.full(shape, 1 / self.states), transitions, emissions)


def _draw(
    rng: np.random.Generator, shape: tuple[int, int], tables: tuple[Categorical, ...], num_states: int
) -> tuple[Integer[np.ndarray, "n T"], Integer[np.ndarray, " n"]]:
    """T tokens of n sentences, and their models; sentence after sentence takes 2 T + 1 words of `rng`."""
    length, count = shape
    words = random_bits(rng, count * (2 * length + 1), np.uint64).reshape(count, -1).T.copy()
    model, first, step, emit = tables
    models = model.draw(np.zeros(count, np.intp), words[0])
    states = np.empty(shape, np.intp)  # numbered through all models
    states[0] = models * num_states + first.draw(models, words[1])
    for t in range(1, length):
        states[t] = models * num_states + step.draw(states[t - 1], words[2 * t + 1])
    tokens = emit.draw(states.reshape(-1), words[2::2].reshape(-1))
    return tokens.reshape(shape).T, models
