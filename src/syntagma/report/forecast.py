"""The page of a forecast of a corpus: what came out and whether to believe it, the figure, the tables."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from syntagma.plot import Figure
from syntagma.report.page import document, figure_html, how_it_was_made, titled_table
from syntagma.studies.schemas import Table


def forecast_html(
    title: str,
    said: str,
    lines: Iterable[tuple[str, str]],
    figures: Sequence[Figure],
    tables: Sequence[Table],
    provenance: Mapping[str, Any],
) -> str:
    """The page as the text of an HTML file that needs no network.

    Args:
        title: its heading.
        said: the sentence at the top.
        lines: what came out, a name and a sentence each.
        figures: drawn once each.
        tables: below the figures.
        provenance: command, settings, versions and machine, as `studies.machinery.Analysis` has them.
    """
    items = "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(text)}</dd>\n" for name, text in lines)
    contents = {f"figure-{figure.name}": figure.title for figure in figures}
    contents |= {f"table-{table.name}": table.title for table in tables} | {"provenance": "How it was made"}
    parts = [*map(figure_html, figures), *map(titled_table, tables), how_it_was_made(provenance, {})]
    opening = [f"<section>\n<dl>\n{items}</dl></section>"]
    return document("forecast", title, "Syntagma · forecast", said, opening, contents, parts, figures)
