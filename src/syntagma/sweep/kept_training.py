"""Trainings in the middle, kept every few minutes in the results directory, so that an interruption costs no more.

`training/<run id>.safetensors` holds names, shapes and numbers, nothing that is executed, and is there whole or not at
all. It is used if it is of the same runs and was written where numbers come out the same (versions, device, settings),
and its checksum fits; else the training begins anew. It is removed once the run's result is stored.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy

from syntagma.atomic_file import atomic_file
from syntagma.errors import invalid
from syntagma.learners.interruption import Interruption
from syntagma.sweep.environment import differences, environment
from syntagma.sweep.training_file import training_file

EVERY_SECONDS = 180.0
"""How much of a training may be lost."""


class KeptTraining:
    """Keeps the training of runs that are one program, as `Engine.fit` asks.

    Args:
        results: the results directory.
        run_ids: of the runs that are trained together; the first gives the file its name.
        every: seconds between one time and the next.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        results: str | Path,
        run_ids: Sequence[str],
        every: float = EVERY_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.path = training_file(results, run_ids[0])
        self._run_ids, self._every, self._clock = list(run_ids), every, clock
        self._last = clock()

    def due(self) -> bool:
        """Whether it is time to keep the training."""
        return self._clock() - self._last >= self._every

    def write(self, interruption: Interruption) -> None:
        """Keep the training, in the place of what was kept of it before.

        Raises:
            InputError: it cannot be written.
        """
        said = {"runs": self._run_ids, "environment": environment(), "values": interruption.values}
        text = json.dumps(said)
        arrays = {name: np.asarray(array, order="C") for name, array in interruption.arrays.items()}
        try:
            self.path.parent.mkdir(exist_ok=True)
        except OSError as error:
            reason = f"it cannot be made, {(error.strerror or str(error)).lower()}"
            raise invalid("results", str(self.path.parent), reason, "Choose another directory") from error
        with atomic_file(self.path) as temporary:
            checksum = _checksum(text, safetensors.numpy.save(arrays))
            temporary.write_bytes(safetensors.numpy.save(arrays, {"said": text, "sha256": checksum}))
        self._last = self._clock()

    def read(self) -> Interruption | None:
        """What was kept of the training; None where nothing was, or nothing that goes on with the same bits."""
        try:
            with safetensors.safe_open(self.path, "numpy") as file:
                metadata = file.metadata() or {}
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no mapping)
            said = json.loads(metadata["said"])
            ours = said["runs"] == self._run_ids and not differences([said["environment"], environment()])
            if not ours or metadata["sha256"] != _checksum(metadata["said"], safetensors.numpy.save(arrays)):
                return None
            return Interruption(arrays, said["values"])
        except (OSError, safetensors.SafetensorError, ValueError, KeyError, TypeError, AttributeError):
            return None


def _checksum(text: str, content: bytes) -> str:
    total = hashlib.sha256(text.encode())
    total.update(content)
    return total.hexdigest()
