"""Who of a pool disagrees with the others: squared distances of ratings from what the fit expects of just those ratings.

What is expected has everything in it that the model knows of a rater, severity and all. Ratings that the fit makes up, taken alike, show
how large such distances get by chance. In Rasch models a number like this is called infit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Codes = NDArray[np.intp]

NOTHING = 1e-9
"""Distances that are none: of raters who are not told apart from the first of their pool, under whom their ratings stand."""


class Misfit(NamedTuple):
    """How far a rater is from what the fit expects, beside the others of the pool; 1 is as far as they."""

    times: float
    """Squared distances as a multiple of the others'."""
    low: float
    """Central interval of that number in ratings made up by the fit."""
    high: float


class Apart(NamedTuple):
    """Who of a pool is farthest from what the fit expects."""

    evaluator: str
    rater: str
    times: float
    raters: int
    """Raters of the pool who were compared."""
    by_chance: float
    """Share of made-up sets of ratings in which the farthest of them is as far."""


class _Seen(NamedTuple):
    """Ratings as sums: G groups with F numbers a rating."""

    total: Floats
    """(draw, G, F) sums of the numbers."""
    square: Floats
    """(draw, G) sums of their squares."""


def misfits(
    tree: xr.DataTree, pools: Mapping[str, Codes], names: list[str], *, comparable: NDArray[np.bool_], tail: float
) -> tuple[dict[int, Misfit], tuple[Apart, ...]]:
    """Misfit of each rater of a pool, and who is farthest in each pool.

    Parameters
    ----------
    tree : xarray.DataTree
        A fit.
    pools : mapping
        Evaluator -> its raters, as positions in `names`.
    names : list of str
        All raters, in the order of their codes in the fit.
    comparable : (rater,) array of bool
        Who is a person, or a judge, who rated; not slots.
    tail : float
        Probability beyond each end of an interval.
    """
    constant = tree["constant_data"].to_dataset()
    if "rater_of" not in constant:
        return {}, ()
    observed, predicted = distances(tree, constant["rater_of"].to_numpy().astype(np.intp), len(names))
    told_apart = observed + predicted.sum(axis=0) > NOTHING
    found: dict[int, Misfit] = {}
    apart = []
    for name, pool in pools.items():
        rated = pool[comparable[pool]]
        if len(rated) < 2 or not told_apart[rated].all():
            continue
        expected = predicted[:, rated].mean(axis=0)
        own = beside_others(observed[None, rated], expected)[0]
        chance = beside_others(predicted[:, rated], expected)
        low, high = np.quantile(chance, (tail, 1 - tail), axis=0)
        found |= {int(j): Misfit(float(own[n]), float(low[n]), float(high[n])) for n, j in enumerate(rated)}
        reached = int((chance.max(axis=1) >= own.max()).sum())
        far = int(own.argmax())
        apart.append(Apart(name, names[rated[far]], float(own[far]), len(rated), (reached + 1) / (len(chance) + 1)))
    return found, tuple(apart)


def beside_others(distance: Floats, expected: Floats) -> Floats:
    """(draw, rater) distances over those expected, as a multiple of the same ratio of the other raters together.

    Examples
    --------
    >>> beside_others(np.array([[2.0, 1.0, 1.0]]), np.array([1.0, 1.0, 1.0])).round(2).tolist()
    [[2.0, 0.67, 0.67]]
    """
    others = (distance.sum(axis=1, keepdims=True) - distance) / (expected.sum() - expected)
    tiny = np.finfo(float).tiny
    return np.asarray((distance / expected) / np.maximum(others, tiny))


def distances(tree: xr.DataTree, rater: Codes, raters_: int) -> tuple[Floats, Floats]:
    """(rater,) observed and (draw, rater) predicted sums of squared distances of ratings from their predictive means."""
    name = next(iter(tree["posterior_predictive"].data_vars))
    observed = tree["observed_data"].to_dataset()[name]
    predicted = tree["posterior_predictive"].to_dataset()[name].transpose("chain", "draw", *observed.dims).to_numpy()
    constant = tree["constant_data"].to_dataset()
    dim = str(observed.dims[-1])
    own = _sums(observed.to_numpy()[None], dim, constant)
    made = _sums(predicted.reshape(-1, *predicted.shape[2:]), dim, constant)
    size = _sizes(observed.to_numpy(), dim, constant)
    mean = made.total.mean(axis=0) / np.maximum(size, 1)[:, None]

    def by_rater(seen: _Seen) -> Floats:
        each = seen.square - 2 * (seen.total * mean).sum(axis=2) + size * (mean**2).sum(axis=1)
        return np.stack([np.bincount(rater, row, raters_) for row in np.maximum(each, 0)])

    return by_rater(own)[0], by_rater(made)


def _sizes(values: NDArray[np.generic], dim: str, constant: xr.Dataset) -> Floats:
    """(G,) ratings of each group."""
    if "asked_of" in constant:
        return constant["asked_of"].to_numpy().astype(np.float64)
    counted = values.ndim == 2 and dim != "place"
    return np.asarray(values.sum(axis=1) if counted else np.ones(len(values)), dtype=np.float64)


def _sums(values: NDArray[np.generic], dim: str, constant: xr.Dataset) -> _Seen:
    """Sums over the ratings of each group, from (draw, G) values or (draw, G, category) counts.

    A score is itself, a step its points, a verdict 0 or 1, a comparison 1, .5 or 0, a label 1 in its class, a ranking the place of each
    variant.
    """
    counts = np.asarray(values, dtype=np.float64)
    if dim == "place":
        placed = _places(np.asarray(values, dtype=np.intp), constant.sizes["variant"])
        return _Seen(placed, (placed**2).sum(axis=2))
    if dim == "order":
        options = _places(constant["order_of"].to_numpy().astype(np.intp), constant.sizes["variant"])
        return _Seen(
            np.einsum("dgo,gov->dgv", counts, options), np.einsum("dgo,go->dg", counts, (options**2).sum(axis=2))
        )
    if counts.ndim == 3:
        number = {
            "step": lambda: constant["step_points"].to_numpy()[:, None],
            "side": lambda: np.array([[1.0], [0.5], [0.0]]),
        }.get(dim, lambda: np.eye(counts.shape[2]))()
        return _Seen(counts @ number, counts @ (number**2).sum(axis=1))
    if "step_points" in constant:
        counts = constant["step_points"].to_numpy()[counts.astype(np.intp)]
    return _Seen(counts[:, :, None], counts if "asked_of" in constant else counts**2)


def _places(order: Codes, variants: int) -> Floats:
    """(..., variant) place of each variant in orders (..., place) of codes, -1 after the last; 0 for those not ranked."""
    found = np.zeros((*order.shape[:-1], variants + 1))
    places = np.broadcast_to(np.arange(1.0, order.shape[-1] + 1), order.shape)
    np.put_along_axis(found, np.where(order < 0, variants, order), places, axis=-1)
    return found[..., :variants]
