"""The variations study: known answers from results made by hand, its laws, its figures, and a run of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.text import Text
from syntagma.report.variations import FIGURES, REPORT
from syntagma.studies.grid import Cell
from syntagma.studies.stored import Facts
from syntagma.studies.variations import STUDY, Variations, zipf, zipf_tokens
from syntagma.studies.variations.collapse import collapse
from syntagma.studies.variations.exact import chance_entropy, masked_floor, mean_token_entropy, settle_exact
from syntagma.studies.variations.grids import PARAMETERS, Grammar, Grower
from syntagma.studies.variations.predictions import growth_exponent, law_of
from syntagma.studies.variations.settings import NAME
from syntagma.studies.variations.verdicts import NEAR, Fall, Measured, verdicts

from syntagma.curves import Interval
from syntagma.errors import InputError
from syntagma.languages.settings import HierarchySettings
from syntagma.learners import HierarchicalCNN, MultiLayerAttention, Training, Transformer
from syntagma.randomness import stream
from syntagma.statistics.correlations import correlations
from syntagma.studies import load
from syntagma.studies.scaling_laws import Contender
from syntagma.studies.study import Analysis, Verdict
from syntagma.sweep.store import Store
from syntagma.theory import hierarchy as theory

TRAINING = Training(max_steps=8, batch_size=8, patience=100, train_loss_threshold=0)
ONE_PASS = TRAINING.model_copy(update={"max_epochs": 1, "max_steps": 8})
CNN = HierarchicalCNN(width=4)
ATTENTION = MultiLayerAttention(width=4, heads=2, layers=1)
BASE = Grammar(vocab=4, rules=2, depth=3)
PREFACTOR = 1.5


def small(**changes: Any) -> Variations:
    cnn = {"learner": CNN, "training": TRAINING}
    fields: dict[str, Any] = {
        "base": BASE,
        "seeds": 2,
        "test_examples": 16,
        "growth": {
            "vocab": (6,),
            "rules": (3,),
            "branching": (3,),
            "depth": (4,),
            "levels": 2,
            "learners": {"cnn": cnn, "attention": {**cnn, "learner": ATTENTION, "parameters": ("rules",)}},
        },
        "online": {
            "levels": 2,
            "learners": {
                "cnn": {"learner": CNN, "training": ONE_PASS, "steps": 8, "fixed": TRAINING},
                "attention": {"learner": ATTENTION, "training": ONE_PASS, "steps": 8},
            },
            "sizes": (4, 16, 64, 256, 1024),
        },
        "zipf": {
            "exponents": (1.0,),
            "grammar": {"vocab": 4, "rules": 8, "branching": 3, "depth": 2},
            "classes": 4,
            "contender": cnn,
            "sizes": tuple(2**k for k in range(3, 13)),
            "tokens": cnn,
            "token_sizes": (4, 16, 64, 256, 1024),
            "token_levels": 2,
        },
        "positions": {
            "grammar": BASE,
            "levels": 2,
            "contender": {"learner": Transformer(width=4, heads=2, layers=1), "training": TRAINING},
            "sizes": tuple(2**k for k in range(2, 11)),
        },
        "masked": {"grammar": BASE, "learners": {"cnn": cnn}, "sizes": (16, 64)},
    }
    return Variations.model_validate(fields | changes)


def plateaus(depth: int) -> list[float]:
    return [1.4 * 0.5**level for level in range(depth + 1)]


def staircase(size: float, thresholds: list[float]) -> float:
    """Plateaus rounded by a tanh in ln P that is half-way at each threshold."""
    heights = plateaus(len(thresholds))
    loss = heights[0]
    for level, at in enumerate(thresholds, start=1):
        loss -= (0.5 + 0.5 * math.tanh(6 * math.log(size / at))) * (heights[level - 1] - heights[level])
    return loss


def result(cell: Cell, factor: float = 1.0) -> dict[str, Any]:
    """Results whose thresholds are the laws', times a prefactor of the part."""
    names, size, learner = cell.names, cell.names["num_examples"], cell.run.learner
    grammar = Grammar(**{name: names[name] for name in PARAMETERS})
    common = {"seconds": 1.0, "history": [], "test_accuracy": 0.5}
    if names["part"] == "zipf classes":
        share = min(1.0, 4 / size**0.5) if names["zipf"] else min(1.0, (64 / size) ** 3)
        return common | {"test_loss": 1.0, "test_accuracy": 1 - 0.75 * share}
    if names["part"] == "masked":
        return common | {"test_loss": 0.5, "oracle_loss": 0.4, "excess_loss": 0.01 + 1e-4 * names["seed"]}
    shared = learner.weight_sharing is True
    scale = factor * PREFACTOR * (0.5 if names["zipf"] or cell.run.task.kind == "next-token" else 1.0)
    at = [scale * number for number in grammar.thresholds(shared)]
    loss = staircase(size, at) + 1e-4 * names["seed"]
    if names["part"] == "online":
        steps = (0, 1, 2, 4, 8, 16, 32, 64, 128)
        history = [{"step": s, "validation_loss": staircase(max(8 * s, 1), [4 * x for x in at])} for s in steps]
        return common | {"test_loss": loss, "history": history}
    last = {"test_last_loss": loss} if cell.run.task.kind == "next-token" else {}
    return common | last | {"test_loss": 1.1 * loss if last else loss}


