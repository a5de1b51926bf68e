"""A training in the middle, as named arrays and JSON values: enough to go on later with the same bits.

It is kept between two calls of the compiled program, with the state of the optimiser, the evaluations so far, and the
sum of train losses since the last of them. Which examples come next follows from the number of steps done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import jax
import numpy as np

from syntagma.learners.course import Course


@dataclass
class Interruption:
    """Where a training was when it was kept.

    Attributes:
        arrays: by name, all that is large.
        values: JSON values: `done` (steps), `evaluated` (the step of the last evaluation), `seconds` and
            `seconds_evaluating` so far, and `courses`.
    """

    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)


@runtime_checkable
class Keeper(Protocol):
    """Keeps interruptions of one training: a file, say."""

    def due(self) -> bool:
        """Whether it is time to keep one; asked after every call of the compiled program."""
        ...

    def write(self, interruption: Interruption) -> None:
        """Keep this one, in the place of the one before."""
        ...

    def read(self) -> Interruption | None:
        """The last one that was kept, if there is one that can be used."""
        ...


def interruption_of(
    state: Any, total: Any, courses: Sequence[Course], done: int, evaluated: int, seconds: tuple[float, float]
) -> Interruption:
    """A training after `done` steps.

    Args:
        state: any tree of arrays.
        total: of the train losses since the last evaluation, for each seed.
    """
    arrays = {f"state.{place}": np.asarray(leaf) for place, leaf in enumerate(jax.tree.leaves(state))}
    arrays["total"] = np.asarray(total)
    values: dict[str, Any] = {"done": done, "evaluated": evaluated, "courses": []}
    values |= {"seconds": seconds[0], "seconds_evaluating": seconds[1]}
    for place, course in enumerate(courses):
        theirs, said = course.packed()
        arrays |= {f"course.{place}.{name}": array for name, array in theirs.items()}
        values["courses"].append(said)
    return Interruption(arrays, values)


def state_of(interruption: Interruption, like: Any) -> Any | None:
    """The state in an interruption; None where it has another form than `like`, so that it is of another training."""
    leaves, tree = jax.tree.flatten(like)
    kept = [interruption.arrays.get(f"state.{place}") for place in range(len(leaves))]
    for leaf, array in zip(leaves, kept, strict=True):
        if array is None or (array.shape, array.dtype) != (leaf.shape, leaf.dtype):
            return None
    return tree.unflatten(kept)


def resume_courses(interruption: Interruption, courses: Sequence[Course], place: Any) -> None:
    """Bring courses to where they were; `place` puts weights where the program wants them."""
    for number, (course, said) in enumerate(zip(courses, interruption.values["courses"], strict=True)):
        start = f"course.{number}."
        arrays: Mapping[str, np.ndarray] = {
            name.removeprefix(start): array for name, array in interruption.arrays.items() if name.startswith(start)
        }
        course.unpack(arrays, said, place)
