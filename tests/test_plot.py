"""Figures as values, and that both backends draw all of them: parity, type sizes, overlaps, open ends, colours."""

from __future__ import annotations

import base64
import itertools
import json
import math
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.lines import Line2D
from matplotlib.text import Text as DrawnText
from matplotlib.transforms import Bbox

import plot_examples as examples
from colour_vision import distance
from syntagma.curves import LearningCurve
from syntagma.errors import InputError
from syntagma.plot import (
    Axis,
    Band,
    Bars,
    Dots,
    Empty,
    Figure,
    Heat,
    Law,
    Level,
    Line,
    Note,
    Panel,
    Points,
    Text,
    Tree,
    VerticalLine,
    curve_panel,
    palette,
)
from syntagma.plot.files import as_bytes
from syntagma.plot.geometry import frames, ticks
from syntagma.plot.html_text import html_text
from syntagma.plot.names import spread
from syntagma.plot.plotly_backend import config, spec

FIGURES = {figure.name: figure for figure in examples.all_figures()}
every_figure = pytest.mark.parametrize("figure", FIGURES.values(), ids=FIGURES.keys())

ONE_OF_EACH = (
    Line([1, 10, 100], [1, 0.5, 0.2], key="cnn", marker="o", hover={"run": ["a", "b", "c"], "seed": 3}),
    Band([1, 10], [-math.inf, 0.3], [1, math.inf], key="cnn"),
    Points([1, 10], [0.5, 0.4], [0, 0.3], [0.6, math.inf], key="attention", bound=["", "at least"]),
    Dots([0.3, 0.4], [2, 4], [1, 4], [3, math.inf], ["", "at least"], note=["2", "more than 4"]),
    Law.power((1, 1), -0.5, (1, 100), name="$P^{-1/2}$", key="weight sharing"),
    Level(0.25, "$L_2$", key="plateau"),
    VerticalLine(20, 0.2, 0.8, "$P_1$", key="no weight sharing", turn=(1, 2)),
    Text(2, 0.3, "here"),
    Heat([[0.1, 0.9], [0.4, math.nan]], write=".1f"),
    Bars([1, 2], [0.3, 0.2], low=[0.2, math.nan], high=[0.4, math.nan], key="level 1"),
    Tree([1, 1, 2], [1, 0.5, 0.5], ["a", "b", "c"], [(0, 1), (0, 2)]),
    Empty("nothing was measured"),
)


def alone(mark: Any) -> Figure:
    scale = "linear" if isinstance(mark, Heat) else "log"
    return Figure("one", "One mark", (Panel("it", Axis("x", scale), Axis("y", scale), (mark,)),))


@every_figure
def test_a_figure_is_its_json(figure: Figure) -> None:
    again = Figure.from_json(figure.to_json())
    assert again == figure
    assert hash(again) == hash(figure)
    assert json.loads(figure.to_json())["kind"] == "Figure"


numbers = st.floats(allow_nan=True, allow_infinity=True)


@given(st.lists(st.tuples(numbers, numbers, numbers, numbers), max_size=4), st.text(max_size=5))
def test_any_numbers_and_words_survive_json(rows: list[tuple[float, ...]], text: str) -> None:
    x, y, low, high = zip(*rows, strict=True) if rows else ((), (), (), ())
    figure = alone(Points(x, y, low, high, label=text, hover={"word": [text] * len(rows), "low": low}))
    assert Figure.from_json(figure.to_json()) == figure


def test_figures_that_differ_in_one_number_are_not_equal() -> None:
    assert alone(Line([1, 2], [3, 4])) != alone(Line([1, 2], [3, 5]))
    assert alone(Line(np.array([1, 2]), np.array([3.0, math.nan]))) == alone(Line([1, 2], [3, None]))


def marks_of(figure: Figure) -> set[str]:
    return {f"{i}-{j}" for i, panel in enumerate(figure.panels) for j in range(len(panel.marks))}


def drawn_by_matplotlib(figure: Figure) -> dict[str, list[Any]]:
    drawing, _ = figure.matplotlib()
    found: dict[str, list[Any]] = {}
    for artist in drawing.findobj(lambda artist: (artist.get_gid() or "").startswith("mark-")):
        found.setdefault(artist.get_gid().removeprefix("mark-"), []).append(artist)
    return found


