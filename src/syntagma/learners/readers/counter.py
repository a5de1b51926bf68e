"""The counter: predicts a token by how often it followed the tokens around it in the training sentences.

An n-gram reader, which knows of no structure but nearness: what it reaches shows how much of a learning curve is
counting. The counts of longer and shorter contexts are mixed as `smoothing.py` says, what stands near a token is said
in `nearby.py`. What a person leaves open (the longest context; whether all positions share their counts) is chosen by
the loss of the validation sentences.

On a random hierarchy language s^l - 1 tokens and the answer make up the span of a level-l symbol, of which there are
v m^((s^l - 1) / (s - 1)): so many sentences it takes, up to a factor, to count them. For s = 2 that is v m, v m^3,
v m^7: at levels 1 and 2 the powers of m are those of the laws of arXiv 2505.07070, from level 3 on they are far above.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float, Integer
from pydantic import Field

from syntagma.checked_call import checked
from syntagma.errors import InputError
from syntagma.learners.learner import Learner, checked_inputs
from syntagma.learners.readers.counting import count_contexts
from syntagma.learners.readers.nearby import hidden_place, nearby
from syntagma.learners.readers.scoring import order_losses, read_fit
from syntagma.learners.readers.smoothing import Smoothed, Smoothing
from syntagma.learners.trainer import ExampleSets, Fit, SeedBySeed, Trainer, trainer_of
from syntagma.learners.training import Training
from syntagma.tasks import Examples, Shape


class Counter(Learner):
    """N-gram counts: `fit(Counter(), task.shape(language), None, train, validation, test).metrics["order"]`.

    It predicts the last token, the next token at every position, or a masked token; other tasks are refused.

    Attributes:
        smoothing: how longer and shorter contexts are mixed.
        orders: lengths of the contexts counted: "levels", the s^l - 1 tokens that complete a level-l symbol's span,
            where the language has a tree and one place is asked for; else, and where "all", every length.
        max_order: the longest length counted; as long as the sentence where None. The longest one used is that with the
            smallest validation loss.
        positions: whether all positions share counts or have their "own"; where None, what gives the smaller validation
            loss. Where all sentences hide the token at one place, there is nothing to share.
    """

    label: ClassVar[str] = "counter"
    weight_sharing: ClassVar[bool | None] = None
    kind: Literal["counter"] = "counter"
    smoothing: Smoothing = "witten-bell"
    orders: Literal["levels", "all"] = "levels"
    max_order: int | None = Field(default=None, ge=0)
    positions: Literal["shared", "own"] | None = None

    @checked
    def check(self, shape: Shape) -> None:
        if shape.loss != "cross-entropy" or shape.outputs != shape.vocab:
            raise InputError(
                "learner='counter' cannot be used: it predicts tokens of the sentence, and the task asks for something "
                "else. Choose the task last-token, masked-token or next-token."
            )


@dataclass(frozen=True)
class CountedPredictor:
    """Log-probabilities by counts, with contexts of at most `order` tokens."""

    smoothed: Smoothed
    shape: Shape
    shared: bool
    order: int

    @checked_inputs
    def __call__(self, inputs: Integer[np.ndarray, "B T"]) -> Float[np.ndarray, "B *answers"]:
        """Natural logarithms of the probabilities: `[B, C]`, or `[B, T, C]` where every position is read."""
        asked = nearby(np.asarray(inputs), self.shape, self.shared, self.order)
        found = np.log(next(self.smoothed.distributions(asked, self.order)))
        return found.reshape(*asked.place.shape, self.shape.outputs)


class CounterTrainer(SeedBySeed):
    """Counts the sentences of a seed, each of which must have one hidden token. Nothing depends on the seed."""

    def fit_one(self, sets: ExampleSets, seed: int) -> Fit:
        begun = time.perf_counter()
        losses: dict[tuple[bool, int], float] = {}
        counted = {shared: self._count(sets.train, shared) for shared in self._sharing(sets.train)}
        for shared, smoothed in counted.items():
            asked = nearby(sets.validation.inputs, self.shape, shared, smoothed.counts.orders[-1])
            each = order_losses(smoothed, asked, sets.validation.targets)
            losses |= {(shared, order): loss for order, loss in zip(smoothed.counts.orders, each, strict=True)}
        shared, order = min(losses, key=lambda choice: losses[choice])
        predictor = CountedPredictor(counted[shared], self.shape, shared, order)
        metrics = {
            "order": order,
            "orders": list(counted[shared].counts.orders),
            "order_losses": [losses[shared, each] for each in counted[shared].counts.orders],
            "positions": "shared" if shared else "own",
            "contexts": sum(smoothed.counts.num_contexts() for smoothed in counted.values()),
            "flops": float(sets.train.targets.size * len(losses)),
        }
        return read_fit(predictor, sets, self.shape, metrics, begun)

    def _sharing(self, train: Examples) -> list[bool]:
        """Whether positions are to share counts: what is given, or both where there is a choice."""
        if self.shape.reads == "once":
            place = hidden_place(train.inputs, self.shape.vocab)
            if (place == place[0]).all():
                return [False]
        return [True, False] if self.learner.positions is None else [self.learner.positions == "shared"]

    def _count(self, train: Examples, shared: bool) -> Smoothed:
        items = nearby(train.inputs, self.shape, shared, self.learner.max_order)
        depth, branching = items.tokens.shape[-1], self.shape.branching
        orders = list(range(depth + 1))
        in_tree = self.shape.reads == "once" and items.alphabet == self.shape.vocab and branching > 1
        if self.learner.orders == "levels" and in_tree:
            orders = [order for order in orders if order + 1 in {branching**level for level in range(64)}]
        counts = count_contexts(items, train.targets.reshape(-1), self.shape.outputs, orders)
        return Smoothed(counts, self.learner.smoothing)


@trainer_of.register
def _(learner: Counter, shape: Shape, training: Training | None) -> Trainer:
    del training
    return CounterTrainer(learner, shape)
