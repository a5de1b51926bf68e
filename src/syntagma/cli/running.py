"""The commands that run: a study, one fit or a sweep of fits, and the merging of what several machines did."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from syntagma.cli.options import AsJson, Changes, Config, Preset, StudyName, Tags, Track, kind, number
from syntagma.cli.reports import make_parent, write_report
from syntagma.errors import invalid, whole_number
from syntagma.sweep.endings import exit_code

if TYPE_CHECKING:
    from syntagma.cli.sweeps import Point, Wanted
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
    tag: Tags = [],  # noqa: B006
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
    from syntagma.sweep.tags import checked as checked_tags
    from syntagma.sweep.trackers import check_tracker

    chosen, tags = load(study), checked_tags(tag)
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
            store.tag(machinery.finished_ids(chosen, values, store) if tags else (), *tags)
            again = f"{len(store.ids())} finished runs are kept in {directory}; the same command resumes."
            display.console(stderr=True).print(f"interrupted: {again}", markup=False, soft_wrap=True)
            raise typer.Exit(exit_code(ended)) from None
        store.finish_command(command)
        store.tag(machinery.finished_ids(chosen, values, store) if tags else (), *tags)
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
    optuna: Annotated[
        str | None, number("Search so many points, in ranges as --sweep KEY=1e-4..1e-1: the extra `optuna`.")
    ] = None,
    seeds: Annotated[str, number("Runs of each point, with seeds from --seed on.")] = "1",
    out: Annotated[
        str | None, typer.Option(help="Keep the runs here, and do only those that are missing.", metavar="DIR")
    ] = None,
    tag: Tags = [],  # noqa: B006
    checkpoints: Annotated[str, number("Networks to keep of each run in --out.")] = "0",
    workers: Annotated[str, number("Processes that train at the same time, with --out. (default: as `run`)")] = "0",
    ray: Annotated[
        str | None, typer.Option(help="Do the runs on a Ray cluster: auto, local, or HOST:PORT.", metavar="ADDRESS")
    ] = None,
    track: Track = None,
    as_json: AsJson = False,
) -> None:
    """Fit one learner, once or in a sweep: any language, task and learner, changed by `--set learner.width=64`, ..."""
    from syntagma.cli import display, search, single, sweeps
    from syntagma.cli.paths import directory_to_write
    from syntagma.cli.settings import read_value
    from syntagma.sweep.tags import checked as checked_tags
    from syntagma.sweep.trackers import check_tracker

    tags = checked_tags(tag)
    given = {"num_examples": ("examples", examples), "test_examples": ("test-examples", test_examples)}
    if validation_examples is not None:
        given["validation_examples"] = ("validation-examples", validation_examples)
    sizes = {field: whole_number(name, read_value(text)) for field, (name, text) in given.items()}
    sizes["seed"] = whole_number("seed", read_value(seed), minimum=0)
    number = whole_number("seeds", read_value(seeds))
    trials = 0 if optuna is None else whole_number("optuna", read_value(optuna))
    kept = whole_number("checkpoints", read_value(checkpoints), minimum=0)
    processes = whole_number("workers", read_value(workers), minimum=0)
    place = None if out is None else directory_to_write("out", out)
    if place is None:
        for name, value in (
            ("checkpoints", kept),
            ("workers", processes),
            ("ray", ray),
            ("tag", " ".join(tags)),
            ("track", track),
        ):
            if value:
                raise invalid(name, value, "there is no place for results", "Give one, as --out results/mine")
    if ray is not None:
        _check_ray(ray)
    if track is not None:
        check_tracker(track)
    fitted = sweeps.Fitted((language, task, learner), sizes, set_, number)
    if trials:
        space = search.space(sweep)
        first = fitted.point(search.first_values(space))
        sweeps.check_number(number, trials)
        search.check_installed(trials)
        grid, planned_runs = {}, list(first.runs)
        wanted: Wanted = search.Search(fitted, space, trials)
    else:
        grid = sweeps.swept(sweep)
        wanted = sweeps.Grid(sweeps.points(fitted, grid))
        planned_runs = [run for point in wanted.points for run in point.runs]

    from syntagma.cli import planned
    from syntagma.cli.progress import waiting

    if place is None:
        several = trials or len(planned_runs)
        many = f", {several} {'points' if trials else 'runs'}" if several > 1 else ""
        with waiting(f"fitting {learner} on {sizes['num_examples']:,} sentences{many}"):
            results = _fitted_here(wanted)
    else:
        if ray is None:
            planned.check_fits(planned_runs, processes)
        results = _kept_results(wanted, place, processes, ray, kept, tags, track)
    points = wanted.points
    runs = [run for point in points for run in point.runs]
    incomplete = len(results) < len({run.id() for run in runs})
    for note in single.notes(results.values()):
        display.console(stderr=True).print(f"note    {note}", markup=False, soft_wrap=True)
    if len(runs) == 1 and not sweep:
        metrics = {name: value for name, value in results[runs[0].id()].items() if name != "history"}
        if as_json:
            display.print_json({"run": runs[0].config(), "metrics": metrics})
        else:
            display.print_tables({f"{learner} on {language}, {task}": single.summary(metrics)})
        return
    _show_sweep(points, results, grid, f"{learner} on {language}, {task}", as_json=as_json)
    if incomplete:
        raise typer.Exit(FAILED_EXIT)


def _show_sweep(
    points: Sequence[Point], results: Mapping[str, Any], grid: Mapping[str, Any], title: str, *, as_json: bool
) -> None:
    """Print the points of a sweep, and which is the best."""
    from syntagma.cli import display, sweeps

    table: Any = sweeps.compared(points, results)
    ends = sweeps.best_at_an_end(table, grid)
    if as_json:
        display.print_json({"points": display.records(table), "at_an_end": ends})
        return
    shown = table.drop(columns=["validation_loss", "test_loss", *([] if table["diverged"].any() else ["diverged"])])
    marks = shown.assign(best=table["best"].map({True: "best", False: ""}))
    display.print_tables({f"{title}: mean loss over seeds, chosen by validation": marks})
    for key in ends:
        note = f"note    the best {key} is at an end of what was tried: widen it"
        display.console(stderr=True).print(note, markup=False)


def _fitted_here(wanted: Wanted) -> dict[str, Any]:
    """The results of the wanted runs, done in this process and not kept."""
    from syntagma.sweep.runs import Runner

    runner = Runner()
    results: dict[str, Any] = {}
    while runs := wanted.missing(lambda ids: {name: results[name] for name in ids if name in results}, ()):
        results.update({run.id(): runner.execute([run])[0] for run in runs})
    return results


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
    wanted: Wanted, place: Path, workers: int, ray: str | None, keep: int, tags: Sequence[str], tracker: str | None
) -> dict[str, Any]:
    """The results of the wanted runs, those that `place` lacks made now and kept there; all of them get the tags."""
    from syntagma.cli import display
    from syntagma.cli.progress import progress_shown
    from syntagma.sweep.execution import execute
    from syntagma.sweep.plan import Costs
    from syntagma.sweep.store import Store

    make_parent(place)
    with Store.create(place) as store:
        results: dict[str, Any] = {}
        given_up: set[str] = set()

        def results_of(ids: Collection[str]) -> Mapping[str, Any]:
            results.update(store.results([name for name in ids if name not in results]))
            return {name: results[name] for name in ids if name in results}

        def next_runs() -> list[Any]:
            return wanted.missing(results_of, given_up)

        def ids() -> set[str]:
            return {run.id() for point in wanted.points for run in point.runs}

        command = store.record_command("fit", None, {}, sys.argv)
        before = len(results_of(ids()))
        try:
            with _tracked(tracker, store, "fit") as tracked, progress_shown() as progress:

                def finished(run: Any, metrics: dict[str, Any]) -> None:
                    results[run.id()] = metrics
                    share = (len(results) - before) / max(1, len(ids()) - before)
                    progress(f"{run.learner.kind} seed={run.seed}: {metrics['test_loss']:.3f}", share)

                def failed(run: Any, failure: Any) -> None:
                    given_up.add(run.id())

                how: dict[str, Any] = {"ray": ray, "cost": Costs(), "failed": failed, **tracked}
                how |= {"keep": keep} if keep else {}
                execute(next_runs, store, workers, finished, retry_failed=True, **how)
        except KeyboardInterrupt as ended:
            store.tag(ids() & store.ids(), *tags)
            again = f"{len(store.ids())} finished runs are kept in {place}; the same command resumes."
            display.console(stderr=True).print(f"interrupted: {again}", markup=False, soft_wrap=True)
            raise typer.Exit(exit_code(ended)) from None
        store.finish_command(command)
        store.tag(ids() & store.ids(), *tags)
        results = store.results(ids())
        if keep and (without := len(results.keys() - store.ids_with_networks())):
            note = (
                f"{without} stored runs kept no networks, since they were done before; another --out makes them again"
            )
            display.console(stderr=True).print(f"note    {note}", markup=False, soft_wrap=True)
        lost = len(ids()) - len(results)
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