def drawn_by_plotly(figure: Figure) -> dict[str, list[Any]]:
    drawing = spec(figure)
    found: dict[str, list[Any]] = {}
    for trace in drawing["data"]:
        if "mark" in trace["meta"]:
            found.setdefault(trace["meta"]["mark"], []).append(trace)
    return found


@every_figure
def test_both_backends_draw_every_mark(figure: Figure) -> None:
    assert set(drawn_by_matplotlib(figure)) == marks_of(figure)
    assert set(drawn_by_plotly(figure)) == marks_of(figure)


@pytest.mark.parametrize("mark", ONE_OF_EACH, ids=lambda mark: type(mark).__name__)
def test_both_backends_draw_every_kind(mark: Any) -> None:
    figure = alone(mark)
    ours, pages = drawn_by_matplotlib(figure), drawn_by_plotly(figure)
    assert ours.keys() == pages.keys() == {"0-0"}
    lines = [artist for artist in ours["0-0"] if isinstance(artist, Line2D)]
    places = sorted((x, y) for line in lines for x, y in zip(*line.get_data(), strict=True) if math.isfinite(x + y))
    shown = sorted(
        (x, y)
        for trace in pages["0-0"]
        if trace.get("mode") in ("lines", "markers", "lines+markers") and "fill" not in trace
        for x, y in zip(trace["x"], trace["y"], strict=True)
        if x is not None and y is not None
    )
    assert np.allclose(places, shown, rtol=1e-4)


@every_figure
@pytest.mark.parametrize("width", [3.3, 6.8])
def test_on_paper_text_has_7_to_8_points_and_nothing_is_covered(figure: Figure, width: float) -> None:
    drawing, all_axes = figure.matplotlib(width)
    drawing.canvas.draw()
    renderer = drawing.canvas.get_renderer()  # pyright: ignore[reportAttributeAccessIssue]
    page = drawing.bbox
    assert drawing.get_size_inches()[0] == width
    boxes: list[tuple[str, Bbox]] = []
    for words in drawing.findobj(DrawnText):
        assert isinstance(words, DrawnText)
        box = words.get_window_extent(renderer)
        hidden = words.axes is not None and not words.axes.axison and words.get_text() in _tick_texts(words.axes)
        if words.get_text().strip() and words.get_visible() and box.width > 0 and not hidden:
            assert 7 <= words.get_fontsize() <= 8, words.get_text()
            outside = max(page.x0 - box.x0, box.x1 - page.x1, page.y0 - box.y0, box.y1 - page.y1)
            assert outside <= 2, f"{words.get_text()!r} leaves the figure"
            boxes.append((words.get_text(), box))
    for (one, first), (other, second) in itertools.combinations(boxes, 2):
        shared = Bbox.intersection(first, second)
        area = 0.0 if shared is None else shared.width * shared.height
        smaller = min(first.width * first.height, second.width * second.height)
        assert area <= 0.15 * smaller, f"{one!r} covers {other!r}"
    for legend in drawing.legends:
        for axes in all_axes:
            assert not legend.get_window_extent(renderer).overlaps(axes.get_window_extent(renderer))


def _tick_texts(axes: Any) -> set[str]:
    return {label.get_text() for axis in (axes.xaxis, axes.yaxis) for label in axis.get_ticklabels()} | {
        axes.get_xlabel(),
        axes.get_ylabel(),
    }


@settings(deadline=None)
@given(st.integers(0, 2**31 - 1), st.integers(1, 3))
def test_notes_cover_no_data(seed: int, number: int) -> None:
    values = np.random.default_rng(seed).lognormal(size=(2, 12))
    notes = [Note("$m^{2.9}$ [2.6, 3.2]", "cnn")] * number
    figure = Figure("notes", "", (Panel("", Axis("x", "log"), Axis("y", "log"), (Points(*values),), notes),))
    drawing, (axes,) = figure.matplotlib(3.3)
    renderer = drawing.canvas.get_renderer()  # pyright: ignore[reportAttributeAccessIssue]
    places = axes.transData.transform(values.T)
    for words in axes.texts:
        box = words.get_window_extent(renderer)
        assert not any(box.contains(*place) for place in places)


