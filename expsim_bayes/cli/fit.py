"""`expsim fit`: a file of real ratings to a decision, rater bias and judge error taken out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from expsim_bayes.amounts import listed
from expsim_bayes.cli import exits
from expsim_bayes.cli.advice import as_object
from expsim_bayes.cli.command import with_command
from expsim_bayes.cli.fitted import describe_ratings, show_fit
from expsim_bayes.cli.fitting import chosen_for, fit_then, ratings_of
from expsim_bayes.cli.folder import taken
from expsim_bayes.cli.options import AsJson, Details, Out, Overwrite, Seed, grouped
from expsim_bayes.cli.question import MinEffect, ModelOptions, QuestionOptions, Rope, SamplerOptions, Threshold
from expsim_bayes.cli.reading import NoVariants, ReadingOptions
from expsim_bayes.cli.screen import Screen
from expsim_bayes.errors import SettingError

if TYPE_CHECKING:
    import xarray as xr

    from expsim_bayes.facts import Facts
    from expsim_bayes.ratings import Ratings


@grouped
def fit(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Ratings, one a row: CSV or Parquet.")],
    *,
    reading: ReadingOptions,
    no_variants: NoVariants = False,
    question: QuestionOptions,
    min_effect: MinEffect = 0.0,
    rope: Rope = None,
    threshold: Threshold = 0.95,
    model: ModelOptions,
    sampler: SamplerOptions,
    seed: Seed = 0,
    out: Out = None,
    overwrite: Overwrite = False,
    details: Details = False,
    as_json: AsJson = False,
) -> None:
    """Fit real ratings and decide.

    Variants are compared with severity of raters, difficulty of items and tastes of judges taken out.
    A fit that is not to be trusted is refused (exit code 3).
    With --out, DIR holds posterior, figures and report.
    """
    screen = Screen(as_json=as_json)
    prices = question.prices()
    _refuse_own_folder(file, out)
    with taken(out, overwrite=overwrite) as folder:
        ratings = ratings_of(file, reading, question, compare=not no_variants)
        _refuse_strange_prices(prices, ratings)
        describe_ratings(screen, ratings, details=details)
        chosen = chosen_for(ratings, model)
        screen.labelled([("Model", f"{chosen.name}, because {chosen.why}" if chosen.why else chosen.name)])

        def facts_of(tree: xr.DataTree) -> Facts:
            from expsim_bayes.recommend.fit import of_fit

            return of_fit(
                tree,
                ratings,
                min_effect=min_effect,
                rope=rope,
                threshold=threshold,
                prices=prices,
                why_model=chosen.why,
            )

        tree, facts = fit_then(screen, ratings, chosen, sampler, facts_of, seed=seed, min_effect=min_effect)
        facts = with_command(facts)
        report = None
        if folder is not None:
            from expsim_bayes.report import write_fit

            report = write_fit(tree, ratings, facts, folder)
    show_fit(screen, facts, details=details)
    if out is not None and report is not None:
        report = out / report.name
        screen.out.print()
        screen.labelled([("Report", str(report))])
    elif facts.decision.name != "refuse":
        screen.out.print()
        screen.labelled([("Next", "Add --out DIR for figures and a report, or --details for all that is known.")])
    screen.emit(as_object(facts, report))
    if facts.decision.name == "refuse":
        raise typer.Exit(exits.REFUSED)


def _refuse_own_folder(file: Path, out: Path | None) -> None:
    """An error where the results would be written over what they were made from."""
    if out is not None and file.resolve().is_relative_to(out.resolve()):
        raise SettingError(
            f"'{file}' lies in the folder that is to be written", where="--out", remedy="name another folder"
        )


def _refuse_strange_prices(prices: dict[str, float], ratings: Ratings) -> None:
    """An error where a price is given for someone who has not rated."""
    known = sorted(ratings.table["evaluator"].unique()) if "evaluator" in ratings.table.columns else []
    for name in prices:
        if name not in known:
            remedy = f"choose among {listed(known)}" if known else "leave it away: nobody rated"
            raise SettingError(f"no evaluator is called {name!r}", where="--price", remedy=remedy)
