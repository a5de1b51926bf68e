"""Whether a context of given length is learned faster than the horizon grows, as the forecast takes for granted.

Once P tokens of text resolve correlations over n tokens, the loss with n tokens of context falls to the entropy,

    L_n(P) = H_n + c_n P^(-delta)

If delta > gamma / (2 beta), what is lost within the horizon vanishes before what is lost beyond it, and the loss falls
as P^(-gamma / (2 beta)): fast learning. Otherwise learning within the horizon sets the pace, and the loss falls as
P^(-delta). Source: the condition is that of arXiv 2602.07488; how delta is measured is derived here.

H_n is not known and not needed: between two sizes the loss falls by

    D_k = c_n P_k^(-delta) (1 - (P_(k+1) / P_k)^(-delta))

so that delta is what makes ln D_k + delta ln P_k - ln(1 - (P_(k+1) / P_k)^(-delta)) the same for all k: with sizes in
equal proportion, the slope of ln D_k. It is measured on the mean loss over the lengths of context that the smallest
text reaches already, one value a seed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from jaxtyping import Float
from scipy.optimize import minimize_scalar

from syntagma.checked_call import checked
from syntagma.curves import Interval, LearningCurve, PerSeed, combined, unmeasured

_EXPONENTS = (0.01, 6.0)
"""Where delta is looked for."""


@checked
def approach_exponent(num_tokens: Float[np.ndarray, " k"], losses: Float[np.ndarray, " k"]) -> float:
    """delta of losses = limit + c P^(-delta), whatever the limit; NaN with fewer than three sizes, or where a loss is
    not below the one before: `approach_exponent(np.array([1.0, 2, 4]), 1 + np.array([1.0, 2, 4]) ** -0.5)` is 0.5.
    """
    falls = -np.diff(losses)
    if len(losses) < 3 or not (falls > 0).all():
        return math.nan
    logs, ratios = np.log(num_tokens[:-1]), np.diff(np.log(num_tokens))

    def spread(delta: float) -> float:
        return float(np.var(np.log(falls) + delta * logs - np.log(-np.expm1(-delta * ratios))))

    found = minimize_scalar(spread, bounds=_EXPONENTS, method="bounded", options={"xatol": 1e-7})
    delta = float(found.x)  # pyright: ignore[reportAttributeAccessIssue]
    inside = _EXPONENTS[0] * 1.01 < delta < _EXPONENTS[1] * 0.99
    return delta if inside else math.nan


def learning_exponent(curves: Mapping[int, LearningCurve], reached: float) -> Interval:
    """delta with the interval of the seeds' own: `learning_exponent(curves, horizon(text, sizes[0]).value)`.

    Args:
        curves: by tokens of context.
        reached: n* of the smallest amount of text: contexts of 1 to so many tokens (NaN: of one) count.
    """
    longest = 1.0 if math.isnan(reached) else max(reached, 1.0)
    chosen = [curve for n, curve in curves.items() if 1 <= n <= longest]
    if not chosen or len(chosen[0].num_examples) < 3:
        return unmeasured("delta needs three amounts of text and a context of one token")
    sizes, losses = np.asarray(chosen[0].num_examples, float), np.mean([curve.losses for curve in chosen], axis=0)
    by_seed = [approach_exponent(sizes, each) for each in losses]
    if np.isnan(by_seed).any():
        return unmeasured(f"with contexts of 1 to {longest:.3g} tokens a seed's loss does not fall at every size")
    return PerSeed.exact(by_seed, log=True).interval()


def fast_learning(delta: Interval, alpha: Interval) -> Interval:
    """delta / alpha, above 1 where learning is fast: what is lost within the horizon vanishes first."""
    return combined([1.0, -1.0], [delta, alpha], log=True)
