"""The score of log-probabilities that were computed elsewhere, an array in memory or mapped from a file."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, Integer

from syntagma.checked_call import checked
from syntagma.errors import invalid
from syntagma.languages.splits import Split
from syntagma.learners.answers import AT_ONCE, as_numbers, checked_answers
from syntagma.scoring.score import scored
from syntagma.scoring.setting import Readers, Setting
from syntagma.scoring.values import Score
from syntagma.tasks import Task

_ROWS_AT_ONCE = 4096


@checked
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
    setting = Setting.checked(language, task, seed=seed, num_examples=num_examples, context=context)
    shape = setting.shape
    if isinstance(log_probabilities, list | tuple):
        log_probabilities = as_numbers(log_probabilities, field)
    number = len(log_probabilities) if np.ndim(log_probabilities) else 0
    if number < 2:
        raise invalid(f"{field}.shape", np.shape(log_probabilities), "it has a row for each of 2 sentences or more")

    def answers(inputs: Integer[np.ndarray, "n T"]) -> Float[np.ndarray, "n *answers"]:
        pieces = []
        for start in range(0, len(inputs), _ROWS_AT_ONCE):
            rows = as_numbers(log_probabilities[start : start + _ROWS_AT_ONCE], field)
            pieces.append(checked_answers(rows, shape, len(rows), without_first=True, field=field))
        return np.concatenate(pieces)

    return scored(setting, split, number, answers, setting.answers_of(readers, AT_ONCE), name)
