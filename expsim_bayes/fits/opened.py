"""Fits that come from outside, opened without trust: netCDF (HDF5) and Zarr, as a folder or zipped, of `expsim fit` or of others.

Nothing is ever unpacked to disk, nothing is executed, no link leaves the file, and every size is looked at before it is read. What is kept
of a file are numbers with the dims chain and draw, and a few groups beside them.
"""

from __future__ import annotations

import json
import lzma
import stat
import zipfile
import zlib
from io import BytesIO
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from expsim_bayes.amounts import count, listed
from expsim_bayes.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import xarray as xr

LIMIT = 200_000_000
"""Bytes of a file that are taken."""
UNPACKED = 400_000_000
"""Bytes that are read of it, once unpacked."""
RATIO = 100
"""How many times as large an archive may become."""
SMALL = 1_000_000
"""Bytes up to which a part of an archive may be packed as tightly as it likes."""
MOST_PARTS = 5_000
"""Parts of an archive, or of a netCDF file."""
MOST_NUMBERS = 1_500
"""Numbers of a posterior that are judged."""
FEWEST_DRAWS = 10
"""Draws of a chain without which nothing can be said."""
KEPT = (
    "posterior",
    "sample_stats",
    "observed_data",
    "constant_data",
    "log_prior",
    "log_likelihood",
    "posterior_predictive",
)
"""Groups that are read, in this order as long as there is room."""
SAMPLE = ("chain", "draw")
CODECS = frozenset(
    {"bytes", "blosc", "zstd", "gzip", "zlib", "lz4", "bz2", "lzma", "crc32c", "transpose", "sharding_indexed", "shuffle", "delta",
     "fixedscaleoffset", "vlen-utf8", "vlen-bytes"}
)  # fmt: skip
"""Ways of packing numbers and text that carry no code."""
WANTED = "give the posterior.nc that `expsim fit --out` writes, another netCDF file, or a Zarr folder as a zip"
TROUBLE = (
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    ValueError,
    KeyError,
    RuntimeError,
    TypeError,
    AttributeError,
    NotImplementedError,
    IndexError,
    OverflowError,
)
"""What libraries raise on a damaged file."""


class Limits(NamedTuple):
    """How much is read of a file."""

    file: int
    """Bytes of the file."""
    unpacked: int
    """Bytes once unpacked."""


OWN = Limits(50_000_000_000, 8_000_000_000)
"""What is read on one's own machine, where nobody else waits."""


class Opened(NamedTuple):
    """A fit that was opened."""

    name: str
    """Of its file, for display."""
    tree: xr.DataTree
    """What is kept of it, in memory."""
    notes: tuple[str, ...]
    """What was left out."""


class _Read(NamedTuple):
    """What was read of a file."""

    groups: dict[str, xr.Dataset]
    attrs: dict[str, Any]
    left: tuple[str, ...]
    """Groups for which there was no room."""


def opened(path: Path, limits: Limits | None = None) -> Opened:
    """A fit from a file, or from a Zarr folder; what a file is, its bytes tell.

    Parameters
    ----------
    path : Path
        netCDF, a Zarr folder, or one in a zip archive.
    limits : Limits, optional
        What is read at most; `LIMIT` and `UNPACKED`, which suit a server, unless told.

    Raises
    ------
    SettingError
        It is no fit, is damaged, too large, or reaches out of itself.
    """
    most = limits or Limits(LIMIT, UNPACKED)
    size = 0 if path.is_dir() else path.stat().st_size
    if size > most.file:
        raise _refused(
            path,
            f"the file has {count(size)} bytes, at most {count(most.file)} are taken here",
            "open it on your own machine",
        )
    try:
        return _prepared(path, _read(path, most))
    except TROUBLE as error:
        raise _refused(
            path, f"the file is damaged, or holds something unusual ({type(error).__name__})", WANTED
        ) from error


def _read(path: Path, most: Limits) -> _Read:
    if path.is_dir():
        return _zarr(path, _files(path, most), most)
    with path.open("rb") as file:
        start = file.read(8)
    if start.startswith(b"\x89HDF"):
        return _netcdf(path, most)
    if start.startswith(b"PK\x03\x04"):
        return _zarr(path, _parts(path, most), most)
    raise _refused(path, _what(start), WANTED)


def _what(start: bytes) -> str:
    """What a file is that cannot be opened."""
    if not start:
        return "the file is empty (0 bytes)"
    if start[0] == 0x80:
        return "this is a Python pickle, which can run code and is never opened"
    if start.startswith(b"CDF"):
        return "this is netCDF 3, which has no groups"
    if start.startswith(b"PAR1") or start[:1].isalnum():
        return "this is no fit; a table of ratings is fitted first, by `expsim fit` or on the page Analyse"
    return "this is neither netCDF nor a zipped Zarr folder"


def _refused(path: Path, problem: str, remedy: str) -> SettingError:
    return SettingError(problem, where=path.name, remedy=remedy)


