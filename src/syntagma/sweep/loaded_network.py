"""A stored network, loaded to be used: called with tokens, looked into layer by layer, written for PyTorch.

network = syntagma.load("results/mine", "3f2a")        # a run by its id, the start of it, or by name=value
logits = network(tokens)                                # [n, v]
network.activations(tokens)["layer 1"]                  # [n, positions, width]
network(tokens, {"layer 1": lambda values: 0 * values}) # without what layer 1 says
network.export("network.safetensors")                   # or "network.onnx"
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np
import safetensors.numpy
from jaxtyping import Float, Integer

from syntagma.atomic_file import atomic_file
from syntagma.errors import invalid, unknown
from syntagma.learners import Activations, Network
from syntagma.learners.networks.perceptron import PerceptronNetwork
from syntagma.sweep.onnx_file import write_onnx
from syntagma.sweep.runs import Run
from syntagma.sweep.store import Store
from syntagma.sweep.stored_network import find_run, load_network, step_of
from syntagma.sweep.weights import named_weights
from syntagma.tasks import Shape

if TYPE_CHECKING:
    import pandas as pd

Hooks = Mapping[str, np.ndarray | Callable[[np.ndarray], np.ndarray]]
"""By a layer's name what stands in the place of its values, or a function of them that gives it."""
_TOGETHER = 1024
"""Sentences that are computed at a time."""


@dataclass(frozen=True)
class LoadedNetwork:
    """A trained network and the run that it comes from. NumPy in, NumPy out.

    Attributes:
        network: the network itself, in JAX.
        run: what it was trained on and how.
        metrics: what the run reports.
        step: after how many steps of training.
    """

    network: Network
    run: Run
    metrics: Mapping[str, Any]
    step: int

    @property
    def shape(self) -> Shape:
        """Sizes of its input and output."""
        return self.network.shape

    def inputs(self, tokens: Integer[np.ndarray, "n T"]) -> Integer[np.ndarray, "n T"]:
        """What the network is to see of whole sentences: the token asked for is hidden by the mask symbol.

        Where the task hides nothing, as of the class at the root, the sentences themselves.

        Raises:
            InputError: no array of whole numbers, other sizes, or tokens that are none.
        """
        seen = self._checked(tokens).copy()
        match self.run.task.kind:
            case "last-token":
                seen[:, -1] = self.shape.vocab
            case "next-token":
                seen[:, 1:], seen[:, 0] = seen[:, :-1].copy(), self.shape.vocab
        return seen

    def __call__(
        self, tokens: Integer[np.ndarray, "n T"], hooks: Hooks | None = None
    ) -> Float[np.ndarray, "n *answers"]:
        """Logits `[n, outputs]`, or `[n, T, outputs]` where the task reads every position: of `inputs(tokens)`.

        A masked token is to be the mask symbol, whose number is `shape.vocab`.

        Args:
            tokens: whole sentences.
            hooks: what stands in the place of layers' values, see `activations`.
        """
        seen = self.inputs(tokens)
        if hooks:
            return np.asarray(self._observed(seen, hooks).logits)
        pieces = [jnp.asarray(seen[place : place + _TOGETHER]) for place in range(0, len(seen), _TOGETHER)]
        return np.concatenate([np.asarray(self.network(piece)) for piece in pieces])

    def log_probabilities(self, tokens: Integer[np.ndarray, "n T"]) -> Float[np.ndarray, "n *answers"]:
        """Logarithms of what the network gives each answer; of tasks whose answers are chosen, not real numbers."""
        if self.shape.loss != "cross-entropy":
            raise invalid("task", self.run.task.kind, "its answers are real numbers", "Call the network itself")
        logits = self(tokens).astype(np.float64)
        top = logits.max(-1, keepdims=True)
        return logits - top - np.log(np.exp(logits - top).sum(-1, keepdims=True))

    def activations(self, tokens: Integer[np.ndarray, "n T"], hooks: Hooks | None = None) -> dict[str, np.ndarray]:
        """Every layer's values `[n, positions, width]` by its name; its attention, if any, by `NAME weights`.

            clean = network.activations(tokens)["layer 1"]
            network(others, {"layer 1": clean})                       # patched: layer 1 as for `tokens`
            network(tokens, {"layer 1": lambda values: 0 * values})   # ablated

        Args:
            tokens: whole sentences.
            hooks: by a layer's name the values that stand in the place of its own for all that comes after, or a
                function of its own that gives them, NumPy in, NumPy out. States of a recurrent network are replaced
                where they are read, not in the recurrence.

        Raises:
            InputError: no such layer, values of another shape, or a network of one's own that takes no replacement.
        """
        layers = self._observed(self.inputs(tokens), hooks or {}).layers
        values = {layer.name: np.asarray(layer.values) for layer in layers}
        weights = {_of_attention(one.name): np.asarray(one.attention) for one in layers if one.attention is not None}
        return values | weights

    def state_dict(self) -> dict[str, np.ndarray]:
        """The weights by name, as `torch.nn.Module.load_state_dict` wants them once they are tensors.

        Of a perceptron, those of a `torch.nn.Sequential` of `Linear(bias=False)` and `ReLU` in turn, which computes the
        same from one-hot tokens `[n, T v]`. Of other networks, those that the network is made of, as they are: a module
        with parameters of these names takes them, and has to compute what `network` does.
        """
        return _state_dict(self.network)

    def export(self, path: str | Path) -> None:
        """Write `state_dict()` as safetensors, which `safetensors.torch.load_file` reads, or the network as ONNX.

        Which of the two is said by the ending, `.onnx` or any other. ONNX needs the extra `onnx`, see `onnx_file`.

        Raises:
            InputError: the file cannot be written; for ONNX, jax2onnx is not installed or cannot write this network.
        """
        if Path(path).suffix == ".onnx":
            write_onnx(self.network, path)
            return
        about = {"run": self.run.id(), "learner": self.run.learner.model_dump_json(), "step": str(self.step)}
        weights = {name: np.ascontiguousarray(weight) for name, weight in self.state_dict().items()}
        with atomic_file(path) as temporary:
            temporary.write_bytes(safetensors.numpy.save(weights, about))

    def table(self) -> pd.DataFrame:
        """One row for each weight."""
        import pandas as pd

        weights = named_weights(self.network)
        return pd.DataFrame(
            [{"weight": name, "shape": list(one.shape), "numbers": int(one.size)} for name, one in weights.items()]
        )

    def description(self) -> dict[str, Any]:
        """Run, step, metrics, and the shapes of all weights, as JSON values."""
        shapes = {name: list(weight.shape) for name, weight in named_weights(self.network).items()}
        return {"run": self.run.config(), "step": self.step, "metrics": dict(self.metrics), "weights": shapes}

    def _observed(self, seen: Integer[np.ndarray, "n T"], hooks: Hooks) -> Activations:
        if not hooks:
            return self.network.activations(jnp.asarray(seen))
        if "replace" not in inspect.signature(self.network.activations).parameters:
            reason = f"the activations of {self.run.learner.kind!r} take no `replace`"
            raise invalid("hooks", list(hooks), reason, "Give them it, as examples/gated_network.py does")
        names: list[str] = []

        def replace(name: str, values: Any) -> Any:
            names.append(name)
            hook = hooks.get(name)
            if hook is None:
                return values
            given = np.asarray(hook(np.asarray(values)) if callable(hook) else hook)
            if given.shape != values.shape or given.dtype.kind not in "fiu":
                wanted = f"layer {name!r} has numbers {list(values.shape)}"
                raise invalid(f"hooks[{name!r}]", f"{given.dtype} {list(given.shape)}", wanted, "Give such an array")
            return jnp.asarray(given, values.dtype)

        observed = self.network.activations(jnp.asarray(seen), replace)
        for name in hooks:
            if name not in names:
                raise unknown("hooks", name, names)
        return observed

    def _checked(self, tokens: Any) -> np.ndarray:
        array = np.asarray(tokens)
        if array.ndim != 2 or array.shape[1] != self.shape.length or not len(array):
            allowed = f"they must be [n, {self.shape.length}], n at least 1"
            raise invalid("tokens", f"an array {list(array.shape)}", allowed, "Give whole sentences of the language")
        if array.dtype.kind not in "iu":
            raise invalid("tokens", f"an array of {array.dtype}", "tokens are whole numbers", "Give integers")
        if array.min() < 0 or array.max() > self.shape.vocab:
            wrong = array[(array < 0) | (array > self.shape.vocab)][0]
            allowed = f"tokens are 0 to {self.shape.vocab - 1}, and {self.shape.vocab} is the mask symbol"
            raise invalid("tokens", int(wrong), allowed)
        return array.astype(np.int32)


