"""Claims of the study: how the class error falls, and how the thresholds of the last token move."""

from __future__ import annotations

from collections.abc import Iterator

from syntagma.curves import Claim
from syntagma.studies import grammar
from syntagma.studies.zipf_rules.measured import Measured, exact_fall
from syntagma.theory import hierarchy as theory
from syntagma.theory import root_class, zipf

_TOKENS_SOURCE = f"{theory.SOURCE}, signal = noise; exact correlations derived here"


def claims(measured: Measured) -> Iterator[Claim]:
    """The class by each of its learners, then the last token."""
    settings = measured.settings
    for name in settings.class_learners():
        yield from _class_claims(measured, name)
    for a in settings.exponents:
        for level in range(2, settings.token_levels + 1):
            text = f"a = {a:g}: P_{level} / P_{level - 1} of the last token with Zipf rules over that with equal rules"
            factor = measured.predicted_move(a, level)
            yield grammar.ratio_claim(text, factor, measured.moved(a, level), _TOKENS_SOURCE, f"{factor:.2f}")


def _class_claims(measured: Measured, name: str) -> Iterator[Claim]:
    """How a learner's class error falls with Zipf rules, and that it falls more steeply with equal ones.

    Tested against the exact correlations of the grammars: the law P^(-a/(1+a)) is of infinitely many rules.
    """
    settings, who = measured.settings, measured.label(name)
    for a in settings.exponents:
        exactly, law = exact_fall(settings, measured.facts, a), zipf.exponent(a)
        fall, equal = measured.fall(name, a, a), measured.fall(name, 0.0, a)
        where = f" from P = {fall.sizes[0]:.0f} to {fall.sizes[-1]:.0f}" if len(fall.sizes) else ""
        shown = f"P^-k, k = {fall.slope}{where}" if where else ""
        text = f"Zipf exponent a = {a:g}: the class error of the {who} falls as a power of P"
        says = f"P^-{exactly:.2f} by exact correlations; law of infinitely many rules P^-{law:.2f}"
        yield Claim(text, says, fall.slope, "equals", exactly, root_class.SOURCE, resolution=0.5, shown=shown)
        text = f"with equal rules the class error of the {who} falls more steeply than with a = {a:g} as predicted"
        yield Claim(text, f"exponent > {exactly:.2f}", equal.slope, "above", exactly, root_class.SOURCE)
