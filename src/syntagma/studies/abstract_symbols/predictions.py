"""What theory says of each task and learner before anything is trained.

Labels that are numbers: the certificate of `theory.templates`, with the kernel that stands for the learner. K_trans, of
depth one, stands for transformers of any depth: a network of finite width need not follow it.

Labels that are symbols: two parts, of which the certificate covers one. Templates must be told apart: N not singular.
And a symbol never seen must be named:

- a read-out with weights of its own for each symbol cannot: those of symbols that training never shows, and never asks
  for, are alike up to renaming, so no such symbol is named more often than 1 in as many as there are;
- a read-out by the symbols' embeddings can, if the heads copy what they attend to, W_V W_O^T ~ identity. Training
  without b moves W_V W_O^T in the directions of symbols it has seen alone, and the wider the network the fewer others
  lie along them (section 4): no prediction for a given width. With b the copy is one number a head: it generalises.

Source: arXiv 2310.09753, sections 3 (numbers) and 4 (symbols).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from syntagma.kernels import Architecture
from syntagma.kernels.presets import perceptron
from syntagma.languages.templates import Templates
from syntagma.learners import EqualityPerceptron, KernelRegression, Learner, Perceptron, Transformer
from syntagma.learners.kernel_regression import resolved
from syntagma.studies.abstract_symbols.settings import AbstractSymbols
from syntagma.studies.study import Fact, Facts, Results
from syntagma.tasks import Label
from syntagma.theory.templates import (
    SOURCE,
    Certificate,
    Kernel,
    Outcome,
    Range,
    certificate,
    infinite,
    positionwise_change,
    told_equalities,
)

_SYMBOLS_SOURCE = "arXiv 2310.09753, section 4"
_CURVE_POINTS_PER_DOUBLING = 2


@dataclass(frozen=True)
class Forecast:
    """Whether a learner is to answer strings of symbols never seen, why, and who says so."""

    outcome: Outcome
    reason: str
    source: str


def kernel_of(
    settings: AbstractSymbols, learner: Learner, templates: Templates
) -> tuple[dict[str, Any], Kernel] | None:
    """The kernel that stands for `learner`, and what names it; None where there is none."""
    vocab = templates.vocab
    if isinstance(learner, EqualityPerceptron):
        name = {"kernel": "told equalities", "vocab": vocab, "layers": learner.layers}
        return name, told_equalities(vocab, learner.layers)
    if isinstance(learner, KernelRegression):
        architecture = resolved(learner.architecture, Label().shape(templates))
    elif isinstance(learner, Transformer):
        architecture = settings.kernel
    elif isinstance(learner, Perceptron):
        architecture = perceptron(1, learner.layers)
    else:
        return None
    return _with_samples(settings, architecture)


def _kernels(settings: AbstractSymbols) -> Iterator[tuple[str, str, dict[str, Any], Kernel]]:
    """Family, learner, and the kernel that stands for it with its name, of each learner that has one."""
    for family, templates in settings.families.items():
        for learner in settings.known(family):
            chosen = kernel_of(settings, settings.learners[learner].learner, templates)
            if chosen is not None:
                yield family, learner, *chosen


def facts(settings: AbstractSymbols, results: Results) -> Iterator[Fact]:
    """The certificate of each family with the kernel of each learner, and with each further phi."""
    for family, _, name, kernel in _kernels(settings):
        yield _fact(settings.families[family], name, kernel)
    for templates in settings.families.values():
        for kernel in settings.kernels().values():
            yield _fact(templates, *_with_samples(settings, kernel))


def certificates(settings: AbstractSymbols, facts: Facts) -> dict[tuple[str, str], Certificate]:
    """The certificate of each family and learner that has a kernel."""
    families = settings.families
    return {
        (family, learner): _restored(facts[_key(families[family], name)], families[family])
        for family, learner, name, _ in _kernels(settings)
    }


def _with_samples(settings: AbstractSymbols, kernel: Architecture) -> tuple[dict[str, Any], Kernel]:
    name = {"kernel": kernel.model_dump(mode="json"), "samples": settings.samples}
    return name, infinite(kernel, settings.samples)


def _key(templates: Templates, name: Mapping[str, Any]) -> dict[str, Any]:
    return {"of": "certificate", "templates": list(templates.templates), "digest": templates.digest(), **name}


def _fact(templates: Templates, name: Mapping[str, Any], kernel: Kernel) -> Fact:
    text = f"certificate of {', '.join(templates.templates[:2])}"
    return Fact(_key(templates, name), lambda: _stored(templates, kernel), text)


def activations_rows(settings: AbstractSymbols, facts: Facts) -> Iterator[dict[str, Any]]:
    """K_trans with each phi: smallest eigenvalue of each task's N, strings needed with no ridge, and the outcome."""
    for family, templates in settings.families.items():
        for phi, kernel in settings.kernels().items():
            certified = _restored(facts[_key(templates, _with_samples(settings, kernel)[0])], templates)
            said = certified.outcome if not templates.symbolic else _told_apart(certified)
            yield {"family": family, "activation": phi, "predicted": said} | _numbers(certified, 0.0)


def _told_apart(certified: Certificate) -> str:
    """Where labels are symbols N says no more than this."""
    return {"generalises": "told apart", "does not": "not told apart", "open": "open"}[certified.outcome]


