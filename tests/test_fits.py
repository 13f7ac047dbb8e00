"""A fit as a file: what is written is what is read, in every form, by xarray and ArviZ alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import arviz as az
import numpy as np
import pytest
import xarray as xr
import zarr
from small_fit import tree
from typer.testing import CliRunner

from expsim_bayes.cli.app import app
from expsim_bayes.cli.export import how_to_open
from expsim_bayes.errors import SettingError
from expsim_bayes.fits.opened import opened
from expsim_bayes.fits.written import write

if TYPE_CHECKING:
    from pathlib import Path

ENGINES = {".nc": "h5netcdf", ".zarr": "zarr", ".zarr.zip": "zarr"}


def rich() -> xr.DataTree:
    """A fit with every kind of number, label and attribute that a fit has."""
    made = tree()
    group = made["posterior"].to_dataset()
    group["steps"] = (("chain", "draw"), np.arange(800, dtype=np.int32).reshape(4, 200))
    group["single"] = (("chain", "draw"), np.linspace(0, 1, 800, dtype=np.float32).reshape(4, 200))
    group["holes"] = (("chain", "draw"), np.where(np.arange(800) % 7, 1.5, np.nan).reshape(4, 200))
    group = group.assign_coords(label=("variant", ["🚀 v2", "مرحبا"]))
    group["steps"].attrs = {"unit": "points", "ends": [1, 5], "names": ["a", "b"]}
    group.attrs = {"made_by": "a test", "seed": 7}
    made["posterior"] = xr.DataTree(group)
    made["empty"] = xr.DataTree(xr.Dataset(attrs={"note": "nothing"}))
    return made


def read(path: Path, ending: str) -> xr.DataTree:
    source: Any = zarr.storage.ZipStore(path) if ending == ".zarr.zip" else path
    with xr.open_datatree(source, engine=ENGINES[ending]) as found:
        loaded: xr.DataTree = found.load()
    return loaded


def the_same(one: xr.DataTree, other: xr.DataTree) -> None:
    """Values, dims, coordinates, types and attributes; texts count as texts, whether of a fixed length or not."""
    assert {node.path for node in one.subtree} == {node.path for node in other.subtree}
    for node in one.subtree:
        mine, theirs = node.dataset, other[node.path].dataset
        assert mine.attrs.keys() == theirs.attrs.keys()
        assert all(np.array_equal(mine.attrs[key], theirs.attrs[key]) for key in mine.attrs)
        assert list(mine.data_vars) == list(theirs.data_vars)
        assert set(mine.coords) == set(theirs.coords)
        for name in mine.variables:
            a, b = mine[name], theirs[name]
            assert a.dims == b.dims
            assert a.identical(b), name
            kinds = {x.dtype.kind for x in (a, b)}
            assert a.dtype == b.dtype or kinds <= set("OUT"), (name, a.dtype, b.dtype)


def test_a_round_trip_through_every_form_changes_nothing(tmp_path: Path) -> None:
    made = rich()
    before = made
    for ending in (".nc", ".zarr", ".zarr.zip", ".nc"):
        before = read(write(before, tmp_path / f"fit{ending}"), ending)
        the_same(made, before)


def test_arviz_reads_every_form_and_so_do_we_without_trust(tmp_path: Path) -> None:
    made = tree()
    for ending in ENGINES:
        path = write(made, tmp_path / f"fit{ending}")
        assert float(az.rhat(read(path, ending))["sd_item"]) == float(az.rhat(made)["sd_item"])
        assert opened(path).tree["posterior"].to_dataset().equals(made["posterior"].to_dataset()), ending


def test_a_new_file_takes_the_place_of_the_old_and_of_nothing_else(tmp_path: Path) -> None:
    small = xr.DataTree.from_dict({"posterior": xr.Dataset({"x": (("chain", "draw"), np.zeros((1, 2)))})})
    for ending in ENGINES:
        path = tmp_path / f"fit{ending}"
        write(small, path)
        write(small * 0 + 1, path)
        the_same(small + 1, read(path, ending))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fit.nc", "fit.zarr", "fit.zarr.zip"]
    (tmp_path / "mine.zarr").mkdir()
    (tmp_path / "mine.zarr" / "letter.txt").write_text("dear")
    with pytest.raises(SettingError, match="no Zarr folder"):
        write(tree(), tmp_path / "mine.zarr")
    assert (tmp_path / "mine.zarr" / "letter.txt").is_file()
    with pytest.raises(SettingError, match=r"does not say in which form.*\.zarr"):
        write(tree(), tmp_path / "fit.csv")


def test_a_link_in_a_zarr_folder_is_not_followed(tmp_path: Path) -> None:
    folder = write(tree(), tmp_path / "fit.zarr")
    (tmp_path / "secret").write_text("x")
    (folder / "posterior" / "out").symlink_to(tmp_path / "secret")
    with pytest.raises(SettingError, match="link to somewhere else"):
        opened(folder)


def test_the_command_writes_what_the_name_asks_for(tmp_path: Path) -> None:
    fit = write(tree(), tmp_path / "posterior.nc")
    done = CliRunner().invoke(app, ["export", str(fit), str(tmp_path / "draws.zarr")])
    assert done.exit_code == 0, done.output
    assert how_to_open("draws.zarr") in " ".join(done.output.split())
    the_same(tree(), read(tmp_path / "draws.zarr", ".zarr"))
    assert CliRunner().invoke(app, ["export", str(fit), str(tmp_path / "draws.csv")]).exit_code == 2
    assert CliRunner().invoke(app, ["export", str(fit), str(tmp_path / "none" / "draws.nc")]).exit_code == 2
