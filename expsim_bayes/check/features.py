"""What is compared where two samples of whole experiments should have the same distribution.

An experiment is a row of ratings. Ratings and pairs of ratings that the story treats alike are averaged: by evaluator and variant, and by
what the two ratings of a pair share (evaluators, rater, variant, item). Contrasts say how far variants, items, raters and tastes lie apart.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.ratings import Coded

MOST_PAIRS = 300
"""Pairs of one kind that are looked at: more of them would say the same again."""
SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Quantiles of all ratings at which their shares are compared."""


class Pairs(NamedTuple):
    """Pairs of ratings, by what they share."""

    left: NDArray[np.intp]
    """(pair,) a rating."""
    right: NDArray[np.intp]
    """(pair,) another one."""
    kind: NDArray[np.intp]
    """(pair,)"""
    names: tuple[str, ...]
    """(kind,)"""


def pairs_of(data: Coded) -> Pairs:
    """Pairs of ratings of a design, every kind of them."""
    left, right = np.triu_indices(data.score.size, 1)
    low = np.minimum(data.evaluator[left], data.evaluator[right])
    high = np.maximum(data.evaluator[left], data.evaluator[right])
    same = [getattr(data, name)[left] == getattr(data, name)[right] for name in ("rater", "variant", "item")]
    kinds, kind = np.unique(np.stack([low, high, *same]), axis=1, return_inverse=True)
    kind = kind.ravel().astype(np.intp)
    kept = np.sort(np.concatenate([_spread_out(np.flatnonzero(kind == n)) for n in range(kinds.shape[1])]))
    return Pairs(left[kept], right[kept], kind[kept], tuple(_name(row, data) for row in kinds.T))


def _spread_out(members: NDArray[np.intp]) -> NDArray[np.intp]:
    """At most `MOST_PAIRS` of them, evenly spaced."""
    if members.size <= MOST_PAIRS:
        return members
    return members[np.linspace(0, members.size - 1, MOST_PAIRS).astype(np.intp)]


def _name(row: NDArray[np.intp], data: Coded) -> str:
    """A kind of pair in words."""
    low, high, rater, variant, item = row
    first, second = data.evaluators[low], data.evaluators[high]
    who = f"{first} and {second}" if low != high else f"{first}, {'same' if rater else 'another'} rater"
    what = {
        (1, 1): "the same output",
        (0, 1): "another variant on the same item",
        (1, 0): "the same variant on another item",
        (0, 0): "another variant on another item",
    }
    return f"{who}, {what[(int(variant), int(item))]}"


def contrasts_of(data: Coded) -> dict[str, NDArray[np.float64]]:
    """(rating, contrast) weights by name: the sum of their squares says how far variants, items, raters and tastes lie apart."""
    found = {}
    for k, evaluator in enumerate(data.evaluators):
        mine = data.evaluator == k
        for name, plural in (("variant", "variants"), ("item", "items"), ("rater", "raters")):
            mean = _mean_weights(getattr(data, name), mine)
            if mean.shape[1] > 1:
                found[f"{plural} apart ({evaluator})"] = mean - mean.mean(axis=1, keepdims=True)
        taste = _taste_weights(data, mine)
        if taste is not None:
            found[f"raters by variants ({evaluator})"] = taste
    by_variant = [_mean_weights(data.variant, data.evaluator == k) for k in range(len(data.evaluators))]
    for low, high in combinations(range(len(data.evaluators)), 2):
        if by_variant[low].shape == by_variant[high].shape:
            gap = by_variant[low] - by_variant[high]
            name = f"variants apart ({data.evaluators[low]} less {data.evaluators[high]})"
            found[name] = gap - gap.mean(axis=1, keepdims=True)
    return found


