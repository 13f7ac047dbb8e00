"""`expsim diagnose`: whether a fit may be believed, and why; of this program or of any other."""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from expsim_bayes.amounts import count
from expsim_bayes.cli import exits
from expsim_bayes.cli.folder import locked, remember, unfinished
from expsim_bayes.cli.opened import POSTERIOR
from expsim_bayes.cli.options import OUTPUT, AsJson, Details, Out, Paper, choices
from expsim_bayes.cli.screen import Column, Screen, plain, short
from expsim_bayes.errors import SettingError

if TYPE_CHECKING:
    from expsim_bayes.diagnosis import Diagnosed
    from expsim_bayes.diagnosis.found import Row

Form = Literal["md", "html", "pdf", "json", "csv"]
FORMS: Final[tuple[Form, ...]] = ("md", "html", "pdf", "json", "csv")
MOST_ROWS = 12
"""Numbers that a table shows unless all are asked for: those on which chains agree least."""
STYLES = {"ok": "green", "caution": "yellow", "refuse": "red"}


def diagnose(
    fit: Annotated[
        Path,
        typer.Argument(
            metavar="FIT",
            help="A folder of `expsim fit --out`, or draws of any program by chain and draw: netCDF, Zarr, or Zarr in a zip.",
        ),
    ],
    *,
    forms: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            metavar="FORM,...",
            help="Write a report, too: md, html, pdf, json, or csv (every table as a file), several with commas.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    length: Annotated[
        Literal["brief", "full"],
        typer.Option(help="brief: the verdict and what it rests on, a page; full: everything.", rich_help_panel=OUTPUT),
    ] = "full",
    paper: Paper = "a4",
    out: Out = None,
    details: Details = False,
    as_json: AsJson = False,
) -> None:
    """Say whether a fit may be believed: chains, energy, predictive checks, and what hangs on the priors.

    Reports go into the folder of the fit, or into DIR with --out.
    A fit that is not to be trusted ends with exit code 3.
    """
    screen = Screen(as_json=as_json)
    asked: tuple[Form, ...] = choices(forms, FORMS, option="--format") if forms else ()
    folder = _folder(fit, out, asked)
    file = fit / POSTERIOR if (fit / POSTERIOR).is_file() else fit
    if not file.exists():
        raise SettingError(
            "there is no such file", where=str(fit), remedy="name a fit: a folder of --out, netCDF or Zarr"
        )
    if file != fit and (problem := unfinished(fit)):
        screen.aside(f"Warning: '{fit}' is not as its run left it: {problem}.", style="yellow")
    from expsim_bayes.diagnosis import diagnose as found_in
    from expsim_bayes.fits.opened import OWN, opened

    with screen.progress("opening the fit", total=1.0) as advance:
        advance(0.0, "opening the fit")
        read = opened(file, OWN)
        advance(0.2, "judging it")
        found = found_in(read.tree, fit.name, notes=read.notes)
        advance(0.7, "writing the reports" if asked else "done")
        written = _written(found, folder, asked, length, paper)
    _show(screen, found, details=details)
    if written:
        screen.out.print()
        screen.labelled([("Report", path) for path in written])
    shown = {name: value for name, value in plain(found).items() if name not in ("worst", "energies")}
    screen.emit(shown | ({"reports": written} if written else {}))
    if found.verdict.level == "refuse":
        raise typer.Exit(exits.REFUSED)


def _folder(fit: Path, out: Path | None, asked: tuple[Form, ...]) -> Path | None:
    """Where reports go; None where none is asked for."""
    if not asked:
        if out is not None:
            raise SettingError(
                "nothing is to be written", where="--out", remedy="say what with --format md,html,pdf,json,csv"
            )
        return None
    if out is None and not (fit / POSTERIOR).is_file():
        raise SettingError("is no folder of `expsim fit`", where=str(fit), remedy="say where reports go with --out DIR")
    return out or fit


def _written(
    found: Diagnosed, folder: Path | None, asked: tuple[Form, ...], length: Literal["brief", "full"], paper: Paper
) -> list[str]:
    """Files of the reports."""
    if folder is None:
        return []
    from expsim_bayes.report.diagnosed_forms import write
    from expsim_bayes.report.folder import renew_manifest

    with locked(folder) as mark:
        files = write(found, folder, asked, length=length, paper=paper)
        remember(mark, [path.relative_to(folder).as_posix() for path in files])
        renew_manifest(folder)
    return [str(path) for path in files if path.suffix != ".png"]


def _show(screen: Screen, found: Diagnosed, *, details: bool) -> None:
    """The verdict, what it rests on, and the worst numbers."""
    from expsim_bayes.report.diagnosed import document

    screen.say(found.headline, style=STYLES[found.verdict.level])
    screen.listed(found.reasons)
    table = next(block for block in document(found).section("numbers").blocks if block.kind == "table")
    screen.table(
        [
            Column(title.capitalize(), tuple(row[n] for row in table.rows), justify="left", folds=True)
            for n, title in enumerate(table.columns)
        ]
    )
    rows = found.rows if details else found.rows[:MOST_ROWS]
    more = len(found.rows) - len(rows)
    screen.table(numbers(found, rows), title="Numbers" + (f" ({count(more)} more with --details)" if more else ""))
    missed = [check.sentence for check in found.checks if details or not check.reproduced]
    if missed:
        screen.heading("Predictive checks")
        screen.listed(missed)
    if found.sensitivity:
        screen.heading("What hangs on the priors")
        screen.listed(found.sensitivity, warn=lambda text: text.startswith("warning"))
    if details or found.lacking:
        screen.listed([*found.lacking, *found.notes])


def numbers(found: Diagnosed, rows: tuple[Row, ...]) -> list[Column]:
    """One row a number of the posterior."""
    from expsim_bayes.report.diagnosed import number

    known = any(isfinite(r.r_hat) for r in rows)
    return [
        Column("Number", tuple(short(found.called(r.name), 72) for r in rows), justify="left", folds=True),
        Column("Mean", tuple(f"{r.mean:.4g}" for r in rows)),
        Column("SD", tuple(f"{r.sd:.3g}" for r in rows)),
        Column("MCSE", tuple(f"{r.mcse:.2g}" for r in rows)),
        Column("R-hat", tuple(number(r.r_hat, ".3f") if known else "" for r in rows)),
        Column("ESS (bulk)", tuple(number(r.ess_bulk, ",.0f") for r in rows)),
        Column("ESS (tail)", tuple(number(r.ess_tail, ",.0f") for r in rows)),
    ]
