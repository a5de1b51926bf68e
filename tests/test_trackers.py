"""What is stored goes to trackers too; each is read back with its own library, an extra of its name."""

from __future__ import annotations

import importlib.util
import json
import math
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from quick_runs import WORK, QuickRun, missing, result_of
from syntagma.errors import InputError
from syntagma.sweep.execution import execute
from syntagma.sweep.store import Store
from syntagma.sweep.trackers import NAMES, TrackedRun, check_tracker, tracking
from test_cli import refused

__all__ = ["refused"]

RUNS = [QuickRun(number) for number in range(3)]
NAN = {"square": math.nan, "stopped": "diverged", "best_step": 2, "history": [{"step": 1, "loss": 0.5, "x": math.nan}]}


def needs(name: str) -> Any:
    missing = [library for library in LIBRARIES[name] if importlib.util.find_spec(library) is None]
    return pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(missing)}: pip install 'syntagma[{name}]'")


LIBRARIES = {"tensorboard": ["tensorboard"], "wandb": ["wandb"], "mlflow": ["mlflow", "sqlalchemy", "alembic"]}
quiet = pytest.mark.filterwarnings("ignore")
"""Of what the libraries do at their import."""

Read = dict[str, dict[str, Any]]
"""Of each run by its id: settings, metrics, history, each by name."""


def read_tensorboard(place: Path) -> Read:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams import plugin_data_pb2

    found = {}
    for directory in place.iterdir():
        events = EventAccumulator(str(directory)).Reload()
        data = plugin_data_pb2.HParamsPluginData.FromString(
            events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
        )
        hparams = data.session_start_info.hparams
        settings = {name: getattr(value, value.WhichOneof("kind")) for name, value in hparams.items()}
        scalars = {
            tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]
        }
        found[directory.name] = _read(settings, scalars)
    return found


def read_wandb(place: Path) -> Read:
    from wandb.proto.wandb_internal_pb2 import Record

    def records(data: bytes) -> Any:
        """The file is a log in blocks of 32 KiB; each part has its checksum, length and kind before it."""
        at, whole = 7, b""
        while at < len(data):
            if 2**15 - at % 2**15 < 7:
                at += 2**15 - at % 2**15
                continue
            _, length, kind = struct.unpack("<IHB", data[at : at + 7])
            whole += data[at + 7 : at + 7 + length]
            at += 7 + length
            if kind in (1, 4):
                yield Record.FromString(whole)
                whole = b""

    found = {}
    for directory in place.iterdir():
        (file,) = directory.glob("*.wandb")
        settings, metrics, scalars, identity = {}, {}, {}, ""
        for record in records(file.read_bytes()):
            if record.HasField("run"):
                identity = record.run.run_id
                settings = {
                    one.key: json.loads(one.value_json) for one in record.run.config.update if one.key != "_wandb"
                }
            for one in record.summary.update:
                metrics[one.key or "/".join(one.nested_key)] = json.loads(one.value_json)
            row = {one.key or "/".join(one.nested_key): json.loads(one.value_json) for one in record.history.item}
            for name in row:
                if name.startswith("history/"):
                    scalars.setdefault(name, []).append((record.history.step.num, row[name]))
        own = {name: value for name, value in metrics.items() if name[0] != "_" and "/" not in name}
        own = {name: math.nan if value is None else value for name, value in own.items()}  # JSON has no NaN
        found[identity] = _read(settings, {**scalars, **{name: [(None, value)] for name, value in own.items()}})
    return found


def read_mlflow(place: Path) -> Read:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{place / 'mlflow.db'}")
    found = {}
    for experiment in client.search_experiments():
        for run in client.search_runs([experiment.experiment_id]):
            scalars = {
                name: [(one.step, one.value) for one in client.get_metric_history(run.info.run_id, name)]
                for name in run.data.metrics
            }
            found[run.data.tags["syntagma.run"]] = _read(run.data.params, scalars)
    return found


def _read(settings: dict[str, Any], scalars: dict[str, list[tuple[int | None, float]]]) -> dict[str, Any]:
    return {
        "settings": settings,
        "metrics": {name: values[-1][1] for name, values in scalars.items() if "/" not in name},
        "history": {name: values for name, values in scalars.items() if "/" in name},
    }


READ: dict[str, Callable[[Path], Read]] = {"tensorboard": read_tensorboard, "wandb": read_wandb, "mlflow": read_mlflow}


