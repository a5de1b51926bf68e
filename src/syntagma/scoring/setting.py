"""What a model is asked, on which sentences, and whom it is compared with: checked once, for all who score.

setting = Setting.checked(language, LastToken(), seed=0, num_examples=1024, context=None)
sample, examples = setting.drawn("test", 4096)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from syntagma.errors import invalid, whole_number
from syntagma.languages.language import Language, Sample, Source
from syntagma.languages.settings import language_of
from syntagma.languages.splits import Split, stream_of
from syntagma.learners import Clusterer, Counter, ForeignLearner, Learner, fit
from syntagma.learners.answers import Answers, Predict
from syntagma.oracles.oracle import Oracle, needed_oracle
from syntagma.tasks import Examples, LastToken, NextToken, Shape, Task

Readers = Mapping[str, Predict | Learner]


@dataclass(frozen=True)
class Setting:
    """Where a model's sentences come from, and what is asked of them; `checked` makes one.

    Attributes:
        source: the language.
        task: what is asked.
        seed: whose sentences: those of a run with this seed.
        num_examples: sentences that the model was trained on, where that is known.
        context: number of previous tokens that the model sees, where not all.
    """

    source: Source
    task: Task
    seed: int = 0
    num_examples: int | None = None
    context: int | None = None

    @classmethod
    def checked(
        cls, language: Any, task: Task, *, seed: int = 0, num_examples: int | None = None, context: int | None = None
    ) -> Setting:
        """The setting of what a person gives.

        Raises:
            InputError: no language, numbers that are too small, or a `context` that there is no oracle for.
        """
        source = language_of(language)
        size = None if num_examples is None else whole_number("num_examples", num_examples)
        sees = None if context is None else _context(context, source, task)
        return cls(source, task, whole_number("seed", seed, minimum=0), size, sees)

    @property
    def shape(self) -> Shape:
        """Sizes of what the model gets and answers."""
        return self.task.shape(self.source)

    def drawn(self, split: Split, number: int) -> tuple[Sample, Examples]:
        """The first sentences of a split, and what the task asks of them."""
        stream = stream_of(split, self.seed)
        sample = self.source.sample(stream, number, hidden=self.task.hidden)
        return sample, self.task.examples(sample, self.source, stream)

    def answers_of(self, readers: Readers | None, batch: int) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
        """The checked answers of other predictors by name; a learner is fitted first.

        Raises:
            InputError: a learner that predicts no probabilities, or sentences to fit it on that are not there.
        """
        return {name: self._reader(name, given, batch) for name, given in (readers or {}).items()}

    def _reader(self, name: str, given: Predict | Learner, batch: int) -> Callable[[np.ndarray], np.ndarray]:
        shape = self.shape
        if shape.loss != "cross-entropy":
            raise invalid("readers", name, "distances are between distributions, and this task asks for a number")
        if not isinstance(given, Learner):
            return Answers(given, shape, batch, without_first=True, field=f"readers[{name!r}]")
        if not isinstance(given, Counter | Clusterer | ForeignLearner):
            reason = f"{given.kind!r} is a learner that gives no log-probabilities without being trained or smoothed"
            raise invalid("readers", name, reason, "Give Counter(), Clusterer(), a ForeignLearner, or a function")
        if not isinstance(self.source, Language):
            raise invalid("readers", name, "the parts of a text are no independent streams", "Give a function")
        if self.num_examples is None:
            raise invalid("num_examples", None, f"the reader {name!r} has to be fitted", "Give what the model had")
        train, validation = self.drawn("train", self.num_examples)[1], self.drawn("validation", 2048)[1]
        predictor = fit(given, shape, None, train, validation, validation, self.seed).predictor
        return Answers(predictor, shape, batch, field=f"readers[{name!r}]")


def _context(context: int, source: Source, task: Task) -> int:
    """`context`, if there is an oracle of so many previous tokens."""
    if not isinstance(task, LastToken | NextToken):
        raise invalid("context", context, "the task is not about the tokens before one", "Leave it out")
    number = whole_number("context", context, minimum=0)
    if number >= source.sentence_length:
        allowed = f"a token has at most {source.sentence_length - 1} before it"
        raise invalid("context", number, allowed, "Leave it out for all of them")
    needed_oracle(source, Oracle)
    return number
