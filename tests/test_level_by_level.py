"""The level-by-level study: known answers from results made by hand, its figures, and a run of it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.main import get_command

from known_results import grammar_fact, is_drawn, outcomes, record_command
from syntagma.cli.commands import app
from syntagma.errors import InputError
from syntagma.learners import HierarchicalCNN, LocallyConnected, MultiLayerAttention, Training
from syntagma.plot import Line
from syntagma.studies import Cell, Facts, Results, load, machinery
from syntagma.studies.level_by_level import STUDY, LevelByLevel
from syntagma.studies.level_by_level.settings import ClassGrid
from syntagma.studies.machinery import Analysis
from syntagma.studies.recipes import Contender
from syntagma.sweep.store import Store
from syntagma.tasks import LastToken, RootClass
from syntagma.theory import hierarchy as theory
from syntagma.theory import root_class

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
        "seeds": 3,
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
    found: dict[str, Any] = {"invariance": rows}
    if "classes" not in cell.names:
        nearest = {0: 0, 2: 1, 8: 3}[step]
        found["distances"] = [{"level": k, "nats": abs(k - nearest) + 0.1} for k in range(4)]
    return found


def stored(
    place: Path,
    settings: LevelByLevel,
    *,
    classes: bool = True,
    tokens: bool = True,
    probes: bool = True,
    probed: Callable[[Cell, int], dict[str, Any]] = inside,
) -> Analysis:
    """Results, and networks kept after some steps, of which only what was found in them is stored."""
    with Store.create(place) as store:
        record_command(store, STUDY, settings)
        for one in STUDY.facts(settings, Results()):
            known = {"loss_nats": PLATEAUS, "standard_error": [0.0] * 4}
            store.record_fact(STUDY.name, one.key, known if one.key["of"] == "plateaus" else grammar_fact(one))
        for cell in machinery.plan(STUDY, settings):
            if not (classes if "classes" in cell.names else tokens):
                continue
            identity = store.record_run(cell.run.config(), result(cell))
            for step in ((0, 2, 8) if cell.run.checkpoints > 1 else (8,)) if probes else ():
                kept = place / "weights" / identity / f"{step}.safetensors"
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.touch()
                key = {"of": "probes", "run": identity, "step": step, "sentences": settings.probe_sentences}
                store.record_fact(STUDY.name, key, probed(cell, step))
        return machinery.analyse(STUDY, store)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    return stored(tmp_path_factory.mktemp("known"), small())


def test_thresholds_made_by_hand_are_recovered(known: Analysis):
    table = known.tables["thresholds"].data.set_index(["learner", "rules", "level"])
    assert len(table) == 3 * 2 * 3
    for (name, m, level), row in table.iterrows():  # pyright: ignore
        assert row["measured"] == pytest.approx(threshold_of(name, m, level), rel=0.25)
        if level > 1:
            assert row["ignored_measured"] == pytest.approx(threshold_of(name, m, level), rel=0.25)
    classes = known.tables["class-thresholds"].data
    assert len(classes) == 2 * 2
    np.testing.assert_allclose(classes["measured"], 2.0 * classes["predicted"], rtol=0.25)
    np.testing.assert_allclose(classes["ignored_measured"], 2.0 * classes["predicted"], rtol=0.25)


def test_verdicts_of_known_answers(known: Analysis):
    assert set(outcomes(known, "ignores level-", "more from P_")) == {"agrees"}
    assert set(outcomes(known, "half-way to ignoring")) == {"finding"}
    assert outcomes(known, "along training") == ["agrees"] * 3
    assert set(outcomes(known, "n_c = 4: P* of the class grows as a power of m")) <= {"agrees", "disagrees"}
    claims = {verdict.claim.text: verdict.claim for verdict in known.verdicts}
    power = claims["n_c = 4: P* of the class grows as a power of m"]
    assert power.predicted == "m^3.00 by exact correlations; asymptotic law m^3"
    assert power.measured.value == pytest.approx(3.0, abs=0.5)
    assert claims["m = 2: P* of the class grows as a power of n_c"].measured.value == pytest.approx(1.0, abs=0.3)
    shared = {text: claim for text, claim in claims.items() if "without weight sharing over those with it" in text}
    first, third = (next(c for text, c in shared.items() if text.startswith(f"level {k}, m = 3")) for k in (1, 3))
    assert first.predicted == "1.00, by exact correlations and one prefactor for both"
    assert third.predicted.startswith("3.00, by exact")
    assert third.measured.value == pytest.approx(3.0, rel=0.3)


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
def test_figures_are_drawn_with_pieces_missing(tmp_path: Path, classes: bool, probes: bool):
    analysis = stored(tmp_path / "results", small(rules=(2,)), classes=classes, probes=probes)
    assert [figure.name for figure in analysis.figures] == [
        "learning-curves", "invariance", "observers", "class-curves", "correlations",
    ]  # fmt: skip
    for figure in analysis.figures:
        assert is_drawn(figure), figure.name
    if not probes:
        assert set(outcomes(analysis, "ignores level-")) == {"open"}
    if not classes:
        assert set(outcomes(analysis, "P* of the class")) == {"open"}


def test_classes_alone_are_drawn(tmp_path: Path):
    analysis = stored(tmp_path, small(rules=(2,)), tokens=False)
    for figure in analysis.figures:
        assert is_drawn(figure), figure.name
    assert set(outcomes(analysis, "ignores level-")) == {"open"}
    assert set(outcomes(analysis, "half-way ignored, over P*")) == {"finding"}


def test_figures_draw_what_was_probed(known: Analysis):
    invariance, observers = (next(f for f in known.figures if f.name == name) for name in ("invariance", "observers"))
    assert len(invariance.panels) == len(observers.panels) == 2 * 3
    best = [mark for mark in invariance.panels[0].marks if isinstance(mark, Line)]
    assert [mark.label for mark in best] == ["level 1", "level 2"]
    for level, line in enumerate(best, start=1):
        expected = [inside_of(size, level) for size in small().sizes]
        np.testing.assert_allclose(line.y, expected, atol=1e-9)
    along = [mark for mark in observers.panels[1].marks if isinstance(mark, Line)]
    assert [list(mark.x) for mark in along] == [[1, 3, 9]] * 4  # steps 0, 2 and 8, plus 1
    assert [mark.y[-1] for mark in along] == pytest.approx([3.1, 2.1, 1.1, 0.1])


def inside_of(size: int, level: int) -> float:
    """How far level-`level` synonyms are ignored by the convolutional network at m = 2."""
    return 0.5 + 0.5 * math.tanh(8 * math.log(size / threshold_of("cnn", 2, level + 1)))


def test_commands_of_the_tutorial_exist_and_their_runs_are_in_the_quick_preset():
    text = (Path(__file__).parents[1] / "docs" / "watch-a-network-learn.md").read_text()
    lines = [line.split() for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    commands = get_command(app).commands  # pyright: ignore
    assert [words[1] for words in lines] == ["run", "probe", "probe", "probe"]
    quick = [cell.run for cell in machinery.plan(STUDY, STUDY.presets["quick"])]
    for words in lines[1:]:
        options = {option for parameter in commands["probe"].params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options
        assert words[2] == f"results/{STUDY.name}-quick"
        assert words[3:7] == ["kind=cnn", "kind=last-token", "num_examples=2048", "seed=0"]
        wanted = ("cnn", "last-token", 2048, 0)
        found = [run for run in quick if (run.learner.kind, run.task.kind, run.num_examples, run.seed) == wanted]
        assert len(found) == 1
        assert found[0].checkpoints > 1


def test_one_seed_decides_nothing(tmp_path: Path):
    analysis = stored(tmp_path, small(rules=(2,), seeds=1))
    said = {v.outcome for v in analysis.verdicts if "along training" not in v.claim.text}
    assert said <= {"open", "finding"}


def test_presets_are_planned_and_their_networks_fit():
    assert load(STUDY.name) is STUDY
    for settings in STUDY.presets.values():
        cells = list(STUDY.cells(settings, Facts(), Results()))
        assert len({cell.run.id() for cell in cells}) == len(cells)
        most = settings.rules[-1]
        for contender in settings.learners.values():
            contender.learner.check(LastToken().shape(settings.languages(most)[0].language()))
        for classes in settings.root_class.classes:
            shape = RootClass().shape(settings.languages(most, classes)[0].language())
            assert shape.outputs == classes
            settings.root_class.contender.learner.check(shape)
    tokens = [cell for cell in machinery.plan(STUDY, small()) if "classes" not in cell.names]
    kept = {cell.names["num_examples"]: cell.run.checkpoints for cell in tokens}
    assert kept == {2**k: 1 if k < 12 else 3 for k in range(3, 13)}


def test_predictions_are_the_laws():
    tables = machinery.predict(STUDY, small(rules=(2,)))
    classes = tables["classes"].data
    assert classes["law"].tolist() == [2 * 8, 4 * 8, 2 * 27, 4 * 27]
    exactly = [root_class.threshold(one.language()) for one in small().languages(3, 4)]
    assert classes["num_examples"].iloc[3] == pytest.approx(np.exp(np.mean(np.log(exactly))))
    rows = tables["predictions"].data
    levels = rows[rows["regime"] == "asymptotic law"].set_index(["law", "level"])["num_examples"]
    assert levels["weight sharing", 3] == pytest.approx(4 * 2**4 / 0.5)
    assert levels["no weight sharing", 3] == pytest.approx(4 * 2**5 / 0.5)
    needed = tables["correlations"].data
    assert (needed["examples_needed"] * needed["squared_covariance"]).to_numpy() == pytest.approx(needed["floor"])


@pytest.mark.parametrize(
    ("changes", "text"),
    [({"rules": (5,)}, "rules=5"), ({"sizes": (0, 4)}, "the smallest value=0 cannot be used"), ({"seeds": 0}, "seeds")],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, object], text: str):
    with pytest.raises(ValueError, match=text):
        small(**changes)


def test_more_classes_may_share_the_same_rules_of_the_root():
    grid = small().root_class.model_copy(update={"classes": (2, 3, 4), "root_rules": 6})
    settings = small(root_class=grid.model_dump())
    assert settings.root_class.rules_of_class() == {2: 3, 3: 2}  # 4 do not share 6 equally
    for n, own in {2: 3, 3: 2}.items():
        for language in settings.fixed_root_languages(n):
            made = language.language()
            assert (made.weights[-1] > 0).sum() == 6
            assert (made.weights[-1][:, :own] == 1 / own).all()
            assert all((level == 1 / 3).all() for level in made.weights[:-1])
    assert settings.fixed_root_languages(2) == settings.languages(3, 2)  # runs of the plain task serve this one
    known = [root_class.threshold(one.language()) for one in settings.fixed_root_languages(3)]
    rows = machinery.predict(STUDY, settings)["classes"].data.query("rules_of_class < rules")
    assert rows[["rules", "classes", "law"]].values.tolist() == [[3, 3, 3 * 2 * 3**2]]
    assert rows["num_examples"].item() == pytest.approx(np.exp(np.mean(np.log(known))))
    wrong = r"root_class.root_rules=7 cannot be used: two or more of classes=\[2, 3, 4\] share them"
    with pytest.raises(ValueError, match=wrong):
        ClassGrid.model_validate(grid.model_dump() | {"root_rules": 7})


def test_no_finished_run_is_said_in_one_line(tmp_path: Path):
    with Store.create(tmp_path) as store:
        record_command(store, STUDY, small())
        with pytest.raises(InputError, match="no run of these settings is finished yet"):
            machinery.analyse(STUDY, store)


def test_a_small_run_trains_keeps_probes_and_resumes(tmp_path: Path):
    one = Contender(learner=HierarchicalCNN(width=4), training=TRAINING)
    grid = ClassGrid(rules=(2,), classes=(2, 4), sizes=(16,), contender=one, root_rules=4)
    settings = small(rules=(2,), depth=2, learners={"cnn": one}, sizes=(16, 32), seeds=1, root_class=grid)
    said: list[tuple[str, float]] = []
    with Store.create(tmp_path) as store:
        record_command(store, STUDY, settings)
        machinery.run(STUDY, settings, store, 1, lambda text, done: said.append((text, done)))
        assert all(0 <= done <= 1 for _, done in said)
        assert any("looking into cnn" in text for text, _ in said)
        probed = [key for key, _ in store.facts(STUDY.name) if key["of"] == "probes"]
        cells = machinery.plan(STUDY, settings)
        plain = [cell for cell in cells if "rules_of_class" not in cell.names]
        assert len(cells) == len(plain) + 1  # with four classes; with two each has the two rules that it has anyway
        assert {key["run"] for key in probed} == {cell.run.id() for cell in plain}
        for cell in plain:
            steps = [key["step"] for key in probed if key["run"] == cell.run.id()]
            assert steps == list(store.checkpoints(cell.run.id()))
        facts = len(store.facts(STUDY.name))
        machinery.run(STUDY, settings, store, 1, lambda text, done: pytest.fail(f"did {text} again"))
        assert len(store.facts(STUDY.name)) == facts
        measured = STUDY.measure(settings, Facts(store.facts(STUDY.name)), Results(store.results(), store))
        tables = machinery.analyse(STUDY, store).tables
    assert set(measured.inside["level"]) == {1}
    assert set(measured.observers["level"]) == {0, 1, 2}
    assert tables["class-thresholds"].data["rules_of_class"].tolist() == [2, 2, 1]
    assert sorted(measured.fixed_root) == [2, 4]
