"""The report as one HTML file that needs no network: what came out, figures, tables, and where everything comes from.

The page forbids itself all requests (Content-Security-Policy). Without scripts it shows the static figures; with them,
plotly.js, packed inside the page, makes all of them interactive. All text that comes from results is escaped.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from syntagma.atomic_file import atomic_file
from syntagma.checked_call import checked
from syntagma.curves import Verdict, claims_tested
from syntagma.plot import Figure
from syntagma.plot.files import as_bytes, as_csv
from syntagma.plot.plotly_backend import spec
from syntagma.report.formulas import rich
from syntagma.report.plotly_source import packed, packed_plotly
from syntagma.report.svg import inside_page
from syntagma.report.tables import MISSING, claims_table, table_html
from syntagma.studies.machinery import Analysis
from syntagma.studies.schemas import Table
from syntagma.sweep.identity import flatten

_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
OUTCOMES = {
    "agrees": ("agree", "What agrees with its prediction"),
    "disagrees": ("disagree", "What disagrees with its prediction"),
    "open": ("open", "What is open: measured too coarsely, or not at all"),
    "finding": ("without a prediction", "What was found without a prediction"),
}
_RULE = (
    "Computed from intervals of 95 %: a claim agrees if its interval holds the prediction and is narrow enough to tell."
)
_LONG_LIST = 8
_LONG_TABLE = 60
"""Longer lists of claims and tables are closed until a reader opens them."""


@checked
def write_page(analysis: Analysis, path: str | Path) -> Path:
    """Write the report to `path`, whole or not at all, and return it; it links a README.md beside it, if there is one.

    Raises:
        InputError: `path` cannot be written.
    """
    return write_html(page_html(analysis, about=(Path(path).parent / "README.md").is_file()), path)


def write_html(text: str, path: str | Path) -> Path:
    """Write a page to `path`, whole or not at all."""
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return Path(path)


@checked
def page_html(analysis: Analysis, *, about: bool = False) -> str:
    """The report as the text of an HTML file."""
    preset = analysis.provenance.get("preset")
    tables = [table for name, table in analysis.tables.items() if name != "runs"]
    parts = [
        *map(figure_html, analysis.figures),
        _heading("claims", "All claims", 2),
        f'<p class="caption">{_RULE} {html.escape(claims_tested(analysis.verdicts))}</p>',
        claims_table(analysis.verdicts),
        *map(titled_table, tables),
        _provenance(analysis),
    ]
    contents = {f"figure-{figure.name}": figure.title for figure in analysis.figures} | {"claims": "All claims"}
    contents |= {f"table-{table.name}": table.title for table in tables} | {"provenance": "How it was made"}
    origin = f"Syntagma · study {analysis.study}" + (f" · preset {preset}" if preset else "")
    paper = f'<p class="caption">{rich(f"After {analysis.paper}.")}</p>' if analysis.paper else ""
    back = '<p class="caption"><a href="README.md">About these results</a></p>' if about else ""
    opening = [paper + back, _counts(analysis.verdicts), _notes(analysis.notes), *_lists(analysis.verdicts)]
    return document(analysis.study, analysis.title, origin, headline(analysis.verdicts), opening, contents, parts,
                    analysis.figures)  # fmt: skip


def document(
    name: str,
    title: str,
    origin: str,
    said: str,
    opening: Iterable[str],
    contents: Mapping[str, str],
    parts: Iterable[str],
    figures: Sequence[Figure],
) -> str:
    """A page of these parts, which are HTML; `name` begins the names of files that a reader downloads.

    Args:
        said: the sentence at the top.
        contents: headings by their ids.
        figures: those among `parts` that scripts make interactive.
    """
    links = "".join(f'<li><a href="#{html.escape(place)}">{rich(text)}</a></li>' for place, text in contents.items())
    inside = "\n".join([*opening, f'<nav class="contents" aria-label="Contents"><ul>{links}</ul></nav>', *parts])
    return f"""<!DOCTYPE html>
