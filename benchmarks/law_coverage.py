"""How often the interval of beta holds it, on texts of two tokens whose correlations fall as a known power.

    python benchmarks/law_coverage.py marks,0.5,100000 signs,0.4,131072 chains,0.6,100000 --texts 200

Three kinds of text, all with the law up to their ends. *marks*: the renewal process of `corpus_forecast.coverage`.
*signs*: those of Gaussian noise whose correlations are sin(pi c t^-beta / 2), so that the signs' own are c t^-beta.
*chains*: each token reads one of eleven binary chains of correlation times 4^k, a sum of exponentials near the power;
its truth is the slope of the exact strengths over the distances that were fitted.

With two tokens the singular vectors are (1, -1) / 2^(1/2) whatever the noise, so a strength is twice the covariance of
the marks and a block's levels are its mean: nothing is decomposed, and a text takes a twentieth of a second. Beside the
interval as it is stands the one without regard to slow swings (`statistics.long_memory`).
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import math
from collections.abc import Callable

import numpy as np

from syntagma.randomness import stream
from syntagma.statistics.lagged import geometric_lags
from syntagma.statistics.power_law import fit_decay
from syntagma.statistics.strengths import Strengths
from syntagma.studies.corpus_forecast import coverage

Truth = Callable[[np.ndarray], np.ndarray]
_CORRELATED = 0.5


def marks(seed: int, length: int, beta: float) -> tuple[np.ndarray, Truth]:
    return coverage.marks(seed, length, _gaps(beta)), lambda lags: 0.16 * lags**-beta


@functools.cache
def _gaps(beta: float) -> np.ndarray:
    return coverage.gaps(0.2, 0.4, beta)


def signs(seed: int, length: int, beta: float) -> tuple[np.ndarray, Truth]:
    noise = np.fft.rfft(stream(seed, "gauss").normal(size=2 * length))
    values = np.fft.irfft(noise * _amplitudes(beta, length), 2 * length)[:length]
    return (values > 0).astype(np.uint8), lambda lags: _CORRELATED / 2 * lags**-beta


@functools.cache
def _amplitudes(beta: float, length: int) -> np.ndarray:
    """Of each frequency, for a circle of twice the length (Davies & Harte, Biometrika 74, 95 (1987))."""
    apart = np.minimum(np.arange(2 * length), 2 * length - np.arange(2 * length)).astype(float)
    correlations = np.ones(2 * length)
    correlations[1:] = np.sin(np.pi / 2 * _CORRELATED * apart[1:] ** -beta)
    powers = np.fft.rfft(correlations).real
    if powers.min() < -1e-6:
        raise SystemExit(f"no Gaussian noise has these correlations: beta = {beta}")
    return np.sqrt(np.maximum(powers, 0))


def chains(seed: int, length: int, beta: float) -> tuple[np.ndarray, Truth]:
    draws, times = stream(seed, "chains 2"), 4.0 ** np.arange(11)
    shares = times ** (-beta / 2) / (times ** (-beta / 2)).sum()
    chosen, tokens = draws.choice(len(times), size=length, p=shares), np.zeros(length, np.uint8)
    for k, time in enumerate(times):
        fresh = draws.random(length) < 1 - math.exp(-1 / time)
        fresh[0] = True
        values = draws.integers(2, size=length)
        chain = values[np.maximum.accumulate(np.where(fresh, np.arange(length), 0))]
        tokens[chosen == k] = chain[chosen == k]
    return tokens, lambda lags: (shares**2 * np.exp(-lags[:, None] / times)).sum(axis=1) / 2


def strengths(tokens: np.ndarray, lags: list[int], blocks: int = 20) -> Strengths:
    """As `correlation_strengths` with the singular vectors known."""
    x, columns = tokens.astype(np.float32), []
    for lag in lags:
        edges = np.linspace(0, len(x) - lag, blocks + 1).astype(int)
        first, second, number = x[:-lag], x[lag:], np.diff(edges)
        a, b, both = (np.add.reduceat(part, edges[:-1], dtype=float) for part in (first, second, first * second))
        p, q = a.sum() / number.sum(), b.sum() / number.sum()
        columns.append((2 * ((both - q * a - p * b) / number + p * q), number / number.sum(), (a + b) / number - p - q))
    by_block, weights, levels = (np.array(part).T for part in zip(*columns, strict=True))
    values = (by_block * weights).sum(axis=0)
    errors = np.sqrt((weights**2 * (by_block - values) ** 2).sum(axis=0) * blocks / (blocks - 1))
    pairs = len(x) - np.array(lags)
    return Strengths(np.array(lags), values, errors, values, errors, pairs, by_block, weights, levels)


def covered(kind: str, beta: float, length: int, texts: int) -> str:
    first, last = (4, 64) if kind == "chains" else (2, 128)
    lags = [lag for lag in geometric_lags(last, 3) if lag >= first]
    held, off = [], []
    for seed in range(1000, 1000 + texts):
        tokens, exact = {"marks": marks, "signs": signs, "chains": chains}[kind](seed, length, beta)
        found = strengths(tokens, lags)
        laws = [fit_decay(one, first_lag=first).whole for one in (dataclasses.replace(found, levels=None), found)]
        if None in laws:
            continue
        row = []
        for law in laws:
            assert law is not None
            counted = found.lags[(found.lags >= law.first) & (found.lags <= law.last)].astype(float)
            truth = -np.polyfit(np.log(counted), np.log(exact(counted)), 1)[0]
            row.append(law.low <= truth <= law.high)
        assert law is not None
        held.append(row)
        off.append((law.exponent - truth, law.standard_error))
    (without, share), (bias, error) = np.mean(held, axis=0), np.mean(off, axis=0)
    spread = np.std([one for one, _ in off])
    numbers = f"{100 * without:.1f} % | {100 * share:.1f} % | {bias:+.3f} | {spread:.3f} | {error:.3f}"
    return f"| {kind} | {beta:g} | {length:,} | {len(held)} | {numbers} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="+", metavar="KIND,BETA,TOKENS")
    parser.add_argument("--texts", type=int, default=200)
    given = parser.parse_args()
    print("| text | beta | tokens | texts | apart | as it is | bias | spread | standard error |\n" + "| --- " * 9 + "|")
    for case in given.cases:
        kind, beta, length = case.split(",")
        print(covered(kind, float(beta), int(length), given.texts), flush=True)


if __name__ == "__main__":
    main()
