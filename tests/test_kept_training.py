"""A training that is interrupted in the middle goes on with the same bits, from what was kept of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
import safetensors.numpy

from syntagma.errors import InputError
from syntagma.learners import Engine, Fit, HierarchicalCNN, Training
from syntagma.learners import engine as engine_module
from syntagma.learners.interruption import Interruption
from syntagma.learners.minibatches import ExampleOrder
from syntagma.randomness import stream
from syntagma.sweep import kept_training, runs
from syntagma.sweep.kept_training import KeptTraining
from syntagma.sweep.runs import Runner
from syntagma.sweep.store import Store
from syntagma.sweep.training_file import forget_directory, forget_training
from syntagma.tasks import Examples, Shape
from test_execution import a_run

SHAPE = Shape(vocab=4, length=4, outputs=4, branching=2)
TRAINING = Training(learning_rate=0.01, batch_size=16, max_steps=40, train_loss_threshold=0, patience=1e9)
SEEDS = (5, 6)


class Killed(Exception):
    """Stands for the end of a process."""


class Mortal(KeptTraining):
    """Keeps a training after every call of the program, and dies at the call after the last it may see."""

    lives = 0

    def due(self) -> bool:
        self.lives -= 1
        if self.lives == 0:
            raise Killed
        return True


@pytest.fixture(scope="module", autouse=True)
def short_calls():
    """Three steps a call, so that there is much between two evaluations."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine_module, "STEPS_PER_CALL", 3)
        yield


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(HierarchicalCNN(width=8), SHAPE, TRAINING)


@pytest.fixture(scope="module")
def sets() -> list[list[Examples]]:
    def examples(number: int, seed: int) -> Examples:
        generator = stream(seed, "examples")
        inputs = generator.integers(4, size=(number, 4)).astype(np.uint8)
        return Examples(inputs, generator.integers(4, size=number).astype(np.uint8))

    numbers = ((50, 0), (30, 200), (40, 100))
    return [[examples(number, first + seed) for seed in SEEDS] for number, first in numbers]


@pytest.fixture(scope="module")
def whole(engine: Engine, sets: list[list[Examples]]) -> dict[bool, list[Fit]]:
    """Both seeds trained to the end at once, apart and together."""
    return {together: engine.fit(*sets, SEEDS, together=together) for together in (False, True)}


def same_bits(fits: Sequence[Fit], others: Sequence[Fit]) -> None:
    for one, other in zip(fits, others, strict=True):
        for a, b in zip(jax.tree.leaves(one.predictor), jax.tree.leaves(other.predictor), strict=True):
            np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(one.example_losses, other.example_losses)
        assert one.history == other.history
        assert without_times(one.metrics) == without_times(other.metrics)


def without_times(metrics: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in metrics.items() if not name.startswith("seconds")}


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("calls", [2, 7, 17])
def test_killed_after_some_calls_it_goes_on_with_the_same_bits(
    engine: Engine, sets: list[list[Examples]], whole: dict[bool, list[Fit]], tmp_path: Path, together: bool, calls: int
) -> None:
    keepers: list[Mortal] = []

    def keep(places: Sequence[int]) -> Mortal:
        keepers.append(keeper := Mortal(tmp_path, [f"run-{place}" for place in places]))
        keeper.lives = calls
        return keeper

    with pytest.raises(Killed):
        engine.fit(*sets, SEEDS, together=together, keep=keep)
    (kept,) = tmp_path.rglob("*.*")
    assert kept == keepers[0].path
    seen: list[int] = []

    def go_on(places: Sequence[int]) -> KeptTraining:
        return KeptTraining(tmp_path, [f"run-{place}" for place in places])

    watch = lambda seed_index, step, make_network: seen.append(step)  # noqa: E731
    found = engine.fit(*sets, SEEDS, together=together, keep=go_on, watch=watch)
    same_bits(found, whole[together])
    assert seen[0] > 0  # it did not begin anew
    assert found[0].metrics["seconds"] > 0


def test_a_batch_that_seeds_have_left_goes_on_with_the_same_bits(
    engine: Engine, sets: list[list[Examples]], tmp_path: Path
) -> None:
    several = [one + one[:1] for one in sets]
    trainings = [TRAINING.model_copy(update={"train_loss_threshold": loss}) for loss in (9.0, 0.0, 9.0)]
    how: dict[str, Any] = {"seeds": (5, 6, 7), "trainings": trainings, "together": True}
    whole = engine.fit(*several, **how)
    mortal = Mortal(tmp_path, ["a", "b", "c"])
    mortal.lives = 9
    with pytest.raises(Killed):
        engine.fit(*several, **how, keep=lambda places: mortal)
    kept = KeptTraining(tmp_path, ["a", "b", "c"])
    assert (read := kept.read()) is not None
    assert read.values["members"] == [1]
    same_bits(engine.fit(*several, **how, keep=lambda places: kept), whole)


