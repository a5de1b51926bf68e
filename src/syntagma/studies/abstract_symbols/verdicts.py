"""Verdicts: each claim beside what was measured, the outcome computed from the interval."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from syntagma.curves import Interval, mean_over_seeds
from syntagma.studies.abstract_symbols.settings import PLAIN, REPAIRED, AbstractSymbols
from syntagma.studies.intervals import numbers
from syntagma.studies.study import Outcome, Verdict

_DIFFERENCE = "difference > 0"
_FINITE_ALPHABET = 0.1
"""What the certificate's curve, of an unlimited alphabet, may be off by with the alphabets of the presets."""


def verdicts(settings: AbstractSymbols, tables: Mapping[str, pd.DataFrame]) -> tuple[Verdict, ...]:
    """All verdicts, in the order in which they are read."""
    parts = (_generalise, _kernels, _saved, _diversity, _copying, _text)
    return tuple(verdict for part in parts for verdict in part(settings, tables))


def _generalise(settings: AbstractSymbols, tables: Mapping[str, pd.DataFrame]) -> Iterator[Verdict]:
    """Each learner at its largest number of strings: above half-way from chance to 1, or not."""
    chances = dict(zip(tables["families"]["family"], tables["families"]["chance"], strict=True))
    for row in _rows(tables["certificates"]):
        mine: Any = tables["curves"]
        mine = mine[(mine["family"] == row.family) & (mine["learner"] == row.learner)]
        if not len(mine):
            continue
        last: Any = mine.iloc[-1]
        half = (1 + chances[row.family]) / 2
        claim = f"{row.family}: the {row.label} answers strings of symbols never seen"
        text = f"accuracy {numbers(last['accuracy'], last['error_low'], last['error_high'])}"
        text += f" after {int(last['num_examples'])} strings (half-way from chance: {half:.2f})"
        yield Verdict(claim, row.predicted, text, _judged(row.predicted, last, half), row.source)


def _judged(predicted: str, last: Any, half: float) -> Outcome:
    """A prediction is met or missed only by an interval on one side of half-way."""
    above, below = last["error_low"] > half, last["error_high"] < half
    if predicted == "open":
        return "finding" if above or below else "open"
    if not (above or below):
        return "open"
    return "agrees" if above == (predicted == "generalises") else "disagrees"


def _kernels(settings: AbstractSymbols, tables: Mapping[str, pd.DataFrame]) -> Iterator[Verdict]:
    """Where kernel regression learns, against the certificate's curve."""
    table: Any = tables["kernels"]
    for row in _rows(table[table["predicted"].notna()]):
        claim = (
            f"{row.family}: strings at which {row.label} has lost three quarters of its squared error on unseen symbols"
        )
        source = "theory.templates, f at finite n"
        measured = row.note or numbers(row.value, row.low, row.high, ".0f")
        if math.isinf(row.predicted):
            outcome: Outcome = "agrees" if math.isinf(row.value) else "disagrees"
            yield Verdict(claim, "not within the sizes measured", measured, outcome, source)
        elif row.predicted == 0 or not (math.isfinite(row.value) and row.value > 0):
            yield Verdict(claim, f"{row.predicted:.0f}", measured, "open", source)
        else:
            holds = (
                row.low <= (1 + _FINITE_ALPHABET) * row.predicted and row.high >= (1 - _FINITE_ALPHABET) * row.predicted
            )
            outcome = "open" if settings.seeds < 2 else "agrees" if holds else "disagrees"
            yield Verdict(claim, f"{row.predicted:.0f}, give or take a tenth", measured, outcome, source)


def _saved(settings: AbstractSymbols, tables: Mapping[str, pd.DataFrame]) -> Iterator[Verdict]:
    """Identities save data."""
    source = "arXiv 2310.09753, section 6"
    for row in _rows(tables["saved"]):
        claim = f"{row.family}: the transformer needs more strings without a, b than with them"
        if math.isnan(row.value):
            yield Verdict(claim, "factor > 1", row.note, "open", source)
            continue
        outcome: Outcome = "agrees" if row.low > 1 else "disagrees" if row.high < 1 else "open"
        outcome = "open" if settings.seeds < 2 else outcome
        text = f"{row.note} [{row.low:.2f}, ...]" if math.isinf(row.value) else numbers(row.value, row.low, row.high)
        yield Verdict(claim, "factor > 1", text, outcome, source)


