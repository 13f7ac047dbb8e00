"""The distribution of a sum of normal effects and Student-t noise: its quantiles, and the mean of its exponential.

Student-t noise is normal noise whose precision is multiplied by W, a gamma variable with mean 1. Given W the sum is normal, so all
that is asked of it is an average of normal quantities over W, on points equally spaced in log W.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytensor.tensor as pt

from expsim_bayes.models._effects import Tensor

LOG_W = np.linspace(-12.0, 3.0, 76)
"""Logs of the precisions over which the sum is averaged: for 2 or more degrees of freedom they hold all but 1e-5 of it."""
STEPS = 12
"""Newton steps to a quantile."""


class Sums(NamedTuple):
    """Sums of effects and noise, one a variant, each a mixture of normals around zero."""

    sd: Tensor
    """(variant, part) SD of each part."""
    weight: Tensor
    """(part,) weights, of sum 1."""


def sums(noise: Tensor, freedom: Tensor, effects_variance: Tensor) -> Sums:
    """Sums of Student-t noise of a scale (variant,) and degrees of freedom, and of normal effects of a variance."""
    log = 0.5 * freedom * (LOG_W - np.exp(LOG_W))
    weight = pt.exp(log - log.max())
    sd = pt.sqrt(effects_variance + noise[:, None] ** 2 * np.exp(-LOG_W))
    return Sums(sd, weight / weight.sum())


def quantile(of: Sums, prob: Tensor) -> Tensor:
    """(..., variant) quantiles of probabilities (..., variant), each .5 or more.

    Above its middle the distribution function is concave, so that Newton steps from there never go beyond the quantile.
    """
    x = pt.zeros_like(prob)
    for _ in range(STEPS):
        z = x[..., None] / of.sd
        below = (of.weight * _cdf(z)).sum(axis=-1)
        density = (of.weight * pt.exp(-0.5 * z**2) / of.sd).sum(axis=-1) / np.sqrt(2 * np.pi)
        x = x + (prob - below) / density
    return x


def mean_below(of: Sums, cap: Tensor) -> Tensor:
    """(variant,) means of exp(min(sum, cap)), for caps (variant,)."""
    part, at = of.sd, cap[:, None] / of.sd
    less = pt.exp(0.5 * part**2 + _log_cdf(at - part))
    return (of.weight * (less + pt.exp(cap)[:, None] * _cdf(-at))).sum(axis=1)


def _cdf(z: Tensor) -> Tensor:
    return 0.5 * pt.erfc(-z / np.sqrt(2))


def _log_cdf(z: Tensor) -> Tensor:
    """Log of the normal distribution function, also far below."""
    far = pt.minimum(z, -1.0)
    low = pt.log(0.5 * pt.erfcx(-far / np.sqrt(2))) - 0.5 * far**2
    return pt.where(z < -1.0, low, pt.log(_cdf(pt.maximum(z, -1.0))))
