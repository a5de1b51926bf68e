"""Figures as files: PNG, PDF and SVG for papers, JSON, and a page of its own; the same figure gives the same bytes."""

from __future__ import annotations

import html
import io
from pathlib import Path

from syntagma.errors import InputError, unknown
from syntagma.plot.figure import Figure

PNG_DPI = 300
_METADATA: dict[str, dict[str, str | None]] = {
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "svg": {"Date": None, "Creator": None, "Format": None, "Type": None},
}
"""Nothing that differs from one day or version to the next."""


def save(figure: Figure, path: Path, width: float = 6.8, *, title: bool = True) -> Path:
    """Write `figure` as the ending of `path` says; the directory is made where missing.

    Raises:
        InputError: an ending that is not known, or the file cannot be written.
    """
    form = path.suffix.removeprefix(".").lower()
    if form not in (*_METADATA, "json", "html"):
        raise unknown("format", form or str(path), (*_METADATA, "json", "html"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(as_bytes(figure, form, width, title=title))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"{path} cannot be written: {reason}. Choose another file for the figure.") from error
    return path


def as_bytes(figure: Figure, form: str, width: float, *, title: bool) -> bytes:
    """The contents of the file that `save` writes."""
    if form == "json":
        return figure.to_json().encode()
    if form == "html":
        return (
            f"<!doctype html><meta charset=utf-8><title>{html.escape(figure.title)}</title>{as_html(figure)}".encode()
        )
    from syntagma.plot.matplotlib_backend import draw, look

    buffer = io.BytesIO()
    drawing, _ = draw(figure, width, title=title)
    with look():
        drawing.savefig(buffer, format=form, dpi=PNG_DPI, metadata=_METADATA[form])
    return buffer.getvalue()


def as_html(figure: Figure) -> str:
    """The interactive figure, with plotly.js inside, and its caption."""
    drawing = figure.plotly().to_html(full_html=False, include_plotlyjs=True)
    return f"<figure>{drawing}<figcaption>{html.escape(figure.caption)}</figcaption></figure>"
