"""What predictions of the binary model are compared in: rates of 1, agreement between evaluators, spread between raters.

Given the truth the model holds verdicts for independent, and errors for the same over all kinds of item unless told. Rates by kind of item
and agreement between evaluators are where it shows when they are not.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from expsim_bayes.models._recipe import Supposed
from expsim_bayes.models._task import flat

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

MOST_PAIRED = 6
"""Evaluators up to which all pairs are looked at; of more, those with the panel or gold alone."""
MOST_VARIANTS = 12
"""Variants up to which the panel's verdicts are looked at one by one."""
PANEL = 1
"""Role of the evaluator whose verdicts the truth is held to."""
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
                found[f"share of 1s from {name}{place}"] = _rate(ones, asked, own & there)
        if constant["role_of"].to_numpy()[k] == PANEL:
            found |= _by_variant(ones, constant, own, str(name))
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
            found[f"spread between raters' shares of 1s, {name} (SD)"] = np.where(edge, np.nan, each.std(axis=1))
    return found


def _by_variant(
    ones: NDArray[np.float64], constant: xr.Dataset, own: NDArray[np.bool_], name: str
) -> dict[str, NDArray[np.float64]]:
    """(draw,) shares of 1 that the panel gives each variant: what quality is about, should it be no good guide to the truth."""
    variant = constant["variant_of"].to_numpy()
    labels = constant["variant"].to_numpy()
    if not 1 < labels.size <= MOST_VARIANTS:
        return {}
    asked = constant["asked_of"].to_numpy()
    there = {str(label): own & (variant == v) for v, label in enumerate(labels)}
    return {
        f"share of 1s from {name} for {label}": _rate(ones, asked, rated)
        for label, rated in there.items()
        if rated.any()
    }


def tastes(draws: xr.Dataset, constant: xr.Dataset, rng: np.random.Generator) -> dict[str, Supposed]:
    """How far judges' tastes for variants go by the kind of item, beside tastes drawn afresh.

    Looked at where each variant occurs in one kind of item only, so that what a judge gets wrong in a kind passes for tastes for its
    variants, which predictions of ratings cannot tell. Tastes are independent of one another; a kind that they have in common makes most
    of their sum of squares lie between kinds. A mixed predictive check (Gelman, Meng and Stern 1996).

    Parameters
    ----------
    draws : Dataset
        Posterior, with `shift_logit` (chain, draw, evaluator, variant), zero for those who are no judges.
    constant : Dataset
        As in `features`.
    rng : Generator
        Of the fresh tastes.
    """
    kind = _kinds(constant)
    if kind is None or "shift_logit" not in draws:
        return {}
    told = flat(draws["shift_logit"])
    told = told[:, (told != 0).any(axis=(0, 2))]
    seen, fresh = (
        _between(values[..., kind >= 0], kind[kind >= 0]) for values in (told, rng.standard_normal(told.shape))
    )
    return {"share of judges' tastes for variants that goes by the kind of item": Supposed(float(seen.mean()), fresh)}


def _kinds(constant: xr.Dataset) -> NDArray[np.intp] | None:
    """(variant,) the one kind of item in which each variant occurs, -1 where there is none; None where variants occur in several kinds."""
    variant, stratum = (constant[f"{name}_of"].to_numpy() for name in ("variant", "stratum"))
    pairs = np.unique(np.stack([variant, stratum]), axis=1)
    if np.unique(pairs[0]).size < pairs.shape[1] or not 1 < np.unique(pairs[1]).size < pairs.shape[1]:
        return None
    kind = np.full(constant.sizes["variant"], -1, dtype=np.intp)
    kind[pairs[0]] = pairs[1]
    return kind


def _between(taste: NDArray[np.float64], kind: NDArray[np.intp]) -> NDArray[np.float64]:
    """(draw,) share of the sum of squares of (draw, judge, variant) tastes, less each judge's mean, that lies between kinds."""
    taste = taste - taste.mean(axis=2, keepdims=True)
    belongs = np.eye(int(kind.max()) + 1)[kind][:, np.unique(kind)]
    means = taste @ (belongs / belongs.sum(axis=0))
    between = (means**2 * belongs.sum(axis=0)).sum(axis=(1, 2))
    return np.asarray(between / (taste**2).sum(axis=(1, 2)))


def _compared(
    left: NDArray[np.float64], right: NDArray[np.float64], one: str, other: str, place: str
) -> dict[str, NDArray[np.float64]]:
    """(draw,) shares of 1 from one evaluator where another says 1 and where it says 0, from (draw, output) shares of 1."""
    found = {}
    for said, weight in ((1, left), (0, 1 - left)):
        found[f"share of 1s from {other} where {one} says {said}{place}"] = _share(
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
