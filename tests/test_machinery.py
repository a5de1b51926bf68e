"""What is done with every study, shown on one that does not exist: predict, plan, run, resume, analyse; and schemas."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import Field

import syntagma.studies
from known_results import record_command
from syntagma.curves import Claim, LearningCurve, certain, mean
from syntagma.errors import InputError
from syntagma.kernels import Architecture, Dense, Embedding
from syntagma.languages import CategoricalMixture
from syntagma.learners import KernelRegression
from syntagma.plot import Axis, Figure, Line, Panel
from syntagma.studies import BUILT_IN, Cell, Fact, Facts, Results, Settings, Study, machinery
from syntagma.studies.schemas import Column, Schema, Table
from syntagma.studies.study import FactMissing
from syntagma.sweep.execution import Summary
from syntagma.sweep.runs import Run
from syntagma.sweep.store import Store
from syntagma.tasks import SymmetryTarget

LEARNER = KernelRegression(architecture=Architecture(embedding=Embedding(vocab=1), layers=(Dense(),)), ridge=0.1)
SQUARES = Schema("squares", "Squares", "The square of each size.", (Column("square", "square", "whole"),))
LOSSES = Schema(
    "losses", "Losses", "Mean loss by size.", (Column("num_examples", "P", "count"), Column("loss", "loss", "nats"))
)


class Tiny(Settings):
    """Settings of a study that does not exist."""

    sizes: tuple[int, ...] = (4, 8)
    seeds: int = Field(default=2, ge=1)


def uniform(probabilities: tuple[float, ...]) -> CategoricalMixture:
    return CategoricalMixture(vocab=2, sentence_length=3, probabilities=(probabilities,))


def cell(size: int, seed: int = 0, **names: Any) -> Cell:
    run = Run(
        language=uniform((0.5, 0.5)),
        tests={"shifted": uniform((0.9, 0.1))},
        task=SymmetryTarget(partition=(2, 1)),
        learner=LEARNER,
        training=None,
        num_examples=size,
        test_examples=16,
        seed=seed,
    )
    return Cell({"learner": "kernel", "num_examples": size, "seed": seed, **names}, run)


@dataclass
class Computed:
    """What the study asked of its world, in order."""

    facts: list[int]
    cells: int = 0


@dataclass(frozen=True)
class Measured:
    settings: Tiny
    runs: pd.DataFrame
    squares: tuple[int, ...]


def tiny_study(computed: Computed | None = None, **changes: Any) -> Study[Tiny, Measured]:
    """A study that squares its sizes and runs a kernel regression at each, seed by seed."""
    computed = Computed([]) if computed is None else computed

    def square(size: int) -> Callable[[], dict[str, int]]:
        def compute() -> dict[str, int]:
            computed.facts.append(size)
            return {"square": size**2}

        return compute

    def facts(settings: Tiny, results: Results) -> Iterator[Fact]:
        for size in settings.sizes:
            yield Fact({"of": "square", "size": size}, square(size), f"square of {size}")

    def cells(settings: Tiny, facts: Facts, results: Results) -> Iterator[Cell]:
        computed.cells += 1
        for size in settings.sizes:
            yield from (cell(size, seed) for seed in range(settings.seeds))

    def measure(settings: Tiny, facts: Facts, results: Results) -> Measured:
        runs = results.table(cells(settings, facts, results))
        squares = tuple(facts[{"size": size, "of": "square"}]["square"] for size in settings.sizes)
        return Measured(settings, runs, squares)

    def tables(measured: Measured) -> Iterator[Table]:
        means = measured.runs.groupby("num_examples")["test_loss"].mean()
        yield LOSSES.table({"num_examples": size, "loss": loss} for size, loss in means.items())

    def claims(measured: Measured) -> Iterator[Claim]:
        curve = next(iter(LearningCurve.from_runs(measured.runs, ["learner"]).values()))
        yield Claim("a line is crossed", "6", curve.crossing(1.0), "equals", 6.0)
        yield Claim("squares are squares", "64", certain(float(max(measured.squares))), "equals", 64.0)

    def figures(measured: Measured) -> Iterator[Figure]:
        line = Line(measured.runs["num_examples"], measured.runs["test_loss"])
        yield Figure("losses", "Losses", (Panel("", Axis("P"), Axis("loss"), (line,)),), "Losses.")

    def predictions(settings: Tiny, facts: Facts) -> Iterator[Table]:
        yield SQUARES.table(facts[{"of": "square", "size": size}] for size in settings.sizes)

    study = Study(
        name="tiny",
        title="A tiny study",
        paper="",
        settings=Tiny,
        presets={"quick": Tiny()},
        facts=facts,
        cells=cells,
        measure=measure,
        tables=tables,
        claims=claims,
        figures=figures,
        predictions=predictions,
    )
    return replace(study, **changes)


def losses(run: Run) -> dict[str, Any]:
    """The loss falls like 5 / P, so it comes to 1 between 4 and 8."""
    return {"test_loss": 5 / run.num_examples + 0.01 * run.seed, "stopped": "solved"}


@pytest.fixture
def executed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Runs are done at once, one at a time, as `losses` says; the ids of those done."""
    done: list[str] = []

    def execute(next_runs: Any, store: Store, workers: int, finished: Any, **how: Any) -> Summary:
        number = 0
        while runs := list(next_runs()):
            metrics = losses(runs[0])
            done.append(store.record_run(runs[0].config(), metrics))
            finished(runs[0], metrics)
            number += 1
        return Summary(number, (), ())

    monkeypatch.setattr(machinery, "execute", execute)
    return done


