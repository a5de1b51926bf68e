"""The commands. What is heavy is imported inside them, so that `--help` loads neither JAX nor pandas."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from syntagma.cli import completion, outside
from syntagma.errors import InputError, invalid, whole_number
from syntagma.sweep.endings import exit_code

if TYPE_CHECKING:
    from syntagma.languages.hierarchy import RandomHierarchy
    from syntagma.sweep.shards import Shard
    from syntagma.sweep.store import Store

FAILED_EXIT = 3
"""Some run could not be done; all others are."""


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

StudyName = Annotated[
    str,
    typer.Argument(
        help="A study, as `syntagma list` names it, or the path of a file with one.",
        metavar="STUDY",
        autocompletion=completion.studies,
    ),
]
Preset = Annotated[
    str, typer.Option(help="The study's size: quick, laptop or full.", autocompletion=completion.presets)
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


def _number(help_: str) -> Any:
    """A numeric option, taken as text: whoever uses the number says what is wrong with it."""
    return typer.Option(help=help_, metavar="NUMBER")


def _kind(noun: str, help_: str) -> Any:
    """An option that names the kind of a language, task or learner."""
    return typer.Option(help=help_, metavar="KIND", autocompletion=completion.kinds_of(noun))


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
def settings(
    study: StudyName,
    preset: Preset = "quick",
    config: Config = None,
    set_: Changes = [],  # noqa: B006
    as_json: AsJson = False,
) -> None:
    """Print all settings of a study as TOML, each with its meaning; `run` and `predict` take the file by --config."""
    from syntagma.cli import configuration, display
    from syntagma.cli.meanings import described
    from syntagma.cli.settings import settings_for
    from syntagma.studies import load

    chosen = load(study)
    values = settings_for(chosen, preset, set_, config)
    if as_json:
        display.print_json([one.record() for one in described(values) if not one.is_table])
        return
    sys.stdout.write(f"# {chosen.name}, {preset}: {chosen.title}\n")
    sys.stdout.write(f"# Change what you like, then: syntagma run {study} --config FILE.toml\n\n")
    sys.stdout.write(configuration.written(values))


@app.command()
def predict(
    study: StudyName,
    preset: Preset = "quick",
    config: Config = None,
    set_: Changes = [],  # noqa: B006
    as_json: AsJson = False,
) -> None:
    """Print what theory says of a study, and the runs that it plans, without training anything."""
    from syntagma.cli import display, planned
    from syntagma.cli.progress import waiting
    from syntagma.cli.settings import settings_for
    from syntagma.studies import load, machinery

    chosen = load(study)
    values = settings_for(chosen, preset, set_, config)
    with waiting(f"predicting {study}, {preset}"):
        facts = machinery.facts_of(chosen, values)
        tables = machinery.predict(chosen, values, facts=facts)
        grid = planned.grid(machinery.plan(chosen, values, facts))
    if as_json:
        found = {name: display.records(table.data) for name, table in tables.items()}
        display.print_json(found | {"planned": display.records(grid)})
    else:
        display.print_study_tables(tables.values())
        display.print_tables({"planned: runs by number of training examples P": grid})


@app.command()
def sample(
    vocab: Annotated[str | None, _number("Symbols per level v. (default 8)")] = None,
    rules: Annotated[str | None, _number("Rules per symbol m. (default 4)")] = None,
    branching: Annotated[str | None, _number("Symbols per rule s. (default 2)")] = None,
    depth: Annotated[str | None, _number("Levels above the tokens L. (default 3)")] = None,
    classes: Annotated[str | None, _number("Root symbols. (default v)")] = None,
    zipf: Annotated[str | None, _number("Zipf exponent of the rules' probabilities. (default equal rules)")] = None,
    grammar_seed: Annotated[str | None, _number("Which grammar of these sizes. (default 0)")] = None,
    seed: Annotated[str, _number("Which sentences of that grammar.")] = "0",
    number: Annotated[str, _number("Sentences.")] = "10",
    distinct: Annotated[bool, typer.Option("--distinct", help="No sentence twice.")] = False,
    hidden: Annotated[bool, typer.Option("--hidden", help="All levels of the tree, the root first.")] = False,
    grammar: Annotated[str | None, typer.Option(help="Use the grammar in this file.", metavar="FILE")] = None,
    save_grammar: Annotated[str | None, typer.Option(help="Write the grammar to this file.", metavar="FILE")] = None,
    out: Annotated[str | None, typer.Option(help="Write to this file: .npy, .npz, else text.", metavar="FILE")] = None,
) -> None:
    """Draw sentences of a random hierarchy language. For train, validation and test sets see `syntagma export`."""
    from syntagma.cli import sentences
    from syntagma.cli.paths import file_to_write, to_read
    from syntagma.cli.settings import read_value

    place = None if out is None else file_to_write("out", out)
    kept = None if save_grammar is None else file_to_write("save-grammar", save_grammar)
    source = None if grammar is None else to_read("grammar", grammar)
    if place is not None:
        sentences.check_destination(place, hidden)
    sizes = {"vocab": vocab, "rules": rules, "branching": branching, "depth": depth}
    sizes |= {"num_classes": classes, "rule_probabilities": zipf}
    sizes["grammar-seed"] = grammar_seed
    language = _language(source, {name: read_value(text) for name, text in sizes.items() if text is not None})
    drawn = language.sample(read_value(seed), read_value(number), hidden=hidden, distinct=distinct)
    if place is not None:
        sentences.write(drawn, place)
    if kept is not None:
        language.save(kept)
    if place is None:
        sys.stdout.writelines(line + "\n" for line in sentences.lines(drawn))


@app.command()
def run(
    study: StudyName,
    preset: Preset = "quick",
    config: Config = None,
    set_: Changes = [],  # noqa: B006
    out: Annotated[str | None, typer.Option(help="Where to. (default results/STUDY-PRESET)", metavar="DIR")] = None,
    workers: Annotated[
        str, _number("Processes that train at the same time. (default: one a core; on an accelerator this one)")
    ] = "0",
    shard: Annotated[str | None, typer.Option(help="Do only part I of N of the runs.", metavar="I/N")] = None,
    ray: Annotated[
        str | None, typer.Option(help="Do the runs on a Ray cluster: auto, local, or HOST:PORT.", metavar="ADDRESS")
    ] = None,
    checkpoints: Annotated[
        str, _number("Networks to keep of each run: the best, and others along the training.")
    ] = "0",
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Try again what failed before.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be run, and how long.")] = False,
) -> None:
    """Run what a study still lacks, then write its report. Interrupt it at will: the same command resumes."""
    from syntagma.cli import display, planned
    from syntagma.cli.paths import directory_to_write
    from syntagma.cli.progress import progress_shown, waiting
    from syntagma.cli.settings import read_value, settings_for
    from syntagma.studies import load, machinery
    from syntagma.sweep.store import Store

    chosen = load(study)
    values = settings_for(chosen, preset, set_, config)
    processes = whole_number("workers", read_value(workers), minimum=0)
    kept = whole_number("checkpoints", read_value(checkpoints), minimum=0)
    part = None if shard is None else _shard(chosen, shard)
    label = preset if config is None else Path(config).stem
    directory = Path("results", f"{chosen.name}-{label}") if out is None else directory_to_write("out", out)
    if ray is not None:
        _check_ray(ray)
    if dry_run:
        with waiting(f"planning {chosen.name}"):
            plan = machinery.plan(chosen, values)
        said = planned.lines(chosen, plan, directory, processes, part)
        display.print_tables({"planned: runs by number of training examples P": planned.grid(plan)})
        print(said)
        return
    cells = machinery.check(chosen, values)
    if ray is None:
        planned.check_fits([cell.run for cell in cells], processes, part)
    _make_parent(directory)
    with Store.create(directory) as store:
        mixed = store.mixed_environments(store.ids() & {cell.run.id() for cell in cells}, here=True)
        if mixed:
            display.console(stderr=True).print(f"note    {mixed}", markup=False, soft_wrap=True)
        command = store.record_command(chosen.name, preset, values.model_dump(mode="json"), sys.argv)
        try:
            with progress_shown() as progress:
                how = {"ray": ray} | ({"keep": kept} if kept else {})
                summary = machinery.run(
                    chosen, values, store, processes, progress, retry_failed=retry_failed, shard=part, **how
                )
        except KeyboardInterrupt as ended:
            again = f"{len(store.ids())} finished runs are kept in {directory}; the same command resumes."
            display.console(stderr=True).print(f"interrupted: {again}", markup=False, soft_wrap=True)
            raise typer.Exit(exit_code(ended)) from None
        store.finish_command(command)
        lost = (*summary.failed, *summary.left_out)
        if lost:
            again = "--retry-failed tries them again" if summary.left_out else "the same command leaves them out"
            text = f"{len(lost)} run{'s' * (len(lost) > 1)} failed: {lost[0].reason.rstrip('.')}; {again}"
            display.console(stderr=True).print(text, markup=False, soft_wrap=True)
        try:
            _report(chosen, store, directory)
        except machinery.NothingFinished as error:
            if not lost and part is None:
                raise
            display.console(stderr=True).print(f"no page: {error}", markup=False, soft_wrap=True)
    if lost:
        raise typer.Exit(FAILED_EXIT)


@app.command()
def fit(
    language: Annotated[str, _kind("language", "Its kind, as `syntagma list` names it.")] = ("random-hierarchy"),
    task: Annotated[str, _kind("task", "Its kind, as `last-token`.")] = "last-token",
    learner: Annotated[str, _kind("learner", "Its kind, as `kernel` or `transformer`.")] = "kernel",
    examples: Annotated[str, _number("Training sentences.")] = "1024",
    test_examples: Annotated[str, _number("Test sentences.")] = "2048",
    validation_examples: Annotated[str | None, _number("Validation sentences; as many as test sentences.")] = None,
    seed: Annotated[str, _number("Fixes sentences, weights and order.")] = "0",
    set_: Changes = [],  # noqa: B006
    sweep: Annotated[
        list[str],
        typer.Option(
            help="Try values of a setting: 1e-3,3e-3 or 1e-4..1e-1:7; repeat for a grid.", metavar="KEY=VALUES"
        ),
    ] = [],  # noqa: B006
    seeds: Annotated[str, _number("Runs of each point, with seeds from --seed on.")] = "1",
    out: Annotated[
        str | None, typer.Option(help="Keep the runs here, and do only those that are missing.", metavar="DIR")
    ] = None,
    checkpoints: Annotated[str, _number("Networks to keep of each run in --out.")] = "0",
    workers: Annotated[str, _number("Processes that train at the same time, with --out. (default: as `run`)")] = "0",
    ray: Annotated[
        str | None, typer.Option(help="Do the runs on a Ray cluster: auto, local, or HOST:PORT.", metavar="ADDRESS")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fit one learner, once or in a sweep: any language, task and learner, changed by `--set learner.width=64`, ..."""
    from syntagma.cli import display, single, sweeps
    from syntagma.cli.paths import directory_to_write
    from syntagma.cli.settings import read_value

    given = {"num_examples": ("examples", examples), "test_examples": ("test-examples", test_examples)}
    if validation_examples is not None:
        given["validation_examples"] = ("validation-examples", validation_examples)
    sizes = {field: whole_number(name, read_value(text)) for field, (name, text) in given.items()}
    sizes["seed"] = whole_number("seed", read_value(seed), minimum=0)
    number = whole_number("seeds", read_value(seeds))
    kept = whole_number("checkpoints", read_value(checkpoints), minimum=0)
    processes = whole_number("workers", read_value(workers), minimum=0)
    place = None if out is None else directory_to_write("out", out)
    if place is None:
        for name, value in (("checkpoints", kept), ("workers", processes), ("ray", ray)):
            if value:
                raise invalid(name, value, "there is no place for results", "Give one, as --out results/mine")
    if ray is not None:
        _check_ray(ray)
    grid = sweeps.swept(sweep)
    points = sweeps.points((language, task, learner), sizes, set_, grid, number)
    runs = [run for point in points for run in point.runs]

    from syntagma.cli import planned
    from syntagma.cli.progress import waiting

    if place is None:
        from syntagma.sweep.runs import Runner

        runner = Runner()
        many = f", {len(runs)} runs" if len(runs) > 1 else ""
        with waiting(f"fitting {learner} on {sizes['num_examples']:,} sentences{many}"):
            results = {run.id(): runner.execute([run])[0] for run in runs}
    else:
        if ray is None:
            planned.check_fits(runs, processes)
        results = _kept_results(runs, place, processes, ray, kept)
    if len(runs) == 1 and not grid:
        metrics = {name: value for name, value in results[runs[0].id()].items() if name != "history"}
        if as_json:
            display.print_json({"run": runs[0].config(), "metrics": metrics})
        else:
            display.print_tables({f"{learner} on {language}, {task}": single.summary(metrics)})
        return
    table: Any = sweeps.compared(points, results)
    ends = sweeps.best_at_an_end(table, grid)
    if as_json:
        display.print_json({"points": display.records(table), "at_an_end": ends})
        return
    shown = table.drop(columns=["validation_loss", "test_loss", *([] if table["diverged"].any() else ["diverged"])])
    marks = shown.assign(best=table["best"].map({True: "best", False: ""}))
    display.print_tables({f"{learner} on {language}, {task}: mean loss over seeds, chosen by validation": marks})
    for key in ends:
        display.console(stderr=True).print(
            f"note    the best {key} is at an end of what was tried: widen it", markup=False
        )


