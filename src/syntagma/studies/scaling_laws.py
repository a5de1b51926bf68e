"""Scaling laws on the random hierarchy model: which learner knows which level of a grammar from how many sentences.

For each number of rules m and each learner, the last token is predicted after training on P sentences, P growing from
well below the first threshold until every seed has crossed the half-way line of the last level asked for.
Source: arXiv 2505.07070.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from syntagma.curves import Claim
from syntagma.learners import (
    AnyLearner,
    Clusterer,
    Counter,
    HierarchicalCNN,
    LocallyConnected,
    MultiLayerAttention,
    Transformer,
)
from syntagma.studies import grammar, rules_grid
from syntagma.studies.recipes import trained
from syntagma.studies.rules_grid import Entrant, Measured, RulesGrid
from syntagma.studies.study import Study
from syntagma.theory import counting, exact
from syntagma.theory import hierarchy as theory


def _claims(measured: Measured) -> Iterator[Claim]:
    settings = measured.settings
    for name in settings.learners:
        mine = {f"m = {m}": curve for (learner, m), curve in measured.curves.items() if learner == name}
        yield grammar.order_claim(measured.who(name), mine, settings.levels, theory.SOURCE)
    yield from _growth_claims(measured)
    yield from _comparisons(measured)
    yield from _beside_readers(measured)
    yield grammar.oracle_claim(measured.runs["excess_loss"].tolist(), measured.runs["excess_loss_error"].tolist())


def _growth_claims(measured: Measured) -> Iterator[Claim]:
    """The exponent of each threshold, against that of the exact sizes, and against the law where it holds."""
    settings = measured.settings
    if len(settings.rules) < 2:
        return
    for name, entrant in settings.learners.items():
        shared, source = grammar.law_sharing(entrant.learner), grammar.prediction_source(entrant.learner)
        for level in range(1, settings.levels + 1):
            exponent, text = measured.growth(name, level), f"P_{level} of {measured.who(name)} grows with m"
            predicted = measured.exact_growth(name, level)
            if math.isnan(predicted):
                yield grammar.growth_claim(f"{text} as a power", exponent, math.nan, theory.SOURCE)
                continue
            beside = f"{text} as the {_WHAT_IS_EXACT[source]} of its grammars say"
            yield grammar.growth_claim(beside, exponent, predicted, source, form=".2f")
            if settings.law_holds and shared is not None:
                law = float(theory.threshold_exponent(level, shared))
                yield grammar.growth_claim(f"{text} as the asymptotic law says", exponent, law, theory.SOURCE)


_WHAT_IS_EXACT = {exact.SOURCE: "exact correlations", counting.SOURCE: "numbers of blocks"}


def _pairs(measured: Measured, names: Iterable[str], other: str) -> Iterator[tuple[str, int]]:
    """Learner and m of the curves of `names` that have one of `other` beside them."""
    for name in names:
        for m in measured.settings.rules:
            if name != other and {(name, m), (other, m)} <= measured.curves.keys():
                yield name, m


def _comparisons(measured: Measured) -> Iterator[Claim]:
    """Each network's threshold over that of the first network with weight sharing."""
    settings = measured.settings
    shared = [name for name, entrant in settings.learners.items() if entrant.learner.weight_sharing]
    for name, m in _pairs(measured, settings.networks(), shared[0]) if shared else ():
        learner = settings.learners[name].learner
        for level in range(1, settings.levels + 1):
            times = measured.curves[name, m].over(measured.curves[shared[0], m], level)
            who = measured.who(name)
            beside = f"level {level}, m = {m}: examples {who} needs over those of the {measured.label(shared[0])}"
            factor, law = measured.exact_ratio(m, name, shared[0], level), ""
            if not math.isnan(factor):
                law = f"{factor:.2f}, by exact correlations and one prefactor for both"
            yield grammar.ratio_claim(beside, factor, times, exact.SOURCE, law)
            if level > 2 and learner.weight_sharing is False:
                apart = f"level {level}, m = {m}: {who} needs more examples than the {measured.label(shared[0])}"
                yield Claim(apart, "factor > 1", times, "above", 1.0, theory.SOURCE)


def _beside_readers(measured: Measured) -> Iterator[Claim]:
    """Each network's threshold of the highest level over that of each reader.

    A learner by correlations is predicted to need fewer sentences than the counter where its signal shows before half
    of the counter's blocks were seen, which is so from level 3 on: one that needs as many may only count. What no
    theory covers, and what is measured beside the clusterer, are findings.
    """
    settings, level = measured.settings, measured.settings.levels
    for reader in settings.readers():
        counts = isinstance(settings.learners[reader].learner, Counter)
        for name, m in _pairs(measured, settings.networks(), reader):
            times = measured.curves[name, m].over(measured.curves[reader, m], level)
            beside = f"level {level}, m = {m}: examples {measured.who(name)} needs over those of {measured.who(reader)}"
            if counts and measured.exact_ratio(m, name, reader, level) < 1:
                yield Claim(f"{beside}: fewer", "factor < 1", times, "below", 1.0, grammar.READERS_SOURCE)
            else:
                yield Claim(beside, "no prediction", times, "finding", source=grammar.READERS_SOURCE)


