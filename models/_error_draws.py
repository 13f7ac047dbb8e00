"""Draws of an error-score model after sampling: effects that were integrated out, and what its predictions are compared by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from expsim_bayes.models._error_parts import grid
from expsim_bayes.models._error_steps import Errors, errors
from expsim_bayes.models._task import flat
from expsim_bayes.models._terms import NESTED

if TYPE_CHECKING:
    from expsim_bayes.ratings import Ratings

Floats = NDArray[np.float64]


def complete(draws: xr.Dataset, ratings: Ratings, priors: Any, rng: np.random.Generator) -> xr.Dataset:  # noqa: ARG001
    """Draws with the effects that were integrated out, each pair from its conditional given the rest of its draw."""
    seen = errors(ratings)
    if seen.lowest is None:
        return draws
    dim = seen.lowest
    name, sd = NESTED[dim]
    unit = seen.places.unit(dim)
    stacked = {str(key): flat(draws[key]) for key in draws.data_vars}
    raw = np.empty((len(stacked["q"]), 2, int(unit.max()) + 1))
    for n in range(len(raw)):
        told = {key: value[n] for key, value in stacked.items()}
        raw[n] = _draw_units(seen, told, told[sd], unit, rng)
    labels = {"part": ["error", "size"], dim: seen.places.coords(seen.present)[dim]}
    shape = (draws.sizes["chain"], draws.sizes["draw"], *raw.shape[1:])
    found = xr.DataArray(raw.reshape(shape), dims=("chain", "draw", "part", dim), coords=labels)
    correlation = draws["correlation"]
    first, second = found.sel(part="error", drop=True), found.sel(part="size", drop=True)
    tied = correlation * first + np.sqrt(1 - correlation**2) * second
    both = xr.concat([first, tied], dim="part").assign_coords(part=found["part"]).transpose(*found.dims)
    return draws.assign({f"{name}_raw": found, name: both * draws[sd]})


def _draw_units(
    seen: Errors, told: Mapping[str, Floats], sd: Floats, unit: NDArray[np.intp], rng: np.random.Generator
) -> Floats:
    """(part, unit) effects as multiples of their SDs, the second of its part that the first does not tell, drawn given everything else."""
    count, rho = int(unit.max()) + 1, float(told["correlation"])
    nodes = grid(int(np.bincount(unit).max()), finer=2.0)
    error, size = _likelihoods(seen, told, sd, unit, nodes)
    rest = 1 - rho**2
    weight = np.exp(-(nodes[:, None] ** 2 - 2 * rho * nodes[:, None] * nodes + nodes**2) / (2 * rest))
    first = _pick(error * (size @ weight.T), rng)
    second = _pick(weight[first] * size, rng)
    step = nodes[1] - nodes[0]
    x, y = (nodes[at] + step * (rng.random(count) - 0.5) for at in (first, second))
    return np.stack([x, (y - rho * x) / np.sqrt(rest)])


def _likelihoods(
    seen: Errors, told: Mapping[str, Floats], sd: Floats, unit: NDArray[np.intp], nodes: Floats
) -> tuple[Floats, Floats]:
    """(unit, node) likelihoods of each unit's ratings, as error or none and as sizes, the largest of a unit 1."""
    k = seen.data.evaluator
    latent = _latent(seen, told)[:, :, None] + (told["scale_use"][:, k] * sd[:, None])[:, :, None] * nodes
    error = -np.logaddexp(0.0, np.where((seen.step > 0)[:, None], -latent[0], latent[0]))
    edges = _edges(told, len(seen.data.evaluators))[k]
    rating = np.flatnonzero(seen.step > 0)
    lower = edges[rating, seen.step[rating] - 1][:, None]
    upper = edges[rating, seen.step[rating]][:, None]
    size = np.zeros_like(error)
    size[rating] = -np.logaddexp(0.0, latent[1][rating] - upper) - np.logaddexp(0.0, lower - latent[1][rating])
    count = int(unit.max()) + 1
    belongs = _sums(unit, count)
    return _scaled(belongs @ error), _scaled(belongs @ size)


