"""All probes of one network as tables: what a person reads, and what a study keeps.

    invariance   layer, change, level: cosine with its band, at the last of the layer's positions that see the change
    readouts     layer, level: accuracy, averaged over the level's symbols, each read where the layer shows it best;
                 ceiling likewise; chance
    distances    position, level: distance to the observer who knows the grammar up to there, in nats
    attention    layer, head, level: share of attention on tokens that meet the answered one there

The last position that sees a change is where attention answers, and for a tree of convolutions the only one. The best
position of a read-out is chosen by the accuracy that is then reported: among T positions and n sentences that is too
high by about (2 ln T / n)^(1/2) / 2 where none shows the symbol.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd

from syntagma.languages.hierarchy import RandomHierarchy
from syntagma.languages.language import Sample
from syntagma.learners.learner import Network
from syntagma.probes.attention import attention_by_level
from syntagma.probes.foreign import ForeignNetwork
from syntagma.probes.invariance import Invariance, invariances
from syntagma.probes.oracle_distance import distance_to_oracles
from syntagma.probes.readout import Readout, readouts
from syntagma.tasks import LastToken, NextToken, Task

PROBES = ("invariance", "readouts", "distances", "attention")


def probe_tables(
    network: Network | ForeignNetwork,
    task: Task,
    language: RandomHierarchy,
    sample: Sample,
    *,
    seed: int = 0,
    only: Collection[str] = PROBES,
) -> Mapping[str, pd.DataFrame]:
    """Every probe that the task and the network allow, as tables by name.

    Args:
        network: a trained one.
        task: what it was trained for.
        language: the grammar.
        sample: sentences with their hidden levels and rules.
        seed: of changes, folds and what the task draws.
        only: the names of the probes to make.

    Raises:
        InputError: no network; no hidden variables in `sample`.
    """
    found: dict[str, pd.DataFrame] = {}
    if "invariance" in only:
        rows = invariances(network, task, language, sample, seed=seed)
        found["invariance"] = pd.DataFrame(map(_invariance_row, rows))
    if "readouts" in only:
        found["readouts"] = pd.DataFrame(map(_readout_row, readouts(network, task, language, sample, seed=seed)))
    if "distances" in only and isinstance(task, LastToken | NextToken):
        found["distances"] = _distances(network, task, language, sample, seed)
    if (
        "attention" in only
        and isinstance(network, Network)
        and (maps := attention_by_level(network, task, language, sample, seed=seed))
    ):
        found["attention"] = pd.DataFrame(
            {
                "layer": layer.layer,
                "head": head,
                "level": level,
                "share": layer.mass[head, level],
                "standard_error": layer.standard_error[head, level],
                "uniform": layer.uniform[level],
            }
            for layer in maps
            for head, level in np.ndindex(layer.mass.shape)
        )
    return found


def _invariance_row(found: Invariance) -> dict[str, Any]:
    seen = np.flatnonzero(np.isfinite(found.cosine))
    row = {"layer": found.layer, "change": found.change, "level": found.level}
    if not len(seen):
        return row | {"cosine": np.nan, "low": np.nan, "high": np.nan}
    return row | {name: float(getattr(found, name)[seen[-1]]) for name in ("cosine", "low", "high")}


def _readout_row(found: Readout) -> dict[str, Any]:
    best = found.accuracy.argmax(axis=0)
    symbols = np.arange(len(best))
    accuracy, error = found.accuracy[best, symbols], found.standard_error[best, symbols]
    return {
        "layer": found.layer,
        "level": found.level,
        "accuracy": float(accuracy.mean()),
        "standard_error": float(error.mean()),  # of one symbol's: those of one sentence are not independent
        "ceiling": float(found.ceiling.max(axis=0).mean()),
        "chance": float(found.chance.mean()),
    }


def _distances(
    network: Network | ForeignNetwork, task: Task, language: RandomHierarchy, sample: Sample, seed: int
) -> pd.DataFrame:
    found = distance_to_oracles(network, task, language, sample, seed=seed)
    rows = []
    for row, position in enumerate(found.positions):
        for level in range(language.depth + 1):
            window = language.branching**level - 1
            if window <= position:
                distance, error = found.distance[row, window], found.standard_error[row, window]
                rows.append({"position": position, "level": level, "nats": distance, "standard_error": error})
    return pd.DataFrame(rows)
