"""What a session takes away from the page of diagnostics: the report in every form, its tables, and the fit itself for other programs."""

from __future__ import annotations

import shlex
import tempfile
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from expsim_bayes.apps.handed import MEDIA, File, sheets
from expsim_bayes.diagnosis import Diagnosed, diagnose
from expsim_bayes.fits.opened import Opened
from expsim_bayes.fits.written import write
from expsim_bayes.report import tidy
from expsim_bayes.report.diagnosed_forms import name_of, rendered

if TYPE_CHECKING:
    import xarray as xr

    from expsim_bayes.apps.question import Question
    from expsim_bayes.report.document import Length
    from expsim_bayes.report.forms import Form

NETCDF, ZARR = "posterior.nc", "posterior.zarr.zip"
"""Names, and with them forms, of the fit itself."""
TABLES = "diagnostics-tables.zip"


class Handed:
    """Files of one fit, each made when it is asked for; what takes long is worked out once.

    Parameters
    ----------
    found : Opened
        The fit as it was read.
    whole : Path, optional
        The fit as it was written, with every group, where this session made it.
    """

    def __init__(self, found: Opened, whole: Path | None = None) -> None:
        self._found = found
        self._whole = whole

    @cached_property
    def diagnosed(self) -> Diagnosed:
        """How the fit went."""
        return diagnose(self._found.tree, self._found.name, notes=self._found.notes)

    def report(self, form: Form, length: Length = "full") -> File:
        """The report of how it went."""
        return File(name_of(form, length), MEDIA[form], rendered(form, self.diagnosed, length=length))

    def tables(self) -> File:
        """Every table of the report as CSV, in one file."""
        return sheets(TABLES, tidy.of_diagnosed(self.diagnosed))

    def fit(self, name: str) -> File:
        """The fit itself, in the form that the name asks for."""
        mime = "application/zip" if name.endswith(".zip") else "application/x-netcdf"
        if self._whole is not None and name == NETCDF:
            return File(name, mime, self._whole.read_bytes())
        with tempfile.TemporaryDirectory(prefix="expsim-") as place:
            return File(name, mime, write(self._tree(), Path(place, name)).read_bytes())

    def _tree(self) -> xr.DataTree:
        """All that there is of the fit."""
        if self._whole is None:
            return self._found.tree
        import xarray as xr

        with xr.open_datatree(self._whole, engine="h5netcdf") as tree:
            return tree.load()


def of_file(name: str) -> str:
    """The command line that says the same of a fit that was opened.

    Examples
    --------
    >>> of_file("my draws.nc")
    "expsim diagnose 'my draws.nc' --format md,html,pdf,csv --out diagnostics"
    """
    place = shlex.quote(f"./{name}" if name.startswith("-") else name)
    return f"expsim diagnose {place} --format md,html,pdf,csv --out diagnostics"


def of_ratings(question: Question, file: str) -> str:
    """The command lines that fit a file of ratings, say the same of the fit, and write it for other programs."""
    return f"{question.command(file)}\n{of_file('fit')}\nexpsim export fit fit.zarr.zip"


def python(name: str) -> str:
    """Lines of Python that say the same."""
    return (
        "from pathlib import Path\n\n"
        "from expsim_bayes.diagnosis import diagnose\n"
        "from expsim_bayes.fits.opened import OWN, opened\n"
        "from expsim_bayes.report.diagnosed_forms import write\n\n"
        f"found = diagnose(opened(Path({name!r}), OWN).tree)\n"
        "print(found.headline, *found.reasons, *(check.sentence for check in found.checks), sep='\\n')\n"
        'write(found, Path("diagnostics"), ["md", "html", "pdf", "csv"])\n'
    )
