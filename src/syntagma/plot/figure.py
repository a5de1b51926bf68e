r"""A figure is a value: panels of marks, each with its data, its name and whose colour it has; nothing is drawn here.

    panel = Panel(x=Axis("examples", "log"), marks=(Line(sizes, losses, label="CNN", key="cnn"),))
    Figure("loss", "Sharing saves data", (panel,)).save("loss.pdf", width=3.3)

Two backends draw the same value: matplotlib for papers (`figure.matplotlib()`) and Plotly for pages
(`figure.plotly()`). Texts may hold formulas between dollar signs: `$P_l$`, `$m^{2}$`, `$\gamma / 2\beta$`.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from syntagma.errors import invalid, unknown
from syntagma.plot import marks as kinds
from syntagma.plot.marks import Axis, Mark, Tree, freeze


@dataclasses.dataclass(frozen=True)
class Note:
    """A line of text in a panel's emptiest corner, in a key's colour: a fitted exponent, say."""

    text: str
    key: str = "ink"


@dataclasses.dataclass(frozen=True)
class Panel:
    """One pair of axes with what is drawn in it, back to front; its title says what is to be seen."""

    title: str = ""
    x: Axis = dataclasses.field(default_factory=Axis)
    y: Axis = dataclasses.field(default_factory=Axis)
    marks: Sequence[Mark] = ()
    notes: Sequence[Note] = ()

    def __post_init__(self) -> None:
        freeze(self, "marks", tuple(self.marks))
        freeze(self, "notes", tuple(self.notes))


@dataclasses.dataclass(frozen=True)
class Figure:
    """Panels in rows of at most `columns`, under one title that says the message, over one legend.

    `caption` is whole sentences: what is drawn, what a band is, where the theory is from. `share` is "", "x", "y" or
    "xy": which axes have the same limits in all panels. `panel_width` is the least width of a panel in inches, by which
    narrow figures get fewer columns, and `panel_height` its height over its width.
    """

    name: str
    title: str
    panels: Sequence[Panel]
    caption: str = ""
    columns: int = 3
    share: Literal["", "x", "y", "xy"] = ""
    panel_width: float = 1.9
    panel_height: float = 0.8

    def __post_init__(self) -> None:
        freeze(self, "panels", tuple(self.panels))
        if not self.panels:
            raise invalid("panels", (), "a figure has a panel", "Give a panel with an Empty mark that says why")

    def matplotlib(self, width: float = 6.8, *, title: bool = True) -> tuple[Any, list[Any]]:
        """The matplotlib figure, `width` inches wide, and its axes in the order of the panels, to go on with."""
        from syntagma.plot.matplotlib_backend import draw

        return draw(self, width, title=title)

    def plotly(self, *, dark: bool = False) -> Any:
        """The Plotly figure, to go on with or to show."""
        import plotly.graph_objects as go

        from syntagma.plot.plotly_backend import spec

        return go.Figure(spec(self, dark=dark))

    def save(self, path: str | Path, width: float = 6.8, *, title: bool = True) -> Path:
        """Write it as the ending says: .png, .pdf or .svg, `width` inches wide, .json, .csv or an .html page.

        Raises:
            InputError: another ending, or the file cannot be written.
        """
        from syntagma.plot.files import save

        return save(self, Path(path), width, title=title)

    def colours(self, *, dark: bool = False) -> dict[str, str]:
        """The colour of every key in it."""
        from syntagma.plot import palette

        return palette.assigned(self.keys(), dark=dark)

    def keys(self) -> tuple[str, ...]:
        """All keys, by first appearance."""
        found: dict[str, None] = {}
        for panel in self.panels:
            for mark in panel.marks:
                found |= dict.fromkeys(mark.keys if isinstance(mark, Tree) else (mark.key,))
            found |= dict.fromkeys(note.key for note in panel.notes)
        return tuple(found)

    def legend_entries(self) -> list[Mark]:
        """The first mark of every label and key, in the order of the panels."""
        entries: dict[tuple[str, str], Mark] = {}
        for mark in (mark for panel in self.panels for mark in panel.marks if mark.label):
            entries.setdefault((mark.label, mark.key), mark)
        return list(entries.values())

    def to_json(self) -> str:
        """The figure as JSON, infinite numbers as {"kind": "inf"}, missing ones as null; `from_json` reads it."""
        return json.dumps(_as_json(self), ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Figure:
        """The figure that `to_json` wrote."""
        figure = _from_json(json.loads(text))
        if not isinstance(figure, Figure):
            raise invalid("text", text[:40], "it must be what Figure.to_json wrote")
        return figure

    def _repr_png_(self) -> bytes:
        from syntagma.plot.files import as_bytes

        return as_bytes(self, "png", 6.8, title=True)

    def _repr_html_(self) -> str:
        from syntagma.plot.files import as_picture

        return as_picture(self)


_KINDS: dict[str, type] = {kind.__name__: kind for kind in (Figure, Panel, Note, Axis, *kinds.MARKS)}


def _as_json(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        fields = {field.name: _as_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {"kind": type(value).__name__} | fields
    if isinstance(value, (tuple, list)):
        return [_as_json(inner) for inner in value]
    if isinstance(value, float) and math.isinf(value):
        return {"kind": str(value)}
    return None if isinstance(value, float) and math.isnan(value) else value


def _from_json(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(map(_from_json, value))
    if not isinstance(value, dict):
        return value
    kind = value.get("kind", "")
    if kind in ("inf", "-inf"):
        return float(kind)
    if kind not in _KINDS:
        raise unknown("kind", str(kind), _KINDS)
    return _KINDS[kind](**{name: _from_json(inner) for name, inner in value.items() if name != "kind"})
