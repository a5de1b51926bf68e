"""The commands that train nothing: what can be typed, settings, what theory says."""

from __future__ import annotations

import sys

from syntagma.cli.options import AsJson, Changes, Config, Preset, StudyName


def list_(as_json: AsJson = False) -> None:
    """Show what can be typed: studies and presets, kinds of languages, tasks and learners, kernels' architectures."""
    from syntagma.cli import catalogue, display

    found = catalogue.contents()
    if as_json:
        display.print_json(found)
    else:
        display.print_tables(catalogue.tables(found))


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
