"""What is believed before a rating is seen: the priors of the score story and the scale that they are measured in.

Every prior is a share of the width of the score scale, so that a 1-5 and a 0-100 scale need no retuning. Add a field here when a
new term enters the story.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from pydantic import model_validator

from expsim_bayes.errors import RatingsError, SettingError
from expsim_bayes.frozen import Frozen
from expsim_bayes.ratings import Coded

SDS_A_RANGE = 5.0
"""A score range is taken as five pooled SDs wide, which is about right for 1-5 ratings."""


class Priors(Frozen):
    """Priors of the score story; every number is a share of the width of the score range.

    Without a declared score range, five pooled SDs of the ratings stand for the range (and the result says so).

    Examples
    --------
    >>> Priors(sd_variant=0.05).sd_variant
    0.05
    >>> Priors(sd_item=0)
    Traceback (most recent call last):
    ...
    expsim_bayes.errors.SettingError: priors.sd_item: a prior SD of 0.0 leaves nothing to learn. Remedy: ...
    """

    sd_variant: float = 0.1
    """SD of quality between variants, fixed: q ~ Normal(0, sd_variant); range widths."""
    level_sd: float = 0.35
    """SD of an evaluator's level around the middle of the scale: m ~ Normal(middle, level_sd); range widths."""
    log_scale_use_sd: float = 0.5
    """SD of log lambda, how much of the scale an evaluator uses beside the reference: log lambda ~ Normal(0, .); no unit."""
    sd_item: float = 0.15
    """Scale of the half-normal prior of the SD between items; range widths."""
    sd_interaction: float = 0.1
    """Scale of the half-normal prior of the SD of a variant's fit to an item; range widths."""
    sd_output: float = 0.1
    """Scale of the half-normal prior of the SD between generations of one variant on one item; range widths."""
    sd_rater: float = 0.15
    """Scale of the half-normal prior of the SD of severity between the raters of a pool; range widths."""
    sd_shift: float = 0.1
    """Scale of the half-normal prior of the SD of judges' tastes for variants, one SD for all judges; range widths."""
    sd_taste: float = 0.05
    """Scale of the half-normal prior of the SD of one person's taste for a variant; range widths."""
    sd_opinion: float = 0.1
    """Scale of the half-normal prior of the SD of a rater's lasting opinion of one output; range widths."""
    sd_noise: float = 0.25
    """Scale of the half-normal prior of the SD of noise from one rating to the next, from `least_noise` up; range widths."""
    tastes: bool = True
    """Whether persons may have tastes of their own for variants, where the ratings can tell; false takes them for noise, and is faster."""
    least_noise: float = 0.001
    """Least SD of noise: nobody rates more finely. Without it a judge that always repeats itself has no posterior; range widths."""

    @model_validator(mode="after")
    def _all_positive(self) -> Priors:
        for name, value in self:
            if name not in ("least_noise", "tastes") and not value > 0:
                raise SettingError(
                    f"a prior SD of {value} leaves nothing to learn",
                    where=f"priors.{name}",
                    remedy="give a number above 0, in widths of the score range",
                )
        self._refuse_least_noise()
        return self

    def _refuse_least_noise(self) -> None:
        if not 0 < self.least_noise < self.sd_noise:
            raise SettingError(
                f"a least noise of {self.least_noise} is not between 0 and sd_noise, {self.sd_noise}",
                where="priors.least_noise",
                remedy="give a small number above 0, in widths of the score range",
            )


class Scale(NamedTuple):
    """The score scale that priors are measured on."""

    middle: float
    """Centre of the prior of an evaluator's level, in points."""
    width: float
    """One range width, in points."""
    sentence: str
    """What was taken as the range, for the reader of a report."""

    @property
    def step(self) -> float:
        """A typical SD of ratings, in points: the sampler works in units of it."""
        return self.width / SDS_A_RANGE


def score_scale(data: Coded, score_range: tuple[float, float] | None) -> Scale:
    """The scale of a set of ratings: the declared range, else five pooled SDs around their mean.

    Raises
    ------
    RatingsError
        Without a declared range when all ratings of every evaluator are equal.
    """
    if score_range is not None:
        low, high = score_range
        return Scale((low + high) / 2, high - low, f"Priors suit the width of the score range, {low:g} to {high:g}.")
    sd = pooled_sd(data)
    if not sd > 0:
        raise RatingsError(
            "every evaluator gives the same score throughout, so the ratings have no scale of their own",
            remedy="declare the scale with --score-range LO:HI",
        )
    sentence = (
        f"No score range was declared: priors take five pooled SDs of the ratings (5 x {sd:.3g} points) as the width of the scale, "
        "and the mean of the ratings as its middle."
    )
    return Scale(float(data.score.mean()), SDS_A_RANGE * sd, sentence)


def pooled_sd(data: Coded) -> float:
    """SD of the ratings around the mean of their evaluator, in points."""
    count = np.bincount(data.evaluator, minlength=len(data.evaluators))
    mean = np.bincount(data.evaluator, data.score, len(data.evaluators)) / np.maximum(count, 1)
    residual = data.score - mean[data.evaluator]
    freedom = max(1, data.score.size - int((count > 0).sum()))
    return float(np.sqrt((residual**2).sum() / freedom))
