"""Wrong calls of pictures, reports, stores and corpora: one wrong argument at a time, as in test_checked_calls.

What a person hands over is refused in one line, nothing raw is raised, nothing wrong is taken, and no file is made.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import plot_examples
from report_examples import analysis_of
from syntagma import InputError, Text, plot, report
from syntagma.languages.corpora import Corpus
from syntagma.sweep.merge import merge
from syntagma.sweep.store import Store
from syntagma.sweep.weights import load
from test_checked_calls import ANYTHING, CNN, SHAPE, wrong_types

Calls = Mapping[str, tuple[Callable[..., object], Mapping[str, Any]]]

FIGURE = plot_examples.all_figures()[0]
ANALYSIS = analysis_of(figures=())
PANEL = FIGURE.panels[0]
CURVES = plot_examples.CURVES
INTERVAL = plot_examples.Interval(1.0, 0.5, 2.0)
SIZES = (2.0, 3.0, 4.0)
CONFIG, RESULT = {"seed": 1, "learner": {"kind": "cnn"}}, {"test_loss": 0.5, "history": [{"step": 0, "loss": 1.0}]}

PICTURES: Calls = {
    "learning_curves": (
        plot.learning_curves,
        {"curves": CURVES, "plateaus": (2.0, 1.0), "name": "a", "title": "b", "caption": "c"},
    ),
    "curve_panel": (
        plot.curve_panel,
        {"curves": CURVES, "plateaus": (2.0, 1.0), "title": "a", "x": "x", "y": "y", "scale": "log", "seeds": "band",
         "crossings": [("cnn", 1.5, INTERVAL)], "limits": (0.1, 3.0)},
    ),
    "collapse": (
        plot.collapse,
        {"prefactors": {"level 1": {"m = 2": {"cnn": INTERVAL}}}, "title": "a", "name": "b", "caption": "c",
         "labels": {"cnn": "convolutional"}},
    ),
    "rescaled": (
        plot.rescaled,
        {"key": "cnn", "num_examples": np.array(SIZES), "left": np.array([0.9, 0.5, 0.1]), "predicted": 3.0,
         "label": "a", "marker": "o"},
    ),
    "rescaled_panel": (plot.rescaled_panel, {"curves": [plot.Line((1.0, 2.0), (1.0, 2.0))], "title": "a"}),
    "growth": (plot.growth, {"panels": [PANEL], "name": "a", "title": "b", "caption": "c", "columns": 2}),
    "growth_panel": (
        plot.growth_panel,
        {"sizes": SIZES, "measured": {"cnn": [INTERVAL] * 3}, "factor": (0.5, 0.5, 0.5), "laws": {"law 1": SIZES},
         "exponents": {"cnn": INTERVAL}, "law_exponents": {"law 1": 2.0}, "labels": {"cnn": "a"}, "laws_are": "law",
         "symbol": "m", "title": "a", "x": "x", "y": "y"},
    ),
    "heat_panel": (
        plot.heat_panel,
        {"values": [[1.0, 2.0]], "rows": ["a"], "columns": ["b", "c"], "title": "a", "x": "x", "y": "y", "unit": "u",
         "limits": (0.0, 1.0), "diverging": False, "write": ".2f"},
    ),
    "profile_panel": (
        plot.profile_panel,
        {"along": ["layer 1", "layer 2"], "profiles": {"cnn": ((1.0, 2.0), (0.5, 1.0), (2.0, 3.0))},
         "ceilings": {"cnn": (1.0, 1.0)}, "chance": 0.5, "band": "a", "title": "b", "x": "x", "y": "y",
         "labels": {"cnn": "a"}, "limits": (0.0, 1.0)},
    ),
    "share_panel": (
        plot.share_panel,
        {"columns": ["a", "b"], "shares": {"kept": (0.5, 0.5)}, "rest": "lost", "title": "a", "y": "y",
         "labels": {"kept": "k"}},
    ),
    "spectrum_panel": (
        plot.spectrum_panel,
        {"eigenvalues": {"(3)": (1.0, 0.5)}, "errors": {"(3)": (0.1, 0.1)}, "bounds": {"(3)": 2.0}, "floor": 1e-9,
         "title": "a", "y": "y", "keys": {"(3)": "cnn"}},
    ),
    "decay_panel": (
        plot.decay_panel,
        {"distance": SIZES, "strength": (0.3, 0.2, 0.1), "low": (0.2, 0.1, 0.05), "high": (0.4, 0.3, 0.2),
         "fitted": (True, True, False), "exponent": 0.5, "floor": 0.01, "key": "counter", "title": "a", "x": "x",
         "y": "y"},
    ),
    "tree_panel": (plot.tree_panel, {"levels": [[1], [1, 2]], "title": "a", "highlight": [(1, 0)]}),
    "dot_panel": (
        plot.dot_panel,
        {"rows": {"m = 2": INTERVAL}, "title": "a", "x": "x", "reference": 1.0, "scale": "log", "labels": {"a": "b"},
         "key": "ink", "numbers": True},
    ),
    "ratios": (plot.ratios, {"panels": [PANEL], "name": "a", "title": "b", "caption": "c"}),
    "Figure": (plot.Figure, {"name": "a", "title": "b", "panels": [PANEL], "caption": "c", "columns": 2}),
    "Panel": (plot.Panel, {"title": "a", "x": plot.Axis(), "y": plot.Axis(), "marks": (plot.Line((1.0,), (1.0,)),)}),
    "Axis": (plot.Axis, {"label": "a", "scale": "log", "limits": (1.0, 2.0), "categories": []}),
    "Line": (plot.Line, {"x": SIZES, "y": SIZES, "key": "cnn", "label": "a"}),
    "Points": (plot.Points, {"x": SIZES, "y": SIZES, "low": SIZES, "high": SIZES, "key": "cnn", "label": "a"}),
    "Band": (plot.Band, {"x": SIZES, "low": SIZES, "high": SIZES, "label": "a", "key": "cnn"}),
    "from_json": (plot.Figure.from_json, {"text": "x"}),
    "comparison_html": (report.comparison_html, {"results": {"a": ANALYSIS}}),
    "page_html": (report.page_html, {"analysis": ANALYSIS, "about": False}),
}  # fmt: skip
"""Right calls that make no file; that of `from_json` is the wrong one of its only argument."""


def files_calls(place: Path) -> Calls:
    """Right calls that read or make files."""
    (text := place / "text.txt").write_text("the quick brown fox jumps over the lazy dog. " * 100)
    corpus = Corpus.read(text, "word", validation_share=0.1)
    with Store.create(place / "other"):
        pass
    store = Store.create(place / "results")
    identity = store.record_run(CONFIG, RESULT)
    environment = {"machine": {}, "versions": {"python": "3.11"}}
    return {
        "save_figures": (
            report.save_figures,
            {"figures": [FIGURE], "directory": place / "f", "formats": ("json",), "width": 6.8, "title": True},
        ),
        "write_page": (report.write_page, {"analysis": ANALYSIS, "path": place / "page.html"}),
        "Figure.save": (FIGURE.save, {"path": place / "figure.json", "width": 6.8, "title": True}),
        "Figure.matplotlib": (FIGURE.matplotlib, {"width": 6.8, "title": True}),
        "Figure.plotly": (FIGURE.plotly, {"dark": True}),
        "Store.create": (lambda path: Store.create(path).close(), {"path": place / "results"}),
        "Store.open": (
            lambda path, read_only: Store.open(path, read_only=read_only).close(),
            {"path": place / "results", "read_only": True},
        ),
        "record_run": (store.record_run, {"config": CONFIG, "result": RESULT, "made_with": environment}),
        "has": (store.has, {"run_id": identity}),
        "config": (store.config, {"run_id": identity}),
        "history": (store.history, {"run_id": identity}),
        "checkpoints": (store.checkpoints, {"run_id": identity}),
        "runs": (store.runs, {"ids": [identity], "limit": 1, "offset": 0}),
        "results": (store.results, {"ids": [identity]}),
        "histories": (store.histories, {"ids": [identity]}),
        "ids_finished_since": (store.ids_finished_since, {"when": "2026-01-01"}),
        "record_fact": (store.record_fact, {"study": "a", "key": {"b": 1}, "value": {"c": 2.0}}),
        "facts": (store.facts, {"study": "a"}),
        "record_command": (
            store.record_command, {"study": "a", "preset": "b", "settings": {"c": 1}, "argv": ["syntagma"]},
        ),
        "finish_command": (store.finish_command, {"number": store.record_command("a", "b", {}, [])}),
        "mixed_environments": (store.mixed_environments, {"ids": [identity], "here": False}),
        "export": (store.export, {"path": place / "runs.csv", "runs": store.runs()}),
        "merge": (merge, {"into": store, "sources": [Store.open(place / "other", read_only=True)]}),
        "load weights": (load, {"path": place / "none.safetensors", "learner": CNN, "shape": SHAPE}),
        "Text.read": (
            Text.read,
            {"path": text, "sentence_length": 4, "unit": "words", "vocab": 9, "stride": 2, "part": "train",
             "test_share": 0.1, "validation_share": 0.1, "distinct": False, "max_bytes": 10**6},
        ),
        "Corpus.read": (
            Corpus.read,
            {"source": text, "tokens": "word", "vocab": 9, "validation_share": 0.1, "test_share": 0.1,
             "by_document": False, "separator": ".", "split": "train", "seed": 0, "max_bytes": 10**6},
        ),
        "Corpus.windows": (
            corpus.windows,
            {"part": "train", "sentence_length": 4, "stride": 2, "distinct": False, "across_documents": False},
        ),
        "windows.sample": (corpus.windows("train", 4).sample, {"seed": 0, "num_sentences": 3, "hidden": False}),
        "Corpus[part]": (corpus.__getitem__, {"part": "train"}),
        "Corpus.save": (corpus.save, {"directory": place / "corpus"}),
        "Corpus.open": (Corpus.open, {"directory": corpus.save(place / "saved"), "verify": False}),
    }  # fmt: skip


RIGHT_ANYWAY = {
    "curves": ["a list"], "values": ["of lists"], "levels": ["of lists"],  # empty ones
    "num_examples": ["objects"], "left": ["objects"],  # of None, which is not known
    "directory": ["text", "bytes"], "path": ["text"],
    "chance": ["NaN"], "floor": ["NaN"], "exponent": ["NaN"],  # not known
    "max_bytes": ["huge"], "seed": ["huge"], "vocab": ["huge"], "columns": ["huge"],
    "limit": ["huge"], "offset": ["huge"],
    "x": ["3", "NaN"], "y": ["3", "NaN"], "low": ["3", "NaN"], "high": ["3", "NaN"],
}  # fmt: skip
"""What a wrong kind of value for most arguments is to these: as good as any."""


def refusals(name: str, call: Callable[..., object], arguments: Mapping[str, Any]) -> int:
    """How many wrong calls were refused: one wrong argument at a time."""
    number = 0
    optional = [field for field, one in inspect.signature(call).parameters.items() if "None" in str(one.annotation)]
    for field, good in arguments.items():
        wrong = {**wrong_types(good), **ANYTHING, "None": None}
        if field in (*optional, "x", "y", "low", "high"):
            del wrong["None"]
        for kind, value in wrong.items():
            if kind in RIGHT_ANYWAY.get(field, []):
                continue
            text = refusal(f"{name}, {field}: {kind}", call, {**arguments, field: value})
            assert len(text.splitlines()) == 1, (name, field, kind)
            assert len(text) < 400, (name, field, kind)
            number += 1
    return number


def refusal(name: str, call: Callable[..., object], arguments: Mapping[str, Any]) -> str:
    try:
        call(**arguments)
    except InputError as error:
        return str(error)
    pytest.fail(f"{name} is accepted")


@pytest.mark.parametrize("name", PICTURES)
def test_wrong_arguments_of_pictures_and_reports_are_refused_in_one_line(name: str) -> None:
    call, arguments = PICTURES[name]
    if name != "from_json":
        call(**arguments)
    assert refusals(name, call, arguments) >= 7 * len(arguments)


def test_wrong_arguments_of_what_reads_and_makes_files_are_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    place = tmp_path / "place"
    place.mkdir()
    calls = files_calls(place)
    for name, (call, arguments) in calls.items():
        if name != "load weights":
            call(**arguments)
    before = sorted(tmp_path.rglob("*"))
    number = sum(refusals(name, *call) for name, call in calls.items())
    assert number > 600
    assert sorted(tmp_path.rglob("*")) == before
