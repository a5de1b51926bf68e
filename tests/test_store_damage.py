"""A store altered by accident or by hand: nothing wrong is believed, what is left is used, and one line says so."""

from __future__ import annotations

import functools
import json
import math
import random
import shutil
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from syntagma.errors import InputError
from syntagma.sweep import database, rows
from syntagma.sweep.identity import canonical_text, digest, run_id
from syntagma.sweep.reading import Reader
from syntagma.sweep.soundness import SoundHistories
from syntagma.sweep.store import Store
from syntagma.sweep.stored_json import Damaged

RUNS = [
    ({"language": {"vocab": 8, "text": None}, "widths": [4, 4], "seed": seed}, {"test_loss": seed / 3, "steps": seed})
    for seed in range(12)
]
RUNS[5][1]["test_loss"] = math.nan
HISTORY = [{"step": 0, "test_loss": 2.0}, {"step": 8, "test_loss": 1.0}]
FACTS = [({"of": "plateaus", "rules": rules}, {"loss_nats": [2.0, 1.0 / rules]}) for rules in (2, 3)]
SETTINGS = {"rules": [2, 3], "name": "ä"}
NEW = {"seed": 99}
ENVIRONMENT = sys.modules["syntagma.sweep.environment"]  # the package has a function of that name
VERSION_OF = functools.cache(ENVIRONMENT._version)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("good") / "results.sqlite"
    with Store.create(file) as store:
        for config, result in RUNS:
            store.record_run(config, result | {"history": HISTORY})
        for key, value in FACTS:
            store.record_fact("study", key, value)
        store.finish_command(store.record_command("study", "quick", SETTINGS, ["syntagma", "run"]))
        store.record_command("study", None, {}, ["syntagma"])
    return file


