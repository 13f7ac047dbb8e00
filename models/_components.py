"""Standard deviations and scale use as PyMC variables: the part that both forms of the score story share.

A term that is absent has no variable and an SD of zero; given components are constants.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from numpy.typing import NDArray

from expsim_bayes.models._priors import Priors, Scale
from expsim_bayes.models._terms import Components, Terms

Tensor = Any
"""A symbolic array of pytensor, which has no usable static types."""


class SymbolicComponents(NamedTuple):
    """`Components` as symbolic arrays, in points."""

    sd_item: Tensor
    sd_interaction: Tensor
    sd_output: Tensor
    sd_shift: Tensor
    sd_rater: Tensor
    """(K,)"""
    sd_taste: Tensor
    """(K,)"""
    sd_opinion: Tensor
    """(K,)"""
    sd_noise: Tensor
    """(K,)"""
    scale_use: Tensor
    """(K,)"""


def component_variables(priors: Priors, scale: Scale, present: Terms, fixed: Components | None) -> SymbolicComponents:
    """SDs and scale use inside a model context: half-normal and log-normal variables, zeros where absent, constants where given."""
    if fixed is not None:
        return SymbolicComponents(*(pt.as_tensor_variable(np.asarray(value, dtype=float)) for value in fixed))
    width = scale.width
    return SymbolicComponents(
        sd_item=_single("sd_item", priors.sd_item * width, has=present.item),
        sd_interaction=_single("sd_interaction", priors.sd_interaction * width, has=present.interaction),
        sd_output=_single("sd_output", priors.sd_output * width, has=present.output),
        sd_shift=_single("sd_shift", priors.sd_shift * width, has=any(present.shift)),
        sd_rater=_several("sd_rater", priors.sd_rater * width, present.severity, "severity_pool"),
        sd_taste=_several("sd_taste", priors.sd_taste * width, present.taste, "taste_pool"),
        sd_opinion=_several("sd_opinion", priors.sd_opinion * width, present.opinion, "opinion_pool"),
        sd_noise=pm.TruncatedNormal(
            "sd_noise", 0, priors.sd_noise * width, lower=priors.least_noise * width, dims="evaluator"
        ),
        scale_use=_scale_use(priors, present),
    )


def _single(name: str, sd: float, *, has: bool) -> Tensor:
    return pm.HalfNormal(name, sd) if has else pt.constant(0.0)


def _several(name: str, sd: float, has: tuple[bool, ...], dim: str) -> Tensor:
    where = np.flatnonzero(has)
    return put(pt.zeros(len(has)), where, pm.HalfNormal(name, sd, dims=dim)) if where.size else pt.zeros(len(has))


def _scale_use(priors: Priors, present: Terms) -> Tensor:
    where = np.flatnonzero(present.scale_use)
    if not where.size:
        return pt.ones(len(present.scale_use))
    log_scale_use = pm.Normal("log_scale_use", 0, priors.log_scale_use_sd, dims="scaled")
    return pt.exp(put(pt.zeros(len(present.scale_use)), where, log_scale_use))


def take(values: Tensor, index: NDArray[np.intp]) -> Tensor:
    """`values[index]`, without an operation where the index takes everything in order (fewer operations compile faster)."""
    if values.type.shape[0] == index.size and (index == np.arange(index.size)).all():
        return values
    return values[index]


def put(values: Tensor, index: NDArray[np.intp], added: Tensor) -> Tensor:
    """`values` with `added` added at distinct rows `index`, without indexing where these are consecutive."""
    start, size = int(index[0]), index.size
    if (index == start + np.arange(size)).all():
        if size == values.type.shape[0]:
            return values + added
        return pt.inc_subtensor(values[start : start + size], added)
    return pt.inc_subtensor(values[index], added)
