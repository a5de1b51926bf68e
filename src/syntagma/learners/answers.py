"""What a model from outside answers, checked: log-probabilities of any library, as NumPy's float64.

A model is a function of inputs, whole numbers `[B, T]` of int64 in which `vocab` stands for a hidden token (and, where
every position is read, for what comes before the first); a `torch.nn.Module` gets a tensor of them. It returns natural
logarithms of probabilities, `[B, v]` or `[B, T, v]`: an array of NumPy or JAX, a tensor of PyTorch on whatever device,
with or without gradients, or nested lists. Where the loss is squared it returns numbers `[B]`. No library is imported
for that.

Probabilities of a row must sum to 1 within 4 percent, which the rounding of 16-bit floats needs (logarithms between -8
and -16 by up to 1/32 in bfloat16); they are then divided by their sum, so that no loss is too low because of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Integer

from syntagma.errors import InputError, invalid, whole_number
from syntagma.learners.torch_module import as_function
from syntagma.tasks import Shape

Predict = Callable[[Integer[np.ndarray, "B T"]], Any]
"""Inputs to log-probabilities (or numbers, for squared losses), of any library."""

AT_ONCE = 256
"""Sentences that a model gets in one call."""
_ROUNDING = 0.04


@runtime_checkable
class Tensor(Protocol):
    """What PyTorch's tensors have, and `np.asarray` needs done: no gradient, on this machine, of a NumPy type."""

    def detach(self) -> Any: ...
    def cpu(self) -> Any: ...


def as_numbers(given: Any, field: str) -> Float[np.ndarray, "*shape"]:
    """`given` as float64, whatever library it is of: `as_numbers(torch.zeros(3, requires_grad=True), "predict")`.

    Raises:
        InputError: it is no array of numbers.
    """
    try:
        plain = given.detach().cpu().double() if isinstance(given, Tensor) else given
        array = np.asarray(plain)
        if array.dtype.kind in "OSUMmc":
            raise TypeError
        return array.astype(np.float64)
    except (TypeError, ValueError):
        kind = type(given).__name__
        raise InputError(f"{field} gives what is no array of numbers, but of type {kind}. Return one array.") from None


@dataclass(frozen=True)
class Answers:
    """A model from outside as a function of inputs: `Answers(predict, shape)(inputs)` is float64 `[n, *answers]`.

    Attributes:
        predict: the model.
        shape: of the task.
        batch: sentences that it gets in one call; the last call has those that are left.
        without_first: whether a model that reads every position may leave out the first, before which there is nothing:
            its answers are then `[n, T - 1, v]`.
        field: what messages call the model.
    """

    predict: Predict
    shape: Shape
    batch: int = AT_ONCE
    without_first: bool = False
    field: str = "predict"

    def __post_init__(self) -> None:
        if not callable(self.predict):
            reason = f"it is of type {type(self.predict).__name__}, not a function"
            raise invalid(self.field, self.predict, reason, "Give a function of token arrays")
        whole_number("batch", self.batch)

    def __call__(self, inputs: Integer[np.ndarray, "n T"]) -> Float[np.ndarray, "n *answers"]:
        """The checked answers to all of `inputs`.

        Raises:
            InputError: wrong shapes or types, NaN, or rows that are no log-probabilities.
        """
        starts = range(0, len(inputs), self.batch)
        return np.concatenate([self._checked(np.asarray(inputs[i : i + self.batch], np.int64)) for i in starts])

    def _checked(self, inputs: Integer[np.ndarray, "B T"]) -> Float[np.ndarray, "B *answers"]:
        found = as_numbers(as_function(self.predict)(inputs.copy()), self.field)  # a copy, since it may write into it
        return checked_answers(found, self.shape, len(inputs), without_first=self.without_first, field=self.field)


def checked_answers(
    answers: Float[np.ndarray, "B *answers"], shape: Shape, number: int, *, without_first: bool, field: str
) -> Float[np.ndarray, "B *answers"]:
    """`answers` of `number` sentences, with probabilities that sum to 1 exactly.

    Raises:
        InputError: see `Answers`.
    """
    wanted = _shapes(shape, number, without_first)
    if shape.loss == "squared" and answers.shape == (number, 1):
        answers = answers[:, 0]
    if answers.shape not in wanted:
        raise invalid(f"{field}.shape", answers.shape, f"it must be {' or '.join(map(str, wanted))}", _mend(shape))
    if shape.loss == "squared":
        if not np.isfinite(answers).all():
            raise InputError(f"{field} gives numbers that are not finite. Give finite ones.")
        return answers
    if np.isnan(answers).any() or np.isposinf(answers).any():
        row = int(np.argmax((np.isnan(answers) | np.isposinf(answers)).reshape(number, -1).any(1)))
        raise InputError(f"{field} gives NaN or infinity for sentence {row}. Give natural logarithms of probabilities.")
    return _normalised(answers, field)


def refuse_infinite(losses: Float[np.ndarray, "n *answers"], who: str) -> None:
    """Refuse a loss that no probability above 0 gives.

    Raises:
        InputError: some loss is infinite; `who` is what the message calls the model.
    """
    if np.isposinf(losses).any():
        row = int(np.argwhere(np.isposinf(losses))[0][0])
        raise InputError(
            f"{who} gives probability 0 to the answer of sentence {row}, so that its loss is infinite. "
            "Give every answer that can occur a probability above 0."
        )


def _shapes(shape: Shape, number: int, without_first: bool) -> list[tuple[int, ...]]:
    if shape.loss == "squared":
        return [(number,)]
    if shape.reads == "once":
        return [(number, shape.outputs)]
    shorter = [(number, shape.length - 1, shape.outputs)] if without_first and shape.length > 1 else []
    return [(number, shape.length, shape.outputs), *shorter]


def _mend(shape: Shape) -> str:
    if shape.loss == "squared":
        return "Give one number a sentence"
    each = "a sentence" if shape.reads == "once" else "a position"
    return f"Give {shape.outputs} log-probabilities {each}, none for the symbol of hidden tokens"


def _normalised(answers: Float[np.ndarray, "B *answers"], field: str) -> Float[np.ndarray, "B *answers"]:
    highest = answers.max(axis=-1, keepdims=True)
    if np.isneginf(highest).any():
        raise InputError(f"{field} gives probability 0 to every answer. Give natural logarithms of probabilities.")
    total = highest + np.log(np.exp(answers - highest).sum(axis=-1, keepdims=True))
    wrong = np.abs(total) > _ROUNDING
    if wrong.any():
        place = tuple(int(i) for i in np.argwhere(wrong)[0][:-1])
        row = answers[place]
        are = "probabilities" if (row >= 0).all() and abs(row.sum() - 1) <= _ROUNDING else "logits, it seems"
        mend = "their natural logarithms" if are == "probabilities" else "log_softmax of them"
        sums = float(np.exp(np.minimum(total[place], 700.0))[0])
        raise InputError(
            f"{field} gives no log-probabilities but {are}: at {list(place)} their exponentials sum to {sums:.4g}, "
            f"not to 1. Give {mend}."
        )
    return answers - total
