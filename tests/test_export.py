"""Exported tables: whole numbers stay whole, cells that hold JSON hold valid JSON, and no text acts as a formula."""

from __future__ import annotations

import csv
import json
import math
import os
import stat
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from syntagma.errors import InputError
from syntagma.languages import RandomHierarchy
from syntagma.sweep.environment import environment
from syntagma.sweep.export import json_cell, write_table
from syntagma.sweep.store import Store

RUNS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"seed": 2**62, "limit": 4, "mixed": 1, "flag": True, "sizes": [1, 2]}, {"loss": 0.1, "steps": 2**53 + 1}),
    ({"seed": 2**62 + 1, "limit": None, "mixed": 0.5, "flag": None}, {"loss": math.inf, "losses": [1.0, math.nan]}),
    ({"seed": 3, "limit": 5, "mixed": None, "name": "=1+1", "@name": "-x"}, {"loss": math.nan, "losses": [-math.inf]}),
]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    with Store.create(tmp_path / "results") as store:
        for config, result in RUNS:
            store.record_run(config, result)
        store.export(tmp_path / "runs.csv")
        store.export(tmp_path / "runs.parquet")
    return tmp_path


def strict(text: str) -> Any:
    """JSON as the standard has it: without NaN and Infinity."""

    def refuse(name: str) -> None:
        raise ValueError(name)

    return json.loads(text, parse_constant=refuse)


def test_csv_holds_every_value(place: Path):
    with (place / "runs.csv").open(newline="") as stream:
        first, second, third = csv.DictReader(stream)
    assert [row["seed"] for row in (first, second, third)] == [str(2**62), str(2**62 + 1), "3"]
    assert [row["limit"] for row in (first, second, third)] == ["4", "", "5"]
    assert [row["steps"] for row in (first, second, third)] == [str(2**53 + 1), "", ""]
    assert [row["mixed"] for row in (first, second, third)] == ["1.0", "0.5", ""]
    assert [row["flag"] for row in (first, second, third)] == ["True", "", ""]
    assert [row["loss"] for row in (first, second, third)] == ["0.1", "inf", ""]
    assert strict(first["sizes"]) == [1, 2]
    assert strict(second["losses"]) == [1.0, None]
    assert strict(third["losses"]) == [-math.inf]
    assert third["name"] == "'=1+1"
    assert third["'@name"] == "'-x"
    assert first["settings.enable_x64"] == str(environment()["settings"]["enable_x64"])
    assert "environment" not in first


def test_parquet_holds_every_value_with_its_type(place: Path):
    table = pd.read_parquet(place / "runs.parquet")
    assert table["seed"].tolist() == [2**62, 2**62 + 1, 3]
    assert table["limit"].dtype == table["steps"].dtype == "Int64"
    assert table["limit"].tolist() == [4, pd.NA, 5]
    assert table["steps"].tolist()[0] == 2**53 + 1
    assert table["mixed"].tolist()[:2] == [1.0, 0.5]
    assert strict(table["losses"].iloc[1]) == [1.0, None]
    assert table["name"].iloc[2] == "=1+1"  # no spreadsheet opens it
    assert "@name" in table


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@a", "\t=1", "\r=1"])
def test_no_cell_of_text_is_a_formula(tmp_path: Path, text: str):
    write_table(pd.DataFrame({text: [text, "1-1", "a=b"], "n": [-1.5, 2.0, 3.0]}), tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(newline="") as stream:
        header, first, second, third = csv.reader(stream)
    harmless = f"'{text}".replace("\r", "\n")
    assert header == [harmless, "n"]
    assert first == [harmless, "-1.5"]
    assert (second[0], third[0]) == ("1-1", "a=b")


def test_cells_of_json_are_json():
    value = {"a": (1, math.nan, -math.inf, True, None), "é": [{"b": "x"}, math.inf]}
    assert strict(json_cell(value)) == {"a": [1, None, -math.inf, True, None], "é": [{"b": "x"}, math.inf]}


def test_all_files_have_the_mode_that_the_user_wants(tmp_path: Path):
    before = os.umask(0o027)
    try:
        with Store.create(tmp_path / "results") as store:
            store.record_run({"seed": 0}, {})
            store.export(tmp_path / "runs.csv")
            store.export(tmp_path / "runs.parquet")
        RandomHierarchy(vocab=4, rules=2, branching=2, depth=2, seed=0).save(tmp_path / "grammar.json")
    finally:
        os.umask(before)
    for name in ("runs.csv", "runs.parquet", "results/results.sqlite", "grammar.json"):
        file = tmp_path / name
        assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_an_export_of_nothing_and_of_another_kind(tmp_path: Path):
    with Store.create(tmp_path) as store:
        store.export(tmp_path / "a.parquet")
        assert len(pd.read_parquet(tmp_path / "a.parquet")) == 0
        with pytest.raises(InputError, match=r"its ending must be \.csv or \.parquet"):
            store.export(tmp_path / "a.txt")
