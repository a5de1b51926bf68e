"""One figure of every kind of picture, from made-up measurements, for the tests of `syntagma.plot`."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from syntagma import plot
from syntagma.plot import Band, Figure, Line, Panel

SIZES = np.geomspace(32, 32768, 11)
PLATEAUS = (2.07, 1.15, 0.55, 0.27, 0.22)


@dataclasses.dataclass(frozen=True)
class Interval:
    value: float
    low: float = math.nan
    high: float = math.nan
    bounded: bool = False


@dataclasses.dataclass(frozen=True)
class Spread:
    num_examples: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    shows: str


@dataclasses.dataclass(frozen=True)
class Curve:
    name: str
    losses: np.ndarray
    num_examples: np.ndarray = dataclasses.field(default_factory=lambda: SIZES)

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(range(len(self.losses)))

    def band(self) -> Spread:
        losses = self.losses
        shows = f"smallest to largest of {len(losses)} seeds"
        return Spread(self.num_examples, losses.mean(0), losses.min(0), losses.max(0), shows)

    def crossing(self, line: float) -> Interval:
        ends = [np.interp(-line, -row, np.log(SIZES), right=np.inf) for row in self.losses]
        if np.isinf(ends).all():
            return Interval(SIZES[-1], SIZES[-1], math.inf, True)
        return Interval(*(float(np.exp(one)) for one in (np.mean(ends), min(ends) - 0.1, max(ends) + 0.1)))


@dataclasses.dataclass(frozen=True)
class Stated:
    values: tuple[float, ...]
    regime: str
    source: str = "arXiv 2505.07070, Eq. 3"


@dataclasses.dataclass(frozen=True)
class Prediction:
    name: str
    thresholds: Stated
    plateaus: Stated = Stated(PLATEAUS, "exact for this grammar")

    def at(self, num_examples: np.ndarray) -> np.ndarray:
        return 0.2 + 2 * (1 + num_examples / 100) ** -0.5


def curve(name: str, scale: float, floor: float = 0.24, spread: float = 0.2) -> Curve:
    shifts = np.array([1 - spread, 1.0, 1 + spread])[:, None]
    return Curve(name, floor * shifts**0.4 + 1.85 * np.exp(-((SIZES / (scale * shifts)) ** 0.5)))


CURVES = {
    "cnn": curve("convolutional", 250),
    "attention": curve("attention-only", 1200),
    "transformer": curve("transformer", 3000),
}
SHARING = Prediction("weight sharing", Stated((30.0, 300.0, 900.0, 2700.0), "asymptotic law"))
NOT_SHARING = Prediction("no weight sharing", Stated((30.0, 300.0, 2700.0, 24000.0), "asymptotic law"))


def curve_figures() -> list[Figure]:
    alone = plot.learning_curves(CURVES.values(), [SHARING, NOT_SHARING], PLATEAUS, title="Sharing weights saves data")
    panels = [
        plot.curve_panel(
            {key: curve(one.name, scale * m) for (key, one), scale in zip(CURVES.items(), (60, 200, 500), strict=True)},
            [SHARING, NOT_SHARING],
            PLATEAUS,
            title=f"m = {m} rules per symbol",
            prefactors={"weight sharing": 3.4},
        )
        for m in (2, 3, 4)
    ]
    by_size = plot.learning_curves(panels, title="More rules, more examples, level by level", name="by-rules")
    theory = Prediction("spectrum", Stated((), "exact for this kernel"))
    kernel = {"kernel": Curve("kernel regression", np.stack([theory.at(SIZES) * f for f in (0.9, 1, 1.12)]))}
    below = {"cnn": curve("convolutional", 100, floor=0.22, spread=0.6)}
    odd = [
        plot.curve_panel(kernel, [theory], title="A theory that is a curve", y="error / variance"),
        plot.curve_panel(below, (), PLATEAUS, title="Seeds that fall below the mean oracle"),
    ]
    return [alone, by_size, Figure("odd", "Other curves", odd)]


def measured(values: list[float], width: float = 1.3) -> list[Interval]:
    return [Interval(x, x / width, x * width) for x in values]


def growth_figure() -> Figure:
    m = np.array([2, 3, 4])
    f = 1 - m / 8
    panels = []
    for level, power in ((1, 1), (2, 3), (3, 4)):
        laws = {"weight sharing": 8 * m**power / f, "no weight sharing": 8 * m ** (2 * level - 1.0) / f}
        values = {
            "cnn": measured(list(40 * m ** (power + 0.5) / f)),
            "attention": [*measured(list(90 * m[:2] ** (power + 0.8) / f[:2])), Interval(20000, 20000, math.inf, True)],
        }
        panels.append(
            plot.growth_panel(
                [2, 3, 4],
                values,
                factor=list(f),
                laws=laws,
                exponents={"cnn": Interval(power + 0.5, power + 0.2, power + 0.8)},
                law_exponents={"weight sharing": power, "no weight sharing": 2 * level - 1},
                title=f"level {level}",
                labels={"cnn": "CNN", "attention": "attention"},
            )
        )
    silent = {"cnn": [Interval(math.nan)] * 3}
    panels.append(plot.growth_panel([2, 3, 4], silent, title="level 4"))
    return plot.growth(panels, title="Each level costs a factor of m more", columns=4)


def collapse_figure() -> Figure:
    rows = {
        f"{size} = {value}": {"cnn": Interval(3 + i / 5, 2.4, 4 + i / 5), "attention": Interval(4, 3, 6)}
        for i, (size, value) in enumerate([("v", 8), ("v", 16), ("m", 2), ("m", 4), ("L", 3)])
    }
    rows["L = 5"] = {"cnn": Interval(9, 9, math.inf, True), "attention": Interval(math.nan)}
    curves = [
        plot.rescaled(key, SIZES, (one.losses.mean(0) - 0.55) / 0.6, 300.0, label=one.name)
        for key, one in CURVES.items()
    ]
    names = {key: one.name for key, one in CURVES.items()}
    return plot.collapse(
        {"level 1": rows, "level 2": rows},
        {"level 1": curves, "level 2": curves},
        title="One factor for all",
        labels=names,
    )


def ratio_figure() -> Figure:
    rows = {
        "same-different": Interval(3.4, 2.6, 4.4),
        "aba-abb": Interval(4.3, 2.2, 6.5),
        "majority": Interval(7, 6, 8),
        "distribution-of-three": Interval(36, 36, math.inf, True),
        "copying": Interval(math.nan),
    }
    panel = plot.dot_panel(rows, x="training strings without a, b, over those with", key="transformer-identities")
    return plot.ratios([panel], title="Two scalars a head save 3 to 36 times the data")


def spectrum_figure() -> Figure:
    values = {"(T)": [2.0, 0.1, 0.01, 0.001], "(T-1,1)": [0.3, 0.05, 0.004], "(T-2,2)": [0.02], "(T-2,1,1)": []}
    bounds = {"(T)": 5.0, "(T-1,1)": 0.4, "(T-2,2)": 0.08, "(T-2,1,1)": 0.08}
    t = np.array([1.0, 2, 4, 8, 16, 32])
    s = 0.5 * t**-0.9 + 0.01
    decay = plot.decay_panel(
        t, s, s * 0.9, s * 1.1, fitted=t < 10, exponent=0.9, floor=0.012, title="Text: correlations"
    )
    panel = plot.spectrum_panel(values, bounds=bounds, floor=1e-4, title="One block reaches three")
    return Figure("spectra", "What a block can learn", (panel, decay), columns=2)


def profile_figure() -> Figure:
    layers = ["embedding", "layer 1", "layer 2", "read-out"]
    mean = np.array([0.1, 0.4, 0.8, 0.9])
    lines = {f"level {k}": (mean / k, mean / k - 0.05, mean / k + 0.05) for k in (1, 2, 3)}
    other = {f"level {k}": (0.1 * mean / k, None, None) for k in (1, 2, 3)}
    ceilings = {"level 1": [1, 1, 1, 1], "level 2": [0.7] * 4}
    panels = (
        plot.profile_panel(
            layers,
            lines,
            dashed=other,
            band="smallest to largest of 3 seeds",
            y="synonyms ignored (0 to 1)",
            title="Deeper layers ignore synonyms",
        ),
        plot.profile_panel(
            layers,
            {"level 1": (mean, None, None)},
            ceilings=ceilings,
            chance=0.125,
            title="Read-outs",
            y="accuracy of a linear read-out",
        ),
        plot.profile_panel(
            range(1, 9),
            {"cnn": (np.linspace(2, 1, 8), None, None)},
            x="position",
            y="loss (nats)",
            title="Later positions are easier",
        ),
        plot.share_panel(
            ["layer 1", "layer 2", "uniform"],
            {"level 1": [0.6, 0.3, 0.1], "level 2": [0.4, 0.5, 0.4]},
            rest="an input without a token",
            title="Where attention looks",
            y="share of attention",
        ),
    )
    return Figure("profiles", "What each layer knows", panels, columns=2)


def matrix_figure() -> Figure:
    weights = np.tril(np.ones((8, 8))) / np.arange(1, 9)[:, None]
    covariance = np.cos(np.subtract.outer(np.arange(16), np.arange(16)) / 2)
    names = [str(i) for i in range(16)]
    panels = (
        plot.heat_panel(
            [[0.9, 0.5, 0.1], [0.95, 0.8, 0.3]],
            ["layer 1", "layer 2"],
            ["level 1", "level 2", "level 3"],
            title="Read-out accuracy",
            limits=(0, 1),
        ),
        plot.heat_panel(
            weights.tolist(), names[:8], names[:8], x="from position", y="to position", unit="attention weight"
        ),
        plot.heat_panel(covariance.tolist(), names, names, unit="covariance", limits=(-1, 1), diverging=True),
        plot.tree_panel([[3], [1, 4], [0, 2, 5, 1], list("17220415")], title="A resampled rule", highlight=[(1, 1)]),
    )
    return Figure("matrices", "Matrices and a tree", panels, columns=2)


def text_figure() -> Figure:
    """Curves by context with their names at the right, as of the corpus forecast."""
    marks = []
    for i, n in enumerate((0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 511)):
        y = 3.2 - 0.5 * np.log1p(i) * (1 - np.exp(-SIZES / 900))
        marks += [
            Band(SIZES, y - 0.02, y + 0.02, key=f"grade {i / 10}"),
            Line(SIZES, y, name=f"n = {n}", key=f"grade {i / 10}"),
        ]
    panel = Panel(
        "Loss by tokens of context", plot.Axis("training text P (tokens)", "log"), plot.Axis("test loss (nats)"), marks
    )
    return Figure("text", "Longer contexts need more text", (panel,))


def all_figures() -> list[Figure]:
    return [
        *curve_figures(),
        growth_figure(),
        collapse_figure(),
        ratio_figure(),
        spectrum_figure(),
        profile_figure(),
        matrix_figure(),
        text_figure(),
    ]
