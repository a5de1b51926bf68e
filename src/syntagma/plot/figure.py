r"""A figure is a value: panels of marks, each with its data, its name and whose colour it has; nothing is drawn here.

    panel = Panel(x=Axis("examples", "log"), marks=(Line(sizes, losses, label="CNN", key="cnn"),))
    Figure("loss", "Sharing saves data", (panel,)).save("loss.pdf", width=3.3)

Two backends draw the same value: matplotlib for papers (`figure.matplotlib()`) and Plotly for pages
(`figure.plotly()`). Texts may hold formulas between dollar signs: `$P_l$`, `$m^{2}$`, `$\gamma / 2\beta$`.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from syntagma.checked_call import checked
from syntagma.errors import invalid
from syntagma.plot import marks as kinds
from syntagma.plot.content import Content, Note, Panel, from_json
from syntagma.plot.marks import Axis


@dataclasses.dataclass(frozen=True)
class Figure(Content):
    """A figure that can be drawn and kept: see `Content` for what is in it."""

    @checked
    def matplotlib(self, width: float = 6.8, *, title: bool = True) -> tuple[Any, list[Any]]:
        """The matplotlib figure, `width` inches wide, and its axes in the order of the panels, to go on with."""
        from syntagma.plot.matplotlib_backend import draw

        return draw(self, width, title=title)

    @checked
    def plotly(self, *, dark: bool = False) -> Any:
        """The Plotly figure, to go on with or to show."""
        import plotly.graph_objects as go

        from syntagma.plot.plotly_backend import spec

        return go.Figure(spec(self, dark=dark))

    @checked
    def save(self, path: str | Path, width: float = 6.8, *, title: bool = True) -> Path:
        """Write it as the ending says: .png, .pdf or .svg, `width` inches wide, .json, .csv or an .html page.

        Raises:
            InputError: another ending, or the file cannot be written.
        """
        from syntagma.plot.files import save

        return save(self, Path(path), width, title=title)

    @classmethod
    @checked
    def from_json(cls, text: str) -> Figure:
        """The figure that `to_json` wrote."""
        figure = from_json(json.loads(text), _KINDS)
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
