"""`expsim raters`: what a fit says of those who rated, and who disagrees with the others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from expsim_bayes.amounts import change, count, level, measured
from expsim_bayes.cli.opened import trusted
from expsim_bayes.cli.options import AsJson, Details
from expsim_bayes.cli.screen import Cell, Column, Screen, plain, short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from expsim_bayes.raters import Evaluator, Misfit, Rater, Raters, Trait

MOST_RATERS = 20
"""Raters that a table shows unless all are asked for: those farthest from what the fit expects, or with most ratings."""
MOST_TASTES = 12
"""Tastes that a table shows unless all are asked for."""


def raters(
    fit: Annotated[Path, typer.Argument(metavar="FIT", help="A folder of `expsim fit --out`, or its posterior.nc.")],
    *,
    details: Details = False,
    as_json: AsJson = False,
) -> None:
    """Report on those who rated: severity, errors, noise, tastes, and who disagrees with the others.

    A fit that is not to be trusted says nothing of anybody (exit code 3).
    """
    from expsim_bayes.raters import raters as found_in
    from expsim_bayes.raters import sentences

    screen = Screen(as_json=as_json)
    tree = trusted(fit, screen)
    found = found_in(tree)
    said = sentences(found)
    screen.listed(said)
    shown = _chosen(found.raters, everything=details)
    left_out = len(found.raters) - len(shown)
    screen.table(
        of_raters(shown, found), title="Raters" + (f" ({count(left_out)} more with --details)" if left_out else "")
    )
    screen.table(of_evaluators(found), title="Judges and pools")
    screen.table(tastes(found, everything=details), title="Judges' tastes for variants")
    screen.emit({"sentences": list(said), **plain(found)})


def _chosen(rows: Sequence[Rater], *, everything: bool) -> list[Rater]:
    """Raters that are shown, the farthest from what is expected first."""
    ordered = sorted(rows, key=lambda r: (-(r.misfit.times if r.misfit else 0.0), -r.ratings, r.name))
    return ordered if everything else ordered[:MOST_RATERS]


def of_raters(rows: Sequence[Rater], found: Raters) -> list[Column]:
    """One row a rater."""
    several = len({row.evaluator for row in rows}) > 1
    return [
        Column("Rater", tuple(short(row.name) for row in rows), justify="left"),
        Column("Pool", tuple(short(row.evaluator) if several else "" for row in rows), justify="left", spare=True),
        Column("Ratings", tuple(count(row.ratings) for row in rows)),
        Column("Misfit (others 1)", tuple(_misfit(row.misfit) for row in rows)),
        *_traits([row.traits for row in rows], found.ci_prob),
    ]


def of_evaluators(found: Raters) -> list[Column]:
    """One row a judge, metric or pool; none where nothing is known beside what stands among the raters."""
    rows: Sequence[Evaluator] = found.evaluators if any(row.traits for row in found.evaluators) else ()
    return [
        Column("Evaluator", tuple(short(row.name) for row in rows), justify="left"),
        Column("Kind", tuple(row.kind for row in rows), justify="left"),
        Column("Raters", tuple(count(row.raters) for row in rows)),
        Column("Ratings", tuple(count(row.ratings) for row in rows)),
        *_traits([row.traits for row in rows], found.ci_prob),
    ]


def tastes(found: Raters, *, everything: bool = False) -> list[Column]:
    """One row a judge and variant, the largest first."""
    rows = found.tastes if everything else found.tastes[:MOST_TASTES]
    return [
        Column("Judge", tuple(short(row.judge) for row in rows), justify="left"),
        Column("Variant", tuple(short(row.variant) for row in rows), justify="left"),
        Column(
            f"Taste for it ({level(found.ci_prob)})",
            tuple(
                (change(row.value.mean, found.unit), f"{change(row.value.low, found.unit)} to {change(row.value.high, found.unit)}")
                for row in rows
            ),
        ),
        Column("", tuple("clear of 0" if row.clear else "" for row in rows), justify="left"),
    ]  # fmt: skip


def _misfit(value: Misfit | None) -> Cell:
    return "" if value is None else (f"{value.times:.2f}", f"by chance {value.low:.2f} to {value.high:.2f}")


def _traits(rows: Sequence[Sequence[Trait]], ci_prob: float) -> list[Column]:
    """One column a trait that any of them has."""
    titles = list(dict.fromkeys(trait.words for traits in rows for trait in traits))
    held = [{trait.words: trait for trait in traits} for traits in rows]
    return [
        Column(
            f"{title[:1].upper()}{title[1:]} ({level(ci_prob)})",
            tuple(_trait(of.get(title)) for of in held),
            spare=n > 0,
        )
        for n, title in enumerate(titles)
    ]


def _trait(trait: Trait | None) -> Cell:
    if trait is None:
        return ""
    show, value = (change if trait.signed else measured), trait.value
    unit = "share" if trait.unit == "change" else trait.unit
    return show(value.mean, unit), f"{show(value.low, unit)} to {show(value.high, unit)}"