<html lang="en" data-study="{html.escape(name)}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(title)} · Syntagma</title>
<link rel="icon" href="data:,">
<style>
{_resource("page.css")}</style>
</head>
<body>
<a class="skip" href="#main">To the results</a>
<header>
<p class="origin">{html.escape(origin)}</p>
<h1>{rich(title)}</h1>
<p class="headline">{rich(said)}</p>
</header>
<main id="main">
{inside}
</main>
{_scripts(figures)}
</body>
</html>
"""


def headline(verdicts: Iterable[Verdict]) -> str:
    """One sentence that anyone can read: how many predictions came true, how many did not, how many are open."""
    count = _count(verdicts)
    true, false = count["agrees"], count["disagrees"]
    tested = true + false
    if not tested:
        text = "No prediction could be tested yet"
    elif not false:
        text = f"All {tested} predictions that could be tested came true"
        text = "The one prediction that could be tested came true" if tested == 1 else text
    elif not true:
        text = f"None of the {tested} predictions that could be tested came true"
        text = "The one prediction that could be tested did not come true" if tested == 1 else text
    else:
        text = f"{true} of {tested} predictions that could be tested came true, {false} did not"
    number = count["open"]
    return text + (f"; {number} {'is' if number == 1 else 'are'} open." if number else ".")


def _count(verdicts: Iterable[Verdict]) -> dict[str, int]:
    outcomes = [verdict.outcome for verdict in verdicts]
    return {outcome: outcomes.count(outcome) for outcome in OUTCOMES}  # pyright: ignore[reportArgumentType]


def _counts(verdicts: Sequence[Verdict]) -> str:
    tiles = "".join(
        f'<li><a class="{outcome}" href="#{outcome}"><strong>{number}</strong> {OUTCOMES[outcome][0]}</a></li>'
        for outcome, number in _count(verdicts).items()
        if number
    )
    return f'<ul class="counts">{tiles}</ul>' if tiles else ""


def _lists(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """The claims of each outcome, with what was predicted and what was measured."""
    for outcome, (_, title) in OUTCOMES.items():
        own = [verdict for verdict in verdicts if verdict.outcome == outcome]
        items = "".join(f"<li>{rich(_sentence(verdict))}</li>\n" for verdict in own)
        opened = " open" if len(own) <= _LONG_LIST else ""
        if own:
            summary = f"<summary>{title} ({len(own)})</summary>"
            yield f'<details class="outcomes" id="{outcome}"{opened}>{summary}\n<ul>\n{items}</ul></details>'


def _sentence(verdict: Verdict) -> str:
    text, predicted = verdict.claim.text.rstrip("."), verdict.claim.predicted
    expected = "" if verdict.outcome == "finding" or not predicted else f"predicted {predicted}, "
    said = verdict.measured if verdict.measured.startswith("measured") else f"measured {verdict.measured}"
    return f"{text}: {expected}{said}"


def _notes(notes: Iterable[str]) -> str:
    items = "".join(f"<li>{html.escape(note)}</li>" for note in notes)
    return f'<ul class="notes">{items}</ul>' if items else ""


def _heading(place: str, title: str, level: int) -> str:
    link = f'<a class="permalink" href="#{html.escape(place)}" aria-label="Link to: {html.escape(title)}">#</a>'
    return f'<h{level} id="{html.escape(place)}">{rich(title)}{link}</h{level}>'


def figure_html(figure: Figure) -> str:
    """The static drawing, which scripts replace, and the caption."""
    still = inside_page(as_bytes(figure, "svg", 6.8, title=False).decode(), figure.name, figure.caption)
    name = html.escape(figure.name)
    return f"""<figure>
{_heading(f"figure-{figure.name}", figure.title, 2)}
<div class="still">{still}</div>
<div class="interactive" data-figure="{name}" hidden></div>
<figcaption>{rich(figure.caption)}</figcaption>
</figure>"""


def _scripts(figures: Iterable[Figure]) -> str:
    specs = {figure.name: _interactive(figure) for figure in figures}
    data = json.dumps(specs, separators=(",", ":"), allow_nan=False)
    return f"""<script type="text/plain" id="figures-packed">{packed(data)}</script>
