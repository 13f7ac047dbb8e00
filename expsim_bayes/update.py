"""A fit of scores brought up to date with a batch of new ratings: its draws weighed anew, or, where that will not do, fitted again.

Draws of the old posterior count as often as they predicted the new ratings, items and outputs of the batch integrated out; the weights are
Pareto-smoothed, and what they are worth decides (Vehtari et al. 2024, doi:10.48550/arXiv.1507.02646). A draw that was taken twice for an
earlier batch is one draw of twice the weight, so that what many batches leave is not taken for more than it is.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import xarray as xr

from expsim_bayes.diagnostics import Verdict, good_k
from expsim_bayes.errors import SettingError
from expsim_bayes.fast.integration import smoothed, systematic, worth
from expsim_bayes.fast.marginal import Marginal
from expsim_bayes.fast.moments import moments
from expsim_bayes.fit import fit, gathered
from expsim_bayes.models import _groups
from expsim_bayes.models._priors import Priors
from expsim_bayes.models._recover import ComponentDraws, Effects
from expsim_bayes.models._statistics import statistics
from expsim_bayes.models._told import priors_of
from expsim_bayes.ratings import append

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from expsim_bayes.models._groups import Story
    from expsim_bayes.ratings import Ratings

    Floats = NDArray[np.float64]
    Ints = NDArray[np.intp]

FEWEST = 400
"""What weighted draws must be worth."""


class Weighed(NamedTuple):
    """Old draws under new ratings."""

    at: Ints
    """(distinct,) where each distinct draw stands first."""
    weight: Floats
    """(distinct,) summing to one, Pareto-smoothed."""
    k_hat: float
    """Shape of the largest."""

    @property
    def effective(self) -> float:
        """How many equally weighted draws would be worth the same."""
        return worth(self.weight)


def update(
    tree: xr.DataTree,
    ratings: Ratings,
    batch: Ratings,
    *,
    random_seed: int = 0,
    progress: Callable[[float, str], None] | None = None,
) -> tuple[xr.DataTree, Ratings]:
    """The fit of some ratings and of a batch that came after them.

    Parameters
    ----------
    tree : xr.DataTree
        Fit of `ratings`, of any model; only scores (`continuous`) can be weighed anew.
    ratings, batch : Ratings
        What was fitted, and what is new.
    random_seed : int
        Seed of what is drawn now.
    progress : callable, optional
        Called with the share done and a few words, where it is fitted again.

    Returns
    -------
    tree : xr.DataTree
        As `expsim_bayes.fit.fit` gives it; `attrs["update"]` says in JSON what was done (`how`: reweighted or refitted) and why, with k-hat
        and what the draws are worth where they were weighed.
    ratings : Ratings
        All of them.

    Raises
    ------
    SettingError
        The fit is not of these ratings.
    RatingsError
        The two tables cannot be one.
    """
    if tree.attrs.get("data_sha256") != ratings.sha256:
        raise SettingError(
            "the fit is of other ratings", where="tree", remedy="give the ratings that were fitted, unchanged"
        )
    both = append(ratings, batch)
    story, why = _told_anew(tree, ratings, batch, both)
    told: dict[str, Any] = {"rows": len(batch.table)}
    if story is not None:
        effects, sd = drawn(tree, story)
        weighed = weigh(effects, sd, story, batch)
        told |= {"k_hat": weighed.k_hat, "effective": weighed.effective}
        most = good_k(weighed.weight.size)
        if weighed.k_hat <= most and weighed.effective >= FEWEST:
            told |= {"how": "reweighted", "why": "the draws predict the batch well enough to be weighed by it"}
            return _resampled(tree, both, story, (effects, sd), weighed, told, random_seed), both
        why = (
            f"the batch moves the posterior too far for its draws (Pareto k-hat {weighed.k_hat:.2f}, at most {most:.2f}; worth "
            f"{weighed.effective:.0f} draws, at least {FEWEST})"
        )
    return _refitted(tree, both, told | {"how": "refitted", "why": why}, random_seed, progress), both


def _told_anew(tree: xr.DataTree, ratings: Ratings, batch: Ratings, both: Ratings) -> tuple[Story | None, str]:
    """All ratings as the story sees them, where draws can be weighed by the batch; else why they cannot."""
    if tree.attrs.get("model") != "continuous" or tree.attrs.get("components") == "given":
        return None, "only fits of scores whose standard deviations are estimated can be weighed anew"
    if ratings.score_range is None:
        return None, "without a declared score range the scale of the priors moves with every batch"
    if set(ratings.table["item"]) & set(batch.table["item"]):
        return None, "the batch rates items of the fit again, whose effects are known already"
    priors = Priors.model_validate_json(str(tree.attrs["priors"]))
    before, after = (_groups.story(table, priors) for table in (ratings, both))
    for name in ("variants", "raters", "evaluators"):
        if getattr(before.data, name) != getattr(after.data, name):
            return None, f"there are new {name}"
    if replace(before.present, sentences=()) != replace(after.present, sentences=()):
        return None, "with the batch, other terms of the story can be told apart"
    return after, ""


def drawn(tree: xr.DataTree, story: Story) -> tuple[Effects, ComponentDraws]:
    """Effects and components of every draw of a fit, zero where a term is absent."""
    posterior = tree["posterior"]
    count = posterior.sizes["chain"] * posterior.sizes["draw"]
    sizes = {
        "variant": len(story.data.variants),
        "evaluator": len(story.data.evaluators),
        "rater": len(story.data.raters),
    }

    def values(name: str) -> Floats:
        dims = _groups.DIMS[name]
        if name not in posterior:
            return np.zeros((count, *(sizes[dim] for dim in dims)))
        found: Floats = posterior[name].transpose("chain", "draw", *dims).to_numpy()
        return np.asarray(np.nan_to_num(found.reshape(count, *found.shape[2:])))

    effects = Effects(*(values(name) for name in Effects._fields))
    return effects, ComponentDraws(*(values(name) for name in ComponentDraws._fields))


def weigh(effects: Effects, sd: ComponentDraws, story: Story, batch: Ratings) -> Weighed:
    """Draws weighed by how well they predict a batch of new items.

    Parameters
    ----------
    effects, sd
        Draws of the old posterior.
    story : Story
        All ratings.
    batch : Ratings
        The new ones.
    """
    data = story.data
    names = set(batch.table["item"].astype(str))
    kept = np.array([name in names for name in data.items])[data.item]
    some = data.only(kept)
    sums = moments(some, story.present, statistics(some, story.present), story.scale.middle)
    predicted = Marginal.of(sums, story.present, story.priors, story.scale).log_density_given(effects, sd)
    # draws are alike only where one was taken more than once
    _, at, times = np.unique(sd.sd_noise, axis=0, return_index=True, return_counts=True)
    return Weighed(at, *smoothed(predicted[at] + np.log(times)))


def _resampled(  # noqa: PLR0917
    tree: xr.DataTree,
    both: Ratings,
    story: Story,
    draws: tuple[Effects, ComponentDraws],
    weighed: Weighed,
    told: dict[str, Any],
    random_seed: int,
) -> xr.DataTree:
    """The fit with its draws taken as often as they weigh, and items, outputs and predictions drawn anew for all ratings."""
    chains, each = tree["posterior"].sizes["chain"], tree["posterior"].sizes["draw"]
    count = chains * each
    first, second = (np.random.default_rng(child) for child in np.random.SeedSequence(random_seed).spawn(2))
    at = weighed.at[systematic(weighed.weight, count, first)]
    effects, sd = draws
    groups = _groups.posterior_groups(effects.rows(at), sd.rows(at), story, chains, first)
    groups |= _groups.prior_groups(story, second) | _groups.data_groups(story)
    groups["sample_stats"] = tree["sample_stats"].to_dataset()
    found = gathered(groups, both)
    verdict = Verdict.from_json(str(tree.attrs["verdict"]))
    quantities = tuple(
        row._replace(ess_bulk=min(row.ess_bulk, weighed.effective), ess_tail=min(row.ess_tail, weighed.effective))
        for row in verdict.quantities
    )
    verdict = replace(verdict, worst_ess=min(verdict.worst_ess, weighed.effective), quantities=quantities)
    found.attrs = {
        **tree.attrs,
        **story.attrs(),
        "data_source": both.source,
        "data_sha256": both.sha256,
        "random_seed": random_seed,
        "update": json.dumps(told),
        "verdict": verdict.to_json(),
    }
    return found


def _refitted(
    tree: xr.DataTree,
    both: Ratings,
    told: dict[str, Any],
    random_seed: int,
    progress: Callable[[float, str], None] | None,
) -> xr.DataTree:
    """All ratings fitted as the old ones were."""
    asked = json.loads(str(tree.attrs["settings"]))
    model = str(tree.attrs["model"])
    found = fit(
        both,
        model=model,
        engine=tree.attrs.get("engine", "nuts"),
        priors=priors_of(model).model_validate_json(str(tree.attrs["priors"])),
        random_seed=random_seed,
        progress=progress,
        **{name: asked[name] for name in ("draws", "tune", "chains", "min_effect", "ci_prob") if name in asked},
    )
    found.attrs["update"] = json.dumps(told)
    return found
