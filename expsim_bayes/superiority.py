"""How sure we are which variant is best: pure functions of a posterior, Gaussian, Beta or drawn.

Here live the four numbers that every stopping rule and allocation policy asks for (`prob_best`, `prob_superior`,
`expected_loss`, `prob_equivalent`), for thousands of replications in one call. The integrals
themselves are in `contests`: exact for two to four variants, quasi-Monte-Carlo for more; those of independent rates are
in `rates`. Variants that share raters and judges are correlated, and ignoring that can cost .16 of a probability. A new
outcome kind needs nothing here as long as its posterior is a mean and a covariance, independent Betas, or draws.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from expsim_bayes import rates
from expsim_bayes.contests import contest, prob_above

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

_TINY = 1e-150
_BLOCK = 2**17
"""Numbers of one array held at once."""
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)
_BENDS = np.array([-8.5, -5.0, -3.0, -1.0, 0.0, 1.0, 3.0, 5.0, 8.5])
"""Where a normal distribution function bends, in SDs."""


class Superiority(NamedTuple):
    """Which variant is best, and by how much it matters.

    Every array has the leading dims of the posterior (often `replication`), then `variant`.
    """

    prob_best: Floats
    """(..., variant) probability that this variant has the best quality of those eligible; sums to 1."""
    prob_superior: Floats
    """(..., variant) P(q_v - q_control > min_effect); nan for the control, and for all without one."""
    expected_loss: Floats
    """(..., variant) E[max over the eligible - q_v] in score units: what choosing v is expected to give away."""
    prob_equivalent: Floats
    """(...,) P(max - min < rope) over the eligible variants."""
    mcse: Floats
    """(...,) the largest Monte-Carlo standard error of the probabilities above; 0 where they are exact."""


def nobody_asked(replications: int, variants: int) -> Superiority:
    """NaN in every place, for those who only want to know what is measured.

    Examples
    --------
    >>> nobody_asked(2, 3).prob_best.shape
    (2, 3)
    """
    each, alone = np.full((replications, variants), np.nan), np.full(replications, np.nan)
    return Superiority(each, each, each, alone, alone)


def from_gaussian(
    mean: ArrayLike,
    cov: ArrayLike,
    *,
    control: int | None,
    min_effect: float = 0.0,
    rope: float = 0.0,
    higher_is_better: bool = True,
    eligible: ArrayLike | None = None,
    points: int = 256,
) -> Superiority:
    """Superiority of variants whose qualities are jointly normal.

    Parameters
    ----------
    mean : array_like, shape (..., variant)
        Posterior means of the qualities, in score units.
    cov : array_like, shape (..., variant, variant)
        Their covariance. Any common level, however uncertain, cancels.
    control : int or None
        Position of the control.
    min_effect, rope : float
        In score units, not negative.
    higher_is_better : bool
        False turns the scale around; `expected_loss` stays a positive amount.
    eligible : array_like of bool, shape (..., variant), optional
        Variants that may be chosen. The others have prob_best 0 and are left out of the maximum and of the range, but
        their loss against it is still given (it can be negative). Where none is eligible, all are.
    points : int
        Quasi-Monte-Carlo points, rounded up to a multiple of 8: for five variants or more, and for prob_equivalent of
        three or more. Take thousands for a single posterior; 256 are meant for thousands of replications.

    Returns
    -------
    Superiority
        `mcse` is the error of the points, on the safe side: they are one even set, judged by its 8 parts as if these
        were independent. Without points it is rounding error: nothing for two variants, below 1e-5 for three and
        four.

    Examples
    --------
    >>> known = from_gaussian([0.0, 0.3], [[0.02, 0.0], [0.0, 0.02]], control=0, min_effect=0.1, rope=0.1)
    >>> known.prob_best.round(4).tolist(), known.prob_superior.round(4).tolist()
    ([0.0668, 0.9332], [nan, 0.8413])
    >>> known.expected_loss.round(4).tolist(), float(known.mcse)
    ([0.3059, 0.0059], 0.0)
    """
    m = np.asarray(mean, float) if higher_is_better else -np.asarray(mean, float)
    c = np.asarray(cov, float)
    lead, n = np.broadcast_shapes(m.shape[:-1], c.shape[:-2]), m.shape[-1]
    m = np.broadcast_to(m, (*lead, n)).reshape(-1, n)
    c = np.broadcast_to(c, (*lead, n, n)).reshape(-1, n, n)
    allowed = _eligible(eligible, (*lead, n)).reshape(-1, n)
    best, top, equivalent, mcse = contest(m, c, allowed, rope=rope, points=points)
    return Superiority(
        best.reshape(*lead, n),
        _prob_superior(m, c, control, min_effect).reshape(*lead, n),
        (top[:, None] - m).reshape(*lead, n),
        equivalent.reshape(lead),
        mcse.reshape(lead),
    )


def from_beta(
    successes: ArrayLike,
    failures: ArrayLike,
    *,
    control: int | None,
    min_effect: float = 0.0,
    rope: float = 0.0,
    higher_is_better: bool = True,
    eligible: ArrayLike | None = None,
) -> Superiority:
    """Superiority of variants whose qualities are rates with independent Beta posteriors.

    Parameters
    ----------
    successes, failures : array_like, shape (..., variant)
        The parameters of each Beta, prior included, 1 or more: a uniform prior is one of each.
    control, min_effect, rope, higher_is_better, eligible
        As in `from_gaussian`, as shares.

    Returns
    -------
    Superiority
        By quadrature, good to 1e-7, so that `mcse` is 0.

    Examples
    --------
    >>> known = from_beta([51.0, 61.0], [51.0, 41.0], control=0, rope=0.05)  # 50 and 60 of 100, uniform priors
    >>> known.prob_best.round(6).tolist(), known.prob_superior.round(6).tolist()
    ([0.078574, 0.921426], [nan, 0.921426])
    >>> known.expected_loss.round(6).tolist(), known.prob_equivalent.round(4).item()
    ([0.100508, 0.002468], 0.2266)
    """
    a, b = np.broadcast_arrays(np.asarray(successes, float), np.asarray(failures, float))
    lead, n = a.shape[:-1], a.shape[-1]
    a, b = (part.reshape(-1, n) for part in ((a, b) if higher_is_better else (b, a)))
    allowed = _eligible(eligible, (*lead, n)).reshape(-1, n)
    best, top = rates.contest(a, b, allowed)
    superior = np.full(a.shape, np.nan)
    if control is not None:
        others = np.arange(n) != control
        against = (a[:, [control]], b[:, [control]])
        superior[:, others] = rates.prob_exceeds(a[:, others], b[:, others], *against, min_effect)
    return Superiority(
        best.reshape(*lead, n),
        superior.reshape(*lead, n),
        (top[:, None] - a / (a + b)).reshape(*lead, n),
        rates.prob_within(a, b, allowed, rope).reshape(lead),
        np.zeros(lead),
    )


def from_draws(
    draws: ArrayLike,
    *,
    control: int | None,
    min_effect: float = 0.0,
    rope: float = 0.0,
    higher_is_better: bool = True,
    eligible: ArrayLike | None = None,
    ess: ArrayLike | None = None,
    weight: ArrayLike | None = None,
) -> Superiority:
    """Superiority counted in posterior draws, for posteriors that are not normal.

    Parameters
    ----------
    draws : array_like, shape (..., draw, variant)
        Joint posterior draws of the qualities, chains laid end to end.
    control, min_effect, rope, higher_is_better, eligible
        As in `from_gaussian`.
    ess : array_like, shape (...,), optional
        Effective number of draws; the number of draws unless told, or as many as weights are worth (Kish).
    weight : array_like, shape (..., draw), optional
        Weights of the draws, which add up to 1; equal unless told.

    Returns
    -------
    Superiority
        Variants that tie for the best in a draw share that draw equally, and a difference of exactly `min_effect`
        counts half.

    Examples
    --------
    >>> known = from_draws([[0.0, 1.0], [0.0, 2.0], [1.0, 1.0], [3.0, 1.0]], control=0)
    >>> known.prob_best.tolist(), known.prob_superior.tolist(), known.expected_loss.tolist()
    ([0.375, 0.625], [nan, 0.625], [0.75, 0.5])
    """
    q = np.asarray(draws, float) if higher_is_better else -np.asarray(draws, float)
    n_draws, n = q.shape[-2:]
    each = np.full(n_draws, 1.0 / n_draws) if weight is None else np.asarray(weight, float)
    allowed = _eligible(eligible, (*q.shape[:-2], n))[..., None, :]
    top = np.where(allowed, q, -np.inf).max(axis=-1, keepdims=True)
    low = np.where(allowed, q, np.inf).min(axis=-1, keepdims=True)
    wins = (q == top) & allowed
    best = _share(wins / wins.sum(axis=-1, keepdims=True), each)
    superior = np.full(best.shape, np.nan)
    if control is not None:
        lead = q - q[..., [control]] - min_effect
        superior = _share((lead > 0) + 0.5 * (lead == 0), each)
        superior[..., control] = np.nan
    equivalent = _share(top - low < rope, each)[..., 0]
    worth = n_draws if weight is None else 1.0 / np.square(each).sum(axis=-1)
    size = np.broadcast_to(np.asarray(worth if ess is None else ess, float), equivalent.shape)
    probabilities = np.concatenate([best, np.nan_to_num(superior), equivalent[..., None]], axis=-1)
    return Superiority(best, superior, _averaged(top - q, each), equivalent, _binomial_error(probabilities, size))


def _averaged(values: NDArray[Any], weight: Floats) -> Floats:
    """(..., variant) averages over draws."""
    return np.asarray(np.matmul(weight[..., None, :], values.astype(float))[..., 0, :])


def _share(held: NDArray[Any], weight: Floats) -> Floats:
    """(..., variant) shares of draws in which something holds, which rounding leaves within [0, 1]."""
    return np.clip(_averaged(held, weight), 0.0, 1.0)


def contrast(mean: ArrayLike, cov: ArrayLike, v: ArrayLike, w: ArrayLike) -> tuple[Floats, Floats]:
    """Mean and standard deviation of the difference q_v - q_w.

    Parameters
    ----------
    mean, cov : array_like, shapes (..., variant) and (..., variant, variant)
        The posterior.
    v, w : int or array_like of int, shape (...,)
        Positions of the two variants, the same everywhere or one for each replication.

    Returns
    -------
    tuple of ndarray, shape (...,)
        Posterior mean and SD, in score units.

    Examples
    --------
    >>> contrast([1.0, 1.5], [[0.5, 0.1], [0.1, 0.5]], 1, 0)[0].item()
    0.5
    """
    m, c = np.asarray(mean, float), np.asarray(cov, float)
    lead = np.broadcast_shapes(m.shape[:-1], c.shape[:-2], np.shape(v), np.shape(w))
    m, c = np.broadcast_to(m, lead + m.shape[-1:]), np.broadcast_to(c, lead + c.shape[-2:])
    at: tuple[NDArray[np.intp], ...] = np.indices(lead, sparse=True)
    a, b = np.asarray(v, np.intp), np.asarray(w, np.intp)
    variance = c[(*at, a, a)] + c[(*at, b, b)] - 2.0 * c[(*at, a, b)]
    return np.asarray(m[(*at, a)] - m[(*at, b)]), np.sqrt(np.maximum(variance, 0.0))


def prob_best_independent(mean: ArrayLike, sd: ArrayLike, *, higher_is_better: bool = True) -> Floats:
    """Probability to be the best, for variants whose posteriors are independent normals.

    The density of one variant times the distribution functions of the others, integrated between the points where any
    of them bends (9 a variant) by Gauss-Legendre: good to 1e-9, also where SDs differ by orders of magnitude.

    Parameters
    ----------
    mean, sd : array_like, shape (..., variant)
        Posterior means and SDs, in score units.
    higher_is_better : bool
        False looks for the lowest.

    Returns
    -------
    ndarray, shape (..., variant)
        Sums to 1.

    Examples
    --------
    >>> prob_best_independent([0.0, 0.0, 1.0], [1.0, 1.0, 1.0]).round(4).tolist()
    [0.1831, 0.1831, 0.6337]
    """
    sign = 1.0 if higher_is_better else -1.0
    m, s = np.broadcast_arrays(sign * np.asarray(mean, float), np.asarray(sd, float))
    shape, n = m.shape, m.shape[-1]
    m, s = m.reshape(-1, n), s.reshape(-1, n)
    s = np.maximum(s, 1e-9 * (np.ptp(m, axis=-1) + s.max(axis=-1))[:, None] + _TINY)
    best = np.empty(m.shape)
    step = max(1, _BLOCK // (len(_BENDS) * n * n * len(_NODES)))
    for at in range(0, len(m), step):
        best[at : at + step] = _between_bends(m[at : at + step], s[at : at + step])
    return best.reshape(shape)


def _between_bends(m: Floats, s: Floats) -> Floats:
    """P(best) of independent normals, panel by panel."""
    low = (m - 8.5 * s).max(axis=1)[:, None]
    bends = np.maximum((m[:, :, None] + s[:, :, None] * _BENDS).reshape(len(m), -1), low)
    edges = np.sort(bends, axis=1)[:, :, None]
    half = np.diff(edges, axis=1) / 2.0
    grid = (edges[:, :-1] + half * (1.0 + _NODES)).reshape(len(m), 1, -1)
    z = (grid - m[:, :, None]) / s[:, :, None]
    below = ndtr(z)
    density = np.exp(-0.5 * z * z) / s[:, :, None] * (half * _WEIGHTS).reshape(len(m), 1, -1)
    others = np.ones_like(below)  # the product over all before, then over all behind
    np.multiply.accumulate(below[:, :-1], axis=1, out=others[:, 1:])
    others[:, :-1] *= np.multiply.accumulate(below[:, :0:-1], axis=1)[:, ::-1]
    weight = (others * density).sum(axis=-1)
    return np.asarray(weight / weight.sum(axis=-1, keepdims=True))


def _eligible(eligible: ArrayLike | None, shape: tuple[int, ...]) -> Mask:
    """The eligible variants as a mask of full shape; all of them where none is."""
    if eligible is None:
        return np.ones(shape, bool)
    mask = np.broadcast_to(np.asarray(eligible, bool), shape)
    return mask | ~mask.any(axis=-1, keepdims=True)


def _prob_superior(m: Floats, c: Floats, control: int | None, min_effect: float) -> Floats:
    """P(q_v - q_control > min_effect), exactly."""
    if control is None:
        return np.full(m.shape, np.nan)
    variance = np.einsum("rvv->rv", c) + c[:, control, control, None] - 2.0 * c[:, :, control]
    superior = prob_above(m - m[:, [control]] - min_effect, np.sqrt(np.maximum(variance, 0.0)))
    superior[:, control] = np.nan
    return superior


def _binomial_error(p: Floats, size: Floats) -> Floats:
    """Largest standard error of the shares `p` among `size` draws, not zero when no draw or all draws count."""
    smoothed = (p * size[..., None] + 0.5) / (size[..., None] + 1.0)
    return np.asarray(np.sqrt(smoothed * (1.0 - smoothed) / size[..., None]).max(axis=-1))
