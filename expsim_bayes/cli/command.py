"""The command that is running, as a report names it, so that whoever reads it can get the same numbers again."""

from __future__ import annotations

import shlex
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from expsim_bayes.facts import Facts

typed: ContextVar[tuple[str, ...]] = ContextVar("typed", default=())
"""What was typed after `expsim`; nothing where no verb runs."""
WITH_VALUE, BARE = ("--out",), ("--overwrite", "--json", "--details")
"""Options that change no number."""


def with_command(facts: Facts) -> Facts:
    """The same facts with the command that is running; as they are where none is."""
    words = typed.get()
    return replace(facts, provenance=(("command", told(words)), *facts.provenance)) if words else facts


def told(words: Sequence[str]) -> str:
    """What was typed, without where results went and without the folders of files.

    Examples
    --------
    >>> told(["fit", "/home/me/tone.csv", "--control", "A B", "--out", "results", "--json"])
    "expsim fit tone.csv --control 'A B'"
    """
    kept: list[str] = []
    skip = False
    for word in words:
        if skip or word in BARE or word.startswith(tuple(f"{option}=" for option in WITH_VALUE)):
            skip = False
            continue
        skip = word in WITH_VALUE
        if not skip:
            kept.append(word if word.startswith("-") or "/" not in word else Path(word).name)
    return shlex.join(["expsim", *kept])
