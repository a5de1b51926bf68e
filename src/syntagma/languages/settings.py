"""Languages as settings: one to one with TOML, JSON and the command line, told apart by their `kind`.

A small language is a pydantic model itself; one that is costly to make, as a grammar is, has a recipe here. Both have
`language()`, which makes the language. Adding one is its module, and one name in `AnyLanguage`.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, SerializeAsAny, model_validator

from syntagma.checked_model import CheckedModel
from syntagma.errors import InputError, invalid, whole_number
from syntagma.extensions import Kinds
from syntagma.languages._plain_text import check_is_text
from syntagma.languages.corpora import Corpus, CorpusWindows
from syntagma.languages.exchangeable import CategoricalMixture, DirichletMultinomial
from syntagma.languages.hidden_markov import HiddenMarkov, RandomHiddenMarkov
from syntagma.languages.hierarchy import RandomHierarchy
from syntagma.languages.language import Source
from syntagma.languages.templates import LabelledStrings, Templates
from syntagma.languages.text import MAX_BYTES, Part, Text, Unit
from syntagma.regular_file import UnreadableFile, path_of, path_text, read_regular, shown

PathText = Annotated[str, BeforeValidator(path_text)]
"""The name of a file or folder, which need not be UTF-8: see `path_text`."""


class HierarchySettings(CheckedModel):
    """The random hierarchy language of one grammar seed.

    Example: `HierarchySettings(vocab=8, rules=2, branching=2, depth=3).language()`.

    Attributes:
        unequal_levels: the levels whose rules have `rule_probabilities`, 1 for the rules that make tokens; the rules of
            the others are equal. All levels by default.
    """

    kind: Literal["random-hierarchy"] = "random-hierarchy"
    vocab: int
    rules: int
    branching: int
    depth: int
    rule_probabilities: float | tuple[float, ...] | None = None
    num_classes: int | None = Field(default=None, exclude_if=lambda number: number is None)
    unequal_levels: tuple[int, ...] | None = Field(default=None, exclude_if=lambda levels: levels is None)
    seed: int = 0

    @model_validator(mode="after")
    def _levels_exist(self) -> HierarchySettings:
        levels = self.unequal_levels
        if levels is None:
            return self
        if self.rule_probabilities is None:
            raise invalid("unequal_levels", levels, "rule_probabilities are not given", "Give them, or leave it out")
        if not levels or min(levels) < 1 or max(levels) > self.depth:
            raise invalid("unequal_levels", levels, f"levels go from 1 to {self.depth}", "Name at least one of them")
        return self

    def language(self) -> RandomHierarchy:
        """The language itself."""
        sizes = self.vocab, self.rules, self.branching, self.depth, self.num_classes
        language = RandomHierarchy(*sizes, rule_probabilities=self.rule_probabilities, seed=self.seed)
        if self.unequal_levels is None:
            return language
        weights = [
            table if level in self.unequal_levels else np.full_like(table, 1 / self.rules)
            for level, table in enumerate(language.weights, start=1)
        ]
        return RandomHierarchy(*sizes, rule_probabilities=weights, seed=self.seed)


class TextSettings(CheckedModel):
    """Windows of a text file: see `Text.read`. Runs and studies know a text by `sha256`, and add it where it lacks.

    Attributes:
        path: the file; where its name is no UTF-8, `file:` and the name with its bytes as in addresses.
    """

    kind: Literal["text"] = "text"
    path: PathText
    sentence_length: int
    unit: Unit = "characters"
    vocab: int | None = None
    stride: int | None = None
    part: Part = "all"
    test_share: float = 0.1
    validation_share: float = Field(default=0.0, exclude_if=lambda share: share == 0.0)
    sha256: str | None = None
    distinct: bool = Field(default=False, exclude_if=lambda distinct: not distinct)
    max_bytes: int = Field(default=MAX_BYTES, exclude_if=lambda number: number == MAX_BYTES)

    @classmethod
    def of_file(cls, path: str, sentence_length: int, **rest: Any) -> TextSettings:
        """Windows of the file as it is now: results depend on its content, whose hash is kept.

        Raises:
            InputError: the file cannot be read.
        """
        name = path_of(path)
        try:
            content = read_regular(name, whole_number("max_bytes", rest.get("max_bytes", MAX_BYTES)))
        except UnreadableFile as error:
            raise invalid(
                "text", shown(name), f"it cannot be read, {error.reason}", "Give a text file in UTF-8"
            ) from None
        check_is_text(content, name)
        digest = hashlib.sha256(content).hexdigest()
        return cls(path=path, sentence_length=sentence_length, sha256=digest, **rest)

    def with_content(self) -> TextSettings:
        """These settings with the hash of the file as it is now, so that what is made of them depends on its content.

        Those that have a hash, or whose file cannot be read, are left as they are: `language` says what is wrong.
        """
        if self.sha256 is not None:
            return self
        try:
            return self.of_file(**self.model_dump(exclude={"kind", "sha256"}))
        except InputError:
            return self

    def language(self) -> Text:
        """The text itself, read from its file."""
        return Text.read(path_of(self.path), **self.model_dump(exclude={"kind", "path"}))


KnownText = Annotated[TextSettings, AfterValidator(TextSettings.with_content)]
"""Settings of a text as a study keeps them: with the hash of what it is."""


class CorpusSettings(CheckedModel):
    """Windows of a corpus that `Corpus.save` wrote: see `Corpus.windows`. Results depend on its `digest`."""

    kind: Literal["corpus"] = "corpus"
    directory: PathText
    digest: str
    sentence_length: int
    part: Literal["train", "validation", "test"] = "train"
    stride: int | None = None
    distinct: bool = False
    across_documents: bool = False

    @classmethod
    def of_directory(cls, directory: str, sentence_length: int, **rest: Any) -> CorpusSettings:
        """Windows of the corpus as it is now in the folder; all its tokens are read once and checked.

        Raises:
            InputError: no such folder, or it is damaged.
        """
        digest = Corpus.open(path_of(directory), verify=True).digest
        return cls(directory=directory, digest=digest, sentence_length=sentence_length, **rest)

    def language(self) -> CorpusWindows:
        """The windows themselves, memory-mapped.

        Raises:
            InputError: as `corpus`.
        """
        chosen = self.model_dump(include={"stride", "distinct", "across_documents"})
        return self.corpus().windows(self.part, self.sentence_length, **chosen)

    def corpus(self) -> Corpus:
        """The whole corpus, memory-mapped.

        Raises:
            InputError: the folder is missing, damaged, or has another corpus in it.
        """
        corpus = Corpus.open(path_of(self.directory))
        if corpus.digest != self.digest:
            allowed = f"{shown(path_of(self.directory))} has another corpus in it, with digest {corpus.digest}"
            raise invalid("digest", self.digest, allowed, "Restore the folder, or give its own")
        return corpus


LANGUAGES: Kinds[Any] = Kinds(
    "language",
    "syntagma.languages",
    [
        HierarchySettings,
        DirichletMultinomial,
        CategoricalMixture,
        HiddenMarkov,
        RandomHiddenMarkov,
        Templates,
        LabelledStrings,
        TextSettings,
        CorpusSettings,
    ],
)
"""Every kind of language; a user's own is added by the decorator `LANGUAGES.add`."""

if TYPE_CHECKING:
    AnyLanguage = (
        HierarchySettings
        | DirichletMultinomial
        | CategoricalMixture
        | HiddenMarkov
        | RandomHiddenMarkov
        | Templates
        | LabelledStrings
        | TextSettings
        | CorpusSettings
    )
else:
    AnyLanguage = Annotated[SerializeAsAny[BaseModel], BeforeValidator(LANGUAGES.parse)]
"""Settings of any language, or other source of sentences, told apart by their `kind` in TOML and JSON."""


def language_of(given: Any) -> Source:
    """The language itself, given it or its settings: `language_of(HierarchySettings(vocab=8, ...))`.

    Raises:
        InputError: it is neither; what the settings say cannot be made.
    """
    if isinstance(given, Source):
        return given
    if isinstance(given, tuple(LANGUAGES.all().values())):
        return given.language()
    reason = f"it is of type {type(given).__name__}, not a language"
    raise invalid("language", given, reason, "Give RandomHierarchy(...), or settings as HierarchySettings(...)")
