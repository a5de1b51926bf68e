"""The store keeps what it was given, once, for several processes, and says in one line what is wrong with a file."""

from __future__ import annotations

import json
import math
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syntagma.errors import InputError
from syntagma.sweep.database import APPLICATION_ID
from syntagma.sweep.identity import canonical_text, flatten
from syntagma.sweep.store import Store, environment, run_id

RUN = {
    "language": {"vocab": 8, "rules": 4, "rule_probabilities": None},
    "learner": {"kind": "cnn", "widths": [64, 64]},
    "num_examples": 1000,
    "learning_rate": 0.1,
    "seed": 3,
}
RESULT = {
    "best_test_loss": 1.25,
    "steps": 512,
    "history": [{"step": 1, "test_loss": 2.0}, {"step": 512, "test_loss": 1.25}],
}

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


# ---- identity


@given(config=st.dictionaries(st.text(), json_values, max_size=5), data=st.data())
def test_id_ignores_the_order_of_keys_and_sees_every_value(config, data):
    shuffled = dict(data.draw(st.permutations(list(config.items()))))
    assert run_id(shuffled) == run_id(config)
    assert run_id({**config, "one more": 0}) != run_id(config) or "one more" in config
    assert json.loads(canonical_text(config)) == config  # the text holds all of it, floats to the last bit


def test_id_is_a_golden_number():
    assert canonical_text({"b": "é", "a": (1, 0.1)}) == '{"a":[1,0.1],"b":"é"}'
    assert run_id({"b": "é", "a": (1, 0.1)}) == "38fe0f4522fbad135142"  # of that text in UTF-8, by `sha256sum`


def test_id_takes_numpy_and_one_zero():
    assert run_id({"a": np.int64(3), "b": np.array([1.5, 2.5])}) == run_id({"a": 3, "b": [1.5, 2.5]})
    assert run_id({"a": -0.0}) == run_id({"a": 0.0})
    assert run_id({"a": 1}) != run_id({"a": 1.0})


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_id_refuses_numbers_that_equal_nothing(bad):
    with pytest.raises(InputError, match=r"configuration\.learner\.rates\[1\]=.*finite"):
        run_id({"learner": {"rates": [1.0, bad]}})


@pytest.mark.parametrize("bad", [{"a": object()}, {"a": {1, 2}}, {1: "a"}, {"a": b"bytes"}])
def test_id_refuses_what_is_no_json(bad):
    with pytest.raises(InputError):
        run_id(bad)


# ---- recording and reading


def test_a_run_comes_back_as_it_went_in(tmp_path):
    with Store.create(tmp_path / "results") as store:
        identity = store.record_run(RUN, RESULT)
        assert identity == run_id(RUN)
        assert store.has(identity)
        assert not store.has(run_id({**RUN, "seed": 4}))
        row = store.runs().iloc[0]
        assert row["id"] == identity
        assert row["language.vocab"] == 8
        assert row["learner.kind"] == "cnn"
        assert row["learner.widths"] == (64, 64)
        assert row["best_test_loss"] == 1.25
        assert row["steps"] == 512
        assert row["language.rule_probabilities"] is None
        pd.testing.assert_frame_equal(store.history(identity), pd.DataFrame(RESULT["history"]))
        (kept,) = store.environments().values()
        assert kept == environment()


def test_the_first_result_stays(tmp_path):
    with Store.create(tmp_path) as store:
        store.record_run(RUN, RESULT)
        store.record_run(RUN, {"best_test_loss": 9.0})
        assert list(store.runs()["best_test_loss"]) == [1.25]
        store.record_fact("s", {"seed": 3}, {"plateaus": [2.0, 1.0]})
        store.record_fact("s", {"seed": 3}, {"plateaus": [0.0]})
        store.record_fact("s", {"seed": 4}, {"plateaus": []})
        store.record_fact("t", {"seed": 3}, {"plateaus": [5.0]})
        assert store.facts("s") == [({"seed": 3}, {"plateaus": [2.0, 1.0]}), ({"seed": 4}, {"plateaus": []})]


