"""The folder that an experiment or a fit leaves behind: data, facts, figures and the report, each written whole or not at all.

The manifest is written last and names every part with its SHA-256, so a folder without one is known to be incomplete.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from expsim_bayes.errors import ExpsimError
from expsim_bayes.facts import Facts
from expsim_bayes.readers.atomic import whole
from expsim_bayes.report.build import Figure
from expsim_bayes.report.forms import Form, name_of, rendered

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import xarray as xr

    from expsim_bayes.experiment import Played
    from expsim_bayes.ratings import Ratings
    from expsim_bayes.report.document import Length

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
    _netcdf(folder / "history.nc", played.history)
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
    _netcdf(folder / "posterior.nc", tree)
    return _finish(folder, facts, draw_fit(tree, ratings, facts, folder))[0]


def rewrite(folder: Path) -> Path:
    """The report of a folder once more, from its facts and figures.

    Raises
    ------
    ExpsimError
        The folder holds no facts.
    """
    return write_forms(folder)[0]


def write_forms(folder: Path, forms: Sequence[Form] = ("md",), *, length: Length = "full") -> tuple[Path, ...]:
    """The report of a folder in one form or several, from its facts and figures.

    Parameters
    ----------
    folder : Path
        What `write_experiment` or `write_fit` has written.
    forms : sequence of {"md", "html", "pdf", "json"}
        Which.
    length : {"brief", "full"}
        A page for who decides (brief.md and so on), or everything for who checks (report.md).

    Returns
    -------
    tuple of pathlib.Path
        The files, in the same order.

    Raises
    ------
    ExpsimError
        The folder holds no facts, or its list of figures is damaged.
    """
    return _finish(folder, read_facts(folder), figures_of(folder), forms, length=length)


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
    folder: Path, facts: Facts, figures: Iterable[Figure], forms: Sequence[Form] = ("md",), *, length: Length = "full"
) -> tuple[Path, ...]:
    """Facts, reports and, last of all, the manifest."""
    drawn = list(figures)
    _text(folder / FACTS, facts_json(facts))
    _text(folder / FIGURES, json.dumps([figure._asdict() for figure in drawn], indent=2, ensure_ascii=False))
    pages = tuple(folder / name_of(form, length) for form in forms)
    for form, page in zip(forms, pages, strict=True):
        with whole(page) as file:
            file.write(rendered(form, facts, drawn, folder=folder, length=length))
    parts = sorted(
        path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST and not path.name.startswith(".")
    )
    manifest = {
        "written_utc": datetime.now(UTC).isoformat(timespec="seconds"),
        "source": facts.source,
        "parts": {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in parts},
    }
    _text(folder / MANIFEST, json.dumps(manifest, indent=2, ensure_ascii=False))
    return pages


def _text(path: Path, text: str) -> None:
    with whole(path) as file:
        file.write(text.encode())


def _netcdf(path: Path, data: xr.Dataset | xr.DataTree) -> None:
    """Write netCDF beside the old file and rename, since writing over an open file fails."""
    beside = path.with_name(f".{path.name}.part")
    try:
        data.to_netcdf(beside, engine="h5netcdf")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
