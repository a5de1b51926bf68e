"""What theory says of each task and learner before anything is trained.

Labels that are numbers: the certificate of `theory.templates`, with the kernel that stands for the learner. K_trans, of
depth one, stands for transformers of any depth: a network of finite width need not follow it. Whether its N is singular
is decided by expansion (`theory.template_rank`), how small its eigenvalues are by `theory.template_integral`.

Labels that are symbols: two parts, of which the certificate covers one. Templates must be told apart: N not singular.
And a symbol never seen must be named:

- a read-out with weights of its own for each symbol cannot: those of symbols that training never shows, and never asks
  for, are alike up to renaming, so no such symbol is named more often than 1 in as many as there are. Such learners are
  in the table of certificates, and neither trained nor counted in claims;
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
from syntagma.studies.abstract_symbols.contenders import Contender, as_it_learns, copies, counts
from syntagma.studies.abstract_symbols.kept import kept_facts
from syntagma.studies.abstract_symbols.settings import AbstractSymbols
from syntagma.studies.study import Fact, Facts, Results
from syntagma.tasks import Label
from syntagma.theory.template_integral import integrated, is_depth_one
from syntagma.theory.template_rank import Rank, template_rank
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


def architecture_of(settings: AbstractSymbols, learner: Learner, templates: Templates) -> Architecture | None:
    """The infinite network that stands for `learner`; None where there is none, or it is no `Architecture`."""
    if isinstance(learner, KernelRegression):
        return resolved(learner.architecture, Label().shape(templates))
    if isinstance(learner, Transformer):
        return settings.kernel
    return perceptron(1, learner.layers) if isinstance(learner, Perceptron) else None


def kernel_of(
    settings: AbstractSymbols, learner: Learner, templates: Templates
) -> tuple[dict[str, Any], Kernel] | None:
    """The kernel that stands for `learner`, and what names it; None where there is none."""
    if isinstance(learner, EqualityPerceptron):
        name = {"kernel": "told equalities", "vocab": templates.vocab, "layers": learner.layers}
        return name, told_equalities(templates.vocab, learner.layers)
    architecture = architecture_of(settings, learner, templates)
    return None if architecture is None else _with_samples(settings, architecture)


def _contenders(settings: AbstractSymbols, family: str) -> Iterator[tuple[str, Contender]]:
    """What is measured on a family: the learners that can answer it, and the ablations there."""
    yield from ((name, settings.learners[name]) for name in settings.known(family))
    if settings.ablations is not None and family in settings.ablations.families:
        own = settings.ablations.learners.items()
        yield from ((name, one) for name, one in own if counts(one.learner, settings.families[family]))


def _sets(settings: AbstractSymbols) -> Iterator[Templates]:
    """The random sets of templates."""
    if settings.random_sets is not None:
        yield from (templates for _, _, templates in settings.random_sets.sets())


def facts(settings: AbstractSymbols, results: Results) -> Iterator[Fact]:
    """The certificate of each task with the kernel of each learner and with each further phi; what networks kept."""
    for templates in settings.families.values():
        yield Fact(_rank_key(templates), lambda own=templates: _stored_rank(own), _about("rank", templates))
    for family, templates in settings.families.items():
        for _, contender in _contenders(settings, family):
            yield from _fact(settings, contender.learner, templates)
    for templates in settings.families.values():
        for kernel in settings.kernels().values():
            yield _of_architecture(settings, kernel, templates)
    for templates in _sets(settings):
        yield _of_architecture(settings, settings.kernel, templates)
    yield from kept_facts(settings, results)


def _fact(settings: AbstractSymbols, learner: Learner, templates: Templates) -> Iterator[Fact]:
    architecture = architecture_of(settings, learner, templates)
    if architecture is not None:
        yield _of_architecture(settings, architecture, templates)
    elif (found := kernel_of(settings, learner, templates)) is not None:
        name, kernel = found
        yield Fact(
            _key(templates, name), lambda: _stored(certificate(templates, kernel)), _about("certificate", templates)
        )


def _of_architecture(settings: AbstractSymbols, architecture: Architecture, templates: Templates) -> Fact:
    """Integrated where the architecture is K_trans, else from its kernel."""
    name, kernel = _with_samples(settings, architecture)

    def compute() -> dict[str, Any]:
        if is_depth_one(architecture):
            return _stored(integrated(templates, architecture, _outer_points(settings)))
        return _stored(certificate(templates, kernel))

    return Fact(_key(templates, name), compute, _about("certificate", templates))


def certificates(settings: AbstractSymbols, facts: Facts) -> dict[tuple[str, str], Certificate]:
    """The certificate of each family and learner that has a kernel."""
    out = {}
    for family, templates in settings.families.items():
        for name, contender in _contenders(settings, family):
            for fact in _fact(settings, contender.learner, templates):
                out[family, name] = _restored(facts[fact.key], templates)
    return out


def random_needed(settings: AbstractSymbols, facts: Facts) -> dict[tuple[int, int], float]:
    """Strings that K_trans needs of each random set, by the number of templates and the draw."""
    if settings.random_sets is None:
        return {}
    out = {}
    for count, draw, templates in settings.random_sets.sets():
        key = _of_architecture(settings, settings.kernel, templates).key
        out[count, draw] = _restored(facts[key], templates).strings_needed().value
    return out


def _outer_points(settings: AbstractSymbols) -> int:
    """A sixteenth of the samples, each with hundreds of inner points."""
    return max(settings.samples // 16, 64)


def _with_samples(settings: AbstractSymbols, kernel: Architecture) -> tuple[dict[str, Any], Kernel]:
    name = {"kernel": kernel.model_dump(mode="json"), "samples": settings.samples}
    if is_depth_one(kernel):
        name["integrated"] = _outer_points(settings)
    return name, infinite(kernel, settings.samples)


def _key(templates: Templates, name: Mapping[str, Any]) -> dict[str, Any]:
    return {"of": "certificate", "templates": list(templates.templates), "digest": templates.digest(), **name}


def _rank_key(templates: Templates) -> dict[str, Any]:
    return {"of": "rank", "templates": list(templates.templates), "digest": templates.digest()}


def _about(what: str, templates: Templates) -> str:
    return f"{what} of {', '.join(templates.templates[:2])}"


def _stored_rank(templates: Templates) -> dict[str, Any]:
    found = template_rank(templates)
    return {"full": found.full, "order": found.order, "degree": found.degree, "direction": list(found.direction)}


def rank_of(facts: Facts, templates: Templates) -> Rank:
    """What the expansion of K_trans in beta says of a task."""
    found = facts[_rank_key(templates)]
    return Rank(found["full"], found["order"], found["degree"], tuple(found["direction"]))


def rank_rows(settings: AbstractSymbols, facts: Facts) -> Iterator[dict[str, Any]]:
    """A row for each task: whether N is shown not to be singular, and how its smallest eigenvalue falls."""
    for family, templates in settings.families.items():
        found = rank_of(facts, templates)
        said = "not singular" if found.full else f"not decided up to beta^{found.degree}"
        slowest = max(zip(map(abs, found.direction), templates.templates, strict=False), default=(0.0, ""))[1]
        rate = f"beta^{2 * found.order}" if found.full else f"faster than beta^{2 * found.order}"
        yield {"family": family, "templates": len(templates.templates), "rank": said, "rate": rate, "most": slowest}


def activations_rows(settings: AbstractSymbols, facts: Facts) -> Iterator[dict[str, Any]]:
    """K_trans with each phi: smallest eigenvalue of each task's N, strings needed with no ridge, and the outcome."""
    for family, templates in settings.families.items():
        for phi, kernel in settings.kernels().items():
            certified = _restored(facts[_of_architecture(settings, kernel, templates).key], templates)
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
    tied = isinstance(learner, Transformer) and learner.tied
    if copies(templates) and not tied:
        reason = "its read-out has weights of its own for symbols never seen: not trained, not counted"
        return Forecast("does not", reason, _SYMBOLS_SOURCE)
    if certified is None or certified.outcome != "generalises":
        return Forecast("open", "N may be singular, or has no kernel here", SOURCE)
    if not copies(templates):
        return Forecast("generalises", "N is not singular, and no symbol is copied", SOURCE)
    assert isinstance(learner, Transformer)
    if learner.answer_identity:
        return Forecast("generalises", "N is not singular, and b copies", _SYMBOLS_SOURCE)
    return Forecast("open", "without b, copying fails as the width grows", _SYMBOLS_SOURCE)


