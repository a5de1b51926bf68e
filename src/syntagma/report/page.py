"""The report as one HTML file that needs no network: text, figures, tables, and where everything comes from.

The page forbids itself all requests (Content-Security-Policy). Without scripts it shows the static figures; with them,
plotly.js, packed inside the page, makes the main one interactive. All text that comes from results is escaped.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from syntagma.curves import Verdict, claims_tested
from syntagma.plot import Figure
from syntagma.plot.files import as_bytes
from syntagma.plot.plotly_backend import spec
from syntagma.report.plotly_source import packed, packed_plotly
from syntagma.report.svg import inside_page
from syntagma.report.tables import MISSING, table_html, typeset
from syntagma.studies.machinery import Analysis
from syntagma.studies.schemas import Table
from syntagma.sweep.atomic_file import atomic_file
from syntagma.sweep.identity import flatten

_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
_BADGES = {"agrees": "agrees", "disagrees": "disagrees", "open": "open", "finding": "finding-badge"}


def write_page(analysis: Analysis, path: str | Path) -> Path:
    """Write the report to `path`, whole or not at all, and return it.

    Raises:
        InputError: `path` cannot be written.
    """
    text = page_html(analysis)
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return Path(path)


def page_html(analysis: Analysis) -> str:
    """The report as the text of an HTML file."""
    tables = [table for name, table in analysis.tables.items() if name != "runs"]
    parts = [
        _opening(analysis),
        _notes(analysis.notes),
        *map(_figure, analysis.figures),
        _scripts(analysis.figures),
        _verdicts(analysis.verdicts),
        *map(_table, tables),
        _provenance(analysis),
        "</body>\n</html>\n",
    ]
    return "\n".join(parts)


def finding(verdicts: Iterable[Verdict]) -> str:
    """One sentence that sums the verdicts up, as plain text: how many agree, which do not, what stays open."""
    verdicts = list(verdicts)
    count = {outcome: sum(v.outcome == outcome for v in verdicts) for outcome in _BADGES}
    against = [v for v in verdicts if v.outcome == "disagrees"]
    named = "; ".join(f"{v.claim.text} (predicted {v.claim.predicted}, measured {v.measured})" for v in against[:2])
    named += f"; and {len(against) - 2} more" if len(against) > 2 else ""
    tested = count["agrees"] + len(against)
    if not tested:
        text = "No prediction could be tested"
    elif not against:
        who = "The one prediction" if tested == 1 else f"All {tested} predictions"
        text = f"{who} that could be tested {'agrees' if tested == 1 else 'agree'} with what was measured"
    elif not count["agrees"]:
        who = "The one prediction" if tested == 1 else f"None of the {tested} predictions"
        text = f"{who} that could be tested {'disagrees' if tested == 1 else 'agrees'} with what was measured: {named}"
    else:
        text = f"{count['agrees']} of {tested} predictions that could be tested agree with what was measured"
        text += f"; what disagrees is {named}"
    text += f"; {count['open']} stay{'s' * (count['open'] == 1)} open" if count["open"] else ""
    extra = count["finding"]
    return text + (f"; {extra} finding{'s' * (extra > 1)} without a prediction." if extra else ".")


def _opening(analysis: Analysis) -> str:
    preset = analysis.provenance.get("preset")
    origin = f"Syntagma · study {analysis.study}" + (f" · preset {preset}" if preset else "")
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(analysis.title)} · Syntagma</title>
<link rel="icon" href="data:,">
<style>
{_resource("page.css")}</style>
</head>
<body>
<header>
<p class="origin">{html.escape(origin)}</p>
<h1>{html.escape(analysis.title)}</h1>
<p class="finding">{typeset(finding(analysis.verdicts))}</p>
</header>"""


def _notes(notes: Iterable[str]) -> str:
    items = "".join(f"<li>{html.escape(note)}</li>" for note in notes)
    return f'<main>\n<ul class="notes">{items}</ul>' if items else "<main>"


def _figure(figure: Figure) -> str:
    """The static drawing, which scripts replace, and the caption."""
    still = inside_page(as_bytes(figure, "svg", 6.8, title=False).decode(), figure.name, figure.caption)
    name = html.escape(figure.name)
    return f"""<figure id="figure-{name}">
<h2>{typeset(figure.title)}</h2>
<div class="drawing still">{still}</div>
<div class="drawing interactive" data-figure="{name}" hidden></div>
<figcaption>{typeset(figure.caption)}</figcaption>
</figure>"""


def _scripts(figures: Iterable[Figure]) -> str:
    specs = {figure.name: spec(figure, title=False) for figure in figures}
    data = json.dumps(specs, separators=(",", ":"), allow_nan=False)
    return f"""<script type="text/plain" id="figures-packed">{packed(data)}</script>
<script type="text/plain" id="plotly-packed">{packed_plotly()}</script>
<script>
{_resource("page.js")}</script>"""


def _verdicts(verdicts: Sequence[Verdict]) -> str:
    rows = "".join(
        f'<tr><td><span class="badge {_BADGES[v.outcome]}">{v.outcome}</span></td>'
        + "".join(f"<td>{typeset(text)}</td>" for text in (v.claim.text, v.claim.predicted, v.measured, v.claim.source))
        + "</tr>\n"
        for v in verdicts
    )
    heads = "".join(f'<th scope="col">{head}</th>' for head in ("outcome", "claim", "predicted", "measured", "source"))
    return f"""<h2 id="verdicts">Verdicts</h2>
<p class="caption">Computed from intervals of 95 %: a claim agrees if its interval holds the prediction and is narrow
enough to tell. {html.escape(claims_tested(verdicts))}</p>
<div class="scroll"><table>
<thead><tr>{heads}</tr></thead>
<tbody>
{rows}</tbody>
</table></div>"""


def _table(table: Table) -> str:
    return f"""<h2 id="table-{html.escape(table.name)}">{html.escape(table.title)}</h2>
<p class="caption">{typeset(table.caption)}</p>
{table_html(table)}"""


def _provenance(analysis: Analysis) -> str:
    """Command, settings, versions, machine, and what it cost."""
    known = dict(analysis.provenance)
    command = known.pop("command", None)
    runs = analysis.tables["runs"].data
    cost: dict[str, Any] = {"runs": f"{len(runs):,}"}
    if "seconds" in runs:
        cost["training time"] = _duration(sum(runs["seconds"]))
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
    return f"""<h2>How it was made</h2>
{shell}
<div class="columns">
{blocks}
</div>
<details><summary>All settings</summary>
{_definitions("", settings)}
</details>
</main>"""


def _definitions(title: str, values: Mapping[str, Any]) -> str:
    items = "".join(
        f"<dt>{html.escape(name)}</dt><dd>{html.escape(_value_text(value))}</dd>\n"
        for name, value in flatten(values).items()
    )
    heading = f"<h3>{html.escape(title)}</h3>" if title else ""
    return f"<section>{heading}\n<dl>\n{items}</dl></section>"


def _value_text(value: Any) -> str:
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
