"""What the studies of random hierarchies share: exact plateaus, thresholds beside the law, growth, and their claims.

The measured threshold of level l is the size at which a seed's test loss comes half-way from L_(l-1) to L_l, the exact
plateaus of that seed's own grammar.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float
from pydantic import Field

from syntagma.curves import Claim, Interval, LearningCurve, PerSeed, certain, power_law, ratio, unmeasured
from syntagma.errors import invalid
from syntagma.languages.hierarchy import RandomHierarchy
from syntagma.languages.settings import HierarchySettings
from syntagma.learners import Clusterer, Counter, Learner
from syntagma.oracles import TreeOracle
from syntagma.plot import Empty, Mark, Panel, curve_panel
from syntagma.plot.learning_curves import Seeds
from syntagma.studies.recipes import Contender
from syntagma.studies.schemas import interval_columns
from syntagma.studies.study import Cell, Fact, Facts, Settings
from syntagma.sweep.runs import Run
from syntagma.tasks import AnyTask, Task
from syntagma.theory import counting, exact
from syntagma.theory import hierarchy as theory
from syntagma.theory.last_token import PLATEAU_SOURCE, evidence
from syntagma.theory.prediction import Prediction, Regime, Staircase, Stated

READERS_SOURCE = "beside a reader (learners.readers)"
EXACTLY = "Predicted: where the exact correlations of these very grammars stand out of the sampling noise."
"""What captions of thresholds say of the number beside the measured one."""
INTEGER_EXPONENT = 1.0
"""Half-width within which an interval must lie to tell an exponent from its neighbours two away."""


class Grammar(Settings):
    """The sizes of a random hierarchy language with equal rules, or with Zipf rules at level 1."""

    vocab: int = Field(ge=2)
    rules: int = Field(ge=1)
    branching: int = Field(default=2, ge=2)
    depth: int = Field(ge=2)

    def language(self, seed: int, zipf: float = 0.0, classes: int | None = None) -> HierarchySettings:
        """The language of one seed; a Zipf exponent of 0 stands for equal rules."""
        unequal = {"rule_probabilities": zipf, "unequal_levels": (1,)} if zipf else {}
        return HierarchySettings.model_validate({**self.model_dump(), "num_classes": classes, "seed": seed, **unequal})

    def languages(self, seeds: int, zipf: float = 0.0, classes: int | None = None) -> list[HierarchySettings]:
        """The languages of so many seeds."""
        return [self.language(seed, zipf, classes) for seed in range(seeds)]

    def law(self, learner: Learner, level: int) -> float:
        """P_l of the asymptotic law for this learner; NaN where no law covers it."""
        return law_of(learner, self.vocab, self.rules, self.branching, self.depth, level)

    def predicted(self, facts: Facts, seeds: int, learner: Learner, level: int) -> float:
        """P_l exact for the grammars of so many seeds, as `predicted_thresholds`; NaN where no theory covers it."""
        return float(predicted_thresholds(facts, self.languages(seeds), learner)[level - 1])

    def predictions(self, facts: Facts, seeds: int, levels: int) -> list[Prediction]:
        """With weight sharing and without, up to `levels`: exact for the grammars of so many seeds, and by the laws."""
        languages = self.languages(seeds)
        heights = plateaus_of(facts, languages).mean(0)
        laws = law_predictions(self.vocab, self.rules, self.branching, levels, heights)
        return [*exact_predictions(facts, languages, levels, heights), *laws]

    def sparsity(self) -> float:
        """f, the share of all tuples that are rules."""
        return theory.sparsity(self.vocab, self.rules, self.branching)

    def check(self, task: Task, learner: Learner, classes: int | None = None) -> None:
        """Whether the language exists and the learner can do the task.

        Raises:
            InputError: it does not, or cannot.
        """
        learner.check(task.shape(self.language(0, classes=classes).language()))

    def check_levels(self, name: str, levels: int) -> None:
        """Whether so many levels can be asked for: those below the root, which few sentences tell from memory.

        Raises:
            InputError: there are too many; `name` says which setting.
        """
        if levels >= self.depth:
            allowed = f"levels below the root are asked for, and the depth is {self.depth}"
            raise invalid(name, levels, allowed, f"At most {self.depth - 1}")


def cells_of(
    names: Mapping[str, Any],
    languages: Sequence[HierarchySettings],
    task: AnyTask,
    contender: Contender,
    sizes: Iterable[int],
    test_examples: int,
    **more: Any,
) -> Iterator[Cell]:
    """The cells of one curve: for each size one of every language, whose place is the seed.

    Each has `names`, the learner's label, the size and the seed.

    Args:
        more: further fields of the runs.
    """
    trained = {"learner": contender.learner, "training": contender.training, "test_examples": test_examples, **more}
    for size in sizes:
        for seed, language in enumerate(languages):
            run = Run(language=language, task=task, num_examples=size, seed=seed, **trained)
            yield Cell({"label": contender.learner.label, **names, "num_examples": size, "seed": seed}, run)


@dataclass(frozen=True)
class GrammarCurve:
    """A learning curve with the exact plateaus of each seed's own grammar.

    Attributes:
        plateaus: `[seeds, L + 1]` in nats, one row for each seed of the curve.
    """

    curve: LearningCurve
    plateaus: Float[np.ndarray, "seeds levels"]

    def half_way(self, level: int) -> Float[np.ndarray, " seeds"]:
        """The line of each seed, half-way between L_(level-1) and L_level."""
        return (self.plateaus[:, level - 1] + self.plateaus[:, level]) / 2

    def threshold(self, level: int) -> Interval:
        """The measured threshold of `level`."""
        return self.curve.crossing(self.half_way(level))

    def crossed(self, level: int) -> bool:
        """Whether every seed has come to its half-way line."""
        return self.curve.crossed(self.half_way(level))

    def over(self, other: GrammarCurve, level: int) -> Interval:
        """How many times the examples of `other` this learner needs for `level`, on the grammars that both have."""
        both = [seed for seed in self.curve.seeds if seed in other.curve.seeds]
        if not both:
            return unmeasured("no grammar was given to both")
        mine, theirs = self.of(both), other.of(both)
        return ratio(mine.curve, mine.half_way(level), theirs.curve, theirs.half_way(level))

    def of(self, seeds: Sequence[int]) -> GrammarCurve:
        """The curve of some of its seeds."""
        rows = [self.curve.seeds.index(seed) for seed in seeds]
        flags = {name: getattr(self.curve, name) for name in ("diverged", "cut_short", "run_ids")}
        chosen = {name: None if flag is None else flag[rows] for name, flag in flags.items()}
        curve = replace(self.curve, losses=self.curve.losses[rows], seeds=tuple(seeds), **chosen)
        return GrammarCurve(curve, self.plateaus[rows])

    def steps(self, level: int) -> PerSeed:
        """P_level / P_(level-1) of each seed."""
        return self.curve.crossings(self.half_way(level)) / self.curve.crossings(self.half_way(level - 1))

    def step(self, level: int) -> Interval:
        """P_level / P_(level-1), seed by seed."""
        return self.steps(level).interval()


def threshold(curve: GrammarCurve | None, level: int) -> Interval:
    """The measured threshold of a curve that may not be there yet."""
    return unmeasured("not trained yet") if curve is None else curve.threshold(level)


def over(curve: GrammarCurve | None, other: GrammarCurve | None, level: int) -> Interval:
    """How many times the examples of another a learner needs for `level`, where both are there."""
    return unmeasured("not trained yet") if curve is None or other is None else curve.over(other, level)


def grammar_curves(
    runs: pd.DataFrame, by: Sequence[str], facts: Facts, cells: Iterable[Cell], metric: str = "test_loss"
) -> dict[tuple[Any, ...], GrammarCurve]:
    """A curve with plateaus for each combination of the columns `by`.

    Args:
        cells: those of the runs, which say the language of each seed.
    """
    languages = {(*(cell.names[name] for name in by), cell.names["seed"]): cell.run.language for cell in cells}
    out = {}
    for known, curve in LearningCurve.from_runs(runs, by, metric).items() if len(runs) else ():
        out[known] = GrammarCurve(curve, plateaus_of(facts, (languages[*known, seed] for seed in curve.seeds)))
    return out


def fact_key(of: str, language: HierarchySettings) -> dict[str, Any]:
    """Under which a fact of one grammar is stored."""
    return {"of": of, "language": language.model_dump(mode="json")}


def nats_fact(of: str, language: HierarchySettings, nats: Callable[[RandomHierarchy], float], text: str) -> Fact:
    """One exact entropy of a grammar, `nats` of the language, as the fact that is stored."""
    return Fact(fact_key(of, language), lambda: {"nats": nats(language.language())}, text)


def nats_of(facts: Facts, of: str, languages: Iterable[HierarchySettings]) -> list[float]:
    """The stored entropy of each language."""
    return [facts[fact_key(of, language)]["nats"] for language in languages]


def plateaus_key(language: HierarchySettings) -> dict[str, Any]:
    """Under which the plateaus of a grammar are stored."""
    return fact_key("plateaus", language)


def plateaus_fact(language: HierarchySettings) -> Fact:
    """L_0..L_L of one grammar in nats, with their standard errors, as the fact that is stored."""

    def compute() -> dict[str, list[float]]:
        plateaus = TreeOracle(language.language()).plateaus()
        return {
            "loss_nats": [float(estimate.value) for estimate in plateaus],
            "standard_error": [float(estimate.standard_error) for estimate in plateaus],
        }

    return Fact(plateaus_key(language), compute, f"exact plateaus of {_sizes(language)}")


def exact_fact(language: HierarchySettings) -> Fact:
    """Examples at which each level of one grammar stands out of the sampling noise, by what it is told from."""

    def compute() -> dict[str, list[float]]:
        made = language.language()
        return {kind: exact.thresholds(made, kind).tolist() for kind in ("tokens", "tuples", "conditional")}

    return Fact(fact_key("signal = noise", language), compute, f"exact correlations of {_sizes(language)}")


def language_facts(languages: Iterable[HierarchySettings]) -> Iterator[Fact]:
    """The plateaus of each grammar, and where its correlations stand out of the noise."""
    for language in languages:
        yield plateaus_fact(language)
        yield exact_fact(language)


def _sizes(language: HierarchySettings) -> str:
    return f"v={language.vocab} m={language.rules} L={language.depth} seed {language.seed}"


def exact_thresholds(
    facts: Facts, languages: Sequence[HierarchySettings], kind: exact.Evidence
) -> Float[np.ndarray, " L"]:
    """The geometric mean over these grammars of the exact signal = noise sizes."""
    return np.exp(
        np.mean([np.log(facts[fact_key("signal = noise", language)][kind]) for language in languages], axis=0)
    )


def counting_fact(language: HierarchySettings) -> Fact:
    """Examples at which half of the blocks that tell each level of one grammar were seen."""

    def compute() -> dict[str, list[float]]:
        return {"blocks": counting.thresholds(language.language()).tolist()}

    return Fact(fact_key(_BLOCKS, language), compute, f"blocks seen of {_sizes(language)}")


_BLOCKS = "half of the blocks seen"


def predicted_thresholds(
    facts: Facts, languages: Sequence[HierarchySettings], learner: Learner
) -> Float[np.ndarray, " L"]:
    """P_1..P_L of this learner, exact for these grammars, as geometric mean over them; NaN where theory says nothing.

    By signal = noise of what it tells synonyms by; of the counter by the blocks it must have seen.
    """
    if isinstance(learner, Counter):
        logs = [np.log(facts[fact_key(_BLOCKS, language)]["blocks"]) for language in languages]
        return np.exp(np.mean(logs, axis=0))
    kind = evidence(learner)
    if kind is None:
        return np.full(languages[0].depth, np.nan)
    return np.maximum.accumulate(exact_thresholds(facts, languages, kind))


def prediction_source(learner: Learner) -> str:
    """Where `predicted_thresholds` are from."""
    return counting.SOURCE if isinstance(learner, Counter) else exact.SOURCE


def exact_growth(sizes: Mapping[int, float], vocab: int, branching: int) -> float:
    """The exponent k of P_l (1 - f) ~ m^k in the exact sizes, by m, fitted as the measured one is."""
    return exact_power({m: size * (1 - theory.sparsity(vocab, m, branching)) for m, size in sizes.items()})


def exact_power(values: Mapping[int, float]) -> float:
    """The exponent k of value ~ size^k, fitted as the measured one is; NaN of fewer than two values or an unknown one.

    Example: `exact_power({2: 8.0, 4: 64.0})` is 3.
    """
    if len(values) < 2 or not all(map(math.isfinite, values.values())):
        return math.nan
    return float(np.polyfit(np.log(list(values)), np.log(list(values.values())), 1)[0])


def plateaus_of(facts: Facts, languages: Iterable[Any]) -> Float[np.ndarray, "seeds levels"]:
    """The plateaus of each language, one row a language."""
    return np.array([facts[plateaus_key(language)]["loss_nats"] for language in languages])


def plateaus_rows(names: Mapping[str, Any], values: Float[np.ndarray, "seeds levels"]) -> list[dict[str, Any]]:
    """A row for each level: the average over grammars, and its standard error where there are two or more."""
    error = values.std(0, ddof=1) / math.sqrt(len(values)) if len(values) > 1 else np.full(values.shape[1], np.nan)
    return [
        {**names, "level": level, "loss_nats": float(mean), "standard_error": float(one)}
        for level, (mean, one) in enumerate(zip(values.mean(0), error, strict=True))
    ]


def prediction_rows(names: Mapping[str, Any], predictions: Iterable[Prediction]) -> Iterator[dict[str, Any]]:
    """A row for each prediction and each level: where it puts the threshold, how far that holds, and its source."""
    for one in predictions:
        known = {**names, "law": one.name, "regime": one.thresholds.regime, "source": one.thresholds.source}
        for level, size in enumerate(one.thresholds.values, start=1):
            yield known | {"level": level, "num_examples": float(size)}


def threshold_row(names: Mapping[str, Any], level: int, interval: Interval, predicted: float) -> dict[str, Any]:
    """A row of the table of thresholds."""
    share = interval.value / predicted if interval.measured else math.nan
    return {**names, "level": level, "predicted": predicted, **interval_columns(interval), "ratio": share}


def threshold_rows(
    names: Mapping[str, Any], curve: GrammarCurve, levels: int, law: Callable[[int], float]
) -> Iterator[dict[str, Any]]:
    """A row for each level of one curve; `law` gives its predicted threshold."""
    for level in range(1, levels + 1):
        yield threshold_row(names, level, curve.threshold(level), law(level))


def law_of(learner: Learner, vocab: int, rules: int, branching: int, depth: int, level: int) -> float:
    """P_l of the asymptotic law for this learner; NaN where no law covers it."""
    shared = law_sharing(learner)
    return math.nan if shared is None else float(theory.thresholds(vocab, rules, branching, depth, shared)[level - 1])


def law_sharing(learner: Learner) -> bool | None:
    """Which of the two asymptotic laws is the learner's: that with weight sharing, without, or None."""
    return {"tuples": True, "tokens": False}.get(evidence(learner) or "")


