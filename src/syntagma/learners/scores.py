"""Losses and answers of one learner on one set of examples, and the metrics they are reported as.

A metric is named by the set it was measured on: of the set NAME, NAME_loss is the mean loss (nats, or squared
differences), NAME_loss_error its standard error, NAME_accuracy the share of correct answers. Where a learner answers at
every position, NAME_last_loss is the loss at the last one and NAME_position_losses lists the mean loss at each.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float


@dataclass(frozen=True)
class Scores:
    """Loss and correctness of each sentence of one set.

    Attributes:
        losses: `[n]`, mean over the sentence's answers.
        correct: `[n]`, share of the sentence's answers that are correct.
        positions: `[n, T]`, the loss at each position, where all are read.
    """

    losses: Float[np.ndarray, " n"]
    correct: Float[np.ndarray, " n"] | Bool[np.ndarray, " n"]
    positions: Float[np.ndarray, "n T"] | None = None

    def means(self, name: str) -> dict[str, float]:
        """Mean loss and accuracy, and the mean loss at the last position where all are read."""
        measured = {f"{name}_loss": self.losses, f"{name}_accuracy": self.correct}
        if self.positions is not None:
            measured[f"{name}_last_loss"] = self.positions[:, -1]
        return {key: float(values.mean(dtype=np.float64)) for key, values in measured.items()}

    def error(self) -> float:
        """Standard error of the mean loss; 0 for one sentence."""
        exact = self.losses.astype(np.float64)
        return float(exact.std(ddof=1) / math.sqrt(len(exact))) if len(exact) > 1 else 0.0

    def metrics(self, name: str, final: Scores | None = None) -> dict[str, Any]:
        """All that is reported of the set `name`: `Scores(losses, correct).metrics("test")["test_loss"]`.

        Args:
            name: of the set.
            final: scores at the end of training, reported as final_NAME_loss and so on; by default these scores.
        """
        metrics: dict[str, Any] = {**self.means(name), f"{name}_loss_error": self.error()}
        if self.positions is not None:
            by_position = self.positions.mean(axis=0, dtype=np.float64)
            metrics[f"{name}_position_losses"] = [float(loss) for loss in by_position]
        return metrics | {f"final_{key}": value for key, value in (final or self).means(name).items()}
