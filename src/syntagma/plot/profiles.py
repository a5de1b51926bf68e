"""Profiles: what each layer of a network, or each position of a sentence, shows; one line a level or a learner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from syntagma.checked_call import checked
from syntagma.plot.content import Panel
from syntagma.plot.marks import Axis, Band, Bars, Level, Line, Mark, Points

Profile = tuple[Sequence[float], Sequence[float] | None, Sequence[float] | None]
"""Values along the layers or positions, with the lower and upper ends of their bands, if any."""


@checked(not_finite=("along", "profiles", "ceilings", "chance"))
def profile_panel(
    along: Sequence[str] | Sequence[float],
    profiles: Mapping[str, Profile],
    *,
    dashed: Mapping[str, Profile] | None = None,
    ceilings: Mapping[str, Sequence[float]] | None = None,
    chance: float | None = None,
    band: str = "",
    title: str = "",
    x: str = "layer",
    y: str = "",
    labels: Mapping[str, str] | None = None,
    limits: tuple[float | None, float | None] = (None, None),
) -> Panel:
    """Lines by key ("level 2", "cnn") along layers (names) or positions (numbers).

    `dashed` are the same keys' second lines, as of other symbols beside synonyms; `ceilings` are what an exact observer
    reaches, as short bars; `band` says what the bands are.
    """
    by_name = bool(along) and isinstance(along[0], str)
    places = list(range(len(along))) if by_name else [float(one) for one in along]
    marks: list[Mark] = [] if chance is None else [Level(chance, "chance", key="plateau")]
    for lines, dash in ((profiles, "solid"), (dashed or {}, "dashed")):
        for key, (values, low, high) in lines.items():
            if low is not None and high is not None:
                marks.append(Band(places, low, high, key=key))
            label = (labels or {}).get(key, key) if dash == "solid" else ""
            marks.append(Line(places, values, dash=dash, marker="o", label=label, key=key))
    for key, values in (ceilings or {}).items():
        marks.append(Points(places, values, marker="_", key=key))
    if ceilings:
        marks.append(Points((), (), marker="_", label="exact posterior", key="soft"))
    if band:
        marks.append(Band((), (), (), label=f"band: {band}", key="plateau"))
    axis = Axis(x, "category", categories=[str(one) for one in along]) if by_name else Axis(x)
    return Panel(title, axis, Axis(y, limits=limits), marks)


@checked(not_finite=("shares",))
def share_panel(
    columns: Sequence[str], shares: Mapping[str, Sequence[float]], *, rest: str = "", title: str = "", y: str = "share",
    labels: Mapping[str, str] | None = None,
) -> Panel:  # fmt: skip
    """Stacked bars: the shares by key of each column, and an outline for the `rest` up to 1."""
    bottom, marks = [0.0] * len(columns), list[Mark]()
    places = range(len(columns))
    for key, heights in shares.items():
        label = (labels or {}).get(key, key)
        marks.append(Bars(places, heights, tuple(bottom), key=key, label=label, hover={"share of": list(columns)}))
        bottom = [below + height for below, height in zip(bottom, heights, strict=True)]
    if rest and any(one < 0.999 for one in bottom):
        marks.append(Bars(places, [1 - one for one in bottom], tuple(bottom), key="plateau", filled=False, label=rest))
    return Panel(title, Axis("", "category", categories=columns), Axis(y, limits=(0, 1.02)), marks)
