"""Comparisons, stars, rankings and verdicts of one data set fitted without a sampler: the same groups as a sampler's draws give."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from expsim_bayes.diagnostics import good_k
from expsim_bayes.fast.integration import smoothed, systematic
from expsim_bayes.models import _draws, recipe, task
from expsim_bayes.models._completed import completed, labelled
from expsim_bayes.votes.of_duels import Compared
from expsim_bayes.votes.of_rankings import Ordered
from expsim_bayes.votes.of_stars import Starred
from expsim_bayes.votes.of_verdicts import Ruled
from expsim_bayes.votes.sets import TRIES, own_drawn
from expsim_bayes.votes.single import drawn

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.frozen import Frozen
    from expsim_bayes.ratings import Ratings
    from expsim_bayes.votes.single import Drawn

STORIES: dict[str, Any] = {"preference": Compared, "ordinal": Starred, "ranking": Ordered, "binary": Ruled}
"""Kinds of votes, by their model."""
TOGETHER = 500
"""Draws whose own effects are drawn at once."""
CANDIDATES, LOOKS = 4_000, 512
"""Places that draws are chosen from, and points over the components."""
MANY = 3_000
"""Rows of votes from which twice as many of these places are looked at: the more is told, the more effects there are to be off."""


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
    more = 1 if story.votes.vote.size < MANY else 2
    found = drawn(story, chains * draws, rng, candidates=more * CANDIDATES, looks=LOOKS)
    kept = np.arange(chains * draws) % draws % _draws.kept_every(story.observed, chains * draws) == 0
    found, own, free = with_own(story, found, kept, rng)
    given = {name: values[kept] for name, values in found.given.items()}

    def complete(some: xr.Dataset, *_: Any) -> xr.Dataset:
        """Kept draws with their own effects."""
        nested = story.nested(own, given)
        dims = {name: dim for name, (dim, _) in nested.items() if dim is not None}
        values = labelled(job.model, {name: each for name, (_, each) in nested.items()}, chains, dims)
        return some.assign({name: values[name].assign_coords(draw=some["draw"]) for name in values.data_vars})

    whole = replace(told, complete=complete) if story.apart else told
    job = _draws.task(whole, ratings, believed)
    groups = job.groups(completed(job.model, free, chains, without=story.apart), second)
    groups["sample_stats"] = xr.Dataset({"point": (("chain", "draw"), found.at.reshape(chains, draws))})
    quality = groups["posterior"]["quality"].to_numpy().reshape(chains * draws, -1)
    unknown = groups["constant_data"]["quality_estimated"].to_numpy().astype(bool)
    names = groups["posterior"]["variant"].to_numpy()[unknown]
    k_hat, weighed = shape(found, more * CANDIDATES)
    points_told = {
        "points": len(found.points.x),
        "effective": found.points.effective,
        "k_hat": None if np.isnan(k_hat) else k_hat,
        "weighed": weighed,
        "ess": dict(zip(map(str, names), found.worth(quality[:, unknown]).tolist(), strict=True)),
    }
    return groups, {**job.attrs, "engine": "fast", "integration": json.dumps(points_told)}


def shape(found: Drawn, candidates: int) -> tuple[float, int]:
    """Shape of the largest weights and how many these are: of points over the components or of candidates, whichever are trusted less.

    Parameters
    ----------
    found : Drawn
        Draws, of whose two shapes the larger is told.
    candidates : int
        Places that draws were chosen from.
    """
    told = [(found.points.k_hat, len(found.points.x)), (found.k_hat, candidates)]
    return max(told, key=lambda each: -np.inf if np.isnan(each[0]) else each[0] - good_k(each[1]))


def with_own(
    story: Any, found: Drawn, kept: NDArray[np.bool_], rng: np.random.Generator
) -> tuple[Drawn, NDArray[np.float64], dict[str, NDArray[np.float64]]]:
    """Draws, own effects of those that are kept, and values of the model's other free variables.

    Where cuts absorb the mean of the items' effects, draws are chosen anew by what the model believes of these cuts.

    Parameters
    ----------
    story : Story
        The data set.
    found : Drawn
        D draws of components and effects.
    kept : (D,) array of bool
        Draws whose own effects are wanted.
    rng : numpy.random.Generator
        Draws.
    """
    seed = int(rng.integers(2**31))

    def some(which: NDArray[np.intp]) -> NDArray[np.float64]:
        given = {name: values[which] for name, values in found.given.items()}
        return own_drawn(story.votes, story.tables(given), found.x[which], found.own[which], seed=seed, tries=TRIES)

    if not story.absorbs:
        return found, some(np.flatnonzero(kept)), story.named(found.given, found.x)
    parts = [np.arange(n, min(n + TOGETHER, kept.size)) for n in range(0, kept.size, TOGETHER)]
    own = np.concatenate([some(part).astype(np.float32) for part in parts])
    absorbed = story.item_mean(own, found.given)
    weight, k_hat = smoothed(story.preferred(found.given, found.x, absorbed))
    chosen = systematic(weight, kept.size, rng)
    found, absorbed = found.of(chosen, np.nanmax([found.k_hat, k_hat])), absorbed[chosen]
    mean = story.believed_mean(found.given, rng)
    given = {name: values[kept] for name, values in found.given.items()}
    own = story.moved(own[chosen[kept]].astype(np.float64), given, (mean - absorbed)[kept])
    return found, own, story.named(found.given, found.x, absorbed, mean)
