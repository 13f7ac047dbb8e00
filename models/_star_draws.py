"""Effects of items, cells and outputs that the sampler did not see, drawn from what the rest of each draw says of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from expsim_bayes.models._stars import Stars, stars
from expsim_bayes.models._task import flat
from expsim_bayes.models._terms import NESTED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.models.ordinal import Priors
    from expsim_bayes.ratings import Ratings


def complete(draws: xr.Dataset, ratings: Ratings, priors: Priors, rng: np.random.Generator) -> xr.Dataset:  # noqa: ARG001
    """Draws with the effects that were integrated out, each from its conditional given the rest of its draw."""
    seen = stars(ratings)
    if seen.lowest is None:
        return draws
    dim = seen.lowest
    name, sd = NESTED[dim]
    unit = getattr(seen, dim)
    stacked = {key: flat(draws[key]) for key in draws.data_vars}
    raw = np.empty((len(stacked["q"]), int(unit.max()) + 1))
    for n in range(len(raw)):
        told = {str(key): value[n] for key, value in stacked.items()}
        raw[n] = _draw_units(seen, told, told[sd], unit, rng)
    shape = (draws.sizes["chain"], draws.sizes["draw"], raw.shape[1])
    labels = {dim: seen.places.coords(seen.present)[dim]}
    found = xr.DataArray(raw.reshape(shape), dims=("chain", "draw", dim), coords=labels)
    effect = found * draws[sd]
    return draws.assign({f"{name}_raw": effect if seen.shown else found, name: effect})


GRID = np.linspace(-6.0, 6.0, 81)
"""Multiples of its SD among which an effect is drawn from its conditional; between them it is spread evenly."""


def _draw_units(
    seen: Stars,
    told: dict[str, NDArray[np.float64]],
    sd: NDArray[np.float64],
    unit: NDArray[np.intp],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """(unit,) multiples of the SD, drawn given everything else."""
    latent = _latent(seen, told)
    edge = (told["cutpoint"][seen.evaluator] - latent[:, None])[:, :, None]
    edge = edge - (told["scale_use"][seen.evaluator] * sd)[:, None, None] * GRID
    lower, upper = seen.count[:, :-1, None], seen.count[:, 1:, None]
    each = (-(lower + upper) * np.logaddexp(0.0, -edge) - upper * edge).sum(axis=1)
    log = np.tile(-0.5 * GRID**2, (int(unit.max()) + 1, 1))
    np.add.at(log, unit, each)
    prob = np.exp(log - log.max(axis=1, keepdims=True))
    below = np.cumsum(prob, axis=1)
    at = (below < rng.random(len(below))[:, None] * below[:, -1:]).sum(axis=1)
    width = GRID[1] - GRID[0]
    return np.asarray(GRID[at] + width * (rng.random(len(at)) - 0.5))


def _latent(seen: Stars, told: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    """(group,) latent values under one draw, without the effects that were integrated out."""
    q, k = told["q"], seen.evaluator
    worth = (q - q.mean())[seen.variant]
    for dim, (name, _) in NESTED.items():
        if name in told:
            worth = worth + (told[name] - (told[name].mean() if dim == "item" else 0.0))[getattr(seen, dim)]
    latent = told["scale_use"][k] * worth
    if "severity_logit" in told:
        of = seen.data.rater_evaluator
        pool = np.bincount(of, told["severity_logit"]) / np.bincount(of)
        latent = latent + (told["severity_logit"] - pool[of])[seen.rater]
    if "shift_logit" in told:
        latent = latent + (told["shift_logit"] - told["shift_logit"].mean(axis=1, keepdims=True))[k, seen.variant]
    if "taste_logit" in told:
        latent = latent + told["taste_logit"][seen.rater, seen.variant]
    return np.asarray(latent)
