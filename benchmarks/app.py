"""How long the dashboard takes to answer: opening, a slider for one experiment and for a thousand, and ten visitors at once.

    python benchmarks/app.py              # latency of one visitor
    python benchmarks/app.py --visitors 10 --seconds 120

Server time is that of the calls behind a page; the other figure is from a key press in a real browser until the page has settled.
Needs Chromium.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from browser import CHART, dashboard, launched, opened, settled

MOVES = 12
DRAWN = """() => document.querySelector('[data-testid="stVegaLiteChart"] svg')?.innerHTML"""


def server_times() -> None:
    """Calls behind the pages, without a browser: one experiment, a thousand, learning curves."""
    import logging

    logging.disable(logging.WARNING)
    from expsim_bayes.apps import answers, look_pictures
    from expsim_bayes.apps.asked import Asked

    answers.one(Asked("summarization-prompts"))
    for name in ("summarization-prompts", "support-chat-tone"):
        taken: dict[str, list[float]] = {
            "one experiment": [],
            "its picture": [],
            "a thousand": [],
            "learning curves": [],
        }
        for seed in range(5):
            asked = Asked(name, seed=100 + seed)
            begun = time.perf_counter()
            one = answers.one(asked)
            taken["one experiment"].append(time.perf_counter() - begun)
            begun = time.perf_counter()
            look_pictures.over_looks(one.history, one.facts)
            taken["its picture"].append(time.perf_counter() - begun)
            begun = time.perf_counter()
            answers.many(asked)
            taken["a thousand"].append(time.perf_counter() - begun)
            begun = time.perf_counter()
            answers.curves(asked)
            taken["learning curves"].append(time.perf_counter() - begun)
        for what, seconds in taken.items():
            print(f"{name:24} {what:18} {1000 * np.median(seconds):7.0f} ms (largest {1000 * max(seconds):.0f})")


def painted() -> None:
    """From opening to the first chart, and from a key on a slider until the page has settled."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, dashboard(Path(folder)) as port, sync_playwright() as driver:
        browser = launched(driver)
        page = opened(browser)
        begun = time.perf_counter()
        page.goto(f"http://127.0.0.1:{port}/")
        page.wait_for_selector(CHART)
        print(f"opening, until the first chart           {1000 * (time.perf_counter() - begun):7.0f} ms")
        page.goto(f"http://127.0.0.1:{port}/simulate")
        settled(page)
        taken: dict[str, list[float]] = {"chart": [], "all": []}
        slider = page.locator('input[aria-label^="True quality of B"]')
        for _ in range(MOVES):
            before = page.evaluate(f"({DRAWN})()")
            begun = time.perf_counter()
            slider.press("ArrowLeft")
            page.wait_for_function(
                f"before => {{ const now = ({DRAWN})(); return now && now !== before; }}", arg=before
            )
            taken["chart"].append(time.perf_counter() - begun)
            settled(page)
            taken["all"].append(time.perf_counter() - begun)
        for what, seconds in (
            ("a slider, until the new chart is painted", taken["chart"]),
            ("a slider, until all is told", taken["all"]),
        ):
            print(f"{what:40} {1000 * np.median(seconds):7.0f} ms (largest {1000 * max(seconds):.0f})")
        browser.close()


def visitors(number: int, seconds: float) -> None:
    """Visitors who press buttons at once, each with a scenario and a seed of their own; no page may fail or show another's."""
    from playwright.sync_api import sync_playwright

    names = ("summarization-prompts", "support-chat-tone", "reranker")
    waits: list[float] = []
    faults: list[str] = []
    lock = threading.Lock()

    def visit(place: int, port: int) -> None:
        from expsim_bayes.scenario import load

        with sync_playwright() as driver:
            browser = launched(driver)
            page = opened(browser)
            name, seed = names[place % len(names)], 1000 * place
            try:
                page.goto(f"http://127.0.0.1:{port}/simulate?scenario={name}&seed={seed}")
                settled(page)
                until = time.monotonic() + seconds
                while time.monotonic() < until:
                    seed += 1
                    begun = time.perf_counter()
                    box = page.get_by_label("Seed", exact=True)
                    box.fill(str(seed))
                    box.press("Enter")
                    page.wait_for_selector(f"text=--seed {seed}", state="attached")
                    settled(page)
                    with lock:
                        waits.append(time.perf_counter() - begun)
                    assert load(name).title in page.content(), "another visitor's page"
            except Exception as error:  # noqa: BLE001  (all faults are counted)
                with lock:
                    faults.append(f"visitor {place}: {type(error).__name__}: {error}"[:300])
            finally:
                browser.close()

    with tempfile.TemporaryDirectory() as folder, dashboard(Path(folder)) as port:
        threads = [threading.Thread(target=visit, args=(place, port)) for place in range(number)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    print(f"{number} visitors for {seconds:g} s: {len(waits)} answers, {len(faults)} faults")
    if waits:
        low, mid, high = np.quantile(waits, [0.05, 0.5, 0.95])
        print(f"an answer takes {mid:.2f} s in the middle, {low:.2f} to {high:.2f} s in 90 of 100")
    for fault in faults:
        print(fault)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visitors", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=120.0)
    asked = parser.parse_args()
    if asked.visitors:
        visitors(asked.visitors, asked.seconds)
    else:
        server_times()
        painted()


if __name__ == "__main__":
    main()
