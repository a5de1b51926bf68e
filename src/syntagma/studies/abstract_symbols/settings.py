"""The settings of the study: tasks, learners, numbers of training strings, and the further experiments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator, model_validator

from syntagma.errors import InputError, invalid, unknown
from syntagma.kernels import Architecture, Dense
from syntagma.kernels.activations import ActivationName
from syntagma.languages.settings import KnownText, TextSettings
from syntagma.languages.templates import Templates, read_labelled_strings, read_templates
from syntagma.learners import Learner, Transformer
from syntagma.studies.abstract_symbols.contenders import PLAIN, Contender, as_it_learns, counts
from syntagma.studies.abstract_symbols.experiments import (
    Ablations,
    Copying,
    Diversity,
    Grid,
    Inside,
    LanguageModel,
    RandomSets,
    WordModel,
)
from syntagma.studies.study import Settings
from syntagma.tasks import Label, NextToken

_VALIDATION_SHARE = 0.05
"""How much of a text, given by its path, training stops by."""


class AbstractSymbols(Settings):
    """The grid: template tasks by name, learners, numbers of training strings, seeds; and the further experiments.

    Attributes:
        families: the tasks; further experiments take the first.
        learners: by name; where labels are symbols, transformers are read out by the symbols' embeddings (tied), and
            what has a read-out of its own for each symbol is left out: it cannot name one that it never saw.
        sizes: numbers of training strings.
        kernel: the kernel that stands for transformers in the certificate, of any vocabulary.
        activations: more phi that the certificate's kernel is tried with.
        samples: quasi-Monte-Carlo points of a kernel without closed form.
        templates: a file of own templates (see `languages.templates.files`) or strings with labels in CSV: takes the
            place of `families`, and of copying. The templates themselves are stored, so this is None afterwards.
        regular: tokens of the CSV file that keep their meaning; None afterwards too.
        word_model: the same on the words of the text.
        ablations: the plain transformer trained otherwise.
        random_sets: random sets of templates of several sizes.
        grid: the plain transformer at every rate, depth, number of heads and width.
        inside: transformers that are kept, to look at their heads before and after training.
        text: a text file for the language models, None to leave them out.
        words: the same text by words; made from `text`.
    """

    families: Mapping[str, Templates] = Field(min_length=1)
    learners: Mapping[str, Contender] = Field(min_length=1)
    sizes: tuple[int, ...] = Field(min_length=1)
    seeds: int = Field(default=3, ge=1)
    test_examples: int = Field(default=1024, ge=2)
    kernel: Architecture
    activations: tuple[ActivationName, ...] = ("erf", "cos")
    samples: int = Field(default=2**14, ge=64)
    diversity: Diversity | None = None
    copying: Copying | None = None
    templates: str | None = None
    regular: str | tuple[str, ...] | None = None
    language_model: LanguageModel | None = None
    word_model: WordModel | None = None
    ablations: Ablations | None = None
    random_sets: RandomSets | None = None
    grid: Grid | None = None
    inside: Inside | None = None
    text: KnownText | None = None
    words: KnownText | None = None

    @model_validator(mode="before")
    @classmethod
    def _read_own(cls, given: Any) -> Any:
        """Put the content of files in the place of their paths."""
        if not isinstance(given, dict):
            return given
        given = dict(given)
        if isinstance(given.get("templates"), str):
            path = Path(given.pop("templates"))
            given["families"] = {path.stem or "own": _read(path, given.pop("regular", None))}
            given |= dict.fromkeys(("copying", "ablations", "random_sets", "grid", "inside"))
        if isinstance(given.get("text"), str):
            path = given["text"]
            given["text"] = _text(path, given.get("language_model"))
            if given.get("word_model") is not None:
                given["words"] = _words(path, WordModel.model_validate(given["word_model"]))
        return given

    @field_validator("sizes")
    @classmethod
    def _ascending(cls, sizes: tuple[int, ...]) -> tuple[int, ...]:
        if min(sizes) < 1:
            raise invalid("sizes", sizes, "at least one string is trained on")
        return tuple(sorted(set(sizes)))

    @model_validator(mode="after")
    def _names_are_known(self) -> AbstractSymbols:
        if self.regular is not None:
            raise invalid("regular", self.regular, "it is for a CSV file", "Give templates=FILE.csv with it")
        for part in ("diversity", "random_sets", "inside"):
            for name in getattr(self, part).learners if getattr(self, part) is not None else ():
                if name not in self.learners:
                    raise unknown(f"{part}.learners", name, self.learners)
        for part in ("ablations", "inside"):
            for name in getattr(self, part).families if getattr(self, part) is not None else ():
                if name not in self.families:
                    raise unknown(f"{part}.families", name, self.families)
        if self.grid is not None and self.grid.family not in self.families:
            raise unknown("grid.family", self.grid.family, self.families)
        for name in self.inside.learners if self.inside is not None else ():
            if not isinstance(self.learners[name].learner, Transformer):
                raise invalid("inside.learners", name, "it has no attention heads", "Name a transformer")
        if self.grid is not None and not isinstance(self.plain().learner, Transformer):
            raise invalid("grid", self.grid.family, f"learners.{PLAIN} is no transformer", "Leave the grid out")
        return self

    @model_validator(mode="after")
    def _learners_fit(self) -> AbstractSymbols:
        if self.text is not None and self.language_model is None:
            raise InputError("text cannot be used: language_model is null. Set it, or leave text out.")
        if self.text is not None and not self.text.validation_share:
            raise invalid("text.validation_share", 0.0, "training stops by that part", "Give it, for example 0.05")
        for name, templates in self.families.items():
            for learner in self.known(name):
                self.learner(learner, templates).check(Label().shape(templates))
        if self.copying is not None:
            for _, learner in self.copying.learners():
                learner.check(Label().shape(self.copying.language))
        for name, learner in self.ablated():
            as_it_learns(learner, self.families[name]).check(Label().shape(self.families[name]))
        return self

    def plain(self) -> Contender:
        """The plain transformer, or the first learner where none has that name."""
        return self.learners.get(PLAIN) or next(iter(self.learners.values()))

    def ablated(self) -> Iterator[tuple[str, Learner]]:
        """Each family and learner of the ablations."""
        if self.ablations is not None:
            for family in self.ablations.families:
                for one in self.ablations.learners.values():
                    if counts(one.learner, self.families[family]):
                        yield family, one.learner

    def kernels(self) -> dict[str, Architecture]:
        """The certificate's kernel with its own phi and with each further one, by phi."""
        *before, last = self.kernel.layers
        if not isinstance(last, Dense):
            return {"": self.kernel}
        names = dict.fromkeys((last.activation, *self.activations))
        changed = {name: last.model_copy(update={"activation": name}) for name in names}
        return {name: self.kernel.model_copy(update={"layers": (*before, own)}) for name, own in changed.items()}

    def known(self, name: str) -> tuple[str, ...]:
        """The learners, by name, that can answer the family `name`, see `contenders.counts`."""
        return tuple(n for n, one in self.learners.items() if counts(one.learner, self.families[name]))

    def learner(self, name: str, templates: Templates) -> Learner:
        """The learner `name` as it learns `templates`."""
        return as_it_learns(self.learners[name].learner, templates)


