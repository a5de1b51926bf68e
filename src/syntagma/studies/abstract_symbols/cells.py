"""The runs that the study consists of; `part` says of which experiment a cell is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from syntagma.languages.settings import AnyLanguage
from syntagma.languages.templates import Templates
from syntagma.learners import KernelRegression, Learner, Training
from syntagma.studies.abstract_symbols.contenders import PLAIN, REPAIRED, Contender, as_it_learns, counts
from syntagma.studies.abstract_symbols.experiments import LanguageModel
from syntagma.studies.abstract_symbols.settings import AbstractSymbols
from syntagma.studies.study import Cell
from syntagma.sweep.runs import Run
from syntagma.tasks import Label, NextToken

_MOST_SOLVED = 4096
"""Kernel regression takes cubic time: no more training strings than these."""


def cells(settings: AbstractSymbols) -> Iterator[Cell]:
    """All runs, in the order in which they are done."""
    yield from _strings(settings)
    yield from _substitutions(settings)
    yield from _widths(settings)
    yield from _ablations(settings)
    yield from _random_sets(settings)
    yield from _grid(settings)
    yield from inside_cells(settings)
    yield from _texts(settings, "text")
    yield from word_cells(settings)


def _strings(settings: AbstractSymbols) -> Iterator[Cell]:
    for family, templates in settings.families.items():
        for name in settings.known(family):
            for size in settings.sizes:
                names = {"part": "strings", "family": family, "learner": name}
                yield from _seeds(settings, names, settings.learners[name], templates, size)


def _substitutions(settings: AbstractSymbols) -> Iterator[Cell]:
    chosen = settings.diversity
    if chosen is None:
        return
    family, templates = next(iter(settings.families.items()))
    for name in [known for known in settings.known(family) if known in chosen.learners]:
        for number in chosen.substitutions:
            limited = templates.model_copy(update={"substitutions": number})
            names = {"part": "substitutions", "family": family, "learner": name}
            for cell in _seeds(settings, names, settings.learners[name], limited, chosen.num_examples):
                yield Cell({**cell.names, "substitutions": number}, cell.run)


def _seeds(
    settings: AbstractSymbols,
    names: Mapping[str, Any],
    contender: Contender,
    templates: Templates,
    size: int,
    seeds: int | None = None,
    **more: Any,
) -> Iterator[Cell]:
    """The runs of one learner on one task at one size; more strings than can be solved are left out."""
    if size > _MOST_SOLVED and isinstance(contender.learner, KernelRegression):
        return
    every = templates.model_copy(update={"substitutions": None})
    learner, training = as_it_learns(contender.learner, templates), contender.trained(templates)
    for seed in range(seeds or settings.seeds):
        language = templates
        if templates.substitutions is not None:
            language = templates.model_copy(update={"seed": seed})
        run = _run(settings, language, learner, training, size, seed, every, **more)
        yield Cell({**names, "label": contender.label, "num_examples": size, "seed": seed}, run)


def _widths(settings: AbstractSymbols) -> Iterator[Cell]:
    chosen = settings.copying
    if chosen is None:
        return
    for names, learner in chosen.learners():
        for seed in range(settings.seeds):
            run = _run(settings, chosen.language, learner, chosen.training, chosen.num_examples, seed)
            who = REPAIRED if names["identity"] else PLAIN
            yield Cell({"part": "copying", "learner": who, **names, "seed": seed}, run)


def _ablations(settings: AbstractSymbols) -> Iterator[Cell]:
    chosen = settings.ablations
    if chosen is None:
        return
    for family in chosen.families:
        templates = settings.families[family]
        for name, contender in chosen.learners.items():
            if counts(contender.learner, templates):
                for size in settings.sizes:
                    names = {"part": "ablations", "family": family, "learner": name}
                    yield from _seeds(settings, names, contender, templates, size)


def _random_sets(settings: AbstractSymbols) -> Iterator[Cell]:
    """One run a set, whose draw is its seed."""
    chosen = settings.random_sets
    if chosen is None:
        return
    for count, draw, templates in chosen.sets():
        for name in chosen.learners:
            contender = settings.learners[name]
            for size in chosen.sizes:
                if size <= _MOST_SOLVED or not isinstance(contender.learner, KernelRegression):
                    run = _run(settings, templates, contender.learner, contender.training, size, draw)
                    names = {"part": "random", "templates": count, "learner": name, "label": contender.label}
                    yield Cell({**names, "num_examples": size, "seed": draw}, run)


def _grid(settings: AbstractSymbols) -> Iterator[Cell]:
    chosen = settings.grid
    if chosen is None:
        return
    templates = settings.families[chosen.family]
    for names, contender in chosen.points(settings.plain()):
        known = {"part": "grid", "family": chosen.family, "learner": PLAIN, **names}
        yield from _seeds(settings, known, contender, templates, chosen.num_examples, chosen.seeds)


def inside_cells(settings: AbstractSymbols) -> Iterator[Cell]:
    """Runs whose network of smallest validation loss is kept."""
    chosen = settings.inside
    if chosen is None:
        return
    for family in chosen.families:
        templates = settings.families[family]
        for name in chosen.learners:
            names = {"part": "inside", "family": family, "learner": name}
            contender, number = settings.learners[name], chosen.num_examples
            yield from _seeds(settings, names, contender, templates, number, chosen.seeds, checkpoints=1)


def word_cells(settings: AbstractSymbols) -> Iterator[Cell]:
    """The language models on words, whose networks are kept, for the loss by token."""
    yield from _texts(settings, "words", checkpoints=1)


def _texts(settings: AbstractSymbols, part: str, **more: Any) -> Iterator[Cell]:
    of_words = part == "words"
    chosen: LanguageModel | None = settings.word_model if of_words else settings.language_model
    text = settings.words if of_words else settings.text
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
                **more,
            )
            names = {"part": part, "learner": REPAIRED if identity else PLAIN, "identity": identity}
            yield Cell(names | {"seed": seed}, run)


def _run(
    settings: AbstractSymbols,
    language: Templates,
    learner: Learner,
    training: Training | None,
    size: int,
    seed: int,
    every: Templates | None = None,
    **more: Any,
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
        test_examples=settings.test_examples,
        seed=seed,
        **more,
    )