def as_number(value: Any) -> Any:
    """A setting, which some trackers keep as text."""
    try:
        return float(value)
    except ValueError:
        return value


@quiet
@pytest.mark.slow
@pytest.mark.parametrize("name", [pytest.param(name, marks=needs(name)) for name in NAMES])
def test_every_stored_run_is_in_the_tracker(tmp_path: Path, name: str) -> None:
    """Those stored before, those done now and a diverged one; each once, whole, and nothing else is left."""
    said: list[str] = []
    place = tmp_path / "tracking" / name
    with Store.create(tmp_path) as store:
        store.record_run(RUNS[0].config(), result_of(0))
        diverged = store.record_run({**QuickRun(9).config(), "long": "x" * 1000}, NAN)
        with tracking(name, store, "quick", said.append) as track:
            assert said == []
            assert set(READ[name](place)) == {RUNS[0].id(), diverged}
            execute(lambda: missing(store, RUNS[:2]), store, 1, lambda *_: None, work=WORK, track=track)
        with tracking(name, store, "quick", said.append) as track:
            execute(lambda: missing(store, RUNS), store, 1, lambda *_: None, work=WORK, track=track)
        stored = {identity: TrackedRun.stored(store, identity, "quick") for identity in store.ids()}
    found = READ[name](place)
    assert said == []
    assert set(found) == {run.id() for run in RUNS} | {diverged}
    for run in RUNS:
        read, number = found[run.id()], run.number
        assert {key: as_number(value) for key, value in read["settings"].items()} == run.config()
        assert read["metrics"] == pytest.approx({"square": number**2, "third": number / 3}, rel=1e-6)
        ((key, values),) = read["history"].items()
        assert key == "history/loss"
        assert [step for step, _ in values] == list(range(5))
        assert [value for _, value in values] == pytest.approx([1 / (step + 1) for step in range(5)], rel=1e-6)
    assert math.isnan(found[diverged]["metrics"]["square"])
    assert found[diverged]["history"] == {"history/loss": [(1, 0.5)]}
    assert stored[diverged].best_step == 2
    assert not [path for path in place.iterdir() if path.name.startswith(".syntagma")]


def test_trouble_with_a_tracker_stops_no_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said once; what the tracker missed it is given by the next command."""
    monkeypatch.setattr("syntagma.sweep.trackers.tracker.check_tracker", lambda name: None)
    fakes = Fakes()
    monkeypatch.setitem(sys.modules, "syntagma.sweep.trackers.tensorboard_files", fakes)
    said: list[str] = []
    with Store.create(tmp_path) as store:
        fakes.left = 1
        with tracking("tensorboard", store, "quick", said.append) as track:
            execute(lambda: missing(store, RUNS), store, 1, lambda *_: None, work=WORK, track=track)
        assert len(store.ids()) == 3
        assert len(fakes.recorded) == 1
        (line,) = said
        assert line == (
            "tensorboard gets no more runs (OSError: no space is left); they are stored all the same, and the next "
            "command takes them there"
        )
        fakes.left = 10
        with tracking("tensorboard", store, "quick", said.append):
            pass
        assert sorted(fakes.recorded) == sorted(store.ids())
        assert len(said) == 1


class Fakes:
    """A module whose tracker has room for `left` runs."""

    def __init__(self) -> None:
        self.left, self.recorded = 0, []

    def TensorBoardFiles(self, place: Path) -> Fakes:
        assert place.is_dir()
        return self

    def tracked(self) -> set[str]:
        return set(self.recorded)

    def record(self, run: TrackedRun) -> None:
        if not self.left:
            raise OSError("no space\nis left.")
        self.left -= 1
        self.recorded.append(run.id)

    def close(self) -> None:
        raise OSError("closed already")


def test_a_tracker_that_is_not_there_is_refused_before_anything_is_made(
    refused: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syntagma.sweep.trackers.tracker.find_spec", lambda name: None)
    for name in NAMES:
        with pytest.raises(InputError, match=rf"^track='{name}' cannot be used: .* is not installed\. Install it with"):
            check_tracker(name)
    with pytest.raises(InputError, match="Did you mean 'tensorboard'"):
        check_tracker("tensorbord")
    out = tmp_path / "results"
    assert "track='mlfow' is unknown" in refused("run", "scaling-laws", "--track", "mlfow", "--out", str(out))
    assert "track='wandb' cannot" in refused("fit", "--track", "wandb", "--out", str(out))
    assert "there is no place for results" in refused("fit", "--track", "wandb")
    assert not out.exists()
