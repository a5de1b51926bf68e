"""The command that forecasts a text's scaling law from its statistics, and says whether to believe it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from syntagma.cli import completion
from syntagma.cli.options import AsJson, number
from syntagma.cli.reports import make_parent
from syntagma.errors import whole_number

if TYPE_CHECKING:
    from syntagma.studies.corpus_forecast.of_corpus import Reading

_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""Read when NumPy is imported, so only as a program. Distances are measured at the same time instead: decompositions of
small matrices by two threads of BLAS each took 20 times the processor time (14 s for 0.7 s) on two busy cores."""


def forecast(
    source: Annotated[
        list[str],
        typer.Argument(
            help="A text: file, folder or pattern; plain, .jsonl or Parquet, compressed or not; a token file; stdlib; "
            "hf:NAME. Several are one corpus.",
            metavar="SOURCE...",
        ),
    ],
    tokens: Annotated[
        str,
        typer.Option(
            help="char, word, bpe:8192, a tokenizer.json; uint16 or uint32 for a token file.",
            metavar="TOKENS",
            autocompletion=completion.tokens,
        ),
    ] = "char",
    field: Annotated[str | None, typer.Option(help="Which field of records is the text.", metavar="NAME")] = None,
    vocab: Annotated[
        str | None, number("The vocabulary of a token file, which needs it; of a text, the most tokens.")
    ] = None,
    separator: Annotated[
        str | None, typer.Option(help="What stands between the documents of a plain text.", metavar="TEXT")
    ] = None,
    end_of_document: Annotated[str | None, number("The token that ends each document of a token file.")] = None,
    split: Annotated[str, typer.Option(help="Which split of a Hugging Face data set.", metavar="NAME")] = "train",
    out: Annotated[str | None, typer.Option(help="Write the page and figures there.", metavar="DIR")] = None,
    night: Annotated[bool, typer.Option("--night", help="Look more closely, for hours on a large text.")] = False,
    as_json: AsJson = False,
) -> None:
    """Forecast how the loss on a text falls with the amount of it, and whether to believe that. Nothing is trained."""
    os.environ.update(_ONE_THREAD | os.environ)
    from syntagma.cli import display
    from syntagma.cli.paths import directory_to_write
    from syntagma.cli.progress import progress_shown, waiting
    from syntagma.languages.corpora import Corpus
    from syntagma.regular_file import shown
    from syntagma.studies.corpus_forecast.of_corpus import EFFORTS, check, described, read
    from syntagma.sweep.machine import usable_cores

    directory = None if out is None else directory_to_write("out", out)
    effort = EFFORTS["night" if night else "quick"]
    numbers = _given(vocab, end_of_document)
    with waiting(f"reading {', '.join(map(shown, source))}"):
        corpus = Corpus.read(
            source[0] if len(source) == 1 else source, tokens, field=field, separator=separator, split=split, **numbers
        )
    check(corpus, effort)
    if directory is not None:
        make_parent(directory / "page.html")
    if not as_json:
        _print(described(corpus))
    with progress_shown() as progress:
        reading = read(corpus, effort, threads=usable_cores(), tell=progress)
    if as_json:
        found = {table.name: display.records(table.data) for table in reading.tables()}
        display.print_json(reading.record() | found)
    else:
        _print(reading.lines())
    if directory is None:
        return
    with waiting("writing the page"):
        page, figures = _written(reading, directory, ", ".join(map(shown, source)))
    if not as_json:
        _print([("page", str(page)), *(("figure", str(figure)) for figure in figures)])


def _given(vocab: str | None, end_of_document: str | None) -> dict[str, Any]:
    """The numbers, where they are given."""
    from syntagma.cli.settings import read_value

    texts = {"vocab": (vocab, 2), "end_of_document": (end_of_document, 0)}
    return {
        name: None if text is None else whole_number(name, read_value(text), minimum=least)
        for name, (text, least) in texts.items()
    }


def _written(reading: Reading, directory: Path, title: str) -> tuple[Path, list[Path]]:
    """The page and the figures."""
    from syntagma.report import save_figures
    from syntagma.report.forecast import forecast_html
    from syntagma.report.page import write_html
    from syntagma.studies.corpus_forecast.of_corpus import described
    from syntagma.studies.corpus_forecast.reading_figure import reading_figure
    from syntagma.sweep.environment import environment

    page, drawn = directory / "page.html", [reading_figure(reading)]
    figures = save_figures(drawn, directory / "figures")
    made = environment()
    provenance = {name: made[name] for name in ("machine", "versions")} | {
        "jax": made["settings"],
        "settings": reading.looked.model_dump(mode="json") | {"digest": reading.corpus.digest},
        "command": " ".join(["syntagma", *sys.argv[1:]]),
    }
    lines = [*described(reading.corpus), *reading.lines()]
    text = forecast_html(f"Forecast of {title}", reading.verdict, lines, drawn, list(reading.tables()), provenance)
    return write_html(text, page), figures


def _print(lines: Iterable[tuple[str, str]]) -> None:
    """A name and a sentence a line."""
    from syntagma.cli import display

    for name, text in lines:
        display.console().print(f"{name:<10}{text}", markup=False, soft_wrap=True)
