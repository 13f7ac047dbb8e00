"""One writer at a time: a lock file with the number of its process and the time at which that process began.

The lock is made with O_EXCL. One that a dead process has left, or whose number now belongs to another process, is taken over; since two
could do so at once, looking at the lock and making it happen under a second lock that the system frees when a process dies.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from expsim_bayes.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOCK, GUARD = ".lock", ".guard"
"""The lock, and what is locked by the system while it is looked at or made."""


class Holder(NamedTuple):
    """The process that holds a lock."""

    pid: int
    """Its number."""
    started: str
    """When it began, in ticks since the machine started; empty where the system does not say."""
    host: str
    """Machine on which it runs."""


class BusyError(SettingError):
    """Another process is writing."""

    def __init__(self, folder: Path, holder: Holder) -> None:
        self.holder = holder
        elsewhere = "" if holder.host == socket.gethostname() else f" on {holder.host}"
        super().__init__(
            f"process {holder.pid}{elsewhere} is writing into '{folder}'",
            where=str(folder),
            remedy=(
                "wait until it has finished, and do it again"
                if not elsewhere
                else f"wait until it has finished; if it is gone, delete '{folder / LOCK}'"
            ),
        )


@contextmanager
def alone(folder: Path, *, notice: Callable[[str], None] = lambda _: None) -> Iterator[None]:
    """The only writer of a folder until the block ends.

    Parameters
    ----------
    folder : Path
        An existing folder.
    notice : callable
        Told when the lock of a dead process was taken over.

    Raises
    ------
    BusyError
        Another process is writing.
    SettingError
        The folder cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with alone(folder):
    ...     held = holder_of(folder)
    >>> held == myself(), holder_of(folder)
    (True, None)
    """
    me = myself()
    try:
        with _guarded(folder):
            left = _take(folder, me)
    except OSError as error:
        raise SettingError(
            f"'{folder}' cannot be written ({error.strerror})",
            where=str(folder),
            remedy="give the folder to a user who may write, or make room on its disk; nothing was changed",
        ) from None
    if left is not None:
        notice(f"process {left.pid} was ended while it was writing: its lock is taken over" if left.pid else TORN)
    try:
        yield
    finally:
        if holder_of(folder) == me:
            with suppress(OSError):
                (folder / LOCK).unlink()


TORN = "a process was ended while it took the lock, which is taken over"


def myself() -> Holder:
    """The process that runs here."""
    return Holder(os.getpid(), _started(os.getpid()) or "", socket.gethostname())


def holder_of(folder: Path) -> Holder | None:
    """Who holds the lock of a folder; a lock that says nothing is held by process 0."""
    try:
        text = (folder / LOCK).read_text(encoding="utf-8")
    except OSError:
        return None
    try:
        told = json.loads(text)
        return Holder(int(told["pid"]), str(told["started"]), str(told["host"]))
    except (ValueError, KeyError, TypeError):
        return Holder(0, "", socket.gethostname())


def is_alive(holder: Holder) -> bool:
    """Whether the process of a lock still runs; one of another machine is taken to.

    Examples
    --------
    >>> is_alive(myself()), is_alive(myself()._replace(started="1"))
    (True, False)
    """
    if holder.host != socket.gethostname():
        return True
    if holder.pid <= 0:
        return False
    started = _started(holder.pid)
    if started is not None:
        return started != "" and holder.started in ("", started)
    if sys.platform != "win32":
        with suppress(PermissionError):
            try:
                os.kill(holder.pid, 0)
            except ProcessLookupError:
                return False
    return True


def _started(pid: int) -> str | None:
    """When a process began, empty where it is gone or only waits to be buried; None where the system does not say."""
    if not Path("/proc/self/stat").exists():
        return None
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    fields = text.rpartition(")")[2].split()  # the name of the program, in brackets, may hold spaces
    return "" if fields[0] in "ZX" else fields[19]


def _take(folder: Path, me: Holder) -> Holder | None:
    """Make the lock; the dead holder from whom it was taken over."""
    held = holder_of(folder)
    if held is not None:
        if is_alive(held):
            raise BusyError(folder, held)
        (folder / LOCK).unlink(missing_ok=True)
    handle = os.open(folder / LOCK, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        os.write(handle, json.dumps(me._asdict()).encode())
    except OSError:
        (folder / LOCK).unlink(missing_ok=True)
        raise
    finally:
        os.close(handle)
    return held


@contextmanager
def _guarded(folder: Path) -> Iterator[None]:
    """Nobody else looks at or makes the lock in this block."""
    handle = os.open(folder / GUARD, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_LOCK, 1)
        else:
            import fcntl

            with suppress(OSError):  # a disk without such locks: O_EXCL alone must do
                fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
