"""What predictions of the binary model are compared in: rates of 1, agreement between evaluators, spread between raters.

Given the truth the model holds verdicts for independent, and errors for the same over all kinds of item unless told. Rates by kind of item
and agreement between evaluators are where it shows when they are not.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

MOST_PAIRED = 6
"""Evaluators up to which all pairs are looked at; of more, those with the panel or gold alone."""
FEWEST_SHARED = 20
"""Outputs that two evaluators must share to be compared."""


def features(values: NDArray[Any], constant: xr.Dataset) -> dict[str, NDArray[np.float64]]:
    """(draw,) numbers that decisions hang on, from (draw, entry) verdicts of 1."""
    ones = np.asarray(values, dtype=float)
    asked, evaluator, output = (constant[f"{name}_of"].to_numpy() for name in ("asked", "evaluator", "output"))
    stratum, rater = constant["stratum_of"].to_numpy(), constant["rater_of"].to_numpy()
    names, strata = constant["evaluator"].to_numpy(), constant["stratum"].to_numpy()
    places = [(f" in {strata[s]}", stratum == s) for s in range(strata.size)] if strata.size > 1 else []
    found: dict[str, NDArray[np.float64]] = {}
    for k, name in enumerate(names):
        own = evaluator == k
        for place, there in [("", np.ones_like(own)), *places]:
            if (own & there).any():
                found[f"share of 1 from {name}{place}"] = _rate(ones, asked, own & there)
    said = {k: _by_output(ones, asked, output, evaluator == k) for k in range(names.size)}
    role = constant["role_of"].to_numpy()
    for one, other in _pairs(role):
        for place, there in places or [("", np.ones(output.size, dtype=bool))]:
            shared = np.intersect1d(said[one][0], said[other][0])
            shared = np.intersect1d(shared, output[there])
            if shared.size >= FEWEST_SHARED:
                left, right = (said[k][1][:, np.searchsorted(said[k][0], shared)] for k in (one, other))
                found |= _compared(left, right, str(names[one]), str(names[other]), place)
    for k, name in enumerate(names):
        people = np.unique(rater[evaluator == k])
        if people.size > 1:
            each = np.stack([ones[:, rater == r].sum(axis=1) / asked[rater == r].sum() for r in people], axis=1)
            edge = (each <= 0).all(axis=1) | (each >= 1).all(axis=1)
            found[f"spread between raters' shares of 1 from {name} (SD)"] = np.where(edge, np.nan, each.std(axis=1))
    return found


def _compared(
    left: NDArray[np.float64], right: NDArray[np.float64], one: str, other: str, place: str
) -> dict[str, NDArray[np.float64]]:
    """(draw,) shares of 1 from one evaluator where another says 1 and where it says 0, from (draw, output) shares of 1."""
    found = {}
    for said, weight in ((1, left), (0, 1 - left)):
        found[f"share of 1 from {other} where {one} says {said}{place}"] = _share(
            (weight * right).sum(axis=1), weight.sum(axis=1)
        )
    return found


def _rate(ones: NDArray[np.float64], asked: NDArray[np.int64], where: NDArray[np.bool_]) -> NDArray[np.float64]:
    total = ones[:, where].sum(axis=1)
    return _share(total, np.full(total.size, float(asked[where].sum())))


def _share(part: NDArray[np.float64], total: NDArray[np.float64]) -> NDArray[np.float64]:
    """(draw,) shares; NaN where there is nothing to share, and where they are exactly 0 or 1.

    A rater who never says 1 sits at the edge of what can be predicted, where an interval fails of nothing but the prior's reluctance.
    """
    share: NDArray[np.float64] = np.divide(part, total, out=np.full(part.size, np.nan), where=total > 0)
    share[(part <= 0) | (part >= total)] = np.nan
    return share


def _by_output(
    ones: NDArray[np.float64], asked: NDArray[np.int64], output: NDArray[np.intp], own: NDArray[np.bool_]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Outputs that an evaluator rated, and its (draw, output) shares of 1."""
    found, at = np.unique(output[own], return_inverse=True)
    total = np.zeros((ones.shape[0], found.size))
    np.add.at(total.T, at, ones[:, own].T)
    return found, total / np.bincount(at, asked[own])


def _pairs(role: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Pairs of evaluators, gold or the panel first."""
    pairs = [(b, a) if role[b] > role[a] else (a, b) for a, b in combinations(range(role.size), 2)]
    return pairs if role.size <= MOST_PAIRED else [(a, b) for a, b in pairs if role[a]]