def test_runs_of_different_shape_share_a_table(tmp_path):
    other = {"language": {"vocab": 3}}
    with Store.create(tmp_path) as store:
        store.record_run(RUN, RESULT)
        store.record_run(other, {"accuracy": math.nan, "loss": math.inf})
        table = store.runs()
        assert math.isnan(table["accuracy"].iloc[0])
        assert math.isinf(table["loss"].iloc[1])
        assert list(table["language.vocab"]) == [8, 3]
        assert store.ids() == {run_id(other), run_id(RUN)} == set(table["id"])
        assert list(store.runs([run_id(other)])["id"]) == [run_id(other)]
        assert store.results([run_id(RUN)]) == {run_id(RUN): {"best_test_loss": 1.25, "steps": 512}}
        assert store.history(run_id(other)).empty
        assert list(store.runs([]).columns) == ["id", "finished_at", "environment"]


def test_empty_store_has_empty_tables(tmp_path):
    with Store.create(tmp_path) as store:
        assert store.runs().empty
        assert store.commands().empty
        assert store.facts("s") == []
        store.export(tmp_path / "runs.csv")
        assert (tmp_path / "runs.csv").read_text().startswith("id,finished_at")


def test_commands_say_what_and_how_long(tmp_path):
    with Store.create(tmp_path) as store:
        number = store.record_command(
            "scaling-laws", "quick", {"rules": [2, 4]}, ["/somewhere/bin/syntagma", "run", "a/b"]
        )
        store.record_command("scaling-laws", None, {}, ["syntagma"])
        store.finish_command(number)
        table = store.commands()
    assert table["argv"].tolist() == [["syntagma", "run", "a/b"], ["syntagma"]]
    assert table["settings"].tolist() == [{"rules": [2, 4]}, {}]
    seconds = table["seconds"].tolist()
    assert 0 <= seconds[0] < 60
    assert math.isnan(seconds[1])


def test_environment_names_no_computer():
    text = json.dumps(environment())
    assert os.uname().nodename not in text
    assert str(Path.home()) not in text
    assert "/" not in environment()["machine"]["platform"]
    assert environment()["versions"]["numpy"] == np.__version__


def test_results_may_not_hide_the_configuration(tmp_path):
    with Store.create(tmp_path) as store:
        with pytest.raises(InputError, match="seed"):
            store.record_run(RUN, {"seed": 1})
        with pytest.raises(InputError, match="finished_at"):
            store.record_run(RUN, {"finished_at": 1})
        with pytest.raises(InputError, match="history"):
            store.record_run(RUN, {"history": [1, 2]})
        assert store.runs().empty
        with pytest.raises(InputError, match="no stored run"):
            store.history("0" * 20)


@given(
    nested=st.dictionaries(st.sampled_from("abc"), st.dictionaries(st.sampled_from("xyz"), st.integers()), max_size=3)
)
def test_flatten_keeps_every_leaf(nested):
    flat = flatten(nested)
    assert flat == {f"{outer}.{inner}": value for outer, leaves in nested.items() for inner, value in leaves.items()}


# ---- export


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_export_reads_back(tmp_path, suffix):
    with Store.create(tmp_path) as store:
        for seed in range(3):
            probabilities = [None, 1.5, [0.5, 0.5]][seed]  # a column of mixed type
            run = {**RUN, "seed": seed, "language": {"vocab": 8, "rule_probabilities": probabilities}}
            store.record_run(run, {**RESULT, "best_test_loss": 1 / 3 + seed})
        store.export(tmp_path / f"runs{suffix}")
    table = pd.read_csv(tmp_path / "runs.csv") if suffix == ".csv" else pd.read_parquet(tmp_path / "runs.parquet")
    assert list(table["best_test_loss"]) == [1 / 3, 4 / 3, 1 / 3 + 2]  # to the last bit
    assert list(table["seed"]) == [0, 1, 2]
    assert table["learner.widths"].map(json.loads).tolist() == [[64, 64]] * 3
    assert table["language.rule_probabilities"].iloc[1:].map(json.loads).tolist() == [1.5, [0.5, 0.5]]
    assert set(table["versions.numpy"]) == {np.__version__}


