"""The further experiments, each a part of the settings: what is varied, on which task, and how much of it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import Field

from syntagma.checked_model import CheckedModel
from syntagma.languages.templates import Templates, family
from syntagma.learners import Training, Transformer
from syntagma.studies.abstract_symbols.contenders import PLAIN, REPAIRED, Contender
from syntagma.tasks import Shape


class Diversity(CheckedModel):
    """Training strings from ever more distinct substitutions of each template, their number fixed; the first family.

    Attributes:
        learners: names in `AbstractSymbols.learners`; those that do not learn the family are left out.
    """

    learners: tuple[str, ...] = (PLAIN, REPAIRED)
    substitutions: tuple[int, ...] = Field(min_length=2)
    num_examples: int = Field(ge=1)


class Copying(CheckedModel):
    """The task `language` learned by a transformer at each width, without and with the identity b in its heads."""

    language: Templates
    widths: tuple[int, ...] = Field(min_length=2)
    num_examples: int = Field(ge=1)
    learner: Transformer
    training: Training

    def learners(self) -> Iterator[tuple[dict[str, Any], Transformer]]:
        """Each learner with the names that tell it from the others: whether it has the identity, and its width."""
        for identity in (False, True):
            for width in self.widths:
                sizes = {"width": width, "answer_identity": float(identity), "tied": self.language.symbolic}
                yield {"identity": identity, "width": width}, self.learner.model_copy(update=sizes)


class LanguageModel(CheckedModel):
    """Next-token prediction on windows of a text, by a decoder without and with identities, at equal compute."""

    length: int = Field(ge=2)
    num_examples: int = Field(ge=1)
    test_examples: int = Field(ge=2)
    seeds: int = Field(default=3, ge=1)
    learner: Transformer
    training: Training

    def contenders(self, vocab: int) -> Iterator[tuple[bool, Transformer, Training]]:
        """Without and with identities; what these cost is taken from the number of steps."""
        shape = Shape(vocab, self.length, vocab, "every")
        for identity in (False, True):
            both = {"score_identity": float(identity), "answer_identity": float(identity)}
            learner = self.learner.model_copy(update=both)
            share = self.learner.forward_flops(shape) / learner.forward_flops(shape)
            steps = round(share * self.training.max_steps)
            yield identity, learner, self.training.model_copy(update={"max_steps": steps})


class WordModel(LanguageModel):
    """The same on words.

    Attributes:
        vocab: how many, the most frequent ones of the training part; the last stands for all others.
    """

    vocab: int = Field(default=2048, ge=16)


class Ablations(CheckedModel):
    """Other ways to train the plain transformer: the read-out alone, or from mimetic weights.

    Attributes:
        learners: by name; compared with the plain transformer of `AbstractSymbols.learners` at the same sizes.
        families: names in `AbstractSymbols.families`.
    """

    learners: Mapping[str, Contender] = Field(min_length=1)
    families: tuple[str, ...] = Field(min_length=1)


class RandomSets(CheckedModel):
    """Random sets of templates of several sizes, labelled +1 and -1 at random: data needed against their number.

    Attributes:
        counts: numbers of templates r.
        length: of every template.
        wildcards: at most so many in a template.
        regular: at most so many regular tokens.
        draws: sets of each size.
        learners: names in `AbstractSymbols.learners`.
        sizes: numbers of training strings.
        train_symbols: size of the alphabet that training draws from.
    """

    counts: tuple[int, ...] = Field(min_length=1)
    length: int = Field(default=4, ge=2)
    wildcards: int = Field(default=3, ge=1)
    regular: int = Field(default=0, ge=0)
    draws: int = Field(default=3, ge=1)
    learners: tuple[str, ...]
    sizes: tuple[int, ...] = Field(min_length=1)
    train_symbols: int = Field(default=1024, ge=3)

    def sets(self) -> Iterator[tuple[int, int, Templates]]:
        """How many templates, which draw, and the templates."""
        for count in self.counts:
            for draw in range(self.draws):
                shape = {"length": self.length, "wildcards": self.wildcards, "regular": self.regular, "draw": draw}
                yield count, draw, family("random", count=count, train_symbols=self.train_symbols, **shape)


class Grid(CheckedModel):
    """The plain transformer at every learning rate, depth, number of heads and width, on one family at one size.

    What is compared is the loss on symbols that training shows, by which a rate may be chosen; accuracy on symbols
    never seen is reported beside it.

    Attributes:
        family: name in `AbstractSymbols.families`.
        num_examples: training strings.
        rates: learning rates.
        layers: depths.
        heads: numbers of heads.
        widths: sizes of the embedding.
        seeds: networks at each point.
    """

    family: str
    num_examples: int = Field(ge=1)
    rates: tuple[float, ...] = Field(min_length=1)
    layers: tuple[int, ...] = Field(min_length=1)
    heads: tuple[int, ...] = Field(min_length=1)
    widths: tuple[int, ...] = Field(min_length=1)
    seeds: int = Field(default=2, ge=1)

    def points(self, contender: Contender) -> Iterator[tuple[dict[str, Any], Contender]]:
        """Each point of the grid, and the contender there."""
        plain = contender.learner
        assert isinstance(plain, Transformer)
        assert contender.training is not None
        for rate, layers, heads, width in itertools.product(self.rates, self.layers, self.heads, self.widths):
            learner = plain.model_copy(update={"layers": layers, "heads": heads, "width": width})
            training = contender.training.model_copy(update={"learning_rate": rate})
            names = {"rate": rate, "layers": layers, "heads": heads, "width": width}
            own = {"learner": learner, "training": training, "training_for_symbols": None}
            yield names, contender.model_copy(update=own)


class Inside(CheckedModel):
    """Trained transformers that are kept, to look at W_K^T W_Q and W_O W_V before and after training.

    Attributes:
        learners: names in `AbstractSymbols.learners`, transformers.
        families: names in `AbstractSymbols.families`.
        num_examples: training strings.
        seeds: networks of each.
    """

    learners: tuple[str, ...] = (PLAIN,)
    families: tuple[str, ...] = Field(min_length=1)
    num_examples: int = Field(ge=1)
    seeds: int = Field(default=3, ge=1)
