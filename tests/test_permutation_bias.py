"""The study of permutation bias: settings that cannot be, a tiny run from end to end, theory against measurements."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from known_results import record_command
from syntagma.cli.settings import settings_for
from syntagma.curves import LearningCurve, Verdict, judge
from syntagma.errors import InputError
from syntagma.report import page_html, save_figures
from syntagma.studies import Facts, Results, load, machinery
from syntagma.studies.permutation_bias import PRESETS, STUDY, PermutationBias
from syntagma.studies.permutation_bias.components import components, covariance
from syntagma.studies.permutation_bias.computed import (
    Levels,
    multiplicities,
    shifted_error,
    shifted_moments,
    spectrum_of,
)
from syntagma.studies.permutation_bias.measured import Measured
from syntagma.studies.permutation_bias.mixtures import Mixture
from syntagma.studies.permutation_bias.outputs import kernel_outputs
from syntagma.studies.permutation_bias.settings import TAILS, tail_name
from syntagma.sweep.store import Store
from syntagma.theory.learnability import sample_complexity

TINY = PRESETS["quick"].model_copy(
    update={
        "blocks": {name: PRESETS["quick"].blocks[name] for name in ("linear attention", "attention + ReLU")},
        "length": 4,
        "sizes": (8, 32),
        "seeds": 3,
        "networks": (4,),
        "network_sizes": (8,),
        "network_steps": 40,
        "widths": (8, 32),
        "draws": 3,
        "lengths": {"(T-1,1)": (4, 5)},
        "reach": 1,
        "test_examples": 64,
        "windows": (4,),
        "outputs_size": 8,
        "mixture": Mixture(length=4, models=(2,), sizes=(8,), seeds=2, test_examples=64),
    }
)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("block=no-such", r"block='no-such' is unknown"),
        ("shift=[0.5,0.5]", "it must be 3 probabilities that sum to 1"),
        ("lengths={}", None),
        ('lengths={"(T-3,3)":[6]}', r"lengths='\(T-3,3\)' is unknown: there are .*\(T\)"),
        ("block=softmax attention", "its kernel is sampled, and theory is compared with an exact one"),
        ("blocks.linear attention.readout=last", r"readout='last' cannot be used: positions must be exchangeable"),
        ("text=nowhere.txt", "text='nowhere.txt' cannot be used: it cannot be read, no such file or directory"),
        ("vocab=4", "it must be 4 probabilities that sum to 1"),
    ],
)
def test_settings_that_cannot_be_are_refused_in_one_line(change: str, message: str | None) -> None:
    if message is None:
        assert settings_for(load("permutation-bias"), "quick", [change])
        return
    with pytest.raises(InputError, match=message) as caught:
        settings_for(load("permutation-bias"), "quick", [change])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_round_trip_and_their_runs_can_be_made(preset: str) -> None:
    settings = PRESETS[preset]
    assert PermutationBias.model_validate_json(settings.model_dump_json()) == settings
    sector = {"eigenvalues": [0.1], "dimension": 2, "bound": 0.2, "target": [1.0]}
    spectrum = {"sectors": {tail_name(tail): sector for tail in TAILS}, "rest": [], "trace": 1.0, "unresolved": 0.0}
    facts = Facts((fact.key, spectrum) for fact in STUDY.facts(settings, Results()) if fact.key["of"] == "spectrum")
    shapes, panels = {}, set()
    for cell in STUDY.cells(settings, facts, Results()):
        panels.add(cell.names["panel"])
        run = cell.run
        shapes[run.learner.kind, run.language.sentence_length] = run
    for run in shapes.values():
        run.learner.check(run.task.shape(run.language.language()))
    assert panels == {"curves", "growth", "mixtures"}


def keys(settings: PermutationBias) -> list[dict[str, Any]]:
    """The keys of all facts, in order."""
    return [dict(fact.key) for fact in STUDY.facts(settings, Results())]


def test_a_text_may_be_given_by_its_path_and_counts_by_its_content(tmp_path: Path) -> None:
    file, found = tmp_path / "a.txt", []
    for content in ("ab" * 100, "abc" * 100):
        file.write_text(content, encoding="utf-8")
        settings = PermutationBias.model_validate(TINY.model_dump() | {"text": str(file)})
        assert settings.text is not None
        assert settings.text.path.endswith("a.txt")
        found.append(next(key for key in keys(settings) if key["of"] == "symmetry"))
    assert found[0] != found[1]
    with pytest.raises(ValidationError):
        PermutationBias.model_validate(TINY.model_dump() | {"text": 3})


def test_no_fewer_examples_than_the_bound_can_halve_the_error() -> None:
    """One representation whose levels all lie at trace / D: the bound is below half the error, learnability 1/2 not."""
    dimension, value = 5, 0.2
    sector = {"eigenvalues": [value], "dimension": dimension, "bound": value, "target": [1.0]}
    levels = Levels({"sectors": {"(T-1,1)": sector}, "rest": [], "trace": 1.0, "unresolved": 0.0}, ridge=5.0)
    half = levels.half("(T-1,1)")
    at_half = sample_complexity(levels.spectrum, 0.5, 5.0)[0]
    assert 0.9 * half < levels.bound("(T-1,1)") < half < at_half


def test_levels_are_counted_as_predicted() -> None:
    found = multiplicities(TINY, "attention + ReLU", 4)
    assert found["sequences"] == 81
    assert [predicted for _, predicted, _ in found["levels"]] == [counted for _, _, counted in found["levels"]]
    assert sum(counted for _, _, counted in found["levels"]) <= 81


def test_without_a_shift_the_shifted_error_is_the_plain_one() -> None:
    same = TINY.model_copy(update={"shift": (1 / 3, 1 / 3, 1 / 3)})
    sizes = np.array([5.0, 20.0, 60.0])
    levels = Levels(spectrum_of(same, same.block, same.length), same.ridge)
    moments = shifted_moments(same)
    for tail in TAILS:
        name = tail_name(tail)
        expected = levels.error(name, sizes)
        np.testing.assert_allclose(shifted_error(moments, name, sizes, same.ridge), expected, rtol=1e-5)


def test_theory_of_a_level_falls_and_crosses_one_half_where_it_says() -> None:
    levels = Levels(spectrum_of(TINY, TINY.block, TINY.length), TINY.ridge)
    for name in ("(T)", "(T-1,1)", "(T-2,2)"):
        half = levels.half(name)
        assert levels.error(name, np.array([half]))[0] == pytest.approx(0.5, rel=2e-3)
        assert 0 < levels.bound(name) < half


def test_the_slope_of_a_power_law_is_found() -> None:
    settings = TINY.model_copy(update={"widths": (4, 8, 16), "draws": 3})
    facts = Facts()
    for key in keys(settings):
        if key["of"] == "width":
            facts.add(key, {"deviation": (1 + 0.1 * key["draw"]) / key["width"]})
    slope = Measured(settings, facts, {}, {}, {}, pd.DataFrame()).width_slope()
    assert slope.value == pytest.approx(-1)
    assert slope.low == pytest.approx(-1)
    assert slope.high == pytest.approx(-1)


def test_errors_are_beside_theory_only_at_sizes_that_every_seed_has() -> None:
    sector = {"eigenvalues": [0.1], "dimension": 2, "bound": 0.2, "target": [1.0]}
    spectrum = {"sectors": {tail_name(tail): sector for tail in TAILS}, "rest": [], "trace": 1.0, "unresolved": 0.0}
    facts = Facts((key, spectrum) for key in keys(TINY) if key["of"] == "spectrum")
    for losses, number in (([[0.9, np.nan], [np.nan, 0.8]], 0), ([[0.9, np.nan], [0.8, 0.8]], 1)):
        errors = {("kernel", "(T)"): LearningCurve(np.array([8.0, 16.0]), np.array(losses))}
        ratio, sizes = Measured(TINY, facts, errors, {}, {}, pd.DataFrame()).over_predicted("(T)", shifted=False)
        assert (sizes, np.isnan(ratio.value)) == (number, number == 0)


def test_keys_of_facts_hold_what_determines_them() -> None:
    texts = [str(key) for key in keys(TINY)]
    assert len(set(texts)) == len(texts) - 1  # the spectrum at the curves' T is also the first of the growth
    other = TINY.model_copy(update={"shift": (0.2, 0.3, 0.5)})
    changed = [one["of"] for one, two in zip(keys(TINY), keys(other), strict=True) if one != two]
    assert changed == ["shift"]


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The analysis of a tiny study, and what was measured."""
    directory = tmp_path_factory.mktemp("permutation-bias")
    with Store.create(directory) as store:
        record_command(store, STUDY, TINY)
        shares: list[float] = []
        machinery.run(STUDY, TINY, store, 2, lambda text, share: shares.append(share))
        assert shares == sorted(shares)
        assert shares[-1] == pytest.approx(1)
        analysis = machinery.analyse(STUDY, store)
        facts, results = Facts(store.facts(STUDY.name)), Results(store.results(), store)
        assert len(analysis.tables["runs"].data) == len(machinery.plan(STUDY, TINY, facts))
        return analysis, STUDY.measure(TINY, facts, results)


