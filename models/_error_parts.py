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
from pytensor.gradient import disconnected_grad

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


def integrated(error: Tensor, size: Tensor, correlation: Tensor, nodes: Floats) -> Tensor:
    """(unit,) log of the likelihood of each unit, its two effects averaged out.

    Parameters
    ----------
    error, size : (unit, node) tensor
        Log-likelihoods of the unit's ratings at the nodes, as error or none and as sizes.
    correlation : scalar tensor
        Of the two effects.
    nodes : (node,) array
        From `grid`.
    """
    top_error, top_size = (disconnected_grad(each.max(axis=1, keepdims=True)) for each in (error, size))
    both = pt.dot(pt.exp(error - top_error), joint(correlation, nodes)) * pt.exp(size - top_size)
    return pt.log(both.sum(axis=1)) + top_error[:, 0] + top_size[:, 0]


def cutpoints(shares: Tensor, sizes: int) -> Tensor:
    """(evaluator, cut) cutpoints between sizes that have the (evaluator, size) shares at a latent value of 0; logits."""
    upto = np.triu(np.ones((sizes, sizes)))[:, :-1]  # (size, cut) sizes up to a cut
    return pt.log(pt.dot(shares, upto)) - pt.log(pt.dot(shares, 1 - upto))


def edges(cutpoint: Tensor) -> Tensor:
    """(row, size + 1) edges of the sizes, the scale being open at both ends."""
    end = pt.full((cutpoint.shape[0], 1), OPEN)
    return pt.concatenate([-end, cutpoint, end], axis=1)


def size_probs(lower: Tensor, upper: Tensor, latent: Tensor) -> Tensor:
    """Probabilities of the size between two edges, given latent values of a shape that fits.

    They are sigmoid(upper - latent) - sigmoid(lower - latent), written as a product so that none cancels.
    """
    return pm.math.sigmoid(upper - latent) * pm.math.sigmoid(latent - lower) * -pt.expm1(lower - upper)


def size_log_probs(lower: Tensor, upper: Tensor, latent: Tensor) -> Tensor:
    """Logs of `size_probs`."""
    return pt.log(-pt.expm1(lower - upper)) - pt.softplus(latent - upper) - pt.softplus(lower - latent)


def tabled(edge: Tensor, latent: Tensor, step: Tensor, row: Ints, unit: Ints) -> tuple[Tensor, Tensor]:
    """(unit, node) log-likelihoods as error or none and as sizes, from tables of what each row and size is worth and how often it occurs.

    Parameters
    ----------
    edge : (row, size + 1) tensor
        Edges of the sizes.
    latent : (part, row, node) tensor
        Latent values.
    step : (rating,) tensor of int
        0 for no error, else the size.
    row, unit : (rating,) array of int
        Row and unit of each rating.
    """
    rows, units, sizes = int(row.max()) + 1, int(unit.max()) + 1, edge.shape[1] - 1
    found = pt.cast(step > 0, "float64")
    errors = pt.inc_subtensor(pt.zeros((units, rows))[unit, row], found)
    rated = np.zeros((units, rows))
    np.add.at(rated, (unit, row), 1.0)
    error = pt.dot(errors, latent[0]) - pt.dot(rated, pt.softplus(latent[0]))
    size = size_log_probs(edge[:, :-1, None], edge[:, 1:, None], latent[1][:, None, :])
    each = size.reshape((rows * sizes, size.shape[2]))[row * sizes + pt.maximum(step - 1, 0)]
    return error, pt.inc_subtensor(pt.zeros((units, latent.shape[2]))[unit], found[:, None] * each)


def one_by_one(edge: Tensor, latent: Tensor, step: Tensor, row: Ints, unit: Ints) -> tuple[Tensor, Tensor]:
    """The same as `tabled`, rating by rating: for ratings that hardly share a row."""
    found = pt.cast(step > 0, "float64")[:, None]
    size = pt.maximum(step - 1, 0)
    log = size_log_probs(edge[row, size][:, None], edge[row, size + 1][:, None], latent[1][row])
    empty = pt.zeros((int(unit.max()) + 1, latent.shape[2]))
    error = found * latent[0][row] - pt.softplus(latent[0][row])
    return pt.inc_subtensor(empty[unit], error), pt.inc_subtensor(empty[unit], found * log)


def expected_sizes(points: Floats, cutpoint: Tensor, latent: Tensor) -> Tensor:
    """Expected size of an error at latent values of any shape, given the cutpoints (cut,) and the (size,) points of the sizes."""
    above = pm.math.sigmoid(pt.shape_padright(latent) - cutpoint)
    return points[0] + (above * np.diff(points)).sum(axis=-1)