def test_failed_export_leaves_the_old_file(tmp_path, monkeypatch):
    target = tmp_path / "runs.csv"
    target.write_text("old")
    with Store.create(tmp_path / "results") as store:
        store.record_run(RUN, RESULT)

        def full(self, path, **_):
            Path(path).write_text("half")
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(pd.DataFrame, "to_csv", full)
        with pytest.raises(InputError, match="no space left"):
            store.export(target)
        assert target.read_text() == "old"
        assert {entry.name for entry in tmp_path.iterdir()} == {"runs.csv", "results"}
        for bad in (tmp_path / "runs.xlsx", tmp_path / "missing" / "runs.parquet", tmp_path / "results" / ".csv"):
            with pytest.raises(InputError):
                store.export(bad)


# ---- several processes

_WRITER = """
import sys
from syntagma.sweep.store import Store
with Store.create(sys.argv[1]) as store:
    for seed in range(40):
        store.record_run({"writer": int(sys.argv[2]) * (seed % 2), "seed": seed}, {"loss": 1.0})
"""


def test_several_processes_create_and_write_one_file(tmp_path):
    command = [sys.executable, "-c", _WRITER, str(tmp_path / "results")]
    writers = [subprocess.Popen([*command, str(number)], stderr=subprocess.PIPE) for number in range(3)]
    assert [(writer.communicate()[1], writer.returncode) for writer in writers] == [(b"", 0)] * 3
    with Store.open(tmp_path / "results") as store:
        assert len(store.runs()) == 20 + 3 * 20  # the even seeds are the same runs for all three
        assert len(store.environments()) == 1
    assert [entry.name for entry in (tmp_path / "results").iterdir()] == ["results.sqlite"]


def test_an_interrupted_transaction_leaves_nothing(tmp_path, monkeypatch):
    with Store.create(tmp_path) as store:

        def interrupt(connection):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(store, "_here", interrupt)
            with pytest.raises(KeyboardInterrupt):
                store.record_run(RUN, RESULT)
        assert store.runs().empty
        store.record_run(RUN, RESULT)  # the lock is free again
        assert len(store.runs()) == 1


def test_a_killed_writer_loses_nothing_finished(tmp_path):
    script = _WRITER.replace("range(40)", "range(5)") + "    import os; os._exit(9)\n"
    assert subprocess.run([sys.executable, "-c", script, str(tmp_path), "1"]).returncode == 9
    assert (tmp_path / "results.sqlite-wal").stat().st_size > 0
    with Store.open(tmp_path, read_only=True) as store:
        assert len(store.runs()) == 5


# ---- reading only