def test_a_tiny_study_runs_and_reports(stored: Any, tmp_path: Path) -> None:
    analysis, measured = stored
    assert {learner for learner, _ in measured.errors} == {"kernel", "width 4"}
    assert analysis.tables["reach"].data.iloc[0].tolist() == ["linear attention", "yes", "yes", "no", "no"]
    outcomes = {verdict.claim.text: verdict.outcome for verdict in analysis.verdicts}
    assert outcomes["one block of linear attention reaches only (T) and (T-1,1)"] == "agrees"
    assert outcomes["eigenvalues repeat as often as the dimensions of their representations"] == "agrees"
    assert outcomes["an eigenvalue of a representation of dimension D is at most trace / D"] == "agrees"
    files = save_figures(analysis.figures, tmp_path, ("png",))
    assert {file.stem for file in files} == {
        "learning-curves", "spectrum", "sample-complexity", "width", "shifted", "source-symmetry", "bound-slack",
        "outputs", "mixtures", "components",
    }  # fmt: skip
    page = page_html(analysis)
    assert "(T-2,1,1)" in page
    assert "NaN" not in page.split("<script")[0]


def judged(measured: Measured, words: str) -> list[Verdict]:
    """The verdicts whose claims have these words; all claims are judged together."""
    found = [verdict for verdict in judge(STUDY.claims(measured)) if words in verdict.claim.text]
    assert found, words
    return found


