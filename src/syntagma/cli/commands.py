"""All commands. What is heavy is imported inside them, so that `--help` loads neither JAX nor pandas."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from syntagma.cli import fitting, forecasting, looking, outside, planning, running, sampling
from syntagma.sweep.endings import exit_code


class _Commands(TyperGroup):
    """The commands; one that is interrupted says so and leaves with the exit code of the signal."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as ended:
            print("interrupted", file=sys.stderr)
            raise typer.Exit(exit_code(ended)) from None


app = typer.Typer(
    cls=_Commands,
    help="Which structure does a sequence model learn, and from how much data? Predict it, measure it, compare.",
    pretty_exceptions_enable=False,
)


def _version(asked: bool) -> None:
    if asked:
        from syntagma import __version__

        print(f"syntagma {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _entry(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


app.command("list")(planning.list_)
for _command in (
    planning.settings, planning.predict, forecasting.forecast, sampling.sample, running.run, fitting.fit,
    looking.report, looking.results, looking.compare, looking.watch, running.merge, looking.probe, looking.network,
    outside.export, outside.score,
):  # fmt: skip
    app.command()(_command)
