"""`expsim sensitivity`: what the answer of a fit hangs on, each prior made half or twice as strong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from expsim_bayes import glossary
from expsim_bayes.amounts import percent, quantity
from expsim_bayes.cli.opened import trusted
from expsim_bayes.cli.options import AsJson, Details
from expsim_bayes.cli.screen import Cell, Column, Screen, plain, short
from expsim_bayes.cli.tables import brief_percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from expsim_bayes.sensitivity import Figure, Hangs, Scaled, Sensitivity


LEAST_ERROR = 0.0005
"""Monte-Carlo error of a probability below which none is shown: it would be 0.0 percentage points."""


def sensitivity(
    fit: Annotated[Path, typer.Argument(metavar="FIT", help="A folder of `expsim fit --out`, or its posterior.nc.")],
    *,
    threshold: Annotated[
        float, typer.Option(metavar="P", min=0.5, max=1.0, help="Probability of being the best that is asked for.")
    ] = 0.95,
    details: Details = False,
    as_json: AsJson = False,
) -> None:
    """Say what an answer hangs on: the priors, each half and twice as strong, or the ratings.

    A fit that is not to be trusted gives no probability (exit code 3).
    """
    screen = Screen(as_json=as_json)
    tree = trusted(fit, screen)
    from expsim_bayes.sensitivity import sensitivity as found_in

    found = found_in(tree, threshold=threshold)
    screen.listed(found.sentences, warn=lambda text: text.startswith("warning"))
    screen.table(strengths(found), title=_title(found))
    hangs = found.hangs if details else [row for row in found.hangs if row.diagnosis]
    screen.table(numbers(hangs), title="Numbers that answer to a prior (from 0.05 it counts)")
    screen.emit(plain(found))


def _title(found: Sensitivity) -> str:
    if found.prob_best is None:
        return f"Mean quality (now {quantity(found.number.value, found.unit)})"
    return f"Chance that {short(found.leader)} is best (now {percent(found.prob_best.value)})"


def strengths(found: Sensitivity) -> list[Column]:
    """One row a prior: what would be said were it half or twice as strong."""
    pairs = list(zip(found.scaled[::2], found.scaled[1::2], strict=True))
    return [
        Column("Prior", tuple(short(half.called, 72) for half, _ in pairs), justify="left", folds=True),
        Column("Half as strong", tuple(_cell(half, found) for half, _ in pairs)),
        Column("Twice as strong", tuple(_cell(twice, found) for _, twice in pairs)),
    ]


def _cell(row: Scaled, found: Sensitivity) -> Cell:
    if not row.trusted:
        return "cannot be told"
    if row.prob_best is None:
        return quantity(row.number.value, found.unit)
    return brief_percent(row.prob_best.value), _error(row.prob_best)


def _error(figure: Figure) -> str:
    return f"± {100 * figure.mcse:.1f}" if figure.mcse >= LEAST_ERROR else ""


def numbers(rows: Sequence[Hangs]) -> list[Column]:
    """One row a number: how it answers to priors and ratings."""
    return [
        Column("Number", tuple(short(glossary.named(row.name), 72) for row in rows), justify="left", folds=True),
        Column("To the priors", tuple(f"{row.prior:.2f}" for row in rows)),
        Column("To the ratings", tuple(f"{row.likelihood:.2f}" for row in rows)),
        Column(
            "Most to",
            tuple(glossary.answering(row.name, row.by_prior[0][0], glossary.plain) for row in rows),
            justify="left",
            folds=True,
        ),
        Column("", tuple(row.diagnosis for row in rows), justify="left", spare=True),
    ]