def is_reader(learner: Learner) -> bool:
    """Whether it learns by counting or clustering, without weights."""
    return isinstance(learner, Counter | Clusterer)


def growth(thresholds: Mapping[int, Interval], vocab: int, branching: int) -> Interval:
    """The exponent k of P_l (1 - f) ~ m^k from thresholds by m: the law's factor 1 / (1 - f) is divided out."""
    known = {m: interval for m, interval in thresholds.items() if not math.isnan(interval.value)}
    if len(known) < len(thresholds) or len(known) < 2:
        return unmeasured("fewer than two values of m" if len(thresholds) < 2 else "a value of m is not measured")
    scaled = [interval.scaled(1 - theory.sparsity(vocab, m, branching)) for m, interval in known.items()]
    return power_law(list(known), scaled)


def order_claim(who: str, curves: Mapping[str, GrammarCurve], levels: int, source: str) -> Claim:
    """Levels are learned one after the other: the least certain of all steps P_l / P_(l-1) is above 1.

    All steps are above 1 when each is, so the claim is tested by the one whose interval reaches lowest.
    """
    steps = [(key, level, curve.step(level)) for key, curve in curves.items() for level in range(2, levels + 1)]
    text, predicted = f"{who} learns one level after the other", "P_l > P_(l-1)"
    seen = [entry for entry in steps if entry[2].lower is not None]
    if not seen:
        return Claim(text, predicted, unmeasured("fewer than two levels measured"), "above", 1.0, source)
    key, level, least = min(seen, key=lambda entry: entry[2].low)
    shown = f"smallest step: P_{level} / P_{level - 1} = {least} at {key}"
    return Claim(text, predicted, least, "above", 1.0, source, shown=shown)


