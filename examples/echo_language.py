"""A language of one's own: the second half of a sentence repeats the first, now and then with another token.

    x_i uniform on v tokens for i < T / 2;    x_(i + T/2) = x_i with probability 1 - e, else one of the v - 1 others

so P(sentence) = v^(-T/2) prod_i [(1 - e) if x_(i + T/2) = x_i else e / (v - 1)]. Its oracle is exact: a learner's loss
is shown beside it. Use it from the command line:

    syntagma fit --language examples/echo_language.py --learner transformer --examples 512
"""

from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Integer
from pydantic import Field, model_validator

from syntagma.checked_model import CheckedModel
from syntagma.errors import invalid
from syntagma.languages import Language, Sample
from syntagma.languages.settings import LANGUAGES
from syntagma.oracles import Oracle, oracle_of
from syntagma.randomness import stream


@LANGUAGES.add
class Echo(CheckedModel, Language):
    """Sentences that repeat themselves: `Echo(vocab=4, sentence_length=6, error=0.1).sample(0, 3).tokens`."""

    kind: Literal["echo"] = "echo"
    vocab: int = Field(default=8, ge=2)
    sentence_length: int = Field(default=8, ge=2)
    error: float = Field(default=0.1, ge=0, le=1)

    @model_validator(mode="after")
    def _has_halves(self) -> "Echo":
        if self.sentence_length % 2:
            raise invalid("sentence_length", self.sentence_length, "a sentence has two halves", "Make it even")
        return self

    def language(self) -> "Echo":
        """The language itself."""
        return self

    def sample(self, seed: int, num_sentences: int, *, hidden: bool = False) -> Sample:
        """Independent sentences; the first k are the same for every number of them: they are drawn row by row."""
        half = self.sentence_length // 2
        draws = stream(seed, "echo").random((num_sentences, half, 3))
        first = (draws[..., 0] * self.vocab).astype(np.uint8)
        other = (first + 1 + (draws[..., 1] * (self.vocab - 1)).astype(np.uint8)) % self.vocab
        second = np.where(draws[..., 2] < self.error, other, first)
        return Sample(np.concatenate([first, second], axis=1).astype(np.uint8))

    def log_prob(self, tokens: Integer[np.ndarray, "n T"]) -> Float[np.ndarray, " n"]:
        """Exact log P(sentence) in nats."""
        everything = np.ones(self.sentence_length, bool)
        return EchoOracle(self).log_evidence(tokens, everything)


class EchoOracle(Oracle):
    """Exact inference: each token depends on its partner in the other half alone."""

    def __init__(self, language: Echo) -> None:
        v, e = language.vocab, language.error
        self.vocab, self.half = v, language.sentence_length // 2
        self.pair = np.full((v, v), e / (v - 1)) + (1 - e - e / (v - 1)) * np.eye(v)  # P(partner | token), symmetric

    def log_evidence(
        self, tokens: Integer[np.ndarray, "n T"], observed: Bool[np.ndarray, "*n T"]
    ) -> Float[np.ndarray, " n"]:
        seen = np.broadcast_to(observed, tokens.shape)
        first, second = seen[:, : self.half], seen[:, self.half :]
        visible = np.where(seen, tokens, 0)
        with np.errstate(divide="ignore"):
            both = np.log(self.pair[visible[:, : self.half], visible[:, self.half :]])
        return np.where(first & second, both, 0).sum(1) - np.log(self.vocab) * (first | second).sum(1)

    def token_posterior(
        self,
        tokens: Integer[np.ndarray, "n T"],
        observed: Bool[np.ndarray, "*n T"],
        position: int | Integer[np.ndarray, " n"],
    ) -> Float[np.ndarray, "n v"]:
        rows, place = np.arange(len(tokens)), np.broadcast_to(position, len(tokens)) % (2 * self.half)
        partner = (place + self.half) % (2 * self.half)
        seen = np.broadcast_to(observed, tokens.shape)[rows, partner]
        partners = np.where(seen, tokens[rows, partner], 0)
        return np.where(seen[:, None], self.pair[partners], 1 / self.vocab)

    def next_token(self, tokens: Integer[np.ndarray, "n T"]) -> Float[np.ndarray, "n T v"]:
        first = np.full((len(tokens), self.half, self.vocab), 1 / self.vocab)
        return np.concatenate([first, self.pair[np.asarray(tokens)[:, : self.half]]], axis=1)


oracle_of.register(Echo, EchoOracle)
