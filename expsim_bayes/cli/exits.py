"""Exit codes, for scripts: what each means, and which an interruption gets."""

from __future__ import annotations

from typing import Final

FAILED: Final = 1
BAD_INPUT: Final = 2
REFUSED: Final = 3
FAULT: Final = 70
INTERRUPTED: Final = 130
TERMINATED: Final = 143

MEANINGS: Final = {
    0: "all is well",
    FAILED: "a guard fails",
    BAD_INPUT: "input or options cannot be used; the message says why",
    REFUSED: "the fit is not to be trusted, so no probability is shown; or a check failed",
    FAULT: "a fault in expsim: run it again with --debug and report it",
    INTERRUPTED: "interrupted by Ctrl-C; what was finished is shown",
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
