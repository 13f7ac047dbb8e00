"""Pages of the docs that are made from the code are those that it makes."""

from __future__ import annotations

import importlib.util
import inspect
from pathlib import Path
from types import ModuleType

import pytest

from expsim_bayes import models, plots

ROOT = Path(__file__).resolve().parents[1]


def loaded(name: str) -> ModuleType:
    """A script of the docs as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pages() -> ModuleType:
    return loaded("model_pages")


@pytest.mark.parametrize("name", models.NAMES)
def test_the_page_of_a_model_is_up_to_date(pages: ModuleType, name: str) -> None:
    page = (ROOT / "docs" / "models" / f"{name}.md").read_text(encoding="utf-8")
    assert page.partition(pages.GRAPH)[0].strip() == pages.story(name).strip(), "run `make docs`"
    assert (pages.GRAPH in page) == (pages.design(name) is not None), "run `make docs`"


def test_the_list_of_models_is_up_to_date(pages: ModuleType) -> None:
    assert (ROOT / "docs" / "models" / "README.md").read_text(encoding="utf-8") == pages.contents(), "run `make docs`"


@pytest.mark.parametrize("name", models.NAMES)
def test_every_prior_has_a_sentence_and_a_unit(pages: ModuleType, name: str) -> None:
    module = importlib.import_module(f"expsim_bayes.models.{name}")
    rows = pages.priors(module.Priors)
    assert [row.name for row in rows] == list(module.Priors.model_fields)
    assert [row.name for row in rows if not row.sentence] == []


def test_a_docstring_becomes_markdown(pages: ModuleType) -> None:
    told = pages.markdown("One :math:`x`:\n\n.. math::\n\n    y = 2 x\n\nas ``f`` says::\n\n    y <- x\n")
    assert told == "One $x$:\n\n$$\ny = 2 x\n$$\n\nas `f` says:\n\n```\ny <- x\n```"


@pytest.fixture(scope="module")
def gallery() -> ModuleType:
    return loaded("gallery")


def test_the_gallery_has_every_figure_and_no_other(gallery: ModuleType) -> None:
    functions = {name: found for name in plots.__all__ if inspect.isfunction(found := getattr(plots, name))}
    drawing = {name for name, found in functions.items() if "ax" in inspect.signature(found).parameters} - {
        "chain_names"
    }
    named = [entry.name for entry in gallery.FIGURES]
    assert set(named) == drawing | {"card"}
    assert len(named) == len(set(named))


def test_the_page_of_figures_is_up_to_date_and_small(gallery: ModuleType) -> None:
    assert gallery.PAGE.read_text(encoding="utf-8") == gallery.contents(), "run `make docs`"
    files = {path.name: path.stat().st_size for path in gallery.FOLDER.iterdir()}
    assert set(files) == {f"{entry.name}-{theme}.png" for entry in gallery.FIGURES for theme in plots.THEMES}, (
        "run `make docs`"
    )
    assert min(files.values()) > 1_000
    assert sum(files.values()) < 1_500_000
