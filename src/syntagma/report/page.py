"""The report as one HTML file that needs no network: text, figures, tables, and where everything comes from.

The page forbids itself all requests (Content-Security-Policy). Without scripts it shows the static figures; with them,
plotly.js, packed inside the page, makes the main one interactive. All text that comes from results is escaped.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from syntagma.report.figures import svg_text
from syntagma.report.plotly_source import packed, packed_plotly
from syntagma.report.study_report import StudyReport, report_of
from syntagma.report.tables import MISSING, table_html, typeset
from syntagma.studies.study import Analysis, Verdict
from syntagma.sweep.atomic_file import atomic_file
from syntagma.sweep.identity import flatten

_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
_BADGES = {"agrees": "agrees", "disagrees": "disagrees", "open": "open", "finding": "finding-badge"}


def write_page(analysis: Analysis, path: str | Path) -> Path:
    """Write the report to `path`, whole or not at all, and return it.

    Raises:
        InputError: no report is known for the study, or `path` cannot be written.
    """
    text = page_html(analysis)
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return Path(path)


def page_html(analysis: Analysis) -> str:
    """The report as the text of an HTML file.

    Raises:
        InputError: no report is known for the study.
    """
    report = report_of(analysis.study)
    main, *others = report.figures
    parts = [
        _opening(analysis),
        _main_figure(analysis, report, main),
        *(_figure(analysis, report, name, f"figure{place}") for place, name in enumerate(others, start=2)),
        _verdicts(analysis.verdicts),
        *(_table(analysis, report, place) for place in range(len(report.tables))),
        _provenance(analysis),
        "</body>\n</html>\n",
    ]
    return "\n".join(parts)


def finding(verdicts: Iterable[Verdict]) -> str:
    """One sentence that sums the verdicts up, as plain text: how many agree, which do not, what stays open."""
    verdicts = list(verdicts)
    count = {outcome: sum(v.outcome == outcome for v in verdicts) for outcome in _BADGES}
    against = [v for v in verdicts if v.outcome == "disagrees"]
    named = "; ".join(f"{v.claim} (predicted {v.predicted}, measured {v.measured})" for v in against[:2])
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


def _main_figure(analysis: Analysis, report: StudyReport, name: str) -> str:
    caption = typeset(report.captions[name])
    data = json.dumps(report.interactive(analysis), separators=(",", ":"), allow_nan=False)
    return f"""<main>
<figure>
<div class="drawing">
<div id="interactive" hidden></div>
<div id="static" class="still">{svg_text(report.figures[name](analysis), "main", report.captions[name])}</div>
</div>
<figcaption>{caption}</figcaption>
</figure>
<script type="text/plain" id="figure-packed">{packed(data)}</script>
<script type="text/plain" id="plotly-packed">{packed_plotly()}</script>
<script>
{_resource("page.js")}</script>"""


def _figure(analysis: Analysis, report: StudyReport, name: str, prefix: str) -> str:
    figure = report.figures[name](analysis)
    narrow = " narrow" if figure.get_figwidth() < 9 else ""
    return f"""<figure>
<div class="drawing still{narrow}">{svg_text(figure, prefix, report.captions[name])}</div>
<figcaption>{typeset(report.captions[name])}</figcaption>
</figure>"""


def _verdicts(verdicts: Iterable[Verdict]) -> str:
    rows = "".join(
        f'<tr><td><span class="badge {_BADGES.get(v.outcome, "open")}">{html.escape(v.outcome)}</span></td>'
        + "".join(f"<td>{typeset(text)}</td>" for text in (v.claim, v.predicted, v.measured, v.source))
        + "</tr>\n"
        for v in verdicts
    )
    heads = "".join(f'<th scope="col">{head}</th>' for head in ("outcome", "claim", "predicted", "measured", "source"))
    return f"""<h2>Verdicts</h2>
<p class="caption">Computed from the intervals: a claim agrees if the measured interval holds the prediction.</p>
<div class="scroll"><table id="verdicts">
<thead><tr>{heads}</tr></thead>
<tbody>
{rows}</tbody>
</table></div>"""


def _table(analysis: Analysis, report: StudyReport, place: int) -> str:
    shown = report.tables[place]
    return f"""<h2 id="table-{shown.name}">{html.escape(shown.title)}</h2>
<p class="caption">{typeset(shown.caption)}</p>
{table_html(analysis.tables[shown.name], shown.columns)}"""


def _provenance(analysis: Analysis) -> str:
    """Command, settings, versions, machine, and what it cost."""
    known = dict(analysis.provenance)
    command = known.pop("command", None)
    runs = analysis.tables["runs"]
    cost: dict[str, Any] = {"runs": f"{len(runs):,}"}
    if "seconds" in runs:
        cost["training time"] = _duration(sum(runs["seconds"]))
    if known.get("seconds") is not None:
        cost["time in all"] = _duration(float(known["seconds"]))
    lists = {
        "Settings": known.pop("settings", {}),
        "Versions": known.pop("versions", {}),
        "Machine": known.pop("machine", {}),
    }
    rest = {name: value for name, value in known.items() if name != "seconds"}
    shell = f"<pre>{html.escape(command if isinstance(command, str) else ' '.join(command))}</pre>" if command else ""
    blocks = "\n".join(_definitions(name, values) for name, values in {**lists, "Cost": cost | rest}.items() if values)
    return f"""<h2>How it was made</h2>
{shell}
<div class="columns">
{blocks}
</div>
</main>"""


def _definitions(title: str, values: Mapping[str, Any]) -> str:
    items = "".join(
        f"<dt>{html.escape(name)}</dt><dd>{html.escape(_value_text(value))}</dd>\n"
        for name, value in flatten(values).items()
    )
    return f"<section><h3>{html.escape(title)}</h3>\n<dl>\n{items}</dl></section>"


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