def stored(place: Path, settings: Variations, *, parts: frozenset[str] | None = None) -> Analysis:
    with Store.create(place) as store:
        store.record_command(NAME, "quick", settings.model_dump(mode="json"), ["syntagma", "run", NAME])
        facts = Facts(store, NAME)
        for cell in settings.cells():
            language = cell.run.language
            assert isinstance(language, HierarchySettings)
            known = language.model_dump(mode="json")
            heights = {"loss_nats": plateaus(language.depth)}
            facts.settle({"of": "plateaus", "language": known}, lambda heights=heights: heights)
            facts.settle({"of": "chance", "language": known}, lambda: {"nats": 1.4})
            facts.settle({"of": "mean entropy", "language": known}, lambda: {"nats": 0.3})
            if parts is None or cell.names["part"] in parts:
                store.record_run(cell.run.config(), result(cell))
        return STUDY.analyse(store)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    return stored(tmp_path_factory.mktemp("known"), small())


def test_thresholds_made_by_hand_are_recovered(known: Analysis):
    table = known.tables["thresholds"]
    grown = table[table["part"] == "growth"]
    assert len(grown) == 2 * 5 + 2 * 2  # levels times languages, for each learner
    np.testing.assert_allclose(grown["ratio"], PREFACTOR, rtol=0.25)
    np.testing.assert_allclose(known.tables["online_thresholds"]["measured"] / known.tables["online_thresholds"]
                               ["predicted"], 4 * PREFACTOR, rtol=0.25)  # fmt: skip
    over = known.tables["online_thresholds"].set_index(["learner", "level"])["over_fixed"]
    assert over["cnn", 2] == pytest.approx(4, rel=0.3)
    assert math.isnan(over["attention", 2])
    positions = table[table["part"] == "positions"].set_index(["learner", "level"])["measured"]
    assert positions["next-token", 2] / positions["last-token", 2] == pytest.approx(0.5, rel=0.3)


def test_growth_and_collapse_of_known_answers(known: Analysis):
    growth = known.tables["growth"].set_index(["learner", "parameter", "level"])
    assert set(growth.index.unique("parameter")) == set(PARAMETERS)
    assert set(growth.loc["attention"].index.unique("parameter")) == {"rules"}
    np.testing.assert_allclose(growth["exponent"], growth["predicted_exponent"], atol=0.5)
    assert growth.loc[("cnn", "rules", 2), "predicted_exponent"] == 3
    assert (known.tables["collapse"].query("learner == 'cnn'")["languages"] == 5).all()
    assert (known.tables["collapse"]["spread"] < 1.35).all()


