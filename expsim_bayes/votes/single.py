"""Posterior of the votes of one data set without a sampler: components over weighted points, effects around their modes, both weighed.

Given its components, effects are drawn from the normal law at their mode (`whole`), own effects of blocks integrated out. Each draw is then
weighed by what the density is beside what it was drawn from, so that what the normal law gets wrong is made up for, and the shape of the
largest weights tells whether that may be trusted (Vehtari et al. 2024).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from expsim_bayes.fast.integration import Peak, Points, points, smoothed, systematic, worth
from expsim_bayes.votes.sets import Found, found_at, weighed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.votes.components import Components
    from expsim_bayes.votes.sets import AnyVotes, Tables

    Floats = NDArray[np.float64]
    Ints = NDArray[np.intp]

APART = 0.2
"""Step of differences of the density along components."""
LEAST = 0.25
"""Curvature along components at least, as the prior alone has 1."""
STEPS, FARTHEST, OUTSIDE = 25, 1.5, 4.0
"""Steps towards the mode of the components, at most; the length of any; how far from the middle none is looked for."""
NEAR = 0.02
"""Gain that the next step promises at which their mode is near enough to draw points around."""
HALVINGS = 6
"""Times that a step is halved where it leads down."""
LEANING = 1.5
"""Distance along components up to which modes of effects are taken to lie on a line."""
ROUNDS, EVEN = 3, 0.5
"""How often effects are drawn, at most, and the shape of the largest weights up to which that is not done again."""
WIDTHS = (0.8, 1.6)
"""Factors of the normal law's widths between which they are moved."""
NEVER = -1e5
"""Log density where no mode was found."""


class Story(Protocol):
    """Votes of one data set and what is supposed of them."""

    @property
    def votes(self) -> AnyVotes:
        """As `whole` asks for them, or `ordered` for rankings."""

    @property
    def components(self) -> Components:
        """What is estimated."""

    def start(self) -> Floats:
        """(n,) where effects are sought first."""

    def tables(self, given: dict[str, Floats]) -> Tables:
        """Coefficients at S sets of components."""


class Drawn(NamedTuple):
    """Draws of all but own effects, and what they were made from."""

    given: dict[str, Floats]
    """(D, count) components of each name."""
    x: Floats
    """(D, n) effects."""
    at: Ints
    """(D,) the candidate behind each draw: draws of one candidate are the same."""
    point: Ints
    """(D,) the point of the components behind it."""
    own: Floats
    """(D, L) where own effects are sought."""
    points: Points
    """Of the components."""
    k_hat: float
    """Shape of the largest weights of candidates."""
    effective: float
    """How many equally weighted candidates would be worth the same."""

    def of(self, chosen: Ints, k_hat: float) -> Drawn:
        """Some of the draws, weighed once more with weights of such a shape."""
        given = {name: values[chosen] for name, values in self.given.items()}
        return self._replace(
            given=given,
            x=self.x[chosen],
            at=self.at[chosen],
            point=self.point[chosen],
            own=self.own[chosen],
            k_hat=float(k_hat),
        )

    def worth(self, values: Floats) -> Floats:
        """(V,) how many independent draws the mean of each of (D, V) values is worth: draws differ within points and between them."""
        used, at, counts = np.unique(self.point, return_inverse=True, return_counts=True)
        total = np.maximum(values.var(axis=0), 1e-300)
        belongs = np.zeros((used.size, len(values)))
        belongs[at, np.arange(len(values))] = 1.0
        off = values - (belongs @ values / counts[:, None])[at]
        within = np.minimum((off**2).sum(axis=0) / max(1, len(values) - used.size), total)
        many = min(float(len(values)), self.effective)
        return np.asarray(total / ((total - within) / min(self.points.effective, many) + within / many))


@dataclass
class Marginal:
    """The density of the components; modes of effects are sought where they lay last, and on the line on which they moved there."""

    story: Story
    work: float

    def __post_init__(self) -> None:
        """In the middle, where nothing is known yet of how modes move."""
        dims, start = self.dims, self.story.start()
        own = int(self.story.votes.own_from[-1])
        self._place, self._at, self._own = np.zeros(dims), start, np.zeros(own)
        self._lean, self._lean_own = np.zeros((dims, start.size)), np.zeros((dims, own))

    @property
    def dims(self) -> int:
        """How many components."""
        return self.story.components.dims

    def log_density(self, x: Floats) -> Floats:
        """(S,) at S places."""
        return _density(self.looked(x), x)

    def looked(self, x: Floats) -> Found:
        """Modes at S places."""
        away = x - self._place
        away *= np.minimum(1.0, LEANING / np.maximum(np.linalg.norm(away, axis=1), 1e-9))[:, None]
        tables = self.story.tables(self.story.components.values(x))
        return found_at(self.story.votes, tables, self._at + away @ self._lean, self._own + away @ self._lean_own)

    def bent(self, x: Floats) -> tuple[float, Floats, Floats]:
        """The density at a place, (d,) its slopes and (d, d) curvatures, by differences; from there modes are sought from now on."""
        dims = self.dims
        one, other = np.triu_indices(dims, 1)
        step = APART * np.eye(dims)
        off = np.concatenate([np.zeros((1, dims)), step, -step, step[one] + step[other], -step[one] - step[other]])
        found = self.looked(x + off)
        middle, up, down, both, neither = np.split(_density(found, x + off), np.cumsum([1, dims, dims, one.size]))
        curvature = np.diag((up + down - 2 * middle) / APART**2)
        pairs = both + neither + 2 * middle - up[one] - up[other] - down[one] - down[other]
        curvature[one, other] = curvature[other, one] = pairs / (2 * APART**2)
        if np.isfinite(found.density[: 2 * dims + 1]).all():
            self._place, self._at, self._own = x, found.at[0], found.own[0]
            ahead, behind = slice(1, dims + 1), slice(dims + 1, 2 * dims + 1)
            self._lean = (found.at[ahead] - found.at[behind]) / (2 * APART)
            self._lean_own = (found.own[ahead] - found.own[behind]) / (2 * APART)
        return float(middle[0]), (up - down) / (2 * APART), curvature


