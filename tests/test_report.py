"""The figures draw for every shape of analysis, and the page says exactly what the analysis holds, from one file."""

from __future__ import annotations

import base64
import itertools
import json
import math
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text
from syntagma.report.interactive_curves import interactive_learning_curves
from syntagma.report.scaling_laws import FIGURES, REPORT

from syntagma.errors import InputError
from syntagma.report import page_html, panels, save_figures, style, write_page
from syntagma.report.page import finding
from syntagma.report.plotly_source import packed, unpacked
from syntagma.report.tables import number_text, typeset
from syntagma.studies.study import Analysis, Verdict

LEARNERS = {"cnn": "convolutional", "attention": "attention-only", "transformer": "transformer"}
LAWS = {"weight sharing": "cnn", "no weight sharing": "attention"}
FACTORS = {"cnn": 6.0, "attention": 9.0, "transformer": 12.0}
VERDICTS = (
    Verdict("P_3 of the convolutional network grows like m^4", "4", "4.0 [3.7, 4.3]", "agrees", "2505.07070"),
    Verdict("P_3 of the attention-only transformer grows like m^5", "5", "4.2 [3.9, 4.5]", "disagrees", "2505.07070"),
    Verdict("P_1 grows like m", "1", "two values of m only", "open", "2505.07070"),
    Verdict("growth of P_3 of the transformer", "none", "3.1 [2.8, 3.4]", "finding", "this study"),
)


def exponent(learner: str, level: int) -> float:
    """Of the laws; made up for the transformer."""
    laws = {"cnn": level + 1 if level > 1 else 1, "attention": 2 * level - 1, "transformer": 1.3 * level + 0.4}
    return laws[learner]


def synthetic_analysis(rules=(2, 3, 4), seeds=3, vocab=16, depth=3, reached=True, title="Scaling laws") -> Analysis:
    """Staircases with noise between made-up plateaus, thresholds at a multiple of the laws: the result of nothing.

    With `reached` false, all but the convolutional network stop short of the last threshold.
    """
    rng = np.random.default_rng(7)
    levels = range(1, depth + 1)
    rows: dict[str, list[dict]] = {
        name: [] for name in ("curves", "runs", "plateaus", "predictions", "thresholds", "growth")
    }
    for m in rules:
        floor = 0.55 * math.log(m) + 0.15
        heights = [floor + (math.log(vocab) - floor) * (m / vocab) ** (0.55 * level) for level in range(depth + 1)]
        for level, height in enumerate(heights):
            rows["plateaus"].append({"rules": m, "level": level, "loss_nats": height, "standard_error": 0.004})
        law = {
            learner: [vocab * m ** exponent(learner, level) / (1 - m / vocab) for level in levels]
            for learner in LEARNERS
        }
        for name, learner in LAWS.items():
            for level in levels:
                predicted = {"num_examples": law[learner][level - 1], "source": "2505.07070"}
                rows["predictions"].append({"rules": m, "level": level, "law": name, **predicted})
        for learner, label in LEARNERS.items():
            crossings = [FACTORS[learner] * threshold for threshold in law[learner]]
            largest = crossings[-1] * (6 if reached or learner == "cnn" else 0.3)
            who = {"learner": learner, "label": label, "rules": m}
            for size in np.geomspace(vocab, largest, 13).astype(int):
                drops = [(heights[i] - heights[i + 1]) / (1 + (size / crossings[i]) ** -2.2) for i in range(depth)]
                losses = np.maximum((heights[0] - sum(drops)) * (1 + 0.02 * rng.standard_normal(seeds)), heights[-1])
                band = {"low": losses.mean() - losses.std(), "high": losses.mean() + losses.std()}
                more = {"loss_nats": losses.mean(), "num_seeds": seeds, "accuracy": 0.4}
                rows["curves"].append({**who, "num_examples": size, **band, **more})
                for seed, loss in enumerate(losses):
                    run = {"learner": learner, "rules": m, "num_examples": size, "seed": seed, "best_test_loss": loss}
                    rest = {"final_test_loss": loss, "oracle_loss": heights[-1], "train_loss": 0.3, "steps": 900}
                    rows["runs"].append({**run, **rest, "seconds": 1.5, "id": f"{learner}-{m}-{size}-{seed}"})
            for level, crossing in zip(levels, crossings, strict=True):
                measured = crossing * math.exp(0.05 * rng.standard_normal()) if crossing < largest else math.nan
                predicted = math.nan if learner == "transformer" else law[learner][level - 1]
                width = 1.3 if seeds > 1 else math.nan
                interval = {"low": measured / width, "high": measured * width, "ratio": measured / predicted}
                note = "" if crossing < largest else "the curve has not crossed half-way at the largest P"
                row = {**who, "level": level, "predicted": predicted, "measured": measured, **interval, "note": note}
                rows["thresholds"].append(row)
    for (learner, label), level in itertools.product(LEARNERS.items(), levels):
        mine = [r for r in rows["thresholds"] if (r["learner"], r["level"]) == (learner, level) and r["measured"] > 0]
        points = np.log([[r["rules"], r["measured"]] for r in mine])
        slope = float(np.polyfit(points[:, 0], points[:, 1], 1)[0]) if len(mine) > 1 else math.nan
        law_exponent = math.nan if learner == "transformer" else exponent(learner, level)
        fit = {
            "exponent": slope,
            "exponent_with_factor": slope,
            "low": slope - 0.3,
            "high": slope + 0.3,
            "num_points": len(mine),
        }
        rows["growth"].append(
            {"learner": learner, "label": label, "level": level, "predicted_exponent": law_exponent, **fit}
        )
    provenance = {
        "preset": "laptop",
        "settings": {"vocab": vocab, "depth": depth, "rules": list(rules), "learners": {"cnn": {"width": 512}}},
        "command": "syntagma run scaling-laws --preset laptop",
        "versions": {"python": "3.12.1", "jax": "0.10.2"},
        "machine": {"processor": "An invented processor", "cores": 2},
        "seconds": 1834.2,
    }
    tables = {name: pd.DataFrame(table) for name, table in rows.items()}
    return Analysis("scaling-laws", title, tables, VERDICTS, provenance)


