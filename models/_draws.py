"""A recipe and some ratings turned into the groups of a fit, by way of PyMC: what is sampled, completed, predicted and compared.

Predictions and log-likelihoods come from the explicit model itself, so that no model has to be written down twice.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import xarray as xr
from pytensor.tensor.type_other import NoneTypeT

from expsim_bayes.models._completed import labelled
from expsim_bayes.models._many import many
from expsim_bayes.models._prior_density import log_densities, log_priors
from expsim_bayes.models._recipe import Recipe
from expsim_bayes.models._task import Groups, Task, flat

if TYPE_CHECKING:
    from expsim_bayes.frozen import Frozen
    from expsim_bayes.ratings import Ratings

MOST_VALUES = 5_000_000
"""Most numbers in one array of predictions or of log-likelihoods: where all draws would make more, only every n-th has them."""
PRIOR_DRAWS = 1_000
"""Draws from the prior."""
PRIOR_PREDICTIONS = 200
"""Draws of ratings before any rating is seen."""
ROUNDING = 1e-10
"""Relative change over the draws that is no more than rounding."""
PLAIN = {"mode": "FAST_COMPILE"}
"""The plain linker starts at once, where a fast one would compile for longer than some hundred draws take."""


def task(recipe: Recipe, ratings: Ratings, priors: Frozen | None = None) -> Task:
    """What there is to do for a recipe and some ratings.

    Raises
    ------
    RatingsError
        The recipe does not fit these ratings.
    """
    believed = priors if priors is not None else recipe.priors()
    explicit = recipe.build(ratings, believed)
    model = recipe.sampled(ratings, believed) if recipe.sampled else explicit

    def groups(sampled: xr.Dataset, seed: np.random.SeedSequence) -> Groups:
        return _groups(recipe, ratings, believed, explicit, sampled, seed)

    attrs = {
        "model": recipe.name,
        "priors": believed.model_dump_json(),
        "terms": json.dumps(recipe.sentences(ratings, believed)),
        "unit": recipe.unit if isinstance(recipe.unit, str) else recipe.unit(ratings, believed),
        "effects_unit": recipe.effects_unit,
        "higher_is_better": json.dumps(
            ratings.higher_is_better if recipe.higher_is_better is None else recipe.higher_is_better
        ),
    }
    return Task(model, None, groups, attrs)


def _groups(  # noqa: PLR0917
    recipe: Recipe,
    ratings: Ratings,
    priors: Frozen,
    explicit: pm.Model,
    sampled: xr.Dataset,
    seed: np.random.SeedSequence,
) -> Groups:
    children = seed.spawn(3)
    _forget_starts(explicit)
    nested = [name for name in recipe.nested if name in sampled]
    groups = {"posterior": sampled.drop_vars(nested)}
    groups["log_prior"] = log_priors(explicit, sampled, without=recipe.nested, also=recipe.chosen)
    kept = recipe.complete(_thinned(sampled, explicit, recipe), ratings, priors, np.random.default_rng(children[0]))
    if effects := [name for name in recipe.nested if name in kept]:
        groups["effects"] = kept[effects]
    groups |= _predicted(recipe, explicit, kept, _integer(children[1]))
    groups |= _prior(recipe, explicit, _integer(children[2]))
    groups |= _data(recipe, explicit)
    free = {rv.name for rv in explicit.free_RVs}
    moved = {str(name): _moves(values) for name, values in groups["posterior"].items() if name not in free}
    groups["constant_data"] = groups["constant_data"].assign(
        {f"{name}_estimated": mask for name, mask in moved.items()}
    )
    return groups


@contextmanager
def _quiet() -> Iterator[None]:
    """Nothing said by PyMC about what it samples."""
    logger = logging.getLogger("pymc.sampling.forward")
    before = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(before)


def kept_every(values: int, draws: int) -> int:
    """Every how many draws of a chain one is kept for predictions of so many values.

    Examples
    --------
    >>> kept_every(100, 6_000), kept_every(10_000, 6_000)
    (1, 12)
    """
    return max(1, -(-draws * values // MOST_VALUES))


def _thinned(draws: xr.Dataset, explicit: pm.Model, recipe: Recipe) -> xr.Dataset:
    """The draws for which predictions are kept: all, or so few of each chain that no array is too large."""
    values = max(explicit[data].get_value().size for data in recipe.observed.values())
    step = kept_every(values, draws.sizes["chain"] * draws.sizes["draw"])
    return draws.isel(draw=slice(None, None, step)).assign_attrs(kept_every=step)


def _predicted(recipe: Recipe, explicit: pm.Model, kept: xr.Dataset, seed: int) -> Groups:
    """Replicated observations and log-likelihoods under the explicit model."""
    names = list(recipe.observed)
    drawn = many([_of_any_size(explicit[name]) for name in names], explicit.free_RVs, random_seed=seed)
    told = dict(zip(names, drawn({rv.name: flat(kept[rv.name]) for rv in explicit.free_RVs}), strict=True))
    groups = {
        "posterior_predictive": labelled(explicit, told, kept.sizes["chain"]),
        "log_likelihood": log_densities(explicit, kept, names),
    }
    return {name: group.assign_coords(draw=kept["draw"]).assign_attrs(kept.attrs) for name, group in groups.items()}


def _of_any_size(rv: Any) -> Any:
    """The same variable, shaped by its parameters, so that it can be drawn for many values of any of them at once."""
    op, (rng, *_) = rv.owner.op, rv.owner.inputs
    size, (first, *others) = op.size_param(rv.owner), op.dist_params(rv.owner)
    if isinstance(size.type, NoneTypeT):
        return rv
    core = first.shape[first.ndim - op.ndims_params[0] :]
    return op.make_node(rng, None, pt.broadcast_to(first, pt.concatenate([size, core])), *others).outputs[1]


def _forget_starts(model: pm.Model) -> None:
    """Leave starting values away: they have done their work, and PyMC predicts from no model that has some."""
    for rv in model.rvs_to_initial_values:
        model.rvs_to_initial_values[rv] = None


def _prior(recipe: Recipe, explicit: pm.Model, seed: int) -> Groups:
    """Draws before any rating is seen: of everything that has not one value an item, an output or a rating, and of ratings."""
    named = [rv.name for rv in (*explicit.free_RVs, *explicit.deterministics) if rv.name not in recipe.nested]
    draws = {"prior": (PRIOR_DRAWS, named), "prior_predictive": (PRIOR_PREDICTIONS, list(recipe.observed))}
    groups = {}
    with explicit, _quiet():
        for group, (count, names) in draws.items():
            tree = pm.sample_prior_predictive(count, var_names=names, random_seed=seed, compile_kwargs=PLAIN)
            groups[group] = tree[group].to_dataset().assign_attrs({})
    return groups


def _data(recipe: Recipe, explicit: pm.Model) -> Groups:
    """Observed values under the names of their variables, and all other data of the model."""
    held = {name: explicit[name] for name in explicit.named_vars if hasattr(explicit[name], "get_value")}
    dims = {name: explicit.named_vars_to_dims.get(name, ()) for name in held}
    values = {name: (dims[name], np.asarray(data.get_value())) for name, data in held.items()}
    coords = {dim: list(labels) for dim, labels in explicit.coords.items() if labels is not None}
    observed = {name: values[data] for name, data in recipe.observed.items()}
    constant = {name: value for name, value in values.items() if name not in recipe.observed.values()}
    return {"observed_data": _labelled(observed, coords), "constant_data": _labelled(constant, coords)}


def _labelled(values: Mapping[str, tuple[Any, Any]], coords: Mapping[str, list[Any]]) -> xr.Dataset:
    used = {dim for dims, _ in values.values() for dim in dims}
    return xr.Dataset(values, coords={dim: labels for dim, labels in coords.items() if dim in used})


def _moves(values: xr.DataArray) -> xr.DataArray:
    """1 where a derived quantity varies over the draws; where it does not, it is constant by construction."""
    spread = values.max(("chain", "draw")) - values.min(("chain", "draw"))
    mask: xr.DataArray = (~(spread <= ROUNDING * abs(values).max(("chain", "draw")))).astype(np.int8)
    return mask


def _integer(seed: np.random.SeedSequence) -> int:
    return int(seed.generate_state(1, np.uint32)[0])
