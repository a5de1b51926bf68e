"""A study of one's own, in one file: from how many sentences does a network know that a sentence repeats itself?

A language, two networks, a prediction, a claim and a figure. The last token of an `Echo` sentence repeats one of the
first half; guessing costs ln v nats, knowing it H(e) = -(1 - e) ln(1 - e) - e ln(e / (v - 1)). Predicted: both networks
come to the exact oracle, and the one that attends needs fewer sentences than the one that does not.

    syntagma predict examples/copying_study.py
    syntagma run examples/copying_study.py --out results/copying
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from echo_language import Echo  # a file beside this one
from pydantic import Field

from syntagma.curves import Claim, LearningCurve, ratio, unmeasured
from syntagma.learners import Perceptron, Transformer
from syntagma.plot import Figure, learning_curves
from syntagma.studies import Cell, Facts, Results, Settings, Study
from syntagma.studies.recipes import Contender, Rising, adam, powers_of_two
from syntagma.studies.schemas import Column, Schema, Table, interval_columns
from syntagma.sweep.runs import Run
from syntagma.tasks import LastToken


class Copying(Settings):
    """What is varied: the size of the training set, for each of the learners."""

    language: Echo = Echo()
    learners: Mapping[str, Contender]
    sizes: Rising
    seeds: int = Field(default=5, ge=1)
    test_examples: int = Field(default=1024, ge=2)

    def bounds(self) -> tuple[float, float]:
        """Nats of who guesses, and of who knows everything."""
        v, e = self.language.vocab, self.language.error
        knowing = -(1 - e) * math.log(1 - e) - e * math.log(e / (v - 1)) if 0 < e < 1 else 0.0
        return math.log(v), knowing


@dataclass(frozen=True)
class Measured:
    """A learning curve for each learner."""

    settings: Copying
    curves: Mapping[str, LearningCurve]

    @property
    def half_way(self) -> float:
        """The loss half-way from guessing to knowing."""
        return sum(self.settings.bounds()) / 2


def cells(settings: Copying, facts: Facts, results: Results) -> Iterator[Cell]:
    """Every run that is wanted, with the columns that tell it from the others."""
    for name, contender in settings.learners.items():
        for size in settings.sizes:
            for seed in range(settings.seeds):
                run = Run(
                    language=settings.language,
                    task=LastToken(),
                    learner=contender.learner,
                    training=contender.training,
                    num_examples=size,
                    test_examples=settings.test_examples,
                    seed=seed,
                )
                label = contender.learner.label
                yield Cell({"learner": name, "label": label, "num_examples": size, "seed": seed}, run)


def measure(settings: Copying, facts: Facts, results: Results) -> Measured:
    """From the finished runs to what tables, claims and figures need."""
    runs = results.table(cells(settings, facts, results))
    return Measured(settings, {name: c for (name,), c in LearningCurve.from_runs(runs, ["learner"]).items()})


NEEDED = Schema(
    "needed",
    "Sentences needed",
    "Size at which the test loss is half-way from guessing to knowing, with its interval of 95 %.",
    (
        Column("label", "learner", "text"),
        Column("measured", "sentences", "count"),
        Column("low", "from", "count"),
        Column("high", "to", "count"),
        Column("note", "note", "text"),
    ),
)
BOUNDS = Schema("bounds", "Exact losses", "In nats.", (Column("of", "of", "text"), Column("nats", "nats", "nats")))


def predictions(settings: Copying, facts: Facts) -> Iterator[Table]:
    """What is known before anything is trained."""
    guessing, knowing = settings.bounds()
    yield BOUNDS.table([{"of": "guessing", "nats": guessing}, {"of": "knowing everything", "nats": knowing}])


def tables(measured: Measured) -> Iterator[Table]:
    """What the page shows besides figures and claims."""
    yield NEEDED.table(
        {"label": curve.name, **interval_columns(curve.crossing(measured.half_way))}
        for curve in measured.curves.values()
    )


def claims(measured: Measured) -> Iterator[Claim]:
    """Each with its interval and the rule that decides; the outcome is not ours to give."""
    both = [measured.curves.get(name) for name in ("perceptron", "transformer")]
    times = unmeasured("not trained yet")
    if both[0] is not None and both[1] is not None:
        times = ratio(both[0], measured.half_way, both[1], measured.half_way)
    text = "the perceptron needs more sentences than the transformer"
    yield Claim(text, "factor > 1", times, "above", 1.0, "it sees tokens one by one")


def figures(measured: Measured) -> Iterator[Figure]:
    """The first is the main one."""
    crossings = [(name, measured.half_way, c.crossing(measured.half_way)) for name, c in measured.curves.items()]
    yield learning_curves(
        measured.curves, plateaus=measured.settings.bounds(), crossings=crossings, title="Who sees the echo?"
    )


def _preset(steps: int, last: int, **more: int) -> Copying:
    learners = {"perceptron": Perceptron(width=64, layers=2), "transformer": Transformer(width=32, heads=4, layers=2)}
    trained = {name: Contender(learner=one, training=adam(0.01, (steps, steps))) for name, one in learners.items()}
    return Copying(learners=trained, sizes=powers_of_two(5, last), **more)


STUDY = Study(
    name="copying",
    title="Who sees the echo?",
    paper="",
    settings=Copying,
    presets={"quick": _preset(300, 10, seeds=3), "laptop": _preset(2000, 13)},
    cells=cells,
    predictions=predictions,
    measure=measure,
    tables=tables,
    claims=claims,
    figures=figures,
)
