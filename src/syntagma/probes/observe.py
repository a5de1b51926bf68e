"""Running a network over many sentences, in batches of one compiled program, and what it sees of each sentence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Integer

from syntagma.languages._tokens import checked_tokens
from syntagma.learners.learner import Activations, Layer, Network
from syntagma.probes.foreign import ForeignNetwork
from syntagma.probes.gate import checked_network
from syntagma.tasks import Shape

_BATCH = 256


class Labelled(eqx.Module):
    """An array that belongs to the layer `name`, and is the same for all sentences."""

    name: str = eqx.field(static=True)
    array: Any


def observe(network: Network, inputs: Integer[np.ndarray, "n T"]) -> Activations:
    """Every layer of the network on `inputs`, without its attention maps, as NumPy arrays of its own float type.

    Memory: n times positions times width for each layer, 120 MB for 4,096 sentences of 16 tokens, 7 layers of width 64.
    """
    (values, logits), labels = in_batches(_shown, network, inputs)
    layers = [Layer(label.name, array, label.array) for label, array in zip(labels, values, strict=True)]
    return Activations(tuple(layers), logits)


def layers_of(network: Network | ForeignNetwork, inputs: Integer[np.ndarray, "n T"]) -> Sequence[Layer]:
    """Every layer of any network on `inputs`: `layers_of(network, inputs)[0].values`."""
    return network.layers(inputs) if isinstance(network, ForeignNetwork) else observe(network, inputs).layers


def log_probabilities(
    network: Network | ForeignNetwork, inputs: Integer[np.ndarray, "n T"]
) -> Float[np.ndarray, "n *positions v"]:
    """Logarithm of the network's predicted distribution, float64."""
    if isinstance(network, ForeignNetwork):
        return network.log_probabilities(inputs)
    logits, _ = in_batches(_answers, network, inputs)
    logits = logits.astype(np.float64)
    logits -= logits.max(axis=-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


def in_batches(function: Callable[..., tuple[Any, Any]], network: Network, inputs: np.ndarray, *others: Any) -> Any:
    """`function(network, inputs, *others)`, compiled, on pieces of `inputs`.

    It returns arrays with a sentence axis, which are joined, and what is the same for all sentences. The last piece is
    filled up with copies of the first sentence, so that one program serves all.

    Raises:
        InputError: a predictor that is no network, such as a kernel regression, or inputs that it cannot read.
    """
    shape = checked_network(network).shape
    inputs = checked_tokens(inputs, shape.vocab + 1, shape.length, field="inputs")
    count = len(inputs)
    size = min(_BATCH, count)
    filled = np.concatenate([inputs, np.repeat(inputs[:1], -count % size, axis=0)])
    parts = [jax.device_get(function(network, filled[i : i + size], *others)) for i in range(0, count, size)]
    joined = jax.tree.map(lambda *pieces: np.concatenate(pieces)[:count], *[part for part, _ in parts])
    return joined, parts[0][1]


def visible(shape: Shape, inputs: Integer[np.ndarray, "n T"], sees: Bool[np.ndarray, " T"]) -> Bool[np.ndarray, "*n T"]:
    """Which tokens of a sentence the inputs `sees` show: `[T]` where it is the same in all sentences, else `[n, T]`.

    Where the network answers at every position its inputs are the tokens shifted by one; the mask symbol shows none.
    """
    if shape.reads == "every":
        return np.append(sees[1:], False)
    shown = inputs != shape.vocab
    return sees & (shown[0] if (shown == shown[0]).all() else shown)


@eqx.filter_jit
def _shown(network: Network, inputs: np.ndarray) -> tuple[Any, list[Labelled]]:
    shown = network.activations(jnp.asarray(inputs))
    return ([layer.values for layer in shown.layers], shown.logits), [Labelled(x.name, x.sees) for x in shown.layers]


@eqx.filter_jit
def _answers(network: Network, inputs: np.ndarray) -> tuple[Any, None]:
    return network(jnp.asarray(inputs)), None