def test_verdicts_follow_the_intervals(stored: Any) -> None:
    """Kernel regression whose error is the predicted one, give or take a tenth, and one that is off by a half."""
    measured, sizes = stored[1], np.array([8.0, 32.0])
    errors = dict(measured.errors)
    for name, factor in (("(T)", 1.0), ("(T-1,1)", 1.5)):
        seeds = factor * np.array([[0.9], [1.0], [1.1], [1.0], [1.0], [1.0]])
        errors["kernel", name] = LearningCurve(sizes, seeds * measured.predicted(name, sizes, False))
    changed = replace(measured, errors=errors)
    said = {verdict.claim.text: verdict.outcome for verdict in judged(changed, "is the predicted one")}
    assert said["kernel regression's test error of a (T) target is the predicted one"] == "agrees"
    assert said["kernel regression's test error of a (T-1,1) target is the predicted one"] == "disagrees"


def test_a_multiplicity_that_is_not_the_dimension_disagrees(stored: Any) -> None:
    measured = stored[1]
    assert [v.outcome for v in judged(measured, "repeat as often")] == ["agrees"]
    key = next(key for key in keys(TINY) if key["of"] == "multiplicities")
    counted = measured.facts[key]
    (value, predicted, number), *others = counted["levels"]
    facts = Facts((key, measured.facts[key]) for key in keys(TINY))
    facts.add(key, counted | {"levels": [[value, predicted, number + 1], *others]})
    assert [v.outcome for v in judged(replace(measured, facts=facts), "repeat as often")] == ["disagrees"]


