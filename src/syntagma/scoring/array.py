"""The score of log-probabilities that were computed elsewhere, an array in memory or mapped from a file."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, Integer

from syntagma.errors import invalid, whole_number
from syntagma.languages.settings import language_of
from syntagma.languages.splits import Split
from syntagma.learners.answers import AT_ONCE, as_numbers, checked_answers
from syntagma.scoring.score import Readers, Setting, checked_context, reader_of, scored
from syntagma.scoring.values import Score
from syntagma.tasks import Task

_ROWS_AT_ONCE = 4096


def score_array(
    language: Any,
    task: Task,
    log_probabilities: Any,
    *,
    split: Split = "test",
    context: int | None = None,
    num_examples: int | None = None,
    seed: int = 0,
    readers: Readers | None = None,
    name: str = "",
    field: str = "log_probabilities",
) -> Score:
    """As `score`, of an array whose row i is the answer to sentence i of `language.splits(..., seed=seed)[split]`.

        score_array(language, NextToken(), np.load("log_probabilities.npy", mmap_mode="r")).excess

    Args:
        log_probabilities: `[n, v]`, or `[n, T, v]` (or `[n, T - 1, v]`, without the first position) where the task
            reads every position; read in pieces.
        field: what messages call it.

    Raises:
        InputError: as `score`; fewer than 2 rows.
    """
    source = language_of(language)
    if not isinstance(task, Task):
        raise invalid("task", task, "it is no task", "Give one, as LastToken()")
    shape, setting = task.shape(source), Setting(source, task, whole_number("seed", seed, minimum=0))
    size = None if num_examples is None else whole_number("num_examples", num_examples)
    number = len(log_probabilities) if np.ndim(log_probabilities) else 0
    if number < 2:
        raise invalid(f"{field}.shape", np.shape(log_probabilities), "it has a row for each of 2 sentences or more")

    def answers(inputs: Integer[np.ndarray, "n T"]) -> Float[np.ndarray, "n *answers"]:
        pieces = []
        for start in range(0, len(inputs), _ROWS_AT_ONCE):
            rows = as_numbers(log_probabilities[start : start + _ROWS_AT_ONCE], field)
            pieces.append(checked_answers(rows, shape, len(rows), without_first=True, field=field))
        return np.concatenate(pieces)

    if context is not None:
        context = checked_context(context, source, task)
    others = {other: reader_of(other, one, setting, shape, size, AT_ONCE) for other, one in (readers or {}).items()}
    sample, examples = setting.drawn(split, number)
    return scored(source, task, sample, examples, answers, context, others, (name, setting.seed, size))