CASES = {
    "three panels": {},
    "one panel": {"rules": (4,)},
    "four panels": {"rules": (2, 3, 4, 6)},
    "five panels, four levels": {"rules": (2, 3, 4, 5, 6), "depth": 4, "vocab": 32},
    "one seed, thresholds missing": {"rules": (3, 4), "seeds": 1, "reached": False},
}


@pytest.fixture(scope="module", params=CASES)
def analysis(request) -> Analysis:
    return synthetic_analysis(**CASES[request.param])


@pytest.fixture(scope="module")
def figures(analysis) -> dict[str, Figure]:
    return {name: draw(analysis) for name, draw in FIGURES.items()}


@pytest.fixture(scope="module")
def usual() -> Analysis:
    return synthetic_analysis()


@pytest.fixture(scope="module")
def usual_page(usual) -> str:
    return page_html(usual)


# ---- figures


def drawn_texts(figure: Figure) -> list[tuple[str, tuple[float, float, float, float]]]:
    """All that is written in the figure, with its box [left, bottom, right, top] in pixels."""
    with style.applied():
        canvas = FigureCanvasAgg(figure)
        canvas.draw()  # legends take their place while they are drawn
        renderer = canvas.get_renderer()
        undrawn = set()
        for axes in figure.axes:
            if not axes.get_visible():
                undrawn |= set(axes.findobj(Text))
            for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
                for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
                    if not low * 0.999 <= tick.get_loc() <= high * 1.001:  # kept by matplotlib but outside
                        undrawn |= {tick.label1, tick.label2}
        shown = [t for t in figure.findobj(Text) if t not in undrawn and t.get_visible() and t.get_text().strip()]
        return [(text.get_text(), text.get_window_extent(renderer).extents) for text in shown]


