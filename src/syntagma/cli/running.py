"""The commands that run: a study, one fit or a sweep of fits, and the merging of what several machines did."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from syntagma.cli.options import AsJson, Changes, Config, Preset, StudyName, Track, kind, number
from syntagma.cli.reports import make_parent, write_report
from syntagma.errors import invalid, whole_number
from syntagma.sweep.endings import exit_code

if TYPE_CHECKING:
    from syntagma.sweep.shards import Shard
    from syntagma.sweep.store import Store

FAILED_EXIT = 3
"""Some run could not be done; all others are."""


def run(
    study: StudyName,
    preset: Preset = "quick",
    config: Config = None,
    set_: Changes = [],  # noqa: B006
    out: Annotated[str | None, typer.Option(help="Where to. (default results/STUDY-PRESET)", metavar="DIR")] = None,
    workers: Annotated[
        str, number("Processes that train at the same time. (default: one a core; on an accelerator this one)")
    ] = "0",
    shard: Annotated[str | None, typer.Option(help="Do only part I of N of the runs.", metavar="I/N")] = None,
    ray: Annotated[
        str | None, typer.Option(help="Do the runs on a Ray cluster: auto, local, or HOST:PORT.", metavar="ADDRESS")
    ] = None,
    checkpoints: Annotated[str, number("Networks to keep of each run: the best, and others along the training.")] = "0",
    track: Track = None,
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
    from syntagma.sweep.trackers import check_tracker

    chosen = load(study)
    values = settings_for(chosen, preset, set_, config)
    processes = whole_number("workers", read_value(workers), minimum=0)
    kept = whole_number("checkpoints", read_value(checkpoints), minimum=0)
    part = None if shard is None else _shard(chosen, shard)
    label = preset if config is None else Path(config).stem
    directory = Path("results", f"{chosen.name}-{label}") if out is None else directory_to_write("out", out)
    if ray is not None:
        _check_ray(ray)
    if track is not None:
        check_tracker(track)
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
    make_parent(directory)
    with Store.create(directory) as store:
        mixed = store.mixed_environments(store.ids() & {cell.run.id() for cell in cells}, here=True)
        if mixed:
            display.console(stderr=True).print(f"note    {mixed}", markup=False, soft_wrap=True)
        command = store.record_command(chosen.name, preset, values.model_dump(mode="json"), sys.argv)
        try:
            with _tracked(track, store, chosen.name) as tracked, progress_shown() as progress:
                how = {"ray": ray, **tracked} | ({"keep": kept} if kept else {})
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
            write_report(chosen, store, directory)
        except machinery.NothingFinished as error:
            if not lost and part is None:
                raise
            display.console(stderr=True).print(f"no page: {error}", markup=False, soft_wrap=True)
    if lost:
        raise typer.Exit(FAILED_EXIT)


def fit(
    language: Annotated[str, kind("language", "Its kind, as `syntagma list` names it.")] = ("random-hierarchy"),
    task: Annotated[str, kind("task", "Its kind, as `last-token`.")] = "last-token",
    learner: Annotated[str, kind("learner", "Its kind, as `kernel` or `transformer`.")] = "kernel",
    examples: Annotated[str, number("Training sentences.")] = "1024",
    test_examples: Annotated[str, number("Test sentences.")] = "2048",
    validation_examples: Annotated[str | None, number("Validation sentences; as many as test sentences.")] = None,
    seed: Annotated[str, number("Fixes sentences, weights and order.")] = "0",
    set_: Changes = [],  # noqa: B006
    sweep: Annotated[
        list[str],
        typer.Option(
            help="Try values of a setting: 1e-3,3e-3 or 1e-4..1e-1:7; repeat for a grid.", metavar="KEY=VALUES"
        ),
    ] = [],  # noqa: B006
    seeds: Annotated[str, number("Runs of each point, with seeds from --seed on.")] = "1",
    out: Annotated[
        str | None, typer.Option(help="Keep the runs here, and do only those that are missing.", metavar="DIR")
    ] = None,
    checkpoints: Annotated[str, number("Networks to keep of each run in --out.")] = "0",
    workers: Annotated[str, number("Processes that train at the same time, with --out. (default: as `run`)")] = "0",
    ray: Annotated[
        str | None, typer.Option(help="Do the runs on a Ray cluster: auto, local, or HOST:PORT.", metavar="ADDRESS")
    ] = None,
    track: Track = None,
    as_json: AsJson = False,
) -> None:
    """Fit one learner, once or in a sweep: any language, task and learner, changed by `--set learner.width=64`, ..."""
    from syntagma.cli import display, single, sweeps
    from syntagma.cli.paths import directory_to_write
    from syntagma.cli.settings import read_value
    from syntagma.sweep.trackers import check_tracker

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
        for name, value in (("checkpoints", kept), ("workers", processes), ("ray", ray), ("track", track)):
            if value:
                raise invalid(name, value, "there is no place for results", "Give one, as --out results/mine")
    if ray is not None:
        _check_ray(ray)
    if track is not None:
        check_tracker(track)
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
        results = _kept_results(runs, place, processes, ray, kept, track)
    incomplete = len(results) < len({run.id() for run in runs})
    for note in single.notes(results.values()):
        display.console(stderr=True).print(f"note    {note}", markup=False, soft_wrap=True)
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
        if incomplete:
            raise typer.Exit(FAILED_EXIT)
        return
    shown = table.drop(columns=["validation_loss", "test_loss", *([] if table["diverged"].any() else ["diverged"])])
    marks = shown.assign(best=table["best"].map({True: "best", False: ""}))
    display.print_tables({f"{learner} on {language}, {task}: mean loss over seeds, chosen by validation": marks})
    for key in ends:
        display.console(stderr=True).print(
            f"note    the best {key} is at an end of what was tried: widen it", markup=False
        )
    if incomplete:
        raise typer.Exit(FAILED_EXIT)


@contextlib.contextmanager
def _tracked(name: str | None, store: Store, group: str) -> Iterator[dict[str, Any]]:
    """What `execute` needs for runs to be shown in a tracker, nothing where none is asked for."""
    from syntagma.cli import display
    from syntagma.cli.progress import waiting
    from syntagma.sweep.trackers import tracking

    if name is None:
        yield {}
        return
    say = lambda line: display.console(stderr=True).print(f"note    {line}", markup=False, soft_wrap=True)  # noqa: E731
    with contextlib.ExitStack() as opened:
        with waiting(f"bringing {name} up to date"):
            track = opened.enter_context(tracking(name, store, group, say))
        yield {"track": track}


def _kept_results(
    runs: Sequence[Any], place: Path, workers: int, ray: str | None, keep: int, tracker: str | None
) -> dict[str, Any]:
    """The results of `runs`, those that `place` lacks made now and kept there."""
    from syntagma.cli import display
    from syntagma.cli.progress import progress_shown
    from syntagma.sweep.execution import execute
    from syntagma.sweep.plan import Costs
    from syntagma.sweep.store import Store

    make_parent(place)
    with Store.create(place) as store:
        wanted = {run.id(): run for run in runs}
        missing = {name: run for name, run in wanted.items() if name not in store.ids()}
        number = len(missing)
        command = store.record_command("fit", None, {}, sys.argv)
        try:
            with _tracked(tracker, store, "fit") as tracked, progress_shown() as progress:

                def finished(run: Any, metrics: dict[str, Any]) -> None:
                    del missing[run.id()]
                    loss = f"{metrics['test_loss']:.3f}"
                    progress(f"{run.learner.kind} seed={run.seed}: {loss}", 1 - len(missing) / number)

                def failed(run: Any, failure: Any) -> None:
                    missing.pop(run.id(), None)

                how: dict[str, Any] = {"ray": ray, "cost": Costs(), "failed": failed, **tracked}
                how |= {"keep": keep} if keep else {}
                execute(lambda: list(missing.values()), store, workers, finished, retry_failed=True, **how)
        except KeyboardInterrupt as ended:
            again = f"{len(store.ids())} finished runs are kept in {place}; the same command resumes."
            display.console(stderr=True).print(f"interrupted: {again}", markup=False, soft_wrap=True)
            raise typer.Exit(exit_code(ended)) from None
        store.finish_command(command)
        results = store.results(list(wanted))
        if keep and (without := len(results.keys() - store.ids_with_networks())):
            note = (
                f"{without} stored runs kept no networks, since they were done before; another --out makes them again"
            )
            display.console(stderr=True).print(f"note    {note}", markup=False, soft_wrap=True)
    lost = len(wanted) - len(results)
    if lost:
        display.console(stderr=True).print(f"{lost} run{'s' * (lost > 1)} failed; the same command tries again")
    if not results:
        raise typer.Exit(FAILED_EXIT)
    return results


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
        make_parent(place)
        into = opened.enter_context(Store.create(place))
        with waiting(f"merging {len(sources)} directories"):
            done = merged(into, sources)
    for line in (*done.damage, *done.conflicts):
        display.console(stderr=True).print(f"note    {line}", markup=False, soft_wrap=True)
    there = f"; {done.repeated:,} were there already" if done.repeated else ""
    print(f"merged  {done.runs:,} runs, {done.facts:,} facts and {done.networks:,} networks into {place}{there}")