def quietly(text: str, share: float) -> None:
    pass


def ids(*cells: Cell) -> list[str]:
    return [one.run.id() for one in cells]


def test_facts_are_computed_once_and_kept(tmp_path: Path, executed: list[str]) -> None:
    computed = Computed([])
    study = tiny_study(computed)
    with Store.create(tmp_path) as store:
        machinery.run(study, Tiny(), store, 1, quietly)
        assert computed.facts == [4, 8]
        assert store.facts("tiny") == [({"of": "square", "size": size}, {"square": size**2}) for size in (4, 8)]
        machinery.run(study, Tiny(sizes=(4, 8, 16)), store, 1, quietly)
        assert computed.facts == [4, 8, 16]
        kept = Facts(store.facts("tiny"))
        assert kept[{"size": 4, "of": "square"}] == {"square": 16}  # the order of names means nothing
        assert {"of": "square", "size": 32} not in kept
        assert kept.get({"of": "square", "size": 32}) is None
        with pytest.raises(FactMissing, match=r"lack a fact, .*32.*: give the command again"):
            kept[{"of": "square", "size": 32}]
        assert store.facts("other") == []


def test_a_fact_that_is_asked_for_twice_is_computed_once() -> None:
    calls: list[int] = []

    def twice(settings: Tiny, results: Results) -> Iterator[Fact]:
        for size in (4, 4, 8):
            yield Fact({"of": "square", "size": size}, lambda size=size: calls.append(size) or {"square": 1})

    machinery.predict(tiny_study(facts=twice), Tiny())
    assert calls == [4, 8]


def test_facts_that_need_results_are_computed_when_these_are_there(tmp_path: Path, executed: list[str]) -> None:
    known_when_computed: list[int] = []

    def facts(settings: Tiny, results: Results) -> Iterator[Fact]:
        if len(results) == 4:
            yield Fact({"of": "all"}, lambda: known_when_computed.append(len(executed)) or {"number": 4})

    with Store.create(tmp_path) as store:
        machinery.run(tiny_study(facts=facts), Tiny(), store, 1, quietly)
        assert known_when_computed == [4]
        assert store.facts("tiny") == [({"of": "all"}, {"number": 4})]
        machinery.run(tiny_study(facts=facts), Tiny(), store, 1, quietly)
    assert known_when_computed == [4]


def test_a_grid_does_what_is_missing_and_nothing_twice(tmp_path: Path, executed: list[str]) -> None:
    computed, said = Computed([]), list[tuple[str, float]]()

    def cells(settings: Tiny, facts: Facts, results: Results) -> Iterator[Cell]:
        computed.cells += 1
        yield from (cell(size) for size in (4, 8, 4, *settings.sizes))  # the same run stands in several cells

    study = tiny_study(cells=cells)
    with Store.create(tmp_path) as store:
        machinery.run(study, Tiny(), store, 1, lambda text, share: said.append((text, share)))
        assert executed == ids(cell(4), cell(8))
        assert [text for text, _ in said] == [
            "square of 4", "square of 8", "kernel num_examples=4: 1.250", "kernel num_examples=8: 0.625", "all is done",
        ]  # fmt: skip
        shares = [share for _, share in said]
        assert shares == sorted(shares)
        assert shares[2] - 0.05 == pytest.approx(0.9 * 4 / 12)  # a kernel costs as many examples as it has
        assert shares[-1] == 1
        assert computed.cells == 2  # for the plan and for the grid: it does not depend on results
        machinery.run(study, Tiny(sizes=(16,)), store, 1, quietly)
        assert executed[2:] == ids(cell(16))
        machinery.run(study, Tiny(sizes=(16,)), store, 1, lambda text, share: pytest.fail(f"did {text} again"))
    assert len(executed) == 3


