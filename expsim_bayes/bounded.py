r"""Qualities between two ends whose logits are jointly normal: their moments, and which is best.

A share near 0 or 1, or an average near the end of a scale, has a skewed posterior; its logit
:math:`\ell = \log((x - a) / (b - x))` has none to speak of. Who is best is the same in both.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, logit, ndtr, ndtri

from expsim_bayes.superiority import Superiority, from_draws, from_gaussian

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(21)
"""Gauss-Hermite points over one logit."""
POINTS, PARTS = 256, 8
"""Points over all logits, and parts of them by which their error is told."""


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
        `prob_best` and `prob_superior` as good as `from_gaussian`'s; `expected_loss` and `prob_equivalent` over one even set of points,
        with the error of `prob_equivalent` on the safe side in `mcse`.

    Examples
    --------
    >>> found = superiority(np.array([[0.0, 0.3]]), np.array([[[0.02, 0.0], [0.0, 0.02]]]), (0.0, 1.0), control=0)
    >>> found.prob_best.round(4).tolist(), found.expected_loss.round(3).tolist()
    ([[0.0668, 0.9332]], [[0.076, 0.001]])
    """
    low, high = ends
    width = high - low
    drawn = low + width * expit(mean[:, :, None] + _roots(cov) @ _normals(mean.shape[1])).swapaxes(1, 2)
    counted = from_draws(
        drawn, control=control, min_effect=min_effect, rope=rope, higher_is_better=higher_is_better, eligible=eligible
    )
    sign = 1.0 if higher_is_better else -1.0
    exact = from_gaussian(sign * mean, cov, control=control, eligible=eligible)
    superior = exact.prob_superior
    if control is not None and min_effect > 0:
        superior = _exceeds(sign * mean, cov, control, min_effect / width)
    error = exact.mcse
    if rope > 0:
        error = np.maximum(error, _error_of_parts(drawn, rope, eligible))
    return Superiority(exact.prob_best, superior, counted.expected_loss, counted.prob_equivalent, error)


def _error_of_parts(drawn: Floats, rope: float, eligible: Mask | None) -> Floats:
    """Error of the probability that all lie within the rope: on the safe side, as if parts of the points were independent."""
    allowed = np.ones(drawn.shape[::2], dtype=bool) if eligible is None else eligible
    allowed = allowed | ~allowed.any(axis=1, keepdims=True)
    may = allowed[:, None]
    within = np.where(may, drawn, -np.inf).max(axis=2) - np.where(may, drawn, np.inf).min(axis=2) < rope
    parts = within.reshape(len(drawn), PARTS, -1).mean(axis=2)
    return np.asarray(parts.std(axis=1, ddof=1) / np.sqrt(PARTS))


def _exceeds(mean: Floats, cov: Floats, control: int, by: float) -> Floats:
    """(replication, variant) probability that a share of the way exceeds the control's by more than an amount; NaN for the control."""
    own = cov[:, [control], [control]]
    sd = np.sqrt(own)
    share = np.divide(cov[:, :, control], own, out=np.zeros_like(mean), where=own > 0)
    rest = np.sqrt(np.maximum(np.diagonal(cov, axis1=1, axis2=2) - share**2 * own, 1e-300))
    bar = expit(mean[:, [control], None] + sd[:, :, None] * NODES) + by
    needed = np.where(bar < 1.0, logit(np.minimum(bar, 1.0 - 1e-15)), np.inf)
    moved = mean[:, :, None] + (share * sd)[:, :, None] * NODES
    found = ndtr((moved - needed) / rest[:, :, None]) @ (WEIGHTS / WEIGHTS.sum())
    found[:, control] = np.nan
    return np.asarray(np.clip(found, 0.0, 1.0))


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
