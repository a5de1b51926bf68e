"""The study of one pass: known answers from results made by hand, its claims, its figure, and a run of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from known_results import (
    around,
    curve_through,
    grammar_fact,
    grammar_facts,
    is_drawn,
    record_command,
    staircase,
    store_known,
)
from syntagma.curves import Verdict, judge
from syntagma.errors import InputError
from syntagma.learners import HierarchicalCNN, MultiLayerAttention, Training
from syntagma.studies import Cell, Facts, Results, load, machinery
from syntagma.studies.grammar import Grammar
from syntagma.studies.machinery import Analysis
from syntagma.studies.one_pass import STUDY, Measured, OnePass
from syntagma.sweep.store import Store
from syntagma.theory import hierarchy as theory

TRAINING = Training(max_steps=8, batch_size=8, patience=100, train_loss_threshold=0)
ONCE = TRAINING.model_copy(update={"max_epochs": 1, "max_steps": 8})
GRAMMAR = Grammar(vocab=4, rules=2, depth=3)
PREFACTOR = 1.5


def small(**changes: Any) -> OnePass:
    attention = MultiLayerAttention(width=4, heads=2, layers=1)
    fields: dict[str, Any] = {
        "grammar": GRAMMAR,
        "levels": 2,
        "learners": {
            "cnn": {"learner": HierarchicalCNN(width=4), "training": ONCE, "steps": 8, "fixed": TRAINING},
            "attention": {"learner": attention, "training": ONCE, "steps": 8},
        },
        "sizes": (4, 16, 64, 256, 1024),
        "seeds": 3,
        "test_examples": 16,
    }
    return OnePass.model_validate(fields | changes)


def result(cell: Cell) -> dict[str, Any]:
    """Fixed sets have the laws' thresholds times a prefactor; a pass takes four times as many."""
    at = [PREFACTOR * GRAMMAR.law(cell.run.learner, level) for level in (1, 2, 3)]
    off = 1e-4 * cell.names["seed"]
    if cell.names["part"] == "fixed sets":
        return {"test_loss": staircase(cell.names["num_examples"], at) + off}
    steps = (0, 1, 2, 4, 8, 16, 32, 64, 128)
    seen = [{"step": step, "validation_loss": staircase(max(8 * step, 1), [4 * x for x in at]) + off} for step in steps]
    return {"test_loss": seen[-1]["validation_loss"], "history": seen}


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    return store_known(tmp_path_factory.mktemp("known"), STUDY, small(), result, grammar_fact)


def test_thresholds_made_by_hand_are_recovered(known: Analysis):
    table = known.tables["thresholds"].data
    assert len(table) == 2 * 2
    np.testing.assert_allclose(table["measured"] / table["predicted"], 4 * PREFACTOR, rtol=0.25)
    over = known.tables["over-fixed"].data.set_index(["learner", "level"])["measured"]
    assert over["cnn", 2] == pytest.approx(4, rel=0.3)
    assert "attention" not in over.index.unique("learner")  # it has no fixed sets


@pytest.mark.parametrize("part", ["one pass", "fixed sets", ""])
def test_the_figure_is_drawn_with_pieces_missing(tmp_path: Path, part: str):
    when = (lambda cell: cell.names["part"] == part) if part else (lambda cell: True)
    analysis = store_known(tmp_path, STUDY, small(), result, grammar_fact, when=when)
    assert [figure.name for figure in analysis.figures] == ["one-pass"]
    assert is_drawn(analysis.figures[0])


def measured_by_hand(
    settings: OnePass,
    passes: Sequence[float] = (1000.0, 1_000_000.0, 1e7),
    fixed: Sequence[float] = (100.0, 10_000.0, 1e6),
) -> Measured:
    """What agrees with every prediction, with noise; thresholds of levels 1, 2 and 3."""

    def curve(thresholds: Sequence[float]) -> Any:
        return curve_through([around(at, place)[: settings.seeds] for place, at in enumerate(thresholds)])

    facts, both = grammar_facts(STUDY, settings), {(name,): curve(passes) for name in settings.learners}
    return Measured(settings, facts, both, {("cnn",): curve(fixed)})


def verdicts(measured: Measured) -> tuple[Verdict, ...]:
    return judge(STUDY.claims(measured))


def outcomes(found: tuple[Verdict, ...], *words: str) -> set[str]:
    said = {v.outcome for v in found if all(word in v.claim.text for word in words)}
    assert said, words
    return said


def test_verdicts_agree_where_every_prediction_holds():
    found = verdicts(measured_by_hand(small(seeds=5)))
    assert {v.outcome for v in found} == {"agrees", "finding"}
    assert outcomes(found, "over the predicted P_") == {"finding"}
    assert outcomes(found, "after level 1") == outcomes(found, "over those of a fixed set") == {"agrees"}
    assert all(v.claim.source and v.measured for v in found)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        # a level that is learned with the one before it, or a little later than noise: nothing is said of it
        ({"passes": (50.0, 51.0, 1e7)}, ("level 1", "over those of a fixed set")),
        ({"passes": (1000.0, 1_000_000.0, 1e7), "fixed": (4000.0, 2_000_000.0, 1e7)}, ("level 2", "of a fixed set")),
    ],
)
def test_verdicts_disagree_where_a_pass_sees_fewer_than_fixed_sets(changes: Mapping[str, Any], words: tuple[str, ...]):
    assert outcomes(verdicts(measured_by_hand(small(seeds=5), **changes)), *words) == {"disagrees"}


