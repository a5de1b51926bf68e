"""A stored run's network, found by the run's id, the start of it, or by what is known of the run."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from syntagma.errors import InputError, invalid, whole_number
from syntagma.languages.hierarchy import RandomHierarchy
from syntagma.languages.splits import FIRST_PROBE_SEED
from syntagma.learners import Network
from syntagma.probes.tables import PROBES, probe_tables
from syntagma.sweep import weights
from syntagma.sweep.identity import run_id
from syntagma.sweep.runs import AS_STORED, Run
from syntagma.sweep.selection import where
from syntagma.sweep.tags import COLUMN

if TYPE_CHECKING:
    import pandas as pd

    from syntagma.sweep.store import Store


def find_run(store: Store, asked: Sequence[str]) -> tuple[Run, dict[str, Any]]:
    """The run that `asked` names, and its metrics, as plain numbers and texts.

        run, metrics = find_run(store, ["kind=cnn", "num_examples=1024", "seed=0"])

    Args:
        store: with its results.
        asked: each a tag, an id, the start of one, or `name=value` of a column as `Store.runs` names it; of a dotted
            name the last part will do, where one column alone has that value.

    Raises:
        InputError: no run, or several, are meant; a name that is no column; a run that this version cannot make.
    """
    kept = _with_weights(store)
    if not len(kept):
        raise invalid(
            "run", " ".join(asked), "no run here has kept its network", "Give --checkpoints 1 to `run` or `fit`"
        )
    for one in asked:
        if re.search("[<>=]", one):
            kept = where(kept, [one], "run")
        elif COLUMN in kept and any(tagged := [one in (names or ()) for names in kept[COLUMN]]):
            kept = kept.loc[tagged]
        else:
            kept = kept.loc[[str(identity).startswith(one) for identity in kept["id"]]]
    identities = [str(identity) for identity in kept["id"]]
    if len(kept) != 1:
        given = " ".join(asked) or "nothing"
        if not len(kept):
            mend = "`syntagma results` lists the runs; those made with --checkpoints keep networks"
            raise invalid("run", given, "no stored run of that name has kept its network", mend)
        some = ", ".join(identity[:8] for identity in identities[:4]) + (", ..." if len(kept) > 4 else "")
        raise invalid("run", given, f"{len(kept)} runs are meant: {some}", "Give more of the id, or a name=value")
    return _run_of(store, identities[0]), store.results(identities)[identities[0]]


def load_network(store: Store, run: Run, step: int) -> Network:
    """The network that `run` kept after `step` steps.

    Raises:
        InputError: none was kept then; the steps that were are named.
    """
    steps = store.checkpoints(_stored_id(store, run))
    if step not in steps:
        raise invalid("step", step, f"networks were kept after {', '.join(map(str, steps)) or 'no'} steps")
    return weights.load(steps[step], run.learner, run.task.shape(run.language.language()))


def step_of(metrics: Mapping[str, Any], asked: object | None) -> int:
    """The step that is meant: the one `asked` for, or that of the smallest validation loss.

    Raises:
        InputError: it is no whole number.
    """
    return int(metrics["best_step"]) if asked is None else whole_number("step", asked, minimum=0)


def probe_run(
    store: Store, run: Run, step: int, num_sentences: int, only: Collection[str] = PROBES
) -> Mapping[str, pd.DataFrame]:
    """The probes `only` of a stored network, on sentences of their own, neither trained nor tested on.

    Raises:
        InputError: no network was kept after `step`; the language has no tree.
    """
    language = run.language.language()
    if not isinstance(language, RandomHierarchy):
        raise InputError(f"language={run.language.kind!r} cannot be probed level by level: it has no tree.")
    sample = language.sample(FIRST_PROBE_SEED + run.seed, num_sentences, hidden=True)
    return probe_tables(load_network(store, run, step), run.task, language, sample, seed=run.seed, only=only)


def _run_of(store: Store, identity: str) -> Run:
    try:
        return Run.model_validate(store.config(identity), context=AS_STORED)
    except ValidationError as error:
        field = ".".join(map(str, error.errors()[0]["loc"])) or "configuration"
        raise InputError(
            f"run {identity} in {store.path} has a {field} that is not known here. Use the version that made it, or "
            "name the file that adds it by --with FILE."
        ) from None


def _stored_id(store: Store, run: Run) -> str:
    """The id by which `run` is stored: a configuration of before fields were added has fewer of them."""
    if store.has(run.id()):
        return run.id()
    return run_id(run.model_dump(mode="json", exclude_unset=True))


def _with_weights(store: Store) -> pd.DataFrame:
    if not store.number_of_runs():
        raise InputError(f"{store.path} holds no finished runs yet.")
    return store.runs(store.ids_with_networks())
