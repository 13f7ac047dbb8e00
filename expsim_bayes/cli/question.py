"""Options with which ratings are fitted: the question, the model, the sampler."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from expsim_bayes.cli.model import AUTO, told_priors
from expsim_bayes.cli.options import numbers

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
        help="nuts (the reference), fast (without a sampler; not for every model), or auto: nuts, but fast for very many ratings.",
        rich_help_panel=SAMPLER,
    ),
]
LookEngine = Annotated[
    str,
    typer.Option(
        "--engine",
        metavar="NAME",
        help="nuts (the reference), fast (without a sampler; not for every model), or auto: fast wherever the model allows it, "
        "and nuts where that is refused.",
        rich_help_panel=SAMPLER,
    ),
]
Draws = Annotated[
    int,
    typer.Option(
        metavar="N",
        min=1,
        help="Draws of each chain; twice as many where 1,500 or more are too few.",
        rich_help_panel=SAMPLER,
    ),
]
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


@dataclass(frozen=True, kw_only=True)
class QuestionOptions:
    """What is asked of ratings."""

    lower_is_better: LowerIsBetter = False
    control: Control = None
    reference: Reference = None
    price: Price = None

    def prices(self) -> dict[str, float]:
        """Dollars a rating, by evaluator."""
        return numbers(self.price, option="--price", example="crowd=0.30", lowest=0.0)


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """Which model is fitted, with which priors."""

    model: ModelName = AUTO
    prior: Prior = None
    gold: Gold = None
    domain: Domain = None
    covariate: Covariate = None

    def priors(self) -> dict[str, object]:
        """Priors that were told, by name."""
        return told_priors(self.prior, gold=self.gold, domain=self.domain, covariate=self.covariate)


@dataclass(frozen=True, kw_only=True)
class SamplerOptions:
    """How it is fitted; the names are those of `expsim_bayes.fit.fit`."""

    engine: EngineName = "auto"
    draws: Draws = 1500
    tune: Tune = 1000
    chains: Chains = 4
    target_accept: TargetAccept = None


@dataclass(frozen=True, kw_only=True)
class LookOptions(SamplerOptions):
    """How every look of a monitored experiment is fitted."""

    engine: LookEngine = "auto"
