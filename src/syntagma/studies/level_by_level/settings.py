"""Settings of level-by-level, and its presets."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field, model_validator

from syntagma.errors import invalid
from syntagma.languages.settings import HierarchySettings
from syntagma.learners import HierarchicalCNN, LocallyConnected, MultiLayerAttention
from syntagma.studies.grammar import Grammar
from syntagma.studies.recipes import Contender, Rising, powers_of_two, trained
from syntagma.studies.study import Settings
from syntagma.tasks import LastToken, RootClass


class ClassGrid(Settings):
    """Which class tasks are learned: every number of rules m with every number of classes n_c.

    Attributes:
        rules: the values of m.
        classes: the values of n_c.
        sizes: numbers of training examples.
        contender: the learner and its training.
        root_rules: in a further task of the largest m, the rules of all classes together, held fixed while n_c varies;
            none by default. With m rules each, more classes also leave fewer tuples that no class uses.
    """

    rules: Rising
    classes: Rising
    sizes: Rising
    contender: Contender
    root_rules: int | None = Field(default=None, ge=2)

    @model_validator(mode="after")
    def _classes_share_them(self) -> ClassGrid:
        if self.root_rules is not None and len(self.rules_of_class()) < 2:
            allowed = f"two or more of classes={list(self.classes)} share them with at most {self.rules[-1]} each"
            mend = f"Give {self.classes[-1]}, or other classes" if len(self.classes) > 1 else "Give two classes or more"
            raise invalid("root_class.root_rules", self.root_rules, allowed, mend)
        return self

    def rules_of_class(self) -> dict[int, int]:
        """By n_c, how many rules a class has where `root_rules` are held fixed: those that share them equally."""
        total = self.root_rules or 0
        return {n: total // n for n in self.classes if total % n == 0 and 1 <= total // n <= self.rules[-1]}


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
            self.grammar_of(rules).language(0).language()
        for contender in self.learners.values():
            self.grammar_of(self.rules[0]).check(LastToken(), contender.learner)
        self.grammar_of(self.rules[0]).check(RootClass(), self.root_class.contender.learner)
        return self

    def grammar_of(self, rules: int) -> Grammar:
        """The sizes of the languages of one m."""
        return Grammar(vocab=self.vocab, rules=rules, branching=self.branching, depth=self.depth)

    def languages(self, rules: int, classes: int | None = None) -> list[HierarchySettings]:
        """The languages of one m with `classes` root symbols, v by default, one a seed."""
        return self.grammar_of(rules).languages(self.seeds, classes=classes)

    def fixed_root_languages(self, classes: int) -> list[HierarchySettings]:
        """Those of the largest m of the class tasks whose `classes` share a fixed number of rules, one a seed."""
        grid = self.root_class
        return self.grammar_of(grid.rules[-1]).few_rooted(self.seeds, classes, grid.rules_of_class()[classes])


def _learners(width: int, layers: int, trees: tuple[int, int], others: tuple[int, int]) -> dict[str, Contender]:
    attention = MultiLayerAttention(width=width, heads=width // 16, layers=layers)
    return {
        "cnn": trained(HierarchicalCNN(width=width), trees),
        "locally-connected": trained(LocallyConnected(width=width), trees),
        "attention": trained(attention, others),
    }


PRESETS: Mapping[str, LevelByLevel] = {
    "quick": LevelByLevel(
        vocab=6,
        rules=(2,),
        depth=3,
        learners=_learners(48, 3, (2000, 2000), (1000, 1000)),
        sizes=powers_of_two(5, 11),
        checkpoints=8,
        test_examples=1024,
        probe_sentences=1024,
        root_class=ClassGrid(
            rules=(2, 3),
            classes=(6,),
            sizes=powers_of_two(4, 10),
            contender=trained(HierarchicalCNN(width=48), (1000, 1000)),
        ),
    ),
    "laptop": LevelByLevel(
        vocab=8,
        rules=(2, 3, 4),
        depth=4,
        learners=_learners(64, 3, (5000, 8000), (1500, 6000)),
        sizes=powers_of_two(6, 15),
        root_class=ClassGrid(
            rules=(2, 3, 4),
            classes=(2, 4, 8),
            sizes=powers_of_two(5, 14),
            contender=trained(HierarchicalCNN(width=64), (2000, 6000)),
            root_rules=8,
        ),
    ),
    "full": LevelByLevel(
        vocab=32,
        rules=(4, 6, 8),
        depth=4,
        learners=_learners(512, 4, (2**13, 2**20), (2**13, 2**20)),
        sizes=powers_of_two(8, 22),
        seeds=5,
        checkpoints=24,
        test_examples=2**15,
        probe_sentences=2**13,
        root_class=ClassGrid(
            rules=(4, 6, 8),
            classes=(4, 8, 16, 32),
            sizes=powers_of_two(8, 20),
            contender=trained(HierarchicalCNN(width=512), (2**13, 2**18)),
            root_rules=32,
        ),
    ),
}
