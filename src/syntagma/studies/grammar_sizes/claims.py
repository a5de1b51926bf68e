"""Claims of grammar-sizes: growth of thresholds in each size, one prefactor for all languages, networks compared."""

from __future__ import annotations

import math
from collections.abc import Iterator

from syntagma.curves import Claim, combined, unmeasured
from syntagma.studies import grammar, tuning
from syntagma.studies.grammar_sizes.measured import Measured, grown, growth_exponent
from syntagma.studies.grammar_sizes.settings import PARAMETERS, SYMBOLS, sizes_of
from syntagma.theory import exact


def claims(measured: Measured) -> Iterator[Claim]:
    """How thresholds grow, whether one prefactor is all that is left out, and networks beside one another."""
    settings = measured.settings
    for name, parameter, level in grown(measured):
        learner = settings.learners[name].learner
        exponent, number = measured.growth(name, parameter, level)
        predicted, symbol = measured.predicted_growth(name, parameter, level), SYMBOLS[parameter]
        law = growth_exponent(parameter, level, bool(learner.weight_sharing))
        known = not math.isnan(predicted)
        yield Claim(
            f"P_{level} (1 - f) of the {settings.label(name)} network grows as a power of {symbol}",
            f"{symbol}^{predicted:z.2f} by exact correlations; asymptotic law {law}" if known else "no prediction",
            exponent,
            "equals" if known else "finding",
            predicted,
            exact.SOURCE,
            resolution=grammar.INTEGER_EXPONENT,
            shown=f"{symbol}^k, k = {exponent} from {number} values of {symbol}" if number else "",
        )
    for name in settings.learners:
        for level in range(1, settings.levels + 1):
            yield _one_prefactor(measured, name, level)
    yield from _side_by_side(measured)
    yield from _gains(measured)


def _side_by_side(measured: Measured) -> Iterator[Claim]:
    """Examples without weight sharing over those with it, at the highest level, on every language that both have."""
    settings = measured.settings
    for apart, shared in settings.pairs():
        both = set(settings.learners[apart].parameters) & set(settings.learners[shared].parameters)
        for one in settings.grammars(tuple(p for p in PARAMETERS if p in both)):
            level = settings.asked(one)
            exactly = measured.predicted(apart, one, level) / measured.predicted(shared, one, level)
            who = f"{settings.label(apart)} over {settings.label(shared)}"
            text = f"{who}: examples that level {level} takes, {sizes_of(one)}"
            yield grammar.ratio_claim(
                text, exactly, measured.over(apart, shared, one, level), exact.SOURCE, f"{exactly:.2f}"
            )


def _gains(measured: Measured) -> Iterator[Claim]:
    """What tuning is worth in the base language: nothing is predicted."""
    settings, base = measured.settings, measured.settings.base
    for tuned, given in settings.retuned():
        for level in range(1, settings.levels + 1):
            choice = measured.chosen.get((tuned, base))
            told = f" ({tuning.describe(choice[0])})" if choice else ""
            text = f"level {level}, base: examples of the {settings.label(tuned)}{told} over those as it was given"
            yield grammar.ratio_claim(text, math.nan, measured.over(tuned, given, base, level), "validation")


def _one_prefactor(measured: Measured, name: str, level: int) -> Claim:
    """One prefactor for all languages: the language farthest from the base, in standard errors, is where it is."""
    who = measured.settings.label(name)
    text = f"level {level}: one prefactor for all languages of the {who} network"
    predicted = "P_l over its exact size, over that of the base, is 1"
    prefactors = measured.prefactors(name, level)
    base = prefactors.pop(measured.settings.base, unmeasured("the base is not trained yet"))
    over = {one: combined([1.0, -1.0], [p, base], log=True) for one, p in prefactors.items()}
    if not over or all(math.isnan(interval.value) for interval in over.values()):
        return Claim(text, predicted, unmeasured("not trained yet"), "equals", 1.0, exact.SOURCE)
    one = min(over, key=lambda one: over[one].p_value(1.0))
    shown = f"of {len(over)} languages the farthest, {sizes_of(one)}: {over[one]}"
    return Claim(
        text, predicted, over[one], "equals", 1.0, exact.SOURCE, resolution=2.0, shown=shown, picked_from=len(over)
    )