def test_networks_are_said_to_approach_the_limit_only_where_they_do(stored: Any) -> None:
    columns = ["learner", "representation", "num_examples", "seed", "away"]
    cells = [(n, seed, 0.01 * seed) for n in (8, 16) for seed in range(8)]
    narrow = [("width 16", "(T)", n, seed, np.log(2.0) + noise) for n, seed, noise in cells]
    for factor, outcome in ((1.1, "agrees"), (4.0, "disagrees")):
        wide = [("width 64", "(T)", n, seed, np.log(factor) - noise) for n, seed, noise in cells]
        changed = replace(stored[1], away=pd.DataFrame(narrow + wide, columns=columns))
        assert [v.outcome for v in judged(changed, "nearer to the limit")] == [outcome]


def test_what_is_measured_further_is_told(stored: Any) -> None:
    analysis, measured = stored
    slack = analysis.tables["bound-slack"].data.set_index("length")["slack"]
    assert slack[1000] == pytest.approx(507.016, rel=1e-5)
    told = judged(measured, "in closed form")[0]
    assert (told.outcome, "507 at T = 1000" in told.measured) == ("finding", True)
    outputs = analysis.tables["outputs"].data
    assert list(outputs["against"]) == [
        "the predicted mean",
        "the equivalent kernel, kappa = d / n",
        "kernel regression",
    ]
    assert np.isfinite(outputs["measured"]).all()
    mixtures = analysis.tables["mixtures"].data
    assert mixtures["models"].tolist() == [2, 2]
    assert (mixtures["measured"] > 0).all()  # nothing beats the exact Bayes prediction by more than chance
    assert [v.outcome for v in judged(measured, "mixture of 2 hidden Markov models")] == ["finding"]


def test_mean_outputs_of_kernel_regression_are_those_predicted() -> None:
    """To the order of the theory: many training sets of a target with many modes, and far from it the other kappa."""
    settings = TINY.model_copy(update={"length": 5, "seeds": 40})
    found = kernel_outputs(settings, 24)
    slopes = np.array(found["slopes"]["predicted"])
    error = slopes.std(ddof=1) / len(slopes) ** 0.5
    assert abs(slopes.mean() - 1) < 0.1 + 3 * error
    assert abs(slopes.mean() - 1) < abs(np.mean(found["slopes"]["equivalent"]) - 1)
    assert np.corrcoef(found["predicted"], found["measured"])[0, 1] > 0.95


def test_components_are_split_by_representation() -> None:
    """Exchangeable windows of a mixture: the largest component is how often a token occurs, the same at every place."""
    rng = np.random.default_rng(0)
    kinds = rng.integers(2, size=4000)
    tokens = np.where(rng.random((4000, 5)) < 0.8, kinds[:, None], 2)
    matrix = covariance(tokens, 3)
    one_hot = np.eye(3)[tokens].reshape(4000, -1)
    assert np.allclose(matrix, np.cov(one_hot.T, bias=True), atol=1e-6)
    first, *others = components(tokens, 3, ["a", "b", "c"], 15)
    assert first["symmetric"] > 0.99
    assert first["words"].startswith(("a 0.5", "-a 0.5", "b 0.5", "-b 0.5"))
    assert sum(row["symmetric"] for row in (first, *others)) == pytest.approx(3, abs=1e-9)  # as many as tokens
    assert sum(row["trace"] for row in (first, *others)) == pytest.approx(1)


def test_components_are_of_named_words_alone() -> None:
    rng = np.random.default_rng(1)
    kinds = rng.integers(2, size=4000)
    tokens = np.where(rng.random((4000, 5)) < 0.3, kinds[:, None], 2)  # most of the text is <other>
    rows = list(components(tokens, 3, ["a", "b", "<other>"], 10))
    assert sum(row["trace"] for row in rows) == pytest.approx(1)
    assert not any("<other>" in row["words"] for row in rows)
    assert sum(row["symmetric"] for row in rows) == pytest.approx(2, abs=1e-9)


def test_titles_say_what_came_out(stored: Any) -> None:
    titles = {figure.name: figure.title for figure in stored[0].figures}
    assert titles["spectrum"].startswith("Linear attention reaches (T) and (T-1,1) alone")
    assert "times the predicted ones" in titles["learning-curves"]
    assert "principal components" in titles["components"]
    assert len(set(titles.values())) == len(titles)
