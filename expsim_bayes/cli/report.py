"""`expsim report`: the report of a finished folder, written again from its facts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from expsim_bayes.cli.advice import advise, as_object
from expsim_bayes.cli.folder import locked, unfinished
from expsim_bayes.cli.options import AsJson, Details
from expsim_bayes.cli.screen import Screen


def report(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="What `expsim simulate --out` or `expsim fit --out` has written.")
    ],
    *,
    details: Details = False,
    as_json: AsJson = False,
) -> None:
    """Write the report of a folder again from its facts, and say what it recommends."""
    from expsim_bayes.report import read_facts, rewrite

    screen = Screen(as_json=as_json)
    facts = read_facts(folder)
    problem = unfinished(folder)
    with locked(folder):
        page = rewrite(folder)
    if problem:
        screen.aside(f"Warning: '{folder}' is not as its run left it: {problem}.", style="yellow")
    screen.heading(facts.title)
    advise(screen, facts, details=details)
    screen.out.print()
    screen.labelled([("Report", str(page))])
    screen.emit(as_object(facts, page))
