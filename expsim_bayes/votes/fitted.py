"""Comparisons, stars and rankings of one data set fitted without a sampler: the same groups as a sampler's draws give."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from expsim_bayes.models import _draws, recipe, task
from expsim_bayes.models._completed import completed, labelled
from expsim_bayes.votes.of_duels import Compared
from expsim_bayes.votes.of_rankings import Ordered
from expsim_bayes.votes.of_stars import Starred
from expsim_bayes.votes.sets import TRIES, own_drawn
from expsim_bayes.votes.single import drawn

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.frozen import Frozen
    from expsim_bayes.ratings import Ratings
    from expsim_bayes.votes.single import Drawn

STORIES: dict[str, Any] = {"preference": Compared, "ordinal": Starred, "ranking": Ordered}
"""Kinds of votes, by their model."""
TOGETHER = 500
"""Draws whose own effects are drawn at once."""
CANDIDATES, LOOKS = 4_000, 512
"""Places that draws are chosen from, and points over the components."""
MANY = 3_000
"""Rows of votes from which half as many of these places must do: weighing them is dear."""


def fitted(
    ratings: Ratings,
    model: str,
    priors: Frozen | None = None,
    fixed: Any = None,
    *,
    draws: int = 1_500,
    chains: int = 4,
    random_seed: int = 0,
) -> tuple[dict[str, xr.Dataset], dict[str, str | int]]:
    """Groups and attributes of a fit, as `expsim_bayes.fit.fit` gathers them.

    Parameters
    ----------
    ratings : Ratings
        Validated ratings.
    model : str
        A name of `STORIES`.
    priors : Priors, optional
        Of that model.
    fixed : Components, optional
        None of these models takes given components, which is told by an error.
    draws, chains : int
        Draws come in as many equal parts as chains, to be read like a sampler's; some candidates are drawn several times.
    random_seed : int
        Seed of everything that is drawn.
    """
    told = recipe(model)
    if fixed is not None:
        task(model, ratings, priors, fixed=fixed)
    believed = priors if priors is not None else told.priors()
    story = STORIES[model].of(ratings, believed)
    first, second = np.random.SeedSequence(random_seed).spawn(2)
    rng = np.random.default_rng(first)
    fewer = 1 if story.votes.vote.size < MANY else 2
    found = drawn(story, chains * draws, rng, candidates=CANDIDATES // fewer, looks=LOOKS)
    kept = np.arange(chains * draws) % draws % _draws.kept_every(story.observed, chains * draws) == 0
    own, mean = _own(story, found, kept, int(rng.integers(2**31)))
    given = {name: values[kept] for name, values in found.given.items()}

    def complete(some: xr.Dataset, *_: Any) -> xr.Dataset:
        """Kept draws with their own effects."""
        nested = story.nested(own, given)
        dims = {name: dim for name, (dim, _) in nested.items() if dim is not None}
        values = labelled(job.model, {name: each for name, (_, each) in nested.items()}, chains, dims)
        return some.assign({name: values[name].assign_coords(draw=some["draw"]) for name in values.data_vars})

    job = _draws.task(replace(told, complete=complete), ratings, believed)
    free = story.named(found.given, found.x, mean)
    groups = job.groups(completed(job.model, free, chains, without=story.apart), second)
    groups["sample_stats"] = xr.Dataset({"point": (("chain", "draw"), found.at.reshape(chains, draws))})
    quality = groups["posterior"]["quality"].to_numpy().reshape(chains * draws, -1)
    points_told = {
        "points": len(found.points.x),
        "effective": found.points.effective,
        "k_hat": None if np.isnan(found.k_hat) else found.k_hat,
        "ess": dict(zip(_variants(groups), found.worth(quality).tolist(), strict=True)),
    }
    return groups, {**job.attrs, "engine": "fast", "integration": json.dumps(points_told)}


def _own(
    story: Any, found: Drawn, kept: NDArray[np.bool_], seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """Own effects of the draws that are kept, and what the mean of the items' is in every draw, where anything hangs on it."""

    def some(which: NDArray[np.intp], tries: int) -> NDArray[np.float64]:
        given = {name: values[which] for name, values in found.given.items()}
        return own_drawn(story.votes, story.tables(given), found.x[which], found.own[which], seed=seed, tries=tries)

    own = some(np.flatnonzero(kept), TRIES)
    if not story.absorbs:
        return own, None
    mean = np.empty(kept.size)
    mean[kept] = story.item_mean(own, {name: values[kept] for name, values in found.given.items()})
    rest = np.flatnonzero(~kept)
    for first in range(0, rest.size, TOGETHER):
        part = rest[first : first + TOGETHER]
        mean[part] = story.item_mean(some(part, 1), {name: values[part] for name, values in found.given.items()})
    return own, mean


def _variants(groups: dict[str, xr.Dataset]) -> list[str]:
    """Names of the variants, as the fit has them."""
    return [str(name) for name in groups["posterior"]["variant"].to_numpy()]
