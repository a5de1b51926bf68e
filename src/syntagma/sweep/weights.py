"""Weights of networks along training, in safetensors files: names, shapes and numbers, nothing that is executed.

A results directory keeps those of a run in `weights/<run id>/<step>.safetensors`. Each weight is named by its place in
the network, as in `blocks.0.mlp_in`, so a file can be read by any program. What the network is, its learner and the
shape of its task, is in the run's configuration, and a file that does not fit them is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import safetensors
import safetensors.numpy

from syntagma.errors import InputError, whole_number
from syntagma.learners import Fit, Learner, Network, NetworkLearner
from syntagma.learners.engine import Watch
from syntagma.randomness import key
from syntagma.sweep.atomic_file import atomic_file
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
    weights = {name: np.asarray(weight) for name, weight in _named(network).items()}
    with atomic_file(path) as temporary:
        temporary.write_bytes(safetensors.numpy.save(weights))


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
    try:
        found = safetensors.numpy.load(Path(path).read_bytes())
    except OSError as error:
        raise InputError(f"{path} cannot be read: {(error.strerror or str(error)).lower()}.") from error
    except safetensors.SafetensorError as error:
        raise InputError(f"{path} cannot be read: it is no whole safetensors file ({error}). Save it again.") from error
    places = _named(expected)
    for name in sorted({*places, *found}):
        ours, theirs = (_form(weights.get(name)) for weights in (places, found))
        if ours != theirs:
            mend = "Give the learner and the task of the run that saved it."
            raise InputError(f"{path} does not fit {learner!r}: {name} is {theirs}, not {ours}. {mend}")
    leaves = [jnp.asarray(found[name]) for name in places]
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


def _named(network: Any) -> dict[str, Any]:
    """Its weights in order, each by its place."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(network)
    return {jax.tree_util.keystr(path, simple=True, separator="."): leaf for path, leaf in leaves}


def _form(weight: Any) -> str:
    return "missing" if weight is None else f"{weight.dtype}{list(weight.shape)}"
