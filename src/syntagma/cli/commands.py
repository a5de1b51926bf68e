"""The commands. What is heavy is imported inside them, so that `--help` loads neither JAX nor pandas."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from syntagma.errors import InputError, invalid, whole_number

if TYPE_CHECKING:
    from syntagma.languages.hierarchy import RandomHierarchy
    from syntagma.sweep.store import Store

FAILED_EXIT = 3
"""Some run could not be done; all others are."""

app = typer.Typer(
    help="Which structure does a sequence model learn, and from how much data? Predict it, measure it, compare.",
    add_completion=False,
    pretty_exceptions_enable=False,
)

StudyName = Annotated[
    str, typer.Argument(help="A study, as `syntagma list` names it, or the path of a file with one.", metavar="STUDY")
]
Preset = Annotated[str, typer.Option(help="The study's size: quick, laptop or full.")]
Changes = Annotated[list[str], typer.Option("--set", help="Change one setting; repeat for more.", metavar="KEY=VALUE")]
Directory = Annotated[Path, typer.Argument(help="A directory of results.", metavar="DIR")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def _number(help_: str) -> Any:
    """A numeric option, taken as text: whoever uses the number says what is wrong with it."""
    return typer.Option(help=help_, metavar="NUMBER")


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


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Show what can be typed: studies and presets, kinds of languages, tasks and learners, kernels' architectures."""
    from syntagma.cli import catalogue, display

    found = catalogue.contents()
    if as_json:
        display.print_json(found)
    else:
        display.print_tables(catalogue.tables(found))


@app.command()
def predict(study: StudyName, preset: Preset = "quick", set_: Changes = [], as_json: AsJson = False) -> None:  # noqa: B006
    """Print what theory says of a study, without training anything."""
    from syntagma.cli import display
    from syntagma.cli.progress import waiting
    from syntagma.cli.settings import settings_for
    from syntagma.studies import load, machinery

    chosen = load(study)
    settings = settings_for(chosen, preset, set_)
    with waiting(f"predicting {study}, {preset}"):
        tables = machinery.predict(chosen, settings)
    if as_json:
        display.print_json({name: display.records(table.data) for name, table in tables.items()})
    else:
        display.print_study_tables(tables.values())


@app.command()
def sample(
    vocab: Annotated[str | None, _number("Symbols per level v. (default 8)")] = None,
    rules: Annotated[str | None, _number("Rules per symbol m. (default 4)")] = None,
    branching: Annotated[str | None, _number("Symbols per rule s. (default 2)")] = None,
    depth: Annotated[str | None, _number("Levels above the tokens L. (default 3)")] = None,
    classes: Annotated[str | None, _number("Root symbols. (default v)")] = None,
    zipf: Annotated[str | None, _number("Zipf exponent of the rules' probabilities. (default equal rules)")] = None,
    seed: Annotated[str, _number("Fixes the grammar and the sentences.")] = "0",
    number: Annotated[str, _number("Sentences.")] = "10",
    distinct: Annotated[bool, typer.Option("--distinct", help="No sentence twice.")] = False,
    hidden: Annotated[bool, typer.Option("--hidden", help="All levels of the tree, the root first.")] = False,
    grammar: Annotated[Path | None, typer.Option(help="Use the grammar in this file.")] = None,
    save_grammar: Annotated[Path | None, typer.Option(help="Write the grammar to this file.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write to this file: .npy, .npz, else text.")] = None,
) -> None:
    """Draw sentences of a random hierarchy language."""
    from syntagma.cli import sentences
    from syntagma.cli.settings import read_value

    if out is not None:
        sentences.check_destination(out, hidden)
    sizes = {"vocab": vocab, "rules": rules, "branching": branching, "depth": depth}
    sizes |= {"num_classes": classes, "rule_probabilities": zipf}
    language = _language(grammar, {name: read_value(text) for name, text in sizes.items() if text is not None}, seed)
    drawn = language.sample(read_value(seed), read_value(number), hidden=hidden, distinct=distinct)
    if out is not None:
        sentences.write(drawn, out)
    if save_grammar is not None:
        language.save(save_grammar)
    if out is None:
        sys.stdout.writelines(line + "\n" for line in sentences.lines(drawn))


