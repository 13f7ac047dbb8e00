"""Exchangeable normal effects as PyMC variables, told as the story has them and laid out so that the sampler moves well.

A level (cutpoints, an evaluator's mean) absorbs the mean of effects that all its ratings carry. Ratings then see only the deviations from
that mean, and the mean, of which they tell nothing, enters where the answer to new members of the group is asked for. The story is the
same, and the sampler has no ridge to climb.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from numpy.typing import NDArray

Tensor = Any
"""A symbolic array of pytensor, which has no usable static types."""
NESTED_EFFECTS = tuple(
    f"{name}{part}"
    for name in (
        "item_effect", "interaction", "output_effect", "opinion", "severity_logit", "shift_logit", "taste_logit",
    )
    for part in ("", "_raw")
)  # fmt: skip
"""Effects of scores in logits, and the multiples of their SDs: one value an item, an output, a rater or a rating."""


def effects(name: str, sd: Tensor, dims: str, *, centred: float = 0.0) -> Tensor:
    """Independent Normal(0, sd^2) effects along a dim, as a Deterministic of that name.

    Parameters
    ----------
    name : str
        Of the effects; what is sampled is called `name_raw`.
    sd : scalar tensor
        Their SD.
    dims : str
        A dim of the model in context.
    centred : float
        From 0, they are sampled as multiples of the SD, to 1, as they are (`expsim_bayes.models._centring`).
    """
    raw = pm.Normal(f"{name}_raw", 0.0, sd**centred if centred else 1.0, dims=dims)
    return pm.Deterministic(name, sd ** (1.0 - centred) * raw, dims=dims)


def level_and_deviations(name: str, sd: float, dim: str) -> Tensor:
    """Independent Normal(0, sd^2) numbers along a dim, as a Deterministic of that name, whose mean is sampled apart.

    The mean, `name_mean`, is Normal(0, sd^2 / n), and the deviations from it, `name_deviation`, are independent of it: Normal(0, sd^2)
    given that they sum to zero.

    Parameters
    ----------
    name : str
        Of the numbers.
    sd : float
        Their SD.
    dim : str
        A dim of the model in context.
    """
    n = len(pm.modelcontext(None).coords[dim])
    mean = pm.Normal(f"{name}_mean", 0.0, sd / np.sqrt(n))
    deviation = pm.ZeroSumNormal(f"{name}_deviation", sd, dims=dim) if n > 1 else pt.zeros(1)
    return pm.Deterministic(name, mean + deviation, dims=dim)


def scattered(name: str, sd: Tensor, has: NDArray[np.bool_], dims: tuple[str, ...]) -> Tensor:
    """Effects along dims whose first axis has them only in places: multiples of their SD there, zero elsewhere.

    Parameters
    ----------
    name : str
        Of the effects; the multiples are called `name_raw`.
    sd : tensor
        One SD, or one for each entry of the first axis.
    has : (first,) array of bool
        Where there are any.
    dims : tuple of str
        Dims of the model in context.
    """
    rows = np.flatnonzero(has)
    sizes = [len(pm.modelcontext(None).coords[dim]) for dim in dims]
    raw = pm.Normal(f"{name}_raw", 0.0, 1.0, shape=(rows.size, *sizes[1:]))
    scale = sd if sd.ndim == 0 else pt.shape_padright(sd[rows], len(dims) - 1)
    full = pt.set_subtensor(pt.zeros(sizes)[rows], scale * raw)
    return pm.Deterministic(name, full, dims=dims)


def group_means(values: Tensor, group: NDArray[np.intp]) -> Tensor:
    """(groups,) means of values by group; every group from 0 has a member."""
    belongs = np.eye(int(group.max()) + 1)[group]
    return pt.dot(values, belongs / belongs.sum(axis=0))


def scale_uses(has: Sequence[bool] | NDArray[np.bool_], log_sd: float) -> Tensor:
    """(evaluator,) lambda as a Deterministic `scale_use`: how strongly an evaluator answers to what the reference sees.

    Parameters
    ----------
    has : (evaluator,) sequence of bool
        Whose lambda is estimated, along the dim `scaled`; it is 1 for the others.
    log_sd : float
        SD of log lambda; no unit.
    """
    where, use = np.flatnonzero(has), pt.ones(len(has))
    if where.size:
        use = pt.set_subtensor(use[where], pt.exp(pm.Normal("log_scale_use", 0.0, log_sd, dims="scaled")))
    return pm.Deterministic("scale_use", use, dims="evaluator")
