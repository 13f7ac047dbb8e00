"""Draws from a density of few dimensions that can be looked at where one likes: its mode, points around it, and weights.

The points come from a Student t around the mode, taken from a scrambled Sobol sequence and its mirror image; weights make up for what the t
gets wrong and are Pareto-smoothed (Vehtari et al. 2024, doi:10.48550/arXiv.1507.02646), so that their shape tells whether they may be
trusted. Where they are uneven, a mixture of t's is fitted to the weighted points, and points are taken anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from expsim_bayes.diagnostics import good_k

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.intp]

FREEDOM, FEW = 4.0, 20.0
"""Degrees of freedom of the t that points are taken from; where points are few, ratings are many and the density is nearly normal."""
EVEN = 0.5
"""Effective share of the points from which the t is left as it is."""
TRUSTED = 0.5
"""Shape of the largest weights up to which the t is left as it is."""
ROUNDS, AGAIN = 4, 2
"""How often the proposal may be fitted anew to few points, and then to all of them."""
PARTS = 12
"""Student t's that are mixed, at most, beside the first."""
WIDE, WIDER = 0.1, 1.5
"""Share and width, in posterior SDs, of a part that catches what the others miss."""
STEPS = 4
"""Steps towards the weighted points each time."""
TRIAL = 2_048
"""Points to which it is fitted, at most."""
MANY = 512
"""Points from which they tell more of the density than its curvature does."""
FEWEST, MOST = 48, 16_384
"""Points that are looked at for draws, at least and at most."""
EFFORT = 1e10
"""Multiplications that looking at them may take."""
STARTS = 16
"""Places from whose best the mode is sought."""
FARTHEST = 12.0
"""Distance from the origin, in each direction, beyond which no mode is looked for."""
FLAT = 0.02
"""Slope, a width of the density, at which its mode is found."""
STEP = 1e-4
"""Step of differences of slopes."""


class Density(Protocol):
    """A log density over the standard normal numbers x, their prior included."""

    @property
    def dims(self) -> int:
        """d, the number of coordinates."""

    @property
    def work(self) -> float:
        """Rough number of multiplications that one look takes."""

    def log_density(self, x: Floats) -> Floats:
        """(D,) at D points, (D, d), up to a constant."""


class Target(Density, Protocol):
    """The same with its slopes."""

    def with_slopes(self, x: Floats) -> tuple[Floats, Floats]:
        """(D,) and its slopes, (D, d)."""


class Peak(NamedTuple):
    """The mode, and the curvature there."""

    at: Floats
    """(d,)"""
    root: Floats
    """(d, d) Cholesky root of the inverse of minus the Hessian."""


class Points(NamedTuple):
    """Weighted points that stand for a density."""

    x: Floats
    """(M, d)"""
    weight: Floats
    """(M,) summing to one, Pareto-smoothed."""
    k_hat: float
    """Shape of the largest weights: above `good_k` they are not to be trusted; NaN where points are too few to tell."""
    rounds: int
    """How often the t was moved."""

    @property
    def effective(self) -> float:
        """How many equally weighted points would be worth the same."""
        return worth(self.weight)


class _Tries(NamedTuple):
    """Points of one proposal."""

    proposal: _Mixture
    each: Ints
    """(C,) points of each part."""
    x: Floats
    """(M, d)"""
    density: Floats
    """(M,)"""


def peak(target: Target, near: Peak | None = None) -> Peak:
    """The mode of a density and the curvature there.

    Parameters
    ----------
    target : Target
        The density.
    near : Peak, optional
        Where to begin and how wide the density may be there, such as the peak of part of the data; the best of some places around the
        origin unless told.
    """
    from scipy.optimize import minimize

    if not target.dims:
        return Peak(np.zeros(0), np.zeros((0, 0)))
    if near is None:
        tried = np.concatenate([np.zeros((1, target.dims)), _normals(STARTS, target.dims, np.random.default_rng(0))])
        near = Peak(tried[int(np.argmax(target.log_density(tried)))], np.eye(target.dims))

    def downhill(y: Floats) -> tuple[float, Floats]:
        x = np.clip(near.at + near.root @ y, -FARTHEST, FARTHEST)
        value, slope = target.with_slopes(x[None])
        return -float(value[0]), -near.root.T @ slope[0]

    found = minimize(downhill, np.zeros(target.dims), jac=True, method="BFGS", options={"gtol": FLAT})
    at = np.clip(near.at + near.root @ np.asarray(found.x, dtype=np.float64), -FARTHEST, FARTHEST)
    return Peak(at, _spread(target, at))


def _spread(target: Target, at: Floats) -> Floats:
    """Root of the inverse of minus the Hessian, by differences of slopes; a direction is never wider than twice its prior."""
    slopes = target.with_slopes(np.concatenate([at[None], at + STEP * np.eye(at.size)]))[1]
    curvature = (slopes[0] - slopes[1:]) / STEP
    values, vectors = np.linalg.eigh((curvature + curvature.T) / 2)
    cov = (vectors / np.maximum(values, 0.25)) @ vectors.T
    return np.linalg.cholesky(cov)