@pytest.mark.parametrize("name", FIGURES)
def test_nothing_written_overlaps_or_leaves_the_figure(figures, name):
    figure = figures[name]
    texts = drawn_texts(figure)
    assert len(texts) > 10
    width, height = figure.get_size_inches() * figure.dpi
    for text, (left, bottom, right, top) in texts:
        assert min(left, bottom, width - right, height - top) > -1, f"{text!r} is cut off"
    for (one, a), (other, b) in itertools.combinations(texts, 2):
        overlap = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
        assert min(overlap) < 2, f"{one!r} and {other!r} overlap by {overlap} pixels"


def test_curves_stand_where_the_tables_say(analysis, figures):
    for axes, m in zip(figures["learning-curves"].axes, panels.rules(analysis), strict=False):
        lines = [line.get_xydata() for line in axes.lines]
        for learner in LEARNERS:
            colour = style.learner_colour(learner)
            curve = panels.rows_of(analysis, "curves", m)
            curve = curve[curve["learner"] == learner]
            mine = [
                line for line in axes.lines if to_hex(line.get_color()).upper() == colour and line.get_marker() == "o"
            ]
            np.testing.assert_array_equal(mine[0].get_xydata(), curve[["num_examples", "loss_nats"]])
        for height in panels.plateaus(analysis, m).values():
            assert any(np.all(points[:, 1] == height) and np.ptp(points[:, 0]) > 0 for points in lines)
        predicted = {round(x, 6) for x in panels.rows_of(analysis, "predictions", m)["num_examples"]}
        assert {round(p[0, 0], 6) for p in lines if len(p) == 2 and p[0, 0] == p[1, 0]} == predicted
        measured = panels.finite(panels.rows_of(analysis, "thresholds", m), "measured")
        diamonds = [np.array(line.get_xydata())[0] for line in axes.lines if line.get_marker() == "D"]
        assert sorted(x for x, _ in diamonds) == sorted(measured["measured"])
        heights = panels.plateaus(analysis, m)
        halves = {(heights[level - 1] + heights[level]) / 2 for level in measured["level"]}
        assert {y for _, y in diamonds} == halves


def test_one_enormous_loss_does_not_squeeze_the_levels(usual):
    high = synthetic_analysis()
    high.tables["curves"].loc[0, ["loss_nats", "high"]] = 40.0
    assert panels.curve_limits(high) == panels.curve_limits(usual)
    for m in (2, 3, 4):
        assert max(panels.plateaus(high, m).values()) < panels.curve_limits(high)[1][1]


def test_exponents_are_written_with_their_interval(usual):
    texts = " ".join(text for text, _ in drawn_texts(FIGURES["thresholds"](usual)))
    for row in usual.tables["growth"].itertuples():
        law = "" if math.isnan(row.predicted_exponent) else f", law $m^{{{row.predicted_exponent:g}}}$"
        assert f"{row.label}: $m^{{{row.exponent:.1f}}}$ [{row.low:.1f}, {row.high:.1f}]{law}" in texts


def test_scatter_has_what_has_both_numbers(usual):
    figure = FIGURES["measured-against-predicted"](usual)
    drawn = {tuple(np.array(line.get_xydata())[0]) for line in figure.axes[0].lines if line.get_marker() != "None"}
    both = usual.tables["thresholds"].dropna(subset=["predicted", "measured"])
    assert drawn == set(zip(both["predicted"], both["measured"], strict=True))
    assert len(drawn) == 18


def test_figures_without_any_threshold_still_draw():
    nothing = synthetic_analysis(rules=(3,))
    nothing.tables["thresholds"].loc[:, ["measured", "low", "high", "ratio"]] = math.nan
    for name, draw in FIGURES.items():
        texts = [text for text, _ in drawn_texts(draw(nothing))]
        assert name == "learning-curves" or any("not reached" in text or "no threshold" in text for text in texts)


