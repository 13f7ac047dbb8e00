"""The two parts of an error score on a grid: how likely an error is, how large it is, and both averaged over what varies.

Effects of items on the two parts are jointly normal. An even grid in multiples of their SD integrates them: for smooth bell-shaped
functions the trapezoid rule errs by exp(-2 pi^2 s^2 / h^2) only, with s the width and h the step (Trefethen and Weideman 2014).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from numpy.typing import NDArray

Tensor = Any
"""A symbolic array of pytensor, which has no usable static types."""
Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

REACH = 4.8
"""Multiples of the SD up to which effects are integrated."""
OPEN = 1e6
"""A cutpoint beyond every latent value; logits."""
WIDEST = 0.6
"""Widest step of the grid."""


def grid(ratings: int, *, finer: float = 1.0) -> Floats:
    """Nodes, in multiples of the SD, on which effects of units with up to so many ratings are integrated.

    Parameters
    ----------
    ratings : int
        Most ratings of a unit; the more, the narrower is what they leave of its effect.
    finer : float
        How many times finer the grid is to be.

    Examples
    --------
    >>> grid(1).size, grid(100).size
    (17, 45)
    """
    step = min(WIDEST, 1.6 / np.sqrt(1 + 0.5 * ratings)) / finer
    half = int(np.ceil(REACH / step))
    return np.asarray(step * np.arange(-half, half + 1))


def joint(correlation: Tensor, nodes: Floats) -> Tensor:
    """(node, node) weights of two standard normal variables with a correlation."""
    x, y = nodes[:, None], nodes[None, :]
    rest = 1 - correlation**2
    weight = pt.exp(-(x**2 - 2 * correlation * x * y + y**2) / (2 * rest))
    return weight / weight.sum()


def integrated(each: Tensor, correlation: Tensor, nodes: Floats) -> Tensor:
    """(unit,) log of the likelihood of each unit, its two effects averaged out.

    Parameters
    ----------
    each : (unit, 2 node) tensor
        Log-likelihoods of the unit's ratings at the nodes: as error or none, then as sizes.
    correlation : scalar tensor
        Of the two effects.
    nodes : (node,) array
        From `grid`.
    """
    error, size = each[:, : nodes.size], each[:, nodes.size :]
    top_error, top_size = error.max(axis=1, keepdims=True), size.max(axis=1, keepdims=True)
    both = (pt.exp(error - top_error) @ joint(correlation, nodes)) * pt.exp(size - top_size)
    return pt.log(both.sum(axis=1)) + top_error[:, 0] + top_size[:, 0]


def size_log_probs(cutpoint: Tensor, latent: Tensor) -> Tensor:
    """(..., size, node) log-probabilities of sizes, given cutpoints (..., cut) and latent values (..., node).

    The probability of a size is sigmoid(upper) sigmoid(-lower) (1 - exp(lower - upper)) with its edges less the latent value.
    """
    edge = cutpoint[..., :, None] - latent[..., None, :]
    nothing = pt.zeros_like(latent[..., None, :])
    upper = pt.concatenate([-pt.softplus(-edge), nothing], axis=-2)
    lower = pt.concatenate([nothing, -pt.softplus(edge)], axis=-2)
    return upper + lower + _inside(cutpoint)[..., None]


def _inside(cutpoint: Tensor) -> Tensor:
    """(..., size) log(1 - exp(lower - upper)) of sizes between two cutpoints, 0 at the ends."""
    full = pt.zeros((*[cutpoint.shape[n] for n in range(cutpoint.ndim - 1)], cutpoint.shape[-1] + 1))
    return pt.set_subtensor(full[..., 1:-1], pt.log(-pt.expm1(cutpoint[..., :-1] - cutpoint[..., 1:])))


def looked_up(cutpoint: Tensor, latent: Tensor, step: Tensor, row: Ints) -> Tensor:
    """(rating, 2 node) log-likelihoods of ratings at the nodes, from a table with one line a row and step.

    Parameters
    ----------
    cutpoint : (row, cut) tensor
        Between the sizes.
    latent : (part, row, node) tensor
        Latent values.
    step : (rating,) tensor of int
        0 for no error, else the size.
    row : (rating,) array of int
        Row of each rating.
    """
    size = size_log_probs(cutpoint, latent[1])
    found = -pt.softplus(-latent[0])[:, None, :] + pt.zeros((1, size.shape[1], 1))
    error = pt.concatenate([-pt.softplus(latent[0])[:, None, :], found], axis=1)
    size = pt.concatenate([pt.zeros_like(size[:, :1]), size], axis=1)
    table = pt.concatenate([error, size], axis=2)
    flat = table.reshape((table.shape[0] * table.shape[1], table.shape[2]))
    return flat[row * table.shape[1] + step]


def one_by_one(cutpoint: Tensor, latent: Tensor, step: Tensor, row: Ints) -> Tensor:
    """The same as `looked_up`, without a table: for ratings that hardly share a row."""
    cutpoint, latent, which = cutpoint[row], latent[:, row], np.arange(row.size)
    end = pt.full((row.size, 1), OPEN)
    edge = pt.concatenate([-end, cutpoint, end], axis=1)
    size = pt.maximum(step, 1)
    lower, upper = edge[which, size - 1][:, None], edge[which, size][:, None]
    log = -pt.softplus(latent[1] - upper) - pt.softplus(lower - latent[1]) + _inside(cutpoint)[which, size - 1][:, None]
    found = (step > 0)[:, None]
    error = -pt.softplus(pt.switch(found, -latent[0], latent[0]))
    return pt.concatenate([error, pt.switch(found, log, 0.0)], axis=1)


def expected_sizes(points: Floats, cutpoint: Tensor, latent: Tensor) -> Tensor:
    """Expected size of an error at latent values of any shape, given the cutpoints (cut,) and the (size,) points of the sizes."""
    above = pm.math.sigmoid(pt.shape_padright(latent) - cutpoint)
    return points[0] + (above * np.diff(points)).sum(axis=-1)
