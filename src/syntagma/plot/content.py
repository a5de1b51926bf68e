"""What is in a figure: panels of marks, each with its data, its name and whose colour it has.

    panel = Panel(x=Axis("examples", "log"), marks=(Line(sizes, losses, label="CNN", key="cnn"),))

Backends read this and nothing else; `figure.Figure` is it with the ways to draw and keep it.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from syntagma.checked_call import checked
from syntagma.errors import invalid, unknown, whole_number
from syntagma.plot import palette
from syntagma.plot.marks import Axis, Mark, Tree, freeze


@dataclasses.dataclass(frozen=True)
class Note:
    """A line of text above a panel, under its title, in a key's colour: a fitted exponent, say."""

    text: str
    key: str = "ink"


@checked
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
class Content:
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
        for name in ("name", "title", "caption"):
            if not isinstance(getattr(self, name), str):
                raise invalid(name, getattr(self, name), "it must be text", "Give text")
        whole_number("columns", self.columns)
        if not isinstance(self.panels, Sequence) or not all(isinstance(panel, Panel) for panel in self.panels):
            raise invalid("panels", self.panels, "a figure has a list of panels", "Give [Panel(...), ...]")
        freeze(self, "panels", tuple(self.panels))
        if not self.panels:
            raise invalid("panels", (), "a figure has a panel", "Give a panel with an Empty mark that says why")

    def colours(self, *, dark: bool = False) -> dict[str, str]:
        """The colour of every key in it."""
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


def _as_json(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        fields = {field.name: _as_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {"kind": type(value).__name__} | fields
    if isinstance(value, (tuple, list)):
        return [_as_json(inner) for inner in value]
    if isinstance(value, float) and math.isinf(value):
        return {"kind": str(value)}
    return None if isinstance(value, float) and math.isnan(value) else value


def from_json(value: Any, kinds: Mapping[str, type]) -> Any:
    """What the parsed JSON of `Content.to_json` stands for, of the classes in `kinds`.

    Raises:
        InputError: another kind.
    """
    if isinstance(value, list):
        return tuple(from_json(inner, kinds) for inner in value)
    if not isinstance(value, dict):
        return value
    kind = value.get("kind", "")
    if kind in ("inf", "-inf"):
        return float(kind)
    if kind not in kinds:
        raise unknown("kind", str(kind), kinds)
    return kinds[kind](**{name: from_json(inner, kinds) for name, inner in value.items() if name != "kind"})
