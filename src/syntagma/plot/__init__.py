"""Figures as values, drawn by matplotlib for papers and by Plotly for pages; one module a kind of picture.

Neither library is loaded before something is drawn.
"""

from syntagma.plot.figure import Figure, Note, Panel
from syntagma.plot.marks import (
    Axis,
    Band,
    Bars,
    Dots,
    Empty,
    Heat,
    Law,
    Level,
    Line,
    Mark,
    Points,
    Text,
    Tree,
    VerticalLine,
)

__all__ = [
    "Axis",
    "Band",
    "Bars",
    "Dots",
    "Empty",
    "Figure",
    "Heat",
    "Law",
    "Level",
    "Line",
    "Mark",
    "Note",
    "Panel",
    "Points",
    "Text",
    "Tree",
    "VerticalLine",
]
