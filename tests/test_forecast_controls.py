"""Controls of the forecast: texts whose laws are known, and texts of which there is nothing to say."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from syntagma.curves import LearningCurve, PerSeed
from syntagma.errors import InputError
from syntagma.languages import RandomHierarchy
from syntagma.oracles import oracle_of
from syntagma.randomness import stream
from syntagma.statistics.correlations import correlations
from syntagma.statistics.correlations import measured as sampled_correlations
from syntagma.statistics.entropies import EntropyBounds
from syntagma.statistics.entropy_decay import fit_entropy_decay
from syntagma.statistics.nodes import joint, marginal
from syntagma.statistics.power_law import fit_decay
from syntagma.statistics.strengths import Strengths
from syntagma.studies.corpus_forecast.backtest import Held, measured_statistics
from syntagma.studies.corpus_forecast.coverage import (
    coverage,
    drawn_statistics,
    exact_entropies,
    gaps,
    marks,
    renewal_statistics,
)
from syntagma.studies.corpus_forecast.facts import Statistics
from syntagma.studies.corpus_forecast.fast_learning import approach_exponent, fast_learning, learning_exponent
from syntagma.studies.corpus_forecast.forecast import Forecast, forecast_from, with_learning
from syntagma.studies.corpus_forecast.outlook import best_counted, gain, horizon
from syntagma.studies.corpus_forecast.outlook_tables import outlook_tables
from syntagma.theory.correlations import leading_squared_covariance, squared_covariance
from syntagma.theory.hierarchy import scaling_exponent

BLOCKS = 20


def stated(lags, strengths, contexts, entropies, floor: float = 1e-6) -> Statistics:
    """Statistics that are exact, but for one part in 10^9 of each strength."""
    lags, strengths, entropies = np.asarray(lags), np.asarray(strengths), np.asarray(entropies)
    noise = 1e-9 * strengths * stream(0, "blocks").normal(size=(BLOCKS, len(lags)))
    by_block = strengths + noise - noise.mean(axis=0)
    errors, weights = by_block.std(axis=0, ddof=1) / BLOCKS**0.5, np.full(by_block.shape, 1 / BLOCKS)
    found = Strengths(lags, strengths, errors, strengths, errors, np.full(len(lags), 10**6), by_block, weights)
    number = len(entropies)
    repeated = np.tile(entropies, (BLOCKS, 1))
    bounds = EntropyBounds(
        np.asarray(contexts), entropies, np.zeros(number), repeated, np.zeros(number), ("exact",) * number
    )
    return Statistics(10**6, np.full(5, floor), found, fit_decay(found), bounds)


def forecast(text: Statistics, sizes=(10**5, 10**6)) -> Forecast:
    return forecast_from(text, fit_entropy_decay(text.counts), sizes, 10**6)


# Random hierarchy: both statistics are powers, known in closed form


@pytest.mark.parametrize(("vocab", "rules", "branching"), [(16, 4, 2), (64, 8, 2), (8, 16, 3), (32, 2, 2)])
def test_the_random_hierarchy_has_the_exponents_of_its_numbers(vocab, rules, branching):
    """In the limit tokens s^l apart meet at level l, where their squared covariance falls by m^2 a level, and s^l
    tokens of context leave a share f^l of what context tells.
    """
    f, levels = rules / vocab ** (branching - 1), np.arange(1, 9)
    squares = [leading_squared_covariance(vocab, rules, branching, int(level)) for level in levels]
    contexts = branching ** levels[:4]
    text = stated(branching**levels, np.sqrt(squares), contexts, 1.0 + 0.8 * f ** levels[:4], floor=1e-9)
    found = forecast(text)
    alpha = scaling_exponent(vocab, rules, branching, weight_sharing=False)
    assert alpha is not None
    assert alpha == pytest.approx(math.log(1 / f) / (2 * math.log(rules)))
    assert found.beta.value == pytest.approx(math.log(rules) / math.log(branching), rel=1e-6)
    assert found.gamma.value == pytest.approx(math.log(1 / f) / math.log(branching), rel=0.02)
    assert found.alpha.value == pytest.approx(alpha, rel=0.02)
    assert found.alpha.holds(alpha)
    assert found.limit.holds(1.0)


def decay_exponent(squares) -> float:
    strengths = np.sqrt(np.asarray(squares))
    law = fit_decay(stated(2 ** np.arange(1, 1 + len(strengths)), strengths, [0], [1.0]).strengths).whole
    assert law is not None
    return law.exponent


def test_exact_correlations_of_grammars_come_near_the_limit():
    """m = 2, s = 2: beta = 1 in the limit of many symbols and levels; with 32 and 6 grammars scatter about 1.1."""
    refined = [squared_covariance(32, 2, 2, 6, level) for level in range(1, 7)]
    grammars = (RandomHierarchy(32, 2, 2, 6, seed=seed) for seed in range(5))
    exponents = [
        decay_exponent([one.squared_covariance for one in correlations(g, kinds=("token",))]) for g in grammars
    ]
    found = PerSeed.exact(exponents).interval()
    assert found.holds(decay_exponent(refined))
    assert found.high - found.low < 0.1
    near = [squared_covariance(4096, 2, 2, 24, level) for level in range(1, 13)]
    assert decay_exponent(near) == pytest.approx(1, abs=0.02)


def test_sampled_sentences_have_the_law_at_positions_in_line_with_the_tree():
    """Tokens that meet the last one at level l, in 20,000 sentences whose sampling floor is taken away."""
    grammar, number = RandomHierarchy(32, 2, 2, 6, seed=0), 20_000
    exact = decay_exponent([one.squared_covariance for one in correlations(grammar, kinds=("token",))])
    sampled = sampled_correlations(grammar, grammar.sample(0, number, hidden=True), kinds=("token",))
    found = decay_exponent([one.squared_covariance - one.floor / number for one in sampled])
    assert found == pytest.approx(exact, abs=0.03)
    assert found == pytest.approx(1.0, abs=0.15)  # ln m / ln s, with 32 symbols and 6 levels


def test_exact_statistics_of_grammars_forecast_what_their_numbers_say():
    """v = 16, m = 8, s = 2, where f = 1/2: beta 3, gamma 1, alpha 1/6; means over three and four grammars.

    Correlations of grammars of five levels: with more, those of 16 symbols are no longer near the limit of many.
    Entropies of seven, but for the lowest: L_l - L_inf falls by f only far above the tokens.
    """
    shallow = [RandomHierarchy(16, 8, 2, 5, seed=seed) for seed in range(4)]
    deep = [RandomHierarchy(16, 8, 2, 7, seed=seed) for seed in range(3)]
    squares = np.mean([[one.squared_covariance for one in correlations(g, kinds=("token",))] for g in shallow], axis=0)
    plateaus = np.mean([[one.value for one in oracle_of(g).plateaus(num_samples=4096)] for g in deep], axis=0)
    text = stated(2 ** np.arange(1, 6), np.sqrt(squares), 2 ** np.arange(3, 8), plateaus[3:], floor=1e-9)
    found = forecast(text)
    assert found.beta.value == pytest.approx(3, rel=0.05)
    assert found.gamma.holds(1.0)
    assert found.alpha.holds(1 / 6)
    assert found.alpha.high - found.alpha.low < 0.05


def test_pooled_positions_hide_the_law():
    """Exact, sentences one after another. Two things hide it: tokens are not equally frequent at each place of a
    sentence, which repeats for ever, and the covariances of different places point in different directions, so that
    their mean falls faster than each.
    """
    grammar, lags = RandomHierarchy(16, 4, 2, 6, seed=0), [1, 2, 4, 8, 16, 32]
    length = grammar.sentence_length
    places = np.array([marginal(grammar, (0, i)) for i in range(length)])
    off = places - places.mean(axis=0)
    aligned, within, between = [], [], []
    for lag in lags:
        pairs = [
            joint(grammar, (0, i), (0, i + lag)) - np.outer(places[i], places[i + lag]) for i in range(length - lag)
        ]
        aligned.append(np.linalg.norm(pairs[-1], 2))
        within.append(np.linalg.norm(np.sum(pairs, axis=0) / length, 2))
        between.append(np.linalg.norm(off.T @ np.roll(off, -lag, axis=0) / length, 2))
    slopes = [-np.polyfit(np.log(lags), np.log(each), 1)[0] for each in (aligned, within, between)]
    assert slopes[0] == pytest.approx(2, abs=0.2)  # ln m / ln s
    assert slopes[1] > 2.3
    assert abs(slopes[2]) < 0.1
    assert between[-1] > 100 * within[-1]


# Texts of which there is nothing to say


def measured(tokens: np.ndarray, vocab: int) -> Statistics:
    number = len(tokens) // 10
    return measured_statistics(Held(tokens[: -2 * number], tokens[-2 * number : -number], tokens[-number:], vocab), 5)


def markov_chain() -> np.ndarray:
    """Ten tokens; half of the time the next one is the one before."""
    draws, fresh = stream(0, "chain"), stream(1, "chain").integers(10, size=60_000)
    return fresh[np.maximum.accumulate(np.where(draws.random(60_000) < 0.5, np.arange(60_000), 0))]


@pytest.mark.parametrize("kind", ["markov", "shuffled"])
def test_there_is_nothing_to_forecast_and_the_program_says_so(kind):
    tokens = markov_chain()
    tokens = stream(2, "shuffle").permutation(tokens) if kind == "shuffled" else tokens
    text = measured(tokens, 10)
    found = forecast(text)
    assert found.belief == "no"
    assert math.isnan(found.alpha.value)
    assert math.isnan(gain(best_counted(text.counts), found.beta, fit_entropy_decay(text.counts)).value)
    assert math.isnan(horizon(text, 10**6).value)
    said = "; ".join(found.reasons)
    ends = {"markov": "bounds are tight up to n = 1", "shuffled": "bounds are tight up to n = 0"}
    assert ends[kind] in said
    assert ("0 distances are clear of the sampling noise" in said) == (kind == "shuffled")


# What the forecast says besides the exponent


def test_the_horizon_is_where_the_law_meets_the_noise():
    text = stated(2 ** np.arange(10), 0.1 * 2.0 ** -np.arange(10), np.arange(9), entropies(0.5, 0.5), floor=1e-3)
    assert horizon(text, 10**6).value == pytest.approx(100, rel=1e-4)
    assert horizon(text, 10**8).value == pytest.approx(1000, rel=1e-4)


def entropies(gamma: float, limit: float) -> np.ndarray:
    return limit + np.append(2.0, np.arange(1.0, 9.0) ** -gamma)


def test_ten_times_the_text_lowers_the_loss_by_what_is_left_above_the_limit():
    """(L - H_inf)(1 - 10^(-gamma / 2 beta)), and its ends those of all limits allowed."""
    text = stated(2 ** np.arange(10), 0.1 * 2.0 ** -np.arange(10), np.arange(9), entropies(0.5, 0.5))
    decay, beta = fit_entropy_decay(text.counts), forecast(text).beta
    loss = best_counted(text.counts)
    found = gain(loss, beta, decay)
    assert loss.value == pytest.approx(0.5 + 8**-0.5)
    assert found.value == pytest.approx(8**-0.5 * (1 - 10**-0.25), rel=0.02)
    assert found.low < found.value < found.high
    by_limit = [
        (loss.value - limit) * (1 - 10 ** -(decay.at(limit, BLOCKS)[0] / 2))
        for limit in np.linspace(decay.limit_low, decay.limit_high, 9)
    ]
    assert found.low <= min(by_limit)
    assert found.high >= max(by_limit)
    more = gain(loss, beta, decay, factor=100)
    assert more.value == pytest.approx(8**-0.5 * (1 - 10**-0.5), rel=0.02)
    with pytest.raises(InputError, match="factor=1 cannot be used: it says how many times more text there is"):
        gain(loss, beta, decay, factor=1)


@pytest.mark.parametrize("delta", [0.3, 1.0])
@pytest.mark.parametrize("sizes", [[1, 2, 4, 8, 16], [1, 3, 4, 20]])
def test_delta_is_found_whatever_the_limit(delta, sizes):
    sizes = 1000.0 * np.array(sizes)
    assert approach_exponent(sizes, 1.7 + 30 * sizes**-delta) == pytest.approx(delta, rel=1e-4)
    assert math.isnan(approach_exponent(sizes[:2], 1.7 + sizes[:2] ** -delta))
    assert math.isnan(approach_exponent(sizes, 1.7 + sizes**delta))


def learning_curves(delta: float) -> dict[int, LearningCurve]:
    sizes = 2.0 ** np.arange(10, 16)
    losses = np.array([[1 + scale * sizes**-delta] for scale in (40, 50, 60)])[:, 0]
    return {n: LearningCurve(sizes, losses + 0.1 * n) for n in range(4)}


@pytest.mark.parametrize(("delta", "fast"), [(0.8, True), (0.1, False)])
def test_fast_learning_is_delta_above_the_forecast(delta, fast):
    text = stated(2 ** np.arange(10), 0.1 * 2.0 ** -np.arange(10), np.arange(9), entropies(0.5, 0.5))
    before = forecast(text, (10**8, 10**9))
    found = learning_exponent(learning_curves(delta), reached=3.0)
    assert found.value == pytest.approx(delta, rel=1e-3)
    ratio = fast_learning(found, before.alpha)
    assert (ratio.value > 1) == fast
    after = with_learning(before, ratio)
    assert ("learning within the horizon sets the pace" in " ".join(after.reasons)) == (ratio.high < 1)
    if ratio.high < 1:
        assert after.belief == "with care"
    else:
        assert after == before


def test_a_loss_that_does_not_fall_has_no_delta():
    curves = learning_curves(0.5)
    curves[1].losses[1, 3] += 1.0
    found = learning_exponent(curves, reached=2.0)
    assert math.isnan(found.value)
    assert found.reason == "with contexts of 1 to 2 tokens a seed's loss does not fall at every size"


# How often intervals hold the truth


def test_marks_have_the_entropies_and_correlations_that_are_said():
    """Counted in one long text against the sums over the age of the last mark."""
    chances = gaps(0.2, 0.3, 1.5)  # steep, so that 400,000 tokens are many
    assert chances.min() >= 0
    text = marks(0, 400_000, chances)
    exact, limit = exact_entropies(chances, 4)
    assert (np.diff(exact) < 0).all()
    assert exact[-1] > limit
    windows = np.lib.stride_tricks.sliding_window_view(text, 5) @ (1 << np.arange(5))
    for n in range(5):
        past, present = windows & ((1 << 4) - 1) & ~((1 << (4 - n)) - 1), windows >> 4
        joint = np.bincount(past * 2 + present)
        joint = joint[joint > 0] / len(windows)
        alone = np.bincount(past)
        alone = alone[alone > 0] / len(windows)
        assert alone @ np.log(alone) - joint @ np.log(joint) == pytest.approx(exact[n], abs=0.004)
    for lag in (1, 4, 16):
        both = (text[:-lag] * text[lag:]).mean()
        assert both == pytest.approx(0.2 * (0.2 + 0.3 * lag**-1.5), abs=0.003)


@pytest.mark.slow
@pytest.mark.parametrize(("gamma", "limit"), [(0.3, 1.0), (1.0, 0.5)])
def test_intervals_hold_the_exponents_that_statistics_were_made_with(gamma, limit):
    found = coverage(lambda seed: drawn_statistics(seed, 0.7, gamma, limit), 200)
    for name in ("gamma", "alpha", "gain", "n*"):
        assert 0.92 <= found[name][0] <= 0.99, (name, found[name])
    assert found["gamma"][1] >= 190


@pytest.mark.slow
def test_intervals_hold_the_exponents_of_made_texts():
    """A wide interval is no failure here: gamma of a text is known to what the range of limits says."""
    found = coverage(lambda seed: renewal_statistics(seed, 0.9, 100_000), 20)
    assert found["beta"][0] >= 0.85
    assert found["gamma"][0] >= 0.9
    assert found["alpha"][0] >= 0.9


def test_tables_show_what_more_text_brings_and_what_hangs_on_the_limit():
    text = stated(2 ** np.arange(10), 0.1 * 2.0 ** -np.arange(10), np.arange(9), entropies(0.5, 0.5), floor=1e-3)
    decay, found = fit_entropy_decay(text.counts), forecast(text)
    shown: Any = [table.data for table in outlook_tables(text, decay, found)]
    outlook, limits = shown
    values = outlook.set_index(["what", "factor"])["value"]
    assert values["horizon n* (tokens)", 100] == pytest.approx(1000, rel=1e-4)
    assert values["gain (nats)", 10] == pytest.approx(gain(best_counted(text.counts), found.beta, decay).value)
    assert (outlook["low"] <= outlook["value"]).all()
    assert (outlook["value"] <= outlook["high"]).all()
    assert limits["limit"].iloc[[0, -1]].tolist() == [decay.limit_low, decay.limit_high]
    assert (limits["gamma"].diff().dropna() > 0).all()
    np.testing.assert_allclose(limits["alpha"], limits["gamma"] / 2, rtol=1e-6)
    spread = limits["gain"].max() / limits["gain"].min()
    assert spread < limits["alpha"].max() / limits["alpha"].min()  # the gain hangs on the limit much less
    nothing = stated(2 ** np.arange(10), 0.1 * 2.0 ** -np.arange(10), np.arange(9), np.ones(9))
    shown = [table.data for table in outlook_tables(nothing, fit_entropy_decay(nothing.counts), forecast(nothing))]
    outlook, limits = shown
    assert outlook.set_index("what")["value"]["gain (nats)"].isna().all()
    assert outlook["note"].iloc[-1].startswith("bounds are tight up to n = 0")
    assert not len(limits)
