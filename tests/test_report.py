"""The page says exactly what the analysis holds, from one file that needs nothing else; figures are files."""

from __future__ import annotations

import functools
import html
import json
import math
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import plot_examples
from report_examples import CAPTIONED, NOTES, OUTCOMES, VERDICTS, analysis_of, runs, seeds
from syntagma.curves import Claim, Verdict, certain, claims_tested, judge, unmeasured
from syntagma.errors import InputError
from syntagma.plot import Axis, Figure, Line, Panel
from syntagma.plot.files import as_csv
from syntagma.plot.plotly_backend import spec
from syntagma.report import page_html, save_figures, write_page
from syntagma.report.compare import compared_figures
from syntagma.report.formulas import rich
from syntagma.report.page import headline
from syntagma.report.plotly_source import packed, unpacked
from syntagma.report.tables import number_text
from syntagma.studies.machinery import Analysis
from syntagma.studies.schemas import Column, Table


@pytest.fixture(scope="module")
def usual() -> Analysis:
    return analysis_of()


@pytest.fixture(scope="module")
def usual_page(usual: Analysis) -> str:
    return page_html(usual)


class Page(HTMLParser):
    """Tables, all text, all attributes, and whether the elements are properly nested."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.tables: list[list[list[tuple[str, str | None]]]] = []
        self.text = ""
        self.scripts: dict[str, str] = {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in ("meta", "link", "br"):
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append(("", values.get("data-value")))
        if tag == "script":
            self.last = values.get("id") or "main"

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "script" in self.open:
            self.scripts[self.last] = self.scripts.get(self.last, "") + data
        if {"script", "style"} & set(self.open):
            return
        self.text += data
        if {"td", "th"} & set(self.open):
            text, value = self.tables[-1][-1][-1]
            self.tables[-1][-1][-1] = (text + data, value)

    def values(self, tag: str, name: str) -> list[str]:
        return [value for where, what, value in self.attributes if (where, what) == (tag, name)]


# The page


def test_page_needs_no_network_and_is_small(usual_page: str) -> None:
    page = Page(usual_page)
    loading = {"src", "href", "xlink:href", "action", "data", "poster", "srcset", "background", "formaction", "ping"}
    outside = {
        value
        for tag, name, value in page.attributes
        if name in loading and not value.startswith(("#", "data:image/png;base64,")) and tag != "a"
    }
    assert outside == {"data:,"}
    assert "@import" not in usual_page
    assert all(
        target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", usual_page.partition("plotly-packed")[0])
    )
    (policy,) = [value for value in page.values("meta", "content") if value.startswith("default-src")]
    assert policy.startswith("default-src 'none';")
    assert set(re.findall(r"https?://[^\s\"']+", usual_page)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
        "https://arxiv.org/abs/2505.07070",  # a link that a reader may follow
    }
    assert len(usual_page.encode()) < 3_000_000


def test_every_figure_is_there_as_a_drawing_and_as_data(usual: Analysis, usual_page: str) -> None:
    page = Page(usual_page)
    names = [figure.name for figure in usual.figures]
    assert [one for one in page.values("h2", "id") if one.startswith("figure-")] == [f"figure-{name}" for name in names]
    assert page.values("div", "data-figure") == names
    drawings = page.values("svg", "aria-label")
    assert drawings == [CAPTIONED] * len(names)
    data = json.loads(unpacked(page.scripts["figures-packed"]))
    assert list(data) == names
    for figure in usual.figures:
        drawn = data[figure.name]
        assert {key: drawn[key] for key in ("data", "layout")} == spec(figure, title=False)
        for path, value in drawn["dark"]:
            *outer, last = path.split(".")
            inner = functools.reduce(lambda one, key: one[int(key) if isinstance(one, list) else key], outer, drawn)
            inner[int(last) if isinstance(inner, list) else last] = value
        assert {key: drawn[key] for key in ("data", "layout")} == spec(figure, dark=True, title=False)
        assert drawn["csv"] == as_csv(figure)
    assert "Plotly" in unpacked(page.scripts["plotly-packed"])
    identities = [value for _, name, value in page.attributes if name == "id"]
    assert len(set(identities)) == len(identities)
    referred = {value[1:] for _, name, value in page.attributes if name in ("href", "xlink:href") and value[:1] == "#"}
    assert referred <= set(identities)


def test_the_drawings_are_there_without_scripts(usual: Analysis, usual_page: str) -> None:
    for figure in usual.figures:
        (drawing,) = re.findall(rf'id="figure-{figure.name}">.*?<svg(.*?)</svg>', usual_page, re.DOTALL)
        labels = [panel.x.label for panel in figure.panels if panel.x.label and "$" not in panel.x.label]
        shown = html.unescape(re.sub(r"<[^>]*>", " ", drawing))
        assert all(word in shown for label in labels for word in label.split()[:1]), figure.name
        assert "<path" in drawing or "<use" in drawing


def test_tables_hold_the_numbers_of_the_analysis(usual: Analysis, usual_page: str) -> None:
    verdicts, *shown = Page(usual_page).tables
    assert [row[0][0] for row in verdicts[1:]] == OUTCOMES
    assert [cell[0] for cell in verdicts[0]] == ["outcome", "claim", "predicted", "measured", "source"]
    assert len(shown) == 2
    for table, rows in zip((usual.tables["thresholds"], usual.tables["growth"]), shown, strict=True):
        columns = [column for column in table.columns if column.name != "note" or any(table.data["note"])]
        columns = [column for column in columns if column.kind == "text" or table.data[column.name].notna().any()]
        assert len(rows[0]) == len(columns)
        for place, column in enumerate(columns):
            cells = [row[place] for row in rows[1:]]
            if column.kind == "text":
                assert [text for text, _ in cells] == list(table.data[column.name])
                continue
            whole = [float(value or "x") for _, value in cells]
            np.testing.assert_array_equal(whole, table.data[column.name].to_numpy(float))  # NaN equal to NaN
            for text, value in cells:
                if math.isnan(float(value or "x")):
                    assert text == "–"
                else:
                    rounding = 0.0051 if "." in text else 0.5
                    assert float(text.replace(",", "")) == pytest.approx(float(value or "x"), rel=0.005, abs=rounding)


def test_columns_that_are_empty_are_left_out_and_so_are_undeclared_ones(usual_page: str) -> None:
    headings = [[text for text, _ in table[0]] for table in Page(usual_page).tables]
    assert headings[1][0] == "learner"
    assert headings[1][-1] == "note"
    assert "note" not in headings[2]
    assert "to" not in headings[2]
    assert "not shown" not in usual_page


def test_the_page_says_what_was_tested_and_what_to_know(usual_page: str) -> None:
    text = Page(usual_page).text
    said = claims_tested(VERDICTS)
    assert said.startswith("2 claims were tested.")
    assert said in text
    for note in NOTES:
        assert note in text
    assert CAPTIONED.replace("P_3", "P3") in text
    assert text.index(NOTES[0]) < text.index(CAPTIONED[:20])


def test_page_says_where_it_comes_from(usual_page: str) -> None:
    text = Page(usual_page).text
    for wanted in (
        "syntagma run scaling-laws --preset laptop",
        "learners.cnn.width",
        "An invented processor",
        "30 min 34 s",
        "31 min 15 s",
        "1,250",
        "Syntagma · study scaling-laws · preset laptop",
    ):
        assert wanted in text
    assert headline(VERDICTS) in text


EVIL = "<script>alert('x')</script>\"&<b>"


def test_text_from_results_is_escaped() -> None:
    column = Column("text", EVIL, "text")
    table = Table("evil", EVIL, EVIL, (column,), pd.DataFrame({"text": [EVIL]}))
    claims = (
        Claim(EVIL, EVIL, seeds(1.0, 1.1), "equals", 9.0, EVIL, shown=EVIL),
        Claim(EVIL, EVIL, unmeasured(EVIL), "equals", 1.0, EVIL, caveat=EVIL),
    )
    line = Line([1, 2], [1, 2], label=EVIL, key="cnn", name=EVIL)
    figure = Figure("evil", EVIL, (Panel(EVIL, Axis(EVIL), Axis(EVIL), (line,)),), EVIL)
    provenance = {"preset": EVIL, "settings": {EVIL: EVIL}, "command": EVIL, "versions": {EVIL: [EVIL]}, EVIL: EVIL}
    text = page_html(
        Analysis(EVIL, EVIL, EVIL, {"evil": table, "runs": runs()}, judge(claims), (figure,), (EVIL,), provenance)
    )
    assert "<script>alert" not in text
    assert "<b>" not in text
    page = Page(text)
    assert page.text.count(EVIL) > 15
    assert set(page.scripts) == {"figures-packed", "plotly-packed", "main"}
    assert page.values("script", "src") == []
    drawn = json.loads(unpacked(page.scripts["figures-packed"]))["evil"]  # its CSV and title are never read as HTML
    data = json.dumps([drawn["data"], drawn["layout"]], ensure_ascii=False)
    assert "<script" not in data  # Plotly reads a little HTML in its texts
    assert "&<b>" not in data  # its own titles are bold


def test_page_is_written_whole_or_not_at_all(
    tmp_path: Path, usual: Analysis, usual_page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syntagma.report.page.page_html", lambda *_, **__: usual_page)  # once is enough
    assert write_page(usual, tmp_path / "report.html").read_text(encoding="utf-8") == usual_page
    with pytest.raises(InputError, match="cannot be written"):
        write_page(usual, tmp_path / "missing" / "report.html")
    with pytest.raises(InputError, match="it is a directory"):
        write_page(usual, tmp_path)

    def full(self: Path, text: str, **_: object) -> None:
        with self.open("w") as file:
            file.write(text[:1000])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(InputError, match="no space left"):
        write_page(usual, tmp_path / "report.html")
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"]
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == usual_page


def test_a_page_without_figures_claims_or_notes_is_one_too() -> None:
    text = page_html(analysis_of(figures=(), verdicts=(), notes=(), provenance={}, tables={"runs": runs()}))
    page = Page(text)
    assert "No prediction could be tested yet." in page.text
    assert "No claim could be tested." in page.text
    assert page.values("ul", "class") == []


def test_the_same_analysis_gives_the_same_page() -> None:
    few = analysis_of(figures=(plot_examples.growth_figure(),))
    assert page_html(few) == page_html(analysis_of(figures=(plot_examples.growth_figure(),)))


# Several results


def test_compared_panels_of_one_title_stand_beside_each_other() -> None:
    def figure(name: str, title: str, *panels: str) -> Figure:
        lines = [Panel(panel, marks=(Line([1, place + 2], [1, 2]),)) for place, panel in enumerate(panels)]
        return Figure(name, title, lines, "One caption.")

    first = [figure("dots", "Dots", "all"), figure("growth", "P grows as m", "in v", "in m", "in L")]
    second = [figure("dots", "Dots", "all"), figure("growth", "P grows as L", "in m", "in L")]
    dots, growth = compared_figures(["a", "b"], [first, second])
    assert [dots.name, dots.title, dots.caption] == ["dots", "Dots", "One caption."]
    assert [panel.title for panel in growth.panels] == ["a · in v", "b", "a · in m", "b · in m", "a · in L", "b · in L"]
    assert growth.title == "Growth: a, b"
    assert growth.caption == "a: P grows as m. b: P grows as L. One caption."
    assert growth.panels[2].x.limits == growth.panels[3].x.limits != (None, None)
    twice = [figure("growth", "P grows", "", "")]
    assert len(compared_figures(["a", "b"], [twice, second[1:]])[0].panels) == 4  # by place, where titles do not tell


# Figures as files


def test_saved_figures_are_whole_and_the_same_each_time(tmp_path: Path) -> None:
    from PIL import Image

    figure = plot_examples.ratio_figure()
    files = save_figures([figure], tmp_path / "new" / "figures")
    assert [file.name for file in files] == [f"{figure.name}.png", f"{figure.name}.pdf"]
    assert set((tmp_path / "new" / "figures").iterdir()) == set(files)
    with Image.open(files[0]) as image:
        assert image.size[0] == round(6.8 * 300)
    before = [file.read_bytes() for file in files]
    assert before[1][:5] == b"%PDF-"
    assert [file.read_bytes() for file in save_figures([figure], tmp_path / "new" / "figures")] == before
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be made"):
        save_figures([figure], tmp_path / "file")


def test_figures_have_the_formats_and_the_width_asked_for(tmp_path: Path) -> None:
    from PIL import Image

    figure = plot_examples.ratio_figure()
    files = save_figures([figure], tmp_path / "all", ("png", "svg", "json", "png"), 3.3, title=False)
    assert [file.suffix for file in files] == [".png", ".svg", ".json"]
    with Image.open(files[0]) as image:
        assert image.size[0] == round(3.3 * 300)
    assert figure.title not in files[1].read_text(encoding="utf-8")
    assert Figure.from_json(files[2].read_text(encoding="utf-8")) == figure


@pytest.mark.parametrize(
    ("formats", "width", "says"),
    [(("gif",), 6.8, "format='gif'"), ((), math.nan, "width=nan"), ((), 0, "width=0"), ((), 1e9, "width=1000000000")],
)
def test_figures_that_cannot_be_are_refused(tmp_path: Path, formats: Any, width: float, says: str) -> None:
    with pytest.raises(InputError, match=says):
        save_figures([plot_examples.ratio_figure()], tmp_path / "figures", formats, width)
    assert list(tmp_path.iterdir()) == []


# Its parts


@settings(max_examples=30)
@given(st.text())
def test_packing_can_be_undone(text: str) -> None:
    assert unpacked(packed(text)) == text
    assert "<" not in packed(text)


@pytest.mark.parametrize(
    ("outcomes", "says"),
    [
        ([], "No prediction could be tested yet."),
        (["open", "open", "finding"], "No prediction could be tested yet; 2 are open."),
        (["agrees"], "The one prediction that could be tested came true."),
        (["agrees"] * 3 + ["open"], "All 3 predictions that could be tested came true; 1 is open."),
        (["disagrees"], "The one prediction that could be tested did not come true."),
        (["disagrees"] * 2, "None of the 2 predictions that could be tested came true."),
        (["agrees"] + ["disagrees"] * 4, "1 of 5 predictions that could be tested came true, 4 did not."),
    ],
)
def test_the_headline_is_computed_from_the_outcomes(outcomes: Any, says: str) -> None:
    claim = Claim("c", "p", certain(1.0), shown="m")
    assert headline([Verdict(claim, outcome, math.nan) for outcome in outcomes]) == says


@pytest.mark.parametrize(
    ("value", "kind", "shown"),
    [
        (12345.6, "count", "12,346"), (4.2, "count", "4.2"), (6.0, "ratio", "6.00"), (61.74, "ratio", "61.7"),
        (617.4, "ratio", "617"), (6174.0, "ratio", "6,174"), (2.0, "exponent", "2.00"), (math.nan, "count", "–"),
        (3, "whole", "3"), (1.23456, "nats", "1.235"), (0.5, "number", "0.5"),
    ],
)  # fmt: skip
def test_numbers_are_rounded_for_the_eye(value: float, kind: Any, shown: str) -> None:
    assert number_text(value, kind) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("P_3 < m^4", "<math>{msub:P 3}<mo>&lt;</mo>{msup:m 4}</math>"),
        ("with a P_3", "with a <math>{msub:P 3}</math>"),
        ("L_(l-1)", "<math><msub><mi>L</mi><mrow><mi>l</mi><mo>−</mo><mn>1</mn></mrow></msub></math>"),
        ("$m^{2}$ at 3", "<math><msup><mi>m</mi><mrow><mn>2</mn></mrow></msup></math> at 3"),
        ("t^-beta", "<math><msup><mi>t</mi><mrow><mo>−</mo><mi>β</mi></mrow></msup></math>"),
        ("m^2.9, num_examples_1", "<math>{msup:m 2.9}</math>, num_examples_1"),
        ("a_<b>, 5$", "a_&lt;b&gt;, 5$"),
        (
            "arXiv 2505.07070, eq. 9",
            'arXiv <a href="https://arxiv.org/abs/2505.07070" rel="noreferrer">2505.07070</a>, eq. 9',
        ),
    ],
)
def test_formulas_and_papers_are_set(text: str, shown: str) -> None:
    shown = re.sub(r"\{(\w+):(\w) ([\d.]+)\}", r"<\1><mi>\2</mi><mn>\3</mn></\1>", shown)
    assert rich(text) == shown


@settings(deadline=None)
@given(st.text(alphabet="P_l^m(1)-{}2 $<&x"))
def test_any_text_gives_elements_that_are_nested(text: str) -> None:
    assert "".join(Page(f"<p>{rich(text)}</p>").text.split()) or not text.strip(" (){}$^_-")


def test_report_reads_results_without_jax() -> None:
    unwanted = ("jax", "matplotlib.pyplot", "plotly")
    script = f"import sys, syntagma.report; print([name for name in {unwanted} if name in sys.modules])"
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "[]"
