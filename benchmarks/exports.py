"""Proof that plain ArviZ and xarray open what is exported: in an environment without this package, every form is held to the original.

Run with the folder of a fit (`expsim fit --out DIR`), or with nothing for a small fit without a sampler. The environment holds ArviZ,
xarray and what reads the files, at the pinned versions, and nothing else; it takes about half a minute and is gone afterwards.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

import xarray as xr

from expsim_bayes.fits.written import ENDINGS, write

PACKAGES = ("arviz", "xarray", "h5netcdf", "h5py", "zarr", "matplotlib")
LOCK = Path(__file__).resolve().parents[1] / "requirements.lock"

READER = """
import hashlib, importlib.util, json, sys
import arviz as az, numpy as np, xarray as xr, zarr
import matplotlib
matplotlib.use("agg")
assert importlib.util.find_spec("expsim_bayes") is None
def digest(tree):
    found = {}
    for node in tree.subtree:
        found[node.path] = {"attrs": sorted((str(k), str(v)) for k, v in node.attrs.items())}
        for name, values in node.dataset.variables.items():
            array = values.to_numpy()
            content = json.dumps([str(x) for x in array.ravel()]).encode() if array.dtype.kind in "OUT" else array.tobytes()
            kind = "text" if array.dtype.kind in "OUT" else str(array.dtype)
            found[node.path][str(name)] = [list(map(str, values.dims)), list(array.shape), kind, hashlib.sha256(content).hexdigest()]
    return found
expected = json.load(open(sys.argv[1]))
for name in sys.argv[2:]:
    source = zarr.storage.ZipStore(name) if name.endswith(".zip") else name
    tree = xr.open_datatree(source, engine="h5netcdf" if name.endswith(".nc") else "zarr").load()
    assert json.loads(json.dumps(digest(tree))) == expected, name
    summary = az.summary(tree, var_names=["quality"], round_to="none")
    picture = az.plot_forest(tree, var_names=["quality"])
    picture.savefig(name.rstrip("/") + ".png")
    print(f"{name.rsplit('/', 1)[-1]}: {len(tree.children)} groups, all as they were; summary of {len(summary)} rows, largest R-hat "
          f"{float(np.nanmax(summary['r_hat'])):.3f}; plot drawn")
print("arviz", az.__version__, "xarray", xr.__version__, "zarr", zarr.__version__)
"""


def digest(tree: xr.DataTree) -> dict[str, dict[str, object]]:
    """Attributes of every group, and dims, shape, type and SHA-256 of every variable: the same that the reader works out."""
    found: dict[str, dict[str, object]] = {}
    for node in tree.subtree:
        found[node.path] = {"attrs": sorted([str(k), str(v)] for k, v in node.attrs.items())}
        for name, values in node.dataset.variables.items():
            array = values.to_numpy()
            text = array.dtype.kind in "OUT"
            content = json.dumps([str(x) for x in array.ravel()]).encode() if text else array.tobytes()
            kind = "text" if text else str(array.dtype)
            found[node.path][str(name)] = [
                list(map(str, values.dims)), list(array.shape), kind, hashlib.sha256(content).hexdigest(),
            ]  # fmt: skip
    return found


def small_fit() -> xr.DataTree:
    """A fit of a simulated experiment."""
    from expsim_bayes.experiment import play
    from expsim_bayes.fit import fit
    from expsim_bayes.scenario import load

    ratings = play(load("summarization-prompts"), random_seed=1).ratings
    return fit(ratings, engine="fast", draws=500, random_seed=1)


def main() -> None:
    """Write every form, make the environment, and let it read them."""
    kept = Path(sys.argv[1]) / "posterior.nc" if len(sys.argv) > 1 else None
    tree = small_fit() if kept is None else xr.open_datatree(kept, engine="h5netcdf").load()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        paths = [write(tree, folder / f"draws{ending}") for ending in ENDINGS]
        (folder / "expected.json").write_text(json.dumps(digest(tree)), encoding="utf-8")
        pins = "\n".join(re.findall(r"^([a-z0-9][\w.-]*==[^\s;]+)", LOCK.read_text(encoding="utf-8"), re.MULTILINE))
        (folder / "pins.txt").write_text(pins, encoding="utf-8")
        began = time.monotonic()
        venv.create(folder / "clean", with_pip=True)
        python = next(
            path for path in (folder / "clean/bin/python", folder / "clean/Scripts/python.exe") if path.exists()
        )
        install: list[str | Path] = [
            python,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-compile",
            "-c",
            folder / "pins.txt",
            *PACKAGES,
        ]
        subprocess.run(install, check=True)
        print(f"environment made in {time.monotonic() - began:.0f} s")
        reader: list[str | Path] = [
            python,
            "-W",
            "ignore::FutureWarning",
            "-c",
            READER,
            folder / "expected.json",
            *paths,
        ]
        subprocess.run(reader, check=True, cwd=folder)


if __name__ == "__main__":
    main()