def growth_claim(
    text: str, exponent: Interval, predicted: float, source: str, symbol: str = "m", form: str = "g"
) -> Claim:
    """The exponent of a threshold beside the predicted one; NaN where there is no prediction."""
    known = not math.isnan(predicted)
    law, rule = (f"{symbol}^{predicted:{form}}", "equals") if known else ("no prediction", "finding")
    shown = f"{symbol}^k, k = {exponent}" if not math.isnan(exponent.value) else ""
    return Claim(text, law, exponent, rule, predicted, source, resolution=INTEGER_EXPONENT, shown=shown)


def ratio_claim(text: str, factor: float, interval: Interval, source: str, law: str = "") -> Claim:
    """How many times the examples of another learner one needs, beside the factor predicted; NaN where none is."""
    known = not math.isnan(factor)
    predicted = (law or f"{factor:g}") if known else "no prediction"
    return Claim(text, predicted, interval, "equals" if known else "finding", factor, source, resolution=2.0)


def oracle_claim(excess: Sequence[float], errors: Sequence[float]) -> Claim:
    """No loss is below the exact oracle's on the same sentences by more than its error allows.

    The smallest of n standardised differences is about -sqrt(2 ln n): it is compared with the normal quantile of
    0.01 / n, whose distance is reported.
    """
    scaled = [x / e for x, e in zip(excess, errors, strict=True) if e > 0]
    text, predicted = "no network's loss is below the exact oracle's", "loss - oracle loss >= 0"
    distance, shown = unmeasured("no oracle"), ""
    if scaled:
        bound, least = NormalDist().inv_cdf(0.01 / len(scaled)), min(scaled)
        distance = certain(least - bound)
        shown = f"smallest of {len(scaled)}: {least:+.1f} standard errors (bound {bound:.1f})"
    return Claim(text, predicted, distance, "above", 0.0, "exact posterior", shown=shown)


