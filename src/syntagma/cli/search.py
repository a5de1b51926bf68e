"""A search for settings by Optuna, which is asked for a point and told its loss, again and again: the extra `optuna`.

    syntagma fit --learner cnn --sweep training.learning_rate=1e-4..1e-1 --sweep learner.width=16,32,64 --optuna 20

Of `FIRST..LAST` any number between them may be chosen, evenly in the logarithm, and a whole one where both are written
as whole numbers; of values with commas one of them. What is told is the mean validation loss over seeds; a point of
which a run diverged or failed is told as failed. The sampler (TPE) is seeded and points are tried one after the other,
so that the same command asks for the same points, and finds in the store those that are done.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from syntagma.cli import sweeps
from syntagma.errors import invalid

if TYPE_CHECKING:
    from syntagma.sweep.runs import Run


@dataclass(frozen=True)
class Range:
    """Numbers from `first` to `last`; whole ones only where it is `whole`."""

    first: float
    last: float
    whole: bool


Space = Mapping[str, Range | Sequence[Any]]
"""By the key of a setting the range or the values that it may have."""


def space(given: Sequence[str]) -> dict[str, Range | Sequence[Any]]:
    """What may be chosen of every key: `space(["training.learning_rate=1e-4..1e-1", "learner.width=16,32"])`.

    Raises:
        InputError: as `sweeps.swept`; a range from no number above 0 to a larger one; nothing to search.
    """
    if not given:
        raise invalid("optuna", "no --sweep", "there is nothing to search", "Add --sweep KEY=FIRST..LAST")
    ranges = {text: found for text in given if (found := _range(text)) is not None}
    chosen: dict[str, Range | Sequence[Any]] = {}
    for text in given:
        key = text.partition("=")[0].strip()
        if key in chosen:
            raise invalid("sweep", text, f"{key} is swept twice", "Give all its values at once")
        chosen[key] = ranges[text] if text in ranges else sweeps.swept([text])[key]
    return chosen


def first_values(space: Space) -> dict[str, Any]:
    """A point to look at before anything is run: the first value of each."""
    return {key: _number(one, one.first) if isinstance(one, Range) else one[0] for key, one in space.items()}


def check_installed(trials: int) -> None:
    """Whether Optuna is there.

    Raises:
        InputError: it is not installed.
    """
    if find_spec("optuna") is None:
        raise invalid("optuna", trials, "Optuna is not installed", "Install it with `pip install 'syntagma[optuna]'`")


class Search:
    """The points that Optuna asks for, one after the other.

    Args:
        fitted: what is the same of all points; the sampler's seed is that of its first run.
        space: what may be chosen.
        trials: how many points are asked for; one that is asked for twice counts twice.
    """

    def __init__(self, fitted: sweeps.Fitted, space: Space, trials: int) -> None:
        import optuna  # pyright: ignore[reportMissingImports]

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._failed = optuna.trial.TrialState.FAIL
        self._study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=fitted.sizes["seed"] % 2**32))
        self._fitted, self._space, self._left = fitted, space, trials
        self._asked: tuple[Any, sweeps.Point] | None = None
        self._points: dict[tuple[str, ...], sweeps.Point] = {}

    @property
    def points(self) -> list[sweeps.Point]:
        """Those that were asked for so far, in that order and each once."""
        return list(self._points.values())

    def missing(self, results_of: sweeps.ResultsOf, given_up: Collection[str]) -> list[Run]:
        """The runs of the point that Optuna asks for now; once they are done or given up, those of the next."""
        while True:
            if self._asked is not None:
                trial, point = self._asked
                results = results_of([run.id() for run in point.runs])
                if missing := [run for run in point.runs if run.id() not in results and run.id() not in given_up]:
                    return missing
                self._tell(trial, sweeps.validation_loss(point, results))
                self._asked = None
            if not self._left:
                return []
            self._left -= 1
            trial = self._study.ask()
            point = self._fitted.point({key: _suggested(trial, key, one) for key, one in self._space.items()})
            self._asked = trial, point
            self._points[tuple(run.id() for run in point.runs)] = point

    def _tell(self, trial: Any, loss: float) -> None:
        if math.isfinite(loss):
            self._study.tell(trial, loss)
        else:
            self._study.tell(trial, state=self._failed)


def _suggested(trial: Any, key: str, choice: Range | Sequence[Any]) -> Any:
    if not isinstance(choice, Range):
        return trial.suggest_categorical(key, list(choice))
    if choice.whole:
        return trial.suggest_int(key, int(choice.first), int(choice.last), log=True)
    return _number(choice, trial.suggest_float(key, choice.first, choice.last, log=True))


def _number(choice: Range, value: float) -> float:
    """`value` as a setting takes it."""
    return int(value) if choice.whole else float(f"{value:.6g}")


def _range(given: str) -> Range | None:
    """The range that a text means; None where it has other values."""
    match = re.fullmatch(rf"[^=]+=\s*({sweeps.NUMBER})\.\.({sweeps.NUMBER})\s*", given)
    if match is None:
        return None
    first, last = float(match[1]), float(match[2])
    if not 0 < first < last < math.inf:
        raise invalid("sweep", given, "a range goes from one number above 0 to a larger one")
    return Range(first, last, bool(re.fullmatch(r"\d+", match[1]) and re.fullmatch(r"\d+", match[2])))
