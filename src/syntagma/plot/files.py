"""Figures as files: PNG, PDF and SVG for papers, JSON, CSV of what is drawn, and a page; always the same bytes."""

from __future__ import annotations

import base64
import csv
import functools
import html
import io
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from syntagma.errors import InputError, unknown
from syntagma.plot.content import Content
from syntagma.plot.marks import Level, VerticalLine

PNG_DPI = 300
_METADATA: dict[str, dict[str, str | None]] = {
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "svg": {"Date": None, "Creator": None, "Format": None, "Type": None},
}
"""Nothing that differs from one day or version to the next."""


def save(figure: Content, path: Path, width: float = 6.8, *, title: bool = True) -> Path:
    """Write `figure` as the ending of `path` says; the directory is made where missing.

    Raises:
        InputError: an ending that is not known, or the file cannot be written.
    """
    form = path.suffix.removeprefix(".").lower()
    if form not in (*_METADATA, "json", "csv", "html"):
        raise unknown("format", form or str(path), (*_METADATA, "json", "csv", "html"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(as_bytes(figure, form, width, title=title))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"{path} cannot be written: {reason}. Choose another file for the figure.") from error
    return path


def as_bytes(figure: Content, form: str, width: float, *, title: bool) -> bytes:
    """The contents of the file that `save` writes."""
    (content,) = contents(figure, [form], width, title=title)
    return content


def contents(figure: Content, forms: Iterable[str], width: float, *, title: bool) -> Iterator[bytes]:
    """The contents of the file of each form."""
    for form in forms:
        if form == "json":
            yield figure.to_json().encode()
        elif form == "csv":
            yield as_csv(figure).encode()
        elif form == "html":
            head = f"<!doctype html><meta charset=utf-8><title>{html.escape(figure.title)}</title>"
            yield (head + as_html(figure)).encode()
        else:
            yield _picture(figure, form, width, title=title)


def _picture(figure: Content, form: str, width: float, *, title: bool) -> bytes:
    from syntagma.plot.matplotlib_backend import look, plain_fonts, without_title

    drawing, buffer = _drawn(figure, width), io.BytesIO()
    fonts = plain_fonts() if form == "pdf" else nullcontext()
    with look(), fonts, nullcontext() if title else without_title(drawing) as part:
        drawing.savefig(buffer, format=form, dpi=PNG_DPI, metadata=_METADATA[form], bbox_inches=part)
    return buffer.getvalue()


@functools.lru_cache(maxsize=16)
def _drawn(figure: Content, width: float) -> Any:
    """Laid out once for all formats, with the title and without: for files and for the page."""
    from syntagma.plot.matplotlib_backend import draw

    return draw(figure, width)[0]


def as_csv(figure: Content) -> str:
    """The numbers that are drawn, one row a point: its panel, kind, label and key, and a column for each number."""
    rows: list[dict[str, Any]] = []
    for panel in figure.panels:
        for mark in panel.marks:
            columns = {name: getattr(mark, name) for name in mark.vectors} | dict(mark.hover)
            whose: dict[str, Any] = {
                "panel": panel.title,
                "kind": type(mark).__name__,
                "label": mark.label,
                "key": mark.key,
            }
            rows += [whose | dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
            if isinstance(mark, Level | VerticalLine):
                place = {"y": mark.height} if isinstance(mark, Level) else {"x": mark.place}
                rows.append(whose | place | {"label": mark.label or mark.name})
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(name for row in rows for name in row)), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def as_html(figure: Content) -> str:
    """The interactive figure, with plotly.js inside, and its caption."""
    import plotly.graph_objects as go

    from syntagma.plot.plotly_backend import config, spec

    drawing = go.Figure(spec(figure)).to_html(config(figure), full_html=False, include_plotlyjs=True)
    return f"<figure>{drawing}<figcaption>{html.escape(figure.caption)}</figcaption></figure>"


def as_picture(figure: Content) -> str:
    """The figure as a picture over its caption, for notebooks: plotly.js in every cell would be 5 MB each."""
    coded = base64.b64encode(as_bytes(figure, "png", 6.8, title=True)).decode()
    image = f'<img width="820" alt="{html.escape(figure.title)}" src="data:image/png;base64,{coded}">'
    return f"<figure>{image}<figcaption>{html.escape(figure.caption)}</figcaption></figure>"