def _density(found: Found, x: Floats) -> Floats:
    """(S,) log density of components at S places."""
    return np.nan_to_num(found.density, nan=NEVER, neginf=NEVER, posinf=NEVER) - 0.5 * (x**2).sum(axis=1)


def drawn(story: Story, draws: int, rng: np.random.Generator, *, candidates: int, looks: int) -> Drawn:
    """Draws of components and effects, in random order.

    Parameters
    ----------
    story : Story
        The data set.
    draws : int
        How many.
    rng : numpy.random.Generator
        Draws.
    candidates : int
        Places that draws are chosen from.
    looks : int
        Points over components, about.
    """
    from expsim_bayes.fast.integration import EFFORT

    target = Marginal(story, EFFORT / looks)
    with threadpool_limits(1, "blas"):
        found = points(target, _peak(target), rng, most=looks)
        point = systematic(found.weight, candidates, rng)
        used, which = np.unique(point, return_inverse=True)
        here, given = target.looked(found.x[used]), story.components.values(found.x[used])
        tried = _tried(story, here, story.tables(given), which, rng)
    k_hat = float(np.nanmax([found.k_hat, tried.k_hat])) if target.dims else tried.k_hat
    chosen = systematic(tried.weight, draws, rng)
    of = which[chosen]
    given = {name: values[of] for name, values in given.items()}
    return Drawn(given, tried.x[chosen], chosen, of, here.own[of], found, k_hat, worth(tried.weight))


class _Tried(NamedTuple):
    """Effects that draws are chosen from."""

    x: Floats
    """(D, n)"""
    weight: Floats
    """(D,) summing to one."""
    k_hat: float


def _tried(story: Story, here: Found, tables: Tables, which: Ints, rng: np.random.Generator) -> _Tried:
    """Effects from the normal law at the modes, weighed; where weights are uneven, from one that was moved and widened by them."""
    count, dims = which.size, here.at.shape[1]
    half = np.log(np.diagonal(here.root, axis1=1, axis2=2)).sum(axis=1)
    middle, width, best = np.zeros(dims), np.ones(dims), None
    for _ in range(ROUNDS):
        plain = rng.standard_normal((count, dims))
        normal = middle + width * plain
        x = here.at[which] + _spread(here.root, which, normal)
        told = weighed(story.votes, tables, which, x, here.own)
        ratio = told - here.density[which] - half[which] + 0.5 * (plain**2).sum(axis=1)
        weight, k_hat = smoothed(np.where(np.isfinite(ratio), ratio, -np.inf))
        if best is None or k_hat < best.k_hat:
            best = _Tried(x, weight, k_hat)
        if k_hat <= EVEN:
            break
        trust = worth(weight) / (worth(weight) + dims)
        mean = weight @ normal
        spread = np.sqrt(weight @ (normal - mean) ** 2)
        middle, width = trust * mean, np.clip(1.0 + trust * (spread - 1.0), *WIDTHS)
    assert best is not None
    return best


def _spread(root: Floats, which: Ints, normal: Floats) -> Floats:
    """(D, n) normal numbers with the precisions whose roots are given."""
    from scipy.linalg import solve_triangular

    out = np.empty_like(normal)
    order = np.argsort(which, kind="stable")
    edges = np.searchsorted(which[order], np.arange(len(root) + 1))
    for s in range(len(root)):
        own = order[edges[s] : edges[s + 1]]
        if own.size:
            out[own] = solve_triangular(root[s], normal[own].T, lower=True, trans="T").T
    return out


def _peak(target: Marginal) -> Peak:
    """Mode and curvature of the components, by Newton's steps."""
    x = np.zeros(target.dims)
    for _ in range(STEPS):
        value, slope, bent = target.bent(x)
        values, vectors = np.linalg.eigh(-bent)
        values = np.maximum(values, LEAST)
        step = vectors @ (vectors.T @ slope / values)
        if slope @ step < 2 * NEAR:
            break
        step *= min(1.0, FARTHEST / np.abs(step).max())
        for _ in range(HALVINGS):
            if target.log_density((x + step)[None])[0] > value:
                break
            step *= 0.5
        x = np.clip(x + step, -OUTSIDE, OUTSIDE)
    return Peak(x, np.linalg.cholesky((vectors / values) @ vectors.T))
