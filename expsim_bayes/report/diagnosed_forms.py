"""The report of how a fit went in every form: its pictures, its bytes, and its files in a folder."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from expsim_bayes import plots
from expsim_bayes.diagnosis.chains import MOST_CHAINS, ranks
from expsim_bayes.readers.atomic import whole
from expsim_bayes.report import tidy
from expsim_bayes.report.diagnosed import FIGURES, document
from expsim_bayes.report.forms import formed
from expsim_bayes.report.images import Image

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from matplotlib.figure import Figure

    from expsim_bayes.diagnosis import Diagnosed
    from expsim_bayes.plots.theme import Theme
    from expsim_bayes.report.document import Document, Length, Picture
    from expsim_bayes.report.folder import Written
    from expsim_bayes.report.forms import Form
    from expsim_bayes.report.pdf import Paper

MOST_FEATURES = 24
"""Features beside their predictions that the picture shows, those that fail first."""


def rendered(form: Form, found: Diagnosed, *, length: Length = "full", paper: Paper = "a4") -> bytes:
    """The report of how a fit went, as the bytes of a file.

    Parameters
    ----------
    form : {"md", "html", "pdf", "json"}
        Which form.
    found : Diagnosed
        From `diagnosis.diagnose`.
    length : {"brief", "full"}
        The verdict with its numbers on a page, or everything.
    paper : {"a4", "letter"}
        Size of the pages of a PDF.
    """
    page = document(found, length=length)
    return formed(
        form, page, lambda: _object(found, page), lambda *, dark: _images(page, found, dark=dark), paper=paper
    )


def write(
    found: Diagnosed, folder: Path, forms: Sequence[Written], *, length: Length = "full", paper: Paper = "a4"
) -> tuple[Path, ...]:
    """The report in a folder, in one form or several; Markdown with its pictures beside it, csv as a file a table.

    Returns
    -------
    tuple of pathlib.Path
        Every file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pages: list[Path] = []
    for form in forms:
        if form == "csv":
            pages += tidy.write(tidy.of_diagnosed(found), folder)
            continue
        pages.append(folder / name_of(form, length))
        with whole(pages[-1]) as file:
            file.write(rendered(form, found, length=length, paper=paper))
    pictures = []
    if "md" in forms:
        (folder / FIGURES).mkdir(exist_ok=True)
        for block in document(found, length=length).blocks():
            if block.kind == "picture":
                pictures.append(folder / block.file)
                plots.save(_drawn(block, found, plots.LIGHT), pictures[-1])
    return (*pages, *pictures)


def name_of(form: Form, length: Length) -> str:
    """Name of the file of a report.

    Examples
    --------
    >>> name_of("pdf", "brief"), name_of("md", "full")
    ('diagnostics-brief.pdf', 'diagnostics.md')
    """
    return f"diagnostics{'-brief' if length == 'brief' else ''}.{form}"


def _images(page: Document, found: Diagnosed, *, dark: bool) -> Mapping[Picture, Image]:
    themes = (plots.LIGHT, *([plots.DARK] if dark else []))
    images = {}
    for block in page.blocks():
        if block.kind == "picture":
            light, *others = (plots.render(_drawn(block, found, theme), "svg") for theme in themes)
            images[block] = Image("svg", light, others[0] if others else None)
    return images


def _drawn(picture: Picture, found: Diagnosed, theme: Theme) -> Figure:
    return PICTURES[picture.file.rpartition("/")[2].partition(".")[0]](found, theme)


def _chains(found: Diagnosed, theme: Theme, most: int | None = None) -> Figure:
    fig, axes = plots.panels(len(found.worst[:most]), 2, theme=theme)
    for one, (left, right) in zip(found.worst, axes, strict=False):
        plots.trace(one, left, theme=theme)
        plots.ranks(ranks(one.values[:MOST_CHAINS]), right, theme=theme)
    plots.chain_names(axes[0][1], min(found.worst[0].values.shape[0], MOST_CHAINS), theme=theme)
    for row in axes[:-1]:
        for ax in row:
            ax.set_xlabel("")
    return fig


def _energy(found: Diagnosed, theme: Theme) -> Figure:
    assert found.energies is not None
    fig, ax = plots.figure(height=3.2, theme=theme)
    plots.energy(found.energies, ax, theme=theme)
    return fig


def _checks(found: Diagnosed, theme: Theme) -> Figure:
    rows = sorted(found.checks, key=lambda check: check.reproduced)[:MOST_FEATURES]
    fig, ax = plots.figure(width=9.0, height=plots.rows_height(len(rows)), theme=theme)
    plots.feature_check(
        [row.name for row in rows],
        [row.observed for row in rows],
        [row.low for row in rows],
        [row.high for row in rows],
        ax,
        ci_prob=rows[0].ci_prob,
        theme=theme,
    )
    return fig


PICTURES: dict[str, Callable[[Diagnosed, Theme], Figure]] = {
    "chains": _chains,
    "worst": lambda found, theme: _chains(found, theme, 1),
    "energy": _energy,
    "checks": _checks,
}
"""How each picture is drawn, by the name of its file."""


def _object(found: Diagnosed, page: Document) -> dict[str, Any]:
    """Everything as JSON: numbers that are not there are null, and draws stay in the fit."""
    plain = {name: value for name, value in vars(found).items() if name not in ("worst", "energies", "verdict")}
    told = {**plain, "verdict": asdict(found.verdict)}
    if found.energies is not None:
        told["bfmi"] = found.energies.bfmi
    return {"diagnostics": _plain(told), "document": asdict(page)}


def _plain(value: Any) -> Any:
    """The same of what JSON knows."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if hasattr(value, "_asdict"):
        return _plain(value._asdict())
    if hasattr(value, "__dataclass_fields__"):
        return _plain(asdict(value))
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value
