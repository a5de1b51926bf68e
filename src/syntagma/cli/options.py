"""Arguments and options that several commands have."""

from __future__ import annotations

from collections.abc import Sequence
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
Track = Annotated[
    str | None,
    typer.Option(
        help="Show the runs in a tracker too, from files in DIR/tracking: tensorboard, wandb or mlflow.",
        metavar="TRACKER",
    ),
]
Directory = Annotated[str, typer.Argument(help="A directory of results.", metavar="DIR")]
With = Annotated[
    list[str],
    typer.Option("--with", help="A file that adds a learner or language of the results; repeat.", metavar="FILE"),
]
Tags = Annotated[
    list[str],
    typer.Option("--tag", help="A name for the runs, also for those stored before; repeat.", metavar="NAME"),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def number(help_: str) -> Any:
    """A numeric option, taken as text: whoever uses the number says what is wrong with it."""
    return typer.Option(help=help_, metavar="NUMBER")


def kind(noun: str, help_: str) -> Any:
    """An option that names the kind of a language, task or learner."""
    return typer.Option(help=help_, metavar="KIND", autocompletion=completion.kinds_of(noun))


def import_files(files: Sequence[str]) -> None:
    """Import what `--with` names, so that the learners and languages in it are known.

    Raises:
        InputError: there is no such file, or it cannot be imported.
    """
    from syntagma.extensions import module_of_file

    for file in files:
        module_of_file(file, "with")


def was_given(context: typer.Context, option: str) -> bool:
    """Whether the command line gives that option, by the name of its argument, rather than leaving its default."""
    source = context.get_parameter_source(option)
    return source is not None and source.name == "COMMANDLINE"
