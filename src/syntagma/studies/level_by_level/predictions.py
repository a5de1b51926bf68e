"""What theory and the exact statistics say beforehand, as tables; nothing is trained."""

from __future__ import annotations

import pandas as pd

from syntagma.statistics.correlations import correlations
from syntagma.studies.level_by_level.settings import LevelByLevel
from syntagma.theory import hierarchy as theory
from syntagma.theory.correlations import squared_covariance


def token_predictions(settings: LevelByLevel) -> pd.DataFrame:
    """P_l of the last token for each m, level and law."""
    rows = []
    for m in settings.rules:
        for shared in (True, False):
            found = theory.thresholds(settings.vocab, m, settings.branching, settings.depth, shared)
            known = {"rules": m, "law": theory.law_name(shared), "source": theory.SOURCE}
            rows += [known | {"level": level, "num_examples": P} for level, P in enumerate(found, start=1)]
    return pd.DataFrame(rows)


def class_predictions(settings: LevelByLevel) -> pd.DataFrame:
    """P* = n_c m^L of every class task."""
    grid = settings.root_class
    return pd.DataFrame(
        {
            "rules": m,
            "classes": classes,
            "num_examples": theory.class_sample_complexity(classes, m, settings.depth),
            "source": theory.CLASS_SOURCE,
        }
        for m in grid.rules
        for classes in grid.classes
    )


def correlation_table(settings: LevelByLevel) -> pd.DataFrame:
    """Squared covariances of the last token, exact for each grammar and on average over grammars, by kind and level."""
    s = settings
    return pd.DataFrame(
        {
            "rules": m,
            "grammar seed": seed,
            "kind": one.kind,
            "level": one.level,
            "squared_covariance": one.squared_covariance,
            "ensemble": squared_covariance(s.vocab, m, s.branching, s.depth, one.level, one.kind),
            "floor": one.floor,
            "examples_needed": one.examples_needed,
        }
        for m in s.rules
        for seed in range(s.seeds)
        for one in correlations(s.language(m, seed).language())
    )