def certificates_rows(
    settings: AbstractSymbols, found: Mapping[tuple[str, str], Certificate]
) -> Iterator[dict[str, Any]]:
    """A row for each family and learner: what is predicted, why, and the numbers behind it.

    `counted` says whether it is trained: what cannot name a symbol never seen is not.
    """
    for family, templates in settings.families.items():
        own = dict(_contenders(settings, family))
        rest = {n: one for n, one in settings.learners.items() if not isinstance(one.learner, KernelRegression)}
        for name, contender in (own | {n: one for n, one in rest.items() if n not in own}).items():
            learner, certified = as_it_learns(contender.learner, templates), found.get((family, name))
            said = forecast(learner, templates, certified)
            yield (
                {"family": family, "learner": name, "label": contender.label, "counted": name in own}
                | {"predicted": said.outcome, "reason": said.reason}
                | _numbers(certified, ridge_of(contender.learner))
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
        chosen = settings.learners.get(learner)
        if chosen is not None and certified.labels is not None and isinstance(chosen.learner, KernelRegression):
            curves[name, learner] = (sizes, *certified.predicted(sizes, ridge_of(chosen.learner)))
    return curves


def renamings_rows(settings: AbstractSymbols) -> Iterator[dict[str, Any]]:
    """How much each learner's kernel changes when symbols are renamed position by position: 0 for a perceptron."""
    for family, templates in settings.families.items():
        for name in settings.known(family):
            found = kernel_of(settings, settings.learners[name].learner, templates)
            if found is not None:
                change = positionwise_change(found[1], templates)
                label = settings.learners[name].label
                yield {"family": family, "learner": name, "label": label, "change": float(change)}


def curve_sizes(sizes: Iterable[int]) -> list[int]:
    """Numbers of strings for a smooth curve over `sizes`, those among them."""
    sizes = list(sizes)
    steps = round(_CURVE_POINTS_PER_DOUBLING * np.log2(sizes[-1] / sizes[0])) + 1
    return sorted({*sizes, *np.geomspace(sizes[0], sizes[-1], max(steps, 1)).round().astype(int).tolist()})


def ridge_of(learner: Learner) -> float:
    """The ridge of kernel regression; networks have none."""
    return learner.ridge if isinstance(learner, KernelRegression) else 0.0


def _stored(found: Certificate) -> dict[str, Any]:
    smallest = [found.smallest.value, found.smallest.low, found.smallest.high]
    arrays = {"matrix": found.matrix, "standard_error": found.standard_error, "own": found.own}
    return {name: array.tolist() for name, array in arrays.items()} | {"smallest": smallest}


def _restored(value: Mapping[str, Any], templates: Templates) -> Certificate:
    matrix, error, own = (np.array(value[name]) for name in ("matrix", "standard_error", "own"))
    labels = None if templates.symbolic else templates.labels.astype(float)
    return Certificate(matrix, error, own, Range(*value["smallest"]), labels, templates.weights)