def adaptive_study(computed: Computed, expected: tuple[int, ...]) -> Study[Tiny, Measured]:
    """Sizes are doubled until the loss is below 1/2; `expected` are those that theory says are needed."""

    def cells(settings: Tiny, facts: Facts, results: Results) -> Iterator[Cell]:
        computed.cells += 1
        size = 4
        while True:
            yield cell(size)
            if cell(size).run not in results or results[cell(size).run]["test_loss"] < 0.5:
                return
            size *= 2

    def planned(settings: Tiny, facts: Facts) -> Iterator[Cell]:
        assert {"of": "square", "size": 4} in facts
        yield from map(cell, expected)

    return tiny_study(computed, cells=cells, expected=planned)


@pytest.mark.parametrize("expected", [(4, 8), (4, 8, 16, 32, 64)])
def test_cells_are_asked_for_again_as_results_come_where_expected_ones_are_given(
    tmp_path: Path, executed: list[str], expected: tuple[int, ...]
) -> None:
    computed, shares = Computed([]), list[float]()
    study = adaptive_study(computed, expected)
    assert ids(*machinery.plan(study, Tiny())) == ids(*map(cell, expected))
    with Store.create(tmp_path) as store:
        machinery.run(study, Tiny(), store, 1, lambda text, share: shares.append(share))
        assert executed == ids(cell(4), cell(8), cell(16))
        assert computed.cells > 3
        assert shares == sorted(shares)
        assert shares[-1] == 1
        machinery.run(study, Tiny(), store, 1, lambda text, share: pytest.fail(f"did {text} again"))
        record_command(store, study, Tiny())
        analysis = machinery.analyse(study, store)
    assert len(analysis.tables["runs"].data) == 3
    assert not any("not finished" in note for note in analysis.notes)


def test_without_expected_cells_results_do_not_change_the_grid(tmp_path: Path, executed: list[str]) -> None:
    study = replace(adaptive_study(Computed([]), (4,)), expected=None)
    with Store.create(tmp_path) as store:
        machinery.run(study, Tiny(), store, 1, quietly)
    assert executed == ids(cell(4))


def test_a_plan_has_each_run_once_with_its_names() -> None:
    study = tiny_study(cells=lambda settings, facts, results: [cell(4), cell(4), cell(8, 1)])
    planned = machinery.plan(study, Tiny())
    assert ids(*planned) == ids(cell(4), cell(8, 1))
    assert [one.names["num_examples"] for one in planned] == [4, 8]


def test_a_plan_asks_for_facts_that_it_is_not_given() -> None:
    computed = Computed([])
    study = tiny_study(computed)
    machinery.plan(study, Tiny())
    assert computed.facts == [4, 8]
    machinery.plan(study, Tiny(), Facts())
    assert computed.facts == [4, 8]


def test_an_empty_grid_is_refused_before_anything_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from syntagma.cli import running

    study = tiny_study(facts=lambda settings, results: ())
    with pytest.raises(InputError, match=r"these settings of tiny leave nothing to run: the grid is empty\. Widen its"):
        machinery.check(study, Tiny(sizes=()))
    machinery.check(study, Tiny(sizes=(4,)))
    monkeypatch.setattr(syntagma.studies, "load", lambda name: study)
    place = tmp_path / "results"
    with pytest.raises(InputError, match="the grid is empty"):
        running.run("tiny", set_=["sizes=[]"], out=str(place))
    assert list(tmp_path.iterdir()) == []


def test_a_check_computes_no_fact_where_cells_need_none() -> None:
    computed = Computed([])
    machinery.check(tiny_study(computed), Tiny())
    assert computed.facts == []