def test_files_for_papers(tmp_path: Path) -> None:
    figure = FIGURES["growth"]
    pdf = figure.save(tmp_path / "deep" / "growth.pdf", 3.3).read_bytes()
    assert b"/FontFile2" in pdf  # the fonts are inside, as TrueType
    assert b"/Type3" not in pdf
    svg = figure.save(tmp_path / "growth.svg", title=False).read_text()
    assert "<svg" in svg
    assert figure.title not in svg
    assert figure.title in figure.save(tmp_path / "with.svg").read_text()
    png = figure.save(tmp_path / "growth.png", 3.3).read_bytes()
    assert int.from_bytes(png[16:20], "big") == 990  # 3.3 inches at 300 dots
    assert Figure.from_json(figure.save(tmp_path / "growth.json").read_text()) == figure
    assert as_bytes(figure, "pdf", 3.3, title=True) == pdf


def test_the_numbers_of_a_figure_as_csv() -> None:
    figure = Figure("a", "b", (Panel("p, 1", marks=(Line([1, 2], [3, 4], key="cnn", hover={"seed": 7}), Level(5))),))
    rows = as_bytes(figure, "csv", 6.8, title=True).decode().splitlines()
    assert rows == [
        "panel,kind,label,key,x,y,seed",
        '"p, 1",Line,,cnn,1.0,3.0,7',
        '"p, 1",Line,,cnn,2.0,4.0,7',
        '"p, 1",Level,,ink,,5,',
    ]
    for each in FIGURES.values():
        assert as_bytes(each, "csv", 6.8, title=True).startswith(b"panel,kind,label,key")