def _kept_results(runs: Sequence[Any], place: Path, workers: int, ray: str | None, keep: int) -> dict[str, Any]:
    """The results of `runs`, those that `place` lacks made now and kept there."""
    from syntagma.cli import display
    from syntagma.cli.progress import progress_shown
    from syntagma.sweep.execution import execute
    from syntagma.sweep.plan import Costs
    from syntagma.sweep.store import Store

    _make_parent(place)
    with Store.create(place) as store:
        wanted = {run.id(): run for run in runs}
        missing = {name: run for name, run in wanted.items() if name not in store.ids()}
        number = len(missing)
        command = store.record_command("fit", None, {}, sys.argv)
        try:
            with progress_shown() as progress:

                def finished(run: Any, metrics: dict[str, Any]) -> None:
                    del missing[run.id()]
                    loss = f"{metrics['test_loss']:.3f}"
                    progress(f"{run.learner.kind} seed={run.seed}: {loss}", 1 - len(missing) / number)

                def failed(run: Any, failure: Any) -> None:
                    missing.pop(run.id(), None)

                how: dict[str, Any] = {"ray": ray, "cost": Costs(), "failed": failed} | ({"keep": keep} if keep else {})
                execute(lambda: list(missing.values()), store, workers, finished, retry_failed=True, **how)
        except KeyboardInterrupt as ended:
            again = f"{len(store.ids())} finished runs are kept in {place}; the same command resumes."
            display.console(stderr=True).print(f"interrupted: {again}", markup=False, soft_wrap=True)
            raise typer.Exit(exit_code(ended)) from None
        store.finish_command(command)
        results = store.results(list(wanted))
    lost = len(wanted) - len(results)
    if lost:
        display.console(stderr=True).print(f"{lost} run{'s' * (lost > 1)} failed; the same command tries again")
    if not results:
        raise typer.Exit(FAILED_EXIT)
    return results