def _netcdf(path: Path, most: Limits) -> _Read:
    """Groups and attributes of a netCDF file that stays within itself."""
    import h5py
    import xarray as xr

    with h5py.File(path, "r") as file:
        _stays_within(path, file)
    with xr.open_datatree(path, engine="h5netcdf", decode_times=False) as tree:
        return _groups(path, tree, most)


def _stays_within(path: Path, top: Any) -> None:
    """An error where a file of HDF5 points out of itself, or has more parts than can be looked at."""
    import h5py

    waiting, seen = [top], 0
    while waiting:
        group = waiting.pop()
        for name in group:
            seen += 1
            if seen > MOST_PARTS:
                raise _refused(path, f"more than {count(MOST_PARTS)} parts", WANTED)
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise _refused(path, "a part of it is a link to somewhere else, which is never followed", WANTED)
            part = group[name]
            if isinstance(part, h5py.Group):
                waiting.append(part)
            elif isinstance(part, h5py.Dataset) and (part.external or part.is_virtual):
                raise _refused(path, "a part of it lies in another file, which is never opened", WANTED)


def _groups(path: Path, tree: xr.DataTree, most: Limits) -> _Read:
    """The groups that are kept, in memory, and the attributes; a table of draws without groups is a posterior."""
    found = {name: tree[name].to_dataset() for name in KEPT if name in tree.children}
    if "posterior" not in found and set(SAMPLE) <= set(tree.dataset.dims):
        found = {"posterior": tree.to_dataset(), **found}
    room, left = most.unpacked, []
    for name, group in list(found.items()):
        size = sum(int(values.nbytes) for values in group.variables.values())
        if size <= room:
            room -= size
        elif name == "posterior":
            raise _refused(
                path,
                f"{count(size)} bytes of draws, at most {count(most.unpacked)} are read here",
                "thin them, or keep fewer variables",
            )
        else:
            left.append(name)
            del found[name]
    attrs = {str(key): value for key, value in tree.attrs.items()}
    return _Read({name: group.load() for name, group in found.items()}, attrs, tuple(left))


def _zarr(path: Path, held: Mapping[str, bytes], most: Limits) -> _Read:
    """Groups and attributes of a Zarr folder whose files are in memory."""
    import xarray as xr
    from zarr.core.buffer import default_buffer_prototype
    from zarr.storage import MemoryStore

    buffer = default_buffer_prototype().buffer
    root = _root(path, held)
    inner = {name.removeprefix(root): data for name, data in held.items() if name.startswith(root)}
    plain = {name: _metadata(path, name, data, most) for name, data in inner.items()}
    store = MemoryStore({name: buffer.from_bytes(data) for name, data in plain.items()}, read_only=True)
    with xr.open_datatree(cast("Any", store), engine="zarr", consolidated=False, decode_times=False) as tree:
        return _groups(path, tree, most)


def _files(path: Path, most: Limits) -> dict[str, bytes]:
    """The files of a Zarr folder, none of which lies elsewhere."""
    files = [file for file in path.rglob("*") if file.is_file()]
    if any(not file.resolve().is_relative_to(path.resolve()) for file in files):
        raise _refused(path, "a part of it is a link to somewhere else, which is never followed", WANTED)
    if sum(file.stat().st_size for file in files) > most.unpacked:
        raise _refused(
            path, f"it is larger than the {count(most.unpacked)} bytes that are read", "keep fewer variables"
        )
    return {file.relative_to(path).as_posix(): file.read_bytes() for file in files}


def _parts(path: Path, most: Limits) -> dict[str, bytes]:
    """The files in an archive, each within the limits; none is written anywhere."""
    try:
        archive = zipfile.ZipFile(BytesIO(path.read_bytes()))
    except zipfile.BadZipFile as error:
        raise _refused(path, "the archive is damaged", "zip the folder again") from error
    with archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        if len(entries) > MOST_PARTS:
            raise _refused(
                path,
                f"{count(len(entries))} files in the archive, at most {count(MOST_PARTS)} are read",
                "store it in larger chunks",
            )
        total = sum(entry.file_size for entry in entries)
        if total > most.unpacked:
            raise _refused(
                path,
                f"{count(total)} bytes once unpacked, at most {count(most.unpacked)} are read",
                "keep fewer variables",
            )
        for entry in entries:
            _entry(path, entry)
        try:
            return {entry.filename: archive.read(entry) for entry in entries}
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
            raise _refused(
                path, "the archive is damaged or locked", "zip the folder again, without a password"
            ) from error


def _entry(path: Path, entry: zipfile.ZipInfo) -> None:
    """An error where a file in an archive is not what it should be."""
    name = PurePosixPath(entry.filename)
    outside = name.is_absolute() or ".." in name.parts or "\\" in entry.filename or ":" in entry.filename
    if outside or stat.S_ISLNK(entry.external_attr >> 16):
        raise _refused(path, "a file in the archive would lie outside of it", WANTED)
    if entry.file_size > SMALL and entry.file_size > RATIO * max(entry.compress_size, 1):
        raise _refused(path, "a file in the archive becomes more than 100 times as large", "zip the folder again")


