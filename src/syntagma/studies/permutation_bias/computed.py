"""What the study computes without runs: spectra, the exact shifted test, networks' kernels, symmetry of sources.

Each is a fact of the results file, computed once. Values are plain numbers and lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Array

from syntagma.kernels import Architecture
from syntagma.kernels.architecture import Network
from syntagma.languages import RandomHiddenMarkov
from syntagma.languages.representations import draw_target
from syntagma.randomness import key as random_key
from syntagma.statistics.symmetry import Symmetry, measured_symmetry, position_sorted, shuffled
from syntagma.studies.permutation_bias.components import components
from syntagma.studies.permutation_bias.settings import TAILS, PermutationBias, tail_name
from syntagma.theory import enumeration
from syntagma.theory.enumeration import all_sequences, counted_levels
from syntagma.theory.half_error import half_error, least_for_half
from syntagma.theory.learnability import solve
from syntagma.theory.spectrum import Spectrum
from syntagma.theory.symmetric_group import KernelSectors, decompose

_LARGEST_CONTROL = 64
"""Sequences whose Gram matrix a random network's kernel is compared on."""


def spectrum_of(settings: PermutationBias, block: str, length: int) -> dict[str, Any]:
    """Every sector of a block at one T, and where the task's target of each representation lies in it."""
    architecture, points = settings.blocks[block], settings.samples
    seeds = range(settings.estimates if settings.sampled(block) else 1)
    grams = [lambda x, y, k=k: architecture.gram(x, y, samples=points, seed=k).matrix for k in seeds]
    found = decompose(grams, settings.vocab, length)
    sectors = {}
    for tail in TAILS:
        partition = settings.partition(tail, length)
        sector = found.sector(partition)
        target = draw_target(partition, length, settings.vocab, 0)
        sectors[tail_name(tail)] = {
            "eigenvalues": np.maximum(sector.eigenvalues, 0).tolist(),
            "errors": sector.errors.tolist(),
            "dimension": sector.dimension,
            "bound": found.trace_bound(partition),
            "reached": _reached(found, partition),
            "target": sector.target_norms(target).tolist(),
        }
    others = [s.spectrum() for p, s in found.sectors.items() if p not in {settings.partition(t, length) for t in TAILS}]
    rest = [(float(v), float(m)) for s in others for v, m in zip(s.eigenvalues, s.multiplicities, strict=True) if v > 0]
    return {"sectors": sectors, "rest": rest, "trace": found.trace, "unresolved": found.unresolved}


def _reached(found: KernelSectors, partition: tuple[int, ...]) -> str:
    """One of yes, no, and "not resolved" where only the error of a sampled kernel is seen."""
    if found.reached()[partition]:
        return "yes"
    return "no" if found.exact else "not resolved"


class Levels:
    """A stored spectrum as the theory of learning curves takes it."""

    def __init__(self, fact: Mapping[str, Any], ridge: float) -> None:
        self.fact, self.ridge = fact, ridge + fact["unresolved"]
        rows: list[tuple[float, float, str]] = []
        for name, sector in fact["sectors"].items():
            rows += [(value, sector["dimension"], name) for value in sector["eigenvalues"]]
        rows += [(value, number, "") for value, number in fact["rest"]]
        self.names = [name for _, _, name in rows]
        self.spectrum = Spectrum([value for value, _, _ in rows], [number for _, number, _ in rows])

    def target(self, name: str) -> np.ndarray:
        """`[levels]`: squared norms of the representation's target."""
        out = np.zeros(len(self.names))
        out[[i for i, own in enumerate(self.names) if own == name]] = self.fact["sectors"][name]["target"]
        return out

    def error(self, name: str, sizes: np.ndarray) -> np.ndarray:
        """`[n]`: predicted test error of the representation's target, whose variance is 1."""
        errors = solve(self.spectrum, sizes, self.ridge).errors(self.target(name))
        return errors.bias + errors.variance

    def half(self, name: str) -> float:
        """The number of examples at which the predicted test error is half of the target's variance."""
        return half_error(self.spectrum, self.target(name), self.ridge)

    def bound(self, name: str) -> float:
        """Fewer examples than these cannot halve the test error, whatever the representation's levels."""
        return least_for_half(self.spectrum, self.fact["sectors"][name]["bound"], self.ridge)


