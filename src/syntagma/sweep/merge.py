"""Results of several directories brought together in one: those of shards, of machines, or what is left of a damaged
file.

    with Store.create("all") as into, Store.open("shard-1", read_only=True) as first:
        report = merge(into, [first])

What stands in the first of them stays: a run that is there already is not copied, and where its result differs in more
than how long it took, that is reported as a conflict.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from syntagma.atomic_file import atomic_file
from syntagma.checked_call import checked
from syntagma.errors import InputError
from syntagma.sweep import tags
from syntagma.sweep.identity import json_text
from syntagma.sweep.rows import StoredCommand, StoredEnvironment, StoredFact, StoredHistory
from syntagma.sweep.run_rows import StoredRun
from syntagma.sweep.store import Store


@dataclass
class MergeReport:
    """What `merge` did.

    Attributes:
        runs: copied.
        repeated: runs that were there already, with the same result.
        facts: copied.
        networks: files copied.
        conflicts: a line for each run or fact of which the first result was kept and another one left out.
        damage: a line for what is damaged in the sources, and left out.
    """

    runs: int = 0
    repeated: int = 0
    facts: int = 0
    networks: int = 0
    conflicts: list[str] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)


@checked
def merge(into: Store, sources: Sequence[Store]) -> MergeReport:
    """Copy runs, histories, networks, facts, commands, tags of `sources` into `into`, each source in one transaction.

    Networks are copied first, so a run that is there has its networks whatever interrupts this; giving it again
    goes on.

    Raises:
        InputError: `into` is one of the sources or cannot be written, or a network cannot be copied.
    """
    report = MergeReport()
    for source in sources:
        if os.path.samefile(source.path, into.path):
            raise InputError(f"{source.path} cannot be merged into itself. Give another directory.")
        report.damage += [f"{source.path}: {line}" for line in source.damage()]
        new, conflicting = _compared(into, source, report)
        for identity in new:
            _copy_networks(into, source, identity, report)
        with into._writer.transaction():
            _copy_environments(into, source)
            _copy_runs(into, source, new, report)
            _copy_facts(into, source, report)
            _copy_commands(into, source)
            _copy_tags(into, source)
        report.conflicts += conflicting
    return report


def _compared(into: Store, source: Store, report: MergeReport) -> tuple[list[str], list[str]]:
    """The ids of the source's runs that `into` lacks, and a line for each that is another there."""
    new, conflicts = [], []
    for run in source._reader.all(StoredRun):
        stored = into._reader.one(StoredRun, id=run.id)
        if stored is None:
            new.append(run.id)
        elif _without_times(stored.result) == _without_times(run.result):
            report.repeated += 1
        else:
            names = [name for name in {**stored.result, **run.result} if _differ(stored.result, run.result, name)]
            conflicts.append(
                f"run {run.id} has another {', '.join(names)} in {source.path}; that of {into.path} is kept"
            )
    return new, conflicts


def _differ(first: dict[str, Any], second: dict[str, Any], name: str) -> bool:
    ours, theirs = ({name: result[name]} if name in result else {} for result in (first, second))
    return _without_times(ours) != _without_times(theirs)


def _without_times(result: dict[str, Any]) -> str:
    """The text of a result without what no repetition gives again; as text, since NaN is not equal to itself."""
    return json_text({name: value for name, value in sorted(result.items()) if not name.startswith("seconds")})


def _copy_networks(into: Store, source: Store, identity: str, report: MergeReport) -> None:
    directory = into.path.parent / "weights" / identity
    for step, file in source.checkpoints(identity).items():
        copy = directory / f"{step}.safetensors"
        if copy.exists():
            continue
        try:
            directory.mkdir(parents=True, exist_ok=True)
            with atomic_file(copy) as temporary:
                shutil.copyfile(file, temporary)
        except OSError as error:
            raise InputError(f"{file} cannot be copied: {(error.strerror or str(error)).lower()}.") from error
        report.networks += 1


def _copy_environments(into: Store, source: Store) -> None:
    for found in source._reader.all(StoredEnvironment):
        if into._reader.one(StoredEnvironment, hash=found.hash) is None:
            into._writer.insert("environments", found.written(found.description))


def _copy_runs(into: Store, source: Store, new: list[str], report: MergeReport) -> None:
    for run in source._reader.all(StoredRun, new):
        into._writer.insert("runs", run.written(run.config, run.result, run.finished_at, run.environment))
        report.runs += 1
    for history in source._reader.all(StoredHistory, new):
        into._writer.insert("histories", history.written(history.id, history.history))


def _copy_facts(into: Store, source: Store, report: MergeReport) -> None:
    for fact in source._reader.all(StoredFact):
        row = fact.written(fact.study, fact.key, fact.value, fact.recorded_at)
        stored = into._reader.one(StoredFact, study=fact.study, hash=row[1])
        if stored is None:
            into._writer.insert("facts", row)
            report.facts += 1
        elif _without_times(stored.value) != _without_times(fact.value):
            named = f"fact {row[1][:12]} of {fact.study}"
            report.conflicts.append(f"{named} is another in {source.path}; that of {into.path} is kept")


def _copy_tags(into: Store, source: Store) -> None:
    there = into.names()
    tags.write(into._connection, {name: given for name, given in source.tags().items() if name in there})


def _copy_commands(into: Store, source: Store) -> None:
    known = {_without_number(command) for command in into._reader.all(StoredCommand)}
    number = into._reader.next_command()
    for command in source._reader.all(StoredCommand):
        if _without_number(command) not in known:
            into._writer.insert("commands", replace(command, number=number).written())
            number += 1


def _without_number(command: StoredCommand) -> tuple[Any, ...]:
    return replace(command, number=0).written()
