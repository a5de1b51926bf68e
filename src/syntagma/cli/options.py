"""Arguments and options that several commands have."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from syntagma.cli import completion

StudyName = Annotated[
    str,
    typer.Argument(
        help="A study, as `syntagma list` names it, or the path of a file with one.",
        metavar="STUDY",
        autocompletion=completion.studies,
    ),
]
Preset = Annotated[
    str,
    typer.Option(
        help="The study's size: quick, laptop or full; some have more (syntagma list).",
        autocompletion=completion.presets,
    ),
]
Changes = Annotated[
    list[str],
    typer.Option(
        "--set", help="Change one setting; repeat for more.", metavar="KEY=VALUE", autocompletion=completion.keys
    ),
]
Config = Annotated[
    str | None,
    typer.Option(help="Settings in this file, laid over the preset: see `syntagma settings`.", metavar="FILE.toml"),
]
Directory = Annotated[str, typer.Argument(help="A directory of results.", metavar="DIR")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def number(help_: str) -> Any:
    """A numeric option, taken as text: whoever uses the number says what is wrong with it."""
    return typer.Option(help=help_, metavar="NUMBER")


def kind(noun: str, help_: str) -> Any:
    """An option that names the kind of a language, task or learner."""
    return typer.Option(help=help_, metavar="KIND", autocompletion=completion.kinds_of(noun))
