"""The page in a real browser: nothing is requested, nothing overflows or overlaps, and every control does what it says.

`make browser` runs these; CHROMIUM names the browser, AXE the script of axe-core.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from report_examples import VERDICTS, analysis_of
from syntagma.plot.files import as_csv
from syntagma.report import write_page

pytestmark = pytest.mark.browser

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
ANALYSIS = analysis_of()
FIGURES = {figure.name: figure for figure in ANALYSIS.figures}
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
OVERLAPS = """() => {
  const found = [];
  for (const svg of document.querySelectorAll(".interactive")) {
    const texts = [...svg.querySelectorAll("text")].filter((text) => text.textContent.trim() && text.checkVisibility()
      && getComputedStyle(text).opacity !== "0" && !text.closest(".hoverlayer"));
    const boxes = texts.map((text) => [text.textContent, text.getBoundingClientRect()]).filter(([, box]) => box.width);
    boxes.forEach(([one, a], i) => boxes.slice(i + 1).forEach(([other, b]) => {
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (wide > 3 && high > 4) found.push(`${svg.dataset.figure}: ${one} | ${other}`);
    }));
  }
  return found;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=os.environ["CHROMIUM"], args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_page(ANALYSIS, tmp_path_factory.mktemp("page") / "page.html").as_uri()


class Opened:
    """A page, with what it said and asked for."""

    def __init__(self, browser: Any, address: str, size: dict[str, int], **more: Any) -> None:
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page = browser.new_context(viewport=size, accept_downloads=True, **more).new_page()
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(address)
        if more.get("java_script_enabled", True):
            self.page.wait_for_selector("html[data-ready]", timeout=60_000)


@pytest.fixture(scope="module")
def wide(browser: Any, address: str) -> Opened:
    return Opened(browser, address, WIDE, color_scheme="light")


@pytest.fixture(scope="module")
def phone(browser: Any, address: str) -> Opened:
    return Opened(browser, address, PHONE, color_scheme="dark", has_touch=True)


@pytest.fixture(params=["wide", "phone"])
def opened(request: pytest.FixtureRequest) -> Opened:
    return request.getfixturevalue(request.param)


def spec_of(page: Any, place: str) -> Any:
    """What Plotly has drawn there."""
    return page.evaluate(
        "(place) => { const {data, layout} = document.querySelector(place);"
        " return {data: data.map(({x, y, visible, legendgroup, meta}) => ({x, y, visible, legendgroup, meta})),"
        " axes: Object.fromEntries(Object.entries(layout).filter(([name]) => /^[xy]axis/.test(name))"
        ".map(([name, {type, range, domain}]) => [name, {type, range, domain}])), paper: layout.paper_bgcolor}}",
        f"{place} .interactive",
    )


def test_it_asks_for_nothing_and_complains_of_nothing(opened: Opened, address: str) -> None:
    assert [url for url in opened.asked if not url.startswith(("data:", "blob:"))] == [address]
    assert opened.said == []


def test_every_figure_is_interactive_and_shows_something(opened: Opened) -> None:
    page = opened.page
    assert page.locator("figure.ready").count() == len(FIGURES)
    for place in page.locator("figure.ready .interactive").all():
        picture = np.asarray(Image.open(io.BytesIO(place.screenshot())).convert("RGB"), float)
        ink = np.abs(picture - picture[2, 2]).sum(axis=2) > 60
        assert 0.004 < ink.mean() < 0.7, place.get_attribute("data-figure")
        assert ink.any(axis=1).mean() > 0.5, place.get_attribute("data-figure")


def test_nothing_overflows(opened: Opened) -> None:
    assert opened.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_no_text_of_a_figure_is_on_another(opened: Opened) -> None:
    assert opened.page.evaluate(OVERLAPS) == []


def test_panels_are_stacked_on_phones(wide: Opened, phone: Opened) -> None:
    for opened, number in ((wide, 3), (phone, 1)):
        axes = spec_of(opened.page, figure_of("by-rules"))["axes"]
        assert len({axis["domain"][0] for name, axis in axes.items() if name[0] == "x"}) == number


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(wide: Opened, theme: str) -> None:
    page = wide.page
    page.evaluate(Path(os.environ["AXE"]).read_text(encoding="utf-8"))
    page.emulate_media(color_scheme=theme)
    page.locator("details").evaluate_all("(all) => all.forEach((details) => (details.open = true))")
    page.wait_for_timeout(300)
    found = page.evaluate("async () => (await axe.run()).violations")
    page.emulate_media(color_scheme="light")
    serious = [rule for rule in found if rule["impact"] in ("serious", "critical")]
    assert [(rule["id"], rule["nodes"][0]["html"][:200]) for rule in serious] == []


def figure_of(name: str) -> str:
    return f"figure:has(#figure-{name})"


def pressed(page: Any, place: str, label: str) -> None:
    page.locator(place).get_by_role("button", name=label, exact=True).click()
    page.wait_for_timeout(150)


def test_axes_become_linear_and_logarithmic_again(wide: Opened) -> None:
    place = figure_of("learning-curves")
    before = spec_of(wide.page, place)["axes"]
    for side in "xy":
        assert before[f"{side}axis"]["type"] == "log"
        pressed(wide.page, place, f"Axis {side} linear instead of logarithmic")
        after = spec_of(wide.page, place)["axes"][f"{side}axis"]
        assert after["type"] == "linear"
        np.testing.assert_allclose(np.log10(after["range"]), before[f"{side}axis"]["range"], atol=1e-4)
        pressed(wide.page, place, f"Axis {side} linear instead of logarithmic")
    assert spec_of(wide.page, place)["axes"] == before


def test_keys_and_buttons_zoom_and_move(wide: Opened) -> None:
    page, place = wide.page, figure_of("learning-curves")

    def ends() -> np.ndarray:
        return np.array(spec_of(page, place)["axes"]["xaxis"]["range"])

    start = ends()
    page.locator(f"{place} .interactive").focus()
    for key, wanted in (
        ("+", start.mean() + 0.7 * (start - start.mean())),
        ("-", start),
        ("ArrowRight", start + 0.1 * np.ptp(start)),
        ("0", start),
    ):
        page.keyboard.press(key)
        page.wait_for_timeout(150)
        np.testing.assert_allclose(ends(), wanted, rtol=1e-6)
    pressed(page, place, "Zoom in")
    assert np.ptp(ends()) == pytest.approx(0.7 * np.ptp(start))
    pressed(page, place, "Zoom out")
    pressed(page, place, "Zoom out")
    pressed(page, place, "Show all of it again")
    np.testing.assert_allclose(ends(), start)


def test_one_seed_can_be_looked_at(wide: Opened) -> None:
    page, place = wide.page, figure_of("learning-curves")
    means = [trace for trace in spec_of(page, place)["data"] if trace["meta"].get("seeds")]
    assert len(means) == 3
    page.locator(f"{place} select").select_option("1")
    page.wait_for_timeout(150)
    shown = spec_of(page, place)["data"]
    assert [trace["y"] for trace in shown if trace["meta"].get("seeds")] == [
        trace["meta"]["seeds"]["1"] for trace in means
    ]
    assert all(trace["visible"] is False for trace in shown if trace["meta"].get("band"))
    page.locator(f"{place} select").select_option("")
    page.wait_for_timeout(150)
    assert [trace["y"] for trace in spec_of(page, place)["data"] if trace["meta"].get("seeds")] == [
        t["y"] for t in means
    ]


def test_learners_can_be_hidden_by_box_and_by_legend(wide: Opened) -> None:
    page, place = wide.page, figure_of("growth")
    page.locator(f"{place} details").evaluate("(details) => (details.open = true)")
    box = page.locator(place).get_by_role("checkbox", name="CNN", exact=True)

    def seen() -> set[str]:
        return {str(t["visible"]) for t in spec_of(page, place)["data"] if t["legendgroup"] == "cnn"}

    assert seen() == {"None"}
    box.uncheck()
    page.wait_for_timeout(150)
    assert seen() == {"False", "legendonly"}
    page.locator(f"{place} .legendtoggle").nth(0).scroll_into_view_if_needed()
    names = page.locator(f"{place} .legendtext").all_text_contents()
    page.locator(f"{place} .legendtoggle").nth(names.index("CNN")).click(force=True)
    page.wait_for_timeout(600)
    assert seen() == {"None"}
    assert box.is_checked()


def test_pointing_tells_the_seeds_the_spread_and_the_numbers(wide: Opened) -> None:
    page, place = wide.page, figure_of("learning-curves")
    target = page.locator(f"{place} .interactive")
    target.scroll_into_view_if_needed()
    said = set()
    for marker in page.locator(f"{place} .scatterlayer .trace .points path").all()[:40]:
        box = marker.bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.wait_for_timeout(60)
        said.add(" ".join(page.locator(f"{place} .hoverlayer text").all_text_contents()))
    text = " ".join(said)
    for word in ("convolutional", "training examples P", "seed 0", "smallest to largest"):
        assert word in text


def downloaded(page: Any, press: Any) -> tuple[str, bytes]:
    with page.expect_download() as caught:
        press()
    return caught.value.suggested_filename, Path(caught.value.path()).read_bytes()


def test_figures_are_downloaded_as_png_svg_and_csv(wide: Opened) -> None:
    page, place = wide.page, figure_of("ratios")

    def press(kind: str) -> tuple[str, bytes]:
        button = page.locator(place).get_by_role("button", name=f"Download the figure ratios as {kind}")
        return downloaded(page, button.click)

    name, data = press("PNG")
    assert name == "scaling-laws-ratios.png"
    assert Image.open(io.BytesIO(data)).size[0] == 3 * page.locator(f"{place} .interactive").evaluate(
        "(p) => p.clientWidth"
    )
    name, data = press("SVG")
    assert name == "scaling-laws-ratios.svg"
    assert data.startswith(b"<svg")
    assert "Two scalars a head" in data.decode()
    name, data = press("CSV")
    assert (name, data.decode()) == ("scaling-laws-ratios.csv", as_csv(FIGURES["ratios"]))


def test_a_drawing_that_fails_is_said_and_the_controls_go_on(browser: Any, address: str) -> None:
    page, place = Opened(browser, address, WIDE, color_scheme="light").page, figure_of("growth")
    said = page.locator(f"{place} .controls [role=status]")
    page.evaluate("() => { window.react = Plotly.react; Plotly.react = () => { throw new Error('no room'); }; }")
    zoom = page.locator(place).get_by_role("button", name="Zoom in")
    zoom.click()
    page.wait_for_timeout(300)
    assert said.text_content() == "This could not be drawn (no room). Choose otherwise, or All."
    page.get_by_role("button", name="Dark theme").click()  # the page goes on too
    page.get_by_role("button", name="Dark theme").click()
    page.evaluate("() => { Plotly.react = window.react; }")
    before = spec_of(page, place)["axes"]
    zoom.click()
    page.wait_for_timeout(600)
    assert said.text_content() == ""
    assert spec_of(page, place)["axes"] != before


def test_a_figure_that_cannot_be_interactive_says_so_beside_the_static_one(browser: Any, address: str) -> None:
    page = browser.new_context(viewport=WIDE).new_page()
    page.add_init_script(
        "let known; Object.defineProperty(window, 'Plotly', {get: () => known, set: (plotly) => {"
        " known = {...plotly, react: () => Promise.reject(new Error('no room'))}; }, configurable: true})"
    )
    page.goto(address)
    page.wait_for_selector("html[data-ready]", timeout=60_000)
    assert page.locator("figure.ready").count() == 0
    assert page.locator("figure .controls").count() == len(FIGURES)
    assert set(page.locator("figure .controls").all_text_contents()) == {
        "This figure could not be made interactive (no room)."
    }
    assert all(still.is_visible() for still in page.locator(".still svg").all())


def test_tables_sort_and_are_downloaded_whole(wide: Opened) -> None:
    page, table = wide.page, "table[data-name=thresholds]"

    def column() -> list[float]:
        return [
            float(value)
            for value in page.locator(f"{table} tbody td:nth-child(5)").evaluate_all(
                "(all) => all.map((c) => c.dataset.value)"
            )
        ]

    for order in ("ascending", "descending"):
        page.locator(f"{table} th:nth-child(5) button").click()
        assert page.locator(f"{table} th:nth-child(5)").get_attribute("aria-sort") == order
        known = [value for value in column() if value == value]
        assert known == sorted(known, reverse=order == "descending")
        assert np.isnan(column()[len(known) :]).all()
    press = page.get_by_role("button", name="Download the table thresholds as CSV").click
    name, data = downloaded(page, press)
    rows = list(csv.reader(io.StringIO(data.decode())))
    assert name == "scaling-laws-thresholds.csv"
    assert sorted(float(row[4]) for row in rows[1:] if row[4] != "nan") == sorted(known)


def test_the_theme_can_be_chosen_and_figures_follow(wide: Opened) -> None:
    page, place = wide.page, figure_of("growth")
    theme = page.get_by_role("button", name="Dark theme")
    assert theme.get_attribute("aria-pressed") == "false"
    theme.click()
    page.wait_for_timeout(600)
    assert theme.get_attribute("aria-pressed") == "true"
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(21, 24, 28)"
    assert spec_of(page, place)["paper"] == "#15181C"
    theme.click()
    page.wait_for_timeout(600)
    assert spec_of(page, place)["paper"] == "#FFFFFF"


def test_counts_and_contents_lead_somewhere(wide: Opened) -> None:
    page = wide.page
    assert page.locator(".counts a").all_text_contents() == [
        "1 agree",
        "1 disagree",
        "1 open",
        "1 without a prediction",
    ]
    assert page.locator(".outcomes li").count() == len(VERDICTS)
    links = page.locator("main a[href^='#']").evaluate_all("(all) => all.map((a) => a.getAttribute('href'))")
    assert len(links) > 2 * len(FIGURES)
    assert all(page.locator(f"[id='{link[1:]}']").count() == 1 for link in links)


def test_it_prints_every_figure_and_no_control(browser: Any, wide: Opened) -> None:
    import pypdfium2

    wide.page.emulate_media(media="print")
    assert not any(button.is_visible() for button in wide.page.locator(".controls button, .origin button").all())
    assert all(still.is_visible() for still in wide.page.locator(".still svg").all())
    assert not any(place.is_visible() for place in wide.page.locator(".interactive").all())
    printed = pypdfium2.PdfDocument(wide.page.pdf(format="A4"))
    wide.page.emulate_media(media="screen")
    words = "".join(page.get_textpage().get_text_range() for page in printed)
    for figure in FIGURES.values():
        assert figure.title.split("?")[0][:30] in " ".join(words.split())
    shades = [np.asarray(page.render(scale=0.5).to_pil().convert("L"), float) for page in printed]
    assert all((shade < 160).mean() > 0.001 for shade in shades[:-1])
    right = [
        np.flatnonzero((shade < 200).any(axis=0)).max() / shade.shape[1] for shade in shades if (shade < 200).any()
    ]
    assert max(right) < 0.99  # nothing is cut at the edge


def test_without_scripts_the_drawings_are_there(browser: Any, address: str) -> None:
    page = Opened(browser, address, WIDE, java_script_enabled=False).page
    assert page.locator(".still svg").count() == len(FIGURES)
    assert page.locator(".still svg").nth(0).is_visible()
    assert page.locator("main button").count() == 0
