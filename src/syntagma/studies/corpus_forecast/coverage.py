"""How often the intervals of a forecast hold the truth, where the truth is known.

    python -m syntagma.studies.corpus_forecast.coverage

Two kinds of truth. *Statistics* drawn about exact laws: strengths t^(-beta) with independent errors of 3 to 10 percent
from blocks of text, and entropies H_inf + n^(-gamma) of n = 1, ..., 8 whose excess is off by 3 percent, independently
at each n, which is the tolerance that `fit_entropy_decay` grants to texts, and by an error that all n share.

*Texts*: marks in an empty line, an ordinary renewal process whose distances are such that a mark is t tokens after
another with probability

    u_t = u + c t^(-beta),     t = 1, 2, ...

Such distances exist as long as u_t is log-convex (Kaluza, Math. Z. 28, 161 (1928)), and the strength of the
correlations is 2 u c t^(-beta) exactly. How long ago the last mark was is all that the past says, so that H_n is a sum
over that age, known up to n: exact, too. gamma is then not one number but the slope of ln(H_n - H_inf) over the
lengths of context that were fitted, and the text's alpha that slope over 2 beta.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Integer

from syntagma.randomness import stream
from syntagma.statistics.entropies import EntropyBounds
from syntagma.statistics.entropy_decay import EntropyDecay, fit_entropy_decay
from syntagma.statistics.lagged import geometric_lags
from syntagma.statistics.power_law import fit_decay
from syntagma.statistics.strengths import Strengths
from syntagma.studies.corpus_forecast.backtest import Held, measured_statistics
from syntagma.studies.corpus_forecast.facts import Statistics
from syntagma.studies.corpus_forecast.forecast import forecast_from
from syntagma.studies.corpus_forecast.outlook import best_counted, gain, horizon

BLOCKS = 20
_RENEWED, _LONGEST_GAP = 1 << 14, 1 << 20
_Truth = dict[str, float]


def drawn_statistics(seed: int, beta: float, gamma: float, limit: float) -> tuple[Statistics, Callable[..., _Truth]]:
    """Statistics about exact laws, and what is true of them."""
    draws, lags = stream(seed, "made statistics"), np.array(geometric_lags(512, 3))
    strengths, errors = 0.1 * lags**-beta, np.geomspace(0.03, 0.1, len(lags))
    by_block = strengths * (1 + draws.normal(size=(BLOCKS, len(lags))) * errors * BLOCKS**0.5)
    values, spread = by_block.mean(axis=0), by_block.std(axis=0, ddof=1) / BLOCKS**0.5
    weights, pairs = np.full(by_block.shape, 1 / BLOCKS), np.full(len(lags), 10**6)
    found = Strengths(lags, values, spread, values, spread, pairs, by_block, weights)
    contexts = np.arange(9)
    excess = np.append(2.0, np.arange(1.0, 9.0) ** -gamma) * np.exp(0.03 * draws.normal(size=9))
    losses = limit + excess + 0.01 * draws.normal(size=(BLOCKS, 1)) + 0.001 * draws.normal(size=(BLOCKS, 9))
    errors_of_losses = losses.std(axis=0, ddof=1) / BLOCKS**0.5
    bounds = EntropyBounds(contexts, losses.mean(axis=0), errors_of_losses, losses, np.zeros(9), ("made",) * 9)
    noise = 0.1 * 100**-beta

    def truth(entropy: EntropyDecay) -> _Truth:
        alpha, loss = gamma / (2 * beta), float(best_counted(bounds).value)
        gained = (loss - limit) * (1 - 10**-alpha)
        return {"beta": beta, "gamma": gamma, "H_inf": limit, "alpha": alpha, "gain": gained, "n*": 100.0}

    return Statistics(10**6, np.full(5, noise), found, fit_decay(found, first_lag=1), bounds), truth


def gaps(rate: float, height: float, beta: float) -> Float[np.ndarray, " n"]:
    """Probabilities of the distances 1, 2, ... from a mark to the next, of u_t = rate + height t^-beta.

    Up to 2^14 by the renewal equation; beyond, what is left falls as t^-(beta + 2), as it does where u_t falls as said
    (all of it at 2^14 would make marks 1.6 percent more frequent at beta = 0.5, the correlations' slope 0.55 at 128).
    """
    u = np.append(1.0, rate + height * np.arange(1, _RENEWED + 1) ** -beta)
    found = np.zeros(_RENEWED + 1)
    for t in range(1, _RENEWED + 1):
        found[t] = u[t] - found[1:t] @ u[t - 1 : 0 : -1]
    beyond = np.arange(_RENEWED + 1.0, _LONGEST_GAP + 1) ** -(beta + 2)
    return np.concatenate([found[1:], beyond * ((1 - found.sum()) / beyond.sum())])


def marks(seed: int, length: int, chances: Float[np.ndarray, " n"]) -> Integer[np.ndarray, " N"]:
    """A text of so many tokens: 1 where a mark is, else 0."""
    draws, mean = stream(seed, "marks"), float(chances @ np.arange(1, len(chances) + 1))
    number = int(1.2 * length / mean + 100)
    places = np.cumsum(1 + draws.choice(len(chances), size=number, p=chances))
    while places[-1] < length:
        more = np.cumsum(1 + draws.choice(len(chances), size=number, p=chances))
        places = np.concatenate([places, places[-1] + more])
    text = np.zeros(length, np.uint8)
    text[places[places < length]] = 1
    return text


def exact_entropies(chances: Float[np.ndarray, " n"], longest: int) -> tuple[Float[np.ndarray, " k"], float]:
    """H_0, ..., H_longest and H_inf, nats."""
    survives = np.cumsum(chances[::-1])[::-1]  # from the far end, where 1 less what is before would round to 0
    hazard = np.minimum(chances / survives, 1.0)
    age = survives / survives.sum()

    def entropy(p: np.ndarray | float) -> np.ndarray:
        p = np.clip(p, 1e-300, 1.0)
        return -p * np.log(p) - (1 - p) * np.log(np.maximum(1 - p, 1e-300))

    found = []
    for n in range(longest + 1):
        beyond = float(age[n:].sum())
        found.append(float(age[:n] @ entropy(hazard[:n]) + beyond * entropy(float(age[n:] @ hazard[n:]) / beyond)))
    return np.array(found), float(age @ entropy(hazard))


def renewal_statistics(seed: int, beta: float, length: int) -> tuple[Statistics, Callable[[EntropyDecay], _Truth]]:
    """Statistics measured on a text of marks, and what is true of it."""
    chances = gaps(0.2, 0.4, beta)
    text, longest, tenth = marks(seed, length, chances), 8, length // 10
    parts = Held(text[: -2 * tenth], text[-2 * tenth : -tenth], text[-tenth:], 2)
    statistics = measured_statistics(parts, longest, largest_lag=128, most_in_trees=0)
    exact, limit = exact_entropies(chances, longest)

    def truth(entropy: EntropyDecay) -> _Truth:
        n = np.arange(entropy.first, entropy.last + 1)
        gamma = -float(np.polyfit(np.log(n), np.log(exact[n] - limit), 1)[0]) if entropy.last else math.nan
        return {"beta": beta, "gamma": gamma, "H_inf": limit, "alpha": gamma / (2 * beta)}

    return statistics, truth


def coverage(
    drawn: Callable[[int], tuple[Statistics, Callable[[EntropyDecay], _Truth]]], trials: int
) -> dict[str, tuple[float, int]]:
    """For each quantity how often its interval holds the truth, and in how many of the trials there is one."""
    held: dict[str, list[bool]] = {}
    for seed in range(trials):
        statistics, truth_of = drawn(seed)
        entropy = fit_entropy_decay(statistics.counts)
        forecast = forecast_from(statistics, entropy, (10**5, 10**6), 512)
        found = {"beta": forecast.beta, "gamma": forecast.gamma, "H_inf": forecast.limit, "alpha": forecast.alpha}
        found |= {"n*": horizon(statistics, statistics.tokens)}
        found |= {"gain": gain(best_counted(statistics.counts), forecast.beta, entropy)}
        for name, true in truth_of(entropy).items():
            if not math.isnan(found[name].value):
                held.setdefault(name, []).append(found[name].holds(true))
    return {name: (float(np.mean(each)), len(each)) for name, each in held.items()}


def main() -> None:
    """Print the table of docs/forecast-a-text.md."""
    print("| what is known | trials | quantity: how often its interval holds the truth |\n| --- | --- | --- |")
    for beta, gamma, limit in ((0.5, 0.3, 1.0), (0.9, 0.3, 1.0), (0.7, 0.6, 0.5), (1.2, 1.0, 0.5)):
        found = coverage(lambda seed: drawn_statistics(seed, beta, gamma, limit), 200)  # noqa: B023
        print(f"| statistics, beta {beta}, gamma {gamma}, H_inf {limit} | 200 | {_shown(found)} |", flush=True)
    for beta in (0.5, 0.7):
        found = coverage(lambda seed: renewal_statistics(seed, beta, 200_000), 100)  # noqa: B023
        print(f"| texts of 200,000 tokens, beta {beta} | 100 | {_shown(found)} |", flush=True)


def _shown(found: dict[str, tuple[float, int]]) -> str:
    return ", ".join(f"{name} {100 * share:.1f} % of {number}" for name, (share, number) in found.items())


if __name__ == "__main__":
    main()
