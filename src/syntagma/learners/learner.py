"""What every learner is: a recipe that learns from examples; most build a network.

All networks share one parametrisation: weights are drawn from N(0, 1) and each product is scaled by fan-in^(-1/2), so
that a learning rate means the same relative change of a weight at every width.
"""

from __future__ import annotations

import abc
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeVar, cast

import equinox as eqx
import jax
import jax.core
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Integer, Key

from syntagma.checked_model import CheckedModel
from syntagma.languages._tokens import checked_tokens
from syntagma.tasks import Shape

F = TypeVar("F", bound=Callable[..., Any])
Replace = Callable[[str, Array], Array]
"""Gets a layer's name and values as they are computed, and gives what the network goes on with."""


def unchanged(name: str, values: Array) -> Array:
    """Replaces nothing."""
    return values


def checked_inputs(method: F) -> F:
    """A method of what has a `shape` that looks at the sentences a person gives it; in compiled programs it is free.

    Raises, when called:
        InputError: no `[B, T]` whole numbers from 0 to the mask symbol.
    """

    @functools.wraps(method)
    def call(self: Any, inputs: Any, *more: Any) -> Any:
        if isinstance(inputs, jax.core.Tracer):
            return method(self, inputs, *more)
        tokens = checked_tokens(inputs, self.shape.vocab + 1, self.shape.length, field="inputs")
        return method(self, inputs if isinstance(inputs, jax.Array) else jnp.asarray(tokens, np.int32), *more)

    return cast("F", call)


class Layer(eqx.Module):
    """What a network computes in one layer, at every position.

    Attributes:
        name: what figures call it.
        values: the activations.
        sees: which inputs each position depends on. A class token's position comes after the sentence's.
        attention: the weights `[sentence, head, query, key]`, rows summing to 1, where the layer has attention; queries
            and keys are the layer's positions.
    """

    name: str = eqx.field(static=True)
    values: Float[Array, "B positions w"]
    sees: Bool[np.ndarray, "positions T"]
    attention: Float[Array, "B H positions positions"] | None = None


class Activations(NamedTuple):
    """What a network computes on its way to the logits: its layers, the first to the last, and the logits."""

    layers: tuple[Layer, ...]
    logits: Float[Array, "B *answers"]


class Network(eqx.Module):
    """A function from sentences to logits, with its weights. Batches are explicit: B sentences of T positions.

    Attributes:
        shape: of the task that it was built for.
    """

    shape: eqx.AbstractVar[Shape]

    @abc.abstractmethod
    def __call__(self, inputs: Integer[Array, "B T"]) -> Float[Array, "B *answers"]:
        """Logits `[B, outputs]`, or `[B, T, outputs]` where the task reads every position."""

    @abc.abstractmethod
    def activations(self, inputs: Integer[Array, "B T"], replace: Replace = unchanged) -> Activations:
        """Every layer at every position, by the plain formula: nothing folded, nothing left out. Slower than a call.

        Args:
            inputs: of the task.
            replace: is asked for every layer, whose values are then what it gives: to ablate or to patch them.
        """


class Learner(CheckedModel, abc.ABC):
    """A recipe that learns from examples: kind and sizes, one to one with TOML and the command line."""

    if TYPE_CHECKING:
        kind: str
        """Its name in TOML and on the command line; every learner has a field of this name with its own default."""
    label: ClassVar[str]
    """What figures call it."""
    weight_sharing: ClassVar[bool | None]
    """Which law of `theory.hierarchy` covers it: True, False, or None where the theory says nothing."""

    @abc.abstractmethod
    def check(self, shape: Shape) -> None:
        """Whether the learner can do the task, found without learning anything.

        Raises:
            InputError: it cannot, or its sizes do not fit together.
        """


class NetworkLearner(Learner):
    """A recipe for a network, trained by gradient descent."""

    @abc.abstractmethod
    def network(self, key: Key[Array, ""], shape: Shape) -> Network:
        """A freshly drawn network.

        Raises:
            InputError: the learner cannot do the task.
        """

    def check(self, shape: Shape) -> None:
        eqx.filter_eval_shape(self.network, jax.random.key(0), shape)

    def gradient_scale(self) -> float:
        """What plain gradient descent multiplies its learning rate by, so that it means the same at every width."""
        return 1.0

    @abc.abstractmethod
    def forward_flops(self, shape: Shape) -> int:
        """Floating-point operations that the matrix products of one sentence's forward pass take as computed here."""
