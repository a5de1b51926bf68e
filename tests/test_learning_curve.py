"""A curve in one call: the same numbers as runs one by one, stored runs used again, refusals."""

from __future__ import annotations

from pathlib import Path

import pytest

from syntagma import (
    Counter,
    HierarchicalCNN,
    HierarchySettings,
    InputError,
    LastToken,
    RandomHierarchy,
    Store,
    Training,
    learning_curve,
)
from syntagma.sweep.runs import Run, Runner

LANGUAGE = HierarchySettings(vocab=4, rules=2, branching=2, depth=2, seed=5)
TRAINING = Training(max_steps=20)


def test_a_curve_is_its_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learner = HierarchicalCNN(width=8)
    how = {"training": TRAINING, "test_examples": 64}
    with Store.create(tmp_path) as store:
        curve = learning_curve(LANGUAGE, LastToken(), learner, [32, 16], [2, 0], store, **how)
        assert curve.num_examples.tolist() == [16, 32]
        assert set(curve.seeds) == {0, 2}
        run = Run(
            language=LANGUAGE.model_copy(update={"seed": 7}), task=LastToken(), learner=learner, training=TRAINING,
            num_examples=32, test_examples=64, seed=2,
        )  # fmt: skip
        alone = Runner().execute([run])[0]["test_loss"]
        assert curve.losses[curve.seeds.index(2), 1] == pytest.approx(alone, rel=1e-5)
        assert len(store.ids()) == 4
        assert run.id() in store.ids()
        monkeypatch.setattr(Runner, "execute", lambda *_: pytest.fail("all is stored"))
        again = learning_curve(LANGUAGE, LastToken(), learner, [32, 16], [2, 0], store, **how)
        assert (again.losses == curve.losses).all()


def test_learners_that_are_solved_need_no_training() -> None:
    curve = learning_curve(LANGUAGE, LastToken(), Counter(), [64, 1024], 2, test_examples=256)
    assert curve.losses.shape == (2, 2)
    assert curve.losses[:, 1].mean() < curve.losses[:, 0].mean()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"sizes": []}, "sizes="),
        ({"sizes": [0]}, "num_examples"),
        ({"seeds": 0}, "seeds=0"),
        ({"seeds": []}, "seeds="),
        ({"metric": "loss"}, "metric='loss'"),
        ({"language": RandomHierarchy(4, 2, 2, 2, seed=0)}, "HierarchySettings"),
    ],
)
def test_what_cannot_be_is_one_line(change: dict, says: str) -> None:
    given = {"language": LANGUAGE, "task": LastToken(), "learner": Counter(), "sizes": [8], "seeds": 1} | change
    with pytest.raises(InputError, match=says) as caught:
        learning_curve(**given, test_examples=32)
    assert "\n" not in str(caught.value)