def test_class_errors_made_by_hand(known: Analysis):
    falls = known.tables["zipf_falls"].set_index(["zipf", "compared_with"])
    assert falls.loc[(1.0, 1.0), "exponent"] == pytest.approx(0.5)
    assert falls.loc[(1.0, 1.0), "predicted_exponent"] == pytest.approx(0.5)
    assert falls.loc[(0.0, 1.0), "exponent"] == pytest.approx(3.0)
    claims = {v.claim: v.outcome for v in known.verdicts}
    assert claims["with equal rules the class error falls more steeply than with a = 1"] == "agrees"


@pytest.mark.parametrize("parts", [frozenset({"growth"}), frozenset({"zipf classes"}), frozenset({"online", "masked"})])
def test_the_report_is_drawn_with_pieces_missing(tmp_path: Path, parts: frozenset[str]):
    analysis = stored(tmp_path / "results", small(), parts=parts)
    for name, draw in FIGURES.items():
        texts = [text.get_text() for text in draw(analysis).findobj(Text)]  # pyright: ignore
        assert any(text.startswith(STUDY.title) for text in texts), name
    assert REPORT.interactive(analysis)["layout"]


def test_every_figure_has_its_caption_and_every_table_its_columns(known: Analysis):
    assert list(REPORT.captions) == list(FIGURES)
    for table in REPORT.tables:
        assert {column.name for column in table.columns} <= set(known.tables[table.name].columns), table.name
    for draw in FIGURES.values():
        assert draw(known).axes
    traces = REPORT.interactive(known)["data"]
    assert len(traces) == 2 * (5 + 2)
    assert sum(trace["showlegend"] for trace in traces) == 5 + 2


def measured_by_hand(settings: Variations, **changes: Any) -> Measured:
    """What agrees with every prediction, with ten percent of noise."""
    growth = {
        (name, grammar, level): interval(PREFACTOR * law_of(grammar, grower.learner, level), place)
        for name, grower in settings.growth.learners.items()
        for place, grammar in enumerate(settings.growth.grammars(settings.base, grower.parameters))
        for level in range(1, settings.growth.asked(grammar) + 1)
    }
    falls = {
        (1.0, 1.0): Fall(interval(0.5), 0.5, np.array([16.0, 64.0])),
        (0.0, 1.0): Fall(interval(3.0), 3.0, np.ones(2)),
    }
    fields: dict[str, Any] = {
        "growth": growth,
        "online": {(name, level): interval(1000.0**level) for name in settings.online.learners for level in (1, 2)},
        "fixed": {("cnn", level): interval(100.0**level) for level in (1, 2)},
        "tokens": tokens_by_hand(settings),
        "positions": {
            (task, level): interval(size * 10.0**level)
            for task, size in (("next-token", 1.0), ("last-token", 2.0))
            for level in (1, 2)
        },
        "falls": falls,
        "excess": {"cnn": (interval(0.01), 1.0, 64)},
    }
    return Measured(**(fields | changes))


def tokens_by_hand(settings: Variations) -> dict[tuple[float, int], Interval]:
    """Thresholds of the last token as the exact correlations have them, each with noise of its own."""
    return {
        (a, level): interval(PREFACTOR * number, int(2 * a) + level)
        for a in (0.0, *settings.zipf.exponents)
        for level, number in enumerate(zipf_tokens.thresholds(settings, a), start=1)
    }


def interval(value: float, place: int = 0) -> Interval:
    resamples = value * np.exp(0.05 * stream(place, "noise").standard_normal(2000))
    low, high = np.percentile(resamples, [2.5, 97.5])
    return Interval(value, float(low), float(high), "", resamples)


def outcomes(found: tuple[Verdict, ...], *words: str) -> set[str]:
    said = {v.outcome for v in found if all(word in v.claim for word in words)}
    assert said, words
    return said


