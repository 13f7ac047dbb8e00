"""`expsim fit`: a file of real ratings to a decision, rater bias and judge error taken out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from expsim_bayes.amounts import listed
from expsim_bayes.cli import exits
from expsim_bayes.cli.advice import as_object
from expsim_bayes.cli.fitted import describe_ratings, show_fit
from expsim_bayes.cli.folder import taken
from expsim_bayes.cli.model import AUTO, FASTER, model_of, timed
from expsim_bayes.cli.options import AsJson, Details, Out, Overwrite, Seed, bounds, choices, numbers, pairs
from expsim_bayes.cli.reading import (
    Anonymous,
    Columns,
    CrossedUsers,
    Duplicates,
    Encoding,
    FlagBelow,
    MergeNames,
    NoQuotes,
    NoVariants,
    OutcomeMap,
    RoundScores,
    ScoreMap,
    ScoreRange,
    ValidRange,
    Where,
)  # fmt: skip
from expsim_bayes.cli.screen import Screen
from expsim_bayes.errors import SettingError

if TYPE_CHECKING:
    from expsim_bayes.fit import Engine
    from expsim_bayes.ratings import Ratings

QUESTION, MODEL, SAMPLER = "The question", "The model", "The sampler"
"""Headings of the options in --help."""


def fit(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Ratings, one a row: CSV or Parquet.")],
    *,
    where: Where = None,
    column: Columns = None,
    score_range: ScoreRange = None,
    valid_range: ValidRange = None,
    round_scores: RoundScores = False,
    flag_below: FlagBelow = None,
    score_map: ScoreMap = None,
    anonymous_raters: Anonymous = None,
    outcome_map: OutcomeMap = None,
    no_variants: NoVariants = False,
    duplicates: Duplicates = "ask",
    crossed_users: CrossedUsers = "keep",
    merge_names: MergeNames = False,
    encoding: Encoding = None,
    no_quotes: NoQuotes = False,
    lower_is_better: Annotated[
        bool, typer.Option("--lower-is-better", help="Scores count errors.", rich_help_panel=QUESTION)
    ] = False,
    control: Annotated[
        str | None, typer.Option(metavar="NAME", help="The variant in use today.", rich_help_panel=QUESTION)
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="The evaluator that defines quality; people unless told.", rich_help_panel=QUESTION
        ),
    ] = None,
    min_effect: Annotated[
        float,
        typer.Option(
            metavar="AMOUNT",
            min=0,
            help="Smallest difference that matters, in units of quality: points, a share (.05: 5 percentage points), dollars, seconds.",
            rich_help_panel=QUESTION,
        ),
    ] = 0.0,
    rope: Annotated[
        float | None,
        typer.Option(
            metavar="AMOUNT",
            min=0,
            help="Variants closer than this are equal; --min-effect unless told.",
            rich_help_panel=QUESTION,
        ),
    ] = None,
    threshold: Annotated[
        float,
        typer.Option(
            metavar="P",
            min=0.5,
            max=1.0,
            help="Probability that is asked for before a decision.",
            rich_help_panel=QUESTION,
        ),
    ] = 0.95,
    price: Annotated[
        list[str] | None,
        typer.Option(
            metavar="EVALUATOR=USD", help="Dollars a rating, to price further ones.", rich_help_panel=QUESTION
        ),
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="auto (what suits the ratings), continuous, robust, ordinal, binary, classes, error_scores, preference, ranking, "
            "operations.",
            rich_help_panel=MODEL,
        ),
    ] = AUTO,
    prior: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A prior of the model, such as sd_variant=0.5.", rich_help_panel=MODEL),
    ] = None,
    gold: Annotated[
        str | None,
        typer.Option(metavar="EVALUATOR", help="Whose verdicts are the truth.", rich_help_panel=MODEL),
    ] = None,
    domain: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN", help="Kinds of items in which raters may err differently.", rich_help_panel=MODEL
        ),
    ] = None,
    covariate: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="What a judge should ignore, such as length.", rich_help_panel=MODEL),
    ] = None,
    engine: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="nuts (the reference), fast (continuous scores, without a sampler), or auto: fast where a sampler would keep you waiting.",
            rich_help_panel=SAMPLER,
        ),
    ] = "auto",
    draws: Annotated[
        int, typer.Option(metavar="N", min=1, help="Draws of each chain.", rich_help_panel=SAMPLER)
    ] = 1500,
    tune: Annotated[
        int, typer.Option(metavar="N", min=0, help="Tuning steps of each chain.", rich_help_panel=SAMPLER)
    ] = 1000,
    chains: Annotated[int, typer.Option(metavar="N", min=1, help="Chains.", rich_help_panel=SAMPLER)] = 4,
    target_accept: Annotated[
        float | None,
        typer.Option(
            metavar="P",
            help="Higher is slower and safer, below 1; .95 unless told, and once more with .99 where draws diverged.",
            rich_help_panel=SAMPLER,
        ),
    ] = None,
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
    prices = numbers(price, option="--price", example="crowd=0.30", lowest=0.0)
    _refuse_own_folder(file, out)
    with taken(out, overwrite=overwrite) as folder:
        from expsim_bayes.readers import read

        ratings = read(
            file,
            columns=pairs(column, option="--column", example="score=rating"),
            where=pairs(where, option="--where", example="language=en"),
            score_range=bounds(score_range, option="--score-range"),
            valid_range=bounds(valid_range, option="--valid-range"),
            round_scores=round_scores,
            flag_below=numbers(flag_below, option="--flag-below", example="human=1"),
            score_map=numbers(score_map, option="--score-map", example="good=1"),
            higher_is_better=not lower_is_better,
            anonymous_kinds=choices(anonymous_raters, ("human", "llm", "metric"), option="--anonymous-raters"),
            control=control,
            reference=reference,
            outcome_map=pairs(outcome_map, option="--outcome-map", example="first=left"),
            compare=not no_variants,
            duplicates=duplicates,
            crossed_users=crossed_users,
            merge_names=merge_names,
            encoding=encoding,
            quoting=not no_quotes,
        )
        _refuse_strange_prices(prices, ratings)
        describe_ratings(screen, ratings, details=details)
        chosen = model_of(model, ratings, prior=prior, gold=gold, domain=domain, covariate=covariate)
        screen.labelled([("Model", f"{chosen.name}, because {chosen.why}" if chosen.why else chosen.name)])
        with screen.progress("loading the sampler", total=1.0) as advance:
            advance(0.0, "loading the sampler")
            from expsim_bayes.fit import fit as sampled
            from expsim_bayes.recommend.fit import of_fit

            tree = sampled(
                ratings,
                model=chosen.name,
                engine=cast("Engine", engine),
                priors=chosen.priors,
                draws=draws,
                tune=tune,
                chains=chains,
                target_accept=target_accept,
                random_seed=seed,
                min_effect=min_effect,
                progress=timed(advance, FASTER.get(chosen.name, "")),
            )
            advance(0.99, "weighing the decision")
            facts = of_fit(
                tree,
                ratings,
                min_effect=min_effect,
                rope=rope,
                threshold=threshold,
                prices=prices,
                why_model=chosen.why,
            )
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
