"""Figures as values, drawn by matplotlib for papers and by Plotly for pages; one module a kind of picture.

Neither library is loaded before something is drawn.
"""

from syntagma.plot.collapse import collapse, rescaled, rescaled_panel
from syntagma.plot.content import Note, Panel
from syntagma.plot.figure import Figure
from syntagma.plot.growth import growth, growth_panel
from syntagma.plot.heat_maps import heat_panel
from syntagma.plot.learning_curves import curve_panel, learning_curves, with_curves
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
from syntagma.plot.profiles import profile_panel, share_panel
from syntagma.plot.ratios import dot_panel, ratios
from syntagma.plot.spectra import decay_panel, spectrum_panel
from syntagma.plot.trees import tree_panel

__all__ = [
    "Axis", "Band", "Bars", "Dots", "Empty", "Figure", "Heat", "Law", "Level", "Line", "Mark", "Note", "Panel",
    "Points", "Text", "Tree", "VerticalLine", "collapse", "curve_panel", "decay_panel", "dot_panel", "growth",
    "growth_panel", "heat_panel", "learning_curves", "profile_panel", "ratios", "rescaled", "rescaled_panel",
    "share_panel", "spectrum_panel", "tree_panel", "with_curves",
]  # fmt: skip