def multiplicities(settings: PermutationBias, block: str, length: int) -> dict[str, Any]:
    """Each predicted level beside a plain diagonalisation over all v^T sequences: how many eigenvalues are there."""
    sequences, gram = all_sequences(settings.vocab, length), settings.blocks[block].gram
    found = decompose(lambda x, y: gram(x, y).matrix, settings.vocab, length, degree=length)
    return {"levels": counted_levels(found.spectrum(), gram(sequences).matrix), "sequences": len(sequences)}


def shifted_moments(settings: PermutationBias) -> dict[str, Any]:
    """What `shifted_error` needs of every level, by enumerating all sequences."""
    length, vocab = settings.length, settings.vocab
    sequences = all_sequences(vocab, length)
    gram, new = settings.blocks[settings.block].gram(sequences).matrix, np.exp(settings.shifted().log_prob(sequences))
    targets = {tail_name(tail): draw_target(settings.partition(tail), length, vocab, 0)(sequences) for tail in TAILS}
    return enumeration.shifted_moments(gram, new, targets)


def shifted_error(fact: Mapping[str, Any], name: str, sizes: np.ndarray, ridge: float) -> np.ndarray:
    """`[n]`: predicted error under the shifted test distribution."""
    spectrum = Spectrum(fact["eigenvalues"], fact["multiplicities"])
    stored, levels = fact["targets"][name], len(fact["eigenvalues"])
    target, moments = np.zeros(levels), np.zeros((levels, levels))
    target[stored["levels"]] = stored["norms"]
    moments[np.ix_(stored["levels"], stored["levels"])] = stored["moments"]
    return solve(spectrum, sizes, ridge).shifted_error(target, fact["traces"], moments)


def kernel_deviation(settings: PermutationBias, width: int, draw: int) -> dict[str, Any]:
    """Squared relative distance between the kernel of one random network and its limit, over random sequences."""
    architecture: Architecture = settings.blocks[settings.block]
    tokens = settings.language().sample(0, _LARGEST_CONTROL).tokens.astype(np.int32)
    limit = architecture.gram(tokens).matrix
    network = architecture.network(random_key(draw, "width", width), width, settings.length, heads=width, head_size=4)
    features = np.asarray(_features(network, tokens), np.float64)
    kernel = features @ features.T / features.shape[1]
    return {"deviation": float(((kernel - limit) ** 2).sum() / (limit**2).sum())}


@eqx.filter_jit
def _features(network: Network, tokens: Any) -> Array:
    """One program for all draws of one width."""
    return network.features(tokens)


def symmetry_of(settings: PermutationBias, length: int) -> dict[str, Any]:
    """Permutation symmetry of a text's windows, and of its two extremes: shuffled, and sorted within each window."""
    if settings.text is None:
        source = _stand_in(length)
        windows, vocab, name = source.sample(0, 20_000).tokens, 8, "hidden Markov language"
    else:
        text = settings.text.model_copy(update={"sentence_length": length, "stride": length}).language()
        windows, vocab, name = text.windows, text.vocab, "text"
    cases = {name: windows, "shuffled": shuffled(windows, 0), "sorted": position_sorted(windows)}
    return {case: _plain(measured_symmetry(chosen, vocab)) for case, chosen in cases.items()}


def components_of(settings: PermutationBias) -> dict[str, Any]:
    """Principal components of the text's words, or of the hidden Markov language's tokens where there is no text."""
    if settings.words is None:
        source = _stand_in(settings.word_window)
        windows, names = source.sample(0, 20_000).tokens, [f"token {a}" for a in range(source.vocab)]
    else:
        text = settings.words.model_copy(update={"stride": settings.word_window}).language()
        windows, names = text.windows, list(text.names)
    return {"components": list(components(windows, len(names), names, settings.components))}


def _stand_in(length: int) -> RandomHiddenMarkov:
    """What is measured where no text was given."""
    return RandomHiddenMarkov(
        vocab=8,
        sentence_length=length,
        states=6,
        num_models=1,
        transition_concentration=0.2,
        emission_concentration=0.3,
        seed=0,
    )


def _plain(found: Symmetry) -> dict[str, Any]:
    leading = found.standard[0]
    return {
        "fraction": found.fraction.value,
        "fraction_interval": list(found.interval(found.fraction)),
        "between": found.fraction_between.value,
        "between_interval": list(found.interval(found.fraction_between)),
        "splitting": leading.splitting,
        "multiplet": leading.eigenvalues.tolist(),
        "eigenvalue": leading.eigenvalue.value,
    }