def level_panel(
    curves: Mapping[str, GrammarCurve],
    levels: int,
    predictions: Iterable[Prediction] = (),
    *,
    title: str = "",
    x: str = "training examples P (sentences)",
    y: str = "test loss of the last token (nats)",
    more: Iterable[Mark] = (),
    seeds: Seeds = "auto",
) -> Panel:
    """Learning curves by learner over the mean of their plateaus, with measured thresholds and predicted ones.

    Where learners have different numbers of grammars the plateaus are those of the most.

    Args:
        seeds: as of `plot.curve_panel`.
        more: further marks, drawn on top.
    """
    heights = max((curve.plateaus for curve in curves.values()), key=len).mean(0) if curves else ()
    crossings = [
        (key, float(heights[level - 1] + heights[level]) / 2, curve.threshold(level))
        for key, curve in curves.items()
        for level in range(1, levels + 1)
    ]
    shown = {key: curve.curve for key, curve in curves.items()}
    panel = curve_panel(shown, predictions, tuple(heights), title=title, x=x, y=y, crossings=crossings, seeds=seeds)
    return (
        replace(panel, marks=(*panel.marks, *more)) if curves else Panel(title, marks=(Empty("No run is finished."),))
    )


def law_predictions(
    vocab: int, rules: int, branching: int, levels: int, plateaus: Float[np.ndarray, " L+1"]
) -> list[Prediction]:
    """Both asymptotic laws, up to `levels`, between these plateaus."""
    depth = len(plateaus) - 1
    laws = {
        theory.law_name(shared): theory.thresholds(vocab, rules, branching, depth, shared) for shared in (True, False)
    }
    return [staircase(name, law[:levels], "asymptotic law", theory.SOURCE, plateaus) for name, law in laws.items()]


