"""The level-by-level study: known answers from results made by hand, its figures, and a run of it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.text import Text
from syntagma.report.level_by_level import FIGURES, REPORT
from syntagma.studies.grid import Cell
from syntagma.studies.level_by_level.inside import found_inside
from syntagma.studies.level_by_level.settings import NAME, ClassGrid
from syntagma.studies.stored import Facts
from typer.main import get_command

from syntagma.cli.commands import app
from syntagma.errors import InputError
from syntagma.learners import HierarchicalCNN, LocallyConnected, MultiLayerAttention, Training
from syntagma.studies import load
from syntagma.studies.level_by_level import STUDY, LevelByLevel
from syntagma.studies.scaling_laws import Contender
from syntagma.studies.study import Analysis
from syntagma.sweep.store import Store
from syntagma.sweep.weights import checkpoints
from syntagma.tasks import LastToken, RootClass
from syntagma.theory import hierarchy as theory

TRAINING = Training(max_steps=8, batch_size=8, patience=100, train_loss_threshold=0)
PLATEAUS = [1.5, 1.0, 0.6, 0.4]


def small(**changes: Any) -> LevelByLevel:
    learners = {
        "cnn": HierarchicalCNN(width=4),
        "locally-connected": LocallyConnected(width=4),
        "attention": MultiLayerAttention(width=4, heads=2, layers=1),
    }
    fields = {
        "vocab": 4,
        "rules": (2, 3),
        "depth": 3,
        "learners": {name: Contender(learner=learner, training=TRAINING) for name, learner in learners.items()},
        "sizes": tuple(2**k for k in range(3, 13)),
        "seeds": 2,
        "checkpoints": 3,
        "test_examples": 32,
        "probe_sentences": 100,
        "root_class": ClassGrid(
            rules=(2, 3),
            classes=(2, 4),
            sizes=tuple(2**k for k in range(3, 11)),
            contender=Contender(learner=HierarchicalCNN(width=4), training=TRAINING),
        ),
    }
    return LevelByLevel.model_validate(fields | changes)


def threshold_of(name: str, m: int, level: int) -> float:
    """A little below the law."""
    return 0.7 * theory.thresholds(4, m, 2, 3, weight_sharing=name == "cnn")[level - 1]


def result(cell: Cell) -> dict[str, Any]:
    """Exact staircases, rounded by a tanh in ln P that is half-way at the threshold."""
    names, size = cell.names, cell.names["num_examples"]
    common = {"best_step": 8, "steps": 8, "seconds": 1.0, "history": []}
    if "classes" in names:
        star = 2.0 * theory.class_sample_complexity(names["classes"], names["rules"], 3)
        error = min(1.0, 0.1 * star / size)  # a tenth of chance at 2 P*
        return common | {"test_loss": 1.0, "test_accuracy": 1 - error * (1 - 1 / names["classes"])}
    loss = PLATEAUS[0]
    for level in (1, 2, 3):
        known = 0.5 + 0.5 * math.tanh(8 * math.log(size / threshold_of(names["learner"], names["rules"], level)))
        loss -= known * (PLATEAUS[level - 1] - PLATEAUS[level])
    return common | {"test_loss": loss + 1e-4 * names["seed"], "test_accuracy": 0.5}


def inside(cell: Cell, step: int) -> dict[str, Any]:
    """Level-l synonyms are ignored as far as level l + 1 is known; along training levels come one by one."""
    rows = []
    for level in (1, 2):
        if "classes" in cell.names:
            at = 2.0 * theory.class_sample_complexity(cell.names["classes"], cell.names["rules"], 3)
        else:
            at = threshold_of(cell.names["learner"], cell.names["rules"], level + 1)
        ignored = 0.5 + 0.5 * math.tanh(8 * math.log(cell.names["num_examples"] / at))
        rows.append({"layer": "layer 1", "change": "rule", "level": level, "cosine": 0.0})
        for change, cosine in (("rule", 0.2 + 0.8 * ignored), ("symbol", 0.2)):
            rows.append({"layer": "layer 3", "change": change, "level": level, "cosine": cosine})
    found = {"invariance": rows}
    if "classes" not in cell.names:
        nearest = {0: 0, 2: 1, 8: 3}[step]
        found["distances"] = [{"level": k, "nats": abs(k - nearest) + 0.1} for k in range(4)]
    return found


def stored(
    place: Path,
    settings: LevelByLevel,
    *,
    classes: bool = True,
    probes: bool = True,
    probed: Callable[[Cell, int], dict[str, Any]] = inside,
) -> Analysis:
    with Store.create(place) as store:
        store.record_command(NAME, "quick", settings.model_dump(mode="json"), ["syntagma", "run", NAME])
        facts = Facts(store, NAME)
        for m in settings.rules:
            for seed in range(settings.seeds):
                key = {"of": "plateaus", "language": settings.language(m, seed).model_dump(mode="json")}
                facts.settle(key, lambda: {"loss_nats": PLATEAUS, "standard_error": [0.0] * 4})
        for cell in settings.cells() if classes else settings.token_cells():
            identity = store.record_run(cell.run.config(), result(cell))
            along = cell.run.checkpoints > 1
            for step in ((0, 2, 8) if along else (8,)) if probes else ():
                key = {"of": "probes", "run": identity, "step": step, "sentences": settings.probe_sentences}
                facts.settle(key, lambda cell=cell, step=step: probed(cell, step))
        return STUDY.analyse(store)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    return stored(tmp_path_factory.mktemp("known"), small())


def outcomes(analysis: Analysis, *words: str) -> list[str]:
    return [v.outcome for v in analysis.verdicts if all(word in v.claim for word in words)]


def test_thresholds_made_by_hand_are_recovered(known: Analysis):
    table = known.tables["thresholds"].set_index(["learner", "rules", "level"])
    for (name, m, level), row in table.iterrows():  # pyright: ignore
        assert row["measured"] == pytest.approx(threshold_of(name, m, level), rel=0.25)
        if level > 1:
            assert row["ignored"] == pytest.approx(threshold_of(name, m, level), rel=0.25)
    classes = known.tables["class_thresholds"]
    np.testing.assert_allclose(classes["measured"], 2.0 * classes["predicted"], rtol=0.25)
    np.testing.assert_allclose(classes["ignored"], 2.0 * classes["predicted"], rtol=0.25)


def test_verdicts_of_known_answers(known: Analysis):
    assert set(outcomes(known, "ignores level-", "more from P_")) == {"agrees"}
    assert set(outcomes(known, "half-way to ignoring")) == {"finding"}
    assert outcomes(known, "along training") == ["agrees"] * 3
    assert set(outcomes(known, "n_c = 4: P* of the class grows as a power of m")) <= {"agrees", "disagrees"}
    power = next(v for v in known.verdicts if v.claim == "n_c = 4: P* of the class grows as a power of m")
    assert power.predicted == "m^3"
    assert float(power.measured.split("k = ")[1].split()[0]) == pytest.approx(3.0, abs=0.5)
    number = next(v for v in known.verdicts if v.claim == "m = 2: P* of the class grows as a power of n_c")
    assert float(number.measured.split("k = ")[1].split()[0]) == pytest.approx(1.0, abs=0.3)
    shared = {v.claim: v for v in known.verdicts if "without weight sharing over those with it" in v.claim}
    first, third = (next(v for claim, v in shared.items() if claim.startswith(f"level {k}, m = 3")) for k in (1, 3))
    assert first.predicted == "1"
    assert third.predicted == "m^1 = 3"
    assert float(third.measured.split()[0]) == pytest.approx(3.0, rel=0.3)


def test_a_training_that_forgets_a_level_disagrees(tmp_path: Path):
    def forgetting(cell: Cell, step: int) -> dict[str, Any]:
        found = inside(cell, step)
        if step == 8 and cell.names.get("learner") == "attention" and cell.names["seed"] == 1:
            found["distances"] = [{"level": k, "nats": k + 0.1} for k in range(4)]
        return found

    analysis = stored(tmp_path, small(rules=(2,)), probed=forgetting)
    assert outcomes(analysis, "along training the attention-only") == ["disagrees"]
    assert outcomes(analysis, "along training the convolutional") == ["agrees"]


@pytest.mark.parametrize(("classes", "probes"), [(True, True), (False, True), (True, False)])
def test_the_report_is_drawn_with_pieces_missing(tmp_path: Path, classes: bool, probes: bool):
    analysis = stored(tmp_path / "results", small(rules=(2,)), classes=classes, probes=probes)
    for name, draw in FIGURES.items():
        texts = [text.get_text() for text in draw(analysis).findobj(Text)]  # pyright: ignore
        assert any(text.startswith("What networks know of a grammar") for text in texts), name
    if not probes:
        assert set(outcomes(analysis, "ignores level-")) == {"open"}
    if not classes:
        assert set(outcomes(analysis, "P* of the class")) == {"open"}


def test_every_figure_has_its_caption_and_every_table_its_columns(known: Analysis):
    assert list(REPORT.captions) == list(FIGURES)
    for table in REPORT.tables:
        assert {column.name for column in table.columns} <= set(known.tables[table.name].columns)
    assert REPORT.interactive(known)["data"]


def test_commands_of_the_tutorial_exist_and_their_runs_are_in_the_quick_preset():
    text = (Path(__file__).parents[1] / "docs" / "watch-a-network-learn.md").read_text()
    lines = [line.split() for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    commands = get_command(app).commands  # pyright: ignore
    assert [words[1] for words in lines] == ["run", "probe", "probe", "probe"]
    quick = [cell.run for cell in STUDY.presets["quick"].cells()]
    for words in lines[1:]:
        options = {option for parameter in commands["probe"].params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options
        assert words[2] == f"results/{NAME}-quick"
        assert words[3:7] == ["kind=cnn", "kind=last-token", "num_examples=2048", "seed=0"]
        wanted = ("cnn", "last-token", 2048, 0)
        found = [run for run in quick if (run.learner.kind, run.task.kind, run.num_examples, run.seed) == wanted]
        assert len(found) == 1
        assert found[0].checkpoints > 1


def test_one_seed_decides_nothing(tmp_path: Path):
    analysis = stored(tmp_path, small(rules=(2,), seeds=1))
    assert {v.outcome for v in analysis.verdicts if "along training" not in v.claim} <= {"open", "finding"}


def test_presets_are_planned_and_their_networks_fit():
    assert load(NAME) is STUDY
    for settings in STUDY.presets.values():
        identities = {cell.run.id() for cell in settings.cells()}
        assert len(identities) == len(settings.cells())
        most = settings.rules[-1]
        for contender in settings.learners.values():
            contender.learner.check(LastToken().shape(settings.language(most, 0).language()))
        for classes in settings.root_class.classes:
            shape = RootClass().shape(settings.language(most, 0, classes).language())
            assert shape.outputs == classes
            settings.root_class.contender.learner.check(shape)
    kept = {cell.names["num_examples"]: cell.run.checkpoints for cell in small().token_cells()}
    assert kept == {2**k: 1 if k < 12 else 3 for k in range(3, 13)}


def test_predictions_are_the_laws():
    tables = STUDY.predict(small(rules=(2,)))
    assert tables["classes"]["num_examples"].tolist() == [2 * 8, 4 * 8, 2 * 27, 4 * 27]
    levels = tables["predictions"].set_index(["law", "level"])["num_examples"]
    assert levels["weight sharing", 3] == pytest.approx(4 * 2**4 / 0.5)
    assert levels["no weight sharing", 3] == pytest.approx(4 * 2**5 / 0.5)
    needed = tables["correlations"]
    assert (needed["examples_needed"] * needed["squared_covariance"]).to_numpy() == pytest.approx(needed["floor"])


@pytest.mark.parametrize(
    ("changes", "text"),
    [({"rules": (5,)}, "rules=5"), ({"sizes": (0, 4)}, "the smallest value=0 cannot be used"), ({"seeds": 0}, "seeds")],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, object], text: str):
    with pytest.raises(ValueError, match=text):
        small(**changes)


def test_no_finished_run_is_said_in_one_line(tmp_path: Path):
    with Store.create(tmp_path) as store:
        store.record_command(NAME, "quick", small().model_dump(mode="json"), ["syntagma"])
        with pytest.raises(InputError, match="no run of these settings is finished yet"):
            STUDY.analyse(store)


def test_a_small_run_trains_keeps_probes_and_resumes(tmp_path: Path):
    one = Contender(learner=HierarchicalCNN(width=4), training=TRAINING)
    grid = ClassGrid(rules=(2,), classes=(4,), sizes=(16,), contender=one)
    settings = small(rules=(2,), depth=2, learners={"cnn": one}, sizes=(16, 32), seeds=1, root_class=grid)
    said: list[tuple[str, float]] = []
    with Store.create(tmp_path) as store:
        STUDY.run(settings, store, 1, lambda text, done: said.append((text, done)))
        assert all(0 <= done <= 1 for _, done in said)
        assert any("looking into cnn" in text for text, _ in said)
        probed = found_inside(settings, store)
        cells = settings.cells()
        assert set(probed) == {cell.run.id() for cell in cells}
        for cell in cells:
            assert list(probed[cell.run.id()]) == list(checkpoints(tmp_path, cell.run.id()))
        facts = len(store.facts(NAME))
        STUDY.run(settings, store, 1, lambda text, done: None)
        assert len(store.facts(NAME)) == facts
        store.record_command(NAME, "quick", settings.model_dump(mode="json"), ["syntagma"])
        tables = STUDY.analyse(store).tables
    assert set(tables["invariance"]["level"]) == {1}
    assert set(tables["observers"]["level"]) == {0, 1, 2}
    assert len(tables["class_curves"]) == 1
