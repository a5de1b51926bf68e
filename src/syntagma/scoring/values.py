"""What is known of a model from outside: its loss, how far it is above the exact oracle, and whom it predicts like."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from syntagma.estimate import Estimate
from syntagma.notebook import html_table

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class PositionScore:
    """One position of the sentence, from 0: mean loss there, and how far it is above the oracle's, where known."""

    position: int
    loss: Estimate
    excess: Estimate | None


@dataclass(frozen=True)
class Distance:
    """KL( predictor || model ) in nats, averaged over sentences: 0 only for a model that predicts the same.

    Attributes:
        of: who the predictor is: the observer of the last so many tokens, or a reader's name.
        nats: with its standard error over sentences.
        context: k, for the observer who sees the k tokens before the last one.
        level: l, where k = s^l - 1 in a language with a tree: who knows the grammar up to level l.
    """

    of: str
    nats: Estimate
    context: int | None = None
    level: int | None = None


@dataclass(frozen=True)
class Score:
    """A model on test sentences. Losses are in nats, or squared; errors are standard errors over sentences.

    Example: `score(language, LastToken(), predict).excess.value`.

    Attributes:
        name: of the model, for figures.
        task: its kind.
        seed: whose test sentences they are: those of a run with this seed.
        num_examples: sentences that the model was trained on, where that is known.
        sentences: of the test set.
        loss: mean loss.
        accuracy: share of answers that are correct.
        oracle: the oracle's mean loss on the same sentences; None without an exact oracle, as are what follows of it.
        excess: of the loss above the oracle's, sentence by sentence, so that its error is that of the difference.
        context: number of previous tokens that the oracle sees, if not all.
        positions: the same at each position, where the task reads every one.
        observers: distances to the exact observers of the last k tokens, k ascending, at the last position.
        readers: distances to other predictors, at all positions.
    """

    name: str
    task: str
    seed: int
    num_examples: int | None
    sentences: int
    loss: Estimate
    accuracy: float
    oracle: float | None
    excess: Estimate | None
    context: int | None
    positions: tuple[PositionScore, ...]
    observers: tuple[Distance, ...]
    readers: tuple[Distance, ...]

    @property
    def level_learned(self) -> int | None:
        """The level whose observer is nearest, 0 for none; None where there are no levels, or none is at a finite
        distance, as of a model that gives probability 0 to what can be.
        """
        levels = [one for one in self.observers if one.level is not None and math.isfinite(one.nats.value)]
        return min(levels, key=lambda one: one.nats.value).level if levels else None

    @property
    def context_learned(self) -> int | None:
        """The number of previous tokens whose observer is nearest; None as for `level_learned`."""
        near = [one for one in self.observers if math.isfinite(one.nats.value)]
        return min(near, key=lambda one: one.nats.value).context if near else None

    def metrics(self) -> dict[str, Any]:
        """By the names that runs use: `score.metrics()["excess_loss"]`."""
        found: dict[str, Any] = {"test_loss": self.loss.value, "test_loss_error": self.loss.standard_error}
        found |= {"test_accuracy": self.accuracy}
        if self.oracle is not None and self.excess is not None:
            found |= {"oracle_loss": self.oracle, "excess_loss": self.excess.value}
            found |= {"excess_loss_error": self.excess.standard_error}
        if self.level_learned is not None:
            found["level_learned"] = self.level_learned
        if self.positions:
            found["test_last_loss"] = self.positions[-1].loss.value
            found["test_position_losses"] = [one.loss.value for one in self.positions]
        return found

    def tables(self) -> Mapping[str, pd.DataFrame]:
        """What a person reads: "score", "positions", "observers" and "readers", those that there are."""
        import pandas as pd

        rows: list[tuple[str, float, float | None]] = [("loss", self.loss.value, self.loss.standard_error)]
        if self.oracle is not None and self.excess is not None:
            sees = "the exact oracle's loss" if self.context is None else f"loss of the oracle of {self.context} tokens"
            rows += [(sees, self.oracle, None), ("above it", self.excess.value, self.excess.standard_error)]
        rows.append(("accuracy", self.accuracy, None))
        if self.level_learned is not None:
            rows.append(("level learned", self.level_learned, None))
        tables = {"score": pd.DataFrame(rows, columns=["quantity", "value", "standard error"])}
        positions = [
            {"position": one.position, "loss": one.loss.value, "standard error": one.loss.standard_error}
            | ({} if one.excess is None else {"above": one.excess.value, "its error": one.excess.standard_error})
            for one in self.positions
        ]
        observers = [
            {"sees": one.of, **({} if one.level is None else {"level": one.level}), **_nats(one)}
            for one in self.observers
        ]
        readers = [{"predictor": one.of, **_nats(one)} for one in self.readers]
        others = {"positions": positions, "observers": observers, "readers": readers}
        return tables | {name: pd.DataFrame(found) for name, found in others.items() if found}

    def _repr_html_(self) -> str:
        return "".join(
            html_table(name, list(map(str, table.columns)), table.itertuples(index=False, name=None))
            for name, table in self.tables().items()
        )


def _nats(one: Distance) -> dict[str, float]:
    return {"nats": one.nats.value, "standard error": one.nats.standard_error}