def test_a_check_leaves_cells_that_need_facts_to_the_run() -> None:
    def cells(settings: Tiny, facts: Facts, results: Results) -> Iterator[Cell]:
        yield cell(facts[{"of": "square", "size": 4}]["square"])

    computed = Computed([])
    machinery.check(tiny_study(computed, cells=cells), Tiny())
    assert computed.facts == []
    assert ids(*machinery.plan(tiny_study(cells=cells), Tiny())) == ids(cell(16))


def test_predictions_store_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Store, "record_fact", lambda *_: pytest.fail("a fact is stored"))
    computed, said = Computed([]), list[str]()
    tables = machinery.predict(tiny_study(computed), Tiny(), lambda text, share: said.append(text))
    assert tables["squares"].data["square"].tolist() == [16, 64]
    assert computed.facts == [4, 8]
    assert said == ["square of 4", "square of 8"]
    assert list(tmp_path.iterdir()) == []


def stored(place: Path, study: Study[Any, Any], results: Mapping[Cell, Mapping[str, Any]] | None = None) -> Store:
    store = Store.create(place)
    record_command(store, study, Tiny())
    for size in (4, 8):
        store.record_fact("tiny", {"of": "square", "size": size}, {"square": size**2})
    for one in machinery.plan(study, Tiny()):
        store.record_run(one.run.config(), losses(one.run) | (results or {}).get(one.names["num_examples"], {}))
    return store


def test_an_analysis_is_of_stored_results_alone(tmp_path: Path) -> None:
    computed = Computed([])
    study = tiny_study(computed)
    with stored(tmp_path, study) as store:
        computed.facts.clear()
        analysis = machinery.analyse(study, store)
    assert computed.facts == []
    assert (analysis.study, analysis.title, analysis.notes) == ("tiny", "A tiny study", ())
    assert analysis.tables["losses"].data["loss"].tolist() == pytest.approx([1.255, 0.63])
    runs = analysis.tables["runs"].data
    assert runs[["num_examples", "seed", "test_loss"]].to_numpy().tolist() == [
        [4, 0, 1.25], [4, 1, 1.26], [8, 0, 0.625], [8, 1, 0.635],
    ]  # fmt: skip
    assert set(runs["id"]) == set(ids(cell(4), cell(4, 1), cell(8), cell(8, 1)))
    assert [verdict.claim.text for verdict in analysis.verdicts] == ["a line is crossed", "squares are squares"]
    assert [verdict.outcome for verdict in analysis.verdicts][1] == "agrees"
    assert [figure.name for figure in analysis.figures] == ["losses"]
    assert analysis.provenance["command"] == "syntagma run tiny"


def test_notes_say_what_is_unfinished_diverged_and_cut_short(tmp_path: Path) -> None:
    study = tiny_study()
    with stored(tmp_path, study, {8: {"stopped": "diverged", "cut_short": False}, 4: {"cut_short": True}}) as store:
        record_command(store, study, Tiny(seeds=5))
        analysis = machinery.analyse(study, store)
    improving = "2 of 4 runs were still improving on validation sentences when training ended"
    assert analysis.notes == (
        "6 of 10 runs are not finished: curves lack points, and the same command resumes.",
        "2 of 4 runs diverged in training; claims that rest on one are open.",
        f"{improving}; claims that rest on one are open.",
    )
    assert analysis.tables["runs"].data["diverged"].tolist() == [False, False, True, True]
    outcome = {verdict.claim.text: verdict.outcome for verdict in analysis.verdicts}
    assert outcome["a line is crossed"] == "open"
    assert "2 runs diverged" in analysis.verdicts[0].measured


def claims_of_means(measured: Measured) -> Iterator[Claim]:
    """What is measured without a curve, and says nothing of how its runs went."""
    for size, rows in measured.runs.groupby("num_examples"):
        yield Claim(f"loss at {size}", "2", mean(rows["test_loss"].to_numpy()), "below", 2.0)
    yield Claim("squares are squares", "64", certain(float(max(measured.squares))), "equals", 64.0)


@pytest.mark.parametrize(
    ("diverged", "outcomes"),
    [
        ({}, ["agrees", "agrees", "agrees"]),
        ({8: {"stopped": "diverged"}}, ["agrees", "open", "agrees"]),
        ({4: {"stopped": "diverged"}, 8: {"stopped": "diverged"}}, ["open", "open", "open"]),
    ],
)
def test_a_claim_that_rests_on_a_run_that_diverged_is_open_however_it_is_measured(
    tmp_path: Path, diverged: dict[int, dict[str, str]], outcomes: list[str]
) -> None:
    study = tiny_study(claims=claims_of_means)
    with stored(tmp_path, study, diverged) as store:
        verdicts = machinery.analyse(study, store).verdicts
    assert [verdict.outcome for verdict in verdicts] == outcomes
    said = [f"it rests on {2 * len(diverged)} runs that diverged" in verdict.measured for verdict in verdicts]
    assert said == [outcome == "open" for outcome in outcomes]


