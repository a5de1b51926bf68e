"""The study of Zipf rules: known answers from results made by hand, its laws, its claims, and a run of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from known_results import (
    SPREAD,
    around,
    curve_through,
    grammar_fact,
    grammar_facts,
    is_drawn,
    record_command,
    staircase,
    store_known,
)
from syntagma.curves import Interval, LearningCurve, Verdict, judge, mean
from syntagma.errors import InputError
from syntagma.learners import Clusterer, HierarchicalCNN, Training, Transformer
from syntagma.statistics.correlations import correlations
from syntagma.studies import Cell, Facts, Results, load, machinery
from syntagma.studies.grammar import Grammar
from syntagma.studies.machinery import Analysis
from syntagma.studies.zipf_rules import STUDY, ZipfRules
from syntagma.studies.zipf_rules.measured import Fall, Measured, token_thresholds
from syntagma.sweep.store import Store
from syntagma.theory import exact, root_class, zipf

TRAINING = Training(max_steps=8, batch_size=8, patience=100, train_loss_threshold=0)
BASE = Grammar(vocab=4, rules=2, depth=3)
CNN = {"learner": HierarchicalCNN(width=4), "training": TRAINING}
DECODER = {"learner": Transformer(width=4, heads=2, layers=1), "training": TRAINING}


def small(**changes: Any) -> ZipfRules:
    fields: dict[str, Any] = {
        "exponents": (1.0,),
        "classes_grammar": {"vocab": 4, "rules": 8, "branching": 3, "depth": 2},
        "classes": 4,
        "contender": CNN,
        "readers": {"clusterer": {"learner": Clusterer()}},
        "sizes": tuple(2**k for k in range(3, 13)),
        "tokens_grammar": BASE,
        "tokens": CNN,
        "token_sizes": tuple(2**k for k in range(2, 11)),
        "token_levels": 2,
        "seeds": 3,
        "test_examples": 16,
    }
    return ZipfRules.model_validate(fields | changes)


def result(cell: Cell) -> dict[str, Any]:
    """Class errors are powers of P; thresholds of the last token the law's, with Zipf rules half of it."""
    size, unequal = cell.names["num_examples"], cell.names["zipf"]
    if cell.names["part"] == "classes":
        share = min(1.0, 4 / size**0.5) if unequal else min(1.0, (64 / size) ** 3)
        return {"test_loss": 1.0, "test_accuracy": 1 - 0.75 * share}
    at = [1.5 * (0.5 if unequal else 1.0) * BASE.law(cell.run.learner, level) for level in (1, 2, 3)]
    return {"test_loss": staircase(size, at) + 1e-4 * cell.names["seed"], "test_accuracy": 0.5}


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    return store_known(tmp_path_factory.mktemp("known"), STUDY, small(), result, grammar_fact)


def test_class_errors_made_by_hand(known: Analysis):
    falls = known.tables["falls"].data.set_index(["label", "zipf", "compared_with"])
    assert len(falls) == 2 * 2
    for who in ("convolutional", "clusterer"):
        assert falls.loc[(who, 1.0, 1.0), "measured"] == pytest.approx(0.5)
        assert falls.loc[(who, 1.0, 1.0), "predicted"] == pytest.approx(0.5)
        assert falls.loc[(who, 0.0, 1.0), "measured"] == pytest.approx(3.0)
        claims = {v.claim.text: v.outcome for v in known.verdicts}
        text = f"with equal rules the class error of the {who} falls more steeply than with a = 1 as predicted"
        assert claims[text] == "agrees"


def test_thresholds_of_the_last_token_are_recovered(known: Analysis):
    thresholds = known.tables["thresholds"].data.set_index(["zipf", "level"])
    assert len(thresholds) == 2 * 2
    for level in (1, 2):
        law = 1.5 * BASE.law(CNN["learner"], level)
        assert thresholds.loc[(0.0, level), "measured"] == pytest.approx(law, rel=0.25)
        assert thresholds.loc[(1.0, level), "measured"] == pytest.approx(law / 2, rel=0.25)
        assert thresholds.loc[(1.0, level), "predicted"] == pytest.approx(law / 1.5)