class _Mixture(NamedTuple):
    """A mixture of C Student t's, from which points are taken."""

    share: Floats
    """(C,) summing to one."""
    centre: Floats
    """(C, d)"""
    root: Floats
    """(C, d, d) Cholesky roots of their scale matrices."""
    freedom: float = FREEDOM
    """Their degrees of freedom."""

    def logs(self, x: Floats) -> Floats:
        """(M, C) log density of each part times its share, up to a constant."""
        dims = x.shape[1]
        away = x[None] - self.centre[:, None]
        z = np.linalg.solve(self.root, away.swapaxes(1, 2))
        log_det = np.log(np.diagonal(self.root, axis1=1, axis2=2)).sum(axis=1)
        logs = np.log(self.share) - log_det
        found: Floats = (logs[:, None] - 0.5 * (self.freedom + dims) * np.log1p((z**2).sum(axis=1) / self.freedom)).T
        return found

    def with_wide_part(self, centre: Floats, root: Floats) -> _Mixture:
        """The same beside a wide part, which keeps weights bounded where the others miss something."""
        return _Mixture(
            np.r_[(1 - WIDE) * self.share, WIDE],
            np.concatenate([self.centre, centre[None]]),
            np.concatenate([self.root, root[None]]),
            self.freedom,
        )

    def counts(self, count: int) -> Ints:
        """(C,) about `count` points, shared out among the parts in pairs."""
        return np.asarray(2 * np.maximum(1, np.round(self.share * count / 2)), dtype=np.intp)

    def draw(self, each: Ints, rng: np.random.Generator) -> Floats:
        """(M, d) so many points of each part."""
        drawn = []
        for n, centre, root in zip(each, self.centre, self.root, strict=True):
            scale = np.sqrt(self.freedom / rng.chisquare(self.freedom, n // 2))
            z = _normals(int(n), centre.size, rng) * np.concatenate([scale, scale])[:, None]
            drawn.append(centre + z @ root.T)
        return np.concatenate(drawn)


def points(target: Density, around: Peak, rng: np.random.Generator, most: int = MOST, *, keep: bool = False) -> Points:
    """Weighted points that stand for a density.

    Parameters
    ----------
    target : Density
        The density.
    around : Peak
        Its mode and curvature.
    rng : numpy.random.Generator
        Scrambles the points.
    most : int
        Points that suffice, where looking is cheap.
    keep : bool
        Whether points of earlier rounds count, too, as where looking is dear: they are weighed by all proposals together (Cornuet et al.
        2012).
    """
    if not target.dims:
        return Points(np.zeros((1, 0)), np.ones(1), float("nan"), 0)
    wanted = int(np.clip(EFFORT / target.work, FEWEST, max(most, FEWEST)))
    proposal = _Mixture(np.ones(1), around.at[None], around.root[None], FREEDOM if wanted >= MANY else FEW)
    most_rounds, again = (ROUNDS, AGAIN) if wanted >= MANY else (0, 0)
    kept: list[_Tries] = []
    for rounds in range(most_rounds + 1):
        count = wanted if rounds == most_rounds else min(wanted, TRIAL)
        found = _weighed(target, proposal, count, rng, rounds, kept if keep else [])
        if rounds == most_rounds or (found.effective >= EVEN * count and not found.k_hat > TRUSTED):
            break
        proposal = _moved(found, proposal, rng)
    if count < wanted:
        found = _weighed(target, proposal, wanted, rng, rounds, kept if keep else [])
    for more in range(1, again + 1):
        if not found.k_hat > good_k(len(found.x)):
            break
        proposal = _moved(found, proposal, rng)
        better = _weighed(target, proposal, wanted, rng, rounds + more, kept if keep else [])
        found = better if better.k_hat < found.k_hat else found
    return found


def _moved(found: Points, proposal: _Mixture, rng: np.random.Generator) -> _Mixture:
    """A mixture nearer to the density that weighted points stand for: a few steps of expectation and maximisation (Cappe et al. 2008)."""
    dims = found.x.shape[1]
    mean = found.weight @ found.x
    away = found.x - mean
    cov = (away * found.weight[:, None]).T @ away
    if len(proposal.share) == 1:
        parts = int(np.clip(found.effective / (4 * dims), 1, PARTS))
        at = rng.choice(found.weight.size, parts, p=found.weight, replace=False)
        centre = np.concatenate([mean[None], found.x[at]])
        root = np.repeat(np.linalg.cholesky(cov + 1e-9 * np.eye(dims))[None], len(centre), axis=0)
        proposal = _Mixture(np.full(len(centre), 1 / len(centre)), centre, root)
    for _ in range(STEPS):
        logs = proposal.logs(found.x)
        part = np.exp(logs - logs.max(axis=1, keepdims=True))
        part *= (found.weight / part.sum(axis=1))[:, None]
        share = part.sum(axis=0)
        z = np.linalg.solve(proposal.root, (found.x[None] - proposal.centre[:, None]).swapaxes(1, 2))
        heavy = part * ((FREEDOM + dims) / (FREEDOM + (z**2).sum(axis=1).T))
        centre = (heavy.T @ found.x) / heavy.sum(axis=0)[:, None]
        away = found.x[None] - centre[:, None]
        own = np.einsum("mc,cmi,cmj->cij", heavy, away, away, optimize=True) / share[:, None, None]
        worth = share**2 / (part**2).sum(axis=0)
        keep = (worth / (worth + 2 * dims))[:, None, None]
        root = np.linalg.cholesky(keep * own + (1 - keep) * cov + 1e-9 * np.eye(dims))
        alive = share > 1e-3
        proposal = _Mixture(share[alive] / share[alive].sum(), centre[alive], root[alive])
    return proposal.with_wide_part(mean, WIDER * np.linalg.cholesky(cov + 1e-9 * np.eye(dims)))


def smoothed(log_ratio: Floats) -> tuple[Floats, float]:
    """Weights summing to one, Pareto-smoothed, and the shape k-hat of the largest, from log ratios of densities.

    Where a few carry so much that no shape can be told, it is infinite.
    """
    from arviz_stats.base import array_stats  # type: ignore[attr-defined]

    try:
        logs, k_hat = array_stats.psislw(-(log_ratio - log_ratio.max()))  # type: ignore[no-untyped-call]
    except ValueError:  # the largest are all alike, as those of equal weights are
        logs, k_hat = log_ratio, np.nan
    weight = normalised(np.asarray(logs))
    untold = np.isnan(k_hat) and worth(weight) < EVEN * weight.size
    return weight, float("inf") if untold else float(k_hat)


def normalised(logs: Floats) -> Floats:
    """Weights summing to one from their logarithms up to a constant."""
    weight = np.exp(logs - logs.max())
    return np.asarray(weight / weight.sum())


def worth(weight: Floats) -> float:
    """How many equal weights would be worth the same (Kish)."""
    return float(1.0 / np.sum(weight**2))


def systematic(weight: Floats, count: int, rng: np.random.Generator) -> Ints:
    """(count,) positions taken as often as they weigh, evenly spaced, in random order."""
    edges = np.cumsum(weight)
    at = np.searchsorted(edges / edges[-1], (rng.random() + np.arange(count)) / count, side="right")
    return rng.permutation(np.minimum(at, weight.size - 1)).astype(np.intp)


def _weighed(  # noqa: PLR0917
    target: Density, proposal: _Mixture, count: int, rng: np.random.Generator, rounds: int, kept: list[_Tries]
) -> Points:
    """Points from a proposal, and those that are kept, with weights."""
    each = proposal.counts(count)
    x = proposal.draw(each, rng)
    kept.append(_Tries(proposal, each, x, target.log_density(x)))
    each, x, density = (np.concatenate([tries[n] for tries in kept]) for n in (1, 2, 3))
    centre, root = (np.concatenate([tries.proposal[n] for tries in kept]) for n in (1, 2))
    logs = _Mixture(each / each.sum(), centre, root, proposal.freedom).logs(x)
    top = logs.max(axis=1)
    ratio = density - top - np.log(np.exp(logs - top[:, None]).sum(axis=1))
    ratio = np.where(np.isfinite(ratio), ratio, -np.inf)
    weight, k_hat = smoothed(ratio) if count >= MANY else (normalised(ratio), float("nan"))
    return Points(x, weight, k_hat, rounds)


def _normals(count: int, dims: int, rng: np.random.Generator) -> Floats:
    """(count, dims) evenly spread standard normal points, the second half mirroring the first."""
    from scipy.special import ndtri
    from scipy.stats import qmc

    half = count // 2
    sobol = qmc.Sobol(dims, rng=rng)
    uniform = sobol.random_base2(max(0, int(np.ceil(np.log2(max(half, 1))))))[:half]
    z = ndtri(np.clip(uniform, 1e-12, 1 - 1e-12))
    return np.concatenate([z, -z])


def resampled(found: Points, draws: int, rng: np.random.Generator) -> tuple[Ints, Floats]:
    """Draws of the density: (draws,) the point behind each, and (draws, d).

    Where points are fewer than draws, each draw lies a little off its point and the whole is drawn together as much, which keeps mean and
    covariance (West 1993); how much follows Silverman's rule for as many points as they are worth.

    Parameters
    ----------
    found : Points
        The density.
    draws : int
        How many.
    rng : numpy.random.Generator
        Chooses.
    """
    at = systematic(found.weight, draws, rng)
    x, dims = found.x[at], found.x.shape[1]
    if not dims or found.weight.size > draws:
        return at, x
    h = (4 / (found.effective * (dims + 2))) ** (1 / (dims + 4))
    mean = found.weight @ found.x
    away = found.x - mean
    cov = (away * found.weight[:, None]).T @ away
    values, vectors = np.linalg.eigh(cov)
    noise = rng.standard_normal((draws, dims)) @ (vectors * np.sqrt(np.maximum(values, 0.0))).T
    return at, mean + np.sqrt(1 - h**2) * (x - mean) + h * noise
