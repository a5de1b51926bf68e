"""The study of permutation bias: settings that cannot be, a tiny run from end to end, theory against measurements."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from syntagma.studies.permutation_bias.facts import Levels, multiplicities, shifted_error, shifted_moments, spectrum_of
from syntagma.studies.permutation_bias.settings import TAILS, PermutationBias, tail_name
from syntagma.studies.permutation_bias.verdicts import slope, verdicts
from syntagma.studies.permutation_bias.wanted import cells, fact_key, wanted_facts
from syntagma.studies.stored import Facts

from syntagma.cli.settings import settings_for
from syntagma.errors import InputError
from syntagma.report import page_html, save_figures
from syntagma.studies import load
from syntagma.studies.permutation_bias import PRESETS, STUDY
from syntagma.studies.study import Verdict
from syntagma.sweep.store import Store
from syntagma.theory.learnability import sample_complexity

TINY = PRESETS["quick"].model_copy(
    update={
        "blocks": {name: PRESETS["quick"].blocks[name] for name in ("linear attention", "attention + ReLU")},
        "length": 4,
        "sizes": (8, 32),
        "seeds": 2,
        "networks": (4,),
        "network_sizes": (8,),
        "network_steps": 40,
        "widths": (8, 32),
        "draws": 3,
        "lengths": {"(T-1,1)": (4, 5)},
        "reach": 1,
        "test_examples": 64,
        "windows": (4,),
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
    predicted = {(name, length): 10.0 for name, lengths in settings.lengths.items() for length in lengths}
    shapes = {}
    for cell in [*settings.curve_cells(), *settings.growth_cells(predicted)]:
        run = cell.run
        shapes[run.learner.kind, run.language.sentence_length] = run
    for run in shapes.values():
        run.learner.check(run.task.shape(run.language.language()))


def test_a_text_may_be_given_by_its_path_and_counts_by_its_content(tmp_path: Path) -> None:
    file, keys = tmp_path / "a.txt", []
    for content in ("ab" * 100, "abc" * 100):
        file.write_text(content, encoding="utf-8")
        settings = PermutationBias.model_validate(TINY.model_dump() | {"text": str(file)})
        assert settings.text is not None
        assert settings.text.path.endswith("a.txt")
        keys.append(fact_key(settings, {"of": "symmetry", "window": 4}))
    assert keys[0] != keys[1]
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
    rows = [(w, d, (1 + 0.1 * d) / w) for w in (4, 8, 16) for d in range(3)]
    value, low, high = slope(pd.DataFrame(rows, columns=["width", "draw", "deviation"]))
    assert value == pytest.approx(-1)
    assert low == pytest.approx(-1)
    assert high == pytest.approx(-1)


def test_keys_of_facts_hold_what_determines_them() -> None:
    texts = [str(fact_key(TINY, key)) for key, _ in wanted_facts(TINY)]
    assert len(set(texts)) == len(texts) - 1  # the spectrum at the curves' T is also the first of the growth
    other = TINY.model_copy(update={"shift": (0.2, 0.3, 0.5)})
    changed = [key["of"] for key, _ in wanted_facts(TINY) if fact_key(TINY, key) != fact_key(other, key)]
    assert changed == ["shift"]


@pytest.fixture(scope="module")
def analysed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    directory = tmp_path_factory.mktemp("permutation-bias")
    with Store.create(directory) as store:
        number = store.record_command(STUDY.name, "quick", TINY.model_dump(mode="json"), ["syntagma", "run"])
        shares: list[float] = []
        STUDY.run(TINY, store, 2, lambda text, share: shares.append(share))
        store.finish_command(number)
        assert shares == sorted(shares)
        assert shares[-1] == pytest.approx(1)
        analysis = STUDY.analyse(store)
        assert len(analysis.tables["runs"]) == len(cells(TINY, Facts(store, STUDY.name)))
    return analysis


def test_a_tiny_study_runs_and_reports(analysed: Any, tmp_path: Path) -> None:
    assert {"kernel", "width 4"} == set(analysed.tables["curves"]["learner"])
    assert analysed.tables["reach"].iloc[0].tolist() == ["linear attention", "yes", "yes", "no", "no"]
    outcomes = {verdict.claim: verdict.outcome for verdict in analysed.verdicts}
    assert outcomes["one block of linear attention reaches only (T) and (T-1,1)"] == "agrees"
    assert outcomes["eigenvalues repeat as often as the dimensions of their representations"] == "agrees"
    assert outcomes["an eigenvalue of a representation of dimension D is at most trace / D"] == "agrees"
    files = save_figures(analysed, tmp_path)
    assert {file.stem for file in files if file.suffix == ".png"} == {
        "learning-curves", "spectrum", "sample-complexity", "width", "shifted", "source-symmetry",
    }  # fmt: skip
    page = page_html(analysed)
    assert "(T-2,1,1)" in page
    assert "NaN" not in page.split("<script")[0]


def test_verdicts_follow_the_intervals(analysed: Any) -> None:
    tables = dict(analysed.tables)
    agreement = pd.DataFrame(
        [("(T)", "uniform", 1.1, 0.9, 1.3, 4), ("(T-1,1)", "uniform", 0.8, 0.7, 0.9, 4)],
        columns=["representation", "test", "ratio", "low", "high", "num_sizes"],
    )
    tables["agreement"] = agreement
    found = [v.outcome for v in _about(verdicts(tables), "is the predicted one")]
    assert found == ["agrees", "disagrees"]
    wrong = analysed.tables["multiplicities"].copy()
    wrong.loc[0, "counted"] += 1
    tables["multiplicities"] = wrong
    assert [v.outcome for v in _about(verdicts(tables), "repeat as often")] == ["disagrees"]


def test_networks_are_said_to_approach_the_limit_only_where_they_do(analysed: Any) -> None:
    columns = ["learner", "tail", "num_examples", "draw", "away"]
    cells = [(n, draw, 0.05 * draw) for n in (8, 16) for draw in range(3)]
    narrow = [("width 16", "(T)", n, draw, np.log(2.0) + noise) for n, draw, noise in cells]
    for factor, outcome in ((1.1, "agrees"), (4.0, "disagrees")):
        wide = [("width 64", "(T)", n, draw, np.log(factor) - noise) for n, draw, noise in cells]
        tables = dict(analysed.tables) | {"networks": pd.DataFrame(narrow + wide, columns=columns)}
        assert [v.outcome for v in _about(verdicts(tables), "nearer to the limit")] == [outcome]


def _about(found: tuple[Verdict, ...], words: str) -> list[Verdict]:
    return [verdict for verdict in found if words in verdict.claim]
