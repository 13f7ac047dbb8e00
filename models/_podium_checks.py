"""What predictive checks of rankings compare: first places, agreement of raters, agreement of judges with people."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


class _Orders(NamedTuple):
    """Orders of D data sets, each as often as its weight; L orders a data set. Axes of size 1 stand for all data sets."""

    order: NDArray[np.intp]
    """(D or 1, L, place), -1 after the last."""
    weight: Floats
    """(D or 1, L)"""
    row: NDArray[np.intp]
    """(L,) row of the design."""


class _Tally(NamedTuple):
    """What rankings of a pool say of one pair of variants, by item."""

    sign: Floats
    """(D, item) rankings that put the first before the second, less those that do not."""
    number: Floats
    """(D or 1, item) rankings that hold both."""


def features(values: NDArray[Any], constant: xr.Dataset) -> dict[str, NDArray[np.float64]]:
    """(draw,) numbers that decisions hang on, from (draw, ranking, place) orders or (draw, ranking, order) counts."""
    found = _orders(np.asarray(values), constant)
    variants = [str(name) for name in constant["variant"].to_numpy()]
    first = np.stack([_share(found, found.order[:, :, 0] == v) for v in range(len(variants))], axis=1)
    numbers = {f"share of first places of {name}": first[:, v] for v, name in enumerate(variants)}
    numbers["spread of the shares of first places (SD)"] = first.std(axis=1)
    numbers["share of rankings in the commonest order"] = _modal_share(found)
    return numbers | _agreement(found, constant)


def _orders(values: NDArray[Any], constant: xr.Dataset) -> _Orders:
    if "order_of" in constant:
        options = constant["order_of"].to_numpy()
        row = np.repeat(np.arange(options.shape[0]), options.shape[1])
        return _Orders(options.reshape(1, -1, options.shape[2]), values.reshape(len(values), -1).astype(float), row)
    return _Orders(values.astype(np.intp), np.ones((1, values.shape[1])), np.arange(values.shape[1]))


def _share(found: _Orders, which: NDArray[np.bool_]) -> Floats:
    return np.asarray((which * found.weight).sum(axis=1) / found.weight.sum(axis=1))


def _modal_share(found: _Orders) -> Floats:
    """(D,) share of the commonest order among all rankings."""
    base = float(found.order.max()) + 2.0
    key = ((found.order + 1.0) * base ** np.arange(found.order.shape[2])).sum(axis=2)
    pairs = zip(*np.broadcast_arrays(key, found.weight), strict=True)
    most = [np.bincount(np.unique(keys, return_inverse=True)[1], weight).max() for keys, weight in pairs]
    return np.array(most) / found.weight.sum(axis=1)


def _agreement(found: _Orders, constant: xr.Dataset) -> dict[str, Floats]:
    """Mean agreement (Kendall's tau) of two rankings of one item, both by the reference or one by another evaluator."""
    evaluator, item = constant["evaluator_of"].to_numpy(), constant["item_of"].to_numpy()
    names = [str(name) for name in constant["evaluator"].to_numpy()]
    reference = int(constant["is_reference"].to_numpy().argmax())
    position = _positions(found.order, constant.sizes["variant"])
    total = {k: np.zeros((2, 1)) for k in range(len(names))}
    for a, b in combinations(range(constant.sizes["variant"]), 2):
        tallies = {k: _tally(found, position, (a, b), evaluator == k, item) for k in range(len(names))}
        own = tallies[reference]
        for k, other in tallies.items():
            alike, pairs = own.sign * other.sign, own.number * other.number
            if k == reference:
                alike, pairs = alike - own.number, pairs - own.number
            total[k] = total[k] + np.stack(np.broadcast_arrays(alike.sum(axis=1), pairs.sum(axis=1)))
    words = "agreement (mean Kendall's tau, one item) of"
    told = {k: f"{words} {names[reference]} with {'each other' if k == reference else names[k]}" for k in total}
    return {told[k]: alike / pairs for k, (alike, pairs) in total.items() if (pairs > 0).all()}


def _positions(order: NDArray[np.intp], variants: int) -> Floats:
    """(D, L, variant) place of each variant, NaN where it was not ranked."""
    place = np.full((*order.shape[:2], variants + 1), np.nan)
    np.put_along_axis(place, np.where(order < 0, variants, order), np.arange(order.shape[2], dtype=float), axis=2)
    return place[:, :, :variants]


def _tally(
    found: _Orders, position: Floats, pair: tuple[int, int], of_pool: NDArray[np.bool_], item: NDArray[np.intp]
) -> _Tally:
    here = of_pool[found.row]
    ahead = position[:, here, pair[1]] - position[:, here, pair[0]]
    belongs = np.eye(int(item.max()) + 1)[item[found.row[here]]]
    weight = found.weight[:, here]
    sign = (np.sign(np.nan_to_num(ahead)) * weight) @ belongs
    return _Tally(sign, (np.isfinite(ahead) * weight) @ belongs)
