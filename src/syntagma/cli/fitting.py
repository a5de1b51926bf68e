"""The command that fits one learner, once, in a sweep or in a search."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from syntagma.cli.options import AsJson, Changes, Tags, Track, kind, number, was_given
from syntagma.cli.reports import make_parent
from syntagma.cli.running import FAILED_EXIT, check_ray, tracked
from syntagma.errors import InputError, invalid, whole_number
from syntagma.sweep.endings import exit_code

if TYPE_CHECKING:
    from syntagma.cli.sweeps import Point, Wanted


def fit(
    context: typer.Context,
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
    given_sizes = [name for name in ("examples", "test_examples", "validation_examples") if was_given(context, name)]
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
        check_ray(ray)
    if track is not None:
        check_tracker(track)
    fitted = sweeps.Fitted((language, task, learner), sizes, set_, number)
    if trials:
        space = search.space(sweep)
        sweeps.refuse_fixed(space, set_, given_sizes)
        first = fitted.point(search.first_values(space))
        sweeps.check_number(number, trials)
        search.check_installed(trials)
        grid, planned_runs = {}, list(first.runs)
        wanted: Wanted = search.Search(fitted, space, trials)
    else:
        grid = sweeps.swept(sweep)
        sweeps.refuse_fixed(grid, set_, given_sizes)
        wanted = sweeps.Grid(sweeps.points(fitted, grid))
        planned_runs = [run for point in wanted.points for run in point.runs]

    from syntagma.cli import planned
    from syntagma.cli.progress import waiting

    if ray is None:
        planned.check_fits(planned_runs, 1 if place is None else processes)
    if place is None:
        several = trials or len(planned_runs)
        many = f", {several} {'points' if trials else 'runs'}" if several > 1 else ""
        with waiting(f"fitting {learner} on {sizes['num_examples']:,} sentences{many}"):
            results = _fitted_here(wanted)
    else:
        changed = sweeps.settings_named([*set_, *sweep])
        results = _kept_results(wanted, place, processes, ray, kept, tags, track, changed)
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
    from syntagma.curves.interval import ONE_SEED

    table: Any = sweeps.compared(points, results)
    ends = sweeps.best_at_an_end(table, grid)
    if as_json:
        display.print_json({"points": display.records(table), "at_an_end": ends})
        return
    shown = table.drop(columns=["validation_loss", "test_loss", *([] if table["diverged"].any() else ["diverged"])])
    marks = shown.assign(best=table["best"].map({True: "best", False: ""}))
    of = "mean loss over seeds"
    if all(len(point.runs) == 1 for point in points):  # said once, not in every cell
        of = f"loss of {ONE_SEED}"
        losses = {
            name: [text.removesuffix(f" ({ONE_SEED})") for text in marks[name]] for name in ("validation", "test")
        }
        marks = marks.assign(**losses)
    display.print_tables({f"{title}: {of}, chosen by validation": marks})
    for key in ends:
        note = f"note    the best {key} is at an end of what was tried: widen it"
        display.console(stderr=True).print(note, markup=False)


def _fitted_here(wanted: Wanted) -> dict[str, Any]:
    """The results of the wanted runs, done in this process and not kept.

    Raises:
        InputError: memory ran out.
    """
    from syntagma.sweep.runs import Runner
    from syntagma.sweep.worker_process import is_out_of_memory
    from syntagma.sweep.workers import described

    runner = Runner()
    results: dict[str, Any] = {}
    while runs := wanted.missing(lambda ids: {name: results[name] for name in ids if name in results}, ()):
        for run in runs:
            try:
                results[run.id()] = runner.execute([run])[0]
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                reason = "memory ran out. Make its learner or its number of examples smaller"
                raise InputError(f"run {described(run)} cannot be done: {reason}.") from error
    return results


def _kept_results(
    wanted: Wanted,
    place: Path,
    workers: int,
    ray: str | None,
    keep: int,
    tags: Sequence[str],
    tracker: str | None,
    changed: Sequence[str],
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

        if mixed := store.mixed_environments(store.ids(ids()), here=True):
            display.print_notes([mixed])
        command = store.record_command("fit", None, {"changed": list(changed)}, sys.argv)
        before = len(results_of(ids()))
        try:
            with tracked(tracker, store, "fit") as shown, progress_shown() as progress:

                def finished(run: Any, metrics: dict[str, Any]) -> None:
                    results[run.id()] = metrics
                    share = (len(results) - before) / max(1, len(ids()) - before)
                    progress(f"{run.learner.kind} seed={run.seed}: {metrics['test_loss']:.3f}", share)

                def failed(run: Any, failure: Any) -> None:
                    given_up.add(run.id())

                how: dict[str, Any] = {"ray": ray, "cost": Costs(), "failed": failed, **shown}
                how |= {"keep": keep} if keep else {}
                execute(next_runs, store, workers, finished, retry_failed=True, **how)
        except KeyboardInterrupt as ended:
            store.tag(store.ids(ids()), *tags)
            again = f"{store.number_of_runs()} finished runs are kept in {place}; the same command resumes."
            display.console(stderr=True).print(f"interrupted: {again}", markup=False, soft_wrap=True)
            raise typer.Exit(exit_code(ended)) from None
        store.finish_command(command)
        store.tag(store.ids(ids()), *tags)
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