def _sums(unit: NDArray[np.intp], count: int) -> Any:
    """(unit, rating) sparse matrix that adds ratings up by unit."""
    from scipy.sparse import csr_matrix

    return csr_matrix((np.ones(unit.size), (unit, np.arange(unit.size))), shape=(count, unit.size))


def _edges(told: Mapping[str, Floats], evaluators: int) -> Floats:
    """(evaluator, size + 1) cutpoints with the open ends of the scale."""
    inner = told["cutpoint"] if "cutpoint" in told else np.zeros((evaluators, 0))
    end = np.full((evaluators, 1), np.inf)
    return np.concatenate([-end, inner, end], axis=1)


def _scaled(log: Floats) -> Floats:
    return np.asarray(np.exp(log - log.max(axis=1, keepdims=True)))


def _pick(weight: Floats, rng: np.random.Generator) -> NDArray[np.intp]:
    """(unit,) node drawn by the weights (unit, node) of each unit."""
    below = np.cumsum(weight, axis=1)
    found = (below < rng.random(len(below))[:, None] * below[:, -1:]).sum(axis=1)
    return np.asarray(np.minimum(found, weight.shape[1] - 1))


def _latent(seen: Errors, told: Mapping[str, Floats]) -> Floats:
    """(part, rating) latent values under one draw, without the effects that were integrated out."""
    data, k = seen.data, seen.data.evaluator
    worth = (told["q"] - told["q"].mean(axis=1, keepdims=True))[:, data.variant]
    for dim, (name, _) in NESTED.items():
        if name in told:
            absorbed = told[name].mean(axis=1, keepdims=True) if dim == "item" else 0.0
            worth = worth + (told[name] - absorbed)[:, seen.places.unit(dim)]
    latent = told["scale_use"][:, k] * worth
    latent[0] += told["error_level"][k]
    if "severity_logit" in told:
        of = data.rater_evaluator
        pool = np.stack([np.bincount(of, severity) / np.bincount(of) for severity in told["severity_logit"]])
        latent += (told["severity_logit"] - pool[:, of])[:, data.rater]
    if "shift_logit" in told:
        latent += (told["shift_logit"] - told["shift_logit"].mean(axis=2, keepdims=True))[:, k, data.variant]
    if "taste_logit" in told:
        latent += told["taste_logit"][:, data.rater, data.variant]
    if "opinion" in told:
        latent += told["opinion"][:, seen.places.pair]
    return np.asarray(latent)


def features(values: NDArray[Any], constant: xr.Dataset) -> dict[str, Floats]:
    """(draw,) numbers that decisions hang on, from (draw, rating) steps."""
    points = constant["step_points"].to_numpy()
    score = points[np.asarray(values, dtype=np.intp)]
    zero = np.asarray(score == 0, dtype=float)
    found = {
        "share of scores equal to 0": zero.mean(axis=1),
        "mean score": score.mean(axis=1),
        "99th percentile of scores": np.quantile(score, 0.99, axis=1),
        "largest score": score.max(axis=1),
    }
    rater = _averages(constant["rater_of"].to_numpy())
    if rater.shape[1] > 1:
        found["spread between raters' mean scores (SD)"] = (score @ rater).std(axis=1)
        found["spread between raters' shares of scores equal to 0 (SD)"] = (zero @ rater).std(axis=1)
    variant = _averages(constant["variant_of"].to_numpy())
    if variant.shape[1] > 1:
        found["spread between variants' mean scores (SD)"] = (score @ variant).std(axis=1)
    return found


def _averages(group: NDArray[np.intp]) -> Floats:
    """(rating, group) weights that average ratings by group."""
    belongs = np.eye(int(group.max()) + 1)[group][:, np.unique(group)]
    return np.asarray(belongs / belongs.sum(axis=0))
