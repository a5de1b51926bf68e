"""The study of weight sharing: what it says of networks whose thresholds are known, and what it predicts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from staircases import store_staircases
from syntagma.learners import HierarchicalCNN, LocallyConnected, Training
from syntagma.plot import Points
from syntagma.studies import load, machinery
from syntagma.studies.rules_grid import Entrant, RulesGrid
from syntagma.studies.weight_sharing import PRESETS, STATISTICS
from syntagma.sweep.store import Store
from syntagma.theory import exact
from syntagma.theory.last_token import evidence

STUDY = load("weight-sharing")
SETTINGS = RulesGrid(
    vocab=8,
    rules=(2, 4),
    depth=3,
    levels=3,
    seeds=3,
    growth=2**0.5,
    max_examples=2**17,
    learners={
        "cnn": Entrant(learner=HierarchicalCNN(width=8), training=Training(max_steps=8)),
        "locally-connected": Entrant(learner=LocallyConnected(width=8), training=Training(max_steps=8)),
        "neighbours": PRESETS["quick"].learners["neighbours"],
    },
)
OVER = "examples that the locally connected network needs for level 3 over those with sharing"


@pytest.mark.parametrize("shared", [True, False])
def test_a_network_without_sharing_is_told_by_the_growth_of_its_examples(tmp_path: Path, shared: bool) -> None:
    own = {name: entrant.learner for name, entrant in SETTINGS.learners.items()}
    exactly = own | {"locally-connected": own["cnn" if shared else "locally-connected"]}
    store_staircases(STUDY, tmp_path, SETTINGS, factor=3.0, exactly=exactly, spread=0.05)
    with Store.open(tmp_path, read_only=True) as store:
        analysis = machinery.analyse(STUDY, store)
    found = {verdict.claim.text: verdict for verdict in analysis.verdicts}
    growth = found[f"{OVER}: growth with m, from far tokens alone"]
    grid = 0.1 / np.log(2)  # a crossing is interpolated between sizes a factor 2^0.5 apart: within 10 %
    assert growth.claim.measured.value == pytest.approx(0.0 if shared else growth.claim.number, abs=grid)
    assert growth.outcome == ("disagrees" if shared else "agrees")
    as_many = found[f"{OVER}, m = 4: as many as from far tokens alone"]
    grammars = [SETTINGS.language(4, seed).language() for seed in range(3)]
    tokens, tuples = (exact.mean_thresholds(grammars, kind)[2] for kind in ("tokens", "tuples"))
    assert as_many.claim.number == pytest.approx(tokens / tuples)
    assert as_many.claim.measured.value == pytest.approx(1.0 if shared else as_many.claim.number, rel=0.2)
    assert as_many.outcome == ("disagrees" if shared else "agrees")
    alone = found["P_3 of the locally connected network grows with m"]
    assert alone.outcome == "finding"  # its three exponents exclude one another
    assert [f"by {name}" in alone.claim.predicted for name in STATISTICS] == [True] * 3
    assert found["P_3 of the convolutional network grows with m as tuples say"].claim.rule == "equals"
    assert "P_3 of the clusterer grows with m as what it reads says" in found
    figure = analysis.figures[0]
    assert figure.name == "weight-sharing"
    points = next(mark for mark in figure.panels[1].marks if isinstance(mark, Points))
    assert list(points.x) == [2, 4]


def test_each_statistic_is_predicted_and_no_level_comes_before_those_below() -> None:
    table = machinery.predict(STUDY, SETTINGS)["predictions"].data.set_index(["rules", "level"])
    languages = [SETTINGS.language(4, seed).language() for seed in range(3)]
    for name, kind in STATISTICS.items():
        expected = np.maximum.accumulate(exact.mean_thresholds(languages, kind))
        assert [table.loc[(4, level), name] for level in (1, 2, 3)] == pytest.approx(expected)


def test_presets_have_the_twins_and_a_clusterer_for_each_statistic() -> None:
    for settings in PRESETS.values():
        learners = {name: entrant.learner for name, entrant in settings.learners.items()}
        assert list(learners) == ["cnn", "locally-connected", "last-token", "shared", "neighbours"]
        read = [evidence(learners[name]) for name in ("last-token", "shared", "neighbours")]
        assert read == ["tokens", "tuples", "conditional"]
