"""Settings of permutation-bias: blocks of exchangeable positions, and the four measurements made on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, ValidationInfo, field_validator, model_validator

from syntagma.errors import invalid, unknown, whole_number
from syntagma.kernels import Architecture
from syntagma.languages import CategoricalMixture
from syntagma.languages.settings import KnownText, TextSettings
from syntagma.learners import KernelRegression
from syntagma.studies.permutation_bias.mixtures import Mixture
from syntagma.studies.study import Cell, Settings
from syntagma.sweep.runs import Run
from syntagma.tasks import SymmetryTarget

Tail = tuple[int, ...]
"""A partition of T without its first row: one name of a representation at every T."""
TAILS: tuple[Tail, ...] = ((), (1,), (2,), (1, 1))
"""(T), (T-1, 1), (T-2, 2) and (T-2, 1, 1)."""


def tail_name(tail: Tail) -> str:
    """The representation for any T: `(T-2,1,1)` for (1, 1)."""
    return f"(T-{sum(tail)},{','.join(map(str, tail))})" if tail else "(T)"


class PermutationBias(Settings):
    """Blocks, and the four measurements made on them.

    Attributes:
        vocab: number of symbols v; tokens are independent and uniform.
        length: T of the learning curves, the spectra and the shifted test.
        blocks: architectures by name, of exchangeable positions, read at their mean; they take their vocabulary from v.
        block: the one whose learning curves are measured.
        samples: quasi-Monte-Carlo points of each estimate of a softmax block's kernel.
        estimates: how many independent estimates its spectrum is the mean of.
        ridge: d of every regression.
        sizes: training sizes of the learning curves.
        networks: widths of the finite networks on the same curves.
        network_sizes: training sizes that they are sampled at.
        network_tails: representations that their targets are built in, each partition without its first row.
        network_seeds: training sets of each size for the networks.
        network_scale: standard deviation of the targets that the networks learn. Kernel regression is linear in them:
            its error over their variance stays the same. Networks adapt their features to strong targets.
        network_steps: Langevin steps of each of their chains.
        seeds: training sets of each size; those of the networks are the first `network_seeds`.
        widths: of the random networks whose kernels approach the limit.
        draws: random networks of each width, of as many heads of size 4.
        lengths: context lengths T of the sample complexities, by tail.
        growth_block: the block whose sample complexities are measured.
        reach: sizes measured on either side of the predicted sample complexity, in powers of 2.
        shift: token probabilities of the shifted test.
        text: a text whose permutation symmetry is measured, its path or all its settings; None for a hidden Markov
            language.
        windows: window lengths T of that measurement.
        words: the same text by words, for its principal components; made from `text`.
        word_vocab: how many words, the last standing for all others.
        word_window: T of their windows.
        components: how many components.
        outputs_size: training examples after which outputs are compared sequence by sequence; None to leave it out.
        mixture: mixtures of hidden Markov models as data of learning curves; None to leave them out.
    """

    vocab: int = Field(default=3, ge=3)
    length: int = Field(default=7, ge=4, le=8)
    blocks: Mapping[str, Architecture]
    block: str
    growth_block: str
    samples: int = Field(default=1024, ge=64)
    estimates: int = Field(default=8, ge=2)
    ridge: float = Field(default=0.02, gt=0)
    sizes: tuple[int, ...] = Field(min_length=1)
    seeds: int = Field(default=5, ge=1)
    test_examples: int = Field(default=1000, ge=2)
    networks: tuple[int, ...] = ()
    network_sizes: tuple[int, ...] = ()
    network_tails: tuple[Tail, ...] = ((), (1,))
    network_seeds: int = Field(default=3, ge=1)
    network_scale: float = Field(default=0.2, gt=0)
    network_steps: int = Field(default=4000, ge=4)
    widths: tuple[int, ...] = Field(min_length=2)
    draws: int = Field(default=8, ge=2)
    lengths: Mapping[str, tuple[int, ...]]
    reach: int = Field(default=2, ge=1)
    shift: tuple[float, ...] = (0.6, 0.3, 0.1)
    text: KnownText | None = None
    windows: tuple[int, ...] = (8, 32)
    words: KnownText | None = None
    word_vocab: int = Field(default=64, ge=4)
    word_window: int = Field(default=8, ge=2)
    components: int = Field(default=8, ge=1)
    outputs_size: int | None = Field(default=None, ge=2)
    mixture: Mixture | None = None

    @model_validator(mode="before")
    @classmethod
    def _words_of_the_text(cls, given: Any) -> Any:
        if not isinstance(given, dict) or not isinstance(given.get("text"), str):
            return given
        sizes = {name: given.get(name, cls.model_fields[name].default) for name in ("word_vocab", "word_window")}
        vocab, window = (whole_number(name, size, minimum=2) for name, size in sizes.items())
        words = TextSettings.of_file(given["text"], window, unit="words", vocab=vocab)
        return {**given, "words": words.model_dump(mode="json")}

    @field_validator("blocks")
    @classmethod
    def _of_the_vocabulary(cls, blocks: Mapping[str, Architecture], info: ValidationInfo) -> Mapping[str, Architecture]:
        return (
            {name: block.on(info.data["vocab"]) for name, block in blocks.items()} if "vocab" in info.data else blocks
        )

    @field_validator("text", mode="before")
    @classmethod
    def _path_alone(cls, given: Any) -> Any:
        return TextSettings.of_file(given, 8).model_dump(mode="json") if isinstance(given, str) else given

    @model_validator(mode="after")
    def _fits(self) -> PermutationBias:
        for field in ("block", "growth_block"):
            if (given := getattr(self, field)) not in self.blocks:
                raise unknown(field, given, self.blocks)
            if self.sampled(given):
                raise invalid(field, given, "its kernel is sampled, and theory is compared with an exact one")
        for name, block in self.blocks.items():
            if block.readout != "mean":
                raise invalid(f"blocks.{name}.readout", block.readout, "positions must be exchangeable", "Take 'mean'")
            if '"causal":true' in block.model_dump_json():
                raise invalid(f"blocks.{name}", "causal attention", "positions must be exchangeable", "Leave it out")
        for name in self.lengths:
            if name not in map(tail_name, TAILS):
                raise unknown("lengths", name, map(tail_name, TAILS))
        if len(self.shift) != self.vocab or abs(sum(self.shift) - 1) > 1e-9 or min(self.shift) < 0:
            raise invalid("shift", self.shift, f"it must be {self.vocab} probabilities that sum to 1")
        return self

    def sampled(self, block: str) -> bool:
        """Whether the kernel of a block has no closed form: it has softmax attention in it."""
        return '"softmax"' in self.blocks[block].model_dump_json()

    def partition(self, tail: Tail, length: int | None = None) -> tuple[int, ...]:
        """The partition of T with this tail."""
        return ((length or self.length) - sum(tail), *tail)

    def language(self, length: int | None = None) -> CategoricalMixture:
        """Independent uniform tokens."""
        return CategoricalMixture(vocab=self.vocab, sentence_length=length or self.length)

    def shifted(self) -> CategoricalMixture:
        """The same sentences with other token probabilities."""
        return CategoricalMixture(vocab=self.vocab, sentence_length=self.length, probabilities=(tuple(self.shift),))

    def of_lengths(self) -> list[tuple[str, int]]:
        """Every representation and T whose sample complexity is measured."""
        return [(name, length) for name, lengths in self.lengths.items() for length in lengths]

    def kernel(self, block: str) -> KernelRegression:
        """The regression with the kernel of a block."""
        return KernelRegression(architecture=self.blocks[block], ridge=self.ridge)

    def cell(self, names: Mapping[str, Any], task: SymmetryTarget, learner: Any, length: int, **more: Any) -> Cell:
        """One run; `names` hold its size and seed."""
        run = Run(
            language=self.language(length),
            task=task,
            learner=learner,
            training=None,
            num_examples=names["num_examples"],
            test_examples=self.test_examples,
            validation_examples=2,
            seed=names["seed"],
            **more,
        )
        return Cell(names, run)