def _diversity(settings: AbstractSymbols, tables: Mapping[str, pd.DataFrame]) -> Iterator[Verdict]:
    """More distinct substitutions, better answers on symbols never seen."""
    runs = tables["runs"]
    mine: Any = runs[runs["part"] == "substitutions"]
    source = "arXiv 2310.09753, section 3"
    for learner in (PLAIN, REPAIRED):
        chosen = mine[mine["learner"] == learner] if len(mine) else mine
        if not len(chosen):
            continue
        few, many = chosen["substitutions"].min(), chosen["substitutions"].max()
        gain = _difference(chosen, "substitutions", many, few, "unseen_accuracy")
        claim = f"{chosen['family'].iloc[0]}: the {chosen['label'].iloc[0]} gains accuracy on unseen symbols from "
        claim += f"{int(many)} instead of {int(few)} substitutions a template"
        yield Verdict(claim, _DIFFERENCE, numbers(gain.value, gain.low, gain.high), _sign(gain), source)


def _copying(settings: AbstractSymbols, tables: Mapping[str, pd.DataFrame]) -> Iterator[Verdict]:
    """Inverse scaling without b, and its repair."""
    runs = tables["runs"]
    mine: Any = runs[runs["part"] == "copying"]
    if not len(mine):
        return
    source = "arXiv 2310.09753, section 4"
    narrow, wide = int(mine["width"].min()), int(mine["width"].max())
    plain, repaired = (mine[mine["identity"] == identity] for identity in (False, True))
    loss = _difference(plain, "width", narrow, wide, "unseen_accuracy")
    claim = f"copying without b: accuracy on unseen symbols falls from width {narrow} to {wide}"
    yield Verdict(claim, _DIFFERENCE, numbers(loss.value, loss.low, loss.high), _sign(loss), source)
    best: Any = int(plain.groupby("width")["unseen_accuracy"].mean().idxmax())
    if best not in (narrow, wide):
        loss = _difference(plain, "width", best, wide, "unseen_accuracy")
        claim = f"copying without b: accuracy on unseen symbols falls from its best, at width {best}, to width {wide}"
        yield Verdict(claim, "chosen after seeing it", numbers(loss.value, loss.low, loss.high), "finding", source)
    at_wide = mine[mine["width"] == wide]
    gain = _difference(at_wide, "identity", True, False, "unseen_accuracy")
    claim = f"copying at width {wide}: accuracy on unseen symbols is larger with b than without"
    yield Verdict(claim, _DIFFERENCE, numbers(gain.value, gain.low, gain.high), _sign(gain), source)
    kept = _difference(repaired, "width", wide, narrow, "unseen_accuracy")
    claim = f"copying with b: accuracy on unseen symbols at width {wide} less that at {narrow}"
    yield Verdict(claim, "no prediction", numbers(kept.value, kept.low, kept.high), "finding", source)


def _text(settings: AbstractSymbols, tables: Mapping[str, pd.DataFrame]) -> Iterator[Verdict]:
    """Language modelling at equal compute."""
    claim = "characters of a text: the decoder's loss is lower with a, b than without, at equal compute"
    source = "arXiv 2310.09753, section 6"
    table = tables["text"]
    if not len(table):
        yield Verdict(claim, _DIFFERENCE, "no text was given: add --set text=FILE", "open", source)
        return
    gain = _difference(table, "identity", False, True, "loss_nats")
    text = f"{numbers(gain.value, gain.low, gain.high, '.4f')} nats a character"
    yield Verdict(claim, _DIFFERENCE, text, _sign(gain), source)


def _rows(table: pd.DataFrame) -> Iterator[Any]:
    return iter(table.itertuples(index=False))


def _difference(table: Any, column: str, more: Any, less: Any, metric: str) -> Interval:
    """Mean over seeds of the difference of `metric` between two values of `column`, paired by seed."""
    by_seed = table.pivot(index="seed", columns=column, values=metric)
    if more not in by_seed or less not in by_seed:
        return Interval(math.nan, math.nan, math.nan, "not measured")
    values = (by_seed[more] - by_seed[less]).dropna().to_numpy(float)
    return mean_over_seeds(values) if len(values) else Interval(math.nan, math.nan, math.nan, "not measured")


def _sign(found: Interval) -> Outcome:
    if math.isnan(found.value):
        return "open"
    return "agrees" if found.low > 0 else "disagrees" if found.high < 0 else "open"