def test_colours_can_be_told_apart():
    names = [*LEARNERS, "locally-connected", "perceptron"]
    assert len({style.learner_colour(name) for name in names}) == len(names)
    assert style.learner_colour("something new") == style.learner_colour("something new")
    assert {law: style.law_colour(law) for law in LAWS} == {law: style.learner_colour(who) for law, who in LAWS.items()}


def test_drawing_leaves_the_settings_of_matplotlib(usual):
    import matplotlib

    before = dict(matplotlib.rcParams)
    FIGURES["learning-curves"](usual)
    assert dict(matplotlib.rcParams) == before


def test_saved_figures_are_whole_and_the_same_each_time(tmp_path, monkeypatch):
    from PIL import Image

    one = {"thresholds": FIGURES["thresholds"]}  # the others would say the same, slowly
    monkeypatch.setattr("syntagma.report.scaling_laws.REPORT", replace(REPORT, figures=one))
    small = synthetic_analysis(rules=(3,))
    files = save_figures(small, tmp_path / "new" / "figures")
    assert [file.name for file in files] == ["thresholds.png", "thresholds.pdf"]
    assert set((tmp_path / "new" / "figures").iterdir()) == set(files)
    with Image.open(files[0]) as image:
        assert image.size == (2360, 940)  # 11.8 by 4.7 inches at 200 dots
    before = [file.read_bytes() for file in files]
    assert before[1][:5] == b"%PDF-"
    assert [file.read_bytes() for file in save_figures(small, tmp_path / "new" / "figures")] == before
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be made"):
        save_figures(small, tmp_path / "file")


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.floats(0.01, 0.3))
def test_spread_keeps_apart_and_moves_as_little_as_it_must(heights, gap):
    placed = panels.spread(heights, gap)
    order = np.argsort(heights, kind="stable")
    steps = np.diff(np.array(placed)[order])
    assert np.all(steps > gap - 1e-9)
    assert sum(placed) == pytest.approx(sum(heights), abs=1e-9)  # of a least-squares solution
    if np.all(np.diff(np.array(heights)[order]) >= gap):
        assert placed == pytest.approx(heights)


@given(st.floats(1e-3, 10), st.floats(1.3, 1e4))
def test_ticks_are_inside_and_enough(low, ratio):
    ticks = panels.round_ticks((low, low * ratio))
    assert all(low <= tick <= low * ratio for tick in ticks)
    assert ticks == sorted(ticks)
    assert len(ticks) >= 3


# ---- the page


