"""A walk through the dashboard in a real browser: from the opening question to a downloaded recommendation, and every page.

With EXPSIM_PICTURES=FOLDER pictures of every page, light and dark, on a laptop and on a phone, are kept there; without it every page is
shown light on a laptop and dark on a phone.
"""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
import xarray as xr
from browser import CHART, at, chromium, dashboard, launched, opened, settled, whole
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(chromium() is None, reason="there is no Chromium on this machine"),
]


def _picture(path: Path) -> None:
    with Image.open(path) as picture:
        picture.load()
        assert picture.size == (1920, 1080)


def _pages(path: Path) -> None:
    content = path.read_bytes()
    assert content.startswith(b"%PDF-")
    assert b"/Type/Page" in content
    assert content.rstrip().endswith(b"%%EOF")


def _looks(path: Path) -> None:
    with xr.open_dataset(path, engine="h5netcdf") as history:
        assert history["prob_best"].sizes["look"]


def _files(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.namelist()


def _text(path: Path) -> None:
    assert path.read_text(encoding="utf-8").strip()


OPENED: dict[str, Callable[[Path], object]] = {
    ".png": _picture,
    ".pdf": _pages,
    ".nc": _looks,
    ".zip": _files,
    ".html": _text,
    ".md": _text,
    ".json": lambda path: json.loads(path.read_text(encoding="utf-8")),
}
"""What opens each kind of file that a browser takes away."""
PAGES = {
    "": "what will it cost to know",
    "story": "Why such experiments differ",
    "simulate": "Known, since this is simulated",
    "analyse": "",
    "diagnostics": "",
    "monitor": "",
    "recommendation": "",
}
SIZES = {"laptop": 1280, "phone": 390}
SHOWN = [("light", "laptop"), ("dark", "phone")]
if os.environ.get("EXPSIM_PICTURES"):
    SHOWN += [("dark", "laptop"), ("light", "phone")]


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with dashboard(tmp_path_factory.mktemp("served")) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        found = launched(driver)
        yield found
        found.close()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = Path(os.environ.get("EXPSIM_PICTURES") or tmp_path_factory.mktemp("pictures"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def test_from_the_question_to_the_recommendation_in_six_clicks(browser: Browser, port: int, pictures: Path) -> None:
    page = opened(browser)
    page.goto(f"http://127.0.0.1:{port}/")
    page.wait_for_selector(CHART)
    clicks = 0

    def click(words: str) -> None:
        nonlocal clicks
        page.get_by_text(words, exact=True).first.click()
        clicks += 1
        settled(page)

    settled(page)
    click("Play it")
    at(page, "/simulate")
    click("bandit")
    click("humans only")
    quality = page.locator('input[aria-label^="True quality of B"]')
    before = quality.input_value()
    quality.press("ArrowLeft")
    clicks += 1
    at(page, r"variants\.1\.quality")
    settled(page)
    assert quality.input_value() != before
    page.wait_for_selector("text=Known, since this is simulated")
    click("Open the recommendation")
    at(page, "/recommendation")
    page.get_by_test_id("stDownloadButton").first.wait_for()
    settled(page)
    buttons = page.get_by_test_id("stDownloadButton").get_by_role("button").all()
    taken = {}
    for button in buttons:
        with page.expect_download() as download:
            button.click()
        taken[download.value.suggested_filename] = Path(download.value.path())
    assert clicks + 1 <= 6  # the first of the files
    assert {Path(name).suffix for name in taken} == set(OPENED)
    for name, path in taken.items():
        OPENED[Path(name).suffix](path)
    whole(page, pictures / "journey.png")
    page.context.close()


@pytest.mark.parametrize(("scheme", "size"), SHOWN)
def test_every_page_is_shown(
    browser: Browser, port: int, pictures: Path, scheme: Literal["light", "dark"], size: str
) -> None:
    width = SIZES[size]
    page = opened(browser, width, scheme)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    for name, words in PAGES.items():
        page.goto(f"http://127.0.0.1:{port}/{name}")
        settled(page)
        if words:
            page.wait_for_selector(f"text={words}")
        whole(page, pictures / f"{name or 'start'}-{size}-{scheme}.png")
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{name} is {wide} pixels wide on a screen of {width}"
        if name == "simulate":
            chart = page.locator(CHART).first.bounding_box()
            assert chart is not None
            assert page.viewport_size is not None
            assert chart["y"] < page.viewport_size["height"], "the chart stands below the first screen"
    assert not complaints
    page.context.close()
