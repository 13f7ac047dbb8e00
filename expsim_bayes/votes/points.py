r"""Points over how the outputs of a ranking suit an item.

Of M outputs only differences matter, so the integral has n = M - 1 dimensions. With the mode and its precision P there, the points are
the mode and :math:`\sqrt{n + 2}\, P^{-1/2} s` for points s of a sphere on which all polynomials up to degree 5 have their means
(Stroud 1971, Mysovskikh 1980); n = 1 takes Gauss-Hermite points.

Where a rater all but reads the order off how outputs suit the item, what is integrated is cut off sharply, and polynomials tell nothing of
it. There, evenly scattered points are taken, half of them from the normal law around the mode and half from what is believed beforehand,
and weighed (Hesterberg 1995): no weight can be large.
"""

from __future__ import annotations

import itertools
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from expsim_bayes.outcomes import MOST_RANKED
from expsim_bayes.votes.averaged import evenly

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

NOTHING = 1e-300
"""Weight of a point that is not there."""
GOLDEN = (1.0 + 5.0**0.5) / 2.0
"""Of whose rectangles the corners of an icosahedron are those."""
STEEP = 2.0
"""Logits that one SD of what suits an item moves a rater, from which few points are too few."""
PAIRS = 64
"""Pairs of opposite points from either law, where they are scattered."""
NODES = evenly(128 * PAIRS, MOST_RANKED - 1)
"""Points that items take them from."""
FINER = {2: 15, 3: 7, 4: 4}
"""Points along each of the differences of so many outputs where time is no matter."""


class Rule(NamedTuple):
    """Points over the differences of M outputs, each with its opposite, after the one in the middle; n = M - 1."""

    contrasts: Floats
    """(M, n) orthonormal columns that sum to zero."""
    points: Floats
    """(H, n) one of each two opposite points."""
    log_weight: Floats
    """(1 + H,) of the middle, then of each of both, less the normal's density there; none where they are scattered and weighed."""


@cache
def rules(*, finer: bool = False) -> tuple[tuple[Floats, Floats, Floats], ...]:
    """The points for 1, 2, ... `MOST_RANKED` outputs, twice: as they usually are, and as they are for `STEEP` rankings.

    Usual ones are few and then `finer`, or finer at once and then scattered.
    """
    numbers = range(1, MOST_RANKED + 1)
    usual = [rule(outputs, finer=finer) for outputs in numbers]
    steep = [scattered(outputs) if finer else rule(outputs, finer=True) for outputs in numbers]
    return tuple(tuple(each) for each in usual + steep)  # type: ignore[misc]


@cache
def rule(outputs: int, *, finer: bool = False) -> Rule:
    """The points for a number of outputs, good for polynomials up to degree 5, or 13 where there are two outputs.

    With `finer`, two outputs have 15 points, three 49, and four 64, good for polynomials up to degrees 29, 13 and 7.

    Examples
    --------
    >>> [len(rule(outputs).points) for outputs in range(1, 6)]
    [0, 3, 3, 6, 15]
    """
    n = outputs - 1
    points, weight = _product(n, FINER[outputs]) if finer and outputs in FINER else _points(n)
    log_weight = np.log(weight) + 0.5 * np.r_[0.0, (points**2).sum(axis=1)]
    return Rule(_contrasts(outputs), np.ascontiguousarray(points), log_weight)


@cache
def scattered(outputs: int) -> Rule:
    """Evenly spread standard normal points, of which items take `PAIRS` in turn for either law, so that their errors do not add up.

    Examples
    --------
    >>> scattered(3).points.shape, scattered(3).log_weight.size
    ((8192, 2), 0)
    """
    n = outputs - 1
    return Rule(_contrasts(outputs), np.ascontiguousarray(NODES[:, :n]), np.zeros(0))


def _contrasts(outputs: int) -> Floats:
    """(M, n) orthonormal columns that sum to zero."""
    contrasts = np.zeros((outputs, outputs - 1))
    for j in range(outputs - 1):
        contrasts[: j + 1, j], contrasts[j + 1, j] = 1.0, -(j + 1.0)
    return np.asarray(contrasts / np.maximum(np.linalg.norm(contrasts, axis=0), 1e-300))


def _points(n: int) -> tuple[Floats, Floats]:
    """(H, n) points and (1 + H,) weights."""
    if n == 0:
        return np.zeros((0, 0)), np.ones(1)
    if n == 1:
        at, weight = np.polynomial.hermite_e.hermegauss(7)
        return at[4:, None], weight[3:] / weight.sum()
    if n == 2:
        turn = np.pi / 3.0 * np.arange(3)
        sphere, share = np.stack([np.cos(turn), np.sin(turn)], axis=1), np.full(3, 1.0 / 6.0)
    elif n == 3:
        edges = [(0.0, 1.0, sign * GOLDEN) for sign in (1.0, -1.0)]
        sphere = np.array([np.roll(edge, turn) for edge in edges for turn in range(3)]) / np.hypot(1.0, GOLDEN)
        share = np.full(6, 1.0 / 12.0)
    else:
        sphere, share = _simplex(n)
    return np.sqrt(n + 2.0) * sphere, np.r_[2.0, n * share] / (n + 2.0)


def _product(n: int, along: int) -> tuple[Floats, Floats]:
    """Gauss-Hermite points along each dimension; an even number of these has none in the middle, which then has no weight to speak of."""
    at, weight = np.polynomial.hermite_e.hermegauss(along)
    points = np.array(list(itertools.product(at, repeat=n)))
    share = np.prod(list(itertools.product(weight / weight.sum(), repeat=n)), axis=1)
    half = len(points) // 2
    return (points[half + 1 :], share[half:]) if along % 2 else (points[half:], np.r_[NOTHING, share[half:]])


def _simplex(n: int) -> tuple[Floats, Floats]:
    """The corners of a simplex and the middles of its edges, all moved to the sphere (Mysovskikh 1980)."""
    corners = np.eye(n + 1) - 1.0 / (n + 1.0)
    basis = np.linalg.svd(corners)[2][:n].T
    corners = corners @ basis / np.sqrt(n / (n + 1.0))
    middles = np.array([a + b for a, b in itertools.combinations(corners, 2)])
    middles /= np.linalg.norm(middles, axis=1, keepdims=True)
    corner = n * (7.0 - n) / (2.0 * (n + 1.0) ** 2 * (n + 2.0))
    middle = 2.0 * (n - 1.0) ** 2 / (n * (n + 1.0) ** 2 * (n + 2.0))
    return np.concatenate([corners, middles]), np.r_[np.full(n + 1, corner), np.full(len(middles), middle)]