<script type="text/plain" id="plotly-packed">{packed_plotly() if specs else ""}</script>
<script>
{_resource("page.js")}</script>"""


def _interactive(figure: Figure) -> dict[str, Any]:
    """The figure for Plotly, what a dark page changes in it, and its numbers."""
    drawing, dark = (spec(figure, dark=dark, title=False) for dark in (False, True))
    return {**drawing, "dark": list(_changes(drawing, dark)), "csv": as_csv(figure), "title": figure.title}


def _changes(old: Any, new: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Where `new` differs from `old`, as dotted paths with the new values."""
    if isinstance(old, dict | list) and type(old) is type(new) and len(old) == len(new):
        for key in old if isinstance(old, dict) else range(len(old)):
            yield from _changes(old[key], new[key], f"{path}.{key}" if path else str(key))
    elif old != new:
        yield path, new


def titled_table(table: Table) -> str:
    """A table under its title, with its caption."""
    rows = len(table.data)
    long = (f"<details><summary>{rows:,} rows</summary>", "</details>") if rows > _LONG_TABLE else ("", "")
    return f"""{_heading(f"table-{table.name}", table.title, 2)}
<p class="caption">{rich(table.caption)}</p>
{long[0]}{table_html(table)}{long[1]}"""


def _provenance(analysis: Analysis) -> str:
    """Command, settings, versions, machine, and what it cost."""
    runs = analysis.tables["runs"].data
    cost: dict[str, Any] = {"runs": f"{len(runs):,}"}
    if "seconds" in runs:
        cost["training time"] = _duration(sum(runs["seconds"]))
    return how_it_was_made(analysis.provenance, cost)


def how_it_was_made(provenance: Mapping[str, Any], cost: Mapping[str, Any]) -> str:
    """Command, settings, versions, machine, and what it cost, under a heading with the id `provenance`."""
    known, cost = dict(provenance), dict(cost)
    command = known.pop("command", None)
    if known.get("seconds") is not None:
        cost["time in all"] = _duration(float(known["seconds"]))
    settings = known.pop("settings", {})
    lists = {
        "Versions": known.pop("versions", {}),
        "Machine": known.pop("machine", {}),
        "JAX": known.pop("jax", {}),
        "Own files": known.pop("code", {}),
        "Their commits": known.pop("commits", {}),
    }
    rest = {name: value for name, value in known.items() if name != "seconds"}
    shell = f"<pre>{html.escape(command if isinstance(command, str) else ' '.join(command))}</pre>" if command else ""
    blocks = "\n".join(_definitions(name, values) for name, values in {**lists, "Cost": cost | rest}.items() if values)
    return f"""{_heading("provenance", "How it was made", 2)}
{shell}
<div class="columns">
{blocks}
</div>
<details><summary>All settings</summary>
{_definitions("", settings)}
</details>"""


def _definitions(title: str, values: Mapping[str, Any]) -> str:
    items = "".join(
        f"<dt>{html.escape(name)}</dt><dd>{html.escape(value_text(value))}</dd>\n"
        for name, value in flatten(values).items()
    )
    heading = f"<h3>{html.escape(title)}</h3>" if title else ""
    return f"<section>{heading}\n<dl>\n{items}</dl></section>"


def value_text(value: Any) -> str:
    """A setting as it is shown."""
    if value is None:
        return MISSING
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours} h {rest // 60} min" if hours else f"{rest // 60} min {rest % 60} s"


def _resource(name: str) -> str:
    return resources.files("syntagma.report").joinpath(name).read_text(encoding="utf-8")
