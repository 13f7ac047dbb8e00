"""Fits that were written by `expsim fit --out`, opened for the verbs that ask them something."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from expsim_bayes.cli import exits
from expsim_bayes.cli.folder import unfinished
from expsim_bayes.errors import SettingError

if TYPE_CHECKING:
    from pathlib import Path

    import xarray as xr

    from expsim_bayes.cli.screen import Screen

POSTERIOR = "posterior.nc"
"""File with the fit in the folder of --out."""
REMEDY = "name a folder that `expsim fit --out` has written, or its posterior.nc"


def opened(path: Path, screen: Screen) -> xr.DataTree:
    """A fit read into memory; a folder that is not as its run left it is said so.

    Raises
    ------
    SettingError
        There is no fit, or it cannot be read.
    """
    import xarray as xr

    file = path / POSTERIOR if path.is_dir() else path
    if not file.is_file():
        raise SettingError("holds no fit", where=str(path), remedy=REMEDY)
    if path.is_dir() and (problem := unfinished(path)):
        screen.aside(f"Warning: '{path}' is not as its run left it: {problem}.", style="yellow")
    try:
        with xr.open_datatree(file, engine="h5netcdf") as tree:
            found: xr.DataTree = tree.load()
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise SettingError(f"cannot be read as a fit ({error})", where=str(file), remedy=REMEDY) from None
    if "posterior" not in found.children or "verdict" not in found.attrs:
        raise SettingError("is no fit of expsim", where=str(file), remedy=REMEDY)
    return found


def trusted(path: Path, screen: Screen) -> xr.DataTree:
    """A fit as by `opened`, for what says nothing of one that the gate refused.

    Raises
    ------
    SettingError
        There is no fit, or it cannot be read.
    typer.Exit
        The fit is not to be trusted, which has been said.
    """
    tree = opened(path, screen)
    verdict = json.loads(tree.attrs["verdict"])
    if verdict["level"] == "refuse":
        screen.say(f"The fit is not to be trusted: {' '.join(verdict['reasons'])}", style="yellow")
        screen.emit({"refused": verdict["reasons"]})
        raise typer.Exit(exits.REFUSED)
    return tree
