"""A network from outside, as far as probes ask: named activations, and what it predicts.

    activations(inputs) -> {"block 1": [n, T, w], "pooled": [n, w], ...}

Which inputs a position depends on is found by trying: each input in turn is changed in some sentences, and a position
sees it if its activations change in any of them. So a position that ignores a token is said not to see it, and a
network must answer the same twice: dropout is to be off.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Integer

from syntagma.errors import InputError, invalid
from syntagma.learners.answers import AT_ONCE, Answers, Predict, as_numbers
from syntagma.learners.learner import Layer
from syntagma.learners.torch_module import as_function
from syntagma.tasks import Shape

ForeignActivations = Callable[[Integer[np.ndarray, "B T"]], Mapping[str, Any]]
"""Inputs to arrays by name, `[B, positions, w]` or `[B, w]`, of any library."""

_TRIED = 32


@dataclass(frozen=True)
class ForeignNetwork:
    """A network from outside; `foreign_network` makes one.

    Attributes:
        shape: of the task.
        sees: by layer, which inputs each position depends on.
        activations: as given.
        predict: as given, or None, where distances to oracles are not asked for.
    """

    shape: Shape
    sees: Mapping[str, Bool[np.ndarray, "positions T"]]
    activations: ForeignActivations
    predict: Predict | None = None
    batch: int = AT_ONCE

    def layers(self, inputs: Integer[np.ndarray, "n T"]) -> list[Layer]:
        """Every layer on `inputs`, float32."""
        values = _activations(self.activations, inputs, self.batch, list(self.sees))
        return [Layer(name, array, self.sees[name]) for name, array in values.items()]  # pyright: ignore

    def log_probabilities(self, inputs: Integer[np.ndarray, "n T"]) -> Float[np.ndarray, "n *answers"]:
        """What it predicts.

        Raises:
            InputError: no `predict` was given, or it gives no log-probabilities.
        """
        if self.predict is None:
            raise InputError("predict is missing: distances to oracles need it. Give it, or leave distances out.")
        return Answers(self.predict, self.shape, self.batch)(inputs)


def foreign_network(
    activations: ForeignActivations,
    shape: Shape,
    inputs: Integer[np.ndarray, "n T"],
    predict: Predict | None = None,
    batch: int = AT_ONCE,
) -> ForeignNetwork:
    """The network whose layers `activations` gives, with what each position sees, found on some of `inputs`.

    Raises:
        InputError: no mapping of names to arrays of `[n, positions, w]` or `[n, w]`, numbers that are not finite, or
            other numbers when asked again.
    """
    if not callable(activations):
        raise invalid("activations", activations, "it is no function", "Give a function of token arrays")
    some = np.asarray(inputs[:_TRIED], np.int64)
    before = _activations(activations, some, batch)
    names = list(before)
    again = _activations(activations, some, batch, names)
    for name, values in before.items():
        if not np.array_equal(values, again[name]):
            raise InputError(
                f"activations[{name!r}] differ between two calls on the same tokens. "
                "Turn off what is random, as model.eval() does."
            )
    sees = {name: np.zeros((values.shape[1], shape.length), bool) for name, values in before.items()}
    for place in range(shape.length):
        changed = some.copy()
        changed[:, place] = np.where(some[:, place] < shape.vocab, (some[:, place] + 1) % shape.vocab, 0)
        for name, values in _activations(activations, changed, batch, names).items():
            sees[name][:, place] = (values != before[name]).any(axis=(0, 2))
    return ForeignNetwork(shape, sees, activations, predict, batch)


def _activations(
    given: ForeignActivations, inputs: np.ndarray, batch: int, names: list[str] | None = None
) -> dict[str, np.ndarray]:
    """All layers on all inputs, `[n, positions, w]`, in calls of `batch` sentences; each call gives the same `names`.

    Raises:
        InputError: a call names other layers than the first one did, or what it gives is none.
    """
    inputs = np.asarray(inputs, np.int64)
    pieces: list[dict[str, np.ndarray]] = []
    for start in range(0, len(inputs), batch):
        layers = _one_call(given, inputs[start : start + batch])
        names = list(layers) if names is None else names
        if set(layers) != set(names):
            raise invalid(
                "activations", list(layers), f"at first it named {names}", "Give the same names in every call"
            )
        pieces.append(layers)
    return {name: np.concatenate([layers[name] for layers in pieces]) for name in names or ()}


def _one_call(given: ForeignActivations, inputs: np.ndarray) -> dict[str, np.ndarray]:
    by_name: Any = as_function(given)(inputs.copy())
    if not isinstance(by_name, Mapping) or not by_name:
        raise invalid("activations", by_name, "it must give arrays by name", 'For example {"block 1": values}')
    layers = {}
    for name, values in by_name.items():
        array = as_numbers(values, f"activations[{name!r}]").astype(np.float32)
        if array.ndim == 2:
            array = array[:, None]
        if array.ndim != 3 or len(array) != len(inputs):
            allowed = f"it must be ({len(inputs)}, positions, width) or ({len(inputs)}, width)"
            raise invalid(f"activations[{name!r}].shape", np.shape(values), allowed)
        if not np.isfinite(array).all():
            raise InputError(f"activations[{name!r}] has numbers that are not finite. Look at the network.")
        layers[str(name)] = array
    return layers
