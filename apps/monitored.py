"""Monitored experiments as the page shows them: which there are, one as it stands, its looks as charts and a table. Nothing is written.

Only folders below one are known, by the names that they have there: there is no way to ask for another, and links that lead out of it are
not followed.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

import pandas as pd
import streamlit as st

from expsim_bayes.amounts import count, dollars, duration, listed, percent
from expsim_bayes.apps.answers import quick
from expsim_bayes.apps.kept import Lines
from expsim_bayes.apps.monitor_pictures import BEST
from expsim_bayes.apps.shown import plain
from expsim_bayes.errors import ExpsimError
from expsim_bayes.live import opened, words
from expsim_bayes.live.ahead import planned
from expsim_bayes.live.folder import MANIFEST, SCENARIO, SETTINGS
from expsim_bayes.live.peeking import Peeking, known, peeking
from expsim_bayes.live.simulated import simulated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from expsim_bayes.live import Opened

BELOW = "EXPSIM_MONITOR"
"""Variable that names the folder below which experiments may be opened; `expsim app --monitor` sets it."""
DEEP, VISITED, MOST = 4, 2_000, 200
"""How deep is looked, at how many folders, and for how many experiments."""
REFRESH = 5
"""Seconds between two looks at the folder."""


class Standing(NamedTuple):
    """An experiment as it stands."""

    here: Opened
    """What there is in its folder, which is called by its name below the one that is shown."""
    ahead: list[tuple[str, str]]
    """What to rate next: labels and sentences."""


def root() -> Path:
    """The folder below which experiments may be opened."""
    return Path(os.environ.get(BELOW) or Path.cwd()).resolve()


def experiments(below: Path) -> dict[str, Path]:
    """Experiments below a folder, by their names there, the one that changed last first.

    Examples
    --------
    >>> import tempfile
    >>> experiments(Path(tempfile.mkdtemp()))
    {}
    """
    found = [
        path for path in _folders(below) if all((path / part).is_file() for part in (MANIFEST, SCENARIO, SETTINGS))
    ]
    found = sorted(found[:MOST], key=stamp, reverse=True)
    return {path.relative_to(below).as_posix(): path for path in found}


def _folders(below: Path) -> Iterator[Path]:
    """Folders down to some depth, hidden ones and links left out."""
    level = [below]
    left = VISITED
    for _ in range(DEEP + 1):
        inner: list[Path] = []
        for folder in level:
            yield folder
            left -= 1
            if left <= 0:
                return
            try:
                with os.scandir(folder) as entries:
                    names = [e.name for e in entries if e.is_dir(follow_symlinks=False) and not e.name.startswith(".")]
            except OSError:
                continue
            inner += [folder / name for name in sorted(names)]
        level = inner


def stamp(folder: Path) -> tuple[int, int]:
    """What changes whenever the experiment does: time and size of its manifest."""
    try:
        told = (folder / MANIFEST).stat()
    except OSError:
        return 0, 0
    return told.st_mtime_ns, told.st_size


def changed(folder: Path) -> datetime:
    """When the experiment changed last."""
    return datetime.fromtimestamp(stamp(folder)[0] / 1e9, UTC)


def ago(moment: datetime, now: datetime) -> str:
    """How long ago something was.

    Examples
    --------
    >>> ago(datetime(2026, 1, 1, 12, tzinfo=UTC), datetime(2026, 1, 1, 12, 0, 30, tzinfo=UTC))
    'less than a minute ago'
    """
    days = max((now - moment).total_seconds(), 0.0) / 86_400
    return "less than a minute ago" if days < 1 / 1440 else f"{duration(days)} ago"


def standing(folder: Path, name: str) -> Standing:
    """An experiment as it stands, with the name in place of the folder.

    Raises
    ------
    ExpsimError
        It was changed, or a part is damaged.
    """
    try:
        here = opened(folder)
        ahead = planned(here)
    except ExpsimError as error:  # where it lies is nobody's business but the server's
        where = error.where.replace(str(folder), name)
        raise ExpsimError(error.problem.replace(str(folder), name), where=where, remedy=error.remedy) from None
    named = here._replace(folder=Path(name))
    rows = words.next_words(here, ahead)
    further = words.collected(here)
    return Standing(named, [*rows, ("Further", further)] if further else rows)


def peeked(here: Opened, folder: Path, *, asked: bool = False) -> Peeking | None:
    """How often the rule launches something when nothing differs; None where counting takes long and nobody has asked for it."""
    there = here._replace(folder=folder)
    told = known(there)
    if told is None and (asked or quick(here.scenario)):
        told = _counted(json.dumps(simulated(there).key, sort_keys=True), there)
    return told


@st.cache_data(max_entries=64, show_spinner=False)
def _counted(key: str, _here: Opened) -> Peeking:  # noqa: ARG001
    return peeking(_here, store=False)


def table(here: Opened) -> pd.DataFrame:
    """One row a look, the last first."""
    control = here.settings.control or here.scenario.control
    rows = []
    for look, batch in zip(here.looks, here.manifest.batches, strict=False):
        best = look.of(look.leader) if look.leader else None
        rows.append(
            {
                "Look": look.look,
                "Received (UTC)": batch.received_utc[:16].replace("T", " "),
                "Batch": batch.source,
                "Ratings so far": count(look.ratings),
                "Dollars so far": ("at least " if look.unpriced else "") + dollars(look.usd),
                "In the lead": "" if best is None else best.name,
                "Chance of being best": "" if best is None else percent(best.prob_best),
                "The rules say": words.decision(look, control),
            }
        )
    return pd.DataFrame(rows[::-1])


def marked(text: str) -> str:
    r"""A sentence in which commands of ours stand as such, and all else as it is.

    Examples
    --------
    >>> marked("*Now* `expsim monitor next` says it, `rm` does not.")
    '\\*Now\\* `expsim monitor next` says it, \\`rm\\` does not\\.'
    """
    parts = re.split(r"(`expsim [^`]*`)", text.replace("\n", " "))
    return "".join(part if n % 2 else plain(part) for n, part in enumerate(parts))


class Number(NamedTuple):
    """A number that stands large on the page."""

    label: str
    """What it is."""
    value: str
    """The number."""
    beside: str
    """What stands beside it."""


def numbers(here: Opened) -> list[Number]:
    """Looks, ratings, dollars and days so far."""
    last = here.looks[-1]
    budget = here.scenario.budget_usd
    by = listed([f"{count(e.ratings)} by {e.name}" for e in last.evaluators])
    return [
        Number("Looks", f"{count(len(here.manifest.batches))} of {count(here.scenario.looks)}", "that were planned"),
        Number(f"{words.NOUN[last.outcome].capitalize()}s", count(last.ratings), by),
        Number(
            "Spent",
            ("≥ " if last.unpriced else "") + dollars(last.usd),
            f"of {dollars(budget)}" if budget is not None else "no budget is set",
        ),
        Number("Takes", duration(last.days), "by the speeds that the scenario declares"),
    ]


def command(name: str) -> str:
    """The command lines that say the same.

    Examples
    --------
    >>> print(command("a folder"))
    expsim monitor status 'a folder'
    expsim monitor next 'a folder'
    expsim monitor report 'a folder' --out story
    """
    place = shlex.quote(name)
    return f"expsim monitor status {place}\nexpsim monitor next {place}\nexpsim monitor report {place} --out story"


def code(name: str) -> Lines:
    """What says the same of an experiment."""
    return Lines(command(name), python(name))


def link(name: str, what: str | None = None) -> str:
    """The page's address below the dashboard's own: the name of an experiment, never where it lies.

    Examples
    --------
    >>> link("team/two prompts", "Dollars")
    'monitor?experiment=team%2Ftwo+prompts&monitor.what=Dollars'
    """
    more = {} if what in (None, BEST) else {"monitor.what": what}
    return f"monitor?{urlencode({'experiment': name, **more})}"


def python(name: str) -> str:
    """Lines of Python that say the same."""
    return (
        "from pathlib import Path\n"
        "from expsim_bayes.live import opened\n"
        "from expsim_bayes.live.words import headline, state\n\n"
        f"here = opened(Path({name!r}))\n"
        "print(headline(here))\n"
        "for label, text in state(here):\n"
        '    print(f"{label}: {text}")\n'
    )
