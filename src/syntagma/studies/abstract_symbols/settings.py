"""The grid of the study, and the runs it consists of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator, model_validator

from syntagma.checked_model import CheckedModel
from syntagma.errors import InputError, invalid, unknown
from syntagma.kernels import Architecture, Dense
from syntagma.kernels.activations import ActivationName
from syntagma.languages.settings import AnyLanguage, TextSettings
from syntagma.languages.templates import Templates, read_labelled_strings, read_templates
from syntagma.learners import (
    AnyLearner,
    KernelRegression,
    Learner,
    Training,
    Transformer,
)
from syntagma.studies.study import Cell, Settings
from syntagma.sweep.runs import Run
from syntagma.tasks import Label, NextToken, Shape

PLAIN, REPAIRED = "transformer", "transformer-identities"
"""The two learners whose need of data is compared: names in `AbstractSymbols.learners`."""
_VALIDATION_SHARE = 0.05
"""How much of a text, given by its path, training stops by."""
_MOST_SOLVED = 4096
"""Kernel regression takes cubic time: no more training strings than these."""


class Contender(CheckedModel):
    """A learner, what figures call it, and how it is trained.

    Attributes:
        training: None where it is solved.
        training_for_symbols: the same where labels are symbols, if not as `training` says.
    """

    label: str
    learner: AnyLearner
    training: Training | None
    training_for_symbols: Training | None = None

    def trained(self, templates: Templates) -> Training | None:
        """How it is trained on `templates`."""
        return (self.training_for_symbols if templates.symbolic else None) or self.training


class Diversity(CheckedModel):
    """Training strings from ever more distinct substitutions of each template, their number fixed; the first family.

    Attributes:
        learners: names in `AbstractSymbols.learners`; those that do not learn the family are left out.
    """

    learners: tuple[str, ...] = (PLAIN, REPAIRED)
    substitutions: tuple[int, ...] = Field(min_length=2)
    num_examples: int = Field(ge=1)


class Copying(CheckedModel):
    """The task `language` learned by a transformer at each width, without and with the identity b in its heads."""

    language: Templates
    widths: tuple[int, ...] = Field(min_length=2)
    num_examples: int = Field(ge=1)
    learner: Transformer
    training: Training

    def learners(self) -> Iterator[tuple[dict[str, Any], Transformer]]:
        """Each learner with the names that tell it from the others: whether it has the identity, and its width."""
        for identity in (False, True):
            for width in self.widths:
                sizes = {"width": width, "answer_identity": float(identity), "tied": self.language.symbolic}
                yield {"identity": identity, "width": width}, self.learner.model_copy(update=sizes)


class LanguageModel(CheckedModel):
    """Next-character prediction on windows of a text, by a decoder without and with identities, at equal compute."""

    length: int = Field(ge=2)
    num_examples: int = Field(ge=1)
    test_examples: int = Field(ge=2)
    seeds: int = Field(default=3, ge=1)
    learner: Transformer
    training: Training

    def contenders(self, vocab: int) -> Iterator[tuple[bool, Transformer, Training]]:
        """Without and with identities; what these cost is taken from the number of steps."""
        shape = Shape(vocab, self.length, vocab, "every")
        for identity in (False, True):
            both = {"score_identity": float(identity), "answer_identity": float(identity)}
            learner = self.learner.model_copy(update=both)
            share = self.learner.forward_flops(shape) / learner.forward_flops(shape)
            steps = round(share * self.training.max_steps)
            yield identity, learner, self.training.model_copy(update={"max_steps": steps})


class AbstractSymbols(Settings):
    """The grid: template tasks by name, learners, numbers of training strings, seeds; and the further experiments.

    Attributes:
        families: the tasks; further experiments take the first.
        learners: by name; where labels are symbols, transformers read out by the symbols' embeddings (tied), and kernel
            regression, whose answers are numbers, is left out.
        sizes: numbers of training strings.
        kernel: the kernel that stands for transformers in the certificate, of any vocabulary.
        activations: more phi that the certificate's kernel is tried with.
        samples: quasi-Monte-Carlo points of each of its estimates.
        templates: a file of own templates (see `languages.templates.files`) or strings with labels in CSV: takes the
            place of `families`, and of copying. The templates themselves are stored, so this is None afterwards.
        regular: tokens of the CSV file that keep their meaning; None afterwards too.
        text: a text file for the language model, None to leave it out.
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
    text: TextSettings | None = None

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
            given["copying"] = None
        if isinstance(given.get("text"), str):
            given["text"] = _text(given["text"], given.get("language_model"))
        return given

    @field_validator("sizes")
    @classmethod
    def _ascending(cls, sizes: tuple[int, ...]) -> tuple[int, ...]:
        if min(sizes) < 1:
            raise invalid("sizes", sizes, "at least one string is trained on")
        return tuple(sorted(set(sizes)))

    @model_validator(mode="after")
    def _learners_fit(self) -> AbstractSymbols:
        if self.regular is not None:
            raise invalid("regular", self.regular, "it is for a CSV file", "Give templates=FILE.csv with it")
        for name in self.diversity.learners if self.diversity is not None else ():
            if name not in self.learners:
                raise unknown("diversity.learners", name, self.learners)
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
        return self

    def cells(self) -> Iterator[Cell]:
        """All runs, in the order in which they are done; `part` says of which experiment a cell is."""
        yield from self._strings()
        yield from self._substitutions()
        yield from self._widths()
        yield from self._texts()

    def kernels(self) -> dict[str, Architecture]:
        """The certificate's kernel with its own phi and with each further one, by phi."""
        *before, last = self.kernel.layers
        if not isinstance(last, Dense):
            return {"": self.kernel}
        names = dict.fromkeys((last.activation, *self.activations))
        changed = {name: last.model_copy(update={"activation": name}) for name in names}
        return {name: self.kernel.model_copy(update={"layers": (*before, own)}) for name, own in changed.items()}

    def known(self, name: str) -> tuple[str, ...]:
        """The learners, by name, that learn the family `name`."""
        solved = self.families[name].symbolic
        return tuple(n for n, c in self.learners.items() if not (solved and isinstance(c.learner, KernelRegression)))

    def learner(self, name: str, templates: Templates) -> Learner:
        """The learner `name` as it learns `templates`."""
        return _tied(self.learners[name].learner, templates)

    def _strings(self) -> Iterator[Cell]:
        for name, templates in self.families.items():
            for learner in self.known(name):
                for size in self.sizes:
                    if size > _MOST_SOLVED and isinstance(self.learners[learner].learner, KernelRegression):
                        continue
                    yield from self._seeds("strings", name, learner, templates, size)

    def _substitutions(self) -> Iterator[Cell]:
        if self.diversity is None:
            return
        name, templates = next(iter(self.families.items()))
        for learner in [known for known in self.known(name) if known in self.diversity.learners]:
            for number in self.diversity.substitutions:
                limited = templates.model_copy(update={"substitutions": number})
                for cell in self._seeds("substitutions", name, learner, limited, self.diversity.num_examples):
                    yield Cell({**cell.names, "substitutions": number}, cell.run)

    def _seeds(self, part: str, family: str, learner: str, templates: Templates, size: int) -> Iterator[Cell]:
        label, training = self.learners[learner].label, self.learners[learner].trained(templates)
        every = templates.model_copy(update={"substitutions": None})
        for seed in range(self.seeds):
            language = templates
            if templates.substitutions is not None:
                language = templates.model_copy(update={"seed": seed})
            names = {"part": part, "family": family, "learner": learner, "label": label}
            run = self._run(language, self.learner(learner, templates), training, size, seed, every)
            yield Cell({**names, "num_examples": size, "seed": seed}, run)

    def _widths(self) -> Iterator[Cell]:
        chosen = self.copying
        if chosen is None:
            return
        for names, learner in chosen.learners():
            for seed in range(self.seeds):
                run = self._run(chosen.language, learner, chosen.training, chosen.num_examples, seed)
                who = REPAIRED if names["identity"] else PLAIN
                yield Cell({"part": "copying", "learner": who, **names, "seed": seed}, run)

    def _texts(self) -> Iterator[Cell]:
        chosen, text = self.language_model, self.text
        if chosen is None or text is None:
            return
        train, validation, test = (text.model_copy(update={"part": p}) for p in ("train", "validation", "test"))
        for identity, learner, training in chosen.contenders(text.vocab or text.language().vocab):
            for seed in range(chosen.seeds):
                run = Run(
                    language=train,
                    validation_language=validation,
                    test_language=test,
                    task=NextToken(),
                    learner=learner,
                    training=training,
                    num_examples=chosen.num_examples,
                    test_examples=chosen.test_examples,
                    seed=seed,
                )
                names = {"part": "text", "learner": REPAIRED if identity else PLAIN, "identity": identity}
                yield Cell(names | {"seed": seed}, run)

    def _run(
        self,
        language: Templates,
        learner: Learner,
        training: Training | None,
        size: int,
        seed: int,
        every: Templates | None = None,
    ) -> Run:
        """A run tested on the training distribution, which training stops by, and on symbols seen and unseen."""
        tests: dict[str, AnyLanguage] = {"unseen": (every or language).unseen()}
        if every is not None and language.substitutions is not None:
            tests["seen"] = every.seen()
        return Run(
            language=language,
            tests=tests,
            task=Label(),
            learner=learner,  # pyright: ignore[reportArgumentType]
            training=training,
            num_examples=size,
            test_examples=self.test_examples,
            seed=seed,
        )


def _tied(learner: Learner, templates: Templates) -> Learner:
    if templates.symbolic and isinstance(learner, Transformer):
        return learner.model_copy(update={"tied": True})
    return learner


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
