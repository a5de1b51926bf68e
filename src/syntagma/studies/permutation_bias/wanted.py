"""All that the study needs: its facts, under keys that hold everything which determines them, and its runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from syntagma.studies.grid import Cell
from syntagma.studies.permutation_bias import facts as known
from syntagma.studies.permutation_bias.settings import PermutationBias
from syntagma.studies.stored import Facts


def wanted_facts(settings: PermutationBias) -> Iterator[tuple[dict[str, Any], Callable[[], Mapping[str, Any]]]]:
    """Key and computation of every fact, the quick ones first."""
    for block in settings.blocks:
        yield (
            {"of": "spectrum", "block": block, "length": settings.length},
            _later(known.spectrum_of, settings, block, settings.length),
        )
    lengths = sorted({length for lengths in settings.lengths.values() for length in lengths})
    for length in lengths:
        block = settings.growth_block
        yield {"of": "spectrum", "block": block, "length": length}, _later(known.spectrum_of, settings, block, length)
    yield {"of": "multiplicities", "length": 6}, _later(known.multiplicities, settings, settings.block, 6)
    yield {"of": "shift"}, _later(known.shifted_moments, settings)
    for width in settings.widths:
        for draw in range(settings.draws):
            yield {"of": "width", "width": width, "draw": draw}, _later(known.kernel_deviation, settings, width, draw)
    for window in settings.windows:
        yield {"of": "symmetry", "window": window}, _later(known.symmetry_of, settings, window)


def fact_key(settings: PermutationBias, key: Mapping[str, Any]) -> dict[str, Any]:
    """The key with all settings that determine the fact."""
    block = key.get("block", settings.block)
    used: dict[str, Any] = {"vocab": settings.vocab}
    if key["of"] == "symmetry":
        used = {"text": None if settings.text is None else settings.text.model_dump(mode="json")}
    else:
        used |= {"architecture": settings.blocks[block].model_dump(mode="json")}
    if key["of"] == "spectrum" and settings.sampled(block):
        used |= {"samples": settings.samples, "estimates": settings.estimates}
    if key["of"] in ("shift", "width"):
        used |= {"length": settings.length}
    if key["of"] == "shift":
        used |= {"probabilities": list(settings.shift)}
    return {name: value for name, value in key.items() if name != "block"} | used


def cells(settings: PermutationBias, facts: Facts) -> list[Cell]:
    """Every run of the study; those of the sample complexities need the spectra."""
    spectra = growth_spectra(settings, facts)
    return [*settings.curve_cells(), *settings.growth_cells(known.predicted_halves(settings, spectra))]


def growth_spectra(settings: PermutationBias, facts: Facts) -> dict[int, dict[str, Any]]:
    """The stored spectrum of the growing block at each T."""
    lengths = {length for lengths in settings.lengths.values() for length in lengths}
    keys = {n: {"of": "spectrum", "block": settings.growth_block, "length": n} for n in sorted(lengths)}
    found = {length: facts.get(fact_key(settings, key)) for length, key in keys.items()}
    return {length: fact for length, fact in found.items() if fact is not None}


def _later(function: Callable[..., Mapping[str, Any]], *arguments: Any) -> Callable[[], Mapping[str, Any]]:
    return lambda: function(*arguments)