def load(directory: str | Path, *run: str, step: int | None = None) -> LoadedNetwork:
    """The network that a stored run kept: `load("results/mine", "3f2a")`, `load("results/mine", "kind=cnn", "seed=0")`.

    Args:
        run: its id, the start of it, or `name=value`s that tell it apart; none where one run alone kept a network.
        step: which of the networks that it kept; by default that of the smallest validation loss.

    Raises:
        InputError: no results are there; no run, or several, are meant; none was kept at that step.
    """
    with Store.open(directory, read_only=True) as store:
        found, metrics = find_run(store, run)
        after = step_of(metrics, step)
        return LoadedNetwork(load_network(store, found, after), found, metrics, after)


def _of_attention(name: str) -> str:
    return f"{name.removesuffix(' attention')} attention weights"


@functools.singledispatch
def _state_dict(network: Network) -> dict[str, np.ndarray]:
    return {name: np.asarray(weight) for name, weight in named_weights(network).items()}


@_state_dict.register
def _(network: PerceptronNetwork) -> dict[str, np.ndarray]:
    if network.equalities is not None:
        return {name: np.asarray(weight) for name, weight in named_weights(network).items()}
    length, vocab, width = network.first.shape
    first = np.asarray(network.first).reshape(length * vocab, width) * (length * vocab) ** -0.5
    matrices = [first, *(np.asarray(one) * width**-0.5 for one in network.hidden), np.asarray(network.readout) / width]
    return {f"{2 * place}.weight": matrix.T.astype(np.float32) for place, matrix in enumerate(matrices)}
