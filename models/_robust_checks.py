"""What the predictive checks of robust scores compare."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from expsim_bayes.models._robust import MAD, RATINGS_A_NOISE

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

FAR = 3.0
"""Robust SDs from the median of an evaluator beyond which a score is extreme."""


def features(values: NDArray[Any], constant: xr.Dataset) -> dict[str, Floats]:
    """(draw,) numbers that decisions hang on, from (draw, rating) scores."""
    score = np.asarray(values, dtype=float)
    evaluator, rater = constant["evaluator_of"].to_numpy(), constant["rater_of"].to_numpy()
    far = _robust_deviations(score, evaluator)
    found = {
        f"share of scores more than {FAR:g} robust SDs from the median": (far > FAR).mean(axis=1),
        "largest deviation from the median (robust SDs)": far.max(axis=1),
        "excess kurtosis of the scores": _kurtosis(score, evaluator),
    }
    if np.unique(rater).size > 1:
        found["spread between raters' mean scores (SD)"] = _means(score, rater).std(axis=1)
    noisy = _several(rater, evaluator)
    if noisy.size > 1:
        found["spread between the logs of raters' own noise (SD)"] = _own_noise(score, constant, noisy).std(axis=1)
    found["spread between variants' mean scores (SD)"] = _means(score, constant["variant_of"].to_numpy()).std(axis=1)
    if "covariate_of" in constant:
        found.update(_followed(score, constant))
    return found


def _robust_deviations(score: Floats, evaluator: Ints) -> Floats:
    """(draw, rating) distances from the median of the evaluator in its robust SDs."""
    far = np.zeros_like(score)
    for k in np.unique(evaluator):
        of_k = evaluator == k
        left = np.abs(score[:, of_k] - np.median(score[:, of_k], axis=1, keepdims=True))
        spread = MAD * np.median(left, axis=1, keepdims=True)
        far[:, of_k] = left / np.where(spread > 0, spread, np.inf)
    return far


def _kurtosis(score: Floats, evaluator: Ints) -> Floats:
    """(draw,) excess kurtosis around the means of the evaluators, in SDs of theirs."""
    left = score - _spread_out(score, evaluator)
    sd = np.sqrt(_spread_out(left**2, evaluator))
    z = left / np.where(sd > 0, sd, np.inf)
    return np.asarray((z**4).mean(axis=1) - 3.0)


def _means(score: Floats, group: Ints) -> Floats:
    """(draw, group) means; groups are those that occur, in order."""
    here = np.unique(group, return_inverse=True)[1].ravel()
    size = np.bincount(here)
    order = np.argsort(here, kind="stable")
    starts = np.concatenate([[0], np.cumsum(size)[:-1]])
    return np.asarray(np.add.reduceat(score[:, order], starts, axis=1) / size)


def _spread_out(score: Floats, group: Ints) -> Floats:
    """(draw, rating) mean of each rating's group."""
    return np.asarray(_means(score, group)[:, np.unique(group, return_inverse=True)[1].ravel()])


def _several(rater: Ints, evaluator: Ints) -> Ints:
    """Raters with enough ratings, of evaluators that have several such."""
    who, first, count = np.unique(rater, return_index=True, return_counts=True)
    enough = count >= RATINGS_A_NOISE
    pool = evaluator[first]
    several = np.bincount(pool[enough], minlength=int(pool.max()) + 1) > 1
    return np.asarray(who[enough & several[pool]])


def _own_noise(score: Floats, constant: xr.Dataset, raters: Ints) -> Floats:
    """(draw, rater) logs of the mean distance of a rater's scores from the mean of their output, its severity taken away."""
    left = score - _spread_out(score, constant["output_of"].to_numpy())
    rater = constant["rater_of"].to_numpy()
    left = np.abs(left - _spread_out(left, rater))
    own = _means(left, rater)[:, np.isin(np.unique(rater), raters)]
    return np.log(np.maximum(own, np.finfo(float).tiny))


def _followed(score: Floats, constant: xr.Dataset) -> Iterator[tuple[str, Floats]]:
    """By judge and covariate, how scores go with the covariate, given what the reference says of the same outputs if it does."""
    evaluator, output = constant["evaluator_of"].to_numpy(), constant["output_of"].to_numpy()
    follows = constant["covariate_of"].to_numpy()
    by_reference = constant["is_reference"].to_numpy().astype(bool)[evaluator]
    rated = np.unique(output[by_reference])
    for k in np.unique(evaluator[(follows != 0).any(axis=1)]):
        judge, own = str(constant["evaluator"].to_numpy()[k]), evaluator == k
        both = own & np.isin(output, rated) & ~by_reference
        given = both.sum() >= RATINGS_A_NOISE
        other = _means(score[:, by_reference], output[by_reference])[:, np.searchsorted(rated, output[both])]
        for name, x in zip(constant["covariate"].to_numpy(), follows.T, strict=True):
            if given:
                told = _given(score[:, both], x[None, both], other)
                yield f"correlation of {judge}'s scores with {name}, the reference's given", told
            else:
                yield f"correlation of {judge}'s scores with {name}", _correlation(score[:, own], x[None, own])


def _given(one: Floats, other: Floats, third: Floats) -> Floats:
    """(draw,) partial correlations of two given a third."""
    plain, first, second = _correlation(one, other), _correlation(one, third), _correlation(other, third)
    left = np.maximum((1 - first**2) * (1 - second**2), np.finfo(float).tiny)
    return np.asarray((plain - first * second) / np.sqrt(left))


def _correlation(one: Floats, other: Floats) -> Floats:
    """(draw,) correlations over ratings; 0 where either never varies."""
    a, b = (each - each.mean(axis=1, keepdims=True) for each in (one, other))
    size = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return np.asarray((a * b).sum(axis=1) / np.where(size > 0, size, np.inf))
