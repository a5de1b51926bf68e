"""What training lowers, and when an answer counts as correct, by the task's loss.

    cross-entropy:  -ln softmax(outputs)_target nats;    correct where the target has the largest output
    squared:        (output - target)^2;                 correct where output and target have the same sign

For labels +1 and -1 the second accuracy is that of the classifier sign(output); for other real targets it is the share
of answers on the right side of zero. An output of exactly 0, which dead units give, decides nothing and is half right.
"""

from __future__ import annotations

from typing import Any, Literal

import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Num

Loss = Literal["cross-entropy", "squared"]
Numbers = Any
"""Arrays of either library."""


def losses(loss: Loss, outputs: Float[Array, "*n outputs"], targets: Num[Array, "*n"]) -> Float[Array, "*n"]:
    """The loss of each answer; squared loss reads the only output."""
    if loss == "squared":
        return (outputs[..., 0] - targets.astype(outputs.dtype)) ** 2
    return optax.softmax_cross_entropy_with_integer_labels(outputs, targets.astype(jnp.int32))


def correct(loss: Loss, outputs: Float[Array, "*n outputs"], targets: Num[Array, "*n"]) -> Float[Array, "*n"]:
    """1 for each correct answer, 0 for a wrong one."""
    if loss == "squared":
        return right_side(outputs[..., 0], targets.astype(outputs.dtype))
    return (outputs.argmax(-1) == targets.astype(jnp.int32)).astype(outputs.dtype)


def right_side(outputs: Numbers, targets: Numbers) -> Numbers:
    """1 where an output has the target's sign, 1/2 where either is 0, else 0; of NumPy's arrays or JAX's."""
    product = outputs * targets
    return (product > 0).astype(float) + 0.5 * (product == 0).astype(float)
