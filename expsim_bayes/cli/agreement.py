"""`expsim agreement`: how far the raters of a file agree, persons with each other and judges with persons."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from expsim_bayes.amounts import count, level
from expsim_bayes.cli.options import AsJson, Seed, grouped
from expsim_bayes.cli.reading import RowOptions
from expsim_bayes.cli.screen import Cell, Column, Screen, plain, short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from expsim_bayes.agreement import Agreement, Measure, Pair

MEASURES = {
    "nominal": "Cohen's kappa",
    "ordinal": "Kappa, quadratic weights",
    "interval": "Alpha of the two",
}
"""What two raters' agreement beyond chance is called, by what values mean."""
FOOTNOTE = (
    "Alpha and kappa are 1 where raters always agree and 0 where they agree as often as by chance. "
    "Intervals are from a bootstrap over items."
)
"""What the measures mean."""


@grouped
def agreement(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Ratings, one a row: CSV or Parquet.")],
    *,
    rows: RowOptions,
    scale: Annotated[
        Literal["nominal", "ordinal", "interval"] | None,
        typer.Option(help="What values mean: names, steps in order, or amounts; told by the data unless given."),
    ] = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Measure how far raters agree.

    Krippendorff's alpha among people and judges, and agreement and Cohen's kappa of any two, with intervals.
    """
    from expsim_bayes.agreement import agreement as measured
    from expsim_bayes.readers import read

    screen = Screen(as_json=as_json)
    ratings = read(file, **rows.told(), compare=False)
    found = measured(ratings, level=scale, random_seed=seed)
    screen.heading(ratings.source)
    screen.listed([*ratings.notices, *found.notes], warn=lambda text: text.startswith("warning"))
    screen.table(alphas(found), title=f"Krippendorff's alpha ({found.level})")
    screen.table(compared(found.pairs, found), title="Raters with each other")
    screen.table(compared([*found.against_people, *found.against_majority], found), title="Judges against people")
    if found.alphas:
        screen.out.print()
        screen.say(FOOTNOTE, style="dim")
    screen.emit({"source": ratings.source, "notices": plain(ratings.notices), **plain(found)})


def alphas(found: Agreement) -> list[Column]:
    """One row a group of raters."""
    rows = found.alphas
    return [
        Column("Among", tuple(a.who for a in rows), justify="left"),
        Column("Raters", tuple(count(a.raters) for a in rows)),
        Column("Rated by two or more", tuple(count(a.units) for a in rows)),
        Column(f"Alpha ({level(found.ci_prob)})", tuple(measure(a.alpha) for a in rows)),
    ]


def compared(rows: Sequence[Pair], found: Agreement) -> list[Column]:
    """One row a pair."""
    raw = found.level != "interval"
    return [
        Column("Rater", tuple(short(p.first) for p in rows), justify="left"),
        Column("and", tuple(short(p.second) for p in rows), justify="left"),
        Column("Pairs", tuple(count(p.units) for p in rows)),
        Column(f"Equal ({level(found.ci_prob)})", tuple(measure(p.agreement) if raw else "" for p in rows), spare=True),
        Column(f"{MEASURES[found.level]} ({level(found.ci_prob)})", tuple(measure(p.kappa) for p in rows)),
    ]


def measure(value: Measure) -> Cell:
    """A measure with its interval.

    Examples
    --------
    >>> from expsim_bayes.agreement import Measure
    >>> measure(Measure(0.864, 0.84, 0.8856)), measure(Measure(float("nan"), 0, 0))
    (('.864', '.840 to .886'), 'not defined')
    """
    if value.value != value.value:
        return "not defined"
    return _brief(value.value), f"{_brief(value.low)} to {_brief(value.high)}"


def _brief(number: float) -> str:
    return f"{number:.3f}".replace("0.", ".", 1)
