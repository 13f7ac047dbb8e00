"""`expsim check`: is what is computed right? Calibration, agreement and wrong posteriors, by one command."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from expsim_bayes.cli import exits
from expsim_bayes.cli.options import OUTPUT, AsJson, Seed
from expsim_bayes.cli.screen import Column, Screen
from expsim_bayes.errors import SettingError

if TYPE_CHECKING:
    from expsim_bayes.check import Table

ALL = "all"


def check(
    what: Annotated[
        str,
        typer.Argument(
            metavar="WHAT",
            help="fast, prior, agreement, mutants, the name of a model, that name and -mutants, or all of them.",
        ),
    ] = ALL,
    *,
    simulations: Annotated[
        int | None,
        typer.Option(metavar="N", min=2, help="How many to simulate; as many as for the record unless told."),
    ] = None,
    seed: Seed = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Write a page for each check into this folder. An interrupted check goes on from there where it can.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check that simulator, models and posteriors are right.

    fast: calibration of the fast posterior, also at the stopping time.
    prior: simulator and PyMC model tell the same story.
    agreement: NUTS and the fast posterior give the same answer.
    mutants: wrong fast posteriors are rejected.
    MODEL, such as continuous or ordinal: simulation-based calibration of the sampled model (minutes to an hour).
    MODEL-mutants: wrong fits of that model are rejected; continuous has none of its own.
    """
    from expsim_bayes.check import CHECKS, run_check, write
    from expsim_bayes.check.pages import refuse_strangers

    names = _chosen(what, simulations, list(CHECKS))
    if out is not None:
        refuse_strangers(out)
    screen = Screen(as_json=as_json)
    answer: dict[str, dict[str, Any]] = {}
    stop: KeyboardInterrupt | None = None
    try:
        for name in names:
            begun = datetime.now(UTC)
            with screen.progress(CHECKS[name].title, total=1.0) as advance:
                outcome = run_check(name, simulations, random_seed=seed, folder=out, progress=advance)
            screen.heading(f"{CHECKS[name].title}: {'pass' if outcome.passed else 'FAIL'}")
            screen.listed(outcome.said)
            if out is not None:
                page = write(name, outcome, out, random_seed=seed, begun=begun)
                screen.labelled([("Page", str(page))])
            elif len(names) == 1:
                _show(screen, outcome.tables[0])
            answer[name] = {
                "passed": outcome.passed,
                "simulations": outcome.simulations,
                "said": outcome.said,
                "tables": [table.records() for table in outcome.tables],
            }
    except KeyboardInterrupt as interrupt:
        if not answer:
            raise
        stop = interrupt
    screen.emit({"random_seed": seed, "finished": stop is None, "checks": answer})
    if stop is not None:
        screen.aside(f"Stopped early: {len(answer)} of {len(names)} checks were finished.", style="yellow")
        raise typer.Exit(exits.of_interruption(stop))
    if not all(entry["passed"] for entry in answer.values()):
        raise typer.Exit(exits.REFUSED)


def _chosen(what: str, simulations: int | None, known: list[str]) -> list[str]:
    """Names of the checks to run."""
    if what not in (ALL, *known):
        raise SettingError(f"{what!r} is no check", where="WHAT", remedy=f"choose among {', '.join(known)}, or {ALL}")
    if simulations is not None and what == ALL:
        raise SettingError(
            "the checks count different things", where="--simulations", remedy="give it with the name of one check"
        )
    return known if what == ALL else [what]


def _show(screen: Screen, table: Table) -> None:
    cells = zip(*table.text(), strict=True)
    columns = [
        Column(title, column, justify="right" if form else "left")
        for (title, form), column in zip(table.columns.items(), cells, strict=True)
    ]
    screen.table(columns, title=table.title)
