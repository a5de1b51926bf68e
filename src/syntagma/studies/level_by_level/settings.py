"""The grid of the study and its presets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from syntagma.errors import invalid
from syntagma.languages.settings import HierarchySettings
from syntagma.learners import AnyLearner, HierarchicalCNN, LocallyConnected, MultiLayerAttention, Training
from syntagma.studies.grid import Cell
from syntagma.studies.scaling_laws.settings import Contender
from syntagma.studies.study import Settings
from syntagma.sweep.runs import Run
from syntagma.tasks import LastToken, RootClass

NAME = "level-by-level"


def _rising(values: tuple[int, ...]) -> tuple[int, ...]:
    if min(values) < 1:
        raise invalid("the smallest value", min(values), "they are whole numbers above 0")
    return tuple(sorted(set(values)))


Rising = Annotated[tuple[int, ...], Field(min_length=1), AfterValidator(_rising)]


class ClassGrid(Settings):
    """Which class tasks are learned: every number of rules m with every number of classes n_c.

    Attributes:
        rules: the values of m.
        classes: the values of n_c.
        sizes: numbers of training examples.
        contender: the learner and its training.
    """

    rules: Rising
    classes: Rising
    sizes: Rising
    contender: Contender


class LevelByLevel(Settings):
    """Networks whose layers are looked into, along P and along training.

    Attributes:
        rules: the values of m.
        learners: by name; those with weight sharing and without.
        sizes: numbers of training examples P, the same for all.
        seeds: each has a grammar, sentences and initial weights of its own.
        checkpoints: networks kept along training at the largest P; at every other P the best one is.
        probe_sentences: how many each network is probed with.
        root_class: the class tasks.
    """

    vocab: int = Field(ge=2)
    rules: Rising
    branching: int = Field(default=2, ge=2)
    depth: int = Field(ge=2)
    learners: Mapping[str, Contender] = Field(min_length=1)
    sizes: Rising
    seeds: int = Field(default=3, ge=1)
    checkpoints: int = Field(default=12, ge=1)
    test_examples: int = Field(default=4096, ge=2)
    probe_sentences: int = Field(default=2048, ge=100)
    root_class: ClassGrid

    @model_validator(mode="after")
    def _sizes_fit(self) -> LevelByLevel:
        for rules in {*self.rules, *self.root_class.rules}:
            self.language(rules, 0).language()
        language = self.language(self.rules[0], 0).language()
        for contender in self.learners.values():
            contender.learner.check(LastToken().shape(language))
        self.root_class.contender.learner.check(RootClass().shape(language))
        return self

    def language(self, rules: int, seed: int, classes: int | None = None) -> HierarchySettings:
        """The language of one m and one seed, with `classes` root symbols, v by default."""
        return HierarchySettings(
            vocab=self.vocab,
            rules=rules,
            branching=self.branching,
            depth=self.depth,
            num_classes=classes,
            seed=seed,
        )

    def cells(self) -> list[Cell]:
        """Every run of the study, the quick ones first."""
        return [*self.class_cells(), *self.token_cells()]

    def token_cells(self) -> Iterator[Cell]:
        """Prediction of the last token: each learner, m, P and seed."""
        for name, contender in self.learners.items():
            for rules in self.rules:
                for size in self.sizes:
                    kept = self.checkpoints if size == self.sizes[-1] else 1
                    names = {"learner": name, "label": contender.learner.label, "rules": rules, "num_examples": size}
                    for seed in range(self.seeds):
                        run = self._run(contender, self.language(rules, seed), LastToken(), size, seed, kept)
                        yield Cell(names | {"seed": seed}, run)

    def class_cells(self) -> Iterator[Cell]:
        """The class tasks: each m, n_c, P and seed."""
        grid = self.root_class
        for rules in grid.rules:
            for classes in grid.classes:
                for size in grid.sizes:
                    for seed in range(self.seeds):
                        language = self.language(rules, seed, classes)
                        names = {"rules": rules, "classes": classes, "num_examples": size, "seed": seed}
                        yield Cell(names, self._run(grid.contender, language, RootClass(), size, seed, 1))

    def _run(
        self, contender: Contender, language: HierarchySettings, task: Any, size: int, seed: int, kept: int
    ) -> Run:
        return Run(
            language=language,
            task=task,
            learner=contender.learner,
            training=contender.training,
            num_examples=size,
            test_examples=self.test_examples,
            seed=seed,
            checkpoints=kept,
        )


def _contender(learner: AnyLearner, least: int, most: int) -> Contender:
    """As in the scaling-laws study: Adam, 16 epochs between a least and a largest number of steps."""
    tree = isinstance(learner, HierarchicalCNN | LocallyConnected)
    training = Training(
        optimizer="adam",
        learning_rate=0.03 if tree else 0.01,
        batch_size=64,
        warmup_steps=100,
        schedule="cosine",
        final_rate=0.02,
        max_epochs=16,
        min_steps=least,
        max_steps=most,
        patience=6,
        evaluations_per_doubling=2,
    )
    return Contender(learner=learner, training=training)


def _learners(width: int, layers: int, trees: tuple[int, int], others: tuple[int, int]) -> dict[str, Contender]:
    attention = MultiLayerAttention(width=width, heads=width // 16, layers=layers)
    return {
        "cnn": _contender(HierarchicalCNN(width=width), *trees),
        "locally-connected": _contender(LocallyConnected(width=width), *trees),
        "attention": _contender(attention, *others),
    }


def _powers(first: int, last: int) -> tuple[int, ...]:
    return tuple(2**power for power in range(first, last + 1))


PRESETS: Mapping[str, LevelByLevel] = {
    "quick": LevelByLevel(
        vocab=6,
        rules=(2,),
        depth=3,
        learners=_learners(48, 3, (2000, 2000), (1000, 1000)),
        sizes=_powers(5, 11),
        seeds=2,
        checkpoints=8,
        test_examples=1024,
        probe_sentences=1024,
        root_class=ClassGrid(
            rules=(2, 3),
            classes=(6,),
            sizes=_powers(4, 10),
            contender=_contender(HierarchicalCNN(width=48), 1000, 1000),
        ),
    ),
    "laptop": LevelByLevel(
        vocab=8,
        rules=(2, 3, 4),
        depth=4,
        learners=_learners(64, 3, (5000, 8000), (1500, 6000)),
        sizes=_powers(6, 15),
        seeds=3,
        root_class=ClassGrid(
            rules=(2, 3, 4),
            classes=(2, 4, 8),
            sizes=_powers(5, 14),
            contender=_contender(HierarchicalCNN(width=64), 2000, 6000),
        ),
    ),
    "full": LevelByLevel(
        vocab=32,
        rules=(4, 6, 8),
        depth=4,
        learners=_learners(512, 4, (2**13, 2**20), (2**13, 2**20)),
        sizes=_powers(8, 22),
        seeds=5,
        checkpoints=24,
        test_examples=2**15,
        probe_sentences=2**13,
        root_class=ClassGrid(
            rules=(4, 6, 8),
            classes=(4, 8, 16, 32),
            sizes=_powers(8, 20),
            contender=_contender(HierarchicalCNN(width=512), 2**13, 2**18),
        ),
    ),
}
