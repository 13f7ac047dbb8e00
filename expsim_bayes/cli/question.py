"""Options with which ratings are fitted: the question, the model, the sampler."""

from __future__ import annotations

from typing import Annotated

import typer

QUESTION, MODEL, SAMPLER = "The question", "The model", "The sampler"
"""Headings of the options in --help."""

LowerIsBetter = Annotated[
    bool, typer.Option("--lower-is-better", help="Scores count errors.", rich_help_panel=QUESTION)
]
Control = Annotated[
    str | None, typer.Option(metavar="NAME", help="The variant in use today.", rich_help_panel=QUESTION)
]
Reference = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="The evaluator that defines quality; people unless told.", rich_help_panel=QUESTION
    ),
]
MinEffect = Annotated[
    float,
    typer.Option(
        metavar="AMOUNT",
        min=0,
        help="Smallest difference that matters, in units of quality: points, a share (.05: 5 percentage points), dollars, seconds.",
        rich_help_panel=QUESTION,
    ),
]
Rope = Annotated[
    float | None,
    typer.Option(
        metavar="AMOUNT",
        min=0,
        help="Variants closer than this are equal; --min-effect unless told.",
        rich_help_panel=QUESTION,
    ),
]
Threshold = Annotated[
    float,
    typer.Option(
        metavar="P",
        min=0.5,
        max=1.0,
        help="Probability that is asked for before a decision.",
        rich_help_panel=QUESTION,
    ),
]
Price = Annotated[
    list[str] | None,
    typer.Option(metavar="EVALUATOR=USD", help="Dollars a rating, to price further ones.", rich_help_panel=QUESTION),
]
ModelName = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="auto (what suits the ratings), continuous, robust, ordinal, binary, classes, error_scores, preference, ranking, operations.",
        rich_help_panel=MODEL,
    ),
]
Prior = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=VALUE", help="A prior of the model, such as sd_variant=0.5.", rich_help_panel=MODEL),
]
Gold = Annotated[
    str | None, typer.Option(metavar="EVALUATOR", help="Whose verdicts are the truth.", rich_help_panel=MODEL)
]
Domain = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="Kinds of items in which raters may err differently.", rich_help_panel=MODEL),
]
Covariate = Annotated[
    list[str] | None,
    typer.Option(metavar="COLUMN", help="What a judge should ignore, such as length.", rich_help_panel=MODEL),
]
EngineName = Annotated[
    str,
    typer.Option(
        "--engine",
        metavar="NAME",
        help="nuts (the reference), fast (continuous scores, without a sampler), or auto: fast where a sampler would keep you waiting.",
        rich_help_panel=SAMPLER,
    ),
]
Draws = Annotated[int, typer.Option(metavar="N", min=1, help="Draws of each chain.", rich_help_panel=SAMPLER)]
Tune = Annotated[int, typer.Option(metavar="N", min=0, help="Tuning steps of each chain.", rich_help_panel=SAMPLER)]
Chains = Annotated[int, typer.Option(metavar="N", min=1, help="Chains.", rich_help_panel=SAMPLER)]
TargetAccept = Annotated[
    float | None,
    typer.Option(
        metavar="P",
        help="Higher is slower and safer, below 1; .95 unless told, and once more with .99 where draws diverged.",
        rich_help_panel=SAMPLER,
    ),
]
