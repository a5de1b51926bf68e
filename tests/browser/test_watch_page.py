"""The page of a sweep under way in a real browser: it redraws, and goes on whatever fails. See test_page.py."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from browser.test_page import WIDE, browser
from quick_runs import result_of
from syntagma.report import watch
from syntagma.sweep.store import Store
from test_cli import FAKE, FakeSettings, fake_cells

__all__ = ["browser"]

pytestmark = pytest.mark.browser

SETTINGS = FakeSettings(runs=5)
RUNS: list[Any] = [cell.run for cell in fake_cells(SETTINGS, None, None)]  # pyright: ignore[reportArgumentType]


def record(results: Path, number: int) -> None:
    with Store.open(results) as store:
        store.record_run(RUNS[number].config(), result_of(RUNS[number].number))


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    with Store.create(tmp_path) as store:
        store.record_command(FAKE.name, "quick", SETTINGS.model_dump(mode="json"), ["syntagma", "run"])
    record(tmp_path, 0)
    with watch.server(tmp_path, FAKE) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


def wait_for(page: Any, what: str, *given: Any) -> None:
    """Until the JavaScript function `what` gives true; the page's policy forbids it to wait by itself."""
    for _ in range(150):
        if page.evaluate(what, *given):
            return
        page.wait_for_timeout(200)
    raise AssertionError(what)


def test_it_redraws_and_a_figure_that_fails_stops_nothing(
    browser: Any, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = browser.new_context(viewport=WIDE).new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(address)
    wait_for(page, "() => document.querySelector('#figure').naturalWidth > 0")
    assert "1 of 5" in page.locator("#facts").text_content()
    first = page.locator("#figure").get_attribute("src")
    record(tmp_path, 1)
    wait_for(page, "(before) => document.querySelector('#figure').src !== before", first)
    assert "2 of 5" in page.locator("#facts").text_content()
    assert said == []
    draw = watch.as_bytes
    monkeypatch.setattr(watch, "as_bytes", lambda *_, **__: 1 / 0)
    record(tmp_path, 2)
    wait_for(page, "() => document.querySelector('#trouble').textContent.includes('cannot be made')")
    assert "3 of 5" in page.locator("#facts").text_content()
    assert page.locator("#figure").evaluate("(image) => image.naturalWidth") > 0  # of before
    monkeypatch.setattr(watch, "as_bytes", draw)
    record(tmp_path, 3)
    wait_for(page, "() => document.querySelector('#trouble').textContent === ''")
    assert "4 of 5" in page.locator("#facts").text_content()
