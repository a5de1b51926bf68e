"""Tables of the study: the forecast, what it rests on, and losses against text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd

from syntagma.curves import Interval, PerSeed
from syntagma.statistics.blocks import student_reach
from syntagma.statistics.entropies import EntropyBounds
from syntagma.statistics.entropy_decay import EntropyDecay, fit_entropy_decay
from syntagma.statistics.power_law import Decay
from syntagma.studies.corpus_forecast.facts import Statistics, counted_lags, statistics
from syntagma.studies.corpus_forecast.forecast import Forecast, forecast_of
from syntagma.studies.corpus_forecast.measured import Measured, collapsed
from syntagma.studies.corpus_forecast.outlook_tables import outlook_tables
from syntagma.studies.corpus_forecast.settings import CorpusForecast
from syntagma.studies.schemas import NOTE, Column, Schema, Table, interval_columns, interval_ends
from syntagma.studies.study import Facts
from syntagma.theory import corpus as theory

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
NGRAMS, NETWORK = "n-gram counts", "network, most text"


def predictions(settings: CorpusForecast, facts: Facts) -> Iterator[Table]:
    """The forecast from the text's statistics alone."""
    text = statistics(settings, facts)
    entropy = fit_entropy_decay(text.counts)
    yield from forecast_tables(text, entropy, forecast_of(settings, text, entropy))


def forecast_tables(text: Statistics, entropy: EntropyDecay, forecast: Forecast) -> Iterator[Table]:
    """The forecast, whether to believe it, and what it rests on, before any training."""
    yield _EXPONENTS.table(_exponent_rows(forecast))
    yield _belief_table(forecast)
    yield from outlook_tables(text, entropy, forecast)
    yield _pieces_table(text.decay)
    yield _correlations_table(text)
    yield _ENTROPY.table(_count_rows(text.counts, entropy))


def tables(measured: Measured) -> Iterator[Table]:
    """What the page shows besides figures."""
    text, settings = measured.text, measured.settings
    yield _EXPONENTS.table([*_exponent_rows(measured.forecast), *_measured_rows(measured)])
    yield _belief_table(measured.forecast)
    trained = PerSeed.exact(measured.scaling.losses[:, -1]).interval() if measured.networks is not None else None
    yield from outlook_tables(text, measured.entropy, measured.forecast, trained)
    scaling, limit = measured.scaling.band(), measured.forecast.limit.value
    columns = {"num_tokens": scaling.num_examples.astype(int), "loss_nats": scaling.mean, "low": scaling.low}
    columns |= {"high": scaling.high, "excess": scaling.mean - limit}
    yield _SCALING.table(pd.DataFrame(columns))
    yield _pieces_table(text.decay)
    yield _correlations_table(text)
    rows = list(_count_rows(text.counts, measured.entropy))
    if measured.networks is not None:
        rows += [
            _entropy_row(NETWORK, n, row.mean(), row.min(), row.max(), measured.entropy)
            for n, row in enumerate(measured.networks.T)
        ]
    yield _ENTROPY.table(rows)
    names = {"learner": settings.learner.kind, "label": settings.learner.label}
    yield _CURVES.table(
        names | {"num_tokens": int(size), "context": n, "loss_nats": mean, "low": low, "high": high}
        for n, band in ((n, curve.band()) for n, curve in measured.by_context.items())
        for size, mean, low, high in zip(band.num_examples, band.mean, band.low, band.high, strict=True)
    )
    yield _COLLAPSE.table(collapsed(measured))


def _exponent_rows(forecast: Forecast) -> list[dict[str, Any]]:
    return [
        _exponent("decay of correlations", "beta", forecast.beta),
        _exponent("decay of the entropy", "gamma", forecast.gamma),
        _exponent("forecast", "gamma / (2 beta)", forecast.alpha),
        _exponent("limit of the entropy", "H_inf", forecast.limit),
    ]


def _measured_rows(measured: Measured) -> list[dict[str, Any]]:
    learned = _exponent("learning at a given context", "delta", measured.delta)
    return [_exponent("measured", "alpha", measured.alpha), learned]


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


def _correlations_table(text: Statistics) -> Table:
    low, high = text.strengths.intervals()
    columns = {"lag": text.strengths.lags, "strength": text.strengths.values, "low": low, "high": high}
    columns |= {"floor": text.floor.mean(), "floor_error": text.floor.std(ddof=1)}
    columns |= {"resolved": _yes(text.strengths.resolved), "fitted": _yes(counted_lags(text))}
    return _CORRELATIONS.table(pd.DataFrame(columns))


def _yes(flags: Iterable[Any]) -> list[str]:
    return ["yes" if flag else "no" for flag in flags]


def _count_rows(counts: EntropyBounds, entropy: EntropyDecay) -> Iterator[dict[str, Any]]:
    reach = student_reach(len(counts.by_block) - 1) * counts.errors
    for n, value, half in zip(counts.contexts.tolist(), counts.values, reach, strict=True):
        yield _entropy_row(NGRAMS, n, value, value - half, value + half, entropy)


def _entropy_row(estimator: str, n: int, loss: float, low: float, high: float, entropy: EntropyDecay) -> dict[str, Any]:
    row = {"estimator": estimator, "context": n, "loss_nats": float(loss), "low": float(low), "high": float(high)}
    return row | {"fitted": "yes" if entropy.first <= n <= entropy.last and n else "no"}
