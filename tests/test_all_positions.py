"""The study of all positions: known answers from results made by hand, its exact entropy, its claims, a run of it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from known_results import (
    around,
    curve_through,
    enumerated,
    grammar_fact,
    is_drawn,
    marks,
    outcomes,
    record_command,
    staircase,
    store_known,
)
from syntagma.curves import judge
from syntagma.errors import InputError
from syntagma.learners import Training, Transformer
from syntagma.plot import Level
from syntagma.statistics.token_entropies import mean_token_entropy
from syntagma.studies import Cell, Facts, Results, load, machinery
from syntagma.studies.all_positions import STUDY, AllPositions, Measured
from syntagma.studies.grammar import Grammar
from syntagma.studies.machinery import Analysis
from syntagma.sweep.store import Store

TRAINING = Training(max_steps=8, batch_size=8, patience=100, train_loss_threshold=0)
GRAMMAR = Grammar(vocab=4, rules=2, depth=3)
AT = (8.0, 64.0, 512.0)
"""Thresholds of the decoder trained on the last token."""


def small(**changes: Any) -> AllPositions:
    fields: dict[str, Any] = {
        "grammar": GRAMMAR,
        "levels": 2,
        "contender": {"learner": Transformer(width=4, heads=2, layers=1), "training": TRAINING},
        "sizes": tuple(2**k for k in range(2, 11)),
        "seeds": 3,
        "test_examples": 16,
    }
    return AllPositions.model_validate(fields | changes)


def result(cell: Cell) -> dict[str, Any]:
    """Trained on all positions, the last token takes half the sentences."""
    every = cell.names["learner"] == "next-token"
    loss = (
        staircase(cell.names["num_examples"], [at * (0.5 if every else 1.0) for at in AT]) + 1e-4 * cell.names["seed"]
    )
    return {"test_last_loss": loss, "test_loss": 1.1 * loss} if every else {"test_loss": loss}


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    return store_known(tmp_path_factory.mktemp("known"), STUDY, small(), result, grammar_fact)


def test_thresholds_made_by_hand_are_recovered(known: Analysis):
    measured = known.tables["thresholds"].data.set_index(["learner", "level"])["measured"]
    assert len(measured) == 2 * 2
    assert measured["last-token", 2] == pytest.approx(AT[1], rel=0.25)
    assert measured["next-token", 2] / measured["last-token", 2] == pytest.approx(0.5, rel=0.3)
    assert outcomes(known, "level 2: sentences") == ["agrees"]


def test_the_figure_shows_the_exact_entropy_below_the_loss_of_all_positions(known: Analysis):
    assert [figure.name for figure in known.figures] == ["positions"]
    assert is_drawn(known.figures[0])
    right = known.figures[0].panels[1]
    assert [mark.height for mark in right.marks if isinstance(mark, Level)] == [0.3]
    assert len(marks(known, "positions")) == 4 + 1


@pytest.mark.parametrize("task", ["next-token", "last-token"])
def test_the_figure_is_drawn_with_pieces_missing(tmp_path: Path, task: str):
    analysis = store_known(
        tmp_path, STUDY, small(), result, grammar_fact, when=lambda cell: cell.names["learner"] == task
    )
    assert is_drawn(analysis.figures[0])
    assert set(outcomes(analysis, "sentences")) == {"open"}


@pytest.mark.parametrize(("factor", "outcome"), [(0.5, "agrees"), (1.02, "open"), (3.0, "disagrees")])
def test_more_sentences_on_all_positions_than_on_the_last_disagree(factor: float, outcome: str):
    settings = small(seeds=5)
    both = {}
    for name, times in (("next-token", factor), ("last-token", 1.0)):
        seeds = [around(10.0 * 10.0**level * times, level + (name == "next-token")) for level in range(3)]
        both[name,] = curve_through(seeds)
    found = judge(STUDY.claims(Measured(settings, Facts(), both, None, 0.3)))
    assert {verdict.outcome for verdict in found} == {outcome}
    assert len(found) == 2
    assert all(verdict.claim.source for verdict in found)


def test_what_was_not_measured_is_open(tmp_path: Path):
    assert {v.outcome for v in judge(STUDY.claims(Measured(small(), Facts(), {}, None, 0.3)))} == {"open"}
    alone = store_known(tmp_path, STUDY, small(seeds=1), result, grammar_fact)
    assert {v.outcome for v in alone.verdicts} == {"open"}


@pytest.mark.parametrize("exponent", [0.0, 1.0])
def test_mean_entropy_against_enumeration(exponent: float):
    settings = Grammar(vocab=3, rules=2, depth=2).language(0, exponent)
    _, p = enumerated(settings)
    assert mean_token_entropy(settings.language()) == pytest.approx(-p[p > 0] @ np.log(p[p > 0]) / 4)


def test_equal_rules_have_a_mean_entropy_in_closed_form():
    language = Grammar(vocab=4, rules=3, depth=3).language(1)
    assert mean_token_entropy(language.language()) == pytest.approx((math.log(4) + 7 * math.log(3)) / 8)


def test_predictions_are_exact_losses_of_each_grammar():
    tables = machinery.predict(STUDY, small())
    entropies = tables["entropies"].data
    assert entropies["grammar_seed"].tolist() == [0, 1, 2]
    assert entropies["loss_nats"].to_numpy() == pytest.approx((math.log(4) + 7 * math.log(2)) / 8)
    assert len(tables["plateaus"].data) == 4


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"grammar": {"vocab": 4, "rules": 5, "depth": 3}}, "rules=5"),
        ({"levels": 3}, "levels=3 cannot be used: levels below the root"),
        ({"seeds": 0}, "seeds"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, Any], text: str):
    with pytest.raises(ValueError, match=text):
        small(**changes)


def test_presets_are_planned():
    assert load(STUDY.name) is STUDY
    for settings in STUDY.presets.values():
        cells = list(STUDY.cells(settings, Facts(), Results()))
        assert {cell.run.task.kind for cell in cells} == {"next-token", "last-token"}
        assert len(cells) == 2 * len(settings.sizes) * settings.seeds


def test_no_finished_run_is_said_in_one_line(tmp_path: Path):
    with Store.create(tmp_path) as store:
        record_command(store, STUDY, small())
        with pytest.raises(InputError, match="no run of these settings is finished yet"):
            machinery.analyse(STUDY, store)


def test_a_small_run_trains_and_resumes(tmp_path: Path):
    settings = small(seeds=1, sizes=(8,))
    with Store.create(tmp_path) as store:
        record_command(store, STUDY, settings)
        machinery.run(STUDY, settings, store, 1, lambda text, done: None)
        machinery.run(STUDY, settings, store, 1, lambda text, done: pytest.fail(f"did {text} again"))
        runs = machinery.analyse(STUDY, store).tables["runs"].data.set_index("learner")
        measured = STUDY.measure(settings, Facts(store.facts(STUDY.name)), Results(store.results(), store))
    for name, metric in (("next-token", "test_last_loss"), ("last-token", "test_loss")):
        assert measured.last[name,].curve.losses.tolist() == [[runs.loc[name, metric]]]
    assert measured.every is not None
    assert measured.every.losses.tolist() == [[runs.loc["next-token", "test_loss"]]]
