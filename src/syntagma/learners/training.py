"""How a network is trained: optimiser, learning rates, and when training stops."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import jax
import numpy as np
import optax
from jaxtyping import Float, Integer
from pydantic import Field

from syntagma.checked_model import CheckedModel

Positive = Annotated[float, Field(gt=0)]


class Training(CheckedModel):
    """How a network is trained and when it stops; one to one with TOML and the command line.

    Example: `Training(learning_rate=0.01, max_steps=1000)`.

    Training stops at the first of: the train loss since the last evaluation at or below `train_loss_threshold` nats; no
    new smallest validation loss for `patience` times the steps that led to the smallest one (counted as `least_steps`
    at the least); its length, at which a cosine schedule ends: `max_epochs` passes over the examples, but at least
    `min_steps` and at most `max_steps` steps.

    Attributes:
        optimizer: the rule of the steps.
        learning_rate: of the steps after warm-up and before decay; it means the same at every width.
        momentum: share of the last step that is kept, of plain gradient descent.
        weight_decay: share of each weight that a step at learning rate 1 takes away.
        clip_norm: a gradient longer than this is scaled down to it.
        batch_size: sentences of each step.
        warmup_steps: steps in which the learning rate rises from 0.
        schedule: of the learning rate after warm-up; a cosine ends where training does.
        final_rate: where a cosine ends, as a share of the learning rate.
        max_epochs: passes over the examples after which training ends; as many as `max_steps` allows where unset.
        min_steps: fewer steps are not made, whatever `max_epochs` says.
        max_steps: more steps are not made, whatever `max_epochs` says.
        train_loss_threshold: train loss, in nats, at which training stops.
        patience: training stops where no smaller validation loss came for so many times the steps that led to the last.
        least_steps: steps that are counted to the smallest validation loss at the least.
        evaluations_per_doubling: how often the validation loss is measured while the number of steps doubles.
    """

    optimizer: Literal["sgd", "adam"] = "adam"
    learning_rate: Positive = 0.01
    momentum: float = Field(default=0.0, ge=0, lt=1)
    weight_decay: float = Field(default=0.0, ge=0)
    clip_norm: float | None = Field(default=None, gt=0, exclude_if=lambda norm: norm is None)
    batch_size: int = Field(default=128, ge=1)
    warmup_steps: int = Field(default=0, ge=0)
    schedule: Literal["constant", "cosine"] = "constant"
    final_rate: float = Field(default=0.1, ge=0, le=1)
    max_epochs: float | None = Field(default=None, gt=0)
    min_steps: int = Field(default=1, ge=1)
    max_steps: int = Field(default=100_000, ge=1)
    train_loss_threshold: float = Field(default=1e-3, ge=0)
    patience: float = Field(default=4.0, ge=1)
    least_steps: int = Field(default=64, ge=0)
    evaluations_per_doubling: int = Field(default=3, ge=1)

    def program(self) -> Training:
        """This training without what a compiled program takes as numbers, or knows nothing of: rates and stopping.

        Trainings of equal programs share one, `Training(learning_rate=0.1).program() == Training().program()`. Of
        weight decay and clip norm it knows only whether there is any: the numbers are `limits`.
        """
        compiled = {name: getattr(self, name) for name in ("optimizer", "momentum", "batch_size")}
        compiled |= {"weight_decay": float(self.weight_decay > 0), "clip_norm": self.clip_norm and 1.0}
        return Training.model_validate(compiled)

    def limits(self) -> Float[np.ndarray, "2"]:
        """Weight decay and clip norm, 0 where there is none: `Training(weight_decay=0.1).limits()`, float32."""
        return np.array([self.weight_decay, self.clip_norm or 0.0], np.float32)

    def length(self, num_examples: int) -> int:
        """Number of steps after which training on `num_examples` ends at the latest."""
        if self.max_epochs is None:
            return self.max_steps
        steps = math.ceil(self.max_epochs * num_examples / self.batch_size)
        return min(max(steps, self.min_steps), self.max_steps)

    def evaluation_steps(self, length: int) -> Iterator[int]:
        """The steps after which the validation loss is measured: 0, then geometric, ending at `length`."""
        yield 0
        step, count = 0, 0
        while step < length:
            following = round(2 ** (count / self.evaluations_per_doubling))
            count += 1
            if following > step:
                step = min(following, length)
                yield step

    def rates(self, steps: Integer[np.ndarray, " k"], length: int) -> Float[np.ndarray, " k"]:
        """Learning rate of `steps` (0 is the first): linear warm-up, then constant or cosine to `final_rate` of it."""
        warm = np.minimum((steps + 1) / max(self.warmup_steps, 1), 1.0)
        if self.schedule == "constant":
            return self.learning_rate * warm
        done = np.clip((steps - self.warmup_steps) / max(length - self.warmup_steps, 1), 0.0, 1.0)
        cosine = self.final_rate + (1 - self.final_rate) * 0.5 * (1 + np.cos(np.pi * done))
        return self.learning_rate * warm * cosine

    def direction(self, gradient_scale: float, limits: Any = None) -> optax.GradientTransformation:
        """The optimiser at learning rate 1, uphill.

        Args:
            gradient_scale: for plain descent (Adam does not see it).
            limits: the weight decay and the clip norm that are used where there are any; by default `limits()`.
        """
        weight_decay, clip_norm = self.limits() if limits is None else limits
        decay = optax.add_decayed_weights(weight_decay) if self.weight_decay else optax.identity()
        clip = optax.clip_by_global_norm(clip_norm) if self.clip_norm else optax.identity()
        if self.optimizer == "adam":
            return _mixing_dtypes(optax.chain(clip, optax.scale_by_adam(), decay))
        trace = optax.trace(self.momentum) if self.momentum else optax.identity()
        return optax.chain(clip, optax.scale(gradient_scale), decay, trace)


def _mixing_dtypes(optimizer: optax.GradientTransformation) -> optax.GradientTransformation:
    """The same where promotion of dtypes is strict: Optax's Adam raises a float to the power of an integer."""

    def update(gradient: Any, memory: Any, weights: Any = None) -> tuple[Any, Any]:
        with jax.numpy_dtype_promotion("standard"):
            return optimizer.update(gradient, memory, weights)

    return optax.GradientTransformation(optimizer.init, update)  # pyright: ignore[reportArgumentType]  # Optax names them
