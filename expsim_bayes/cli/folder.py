"""The folder of --out: tried before the work begins, locked while it lasts, complete afterwards or recognisably not.

A run takes the folder before hours of work, so that a name that is taken or a disk that cannot be written fails at once. A hidden file
marks the folder as expsim's and carries the lock, which the system frees when a process dies. The manifest, with the SHA-256 of every
file, is written last: a folder whose manifest is missing or does not fit was interrupted.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from expsim_bayes.errors import SettingError
from expsim_bayes.readers.atomic import whole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

MARK = ".expsim"
"""Hidden file that marks a folder of expsim and carries its lock."""
MANIFEST = "manifest.json"
"""What was run, when, and the SHA-256 of every file."""
FACTS = "facts.json"
"""The facts of a run; a folder that holds them is expsim's too."""


def taken(out: Path | None, *, overwrite: bool = False) -> AbstractContextManager[Path | None]:
    """The folder for results, taken until the block ends; nothing where none was asked for.

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
    return nullcontext() if out is None else _taken(out.expanduser(), overwrite=overwrite)


@contextmanager
def _taken(folder: Path, *, overwrite: bool) -> Iterator[Path]:
    begun = datetime.now(UTC)
    _refuse_strangers(folder, overwrite=overwrite)
    existed = folder.exists()
    handle = _locked(folder)
    try:
        before = _state(folder)
        try:
            yield folder
        except BaseException:
            if not existed and not _state(folder):
                _give_up(folder)
            raise
        _remove_leftovers(folder, before)
        _write_manifest(folder, begun)
    finally:
        os.close(handle)


def unfinished(folder: Path) -> str:
    """Why a folder is not that of a finished run, in a few words; empty where it is, or where nothing tells.

    A folder that was written from Python has neither mark nor manifest, and nothing is said about it.
    """
    manifest = _manifest(folder)
    if manifest is None:
        return "its run did not finish" if (folder / MARK).exists() else ""
    wrong = sorted(name for name, digest in manifest.items() if _digest(folder / name) != digest)
    return f"changed or cut short since its run: {', '.join(wrong[:5])}" if wrong else ""


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


def _locked(folder: Path) -> int:
    """Handle of the mark, locked; the folder is made and tried on the way."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / MARK, os.O_RDWR | os.O_CREAT, 0o666)
        with whole(folder / MANIFEST.replace(".", "-trial.")) as trial:
            trial.write(b"x" * 4096)
        (folder / MANIFEST.replace(".", "-trial.")).unlink()
    except OSError as error:
        raise _no_way(folder, error) from None
    try:
        _lock(handle)
    except OSError:
        os.close(handle)
        raise SettingError(
            f"another run is writing into '{folder}'", where="--out", remedy="wait until it has finished, or name another folder"
        ) from None
    return handle


def _lock(handle: int) -> None:
    """Lock a file until it is closed; an OSError where another process has it."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _no_way(folder: Path, error: OSError) -> SettingError:
    return SettingError(
        f"'{folder}' cannot be written ({error.strerror})", where="--out", remedy="name a folder in which you may make files"
    )


def _parts(folder: Path) -> list[Path]:
    """Every file of the folder but mark, manifest and unfinished ones."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return [path for path in files if path.name not in {MARK, MANIFEST} and not path.name.endswith(".part")]


def _state(folder: Path) -> dict[Path, tuple[int, int]]:
    """Files of the folder, with what changes when one is written."""
    return {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in _parts(folder)}


def _remove_leftovers(folder: Path, before: dict[Path, tuple[int, int]]) -> None:
    """Remove files that an earlier run wrote and this one did not: they would tell of another experiment."""
    earlier = _manifest(folder) or {}
    for path, state in _state(folder).items():
        name = path.relative_to(folder).as_posix()
        if name in earlier and before.get(path) == state and _digest(path) == earlier[name]:
            path.unlink()


def _manifest(folder: Path) -> dict[str, str] | None:
    """SHA-256 by file of the manifest; None where there is none that can be read."""
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return {str(name): str(digest) for name, digest in content["sha256"].items()}
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return None


def _write_manifest(folder: Path, begun: datetime) -> None:
    content = {
        "expsim_bayes": version("expsim-bayes"),
        "command": ["expsim", *sys.argv[1:]],
        "begun_utc": begun.isoformat(timespec="seconds"),
        "finished_utc": datetime.now(UTC).isoformat(timespec="seconds"),
        "sha256": {path.relative_to(folder).as_posix(): _digest(path) for path in _parts(folder)},
    }
    with whole(folder / MANIFEST) as file:
        file.write((json.dumps(content, indent=2) + "\n").encode())


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _give_up(folder: Path) -> None:
    """Remove a folder that was made for a run that left nothing in it."""
    (folder / MARK).unlink(missing_ok=True)
    try:
        folder.rmdir()
    except OSError:
        return
