"""The scaling exponent of a text, forecast from two statistics of it and then measured by training.

How fast the correlations of tokens fall with their distance (beta), and how fast the entropy of the next token falls
with the length of context (gamma), say how the loss falls with the amount P of training text: P^(-gamma / (2 beta)).
beta is taken only where a power law of the distance is not rejected, over distances that the text resolves; gamma with
its interval over all limits H_inf that the entropies allow. A forecast says of itself whether it is to be believed.
Source: arXiv 2602.07488; see `theory.corpus`, `statistics.power_law` and `statistics.entropy_decay`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from jaxtyping import Float
from pydantic import Field, model_validator

from syntagma.curves import Claim, Interval, LearningCurve, PerSeed, combined, format_interval, unmeasured
from syntagma.curves.tail import Tail
from syntagma.errors import InputError, invalid
from syntagma.languages.settings import TextSettings
from syntagma.learners import Training, Transformer
from syntagma.plot import Axis, Band, Empty, Figure, Law, Level, Line, Mark, Panel, Points, VerticalLine
from syntagma.plot.learning_curves import band_labels, curve_marks
from syntagma.statistics.blocks import student_reach
from syntagma.statistics.entropies import EntropyBounds, entropy_bounds
from syntagma.statistics.entropy_decay import EntropyDecay, fit_entropy_decay
from syntagma.statistics.lagged import geometric_lags, sampling_floor
from syntagma.statistics.power_law import Decay, fit_decay
from syntagma.statistics.strengths import Strengths, correlation_strengths
from syntagma.studies.recipes import Rising, adam, powers_of_two
from syntagma.studies.schemas import NOTE, Column, Schema, Table, interval_columns, interval_ends
from syntagma.studies.study import Cell, Fact, Facts, Results, Settings, Study
from syntagma.sweep.runs import Run
from syntagma.tasks import NextToken
from syntagma.theory import corpus as theory

_VALIDATION_SHARE = 0.05
_WIDE = 1.5
"""A forecast whose interval reaches farther than this factor from its middle is to be used with care."""
_LIMITS = 9
"""How many of the limits that are allowed are looked at, from the lowest to the highest."""
_CONTEXTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 511)
"""Tokens of context whose losses are drawn."""
_COUNTS = "counter"


class CorpusForecast(Settings):
    """Two statistics of a text, and networks trained on ever more of it.

    Attributes:
        text: the text, its path or all its settings, which have a validation part.
        length: T, tokens of a window; networks see contexts of 0 to T - 1 tokens.
        largest_lag: the longest distance at which correlations are measured.
        lags_per_doubling: how many distances to each doubling.
        first_lag: the shortest distance that counts for beta.
        shuffles: copies of the text in random order that give the sampling floor.
        blocks: equal stretches of the text, from whose spread intervals come.
        longest: most tokens of context of the n-gram counts.
        sizes: tokens of training text P.
        seeds: how many; each has windows of the text, initial weights and an order of its own.
    """

    text: TextSettings | None = None
    length: int = Field(ge=4)
    largest_lag: int = Field(default=1024, ge=4)
    lags_per_doubling: int = Field(default=3, ge=1)
    first_lag: int = Field(default=2, ge=1)
    shuffles: int = Field(default=5, ge=2)
    blocks: int = Field(default=20, ge=4)
    longest: int = Field(default=8, ge=4)
    learner: Transformer
    training: Training
    sizes: Rising = Field(min_length=3)
    seeds: int = Field(default=3, ge=1)
    test_windows: int = Field(default=2048, ge=2)

    @model_validator(mode="before")
    @classmethod
    def _path_alone(cls, given: Any) -> Any:
        if isinstance(given, dict) and isinstance(given.get("text"), str):
            length = given.get("length") or 32
            text = TextSettings.of_file(given["text"], length, distinct=True, validation_share=_VALIDATION_SHARE)
            return given | {"text": text.model_dump(mode="json")}
        return given

    @model_validator(mode="after")
    def _fits(self) -> CorpusForecast:
        if self.sizes[0] < self.length:
            raise invalid("sizes", self.sizes[0], f"a window has {self.length} tokens", "Choose larger ones")
        if self.text is not None:
            if (given := self.text.sentence_length) != self.length:
                raise invalid("text.sentence_length", given, f"length is {self.length}", "Make them equal")
            if not (share := self.text.validation_share):
                raise invalid("text.validation_share", share, "training stops by a part of its own", "Give 0.05, say")
        return self

    def part(self, name: Literal["train", "validation", "test"]) -> TextSettings:
        """One of the three parts of the text.

        Raises:
            InputError: no text is given.
        """
        if self.text is None:
            raise InputError("text: None is given, and this study looks at a text. Name a file: --set text=FILE")
        return self.text.model_copy(update={"part": name})

    def held_out(self, name: Literal["validation", "test"]) -> TextSettings:
        """A part from which windows are drawn at any place, the same ones again and again if need be."""
        return self.part(name).model_copy(update={"stride": 1, "distinct": False})

    def key(self, of: str, **more: Any) -> dict[str, Any]:
        """The key of a fact of the text, which does not depend on where the file lies.

        Raises:
            InputError: no text is given.
        """
        text = self.part("train").model_dump(mode="json", exclude={"path", "stride", "part"})
        return {"of": of, "text": text, **more}


@dataclass(frozen=True)
class Statistics:
    """A text's statistics.

    Attributes:
        tokens: N of the training part.
        floor: `[shuffles]`, strengths of shuffled copies.
        strengths: of correlations, by distance.
        decay: the power laws that they follow.
        counts: bounds of the entropy by n-gram counts.
    """

    tokens: int
    floor: Float[np.ndarray, " shuffles"]
    strengths: Strengths
    decay: Decay
    counts: EntropyBounds


@dataclass(frozen=True)
class Forecast:
    """The exponents of a text, the exponent that they forecast, and whether to believe it.

    Attributes:
        beta: of correlations.
        gamma: of the entropy.
        limit: H_inf, nats: from the lowest to the highest that the entropies allow.
        alpha: gamma / (2 beta).
        belief: "yes", "with care" or "no".
        reasons: why not, or why with care.
    """

    beta: Interval
    gamma: Interval
    limit: Interval
    alpha: Interval
    belief: Literal["yes", "with care", "no"]
    reasons: tuple[str, ...]


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


def _facts(settings: CorpusForecast, results: Results) -> Iterator[Fact]:
    train = settings.part("train").language()
    lags = geometric_lags(min(settings.largest_lag, len(train.tokens) // 4), settings.lags_per_doubling)

    def about() -> dict[str, Any]:
        floor = sampling_floor(train.tokens, train.vocab, settings.shuffles)
        sizes = {"tokens": len(train.tokens), "vocab": train.vocab, "windows": len(train.windows)}
        return sizes | {"lags": lags, "floor": floor.tolist()}

    def strength(lag: int) -> dict[str, Any]:
        found = correlation_strengths(train.tokens, train.vocab, [lag], blocks=settings.blocks)
        return {name: np.asarray(value)[..., 0].tolist() for name, value in vars(found).items()}

    def entropies() -> dict[str, Any]:
        validation, test = (settings.part(name).language().tokens for name in ("validation", "test"))
        bounds = entropy_bounds(train.tokens, validation, test, train.vocab, settings.longest, blocks=settings.blocks)
        return {name: np.asarray(value).tolist() for name, value in vars(bounds).items()}

    yield Fact(_about_key(settings), about, "sampling floor")
    for lag in lags:
        compute = functools.partial(strength, lag)
        yield Fact(_strength_key(settings, lag), compute, f"correlations of tokens {lag} apart")
    yield Fact(_entropies_key(settings), entropies, "losses of n-gram counts")


def _about_key(settings: CorpusForecast) -> dict[str, Any]:
    lags = {"largest_lag": settings.largest_lag, "lags_per_doubling": settings.lags_per_doubling}
    return settings.key("text", shuffles=settings.shuffles, **lags)


def _strength_key(settings: CorpusForecast, lag: int) -> dict[str, Any]:
    return settings.key("strength", lag=lag, blocks=settings.blocks)


def _entropies_key(settings: CorpusForecast) -> dict[str, Any]:
    return settings.key("entropies", longest=settings.longest, blocks=settings.blocks)


def _statistics(settings: CorpusForecast, facts: Facts) -> Statistics:
    about = facts[_about_key(settings)]
    by_lag = [facts[_strength_key(settings, lag)] for lag in about["lags"]]
    strengths = Strengths(**{name: np.stack([np.asarray(one[name]) for one in by_lag], axis=-1) for name in by_lag[0]})
    arrays: dict[str, Any] = {name: np.asarray(value) for name, value in facts[_entropies_key(settings)].items()}
    arrays["estimators"] = tuple(arrays["estimators"].tolist())
    counts = EntropyBounds(**arrays)
    decay = fit_decay(strengths, first_lag=settings.first_lag)
    return Statistics(about["tokens"], np.asarray(about["floor"]), strengths, decay, counts)


def _cells(settings: CorpusForecast, facts: Facts, results: Results) -> Iterator[Cell]:
    """All runs, the largest first.

    The statistics are asked for although no run needs them, so that the number of windows is known.
    """
    train, windows = settings.part("train"), facts[_about_key(settings)]["windows"]
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


def forecast_of(settings: CorpusForecast, text: Statistics, entropy: EntropyDecay) -> Forecast:
    """The exponents with their intervals, those of blocks of text, and what they forecast."""
    law, blocks = text.decay.law, settings.blocks
    if law is None:
        beta = unmeasured(text.decay.reason)
    else:
        tail = Tail(math.log(law.exponent), law.standard_error / law.exponent, blocks - 1)
        beta = Interval(law.exponent, tail, tail, log=True, num_seeds=blocks)
    if math.isnan(entropy.gamma):
        gamma = limit = unmeasured(entropy.reason)
    else:
        gamma = _envelope([_gamma_at(entropy, at, blocks) for at in _allowed(entropy)], entropy.gamma)
        low, high = Tail(entropy.limit_low, 0.0, math.inf), Tail(entropy.limit_high, 0.0, math.inf)
        limit = Interval(entropy.limit, low, high, num_seeds=blocks)
    alpha = combined([1.0, -1.0], [gamma, beta], log=True).scaled(0.5)
    return Forecast(beta, gamma, limit, alpha, *_belief(settings, text, entropy, alpha))


def _belief(
    settings: CorpusForecast, text: Statistics, entropy: EntropyDecay, alpha: Interval
) -> tuple[Literal["yes", "with care", "no"], tuple[str, ...]]:
    """Whether a forecast is to be believed, and what speaks against it."""
    law = text.decay.law
    against = [text.decay.reason] if law is None else []
    no_power = math.isnan(entropy.gamma) or "do not fall as a power" in entropy.reason
    against += [entropy.reason] if no_power else []
    if law is None or against:
        return "no", tuple(against)
    care = [reason for reason in (text.decay.reason, entropy.reason) if reason]
    for size in settings.sizes[:: len(settings.sizes) - 1]:
        noise = text.floor.mean() * math.sqrt(text.tokens / size)
        horizon = math.exp((law.log_amplitude - math.log(noise)) / law.exponent)
        known = min(law.last, settings.length - 1)
        if not law.first <= horizon <= known:
            where = f"the power law and the contexts are known from {law.first} to {known}"
            care.append(f"{size} tokens of text resolve correlations up to {horizon:.3g} tokens, and {where}")
    low, high = alpha.low, alpha.high
    if not low > 0 or math.sqrt(high / low) > _WIDE:
        care.append(f"the forecast is {alpha}, wider than a factor of {_WIDE:g} each way")
    return ("with care" if care else "yes"), tuple(care)


def _allowed(entropy: EntropyDecay) -> Float[np.ndarray, " k"]:
    """Limits from the lowest to the highest that the entropies allow."""
    return np.linspace(entropy.limit_low, entropy.limit_high, _LIMITS)


def _gamma_at(entropy: EntropyDecay, limit: float, blocks: int) -> Interval:
    """gamma for a given limit; its error lies between those at both ends of what is allowed, which are known."""
    value, error = entropy.at(limit, blocks)
    if value <= 0:
        return unmeasured("the entropies do not fall with context")
    tail = Tail(math.log(value), error / value, blocks - 1)
    return Interval(value, tail, tail, log=True, num_seeds=blocks)


def _envelope(intervals: Sequence[Interval], value: float) -> Interval:
    """The interval from the lowest to the highest end of several, all scales, around `value`.

    An end is open where one of theirs is.
    """
    first = intervals[0]
    unknown = next((one for one in intervals if math.isnan(one.value)), None)
    if math.isnan(value):
        return unmeasured(unknown.reason if unknown else "nothing was measured")
    open_end = unknown or next((one for one in intervals if None in (one.lower, one.upper)), None)
    if open_end is not None:
        return Interval(value, log=True, num_seeds=first.num_seeds, reason=open_end.reason, caveat=first.caveat)
    lower = min(intervals, key=lambda one: one.low).lower
    upper = max(intervals, key=lambda one: one.high).upper
    return Interval(value, lower, upper, True, first.num_seeds, caveat=first.caveat)


def measured_alpha(curve: LearningCurve, limit: float) -> Interval:
    """alpha of loss - limit ~ P^-alpha as a scale, the mean over seeds of the slopes of all sizes measured."""
    slope = curve.slope(limit)
    if math.isnan(slope.value) or slope.value > 0:
        return _as_scale(slope)
    return unmeasured(f"the loss does not fall with the text: alpha = {slope}")


def _as_scale(interval: Interval) -> Interval:
    """The same with tails of the logarithm, to first order in the relative error."""
    if math.isnan(interval.value):
        return interval
    value = interval.value
    lower, upper = (
        None if tail is None else Tail(math.log(value), tail.error / value, tail.freedom)
        for tail in (interval.lower, interval.upper)
    )
    return replace(interval, lower=lower, upper=upper, log=True)


def _measure(settings: CorpusForecast, facts: Facts, results: Results) -> Measured:
    runs = results.table(_cells(settings, facts, results))
    text = _statistics(settings, facts)
    by_context = _curves(runs, range(settings.length))
    scaling = _curves(runs, range(settings.length // 2, settings.length), mean=True)[settings.length // 2]
    networks = _most_text(by_context, settings)
    bounds = _with_networks(text.counts, by_context, networks)
    entropy = fit_entropy_decay(bounds)
    forecast = forecast_of(settings, text, entropy)
    alphas, alpha = _over_limits(entropy, lambda limit: measured_alpha(scaling, limit))
    alpha, caveat = _envelope(alphas, alpha.value), _training_caveat(scaling)

    def ratio_at(limit: float) -> Interval:
        own = [measured_alpha(scaling, limit), forecast.beta, _gamma_at(entropy, limit, settings.blocks)]
        return combined([1.0, 1.0, -1.0], own, log=True).scaled(2.0)

    ratios, ratio = _over_limits(entropy, ratio_at)
    ratio = _envelope(ratios, ratio.value) if math.isfinite(ratio.value) else ratio
    alpha, ratio = replace(alpha, caveat=caveat), replace(ratio, caveat=caveat)
    return Measured(settings, text, bounds, entropy, networks, by_context, scaling, forecast, alpha, ratio)


def _over_limits(entropy: EntropyDecay, at: Callable[[float], Interval]) -> tuple[list[Interval], Interval]:
    """What is measured at each limit allowed, and at the best one."""
    if math.isnan(entropy.limit):
        return [unmeasured(entropy.reason)], unmeasured(entropy.reason)
    return [at(float(limit)) for limit in _allowed(entropy)], at(entropy.limit)


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


def _training_caveat(curve: LearningCurve) -> str:
    """Why the slope says nothing of the text, if so."""
    parts = []
    if curve.diverged is not None and curve.diverged.any():
        parts.append(f"{int(curve.diverged.sum())} of {curve.diverged.size} runs diverged")
    if curve.cut_short is not None and curve.cut_short[:, -1].all():
        parts.append("training, not text, may have ended the curve: at the largest size the smallest loss is the last")
    return "; ".join(parts)


_BELIEF = Schema(
    "belief",
    "Is the forecast to be believed?",
    "The verdict of the forecast on itself. No: correlations do not fall as a power of the distance, or the entropies"
    " not as a power of the context's length. With care: what speaks for care is named.",
    (Column("believed", "to be believed", "text"), Column("reason", "because", "text")),
)
_EXPONENTS = Schema(
    "exponents",
    "Exponents",
    "Each with its interval of 95 %: of beta over blocks of the training text, of gamma over blocks of the test text "
    "and all limits H_inf that the entropies allow, of the forecast over both, of the measured exponent over seeds "
    "and limits.",
    (
        Column("name", "what", "text"),
        Column("symbol", "formula", "text"),
        Column("value", "value", "exponent"),
        *interval_ends("exponent"),
        NOTE,
    ),
)
_PIECES = Schema(
    "pieces",
    "Power laws over pieces of the distances",
    "Exponents of the pieces that the distances which the text resolves are cut into, and of all of them together, "
    "whether or not a power law holds there; it is rejected where the p-value is below 0.05.",
    (
        Column("piece", "distances", "text"),
        Column("first", "from (tokens)", "whole"),
        Column("last", "to (tokens)", "whole"),
        Column("exponent", "beta", "exponent"),
        *interval_ends("exponent"),
        Column("p_value", "p-value", "ratio"),
        Column("forecasts", "used for the forecast", "text"),
    ),
)
_CORRELATIONS = Schema(
    "correlations",
    "Correlations by distance",
    "Largest singular value of the covariance of tokens t apart, without the bias that sampling adds, with its "
    "interval of 95 % over blocks of text; whether the text resolves it, and whether it counts for beta.",
    (
        Column("lag", "t (tokens)", "whole"),
        Column("strength", "strength", "ratio"),
        *interval_ends("ratio"),
        Column("floor", "sampling floor", "ratio"),
        Column("resolved", "resolved", "text"),
        Column("fitted", "counts for beta", "text"),
    ),
)
_TOKENS = Column("num_tokens", "P (tokens)", "count")
_CONTEXT = Column("context", "n", "whole")
_LOSS = (Column("loss_nats", "loss (nats)", "nats"), *interval_ends("nats"))
_ENTROPY = Schema(
    "entropies",
    "Entropy of a token, from above",
    "Loss with n tokens of context, nats a token: of n-gram counts, with the interval of 95 % over blocks of the test"
    " text; of the networks with most text, the smallest and largest seed. At each n the lower one bounds the entropy"
    " H_n.",
    (Column("estimator", "by", "text"), _CONTEXT, *_LOSS, Column("fitted", "counts for gamma", "text")),
)
_CURVES = Schema(
    "curves",
    "Loss by tokens of context",
    "Mean over seeds of the test loss with n tokens of context after training on P tokens, and the smallest and "
    "largest seed.",
    (_TOKENS, _CONTEXT, *_LOSS),
)
_SCALING = Schema(
    "scaling",
    "Loss against the amount of training text",
    "Mean over seeds of the loss of the longer half of the contexts, the smallest and largest seed, and what is above"
    " the limit of the entropy, in nats a token.",
    (_TOKENS, *_LOSS, Column("excess", "above H_inf", "nats")),
)
_COLLAPSE = Schema(
    "collapse",
    "Losses on the axes of the collapse",
    "Losses with n tokens of context above the limit of the entropy, as they are and on the axes on which theory has "
    "one curve.",
    (
        _TOKENS,
        _CONTEXT,
        Column("excess", "above H_inf (nats)", "nats"),
        Column("scaled_tokens", "P / n^(2 beta)", "ratio"),
        Column("scaled_loss", "times n^gamma", "ratio"),
    ),
)
_NGRAMS, _NETWORK = "n-gram counts", "network, most text"


def _predictions(settings: CorpusForecast, facts: Facts) -> Iterator[Table]:
    text = _statistics(settings, facts)
    entropy = fit_entropy_decay(text.counts)
    forecast = forecast_of(settings, text, entropy)
    yield _EXPONENTS.table(_exponent_rows(forecast))
    yield _belief_table(forecast)
    yield _pieces_table(text.decay)
    yield _correlations_table(text)
    yield _ENTROPY.table(_count_rows(text.counts, entropy))


def _tables(measured: Measured) -> Iterator[Table]:
    text, settings = measured.text, measured.settings
    yield _EXPONENTS.table([*_exponent_rows(measured.forecast), _exponent("measured", "alpha", measured.alpha)])
    yield _belief_table(measured.forecast)
    scaling, limit = measured.scaling.band(), measured.forecast.limit.value
    columns = {"num_tokens": scaling.num_examples.astype(int), "loss_nats": scaling.mean, "low": scaling.low}
    columns |= {"high": scaling.high, "excess": scaling.mean - limit}
    yield _SCALING.table(pd.DataFrame(columns))
    yield _pieces_table(text.decay)
    yield _correlations_table(text)
    rows = list(_count_rows(text.counts, measured.entropy))
    if measured.networks is not None:
        rows += [
            _entropy_row(_NETWORK, n, row.mean(), row.min(), row.max(), measured.entropy)
            for n, row in enumerate(measured.networks.T)
        ]
    yield _ENTROPY.table(rows)
    names = {"learner": settings.learner.kind, "label": settings.learner.label}
    yield _CURVES.table(
        names | {"num_tokens": int(size), "context": n, "loss_nats": mean, "low": low, "high": high}
        for n, band in ((n, curve.band()) for n, curve in measured.by_context.items())
        for size, mean, low, high in zip(band.num_examples, band.mean, band.low, band.high, strict=True)
    )
    yield _COLLAPSE.table(_collapsed(measured))


def _exponent_rows(forecast: Forecast) -> list[dict[str, Any]]:
    return [
        _exponent("decay of correlations", "beta", forecast.beta),
        _exponent("decay of the entropy", "gamma", forecast.gamma),
        _exponent("forecast", "gamma / (2 beta)", forecast.alpha),
        _exponent("limit of the entropy", "H_inf", forecast.limit),
    ]


def _exponent(name: str, symbol: str, interval: Interval) -> dict[str, Any]:
    columns = interval_columns(interval)
    columns = {"value": columns.pop("measured")} | columns
    return {"name": name, "symbol": symbol, **columns, "source": theory.SOURCE}


def _belief_table(forecast: Forecast) -> Table:
    reasons = forecast.reasons or ("both statistics fall as powers, and the forecast is narrow",)
    return _BELIEF.table({"believed": forecast.belief, "reason": reason} for reason in reasons)


def _pieces_table(decay: Decay) -> Table:
    laws = [] if decay.whole is None else [("all", decay.whole)]
    laws += [(f"piece {place}", law) for place, law in enumerate(decay.pieces, start=1) if len(decay.pieces) > 1]
    names = ("first", "last", "exponent", "low", "high", "p_value")
    return _PIECES.table(
        {"piece": piece, "forecasts": "yes" if law is decay.law else ""} | {name: getattr(law, name) for name in names}
        for piece, law in laws
    )


def _counted(text: Statistics) -> np.ndarray:
    """`[k]`, which distances count for beta."""
    lags, law = text.strengths.lags, text.decay.law
    return np.zeros(len(lags), bool) if law is None else (lags >= law.first) & (lags <= law.last)


def _correlations_table(text: Statistics) -> Table:
    low, high = text.strengths.intervals()
    columns = {"lag": text.strengths.lags, "strength": text.strengths.values, "low": low, "high": high}
    columns |= {"floor": text.floor.mean(), "floor_error": text.floor.std(ddof=1)}
    columns |= {"resolved": _yes(text.strengths.resolved), "fitted": _yes(_counted(text))}
    return _CORRELATIONS.table(pd.DataFrame(columns))


def _yes(flags: Iterable[Any]) -> list[str]:
    return ["yes" if flag else "no" for flag in flags]


def _count_rows(counts: EntropyBounds, entropy: EntropyDecay) -> Iterator[dict[str, Any]]:
    reach = student_reach(len(counts.by_block) - 1) * counts.errors
    for n, value, half in zip(counts.contexts.tolist(), counts.values, reach, strict=True):
        yield _entropy_row(_NGRAMS, n, value, value - half, value + half, entropy)


def _entropy_row(estimator: str, n: int, loss: float, low: float, high: float, entropy: EntropyDecay) -> dict[str, Any]:
    row = {"estimator": estimator, "context": n, "loss_nats": float(loss), "low": float(low), "high": float(high)}
    return row | {"fitted": "yes" if entropy.first <= n <= entropy.last and n else "no"}


def _collapsed(measured: Measured) -> pd.DataFrame:
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


def _claims(measured: Measured) -> Iterator[Claim]:
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
        "losses at all lengths of context are one curve of P / n^(2 beta)",
        "less scatter than before rescaling: ratio below 1",
        _scatter_ratio(measured),
        "below",
        1.0,
        theory.SOURCE,
    )


def _figures(measured: Measured) -> Iterator[Figure]:
    yield Figure(
        "forecast",
        "Two statistics of a text, and how its loss falls",
        (_decay_panel(measured), _entropy_panel(measured), _context_panel(measured), _scaling_panel(measured)),
        "Top left: strength of the correlation of tokens t apart, with intervals of 95 % over blocks of text; full "
        "points count for the forecast. Lines are power laws over the pieces that the resolved distances are cut "
        "into, dotted where rejected. Top right: upper bounds of the entropy of a token given n before it; at each n "
        "the lower one counts. Levels are the lowest and the highest limit H_inf that the entropies allow. Bottom "
        "left: test loss with n tokens of context against the amount of training text. Bottom right: loss of the "
        "longer half of the contexts above the limit; dashes have the forecast slope gamma / (2 beta), dots the ends "
        "of its interval. Bands: the smallest to the largest seed.",
        columns=2,
        panel_width=2.6,
    )
    yield Figure(
        "collapse",
        "Losses at every length of context, before and after rescaling",
        _collapse_panels(measured),
        "Losses with n tokens of context above the limit of the entropy, means over seeds, as measured (left) and on "
        "the axes on which theory has one curve (right). Colours: n, from light to dark.",
        columns=2,
        panel_width=2.6,
    )


def _decay_panel(measured: Measured) -> Panel:
    text, forecast = measured.text, measured.forecast
    strengths, counted = text.strengths, _counted(text)
    low, high = strengths.intervals()
    above = strengths.values > 0
    marks: list[Mark] = [
        Level(float(text.floor.mean()), "floor", label="sampling floor (shuffled text)", key="plateau")
    ]
    for chosen, filled, label in ((~counted, False, "not counted for beta"), (counted, True, "counts for beta")):
        which = chosen & above
        if which.any():
            x, y = strengths.lags[which], strengths.values[which]
            marks.append(Points(x, y, low[which], high[which], filled=filled, key=_COUNTS, marker="o", label=label))
    if not above.all():
        x, y = strengths.lags[~above], np.maximum(high[~above], 1e-12)
        marks.append(Points(x, y, bound="at most", key=_COUNTS, filled=False))
    for law in text.decay.pieces:
        ends = (float(law.first), float(law.last))
        start = law.first, math.exp(law.log_amplitude - law.exponent * math.log(law.first))
        name, dash = f"$t^{{{-law.exponent:.2f}}}$", "dotted" if law.rejected else "dashed"
        label = "power law of a piece" + (", rejected" if law.rejected else "")
        marks.append(Law.power(start, -law.exponent, ends, name=name, dash=dash, label=label))
    marks += [VerticalLine(place, dash="dotted", key="plateau") for place in text.decay.breaks]
    title = f"correlations: {_number('β', forecast.beta)}"
    return Panel(title, Axis("distance t (tokens)", "log"), Axis("top singular value of $C_t$", "log"), marks)


def _entropy_panel(measured: Measured) -> Panel:
    counts, entropy, forecast = measured.text.counts, measured.entropy, measured.forecast
    n, shown = counts.contexts[1:], slice(1, None)
    reach = student_reach(len(counts.by_block) - 1) * counts.errors
    marks: list[Mark] = [
        Band(n, (counts.values - reach)[shown], (counts.values + reach)[shown], key=_COUNTS),
        Line(n, counts.values[shown], marker="o", label=_NGRAMS, key=_COUNTS),
    ]
    if measured.networks is not None:
        losses, key = measured.networks[:, 1:], measured.settings.learner.kind
        x = np.arange(1, losses.shape[1] + 1)
        marks.append(Band(x, losses.min(axis=0), losses.max(axis=0), key=key))
        marks.append(Line(x, losses.mean(axis=0), marker="s", label=_NETWORK, key=key))
    if math.isfinite(entropy.gamma):
        fine = np.geomspace(entropy.first, entropy.last, 40)
        y = entropy.limit + entropy.amplitude * fine**-entropy.gamma
        marks.append(Law(fine, y, label="fitted power with a limit"))
        for height, name in ((entropy.limit_low, "lowest"), (entropy.limit_high, "highest")):
            label = "lowest and highest $H_\\infty$ allowed"
            marks.append(Level(height, name, dash="dashed", key="plateau", label=label))
    title = f"entropy: {_number('γ', forecast.gamma)}"
    return Panel(title, Axis("context n (tokens)", "log"), Axis("loss, at least $H_n$ (nats)"), marks)


def _context_panel(measured: Measured) -> Panel:
    marks: list[Mark] = []
    for n, key in _graded(measured):
        curve = measured.by_context[n]
        marks += [_unlabelled(mark, f"n = {n}") for mark in curve_marks(key, curve)]
    marks += band_labels(marks)
    x, y = Axis("training text P (tokens)", "log"), Axis("test loss $L_n(P)$ (nats)")
    return Panel("loss by tokens of context", x, y, marks)


def _unlabelled(mark: Mark, name: str) -> Mark:
    """A curve with its name at its end in place of the legend."""
    return replace(mark, label="", name=name) if isinstance(mark, Line) else replace(mark, label="")


def _graded(measured: Measured) -> list[tuple[int, str]]:
    """The lengths of context that are drawn, and their keys, from light to dark with the logarithm."""
    most = max(measured.by_context)
    return [(n, f"grade {math.log(n + 1) / math.log(most + 1):.3f}") for n in (0, *_CONTEXTS) if n <= most]


def _scaling_panel(measured: Measured) -> Panel:
    forecast = measured.forecast
    title = f"measured {_number('α', measured.alpha)}, forecast {_number('γ/2β', forecast.alpha)}"
    x, y = Axis("training text P (tokens)", "log"), Axis("$L(P) - H_\\infty$ (nats), longer contexts", "log")
    if math.isnan(forecast.limit.value):
        return Panel(title, x, y, (Empty("The limit of the entropy is not known."),))
    curve = measured.scaling.above(forecast.limit.value)
    band = curve.band()
    if (band.low <= 0).any():
        return Panel(title, x, y, (Empty("A loss is at the limit of the entropy or below."),))
    marks: list[Mark] = list(curve_marks(measured.settings.learner.kind, replace(curve, name="measured")))
    if math.isfinite(forecast.alpha.value):
        middle = float(np.exp(np.log(band.num_examples).mean())), float(np.exp(np.log(band.mean).mean()))
        ends = float(band.num_examples[0]), float(band.num_examples[-1])
        lines = [("dashed", "forecast slope", forecast.alpha.value)]
        lines += [("dotted", "ends of its interval", end) for end in (forecast.alpha.low, forecast.alpha.high)]
        for dash, label, exponent in lines:
            if math.isfinite(exponent):
                marks.append(Law.power(middle, -exponent, ends, dash=dash, label=label))
    return Panel(title, x, y, [*marks, *band_labels(marks)])


def _collapse_panels(measured: Measured) -> tuple[Panel, Panel]:
    table = _collapsed(measured)
    panels = []
    axes = (
        ("as measured", "training text P (tokens)", "$L_n(P) - H_\\infty$ (nats)"),
        ("rescaled by both exponents", "$P / n^{2\\beta}$", "$(L_n(P) - H_\\infty) \\, n^{\\gamma}$"),
    )
    columns_of_both = ("num_tokens", "excess"), ("scaled_tokens", "scaled_loss")
    for (title, x, y), columns in zip(axes, columns_of_both, strict=True):
        marks: list[Mark] = []
        for n, key in _graded(measured):
            rows = table[table["context"] == n] if len(table) else table
            heights = np.array([rows[name] for name in ("excess", *columns)], float) if len(rows) else np.zeros(1)
            if np.isfinite(heights).all() and (heights > 0).all():
                marks.append(Line(rows[columns[0]], rows[columns[1]], label=f"n = {n}", key=key))
        if not marks:
            marks.append(Empty("beta, gamma or the limit of the entropy is not known."))
        panels.append(Panel(title, Axis(x, "log"), Axis(y, "log"), marks))
    return panels[0], panels[1]


def _number(symbol: str, interval: Interval) -> str:
    return f"{symbol} not known" if math.isnan(interval.value) else f"{symbol} = {format_interval(interval, '.2f')}"


def _training(steps: tuple[int, int], learning_rate: float, **changes: Any) -> Training:
    return adam(learning_rate, steps, max_epochs=30, patience=4, **changes)


PRESETS: Mapping[str, CorpusForecast] = {
    "quick": CorpusForecast(
        length=32,
        largest_lag=512,
        learner=Transformer(width=64, heads=4, layers=2),
        training=_training((400, 1500), 0.03),
        sizes=powers_of_two(13, 17),
        test_windows=1024,
    ),
    "laptop": CorpusForecast(
        length=64,
        learner=Transformer(width=128, heads=8, layers=3),
        training=_training((500, 6000), 0.03),
        sizes=powers_of_two(13, 19),
    ),
    "full": CorpusForecast(
        length=512,
        largest_lag=2**14,
        longest=12,
        learner=Transformer(width=768, heads=12, layers=12),
        training=_training((2**10, 2**18), 0.01, batch_size=128),
        sizes=tuple(2**k for k in range(18, 31, 2)),
        test_windows=8192,
    ),
}

STUDY = Study(
    name="corpus-forecast",
    title="Forecasting the scaling exponent of a text",
    paper="arXiv 2602.07488",
    settings=CorpusForecast,
    presets=PRESETS,
    facts=_facts,
    cells=_cells,
    predictions=_predictions,
    measure=_measure,
    tables=_tables,
    claims=_claims,
    figures=_figures,
)
