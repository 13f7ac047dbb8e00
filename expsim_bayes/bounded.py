r"""Qualities between two ends whose logits are jointly normal: their moments, and which is best.

A share near 0 or 1, or an average near the end of a scale, has a skewed posterior; its logit
:math:`\ell = \log((x - a) / (b - x))` has none to speak of. Who is best is the same in both.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, logit, ndtr, ndtri

from expsim_bayes.superiority import Superiority, from_gaussian

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Codes = NDArray[np.intp]
    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(21)
"""Gauss-Hermite points over one logit."""
POINTS, PARTS = 256, 8
"""Points over all logits of three variants or more, and parts of them by which their error is told."""
BETWEEN, WITHIN = np.polynomial.legendre.leggauss(16), np.polynomial.hermite_e.hermegauss(7)
"""Points over how far one logit lies above another, and over where both lie."""
REACH = 8.0
"""SDs of that distance beyond which nothing is left."""


def moments(mean: Floats, cov: Floats, ends: tuple[float, float], base: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Means and SDs of the qualities, and of their differences to one of them.

    Parameters
    ----------
    mean, cov : (replication, variant) and (replication, variant, variant) arrays
        Of the logits.
    ends : two floats
        Between what qualities lie.
    base : int
        The one.

    Returns
    -------
    four (replication, variant) arrays
        In the unit of the ends.

    Examples
    --------
    >>> found = moments(np.zeros((1, 2)), np.array([[[0.04, 0.0], [0.0, 0.04]]]), (0.0, 1.0), 0)
    >>> [values.round(3).tolist() for values in found]
    [[[0.5, 0.5]], [[0.05, 0.05]], [[0.0, 0.0]], [[0.0, 0.07]]]
    """
    low, high = ends
    weight = WEIGHTS / WEIGHTS.sum()
    sd = np.sqrt(np.diagonal(cov, axis1=1, axis2=2))
    value = expit(mean[:, :, None] + sd[:, :, None] * NODES)
    centre = value @ weight
    variance = np.maximum(value**2 @ weight - centre**2, 0.0)
    # the difference, by the base's points and what is left of the other's variance given these
    share = np.divide(
        cov[:, :, base], cov[:, [base], [base]], out=np.zeros_like(mean), where=cov[:, [base], [base]] > 0
    )
    rest = np.sqrt(np.maximum(sd**2 - share**2 * sd[:, [base]] ** 2, 0.0))
    moved = mean[:, :, None] + (share * sd[:, [base]])[:, :, None] * NODES
    other = expit(moved[..., None] + rest[:, :, None, None] * NODES) @ weight
    together = (other * value[:, [base]]) @ weight - centre * centre[:, [base]]
    spread = np.maximum(variance + variance[:, [base]] - 2.0 * together, 0.0)
    spread[:, base] = 0.0
    width = high - low
    effect = width * (centre - centre[:, [base]])
    return low + width * centre, width * np.sqrt(variance), effect, width * np.sqrt(spread)


def superiority(
    mean: Floats,
    cov: Floats,
    ends: tuple[float, float],
    *,
    control: int | None,
    min_effect: float = 0.0,
    rope: float = 0.0,
    higher_is_better: bool = True,
    eligible: Mask | None = None,
) -> Superiority:
    """Which variant is best, and by how much it matters.

    Parameters
    ----------
    mean, cov, ends
        As in `moments`.
    control, min_effect, rope, higher_is_better, eligible
        As in `expsim_bayes.superiority.from_gaussian`, in the unit of the ends.

    Returns
    -------
    Superiority
        `prob_best` and `prob_superior` as good as `from_gaussian`'s, `expected_loss` as `losses` has it. Of two variants all of it is by
        quadrature; of more, `mcse` holds the error of `prob_equivalent`, on the safe side: it is counted in one even set of points. That of
        the losses, in their own unit, is told by `losses`.

    Examples
    --------
    >>> found = superiority(np.array([[0.0, 0.3]]), np.array([[[0.02, 0.0], [0.0, 0.02]]]), (0.0, 1.0), control=0)
    >>> found.prob_best.round(4).tolist(), found.expected_loss.round(3).tolist()
    ([[0.0668, 0.9332]], [[0.076, 0.001]])
    """
    width = ends[1] - ends[0]
    signed = mean if higher_is_better else -mean
    allowed = np.ones(mean.shape, dtype=bool) if eligible is None else eligible
    allowed = allowed | ~allowed.any(axis=1, keepdims=True)
    exact = from_gaussian(signed, cov, control=control, eligible=eligible)
    superior = exact.prob_superior
    if control is not None and min_effect > 0:
        superior = _exceeds(signed, cov, np.full(len(mean), control), min_effect / width)
    loss, _ = losses(signed, cov, allowed)
    equivalent, error = _within(signed, cov, allowed, rope / width)
    return Superiority(exact.prob_best, superior, width * loss, equivalent, np.maximum(exact.mcse, error))


