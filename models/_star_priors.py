"""Priors of the story of stars, which need no sampler."""

from __future__ import annotations

from pydantic import model_validator

from expsim_bayes.frozen import Frozen
from expsim_bayes.models._recipe import refuse_not_positive


class Priors(Frozen):
    """Priors of the story of stars; every SD is in logits, where the noise of a single rating has an SD of 1.81.

    Examples
    --------
    >>> Priors(sd_variant=0.5).sd_variant
    0.5
    """

    sd_variant: float = 0.7
    """SD of what a variant adds, fixed: q ~ Normal(0, sd_variant); about a tenth of a 1-5 scale; logits."""
    shares: float = 1.0
    """Concentration of the Dirichlet prior of the shares of an evaluator's steps among all that it rates; 1 holds all shares for equally
    likely; no unit."""
    log_scale_use_sd: float = 1.0
    """SD of log lambda, how strongly an evaluator answers to what the reference sees, its own noise included; no unit."""
    sd_item: float = 1.0
    """Scale of the half-normal prior of the SD between items; logits."""
    sd_interaction: float = 0.7
    """Scale of the half-normal prior of the SD of a variant's fit to an item; logits."""
    sd_output: float = 0.7
    """Scale of the half-normal prior of the SD between generations of one variant on one item; logits."""
    sd_rater: float = 1.0
    """Scale of the half-normal prior of the SD of severity between the raters of a pool; logits."""
    sd_shift: float = 0.7
    """Scale of the half-normal prior of the SD of judges' tastes for variants, one SD for all judges; logits."""
    sd_taste: float = 0.35
    """Scale of the half-normal prior of the SD of one person's taste for a variant; logits."""
    sd_opinion: float = 0.7
    """Scale of the half-normal prior of the SD of a rater's lasting opinion of one output; logits."""

    @model_validator(mode="after")
    def _all_positive(self) -> Priors:
        refuse_not_positive(self)
        return self
