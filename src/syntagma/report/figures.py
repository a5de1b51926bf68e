"""Figures as files, PNG and PDF, and as SVG text that can stand inside a page."""

from __future__ import annotations

import io
import re
from pathlib import Path

from matplotlib.figure import Figure

from syntagma.errors import InputError
from syntagma.report import style
from syntagma.report.study_report import report_of
from syntagma.studies.study import Analysis
from syntagma.sweep.atomic_file import atomic_file

_PNG_DPI = 200
"""Twice the 100 dots per inch that the sizes of type are made for."""

_METADATA: dict[str, dict[str, None]] = {
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "svg": {"Date": None, "Creator": None, "Format": None, "Type": None},
}
"""Nothing that differs from one day or version to the next: the same results give the same files."""


def save_figures(analysis: Analysis, directory: str | Path) -> list[Path]:
    """Draw the study's figures into `directory` as PNG and PDF, each whole or not at all; returns the files.

    The directory is made where missing.

    Raises:
        InputError: no report is known for the study, or the directory cannot be made or written.
    """
    files = []
    for name, draw in report_of(analysis.study).figures.items():
        files += save_figure(draw(analysis), Path(directory), name)
    return files


def save_figure(figure: Figure, directory: Path, name: str) -> list[Path]:
    """Write one figure into `directory` as PNG and PDF; as `save_figures`.

    Raises:
        InputError: the directory cannot be made or written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"{directory} cannot be made: {reason}. Choose another directory for the figures.") from error
    files = []
    for form in ("png", "pdf"):
        file = directory / f"{name}.{form}"
        with atomic_file(file) as temporary, style.applied():
            figure.savefig(temporary, format=form, dpi=_PNG_DPI, metadata=_METADATA[form])
        files.append(file)
    return files


def svg_text(figure: Figure, name: str, description: str) -> str:
    """`figure` as an `<svg>` element as wide as what it stands in.

    Its ids and classes begin with `name`, so that a page can hold many.

    Text is text, in DejaVu Sans, or in Verdana, which has the same widths, where a reader has not got it.
    `description` is plain text, read out to those who do not see the figure.
    """
    buffer = io.StringIO()
    with style.applied():
        figure.savefig(buffer, format="svg", metadata=_METADATA["svg"])
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->|<style.*?</style>", "", text, flags=re.DOTALL)
    text = _own_ids(text, name)
    text = re.sub(r' (d|x|y|points|transform)="([^"]*)"', lambda match: f' {match[1]}="{_rounded(match[2])}"', text)
    text, rules = _shared_styles(text, name)
    text = re.sub(r">\s+<", "><", text)
    opening = re.sub(r' (width|height)="[^"]*"', "", text[: text.index(">")])
    opening += f' class="{name}" role="img" aria-label="{_attribute(description)}">'
    return f"{opening}<style>\n{rules}</style>{text[text.index('>') + 1 :].strip()}"


def _shared_styles(text: str, name: str) -> tuple[str, str]:
    """Write each style once, as a class; what matplotlib sets for all elements goes to the root, which they inherit."""
    classes: dict[str, str] = {}

    def short(match: re.Match[str]) -> str:
        kept = re.sub(r"\s*font-family: 'DejaVu Sans';?", "", match[1]).strip()
        return f' class="{classes.setdefault(kept, f"{name}-{len(classes)}")}"' if kept else ""

    text = re.sub(r' style="([^"]*)"', short, text)
    common = "font-family: 'DejaVu Sans', Verdana, sans-serif; stroke-linejoin: round; stroke-linecap: butt"
    lines = [f".{name} {{ {common} }}", *(f".{one} {{ {rules} }}" for rules, one in classes.items())]
    return text, "\n".join(lines) + "\n"


def _own_ids(text: str, name: str) -> str:
    """Drop the ids that nothing refers to, and put `name` before the others."""
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', text))
    text = re.sub(r' id="([^"]*)"', lambda match: f' id="{name}-{match[1]}"' if match[1] in used else "", text)
    return re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", text)


def _rounded(coordinates: str) -> str:
    """A hundredth of a point is finer than any screen."""
    shorter = re.sub(r"\d+\.\d{3,}", lambda match: f"{float(match[0]):.2f}".rstrip("0").rstrip("."), coordinates)
    return " ".join(shorter.split())


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
