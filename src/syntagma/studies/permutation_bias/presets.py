"""Sizes of the study: quick, laptop and full."""

from __future__ import annotations

from collections.abc import Mapping

from syntagma.kernels import Architecture, Attention, Dense, Embedding, Residual
from syntagma.studies.permutation_bias.mixtures import Mixture
from syntagma.studies.permutation_bias.settings import TAILS, PermutationBias


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
        outputs_size=32,
        mixture=Mixture(sizes=(64, 256)),
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
        outputs_size=32,
        mixture=Mixture(sizes=(64, 256, 1024, 2048), models=(1, 2, 8), seeds=6),
        word_vocab=128,
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
        outputs_size=64,
        mixture=Mixture(vocab=8, length=16, sizes=tuple(2**k for k in range(6, 14)), models=(1, 2, 8, 32), seeds=12),
        word_vocab=256,
    ),
}