def test_verdicts_agree_where_every_law_holds():
    settings = small()
    found = verdicts(settings, measured_by_hand(settings))
    assert {v.outcome for v in found} == {"agrees", "finding"}
    assert outcomes(found, "over the predicted P_") == {"finding"}
    by_claim = {v.claim: v for v in found}
    assert by_claim["P_2 (1 - f) of the convolutional network grows as a power of m"].predicted == "m^3"
    assert "L^0" in by_claim["P_1 (1 - f) of the convolutional network grows as a power of L"].predicted
    assert all(v.source and v.measured for v in found)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"online": {("cnn", 1): interval(50.0), ("cnn", 2): interval(40.0)}}, ("learns level 2 after level 1",)),
        ({"online": {("cnn", 1): interval(50.0)}}, ("level 1", "over those of a fixed set")),
        ({"tokens": {(a, k): interval((1 + a) ** k) for a in (0.0, 1.0) for k in (1, 2)}}, ("P_2 / P_1",)),
        ({"tokens": {(a, k): interval((2 + a) * 8.0**k) for a in (0.0, 1.0) for k in (1, 2)}}, ("P_2 / P_1",)),
        ({"positions": {("next-token", 1): interval(3.0), ("last-token", 1): interval(1.0)}}, ("level 1", "sentences")),
        ({"excess": {"cnn": (interval(2 * NEAR), 1.0, 64)}}, ("masked",)),
        ({"falls": {(1.0, 1.0): Fall(interval(0.9), 0.9, np.array([16.0, 64.0]))}}, ("a = 1: the class error falls",)),
        ({"falls": {(0.0, 1.0): Fall(interval(0.2), 0.2, np.ones(2))}}, ("with equal rules",)),
    ],
)
def test_verdicts_disagree_where_a_law_is_broken(changes: Mapping[str, Any], words: tuple[str, ...]):
    settings = small()
    found = verdicts(settings, measured_by_hand(settings, **changes))
    assert "disagrees" in outcomes(found, *words)


def test_a_language_off_the_curve_breaks_growth_and_collapse():
    settings = small()
    measured = measured_by_hand(settings)
    deep = Grammar(vocab=4, rules=2, depth=4)
    growth = dict(measured.growth) | {("cnn", deep, 1): measured.growth["cnn", deep, 1].times(3.0)}
    found = verdicts(settings, replace(measured, growth=growth))
    assert outcomes(found, "P_1", "convolutional", "power of L") == {"disagrees"}
    assert outcomes(found, "P_2", "convolutional", "power of L") == {"agrees"}
    assert outcomes(found, "level 1: one prefactor", "convolutional") == {"disagrees"}
    spread = collapse(settings, growth, "cnn", 1)
    assert spread.spread.value == pytest.approx(3.0)
    assert spread.spread.low < 3.0 < spread.spread.high
    assert 1.0 < spread.seeds_alone < 1.6
    assert collapse(settings, measured.growth, "cnn", 1).spread.value == pytest.approx(1.0)
    little = dict(measured.growth) | {("cnn", deep, 1): measured.growth["cnn", deep, 1].times(1.3)}
    found = verdicts(settings, replace(measured, growth=little))
    assert outcomes(found, "level 1: one prefactor", "convolutional") == {"open"}  # above the noise, but not all of it


def test_what_was_not_measured_is_open():
    settings = small()
    nothing = Measured(growth={}, online={}, fixed={}, tokens={}, positions={}, falls={}, excess={})
    assert {v.outcome for v in verdicts(settings, nothing)} == {"open"}
    alone = small(seeds=1)
    assert {v.outcome for v in verdicts(alone, measured_by_hand(alone))} == {"open", "finding"}


def test_thresholds_predicted_are_the_formula():
    settings = small()
    tables = STUDY.predict(settings)
    at = tables["predictions"].set_index([*PARAMETERS, "level", "law"])["num_examples"]
    assert at[6, 2, 2, 3, 2, "weight sharing"] == pytest.approx(6 * 2**3 / (1 - 2 / 6))
    assert at[4, 2, 3, 3, 1, "weight sharing"] == pytest.approx(4 * 2 / (1 - 2 / 16))
    assert at[4, 3, 2, 3, 2, "no weight sharing"] == pytest.approx(4 * 3**3 / (1 - 3 / 4))
    assert [growth_exponent(p, 3, False) for p in PARAMETERS] == [1, theory.threshold_exponent(3, False), 0, 0]
    assert tables["zipf"]["exponent"].tolist() == [0.5]
    assert tables["zipf tokens"]["level"].tolist() == [1, 2]
    assert set(tables["bounds"]["grammar seed"]) == {0, 1}


