"""The grids of the study and its presets.

Representations of S_T are named by their tails, the partition without its first row: () is (T), (1,) is (T-1, 1), (2,)
is (T-2, 2) and (1, 1) is (T-2, 1, 1), so that one name holds at every T.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import Field, ValidationInfo, field_validator, model_validator

from syntagma.errors import invalid, unknown
from syntagma.kernels import Architecture, Attention, Dense, Embedding, Residual
from syntagma.languages import CategoricalMixture
from syntagma.languages.settings import TextSettings
from syntagma.learners import KernelRegression, LangevinPosterior
from syntagma.studies.grid import Cell
from syntagma.studies.study import Settings
from syntagma.sweep.runs import Run
from syntagma.tasks import SymmetryTarget

NAME = "permutation-bias"
TAILS = ((), (1,), (2,), (1, 1))
Tail = tuple[int, ...]


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
    text: TextSettings | None = None
    windows: tuple[int, ...] = (8, 32)

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

    def curve_cells(self) -> Iterator[Cell]:
        """Learning curves of kernel regression and of finite networks, by representation."""
        for tail in TAILS:
            for size in self.sizes:
                for seed in range(self.seeds):
                    yield self._curve_cell(tail, "kernel", self._kernel(self.block), size, seed)
        for width in self.networks:
            network = LangevinPosterior(
                architecture=self.blocks[self.block],
                width=width,
                head_size=1,
                ridge=self.ridge,
                steps=self.network_steps,
            )
            for tail in self.network_tails:
                for size in self.network_sizes:
                    for seed in range(self.network_seeds):
                        yield self._curve_cell(tail, f"width {width}", network, size, seed)

    def growth_cells(self, predicted: Mapping[tuple[str, int], float]) -> Iterator[Cell]:
        """Kernel regressions around the predicted sample complexity of each representation and T."""
        for name, lengths in self.lengths.items():
            tail = next(tail for tail in TAILS if tail_name(tail) == name)
            for length in lengths:
                middle = predicted[name, length]
                factors = [2.0 ** (0.5 * k) for k in range(-2 * self.reach, 2 * self.reach + 1)]
                for size in sorted({max(1, round(middle * factor)) for factor in factors}):
                    for seed in range(self.seeds):
                        task = SymmetryTarget(partition=self.partition(tail, length))
                        names = {"panel": "growth", "tail": name, "length": length, "num_examples": size, "draw": seed}
                        yield Cell(
                            names, self._run(self.language(length), task, self._kernel(self.growth_block), size, seed)
                        )

    def _curve_cell(
        self, tail: Tail, learner_name: str, learner: KernelRegression | LangevinPosterior, size: int, seed: int
    ) -> Cell:
        scale = 1.0 if isinstance(learner, KernelRegression) else self.network_scale
        task = SymmetryTarget(partition=self.partition(tail), seed=0, scale=scale)
        names = {
            "panel": "curves",
            "scale": scale,
            "learner": learner_name,
            "tail": tail_name(tail),
            "num_examples": size,
            "draw": seed,
        }
        run = self._run(self.language(), task, learner, size, seed)
        return Cell(names, run.model_copy(update={"tests": {"shifted": self.shifted()}}))

    def _kernel(self, block: str) -> KernelRegression:
        return KernelRegression(architecture=self.blocks[block], ridge=self.ridge)

    def _run(
        self,
        language: CategoricalMixture,
        task: SymmetryTarget,
        learner: KernelRegression | LangevinPosterior,
        size: int,
        seed: int,
    ) -> Run:
        return Run(
            language=language,
            task=task,
            learner=learner,
            training=None,
            num_examples=size,
            test_examples=self.test_examples,
            seed=seed,
        )


def tail_name(tail: Tail) -> str:
    """The representation for any T: `(T-2,1,1)` for (1, 1)."""
    return f"(T-{sum(tail)},{','.join(map(str, tail))})" if tail else "(T)"


def _blocks(vocab: int) -> dict[str, Architecture]:
    embedding = Embedding(vocab=vocab, position_variance=1.0)
    attention, softmax = Attention(scores="linear"), Attention(scores="softmax")
    relu = Dense(activation="relu")
    mlp = Residual(of=(relu, Dense(activation="linear")))
    layers = {
        "linear attention": (attention,),
        "softmax attention": (softmax,),
        "attention + ReLU": (attention, relu),
        "two attentions": (attention, attention),
        "residual block": (Residual(of=(attention,)), mlp),
    }
    return {name: Architecture(embedding=embedding, layers=stack, readout="mean") for name, stack in layers.items()}


_COMMON = {"blocks": _blocks(3), "block": "attention + ReLU", "growth_block": "attention + ReLU"}

PRESETS: Mapping[str, PermutationBias] = {
    "quick": PermutationBias(
        **_COMMON,
        length=6,
        sizes=(8, 16, 32, 64, 128, 256),
        seeds=6,
        samples=256,
        networks=(16, 64),
        network_sizes=(8, 32),
        network_seeds=2,
        network_tails=((1,),),
        network_steps=2000,
        widths=(32, 64, 128, 256),
        draws=16,
        lengths={"(T-1,1)": (4, 6, 8, 12), "(T-2,2)": (4, 6, 8)},
        windows=(8, 32),
    ),
    "laptop": PermutationBias(
        **_COMMON,
        length=7,
        sizes=(4, 8, 16, 32, 64, 128, 256, 512, 1024),
        seeds=12,
        networks=(16, 64, 128),
        network_sizes=(8, 16, 32),
        network_tails=((), (1,)),
        widths=(32, 64, 128, 256, 512, 1024),
        draws=32,
        lengths={"(T-1,1)": (4, 6, 8, 12, 16, 24), "(T-2,2)": (4, 6, 8, 12), "(T-2,1,1)": (4, 6, 8, 12)},
        reach=1,
        windows=(4, 8, 16, 32, 64),
    ),
    "full": PermutationBias(
        **_COMMON,
        length=8,
        sizes=tuple(2**k for k in range(2, 14)),
        seeds=32,
        test_examples=4000,
        networks=(64, 256, 1024),
        network_sizes=(8, 16, 32, 64, 128, 256),
        network_tails=TAILS,
        network_seeds=8,
        network_steps=32_000,
        samples=4096,
        widths=tuple(2**k for k in range(5, 14)),
        draws=64,
        lengths={
            "(T-1,1)": (4, 8, 16, 32, 64, 128),
            "(T-2,2)": (4, 6, 8, 12, 16, 24),
            "(T-2,1,1)": (4, 6, 8, 12, 16, 24),
        },
        windows=(4, 8, 16, 32, 64, 128),
    ),
}
