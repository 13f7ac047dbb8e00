"""`expsim report`: the report of a finished folder, written again from its facts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from expsim_bayes.cli.advice import advise, as_object
from expsim_bayes.cli.folder import locked, unfinished
from expsim_bayes.cli.options import OUTPUT, AsJson, Details
from expsim_bayes.cli.screen import Screen


def report(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="What `expsim simulate --out` or `expsim fit --out` has written.")
    ],
    *,
    card: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Draw the decision on one picture, for a slide, too: .png, .svg or .pdf.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    dark: Annotated[bool, typer.Option("--dark", help="The picture light on dark.", rich_help_panel=OUTPUT)] = False,
    details: Details = False,
    as_json: AsJson = False,
) -> None:
    """Write the report of a folder again from its facts, and say what it recommends."""
    from expsim_bayes.plots import DARK, LIGHT
    from expsim_bayes.report import read_facts, rewrite, save_card

    screen = Screen(as_json=as_json)
    facts = read_facts(folder)
    problem = unfinished(folder)
    with locked(folder):
        page = rewrite(folder)
    if card is not None:
        save_card(facts, card, theme=DARK if dark else LIGHT)
    if problem:
        screen.aside(f"Warning: '{folder}' is not as its run left it: {problem}.", style="yellow")
    screen.heading(facts.title)
    advise(screen, facts, details=details)
    screen.out.print()
    screen.labelled([("Report", str(page)), ("Card", str(card or ""))])
    screen.emit(as_object(facts, page) | ({} if card is None else {"card": str(card)}))
