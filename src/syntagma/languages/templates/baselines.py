"""What answers that compare no symbols get right on symbols never seen: the accuracies that learning has to exceed.

    chance              the best answer that does not depend on the string
    without_comparing   the best one that reads regular tokens and where symbols stand, and may copy that of a place

Symbols never seen are exchangeable, so an answer that compares no two of them is a function of the skeleton, the
template with every wildcard alike: a constant, or a place to copy from. For each skeleton the best of these is taken,
weighed by the templates' probabilities:

    sum over skeletons of max(over constants c: P(label = c), over places i: P(label is the symbol at i))

Majority of five symbols: the symbol of any place is the majority's in 11 of 16 templates, 0.69, where chance is 1/256;
distribution of three: 1/3. Exact, for the templates at hand; derived here.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool

from syntagma.languages.templates.language import Templates


def chance(templates: Templates) -> float:
    """Accuracy on symbols never seen of the best answer that ignores the string: `chance(family("majority"))` is 1/256.

    Where labels are numbers the sign is judged, and 0 has neither: half of such answers count as right.
    """
    return _best(templates, np.ones(len(templates.patterns), bool), places=False)


def without_comparing(templates: Templates) -> float:
    """The same of the best answer that compares no symbols: `without_comparing(family("majority"))` is 11/16."""
    skeletons = np.minimum(templates.patterns, templates.num_regular)
    _, kinds = np.unique(skeletons, axis=0, return_inverse=True)
    kinds = kinds.reshape(-1)
    return float(sum(_best(templates, kinds == kind, places=True) for kind in range(kinds.max() + 1)))


def _best(templates: Templates, which: Bool[np.ndarray, " r"], *, places: bool) -> float:
    """The probability of those templates times the accuracy of the best single answer to them."""
    weights, labels = templates.weights[which], templates.labels[which]
    if not templates.symbolic:
        half = weights[labels == 0].sum() / 2
        return float(half + max(weights[labels > 0].sum(), weights[labels < 0].sum()))
    regular = labels < templates.num_regular
    shares = [weights[labels == label].sum() for label in np.unique(labels[regular])]
    shares.append(weights[~regular].sum() / templates.test_symbols)
    if places:
        patterns = templates.patterns[which]
        shares += [weights[patterns[:, i] == labels].sum() for i in range(patterns.shape[1])]
    return float(max(shares))
