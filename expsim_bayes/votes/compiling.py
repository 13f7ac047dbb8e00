"""How loops are compiled: once a machine, for several threads, and anew whenever any of the files that hang together changes.

What numba keeps of a compiled function is told by the file of that function alone, not by the files of those that it calls. Here it is kept
in a folder that is named by the contents of all of them.
"""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numba

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
FILES = (
    "compiling",
    "laws",
    "linear",
    "scales",
    "space",
    "items",
    "points",
    "places",
    "modes",
    "exponentials",
    "averaged",
    "blocks",
    "whole",
    "ordered",
    "verdicts",
)
"""Files that hang together."""


def _folder() -> str:
    """Where compiled functions are kept: beside this file, or in the user's cache where nothing can be written here."""
    contents = b"".join((HERE / f"{name}.py").read_bytes() for name in FILES)
    users = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "expsim_bayes"
    return str((HERE / "__pycache__" if os.access(HERE, os.W_OK) else users) / f"compiled-{zlib.crc32(contents):08x}")


def compiled(function: Callable[..., Any]) -> Any:
    """A function compiled when it is first called.

    Examples
    --------
    >>> compiled(lambda x: x + 1)(2)
    3
    """
    config: Any = numba.config
    before = config.CACHE_DIR
    config.CACHE_DIR = _folder()
    try:
        return numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    except RuntimeError:  # nowhere to keep it
        return numba.njit(nogil=True, error_model="numpy")(function)
    finally:
        config.CACHE_DIR = before
