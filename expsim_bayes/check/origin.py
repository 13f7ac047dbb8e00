"""Which code made a result: its last commit, and a digest of the files that a long run rests on."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

PACKAGE = Path(__file__).resolve().parents[1]
"""The folder of the package."""


def commit() -> str:
    """Last commit that touched the code, with a plus sign where it was changed since; empty outside a repository.

    Examples
    --------
    >>> isinstance(commit(), str)
    True
    """
    code = ["expsim_bayes", "models"]
    try:
        last = _git("rev-list", "-1", "HEAD", "--", *code)[:12]
        return last + ("+" if last and _git("status", "-s", "--", *code) else "")
    except (OSError, subprocess.CalledProcessError):
        return ""


def digest(patterns: Iterable[str]) -> str:
    """SHA-256 of files of the package.

    Parameters
    ----------
    patterns : iterable of str
        Glob patterns within the package.

    Examples
    --------
    >>> digest(["errors.py"]) == digest(["errors.py"]) != digest(["errors.py", "models/*.py"])
    True
    """
    files = sorted({file for pattern in patterns for file in PACKAGE.glob(pattern)})
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _git(*words: str) -> str:
    done = subprocess.run(["git", "-C", str(PACKAGE.parent), *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()
