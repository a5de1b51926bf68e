"""What a task hands to a learner: examples, and the sizes by which the learner is built.

A hidden token is replaced by the mask symbol, whose index is `vocab`; learners on one-hot inputs see it as the vector
with all entries v^(-1/2) (convention of arXiv 2505.07070).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Integer, Num

from syntagma.errors import unknown, whole_number


@dataclass(frozen=True)
class Examples:
    """Inputs, tokens or the mask symbol, and targets: `[n]`, one answer a sentence, or `[n, T]`, one at each position.

    Integer targets are answers to choose from; float64 targets, always `[n]`, are numbers to come close to.
    """

    inputs: Integer[np.ndarray, "n T"]
    targets: Num[np.ndarray, "n *positions"]

    def __len__(self) -> int:
        return len(self.inputs)


@dataclass(frozen=True)
class Shape:
    """What a learner must know to be built: its input's and its output's sizes.

    Attributes:
        vocab: number of tokens; the mask symbol is one more.
        length: number of input positions T.
        outputs: number of answers to choose from; 1 for real targets.
        reads: "once", one answer a sentence, or "every", one at each position from the tokens up to it.
        branching: tuple size s of the language's tree, 1 where it has none.
        loss: "cross-entropy" in nats of integer targets, or "squared", the mean squared error of real targets.
    """

    vocab: int
    length: int
    outputs: int
    reads: Literal["once", "every"] = "once"
    branching: int = 1
    loss: Literal["cross-entropy", "squared"] = "cross-entropy"

    def __post_init__(self) -> None:
        for name in ("vocab", "length", "outputs", "branching"):
            whole_number(name, getattr(self, name))
        for name, choices in (("reads", ("once", "every")), ("loss", ("cross-entropy", "squared"))):
            if getattr(self, name) not in choices:
                raise unknown(name, str(getattr(self, name)), choices)