def losses(mean: Floats, cov: Floats, allowed: Mask) -> tuple[Floats, Floats]:
    """What choosing each variant is expected to give away, between ends 0 and 1, and its standard error.

    How far each variant is expected to lie above the likely best is known by quadrature. Of three or more, the share of it in which that
    variant is the best of all is counted in points that lie where it is above. What other variants give away follows from the means.

    Parameters
    ----------
    mean, cov : (replication, variant) and (replication, variant, variant) arrays
        Of the logits; higher is better.
    allowed : (replication, variant) array of bool
        Who may be chosen, at least one in every replication.

    Returns
    -------
    (replication, variant) and (replication,) arrays
        The error is on the safe side; 0 for two variants, where quadrature is good to 1e-6.

    Examples
    --------
    >>> found, error = losses(np.array([[0.0, 0.5]]), 0.0225 * np.eye(2)[None], np.ones((1, 2), dtype=bool))
    >>> [f"{loss:.6f}" for loss in found[0]], error.tolist()
    (['0.121979', '0.000161'], [0.0])
    """
    row = np.arange(len(mean))
    sd = np.sqrt(np.diagonal(cov, axis1=1, axis2=2))
    centre = expit(mean[:, :, None] + sd[:, :, None] * NODES) @ (WEIGHTS / WEIGHTS.sum())
    first = np.where(allowed, centre, -np.inf).argmax(axis=1)
    others = (first[:, None] + np.arange(1, mean.shape[1])) % mean.shape[1]
    ahead = _ahead(mean, cov, first, others) * allowed[row[:, None], others]
    lost, error = ahead.sum(axis=1), np.zeros(len(mean))
    if mean.shape[1] > 2:
        parts = ahead[:, :, None] * _best_where_ahead(mean, cov, allowed, first, others)
        lost = np.maximum(parts.mean(axis=2).sum(axis=1), ahead.max(axis=1))
        error = np.asarray(parts.sum(axis=1).std(axis=1, ddof=1) / np.sqrt(PARTS))
    return lost[:, None] + centre[row, first][:, None] - centre, error


def _best_where_ahead(mean: Floats, cov: Floats, allowed: Mask, first: Codes, others: Codes) -> Floats:
    """(replication, other, part) share of what another lies above the first in which it is the best of all, by parts of the points."""
    row = np.arange(len(mean))
    drawn = _roots(cov) @ _normals(mean.shape[1])
    level = np.where(allowed, mean, -np.inf)[:, :, None]
    found = np.empty((*others.shape, PARTS))
    for n, other in enumerate(others.T):
        apart = drawn[row, other] - drawn[row, first]
        with_both = cov[row, other] - cov[row, first]
        sd = np.sqrt(np.maximum(with_both[row, other] - with_both[row, first], 1e-18))[:, None]
        gap = (mean[row, other] - mean[row, first])[:, None] / sd
        # each point moved to where the other is above, the rest along with it
        above = -sd * ndtri(np.maximum(ndtr(gap) * ndtr(-apart / sd), 1e-300))
        moved = drawn + (with_both / sd**2)[:, :, None] * (above - apart)[:, None]
        own = mean[row, other][:, None] + moved[row, other]
        taken = np.maximum(expit(own) - expit(mean[row, first][:, None] + moved[row, first]), 1e-300)
        best = taken * ((level + moved).max(axis=1) <= own + 1e-12)
        share = [values.reshape(len(mean), PARTS, -1).sum(axis=2) for values in (best, taken)]
        found[:, n] = share[0] / share[1].mean(axis=1, keepdims=True)
    return found


