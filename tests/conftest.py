"""What several tests share: where the real data sets lie, and a machine without a screen."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

os.environ["MPLBACKEND"] = "Agg"  # before anything imports matplotlib; child processes inherit it
os.environ.setdefault(
    "OPENBLAS_NUM_THREADS", "1"
)  # tests run side by side: threads of small products would wait for each other
os.environ.setdefault("PYTENSOR_FLAGS", "traceback__limit=0")  # where each node of a graph was made is not asked for

# The same examples in every run, and no deadline: a busy machine must not fail a test.
hypothesis.settings.register_profile("project", deadline=None, derandomize=True)
hypothesis.settings.load_profile("project")

ROOT = Path(__file__).resolve().parents[1]


def pytest_addoption(parser: pytest.Parser) -> None:
    """An option for the tests that fit for minutes."""
    parser.addoption("--long", action="store_true", help="also run tests that fit for minutes (make long)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests that fit for minutes unless they are asked for."""
    if config.getoption("--long"):
        return
    for item in items:
        if "long" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="fits for minutes: run it with make long"))


@pytest.fixture(scope="session")
def root() -> Path:
    """The top folder of the project."""
    return ROOT


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of public data sets beside the project; tests that need it are skipped where it is not there."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the real data sets are not at {folder}")
    return folder