def test_verdicts_disagree_where_a_level_is_learned_before_the_one_below():
    """Plateaus that fall the wrong way: half-way to level 2 lies above half-way to level 1."""
    settings = small(seeds=5)
    measured = measured_by_hand(settings)
    turned = {}
    for name, curve in measured.passes.items():
        heights = curve.plateaus[:, [1, 2, 0, 3]]
        turned[name] = type(curve)(curve.curve, heights)
    assert (next(iter(turned.values())).half_way(2) > next(iter(turned.values())).half_way(1)).all()
    found = verdicts(replace(measured, passes=turned))
    assert outcomes(found, "learns level 2 after level 1") == {"disagrees"}


def test_what_was_not_measured_is_open():
    settings = small()
    assert {v.outcome for v in verdicts(replace(measured_by_hand(settings), passes={}, fixed={}))} == {"open"}
    assert {v.outcome for v in verdicts(measured_by_hand(small(seeds=1)))} == {"open", "finding"}


def test_thresholds_predicted_are_the_formula():
    tables = machinery.predict(STUDY, small())
    rows = tables["predictions"].data
    at = rows[rows["regime"] == "asymptotic law"].set_index(["law", "level"])["num_examples"]
    laws = theory.law_name(True), theory.law_name(False)
    assert at[laws[0], 2] == pytest.approx(4 * 2**3 / (1 - 2 / 4))
    assert at[laws[1], 1] == pytest.approx(4 * 2 / (1 - 2 / 4))
    assert len(tables["plateaus"].data) == 4


def test_more_than_one_pass_is_refused():
    learners = small().model_dump()["learners"]
    learners["cnn"]["training"]["max_epochs"] = 2
    with pytest.raises(ValueError, match="one pass of 8 steps"):
        small(learners=learners)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"grammar": {"vocab": 4, "rules": 5, "depth": 3}}, "rules=5"),
        ({"grammar": {"vocab": 4, "rules": 2, "depth": 2}}, "levels=2 cannot be used: levels below the root"),
        ({"seeds": 0}, "seeds"),
        ({"sizes": (0, 4)}, "the smallest value=0 cannot be used"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, Any], text: str):
    with pytest.raises(ValueError, match=text) as refused:
        small(**changes)
    assert refused.value.errors()[0]["msg"].count("\n") == 0  # pyright: ignore


def test_presets_are_planned():
    assert load(STUDY.name) is STUDY
    for settings in STUDY.presets.values():
        cells = list(STUDY.cells(settings, Facts(), Results()))
        assert {cell.names["part"] for cell in cells} == {"one pass", "fixed sets"}
        for one in settings.learners.values():
            assert one.training.length(one.num_examples) == one.steps


def test_fixed_sets_of_the_quick_preset_are_those_that_grammar_sizes_trains_on():
    """So that both studies in one directory train them once."""
    planned = machinery.plan(STUDY, STUDY.presets["quick"])
    own = [cell for cell in planned if cell.names["part"] == "fixed sets" and cell.names["learner"] == "cnn"]
    other = load("grammar-sizes")
    grown = {cell.run.id() for cell in other.cells(other.presets["quick"], Facts(), Results())}
    assert sum(cell.run.id() in grown for cell in own) > len(own) / 2


def test_no_finished_run_is_said_in_one_line(tmp_path: Path):
    with Store.create(tmp_path) as store:
        record_command(store, STUDY, small())
        with pytest.raises(InputError, match="no run of these settings is finished yet"):
            machinery.analyse(STUDY, store)


def test_a_small_run_trains_and_resumes(tmp_path: Path):
    settings = small(seeds=1, learners={"cnn": small().learners["cnn"]}, sizes=(4,))
    said: list[float] = []
    with Store.create(tmp_path) as store:
        record_command(store, STUDY, settings)
        machinery.run(STUDY, settings, store, 1, lambda text, done: said.append(done))
        assert said[-1] == 1.0
        facts = store.facts(STUDY.name)
        machinery.run(STUDY, settings, store, 1, lambda text, done: pytest.fail(f"did {text} again"))
        assert store.facts(STUDY.name) == facts
        measured = STUDY.measure(settings, Facts(store.facts(STUDY.name)), Results(store.results(), store))
        tables = machinery.analyse(STUDY, store).tables
    assert measured.passes["cnn",].curve.num_examples.tolist() == [8, 16, 24, 32, 40, 48, 64]
    assert sorted(tables["runs"].data["part"]) == ["fixed sets", "one pass"]