def test_wrong_files_and_sizes_are_refused_in_one_line(tmp_path: Path) -> None:
    figure = FIGURES["ratios"]
    with pytest.raises(InputError, match="format='gif' is unknown"):
        figure.save(tmp_path / "a.gif")
    with pytest.raises(InputError, match="width=330"):
        figure.save(tmp_path / "a.png", 330)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        figure.save(tmp_path / "file" / "a.png")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Line([1, 2], [1]), "y="),
        (lambda: Axis("x", "logarithmic"), "scale='logarithmic' is unknown"),  # pyright: ignore[reportArgumentType]
        (lambda: Axis("x", "log", (0, 1)), "above 0"),
        (lambda: Points([1], [1], bound="over"), "bound='over' is unknown"),
        (lambda: Points([1], [1], text=["a", "b"]), "text"),
        (lambda: Line([1, 2], [1, 2], hover={"run": ["a"]}), "hover"),
        (lambda: Heat([[1, 2], [1]]), "equally long"),
        (lambda: Tree([0], [0], ["a", "b"]), "nodes"),
        (lambda: Figure("a", "b", ()), "Empty mark"),
        (lambda: Figure.from_json('{"kind": "Oven"}'), "kind='Oven' is unknown"),
    ],
)
def test_marks_that_do_not_fit_are_refused_in_one_line(make: Any, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        make()
    assert "\n" not in str(error.value)


def test_open_ends_are_arrows_and_bounds_triangles_in_both() -> None:
    mark = Points([1, 10, 100], [1, 2, 3], [0, 1, math.nan], [2, math.inf, math.nan], bound=["", "", "at most"])
    figure = alone(mark)
    ours = [artist.get_marker() for artist in drawn_by_matplotlib(figure)["0-0"] if artist.get_linestyle() == "None"]
    assert sorted(ours) == ["^", "o", "v", "v"]
    pages = [trace["marker"]["symbol"] for trace in drawn_by_plotly(figure)["0-0"] if trace["mode"] == "markers"]
    assert pages == [["triangle-down", "triangle-up"], ["circle", "circle", "triangle-down"]]
    text = json.dumps(spec(figure)["data"])
    assert "not known" in text  # what pointing at an open end says


@every_figure
def test_pages_get_json_that_says_run_seed_and_interval(figure: Figure) -> None:
    drawing = spec(figure)
    json.dumps(drawing, allow_nan=False)
    assert drawing["layout"]["meta"]["name"] == config(figure)["toImageButtonOptions"]["filename"] == figure.name
    for change in drawing["layout"]["meta"]["stacked"].items():
        assert change[0].split(".")[0] in drawing["layout"]


def test_pointing_says_run_seed_and_interval() -> None:
    line = Line([1, 2], [3, 4], label="CNN", key="cnn", hover={"run": ["a1", "b2"], "seed": 3})
    trace = drawn_by_plotly(alone(line))["0-0"][0]
    assert trace["customdata"] == [["a1", 3], ["b2", 3]]
    assert "run %{customdata[0]}" in trace["hovertemplate"]
    assert trace["meta"] == {"mark": "0-0", "key": "cnn", "seed": 3}
    points = drawn_by_plotly(alone(Points([1], [3], [2], [5])))["0-0"][-1]
    assert points["customdata"] == [["[2, 5]"]]


def test_buttons_change_both_scales_and_back() -> None:
    layout = spec(alone(Line([1, 100], [1, 10])))["layout"]
    by_name = {menu["name"]: menu["buttons"] for menu in layout["updatemenus"]}
    assert by_name.keys() == {"scale-x", "scale-y"}
    back, linear = (button["args"][0] for button in by_name["scale-x"])
    assert back["xaxis.range"] == layout["xaxis"]["range"]
    assert linear["xaxis.type"] == "linear"
    assert np.allclose(np.log10(linear["xaxis.range"]), back["xaxis.range"], atol=1e-5)
    assert not spec(Figure("a", "b", (Panel(marks=(Line([0, 1], [0, 1]),)),)))["layout"]["updatemenus"]


def test_a_click_in_the_legend_hides_a_learner_but_not_its_law() -> None:
    marks = (
        Line([1, 2], [1, 2], label="CNN", key="cnn"),
        Band([1, 2], 1, 2, key="cnn"),
        Law([1, 2], [1, 2], key="cnn"),
    )
    groups = [trace["legendgroup"] for trace in spec(Figure("a", "b", (Panel(marks=marks),)))["data"]]
    assert groups == ["cnn", "cnn", "law cnn", "cnn"]


@pytest.mark.parametrize("dark", [False, True])
def test_learners_and_levels_can_be_told_apart_by_deuteranopes(dark: bool) -> None:
    learners = [*palette.LEARNERS, "plateau"]
    for keys in (learners, [f"level {k}" for k in range(6)]):
        colours = palette.assigned(keys, dark=dark)
        assert len(set(colours.values())) == len(keys)
        for one, other in itertools.combinations(keys, 2):
            assert distance(colours[one], colours[other]) >= 15, (one, other)
            assert distance(colours[one], colours[other], deuteranope=False) >= 15, (one, other)
        for key, colour in colours.items():
            assert palette.contrast(colour, palette.BACKGROUND[dark]) >= 3, key
            assert palette.contrast(palette.text(colour, dark=dark), palette.BACKGROUND[dark]) >= 4.5, key
    assert len({palette.marker(key) for key in palette.LEARNERS}) == len(palette.LEARNERS)


@every_figure
@pytest.mark.parametrize("dark", [False, True])
def test_any_two_colours_of_a_figure_are_15_apart(figure: Figure, dark: bool) -> None:
    graded = ("grade", "soft")  # curves of a graded scale are named at their ends; soft ink is for words
    colours = {colour for key, colour in figure.colours(dark=dark).items() if not key.startswith(graded)}
    for one, other in itertools.combinations(colours, 2):
        assert distance(one, other) >= 15, (one, other)


def test_the_simulation_of_deuteranopes() -> None:
    assert distance("#000000", "#FFFFFF") == pytest.approx(100, abs=0.1)  # greys are seen as they are
    for grey in ("#404040", "#909090"):
        assert distance(grey, grey) == 0
    leaf, brick = "#5F8F00", "#B36B00"  # a green and an orange of one lightness
    assert distance(leaf, brick, deuteranope=False) > 3 * distance(leaf, brick)
    # Sharma, Wu & Dalal (2005) give Lab of sRGB primaries; CIE76 of red and blue is 176.3
    assert distance("#FF0000", "#0000FF", deuteranope=False) == pytest.approx(176.3, abs=0.1)
    assert palette.contrast("#FFFFFF", "#000000") == pytest.approx(21)
    assert palette.contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)  # the example of WCAG's authors


