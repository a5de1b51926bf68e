"""The clusterer: learns which tuples are synonyms, level by level, and predicts from the symbols that stand for them.

It is the learner that the theory of the random hierarchy model describes: what it needs is that correlations stand out
of the noise, and nothing else. How synonyms are told is in `levels.py` and `synonyms.py`. A hidden token is then
predicted by counting, with the symbols next to the path from it to the root as context: the s - 1 tokens of its own
tuple, the s - 1 symbols of its parent's tuple, and so on. Contexts of l levels have about v m^l values together with
the answer; where the symbols are right, the loss is the plateau L_l. How many levels are used is chosen by the loss of
the validation sentences. A class is predicted from the symbol at the root, then from those below it too.

Thresholds, with signal equal to noise (v symbols a level, m rules a symbol, level l >= 2):

    statistic "target", without sharing:  v m^(2l-1)
    statistic "target", with sharing:     v m^(l+1)
    statistic "neighbour":                about v m^3 at any level, and the v m^l of the contexts

Sources: arXiv 2307.02129, 2406.00048, 2505.07070; latent prediction: 2605.27734. The grammar is not used; what is given
of the language's structure is s, L = log_s T, and the number of symbols a level.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float, Integer
from pydantic import Field

from syntagma.checked_call import checked
from syntagma.errors import InputError, invalid
from syntagma.languages._tokens import checked_tokens
from syntagma.learners.learner import Learner
from syntagma.learners.readers.counting import count_contexts
from syntagma.learners.readers.levels import Levels, Reading, Statistic, learn_levels
from syntagma.learners.readers.nearby import Nearby, hidden_place
from syntagma.learners.readers.scoring import order_losses, read_fit
from syntagma.learners.readers.smoothing import Smoothed, Smoothing
from syntagma.learners.trainer import ExampleSets, Fit, SeedBySeed, Trainer, trainer_of
from syntagma.learners.training import Training
from syntagma.tasks import Shape


class Clusterer(Learner):
    """Synonyms level by level: `fit(Clusterer(), task.shape(language), None, train, validation, test).metrics`.

    It predicts a token hidden at the same place of all sentences, or a class or label of whole sentences.

    Attributes:
        statistic: what tells synonyms: the "target", or the "neighbour" symbols under the same grandparent.
        sharing: whether what is learned of a tuple at one place serves at all.
        symbols: number of symbols of each level above the tokens; as many as tokens where None.
        branching: s, tokens a tuple; that of the language where None.
        smoothing: how counts of more and fewer levels are mixed.
    """

    label: ClassVar[str] = "clusterer"
    weight_sharing: ClassVar[bool | None] = None
    kind: Literal["clusterer"] = "clusterer"
    statistic: Statistic = "target"
    sharing: bool = True
    symbols: int | None = Field(default=None, ge=1)
    branching: int | None = Field(default=None, ge=2)
    smoothing: Smoothing = "witten-bell"

    @checked
    def check(self, shape: Shape) -> None:
        if shape.reads != "once" or shape.loss != "cross-entropy":
            raise InputError(
                "learner='clusterer' cannot be used: it gives one answer of several to a sentence. "
                "Choose the task last-token, masked-token with a position, root-class or label."
            )
        self.depth(shape)

    def depth(self, shape: Shape) -> int:
        """L = log_s T.

        Raises:
            InputError: there is no s, or T is no power of it.
        """
        branching = self.branching or shape.branching
        if branching < 2:
            raise invalid("branching", self.branching, "the language has no tree", "Give the number of tokens a tuple")
        depth = 1
        while branching**depth < shape.length:
            depth += 1
        if branching**depth != shape.length:
            allowed = f"sentences have {shape.length} tokens, which is no power of it"
            raise invalid("branching", branching, allowed, "Choose sentences of branching^depth tokens")
        return depth


@dataclass(frozen=True)
class ClusteredPredictor:
    """Log-probabilities by counts of symbols, of at most `order` symbols next to the path to the root."""

    levels: Levels
    smoothed: Smoothed
    order: int

    def __call__(self, inputs: Integer[np.ndarray, "B T"]) -> Float[np.ndarray, "B C"]:
        """Natural logarithms of the probabilities."""
        reading = self.levels.reading
        tokens = checked_tokens(inputs, reading.vocab + 1, reading.branching**reading.depth, field="inputs")
        asked = context(self.levels, tokens)
        return np.log(next(self.smoothed.distributions(asked, self.order)))


def context(levels: Levels, inputs: Integer[np.ndarray, "n T"]) -> Nearby:
    """The symbols that an answer is predicted from: those next to the hidden token first; or from the root's down."""
    reading, read = levels.reading, levels.read(inputs)
    columns = [read[level][:, place] for level, place in context_places(reading)]
    alphabet = 1 + max(reading.symbols_at(level) for level in range(reading.levels + 1))
    tokens = np.stack(columns, axis=1) if columns else inputs[:, :0]
    return Nearby(tokens, np.broadcast_to(0, len(inputs)), alphabet)