class Page(HTMLParser):
    """Tables, all text, all attributes, and whether the elements are properly nested."""

    VOID = frozenset({"meta", "link", "br", "path", "use"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.tables: list[list[list[tuple[str, str | None]]]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
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

    def handle_startendtag(self, tag, attrs):
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if {"script", "style"} & set(self.open):
            return
        self.text += data
        if {"td", "th"} & set(self.open):
            text, value = self.tables[-1][-1][-1]
            self.tables[-1][-1][-1] = (text + data, value)


def test_page_needs_no_network_and_is_small(usual_page):
    page = Page(usual_page)
    loading = {"src", "href", "xlink:href", "action", "data", "poster", "srcset", "background", "formaction", "ping"}
    assert {value for _, name, value in page.attributes if name in loading and not value.startswith("#")} == {"data:,"}
    assert "@import" not in usual_page
    assert all(
        target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", usual_page.partition("plotly-packed")[0])
    )
    (policy,) = [value for tag, name, value in page.attributes if tag == "meta" and value.startswith("default-src")]
    assert policy.startswith("default-src 'none';")
    assert set(re.findall(r"https?://[^\s\"']+", usual_page)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    assert len(usual_page.encode()) < 2_000_000


@pytest.mark.parametrize("analysis", ["one seed, thresholds missing"], indirect=True)
def test_tables_hold_the_numbers_of_the_analysis(analysis):
    page = Page(page_html(analysis))
    verdicts, thresholds, growth = page.tables
    assert [row[0][0] for row in verdicts[1:]] == [v.outcome for v in VERDICTS]
    wanted = {
        "thresholds": (thresholds, ["rules", "level", "predicted", "measured", "low", "high", "ratio"]),
        "growth": (growth, ["level", "predicted_exponent", "exponent", "low", "high", "num_points"]),
    }
    for name, (shown, columns) in wanted.items():
        table = analysis.tables[name]
        assert [row[0][0] for row in shown[1:]] == list(table["label"])
        whole = [[float(value) for _, value in row[1:] if value is not None] for row in shown[1:]]
        np.testing.assert_array_equal(whole, table[columns].to_numpy(dtype=float))  # NaN equal to NaN
        for row in shown[1:]:
            for text, value in row[1:]:
                if value is None:
                    continue
                if math.isnan(float(value)):
                    assert text == "–"
                else:
                    rounding = 0.0051 if "." in text else 0.5
                    assert float(text.replace(",", "")) == pytest.approx(float(value), rel=0.005, abs=rounding)


def test_page_says_where_it_comes_from(usual, usual_page):
    page = Page(usual_page)
    for text in (
        "syntagma run scaling-laws --preset laptop",
        "learners.cnn.width",
        "An invented processor",
        "30 min 34 s",
    ):
        assert text in page.text
    assert f"{len(usual.tables['runs']):,}" in page.text
    assert finding(VERDICTS) in page.text.replace("P3", "P_3").replace("m5", "m^5").replace("m4", "m^4")


EVIL = "<script>alert('x')</script>\"&<b>"


def test_text_from_results_is_escaped():
    evil = synthetic_analysis(rules=(3,), title=EVIL)
    for table, column in (("curves", "label"), ("thresholds", "label"), ("thresholds", "note"), ("growth", "label")):
        evil.tables[table][column] = EVIL
    evil.tables["predictions"]["source"] = EVIL
    odd: Any = EVIL
    verdicts = (Verdict(EVIL, EVIL, EVIL, "disagrees", EVIL), Verdict(EVIL, EVIL, EVIL, odd, EVIL))
    provenance = {"preset": EVIL, "settings": {EVIL: EVIL}, "command": EVIL, "versions": {EVIL: [EVIL]}, EVIL: EVIL}
    text = page_html(Analysis("scaling-laws", EVIL, evil.tables, verdicts, provenance))
    assert "<script>alert" not in text
    assert "<b>" not in text
    page = Page(text)
    assert page.text.count(EVIL) > 10
    assert {tag for tag, name, _ in page.attributes if name == "id" and tag == "script"} == {"script"}
    shown = json.dumps(interactive_learning_curves(evil))
    assert "<script" not in shown  # Plotly reads a little HTML in its texts


def test_page_is_written_whole_or_not_at_all(tmp_path, usual, usual_page, monkeypatch):
    monkeypatch.setattr("syntagma.report.page.page_html", lambda _: usual_page)  # once is enough
    assert write_page(usual, tmp_path / "report.html").read_text(encoding="utf-8") == usual_page
    with pytest.raises(InputError, match="cannot be written"):
        write_page(usual, tmp_path / "missing" / "report.html")
    with pytest.raises(InputError, match="it is a directory"):
        write_page(usual, tmp_path)

    def full(self, text, **_):
        with self.open("w") as file:
            file.write(text[:1000])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(InputError, match="no space left"):
        write_page(usual, tmp_path / "report.html")
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"]
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == usual_page


def test_unknown_study_is_named(usual, tmp_path):
    other = Analysis("scaling-law", "t", usual.tables, ())
    for attempt in (lambda: write_page(other, tmp_path / "p.html"), lambda: save_figures(other, tmp_path / "f")):
        with pytest.raises(InputError, match=r"Did you mean 'scaling-laws'\?"):
            attempt()
    assert list(tmp_path.iterdir()) == []


def test_interactive_figure_is_valid_and_holds_the_curves(analysis):
    import plotly.graph_objects as go

    spec = interactive_learning_curves(analysis)
    json.dumps(spec, allow_nan=False)
    go.Figure(spec)  # checks every name and value
    drawn = [trace for trace in spec["data"] if "customdata" in trace]
    curves = list(analysis.tables["curves"].groupby(["rules", "learner"], sort=False))
    assert len(drawn) == len(curves)
    for trace, (_, curve) in zip(drawn, curves, strict=True):
        np.testing.assert_allclose(trace["x"], curve["num_examples"], rtol=1e-5)
        np.testing.assert_allclose(trace["y"], curve["loss_nats"], rtol=1e-5)
        assert [row[2] for row in trace["customdata"]] == list(curve["num_seeds"])
    diamonds = [t for t in spec["data"] if t.get("marker", {}).get("symbol") == "diamond" and t["x"] != [None]]
    assert len(diamonds) == analysis.tables["thresholds"]["measured"].notna().sum()


@settings(max_examples=30)
@given(st.text())
def test_packing_can_be_undone(text):
    assert unpacked(packed(text)) == text
    assert "<" not in packed(text)


def test_the_browser_unpacks_with_the_same_alphabet():
    script = (Path(page_html.__code__.co_filename).parent / "page.js").read_text()
    (alphabet,) = re.findall(r'const alphabet = "([^"]+)"', script)
    words = b"".join(value.to_bytes(4, "big") for value in range(85))
    assert alphabet == base64.b85encode(words).decode()[4::5].replace("<", ",")


@pytest.mark.parametrize(
    ("outcomes", "says"),
    [
        ([], "No prediction could be tested."),
        (["open", "open", "finding"], "No prediction could be tested; 2 stay open; 1 finding without a prediction."),
        (["agrees"], "The one prediction that could be tested agrees with what was measured."),
        (
            ["agrees"] * 3 + ["open"],
            "All 3 predictions that could be tested agree with what was measured; 1 stays open.",
        ),
        (
            ["disagrees"],
            "The one prediction that could be tested disagrees with what was measured: c (predicted p, measured m).",
        ),
        (
            ["disagrees"] * 2,
            "None of the 2 predictions that could be tested agrees with what was measured: c (predicted p,",
        ),
        (
            ["agrees"] + ["disagrees"] * 4,
            "1 of 5 predictions that could be tested agree with what was measured; what disagrees",
        ),
        (["agrees"] + ["disagrees"] * 4, "; and 2 more."),
    ],
)
def test_finding_is_computed_from_the_outcomes(outcomes, says):
    text = finding([Verdict("c", "p", "m", outcome, "s") for outcome in outcomes])
    assert says in text
    assert text.endswith(".")


@pytest.mark.parametrize(
    ("value", "kind", "shown"),
    [
        (12345.6, "count", "12,346"), (4.2, "count", "4.2"), (6.0, "ratio", "6.00"), (61.74, "ratio", "61.7"),
        (617.4, "ratio", "617"), (6174.0, "ratio", "6,174"), (2.0, "exponent", "2.00"), (math.nan, "count", "–"),
        (3, "plain", "3"),
    ],
)  # fmt: skip
def test_numbers_are_rounded_for_the_eye(value, kind, shown):
    assert number_text(value, kind) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("P_3 < m^4", "P<sub>3</sub> &lt; m<sup>4</sup>"),
        ("L_(l-1) and m^(2l-1)", "L<sub>l-1</sub> and m<sup>2l-1</sup>"),
        ("m^2.9, num_examples", "m<sup>2.9</sup>, num_examples"),
        ("a_<b>", "a_&lt;b&gt;"),
    ],
)
def test_formulas_are_set(text, shown):
    assert typeset(text) == shown


def test_report_reads_results_without_jax():
    unwanted = ("jax", "matplotlib.pyplot", "plotly")
    script = f"import sys, syntagma.report.scaling_laws; print([name for name in {unwanted} if name in sys.modules])"
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "[]"