@app.command()
def run(
    study: StudyName,
    preset: Preset = "quick",
    set_: Changes = [],  # noqa: B006
    out: Annotated[Path | None, typer.Option(help="Where to. (default results/STUDY-PRESET)", metavar="DIR")] = None,
    workers: Annotated[
        str, _number("Processes that train at the same time. (default: one a core; on an accelerator this one)")
    ] = "0",
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Try again what failed before.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be run, and how long.")] = False,
) -> None:
    """Run what a study still lacks, then write its report. Interrupt it at will: the same command resumes."""
    from syntagma.cli import display
    from syntagma.cli.progress import progress_shown
    from syntagma.cli.settings import read_value, settings_for
    from syntagma.studies import load, machinery
    from syntagma.sweep.endings import exit_code
    from syntagma.sweep.store import Store

    chosen = load(study)
    settings = settings_for(chosen, preset, set_)
    processes = whole_number("workers", read_value(workers), minimum=0)
    directory = _results_directory(chosen.name, preset, out)
    if dry_run:
        _print_plan(chosen, settings, processes)
        return
    machinery.check(chosen, settings)
    _make_parent(directory)
    with Store.create(directory) as store:
        command = store.record_command(chosen.name, preset, settings.model_dump(mode="json"), sys.argv)
        try:
            with progress_shown() as progress:
                summary = machinery.run(chosen, settings, store, processes, progress, retry_failed=retry_failed)
        except KeyboardInterrupt as ended:
            again = f"{len(store.ids())} finished runs are kept in {directory}; the same command resumes."
            display.console(stderr=True).print(f"interrupted: {again}", markup=False, soft_wrap=True)
            raise typer.Exit(exit_code(ended)) from None
        store.finish_command(command)
        _report(chosen, store, directory)
    if summary.failed or summary.left_out:
        raise typer.Exit(FAILED_EXIT)


@app.command()
def fit(
    language: Annotated[str, typer.Option(help="Its kind, as `syntagma list` names it.", metavar="KIND")] = (
        "random-hierarchy"
    ),
    task: Annotated[str, typer.Option(help="Its kind, as `last-token`.", metavar="KIND")] = "last-token",
    learner: Annotated[str, typer.Option(help="Its kind, as `kernel` or `transformer`.", metavar="KIND")] = "kernel",
    examples: Annotated[str, _number("Training sentences.")] = "1024",
    test_examples: Annotated[str, _number("Test sentences.")] = "2048",
    validation_examples: Annotated[str | None, _number("Validation sentences; as many as test sentences.")] = None,
    seed: Annotated[str, _number("Fixes sentences, weights and order.")] = "0",
    set_: Changes = [],  # noqa: B006
    as_json: AsJson = False,
) -> None:
    """Fit one learner once: any language, task and learner. `--set language.vocab=16`, `--set learner.width=64`, ..."""
    from syntagma.cli import display, single
    from syntagma.cli.settings import read_value

    given = {"num_examples": ("examples", examples), "test_examples": ("test-examples", test_examples)}
    if validation_examples is not None:
        given["validation_examples"] = ("validation-examples", validation_examples)
    sizes = {field: whole_number(name, read_value(text)) for field, (name, text) in given.items()}
    sizes["seed"] = whole_number("seed", read_value(seed), minimum=0)
    run = single.run_of(language, task, learner, sizes, set_)

    from syntagma.cli.progress import waiting
    from syntagma.sweep.runs import Runner

    with waiting(f"fitting {learner} on {sizes['num_examples']:,} sentences"):
        metrics = Runner().execute([run])[0]
    del metrics["history"]
    if as_json:
        display.print_json({"run": run.config(), "metrics": metrics})
    else:
        display.print_tables({f"{learner} on {language}, {task}": single.summary(metrics)})


@app.command()
def report(
    directory: Directory,
    to: Annotated[Path | None, typer.Option(help="Write there instead of into DIR.", metavar="DIR")] = None,
    study: Annotated[str | None, typer.Option(help="Which study, where DIR holds several, or its file.")] = None,
    formats: Annotated[
        str, typer.Option("--format", help="Of the figures, with commas: png,pdf,svg,json.")
    ] = "png,pdf",
    width: Annotated[float, typer.Option(help="Of the figures, inches: 3.3 for a column, 6.8 for a page.")] = 6.8,
    no_title: Annotated[bool, typer.Option("--no-title", help="Figures without their titles.")] = False,
) -> None:
    """Write the page and figures again from stored results alone."""
    from syntagma.studies import load
    from syntagma.sweep.store import Store

    with Store.open(directory, read_only=True) as store:
        chosen = load(_stored_study(store, study))
        place = to or (directory.parent if directory.suffix == ".sqlite" else directory)
        _make_parent(place / "page.html")
        _report(chosen, store, place, formats.split(","), width, title=not no_title)


