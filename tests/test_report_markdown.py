"""What came out as Markdown: headline, figures with captions, a row for every claim, nothing that breaks a table."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from report_examples import analysis_of as analysis
from syntagma.curves import Claim, judge
from syntagma.curves.interval import mean
from syntagma.report.markdown import markdown, write_markdown
from syntagma.report.page import headline


def test_every_claim_is_a_row_of_five_cells() -> None:
    given = analysis()
    rows = [line for line in markdown(given).splitlines() if line.startswith("| ")][2:]
    assert len(rows) == len(given.verdicts) > 0
    for row, verdict in zip(rows, given.verdicts, strict=True):
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]
        assert len(cells) == 5
        assert cells[0] == verdict.outcome


def test_headline_notes_and_captions_are_there() -> None:
    given = replace(analysis(), notes=("2 runs diverged",))
    text = markdown(given, "png")
    assert text.startswith(f"# {given.title}")
    assert headline(given.verdicts) in text
    assert "> 2 runs diverged" in text
    for figure in given.figures:
        assert f"(figures/{figure.name}.png)" in text
    assert "](figures/" not in markdown(given)


def test_what_would_break_a_table_or_a_line_is_escaped() -> None:
    claim = Claim("a|b <i> $x^{2}$\nc*d", "y", mean([1.0, 2.0, 3.0]), source="here")
    row = markdown(replace(analysis(), verdicts=judge([claim]))).splitlines()[-1]
    assert r"a\|b &lt;i> x^2 c\*d" in row


def test_it_is_written_whole(tmp_path: Path) -> None:
    path = write_markdown(analysis(), tmp_path / "claims.md", "svg")
    assert path.read_text(encoding="utf-8") == markdown(analysis(), "svg")
    assert [file.name for file in tmp_path.iterdir()] == ["claims.md"]
    with pytest.raises(ValueError, match=r"claims\.md"):
        write_markdown(analysis(), tmp_path / "missing" / "claims.md")