def _networks(
    learners: Iterable[AnyLearner], steps: Mapping[str, tuple[int, int]], **changes: Any
) -> dict[str, Entrant]:
    """Networks by their kind, each trained between its least and its largest number of steps."""
    entrants = {}
    for learner in learners:
        clip_norm = _CLIP_NORMS.get(learner.kind)
        entrants[learner.kind] = Entrant(**dict(trained(learner, steps[learner.kind], clip_norm=clip_norm, **changes)))
    return entrants


_CLIP_NORMS = {"attention": 0.5}
"""Gradients of the attention-only network, which has no normalisation, have lengths near 0.3; once in ten thousand
steps a much longer one would throw it out of what it has learned."""


_READERS = {"counter": Entrant(learner=Counter()), "clusterer": Entrant(learner=Clusterer())}


def _limited(entrants: Mapping[str, Entrant], max_examples: int, seeds: int | None = None) -> dict[str, Entrant]:
    """The same with sizes up to `max_examples`, and so many seeds."""
    given = {"max_examples": max_examples, "seeds": seeds}
    return {name: entrant.model_copy(update=given) for name, entrant in entrants.items()}


_LAPTOP = RulesGrid(
    vocab=16,
    rules=(2, 3, 4),
    depth=4,
    levels=3,
    seeds=4,
    start=0.5,
    beyond=0,
    learners=_limited(
        _networks(
            (HierarchicalCNN(width=128), LocallyConnected(width=128)),
            dict.fromkeys(("cnn", "locally-connected"), (5000, 12_000)),
            batch_size=128,
            warmup_steps=20,
        ),
        max_examples=2**17,
    )
    | _limited(
        _networks((MultiLayerAttention(width=64, heads=4, layers=4),), {"attention": (1500, 2**15)}),
        max_examples=2**16,
        seeds=3,
    )
    | _READERS,
    max_examples=2**21,
    test_examples=2048,
)


_TRANSFORMER = _limited(
    _networks((Transformer(width=64, heads=4, layers=4),), {"transformer": (1500, 2**13)}), max_examples=2**15, seeds=3
)
"""What `night` adds to `laptop`: a network of which no theory says anything beforehand."""


PRESETS: Mapping[str, RulesGrid] = {
    "quick": RulesGrid(
        vocab=8,
        rules=(3,),
        depth=3,
        levels=3,
        seeds=3,
        start=0.5,
        beyond=0,
        learners=_limited(
            _networks(
                (
                    HierarchicalCNN(width=64),
                    MultiLayerAttention(width=64, heads=4, layers=3),
                    Transformer(width=32, heads=4, layers=3),
                ),
                {"cnn": (4000, 8000), "attention": (1000, 8000), "transformer": (1000, 8000)},
                max_epochs=48,
            ),
            max_examples=2**14,
        )
        | _READERS,
        max_examples=2**18,
        test_examples=2048,
    ),
    "laptop": _LAPTOP,
    "full": RulesGrid(
        vocab=32,
        rules=(4, 5, 6, 7, 8),
        depth=4,
        levels=4,
        seeds=5,
        growth=2**0.5,
        learners=_networks(
            (
                HierarchicalCNN(width=512),
                LocallyConnected(width=512),
                MultiLayerAttention(width=512, heads=16, layers=4),
                Transformer(width=512, heads=16, layers=4),
            ),
            dict.fromkeys(("cnn", "locally-connected", "attention", "transformer"), (2**13, 2**20)),
            batch_size=128,
        )
        | _READERS,
        max_examples=2**23,
        test_examples=2**15,
    ),
    "night": _LAPTOP.model_copy(update={"learners": {**_LAPTOP.learners, **_TRANSFORMER}}),
}


STUDY = Study(
    name="scaling-laws",
    title="Scaling laws on the random hierarchy model",
    paper="arXiv 2505.07070",
    settings=RulesGrid,
    presets=PRESETS,
    facts=rules_grid.facts,
    cells=rules_grid.cells,
    expected=rules_grid.expected,
    predictions=rules_grid.predictions,
    measure=rules_grid.measure,
    tables=rules_grid.tables,
    claims=_claims,
    figures=rules_grid.figures,
)