@pytest.mark.parametrize("exponent", [0.0, 1.0])
def test_exact_losses_against_enumeration(exponent: float):
    settings = Grammar(vocab=3, rules=2, depth=2).language(0, exponent)
    language = settings.language()
    every = np.stack(np.meshgrid(*[np.arange(3)] * 4, indexing="ij"), -1).reshape(-1, 4)
    log_prob = language.log_prob(every)
    p = np.exp(log_prob)
    surprise = -p[p > 0] @ log_prob[p > 0]
    assert mean_token_entropy(settings) == pytest.approx(surprise / 4)
    laws = [np.bincount(every[:, i], p, 3) for i in range(4)]
    assert chance_entropy(settings) == pytest.approx(np.mean([-law[law > 0] @ np.log(law[law > 0]) for law in laws]))
    others = []
    for i in range(4):
        rest = np.delete(every, i, axis=1) @ [9, 3, 1]
        marginal = np.bincount(rest, p, 27)
        others.append(surprise + marginal[marginal > 0] @ np.log(marginal[marginal > 0]))
    floor, error = masked_floor(settings)
    assert abs(floor - np.mean(others)) < 4 * error


def test_equal_rules_have_a_mean_entropy_in_closed_form():
    language = Grammar(vocab=4, rules=3, depth=3).language(1)
    assert mean_token_entropy(language) == pytest.approx((math.log(4) + 7 * math.log(3)) / 8)


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
        unequal, equal = (zipf_tokens.needed(grammar.language(seed, a), shared) for a in (1.0, 0.0))
        ratios.append(unequal / equal)
    expected = [(4 * w) ** -k for k in paths]
    np.testing.assert_allclose(np.exp(np.mean(np.log(ratios), axis=0)), expected, rtol=0.15)


def test_what_zipf_rules_change_is_that_of_the_very_grammars():
    settings = small()
    table = STUDY.predict(settings)["zipf tokens"].set_index("level")
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
    said = {v.claim: v for v in verdicts(settings, measured_by_hand(settings))}[claim]
    assert said.predicted == f"{table.loc[2, 'step_over_equal']:.2f}"
    assert "derived here" in said.source


def test_zipf_rules_have_no_prediction_for_a_learner_without_a_law():
    decoder = {"learner": Transformer(width=4, heads=2, layers=1), "training": TRAINING}
    settings = small(zipf={**small().zipf.model_dump(), "tokens": decoder})
    assert STUDY.predict(settings)["zipf tokens"]["over_equal"].isna().all()
    assert outcomes(verdicts(settings, measured_by_hand(small())), "P_2 / P_1") == {"finding"}
    nothing = Measured(growth={}, online={}, fixed={}, tokens={}, positions={}, falls={}, excess={})
    assert outcomes(verdicts(settings, nothing), "P_2 / P_1") == {"open"}


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
    slope = zipf.fall(np.array([1.0, 4.0, 16.0]), np.array([[0.4, 0.2, 0.1], [0.2, 0.1, 0.05]]))
    assert (slope.value, slope.low, slope.high) == pytest.approx((0.5, 0.5, 0.5))
    assert zipf.fall(np.array([1.0]), np.array([[0.4], [0.2]])).reason


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"base": {"vocab": 4, "rules": 5, "depth": 3}}, "rules=5"),
        ({"base": {"vocab": 4, "rules": 4, "depth": 3}}, "rules=4 cannot be used: f = 1"),
        ({"base": {"vocab": 4, "rules": 2, "depth": 2}}, "levels=2 cannot be used: levels below the root"),
        ({"seeds": 0}, "seeds"),
        ({"zipf": {**small().zipf.model_dump(), "exponents": (0.0,)}}, "Zipf exponents are above 0"),
        ({"zipf": {**small().zipf.model_dump(), "token_levels": 3}}, "zipf.token_levels=3 cannot be used"),
        ({"growth": {**small().growth.model_dump(), "vocab": (2,), "rules": ()}}, "rules=2 cannot be used: f = 1"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, Any], text: str):
    with pytest.raises(ValueError, match=text) as refused:
        small(**changes)
    assert refused.value.errors()[0]["msg"].count("\n") == 0  # pyright: ignore


