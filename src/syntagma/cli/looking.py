"""The commands that look at stored results: pages, runs, differences, networks, a sweep under way."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from syntagma.cli.options import AsJson, Directory, With, import_files, number
from syntagma.cli.reports import stored_study, write_comparison, write_report
from syntagma.errors import invalid, whole_number


def report(
    directories: Annotated[list[str], typer.Argument(help="A directory of results.", metavar="DIR...")],
    compare: Annotated[
        bool, typer.Option("--compare", help="One page for several DIR: their figures beside each other.")
    ] = False,
    to: Annotated[str | None, typer.Option(help="Write there instead of into DIR.", metavar="DIR")] = None,
    study: Annotated[str | None, typer.Option(help="Which study, where DIR holds several, or its file.")] = None,
    with_: With = [],  # noqa: B006
    formats: Annotated[
        str, typer.Option("--format", help="Of the figures, with commas: png,pdf,svg,json.")
    ] = "png,pdf",
    width: Annotated[str, number("Of the figures, inches: 3.3 for a column, 6.8 for a page.")] = "6.8",
    no_title: Annotated[bool, typer.Option("--no-title", help="Figures without their titles.")] = False,
) -> None:
    """Write the page and figures again from stored results alone."""
    from syntagma.cli.paths import directory_to_write, to_read
    from syntagma.report.files import checked_formats, checked_width
    from syntagma.studies import load
    from syntagma.sweep.store import Store

    forms, inches = checked_formats(formats.split(",")), checked_width(width)
    import_files(with_)
    if compare != (len(directories) > 1):
        allowed = (
            "several directories need --compare" if len(directories) > 1 else "there is nothing to compare it with"
        )
        raise invalid("DIR", " ".join(directories), allowed, "Give one DIR, or several and --compare")
    if compare:
        write_comparison(directories, to, study, forms, inches, title=not no_title)
        return
    (directory,) = directories
    source = to_read("DIR", directory)
    place = source.parent if source.suffix == ".sqlite" else source
    if to is not None:
        place = directory_to_write("to", to)
    with Store.open(source, read_only=True) as store:
        chosen = load(stored_study(store, study))
        write_report(chosen, store, place, forms, inches, title=not no_title)


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
        str | None, number("At most so many runs; 0 for all. (default 100 on the terminal, all else)")
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
    from syntagma.sweep.selection import changed_columns
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
        looked_at = max(chosen.limit or 0, ROWS_SHOWN)  # four of many may be told apart by less than all are
        runs: Any = store.runs(limit=looked_at) if first_page else chosen.rows(store.runs())
        if shown:
            there = store.number_of_runs() if first_page else len(runs)
            changed = changed_columns(runs, store.commands())
            table, said = fitting(runs, chosen, display.console().width, there, changed)
            display.print_tables({str(store.path): table})
            print(said)
            expected = min(looked_at, there) if first_page else len(runs)
            if not first_page or len(runs) < expected:
                display.print_notes(store.damage())
            display.print_notes(_cautions(runs, store))
            return
        display.print_notes(store.damage())
        display.print_notes(_cautions(runs, store))
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


def _cautions(runs: Any, store: Any) -> list[str]:
    """What a person must know of runs that are shown together: how training ended, and where they were made."""
    from syntagma.cli import single

    metrics = runs.reindex(columns=["stopped", "cut_short"]).to_dict("records")
    return [*single.notes(metrics), *filter(None, [store.mixed_environments(list(runs["id"]))])]


def compare(
    directory: Directory,
    other: Annotated[str, typer.Argument(help="Another directory of results.", metavar="DIR2")],
    metric: Annotated[str, typer.Option(help="What to compare in pairs of runs.", metavar="NAME")] = "test_loss",
    as_json: AsJson = False,
) -> None:
    """Compare two directories of results: the runs they share, the settings that differ, and what those changed."""
    from syntagma.cli import display, single
    from syntagma.cli.paths import to_read
    from syntagma.sweep.comparison import compare as compared
    from syntagma.sweep.environment import mixed
    from syntagma.sweep.store import Store

    with (
        Store.open(to_read("DIR", directory), read_only=True) as first,
        Store.open(to_read("DIR2", other), read_only=True) as second,
    ):
        tables = compared(first, second, metric)
        ids = [store.ids() for store in (first, second)]
        told = [note for store in (first, second) for note in single.notes(store.results().values(), str(store.path))]
        environments = [*first.environments_of(ids[0]), *second.environments_of(ids[1])]
    display.print_notes([*told, *filter(None, [mixed(environments)])])
    if as_json:
        display.print_json({name: display.records(table) for name, table in tables.items()})
    else:
        display.print_tables(tables)


def watch(
    directory: Directory,
    study: Annotated[str | None, typer.Option(help="Which study, where DIR holds several, or its file.")] = None,
    with_: With = [],  # noqa: B006
    text: Annotated[bool, typer.Option("--text", help="Print it here, again and again.")] = False,
    once: Annotated[bool, typer.Option("--once", help="Print it here once.")] = False,
    port: Annotated[str, number("Of the page's address; 0 for any that is free.")] = "0",
) -> None:
    """Show a sweep while it writes: a page on this machine with what is done, when it ends, the main figure so far."""
    import time

    from syntagma.cli.paths import to_read
    from syntagma.cli.settings import read_value
    from syntagma.report import watch as watching
    from syntagma.studies import load
    from syntagma.sweep.store import Store

    number = whole_number("port", read_value(port), minimum=0)
    import_files(with_)
    source = to_read("DIR", directory)
    with Store.open(source, read_only=True) as store:
        chosen = load(stored_study(store, study))
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


def probe(
    directory: Directory,
    run: Annotated[
        list[str],
        typer.Argument(
            help="The run: its id, the start of it, or what tells it apart, as kind=cnn num_examples=1024 seed=0.",
            metavar="RUN",
        ),
    ],
    step: Annotated[str | None, number("The network after so many steps. (default: of the smallest loss)")] = None,
    sentences: Annotated[str, number("How many sentences to probe with.")] = "4096",
    with_: With = [],  # noqa: B006
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
    asked = None if step is None else whole_number("step", read_value(step), minimum=0)
    import_files(with_)
    with Store.open(to_read("DIR", directory), read_only=True) as store:
        found, metrics = find_run(store, run)
        after = step_of(metrics, asked)
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


def network(
    directory: Directory,
    run: Annotated[list[str], typer.Argument(help="The run, as for `probe`.", metavar="RUN")],
    step: Annotated[str | None, number("The network after so many steps. (default: of the smallest loss)")] = None,
    to: Annotated[
        str | None, typer.Option(help="Write its weights to this file, for PyTorch.", metavar="FILE.safetensors")
    ] = None,
    onnx: Annotated[
        str | None, typer.Option(help="Write it to this file as ONNX: the extra `onnx`.", metavar="FILE.onnx")
    ] = None,
    with_: With = [],  # noqa: B006
    as_json: AsJson = False,
) -> None:
    """Show a stored network's weights and layers, or write it as a state_dict that PyTorch loads, or as ONNX."""
    from syntagma.cli import display
    from syntagma.cli.paths import file_to_write, to_read
    from syntagma.cli.settings import read_value
    from syntagma.sweep.loaded_network import load
    from syntagma.sweep.onnx_file import check_installed

    files = [] if to is None else [file_to_write("to", to, ".safetensors")]
    if onnx is not None:
        files.append(file_to_write("onnx", onnx, ".onnx"))
        check_installed(onnx)
    asked = None if step is None else whole_number("step", read_value(step), minimum=0)
    import_files(with_)
    found = load(to_read("DIR", directory), *run, step=asked)
    for file in files:
        found.export(file)
    if as_json:
        display.print_json(found.description())
    elif files:
        print("\n".join(map(str, files)))
    else:
        title = f"{found.run.learner.label} network of run {found.run.id()[:8]}, after {found.step} steps"
        display.print_tables({title: found.table()})
