"""`expsim export`: a fit as netCDF or Zarr, for ArviZ, xarray and whatever else reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from expsim_bayes.amounts import listed
from expsim_bayes.cli.opened import opened
from expsim_bayes.cli.options import AsJson
from expsim_bayes.cli.screen import Screen
from expsim_bayes.errors import SettingError


def export(
    fit: Annotated[Path, typer.Argument(metavar="FIT", help="A folder of `expsim fit --out`, or its posterior.nc.")],
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="What to write: NAME.zarr, a Zarr folder; NAME.zarr.zip, the same as one file; NAME.nc, netCDF.",
        ),
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Write a fit in a form that ArviZ and xarray open: every group, dimension, coordinate and attribute of it.

    An earlier file of that name gives way once the new one is whole.
    """
    screen = Screen(as_json=as_json)
    if not file.parent.is_dir():
        raise SettingError(f"there is no folder '{file.parent}'", where=str(file), remedy="make it, or name another")
    tree = opened(fit, screen)
    from expsim_bayes.fits.written import write

    write(tree, file)
    groups = sorted(tree.children)
    screen.labelled(
        [
            ("Written", str(file)),
            ("Groups", listed(groups)),
            ("To open", how_to_open(file.name)),
        ]
    )
    screen.emit({"file": str(file), "groups": groups, "to_open": how_to_open(file.name)})


def how_to_open(name: str) -> str:
    """The line of Python that opens a file.

    Examples
    --------
    >>> how_to_open("draws.zarr")
    'xarray.open_datatree("draws.zarr", engine="zarr")'
    """
    if name.lower().endswith(".zip"):
        return f'xarray.open_datatree(zarr.storage.ZipStore("{name}"), engine="zarr")'
    return f'xarray.open_datatree("{name}", engine="{"h5netcdf" if name.lower().endswith(".nc") else "zarr"}")'
