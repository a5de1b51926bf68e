"""What theory and the exact oracle say of the grid, as tables; nothing is trained."""

from __future__ import annotations

import pandas as pd

from syntagma.oracles import TreeOracle
from syntagma.studies.scaling_laws.settings import ScalingLaws
from syntagma.theory import hierarchy as theory


def predictions_table(settings: ScalingLaws) -> pd.DataFrame:
    """P_l for each m, level and law."""
    return pd.DataFrame(
        {"rules": m, "level": level, "law": theory.law_name(shared), "num_examples": size, "source": theory.SOURCE}
        for m in settings.rules
        for shared in (True, False)
        for level, size in enumerate(
            theory.thresholds(settings.vocab, m, settings.branching, settings.depth, shared), start=1
        )
    )


def exponents_table(settings: ScalingLaws) -> pd.DataFrame:
    """alpha of loss ~ P^(-alpha) over many levels, for each m and law."""
    return pd.DataFrame(
        {
            "rules": m,
            "law": theory.law_name(shared),
            "exponent": theory.scaling_exponent(settings.vocab, m, settings.branching, shared),
            "source": theory.SOURCE,
        }
        for m in settings.rules
        for shared in (True, False)
    )


def plateaus_table(settings: ScalingLaws) -> pd.DataFrame:
    """Exact plateaus of every grammar, in nats."""
    return pd.DataFrame(
        {"rules": m, "grammar seed": seed, "level": level, "loss_nats": e.value, "error": e.standard_error}
        for m in settings.rules
        for seed in range(settings.seeds)
        for level, e in enumerate(TreeOracle(settings.language(m, seed).language()).plateaus())
    )
