r"""Averages over a density of few dimensions for many replications at once, from a look at each end of each axis.

The density is known at its centre and at :math:`\pm \sqrt 3` along d axes of unit width. Three-point Gauss-Hermite quadrature along an
axis, its weights times the ratio of the density to the normal, catches width, shift and skewness; what two axes change together is left
out.
The same looks tell how centre and axes must move, so that a density that changes little from one time to the next is followed with one or
two rounds of looks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

REACH = np.sqrt(3.0)
"""Distance of the ends of an axis from the centre, in widths."""
NARROWEST, WIDEST = 0.25, 4.0
"""Change of an axis' width that is followed at once."""
FARTHEST_STEP = 1.5
"""Widths that the centre moves at once, at most."""
NEAR, ALIKE = 0.5, 0.25
"""Widths that the centre may be off, and logarithm of the share that a width may be, without another round."""
ROUNDING = 1e-9
"""Share of the largest variance of a direction that is no more than rounding."""
FARTHEST = 8.0
"""Where no centre lies beyond: prior SDs."""


class Axes(NamedTuple):
    """Centre and axes of R densities."""

    centre: Floats
    """(R, d)"""
    root: Floats
    """(R, d, d) axes of unit width, as columns."""

    @classmethod
    def prior(cls, replications: int, dims: int) -> Axes:
        """Those of standard normal numbers."""
        return cls(np.zeros((replications, dims)), np.repeat(np.eye(dims)[None], replications, axis=0))

    def of(self, kept: NDArray[np.bool_] | NDArray[np.intp]) -> Axes:
        """Of some of the replications."""
        return Axes(self.centre[kept], self.root[kept])

    def with_more(self, looks: float) -> Axes:
        """As narrow as they should be after one more look, where so many of its size were before: what the prior does not tell grows."""
        if not looks:
            return self
        width2 = (self.root**2).sum(axis=1)
        told = np.maximum(1 / width2 - 1, 0.0)
        return Axes(self.centre, self.root / np.sqrt(1 + width2 * told / looks)[:, None])

    def ends(self) -> Floats:
        """(R, 1 + 2 d, d) the centre, then the upper and the lower end of each axis."""
        arms = REACH * self.root.swapaxes(1, 2)
        centre = self.centre[:, None]
        return np.concatenate([centre, centre + arms, centre - arms], axis=1)


class Looked(NamedTuple):
    """What was seen at the ends of the axes, m = 1 + 2 d places."""

    log_density: Floats
    """(R, m)"""
    mean: Floats
    """(R, m, V) of what is averaged, given the place."""
    cov: Floats
    """(R, m, V, V)"""


class Averaged(NamedTuple):
    """Moments over the density."""

    mean: Floats
    """(R, V)"""
    cov: Floats
    """(R, V, V)"""


class Density(Protocol):
    """R log densities over standard normal numbers, and moments of something given these."""

    def look(self, x: Floats, chosen: NDArray[np.intp]) -> Looked:
        """At (r, m, d) places of the `chosen` replications, (r,)."""

    def log_density(self, x: Floats, chosen: NDArray[np.intp]) -> Floats:
        """(r, m) at (r, m, d) places."""


def followed(density: Density, start: Axes, *, turn: bool, rounds: int) -> tuple[Axes, Looked]:
    """Axes that fit the densities, and what was seen at their ends.

    Parameters
    ----------
    density : Density
        Of R replications.
    start : Axes
        Where the densities may be, such as where they were before.
    turn : bool
        Whether the axes are turned once, to where the density is curved along each alone.
    rounds : int
        How often the axes are moved, at most.
    """
    replications, dims = start.centre.shape
    centre, root = start.centre.copy(), start.root.copy()
    everyone = np.arange(replications)
    seen = Looked(*density.look(start.ends(), everyone))
    off = everyone
    for done in range(rounds):
        slope, curvature = _along(seen.log_density[off], dims)
        step = np.clip(slope / curvature, -FARTHEST_STEP, FARTHEST_STEP)
        width = np.clip(1 / np.sqrt(curvature), NARROWEST, WIDEST)
        far = (np.abs(step).max(axis=1) > NEAR) | (np.abs(np.log(width)).max(axis=1) > ALIKE)
        if turn and done == 1:
            far[:] = True
        off, step, width = off[far], step[far], width[far]
        if not off.size:
            break
        centre[off] = np.clip(centre[off] + (root[off] @ step[..., None])[..., 0], -FARTHEST, FARTHEST)
        root[off] *= width[:, None]
        if turn and done == 1:
            root[off] = _turned(density, Axes(centre[off], root[off]), off)
        found = density.look(Axes(centre[off], root[off]).ends(), off)
        for kept, value in zip(seen, found, strict=True):
            kept[off] = value
    return Axes(centre, root), seen


