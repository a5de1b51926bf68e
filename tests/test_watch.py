"""Looking on at a sweep: the page, the status, the figure and the text say what is stored and what is under way."""

from __future__ import annotations

import json
import os
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from quick_runs import WORK, result_of
from syntagma.errors import InputError
from syntagma.report import watch
from syntagma.studies.status import Watcher
from syntagma.sweep import under_way as under_way_module
from syntagma.sweep.execution import execute
from syntagma.sweep.failures import record_failure
from syntagma.sweep.store import Store
from syntagma.sweep.under_way import UnderWay, runs_under_way
from test_cli import FAKE, FakeSettings, fake_cells
from test_execution import a_run

SETTINGS = FakeSettings(runs=5)
RUNS: list[Any] = [cell.run for cell in fake_cells(SETTINGS, None, None)]  # pyright: ignore[reportArgumentType]


@pytest.fixture
def results(tmp_path: Path) -> Iterator[Path]:
    """Two runs of five are finished, one has failed, one is under way."""
    with Store.create(tmp_path) as store:
        store.record_command(FAKE.name, "quick", SETTINGS.model_dump(mode="json"), ["syntagma", "run"])
        for run in RUNS[:2]:
            store.record_run(run.config(), result_of(run.number))
        record_failure(store, RUNS[2].config(), "memory <ran> out", 3)
    under_way = UnderWay(tmp_path)
    under_way.tell({RUNS[3].id(): RUNS[3]})
    yield tmp_path
    under_way.end()


@pytest.fixture
def address(results: Path) -> Iterator[str]:
    with watch.server(results, FAKE) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def get(address: str, host: str | None = None) -> tuple[str, str]:
    """The text and the kind of an answer."""
    request = urllib.request.Request(address, headers={"Host": host} if host else {})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read().decode(), answer.headers["Content-Type"]


def test_the_page_shows_what_is_stored_and_under_way(address: str, results: Path, monkeypatch: Any) -> None:
    page, kind = get(address + "/")
    assert kind.startswith("text/html")
    assert FAKE.title in page
    assert "{{" not in page
    assert "connect-src 'self'" in page
    assert "//" not in page  # nothing else is asked for anything
    status = json.loads(get(address + "/status.json")[0])
    assert (status["done"], status["wanted"], len(status["failed"]), len(status["running"])) == (2, 5, 1, 1)
    assert status["facts"]["study"] == "fake-study, quick: running"
    assert status["facts"]["done"] == "2 of 5"
    assert status["failed"][0].endswith("memory <ran> out")
    assert status["running"] == [RUNS[3].id()[:8]]
    figure, kind = get(address + "/figure.svg")
    assert kind == "image/svg+xml"
    assert "</svg>" in figure
    with Store.open(results) as store:
        store.record_run(RUNS[3].config(), result_of(3))
    (results / "under-way.json").unlink()
    monkeypatch.setattr(watch, "_LEAST_SECONDS", 0.0)
    later = json.loads(get(address + "/status.json")[0])
    assert (later["done"], later["running"]) == (3, [])
    assert later["figure"] == status["figure"] + 1
    assert get(address + "/figure.svg")[0] != figure


def test_strangers_and_other_places_are_refused(address: str) -> None:
    for path, host, code in (("/", "evil.example", 403), ("/results.sqlite", None, 404), ("/../etc", None, 404)):
        with pytest.raises(urllib.error.HTTPError) as caught:
            get(address + path, host)
        assert caught.value.code == code
        caught.value.close()