def forecast(learner: Learner, templates: Templates, certified: Certificate | None) -> Forecast:
    """What the module's argument says of one learner, as it learns these templates."""
    if templates.symbolic:
        return _named(learner, templates, certified)
    if certified is None:
        return Forecast("open", "no kernel of this network is known here", SOURCE)
    twins = certified.coinciding
    if twins and certified.outcome == "does not":
        first, second = (templates.templates[i] for i in twins[0])
        return Forecast("does not", f"N is singular: its rows of {first} and {second} are equal", SOURCE)
    reasons = {
        "generalises": "N is not singular" if certified.smallest.low > 0 else "the labels are in the range of N",
        "does not": "N is singular and the labels are not in its range",
        "open": "the smallest eigenvalue of N may be 0 within its error",
    }
    return Forecast(certified.outcome, reasons[certified.outcome], SOURCE)


def _named(learner: Learner, templates: Templates, certified: Certificate | None) -> Forecast:
    """Symbols as labels."""
    copies = bool((templates.labels >= templates.num_regular).any())
    tied = isinstance(learner, Transformer) and learner.tied
    if copies and not tied:
        return Forecast("does not", "its read-out has weights of its own for symbols never seen", _SYMBOLS_SOURCE)
    if certified is None or certified.outcome != "generalises":
        return Forecast("open", "N may be singular, or has no kernel here", SOURCE)
    if not copies:
        return Forecast("generalises", "N is not singular, and no symbol is copied", SOURCE)
    assert isinstance(learner, Transformer)
    if learner.answer_identity:
        return Forecast("generalises", "N is not singular, and b copies", _SYMBOLS_SOURCE)
    return Forecast("open", "without b, copying fails as the width grows", _SYMBOLS_SOURCE)


def certificates_rows(
    settings: AbstractSymbols, found: Mapping[tuple[str, str], Certificate]
) -> Iterator[dict[str, Any]]:
    """A row for each family and learner: what is predicted, why, and the numbers behind it."""
    for name, templates in settings.families.items():
        for learner in settings.known(name):
            certified = found.get((name, learner))
            said = forecast(settings.learner(learner, templates), templates, certified)
            yield (
                {"family": name, "learner": learner, "label": settings.learners[learner].label}
                | {"predicted": said.outcome, "reason": said.reason}
                | _numbers(certified, ridge_of(settings.learners[learner].learner))
                | {"source": said.source}
            )


def _numbers(certified: Certificate | None, ridge: float) -> dict[str, float]:
    nowhere = Range(np.nan, np.nan, np.nan)
    smallest = nowhere if certified is None else certified.smallest
    needed = nowhere if certified is None else certified.strings_needed(ridge)
    return {
        "smallest": smallest.value,
        "smallest_low": smallest.low,
        "smallest_high": smallest.high,
        "strings": needed.value,
        "strings_low": needed.low,
        "strings_high": needed.high,
    }


def predicted_curves(
    settings: AbstractSymbols, found: Mapping[tuple[str, str], Certificate]
) -> dict[tuple[str, str], tuple[list[int], np.ndarray, np.ndarray]]:
    """Of each kernel regression on symbols never seen: sizes, squared losses and accuracies."""
    sizes, curves = curve_sizes(settings.sizes), {}
    for (name, learner), certified in found.items():
        chosen = settings.learners[learner].learner
        if certified.labels is not None and isinstance(chosen, KernelRegression):
            curves[name, learner] = (sizes, *certified.predicted(sizes, ridge_of(chosen)))
    return curves


def renamings_rows(settings: AbstractSymbols) -> Iterator[dict[str, Any]]:
    """How much each learner's kernel changes when symbols are renamed position by position: 0 for a perceptron."""
    for family, learner, _, kernel in _kernels(settings):
        change = positionwise_change(kernel, settings.families[family])
        yield {"family": family, "learner": learner, "label": settings.learners[learner].label, "change": float(change)}


def curve_sizes(sizes: Iterable[int]) -> list[int]:
    """Numbers of strings for a smooth curve over `sizes`, those among them."""
    sizes = list(sizes)
    steps = round(_CURVE_POINTS_PER_DOUBLING * np.log2(sizes[-1] / sizes[0])) + 1
    return sorted({*sizes, *np.geomspace(sizes[0], sizes[-1], max(steps, 1)).round().astype(int).tolist()})


def ridge_of(learner: Learner) -> float:
    """The ridge of kernel regression; networks have none."""
    return learner.ridge if isinstance(learner, KernelRegression) else 0.0


def _stored(templates: Templates, kernel: Kernel) -> dict[str, Any]:
    found = certificate(templates, kernel)
    smallest = [found.smallest.value, found.smallest.low, found.smallest.high]
    arrays = {"matrix": found.matrix, "standard_error": found.standard_error, "own": found.own}
    return {name: array.tolist() for name, array in arrays.items()} | {"smallest": smallest}


def _restored(value: Mapping[str, Any], templates: Templates) -> Certificate:
    matrix, error, own = (np.array(value[name]) for name in ("matrix", "standard_error", "own"))
    labels = None if templates.symbolic else templates.labels.astype(float)
    return Certificate(matrix, error, own, Range(*value["smallest"]), labels, templates.weights)
