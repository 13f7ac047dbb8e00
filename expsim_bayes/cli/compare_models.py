"""`expsim compare-models`: fits of the same ratings by different models or priors, compared by how well they predict."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from expsim_bayes.amounts import count
from expsim_bayes.cli import exits
from expsim_bayes.cli.opened import opened
from expsim_bayes.cli.options import AsJson
from expsim_bayes.cli.screen import Column, Screen, plain, short

if TYPE_CHECKING:
    from expsim_bayes.model_comparison import Compared


def compare_models(
    fits: Annotated[
        list[Path],
        typer.Argument(metavar="FIT...", help="Folders of `expsim fit --out`, or their posterior.nc: two or more."),
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Compare models of the same ratings by how well they predict a rating that was left out.

    Fits must be of the same ratings, taken alike. A fit that is not to be trusted is left out (exit code 3 where fewer than two remain).
    """
    screen = Screen(as_json=as_json)
    trees = {str(path): opened(path, screen) for path in dict.fromkeys(fits)}
    verdicts = {name: json.loads(tree.attrs["verdict"]) for name, tree in trees.items()}
    refused = {name: verdict["reasons"] for name, verdict in verdicts.items() if verdict["level"] == "refuse"}
    for name, reasons in refused.items():
        screen.say(f"{name} is left out, since its fit is not to be trusted: {' '.join(reasons)}", style="yellow")
    kept = {name: tree for name, tree in trees.items() if name not in refused}
    if refused and len(kept) < 2:
        screen.emit({"refused": refused})
        raise typer.Exit(exits.REFUSED)
    with screen.progress("leaving out one rating at a time", total=1.0) as advance:
        advance(0.0, "leaving out one rating at a time")
        from expsim_bayes.model_comparison import compared

        found = compared(kept)
    screen.table(table(found), title="How well a rating that was left out is predicted")
    screen.out.print()
    screen.listed(found.sentences, warn=lambda text: text.startswith("warning"))
    screen.emit({**plain(found), "refused": refused})


def table(found: Compared) -> list[Column]:
    """One row a fit, the best first."""
    rows = found.scored
    return [
        Column("Fit", tuple(short(r.name) for r in rows), justify="left"),
        Column("Model", tuple(r.model for r in rows), justify="left"),
        Column("Log density", tuple((f"{r.elpd:,.1f}", f"± {r.se:,.1f}") for r in rows)),
        Column("Behind", tuple((f"{r.behind:,.1f}", f"± {r.behind_se:,.1f}") if r.behind else "" for r in rows)),
        Column("Parameters", tuple(f"{r.p:,.1f}" for r in rows), spare=True),
        Column("Cannot be left out", tuple(count(r.influential) for r in rows)),
    ]
