"""Priors of the story of preferences, which need no sampler."""

from __future__ import annotations

from pydantic import model_validator

from expsim_bayes.frozen import Frozen
from expsim_bayes.models._recipe import refuse_not_positive

ANY_NUMBER = ("tie_mean",)
"""Priors that may be negative."""


class Priors(Frozen):
    """Priors of the story of preferences; abilities and order effects are in logits of a comparison.

    Examples
    --------
    >>> Priors(sd_variant=0.5).sd_variant
    0.5
    """

    sd_variant: float = 1.0
    """SD of the abilities of variants, fixed: q ~ Normal(0, sd_variant) less their mean; logits on a new item."""
    sd_interaction: float = 2.5
    """Scale of the half-normal prior of the SD of a variant's fit to an item; logits."""
    sd_shift: float = 0.7
    """Scale of the half-normal prior of the SD of judges' tastes for variants, one SD for all judges; logits."""
    order: float = 0.7
    """SD of the order effect of an evaluator: order_level ~ Normal(0, order), above 0 where the left is favoured; logits."""
    sd_order: float = 0.5
    """Scale of the half-normal prior of the SD of order effects between the raters of a pool; logits."""
    tie_mean: float = -1.0
    """Mean of log nu, an evaluator's readiness for ties; -1 means 16 % ties between equals; logits."""
    tie_sd: float = 1.5
    """SD of log nu: log_nu_level ~ Normal(tie_mean, tie_sd); logits."""
    sd_tie: float = 0.7
    """Scale of the half-normal prior of the SD of log nu between the raters of a pool; logits."""
    log_scale_use_sd: float = 1.0
    """SD of log lambda, how strongly an evaluator answers to what the reference sees; no unit."""
    sd_reliability: float = 0.3
    """Scale of the half-normal prior of the SD of log reliability between the raters of a pool; no unit."""
    items: bool = True
    """Whether a variant may suit some items better than others; False takes all items as alike; yes or no."""
    raters: bool = True
    """Whether the raters of a pool may differ; False takes them as alike; yes or no."""
    reliability: bool = True
    """Whether the raters of a pool may differ in reliability; yes or no."""

    @model_validator(mode="after")
    def _all_positive(self) -> Priors:
        refuse_not_positive(self, but=ANY_NUMBER)
        return self
