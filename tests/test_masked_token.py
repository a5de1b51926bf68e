"""The study of a masked token: known answers from results made by hand, exact losses, its claim, and a run of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from known_results import enumerated, grammar_fact, is_drawn, marks, outcomes, record_command, store_known
from syntagma.curves import LearningCurve, judge
from syntagma.errors import InputError
from syntagma.learners import HierarchicalCNN, Training
from syntagma.statistics.token_entropies import one_token_entropy
from syntagma.studies import Cell, Facts, Results, load, machinery
from syntagma.studies.grammar import Grammar
from syntagma.studies.machinery import Analysis
from syntagma.studies.masked_token import NEAR, STUDY, MaskedTokens, Measured, masked_floor
from syntagma.sweep.store import Store

TRAINING = Training(max_steps=8, batch_size=8, patience=100, train_loss_threshold=0)
GRAMMAR = Grammar(vocab=4, rules=2, depth=3)


def small(**changes: Any) -> MaskedTokens:
    fields: dict[str, Any] = {
        "grammar": GRAMMAR,
        "learners": {"cnn": {"learner": HierarchicalCNN(width=4), "training": TRAINING}},
        "sizes": (16, 64),
        "seeds": 3,
        "test_examples": 16,
    }
    return MaskedTokens.model_validate(fields | changes)


def result(cell: Cell) -> dict[str, Any]:
    """A hundredth of a nat above the posterior at the largest size; chance is 1.4, the posterior 0.4."""
    excess = (0.01 if cell.names["num_examples"] == 64 else 0.1) + 1e-4 * cell.names["seed"]
    return {"test_loss": 0.4 + excess, "oracle_loss": 0.4, "excess_loss": excess}


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    return store_known(tmp_path_factory.mktemp("known"), STUDY, small(), result, grammar_fact)


def test_the_excess_made_by_hand_is_recovered(known: Analysis):
    row = known.tables["masked"].data.iloc[0]
    assert row["measured"] == pytest.approx(0.0101)
    assert row["high"] - row["low"] == pytest.approx(2 * 4.3027 * 1e-4 / 3**0.5, rel=1e-3)  # t(0.975, 2) s / sqrt(3)
    assert row["near"] == pytest.approx(NEAR * (1.4 - 0.4))
    assert outcomes(known, "comes near the exact posterior") == ["agrees"]
    claim = known.verdicts[0].claim
    assert claim.predicted == "loss above it < 5% of the gap from chance, 0.050 nats"
    assert claim.source


def test_the_figure_shows_chance_and_the_posterior(known: Analysis):
    assert [figure.name for figure in known.figures] == ["masked"]
    assert is_drawn(known.figures[0])
    assert [mark.height for mark in marks(known, "masked")] == pytest.approx([1.4, 0.4, 1.0, NEAR])


def test_the_figure_is_drawn_with_pieces_missing(tmp_path: Path):
    analysis = store_known(
        tmp_path, STUDY, small(), result, grammar_fact, when=lambda cell: cell.names["num_examples"] == 16
    )
    assert is_drawn(analysis.figures[0])
    assert outcomes(analysis, "comes near") == ["open"]


@pytest.mark.parametrize(("excess", "outcome"), [(0.5 * NEAR, "agrees"), (NEAR, "open"), (2 * NEAR, "disagrees")])
def test_an_excess_beyond_what_is_near_disagrees(excess: float, outcome: str):
    values = excess + 0.1 * NEAR * np.array([[-1.0], [0.0], [1.0]])
    curve = LearningCurve(np.array([64.0]), values)
    found = judge(STUDY.claims(Measured(small(), {("cnn",): curve}, {("cnn",): curve}, 1.4, 0.4)))
    assert [verdict.outcome for verdict in found] == [outcome]


def test_what_was_not_measured_is_open(tmp_path: Path):
    assert [v.outcome for v in judge(STUDY.claims(Measured(small(), {}, {}, 1.4, 0.4)))] == ["open"]
    alone = store_known(tmp_path, STUDY, small(seeds=1), result, grammar_fact)
    assert [v.outcome for v in alone.verdicts] == ["open"]


@pytest.mark.parametrize("exponent", [0.0, 1.0])
def test_exact_losses_against_enumeration(exponent: float):
    settings = Grammar(vocab=3, rules=2, depth=2).language(0, exponent)
    every, p = enumerated(settings)
    surprise = -p[p > 0] @ np.log(p[p > 0])
    laws = [np.bincount(every[:, i], p, 3) for i in range(4)]
    expected = np.mean([-law[law > 0] @ np.log(law[law > 0]) for law in laws])
    assert one_token_entropy(settings.language()) == pytest.approx(expected)
    others = []
    for i in range(4):
        rest = np.delete(every, i, axis=1) @ [9, 3, 1]
        marginal = np.bincount(rest, p, 27)
        others.append(surprise + marginal[marginal > 0] @ np.log(marginal[marginal > 0]))
    floor, error = masked_floor(settings)
    assert abs(floor - np.mean(others)) < 4 * error


def test_predictions_are_the_exact_losses():
    bounds = machinery.predict(STUDY, small())["bounds"].data
    assert set(bounds["grammar_seed"]) == {0, 1, 2}
    wide = bounds.pivot_table(index="grammar_seed", columns="of", values="loss_nats")
    for seed, language in enumerate(small().languages()):
        assert wide.loc[seed, "nothing known"] == pytest.approx(one_token_entropy(language.language()))
        assert wide.loc[seed, "all other tokens known"] == pytest.approx(masked_floor(language)[0])


@pytest.mark.parametrize(
    ("changes", "text"), [({"grammar": {"vocab": 4, "rules": 5, "depth": 3}}, "rules=5"), ({"seeds": 0}, "seeds")]
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, Any], text: str):
    with pytest.raises(ValueError, match=text):
        small(**changes)


def test_presets_are_planned():
    assert load(STUDY.name) is STUDY
    for settings in STUDY.presets.values():
        cells = list(STUDY.cells(settings, Facts(), Results()))
        assert len({cell.run.id() for cell in cells}) == len(settings.learners) * len(settings.sizes) * settings.seeds
        assert {cell.run.task.kind for cell in cells} == {"masked-token"}


def test_no_finished_run_is_said_in_one_line(tmp_path: Path):
    with Store.create(tmp_path) as store:
        record_command(store, STUDY, small())
        with pytest.raises(InputError, match="no run of these settings is finished yet"):
            machinery.analyse(STUDY, store)


def test_a_small_run_trains_and_resumes(tmp_path: Path):
    settings = small(seeds=1, sizes=(16,))
    with Store.create(tmp_path) as store:
        record_command(store, STUDY, settings)
        machinery.run(STUDY, settings, store, 1, lambda text, done: None)
        machinery.run(STUDY, settings, store, 1, lambda text, done: pytest.fail(f"did {text} again"))
        tables = machinery.analyse(STUDY, store).tables
    assert (tables["masked"].data["measured"] > 0).all()
    cut = "; training, not data, may have ended the curve"
    short = [str(run) == "True" for run in tables["runs"].data["cut_short"]]
    assert tables["masked"].data["note"].tolist() == [f"one seed: no interval{cut * one}" for one in short]
