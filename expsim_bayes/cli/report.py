"""`expsim report`: the report of a finished folder, written again from its facts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from expsim_bayes.cli.advice import advise, as_object
from expsim_bayes.cli.folder import locked, remember, unfinished
from expsim_bayes.cli.options import OUTPUT, AsJson, Details, Paper, choices
from expsim_bayes.cli.screen import Screen
from expsim_bayes.errors import SettingError

Form = Literal["md", "html", "pdf", "json", "csv"]

FORMS: Final[tuple[Form, ...]] = ("md", "html", "pdf", "json", "csv")
"""What a report may be asked for; a test holds them to those of `expsim_bayes.report`, which takes long to load."""


def report(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="What `expsim simulate --out` or `expsim fit --out` has written.")
    ],
    *,
    forms: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            metavar="FORM,...",
            help="md, html, pdf, json, or csv (every table as a file), several with commas; md unless told.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    length: Annotated[
        Literal["brief", "full"],
        typer.Option(
            help="brief: a page for who decides, brief.md and so on; full: everything, report.md and so on.",
            rich_help_panel=OUTPUT,
        ),
    ] = "full",
    paper: Paper = "a4",
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
    """Write the report of a folder again from its facts, and say what it recommends.

    HTML and PDF are one file each, with the figures inside; nothing in them is fetched from anywhere.
    """
    from expsim_bayes.plots import DARK, LIGHT
    from expsim_bayes.report import read_facts, save_card, write_forms

    screen = Screen(as_json=as_json)
    asked: tuple[Form, ...] = choices(forms, FORMS, option="--format") if forms else ("md",)
    if not asked:
        raise SettingError("names no form", where="--format", remedy=f"choose among {', '.join(FORMS)}")
    facts = read_facts(folder)
    problem = unfinished(folder)
    with locked(folder) as mark:
        if card is not None:  # before the manifest, for it may lie in the folder
            save_card(facts, card, theme=DARK if dark else LIGHT)
        pages = write_forms(folder, asked, length=length, paper=paper)
        remember(mark, [file.relative_to(folder).as_posix() for page in pages for file in _files(page)])
    if problem:
        screen.aside(f"Warning: '{folder}' is not as its run left it: {problem}.", style="yellow")
    screen.heading(facts.title)
    advise(screen, facts, details=details)
    screen.out.print()
    screen.labelled([*(("Report", str(page)) for page in pages), ("Card", str(card or ""))])
    written = {"reports": {form: str(page) for form, page in zip(asked, pages, strict=True)}}
    screen.emit(as_object(facts, pages[0]) | written | ({} if card is None else {"card": str(card)}))


def _files(page: Path) -> list[Path]:
    """A file, or those of a folder."""
    return sorted(page.iterdir()) if page.is_dir() else [page]
