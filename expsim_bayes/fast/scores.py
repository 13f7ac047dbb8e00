"""The score story without a sampler: components integrated out over weighted points, effects drawn exactly given each."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import xarray as xr
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from expsim_bayes.fast.integration import Peak, Points, peak, points, resampled
from expsim_bayes.fast.marginal import Marginal
from expsim_bayes.fast.moments import moments
from expsim_bayes.fast.parameters import Parameters, parameters
from expsim_bayes.models import _groups
from expsim_bayes.models._recover import ComponentDraws, Effects
from expsim_bayes.models._statistics import statistics

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.models._groups import Story
    from expsim_bayes.models._priors import Priors
    from expsim_bayes.models._terms import Components
    from expsim_bayes.ratings import Ratings

    Floats = NDArray[np.float64]

WORTH_THREADS = 1e9
"""Multiplications of one look from which several threads are worth their trouble."""
ENOUGH = 5_000
"""Ratings from which the mode of more is sought."""


class Posterior(NamedTuple):
    """Draws of the score story and what they were made from."""

    sd: ComponentDraws
    """Components of every draw, in points."""
    effects: Effects
    """In points."""
    point: NDArray[np.intp]
    """(draw,) the point at whose components effects were drawn."""
    points: Points
    """The points."""


class Scores(NamedTuple):
    """The posterior of the components of one data set, as a density over standard normal numbers."""

    marginal: Marginal
    unknown: Parameters

    @classmethod
    def of(cls, story: Story) -> Scores:
        """From everything that is known of a data set."""
        sums = moments(story.data, story.present, story.sums, story.scale.middle)
        marginal = Marginal.of(sums, story.present, story.priors, story.scale)
        return cls(marginal, parameters(story.present, story.priors, story.scale, story.fixed))

    @property
    def dims(self) -> int:
        """Unknown components."""
        return len(self.unknown.unknown)

    @property
    def work(self) -> float:
        """Rough number of multiplications that one look takes."""
        return self.marginal.work

    def log_density(self, x: Floats) -> Floats:
        """(D,) log posterior density at D points, up to a constant."""
        return self.marginal.log_density(self.unknown.components(x)) - 0.5 * (x**2).sum(axis=1)

    def with_slopes(self, x: Floats) -> tuple[Floats, Floats]:
        """(D,) and its slopes, (D, d)."""
        sd = self.unknown.components(x)
        value, along = self.marginal.with_slopes(sd)
        return value - 0.5 * (x**2).sum(axis=1), self.unknown.slopes(x, along) - x


def posterior(story: Story, draws: int, rng: np.random.Generator) -> Posterior:
    """Independent draws of components and effects, in random order.

    Parameters
    ----------
    story : Story
        The data set.
    draws : int
        How many.
    rng : numpy.random.Generator
        Draws.
    """
    target = Scores.of(story)
    with threadpool_limits(None if target.work > WORTH_THREADS else 1, "blas"):
        found = points(target, peak(target, _near(story, target)), rng, most=4 * draws)
        point, x = resampled(found, draws, rng)
        effects = _effects(target, found, point, rng)
    return Posterior(target.unknown.components(x), effects, point, found)


def fitted(
    ratings: Ratings,
    priors: Priors | None = None,
    fixed: Components | None = None,
    *,
    draws: int = 1_500,
    chains: int = 4,
    random_seed: int = 0,
) -> tuple[dict[str, xr.Dataset], dict[str, str | int]]:
    """Groups and attributes of a fit, as `expsim_bayes.fit.fit` gathers them.

    Parameters
    ----------
    ratings : Ratings
        Validated scores.
    priors : Priors, optional
        In widths of the score range.
    fixed : Components, optional
        Given components.
    draws, chains : int
        Draws come in as many equal parts as chains, to be read like a sampler's; all of them are independent.
    random_seed : int
        Seed of everything that is drawn.
    """
    told = _groups.story(ratings, priors, fixed)
    first, second = (np.random.default_rng(child) for child in np.random.SeedSequence(random_seed).spawn(2))
    found = posterior(told, chains * draws, first)
    groups = _groups.posterior_groups(found.effects, found.sd, told, chains, first)
    groups |= _groups.prior_groups(told, second) | _groups.data_groups(told)
    groups["sample_stats"] = xr.Dataset({"point": (("chain", "draw"), found.point.reshape(chains, draws))})
    quality = found.effects.level[:, [told.present.reference]] + found.effects.q
    points_told = {
        "points": len(found.points.x),
        "effective": found.points.effective,
        "k_hat": None if np.isnan(found.points.k_hat) else found.points.k_hat,
        "ess": dict(zip(told.data.variants, _worth(quality, found).tolist(), strict=True)),
    }
    return groups, told.attrs() | {"engine": "fast", "integration": json.dumps(points_told)}


def _worth(quality: Floats, found: Posterior) -> Floats:
    """(V,) how many independent draws the mean of each quality is worth: draws differ within points and between them."""
    draws = len(quality)
    used, at, counts = np.unique(found.point, return_inverse=True, return_counts=True)
    freedom = draws - used.size
    if not found.points.x.shape[1]:
        return np.full(quality.shape[1], float(draws))
    if freedom < draws / 4:
        return np.full(quality.shape[1], min(float(draws), found.points.effective))
    belongs = np.zeros((used.size, draws))
    belongs[at, np.arange(draws)] = 1.0
    off = quality - ((belongs @ quality) / counts[:, None])[at]
    total, within = quality.var(axis=0), (off**2).sum(axis=0) / freedom
    between = np.maximum(total - within, 0.0)
    return np.asarray(total / (between / found.points.effective + within / draws))


def _near(story: Story, target: Scores) -> Peak | None:
    """The peak of the ratings of some items, from which that of all is near; None where there are not many."""
    data = story.data
    if data.score.size <= 2 * ENOUGH:
        return None
    items = np.random.default_rng(0).permutation(len(data.items))
    kept = np.isin(data.item, items[: max(2, len(items) * ENOUGH // data.score.size)])
    some, present = data.only(kept), replace(story.present, taste=(False,) * len(data.evaluators))
    part = Scores.of(replace(story, data=some, present=present, sums=statistics(some, present)))
    found = peak(part)
    names = [(what.name, what.place) for what in target.unknown.unknown]
    at, root = np.zeros(len(names)), np.eye(len(names))
    rows_of = [names.index((what.name, what.place)) for what in part.unknown.unknown]
    at[rows_of], root[np.ix_(rows_of, rows_of)] = found
    return Peak(at, root)


def _effects(target: Scores, found: Points, point: NDArray[np.intp], rng: np.random.Generator) -> Effects:
    """Effects of every draw, given the components of its point."""
    used, counts = np.unique(point, return_counts=True)
    where, drawn = [], []
    order = np.argsort(point, kind="stable")
    starts = np.r_[0, np.cumsum(counts)[:-1]]
    step = target.marginal.at_once()
    for times in np.unique(counts):
        same = np.flatnonzero(counts == times)
        for n in range(0, same.size, step):
            some = same[n : n + step]
            sd = target.unknown.components(found.x[used[some]])
            drawn.append(target.marginal.draw(sd, int(times), rng))
            where.append(order[(starts[some][:, None] + np.arange(times)).ravel()])
    place = np.argsort(np.concatenate(where))
    return Effects(*(np.concatenate(values)[place] for values in zip(*drawn, strict=True)))
