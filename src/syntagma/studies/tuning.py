"""Training chosen on validation: a small grid that is declared, and the same for all networks that are compared.

A study that compares networks should not compare how well each of them happened to be set up. `Tuning` beside a learner
names a few values of what is usually tuned; every combination is trained at one size of a curve, and the combination of
smallest validation loss, on average over some grammars, is what the whole curve is then trained with. Trials are runs
like all others: they are stored, resumed and exported; test sentences have no say in the choice.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

from pydantic import Field, model_validator

from syntagma.checked_model import CheckedModel
from syntagma.errors import invalid
from syntagma.languages.settings import HierarchySettings
from syntagma.studies import grammar
from syntagma.studies.recipes import Contender
from syntagma.studies.study import Cell, Results
from syntagma.tasks import AnyTask


class Tuning(CheckedModel):
    """The values tried of each setting; a setting without values stays as the contender has it.

    Attributes:
        learning_rates: of the training.
        weight_decays: of the training.
        warmup_steps: of the training.
        widths: of the network.
        num_examples: the size at which they are tried; the middle one of the curve if unset.
        seeds: grammars on which they are tried: the first so many of the study's seeds.
    """

    learning_rates: tuple[float, ...] = ()
    weight_decays: tuple[float, ...] = ()
    warmup_steps: tuple[int, ...] = ()
    widths: tuple[int, ...] = ()
    num_examples: int | None = Field(default=None, ge=1)
    seeds: int = Field(default=2, ge=1)

    def trials(self, contender: Contender) -> list[Contender]:
        """The contender at every combination of values, in the order given.

        Raises:
            InputError: the learner is not trained, or has no width to choose.
            ValidationError: a value that a setting cannot have.
        """
        learner, training = contender.learner, contender.training
        if training is None:
            raise invalid("tuning", learner.kind, "only what is trained can be tuned", "Leave it out")
        if self.widths and "width" not in type(learner).model_fields:
            raise invalid("tuning.widths", list(self.widths), f"{learner.kind!r} has no width", "Leave it out")
        names = ("learning_rate", "weight_decay", "warmup_steps", "width")
        values = (self.learning_rates, self.weight_decays, self.warmup_steps, self.widths)
        tried = {name: one for name, one in zip(names, values, strict=True) if one}
        out = []
        for combination in itertools.product(*tried.values()):
            changes = dict(zip(tried, combination, strict=True))
            wide = {name: changes.pop(name) for name in ("width",) if name in changes}
            out.append(
                Contender(
                    learner=type(learner).model_validate(learner.model_dump() | wide),
                    training=type(training).model_validate(training.model_dump() | changes),
                    max_examples=contender.max_examples,
                )
            )
        return list(dict.fromkeys(out))


class Tuned(Contender):
    """A contender whose training may be chosen on validation.

    Attributes:
        tuning: the grid it is chosen from; if unset, the training is as given.
    """

    tuning: Tuning | None = Field(default=None, exclude_if=lambda tuning: tuning is None)

    @model_validator(mode="after")
    def _can_be_tuned(self) -> Self:
        if self.tuning is not None:
            self.tuning.trials(self)
        return self


def trial_cells(
    tuned: Tuned,
    names: Mapping[str, Any],
    languages: Sequence[HierarchySettings],
    task: AnyTask,
    sizes: Sequence[int],
    test_examples: int,
) -> Iterator[Cell]:
    """The trials for one curve on `languages` at `sizes`: none where nothing is tuned.

    Each has the names of the curve and `trial`, the values tried.
    """
    for trial, at in _trials(tuned, sizes):
        told = {**names, "trial": describe(trial)}
        yield from grammar.cells_of(told, languages[: at.seeds], task, trial, [_size(at, sizes)], test_examples)


def chosen(
    tuned: Tuned, languages: Sequence[HierarchySettings], task: AnyTask, sizes: Sequence[int], test_examples: int,
    results: Results,
) -> tuple[Contender, float] | None:  # fmt: skip
    """What the curve is trained with, and the mean validation loss of its trials in nats; None until all are finished.

    Nothing is tuned: the contender itself, and NaN. A trial that diverged has no loss and is not chosen.
    """
    found: list[tuple[float, Contender]] = []
    for trial, at in _trials(tuned, sizes):
        cells = grammar.cells_of({}, languages[: at.seeds], task, trial, [_size(at, sizes)], test_examples)
        trials = [results.get(cell.run) for cell in cells]
        done = [metrics for metrics in trials if metrics is not None]
        if len(done) < len(trials):
            return None
        losses = [math.nan if (loss := metrics["validation_loss"]) is None else float(loss) for metrics in done]
        mean = sum(losses) / len(losses)
        found.append((mean if math.isfinite(mean) else math.inf, trial))
    if not found:
        return tuned, math.nan
    loss, best = min(found, key=lambda one: one[0])
    return best, loss


def describe(contender: Contender) -> str:
    """What was chosen, as `rate 0.03, decay 0, warm-up 20, width 64`."""
    training = contender.training
    told = []
    if training is not None:
        told += [f"rate {training.learning_rate:g}", f"decay {training.weight_decay:g}"]
        told += [f"warm-up {training.warmup_steps}"]
    sizes = contender.learner.model_dump()
    return ", ".join([*told, *([f"width {sizes['width']}"] if "width" in sizes else [])])


def _trials(tuned: Tuned, sizes: Sequence[int]) -> Iterator[tuple[Contender, Tuning]]:
    if tuned.tuning is not None and sizes:
        for trial in tuned.tuning.trials(tuned):
            yield trial, tuned.tuning


def _size(tuning: Tuning, sizes: Sequence[int]) -> int:
    return tuning.num_examples or sizes[len(sizes) // 2]