@app.command()
def report(
    directories: Annotated[list[str], typer.Argument(help="A directory of results.", metavar="DIR...")],
    compare: Annotated[
        bool, typer.Option("--compare", help="One page for several DIR: their figures beside each other.")
    ] = False,
    to: Annotated[str | None, typer.Option(help="Write there instead of into DIR.", metavar="DIR")] = None,
    study: Annotated[str | None, typer.Option(help="Which study, where DIR holds several, or its file.")] = None,
    with_: Annotated[
        list[str],
        typer.Option("--with", help="A file that adds a learner or language of the results; repeat.", metavar="FILE"),
    ] = [],  # noqa: B006
    formats: Annotated[
        str, typer.Option("--format", help="Of the figures, with commas: png,pdf,svg,json.")
    ] = "png,pdf",
    width: Annotated[str, _number("Of the figures, inches: 3.3 for a column, 6.8 for a page.")] = "6.8",
    no_title: Annotated[bool, typer.Option("--no-title", help="Figures without their titles.")] = False,
) -> None:
    """Write the page and figures again from stored results alone."""
    from syntagma.cli.paths import directory_to_write, to_read
    from syntagma.extensions import module_of_file
    from syntagma.report.files import checked_formats, checked_width
    from syntagma.studies import load
    from syntagma.sweep.store import Store

    forms, inches = checked_formats(formats.split(",")), checked_width(width)
    for file in with_:
        module_of_file(file, "with")
    if compare != (len(directories) > 1):
        allowed = (
            "several directories need --compare" if len(directories) > 1 else "there is nothing to compare it with"
        )
        raise invalid("DIR", " ".join(directories), allowed, "Give one DIR, or several and --compare")
    if compare:
        _compare(directories, to, study, forms, inches, title=not no_title)
        return
    (directory,) = directories
    source = to_read("DIR", directory)
    place = source.parent if source.suffix == ".sqlite" else source
    if to is not None:
        place = directory_to_write("to", to)
    with Store.open(source, read_only=True) as store:
        chosen = load(_stored_study(store, study))
        _report(chosen, store, place, forms, inches, title=not no_title)


