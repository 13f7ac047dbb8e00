"""`expsim check`: is what is computed right? Calibration, agreement and wrong posteriors, by one command."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from expsim_bayes.cli import exits
from expsim_bayes.cli.options import OUTPUT, AsJson, Seed
from expsim_bayes.cli.screen import Column, Screen
from expsim_bayes.errors import SettingError

ALL = "all"


def check(
    what: Annotated[
        str, typer.Argument(metavar="WHAT", help="fast, prior, agreement, continuous, mutants, or all of them.")
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
    continuous: simulation-based calibration of the sampled model of scores (an hour or so).
    mutants: wrong posteriors are rejected.
    """
    from expsim_bayes.check import CHECKS, run_check, write
    from expsim_bayes.check.pages import refuse_strangers

    names = list(CHECKS) if what == ALL else [what]
    if what not in (ALL, *CHECKS):
        raise SettingError(f"{what!r} is no check", where="WHAT", remedy=f"choose among {', '.join(CHECKS)}, or {ALL}")
    if simulations is not None and len(names) > 1:
        raise SettingError(
            "the checks count different things", where="--simulations", remedy="give it with the name of one check"
        )
    if out is not None:
        refuse_strangers(out)
    screen = Screen(as_json=as_json)
    answer: dict[str, object] = {}
    for name in names:
        begun, wanted = datetime.now(UTC), simulations or CHECKS[name].simulations
        with screen.progress(CHECKS[name].title, total=1.0) as advance:
            outcome = run_check(name, wanted, random_seed=seed, folder=out, progress=advance)
        screen.heading(f"{CHECKS[name].title}: {'pass' if outcome.passed else 'FAIL'}")
        screen.listed(outcome.said)
        if out is not None:
            page = write(name, outcome, out, simulations=wanted, random_seed=seed, begun=begun)
            screen.labelled([("Page", str(page))])
        elif len(names) == 1:
            table = outcome.tables[0]
            cells = zip(*table.text(), strict=True)
            screen.table(
                [
                    Column(title, column, justify="right" if form else "left")
                    for (title, form), column in zip(table.columns.items(), cells, strict=True)
                ],
                title=table.title,
            )
        answer[name] = {"passed": outcome.passed, "said": outcome.said, "tables": [t.records() for t in outcome.tables]}
    screen.emit({"random_seed": seed, "checks": answer})
    if not all(entry["passed"] for entry in answer.values()):  # type: ignore[index]
        raise typer.Exit(exits.REFUSED)