@pytest.fixture(autouse=True)
def known_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of packages are read from files each time, a third of the time that an edit takes."""
    monkeypatch.setattr(ENVIRONMENT, "_version", VERSION_OF)


@pytest.fixture
def file(good: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(good, tmp_path / "results.sqlite"))


def content(store: Store) -> dict[str, Any]:
    """All that a store says, by table and name, as text in which NaN equals itself."""
    table = store.runs()
    found: dict[str, Any] = {
        "results": store.results(),
        "configs": {name: store.config(name) for name in store.ids()},
        "rows": {row["id"]: row for row in table.to_dict("records")},
        "histories": {},
        "facts": {canonical_text(key): value for key, value in store.facts("study")},
        "commands": {row["number"]: row for row in store.commands().to_dict("records")},
        "environments": {name: there for name, there in store.environments().items() if there["machine"]},
    }
    for name in store.ids():
        with suppress(InputError):
            found["histories"][name] = store.history(name).to_dict("records")
    with suppress(InputError):
        found["network"] = store.checkpoints(next(iter(store.ids()), ""))
    assert all(isinstance(name, str) for name in store.studies())
    assert isinstance(store.mixed_environments(store.ids(), here=True) + store.mixed_environments(), str)
    return {part: {name: repr(value) for name, value in values.items()} for part, values in found.items()}


def examine(file: Path, truth: dict[str, Any] | None, export: bool = True) -> list[str]:
    """Read all of an altered store and write to it; where `truth` is given, nothing else may come out of it."""
    lines: list[str] = []
    try:
        with Store.open(file, read_only=True) as store:
            lines = store.damage()
            found = content(store)
            if export:
                store.export(file.with_name("runs.csv"))
    except InputError as error:
        lines, found = [*lines, str(error)], {}
    if truth is not None:
        for part, values in found.items():
            assert values.items() <= truth[part].items()
        missing = truth["results"].keys() - found.get("results", {}).keys()
        assert not missing or lines
    try:
        with Store.open(file) as store:
            new = store.record_run(NEW, {"test_loss": 0.5})
            for config, result in RUNS:
                store.record_run(config, result | {"history": HISTORY})  # what is damaged is done again
            ours = {run_id(config): repr(result) for config, result in RUNS} | {new: repr({"test_loss": 0.5})}
            if truth is not None:
                assert {name: repr(result) for name, result in store.results().items()} == ours
    except InputError as error:
        lines = [*lines, str(error)]
    assert all(line.isprintable() for line in lines)
    return lines


def clear(file: Path) -> None:
    """Remove what stands beside the file: a broken one may leave its log."""
    for beside in file.parent.iterdir():
        beside.unlink()


@pytest.fixture(scope="module")
def truth(good: Path) -> dict[str, Any]:
    with Store.open(good, read_only=True) as store:
        assert store.damage() == []
        return content(store)


# ---- random edits

VALUES = (
    *(None, 0, -1, 2**62, 0.5, math.inf, b"", b"\xff\xfe", b"abc", "", "x", "null", "[]", "{}", "[1]", "NaN", "1e400"),
    *(
        '{"a":NaN}',
        '{"test_loss":"x"}',
        '{"test_loss":' + "9" * 400 + "}",
        '{"seed":' + "9" * 5000 + "}",
        "[" * 100_000,
    ),
    *(
        '{"a":' * 60 + "1" + "}" * 60,
        '{"a":"\\ud800"}',
        '{"\\udfff":1}',
        '{"a":1,"a":2}',
        '{"id":"x"}',
        '{"":{"":[[]]}}',
    ),
    *("2026-01-01T00:00:00+00:00", "é" * 10, "a\nb", "\x1b[31m", '{"seed":1}', '{"machine":{},"versions":{}}'),
)


def altered(value: Any, chance: random.Random) -> Any:
    """Another value in the place of `value`: nonsense, or nearly the same."""
    if not isinstance(value, str) or not value or chance.random() < 0.5:
        return chance.choice(VALUES)
    place = chance.randrange(len(value))
    return value[:place] + chance.choice('0123456789.-"{}[],:aé\x00\n') + value[place + chance.randrange(2) :]


def edit(connection: sqlite3.Connection, chance: random.Random, sealed: bool) -> None:
    """Change one cell; if `sealed`, with what is needed to make it look as if it were ours."""
    table = chance.choice(list(database.TABLES))
    columns = [column for _, column, *_ in connection.execute(f"PRAGMA table_info({table})")]
    row = list(chance.choice(connection.execute(f"SELECT rowid, * FROM {table}").fetchall()))
    place = chance.randrange(1, len(row) - (sealed and table != "environments"))
    row[place] = altered(row[place], chance)
    if sealed:
        with suppress(TypeError, ValueError, AttributeError):
            if table == "runs":
                row[1] = digest(row[2])[:20]
            if table == "facts":
                row[2] = digest(row[3])
            if table == "environments":
                row[1] = digest(row[2])[:12]
            else:
                texts = map(repr, row[1:-1]) if table == "commands" else row[1:-1]
                row[-1] = rows.checksum_of(*texts)
    with suppress(sqlite3.Error, OverflowError, UnicodeEncodeError):
        changes = ", ".join(f"{column} = ?" for column in columns)
        connection.execute(f"UPDATE {table} SET {changes} WHERE rowid = ?", (*row[1:], row[0]))


@pytest.mark.parametrize("sealed", [False, True])
def test_edited_cells_are_not_believed(file: Path, good: Path, truth: dict[str, Any], sealed: bool):
    noticed = 0
    for seed in range(200):
        chance = random.Random(seed)
        clear(file)
        shutil.copy(good, file)
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            for _ in range(chance.choice((1, 1, 3))):
                edit(connection, chance, sealed)
        noticed += bool(examine(file, None if sealed else truth, export=not seed % 4))
    assert noticed > (40 if sealed else 160)


def test_damage_is_the_same_whether_texts_are_read_or_looked_at(
    file: Path, good: Path, monkeypatch: pytest.MonkeyPatch
):
    """Of cells that were edited and sealed again, which only reading or counting can tell."""
    different = 0
    for seed in range(100):
        chance = random.Random(seed)
        clear(file)
        shutil.copy(good, file)
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            for _ in range(3):
                edit(connection, chance, sealed=True)
        lines = []
        for knows_json in (True, False):
            monkeypatch.setattr(Reader, "_knows_json", lambda self, knows=knows_json: knows)
            with suppress(InputError), Store.open(file, read_only=True) as store:
                lines.append(store.damage())
        assert lines[:1] == lines[1:]
        different += bool(lines and lines[0])
    assert different > 40


HISTORIES = (
    *(
        '[{"a":1},{"b":2}]',
        "[]",
        '[{"a":1},5]',
        '[5,{"a":1}]',
        '[{"a":1},5,{"b":1}]',
        '[{"a":"},{"},5,{"b":1}]',
        "[[]]",
    ),
    *('[{"a":[{}]}]', '[{"a":{"b":1}},5,{"b":1}]', '[{"a":"x},{y"},"z"]', "[5]", '["},{"]'),
    *(' [{"a":1}]', '[{"a":1}] '),
    *('[{"a":9223372036854775807}]', '[{"a":9223372036854775808}]', '[{"a":NaN}]', '[{"a":"\\ud800"}]', '[{"a":1}]\0'),
    *("[" * 60 + "]" * 60, '[{"a":0.0012345678901234567890}]', '{"a":1}', "", "[{]", '[{"a":1},{"b":"},{"}]'),
)


@pytest.mark.parametrize("text", HISTORIES)
def test_looking_at_a_history_tells_what_reading_tells(text: str):
    with closing(sqlite3.connect(":memory:")) as connection:
        (is_json,) = connection.execute("SELECT json_valid(?)", (text,)).fetchone()
    row = ("id", text, rows.checksum_of("id", text))
    said = []
    for read in (lambda: rows.StoredHistory.read(row), lambda: SoundHistories().read((*row, is_json))):
        try:
            read()
            said.append("")
        except Damaged as error:
            said.append(str(error))
    assert said[0] == said[1]


def test_bytes_that_were_changed_are_not_believed(file: Path, good: Path, truth: dict[str, Any]):
    noticed = 0
    for seed in range(200):
        chance = random.Random(seed)
        raw = bytearray(good.read_bytes())
        for _ in range(chance.choice((1, 4, 100))):
            raw[chance.randrange(len(raw))] = chance.randrange(256)
        if chance.random() < 0.2:
            place = chance.randrange(len(raw))
            raw[place : place + 4096] = bytes(4096)
        if chance.random() < 0.1:
            del raw[chance.randrange(len(raw)) :]
        clear(file)
        file.write_bytes(raw)
        noticed += bool(examine(file, truth, export=not seed % 4))
    assert noticed > 60


# ---- what is said, and what is left


def change(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


FIRST = run_id(RUNS[0][0])


@pytest.mark.parametrize(
    ("statement", "says", "left"),
    [
        (
            "UPDATE runs SET result = '{}' WHERE rowid = 1",
            f"run {FIRST} is damaged: its checksum does not fit; 11 of 12",
            11,
        ),
        ("UPDATE runs SET result = '{}' WHERE rowid < 6", f"5 rows of runs are damaged ({FIRST}, ", 7),
        ("UPDATE runs SET id = 'x' WHERE rowid = 1", "run x is damaged: its checksum does not fit", 11),
        ("UPDATE histories SET history = '[]' WHERE rowid = 1", f"history of run {FIRST} is damaged", 12),
        ("UPDATE facts SET value = '{}' WHERE rowid = 1", "fact of study is damaged", 12),
        ("UPDATE commands SET seconds = 'x' WHERE number = 1", "command 1 is damaged: its seconds are no number", 12),
        ("UPDATE commands SET argv = '[1]' WHERE number = 1", "command 1 is damaged: its checksum does not fit", 12),
        ("UPDATE environments SET description = '{}'", "environment ", 12),
        ("DELETE FROM environments", "machine and versions of 12 runs are not known", 12),
        ("DELETE FROM commands", "", 12),
        ("DROP TABLE facts", "table facts is missing: nothing in it can be used", 12),
        ("DROP TABLE environments", "table environments is missing", 12),
        ("ALTER TABLE runs ADD COLUMN more", "table runs is altered", 0),
        ("ALTER TABLE commands RENAME COLUMN argv TO args", "table commands is altered", 12),
    ],
)
def test_damage_is_one_line_and_the_rest_is_used(file: Path, statement: str, says: str, left: int):
    change(file, statement)
    with Store.open(file, read_only=True) as store:
        lines = store.damage()
        assert (says in " | ".join(lines)) if says else lines == []
        assert len(lines) <= 2
        assert len(store.runs()) == len(store.results()) == len(store.ids()) == left
        assert (len(store.facts("study")), len(store.commands())) <= (2, 2)
        assert all({"machine", "versions"} <= there.keys() for there in store.environments().values())


def test_a_changed_configuration_is_not_taken_for_another_run(file: Path):
    change(file, "UPDATE runs SET config = replace(config, '\"seed\":0', '\"seed\":77') WHERE rowid = 1")
    with Store.open(file) as store:
        assert not store.has(FIRST)
        assert run_id(RUNS[0][0] | {"seed": 77}) not in store.ids()
        assert store.record_run(*RUNS[0]) == FIRST  # done again, it takes its place
        assert store.damage() == []
        assert store.results([FIRST]) == {FIRST: RUNS[0][1]}


def test_a_checksum_alone_does_not_make_a_configuration_ours(file: Path):
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        identity, config, *rest = connection.execute("SELECT * FROM runs WHERE rowid = 1").fetchone()
        texts = [identity, config.replace('"seed":0', '"seed":77'), *rest[:-1]]
        connection.execute(
            "UPDATE runs SET config = ?, checksum = ? WHERE rowid = 1", (texts[1], rows.checksum_of(*texts))
        )
    with Store.open(file, read_only=True) as store:
        assert "its configuration is not that of its id" in store.damage()[0]
        assert len(store.ids()) == 11


TEXT = {"kind": "text", "path": "a.txt", "sha256": "0" * 64}
CORPUS = {"kind": "corpus", "directory": "books", "digest": "0" * 64}


@pytest.mark.parametrize(
    ("language", "places", "known_by"),
    [(TEXT, {"path": "b.txt", "max_bytes": 2**40}, "sha256"), (CORPUS, {"directory": "moved/books"}, "digest")],
)
def test_where_known_content_lies_is_no_part_of_the_id_and_is_kept(
    tmp_path: Path, language: dict[str, Any], places: dict[str, Any], known_by: str
):
    """So the stored text is not the one that was hashed, and is accepted all the same."""
    config = {"language": language, "tests": [language], "seed": 0}
    with Store.create(tmp_path) as store:
        identity = store.record_run(config, {"test_loss": 1.0})
        moved = language | places
        assert identity == run_id(config | {"language": moved, "tests": [moved]})
        assert store.record_run(config | {"language": moved}, {"test_loss": 2.0}) == identity
        assert identity != run_id(config | {"language": language | {known_by: "1" * 64}})
        unknown = language | {known_by: None}
        assert run_id({"language": unknown}) != run_id({"language": unknown | places})
        assert store.ids() == {identity}
        assert store.config(identity) == config
        assert store.damage() == []


@pytest.mark.parametrize("language", [CORPUS, TEXT | {"max_bytes": 2**40}])
def test_runs_of_before_places_were_no_part_of_the_id_are_read(tmp_path: Path, language: dict[str, Any]):
    """Under the id that they had, which is that of no run that is asked for now."""
    config = {"language": language, "seed": 0}
    hashed = config | {"language": {name: value for name, value in language.items() if name != "path"}}
    before = digest(canonical_text(hashed))[:20]
    with Store.create(tmp_path) as store:
        store.record_run({"seed": 1}, {})
        (environment,) = store.environments()
        texts = (before, canonical_text(config), '{"test_loss":1.0}', "2026-01-01T00:00:00+00:00", environment)
        store._connection.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?)", (*texts, rows.checksum_of(*texts)))
        assert store.damage() == []
        assert store.results([before]) == {before: {"test_loss": 1.0}}
        assert store.config(before) == config
        assert run_id(config) not in store.ids()
        assert store.record_run(config, {"test_loss": 2.0}) == run_id(config) != before
        texts = ("0" * 20, *texts[1:])
        store._connection.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?)", (*texts, rows.checksum_of(*texts)))
        assert "its configuration is not that of its id" in store.damage()[0]


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("DROP TABLE facts", "its table facts is missing"),
        ("CREATE TRIGGER t AFTER INSERT ON runs BEGIN DELETE FROM runs; END", "a foreign trigger 't'"),
        ("CREATE UNIQUE INDEX i ON runs (finished_at, id)", "a foreign index 'i'"),
        (
            "CREATE VIEW v AS WITH RECURSIVE n(a) AS (SELECT 1 UNION ALL SELECT a FROM n) SELECT a FROM n",
            "foreign view",
        ),
    ],
)
def test_what_a_stranger_put_there_does_not_act_on_what_is_written(file: Path, statement: str, says: str):
    change(file, statement)
    with pytest.raises(InputError, match=says) as raised:
        Store.open(file)
    assert "\n" not in str(raised.value)
    with Store.open(file, read_only=True) as store:
        assert len(store.runs()) == 12


def test_an_endless_view_in_the_place_of_a_table_is_not_read(file: Path):
    endless = "WITH RECURSIVE n(a) AS (SELECT 1 UNION ALL SELECT a FROM n) SELECT a AS hash, a AS description FROM n"
    change(file, "DROP TABLE environments", f"CREATE VIEW environments AS {endless}")
    with Store.open(file, read_only=True) as store:
        assert "table environments is missing" in store.damage()[0]
        assert len(store.ids()) == 12


def test_lines_show_no_control_characters(file: Path):
    change(file, "UPDATE runs SET id = char(27) || '[31m' || char(10) WHERE rowid = 1")
    with Store.open(file, read_only=True) as store:
        (line,) = store.damage()
    assert line.isprintable()
    assert r"'\x1b[31m\n'" in line


def test_rows_on_a_lost_page_are_lost_and_the_others_read(tmp_path: Path):
    file = tmp_path / "results.sqlite"
    with Store.create(file) as store:
        for seed in range(200):
            store.record_run({"seed": seed, "filling": "x" * 500}, {"test_loss": float(seed)})
        (root,) = store._connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'runs'").fetchone()
    raw = bytearray(file.read_bytes())
    start = (root - 1) * 4096
    assert raw[start] == 5  # an inner page of a table
    leaf = int.from_bytes(raw[start + 12 + 2 * 3 : start + 12 + 2 * 4], "big")  # the fourth cell
    page = int.from_bytes(raw[start + leaf : start + leaf + 4], "big")
    raw[(page - 1) * 4096 : page * 4096] = b"\xa5" * 4096
    file.write_bytes(raw)
    with Store.open(file, read_only=True) as store:
        results, lines = store.results(), store.damage()
    assert 180 < len(results) < 200
    assert all(metrics["test_loss"] == int(metrics["test_loss"]) for metrics in results.values())
    assert lines[0].startswith("the file is broken in places (")
    assert f"{len(results)} of 200 can be used" in lines[1]
    with pytest.raises(InputError, match=r"cannot be written: it is damaged .*syntagma merge .* --out NEW"):
        Store.open(file)


def test_looking_for_damage_before_writing_takes_no_longer_than_a_limit(file: Path, monkeypatch: pytest.MonkeyPatch):
    """A store of gigabytes is opened at once; its rows are checked as they are read."""
    monkeypatch.setattr(database, "_CHECK_SECONDS", -1.0)
    monkeypatch.setattr(database, "_CHECK_STEPS", 1)
    seen = []
    monkeypatch.setattr(database, "name_of", lambda error: seen.append(error.sqlite_errorname) or seen[-1])
    with Store.open(file) as store:
        assert seen == ["SQLITE_INTERRUPT"]
        assert len(store.runs()) == 12
        store.record_run(NEW, {})


@pytest.mark.parametrize("make", [lambda file: file.unlink(), lambda file: shutil.rmtree(file.parent)])
def test_a_file_that_was_removed_takes_no_results(file: Path, make: Callable[[Path], None]):
    """SQLite would go on writing to the file without a name."""
    with Store.open(file) as store:
        store.record_run(NEW, {})
        make(file)
        for record in (lambda: store.record_run({"seed": 100}, {}), lambda: store.record_fact("s", {}, {})):
            with pytest.raises(
                InputError, match=r"was removed or replaced while it was in use.*Give the command again"
            ):
                record()
        if file.parent.exists():
            Store.create(file).close()  # another file of that name
            with pytest.raises(InputError, match="removed or replaced"):
                store.record_run({"seed": 100}, {})


def test_a_clock_that_is_set_back_does_not_turn_time_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    times = iter(["2026-05-05T12:00:00", "2026-05-05T11:00:00", "2026-05-05T13:00:00"])

    class Clock:
        @staticmethod
        def now(zone: Any) -> Any:
            return type("Moment", (), {"isoformat": lambda self, timespec: next(times) + "+00:00"})()

    with Store.create(tmp_path) as store:
        monkeypatch.setattr("syntagma.sweep.writing.datetime", Clock)
        for seed in range(3):
            store.record_run({"seed": seed}, {})
        finished = store.runs()["finished_at"].tolist()
    assert [text[11:13] for text in finished] == ["12", "12", "13"]


def test_numbers_of_more_than_64_bits_are_refused(tmp_path: Path):
    with Store.create(tmp_path) as store:
        for config, result in (({"seed": 2**70}, {}), ({"seed": 0}, {"steps": -(2**63) - 1}), ({"seed": 2**63}, {})):
            with pytest.raises(InputError, match="64 bits"):
                store.record_run(config, result)
        identity = store.record_run({"seed": 2**63 - 1}, {"least": -(2**63)})
        assert json.loads(json.dumps(store.config(identity))) == {"seed": 2**63 - 1}
        assert store.runs()["seed"].tolist() == [2**63 - 1]
        with pytest.raises(InputError, match="no Unicode text"):
            store.record_run({"path": "caf\udce9"}, {})