def _ahead(mean: Floats, cov: Floats, first: Codes, others: Codes) -> Floats:
    """(replication, other) expectation of how far another lies above the first, nothing where it lies below; between ends 0 and 1.

    The distance of the two logits is normal, and given it so is where they lie.
    """
    row, one = np.arange(len(mean))[:, None], first[:, None]
    own, both = cov[row, one, one], cov[row, others, one]
    gap = mean[row, others] - mean[row, one]
    sd = np.sqrt(np.maximum(cov[row, others, others] + own - 2.0 * both, 1e-18))
    along = (both - own) / sd
    rest = np.sqrt(np.maximum(own - along**2, 0.0))
    begin = np.clip(-gap / sd, -REACH, None)
    half = (np.hypot(np.maximum(begin, 0.0), REACH) - begin) / 2.0
    z = (begin + half)[..., None] + half[..., None] * BETWEEN[0]
    weight = half[..., None] * BETWEEN[1] * np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi)
    apart = 0.5 * np.maximum(gap[..., None] + sd[..., None] * z, 0.0)
    middle = mean[row, one][..., None] + along[..., None] * z + apart
    place = middle[..., None] + rest[..., None, None] * WITHIN[0]
    # the difference of two logistic functions, without cancellation
    each = 1.0 / (np.cosh(place) + np.cosh(apart)[..., None])
    return np.asarray((weight * np.sinh(apart) * (each @ (WITHIN[1] / WITHIN[1].sum()))).sum(axis=-1))


def _within(mean: Floats, cov: Floats, allowed: Mask, rope: float) -> tuple[Floats, Floats]:
    """(replication,) probability that all who may be chosen lie within the rope, and its error."""
    nothing = np.zeros(len(mean))
    if not rope > 0:
        return nothing, nothing
    if mean.shape[1] == 2:
        steadier = np.diagonal(cov, axis1=1, axis2=2).argmin(axis=1)
        above, below = (_exceeds(mean, cov, steadier, by)[np.arange(len(mean)), 1 - steadier] for by in (-rope, rope))
        return np.where(allowed.all(axis=1), np.clip(above - below, 0.0, 1.0), 1.0), nothing
    drawn = expit(mean[:, :, None] + _roots(cov) @ _normals(mean.shape[1]))
    may = allowed[:, :, None]
    within = np.where(may, drawn, -np.inf).max(axis=1) - np.where(may, drawn, np.inf).min(axis=1) < rope
    parts = within.reshape(len(mean), PARTS, -1).mean(axis=2)
    return within.mean(axis=1), np.maximum(parts.std(axis=1, ddof=1) / np.sqrt(PARTS), 0.5 / POINTS)


def _exceeds(mean: Floats, cov: Floats, base: Codes, by: float) -> Floats:
    """(replication, variant) probability that a share of the way exceeds the base's by more than an amount; NaN for the base."""
    row, one = np.arange(len(mean)), base[:, None]
    own = cov[row, base, base][:, None]
    sd = np.sqrt(own)
    share = np.divide(cov[row, :, base], own, out=np.zeros_like(mean), where=own > 0)
    rest = np.sqrt(np.maximum(np.diagonal(cov, axis1=1, axis2=2) - share**2 * own, 1e-300))
    bar = expit(np.take_along_axis(mean, one, axis=1)[..., None] + sd[:, :, None] * NODES) + by
    needed = np.where(bar < 1.0, logit(np.clip(bar, 1e-300, 1.0 - 1e-15)), np.inf)
    needed = np.where(bar > 0.0, needed, -np.inf)
    moved = mean[:, :, None] + (share * sd)[:, :, None] * NODES
    found = np.clip(ndtr((moved - needed) / rest[:, :, None]) @ (WEIGHTS / WEIGHTS.sum()), 0.0, 1.0)
    found[row, base] = np.nan
    return np.asarray(found)


def _roots(cov: Floats) -> Floats:
    """(replication, variant, variant) what standard normal numbers are multiplied by."""
    values, vectors = np.linalg.eigh(cov)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0))[:, None])


@cache
def _normals(dims: int) -> Floats:
    """(dims, POINTS) evenly spread standard normal points."""
    from scipy.stats import qmc

    uniform = qmc.Sobol(dims, rng=np.random.default_rng(0)).random(POINTS)
    return np.asarray(ndtri(np.clip(uniform, 1e-12, 1 - 1e-12)).T)