def context_places(reading: Reading) -> list[tuple[int, int]]:
    """Level and place of each symbol of a context, in order."""
    if reading.hidden is None:
        return [(level, place) for level in range(reading.depth, -1, -1) for place in reading.closed_places(level)]
    found = []
    for level in range(reading.depth):
        parent, place = reading.hidden // reading.branching ** (level + 1), reading.hidden // reading.branching**level
        siblings = set(range(parent * reading.branching, (parent + 1) * reading.branching)) - {place}
        found += [(level, sibling) for sibling in sorted(siblings)]
    return found


def context_orders(reading: Reading) -> list[int]:
    """How many symbols contexts of 0, 1, 2, ... levels have."""
    levels = [level for level, _ in context_places(reading)]
    ends = [number for number in range(1, len(levels)) if levels[number] != levels[number - 1]]
    return [0, *ends, len(levels)]


class ClustererTrainer(SeedBySeed):
    """Reads the sentences of a seed; they must hide the same token. Nothing depends on the seed."""

    def fit_one(self, sets: ExampleSets, seed: int) -> Fit:
        begun = time.perf_counter()
        reading = self._reading(sets)
        levels = learn_levels(reading, sets.train.inputs, sets.train.targets)
        orders = context_orders(reading)
        items = context(levels, sets.train.inputs)
        smoothed = Smoothed(
            count_contexts(items, sets.train.targets, self.shape.outputs, orders), self.learner.smoothing
        )
        losses = order_losses(smoothed, context(levels, sets.validation.inputs), sets.validation.targets)
        best = int(np.argmin(losses))
        metrics = {
            "order": best,
            "orders": list(range(len(orders))),
            "order_losses": losses,
            "tuples": levels.num_tuples(),
            "contexts": smoothed.counts.num_contexts(),
            "flops": float(len(sets.train) * (self.shape.length + len(orders))),
        }
        return read_fit(ClusteredPredictor(levels, smoothed, orders[best]), sets, self.shape, metrics, begun)

    def _reading(self, sets: ExampleSets) -> Reading:
        learner, shape = self.learner, self.shape
        places = set()
        for examples in (sets.train, sets.validation, *sets.tests.values()):
            if (examples.inputs == shape.vocab).any():
                places |= set(np.unique(hidden_place(examples.inputs, shape.vocab)).tolist())
            else:
                places.add(None)
        if len(places) > 1:
            raise InputError(
                "learner='clusterer' cannot be used: it needs the same token hidden in all sentences, or none. "
                "Give masked-token a position."
            )
        return Reading(
            branching=learner.branching or shape.branching,
            depth=learner.depth(shape),
            vocab=shape.vocab,
            symbols=learner.symbols or shape.vocab,
            hidden=places.pop(),
            answers=shape.outputs,
            statistic=learner.statistic,
            sharing=learner.sharing,
        )


@trainer_of.register
def _(learner: Clusterer, shape: Shape, training: Training | None) -> Trainer:
    del training
    return ClustererTrainer(learner, shape)
