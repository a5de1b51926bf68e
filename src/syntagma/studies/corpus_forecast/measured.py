"""From finished runs to learning curves, the measured exponent beside its forecast, and claims."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from jaxtyping import Float

from syntagma.curves import Claim, Interval, LearningCurve, PerSeed, combined, unmeasured
from syntagma.errors import invalid
from syntagma.statistics.entropies import EntropyBounds
from syntagma.statistics.entropy_decay import EntropyDecay, fit_entropy_decay
from syntagma.studies.corpus_forecast.facts import Statistics, about_key, statistics
from syntagma.studies.corpus_forecast.fast_learning import fast_learning, learning_exponent
from syntagma.studies.corpus_forecast.forecast import Forecast, forecast_of, measured_alpha, with_learning
from syntagma.studies.corpus_forecast.outlook import allowed, envelope, gamma_at, horizon
from syntagma.studies.corpus_forecast.settings import CorpusForecast
from syntagma.studies.study import Cell, Facts, Results
from syntagma.sweep.runs import Run
from syntagma.tasks import NextToken
from syntagma.theory import corpus as theory


@dataclass(frozen=True)
class Measured:
    """Statistics, the forecast, and learning curves against tokens of training text.

    Attributes:
        bounds: of the entropy, by counts and by the networks with most text.
        entropy: how they fall.
        networks: `[seeds, T]`, losses of the networks with most text, by tokens of context; None if a seed is missing.
        by_context: the learning curve with n tokens of context.
        scaling: that of the mean loss over the longer half of the contexts.
        alpha: its exponent.
        ratio: alpha over its forecast, both for the same limit.
        delta: the exponent with which the loss at a given length of context falls to its limit.
        fast: delta over the forecast: above 1 where the horizon, not learning, sets the pace.
    """

    settings: CorpusForecast
    text: Statistics
    bounds: EntropyBounds
    entropy: EntropyDecay
    networks: Float[np.ndarray, "seeds T"] | None
    by_context: Mapping[int, LearningCurve]
    scaling: LearningCurve
    forecast: Forecast
    alpha: Interval
    ratio: Interval
    delta: Interval
    fast: Interval


def cells(settings: CorpusForecast, facts: Facts, results: Results) -> Iterator[Cell]:
    """All runs, the largest first.

    The statistics are asked for although no run needs them, so that the number of windows is known.
    """
    train, windows = settings.part("train"), facts[about_key(settings)]["windows"]
    most = settings.sizes[-1]
    if train.distinct and most // settings.length > windows:
        has = f"the training part has {windows} windows of {settings.length} tokens"
        raise invalid("sizes", most, has, f"Choose at most {windows * settings.length}, or a longer text")
    for size in reversed(settings.sizes):
        for seed in range(settings.seeds):
            run = Run(
                language=train,
                validation_language=settings.held_out("validation"),
                test_language=settings.held_out("test"),
                task=NextToken(),
                learner=settings.learner,
                training=settings.training,
                num_examples=size // settings.length,
                test_examples=settings.test_windows,
                seed=seed,
            )
            yield Cell({"num_tokens": size, "num_examples": run.num_examples, "seed": seed}, run)


def measure(settings: CorpusForecast, facts: Facts, results: Results) -> Measured:
    """Everything that tables, claims and figures need."""
    runs = results.table(cells(settings, facts, results))
    text = statistics(settings, facts)
    by_context = _curves(runs, range(settings.length))
    scaling = _curves(runs, range(settings.length // 2, settings.length), mean=True)[settings.length // 2]
    networks = _most_text(by_context, settings)
    bounds = _with_networks(text.counts, by_context, networks)
    entropy = fit_entropy_decay(bounds)
    forecast = forecast_of(settings, text, entropy)
    alphas, alpha = _over_limits(entropy, lambda limit: measured_alpha(scaling, limit))
    alpha, caveat = envelope(alphas, alpha.value), scaling.caveat()

    def ratio_at(limit: float) -> Interval:
        own = [measured_alpha(scaling, limit), forecast.beta, gamma_at(entropy, limit, settings.blocks)]
        return combined([1.0, 1.0, -1.0], own, log=True).scaled(2.0)

    ratios, ratio = _over_limits(entropy, ratio_at)
    ratio = envelope(ratios, ratio.value) if math.isfinite(ratio.value) else ratio
    alpha, ratio = replace(alpha, caveat=caveat), replace(ratio, caveat=caveat)
    delta = replace(learning_exponent(by_context, horizon(text, settings.sizes[0]).value), caveat=caveat)
    fast = fast_learning(delta, forecast.alpha)
    forecast = with_learning(forecast, fast)
    return Measured(settings, text, bounds, entropy, networks, by_context, scaling, forecast, alpha, ratio, delta, fast)


def _over_limits(entropy: EntropyDecay, at: Callable[[float], Interval]) -> tuple[list[Interval], Interval]:
    """What is measured at each limit allowed, and at the best one."""
    if math.isnan(entropy.limit):
        return [unmeasured(entropy.reason)], unmeasured(entropy.reason)
    return [at(float(limit)) for limit in allowed(entropy)], at(entropy.limit)


def _curves(runs: pd.DataFrame, contexts: range, *, mean: bool = False) -> dict[int, LearningCurve]:
    """Loss against tokens of training text with each number of tokens of context, or their mean as the first one's."""
    losses = np.stack([np.asarray(row, float) for row in runs["test_position_losses"]])[:, contexts]
    losses = losses.mean(axis=1, keepdims=True) if mean else losses
    tables = [
        runs.assign(num_examples=runs["num_tokens"], context=n, loss=losses[:, place])
        for place, n in enumerate(contexts[: losses.shape[1]])
    ]
    curves = LearningCurve.from_runs(pd.concat(tables), ["context"], "loss")
    return {int(str(n)): replace(curve, name=f"n = {n}") for (n,), curve in curves.items()}


