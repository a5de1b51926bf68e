"""An analysis from made-up measurements, for the tests of `syntagma.report`, here and in a browser."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pandas as pd

import plot_examples
from syntagma.curves import Claim, PerSeed, judge, unmeasured
from syntagma.studies.machinery import Analysis
from syntagma.studies.schemas import GROWTH, RUNS, THRESHOLDS, Table

PAPER = "2505.07070"


def seeds(*values: float) -> Any:
    return PerSeed.exact(values, log=True).interval()


CLAIMS = (
    Claim("P_3 of the convolutional network grows like m^4", "4", seeds(3.9, 4.0, 4.1), "equals", 4.0, PAPER, 1.5),
    Claim("P_3 of the attention-only transformer grows like m^5", "5", seeds(4.1, 4.2, 4.3), "equals", 5.0, PAPER, 1.5),
    Claim("P_1 grows like m", "1", unmeasured("two values of m only"), "equals", 1.0, PAPER),
    Claim("growth of P_3 of the transformer", "none", seeds(2.9, 3.1, 3.3), source="this study"),
)
VERDICTS = judge(CLAIMS)
OUTCOMES = ["agrees", "disagrees", "open", "finding"]
NOTES = ("1 of 1,250 runs diverged in training; claims that rest on one are open.", "Two machines made these results.")
CAPTIONED = "Twelve curves < thirteen & more, with P_3 in it."


def thresholds() -> Table:
    rng = np.random.default_rng(7)
    rows = []
    for label in ("convolutional", "attention-only", "transformer"):
        for rules in (2, 3, 4):
            for level in (1, 2, 3):
                predicted = math.nan if label == "transformer" else 16.0 * rules**level
                missing = label == "transformer" and level == 3
                measured = math.nan if missing else 6 * 16.0 * rules**level * math.exp(0.05 * rng.standard_normal())
                rows.append(
                    {"label": label, "rules": rules, "level": level, "predicted": predicted, "measured": measured,
                     "low": measured / 1.3, "high": measured * 1.3, "ratio": measured / predicted,
                     "note": "the curve has not crossed half-way at the largest P" if missing else "",
                     "whole_story": "not shown"}
                )  # fmt: skip
    return THRESHOLDS.table(rows)


def growth() -> Table:
    rows = [
        {"label": label, "level": level, "predicted": law, "measured": law * 1.1, "low": law * 0.9, "high": math.nan,
         "num_points": 3, "note": ""}
        for label, law in (("convolutional", 2.0), ("attention-only", 3.0)) for level in (1, 2, 3)
    ]  # fmt: skip
    return GROWTH.table(rows)


def runs() -> Table:
    number = 1250
    data = {"id": [f"r{i}" for i in range(number)], "num_examples": [32] * number, "seed": list(range(number))}
    return RUNS.table(pd.DataFrame(data | {"seconds": [1.5] * number}))


def analysis_of(**changes: Any) -> Analysis:
    figures = [dataclasses.replace(one, caption=CAPTIONED) for one in plot_examples.all_figures()]
    provenance = {
        "preset": "laptop",
        "settings": {"vocab": 16, "rules": [2, 3, 4], "learners": {"cnn": {"width": 512}}, "unset": None},
        "command": "syntagma run scaling-laws --preset laptop",
        "versions": {"python": "3.12.1", "jax": "0.10.2"},
        "machine": {"processor": "An invented processor", "cores": 2},
        "seconds": 1834.2,
    }
    tables = {table.name: table for table in (thresholds(), growth(), runs())}
    whole = {
        "study": "scaling-laws", "title": "Scaling laws", "paper": PAPER, "tables": tables, "verdicts": VERDICTS,
        "figures": tuple(figures), "notes": NOTES, "provenance": provenance,
    }  # fmt: skip
    return Analysis(**(whole | changes))