@app.command()
def results(
    directory: Directory,
    where: Annotated[
        list[str],
        typer.Option(help="Only such runs: kind=cnn, num_examples>=256; repeat for more.", metavar="CONDITION"),
    ] = [],  # noqa: B006
    columns: Annotated[
        str | None, typer.Option(help="What to show, by name, with commas; or all.", metavar="NAMES")
    ] = None,
    sort: Annotated[str, typer.Option(help="By this column; with a - before it, descending.", metavar="NAME")] = "",
    limit: Annotated[
        str | None, _number("At most so many runs; 0 for all. (default 100 on the terminal, all else)")
    ] = None,
    csv: Annotated[str | None, typer.Option(help="Write the runs to this file.", metavar="FILE")] = None,
    parquet: Annotated[str | None, typer.Option(help="Write the runs to this file.", metavar="FILE")] = None,
    histories: Annotated[
        str | None,
        typer.Option(help="Write how they learned, a row an evaluation: .csv or .parquet.", metavar="FILE"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the stored runs, or export them with their settings, metrics, machine and versions."""
    from syntagma.cli import display
    from syntagma.cli.paths import file_to_write, to_read
    from syntagma.cli.runs_shown import ROWS_SHOWN, Chosen, fitting
    from syntagma.cli.settings import read_value
    from syntagma.sweep.export import write_table
    from syntagma.sweep.store import Store

    asked = {"csv": csv, "parquet": parquet}
    files = {name: file_to_write(name, text, f".{name}") for name, text in asked.items() if text is not None}
    course = None if histories is None else file_to_write("histories", histories)
    if course is not None and course.suffix not in (".csv", ".parquet"):
        raise invalid("histories", histories, "the file's name must end in .csv or .parquet", "Name it so")
    number = None if limit is None else whole_number("limit", read_value(limit), minimum=0)
    names = [] if columns is None else [name.strip() for name in columns.split(",")]
    shown = not (as_json or files or course)
    chosen = Chosen(where, names, sort, ROWS_SHOWN if shown and number is None else number or None)
    with Store.open(to_read("DIR", directory), read_only=True) as store:
        first_page = shown and chosen.limit is not None and not (where or sort)
        runs: Any = store.runs(limit=chosen.limit) if first_page else chosen.rows(store.runs())
        if shown:
            there = len(store.names()) if first_page else len(runs)
            table, said = fitting(runs, chosen, display.console().width, there)
            display.print_tables({str(store.path): table})
            print(said)
            return
        runs = runs.iloc[: chosen.limit] if chosen.limit else runs
        table = runs.loc[:, chosen.names(runs)]
        for path in files.values():
            store.export(path, table)
        if course is not None:
            told = store.histories(list(runs["id"]))
            write_table(runs[["id"]].merge(told, on="id"), course)
    if as_json:
        display.print_json(display.records(table))
    else:
        print("\n".join(map(str, [*files.values(), *([course] if course else [])])))


@app.command()
def compare(
    directory: Directory,
    other: Annotated[str, typer.Argument(help="Another directory of results.", metavar="DIR2")],
    metric: Annotated[str, typer.Option(help="What to compare in pairs of runs.", metavar="NAME")] = "test_loss",
    as_json: AsJson = False,
) -> None:
    """Compare two directories of results: the runs they share, the settings that differ, and what those changed."""
    from syntagma.cli import display
    from syntagma.cli.paths import to_read
    from syntagma.sweep.comparison import compare as compared
    from syntagma.sweep.store import Store

    with (
        Store.open(to_read("DIR", directory), read_only=True) as first,
        Store.open(to_read("DIR2", other), read_only=True) as second,
    ):
        tables = compared(first, second, metric)
    if as_json:
        display.print_json({name: display.records(table) for name, table in tables.items()})
    else:
        display.print_tables(tables)


@app.command()
def watch(
    directory: Directory,
    study: Annotated[str | None, typer.Option(help="Which study, where DIR holds several, or its file.")] = None,
    text: Annotated[bool, typer.Option("--text", help="Print it here, again and again.")] = False,
    once: Annotated[bool, typer.Option("--once", help="Print it here once.")] = False,
    port: Annotated[str, _number("Of the page's address; 0 for any that is free.")] = "0",
) -> None:
    """Show a sweep while it writes: a page on this machine with what is done, when it ends, the main figure so far."""
    import time

    from syntagma.cli.paths import to_read
    from syntagma.cli.settings import read_value
    from syntagma.report import watch as watching
    from syntagma.studies import load
    from syntagma.sweep.store import Store

    number = whole_number("port", read_value(port), minimum=0)
    source = to_read("DIR", directory)
    with Store.open(source, read_only=True) as store:
        chosen = load(_stored_study(store, study))
    if text or once:
        sight = watching.Sight(source, chosen)
        print(watching.text_of(sight.look()), flush=True)
        while not once:
            time.sleep(2.0)
            print("\n" + watching.text_of(sight.look()), flush=True)
        return
    with watching.server(source, chosen, number) as page:
        print(f"page    http://127.0.0.1:{page.server_address[1]}/  (end with Ctrl-C)", flush=True)
        page.serve_forever()


@app.command()
def merge(
    directories: Annotated[list[str], typer.Argument(help="Directories of results.", metavar="DIR...")],
    out: Annotated[str, typer.Option(help="Where to; what is there already stays.", metavar="DIR")],
) -> None:
    """Bring results of several directories together in one: of shards, of machines, or what damage has left."""
    from syntagma.cli import display
    from syntagma.cli.paths import directory_to_write, to_read
    from syntagma.cli.progress import waiting
    from syntagma.sweep.merge import merge as merged
    from syntagma.sweep.store import Store

    place = directory_to_write("out", out)
    with contextlib.ExitStack() as opened:
        sources = [opened.enter_context(Store.open(to_read("DIR", one), read_only=True)) for one in directories]
        _make_parent(place)
        into = opened.enter_context(Store.create(place))
        with waiting(f"merging {len(sources)} directories"):
            done = merged(into, sources)
    for line in (*done.damage, *done.conflicts):
        display.console(stderr=True).print(f"note    {line}", markup=False, soft_wrap=True)
    there = f"; {done.repeated:,} were there already" if done.repeated else ""
    print(f"merged  {done.runs:,} runs, {done.facts:,} facts and {done.networks:,} networks into {place}{there}")


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
    from syntagma.cli.paths import to_read
    from syntagma.cli.progress import waiting
    from syntagma.cli.settings import read_value
    from syntagma.plot.probes import probe_figure
    from syntagma.report import save_figures
    from syntagma.sweep.store import Store
    from syntagma.sweep.stored_network import find_run, probe_run, step_of

    number = whole_number("sentences", read_value(sentences), minimum=20)
    with Store.open(to_read("DIR", directory), read_only=True) as store:
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


app.command()(outside.export)
app.command()(outside.score)


@app.command()
def network(
    directory: Directory,
    run: Annotated[list[str], typer.Argument(help="The run, as for `probe`.", metavar="RUN")],
    step: Annotated[str | None, _number("The network after so many steps. (default: of the smallest loss)")] = None,
    to: Annotated[
        str | None, typer.Option(help="Write its weights to this file, for PyTorch.", metavar="FILE.safetensors")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show a stored network's weights and layers, or write it as a state_dict that PyTorch loads."""
    from syntagma.cli import display
    from syntagma.cli.paths import file_to_write, to_read
    from syntagma.cli.settings import read_value
    from syntagma.sweep.loaded_network import load

    file = None if to is None else file_to_write("to", to, ".safetensors")
    asked = None if step is None else whole_number("step", read_value(step), minimum=0)
    found = load(to_read("DIR", directory), *run, step=asked)
    if file is not None:
        found.export(file)
    if as_json:
        display.print_json(found.description())
    elif file is not None:
        print(file)
    else:
        title = f"{found.run.learner.label} network of run {found.run.id()[:8]}, after {found.step} steps"
        display.print_tables({title: found.table()})


def _language(grammar: Path | None, given: dict[str, Any]) -> RandomHierarchy:
    """The language in the file `grammar`, or one drawn with what is `given`, the rest by default."""
    from syntagma.languages.hierarchy import RandomHierarchy

    if grammar is None:
        seed = whole_number("grammar-seed", given.pop("grammar-seed", 0), minimum=0)
        return RandomHierarchy(**{"vocab": 8, "rules": 4, "branching": 2, "depth": 3, **given}, seed=seed)
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


def _shard(study: Any, text: str) -> Shard:
    """The shard that `text` names.

    Raises:
        InputError: it names none, or the runs of the study depend on each other's results.
    """
    from syntagma.sweep.shards import Shard

    shard = Shard.parse(text)
    if study.expected is not None:
        reason = f"which runs {study.name} wants depends on results of others"
        raise invalid("shard", text, reason, "Leave it out, or give --ray a cluster")
    return shard


def _check_ray(address: str) -> None:
    """Refuse, before anything is made, what is no address, and Ray where it is not installed."""
    import re
    from importlib.util import find_spec

    if not re.fullmatch(r"auto|local|[\w.:/\[\]-]+:\d{1,5}", address):
        raise invalid("ray", address, "it is no address", "Give auto, local, or HOST:PORT")
    if find_spec("ray") is None:
        raise invalid("ray", address, "Ray is not installed", "Install it with `pip install 'syntagma[ray]'`")


def _report(
    study: Any, store: Store, directory: Path, formats: Sequence[str] = ("png", "pdf"), width: float = 6.8,
    *, title: bool = True,
) -> None:  # fmt: skip
    """Analyse, draw, and say what came out and where it is."""
    from syntagma.cli import display
    from syntagma.cli.progress import waiting
    from syntagma.report import save_figures, write_page
    from syntagma.studies import machinery
    from syntagma.sweep.atomic_file import remove_abandoned

    page = directory / "page.html"
    with waiting(f"writing the report of {study.name}"):
        analysis = machinery.analyse(study, store)
        _make_parent(page)
        remove_abandoned(directory)
        figures = save_figures(analysis.figures, directory / "figures", formats, width, title=title)
        write_page(analysis, page)
    display.print_verdicts(analysis.verdicts)
    for note in analysis.notes:
        display.console(stderr=True).print(f"note    {note}", markup=False, soft_wrap=True)
    print(f"page    {page}")
    for figure in figures:
        print(f"figure  {figure}")


def _compare(
    directories: Sequence[str], to: str | None, study: str | None, formats: Sequence[str], width: float, *, title: bool
) -> None:
    """Write the page and figures of several results beside each other, into a directory beside the first."""
    from syntagma.cli.paths import directory_to_write, to_read
    from syntagma.cli.progress import waiting
    from syntagma.report import save_figures
    from syntagma.report.compare import compared_figures, comparison_html, names_of
    from syntagma.report.page import write_html
    from syntagma.studies import load, machinery
    from syntagma.sweep.store import Store

    sources = [to_read("DIR", one) for one in directories]
    names = names_of([one.parent if one.suffix == ".sqlite" else one for one in sources])
    place = Path(directories[0]).parent / "-and-".join(one.replace("/", "-") for one in names)
    place = place if to is None else directory_to_write("to", to)
    analyses = {}
    with waiting(f"comparing {', '.join(names)}"):
        for name, source in zip(names, sources, strict=True):
            with Store.open(source, read_only=True) as store:
                analyses[name] = machinery.analyse(load(_stored_study(store, study)), store)
        text = comparison_html(analyses)
        _make_parent(place / "page.html")
        drawn = compared_figures(names, [one.figures for one in analyses.values()])
        figures = save_figures(drawn, place / "figures", formats, width, title=title)
        write_html(text, place / "page.html")
    print(f"page    {place / 'page.html'}")
    for figure in figures:
        print(f"figure  {figure}")


def _make_parent(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = f"{path.parent} cannot be made, {(error.strerror or str(error)).lower()}"
        raise invalid("out", str(path), reason, "Choose another directory") from error
