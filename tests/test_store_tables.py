"""Tables of many runs: the fast way reads what the plain way reads, a page at a time or all, and keeps types."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syntagma.sweep import reading
from syntagma.sweep.flat_runs import FlatRuns
from syntagma.sweep.identity import canonical_text, flatten, run_id
from syntagma.sweep.run_rows import StoredRun
from syntagma.sweep.store import Store

whole = st.sampled_from([0, 1, 7, 10**17, 10**17 + 1, 10**18 - 1, 10**18, 2**63 - 1, -1, -(2**63)])
leaves = (
    st.none()
    | st.booleans()
    | whole
    | st.sampled_from([0.5, 1e300, 5.0, -0.0])
    | st.sampled_from(["", "a", '":7,', '":7}', '\\":100000000000000000,', "é\n", "\x00", "0"])
)
names = st.sampled_from(["seed", "a", "b", "", "a.b", '":1', "kind", "id"])
configs = st.dictionaries(
    names,
    st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3)),
    max_size=5,
)


def with_numbers(value: Any, numbers: Any) -> Any:
    """The same configuration with other whole numbers."""
    if isinstance(value, dict):
        return {name: with_numbers(inner, numbers) for name, inner in value.items()}
    if isinstance(value, list):
        return [with_numbers(inner, numbers) for inner in value]
    return next(numbers) if type(value) is int else value


@given(bases=st.lists(configs, min_size=1, max_size=3), data=st.data())
def test_texts_that_differ_in_numbers_only_are_read_as_each_alone(bases, data):
    fast = FlatRuns()
    for _ in range(3):
        for base in bases:
            config = with_numbers(base, iter(lambda: data.draw(whole), None))
            row = StoredRun.written(config, {"loss": 0.5, "n": {"m": [1, 2]}}, "", "")
            found = fast.read(row)
            plain = flatten(json.loads(canonical_text(config)))
            assert repr(list(found.config.items())) == repr(list(plain.items()))
            assert found.result == {"loss": 0.5, "n.m": (1, 2)}
            assert found.id == run_id(config)


def test_the_fast_way_is_taken(monkeypatch: pytest.MonkeyPatch):
    """Once texts of one shape were seen to differ in two numbers, others that differ in these only are not parsed."""
    fast = FlatRuns()

    def shape_of(config: dict[str, Any]) -> Any:
        return fast.read(StoredRun.written(config, {}, "", "")).shape

    for seed in range(2):
        shape_of({"language": {"seed": seed, "rules": 3}, "seed": seed})
    shape_of({"layers": [{"width": 4}], "seed": 0})
    monkeypatch.setattr("syntagma.sweep.flat_runs.flatten", None)
    shapes = {shape_of({"language": {"seed": seed, "rules": 3}, "seed": 10 * seed}) for seed in range(2, 5)}
    (shape,) = shapes
    assert shape.names == ("language.rules", "language.seed", "seed")
    assert shape.places == (1, 2)
    monkeypatch.undo()
    for seed in range(12):  # a number in a list of mappings has no column of its own
        config = {"layers": [{"width": 4}], "seed": seed}
        assert fast.read(StoredRun.written(config, {}, "", "")).config == {"layers": ({"width": 4},), "seed": seed}


@pytest.fixture
def store(tmp_path: Path):
    with Store.create(tmp_path) as store:
        for seed in range(20):
            config = {"seed": seed, "limit": seed if seed % 2 else None, "learner": {"kind": "cnn", "width": 4}}
            if seed % 5 == 0:
                config |= {"id": 1, "extra": {"name": "x", "sizes": [1, [2]]}}
            result = {"loss": math.nan if seed == 3 else seed / 7, "ok": True}
            store.record_run(config, result | ({"stopped": "steps", "best": seed} if seed % 3 else {}))
        yield store


def test_a_table_has_every_value_in_its_column_with_its_type(store: Store):
    table = store.runs()
    assert table.columns.tolist()[0] == "id"
    assert table.columns.tolist()[-2:] == ["finished_at", "environment"]
    assert table["seed"].tolist() == list(range(20))
    assert table["seed"].dtype == "int64"
    assert table["ok"].dtype == "bool"
    assert table["loss"].dtype == "float64"
    assert repr(table["limit"].tolist()) == repr([seed if seed % 2 else None for seed in range(20)])
    assert repr(table["best"].tolist()) == repr([seed if seed % 3 else None for seed in range(20)])
    assert table["extra.sizes"].tolist() == [(1, (2,)) if seed % 5 == 0 else None for seed in range(20)]
    assert table["id"].tolist() == list(store.results())  # no configuration hides the id
    for row in table.to_dict("records"):
        config = flatten(store.config(row["id"])) | store.results([row["id"]])[row["id"]]
        del row["id"], row["finished_at"], row["environment"]
        assert all(repr(row[name]) == repr(value) for name, value in config.items() if name != "id")


def test_shapes_that_take_turns_and_rates_that_differ_keep_their_rows(tmp_path: Path):
    rates = [0.1 * k for k in range(12)]
    configs = [{"seed": seed, "rate": rate, "w1": 2} for seed in range(3) for rate in rates]
    configs[5]["w2"] = configs[5].pop("w1")  # the same text without digits
    with Store.create(tmp_path) as store:
        for config in configs:
            store.record_run(config, {"loss": config["seed"] + config["rate"]})
        table = store.runs()
    assert table["seed"].tolist() == [config["seed"] for config in configs]
    assert table["rate"].tolist() == [config["rate"] for config in configs]
    assert (table["loss"] == table["seed"] + table["rate"]).all()
    assert table["w1"].tolist() == [config.get("w1") for config in configs]
    assert table["w2"].dropna().tolist() == [2]


def test_pages_make_up_the_table_and_read_no_more(store: Store, monkeypatch: pytest.MonkeyPatch):
    whole = store.runs()["id"].tolist()
    pages = [store.runs(limit=8, offset=offset)["id"].tolist() for offset in (0, 8, 16, 24)]
    assert [len(page) for page in pages] == [8, 8, 4, 0]
    assert [name for page in pages for name in page] == whole
    read = []
    monkeypatch.setattr(reading.Reader, "_read", lambda self, kind, places, note=None: iter(read.append(places) or []))
    store.runs(limit=5)
    assert len(read[0]) == 5


def test_only_the_runs_that_are_asked_for_are_read(store: Store):
    ids = list(store.results())
    some = {ids[7], ids[2], "no such run"}
    assert store.runs(some)["id"].tolist() == list(store.results(some)) == [ids[2], ids[7]]
    assert store.runs(some, limit=1, offset=1)["id"].tolist() == [ids[7]]
    assert store.runs([]).empty
    assert store.results([]) == {}


def test_rows_are_fetched_together_in_any_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reading, "_TOGETHER", 3)
    with Store.create(tmp_path) as store:
        for seed in range(7):
            store.record_run({"seed": seed}, {"loss": float(seed)})
        assert store.runs()["seed"].tolist() == list(range(7))
