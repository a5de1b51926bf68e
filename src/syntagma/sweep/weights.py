"""Weights of networks along training, in safetensors files: names, shapes and numbers, nothing that is executed.

A results directory keeps those of a run in `weights/<run id>/<step>.safetensors`. Each weight is named by its place in
the network, as in `blocks.0.mlp_in`, so a file can be read by any program. What the network is, its learner and the
shape of its task, is in the run's configuration, and a file that does not fit them is refused; so is one whose weights
are not those of the checksum in its metadata. Files of before, or of other programs, have none.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import safetensors
import safetensors.numpy

from syntagma.atomic_file import atomic_file
from syntagma.checked_call import checked
from syntagma.errors import InputError, whole_number
from syntagma.learners import Fit, Learner, Network, NetworkLearner
from syntagma.learners.engine import Watch
from syntagma.randomness import key
from syntagma.tasks import Shape


def save(path: str | Path, network: Network) -> None:
    """Write the network's weights to `path`, whole or not at all; missing directories are made.

    Raises:
        InputError: `path` cannot be written.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}. Choose another directory.") from error
    weights = {name: np.asarray(weight) for name, weight in named_weights(network).items()}
    with atomic_file(path) as temporary:
        checksum = _checksum(dict(safetensors.deserialize(safetensors.numpy.save(weights))))
        temporary.write_bytes(safetensors.numpy.save(weights, {_CHECKSUM: checksum}))


@checked
def load(path: str | Path, learner: Learner, shape: Shape) -> Network:
    """The network whose weights `save` wrote to `path`.

    Args:
        path: a safetensors file.
        learner: what the network was built by.
        shape: of the task it was built for.

    Raises:
        InputError: the file is missing or damaged, its weights are not those of such a network (the message names the
            first that differs), or the learner is none.
    """
    if not isinstance(learner, NetworkLearner):
        raise InputError(f"learner={learner.kind!r} has no weights that are kept: it is no network.")  # pyright: ignore
    expected = eqx.filter_eval_shape(learner.network, key(0), shape)
    places = named_weights(expected)
    content = _content(Path(path), sum(place.size * place.dtype.itemsize for place in places.values()))
    try:
        stored = dict(safetensors.deserialize(content))
    except safetensors.SafetensorError as error:
        raise InputError(f"{path} cannot be read: it is no whole safetensors file ({error}). Save it again.") from error
    for name in sorted({*places, *stored}):
        ours, theirs = _form(places.get(name)), _stored_form(stored.get(name))
        if ours != theirs:
            mend = "Give the learner and the task of the run that saved it."
            raise InputError(f"{path} does not fit {learner!r}: {ascii(name)[1:-1]} is {theirs}, not {ours}. {mend}")
    if _checksum_said(content) not in (None, _checksum(stored)):
        raise InputError(f"{path} is damaged: its weights are not those of its checksum. Restore a copy of it.")
    leaves = [
        jnp.asarray(np.frombuffer(stored[name]["data"], place.dtype).reshape(place.shape))
        for name, place in places.items()
    ]
    return jax.tree.unflatten(jax.tree.structure(expected), leaves)


def checkpoint_path(results: str | Path, run_id: str, step: int) -> Path:
    """Where the results directory `results` keeps a run's weights after `step` steps of training.

    Raises:
        InputError: `step` is no whole number.
    """
    return Path(results) / "weights" / run_id / f"{whole_number('step', step, minimum=0)}.safetensors"


def checkpoints(results: str | Path, run_id: str) -> dict[int, Path]:
    """The files of a run's weights by their step, ascending; empty where none was kept."""
    files = (Path(results) / "weights" / run_id).glob("*.safetensors")
    return dict(sorted((int(file.stem), file) for file in files if file.stem.isdecimal()))


class Checkpoints:
    """Keeps networks of runs that are trained together: at some evaluations as they happen, and in the end the best.

    Files of a training that was interrupted are written again by the next, with the same bits.

    Args:
        results: the results directory.
        run_ids: of the runs, in the order of their seeds.
        number: how many networks to keep of each, the best one among them.
    """

    def __init__(self, results: str | Path, run_ids: Sequence[str], number: int) -> None:
        self._results, self._run_ids, self._number = results, run_ids, number

    def watch(self, evaluations: Iterable[int]) -> Watch:
        """What the engine is to call, where it may evaluate after the steps `evaluations`."""
        steps = list(evaluations)
        places = np.linspace(0, len(steps) - 1, min(self._number - 1, len(steps))).round().astype(int)
        kept = {steps[place] for place in places}

        def keep(seed_index: int, step: int, make_network: Callable[[], Network]) -> None:
            if step in kept:
                self._save(seed_index, step, make_network())

        return keep

    def best(self, fits: Sequence[Fit]) -> None:
        """Save the networks of smallest validation loss, which the results speak of."""
        for place, found in enumerate(fits):
            assert isinstance(found.predictor, Network)
            self._save(place, found.metrics["best_step"], found.predictor)

    def _save(self, place: int, step: int, network: Network) -> None:
        save(checkpoint_path(self._results, self._run_ids[place], step), network)


def named_weights(network: Any) -> dict[str, Any]:
    """A network's weights in order, each by its place, as `hidden.0`."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(network)
    return {jax.tree_util.keystr(path, simple=True, separator="."): leaf for path, leaf in leaves}


def _form(weight: Any) -> str:
    return "missing" if weight is None else f"{weight.dtype}{list(weight.shape)}"


def _stored_form(weight: Mapping[str, Any] | None) -> str:
    if weight is None:
        return "missing"
    return f"{_TYPES.get(weight['dtype'], weight['dtype'])}{list(weight['shape'])}"


def _content(path: Path, size: int) -> bytes:
    """What is in a file of weights of `size` bytes; one that is far larger, or no file, is not read."""
    try:
        if path.exists() and not path.is_file():
            raise InputError(f"{path} cannot be read: it is no file. Give a file of weights.")
        if path.stat().st_size > size + _MOST_BESIDES:
            raise InputError(f"{path} cannot be read: it is larger than the weights of such a network. Give another.")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{path} cannot be read: {reason.lower()}.") from error


def _checksum(stored: Mapping[str, Mapping[str, Any]]) -> str:
    """SHA-256 of all weights with their names, types and shapes."""
    total = hashlib.sha256()
    for name, weight in sorted(stored.items()):
        form = json.dumps([name, weight["dtype"], list(weight["shape"]), len(weight["data"])])
        total.update(form.encode() + b"\n" + weight["data"])
    return total.hexdigest()


def _checksum_said(content: bytes) -> object:
    """What the metadata of a safetensors file, which was read already, says; None where it says nothing."""
    length = int.from_bytes(content[:8], "little")
    return (json.loads(content[8 : 8 + length]).get("__metadata__") or {}).get(_CHECKSUM)


_CHECKSUM = "sha256"
_MOST_BESIDES = 2**20
"""Bytes of a file of weights besides the weights: their names and places."""
_TYPES = {
    "BOOL": "bool",
    "I8": "int8",
    "I16": "int16",
    "I32": "int32",
    "I64": "int64",
    "U8": "uint8",
    "U16": "uint16",
    "U32": "uint32",
    "U64": "uint64",
    "F16": "float16",
    "F32": "float32",
    "F64": "float64",
    "BF16": "bfloat16",
}