def test_a_learner_without_a_law_and_more_than_one_pass_are_refused():
    growth = small().growth.model_dump()
    growth["learners"] = {"transformer": Grower(learner=Transformer(width=4, heads=2, layers=1), training=TRAINING)}
    with pytest.raises(ValueError, match=r"learners.transformer='transformer' cannot be used: no law"):
        small(growth=growth)
    online = small().online.model_dump()
    online["learners"]["cnn"]["training"]["max_epochs"] = 2
    with pytest.raises(ValueError, match="one pass of 8 steps"):
        small(online=online)


def test_presets_are_planned():
    assert load(NAME) is STUDY
    for settings in STUDY.presets.values():
        cells = settings.cells()
        assert {cell.names["part"] for cell in cells} == {
            "growth", "online", "fixed", "zipf classes", "zipf tokens", "positions", "masked",
        }  # fmt: skip
        for one in settings.online.learners.values():
            assert one.training.length(one.num_examples) == one.steps
    quick = STUDY.presets["quick"]
    own = [cell for cell in quick.cells() if cell.names["part"] == "fixed" and cell.names["learner"] == "cnn"]
    grown = {cell.run.id() for cell in quick.growth_cells()}
    assert sum(cell.run.id() in grown for cell in own) > len(own) / 2  # trained once for both


def test_sizes_reach_from_below_the_first_to_beyond_the_last_threshold():
    settings = small()
    grower = settings.growth.learners["cnn"]
    for grammar in settings.growth.grammars(settings.base):
        sizes, predicted = settings.growth.sizes(grammar, grower), grammar.thresholds(True)
        assert sizes[0] <= max(0.5 * predicted[0], 4)
        assert sizes[-1] >= 8 * predicted[1]
    capped = grower.model_copy(update={"max_examples": 100})
    assert max(settings.growth.sizes(BASE, capped)) == 64


def test_no_finished_run_is_said_in_one_line(tmp_path: Path):
    with Store.create(tmp_path) as store:
        store.record_command(NAME, "quick", small().model_dump(mode="json"), ["syntagma"])
        with pytest.raises(InputError, match="no run of these settings is finished yet"):
            STUDY.analyse(store)


def test_a_small_run_trains_and_resumes(tmp_path: Path):
    usual = small()
    one = Contender(learner=CNN, training=TRAINING)
    settings = small(
        seeds=1,
        growth={"levels": 1, "reach": 2.0, "learners": {"cnn": one.model_dump() | {"max_examples": 8}}},
        online={**usual.online.model_dump(), "learners": {"cnn": usual.online.learners["cnn"]}, "sizes": (4,)},
        zipf={**usual.zipf.model_dump(), "sizes": (16, 64), "token_sizes": (4,)},
        positions={**usual.positions.model_dump(), "sizes": (8,)},
        masked={**usual.masked.model_dump(), "sizes": (16,)},
    )
    said: list[float] = []
    with Store.create(tmp_path) as store:
        STUDY.run(settings, store, 1, lambda text, done: said.append(done))
        assert said[-1] == 1.0
        number = len(said)
        STUDY.run(settings, store, 1, lambda text, done: said.append(done))
        assert len(said) == number
        facts = len(store.facts(NAME))
        settle_exact(settings, Facts(store, NAME))
        assert len(store.facts(NAME)) == facts
        store.record_command(NAME, "quick", settings.model_dump(mode="json"), ["syntagma"])
        tables = STUDY.analyse(store).tables
    assert tables["online"]["num_examples"].tolist() == [8, 16, 24, 32, 40, 48, 64]
    every = tables["runs"].query("part == 'positions' and learner == 'next-token'")
    assert (every["last_loss"] == every["test_last_loss"]).all()
    assert (tables["masked"]["excess"] > 0).all()