def _root(path: Path, held: Mapping[str, bytes]) -> str:
    """The folder of the archive that is the Zarr group; "" where it is the archive itself."""
    tops = [name for name in held if PurePosixPath(name).name in ("zarr.json", ".zgroup")]
    if not tops:
        raise _refused(path, "the archive holds no Zarr group (an Excel workbook is no fit, either)", WANTED)
    top = min(tops, key=lambda name: (name.count("/"), name))
    return top[: len(top) - len(PurePosixPath(top).name)]


def _metadata(path: Path, name: str, data: bytes, most: Limits) -> bytes:
    """A part of a Zarr group; where it describes others, without summaries of them, and with nothing packed by unknown means."""
    if PurePosixPath(name).name not in ("zarr.json", ".zarray"):
        return data
    told = json.loads(data)
    told.pop("consolidated_metadata", None)
    strange = sorted({codec for codec in _codecs(told) if codec not in CODECS})
    if strange:
        raise _refused(
            path, f"numbers packed by {listed(strange)[:80]}, which might run code, are never unpacked", WANTED
        )
    shape = told.get("chunks") or (told.get("chunk_grid") or {}).get("configuration", {}).get("chunk_shape") or []
    if float(np.prod([float(size) for size in shape])) * 8 > most.unpacked:
        raise _refused(path, "a chunk is larger than what is read here", "store it in smaller chunks")
    return json.dumps(told).encode()


def _codecs(told: Any) -> Iterator[str]:
    """Names of all codecs in the description of an array, those inside others too."""
    listed_here = [
        *(told.get("codecs") or []),
        *(told.get("filters") or []),
        *([told["compressor"]] if told.get("compressor") else []),
    ]
    for codec in listed_here:
        name = str(codec if isinstance(codec, str) else codec.get("name") or codec.get("id")).removeprefix("numcodecs.")
        yield name
        inner = codec.get("configuration") if isinstance(codec, dict) else None
        if isinstance(inner, dict):
            yield from _codecs({"codecs": [*(inner.get("codecs") or []), *(inner.get("index_codecs") or [])]})


def _prepared(path: Path, read: _Read) -> Opened:
    """What can be judged of the groups."""
    import xarray as xr

    groups, attrs, left = read

    if "posterior" not in groups:
        raise _refused(path, "there is no group 'posterior' in it", WANTED)
    kept, notes = _judged(groups["posterior"])
    if left:
        notes.append(f"Left out, since they are larger than what is read: the groups {listed(list(left))}.")
    sizes = kept.sizes
    if not kept.data_vars:
        raise _refused(
            path,
            "no variable of the posterior has the dims chain and draw",
            "save draws by chain and draw, as ArviZ does",
        )
    if sizes["draw"] < FEWEST_DRAWS:
        raise _refused(
            path, f"{count(sizes['draw'])} draws a chain: nothing can be said of so few", "save all draws of each chain"
        )
    groups["posterior"] = kept
    if "sample_stats" in groups:
        stats = groups["sample_stats"]
        same = {dim: sizes[dim] for dim in SAMPLE}
        plain = [
            name
            for name, values in stats.data_vars.items()
            if dict(values.sizes) == same and values.dtype.kind in "biuf"
        ]
        groups["sample_stats"] = stats[plain]
    tree = xr.DataTree.from_dict({name: group.drop_attrs(deep=True) for name, group in groups.items()})
    tree.attrs = {
        str(key): value
        for key, value in attrs.items()
        if isinstance(value, str | int | float | np.integer | np.floating)
    }
    return Opened(path.name, tree, tuple(notes))


def _judged(posterior: xr.Dataset) -> tuple[xr.Dataset, list[str]]:
    """The variables that are draws of numbers, the smallest first, up to as many numbers as are judged."""
    draws = [
        str(name)
        for name, values in posterior.data_vars.items()
        if set(SAMPLE) <= set(values.dims) and values.dtype.kind in "biuf"
    ]
    notes = []
    if len(draws) < len(posterior.data_vars):
        notes.append(
            f"{count(len(posterior.data_vars) - len(draws))} variables that are no draws of numbers are left out."
        )
    if not draws:
        return posterior[[]], notes
    entries = {
        name: int(np.prod([n for dim, n in posterior[name].sizes.items() if dim not in SAMPLE])) for name in draws
    }
    kept: list[str] = []
    total = 0
    for name in sorted(draws, key=lambda name: (entries[name], name)):
        if total + entries[name] <= MOST_NUMBERS or not kept:
            kept.append(name)
            total += entries[name]
    left = [name for name in draws if name not in kept]
    if left:
        named = ", ".join(left[:5]) + (" and more" if left[5:] else "")
        notes.append(f"Left out, since more than {count(MOST_NUMBERS)} numbers are not judged: {named}.")
    return posterior[kept].transpose(*SAMPLE, ...), notes