def _read(path: Path, regular: Any) -> Templates:
    if path.suffix == ".csv":
        return read_labelled_strings(path, regular=regular or ()).templates()
    if regular:
        raise invalid("regular", regular, f"{path} is no CSV file", "Declare regular tokens in the file itself")
    return read_templates(path)


def _text(path: str, language_model: Any) -> Any:
    """Settings of the text: windows of the language model's length, and the file's hash, which results depend on.

    The model is checked here, where the file is given: stored settings must do without it.
    """
    model = LanguageModel.model_validate(language_model) if language_model is not None else None
    length = model.length if model is not None else 1
    text = TextSettings.of_file(path, length, stride=1, validation_share=_VALIDATION_SHARE)
    language = text.language()
    if model is not None:
        model.learner.check(NextToken().shape(language))
    return text.model_copy(update={"vocab": language.vocab}).model_dump(mode="json")


def _words(path: str, model: WordModel) -> Any:
    """The same for words, of a vocabulary that the training part gives."""
    text = TextSettings.of_file(
        path, model.length, unit="words", vocab=model.vocab, stride=1, validation_share=_VALIDATION_SHARE
    )
    language = text.language()
    model.learner.check(NextToken().shape(language))
    return text.model_copy(update={"vocab": language.vocab}).model_dump(mode="json")
