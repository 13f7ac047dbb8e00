"""Posterior of the votes of one data set without a sampler: components over weighted points, effects around their modes, both weighed.

Given its components, effects are drawn from the normal law at their mode (`whole`), own effects of blocks integrated out. Each draw is then
weighed by what the density is beside what it was drawn from, so that what the normal law gets wrong is made up for, and the shape of the
largest weights tells whether that may be trusted (Vehtari et al. 2024).
"""

from __future__ import annotations

import itertools
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
STEPS, FARTHEST, OUTSIDE = 40, 1.5, 4.0
"""Steps towards the mode of the components, at most; the length of any; how far from the middle none is looked for."""
NEAR = 0.02
"""Gain that the next step promises at which their mode is near enough to draw points around."""
SHARE = 0.2
"""Share of what slopes were to fall along a step that they fall at least."""
HALVINGS = 6
"""Times that a step is halved where it leads down."""
AWAY, WIDER = 2.0, (1.0, 2.5)
"""Widths from their mode at which the density is looked at, and factors of these widths between which they are made wider."""
KEPT = 30_000_000
"""Numbers of modes that are kept rather than sought again."""
LEANING = 1.5
"""Distance along components up to which modes of effects are taken to lie on a line."""
ROUNDS, EVEN = 3, 0.5
"""Parts in which effects are drawn, and the shape of the largest weights up to which the next is drawn like the last."""
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
        self._kept: list[tuple[Floats, Found]] = []

    @property
    def dims(self) -> int:
        """How many components."""
        return self.story.components.dims

    def log_density(self, x: Floats) -> Floats:
        """(S,) at S places."""
        found = self.looked(x)
        self._kept.append((x, found))
        if sum(other.root.size for _, other in self._kept) > KEPT:
            self._kept = []
        return _density(found, x)

    def among(self, x: Floats, used: Ints) -> Found:
        """Modes at some of the last S places at which the density was told, or of other places, at which they are sought anew."""
        seen = np.concatenate([np.zeros((0, self.dims)), *(places for places, _ in self._kept)])[-len(x) :]
        if not np.array_equal(seen, x):
            return self.looked(x[used])
        last = used - len(x) + sum(len(places) for places, _ in self._kept)
        return Found(
            *(np.concatenate(values)[last] for values in zip(*(found for _, found in self._kept), strict=True))
        )

    def looked(self, x: Floats) -> Found:
        """Modes at S places."""
        away = x - self._place
        away *= np.minimum(1.0, LEANING / np.maximum(np.linalg.norm(away, axis=1), 1e-9))[:, None]
        tables = self.story.tables(self.story.components.values(x))
        return found_at(self.story.votes, tables, self._at + away @ self._lean, self._own + away @ self._lean_own)

    def sloped(self, x: Floats) -> tuple[float, Floats, Floats]:
        """The density at a place, (d,) its slopes and curvatures, by differences; from there modes are sought from now on."""
        dims = self.dims
        step = APART * np.eye(dims)
        off = np.concatenate([np.zeros((1, dims)), step, -step])
        found = self.looked(x + off)
        middle, up, down = np.split(_density(found, x + off), [1, dims + 1])
        if np.isfinite(found.density).all():
            self._place, self._at, self._own = x, found.at[0], found.own[0]
            ahead, behind = slice(1, dims + 1), slice(dims + 1, None)
            self._lean = (found.at[ahead] - found.at[behind]) / (2 * APART)
            self._lean_own = (found.own[ahead] - found.own[behind]) / (2 * APART)
        return float(middle[0]), (up - down) / (2 * APART), (up + down - 2 * middle) / APART**2

    def crossed(self, x: Floats, value: float, bent: Floats) -> Floats:
        """(d, d) curvatures, from what `sloped` told."""
        one, other = np.triu_indices(self.dims, 1)
        step = APART * np.eye(self.dims)
        off = np.concatenate([step[one] + step[other], -step[one] - step[other]])
        both, neither = np.split(_density(self.looked(x + off), x + off), 2) if one.size else np.zeros((2, 0))
        curvature = np.diag(bent)
        pairs = (both + neither - 2 * value) / APART**2 - bent[one] - bent[other]
        curvature[one, other] = curvature[other, one] = 0.5 * pairs
        return curvature


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
        found = points(target, _peak(target), rng, most=looks, keep=True)
        point = systematic(found.weight, candidates, rng)
        used, which = np.unique(point, return_inverse=True)
        here, given = target.among(found.x, used), story.components.values(found.x[used])
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
    """Effects from normal laws at the modes, weighed by all of these together (Cornuet and others 2012).

    Where weights are uneven, the next part of the places is tried with a law that was moved and widened by them.
    """
    count, dims = which.size, here.at.shape[1]
    half = np.log(np.diagonal(here.root, axis1=1, axis2=2)).sum(axis=1)
    middle, width = np.zeros(dims), np.ones(dims)
    normal, x, told = np.zeros((count, dims)), np.zeros((count, dims)), np.zeros(count)
    edges = np.linspace(0, count, ROUNDS + 1).astype(int)
    laws = []
    for start, stop in itertools.pairwise(edges.tolist()):
        part, seen = slice(start, stop), slice(stop)
        laws.append((stop - start, middle, width))
        normal[part] = middle + width * rng.standard_normal((stop - start, dims))
        x[part] = here.at[which[part]] + _spread(here.root, which[part], normal[part])
        told[part] = weighed(story.votes, tables, which[part], x[part], here.own)
        law = np.log([many / stop / np.prod(wide) for many, _, wide in laws])[:, None] - 0.5 * np.array([
            (((normal[seen] - at) / wide) ** 2).sum(axis=1) for _, at, wide in laws
        ])  # fmt: skip
        ratio = told[seen] - here.density[which[seen]] - half[which[seen]] - np.logaddexp.reduce(law, axis=0)
        weight, k_hat = smoothed(np.where(np.isfinite(ratio), ratio, -np.inf))
        if k_hat > EVEN:
            trust = worth(weight) / (worth(weight) + dims)
            mean = weight @ normal[seen]
            spread = np.sqrt(weight @ (normal[seen] - mean) ** 2)
            middle, width = trust * mean, np.clip(1.0 + trust * (spread - 1.0), *WIDTHS)
    return _Tried(x, weight, k_hat)


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
    """Mode and curvature of the components, by steps whose curvature slopes tell (Broyden and others 1970), the last by its own."""
    x, bent = np.zeros(target.dims), np.zeros((target.dims, target.dims))
    last: tuple[Floats, Floats] | None = None
    for _ in range(STEPS):
        value, slope, along = target.sloped(x)
        bent = _bent(bent, x - last[0], last[1] - slope) if last else -target.crossed(x, value, along)
        values, vectors = np.linalg.eigh(bent)
        values = np.maximum(values, LEAST)
        bent = (vectors * values) @ vectors.T
        step = vectors @ (vectors.T @ slope / values)
        if slope @ step < 2 * NEAR:
            if last is None:
                break
            last = None
            continue
        last = x, slope
        step *= min(1.0, FARTHEST / np.abs(step).max())
        for _ in range(HALVINGS):
            if target.log_density((x + step)[None])[0] > value:
                break
            step *= 0.5
        x = np.clip(x + step, -OUTSIDE, OUTSIDE)
    wide = vectors * _wide(target, x, value, vectors / np.sqrt(values))
    return Peak(x, np.linalg.cholesky((wide / values) @ wide.T))


def _wide(target: Marginal, x: Floats, value: float, axes: Floats) -> Floats:
    """(d,) factors of the widths along axes, (d, d), from how little the density falls where a normal one is much lower."""
    if not target.dims:
        return np.ones(0)
    fell = value - target.log_density(x + np.concatenate([AWAY * axes.T, -AWAY * axes.T])).reshape(2, -1)
    return np.clip(AWAY / np.sqrt(2.0 * np.maximum(fell, 1e-9)), *WIDER).mean(axis=0)


def _bent(bent: Floats, step: Floats, fell: Floats) -> Floats:
    """Curvature, its sign turned, as slopes that fell along a step tell it, those that fell too little made up for (Powell 1978)."""
    expected = bent @ step
    along, wanted = float(step @ fell), float(step @ expected)
    if along < SHARE * wanted:
        share = (1.0 - SHARE) * wanted / max(wanted - along, 1e-300)
        fell = share * fell + (1.0 - share) * expected
        along = float(step @ fell)
    if along <= 0.0:
        return bent
    return np.asarray(bent - np.outer(expected, expected) / wanted + np.outer(fell, fell) / along)
