"""What is found in the networks that runs kept: heads beside the identity, and the loss on words by their frequency.

Heads are taken as they act on normalised inputs, a and b among them: M = W_Q W_K^T + a I of the scores and
W_V W_O^T + b I of the answers, of every layer and head, before training (drawn again from the run's seed) and at the
step of smallest validation loss. How near M is to a multiple of the identity is the cosine of the angle between them,

    cos(M, I) = tr M / (d^(1/2) |M|_F),

1 for a positive multiple, -1 for a negative one, and about N(0, 1) / d for independent entries. Derived here: tr M is a
sum of d such entries and |M|_F^2 one of d^2 squares.

The loss on words is averaged over the test windows' tokens of each band of frequency: tokens are numbered by how often
they occur in the training part, the last stands for all words that are rarer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Float

from syntagma.languages.splits import stream_of
from syntagma.learners import Transformer
from syntagma.learners.loss import losses
from syntagma.learners.networks.transformer import heads_of
from syntagma.randomness import key
from syntagma.studies.abstract_symbols.cells import inside_cells, word_cells
from syntagma.studies.abstract_symbols.settings import AbstractSymbols
from syntagma.studies.study import Cell, Fact, Facts, Results
from syntagma.sweep.stored_network import load_network

MAPS = ("scores", "answers")
"""W_Q W_K^T + a I, and W_V W_O^T + b I."""
_BANDS = ((0, 10), (10, 100), (100, 1000), (1000, 10**9))
_BATCH = 256


def kept_facts(settings: AbstractSymbols, results: Results) -> Iterator[Fact]:
    """One fact for each network that was kept."""
    for cell, step in _kept(inside_cells(settings), results):
        names = cell.names
        text = f"heads of a {names['label']}, {names['family']}"
        yield Fact(_key("heads", cell, step), _computed(results, cell, step, _heads), text)
    for cell, step in _kept(word_cells(settings), results):
        yield Fact(_key("words", cell, step), _computed(results, cell, step, _by_frequency), "loss by token frequency")


def heads_table(settings: AbstractSymbols, facts: Facts, results: Results) -> pd.DataFrame:
    """One row for each kept network, map, layer and head: cosines with the identity `before` and `after`."""
    rows = []
    for cell, step in _finished(inside_cells(settings), results):
        found = facts.get(_key("heads", cell, step))
        rows += [{**cell.names, **row} for row in found["cosines"]] if found else []
    columns = ["family", "learner", "label", "seed", "map", "layer", "head", "before", "after"]
    return pd.DataFrame(rows, columns=None if rows else columns)


def shown_heads(settings: AbstractSymbols, facts: Facts, results: Results) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Of the first network of each family and learner: the head nearest to a multiple of the identity, as matrices."""
    out = {}
    for cell, step in _finished(inside_cells(settings), results):
        found = facts.get(_key("heads", cell, step))
        if found and "shown" in found:
            out.setdefault((cell.names["family"], cell.names["learner"]), found["shown"])
    return out


def words_table(settings: AbstractSymbols, facts: Facts, results: Results) -> pd.DataFrame:
    """One row for each kept language model and band of frequency."""
    rows = []
    for cell, step in _finished(word_cells(settings), results):
        found = facts.get(_key("words", cell, step))
        rows += [{**cell.names, **row} for row in found["bands"]] if found else []
    return pd.DataFrame(rows, columns=None if rows else ["learner", "identity", "seed", "band", "tokens", "loss"])


def _key(of: str, cell: Cell, step: int) -> dict[str, Any]:
    return {"of": of, "run": cell.run.id(), "step": step}


def _finished(cells: Iterator[Cell], results: Results) -> Iterator[tuple[Cell, int]]:
    """Finished runs with the step whose network the run is reported for."""
    for cell in cells:
        if (metrics := results.get(cell.run)) is not None and "best_step" in metrics:
            yield cell, int(metrics["best_step"])


def _kept(cells: Iterator[Cell], results: Results) -> Iterator[tuple[Cell, int]]:
    """Those whose network is there."""
    if results.store is not None:
        for cell, step in _finished(cells, results):
            if step in results.store.checkpoints(cell.run.id()):
                yield cell, step


def _computed(results: Results, cell: Cell, step: int, of: Any) -> Any:
    def compute() -> Mapping[str, Any]:
        assert results.store is not None
        return of(cell, load_network(results.store, cell.run, step))

    return compute


def _heads(cell: Cell, network: Any) -> dict[str, Any]:
    run = cell.run
    assert isinstance(run.learner, Transformer)
    drawn = run.learner.network(key(run.seed, "network"), run.task.shape(run.language.language()))
    before, after = ([dict(zip(MAPS, one, strict=True)) for one in heads_of(which)] for which in (drawn, network))
    rows = []
    for layer, (old, new) in enumerate(zip(before, after, strict=True), start=1):
        for name in MAPS:
            for head, (first, last) in enumerate(zip(old[name], new[name], strict=True), start=1):
                cosines = {"before": cosine_with_identity(first), "after": cosine_with_identity(last)}
                rows.append({"map": name, "layer": layer, "head": head, **cosines})
    out: dict[str, Any] = {"cosines": rows}
    if run.seed == 0:
        shown = {}
        for name in MAPS:
            top = max((row for row in rows if row["map"] == name), key=lambda row: abs(row["after"]))
            layer, head = top["layer"] - 1, top["head"] - 1
            maps = {"before": before[layer][name][head], "after": after[layer][name][head]}
            shown[name] = top | {"maps": {when: _rounded(one) for when, one in maps.items()}}
        out["shown"] = shown
    return out


def cosine_with_identity(matrix: Float[np.ndarray, "d d"]) -> float:
    """cos(M, I): `cosine_with_identity(np.eye(3))` is 1."""
    return float(np.trace(matrix) / (len(matrix) ** 0.5 * np.linalg.norm(matrix)))


def _rounded(matrix: Float[np.ndarray, "d d"]) -> list[list[float]]:
    """Three digits of the largest entry are as many as colours show."""
    largest = float(np.abs(matrix).max()) or 1.0
    return np.round(matrix.astype(float) / largest, 3).tolist()


def _by_frequency(cell: Cell, network: Any) -> dict[str, Any]:
    run = cell.run
    assert run.test_language is not None
    language = run.test_language.language()
    seed = stream_of("test", run.seed)
    examples = run.task.examples(language.sample(seed, run.test_examples), language, seed)
    lost = np.concatenate([
        np.asarray(losses("cross-entropy", network(jnp.asarray(inputs)), jnp.asarray(targets)))
        for start in range(0, len(examples.targets), _BATCH)
        for inputs, targets in [(examples.inputs[start : start + _BATCH], examples.targets[start : start + _BATCH])]
    ])  # fmt: skip
    tokens, vocab, bands = np.asarray(examples.targets), language.vocab, []
    for low, high in _BANDS:
        which = (tokens >= low) & (tokens < min(high, vocab - 1))
        name = f"{low + 1} to {high}" if high < vocab - 1 else f"beyond {low}"
        bands.append((name, which))
    bands.append(("all other words", tokens == vocab - 1))
    return {
        "bands": [
            {"band": name, "tokens": int(which.sum()), "loss": float(lost[which].mean())}
            for name, which in bands
            if which.any()
        ]
    }