@pytest.mark.parametrize("part", ["classes", "tokens", ""])
def test_the_figure_is_drawn_with_pieces_missing(tmp_path: Path, part: str):
    when = (lambda cell: cell.names["part"] == part) if part else (lambda cell: True)
    analysis = store_known(tmp_path, STUDY, small(), result, grammar_fact, when=when)
    assert [figure.name for figure in analysis.figures] == ["zipf"]
    figure = analysis.figures[0]
    assert is_drawn(figure) if not part else figure.matplotlib() and figure.plotly()


def measured_by_hand(settings: ZipfRules, **changes: Any) -> Measured:
    """What agrees with every prediction, with noise; `tokens` are P_1, P_2, P_3 by Zipf exponent."""
    falls = {
        (name, *law): fall
        for name in settings.class_learners()
        for law, fall in {
            (1.0, 1.0): Fall(interval(0.5), 0.5, 0.5, np.array([16.0, 64.0])),
            (0.0, 1.0): Fall(interval(3.0), 3.0, 0.5, np.ones(2)),
        }.items()
    }
    over = {a: token_thresholds(settings, a) / token_thresholds(settings, 0.0) for a in settings.exponents}
    predicted = settings if settings.tokens.learner.weight_sharing is not None else small()
    tokens = {a: [*token_thresholds(predicted, a), 1e5] for a in (0.0, 1.0)}
    fields: dict[str, Any] = {
        "facts": grammar_facts(STUDY, settings),
        "errors": {},
        "falls": falls,
        "tokens": tokens,
        "over_equal": over,
    }
    fields |= changes
    curves = {
        a: curve_through([around(1.5 * at, int(2 * a) + level)[: settings.seeds] for level, at in enumerate(levels)])
        for a, levels in fields["tokens"].items()
    }
    return Measured(settings, **(fields | {"tokens": curves}))


def interval(value: float) -> Interval:
    return mean(value * (1 + SPREAD))


def verdicts(measured: Measured) -> tuple[Verdict, ...]:
    return judge(STUDY.claims(measured))


def outcomes(found: tuple[Verdict, ...], *words: str) -> set[str]:
    said = {v.outcome for v in found if all(word in v.claim.text for word in words)}
    assert said, words
    return said


FIVE = small(seeds=5, tokens_grammar=Grammar(vocab=8, rules=4, depth=3))
"""With Zipf rules P_2 / P_1 is predicted to be 0.65 times that with equal ones."""


def test_verdicts_agree_where_every_law_holds():
    found = verdicts(measured_by_hand(FIVE))
    assert {v.outcome for v in found} == {"agrees"}
    assert all(v.claim.source and v.measured for v in found)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tokens": {a: [(1 + a) * 8, (1 + a) ** 2 * 64, 1e5] for a in (0.0, 1.0)}}, ("P_2 / P_1",)),
        ({"tokens": {a: [(2 + a) * 8, (2 + a) * 64, 1e5] for a in (0.0, 1.0)}}, ("P_2 / P_1",)),
        (
            {"falls": {("contender", 1.0, 1.0): Fall(interval(0.9), 0.9, 0.5, np.array([16.0, 64.0]))}},
            ("a = 1: the class error of the convolutional",),
        ),
        (
            {"falls": {("contender", 0.0, 1.0): Fall(interval(0.2), 0.2, 0.5, np.ones(2))}},
            ("equal rules", "of the convolutional"),
        ),
    ],
)
def test_verdicts_disagree_where_a_law_is_broken(changes: Mapping[str, Any], words: tuple[str, ...]):
    assert outcomes(verdicts(measured_by_hand(FIVE, **changes)), *words) == {"disagrees"}


