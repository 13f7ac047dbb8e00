r"""Contests among independent rates, each with a Beta posterior: who is the best, by how much, and are all the same.

All are one-dimensional integrals of a density times distribution functions, by Gauss-Legendre on panels that are shared by all variants.
Panels end where any density has fallen by :math:`e^{-k^2/2}` from its top, k = 0, 1, ..., which follows each Beta from one count to
millions. A distribution function needs no special function: it is the density, integrated from panel to panel and, within a panel, as the
polynomial through its nodes. With parameters of one or more, probabilities are good to 1e-7, and to 1e-9 where they are whole numbers;
below one a density has no bound at the ends, and they are not. Tests hold this to exact sums and to SciPy's incomplete Beta function.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray
from scipy.special import betaincinv, betaln, expit, logit

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

_DEPTHS = np.array([-8.0, -6.5, -5.0, -4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.5, 8.0])
"""Where panels end, in standard deviations of a normal that is as deep."""
_N_NODES = 7
_NODES, _WEIGHTS = legendre.leggauss(_N_NODES)
_STEPS = 4
"""Newton steps to a depth; the start is beyond it, so each step is on the safe side."""
_SMALLEST = 1e-300
_SUREST = 1e12
"""Counts of a Beta, at most, when it is told by its moments."""
_BLOCK = 2**16
"""Numbers of one array that are held at once."""


class Contest(NamedTuple):
    """Who is the best among the eligible; every array has a leading replication axis."""

    best: Floats
    """(replication, variant) probability to have the highest rate; sums to 1."""
    top: Floats
    """(replication,) expected highest rate."""


def ends(mean: Floats, sd: Floats, prob: float) -> tuple[Floats, Floats]:
    """Ends of the central intervals of rates: those of the Betas with these means and standard deviations, which stay within 0 and 1.

    Parameters
    ----------
    mean, sd : ndarray
        Moments of rates.
    prob : float
        Probability of the intervals.

    Examples
    --------
    >>> [round(float(end), 3) for end in ends(np.array(0.5), np.array(12**-0.5), 0.9)]
    [0.05, 0.95]
    """
    middle = np.clip(mean, 1e-9, 1 - 1e-9)
    counts = np.clip(middle * (1 - middle) / np.maximum(sd, _SMALLEST**0.5) ** 2 - 1, 1 / _SUREST, _SUREST)
    low, high = (betaincinv(middle * counts, (1 - middle) * counts, 0.5 + side * prob / 2) for side in (-1, 1))
    return low, high


class _Grid(NamedTuple):
    """Nodes of all panels."""

    x: Floats
    """(replication, panel, node) rates."""
    half: Floats
    """(replication, panel, 1) half the width of each panel."""


def contest(a: Floats, b: Floats, allowed: Mask) -> Contest:
    """Which of the allowed variants has the highest rate.

    Parameters
    ----------
    a, b : ndarray, shape (replication, variant)
        Parameters of the Beta posteriors.
    allowed : ndarray of bool, shape (replication, variant)
        Who takes part; at least one a replication.

    Examples
    --------
    >>> a, b = np.array([[51.0, 61.0]]), np.array([[51.0, 41.0]])
    >>> contest(a, b, np.ones((1, 2), bool)).best.round(8).tolist()
    [[0.07857375, 0.92142625]]
    """
    best, top = np.empty(a.shape), np.empty(len(a))
    for here in _blocks(a):
        grid = _grid(_bends(a[here], b[here]))
        density = _density(grid.x, a[here], b[here])
        weight = density * _others(_from_below(density, grid), allowed[here]) * _weights(grid)
        weight *= allowed[here][:, :, None, None]
        best[here] = weight.sum(axis=(2, 3))
        top[here] = (weight * grid.x[:, None]).sum(axis=(1, 2, 3))
    total = best.sum(axis=1)
    return Contest(best / total[:, None], top / total)


def prob_within(a: Floats, b: Floats, allowed: Mask, width: float) -> Floats:
    """(replication,) probability that the rates of all allowed variants lie within a width of each other.

    One of them is the lowest; the others lie between it and the width above it.

    Examples
    --------
    >>> a, b = np.array([[51.0, 61.0]]), np.array([[51.0, 41.0]])
    >>> prob_within(a, b, np.ones((1, 2), bool), 0.05).round(6).tolist()
    [0.226603]
    """
    within = np.where(allowed.sum(axis=1) == 1, 1.0, 0.0)
    if width <= 0:
        return within
    for here in _blocks(a, grids=2):
        bends = _bends(a[here], b[here])
        grid = _grid(np.concatenate([bends, np.maximum(bends - width, 0.0)], axis=1))
        density = _density(grid.x, a[here], b[here])
        between = _from_above(_density(grid.x + width, a[here], b[here]), grid)
        between = np.clip(1.0 - between - _from_below(density, grid), 0.0, 1.0)
        weight = density * _others(between, allowed[here]) * _weights(grid)
        within[here] = np.where(allowed[here][:, :, None, None], weight, 0.0).sum(axis=(1, 2, 3))
    return np.minimum(within, 1.0)


def prob_exceeds(a: Floats, b: Floats, other_a: Floats, other_b: Floats, by: float) -> Floats:
    """(replication, variant) probability that each rate exceeds another by more than an amount, which may be negative.

    Parameters
    ----------
    a, b : ndarray, shape (replication, variant)
        Parameters of the rates.
    other_a, other_b : ndarray, shape (replication, 1)
        Parameters of the rate that they are held against.
    by : float
        The amount.

    Examples
    --------
    >>> prob_exceeds(np.array([[61.0]]), np.array([[41.0]]), np.array([[51.0]]), np.array([[51.0]]), 0.0).round(8).tolist()
    [[0.92142625]]
    """
    found = np.empty(a.shape)
    for here in _blocks(a, grids=2):
        base = _bends(other_a[here], other_b[here])
        moved = np.clip(_bends(a[here], b[here]) - by, 0.0, 1.0)
        grid = _grid(np.concatenate([base, moved], axis=1))
        density = _density(grid.x, other_a[here], other_b[here])
        moved_density = _density(grid.x + by, a[here], b[here])  # its mass may be cut off below or above, by the sign
        above = _from_above(moved_density, grid) if by >= 0 else 1.0 - _from_below(moved_density, grid)
        found[here] = (density * above * _weights(grid)).sum(axis=(2, 3))
    return np.clip(found, 0.0, 1.0)


def _blocks(a: Floats, grids: int = 1) -> list[slice]:
    """Stretches of replications whose arrays fit into a cache."""
    each = grids * a.shape[1] ** 2 * _DEPTHS.size * _N_NODES
    step = max(1, _BLOCK // each)
    return [slice(at, at + step) for at in range(0, len(a), step)]


def _bends(a: Floats, b: Floats) -> Floats:
    """(replication, depth of all variants) rates at which a density in the logit has fallen to each depth.

    Half the fall at a distance t above the mode is n log(1 + p (e^t - 1)) - a t, with n = a + b and p = a / n; below it a and b change
    places. It is convex, so Newton's steps from beyond its root come down to it.
    """
    above = _DEPTHS > 0
    near = np.where(above, a[..., None], b[..., None])  # beyond the mode the density falls as exp(-far t)
    far = np.where(above, b[..., None], a[..., None])
    n, falls, rest = near + far, 0.5 * _DEPTHS**2, far / (near + far)
    t = np.abs(_DEPTHS) * np.sqrt(n / (near * far)) + falls / far
    for _ in range(_STEPS):
        grown = np.exp(-t)  # log(1 + p (e^t - 1)) = t + log(p + (1 - p) e^-t), without overflow
        inner = 1.0 - rest + rest * grown
        slope = far - n * rest * grown / inner
        t = np.maximum(t - (far * t + n * np.log(inner) - falls) / np.maximum(slope, 1e-12 * far), 0.0)
    t = np.where(_DEPTHS == 0, 0.0, np.sign(_DEPTHS) * t)
    return np.asarray(expit(logit(a / (a + b))[..., None] + t).reshape(len(a), -1))


def _grid(bends: Floats) -> _Grid:
    """Nodes between the bends."""
    edges = np.sort(bends, axis=1)[:, :, None]
    half = np.diff(edges, axis=1) / 2.0
    return _Grid(edges[:, :-1] + half * (1.0 + _NODES), half)


def _weights(grid: _Grid) -> Floats:
    """(replication, 1, panel, node) weights of the nodes."""
    return np.asarray((grid.half * _WEIGHTS)[:, None])


def _density(x: Floats, a: Floats, b: Floats) -> Floats:
    """(replication, variant, panel, node) densities; none outside 0 to 1."""
    inside = (x > 0) & (x < 1)
    low, high = np.log(np.maximum(x, _SMALLEST)), np.log(np.maximum(1.0 - x, _SMALLEST))
    p, q = a[:, :, None, None] - 1.0, b[:, :, None, None] - 1.0
    logs = p * low[:, None] + q * high[:, None] - betaln(a, b)[:, :, None, None]
    return np.asarray(np.where(inside[:, None], np.exp(np.minimum(logs, 700.0)), 0.0))


def _integration() -> Floats:
    """(node, node) integrals of the polynomials through the nodes, from the lower end of [-1, 1] to each node."""
    columns = []
    for node in range(_N_NODES):
        through = legendre.legfit(_NODES, np.eye(_N_NODES)[node], _N_NODES - 1)
        columns.append(legendre.legval(_NODES, legendre.legint(through, lbnd=-1)))
    return np.stack(columns, axis=1)


_FROM_BELOW = _integration()


def _from_below(density: Floats, grid: _Grid) -> Floats:
    """Distribution functions at the nodes, all of whose mass lies above the first edge."""
    half = grid.half[:, None]
    panel = (density @ _WEIGHTS)[..., None] * half
    before = np.cumsum(panel, axis=2) - panel
    return np.asarray(np.clip(before + (density @ _FROM_BELOW.T) * half, 0.0, 1.0))


def _from_above(density: Floats, grid: _Grid) -> Floats:
    """One less the distribution functions at the nodes, all of whose mass lies below the last edge."""
    half = grid.half[:, None]
    panel = (density @ _WEIGHTS)[..., None] * half
    rest = np.cumsum(panel[:, :, ::-1], axis=2)[:, :, ::-1]
    return np.asarray(np.clip(rest - (density @ _FROM_BELOW.T) * half, 0.0, 1.0))


def _others(factor: Floats, allowed: Mask) -> Floats:
    """(replication, variant, ...) products of the factors of all other allowed variants."""
    mine = np.where(allowed[:, :, None, None], factor, 1.0)
    others = np.ones_like(mine)
    for v in range(1, mine.shape[1]):  # the product over all before
        np.multiply(others[:, v - 1], mine[:, v - 1], out=others[:, v])
    behind = np.ones_like(mine[:, 0])
    for v in range(mine.shape[1] - 2, -1, -1):
        behind *= mine[:, v + 1]
        others[:, v] *= behind
    return others
