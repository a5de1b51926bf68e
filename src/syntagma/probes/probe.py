"""All probes of a network from outside, in one call."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from syntagma.checked_call import checked
from syntagma.errors import InputError, unknown, whole_number
from syntagma.languages.hierarchy import RandomHierarchy
from syntagma.languages.settings import language_of
from syntagma.languages.splits import FIRST_PROBE_SEED
from syntagma.learners.answers import AT_ONCE, Predict
from syntagma.probes.foreign import ForeignActivations, foreign_network
from syntagma.probes.tables import probe_tables
from syntagma.tasks import Task

if TYPE_CHECKING:
    import pandas as pd

_OF_ACTIVATIONS = ("invariance", "readouts")


@checked
def probe(
    language: Any,
    task: Task,
    activations: ForeignActivations,
    *,
    predict: Predict | None = None,
    sentences: int = 4096,
    seed: int = 0,
    only: Collection[str] | None = None,
    batch: int = AT_ONCE,
) -> Mapping[str, pd.DataFrame]:
    """What the layers of any network know of the grammar: tables by name, as `syntagma probe` prints.

        tables = probe(language, LastToken(), lambda tokens: {"hidden": model.hidden(torch.as_tensor(tokens))})
        tables["readouts"]  # layer, level: accuracy of a linear read-out, its ceiling, chance

    Args:
        language: a random hierarchy language, or its settings.
        task: what makes the network's inputs from sentences, see `syntagma.score`.
        activations: inputs `[B, T]` to arrays by name, `[B, positions, w]` or `[B, w]`, of any library.
        predict: inputs to log-probabilities; with it the distances to truncated oracles are measured, too.
        sentences: how many to probe with; those that a stored network of this seed is probed with.
        seed: of sentences, changes and folds.
        only: "invariance", "readouts" or "distances"; by default all that can be.
        batch: sentences in one call of `activations`.

    Raises:
        InputError: as `probes.foreign.foreign_network`; a language without a tree; no such probe.
    """
    source = language_of(language)
    if not isinstance(source, RandomHierarchy):
        raise InputError(f"language={type(source).__name__} cannot be probed level by level: it has no tree.")
    possible = (*_OF_ACTIVATIONS, "distances") if predict is not None else _OF_ACTIVATIONS
    chosen = tuple(possible if only is None else only)
    for name in chosen:
        if name not in possible:
            raise unknown("only", name, possible)
    seed = whole_number("seed", seed, minimum=0)
    sample = source.sample(FIRST_PROBE_SEED + seed, whole_number("sentences", sentences, minimum=20), hidden=True)
    inputs = task.examples(sample, source, seed).inputs
    network = foreign_network(activations, task.shape(source), inputs, predict, batch)
    return probe_tables(network, task, source, sample, seed=seed, only=chosen)