def _most_text(by_context: Mapping[int, LearningCurve], settings: CorpusForecast) -> np.ndarray | None:
    """`[seeds, T]`, losses at the largest size, if all seeds have been there."""
    columns = [curve.losses[:, -1] for curve in by_context.values()]
    losses = np.stack(columns, axis=1)
    done = by_context[0].num_examples[-1] == settings.sizes[-1] and len(losses) == settings.seeds
    return losses if done and not np.isnan(losses).any() else None


def _with_networks(
    counts: EntropyBounds, by_context: Mapping[int, LearningCurve], networks: np.ndarray | None
) -> EntropyBounds:
    """Bounds of counts, lowered by networks: at each n the lower of the two, and those of networks beyond.

    A bound that is lower than a tight one is at least as tight.
    """
    if networks is None:
        return counts
    seeds, length = networks.shape
    padded = counts.up_to(length - 1)
    losses, errors, falls = np.full((3, len(padded.values)), np.nan)
    losses[:length] = networks.mean(axis=0)
    errors[:length] = networks.std(axis=0, ddof=1) / math.sqrt(seeds) if seeds > 1 else np.nan
    falls[:length] = [_fall(curve) for curve in by_context.values()]
    tighter = np.fmin(np.abs(falls), np.abs(padded.doubling))
    return padded.lowered_by(losses, errors, "network", tighter)


def _fall(curve: LearningCurve) -> float:
    """By how much the last doubling of the text lowered the mean loss."""
    band = curve.band()
    if len(band.mean) < 2:
        return math.inf
    doublings = math.log2(band.num_examples[-1] / band.num_examples[-2])
    return float(band.mean[-2] - band.mean[-1]) / doublings


