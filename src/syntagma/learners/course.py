"""The course of one training: its evaluations so far, the best of them, and when it is over.

Only validation sentences speak here. The network of the smallest validation loss is the one whose test loss is
reported.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from syntagma.learners.scores import Scores
from syntagma.learners.training import Training


class Course:
    """One seed's evaluations.

    Attributes:
        history: one row an evaluation: step, validation_loss, validation_accuracy, train_loss (the mean since the
            evaluation before; none at step 0, where nothing has been trained), and validation_last_loss where every
            position is read.
        step: the last evaluation's.
        best_step: that of the smallest validation loss, the first of equals.
        stopped: why training ended, "" while it goes on: "steps" (its length), "patience", "train loss", "diverged".
    """

    def __init__(self, training: Training, length: int) -> None:
        self.training, self.length = training, length
        self.history: list[dict[str, float]] = []
        self.step, self.best_step, self.stopped = 0, 0, ""
        self.best: Scores | None = None
        self.best_weights: Any = None
        self.final_weights: Any = None
        self._best_loss = math.inf

    def add(self, step: int, scores: Scores, train_loss: float | None, weights: Callable[[], Any]) -> None:
        """Take the evaluation after `step` steps, unless training has stopped for this seed.

        Args:
            step: number of steps done.
            scores: on the validation examples.
            train_loss: mean over the steps since the last evaluation, None at step 0.
            weights: makes the weights of now, which are kept if they are the best or the last.
        """
        if self.stopped:
            return
        self.step = step
        means = scores.means("validation")
        loss = means["validation_loss"]
        self.history.append({"step": step, **means} | ({} if train_loss is None else {"train_loss": train_loss}))
        diverged = not math.isfinite(loss) or not math.isfinite(train_loss or 0.0)
        if self.best is None or (loss < self._best_loss and not diverged):
            self._best_loss, self.best_step, self.best, self.best_weights = loss, step, scores, weights()
        self.stopped = self._reason(train_loss, diverged)
        if self.stopped:
            self.final_weights = weights()

    def _reason(self, train_loss: float | None, diverged: bool) -> str:
        """Why training is over, or ""."""
        if diverged:
            return "diverged"
        if train_loss is None:
            return ""
        if train_loss <= self.training.train_loss_threshold:
            return "train loss"
        if self.step >= self.training.patience * max(self.best_step, self.training.least_steps):
            return "patience"
        return "steps" if self.step >= self.length else ""

    def packed(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """All that `unpack` needs: arrays by name, and JSON values."""
        assert self.best is not None
        scores = {"losses": self.best.losses, "correct": self.best.correct, "positions": self.best.positions}
        arrays = {"best_weights": self.best_weights, "final_weights": self.final_weights, **scores}
        names = ("history", "step", "best_step", "stopped")
        values = {name: getattr(self, name) for name in names} | {"best_loss": self._best_loss}
        return {name: np.asarray(array) for name, array in arrays.items() if array is not None}, values

    def unpack(self, arrays: Mapping[str, np.ndarray], values: Mapping[str, Any], place: Callable[..., Any]) -> None:
        """Become the course that `packed` gave these; `place` makes weights of an array."""
        for name in ("history", "step", "best_step", "stopped"):
            setattr(self, name, values[name])
        self._best_loss = values["best_loss"]
        self.best = Scores(arrays["losses"], arrays["correct"], arrays.get("positions"))
        self.best_weights = place(arrays["best_weights"])
        self.final_weights = place(arrays["final_weights"]) if "final_weights" in arrays else None

    def metrics(self) -> dict[str, Any]:
        """What is reported of the course. `cut_short`: training's length, not the data, ended the curve."""
        assert self.best is not None
        assert self.stopped
        last = self.history[-1]
        final = {f"final_{name}": last[name] for name in last if name.startswith("validation_")}
        return (
            self.best.means("validation")
            | {"validation_loss_error": self.best.error()}
            | final
            | {
                "best_step": self.best_step,
                "final_train_loss": last.get("train_loss", math.nan),
                "steps": self.step,
                "stopped": self.stopped,
                "cut_short": self.stopped == "steps" and self.best_step == self.step,
            }
        )