def test_killed_again_and_again(engine: Engine, sets: list[list[Examples]], whole: Any, tmp_path: Path) -> None:
    deaths = 0
    while True:
        keeper = Mortal(tmp_path, ["run"])
        keeper.lives = 3
        try:
            found = engine.fit(*(one[:1] for one in sets), SEEDS[:1], keep=lambda _, keeper=keeper: keeper)
            break
        except Killed:
            deaths += 1
    assert deaths > 5
    same_bits(found, whole[False][:1])


def test_what_is_not_of_this_training_is_not_used(
    engine: Engine, sets: list[list[Examples]], whole: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = Mortal(tmp_path, ["run"])
    keeper.lives = 5
    one = [group[:1] for group in sets]
    with pytest.raises(Killed):
        engine.fit(*one, SEEDS[:1], keep=lambda _: keeper)
    good = keeper.path.read_bytes()
    kept = keeper.read()
    assert kept is not None
    assert KeptTraining(tmp_path, ["run", "another"]).read() is None
    flipped = bytearray(good)
    flipped[-3] ^= 1
    for content in (b"", b"nonsense", good[:-10], bytes(flipped), safetensors.numpy.save({"total": np.zeros(1)})):
        keeper.path.write_bytes(content)
        assert keeper.read() is None
    keeper.path.write_bytes(good)
    ours = kept_training.environment()
    elsewhere = ours | {"versions": ours["versions"] | {"jax": "0.1"}}
    with monkeypatch.context() as patch:
        patch.setattr(kept_training, "environment", lambda: elsewhere)
        assert keeper.read() is None
    keeper.write(Interruption(kept.arrays | {"state.0": np.zeros(3, np.float32)}, kept.values))
    same_bits(engine.fit(*one, SEEDS[:1], keep=lambda _: KeptTraining(tmp_path, ["run"])), whole[False][:1])
    forget_training(tmp_path, "run")
    forget_directory(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_it_is_kept_when_its_time_has_come(tmp_path: Path) -> None:
    now = [0.0]
    keeper = KeptTraining(tmp_path, ["run"], every=10.0, clock=lambda: now[0])
    now[0] = 9.9
    assert not keeper.due()
    now[0] = 10.0
    assert keeper.due()
    keeper.write(Interruption({"total": np.zeros(1)}, {}))
    assert not keeper.due()
    now[0] = 20.0
    assert keeper.due()


def test_it_is_kept_although_another_run_s_is_forgotten_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver stores another run's result just when a worker has made the directory."""
    atomic_file = kept_training.atomic_file

    def later(path: Path) -> Any:
        forget_training(tmp_path, "another")
        return atomic_file(path)

    monkeypatch.setattr(kept_training, "atomic_file", later)
    keeper = KeptTraining(tmp_path, ["run"])
    keeper.write(Interruption({"total": np.zeros(1)}, {}))
    assert keeper.path.exists()


def test_where_it_cannot_be_kept_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="it cannot be made"):
        KeptTraining(tmp_path / "gone", ["run"]).write(Interruption({"total": np.zeros(1)}, {}))


@pytest.mark.parametrize("size", [1, 5, 16])
def test_an_order_that_skips_goes_on_as_one_that_took(size: int) -> None:
    for count in (0, 1, size - 1, size, size + 1, 3 * size, 37):
        took, skipped = ExampleOrder(3, size), ExampleOrder(3, size)
        took.take(count)
        skipped.skip(count)
        np.testing.assert_array_equal(took.take(50), skipped.take(50))


def test_a_run_goes_on_and_its_file_goes_with_its_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a worker and its driver do it; checkpoints of before and after the interruption are those of one training."""
    from syntagma.sweep.execution import _Sweep
    from syntagma.sweep.workers import Outcome

    run = a_run().model_copy(update={"training": TRAINING, "checkpoints": 4})
    alone = Runner(tmp_path / "alone").execute([run])[0]
    there = tmp_path / "there"
    with Store.create(there) as store:
        monkeypatch.setattr(runs, "KeptTraining", Mortal)
        monkeypatch.setattr(Mortal, "lives", 9)
        with pytest.raises(Killed):
            Runner(there).execute([run])
        assert [path.name for path in (there / "training").iterdir()] == [f"{run.id()}.safetensors"]
        monkeypatch.setattr(runs, "KeptTraining", KeptTraining)
        result = Runner(there).execute([run])[0]
        sweep: Any = object.__new__(_Sweep)
        sweep._store, sweep._number, sweep._finished, sweep._track = store, 0, lambda run, result: None, None
        sweep._place = type("Place", (), {"check": lambda self: None})()
        sweep._keep([Outcome(run, json.loads(json.dumps(result)))])
        assert store.ids() == {run.id()}
    assert list((there / "training").iterdir()) == []
    assert without_times(result) == without_times(alone)
    files = [{p.name: p.read_bytes() for p in (tmp_path / d).rglob("weights/*/*")} for d in ("alone", "there")]
    assert files[0] == files[1]
    assert len(files[0]) >= 3
