"""Who wins among jointly normal variables: P(best), E[max] and P(max - min < rope) for every replication at once.

The integrals behind `superiority`: a closed form for two variants, orthant probabilities for three and four, and
quasi-Monte-Carlo for more, where every point is smoothed by the exact normal distribution of one variant given the
others (Rao-Blackwell). Only contrasts matter: the common level of all variants cancels.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from expsim_bayes.orthants import bivariate, trivariate

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

_BATCHES = 8
_BLOCK = 2**16
"""Numbers of one array held at once: bounds memory and keeps the work in the processor's cache."""
_TINY = 1e-150
_TRUSTED = 1e-5
"""Largest deviation from 1 of the sum of orthant probabilities; beyond it the points take over."""
_NEGLIGIBLE = 1e-4
"""A probability of equivalence that is surely below this is not computed but called 0."""


class Contest(NamedTuple):
    """The outcome of a contest among variants; arrays lead with replication."""

    best: Floats
    """(replication, variant) P(best), sums to 1."""
    top: Floats
    """(replication,) E[max over the eligible]."""
    equivalent: Floats
    """(replication,) P(max - min < rope) over the eligible."""
    mcse: Floats
    """(replication,) largest standard error of the probabilities."""


def contest(m: Floats, c: Floats, allowed: Mask, *, rope: float, points: int) -> Contest:
    """The contest among the allowed variants of each replication.

    Parameters
    ----------
    m, c : ndarray, shapes (replication, variant) and (replication, variant, variant)
        Means and covariances; higher is better.
    allowed : ndarray of bool, shape (replication, variant)
        Who takes part, at least one in every replication.
    rope : float
        Width of equivalence.
    points : int
        Quasi-Monte-Carlo points, rounded up to a multiple of 8.

    Examples
    --------
    >>> won = contest(np.zeros((1, 4)), np.eye(4)[None], np.ones((1, 4), bool), rope=0.0, points=128)
    >>> won.best.round(6).tolist(), won.top.round(5).tolist()
    ([[0.25, 0.25, 0.25, 0.25]], [1.02938])
    """
    n = m.shape[-1]
    if n == 1:
        return Contest(np.ones(m.shape), m[:, 0], np.full(len(m), float(rope > 0)), np.zeros(len(m)))
    if n == 2:
        return _two(m, c, allowed, rope)
    points = _BATCHES * -(-points // _BATCHES)
    return _few(m, c, allowed, rope, points) if n <= 4 else _many(m, c, allowed, rope, points)


def prob_above(mean: Floats, sd: Floats) -> Floats:
    """P(N(mean, sd) > 0), one half where mean and SD are both zero."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = mean / sd
    return np.asarray(ndtr(np.where((mean == 0.0) & (sd == 0.0), 0.0, ratio)))


def _two(m: Floats, c: Floats, allowed: Mask, rope: float) -> Contest:
    """The closed form for two variants."""
    lead = m[:, 1] - m[:, 0]
    sd = np.sqrt(np.maximum(c[:, 0, 0] + c[:, 1, 1] - 2.0 * c[:, 0, 1], 0.0))
    second = prob_above(lead, sd)
    top = m[:, 0] + lead * second + sd * _density(lead, sd)
    equivalent = prob_above(rope - lead, sd) - prob_above(-rope - lead, sd)
    both = allowed.all(axis=-1)
    best = np.where(both[:, None], np.stack([1.0 - second, second], axis=-1), allowed)
    only = np.where(allowed[:, 1], m[:, 1], m[:, 0])
    return Contest(best, np.where(both, top, only), np.where(both, equivalent, float(rope > 0)), np.zeros(len(m)))


def _density(mean: Floats, sd: Floats) -> Floats:
    """Standard normal density at mean / sd; 0 where sd is 0."""
    ratio = np.divide(mean, sd, out=np.full(mean.shape, np.inf), where=sd > 0.0)
    return np.asarray(np.exp(-0.5 * ratio * ratio) / np.sqrt(2.0 * np.pi))


def _few(m: Floats, c: Floats, allowed: Mask, rope: float, points: int) -> Contest:
    """Three or four variants by orthant probabilities; by points where the matrix is too nearly singular for them."""
    best, top = _orthants(m, c, allowed)
    total = best.sum(axis=-1)
    error = np.abs(total - 1.0)
    best /= total[:, None]
    equivalent, spread = _equivalent(m, c, allowed, rope, points)
    poor = error > _TRUSTED
    if poor.any():
        again = _many(m[poor], c[poor], allowed[poor], 0.0, points)
        best[poor], top[poor], error[poor] = again.best, again.top, again.mcse
    return Contest(best, top, equivalent, np.maximum(error, spread))


def _orthants(m: Floats, c: Floats, allowed: Mask) -> tuple[Floats, Floats]:
    """P(best), not yet scaled to sum to 1, and E[max] by Stein's identity.

    E[max] = sum over j of m_j P_j + sum over pairs of the variance of their difference times its density at 0 where
    both lead.
    """
    n = m.shape[-1]
    centred, size = _contrasts(c)
    mean = m - m.max(axis=1, keepdims=True)
    least = 1e-14 * size + np.square(1e-12 * np.ptp(m, axis=1)) + _TINY
    cov = centred + least[:, None, None] * np.eye(n)
    lowest = mean.min(axis=1) - 99.0 * np.sqrt(size + least)
    mean = np.where(allowed, mean, lowest[:, None]).T  # (variant, replication)
    cov = cov.transpose(1, 2, 0)
    best = np.stack([_first(mean, cov, v) for v in range(n)], axis=-1) * allowed
    top = m.max(axis=1) + (np.where(allowed, mean.T, 0.0) * best).sum(axis=1) / best.sum(axis=1)
    for v, w in combinations(range(n), 2):
        top += _tie(mean, cov, v, w)
    return best, top


def _first(mean: Floats, cov: Floats, v: int) -> Floats:
    """P(v is above all others)."""
    others = [w for w in range(len(mean)) if w != v]
    difference = cov[v, v] - cov[v, others][:, None] - cov[v, others][None] + cov[np.ix_(others, others)]
    return _all_positive(mean[v] - mean[others], difference)


def _tie(mean: Floats, cov: Floats, v: int, w: int) -> Floats:
    """Variance of q_v - q_w times the density that it is 0 and both are above all others."""
    others = [u for u in range(len(mean)) if u not in {v, w}]
    gap, sd = mean[v] - mean[w], np.sqrt(cov[v, v] + cov[w, w] - 2.0 * cov[v, w])
    shared = cov[v, v] - cov[v, w] - cov[v, others] + cov[w, others]  # of q_v - q_w with q_v - q_u
    difference = cov[v, v] - cov[v, others][:, None] - cov[v, others][None] + cov[np.ix_(others, others)]
    slope = shared / np.square(sd)
    density = np.exp(-0.5 * np.square(gap / sd)) / np.sqrt(2.0 * np.pi)
    rest = _all_positive(mean[v] - mean[others] - slope * gap, difference - slope[:, None] * shared[None])
    return np.asarray(sd * density * rest)


def _all_positive(mean: Floats, cov: Floats) -> Floats:
    """P(all > 0) of one, two or three normals, given as (k, replication) and (k, k, replication)."""
    k = len(mean)
    variance = np.maximum(np.einsum("iir->ir", cov), _TINY**2)
    sd = np.sqrt(variance)
    h = mean / sd
    if k == 1:
        return np.asarray(ndtr(h[0]))
    r = np.clip(cov / (sd[:, None] * sd[None]), -1.0, 1.0)
    return bivariate(h[0], h[1], r[0, 1]) if k == 2 else trivariate(h, np.stack([r[1, 2], r[0, 2], r[0, 1]]))


def _equivalent(m: Floats, c: Floats, allowed: Mask, rope: float, points: int) -> tuple[Floats, Floats]:
    """P(max - min < rope) by points and its error, where the pair that differs most leaves it a chance."""
    out, error = np.zeros(len(m)), np.zeros(len(m))
    if rope <= 0:
        return out, error
    bound = np.ones(len(m))
    for v, w in combinations(range(m.shape[-1]), 2):
        sd = np.sqrt(np.maximum(c[:, v, v] + c[:, w, w] - 2.0 * c[:, v, w], 0.0))
        gap = m[:, v] - m[:, w]
        pair = prob_above(rope - gap, sd) - prob_above(-rope - gap, sd)
        bound = np.minimum(bound, np.where(allowed[:, v] & allowed[:, w], pair, 1.0))
    error = np.minimum(bound, _NEGLIGIBLE)
    chance = np.flatnonzero(bound > _NEGLIGIBLE)
    z = _normal_points(points, m.shape[-1] - 1)
    for rows in np.array_split(chance, -(-max(len(chance), 1) * m.shape[-1] * points // _BLOCK)):
        if len(rows):
            out[rows], error[rows] = _range(m[rows], c[rows], allowed[rows], rope, z)
    return out, error


def _range(m: Floats, c: Floats, allowed: Mask, rope: float, z: Floats) -> tuple[Floats, Floats]:
    """P(max - min < rope) of one block and its standard error, smoothed over the variant least known."""
    root, alone, sd = _contrast_root(m, c)
    rows = np.arange(len(m))
    widest = np.where(allowed, sd, 0.0).max(axis=1, keepdims=True)
    order = np.where(allowed, sd < 0.999 * widest, 2).argsort(axis=1, kind="stable")
    free, others = order[:, 0], np.where(np.take_along_axis(allowed, order, axis=1), order, order[:, [1]])[:, 1:]
    at = rows[:, None]
    q = m[at, others][:, :, None] + root[at, others] @ z
    high, low = q.max(axis=1), q.min(axis=1)
    middle = m[rows, free, None] + (root[rows, free] - alone[rows, free]) @ z
    near = high - low < rope
    at_row, _ = near.nonzero()
    width, centre = sd[at_row, free[at_row]], middle[near]
    inside = np.zeros(near.shape)
    inside[near] = ndtr((low[near] + rope - centre) / width) - ndtr((high[near] - rope - centre) / width)
    inside[allowed.sum(axis=1) == 1] = 1.0
    batches = inside.reshape(len(m), _BATCHES, -1).mean(axis=-1)
    return batches.mean(axis=-1), batches.std(axis=-1, ddof=1) / np.sqrt(_BATCHES)


def _many(m: Floats, c: Floats, allowed: Mask, rope: float, points: int) -> Contest:
    """Any number of variants by quasi-Monte-Carlo."""
    z = _normal_points(points, m.shape[-1] - 1)
    best, top, error = np.empty(m.shape), np.empty(len(m)), np.empty(len(m))
    step = max(1, _BLOCK // (m.shape[-1] * points))
    for at in range(0, len(m), step):
        b = slice(at, at + step)
        best[b], top[b], error[b] = _integrate(m[b], c[b], allowed[b], z)
    equivalent, spread = _equivalent(m, c, allowed, rope, points)
    return Contest(best, top, equivalent, np.maximum(error, spread))


@lru_cache(maxsize=32)
def _normal_points(count: int, dims: int) -> Floats:
    """(dims, count) normal quasi-random points of mean 0 and SD 1, of which any run of consecutive ones is even too.

    Richtmyer's multiples of the square roots of primes, folded by the tent map, as in Genz and Bretz, Computation of
    Multivariate Normal and t Probabilities (2009), section 4.2.2.
    """
    steps = np.sqrt(np.array(_primes(dims), float))
    even = np.outer(steps, np.arange(1.0, count + 1.0)) % 1.0
    points = np.asarray(ndtri(np.clip(np.abs(2.0 * even - 1.0), 1e-16, 1.0 - 1e-16)), np.float64)
    points -= points.mean(axis=1, keepdims=True)
    points /= points.std(axis=1, keepdims=True)
    points.setflags(write=False)
    return points


def _primes(count: int) -> list[int]:
    """The first `count` primes."""
    found: list[int] = []
    candidate = 2
    while len(found) < count:
        if all(candidate % prime for prime in found):
            found.append(candidate)
        candidate += 1
    return found


def _integrate(m: Floats, c: Floats, allowed: Mask, z: Floats) -> tuple[Floats, Floats, Floats]:
    """P(best), E[max] and standard error of one block of replications."""
    root, alone, sd = _contrast_root(m, c)
    q = m[:, :, None] + root @ z  # (replication, variant, point)
    if not allowed.all():
        far = m.min(axis=1) - np.ptp(m, axis=1) - 99.0 * np.sqrt(np.square(root).sum(axis=-1).max(axis=-1))
        q = np.where(allowed[:, :, None], q, far[:, None, None])
    gap = _others_best(q)
    x = (m[:, :, None] + (root - alone) @ z - gap) / sd[:, :, None]
    wins = ndtr(x)
    x_wins = x * wins
    np.square(x, out=x)
    x *= -0.5
    np.exp(x, out=x)
    x /= np.sqrt(2.0 * np.pi)
    x += x_wins
    top = gap.mean(axis=-1) + sd * x.mean(axis=-1)
    share = wins.reshape(*m.shape, _BATCHES, -1).mean(axis=-1) * allowed[:, :, None]
    share /= share.sum(axis=1, keepdims=True)
    best = share.mean(axis=-1)
    error = share.std(axis=-1, ddof=1).max(axis=-1) / np.sqrt(_BATCHES)
    return best / best.sum(axis=-1, keepdims=True), (top * allowed).sum(axis=-1) / allowed.sum(axis=-1), error


def _contrast_root(m: Floats, c: Floats) -> tuple[Floats, Floats, Floats]:
    """Square root of the covariance of contrasts, its part that moves one variant alone, and the SD of that move.

    A pivot of zero is raised to next to nothing, so that exact ties share the first place. The root changes smoothly
    with the covariance (principal axes would turn at random where variants are exchangeable).
    """
    n = m.shape[-1]
    rest, size = _contrasts(c)
    least = 1e-14 * size + np.square(1e-12 * np.ptp(m, axis=1)) + _TINY
    rest += least[:, None, None] * (np.eye(n) - 1.0 / n)
    root = np.zeros((len(m), n, n - 1))
    for k in range(n - 1):
        pivot = np.sqrt(np.maximum(rest[:, k, k], 0.1 * least))
        root[:, k:, k] = rest[:, k:, k] / pivot[:, None]
        root[:, k, k] = pivot
        rest[:, k:, k:] -= root[:, k:, None, k] * root[:, None, k:, k]
    root[:, -1] = -root[:, :-1].sum(axis=1)
    inverse = np.linalg.solve(root[:, :-1], np.eye(n)[:-1] - 1.0 / n).swapaxes(1, 2)
    variance = 1.0 / np.square(inverse).sum(axis=-1)
    return root, inverse * variance[:, :, None], np.sqrt(variance)


def _contrasts(c: Floats) -> tuple[Floats, Floats]:
    """The covariance with the common level taken out, and its trace."""
    centred = c - c.mean(axis=-1, keepdims=True)
    centred = centred - centred.mean(axis=-2, keepdims=True)
    return centred, np.trace(centred, axis1=-2, axis2=-1)


def _others_best(q: Floats) -> Floats:
    """For every variant, the best of the others at each point."""
    best = np.empty_like(q)
    best[:, 0] = -np.inf
    np.maximum.accumulate(q[:, :-1], axis=1, out=best[:, 1:])
    behind = q[:, -1].copy()
    for v in range(q.shape[1] - 2, -1, -1):
        np.maximum(best[:, v], behind, out=best[:, v])
        np.maximum(behind, q[:, v], out=behind)
    return best
