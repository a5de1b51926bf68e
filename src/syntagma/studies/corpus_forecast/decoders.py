"""Decoder transformers in the back-test: the loss of the best of several, each trained until it no longer improves.

`backtest(text, measure=Decoders(length=32))` forecasts and measures their losses in place of those of counts.

The training part is cut into windows of T tokens; the loss is the mean over the longer half of the contexts, T / 2 to
T - 1 tokens. Of the learners the one with the smallest validation loss counts at each amount of text: the lower
envelope over models. Training ends where the validation loss has not fallen for a while, and the step of the smallest
one is read; `told` says of each training why it ended, so that one that was cut short is not taken for an envelope.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from syntagma.errors import whole_number
from syntagma.languages.corpora import CorpusWindows, Tokens
from syntagma.learners import Training, Transformer, fit
from syntagma.studies.corpus_forecast.backtest import Held
from syntagma.tasks import NextToken

_ONE = np.zeros(1, np.int64)
_LEARNERS = Transformer(width=32, heads=4, layers=1), Transformer(width=64, heads=4, layers=2)
_TRAINING = Training(learning_rate=0.03, batch_size=32, max_steps=6000, patience=2.0, least_steps=128)
_HELD_OUT = 1024
"""Windows that choose, and as many that are predicted."""


@dataclass
class Decoders:
    """Trains on a text, and says the loss of the best.

    Attributes:
        length: T, tokens of a window.
        learners: of which the best counts.
        training: of each.
        seed: of windows, weights and the order of examples.
        told: a line for each training, in order: tokens of text, learner, loss, steps, why it ended.
    """

    length: int = 32
    learners: tuple[Transformer, ...] = _LEARNERS
    training: Training = _TRAINING
    seed: int = 0
    told: list[str] = field(default_factory=list)

    def __call__(self, text: Held) -> tuple[float, Float[np.ndarray, " k"]]:
        """Nats a test token, and as many numbers as there are test windows, of the same mean and with their spread."""
        length, task = whole_number("length", self.length, minimum=2), NextToken()
        parts = [
            CorpusWindows(Tokens(tokens, _ONE if starts is None else starts), text.vocab, length, stride, distinct=True)
            for tokens, starts, stride in zip(
                (text.train, text.validation, text.test), text.documents, (length, 1, 1), strict=True
            )
        ]
        numbers = len(parts[0]), *(min(len(part), _HELD_OUT) for part in parts[1:])
        examples = [
            task.examples(part.sample(self.seed, number), part, self.seed)
            for part, number in zip(parts, numbers, strict=True)
        ]
        best = (np.inf, np.zeros(0))
        for learner in self.learners:
            result = fit(learner, task.shape(parts[0]), self.training, *examples, seed=self.seed)
            metrics = result.metrics
            losses = np.asarray(metrics["test_position_losses"])[length // 2 :]
            self.told.append(
                f"{len(text.train):,} tokens, width {learner.width}: {losses.mean():.3f} nats, "
                f"{metrics['steps']} steps, {metrics['stopped']}"
            )
            if metrics["validation_loss"] < best[0]:
                spread = result.example_losses - result.example_losses.mean()
                best = (float(metrics["validation_loss"]), losses.mean() + spread)
        return float(best[1].mean()), best[1]
