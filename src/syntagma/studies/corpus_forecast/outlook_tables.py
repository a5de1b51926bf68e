"""Tables of what more text brings, and of how all that hangs on the limit of the entropy."""

from __future__ import annotations

import math
from collections.abc import Iterator

from syntagma.curves import Interval
from syntagma.statistics.entropy_decay import EntropyDecay
from syntagma.studies.corpus_forecast.facts import Statistics
from syntagma.studies.corpus_forecast.forecast import Forecast
from syntagma.studies.corpus_forecast.outlook import allowed, alpha_at, best_counted, gain, gain_at, gamma_at, horizon
from syntagma.studies.schemas import NOTE, Column, Schema, Table, interval_columns, interval_ends

_FACTORS = (1, 10, 100)
_OUTLOOK = Schema(
    "outlook",
    "What more text brings",
    "For so many times the training text: the distance up to which it resolves correlations, and the nats a token by"
    " which it lowers the loss of the best of the counts, or of the networks where some were trained. Intervals of"
    " 95 %, over all limits H_inf that the entropies allow.",
    (
        Column("what", "what", "text"),
        Column("factor", "times the text", "whole"),
        Column("value", "value", "ratio"),
        *interval_ends("ratio"),
        NOTE,
    ),
)
_LIMITS = Schema(
    "limits",
    "What hangs on the limit of the entropy",
    "gamma, the forecast and the gain by ten times the text at each limit H_inf from the lowest to the highest that the"
    " entropies allow, and how large the misfit is there: the gain hardly depends on it.",
    (
        Column("limit", "H_inf (nats)", "nats"),
        Column("misfit", "misfit Q", "number"),
        Column("gamma", "gamma", "exponent"),
        Column("alpha", "gamma / (2 beta)", "exponent"),
        Column("gain", "gain by ten times the text (nats)", "nats"),
    ),
)


def outlook_tables(
    text: Statistics, entropy: EntropyDecay, forecast: Forecast, loss: Interval | None = None
) -> Iterator[Table]:
    """Both tables; from the loss of the best of the counts, unless another is given."""
    loss = best_counted(text.counts) if loss is None else loss
    rows = [("horizon n* (tokens)", factor, horizon(text, factor * text.tokens)) for factor in _FACTORS]
    rows += [("gain (nats)", factor, gain(loss, forecast.beta, entropy, factor)) for factor in _FACTORS[1:]]
    yield _OUTLOOK.table(_row(what, factor, one) for what, factor, one in rows)
    limits = [] if math.isnan(entropy.limit) else allowed(entropy).tolist()
    yield _LIMITS.table(
        {
            "limit": limit,
            "misfit": entropy.misfit_at(limit),
            "gamma": gamma_at(entropy, limit, len(text.counts.by_block)).value,
            "alpha": alpha_at(entropy, limit, forecast.beta).value,
            "gain": gain_at(limit, loss, forecast.beta, entropy).value,
        }
        for limit in limits
    )


def _row(what: str, factor: int, one: Interval) -> dict[str, object]:
    columns = interval_columns(one)
    return {"what": what, "factor": factor, "value": columns.pop("measured")} | columns
