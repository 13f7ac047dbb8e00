"""The folder of --out: tried before the work begins, locked while it lasts, and changed only when everything is there.

A run takes the folder before hours of work, so that a name that is taken or a disk that cannot be written fails at once. A hidden file
marks the folder as expsim's, lists what the last run put there, and carries a lock that the system frees when a process dies. New files
are written aside and moved in at the end, the manifest last: an interrupted run leaves the old result as it was.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from expsim_bayes.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

MARK = ".expsim"
"""Hidden file that marks a folder of expsim, lists the files of its last run and carries the lock."""
ASIDE = ".expsim-new"
"""Hidden folder in which a run writes until all is there."""
MANIFEST, FACTS = "manifest.json", "facts.json"
"""Files that the report writes: what stands in the folder, and the facts; a folder that holds facts is expsim's too."""


@contextmanager
def taken(out: Path | None, *, overwrite: bool = False) -> Iterator[Path | None]:
    """A folder to write results into, which become those of `out` when the block ends without an error.

    Files of an earlier run that are not written again are removed. Yields None where no folder was asked for.

    Parameters
    ----------
    out : Path, optional
        The folder; it is made if need be.
    overwrite : bool
        Take it although it holds files of others.

    Raises
    ------
    SettingError
        It cannot be made or written, holds files of others, or another run writes into it.
    """
    if out is None:
        yield None
        return
    existed = out.exists()
    with locked(out, overwrite=overwrite) as mark:
        aside = out / ASIDE
        try:
            shutil.rmtree(aside, ignore_errors=True)
            _try_to_write(aside)
            yield aside
            _move_in(aside, out, mark)
        except BaseException:
            _give_up(out, mark, remove=not existed)
            raise
        finally:
            shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def locked(folder: Path, *, overwrite: bool = False) -> Iterator[int]:
    """Handle of the mark of a folder, which nobody else can take until the block ends.

    Raises
    ------
    SettingError
        As for `taken`.
    """
    _refuse_strangers(folder, overwrite=overwrite)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / MARK, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise _no_way(folder, error) from None
    try:
        _lock(handle, folder)
        yield handle
    finally:
        os.close(handle)


def remember(mark: int, names: Iterable[str]) -> None:
    """Add files to those of the last run, so that the next run takes them away with the others."""
    _list(mark, sorted({*_listed(mark), *names}))


def unfinished(folder: Path) -> str:
    """Why a folder is not what its last run left, in a few words; empty where it is."""
    try:
        parts = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["parts"]
    except (OSError, ValueError, KeyError):
        return "it has no manifest, so the run that wrote it did not finish"
    wrong = sorted(str(name) for name, digest in parts.items() if _digest(folder / name) != digest)
    return f"changed or missing since it was written: {', '.join(wrong[:5])}" if wrong else ""


def _refuse_strangers(folder: Path, *, overwrite: bool) -> None:
    """An error where the folder is no folder, or holds files of others."""
    if folder.exists() and not folder.is_dir():
        raise SettingError(f"'{folder}' is a file", where="--out", remedy="name a folder")
    try:
        names = sorted(entry.name for entry in folder.iterdir()) if folder.exists() else []
    except OSError as error:
        raise _no_way(folder, error) from None
    if overwrite or not names or MARK in names or FACTS in names:
        return
    some = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    raise SettingError(
        f"'{folder}' holds files that are not expsim's ({some})",
        where="--out",
        remedy="name a new folder, or add --overwrite to write among them",
    )


def _lock(handle: int, folder: Path) -> None:
    """Lock the mark until it is closed."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(handle).st_ino != (folder / MARK).stat().st_ino:
                raise BlockingIOError  # another run has just given the folder up
    except OSError:
        raise SettingError(
            f"another run is writing into '{folder}'",
            where="--out",
            remedy="wait until it has finished, or name another folder",
        ) from None


def _try_to_write(aside: Path) -> None:
    from expsim_bayes.readers.atomic import whole

    try:
        aside.mkdir()
        with whole(aside / "trial") as trial:
            trial.write(bytes(4096))
        (aside / "trial").unlink()
    except OSError as error:
        raise _no_way(aside.parent, error) from None


def _no_way(folder: Path, error: OSError) -> SettingError:
    return SettingError(
        f"'{folder}' cannot be written ({error.strerror})",
        where="--out",
        remedy="name a folder in which you may make files",
    )


def _move_in(aside: Path, folder: Path, mark: int) -> None:
    """Move every file to its place, the manifest last, and remove what is left of the run before."""
    names = sorted(path.relative_to(aside).as_posix() for path in aside.rglob("*") if path.is_file())
    names.sort(key=lambda name: name == MANIFEST)
    earlier = _listed(mark)
    _list(mark, sorted({*names, *earlier}))
    for name in names:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (aside / name).replace(target)
    for name in set(earlier) - set(names):
        target = folder / name
        if target.resolve().is_relative_to(folder.resolve()):
            target.unlink(missing_ok=True)
            with suppress(OSError):  # a folder that still holds something stays
                target.parent.rmdir()
    _list(mark, names)


def _listed(mark: int) -> list[str]:
    """Files that the last run put into the folder."""
    os.lseek(mark, 0, os.SEEK_SET)
    with os.fdopen(os.dup(mark), "rb") as file:
        content = file.read()
    try:
        return [str(name) for name in json.loads(content)["files"]]
    except (ValueError, KeyError, TypeError):
        return []


def _list(mark: int, names: list[str]) -> None:
    os.ftruncate(mark, 0)
    os.lseek(mark, 0, os.SEEK_SET)
    os.write(mark, json.dumps({"files": names}).encode())


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _give_up(folder: Path, mark: int, *, remove: bool) -> None:
    """Take the mark off a folder in which no run has left anything, and remove a folder that was made for this one."""
    shutil.rmtree(folder / ASIDE, ignore_errors=True)
    with suppress(OSError):
        if not _listed(mark):
            (folder / MARK).unlink(missing_ok=True)
        if remove:
            folder.rmdir()
