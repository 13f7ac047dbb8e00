"""Writing a file whole or not at all.

The content goes to a new file of another name in the same folder, reaches the disk, and only then takes the name: a
reader, or a crash, sees the old file or the new one and nothing between.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

PART = ".part"
"""End of the names of files that are being written; one that is left belongs to a writer that was killed."""


@contextmanager
def whole(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A binary file to write to, which becomes `path` when the block ends without an error and vanishes otherwise.

    Examples
    --------
    >>> folder = tempfile.mkdtemp()
    >>> with whole(Path(folder, "a.txt")) as file:
    ...     _ = file.write(b"done")
    >>> os.listdir(folder), Path(folder, "a.txt").read_text()
    (['a.txt'], 'done')
    """
    target = Path(path)
    begins = target.name.encode(errors="replace")[:60].decode(errors="ignore")  # a name has room for 255 bytes in all
    handle, name = tempfile.mkstemp(prefix=f".{begins}.", suffix=PART, dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(target)
        _sync_folder(target.parent)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
