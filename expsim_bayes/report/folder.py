"""The folder that an experiment or a fit leaves behind: data, facts, figures and the report, each written whole or not at all.

The manifest is written last and names every part with its SHA-256, so a folder without one is known to be incomplete.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from expsim_bayes.errors import ExpsimError
from expsim_bayes.facts import Facts
from expsim_bayes.fits.written import netcdf
from expsim_bayes.readers.atomic import whole
from expsim_bayes.report import tidy
from expsim_bayes.report.build import Figure
from expsim_bayes.report.forms import FORMS, Form, name_of, rendered

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import xarray as xr

    from expsim_bayes.experiment import Played
    from expsim_bayes.ratings import Ratings
    from expsim_bayes.report.document import Length
    from expsim_bayes.report.pdf import Paper

Written = Form | Literal["csv"]
WRITTEN: Final[tuple[Written, ...]] = (*FORMS, "csv")
"""What a folder may be asked for: a report in its forms, and its tables as CSV."""
REPORT, FACTS, FIGURES, MANIFEST = "report.md", "facts.json", "figures.json", "manifest.json"


def write_experiment(played: Played, facts: Facts, folder: Path) -> Path:
    """Data, history, facts, figures and report of a simulated experiment.

    Returns
    -------
    pathlib.Path
        The report.
    """
    from expsim_bayes.readers import to_csv
    from expsim_bayes.report.figures import draw_experiment

    folder.mkdir(parents=True, exist_ok=True)
    to_csv(played.ratings, folder / "ratings.csv")
    _text(folder / "operations.csv", played.operations.to_csv(index=False))
    netcdf(played.history, folder / "history.nc")
    return _finish(folder, facts, draw_experiment(played, facts, folder))[0]


def write_fit(tree: xr.DataTree, ratings: Ratings, facts: Facts, folder: Path) -> Path:
    """Posterior, facts, figures and report of a fit.

    Returns
    -------
    pathlib.Path
        The report.
    """
    from expsim_bayes.report.figures import draw_fit

    folder.mkdir(parents=True, exist_ok=True)
    netcdf(tree, folder / "posterior.nc")
    return _finish(folder, facts, draw_fit(tree, ratings, facts, folder))[0]


def rewrite(folder: Path) -> Path:
    """The report of a folder once more, from its facts and figures.

    Raises
    ------
    ExpsimError
        The folder holds no facts.
    """
    return write_forms(folder)[0]


def write_forms(
    folder: Path, forms: Sequence[Written] = ("md",), *, length: Length = "full", paper: Paper = "a4"
) -> tuple[Path, ...]:
    """The report of a folder in one form or several, from its facts and figures.

    Parameters
    ----------
    folder : Path
        What `write_experiment` or `write_fit` has written.
    forms : sequence of {"md", "html", "pdf", "json", "csv"}
        Which; csv is every table as a file of its own, whatever the length.
    length : {"brief", "full"}
        A page for who decides (brief.md and so on), or everything for who checks (report.md).
    paper : {"a4", "letter"}
        Size of the pages of a PDF.

    Returns
    -------
    tuple of pathlib.Path
        The files, in the same order; of csv the folder.

    Raises
    ------
    ExpsimError
        The folder holds no facts, or its list of figures is damaged.
    """
    return _finish(folder, read_facts(folder), figures_of(folder), forms, length=length, paper=paper)


def figures_of(folder: Path) -> list[Figure]:
    """The figures that a folder lists.

    Raises
    ------
    ExpsimError
        The list is damaged.
    """
    path = folder / FIGURES
    if not path.exists():
        return []
    try:
        found = [Figure(**entry) for entry in json.loads(path.read_text(encoding="utf-8"))]
    except (ValueError, TypeError):
        found = []
        damaged = True
    else:
        damaged = not all(isinstance(part, str) for figure in found for part in figure)
    if damaged:
        raise ExpsimError("does not list figures", where=str(path), remedy="remove it, or write the folder anew")
    return found


def read_facts(folder: Path) -> Facts:
    """The facts that a folder holds.

    Raises
    ------
    ExpsimError
        The folder holds none, or they are damaged.
    """
    from pydantic import TypeAdapter, ValidationError

    path = folder / FACTS
    remedy = "name a folder that `expsim simulate --out` or `expsim fit --out` has written"
    if not path.is_file():
        raise ExpsimError("holds no facts to report", where=str(folder), remedy=remedy)
    try:
        return TypeAdapter(Facts).validate_json(path.read_bytes())
    except ValidationError as error:
        raise ExpsimError(
            f"does not hold the facts of a report ({error.error_count()} problems)", where=str(path), remedy=remedy
        ) from None


def facts_json(facts: Facts) -> str:
    """Facts as JSON."""
    from pydantic import TypeAdapter

    return TypeAdapter(Facts).dump_json(facts, indent=2).decode()


def _finish(
    folder: Path,
    facts: Facts,
    figures: Iterable[Figure],
    forms: Sequence[Written] = ("md",),
    *,
    length: Length = "full",
    paper: Paper = "a4",
) -> tuple[Path, ...]:
    """Facts, reports and, last of all, the manifest."""
    drawn = list(figures)
    _text(folder / FACTS, facts_json(facts))
    _text(folder / FIGURES, json.dumps([figure._asdict() for figure in drawn], indent=2, ensure_ascii=False))
    pages = tuple(folder / (tidy.FOLDER if form == "csv" else name_of(form, length)) for form in forms)
    for form, page in zip(forms, pages, strict=True):
        if form == "csv":
            tidy.write(tidy.sheets(facts), folder)
            continue
        with whole(page) as file:
            file.write(rendered(form, facts, drawn, folder=folder, length=length, paper=paper))
    renew_manifest(folder, source=facts.source)
    return pages


def renew_manifest(folder: Path, *, source: str = "") -> None:
    """Write the manifest of a folder: when, of what (unless told, what stood there before), and every file with its SHA-256."""
    if not source and (folder / MANIFEST).is_file():
        source = str(json.loads((folder / MANIFEST).read_text(encoding="utf-8")).get("source", ""))
    parts = sorted(
        path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST and not path.name.startswith(".")
    )
    manifest = {
        "written_utc": datetime.now(UTC).isoformat(timespec="seconds"),
        "source": source,
        "parts": {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in parts},
    }
    _text(folder / MANIFEST, json.dumps(manifest, indent=2, ensure_ascii=False))


def _text(path: Path, text: str) -> None:
    with whole(path) as file:
        file.write(text.encode())