@given(st.lists(st.text(min_size=1, max_size=6), min_size=1, max_size=6, unique=True))
def test_new_learners_get_colours_of_their_own(names: list[str]) -> None:
    names = [f"my {name}" for name in names]
    colours = palette.assigned([*names, "cnn", "plateau"])
    assert len(set(colours.values())) == len(names) + 2
    assert palette.assigned(["cnn"])["cnn"] == colours["cnn"]
    assert palette.assigned([names[0]])[names[0]] in colours.values()


@given(st.lists(st.floats(0, 1), max_size=8))
def test_names_keep_their_order_and_their_distance(heights: list[float]) -> None:
    gap = 0.07
    placed = spread(heights, gap)
    order = sorted(range(len(heights)), key=lambda i: heights[i])
    for below, above in itertools.pairwise(order):
        assert placed[above] - placed[below] >= gap - 1e-9
    assert math.isclose(sum(placed), sum(heights), abs_tol=1e-9)  # moved no more to one side than to the other
    if all(heights[b] - heights[a] >= gap for a, b in itertools.pairwise(order)):
        assert placed == pytest.approx(heights)


@given(st.floats(1e-6, 1e6), st.floats(1.01, 1e8), st.sampled_from(["linear", "log"]))
def test_ticks_are_few_and_inside(low: float, factor: float, scale: Any) -> None:
    high = low * factor
    found = ticks(Axis("x", scale), (low, high))
    assert 1 <= len(found) <= 7
    assert all(low * (1 - 1e-9) <= at <= high * (1 + 1e-9) for at, _ in found)
    assert len({text for _, text in found}) == len(found)


def test_panels_share_their_limits_and_rows_their_label() -> None:
    panels = [Panel(x=Axis("x", "log"), y=Axis("loss"), marks=(Line([1, size], [0, size]),)) for size in (10, 1000)]
    first, second = frames(Figure("a", "b", panels, share="xy"))
    assert (first.x, first.y) == (second.x, second.y)
    assert frames(Figure("a", "b", panels))[0].x[1] < 20
    layout = spec(Figure("a", "b", panels))["layout"]
    assert layout["yaxis"]["title"]["text"] == "loss"
    assert layout["yaxis2"]["title"]["text"] == ""


def test_formulas_become_html() -> None:
    assert html_text("$P_{12}$ <b>") == "<i>P</i><sub>12</sub> &lt;b&gt;"
    assert html_text("$m^3$ and $\\gamma / 2\\beta$") == "<i>m</i><sup>3</sup> and γ / 2β"


def test_notebooks_show_figures() -> None:
    figure = FIGURES["learning-curves"]
    png, page = figure._repr_png_(), figure._repr_html_()
    assert png.startswith(b"\x89PNG")
    assert base64.b64encode(png).decode() in page
    assert figure.caption in page
    whole = as_bytes(figure, "html", 6.8, title=True).decode()
    assert "plotly.js v" in whole  # with the library inside: no request
    assert "cdn." not in whole[: whole.index("plotly.js v")]
    assert len(figure.plotly().data) == len(spec(figure)["data"])


def test_no_plotting_library_is_loaded_before_something_is_drawn() -> None:
    script = (
        "import sys, syntagma.plot as p; f = p.Figure('a', 'b', (p.Panel(marks=(p.Line([1], [2]),)),)); f.to_json();"
        "print([name for name in ('matplotlib', 'plotly', 'pandas', 'jax') if name in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == "[]"


def test_sizes_set_the_limits_not_the_interval_of_a_few_seeds() -> None:
    curve = LearningCurve([16, 64, 256], [[2.0, 1.0, 0.5], [2.0, 1.5, 0.6]], "one")
    limits = [
        curve_panel([curve], crossings=[("one", 1.0, SimpleNamespace(value=64.0, low=low, high=high, bounded=False))])
        for low, high in ((1e-6, 1e9), (32.0, 128.0))
    ]
    assert [panel.x.limits for panel in limits] == [(8.0, 512.0), (None, None)]


def test_a_panel_without_curves_shows_its_plateaus() -> None:
    figure = Figure("none", "None", (curve_panel({}, plateaus=[2.0, 1.0]),))
    assert len(frames(figure)) == 1
