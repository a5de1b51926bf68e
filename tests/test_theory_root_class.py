"""The class's threshold and error curve: against enumeration, and against a table of tuples that is really filled."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings

from syntagma.errors import InputError
from syntagma.languages import RandomHierarchy
from syntagma.languages.settings import HierarchySettings
from syntagma.oracles import TreeOracle
from syntagma.statistics import nodes
from syntagma.theory import root_class
from syntagma.theory import zipf as zipf_law
from syntagma.theory.prediction import Staircase
from test_theory_exact import signal_and_floor
from test_tree_oracle import Enumeration, languages


@settings(max_examples=25, deadline=None)
@given(language=languages())
def test_class_threshold_equals_sums_over_all_sentences(language):
    everything = Enumeration(language)
    rules = language.parse(everything.tokens).rules
    assert rules is not None
    root, signal, floor = everything.levels[-1][:, 0], 0.0, 0.0
    for place in range(rules[0].shape[1]):
        tuples = everything.levels[1][:, place] * language.rules + rules[0][:, place]
        parts = signal_and_floor(everything.prob, tuples, root)
        signal, floor = signal + parts[0], floor + parts[1]
    if signal > 1e-25:
        assert root_class.threshold(language) == pytest.approx(floor / signal, rel=1e-9)
    else:
        assert root_class.threshold(language) == np.inf


def test_covariance_with_the_root_has_its_margins():
    language = RandomHierarchy(4, 3, 2, 3, num_classes=3, seed=2)
    both = nodes.covariance_with_root(language, (1, 2))
    np.testing.assert_allclose(both.sum(axis=0), 0.0, atol=1e-15)
    np.testing.assert_allclose(both.sum(axis=1), 0.0, atol=1e-15)


def test_the_threshold_is_near_the_law_on_average():
    for vocab, rules, depth, classes in ((16, 4, 3, 16), (16, 4, 3, 4), (32, 4, 4, 32)):
        drawn = [RandomHierarchy(vocab, rules, 2, depth, num_classes=classes, seed=seed) for seed in range(6)]
        mean = np.exp(np.mean([np.log(root_class.threshold(language)) for language in drawn]))
        assert mean / (classes * rules**depth) == pytest.approx(1.0, abs=0.15)
    assert root_class.threshold(RandomHierarchy(4, 2, 2, 2, num_classes=1)) == np.inf


@pytest.mark.parametrize("sizes", [(3, 2, 2, 2, 3), (4, 3, 2, 2, 2), (3, 2, 2, 3, 2), (3, 3, 3, 2, 3), (3, 4, 3, 1, 2)])
def test_errors_with_unknown_symbols_equal_sums_over_all_sentences(sizes):
    language = RandomHierarchy(*sizes, rule_probabilities=0.7, seed=3)
    everything = Enumeration(language)
    symbols, root = everything.levels[1], everything.levels[-1][:, 0]
    places = symbols.shape[1] if language.depth > 1 else 1
    expected = np.zeros(places + 1)
    counts = np.zeros(places + 1)
    for shown in itertools.product([False, True], repeat=places):
        joint: dict[tuple[int, ...], np.ndarray] = {}
        for row, top, p in zip(symbols, root, everything.prob, strict=True):
            key = tuple(row[np.array(shown)].tolist())
            joint.setdefault(key, np.zeros(language.num_classes))[top] += p
        expected[places - sum(shown)] += 1.0 - sum(float(classes.max()) for classes in joint.values())
        counts[places - sum(shown)] += 1
    np.testing.assert_allclose(root_class.unknown_errors(language), expected / counts, atol=1e-12)


def test_sampled_errors_agree_with_exact_ones(monkeypatch):
    language = RandomHierarchy(6, 4, 2, 3, seed=1)
    exact = root_class.unknown_errors(language)
    monkeypatch.setattr(root_class, "_MOST_EXACT", 0)
    sampled = root_class.unknown_errors(language)
    assert sampled[0] == 0.0
    assert np.abs(sampled - exact).max() < 4 * np.sqrt(0.25 / root_class._SAMPLES)
    assert not np.array_equal(sampled, root_class.unknown_errors(language, seed=1))


@settings(max_examples=30, deadline=None)
@given(language=languages())
def test_the_error_falls_from_chance_to_none(language):
    if language.num_classes == 1:
        with pytest.raises(InputError, match="with one class there is no error"):
            root_class.error_curve(language)
        return
    for known in ("resolved", "seen"):
        curve = root_class.error_curve(language, known)
        values = curve(np.geomspace(1e-3, 1e12, 100))
        assert (np.diff(values) <= 1e-12).all()
        assert curve(np.array([0.0]))[0] == pytest.approx(1.0)
        if known == "seen" or np.isfinite(curve.needed).all():
            assert curve(np.array([1e300]))[0] == pytest.approx(0.0, abs=1e-9)
        assert curve.share.sum() == pytest.approx(1.0)


def test_rules_of_probability_0_make_no_sentence_to_err_on():
    language = RandomHierarchy(4, 2, 2, 3, seed=0, rule_probabilities=(1.0, 0.0))
    errors = root_class.unknown_errors(language)
    assert errors[0] == pytest.approx(0.0)
    assert np.isfinite(errors).all()


def test_a_look_up_table_errs_as_predicted():
    """Tables of the tuples seen at each place, filled by P sentences, and exact inference from the symbols they give.

    Equal up to what places share (which sentences were drawn, symbols in one tuple of the level above): 0.03.
    """
    settings = HierarchySettings(
        vocab=6, rules=12, branching=3, depth=2, num_classes=6, rule_probabilities=1.0, unequal_levels=(1,), seed=2
    )
    language = settings.language()
    upper = TreeOracle(RandomHierarchy.from_productions(language.productions[1:], tuple(language.weights[1:]), vocab=6))
    curve, chance = root_class.error_curve(language, "seen"), 1 - 1 / 6
    test = language.sample(99, 2000, hidden=True)
    for size in (30, 100, 300, 1000):
        wrong = []
        for seed in range(6):
            train = language.sample(seed, size, hidden=True)
            code = [sample.levels[1].astype(int) * language.rules + sample.rules[0] for sample in (train, test)]
            known = np.stack([np.isin(code[1][:, i], code[0][:, i]) for i in range(3)], axis=1)
            posterior = upper.posterior(test.levels[1], known, 1, 0)
            wrong.append(1.0 - posterior.max(axis=1).mean())
        assert curve(np.array([size]))[0] == pytest.approx(np.mean(wrong) / chance, abs=0.03)


def test_slopes_by_hand():
    curve = _Power(0.6)
    assert root_class.slope_between(curve, 0.5, 0.01, 1, 1e6) == pytest.approx(0.6)
    assert np.isnan(root_class.slope_between(curve, 0.5, 1e-9, 1, 1e6))
    assert np.isnan(root_class.slope_between(curve, 0.5, 0.01, 1e3, 1e6))  # begins below 0.5
    with pytest.raises(InputError, match=r"low=0\.5 cannot be used"):
        root_class.slope_between(curve, 0.5, 0.5, 1, 1e6)


class _Power(Staircase):
    def __init__(self, exponent):
        object.__setattr__(self, "exponent", exponent)

    def __call__(self, num_examples):
        return np.asarray(num_examples) ** -self.exponent


@pytest.mark.slow
def test_many_zipf_rules_approach_the_law_and_few_do_not():
    """U alone of a look-up table, from a half to the share of rules beyond the 1000th, or the 16th of 32."""
    for zipf, few in ((0.5, 0.56), (1.0, 0.57), (2.0, 0.64)):
        for rules, cut, expected in ((100_000, 1000, zipf_law.exponent(zipf)), (32, 16, few)):
            f = np.arange(1, rules + 1.0) ** -(1 + zipf)
            f /= f.sum()
            curve = root_class.ClassErrorCurve(f, 1 / f, None, np.array([0.0, 1.0]))
            found = root_class.slope_between(curve, 0.5, f[cut:].sum(), 0.01, 1e15)
            assert found == pytest.approx(expected, abs=0.015)
    assert zipf_law.exponent(1.0) == 0.5
    assert np.isposinf(zipf_law.exponent(0.0))


def test_exponents_of_the_gallerys_grammars_are_not_the_law():
    for zipf, expected in ((0.5, 0.70), (1.0, 0.63), (2.0, 0.68)):
        f = np.arange(1, 33.0) ** -(1 + zipf)
        end = float(f[16:].sum() / f.sum())
        found = []
        for seed in range(3):
            language = HierarchySettings(
                vocab=8, rules=32, branching=3, depth=2, num_classes=8, rule_probabilities=zipf, unequal_levels=(1,),
                seed=seed,
            ).language()  # fmt: skip
            found.append(root_class.slope_between(root_class.error_curve(language), 0.5, end, 1, 1e9))
        assert np.mean(found) == pytest.approx(expected, abs=0.01)


def test_bad_input_is_named():
    with pytest.raises(InputError, match="known='look-up' is unknown"):
        root_class.error_curve(RandomHierarchy(4, 2, 2, 2), "look-up")
