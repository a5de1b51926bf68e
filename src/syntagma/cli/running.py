"""The commands that run a study, and that merge what several machines did."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from syntagma.cli.options import Changes, Config, Preset, StudyName, Tags, Track, number
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
    part = None if shard is None else checked_shard(chosen, shard)
    label = preset if config is None else Path(config).stem
    directory = Path("results", f"{chosen.name}-{label}") if out is None else directory_to_write("out", out)
    if ray is not None:
        check_ray(ray)
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
        mixed = store.mixed_environments(store.ids({cell.run.id() for cell in cells}), here=True)
        if mixed:
            display.console(stderr=True).print(f"note    {mixed}", markup=False, soft_wrap=True)
        command = store.record_command(chosen.name, preset, values.model_dump(mode="json"), sys.argv)
        try:
            with tracked(track, store, chosen.name) as shown, progress_shown() as progress:
                how = {"ray": ray, **shown} | ({"keep": kept} if kept else {})
                summary = machinery.run(
                    chosen, values, store, processes, progress, retry_failed=retry_failed, shard=part, **how
                )
        except KeyboardInterrupt as ended:
            store.tag(machinery.finished_ids(chosen, values, store) if tags else (), *tags)
            again = f"{store.number_of_runs()} finished runs are kept in {directory}; the same command resumes."
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


@contextlib.contextmanager
def tracked(name: str | None, store: Store, group: str) -> Iterator[dict[str, Any]]:
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


def checked_shard(study: Any, text: str) -> Shard:
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


def check_ray(address: str) -> None:
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
        mixed = into.mixed_environments()
    for line in (*done.damage, *done.conflicts, *filter(None, [mixed])):
        display.console(stderr=True).print(f"note    {line}", markup=False, soft_wrap=True)
    there = f"; {done.repeated:,} were there already" if done.repeated else ""
    print(f"merged  {done.runs:,} runs, {done.facts:,} facts and {done.networks:,} networks into {place}{there}")