def test_what_was_not_measured_is_open():
    settings = small()
    nothing = measured_by_hand(settings, falls={}, tokens={})
    assert {v.outcome for v in verdicts(nothing)} == {"open"}


def test_one_seed_decides_nothing(tmp_path: Path):
    alone = store_known(tmp_path, STUDY, small(seeds=1), result, grammar_fact)
    assert {v.outcome for v in alone.verdicts} == {"open"}


def test_many_zipf_rules_give_the_power_law():
    sizes = np.geomspace(30, 1e3, 4)
    for a in (0.5, 1.0, 2.0):
        left = zipf.share_left(sizes, a, 30_000, 1.0)
        assert -np.polyfit(np.log(sizes), np.log(left), 1)[0] == pytest.approx(zipf.exponent(a), abs=0.05)
        again = zipf.finite_exponent(sizes, left, a, 30_000)
        assert again == pytest.approx(-np.polyfit(np.log(sizes), np.log(left), 1)[0], abs=1e-6)
    few = zipf.finite_exponent(sizes, zipf.share_left(sizes, 1.0, 16, 30.0), 1.0, 16)
    assert few > zipf.exponent(1.0)
    np.testing.assert_allclose(zipf.probabilities(1.0, 2), [0.8, 0.2])
    assert zipf.rare_share(1.0, 2) == pytest.approx(0.2)
    assert zipf.exponent(0.0) == math.inf


@pytest.mark.parametrize("shared", [True, False])
def test_each_path_through_unequal_rules_counts_once(shared: bool):
    """Large v, where noise and marginals hardly change: P_l ~ W_1^-k, k the paths that pass level 1."""
    paths = [1, 2, 1, 1] if shared else [1, 2, 2, 2]
    w = float(np.sum(zipf.probabilities(1.0, 4) ** 2))
    grammar, ratios = Grammar(vocab=32, rules=4, depth=4), []
    for seed in range(6):
        unequal, equal = (
            exact.thresholds(grammar.language(seed, a).language(), exact.evidence_of(shared)) for a in (1.0, 0.0)
        )
        ratios.append(unequal / equal)
    expected = [(4 * w) ** -k for k in paths]
    np.testing.assert_allclose(np.exp(np.mean(np.log(ratios), axis=0)), expected, rtol=0.15)


def test_what_zipf_rules_change_is_that_of_the_very_grammars():
    settings = small()
    table = machinery.predict(STUDY, settings)["zipf-tokens"].data.set_index("level")
    by_hand = []
    for seed in range(settings.seeds):
        of_seed = []
        for a in (1.0, 0.0):
            found = correlations(BASE.language(seed, a).language())
            first, second = ("token", 1), ("tuple", 2)
            needed = {(one.kind, one.level): one.floor / one.squared_covariance for one in found}
            of_seed.append(math.log(needed[second] / needed[first]))
        by_hand.append(of_seed[0] - of_seed[1])
    assert table.loc[2, "step_over_equal"] == pytest.approx(math.exp(np.mean(by_hand)))
    assert table.loc[2, "step_over_equal"] == pytest.approx(table.loc[2, "over_equal"] / table.loc[1, "over_equal"])
    claim = "a = 1: P_2 / P_1 of the last token with Zipf rules over that with equal rules"
    said = {v.claim.text: v.claim for v in verdicts(measured_by_hand(settings))}[claim]
    assert said.predicted == f"{table.loc[2, 'step_over_equal']:.2f}"
    assert "derived here" in said.source


