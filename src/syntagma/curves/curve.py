"""A learning curve: one number a seed and size of training set, and what is measured on it.

The size at which a curve crosses a line is measured seed by seed, each against its own line (the half-way point between
two plateaus of its own grammar, say): the first crossing, interpolated linearly in ln P. A seed that has not crossed is
known to cross beyond its largest size, one that begins beyond the line before its smallest; see `curves.interval`.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import ArrayLike

from syntagma.checked_call import checked
from syntagma.curves.interval import Interval, PerSeed, combined, unmeasured
from syntagma.errors import invalid, unknown
from syntagma.notebook import html_table

if TYPE_CHECKING:
    import pandas as pd

_CUT_SHORT = "training, not data, may have ended the curve"


@dataclass(frozen=True)
class Band:
    """A curve's average and spread over the sizes that every seed has.

    Attributes:
        num_examples: `[P]`.
        mean: `[P]`, over seeds.
        low: `[P]`, the smallest of the seeds.
        high: `[P]`, the largest of the seeds.
        shows: what `low` to `high` is, in words for a caption.
    """

    num_examples: Float[np.ndarray, " P"]
    mean: Float[np.ndarray, " P"]
    low: Float[np.ndarray, " P"]
    high: Float[np.ndarray, " P"]
    shows: str


@checked(not_finite=("losses",))
@dataclass(frozen=True)
class LearningCurve:
    """What one learner reaches on one kind of language, against the number of training examples.

    Attributes:
        num_examples: `[P]`, increasing.
        losses: `[seeds, P]` in nats (or another number that falls), NaN where a seed was not run at that size.
        name: of the learner, for figures.
        seeds: which seeds the rows are; 0, 1, ... where not given. Curves of the same seeds are compared pairwise.
        diverged: `[seeds, P]`, which runs diverged in training; none where not given.
        cut_short: `[seeds, P]`, which runs were still improving when training ended; none where not given.
        run_ids: `[seeds, P]`, the start of each run's id in the store, which figures show; "" where not run.

    What is measured where a run diverged, or was cut short, has a caveat: claims that rest on it stay open. A crossing
    rests on no cut-short run but the last above the line: with more training the curve may have come to it earlier.

    Raises:
        InputError: sizes that do not increase, shapes that do not fit, or a seed without any number.

    Example: `LearningCurve([64, 256, 1024], [[2.0, 1.1, 0.3], [2.1, 1.4, 0.2]]).crossing(1.0)`.
    """

    num_examples: Float[np.ndarray, " P"]
    losses: Float[np.ndarray, "seeds P"]
    name: str = ""
    seeds: tuple[int, ...] = ()
    diverged: Bool[np.ndarray, "seeds P"] | None = None
    cut_short: Bool[np.ndarray, "seeds P"] | None = None
    run_ids: np.ndarray | None = None

    def __init__(
        self,
        num_examples: ArrayLike,
        losses: ArrayLike,
        name: str = "",
        seeds: Sequence[int] = (),
        diverged: Bool[np.ndarray, "seeds P"] | None = None,
        cut_short: Bool[np.ndarray, "seeds P"] | None = None,
        run_ids: np.ndarray | None = None,
    ) -> None:
        sizes, losses = np.asarray(num_examples, float), np.asarray(losses, float)
        seeds = tuple(seeds) or tuple(range(len(losses)))
        values = (sizes, losses, name, seeds, diverged, cut_short, run_ids)
        for field, value in zip(fields(self), values, strict=True):
            object.__setattr__(self, field.name, value)
        if sizes.ndim != 1 or not len(sizes) or (np.diff(sizes) <= 0).any() or not (sizes > 0).all():
            raise invalid("num_examples", sizes.tolist(), "sizes are above 0 and increase", "Sort them")
        if losses.ndim != 2 or losses.shape[1] != len(sizes):
            raise invalid("losses", list(losses.shape), f"[seeds, {len(sizes)}], a column for each size")
        if np.isnan(losses).all(axis=1).any():
            raise invalid("losses", "a row of NaN", "every seed has a number at some size", "Leave that seed out")
        if len(self.seeds) != len(losses) or len(set(self.seeds)) != len(losses):
            raise invalid("seeds", self.seeds, f"one for each of the {len(losses)} rows, each once")

    @classmethod
    @checked
    def from_runs(
        cls, runs: pd.DataFrame, by: Sequence[str], metric: str = "test_loss"
    ) -> dict[tuple[Hashable, ...], LearningCurve]:
        """A curve for each combination of the columns `by`, in the table's order, from one row a run.

        Args:
            runs: with columns `num_examples`, `seed`, `metric` and those of `by`; `label`, `diverged`, `cut_short` and
                `id` are used where there are such.

        Example: `LearningCurve.from_runs(runs, ["learner", "rules"])["cnn", 3]`.
        """
        columns = getattr(runs, "columns", None)
        if columns is None or isinstance(runs, type):
            raise invalid("runs", runs, "it must be a table, one row a run", "Give store.runs(), say")
        if not len(by):
            raise invalid("by", list(by), "there are no columns to tell curves apart", "For example ['learner']")
        for field, name in (*(("by", name) for name in by), ("metric", metric)):
            if name not in columns:
                raise unknown(field, name, columns)
        curves = {}
        grouped: Any = runs.dropna(subset=[metric]).groupby(list(by), sort=False)
        for known, rows in grouped:
            wide = _wide(rows, metric)
            seeds = tuple(int(seed) for seed in wide.index)
            name = str(rows["label"].iloc[0]) if "label" in rows else " ".join(map(str, known))
            diverged, cut_short = (_flag(rows, flag, wide) for flag in ("diverged", "cut_short"))
            ids = _wide(rows, "id").fillna("").map(lambda name: name[:8]).to_numpy() if "id" in rows else None
            curves[known] = cls(
                np.asarray(wide.columns, float), wide.to_numpy(float), name, seeds, diverged, cut_short, ids
            )
        return curves

    def band(self) -> Band:
        """Mean, smallest and largest over seeds, at the sizes that every seed has."""
        complete = ~np.isnan(self.losses).any(axis=0)
        losses, number = self.losses[:, complete], len(self.losses)
        shows = "one seed" if number == 1 else f"the smallest to the largest of {number} seeds"
        return Band(self.num_examples[complete], losses.mean(0), losses.min(0), losses.max(0), shows)

    @checked
    def above(self, limits: float | Sequence[float] | Float[np.ndarray, " seeds"]) -> LearningCurve:
        """The curve less each seed's own limit, such as its oracle's loss: the excess loss.

        Raises:
            InputError: limits of another number; a difference beyond float64.
        """
        with np.errstate(over="ignore"):
            excess = self.losses - self._lines(limits)[:, None]
        if (np.isinf(excess) & ~np.isinf(self.losses)).any():
            raise invalid("limits", limits, "the difference is beyond 1.8e308", "Give others")
        return replace(self, losses=excess)

    @checked
    def crossings(self, lines: float | Sequence[float] | Float[np.ndarray, " seeds"]) -> PerSeed:
        """For each seed the size at which it first comes to its line or below, as a scale.

        Args:
            lines: one for all seeds, or one a seed.
        """
        ends = [self._crossing(row, line) for row, line in zip(self.losses, self._lines(lines), strict=True)]
        low, high = np.array(ends, float).T
        step = float(np.diff(np.log(self.num_examples)).max()) if len(self.num_examples) > 1 else np.log(2.0)
        return PerSeed(low, high, True, step, self._caveat(low, high))

    @checked
    def crossing(self, lines: float | Sequence[float] | Float[np.ndarray, " seeds"]) -> Interval:
        """The geometric mean over seeds of the size at which the curve comes to its line, with its interval."""
        return self.crossings(lines).interval()

    @checked
    def final(self, below: float = math.nan) -> Interval:
        """The mean over seeds at the largest size, of those that have been there: `curve.final().value`.

        Args:
            below: a training that was cut short could only have gone lower; so where the interval is below this number,
                nothing rests on that, and it is no caveat.
        """
        there = ~np.isnan(self.losses[:, -1])
        last = self.num_examples == self.num_examples[-1]
        found = replace(PerSeed.exact(self.losses[there, -1]), caveat=self._caveat_at(last)).interval()
        lower = found.high < below and self.cut_short is not None
        return replace(self, cut_short=None).final() if lower else found

    def caveat(self) -> str:
        """Why what is measured at all sizes says nothing, as that runs diverged; empty where it does."""
        return self._caveat_at(np.ones(len(self.num_examples), bool))

    @checked
    def crossed(self, lines: float | Sequence[float] | Float[np.ndarray, " seeds"]) -> bool:
        """Whether every seed has come to its line."""
        return bool(np.isfinite(self.crossings(lines).high).all())

    @checked
    def slope(
        self,
        limits: float | Sequence[float] | Float[np.ndarray, " seeds"] = 0.0,
        within: tuple[float, float] = (0.0, np.inf),
    ) -> Interval:
        """The exponent a of loss - limit ~ P^-a, fitted seed by seed over the sizes in `within` that the seed has.

        Every size in that range counts: where a seed is at its limit or below it, nothing is fitted and the reason says
        at which size, so that a smaller range can be asked for.

        Example: `curve.slope(limits=oracle_losses, within=(256, 16384))`.
        """
        inside = (self.num_examples >= within[0]) & (self.num_examples <= within[1])
        excess = self.above(limits).losses[:, inside]
        if (excess <= 0).any():
            size = self.num_examples[inside][(excess <= 0).any(axis=0)][0]
            return unmeasured(f"at {size:.0f} examples a seed is at its limit or below: fit smaller sizes")
        if (infinite := np.isinf(excess)).any():
            size = self.num_examples[inside][infinite.any(axis=0)][0]
            return unmeasured(f"at {size:.0f} examples a seed's loss is infinite: fit other sizes")
        x, slopes = np.log(self.num_examples[inside]), []
        for row in excess:
            have = ~np.isnan(row)
            if have.sum() < 2:
                return unmeasured("a seed has fewer than two of the sizes asked for")
            slopes.append(-np.polyfit(x[have], np.log(row[have]), 1)[0])
        return replace(PerSeed.exact(slopes), caveat=self._caveat_at(inside)).interval()

    def _repr_html_(self) -> str:
        rows = []
        for size, column in zip(self.num_examples, self.losses.T, strict=True):
            have = column[~np.isnan(column)]
            if len(have):
                few = f" ({len(have)} of {len(column)} seeds)" if len(have) < len(column) else ""
                rows.append((f"{size:,.0f}", float(have.mean()), f"{have.min():.4g} to {have.max():.4g}{few}"))
        return html_table(self.name, ("examples", "mean loss", self.band().shows), rows)

    def _caveat(self, low: Float[np.ndarray, " seeds"], high: Float[np.ndarray, " seeds"]) -> str:
        """Why crossings between `low` and `high` say nothing, if so."""
        x, diverged, cut = np.log(self.num_examples), 0, 0
        if self.diverged is not None:
            furthest = np.where(np.isfinite(high), high, low)
            before = np.arange(len(x)) <= np.searchsorted(x, furthest)[:, None]  # the size after the crossing, too
            diverged = int((self.diverged & before).sum())
        if self.cut_short is not None:
            above = np.searchsorted(x, np.where(np.isfinite(high), high, low)) - np.isfinite(high)
            cut = int((self.cut_short & (np.arange(len(x)) == above[:, None])).sum())
        return _said(diverged, cut)

    def _caveat_at(self, inside: Bool[np.ndarray, " P"]) -> str:
        """Why losses at those sizes say nothing, if so."""
        diverged, cut = (0 if flag is None else int(flag[:, inside].sum()) for flag in (self.diverged, self.cut_short))
        return _said(diverged, cut)

    def _lines(self, lines: float | Sequence[float] | Float[np.ndarray, " seeds"]) -> Float[np.ndarray, " seeds"]:
        if np.ndim(lines) and len(np.ravel(lines)) != len(self.losses):
            raise invalid("lines.shape", np.shape(lines), f"there are {len(self.losses)} seeds", "Give one for each")
        lines = np.broadcast_to(np.asarray(lines, float), len(self.losses))
        if np.isnan(lines).any():
            raise invalid("lines", lines.tolist(), "each seed has a line of its own or all have one")
        return lines

    def _crossing(self, losses: Float[np.ndarray, " P"], line: float) -> tuple[float, float]:
        """Between which logarithms of sizes a seed first comes to `line`; both the same where it is seen to."""
        have = ~np.isnan(losses)
        losses, x = losses[have], np.log(self.num_examples[have])
        below = np.flatnonzero(losses <= line)
        if not len(below):
            return float(x[-1]), np.inf
        first = below[0]
        if first == 0:
            return -np.inf, float(x[0])
        fall = losses[first - 1] - losses[first]
        if not np.isfinite(fall):  # from an infinite loss there is no line to draw
            return float(x[first - 1]), float(x[first])
        share = (losses[first - 1] - line) / fall
        at = float(x[first - 1] + share * (x[first] - x[first - 1]))
        return at, at


def _wide(rows: Any, name: str) -> Any:
    """The column `name` as a table of seeds by sizes."""
    return rows.pivot(index="seed", columns="num_examples", values=name)


def _flag(rows: Any, name: str, like: Any) -> np.ndarray | None:
    """The flag `name` of each run, in the places of the pivoted table `like`."""
    if name not in rows:
        return None
    return (_wide(rows, name).reindex(index=like.index, columns=like.columns) == True).to_numpy(bool)  # noqa: E712 (NaN is not True)


def training_caveat(runs: Any) -> str:
    """Why what is measured on runs, rows of a table, says nothing, if so: `training_caveat(store.runs())`.

    Those columns that it has not are passed over: `diverged` and `cut_short`.
    """
    flags = ("diverged", "cut_short")
    return _said(*(int((runs[name] == True).sum()) if name in runs else 0 for name in flags))  # noqa: E712 (of NaN, too)


def _said(diverged: int, cut_short: int) -> str:
    parts = [f"{diverged} run{'s' * (diverged > 1)} diverged"] if diverged else []
    return "; ".join([*parts, *([_CUT_SHORT] if cut_short else [])])


@checked
def ratio(
    curve: LearningCurve,
    lines: float | Sequence[float] | Float[np.ndarray, " seeds"],
    other: LearningCurve,
    other_lines: float | Sequence[float] | Float[np.ndarray, " seeds"],
) -> Interval:
    """How many times the examples of `other` the curve needs to come to its line.

    Seed by seed where both have the same seeds (the same grammars), else as independent groups.

    Example: `ratio(attention, half_way, convolution, half_way)`.
    """
    if curve.seeds == other.seeds:
        return (curve.crossings(lines) / other.crossings(other_lines)).interval()
    return combined([1.0, -1.0], [curve.crossing(lines), other.crossing(other_lines)], log=True)
