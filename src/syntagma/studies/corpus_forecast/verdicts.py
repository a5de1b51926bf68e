"""Verdicts: what the two statistics forecast beside what training shows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from syntagma.curves import Interval
from syntagma.studies.corpus_forecast.settings import CorpusForecast
from syntagma.studies.intervals import span
from syntagma.studies.study import Outcome, Verdict
from syntagma.theory import corpus as theory

_SHORT = " (training, not text, may have ended the curve: at the largest size the smallest loss is the last)"


def verdicts(
    settings: CorpusForecast, exponents: Mapping[str, tuple[str, Interval]], tables: Mapping[str, Any]
) -> tuple[Verdict, ...]:
    """All verdicts, in the order in which they are read."""
    beta, gamma = exponents["decay of correlations"][1], exponents["decay of the entropy"][1]
    forecast, measured = exponents["forecast"][1], exponents["measured"][1]
    clear = tables["correlations"].query("fitted")["lag"]
    where = f" for t = {clear.min()} to {clear.max()}" if len(clear) else ""
    short = _training_was_short(tables["runs"])
    context = tables["entropies"].query("fitted")["context"].max()
    powers = (
        ("correlations of tokens fall as a power of their distance", "t^-beta", f"beta = {span(beta)}{where}"),
        (
            "the entropy of a token falls as a power of the context's length",
            "H_inf + n^-gamma",
            f"gamma = {span(gamma)} for n = 1 to {context:.0f}",
        ),
    )
    return (
        *(Verdict(*each, "finding", theory.SOURCE) for each in powers),
        Verdict(
            "the loss falls with the tokens of training text as the two exponents say",
            f"P^-alpha, alpha = gamma / (2 beta) = {span(forecast)}",
            f"alpha = {span(measured)} over {len(tables['scaling'])} sizes" + (_SHORT if short else ""),
            "open" if short else _equal(forecast, measured, settings.seeds),
            theory.SOURCE,
        ),
        _collapse(tables["collapse"]),
    )


def _training_was_short(runs: Any) -> bool:
    """Whether at the largest size all seeds used up their steps with their test loss still at its smallest."""
    last = runs[runs["num_tokens"] == runs["num_tokens"].max()]
    return bool(((last["stopped"] == "steps") & (last["best_step"] == last["steps"])).all())


def _equal(one: Interval, other: Interval, seeds: int) -> Outcome:
    """Whether two independent intervals leave room for one value: of their difference, in logarithms."""
    if seeds < 2 or not all(math.isfinite(x) for found in (one, other) for x in (found.value, found.low, found.high)):
        return "open"
    assert one.resamples is not None
    assert other.resamples is not None
    number = min(len(one.resamples), len(other.resamples))
    low, high = np.nanpercentile(other.resamples[:number] / one.resamples[:number], [2.5, 97.5])
    return "agrees" if low <= 1 <= high else "disagrees"


def _collapse(table: Any) -> Verdict:
    """How far the losses L_n(P) lie from one smooth curve, before they are rescaled and after."""
    claim, predicted = "losses at all lengths of context are one curve of P / n^(2 beta)", "less scatter"
    if not len(table):
        return Verdict(claim, predicted, "beta or gamma is not known", "open", theory.SOURCE)
    kept = table[table["excess"] > 0]
    before, after = (
        _scatter(kept[x].to_numpy(float), kept[y].to_numpy(float))
        for x, y in (("num_tokens", "excess"), ("scaled_tokens", "scaled_loss"))
    )
    text = f"scatter of ln(L_n(P) - H_inf) about a smooth curve: {after:.2f} rescaled, {before:.2f} before"
    return Verdict(claim, predicted, text, "agrees" if after < before else "disagrees", theory.SOURCE)


def _scatter(x: Float[np.ndarray, " k"], y: Float[np.ndarray, " k"]) -> float:
    """Standard deviation of ln y about a cubic in ln x."""
    return float(np.std(np.log(y) - np.polyval(np.polyfit(np.log(x), np.log(y), 3), np.log(x))))
