"""What came out, as Markdown: for a repository, a notebook or a pull request, where a page of HTML is shown as source.

`claims.md` stands beside `page.html`: the sentence that opens the page, every figure with its caption, the notes, and a
table of all claims with what was predicted and measured.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from syntagma.curves.claim import Verdict, claims_tested
from syntagma.plot import Figure
from syntagma.report.page import headline
from syntagma.studies.machinery import Analysis
from syntagma.sweep.atomic_file import atomic_file


def write_markdown(analysis: Analysis, path: str | Path, pictures: str = "") -> Path:
    """Write `markdown(analysis, pictures)` to `path`, whole or not at all, and return it.

    Raises:
        InputError: `path` cannot be written.
    """
    with atomic_file(path) as temporary:
        temporary.write_text(markdown(analysis, pictures), encoding="utf-8")
    return Path(path)


def markdown(analysis: Analysis, pictures: str = "") -> str:
    """The text: `markdown(machinery.analyse(study, store), "png")`.

    Args:
        pictures: the ending of the figures' files in `figures/`; without it figures are named, not shown.
    """
    return "\n".join(_lines(analysis, pictures)) + "\n"


def _lines(analysis: Analysis, pictures: str) -> Iterator[str]:
    preset, paper = analysis.provenance.get("preset"), analysis.paper
    yield from (f"# {_plain(analysis.title)}" + (f": the {preset} preset" if preset else ""), "")
    yield from (headline(analysis.verdicts) + (f" After {paper}." if paper else ""), "")
    for note in analysis.notes:
        yield from (f"> {_plain(note)}", "")
    for figure in analysis.figures:
        yield from _figure(figure, pictures)
    yield from ("## All claims", "", claims_tested(analysis.verdicts), "")
    yield from ("| outcome | claim | predicted | measured [95 %] | source |", "| --- | --- | --- | --- | --- |")
    yield from map(_row, analysis.verdicts)


def _figure(figure: Figure, pictures: str) -> Iterator[str]:
    title = _plain(figure.title)
    yield from (f"## {title}", "")
    if pictures:
        yield from (f"![{title}](figures/{figure.name}.{pictures})", "")
    yield from (_plain(figure.caption), "")


def _row(verdict: Verdict) -> str:
    claim = verdict.claim
    cells = (verdict.outcome, claim.text, claim.predicted, verdict.measured, claim.source)
    return f"| {' | '.join(_plain(cell).replace('|', chr(92) + '|') for cell in cells)} |"


def _plain(text: str) -> str:
    """One line, formulas without the dollars and braces in which figures write them."""
    text = re.sub(r"\$([^$]*)\$", lambda found: re.sub(r"[{}]", "", found[1]), text)
    return re.sub(r"\s+", " ", text.replace("*", r"\*").replace("<", "&lt;")).strip()
