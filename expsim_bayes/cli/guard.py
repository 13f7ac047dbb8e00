"""`expsim guard`: a regression guard for continuous integration, one line and an exit code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from expsim_bayes.amounts import percent
from expsim_bayes.cli import exits
from expsim_bayes.cli.fitting import chosen_for, fit_then, ratings_of
from expsim_bayes.cli.options import AsJson, Seed, grouped
from expsim_bayes.cli.question import QUESTION, ModelOptions, QuestionOptions, SamplerOptions
from expsim_bayes.cli.reading import ReadingOptions
from expsim_bayes.cli.screen import Screen, clean, short
from expsim_bayes.errors import SettingError

if TYPE_CHECKING:
    import xarray as xr

    from expsim_bayes.recommend.guard import Guarded

Margin = Annotated[
    float,
    typer.Option(
        metavar="AMOUNT",
        min=0,
        help="How much worse than the control is too much, in units of quality: points, a share (.02: 2 percentage points), dollars.",
        rich_help_panel=QUESTION,
    ),
]
Risk = Annotated[
    float,
    typer.Option(
        metavar="P",
        min=0.0,
        max=1.0,
        help="Probability of being that much worse from which the guard fails.",
        rich_help_panel=QUESTION,
    ),
]


@grouped
def guard(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Ratings, one a row: CSV or Parquet.")],
    *,
    reading: ReadingOptions,
    question: QuestionOptions,
    margin: Margin,
    risk: Risk = 0.05,
    model: ModelOptions,
    sampler: SamplerOptions,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Guard against a regression: say whether a variant is worse than the control by more than a margin.

    One line a variant on stdout. Exit code 0 where every variant passes, 1 where one fails, 3 where the fit is not to be trusted.
    """
    if question.control is None:
        raise SettingError(
            "no control is named", where="--control", remedy="name the variant in use today, as in --control A"
        )
    screen = Screen(as_json=as_json)
    ratings = ratings_of(file, reading, question)
    chosen = chosen_for(ratings, model)

    def asked(tree: xr.DataTree) -> tuple[tuple[str, ...], tuple[Guarded, ...]]:
        from expsim_bayes.recommend.guard import guard as guarded
        from expsim_bayes.recommend.guard import refusals

        why = refusals(tree, ratings)
        return why, () if why else guarded(tree, ratings, margin=margin, risk=risk)

    tree, (refused, rows) = fit_then(screen, ratings, chosen, sampler, asked, seed=seed)
    if refused:
        screen.out.print(Text(clean(f"The fit is not to be trusted: {' '.join(refused)}")), soft_wrap=True)
        screen.emit({"refused": refused})
        raise typer.Exit(exits.REFUSED)
    from expsim_bayes.diagnostics import Verdict

    unit, verdict = str(tree.attrs.get("unit", "points")), Verdict.from_json(tree.attrs["verdict"])
    if verdict.level == "caution":
        screen.aside(f"Take the probabilities with caution. {' '.join(verdict.reasons)}", style="yellow")
    for row in rows:
        if abs(row.prob_worse - risk) < 2 * row.mcse:
            screen.aside(
                f"{short(row.variant)} is near the limit of {percent(risk)}: its probability is known to ± {100 * row.mcse:.1f} "
                "percentage points; more --draws tell better.",
                style="yellow",
            )
    for row in rows:
        screen.out.print(Text(line(row, question.control, margin, risk, unit)), soft_wrap=True)
    passes = all(row.passes for row in rows)
    told = {"control": question.control, "margin": margin, "unit": unit, "risk": risk, "model": chosen.name}
    diagnosed = {"verdict": verdict.level, "verdict_reasons": verdict.reasons}
    screen.emit(told | {"passes": passes, "variants": rows} | diagnosed)
    if not passes:
        raise typer.Exit(exits.FAILED)


def line(row: Guarded, control: str, margin: float, risk: float, unit: str) -> str:
    """What a guard says of one variant.

    Examples
    --------
    >>> from expsim_bayes.recommend.guard import Guarded
    >>> line(Guarded("B", 0.03, 0.003, passes=True), "A", 0.02, 0.05, "points")
    'B is worse than A by more than 0.02 points with probability 3.0 % (must stay below 5 %): pass'
    """
    by = f" by more than {exactly(margin, unit)}" if margin else ""
    sure = f"probability {percent(row.prob_worse)} (must stay below {100 * risk:g} %)"
    return f"{short(row.variant)} is worse than {short(control)}{by} with {sure}: {'pass' if row.passes else 'fail'}"


def exactly(amount: float, unit: str) -> str:
    """An amount as it was given, with its unit.

    Examples
    --------
    >>> exactly(0.015, "points"), exactly(0.015, "share"), exactly(0.0005, "dollars"), exactly(0.25, "seconds")
    ('0.015 points', '1.5 percentage points', '$0.0005', '0.25 s')
    """
    if unit == "share":
        return f"{100 * amount:g} percentage points"
    return f"${amount:g}" if unit == "dollars" else f"{amount:g} {'s' if unit == 'seconds' else unit}"