def exact_predictions(
    facts: Facts, languages: Sequence[HierarchySettings], levels: int, plateaus: Float[np.ndarray, " L+1"]
) -> list[Prediction]:
    """Where exact correlations of these grammars put the thresholds up to `levels`, with weight sharing and without."""
    kinds: dict[str, exact.Evidence] = {theory.law_name(s): exact.evidence_of(s) for s in (True, False)}
    sizes = {name: exact_thresholds(facts, languages, kind)[:levels] for name, kind in kinds.items()}
    return [staircase(name, own, "exact for this grammar", exact.SOURCE, plateaus) for name, own in sizes.items()]


def counting_prediction(
    facts: Facts, languages: Sequence[HierarchySettings], levels: int, plateaus: Float[np.ndarray, " L+1"]
) -> Prediction:
    """Where half of the blocks of these grammars that tell each level up to `levels` were seen."""
    sizes = predicted_thresholds(facts, languages, Counter())
    return staircase("counting", sizes[:levels], "exact for this grammar", counting.SOURCE, plateaus)


def staircase(
    name: str, steps: Float[np.ndarray, " levels"], regime: Regime, source: str, plateaus: Float[np.ndarray, " L+1"]
) -> Prediction:
    """A prediction whose loss is the plateau of the highest level known."""
    return Prediction(
        name=name,
        curve=Staircase(steps, plateaus[: len(steps) + 1]),
        thresholds=Stated(steps, regime, source),
        plateaus=Stated(plateaus, "exact for this grammar", PLATEAU_SOURCE),
        exponent=Stated(math.nan, regime, source),
    )