@app.command()
def results(
    directory: Directory,
    csv: Annotated[Path | None, typer.Option(help="Write all runs to this file.", metavar="FILE")] = None,
    parquet: Annotated[Path | None, typer.Option(help="Write all runs to this file.", metavar="FILE")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the stored runs, or export them with their settings, metrics, machine and versions."""
    from syntagma.cli import display
    from syntagma.sweep.store import Store

    files = {ending: path for ending, path in ((".csv", csv), (".parquet", parquet)) if path is not None}
    for ending, path in files.items():
        if path.suffix != ending:
            raise invalid(ending[1:], str(path), f"the file's name must end in {ending}", "Name it so")
    with Store.open(directory, read_only=True) as store:
        for path in files.values():
            store.export(path)
        if as_json:
            display.print_json(display.records(store.runs()))
        elif files:
            print("\n".join(map(str, files.values())))
        else:
            display.print_tables({str(store.path): store.runs().drop(columns=["environment"])})


@app.command()
def probe(
    directory: Directory,
    run: Annotated[
        list[str],
        typer.Argument(
            help="The run: its id, the start of it, or what tells it apart, as kind=cnn num_examples=1024 seed=0.",
            metavar="RUN",
        ),
    ],
    step: Annotated[str | None, _number("The network after so many steps. (default: of the smallest loss)")] = None,
    sentences: Annotated[str, _number("How many sentences to probe with.")] = "4096",
    as_json: AsJson = False,
) -> None:
    """Show what a stored network knows of its grammar: layer by layer, level by level."""
    from syntagma.cli import display
    from syntagma.cli.progress import waiting
    from syntagma.cli.settings import read_value
    from syntagma.plot.probes import probe_figure
    from syntagma.report import save_figures
    from syntagma.sweep.store import Store
    from syntagma.sweep.stored_network import find_run, probe_run, step_of

    number = whole_number("sentences", read_value(sentences), minimum=20)
    with Store.open(directory, read_only=True) as store:
        found, metrics = find_run(store, run)
        after = step_of(metrics, None if step is None else read_value(step))
        with waiting(f"probing {found.learner.label} with {number:,} sentences"):
            tables = probe_run(store, found, after, number)
        if as_json:
            display.print_json({name: display.records(table) for name, table in tables.items()})
            return
        name = f"{found.id()[:8]}-{after}"
        display.print_tables(tables)
        title = f"{found.learner.label} network, P = {found.num_examples}, after {after} steps"
        for file in save_figures([probe_figure(tables, title, name)], store.path.parent / "probes"):
            print(f"figure  {file}")


def _language(grammar: Path | None, given: dict[str, Any], seed: str) -> RandomHierarchy:
    """The language in the file `grammar`, or one drawn with what is `given`, the rest by default."""
    from syntagma.cli.settings import read_value
    from syntagma.languages.hierarchy import RandomHierarchy

    if grammar is None:
        return RandomHierarchy(**{"vocab": 8, "rules": 4, "branching": 2, "depth": 3, **given}, seed=read_value(seed))
    for name, value in given.items():
        raise invalid(name, value, f"the grammar in {grammar} fixes it", "Leave out one of the two")
    return RandomHierarchy.load(grammar)


def _stored_study(store: Store, asked: str | None) -> str:
    """The study whose results are in `store`: the one asked for, or the only one."""
    stored = store.studies()
    if asked is not None and asked.endswith(".py"):
        return asked
    if asked is not None and asked not in stored:
        raise invalid("study", asked, f"{store.path} holds {', '.join(stored) or 'no runs'}")
    if asked is None and len(stored) != 1:
        held = f"the studies {', '.join(stored)}; choose one with --study" if stored else "no finished runs yet"
        raise InputError(f"{store.path} holds {held}.")
    return asked or stored[0]


def _results_directory(study: str, preset: str, out: Path | None) -> Path:
    """Where results go.

    Raises:
        InputError: `out` is empty, names a file, or has a character that no path has.
    """
    if out is None:
        return Path("results", f"{study}-{preset}")
    if not str(out).strip() or (str(out) == "." and not out.name):
        raise invalid("out", str(out), "it names no directory", "Give one, as --out results/mine")
    if "\0" in str(out):
        raise invalid("out", str(out), "a path has no NUL character", "Choose another directory")
    if out.suffix == ".sqlite" or out.is_file():
        raise invalid("out", str(out), "results go into a directory", f"Give {out.with_suffix('')}")
    return out


def _print_plan(study: Any, settings: Any, workers: int) -> None:
    """What would be run, and how long it would take here."""
    from syntagma.cli import display
    from syntagma.cli.progress import waiting
    from syntagma.studies import machinery
    from syntagma.sweep.forecast import forecast

    runs = [cell.run for cell in machinery.plan(study, settings)]
    with waiting(f"timing a few steps of {study.name}"):
        expected = forecast(runs, workers)
    display.console().print(str(expected), markup=False, soft_wrap=True)


def _report(
    study: Any, store: Store, directory: Path, formats: Sequence[str] = ("png", "pdf"), width: float = 6.8,
    *, title: bool = True,
) -> None:  # fmt: skip
    """Analyse, draw, and say what came out and where it is."""
    from syntagma.cli import display
    from syntagma.cli.progress import waiting
    from syntagma.report import save_figures, write_page
    from syntagma.studies import machinery

    page = directory / "page.html"
    with waiting(f"writing the report of {study.name}"):
        analysis = machinery.analyse(study, store)
        figures = save_figures(analysis.figures, directory / "figures", formats, width, title=title)
        write_page(analysis, page)
    display.print_verdicts(analysis.verdicts)
    for note in analysis.notes:
        display.console(stderr=True).print(f"note    {note}", markup=False, soft_wrap=True)
    print(f"page    {page}")
    for figure in figures:
        print(f"figure  {figure}")


def _make_parent(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = f"{path.parent} cannot be made, {(error.strerror or str(error)).lower()}"
        raise invalid("out", str(path), reason, "Choose another directory") from error