def test_results_that_are_gone_are_said_to_be(address: str, results: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(watch, "_LEAST_SECONDS", 0.0)
    (results / "results.sqlite").rename(results / "elsewhere.sqlite")
    with pytest.raises(urllib.error.HTTPError) as caught:
        get(address + "/status.json")
    assert "does not exist" in json.loads(caught.value.read())["error"]
    caught.value.close()


def test_the_text_says_the_same(results: Path) -> None:
    text = watch.text_of(watch.Sight(results, FAKE).look())
    lines = text.splitlines()
    assert lines[0] == "study   fake-study, quick: running"
    assert "done    2 of 5" in lines
    assert f"failed  {RUNS[2].id()[:8]}: memory <ran> out" in lines
    assert f"running {RUNS[3].id()[:8]}" in lines
    assert "figure  Squares" in lines
    assert lines[-1].split(",")[-2:] == ["1.0", "1.0"]  # the second run's number and its square


def test_the_end_is_expected_at_the_pace_so_far(results: Path) -> None:
    """Two of five runs of the same cost took a minute, one is given up: two are left, for another minute."""
    with Store.open(results, read_only=True) as store:
        begun = datetime.fromisoformat(store.commands()["started_at"].iloc[-1])
        status = Watcher(FAKE).status(store, now=begun + timedelta(seconds=60))
        assert status.seconds_left == pytest.approx(60.0)
        (results / "under-way.json").unlink()
        assert Watcher(FAKE).status(store, now=datetime.now(UTC)).seconds_left is None


def test_nothing_finished_is_no_error(tmp_path: Path) -> None:
    with Store.create(tmp_path) as store:
        store.record_command(FAKE.name, None, SETTINGS.model_dump(mode="json"), [])
    look = watch.Sight(tmp_path, FAKE).look()
    assert (look.status.done, look.status.wanted, look.figure) == (0, 5, None)
    assert "no run of these settings is finished yet" in watch.text_of(look)


def test_a_port_that_cannot_be_had_is_refused(results: Path) -> None:
    for port in (70000, 2**70):
        with pytest.raises(InputError, match="port=") as caught:
            watch.server(results, FAKE, port)
        assert ".." not in str(caught.value)


def test_what_a_killed_driver_left_counts_for_nothing(tmp_path: Path) -> None:
    under_way = UnderWay(tmp_path)
    under_way.tell({"a": a_run()})
    (line,) = runs_under_way(tmp_path)
    assert "(cnn, num_examples=16, seed=0)" in line
    file = tmp_path / "under-way.json"
    os.utime(file, (time.time() - 60, time.time() - 60))
    assert runs_under_way(tmp_path) == []
    for content in (b"", b"{}", b"\xff", b"[1, null]"):
        file.write_bytes(content)
        assert runs_under_way(tmp_path) == []
    under_way.end()
    assert runs_under_way(tmp_path) == []
    nowhere = UnderWay(tmp_path / "gone")
    nowhere.tell({"a": a_run()})  # is no trouble for a sweep
    nowhere.end()


def test_a_driver_that_is_busy_for_long_is_not_taken_for_dead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On an accelerator nothing is told while one program runs; what is told too soon after the last is not lost."""
    monkeypatch.setattr(under_way_module, "_LEAST_SECONDS", 0.05)
    monkeypatch.setattr(under_way_module, "_RENEW_SECONDS", 0.05)
    under_way = UnderWay(tmp_path)
    under_way.tell({"a": a_run(seed=1)})
    under_way.tell({"b": a_run(seed=2)})
    os.utime(tmp_path / "under-way.json", (0, 0))
    wait_for(lambda: any("seed=2" in line for line in runs_under_way(tmp_path)))
    os.utime(tmp_path / "under-way.json", (0, 0))
    assert runs_under_way(tmp_path) == []
    wait_for(lambda: len(runs_under_way(tmp_path)) == 1)
    under_way.end()
    assert not any(tmp_path.iterdir())
    assert not [thread for thread in threading.enumerate() if thread.name == "under-way"]


def wait_for(what: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not what():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_figures_are_counted_and_a_study_that_fails_over_them_is_said_to(
    address: str, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a figure there is none to fetch; whatever goes wrong in making or drawing one, the page goes on."""
    monkeypatch.setattr(watch, "_LEAST_SECONDS", 0.0)
    sight = watch.Sight(results, replace(FAKE, figures=lambda measured: ()))
    look = sight.look()
    assert (look.figure, look.drawn, look.note) == (None, 0, "")

    def fails(*_: object, **__: object) -> None:
        raise ZeroDivisionError("division\nby zero")

    look = watch.Sight(results, replace(FAKE, measure=fails)).look()
    said = "the figure cannot be made of what is stored so far (ZeroDivisionError: division by zero)"
    assert (look.drawn, look.note, look.status.done) == (0, said, 2)
    monkeypatch.setattr(watch, "as_bytes", fails)
    with pytest.raises(urllib.error.HTTPError) as caught:
        get(address + "/figure.svg")
    assert json.loads(caught.value.read())["error"] == said
    caught.value.close()
    assert json.loads(get(address + "/status.json")[0])["done"] == 2


def test_a_sweep_says_what_it_is_at(tmp_path: Path) -> None:
    seen: list[int] = []
    runs = RUNS[:3]
    with Store.create(tmp_path) as store:
        wanted = lambda: [run for run in runs if not store.has(run.id())]  # noqa: E731
        execute(wanted, store, 1, lambda *_: seen.append(len(runs_under_way(tmp_path))), work=WORK)
    assert seen[0] == 1
    assert not (tmp_path / "under-way.json").exists()
