"""Exit codes, for scripts: what each means, and which an interruption gets."""

from __future__ import annotations

import os
import sys
from typing import Final, NoReturn

FAILED: Final = 1
BAD_INPUT: Final = 2
REFUSED: Final = 3
FAULT: Final = 70
INTERRUPTED: Final = 130
CLOSED: Final = 141
TERMINATED: Final = 143

MEANINGS: Final = {
    0: "all is well",
    FAILED: "a guard fails",
    BAD_INPUT: "input or options cannot be used; the message says why",
    REFUSED: "the fit is not to be trusted, so no probability is shown; or a check failed",
    FAULT: "a fault in expsim: run it again with --debug and report it",
    INTERRUPTED: "interrupted by Ctrl-C; what was finished is shown",
    CLOSED: "whoever read the output has gone, as `head` does; nothing is said",
    TERMINATED: "ended by SIGTERM, likewise",
}
"""Every exit code in words."""


class Terminated(KeyboardInterrupt):
    """SIGTERM, which is dealt with as Ctrl-C is but for the exit code."""


def of_interruption(stop: KeyboardInterrupt) -> int:
    """Exit code of an interruption.

    Examples
    --------
    >>> of_interruption(KeyboardInterrupt()), of_interruption(Terminated())
    (130, 143)
    """
    return TERMINATED if isinstance(stop, Terminated) else INTERRUPTED


def closed_pipe() -> NoReturn:
    """End without a word, with the code that a shell gives to SIGPIPE: nobody reads any more."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())  # what is still to be flushed goes there
    raise SystemExit(CLOSED)