def test_a_claim_that_cannot_be_made_without_them_rests_on_runs_that_diverged(tmp_path: Path) -> None:
    def claims(measured: Measured) -> Iterator[Claim]:
        losses = measured.runs.set_index("num_examples").loc[8, "test_loss"]  # raises where size 8 was not run
        yield Claim("loss", "2", mean(np.asarray(losses)), "below", 2.0)

    study = tiny_study(claims=claims)
    with stored(tmp_path, study, {8: {"stopped": "diverged"}}) as store:
        (verdict,) = machinery.analyse(study, store).verdicts
    assert (verdict.outcome, verdict.claim.caveat) == ("open", "it rests on 2 runs that diverged")


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"stopped": "diverged", "cut_short": False}, "(diverged)"),
        ({"stopped": "steps", "cut_short": True}, "(cut short)"),
    ],
)
def test_the_sentence_of_a_run_that_went_wrong_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: dict[str, Any], said: str
) -> None:
    def execute(next_runs: Any, store: Store, workers: int, finished: Any, **rest: Any) -> Summary:
        finished(next_runs()[0], {"test_loss": 3.0, **how})
        return Summary(1, (), ())

    monkeypatch.setattr(machinery, "execute", execute)
    lines: list[str] = []
    with Store.create(tmp_path) as store:
        machinery.run(tiny_study(), Tiny(), store, 1, lambda text, share: lines.append(text))
    assert f"kernel num_examples=4: 3.000 {said}" in lines


def test_no_finished_run_says_how_to_go_on(tmp_path: Path) -> None:
    study = tiny_study()
    with Store.create(tmp_path) as store:
        record_command(store, study, Tiny())
        with pytest.raises(InputError, match=r"no run of these settings is finished yet in .*: give the command again"):
            machinery.analyse(study, store)


def test_the_last_command_s_settings_come_back(tmp_path: Path) -> None:
    study = tiny_study()
    with Store.create(tmp_path) as store:
        with pytest.raises(InputError, match="holds no results of tiny: run `syntagma run tiny`"):
            machinery.last_command(store, study)
        for seeds in (5, 7):
            record_command(store, study, Tiny(seeds=seeds))
        store.record_command("other", "quick", {"seeds": 9}, ["syntagma", "run"])
        settings, provenance = machinery.last_command(store, study)
        assert settings == Tiny(seeds=7)
        assert provenance["command"] == "syntagma run tiny"
        assert provenance["settings"] == {"sizes": [4, 8], "seeds": 7}
        store.record_command("tiny", "quick", {"size": 1}, ["syntagma", "run"])
        with pytest.raises(InputError, match="settings that this version does not know"):
            machinery.last_command(store, study)


def test_kernels_run_in_worker_processes_with_further_test_sets(tmp_path: Path) -> None:
    study = tiny_study()
    with Store.create(tmp_path) as store:
        machinery.run(study, Tiny(sizes=(6,)), store, 2, quietly)
        table = Results(store.results(), store).table([cell(6, 0), cell(6, 1), cell(32)])
    assert table["seed"].tolist() == [0, 1]
    assert table["stopped"].tolist() == ["solved", "solved"]
    assert (table["shifted_loss"] > 0).all()
    assert (table["oracle_loss"] == 0).all()  # the target without noise
    assert table["test_loss"][0] != table["test_loss"][1]


def test_a_table_of_results_has_names_and_metrics() -> None:
    results = Results()
    assert list(results.table([cell(4)], ["part"]).columns) == ["part"]
    for size in (4, 8):
        results.add(cell(size).run.id(), {"test_loss": float(size), "history": [{"step": 1}]})
    cells = [cell(4), cell(8), cell(4, part="again"), cell(32)]
    table = results.table(cells)
    assert table[["num_examples", "test_loss"]].to_numpy().tolist() == [[4, 4.0], [8, 8.0], [4, 4.0]]
    assert set(table.columns) == {"learner", "num_examples", "seed", "part", "id", "test_loss", "diverged"}
    assert results.history(cell(4).run) == [{"step": 1}]