def _mean_weights(group: NDArray[np.intp], mine: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(rating, group) weights of the mean of each group among an evaluator's ratings."""
    hit = (group[:, None] == np.unique(group[mine])) & mine[:, None]
    return np.asarray(hit / hit.sum(axis=0))


def _taste_weights(data: Coded, mine: NDArray[np.bool_]) -> NDArray[np.float64] | None:
    """(rating, rater * variant) means of raters by variants less those of both; None unless several raters rated all variants."""
    raters, count = np.unique(data.rater[mine]), len(data.variants)
    hit = (data.rater[:, None] == raters) & mine[:, None]
    cells = hit[:, :, None] & (data.variant[:, None] == np.arange(count))[:, None, :]
    full = cells.any(axis=0).all(axis=1)
    if full.sum() < 2:
        return None
    mean = cells[:, full] / cells[:, full].sum(axis=0)
    mean = (
        mean
        - mean.mean(axis=1, keepdims=True)
        - mean.mean(axis=2, keepdims=True)
        + mean.mean(axis=(1, 2), keepdims=True)
    )
    return np.asarray(mean.reshape(len(mean), -1))


def features(
    first: NDArray[np.float64], second: NDArray[np.float64], data: Coded
) -> tuple[tuple[str, ...], NDArray[np.float64], NDArray[np.float64]]:
    """Names, and the two samples of the features; thresholds are taken from both samples together.

    Parameters
    ----------
    first, second : numpy.ndarray
        (draw, rating) two samples of experiments.
    data : Coded
        Their design.
    """
    pairs = pairs_of(data)
    thresholds = _thresholds(np.concatenate([first, second]), data)
    apart = _typical_distance(np.concatenate([first[:200], second[:200]]), pairs)
    names = _names(data, pairs)
    one, other = (_of_sample(sample, data, pairs, thresholds, apart) for sample in (first, second))
    return names, one, other


def _thresholds(score: NDArray[np.float64], data: Coded) -> NDArray[np.float64]:
    """(evaluator, share) quantiles of each evaluator's ratings."""
    return np.stack([np.quantile(score[:, data.evaluator == k], SHARES) for k in range(len(data.evaluators))])


def _typical_distance(score: NDArray[np.float64], pairs: Pairs) -> NDArray[np.float64]:
    """(kind,) median distance of the two ratings of a pair."""
    distance = np.abs(score[:, pairs.left] - score[:, pairs.right])
    return np.array([np.median(distance[:, pairs.kind == n]) for n in range(len(pairs.names))])


def _names(data: Coded, pairs: Pairs) -> tuple[str, ...]:
    cells = [f"{e}, {v}" for e in data.evaluators for v in data.variants]
    return (
        *(f"mean ({cell})" for cell in cells),
        *(f"variance ({name})" for name in data.evaluators),
        *(f"share below quantile {share:g} ({name})" for name in data.evaluators for share in SHARES),
        *(f"covariance ({name})" for name in pairs.names),
        *(f"share of close pairs ({name})" for name in pairs.names),
        *contrasts_of(data),
    )


def _of_sample(
    score: NDArray[np.float64],
    data: Coded,
    pairs: Pairs,
    thresholds: NDArray[np.float64],
    apart: NDArray[np.float64],
) -> NDArray[np.float64]:
    """(draw, feature) features of one sample."""
    count = len(data.evaluators)
    cell = data.evaluator * len(data.variants) + data.variant
    means = _averaged(score, cell, count * len(data.variants))
    centre = _averaged(score, data.evaluator, count)
    off = score - centre[:, data.evaluator]
    spread = _averaged(off**2, data.evaluator, count)
    below = [(score[:, data.evaluator == k, None] < thresholds[k]).mean(axis=1) for k in range(count)]
    kinds = len(pairs.names)
    products, close = [], []
    for block in np.array_split(np.arange(len(score)), max(1, len(score) // 250)):
        left, right = off[block][:, pairs.left], off[block][:, pairs.right]
        products.append(_averaged(left * right, pairs.kind, kinds))
        distance = np.abs(score[block][:, pairs.left] - score[block][:, pairs.right])
        close.append(_averaged((distance < apart[pairs.kind]).astype(float), pairs.kind, kinds))
    apart_by = [((score @ weights) ** 2).sum(axis=1, keepdims=True) for weights in contrasts_of(data).values()]
    return np.concatenate([means, spread, *below, np.concatenate(products), np.concatenate(close), *apart_by], axis=1)


def _averaged(values: NDArray[np.float64], group: NDArray[np.intp], count: int) -> NDArray[np.float64]:
    """(draw, group) means over the columns of each group."""
    belongs = np.eye(count)[group]
    return np.asarray(values @ (belongs / belongs.sum(axis=0)))


def z_of(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """(feature,) difference of the means of two samples over its standard error; 0 for a feature that never varies, huge for NaN.

    Parameters
    ----------
    first, second : numpy.ndarray
        (draw, feature)
    """
    error = np.sqrt(first.var(axis=0, ddof=1) / len(first) + second.var(axis=0, ddof=1) / len(second))
    gap = first.mean(axis=0) - second.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        z: NDArray[np.float64] = gap / error
    z[(error == 0) & (gap == 0)] = 0.0
    return np.nan_to_num(z, nan=1e9, posinf=1e9, neginf=-1e9)