def test_predictions_are_the_laws():
    tables = machinery.predict(STUDY, small())
    assert tables["zipf"].data["exponent"].tolist() == [0.5]
    curves = [root_class.error_curve(one.language()) for one in small().class_languages(1.0)]
    falls = [root_class.slope_between(curve, zipf.ONSET, zipf.rare_share(1.0, 8), 1, 1e9) for curve in curves]
    assert tables["zipf"].data["exact"].tolist() == [pytest.approx(np.mean(falls))]
    assert tables["zipf"].data["to_error"].tolist() == [zipf.rare_share(1.0, 8)]
    assert tables["zipf-tokens"].data["level"].tolist() == [1, 2]


@pytest.mark.slow
@pytest.mark.parametrize("preset", STUDY.presets)
def test_every_preset_has_predicted_falls(preset: str):
    falls = machinery.predict(STUDY, STUDY.presets[preset].model_copy(update={"seeds": 1}))["zipf"].data
    assert falls["exact"].between(0.4, 0.8).all()  # NaN where the curve is not followed far enough


def test_there_is_no_prediction_for_a_learner_without_a_law():
    settings = small(tokens=DECODER)
    assert machinery.predict(STUDY, settings)["zipf-tokens"].data["over_equal"].isna().all()
    assert outcomes(verdicts(measured_by_hand(settings)), "P_2 / P_1") == {"finding"}
    assert outcomes(verdicts(measured_by_hand(settings, tokens={})), "P_2 / P_1") == {"open"}


def test_the_window_of_the_fit():
    assert zipf.window(np.array([1.0, 0.6, 0.4, 0.2, 0.1, 0.05]), 0.1).tolist() == [
        False,
        False,
        True,
        True,
        False,
        False,
    ]
    assert zipf.window(np.array([1.0, 0.9, 0.02, 0.0]), 0.1).tolist() == [False, True, True, False]
    assert not zipf.window(np.array([1.0, 0.9, 0.8]), 0.1).any()
    slope = LearningCurve(np.array([1.0, 4.0, 16.0]), np.array([[0.4, 0.2, 0.1], [0.2, 0.1, 0.05]])).slope()
    assert (slope.value, slope.low, slope.high) == pytest.approx((0.5, 0.5, 0.5))


def test_a_fall_over_too_few_sizes_says_so(tmp_path: Path):
    few = small(sizes=(8,))
    analysis = store_known(tmp_path, STUDY, few, result, grammar_fact)
    assert set(analysis.tables["falls"].data["note"]) == {"fewer than two sizes between the two ends"}
    assert outcomes(analysis.verdicts, "the class error") == {"open"}


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"exponents": (0.0,)}, "Zipf exponents are above 0"),
        ({"token_levels": 3}, "token_levels=3 cannot be used: levels below the root"),
        ({"tokens_grammar": {"vocab": 4, "rules": 5, "depth": 3}}, "rules=5"),
        ({"seeds": 0}, "seeds"),
        ({"readers": {"contender": CNN}}, "'contender' is what `contender` is called"),
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
        assert len({cell.run.id() for cell in cells}) == len(cells)
        assert {cell.names["part"] for cell in cells} == {"classes", "tokens"}
        assert {cell.names["zipf"] for cell in cells} == {0.0, *settings.exponents}


def test_no_finished_run_is_said_in_one_line(tmp_path: Path):
    with Store.create(tmp_path) as store:
        record_command(store, STUDY, small())
        with pytest.raises(InputError, match="no run of these settings is finished yet"):
            machinery.analyse(STUDY, store)


def test_a_small_run_trains_and_resumes(tmp_path: Path):
    settings = small(seeds=1, sizes=(16, 64), token_sizes=(4,))
    with Store.create(tmp_path) as store:
        record_command(store, STUDY, settings)
        machinery.run(STUDY, settings, store, 1, lambda text, done: None)
        machinery.run(STUDY, settings, store, 1, lambda text, done: pytest.fail(f"did {text} again"))
        tables = machinery.analyse(STUDY, store).tables
    assert len(tables["runs"].data) == 2 * (2 * 2 + 1)  # both exponents: two learners at two sizes, and a token
    assert len(tables["falls"].data) == 2 * 2