COUNTED = Schema(
    "counted",
    "Counted",
    "What is counted.",
    (Column("name", "name", "text"), Column("number", "number", "whole"), Column("size", "size", "count")),
)
RIGHT = {"name": "a", "number": 1, "size": 2.5}


def test_a_table_keeps_what_more_its_rows_have_and_may_be_empty() -> None:
    table = COUNTED.table([RIGHT | {"more": 3}, RIGHT | {"size": float("nan"), "more": 4}])
    assert (table.name, table.caption) == ("counted", "What is counted.")
    assert list(table.data.columns) == ["name", "number", "size", "more"]
    empty = COUNTED.named("none", caption="Nothing.").table([], "Nothing at all.")
    assert (empty.name, empty.caption, list(empty.data.columns)) == (
        "none",
        "Nothing at all.",
        ["name", "number", "size"],
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": 3}, "column name of table counted is to be text, it holds 3"),
        ({"name": None}, "column name of table counted is to be text, it holds None"),
        ({"number": 1.5}, "column number of table counted is to be whole, it holds 1.5"),
        ({"number": "1"}, "column number of table counted is to be whole, it holds '1'"),
        ({"size": "2"}, "column size of table counted is to be count, it holds '2'"),
    ],
)
def test_a_column_of_another_kind_is_an_error_of_the_study(change: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=f"{message}$"):
        COUNTED.table([RIGHT | change])


@pytest.mark.parametrize(("change", "held"), [({"name": 3}, "3"), ({"number": "1"}, "'1'"), ({"size": "2"}, "'2'")])
def test_of_many_values_the_wrong_one_is_told(change: dict[str, Any], held: str) -> None:
    with pytest.raises(TypeError, match=f"it holds {held}$"):
        COUNTED.table([RIGHT, RIGHT, RIGHT | change])


def test_truth_is_no_number() -> None:
    with pytest.raises(TypeError, match="column size of table counted is to be count, it holds True"):
        COUNTED.table([RIGHT | {"size": True}])


@pytest.mark.parametrize("column", RIGHT)
def test_a_missing_column_is_an_error_of_the_study(column: str) -> None:
    with pytest.raises(TypeError, match=f"table counted lacks its column {column}"):
        COUNTED.table([{name: value for name, value in RIGHT.items() if name != column}])


def test_a_study_whose_table_is_wrong_is_not_analysed(tmp_path: Path) -> None:
    study = tiny_study(tables=lambda measured: [SQUARES.table([{"square": 0.5}])])
    with stored(tmp_path, study) as store, pytest.raises(TypeError, match="column square of table squares"):
        machinery.analyse(study, store)


SHARED = {"machinery", "schemas", "study", "grammar", "recipes", "rules_grid", "status"}
"""Modules of `studies` that are no study, and that any may import."""


def study_of(path: Path) -> str:
    """The study, or shared module, that a file below `studies` belongs to."""
    return path.relative_to(Path(syntagma.studies.__file__).parent).parts[0].removesuffix(".py")


def imported_studies(source: str) -> Iterator[str]:
    """The module of `syntagma.studies` that each import names, wherever it stands."""
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            if name.startswith("syntagma.studies."):
                yield name.split(".")[2]


def files_of_studies() -> list[Path]:
    return sorted(Path(syntagma.studies.__file__).parent.rglob("*.py"))


@pytest.mark.parametrize(
    "path", files_of_studies(), ids=lambda path: path.stem if path.stem != "__init__" else path.parent.name
)
def test_no_study_imports_another(path: Path) -> None:
    own = {study_of(path), *SHARED} if study_of(path) not in SHARED else SHARED
    names = set(imported_studies(path.read_text()))
    studies = {module.rsplit(".", 1)[1] for module in BUILT_IN.values()}
    assert names & studies <= own, f"{path.name} imports another study"


def test_imports_of_studies_are_seen_wherever_they_stand() -> None:
    assert set(imported_studies("def f():\n    from syntagma.studies import zipf_rules")) == {"zipf_rules"}
    assert set(imported_studies("import syntagma.studies.one_pass")) == {"one_pass"}
    assert set(imported_studies("from syntagma.studies.one_pass import STUDY")) == {"one_pass"}
    assert set(imported_studies("from syntagma.studies.permutation_bias.settings import TAILS")) == {"permutation_bias"}