@contextmanager
def anybody() -> Iterator[None]:
    """Without root's right to write everywhere."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.fixture
def locked() -> Iterator[Path]:
    """A results directory and file without write permission."""
    place = Path(tempfile.mkdtemp())
    place.chmod(0o755)  # pytest's own directories are closed to other users
    with Store.create(place / "results") as store:
        store.record_run(RUN, RESULT)
    (place / "results" / "results.sqlite").chmod(0o444)
    (place / "results").chmod(0o555)
    yield place / "results"
    (place / "results").chmod(0o755)
    shutil.rmtree(place)


def test_read_only_directory_can_be_read_but_not_written(locked):
    with anybody():
        with Store.open(locked, read_only=True) as store:
            assert len(store.runs()) == 1
            with pytest.raises(InputError, match="read-only"):
                store.record_run({**RUN, "seed": 9}, RESULT)
        for attempt in (Store.open, Store.create):
            with pytest.raises(InputError, match="cannot be written"):
                attempt(locked)
        with pytest.raises(InputError, match="cannot be made: permission denied"):
            Store.create(locked / "further")
    assert [entry.name for entry in locked.iterdir()] == ["results.sqlite"]


def test_log_that_cannot_be_replayed_is_not_passed_over(locked):
    locked.chmod(0o755)
    (locked / "results.sqlite-wal").write_bytes(b"x" * 100)
    locked.chmod(0o555)
    with anybody(), pytest.raises(InputError, match=r"log results\.sqlite-wal has entries"):
        Store.open(locked, read_only=True)


def test_reading_leaves_no_trace(tmp_path):
    with Store.create(tmp_path) as store:
        store.record_run(RUN, RESULT)
    before = (tmp_path / "results.sqlite").read_bytes()
    with Store.open(tmp_path, read_only=True) as store:
        assert store.has(run_id(RUN))
    assert [entry.name for entry in tmp_path.iterdir()] == ["results.sqlite"]
    assert (tmp_path / "results.sqlite").read_bytes() == before


# ---- what can be wrong with a file


def _foreign(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE runs (id TEXT)")


def _newer(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(f"PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version=99; CREATE TABLE t (a)")


def _truncated(file: Path) -> None:
    _valid(file)
    file.write_bytes(file.read_bytes()[:8192])


def _scrambled(file: Path) -> None:
    _valid(file)
    content = bytearray(file.read_bytes())
    content[4096 * 2 + 0 : 4096 * 4] = b"\xa5" * 8192
    file.write_bytes(content)


def _without_table(file: Path) -> None:
    _valid(file)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("DROP TABLE runs")


def _valid(file: Path) -> None:
    with Store.create(file) as store:
        for seed in range(200):
            store.record_run({**RUN, "seed": seed}, RESULT)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (_foreign, "another program made it"),
        (_newer, "version 99.*newer syntagma"),
        (_truncated, "damaged"),
        (_scrambled, "damaged"),
        (lambda file: file.write_text("id,loss\n1,2\n" * 100), "not a file of results"),
        (lambda file: file.write_bytes(b""), "another program"),
        (lambda file: file.mkdir(), "."),
    ],
)
@pytest.mark.parametrize("read_only", [False, True])
def test_bad_files_get_one_line_that_names_them(tmp_path, make, says, read_only):
    file = tmp_path / "results.sqlite"
    make(file)
    before = file.read_bytes() if file.is_file() else None
    with pytest.raises(InputError, match=says) as raised:
        Store.open(tmp_path, read_only=read_only)
    assert "\n" not in str(raised.value)
    assert str(file) in str(raised.value)
    with pytest.raises(InputError):
        Store.create(tmp_path)
    assert before is None or file.read_bytes() == before


def test_missing_things_are_named(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        Store.open(tmp_path)
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "further"):
        with pytest.raises(InputError, match="a file is in the place of its directory"):
            Store.create(place)
    with pytest.raises(InputError):
        Store.open(tmp_path / "file")
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_altered_content_is_said_not_shown_as_results(tmp_path):
    _without_table(tmp_path / "results.sqlite")
    with Store.open(tmp_path) as store, pytest.raises(InputError, match="missing or altered"):
        store.runs()
    shutil.rmtree(tmp_path)
    with Store.create(tmp_path) as store:
        store.record_run(RUN, RESULT)
    for text, says in (("not json", "not JSON"), ("[1]", "holds a list")):
        with closing(sqlite3.connect(tmp_path / "results.sqlite", isolation_level=None)) as connection:
            connection.execute("UPDATE runs SET config = ?", (text,))
        with Store.open(tmp_path, read_only=True) as store, pytest.raises(InputError, match=says):
            store.runs()


def test_busy_file_is_waited_for_then_named(tmp_path, monkeypatch):
    monkeypatch.setattr("syntagma.sweep.database.BUSY_SECONDS", 0.1)
    with Store.create(tmp_path) as store, closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(InputError, match="another process held it"):
            store.record_run(RUN, RESULT)
        other.execute("ROLLBACK")
        store.record_run(RUN, RESULT)


def test_import_is_light():
    heavy = ("jax", "pandas", "pyarrow", "numpy")
    script = f"import sys, syntagma.sweep.store; print([name for name in {heavy} if name in sys.modules])"
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "[]"
