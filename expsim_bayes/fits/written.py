"""A DataTree as a file that xarray and ArviZ open without this program: netCDF, a Zarr folder, or a Zarr folder in a zip archive.

What was there is there until the new one is whole.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from expsim_bayes.errors import SettingError
from expsim_bayes.readers.atomic import whole

if TYPE_CHECKING:
    import xarray as xr

ZARR_FORMAT = 2
"""Version of the Zarr format: the one that every reader knows, and that has texts of any length and of a fixed one."""
WORTH_PACKING = 1_000
"""Numbers from which packing is worth its overhead."""
ENDINGS = (".nc", ".zarr", ".zarr.zip")
"""Ends of names, and with them forms, of what is written."""


def write(tree: xr.DataTree, path: Path) -> Path:
    """Write a DataTree in the form that the end of a name asks for.

    Parameters
    ----------
    tree : xarray.DataTree
        With all its groups.
    path : Path
        Ends in .nc (netCDF), .zarr (a folder) or .zarr.zip (one file).

    Returns
    -------
    pathlib.Path
        The same.

    Raises
    ------
    SettingError
        The name ends otherwise, or is that of something else.

    Examples
    --------
    >>> import xarray as xr
    >>> tree = xr.DataTree.from_dict({"posterior": xr.Dataset({"x": (("chain", "draw"), [[1.0, 2.0]])})})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     made = write(tree, Path(folder, "fit.zarr"))
    ...     xr.open_datatree(made, engine="zarr").load().identical(tree)
    True
    """
    name = path.name.lower()
    if not name.endswith(ENDINGS):
        raise SettingError(
            f"'{path.name}' does not say in which form to write",
            where=str(path),
            remedy="end its name in .nc (netCDF), .zarr (a Zarr folder) or .zarr.zip (the same as one file)",
        )
    plain = tree.map_over_datasets(lambda group: group.drop_encoding())
    if name.endswith(".nc"):
        netcdf(plain, path)
    elif name.endswith(".zip"):
        _zipped(plain, path)
    else:
        _folder(plain, path)
    return path


def netcdf(data: xr.Dataset | xr.DataTree, path: Path) -> None:
    """Write netCDF beside the old file and rename, since writing over an open file fails."""
    beside = path.with_name(f".{path.name}.part")
    try:
        data.to_netcdf(beside, engine="h5netcdf", encoding=_packed(data))
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _packed(data: xr.Dataset | xr.DataTree) -> dict[str, Any]:
    """How netCDF packs whole numbers, which predictions often are, without loss; other numbers hardly get smaller and take their time."""
    import xarray as xr

    if isinstance(data, xr.DataTree):
        return {node.path: _packed(node.to_dataset(inherit=False)) for node in data.subtree}
    return {
        str(name): {"zlib": True, "complevel": 1, "shuffle": True}
        for name, values in data.data_vars.items()
        if values.dtype.kind in "iub" and values.size > WORTH_PACKING
    }


def _folder(tree: xr.DataTree, path: Path) -> None:
    """A Zarr folder, in the place of an earlier one."""
    if path.exists() and not _is_zarr(path):
        raise SettingError("is there and is no Zarr folder", where=str(path), remedy="name another folder")
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as beside:
        made = Path(beside, "new")
        _zarr(tree, made)
        if path.exists():
            path.replace(Path(beside, "old"))
        made.replace(path)


def _zarr(tree: xr.DataTree, folder: Path) -> None:
    """A new Zarr folder, read in the order in which variables stand, where Zarr has them by name."""
    tree.to_zarr(folder, zarr_format=ZARR_FORMAT, consolidated=True)
    file = folder / ".zmetadata"
    told = json.loads(file.read_text(encoding="utf-8"))
    variables = [f"{node.path}/{name}".lstrip("/") for node in tree.subtree for name in node.dataset.variables]
    place = {name: n for n, name in enumerate(variables)}
    told["metadata"] = dict(
        sorted(told["metadata"].items(), key=lambda part: place.get(part[0].rpartition("/")[0], -1))
    )
    file.write_text(json.dumps(told), encoding="utf-8")


def _is_zarr(path: Path) -> bool:
    return path.is_dir() and any((path / name).is_file() for name in (".zgroup", "zarr.json"))


def _zipped(tree: xr.DataTree, path: Path) -> None:
    """A Zarr folder as one file: its parts are packed already, so the archive only holds them."""
    folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        _zarr(tree, folder / "zarr")
        parts = sorted(part for part in (folder / "zarr").rglob("*") if part.is_file())
        with whole(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for part in parts:
                archive.write(part, part.relative_to(folder / "zarr").as_posix())
    finally:
        shutil.rmtree(folder, ignore_errors=True)
