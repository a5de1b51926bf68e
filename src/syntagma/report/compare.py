"""Several results of one study on one page: the same figure for each, side by side, and what differs between them.

Two widths, two machines, before and after: figures of one name have their panels beside each other with the same axes,
claims of one text stand in one row, and of settings, versions and machines only those are listed that differ.
"""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from syntagma.checked_call import checked
from syntagma.errors import InputError
from syntagma.plot import Empty, Figure, Panel, geometry
from syntagma.report.formulas import rich
from syntagma.report.page import document, figure_html, headline, value_text
from syntagma.report.tables import MISSING, cells_html, text_cell
from syntagma.studies.machinery import Analysis
from syntagma.sweep.identity import flatten

_COMPARED = ("settings", "versions", "machine", "jax")


@checked
def comparison_html(results: Mapping[str, Analysis]) -> str:
    """The page of several results by name: `comparison_html({"width 64": first, "width 256": second})`.

    Raises:
        InputError: they are of different studies.
    """
    first = next(iter(results.values()))
    for name, analysis in results.items():
        if analysis.study != first.study:
            raise InputError(
                f"results of {first.study} and of {analysis.study} ({name}) cannot be compared: a comparison shows the "
                "same figures for each. Give results of one study."
            )
    figures = compared_figures(list(results), [analysis.figures for analysis in results.values()])
    said = "".join(
        f"<li><strong>{html.escape(name)}</strong>: {rich(headline(analysis.verdicts))}</li>"
        for name, analysis in results.items()
    )
    parts = [
        '<h2 id="settings">What differs between them</h2>',
        _differences(results),
        '<h2 id="claims">Claims</h2>',
        _claims(results),
        *map(figure_html, figures),
    ]
    contents = {"settings": "What differs between them", "claims": "Claims"}
    contents |= {f"figure-{figure.name}": figure.title for figure in figures}
    title, number = f"{first.title}: {', '.join(results)}", len(results)
    return document(first.study, title, f"Syntagma · study {first.study} · {number} results", _differ(results),
                    [f"<ul>{said}</ul>"], contents, parts, figures)  # fmt: skip


def names_of(places: Sequence[Path]) -> list[str]:
    """The shortest ends of these paths that tell them apart: `names_of([Path("a/x"), Path("b/x")])` is a/x, b/x."""
    parts = [place.resolve().parts for place in places]
    for number in range(1, max(map(len, parts)) + 1):
        names = ["/".join(own[-number:]) for own in parts]
        if len(set(names)) == len(names):
            return names
    raise InputError(f"{places[0]} is given twice: give different results to compare.")


def compared_figures(names: Sequence[str], figures: Sequence[Sequence[Figure]]) -> list[Figure]:
    """For each figure that any result has, one with a column a result and the same axes along each row.

    Where results say different things in a figure, its caption begins with what each of them says.
    """
    every = dict.fromkeys(figure.name for own in figures for figure in own)
    compared = []
    for key in every:
        each = [next((figure for figure in own if figure.name == key), None) for own in figures]
        panels: list[Panel] = []
        for row in _rows([() if figure is None else figure.panels for figure in each]):
            there = [panel or Panel("", marks=(Empty("This result has no such panel."),)) for panel in row]
            panels += [_named(panel, name) for panel, name in zip(_same_axes(there), names, strict=True)]
        known = {name: figure for name, figure in zip(names, each, strict=True) if figure is not None}
        like, titles = next(iter(known.values())), {figure.title for figure in known.values()}
        said = [f"{name}: {figure.title}." for name, figure in known.items()] if len(titles) > 1 else []
        captions = dict.fromkeys(figure.caption for figure in known.values())
        title = like.title if not said else f"{key.replace('-', ' ').capitalize()}: {', '.join(known)}"
        caption = " ".join([*said, *captions])
        compared.append(
            dataclasses.replace(like, title=title, panels=panels, columns=len(names), share="", caption=caption)
        )
    return compared


def _rows(columns: Sequence[Sequence[Panel]]) -> Iterator[Sequence[Panel | None]]:
    """Panels of one title beside each other; by their places where a result has several of one title."""
    titles = [[panel.title for panel in column] for column in columns]
    if any(len(set(own)) < len(own) for own in titles):
        yield from zip_longest(*columns)
        return
    for title in dict.fromkeys(title for own in titles for title in own):
        yield [next((panel for panel in column if panel.title == title), None) for column in columns]


def _named(panel: Panel, name: str) -> Panel:
    return dataclasses.replace(panel, title=f"{name} · {panel.title}" if panel.title else name)


def _same_axes(row: Sequence[Panel]) -> list[Panel]:
    """The panels of a row with limits that hold all of them, where they count the same."""
    shown = [panel for panel in row if not geometry.is_bare(panel)]
    changed = list(row)
    for side in "xy":
        axes = [getattr(panel, side) for panel in shown]
        if len({(axis.label, axis.scale) for axis in axes}) != 1 or axes[0].scale == "category":
            continue
        ends = [sorted(getattr(geometry.frame(panel), side)) for panel in shown]
        limits = min(low for low, _ in ends), max(high for _, high in ends)
        changed = [
            panel if geometry.is_bare(panel)
            else dataclasses.replace(panel, **{side: dataclasses.replace(getattr(panel, side), limits=limits)})
            for panel in changed
        ]  # fmt: skip
    return changed


def _differ(results: Mapping[str, Analysis]) -> str:
    """How many claims came out otherwise."""
    outcomes = _outcomes(results)
    both = [row for row in outcomes.values() if None not in row]
    other = sum(len(set(row)) > 1 for row in both)
    alike = f"{len(both) - other} of {len(both)} claims that all {len(results)} results make came out alike"
    return f"{alike}, {other} did not." if other else f"{alike}."


def _outcomes(results: Mapping[str, Analysis]) -> dict[str, list[Any]]:
    """The outcome of each claim in each result, None where it makes no such claim."""
    texts = dict.fromkeys(verdict.claim.text for analysis in results.values() for verdict in analysis.verdicts)
    known = [{verdict.claim.text: verdict.outcome for verdict in one.verdicts} for one in results.values()]
    return {text: [own.get(text) for own in known] for text in texts}


def _claims(results: Mapping[str, Analysis]) -> str:
    measured = [{one.claim.text: one.measured for one in analysis.verdicts} for analysis in results.values()]
    rows = (
        [text_cell(text)]
        + [
            "<td></td>" if outcome is None
            else f'<td><span class="badge {outcome}">{outcome}</span> {rich(own[text])}</td>'
            for outcome, own in zip(outcomes, measured, strict=True)
        ]
        for text, outcomes in _outcomes(results).items()
    )  # fmt: skip
    return cells_html("claims", "Claims", [("claim", ""), *((name, "") for name in results)], rows)


def _differences(results: Mapping[str, Analysis]) -> str:
    known = [
        flatten({part: analysis.provenance.get(part) or {} for part in _COMPARED}) for analysis in results.values()
    ]
    names = dict.fromkeys(name for own in known for name in own)
    rows = [
        [f"<td>{html.escape(name.removeprefix('settings.'))}</td>"]
        + [f'<td class="long">{html.escape(value_text(own[name])) if name in own else MISSING}</td>' for own in known]
        for name in names
        if len({repr(own.get(name)) for own in known}) > 1
    ]
    if not rows:
        return "<p>Nothing: settings, versions and machines are the same.</p>"
    return cells_html("settings", "What differs", [("setting", ""), *((name, "") for name in results)], rows)