def _along(log_density: Floats, dims: int) -> tuple[Floats, Floats]:
    """Slope and curvature along each axis, both (R, d); a curvature is not below a quarter of what its width says."""
    upper, lower = log_density[:, 1 : dims + 1], log_density[:, dims + 1 :]
    middle = log_density[:, :1]
    with np.errstate(invalid="ignore"):  # where no density was found, here and at the other end
        slope = (upper - lower) / (2 * REACH)
        curvature = (2 * middle - upper - lower) / REACH**2
    sound = np.isfinite(curvature)
    return np.where(sound, slope, 0.0), np.where(sound, np.maximum(curvature, 0.25), 16.0)


def _turned(density: Density, axes: Axes, chosen: NDArray[np.intp]) -> Floats:
    """(r, d, d) axes along which the density is curved alone, from looks at pairs of axes."""
    dims = axes.centre.shape[1]
    first, second = np.triu_indices(dims, 1)
    arms = axes.root.swapaxes(1, 2)
    centre = axes.centre[:, None]
    single = np.concatenate([centre, centre + arms, centre - arms], axis=1)
    pair = np.concatenate(
        [centre + arms[:, first] + arms[:, second], centre - arms[:, first] - arms[:, second]], axis=1
    )
    seen = density.log_density(np.concatenate([single, pair], axis=1), chosen)
    middle, upper, lower = seen[:, :1], seen[:, 1 : dims + 1], seen[:, dims + 1 : 2 * dims + 1]
    along = seen[:, 2 * dims + 1 : 2 * dims + 1 + first.size]
    against = seen[:, 2 * dims + 1 + first.size :]
    own = 2 * middle - upper - lower
    curved = np.zeros((len(seen), dims, dims))
    curved[:, np.arange(dims), np.arange(dims)] = own
    mixed = (2 * middle - along - against - own[:, first] - own[:, second]) / 2
    curved[:, first, second] = curved[:, second, first] = mixed
    curved[~np.isfinite(curved).all(axis=(1, 2))] = np.eye(dims)
    values, vectors = np.linalg.eigh(curved)
    return axes.root @ (vectors / np.sqrt(np.clip(values, 1 / WIDEST**2, 1 / NARROWEST**2))[:, None])


def averaged(seen: Looked) -> Averaged:
    """Moments over the densities, axis by axis."""
    dims = (seen.log_density.shape[1] - 1) // 2
    with np.errstate(invalid="ignore"):  # where no density was found at the centre, there is nothing to weigh
        ratio = seen.log_density[:, 1:] - seen.log_density[:, :1] + REACH**2 / 2
    weight = np.exp(np.where(np.isfinite(ratio), np.minimum(ratio, 50.0), -np.inf)) / 6
    upper, lower = weight[:, :dims], weight[:, dims:]
    total = 2 / 3 + upper + lower
    upper, lower = upper / total, lower / total
    spread = np.concatenate([upper, lower], axis=1)
    sound = np.where((spread > 0)[:, :, None], seen.mean[:, 1:] - seen.mean[:, :1], 0.0)
    moved = spread[:, :, None] * sound
    by_axis = moved[:, :dims] + moved[:, dims:]
    mean = seen.mean[:, 0] + by_axis.sum(axis=1)
    within = np.where((spread > 0)[:, :, None, None], seen.cov[:, 1:] - seen.cov[:, :1], 0.0)
    cov = seen.cov[:, 0] + np.einsum("rm,rmvw->rvw", spread, within)
    cov += np.einsum("rmv,rmw->rvw", moved, sound) - np.einsum("rdv,rdw->rvw", by_axis, by_axis)
    return Averaged(mean, positive(cov, seen.cov[:, 0]))


def positive(cov: Floats, instead: Floats) -> Floats:
    """Covariances, and others instead where a sum is none."""
    values = np.linalg.eigvalsh(cov)
    wrong = values[:, 0] < -ROUNDING * values[:, -1]  # what is known for certain has none, but for rounding
    return np.where(wrong[:, None, None], instead, cov)
