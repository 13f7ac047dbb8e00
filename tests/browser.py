"""A real browser for the dashboard's tests and benchmarks: where Chromium is, a server to visit, and waiting until a page is done."""

from __future__ import annotations

import http.client
import re
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page, Playwright

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DONE = '[data-testid="stApp"][data-test-script-state="notRunning"]'
CHART = '[data-testid="stVegaLiteChart"] :is(canvas, svg)'
PATIENCE = 120.0


def chromium() -> str | None:
    """Where a Chromium is, whether of the system or of playwright; None where there is none."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if (found := shutil.which(name)) is not None:
            return found
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        own = driver.chromium.executable_path
    return own if Path(own).exists() else None


@contextmanager
def dashboard(folder: Path) -> Iterator[int]:
    """A dashboard served by `expsim app` from a folder: its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command = [
        sys.executable,
        "-c",
        "from expsim_bayes.cli import main; main()",
        "app",
        "--no-open",
        "--port",
        str(port),
    ]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            until = time.monotonic() + PATIENCE
            while not _healthy(port):
                assert server.poll() is None, "the dashboard ended by itself"
                assert time.monotonic() < until, "the dashboard did not start"
                time.sleep(0.1)
            yield port
        finally:
            server.terminate()
            with suppress(subprocess.TimeoutExpired):
                server.wait(20)
            server.kill()


def _healthy(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/_stcore/health")
        return connection.getresponse().status == http.client.OK
    except OSError:
        return False
    finally:
        connection.close()


def launched(driver: Playwright) -> Browser:
    """A headless Chromium."""
    return driver.chromium.launch(executable_path=chromium(), args=list(FLAGS))


def opened(browser: Browser, width: int = 1280, scheme: Literal["light", "dark"] = "light") -> Page:
    """A page of a browser that is patient."""
    page = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 800}).new_page()
    page.set_default_timeout(PATIENCE * 1000)
    return page


def settled(page: Page) -> None:
    """Wait until the page's script has run to its end, and nothing in it failed."""
    page.wait_for_timeout(150)
    page.wait_for_selector(DONE, timeout=PATIENCE * 1000)
    page.wait_for_selector('[data-testid="stSkeleton"]', state="detached")
    failed = page.locator('[data-testid="stException"]')
    assert failed.count() == 0, failed.first.inner_text()


def at(page: Page, pattern: str) -> None:
    """Wait until the page's address holds a pattern."""
    page.wait_for_url(re.compile(pattern), wait_until="commit")


def whole(page: Page, path: Path) -> None:
    """A picture of all of a page, not only of what fits on the screen."""
    size = page.viewport_size
    assert size is not None
    height = page.evaluate("document.querySelector('[data-testid=\"stMain\"]').scrollHeight")
    page.set_viewport_size({"width": size["width"], "height": min(int(height) + 60, 6000)})
    page.wait_for_timeout(400)
    page.screenshot(path=str(path))
    page.set_viewport_size(size)
