"""Languages as settings: one to one with TOML, JSON and the command line, told apart by their `kind`.

A small language is a pydantic model itself; one that is costly to make, as a grammar is, has a recipe here. Both have
`language()`, which makes the language. Adding one is its module, and one name in `AnyLanguage`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from syntagma.languages.exchangeable import CategoricalMixture, DirichletMultinomial
from syntagma.languages.hidden_markov import HiddenMarkov, RandomHiddenMarkov
from syntagma.languages.hierarchy import RandomHierarchy
from syntagma.languages.templates import LabelledStrings, Templates
from syntagma.languages.text import Part, Text, Unit


class HierarchySettings(BaseModel):
    """The random hierarchy language of one grammar seed."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["random-hierarchy"] = "random-hierarchy"
    vocab: int
    rules: int
    branching: int
    depth: int
    rule_probabilities: float | tuple[float, ...] | None = None
    num_classes: int | None = Field(default=None, exclude_if=lambda number: number is None)
    seed: int = 0

    def language(self) -> RandomHierarchy:
        """The language itself."""
        return RandomHierarchy(
            self.vocab,
            self.rules,
            self.branching,
            self.depth,
            rule_probabilities=self.rule_probabilities,
            num_classes=self.num_classes,
            seed=self.seed,
        )


class TextSettings(BaseModel):
    """Windows of a text file: see `Text.read`. Give `sha256` where results must not depend on the path alone."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["text"] = "text"
    path: str
    sentence_length: int
    unit: Unit = "characters"
    vocab: int | None = None
    stride: int | None = None
    part: Part = "all"
    test_share: float = 0.1
    sha256: str | None = None

    def language(self) -> Text:
        """The text itself, read from its file."""
        return Text.read(**self.model_dump(exclude={"kind"}))


AnyLanguage = Annotated[
    HierarchySettings
    | DirichletMultinomial
    | CategoricalMixture
    | HiddenMarkov
    | RandomHiddenMarkov
    | Templates
    | LabelledStrings
    | TextSettings,
    Field(discriminator="kind"),
]
"""Settings of any language, or other source of sentences, told apart by their `kind` in TOML and JSON."""
