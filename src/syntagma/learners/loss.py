"""What training lowers, and when an answer counts as correct, by the task's loss.

    cross-entropy:  -ln softmax(outputs)_target nats;    correct where the target has the largest output
    squared:        (output - target)^2;                 correct where output and target have the same sign

For labels +1 and -1 the second accuracy is that of the classifier sign(output); for other real targets it is the share
of answers on the right side of zero, where an output or a target of exactly 0 is on a side of its own.
"""

from __future__ import annotations

from typing import Literal

import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Num

Loss = Literal["cross-entropy", "squared"]


def losses(loss: Loss, outputs: Float[Array, "*n outputs"], targets: Num[Array, "*n"]) -> Float[Array, "*n"]:
    """The loss of each answer; squared loss reads the only output."""
    if loss == "squared":
        return (outputs[..., 0] - targets.astype(outputs.dtype)) ** 2
    return optax.softmax_cross_entropy_with_integer_labels(outputs, targets.astype(jnp.int32))


def correct(loss: Loss, outputs: Float[Array, "*n outputs"], targets: Num[Array, "*n"]) -> Bool[Array, "*n"]:
    """Whether each answer is correct."""
    if loss == "squared":
        return jnp.sign(outputs[..., 0]) == jnp.sign(targets)
    return outputs.argmax(-1) == targets.astype(jnp.int32)
