"""Bivariate and trivariate normal distribution functions, vectorised: they make three and four variants exact.

The bivariate one is a closed form in Owen's T function. The trivariate one integrates Plackett's derivative along the
straight line from the matrix in which the first variable is independent of the other two.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, owens_t

Floats = NDArray[np.float64]

_FAR = 38.0
"""Beyond so many SDs a normal tail is zero."""
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)


def bivariate(h: Floats, k: Floats, r: Floats) -> Floats:
    """P(X < h, Y < k) of standard normals with correlation r.

    Owen, Tables for computing bivariate normal probabilities (1956); good to about 1e-15.

    Examples
    --------
    >>> bivariate(np.zeros(1), np.zeros(1), np.array([0.5])).round(12).tolist()
    [0.333333333333]
    """
    x, y = _bounded(h), _bounded(k)
    across = np.sqrt(np.maximum((1.0 - r) * (1.0 + r), 1e-30))
    with np.errstate(over="ignore"):
        slope_x, slope_y = (y / x - r) / across, (x / y - r) / across
    cut = np.where(np.signbit(x) == np.signbit(y), 0.0, 0.5)
    p = 0.5 * (ndtr(x) + ndtr(y)) - owens_t(x, slope_x) - owens_t(y, slope_y) - cut
    return np.asarray(np.clip(p, 0.0, 1.0))


def trivariate(h: Floats, r: Floats) -> Floats:
    """P(X_k < h_k for k = 0, 1, 2) of standard normals.

    Parameters
    ----------
    h : ndarray, shape (3, ...)
        Upper limits.
    r : ndarray, shape (3, ...)
        Correlations of the pairs (1, 2), (0, 2) and (0, 1): the pair without the variable of that position.

    Returns
    -------
    ndarray, shape (...)
        Good to 1e-8 or so unless the matrix is nearly singular.

    Notes
    -----
    Plackett, A reduction formula for normal multivariate integrals (1954), with 16 Gauss-Legendre points and, as in
    Genz, Numerical computation of rectangular bivariate and trivariate normal and t probabilities (2004), the largest
    correlation left out of the path.

    Examples
    --------
    >>> trivariate(np.zeros((3, 1)), np.full((3, 1), 0.5)).round(10).tolist()
    [0.25]
    """
    strongest = np.abs(r).argmax(axis=0)
    order = (strongest + np.arange(3).reshape(3, *[1] * strongest.ndim)) % 3
    h0, h1, h2 = np.clip(np.take_along_axis(h, order, axis=0), -_FAR, _FAR)
    r12, r02, r01 = np.take_along_axis(r, order, axis=0)
    start = ndtr(h0) * bivariate(h1, h2, r12)
    s = (0.5 + 0.5 * _NODES).reshape(-1, *[1] * strongest.ndim)
    t = s * (2.0 - s)  # crowds the points where a strong correlation makes the derivative steep
    a, b = t * r01, t * r02
    rest = np.maximum((1.0 - a * a) * (1.0 - r12 * r12) - np.square(b - a * r12), 1e-30)
    slope = r01 * _edge((h0, h1, h2), a, b, r12, rest) + r02 * _edge((h0, h2, h1), b, a, r12, rest)
    weight = (_WEIGHTS.reshape(s.shape) * (1.0 - s)) / (2.0 * np.pi)
    return np.asarray(np.clip(start + (weight * slope).sum(axis=0), 0.0, 1.0))


def _edge(limits: tuple[Floats, Floats, Floats], a: Floats, b: Floats, r12: Floats, rest: Floats) -> Floats:
    """2 pi x density of the first two at their limits (correlation a) x P(the third below its own, given that)."""
    h0, h1, h2 = limits
    free = np.maximum((1.0 - a) * (1.0 + a), 1e-30)
    density = np.exp(-0.5 * (np.square(h0 - h1) / free + 2.0 * h0 * h1 / (1.0 + a))) / np.sqrt(free)
    third = (h2 * free - h0 * (b - a * r12) - h1 * (r12 - a * b)) / np.sqrt(free * rest)
    return np.asarray(density * ndtr(third))


def _bounded(h: Floats) -> Floats:
    """Finite limits that are not exactly zero."""
    return np.where(h == 0.0, 1e-300, np.clip(h, -_FAR, _FAR))
