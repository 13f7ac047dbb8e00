"""The folder of a monitored experiment: immutable parts, and a manifest that names each of them with its SHA-256.

A part is written first, whole, and the manifest after it, so that at every moment the manifest names only what is there: what it does not
name does not exist. Left-overs of a writer that was killed are removed by the next one.
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Literal

from pydantic import Field, ValidationError

from expsim_bayes.errors import ExpsimError, SettingError
from expsim_bayes.frozen import Frozen
from expsim_bayes.live.lock import GUARD, LOCK
from expsim_bayes.readers.atomic import PART, whole

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST, SCENARIO, SETTINGS = "manifest.json", "scenario.toml", "settings.json"
BATCHES, LOOKS, CACHE = "batches", "looks", "cache"
"""Folders of the batches as they came, of what the looks gave, and of what can be computed again."""
PLACE = r"(batches|looks)/\d{4,}-[0-9a-f]{64}\.(csv|parquet|json)"
"""Where a part may lie."""


class DamagedError(ExpsimError):
    """A part is not what was written."""


class Batch(Frozen):
    """One batch of ratings that was acknowledged."""

    look: int = Field(ge=1)
    """Number of its look."""
    file: str = Field(pattern=f"^{PLACE}$")
    """The file, as it came."""
    sha256: str
    """SHA-256 of its bytes."""
    table_sha256: str
    """SHA-256 of the ratings in it."""
    source: str
    """Name under which it came."""
    rows: int = Field(ge=1)
    """Rows that are used."""
    received_utc: str
    """When it came, for information only."""


class Done(Frozen):
    """What one look gave."""

    look: int = Field(ge=1)
    """Its number."""
    file: str = Field(pattern=f"^{PLACE}$")
    """Where it is written down."""
    sha256: str
    """SHA-256 of that file."""
    fitted_utc: str
    """When, for information only."""


class Added(Frozen):
    """A variant that came in mid-experiment."""

    name: str
    """Its name."""
    look: int
    """The look with whose batch it came."""


class Manifest(Frozen):
    """What there is in the folder."""

    format: Literal[1] = 1
    """Version of this form."""
    scenario_sha256: str
    """SHA-256 of scenario.toml."""
    settings_sha256: str
    """SHA-256 of settings.json."""
    begun_utc: str
    """When the experiment began, for information only."""
    expsim: str
    """Version of the package that began it."""
    added: tuple[Added, ...] = ()
    """Variants that the scenario does not name."""
    batches: tuple[Batch, ...] = ()
    """Batches, in the order of their looks."""
    looks: tuple[Done, ...] = ()
    """Looks that are fitted: all, or all but the last ones."""


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def sha256(content: bytes) -> str:
    """SHA-256 of some bytes."""
    return hashlib.sha256(content).hexdigest()


def first_manifest(scenario: bytes, settings: bytes) -> Manifest:
    """The manifest of an experiment that has no batch yet."""
    return Manifest(
        scenario_sha256=sha256(scenario),
        settings_sha256=sha256(settings),
        begun_utc=now(),
        expsim=version("expsim-bayes"),
    )


def read_manifest(folder: Path) -> Manifest:
    """What there is in a folder.

    Raises
    ------
    SettingError
        It is no monitored experiment.
    DamagedError
        The manifest cannot be read.
    """
    try:
        content = (folder / MANIFEST).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise SettingError(
            "holds no monitored experiment",
            where=str(folder),
            remedy="make one with `expsim monitor init DIR SCENARIO`",
        ) from None
    try:
        return Manifest.model_validate_json(content)
    except ValidationError:
        raise _damaged(folder / MANIFEST, content) from None


def part(folder: Path, name: str, digest: str) -> bytes:
    """The bytes of a part.

    Raises
    ------
    DamagedError
        They are not those that were written.
    """
    path = folder / name
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        content = b""
    if sha256(content) != digest:
        raise _damaged(path, content)
    return content


def _damaged(path: Path, content: bytes) -> DamagedError:
    what = (
        f"is damaged: its {len(content):,} bytes are not those that were written" if content else "is empty or missing"
    )
    return DamagedError(
        what,
        where=str(path),
        remedy=f"put it back from a copy; or begin anew elsewhere and add the files in '{BATCHES}' in their order",
    )


def declared(folder: Path, name: str, digest: str) -> bytes:
    """The bytes of the scenario or the settings, which nobody may change.

    Raises
    ------
    SettingError
        They were changed.
    """
    path = folder / name
    content = path.read_bytes() if path.is_file() else b""
    if sha256(content) != digest:
        raise SettingError(
            "was changed since the experiment began" if content else "is empty or missing",
            where=str(path),
            remedy=(
                "put it back as it was; for another scenario or other settings begin a new experiment with "
                "`expsim monitor init` and add the batches there"
            ),
        )
    return content


def put(path: Path, content: bytes) -> None:
    """Write a file whole.

    Raises
    ------
    SettingError
        It cannot be written; nothing is changed then.
    """
    try:
        path.parent.mkdir(exist_ok=True)
        with whole(path) as file:
            file.write(content)
    except OSError as error:
        raise SettingError(
            f"{len(content):,} bytes cannot be written ({error.strerror})",
            where=str(path),
            remedy="make room on the disk, or see that you may write there, and do the same again; what was kept before is unchanged",
        ) from None


def put_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest: from here on what it names is there."""
    put(folder / MANIFEST, manifest.model_dump_json(indent=2).encode())


def clean(folder: Path, manifest: Manifest) -> int:
    """Remove what a killed writer left: parts that the manifest does not name, and unfinished files. How many there were."""
    named = {batch.file for batch in manifest.batches} | {done.file for done in manifest.looks}
    left = [*folder.glob(f".*{PART}"), *(folder / CACHE).glob(f".*{PART}")]
    for place in (BATCHES, LOOKS):
        for path in (folder / place).glob("*"):
            name = f"{place}/{path.name}"
            if path.name.endswith(PART) or (re.fullmatch(PLACE, name) and name not in named):
                left.append(path)
    for path in left:
        path.unlink(missing_ok=True)
    return len(left)


def require_room(folder: Path) -> None:
    """Refuse a folder for a new experiment that holds anything but the beginnings of one.

    Raises
    ------
    SettingError
        It is a file, holds an experiment or files of others, or cannot be read.
    """
    try:
        if folder.is_file():
            raise SettingError(f"'{folder}' is a file", where="DIR", remedy="name a folder")
        names = sorted(entry.name for entry in folder.iterdir()) if folder.exists() else []
    except OSError as error:
        raise SettingError(
            f"'{folder}' cannot be used ({error.strerror})", where="DIR", remedy="name another folder"
        ) from None
    if MANIFEST in names:
        raise SettingError(
            f"'{folder}' holds an experiment already",
            where="DIR",
            remedy="name another folder, or go on with `expsim monitor add`",
        )
    ours = {SCENARIO, SETTINGS, LOCK, GUARD, CACHE}
    others = [name for name in names if name not in ours and not (name.startswith(".") and name.endswith(PART))]
    if others:
        raise SettingError(
            f"'{folder}' holds other files ({', '.join(others[:3])})", where="DIR", remedy="name a new folder"
        )


def to_json(value: object) -> bytes:
    """A value as JSON text that is the same on every machine."""
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True, allow_nan=False).encode()
