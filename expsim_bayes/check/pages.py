"""Results of checks as files: one JSON and one Markdown page a check, and a front page over all that a folder holds.

A result says with what it was made: seed, versions, platform, the commit of the code, and when.
"""

from __future__ import annotations

import json
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from expsim_bayes.check.catalogue import CHECKS
from expsim_bayes.check.origin import commit
from expsim_bayes.errors import SettingError
from expsim_bayes.readers.atomic import whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from expsim_bayes.check.outcome import Outcome, Table

PACKAGES = ("expsim-bayes", "numpy", "scipy", "pymc", "pytensor", "nutpie", "arviz", "xarray")
"""Packages whose versions are written down."""
FRONT = "README.md"
FRONT_TITLE = "# What was checked, and what came of it"
"""First line of the front page, by which it is known for one of ours."""


def write(name: str, outcome: Outcome, folder: Path, *, random_seed: int, begun: datetime) -> Path:
    """Write the result of a check, and the front page of the folder anew.

    Parameters
    ----------
    name : str
        A key of `CHECKS`.
    outcome : Outcome
        What it found.
    folder : Path
        Made if need be.
    random_seed : int
        With which it was run.
    begun : datetime
        When, in UTC.

    Returns
    -------
    pathlib.Path
        The page of the check.

    Raises
    ------
    SettingError
        The folder has a front page of somebody else.
    """
    refuse_strangers(folder)
    folder.mkdir(parents=True, exist_ok=True)
    result = {
        "check": name,
        "passed": outcome.passed,
        "said": list(outcome.said),
        "simulations": outcome.simulations,
        "random_seed": random_seed,
        "commit": commit(),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "versions": {package: version(package) for package in PACKAGES},
        "begun_utc": begun.isoformat(timespec="seconds"),
        "ended_utc": datetime.now(UTC).isoformat(timespec="seconds"),
        **outcome.settings,  # a run that was resumed says itself when and with which code it was begun
        "tables": {table.title: table.records() for table in outcome.tables},
    }
    _text(folder / f"{name}.json", json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    page = folder / f"{name}.md"
    _text(page, "\n".join(_page(name, outcome, result)))
    _text(folder / FRONT, "\n".join(_front(folder)))
    return page


def refuse_strangers(folder: Path) -> None:
    """An error where a folder is a file, or its front page is not one of ours.

    Raises
    ------
    SettingError
        It is not.
    """
    if folder.exists() and not folder.is_dir():
        raise SettingError(f"'{folder}' is a file", where="--out", remedy="name a folder")
    page = folder / FRONT
    if page.exists() and not page.read_text(encoding="utf-8", errors="replace").startswith(FRONT_TITLE):
        raise SettingError(f"'{page}' is not a page of expsim", where="--out", remedy="name a folder of its own")


def _page(name: str, outcome: Outcome, result: Mapping[str, Any]) -> Iterator[str]:
    """Lines of the page of one check."""
    check = CHECKS[name]
    yield f"# {check.title}: {_verdict(outcome.passed)}"
    yield ""
    yield check.question
    yield ""
    yield from (f"* {text}" for text in outcome.said)
    yield ""
    yield _provenance(result)
    yield f"Again: `expsim check {name} --simulations {result['simulations']} --seed {result['random_seed']}`. "
    yield f"In full: [{name}.json]({name}.json)."
    for table in outcome.tables:
        yield from ("", f"## {table.title}", "")
        yield from _markdown(table)
    yield ""


def _provenance(result: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{package} {number}" for package, number in result["versions"].items())
    sampler = [f"{name} {result[name]}" for name in ("chains", "tune", "draws") if name in result]
    settings = f" Sampler: {', '.join(sampler)}." if sampler else ""
    return (
        f"{result['simulations']:,} simulations, seed {result['random_seed']}, commit {result['commit'] or 'unknown'}, "
        f"{result['begun_utc']} to {result['ended_utc']}.{settings} Python {result['python']} on {result['platform']}; {versions}."
    )


def _markdown(table: Table) -> Iterator[str]:
    """Lines of a table; numbers are flush right."""
    forms = table.columns.values()
    yield _row(list(table.columns))
    yield _row(["---:" if form else "---" for form in forms])
    yield from (_row(cells) for cells in table.text())


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _front(folder: Path) -> Iterator[str]:
    """Lines of the front page: for every check whose result the folder holds a row with its first sentence."""
    yield FRONT_TITLE
    yield ""
    yield "Written by `expsim check all --out` and this folder's name. Each page says what was asked, with what, and what came of it."
    yield ""
    yield _row(["check", "verdict", "simulations", "in a sentence"])
    yield _row(["---", "---", "---:", "---"])
    for name, check in CHECKS.items():
        file = folder / f"{name}.json"
        if file.exists():
            result = json.loads(file.read_text(encoding="utf-8"))
            link = f"[{check.title}]({name}.md)"
            yield _row([link, _verdict(result["passed"]), f"{result['simulations']:,}", result["said"][0]])
    yield ""


def _verdict(passed: bool) -> str:  # noqa: FBT001
    return "pass" if passed else "FAIL"


def _text(path: Path, text: str) -> None:
    with whole(path) as file:
        file.write(text.encode())
