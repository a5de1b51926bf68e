"""What a study's report is made of, and which module says so for which study."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure

from syntagma.errors import unknown
from syntagma.report.tables import Column
from syntagma.studies.study import Analysis

_MODULES = {
    "scaling-laws": "syntagma.report.scaling_laws",
    "permutation-bias": "syntagma.report.permutation_bias",
    "abstract-symbols": "syntagma.report.abstract_symbols",
    "level-by-level": "syntagma.report.level_by_level",
    "variations": "syntagma.report.variations",
    "corpus-forecast": "syntagma.report.corpus_forecast",
}
"""Adding a study's report is one module with a `REPORT`, and one line here."""


@dataclass(frozen=True)
class TableText:
    """A table of the analysis as the page shows it."""

    name: str
    title: str
    caption: str
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class StudyReport:
    """What is drawn and shown for one study.

    Attributes:
        figures: by file name; the first is the main one.
        captions: of each figure.
        tables: in the order of the page.
        interactive: the main figure as a Plotly figure: `{"data": [...], "layout": {...}}` of JSON values.
    """

    figures: Mapping[str, Callable[[Analysis], Figure]]
    captions: Mapping[str, str]
    tables: tuple[TableText, ...]
    interactive: Callable[[Analysis], dict[str, Any]]


def report_of(study: str) -> StudyReport:
    """The report of that study.

    Raises:
        InputError: no report is known for it.
    """
    if study not in _MODULES:
        raise unknown("study", study, _MODULES)
    return importlib.import_module(_MODULES[study]).REPORT
