"""Priors of the story of rankings, which need no sampler."""

from __future__ import annotations

from pydantic import model_validator

from expsim_bayes.frozen import Frozen
from expsim_bayes.models._recipe import refuse_not_positive


class Priors(Frozen):
    """Priors of the story of rankings; every SD is in logits, where the noise of a single ranking has an SD of 1.28.

    Examples
    --------
    >>> Priors(sd_variant=0.5).sd_variant
    0.5
    """

    sd_variant: float = 1.0
    """SD of what a variant adds, fixed: q ~ Normal(0, sd_variant); of two variants the better is put first in 50 to 94 % of rankings
    (probability .95); logits."""
    log_scale_use_sd: float = 1.0
    """SD of log lambda, how strongly an evaluator answers to what the reference sees, its own noise included; no unit."""
    sd_interaction: float = 0.7
    """Scale of the half-normal prior of the SD of a variant's fit to an item; logits."""
    sd_shift: float = 0.7
    """Scale of the half-normal prior of the SD of judges' tastes for variants, one SD for all judges; logits."""
    sd_taste: float = 0.5
    """Scale of the half-normal prior of the SD of one person's taste for a variant; logits."""

    @model_validator(mode="after")
    def _all_positive(self) -> Priors:
        refuse_not_positive(self)
        return self