def collapsed(measured: Measured) -> pd.DataFrame:
    """L_n(P) by seed's mean, on axes on which theory has one curve; NaN there without both exponents."""
    forecast, rows = measured.forecast, []
    beta, gamma, limit = forecast.beta.value, forecast.gamma.value, forecast.limit.value
    for n, curve in measured.by_context.items():
        if not n or math.isnan(limit):
            continue
        band = curve.band()
        x, unit = theory.collapse(band.num_examples, np.full(len(band.mean), float(n)), gamma, beta)
        if math.isnan(forecast.alpha.value):
            x, unit = np.full((2, len(x)), np.nan)  # 1^NaN is 1
        for size, loss, place, factor in zip(band.num_examples, band.mean, x, unit, strict=True):
            excess = loss - limit
            names = {"num_tokens": int(size), "context": n, "excess": excess}
            rows.append(names | {"scaled_tokens": place, "scaled_loss": factor * excess})
    return pd.DataFrame(rows)


def _scatter_ratio(measured: Measured) -> Interval:
    """Scatter of the losses about one smooth curve, rescaled over as measured, seed by seed."""
    forecast = measured.forecast
    for one in (forecast.beta, forecast.gamma):
        if math.isnan(one.value):
            return unmeasured(one.reason)
    curves = {n: curve.above(forecast.limit.value) for n, curve in measured.by_context.items() if n}
    if any((curve.losses <= 0).any() for curve in curves.values()):
        return unmeasured("a loss is at the limit of the entropy or below")
    ratios = []
    for seed in range(len(measured.scaling.losses)):
        points = [
            (size, n, loss)
            for n, curve in curves.items()
            for size, loss in zip(curve.num_examples, curve.losses[seed], strict=True)
            if not math.isnan(loss)
        ]
        size, context, loss = np.array(points).T
        x, unit = theory.collapse(size, context, forecast.gamma.value, forecast.beta.value)
        ratios.append(theory.scatter(x, loss * unit) / theory.scatter(size, loss))
    return PerSeed.exact(ratios, log=True).interval()


def claims(measured: Measured) -> Iterator[Claim]:
    """Both laws, the belief, the exponent, the collapse."""
    forecast, law, entropy = measured.forecast, measured.text.decay.law, measured.entropy
    sizes = len(measured.scaling.num_examples)
    where = "" if law is None else f" for t = {law.first} to {law.last}"
    yield Claim(
        "correlations of tokens fall as a power of their distance",
        "t^-beta",
        forecast.beta,
        source=theory.SOURCE,
        shown=f"beta: {forecast.beta}{where}",
    )
    range_ = "" if math.isnan(entropy.gamma) else f" for n = {entropy.first} to {entropy.last}"
    yield Claim(
        "the entropy of a token falls as a power of the context's length",
        "H_inf + n^-gamma",
        forecast.gamma,
        source=theory.SOURCE,
        shown=f"gamma: {forecast.gamma}{range_}; H_inf: {forecast.limit}",
    )
    yield Claim(
        "the forecast is to be believed",
        "both statistics are powers, and the range of P is theirs",
        forecast.alpha,
        source="tests of both laws, Syntagma",
        shown="; ".join((forecast.belief, *forecast.reasons)),
    )
    yield Claim(
        "the loss falls with the tokens of training text as the two exponents say",
        f"P^-alpha, alpha = gamma / (2 beta): {forecast.alpha}",
        measured.ratio,
        "equals",
        1.0,
        theory.SOURCE,
        resolution=2.0,
        caveat="" if forecast.belief != "no" else "the forecast is not to be believed",
        shown=f"alpha: {measured.alpha} over {sizes} sizes; over the forecast: {measured.ratio}",
    )
    yield Claim(
        "a given length of context is learned faster than the horizon grows",
        "delta > gamma / (2 beta): their ratio is above 1",
        measured.fast,
        "above",
        1.0,
        theory.SOURCE,
        shown=f"delta: {measured.delta}; over the forecast: {measured.fast}",
    )
    yield Claim(
        "losses at all lengths of context are one curve of P / n^(2 beta)",
        "less scatter than before rescaling: ratio below 1",
        _scatter_ratio(measured),
        "below",
        1.0,
        theory.SOURCE,
    )
