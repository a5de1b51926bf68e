"""What each kind of picture says: slopes that are printed exponents, bands that say what they are, bounds as bounds."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import plot_examples as examples
from known_results import is_drawn
from plot_examples import CURVES, PLATEAUS, SHARING, Interval
from syntagma import HierarchicalCNN, RandomHierarchy, plot, theory
from syntagma.curves import LearningCurve
from syntagma.plot import (
    Band,
    Dots,
    Empty,
    Figure,
    Heat,
    Law,
    Level,
    Line,
    Panel,
    Points,
    Text,
    Tree,
    VerticalLine,
    geometry,
)
from syntagma.plot.intervals import columns, written


def of_kind(panel: Panel, kind: type) -> list:
    return [mark for mark in panel.marks if isinstance(mark, kind)]


def test_learning_curves_without_a_study() -> None:
    figure = plot.learning_curves(list(CURVES.values()), [SHARING], PLATEAUS)
    (panel,) = figure.panels
    lines = {mark.label: mark for mark in of_kind(panel, Line) if mark.marker}
    assert lines.keys() == {"convolutional", "attention-only", "transformer"}
    assert lines["transformer"].y == pytest.approx(CURVES["transformer"].losses.mean(0))
    assert figure.colours()["convolutional"] == figure.colours()["weight sharing"]  # the law it was derived for
    assert [mark.height for mark in of_kind(panel, Level)] == list(PLATEAUS)
    drawing, (axes,) = figure.matplotlib()
    axes.axvline(100)  # axes to go on with
    assert drawing.axes == [axes]


def test_a_predicted_threshold_is_the_step_between_its_plateaus() -> None:
    panel = plot.curve_panel(CURVES, [SHARING], PLATEAUS, prefactors={"weight sharing": 3.0}, crossings=())
    steps = of_kind(panel, VerticalLine)
    bare = [mark for mark in steps if mark.dash == "dashed"]
    assert [mark.place for mark in bare] == list(SHARING.thresholds.values)
    assert [(mark.high, mark.low) for mark in bare] == list(itertools.pairwise(PLATEAUS))
    assert [mark.place for mark in steps if mark.dash == "dotted"] == [3 * place for place in SHARING.thresholds.values]
    assert not of_kind(panel, Points)


def test_laws_that_agree_take_turns_under_one_name() -> None:
    panel = plot.curve_panel(CURVES, [SHARING, examples.NOT_SHARING], PLATEAUS, crossings=())
    first = [mark for mark in of_kind(panel, VerticalLine) if mark.place == 30]
    assert [(mark.turn, mark.name) for mark in first] == [((0, 2), "$P_{1}$"), ((1, 2), "")]
    assert {mark.key for mark in first} == {"weight sharing", "no weight sharing"}


def test_a_prediction_without_thresholds_is_a_curve() -> None:
    theory = examples.Prediction("spectrum", examples.Stated((), "exact for this kernel"))
    panel = plot.curve_panel(CURVES, [theory])
    (law,) = of_kind(panel, Law)
    assert law.y == pytest.approx(theory.at(np.array(law.x)))
    assert (law.x[0], law.x[-1]) == pytest.approx((examples.SIZES[0], examples.SIZES[-1]))


def test_learning_curves_of_the_library_itself() -> None:
    language = RandomHierarchy(vocab=8, rules=2, branching=2, depth=2)
    exact = theory.predict(language, HierarchicalCNN())
    law = theory.predict(language, HierarchicalCNN(), "asymptotic law")
    losses = [[2.0, 1.2, 0.5], [2.0, 1.3, 0.6]]
    curve = LearningCurve(np.array([32.0, 256.0, 2048.0]), np.array(losses), "convolutional")
    panel = plot.curve_panel([curve], [exact, law], exact.plateaus.values)
    dashes = {mark.dash: mark for mark in of_kind(panel, VerticalLine)}
    assert dashes.keys() == {"dashed", "dashdot", "dotted"}
    (note,) = panel.notes
    factor = dashes["dotted"].place / exact.thresholds.values[-1]  # of the exact one, not of the law
    assert note.text.startswith(f"● {factor:.2g} × predicted")
    assert dashes["dashed"].place in [float(f"{place:.6g}") for place in law.thresholds.values]


def test_bands_say_what_they_are_and_never_cross_the_oracle() -> None:
    below = {"cnn": examples.curve("convolutional", 100, floor=0.22, spread=0.6), "attention": CURVES["attention"]}
    panel = plot.curve_panel(below, (), PLATEAUS)
    assert {mark.key for mark in of_kind(panel, Band) if mark.x} == {"attention"}
    assert all(min(mark.low) >= min(PLATEAUS) for mark in of_kind(panel, Band) if mark.x)
    seeds = [mark for mark in of_kind(panel, Line) if mark.weight == "thin" and mark.x]
    assert [dict(mark.hover)["seed"][0] for mark in seeds] == [0, 1, 2]
    labels = [mark.label for mark in panel.marks]
    assert "band: smallest to largest of 3 seeds" in labels
    assert "thin lines: one seed each" in labels
    caption = plot.learning_curves(below, (), PLATEAUS).caption
    assert "Band: smallest to largest of 3 seeds." in caption
    assert caption.endswith(".")


def test_a_threshold_that_was_not_reached_is_a_bound() -> None:
    panel = plot.curve_panel({"transformer": CURVES["transformer"]}, (), PLATEAUS)
    last = [mark for mark in of_kind(panel, Points) if mark.x][-1]
    assert last.bound == ("at least",)
    assert last.x_high == (math.inf,)
    assert last.along == "x"


@given(st.floats(0.5, 5), st.floats(0.1, 0.9), st.lists(st.integers(2, 30), min_size=3, max_size=6, unique=True))
def test_the_drawn_slope_is_the_printed_exponent(power: float, share: float, sizes: list[int]) -> None:
    m = np.array(sorted(sizes), float)
    factor = 1 - share * m / m.max()  # 1 - f, by which P_l itself is steeper
    values = [Interval(float(x), float(x) / 2, float(x) * 2) for x in 10 * m**power / factor]
    fitted = {"cnn": Interval(power, power - 0.3, power + 0.3)}
    panel = plot.growth_panel(list(m), {"cnn": values}, factor=list(factor), exponents=fitted)
    line = next(mark for mark in of_kind(panel, Line) if mark.x)
    drawn = math.log(line.y[1] / line.y[0]) / math.log(line.x[1] / line.x[0])
    assert drawn == pytest.approx(power)
    points = of_kind(panel, Points)[0]
    assert np.polyfit(np.log(points.x), np.log(points.y), 1)[0] == pytest.approx(power)
    assert np.allclose(np.array(points.high) / points.y, 2)
    ends = f"[{power - 0.3:.1f}, {power + 0.3:.1f}]"
    assert panel.notes[0].text.endswith(f"$m^{{{power:.1f}}}$ {ends}")


def test_a_plateau_alone_is_the_oracle_and_of_no_level() -> None:
    names = [[mark.name for mark in of_kind(plot.curve_panel(CURVES, (), heights), Level)] for heights in ([2, 1], [1])]
    assert names == [["$L_{0}$", "oracle"], ["oracle"]]


def test_of_very_many_categories_some_are_named() -> None:
    for number, named in ((32, list(range(32))), (64, list(range(0, 64, 8)))):
        names = [f"n{i}" for i in range(number)]
        panel = plot.heat_panel(np.zeros((number, number)).tolist(), names, names)
        assert geometry.ticks(panel.x, (0, number)) == [(float(i), f"n{i}") for i in named]


def test_two_points_have_no_exponent() -> None:
    fitted = {"cnn": Interval(3.0, 2.0, 4.0)}
    two = plot.growth_panel([2, 3], {"cnn": examples.measured([100, 400])}, exponents=fitted)
    bounded = [*examples.measured([100, 400]), Interval(900, 900, math.inf, True)]
    third_is_a_bound = plot.growth_panel([2, 3, 4], {"cnn": bounded}, exponents=fitted)
    assert [note.text for note in two.notes] == []  # of two sizes nobody has an exponent: nothing is said of each
    assert [note.text for note in third_is_a_bound.notes] == ["● 2 sizes: no exponent"]
    for panel in (two, third_is_a_bound):
        assert not of_kind(panel, Line)
    assert of_kind(third_is_a_bound, Points)[0].bound == ("", "", "at least")


def test_an_exponent_that_is_only_bounded_is_written_as_a_bound_and_draws_no_line() -> None:
    points = [*examples.measured([100, 400, 900]), Interval(2000, 2000, math.inf, True)]
    panel = plot.growth_panel([2, 3, 4, 6], {"cnn": points}, exponents={"cnn": Interval(3.0, 2.0, math.inf, True)})
    assert [note.text for note in panel.notes] == ["● exponent at least 2.0"]
    assert not of_kind(panel, Line)


def test_an_empty_panel_says_why() -> None:
    panel = plot.growth_panel([2, 3, 4], {"cnn": [Interval(math.nan)] * 3})
    assert isinstance(panel.marks[0], Empty)
    assert "No learner came to half the error" in panel.marks[0].reason
    assert isinstance(plot.dot_panel({"a": Interval(math.nan)}).marks[0], Empty)


def test_dots_show_every_row_and_say_what_was_not_measured() -> None:
    rows = {"a": Interval(2, 1, 4), "b": Interval(math.nan), "c": Interval(9, 9, math.inf, True)}
    panel = plot.dot_panel(rows, x="ratio")
    (dots,) = of_kind(panel, Dots)
    assert dots.place == (0, 2)
    assert dots.note == ("2 [1, 4]", "at least 9")
    assert dots.bound == ("", "at least")
    assert panel.y.categories == ("a", "b", "c")
    assert [(mark.text, mark.y) for mark in of_kind(panel, Text)] == [("not measured", 0.5)]
    assert of_kind(panel, VerticalLine)[0].place == 1


def test_rows_with_several_learners_stand_beside_each_other() -> None:
    panel = plot.dot_panel({"m = 2": {"cnn": Interval(2, 1, 4), "attention": Interval(3, 2, 5)}}, labels={"cnn": "CNN"})
    first, second = of_kind(panel, Dots)
    assert first.place[0] == -second.place[0] != 0
    assert (first.label, second.label) == ("CNN", "attention")


def test_a_collapse_shows_the_dots_first_and_curves_where_they_mean_something() -> None:
    figure = examples.collapse_figure()
    assert [bool(of_kind(panel, Dots)) for panel in figure.panels] == [True, True, False, False]
    line = plot.rescaled("cnn", [1, 10, 100, 1000, 10000], [1.4, 1.0, 0.5, -0.05, -0.9], 10.0)
    assert line.x == (0.1, 1.0, 10.0, 100.0, 1000.0)
    far = plot.rescaled("cnn", [1, 10, 100, 1000, 10000], [4, 3, 1, 0.5, 0], 10.0)
    assert far.x[1:] == (1.0, 10.0, 100.0, 1000.0)
    assert math.isnan(far.x[0])  # of what is far above, only the point from which the curve enters is drawn


def test_spectra_leave_out_what_is_at_the_floor() -> None:
    panel = plot.spectrum_panel({"(T)": [1.0, 1e-3, 1e-9], "(T-1,1)": [1e-9]}, bounds={"(T)": 2.0}, floor=1e-6)
    (points,) = of_kind(panel, Points)
    assert points.y == (1.0, 1e-3)
    assert "none" in [getattr(mark, "text", "") for mark in panel.marks]
    assert of_kind(panel, Line)[0].y == (2.0, 2.0)


def test_a_decay_is_fitted_only_above_the_floor() -> None:
    t = np.array([1.0, 2, 4, 8])
    panel = plot.decay_panel(t, t**-1.5, t**-1.6, t**-1.4, fitted=[True, True, True, False], exponent=1.5, floor=0.01)
    full, hollow = of_kind(panel, Points)
    assert (full.filled, hollow.filled) == (True, False)
    (law,) = of_kind(panel, Law)
    assert law.x == (1.0, 4.0)
    assert law.y == pytest.approx((1.0, 4.0**-1.5))


def test_shares_are_stacked_up_to_one() -> None:
    panel = plot.share_panel(["a", "b"], {"level 1": [0.2, 0.3], "level 2": [0.8, 0.3]}, rest="no token")
    tops = np.array([np.add(mark.bottom, mark.height) for mark in panel.marks])  # pyright: ignore
    assert np.allclose(tops, [[0.2, 0.3], [1.0, 0.6], [1.0, 1.0]])
    assert not panel.marks[-1].filled  # pyright: ignore


def test_profiles_by_layer_and_by_position() -> None:
    by_layer = plot.profile_panel(["in", "out"], {"level 1": ([1, 2], [0, 1], [2, 3])}, chance=0.5)
    by_position = plot.profile_panel([1, 2], {"cnn": ([1, 2], None, None)}, x="position")
    assert (by_layer.x.scale, by_position.x.scale) == ("category", "linear")
    assert (len(of_kind(by_layer, Band)), len(of_kind(by_position, Band))) == (1, 0)
    assert of_kind(by_layer, Level)[0].height == 0.5


def test_small_matrices_have_numbers_and_large_ones_a_bar() -> None:
    small, large = (plot.heat_panel(np.zeros((n, n)), ["r"] * n, ["c"] * n) for n in (3, 9))
    assert of_kind(small, Heat)[0].write == ".2f"
    assert of_kind(large, Heat)[0].write == ""


def test_a_tree_has_each_symbol_over_the_middle_of_its_tokens() -> None:
    panel = plot.tree_panel([[7], [1, 2], list("abcd")], highlight=[(1, 0)])
    (tree,) = of_kind(panel, Tree)
    assert tree.text == ("7", "1", "2", "a", "b", "c", "d")
    for above in range(3):
        children = [below for a, below in tree.edges if a == above]
        assert len(children) == 2
        assert tree.x[above] == pytest.approx(np.mean([tree.x[child] for child in children]))
        assert all(tree.y[above] - tree.y[child] == 1 for child in children)
    assert tree.keys[1] == "cnn"


def test_intervals_in_words_and_as_ends() -> None:
    assert written(Interval(3.42, 2, 4.1)) == "3.4 [2, 4.1]"
    assert written(Interval(36, 36, math.inf, True)) == "at least 36"
    assert written(Interval(5, 0, 12, True)) == "at most 12"
    assert written(Interval(1234.5, 1000, 2000)) == "1,234 [1,000, 2,000]"
    assert written(Interval(math.nan)) == "not measured"
    assert written(Interval(7, 0, math.inf)) == "7, no interval"
    ends = columns([Interval(5, 0, 12, True), Interval(7, 0, math.inf), Interval(2, 1, 3)])
    assert ends["bound"] == ["at most", "", ""]
    assert ends["low"][2:] == [1]
    assert np.isnan([ends["low"][1], ends["high"][1]]).all()


def test_every_kind_is_a_figure_with_a_title() -> None:
    for figure in examples.all_figures():
        assert isinstance(figure, Figure)
        assert figure.title


def test_a_language_without_uncertainty_has_a_plateau_of_zero_and_is_drawn():
    figure = plot.learning_curves(CURVES, (), (*PLATEAUS, 0.0))
    low, high = figure.panels[0].y.limits
    assert low is not None
    assert high is not None
    assert 0 < low < high
    assert is_drawn(figure)
