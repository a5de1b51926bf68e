"""Wrong calls of statistics, theory, curves, networks and settings: each is one line, none is raw, none is accepted.

For every call that is right, one argument at a time is replaced by what cannot stand in its place; that the call is
right as it stands is tested too, so that each refusal is of the argument that is wrong.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from jaxtyping import Bool, Float, Integer
from numpy.typing import ArrayLike
from pydantic import NonNegativeInt, PositiveFloat, PositiveInt

from syntagma import (
    Architecture,
    Clusterer,
    Counter,
    Dense,
    DirichletMultinomial,
    Embedding,
    HierarchicalCNN,
    InputError,
    LastToken,
    LearningCurve,
    RandomHierarchy,
    Templates,
    Training,
    curves,
    fit,
)
from syntagma.checked_call import checked
from syntagma.datasets import split_sizes
from syntagma.randomness import key
from syntagma.statistics import (
    context_tree,
    correlations,
    entropies,
    entropy_decay,
    frequencies,
    intrinsic_dimension,
    lagged,
    ngrams,
    nodes,
    pair_counts,
    power_law,
    symmetry,
)
from syntagma.statistics import strengths as strengths_of
from syntagma.theory import (
    corpus,
    counting,
    enumeration,
    exact,
    excess,
    half_error,
    hierarchy,
    last_token,
    learnability,
    linear_block,
    prediction,
    reading,
    root_class,
    template_rank,
    templates,
    zipf,
)
from syntagma.theory import correlations as ensemble
from syntagma.theory import symmetric_group as group
from syntagma.theory.spectrum import Spectrum

RANDOM = np.random.default_rng(0)
LANGUAGE, CNN, TASK = RandomHierarchy(4, 2, 2, 2), HierarchicalCNN(width=2), LastToken()
SAMPLE = LANGUAGE.sample(0, 50, hidden=True)
EXAMPLES = TASK.examples(SAMPLE, LANGUAGE, 0)
SHAPE = TASK.shape(LANGUAGE)
TEXT, DOCUMENTS = RANDOM.integers(0, 5, 2000), np.array([0, 500])
SIZES, LOSSES = np.array([100.0, 200.0, 400.0, 800.0]), np.array([2.0, 1.5, 1.2, 1.0])
PLATEAUS = np.array([1.5, 1.0, 0.5])
BOUNDS = entropies.entropy_bounds(TEXT[:1000], TEXT[1000:1500], TEXT[1500:], 5, 3, blocks=4)
STRENGTHS = strengths_of.correlation_strengths(TEXT, 5, [1, 2, 3, 4], blocks=4)
CURVE = LearningCurve(SIZES, np.stack([LOSSES, LOSSES * 1.01, LOSSES * 0.99]))
INTERVAL = curves.mean([1.0, 2.0, 3.0])
SCALE = curves.PerSeed.exact([1.0, 1.1, 1.2], log=True).interval()
PREDICTION = last_token.predict(LANGUAGE, CNN)
SPECTRUM = Spectrum([3.0, 2.0, 1.0], [1, 2, 3])
RUNS = pd.DataFrame({"num_examples": [1, 2], "seed": [0, 0], "learner": ["a"] * 2, "test_loss": [2.0, 1.0]})
COPYING = Templates(templates=("αβ -> α",), train_symbols=3, test_symbols=3)
SAME = Templates(templates=("αα -> +1", "αβ -> -1"), train_symbols=3, test_symbols=3)
LABELLED = templates.certificate(SAME, templates.told_equalities(6, 2))
URN = DirichletMultinomial(vocab=4, sentence_length=4)

RIGHT: Mapping[str, tuple[Callable[..., object], Mapping[str, Any]]] = {
    "correlations": (correlations.correlations, {"language": LANGUAGE, "position": -1, "kinds": ("token",)}),
    "pairs": (correlations.pairs, {"language": LANGUAGE, "kind": "token", "level": 1}),
    "lowest_level": (correlations.lowest_level, {"kind": "token"}),
    "resolved": (correlations.resolved, {"language": LANGUAGE, "num_examples": 9}),
    "empirical_covariance": (
        correlations.empirical_covariance, {"first": TEXT[:9], "second": TEXT[1:10], "sizes": (5, 5)},
    ),
    "sampling_floor": (
        correlations.sampling_floor, {"first": np.full(4, 0.25), "second": np.full(4, 0.25), "num_examples": 9},
    ),
    "measured": (correlations.measured, {"language": LANGUAGE, "sample": SAMPLE}),
    "marginal": (nodes.marginal, {"language": LANGUAGE, "node": (0, -1)}),
    "joint": (nodes.joint, {"language": LANGUAGE, "first": (0, 0), "second": (0, 3)}),
    "tuple_covariance": (nodes.tuple_covariance, {"language": LANGUAGE, "node": (1, 0), "second": (0, 3)}),
    "covariance_with_root": (nodes.covariance_with_root, {"language": LANGUAGE, "node": (0, -1)}),
    "pair_counts": (pair_counts.pair_counts, {"tokens": TEXT, "vocab": 5, "lag": 3, "span": (0, 9)}),
    "pair_frequencies": (pair_counts.pair_frequencies, {"counts": pair_counts.pair_counts(TEXT, 5, 3)}),
    "resampled_strengths": (
        lagged.resampled_strengths,
        {"correlations": [lagged.lagged_correlation(TEXT, 5, 1)], "tokens": TEXT, "num_blocks": 4, "drawn": [[0] * 4]},
    ),
    "lagged_correlation": (
        lagged.lagged_correlation, {"tokens": TEXT, "vocab": 5, "lag": 3, "documents": DOCUMENTS},
    ),
    "correlation_strengths": (
        strengths_of.correlation_strengths, {"tokens": TEXT, "vocab": 5, "lags": [1, 2], "blocks": 4},
    ),
    "losses_of_all": (ngrams.losses_of_all, {"train": TEXT, "texts": [(TEXT, None, "test")], "vocab": 5, "longest": 1}),
    "ngram_losses": (
        ngrams.ngram_losses, {"train": TEXT, "test": TEXT, "vocab": 5, "longest": 1, "test_documents": DOCUMENTS},
    ),
    "scored_tokens": (ngrams.scored_tokens, {"length": 9, "longest": 1}),
    "fit_decay": (power_law.fit_decay, {"strengths": STRENGTHS, "first_lag": 1, "tolerance": 0.03}),
    "fit_entropy_decay": (entropy_decay.fit_entropy_decay, {"bounds": BOUNDS, "lowest": 0.0, "tolerance": 0.03}),
    "lowered_by": (BOUNDS.lowered_by, {"losses": np.ones(4), "errors": np.ones(4)}),
    "exact_covariance": (symmetry.exact_covariance, {"language": URN}),
    "symmetric_part": (symmetry.symmetric_part, {"covariance": symmetry.exact_covariance(URN)}),
    "power_exponent": (corpus.power_exponent, {"x": SIZES, "y": LOSSES}),
    "decay_to_limit": (corpus.decay_to_limit, {"x": SIZES, "y": LOSSES}),
    "forecast": (corpus.forecast, {"gamma": 0.3, "beta": 0.8}),
    "collapse": (corpus.collapse, {"num_tokens": SIZES, "context": LOSSES, "gamma": 0.3, "beta": 0.8}),
    "leading_squared_covariance": (
        ensemble.leading_squared_covariance, {"vocab": 4, "rules": 2, "branching": 2, "level": 1, "kind": "token"},
    ),
    "squared_covariance": (
        ensemble.squared_covariance,
        {"vocab": 4, "rules": 2, "branching": 2, "depth": 2, "level": 1, "num_classes": 4, "rule_weights": (0.5, 0.5)},
    ),
    "exact.thresholds": (exact.thresholds, {"language": LANGUAGE, "kind": "tokens"}),
    "exact.mean_thresholds": (exact.mean_thresholds, {"languages": [LANGUAGE], "kind": "tokens"}),
    "half_way_lines": (excess.half_way_lines, {"plateaus": PLATEAUS}),
    "crossings": (excess.crossings, {"num_examples": SIZES, "plateaus": PLATEAUS, "losses": LOSSES}),
    "excess_exponent": (excess.excess_exponent, {"thresholds": SIZES[:2], "plateaus": PLATEAUS, "first": 1, "last": 2}),
    "curve_exponent": (
        excess.curve_exponent, {"curve": PREDICTION.curve, "plateaus": PLATEAUS, "smallest": 1.0, "largest": 1e4},
    ),
    "hierarchy.thresholds": (
        hierarchy.thresholds, {"vocab": 4, "rules": 2, "branching": 2, "depth": 2, "weight_sharing": True},
    ),
    "scaling_exponent": (
        hierarchy.scaling_exponent, {"vocab": 4, "rules": 2, "branching": 2, "weight_sharing": False},
    ),
    "class_sample_complexity": (hierarchy.class_sample_complexity, {"classes": 4, "rules": 2, "depth": 2}),
    "predict": (last_token.predict, {"language": LANGUAGE, "learner": CNN, "first": 1, "last": 2}),
    "measured_by_reader": (
        last_token.measured_by_reader, {"name": "x", "num_examples": SIZES, "losses": LOSSES, "plateaus": PLATEAUS},
    ),
    "average": (prediction.average, {"predictions": [PREDICTION]}),
    "Staircase": (prediction.Staircase, {"thresholds": SIZES[:2], "plateaus": PLATEAUS}),
    "Interpolated": (prediction.Interpolated, {"num_examples": SIZES, "losses": LOSSES}),
    "Stretched": (prediction.Stretched, {"curve": PREDICTION.curve, "factor": 2.0}),
    "Mean": (prediction.Mean, {"curves": (PREDICTION.curve,)}),
    "reading_curve": (reading.reading_curve, {"language": LANGUAGE, "kind": "tokens", "plateaus": PLATEAUS}),
    "slope_between": (
        root_class.slope_between,
        {"curve": PREDICTION.curve, "high": 1.0, "low": 0.5, "smallest": 1.0, "largest": 1e4},
    ),
    "root_class.threshold": (root_class.threshold, {"language": LANGUAGE}),
    "zipf.probabilities": (zipf.probabilities, {"zipf": 1.0, "rules": 4}),
    "share_left": (zipf.share_left, {"sizes": SIZES, "zipf": 1.0, "rules": 4, "scale": 2.0}),
    "finite_exponent": (zipf.finite_exponent, {"sizes": SIZES, "errors": LOSSES, "zipf": 1.0, "rules": 4}),
    "context_tree_losses": (
        context_tree.context_tree_losses,
        {"train": TEXT, "texts": [(TEXT, None, "test")], "vocab": 5, "longest": 1, "train_documents": DOCUMENTS},
    ),
    "context_tree_log_probability": (
        context_tree.context_tree_log_probability, {"tokens": TEXT, "vocab": 5, "depth": 1, "documents": DOCUMENTS},
    ),
    "entropy_bounds": (
        entropies.entropy_bounds,
        {"train": TEXT, "validation": TEXT[:500], "test": TEXT[500:], "vocab": 5, "longest": 1, "blocks": 4},
    ),
    "up_to": (BOUNDS.up_to, {"longest": 4}),
    "token_frequencies": (frequencies.token_frequencies, {"tokens": np.tile(TEXT, 5), "vocab": 5}),
    "two_nearest_dimension": (intrinsic_dimension.two_nearest_dimension, {"points": RANDOM.normal(size=(50, 3))}),
    "window_vectors": (
        intrinsic_dimension.window_vectors,
        {"tokens": TEXT, "vocab": 5, "length": 8, "windows": 50, "directions": 4},
    ),
    "exact.growth": (exact.growth, {"languages": [LANGUAGE, RandomHierarchy(4, 3, 2, 2)], "kind": "tokens"}),
    "exact.threshold": (exact.threshold, {"language": LANGUAGE, "level": 1, "kind": "tuples"}),
    "standard_eigenvalues": (
        linear_block.standard_eigenvalues, {"vocab": 3, "length": 5, "token": 1.0, "position": 1.0},
    ),
    "linear_block.trace": (linear_block.trace, {"vocab": 3, "length": 5, "token": 1.0, "position": 1.0}),
    "slack": (linear_block.slack, {"vocab": 3, "length": 5, "token": 1.0, "position": 1.0}),
    "template_rank": (template_rank.template_rank, {"templates": COPYING, "terms": 40}),
    "counting.thresholds": (counting.thresholds, {"language": LANGUAGE}),
    "counting.seen": (counting.seen, {"num_examples": 9.0, "probabilities": np.full(4, 0.25), "each": 2.0}),
    "half_error": (half_error.half_error, {"spectrum": SPECTRUM, "target": np.array([1.0, 0.0, 0.0]), "ridge": 0.1}),
    "least_for_half": (half_error.least_for_half, {"spectrum": SPECTRUM, "largest": 3.0, "ridge": 0.1}),
    "all_sequences": (enumeration.all_sequences, {"vocab": 2, "length": 3}),
    "error_curve": (root_class.error_curve, {"language": LANGUAGE, "known": "resolved"}),
    "scatter": (corpus.scatter, {"x": SIZES, "y": LOSSES}),
    "rare_share": (zipf.rare_share, {"zipf": 1.0, "rules": 4}),
    "answers": (LABELLED.answers, {"counts": np.ones(2), "ridge": 0.0}),
    "strings_needed": (LABELLED.strings_needed, {"ridge": 0.1}),
    "split_sizes": (split_sizes, {"text": "train=0.5,test=0.5", "examples": 10}),
    "told_equalities": (templates.told_equalities, {"vocab": 4, "layers": 2}),
    "Spectrum": (Spectrum, {"eigenvalues": np.array([2.0, 1.0]), "multiplicities": np.array([1.0, 2.0])}),
    "solve": (learnability.solve, {"spectrum": SPECTRUM, "num_examples": SIZES, "ridge": 0.1}),
    "character": (group.character, {"partition": (2, 1), "cycle_type": (3,)}),
    "dimension": (group.dimension, {"partition": (2, 1)}),
    "symbol_multiplicity": (group.symbol_multiplicity, {"partition": (2, 1), "vocab": 2}),
    "project": (group.project, {"values": RANDOM.normal(size=(2, 2, 2)), "partition": (2, 1)}),
    "tables": (group.tables, {"x": SAMPLE.tokens, "y": SAMPLE.tokens, "vocab": 4}),
    "LearningCurve": (LearningCurve, {"num_examples": SIZES, "losses": LOSSES[None], "seeds": (0,)}),
    "from_runs": (LearningCurve.from_runs, {"runs": RUNS, "by": ("learner",), "metric": "test_loss"}),
    "above": (CURVE.above, {"limits": 0.5}),
    "crossing": (CURVE.crossing, {"lines": np.ones(3)}),
    "slope": (CURVE.slope, {"limits": 0.5, "within": (0.0, 1e9)}),
    "curves.ratio": (curves.ratio, {"curve": CURVE, "lines": 1.1, "other": CURVE, "other_lines": 1.2}),
    "curves.mean": (curves.mean, {"values": np.array([1.0, 2.0])}),
    "combined": (curves.combined, {"weights": (1.0, -1.0), "groups": [INTERVAL, INTERVAL]}),
    "power_law": (curves.power_law, {"sizes": (2.0, 3.0), "values": [SCALE, SCALE]}),
    "jackknife": (curves.jackknife, {"statistic": lambda seeds: float(np.mean(seeds)), "num_seeds": 3}),
    "format_interval": (curves.format_interval, {"interval": INTERVAL, "form": ".3g"}),
    "judge": (curves.judge, {"claims": [curves.Claim("a", "b", INTERVAL)]}),
    "Claim": (curves.Claim, {"measured": INTERVAL, "rule": "finding", "text": "a", "predicted": "b"}),
    "at": (INTERVAL.at, {"confidence": 0.9}),
    "training.model_copy": (Training().model_copy, {"update": {"max_steps": 3}}),
    "learner.model_copy": (CNN.model_copy, {"update": {"width": 3}}),
    "learner.network": (CNN.network, {"key": key(0), "shape": SHAPE}),
    "architecture.network": (
        Architecture(embedding=Embedding(vocab=4), layers=(Dense(),)).network,
        {"key": key(0), "width": 3, "length": 2, "heads": 2, "head_size": 2, "outputs": 2},
    ),
    "learner.check": (CNN.check, {"shape": SHAPE}),
    "network": (CNN.network(key(0), SHAPE), {"inputs": np.asarray(EXAMPLES.inputs)}),
    "network.activations": (CNN.network(key(0), SHAPE).activations, {"inputs": np.asarray(EXAMPLES.inputs)}),
    "counter": (
        fit(Counter(), SHAPE, None, EXAMPLES, EXAMPLES, EXAMPLES).predictor, {"inputs": np.asarray(EXAMPLES.inputs)},
    ),
    "clusterer": (
        fit(Clusterer(), SHAPE, None, EXAMPLES, EXAMPLES, EXAMPLES).predictor, {"inputs": np.asarray(EXAMPLES.inputs)},
    ),
}  # fmt: skip
"""Calls that are right, by name."""

VALUES: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "empirical_covariance": {
        "first": {"negative": np.full(9, -1), "beyond": np.full(9, 5), "fewer": TEXT[:8]},
        "sizes": {"negative": (-1, 5), "one": (5,)},
    },
    "sampling_floor": {"first": {"no probabilities": np.ones(4), "none": np.zeros(0)}, "num_examples": {"0": 0}},
    "pair_counts": {"span": {"backwards": (9, 0), "beyond": (0, 2000)}, "vocab": {"0": 0}, "lag": {"0": 0, "-1": -1}},
    "losses_of_all": {"texts": {"none": []}},
    "context_tree_losses": {
        "texts": {"a pair": [(TEXT, None)], "beyond": [(TEXT + 3, None, "test")]}, "train": {"none": TEXT[:0]},
        "vocab": {"0": 0, "4": 4}, "longest": {"-1": -1, "a text": 2000},
        "train_documents": {"not from 0": np.array([5]), "falling": np.array([0, 9, 3]), "twice": np.array([0, 0])},
    },
    "context_tree_log_probability": {"depth": {"-1": -1, "longer": 2001}, "tokens": {"none": TEXT[:0]}},
    "entropy_bounds": {"longest": {"-1": -1, "a text": 2000}, "blocks": {"0": 0, "many": 10**6}},
    "up_to": {"longest": {"-1": -1}},
    "token_frequencies": {"tokens": {"few": TEXT, "none": TEXT[:0], "beyond": np.tile(TEXT + 1, 5)}, "vocab": {"0": 0}},
    "two_nearest_dimension": {
        "points": {"none": np.zeros((0, 3)), "one": np.zeros((50, 3)), "NaN": np.full((50, 3), np.nan)},
    },
    "window_vectors": {
        "length": {"0": 0, "a text": 3000}, "windows": {"0": 0}, "directions": {"0": 0}, "vocab": {"4": 4},
    },
    "exact.growth": {"languages": {"none": [], "one": [LANGUAGE], "equal": [LANGUAGE, LANGUAGE], "no tree": [URN] * 2}},
    "exact.threshold": {"level": {"0": 0, "3": 3}},
    "standard_eigenvalues": {"vocab": {"1": 1, "many": 10**6}, "length": {"1": 1}, "token": {"0": 0.0, "1e300": 1e300}},
    "linear_block.trace": {"position": {"-1": -1.0, "1e300": 1e300}},
    "slack": {"token": {"0": 0.0}},
    "template_rank": {"terms": {"0": 0}},
    "counting.seen": {
        "num_examples": {"-1": -1.0}, "each": {"0": 0.0},
        "probabilities": {"negative": np.full(4, -0.25), "sum 4": np.ones(4), "NaN": np.full(4, np.nan)},
    },
    "half_error": {"target": {"0": np.zeros(3), "more": np.ones(4)}, "ridge": {"-1": -1.0}},
    "least_for_half": {"largest": {"0": 0.0, "-1": -1.0}},
    "all_sequences": {"vocab": {"0": 0, "257": 257}, "length": {"0": 0, "60": 60}},
    "scatter": {"x": {"none": SIZES[:0], "negative": -SIZES, "fewer": SIZES[1:]}, "y": {"0": LOSSES * 0}},
    "rare_share": {"zipf": {"-1": -1.0}, "rules": {"0": 0, "many": 10**12}},
    "answers": {"counts": {"negative": -np.ones(2), "three": np.ones(3), "none": np.zeros(0)}, "ridge": {"-1": -1.0}},
    "strings_needed": {"ridge": {"-1": -1.0}},
    "split_sizes": {"examples": {"0": 0, "one": 1}, "text": {"words": "train", "half": "train=0.5"}},
    "scored_tokens": {"length": {"0": 0}, "longest": {"-1": -1}},
    "fit_decay": {"first_lag": {"0": 0}, "tolerance": {"1": 1.0}},
    "fit_entropy_decay": {"lowest": {"-1": -1.0}},
    "decay_to_limit": {"x": {"0": SIZES * 0, "fewer": SIZES[1:]}},
    "forecast": {"beta": {"0": 0.0, "-1": -1.0}},
    "collapse": {"context": {"0": LOSSES * 0}},
    "squared_covariance": {
        "rule_weights": {"no probabilities": (0.5, 0.6), "three": (0.5, 0.25, 0.25)}, "vocab": {"0": 0, "-4": -4},
        "num_classes": {"0": 0},
    },
    "excess_exponent": {"plateaus": {"none": np.zeros(0), "one number": 3.0}},
    "curve_exponent": {"smallest": {"0": 0.0, "above": 1e5}, "largest": {"-1": -1.0}},
    "hierarchy.thresholds": {"rules": {"0": 0, "-1": -1, "too many": 5}, "vocab": {"0": 0}},
    "scaling_exponent": {"rules": {"0": 0, "-1": -1}, "vocab": {"0": 0}},
    "Staircase": {"thresholds": {"negative": -SIZES[:2], "more": SIZES}, "plateaus": {"as many": PLATEAUS[:2]}},
    "Interpolated": {"num_examples": {"falling": SIZES[::-1], "0": SIZES * 0, "more": np.arange(1.0, 9.0)}},
    "Stretched": {"factor": {"0": 0.0, "-1": -1.0}},
    "Mean": {"curves": {"none": ()}},
    "reading_curve": {"plateaus": {"as many as levels": PLATEAUS[:2]}},
    "zipf.probabilities": {"zipf": {"-1": -1.0}, "rules": {"0": 0}},
    "share_left": {"scale": {"0": 0.0}, "sizes": {"negative": -SIZES}},
    "finite_exponent": {"errors": {"0": LOSSES * 0}},
    "told_equalities": {"vocab": {"0": 0}, "layers": {"-1": -1}},
    "LearningCurve": {"seeds": {"twice": (0, 0)}, "losses": {"fewer": LOSSES[None, 1:]}},
    "from_runs": {"by": {"none": (), "unknown": ("lerner",)}, "metric": {"unknown": "tset_loss"}},
    "crossing": {"lines": {"two": np.ones(2)}},
    "combined": {"weights": {"one": (1.0,)}, "groups": {"none": []}},
    "power_law": {"sizes": {"three": (2.0, 3.0, 4.0), "0": (0.0, 1.0)}},
    "jackknife": {"num_seeds": {"0": 0, "-1": -1}},
    "format_interval": {"form": {"no form": "nonsense"}},
    "training.model_copy": {"update": {"negative": {"max_steps": -1}, "unknown": {"max_step": 3}, "3": {3: 3}}},
    "learner.model_copy": {"update": {"text": {"width": "x"}, "True": {"width": True}}},
    **{
        predictor: {"inputs": {
            "too large": np.full((3, 4), 5), "negative": np.full((3, 4), -1), "fewer": EXAMPLES.inputs[:, 1:],
            "none": EXAMPLES.inputs[:0],
        }}
        for predictor in ("network", "network.activations", "counter", "clusterer")
    },
}  # fmt: skip
"""What has the right type and cannot be."""

ANYTHING: Mapping[str, Any] = {"an object": object(), "bytes": b"x", "a complex number": 1j}
OPTIONAL = {
    ("excess_exponent", "last"), ("predict", "last"), ("squared_covariance", "num_classes"),
    ("squared_covariance", "rule_weights"), ("pair_counts", "span"), ("ngram_losses", "test_documents"),
    ("lagged_correlation", "documents"), ("Spectrum", "multiplicities"), ("training.model_copy", "update"),
    ("learner.model_copy", "update"), ("architecture.network", "heads"), ("architecture.network", "head_size"),
    ("architecture.network", "outputs"), ("context_tree_losses", "train_documents"), ("split_sizes", "examples"),
    ("context_tree_log_probability", "documents"),
}  # fmt: skip
"""Arguments that may be None."""


def wrong_types(good: Any) -> Mapping[str, Any]:
    """What cannot stand in the place of `good`, whatever it means."""
    if isinstance(good, np.ndarray):
        kinds: Any = np.full(good.shape, None)
        wrong: dict[str, Any] = {
            "text": "abba", "a dictionary": {"a": 1}, "an axis more": good[..., None], "complex numbers": good * 1j,
            "objects": kinds, "texts": good.astype(str), "ragged": [[0, 1], [0]], "a set": {1, 2},
        }  # fmt: skip
        if good.dtype.kind in "iu":
            return wrong | {"fractions": good + 0.5, "truth values": good > 0, "NaN": good * np.nan}
        return wrong
    if isinstance(good, jax.Array):
        many = jax.random.split(good)
        return {"0": 0, "text": "x", "a list": [], "zeros": jnp.zeros(2), "three": np.zeros(3, np.uint32), "two": many}
    if isinstance(good, bool):
        return {"text": "x", "2": 2, "NaN": math.nan}
    if isinstance(good, int | float):
        wrong = {"text": "x", "a digit": "3", "True": True, "NaN": math.nan, "a list": [], "two": np.array([1, 2])}
        return wrong | ({"1.5": 1.5, "huge": 10**30, "infinity": math.inf} if isinstance(good, int) else {})
    if isinstance(good, str):
        return {"3": 3, "True": True, "a list": [], "NaN": math.nan}
    if isinstance(good, list | tuple):
        return {"3": 3, "text": "x", "NaN": math.nan, "of None": [None], "of lists": [[]], "of objects": [object()]}
    return {"3": 3, "text": "x", "a list": [], "the class": type(good), "NaN": math.nan, "True": True}


def wrong_calls() -> Iterator[tuple[str, Callable[..., object], Mapping[str, Any]]]:
    for name, (call, arguments) in RIGHT.items():
        for field, good in arguments.items():
            if callable(good) and field == "statistic":
                continue
            wrong = {**wrong_types(good), **ANYTHING}
            if (name, field) not in OPTIONAL:
                wrong["None"] = None
            for kind, value in wrong.items():
                yield f"{name}, {field}: {kind}", call, {**arguments, field: value}
    for name, fields in VALUES.items():
        call, arguments = RIGHT[name]
        for field, wrong in fields.items():
            for kind, value in wrong.items():
                yield f"{name}, {field} is {kind}", call, {**arguments, field: value}


WRONG = {name: (call, arguments) for name, call, arguments in wrong_calls()}


def called(call: Callable[..., object], arguments: Mapping[str, Any]) -> object:
    """`lowered_by` has an argument more; networks and predictors name theirs differently."""
    if list(arguments) == ["inputs"]:
        return call(arguments["inputs"])
    more = {"name": "x"} if "name" in inspect.signature(call).parameters and "name" not in arguments else {}
    return call(**arguments, **({} if call is LearningCurve else more))


def refusal(name: str, call: Callable[..., object], arguments: Mapping[str, Any]) -> str:
    try:
        called(call, arguments)
    except InputError as error:
        return str(error)
    pytest.fail(f"{name} is accepted")


def test_there_are_many() -> None:
    assert len(WRONG) > 1500


@pytest.mark.parametrize("name", RIGHT)
def test_wrong_arguments_are_refused_in_one_line_and_right_ones_are_not(name: str) -> None:
    called(*RIGHT[name])
    for wrong, call in WRONG.items():
        if wrong.startswith(f"{name}, "):
            text = refusal(wrong, *call)
            assert text.strip() == text, wrong
            assert len(text.splitlines()) == 1, wrong
            assert len(text) < 400, wrong


@checked
def every_kind(
    size: PositiveInt = 1,
    number: float = 0.5,
    end: float = math.inf,
    share: PositiveFloat = 0.5,
    name: Literal["a", "b"] = "a",
    flag: bool = False,
    row: Float[np.ndarray, " n"] | None = None,
    steps: Float[np.ndarray, " n+1"] | None = None,
    tokens: Integer[np.ndarray, "n T"] | None = None,
    mask: Bool[np.ndarray, "..."] | None = None,
    like: Annotated[ArrayLike, "k"] | None = None,
    pair: tuple[int, NonNegativeInt] = (0, 0),
    either: float | Float[np.ndarray, " m"] = 0.0,
    table: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    return locals()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"size": 0}, "size=0 cannot be used: it must be above 0. Give a number above 0."),
        ({"size": 2**63}, "whole numbers have 64 bits at the most"),
        ({"number": math.inf}, "number=inf cannot be used: it must be a finite number"),
        ({"number": "x"}, "number='x' cannot be used: it must be a number. Give a number, as 0.5."),
        ({"end": "x"}, "end='x' cannot be used: it must be a number"),
        ({"share": -1.0}, "share=-1.0 cannot be used: it must be above 0. Give"),
        ({"name": "c"}, "name='c' is unknown: there are a, b."),
        ({"name": 3}, "name=3 is unknown: there are a, b. Choose one of them."),
        ({"flag": 1}, "flag=1 cannot be used: it is True or False"),
        ({"row": [[1.0]]}, r"row.shape=\(1, 1\) cannot be used: it must have 1 axis. Give \[n\]."),
        ({"row": [1.0, math.nan]}, r"row\[1\]=nan cannot be used: it must be a finite number"),
        ({"row": [1.0], "steps": [1.0]}, r"steps.shape=\(1,\) cannot be used: row has 1, so it must be 2"),
        ({"row": [1.0], "tokens": [[1], [2]]}, r"tokens.shape=\(2, 1\) cannot be used: row has 1 where it has 2"),
        ({"tokens": [[0.5]]}, "tokens.dtype='float64' cannot be used: it must be whole numbers"),
        ({"mask": [0, 1]}, "mask.dtype='int64' cannot be used: it must be truth values"),
        ({"like": 3.0}, r"like.shape=\(\) cannot be used: it must have 1 axis"),
        ({"pair": (1,)}, r"pair=\(1,\) cannot be used: it must be 2 values"),
        ({"pair": (1, -1)}, r"pair\[1\]=-1 cannot be used: it must be at least 0"),
        ({"either": "x"}, "either='x' cannot be used: it must be a number"),
        ({"either": [["x"]]}, "either.dtype='<U1' cannot be used: it must be numbers"),
        ({"table": {"a": "x"}}, r"table\['a'\]='x' cannot be used: it must be a number"),
        ({"table": 3}, "table=3 cannot be used: it must be a dictionary"),
    ],
)
def test_the_message_names_what_is_wrong(given: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        every_kind(**given)


def test_what_is_right_passes_as_the_function_takes_it() -> None:
    found = every_kind(
        size=np.int8(3), number=np.float32(0.5), end=-math.inf, flag=np.True_, row=[1, 2], steps=np.arange(3),
        tokens=np.zeros((2, 1), np.uint8), like=(1, 2), pair=np.array([-1, 2]), either=jax.numpy.ones(4),
    )  # pyright: ignore[reportArgumentType]  # fmt: skip
    assert (found["size"], found["number"], found["flag"]) == (3, 0.5, True)
    assert type(found["size"]) is int
    assert found["row"].dtype == found["steps"].dtype == np.float64
    assert found["tokens"].dtype == np.uint8
    assert found["pair"] == (-1, 2)
    assert isinstance(found["either"], np.ndarray)


def test_a_copy_of_settings_keeps_what_was_set() -> None:
    changed = Training(batch_size=4).model_copy(update={"max_steps": 7})
    assert (changed, changed.model_fields_set) == (Training(batch_size=4, max_steps=7), {"batch_size", "max_steps"})
    assert changed.model_copy() == changed
