"""What the model of a fit reproduces of the data: its ratings beside those that the fitted model would make.

Add a predictive check here when scores have a feature that decisions hang on; other models name theirs in their recipes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from expsim_bayes.amounts import feature, level, rough
from expsim_bayes.models import recipe

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from expsim_bayes.models._recipe import Recipe

END_MASS = 0.05
"""Share of the ratings at their lowest or highest value from which it is taken for an end of the scale."""
MOST_OUTSIDE = 0.01
"""Share of predicted scores outside the scale that does no harm."""
DIGITS = 6
"""Decimals up to which scores are taken for rounded ones."""


@dataclass(frozen=True)
class PredictiveCheck:
    """One feature of the ratings beside what the fitted model predicts of it."""

    name: str
    observed: float
    low: float
    """Lower end of the central predictive interval."""
    high: float
    """Upper end."""
    ci_prob: float
    p: float
    """Share of predicted data sets with at least the observed value, ties counted half."""
    reproduced: bool
    """Whether the observed value lies within the interval."""
    sentence: str


def check_predictions(
    fit: xr.DataTree, *, score_range: tuple[float, float] | None = None, ci_prob: float = 0.95
) -> tuple[PredictiveCheck, ...]:
    """Posterior predictive checks of what decisions hang on.

    Of continuous scores point masses, ends of the scale, skewness and the spread of the raters; of every other model the features that its
    recipe names.

    Parameters
    ----------
    fit : xr.DataTree
        With groups posterior_predictive, observed_data and constant_data.
    score_range : tuple of float, optional
        Ends of the scale; without one, an end of the ratings counts as an end of the scale where `END_MASS` of them lie.
    ci_prob : float
        Probability of the predictive intervals.
    """
    name = str(fit.attrs.get("model", "continuous"))
    if name != "continuous":
        return _features(fit, recipe(name), ci_prob)
    score = fit["observed_data"]["score"].to_numpy()
    predicted = fit["posterior_predictive"]["score"].to_numpy()
    predicted = predicted.reshape(-1, predicted.shape[-1])
    rater = fit["constant_data"]["rater_of"].to_numpy()
    low, high = score_range or _ends(score)
    values, counts = np.unique(score, return_counts=True)
    ends = set(score_range or (float(values[0]), float(values[-1]))) & set(values.tolist())
    checks = [_at(score, predicted, value, ci_prob) for value in sorted(ends)]
    if float(values[np.argmax(counts)]) not in ends and (step := _step(values)) and counts.max() > 1:
        checks.append(_fullest(score, predicted, step, (low, high), ci_prob))
    if len(np.unique(rater)) > 1:
        checks.append(_rater_spread(score, predicted, rater, ci_prob))
    if np.isfinite([low, high]).any():
        checks.append(_outside(predicted, low, high, ci_prob))
    if values.size > 1:
        checks.append(compared("skewness of the scores", _skewness(score[None])[0], _skewness(predicted), ci_prob))
    return tuple(checks)


def _features(fit: xr.DataTree, model: Recipe, ci_prob: float) -> tuple[PredictiveCheck, ...]:
    """The features that a recipe names, of the ratings and of predicted ones."""
    variable = next(iter(model.observed))
    observed = fit["observed_data"][variable]
    predicted = fit["posterior_predictive"][variable].transpose("chain", "draw", *observed.dims).to_numpy()
    constant = fit["constant_data"].to_dataset()
    told = model.features(observed.to_numpy()[None], constant)
    made = model.features(predicted.reshape(-1, *predicted.shape[2:]), constant)
    pairs = [(name, float(value[0]), np.asarray(made[name])) for name, value in told.items()]
    if model.supposed is not None:
        found = model.supposed(fit["posterior"].to_dataset(), constant, np.random.default_rng(0))
        pairs += [(name, each.found, each.fresh) for name, each in found.items()]
    return tuple(
        compared(name, observed, values[np.isfinite(values)], ci_prob)
        for name, observed, values in pairs
        if np.isfinite(observed) and np.isfinite(values).any()
    )


def compared(name: str, observed: float, predicted: NDArray[np.float64], ci_prob: float) -> PredictiveCheck:
    """A check from one observed number and its predicted draws."""
    tail = (1 - ci_prob) / 2
    low, high = (float(x) for x in np.quantile(predicted, (tail, 1 - tail)))
    p = float(np.mean(predicted > observed) + 0.5 * np.mean(predicted == observed))
    within = bool(low - 1e-9 <= observed <= high + 1e-9)
    verb = "reproduces" if within else "does not reproduce"
    span = f"{feature(name, low)} to {feature(name, high)} ({level(ci_prob)} interval)"
    sentence = f"The model {verb} the {name}: observed {feature(name, observed)}, predicted {span}."
    return PredictiveCheck(name, float(observed), low, high, ci_prob, p, within, sentence)


def _rater_spread(
    score: NDArray[np.float64], predicted: NDArray[np.float64], rater: NDArray[np.intp], ci_prob: float
) -> PredictiveCheck:
    """SD between raters of their mean scores."""
    belongs = np.eye(int(rater.max()) + 1)[rater]
    mean = belongs / belongs.sum(axis=0).clip(1)
    return compared(
        "spread between raters' mean scores (SD)", float((score @ mean).std()), (predicted @ mean).std(axis=1), ci_prob
    )


def _ends(score: NDArray[np.float64]) -> tuple[float, float]:
    """Ends of the scale as the ratings tell them: where many lie at the lowest or highest value, it is an end; else it is unknown."""
    low, high = float(score.min()), float(score.max())
    return (
        low if (score == low).mean() >= END_MASS else -np.inf,
        high if (score == high).mean() >= END_MASS else np.inf,
    )


def _outside(predicted: NDArray[np.float64], low: float, high: float, ci_prob: float) -> PredictiveCheck:
    """Share of predicted scores beyond the ends of the scale: none can be observed, so all of them are the model's error."""
    share = ((predicted < low) | (predicted > high)).mean(axis=1)
    mean = float(share.mean())
    place = (
        f"outside {low:g} to {high:g}"
        if np.isfinite([low, high]).all()
        else f"below {low:g}"
        if low > -np.inf
        else f"above {high:g}"
    )
    sentence = f"The model puts {rough(mean)} of scores {place}, where none can be."
    check = compared(f"share of scores {place}", 0.0, share, ci_prob)
    return replace(check, reproduced=mean < MOST_OUTSIDE, sentence=sentence)


def _at(score: NDArray[np.float64], predicted: NDArray[np.float64], value: float, ci_prob: float) -> PredictiveCheck:
    """Share of scores equal to one value; predicted ones count that the grid of scores rounds to it, or that lie beyond its end."""
    grid = np.unique(score)
    ends = {grid[-1]: " or above", grid[0]: " or below"} if grid.size > 1 else {}
    beyond = ends.get(value, "")
    name = f"share of scores equal to {value:g}{beyond}"
    return compared(name, float((score == value).mean()), _share(predicted, grid, value), ci_prob)


def _step(values: NDArray[np.float64]) -> float:
    """The step of which all values are multiples, counted from the lowest; 0 where they have more than `DIGITS` decimals."""
    whole = (values - values[0]) * 10.0**DIGITS
    near = np.rint(whole)
    return float(np.gcd.reduce(near.astype(np.int64)) / 10.0**DIGITS) if np.abs(whole - near).max() < 1e-3 else 0.0


def _fullest(
    score: NDArray[np.float64], predicted: NDArray[np.float64], step: float, ends: tuple[float, float], ci_prob: float
) -> PredictiveCheck:
    """Share of scores at the most frequent value, whichever that is in each data set; one picked in these is too full by choice."""
    at = np.rint((np.clip(predicted, *ends) - score.min()) / step).astype(np.int64)
    at -= at.min()
    most = np.array([np.bincount(row).max() for row in at]) / at.shape[1]
    values, counts = np.unique(score, return_counts=True)
    name = f"share of scores at the most frequent value ({values[np.argmax(counts)]:g} here)"
    return compared(name, float(counts.max() / score.size), most, ci_prob)


def _share(predicted: NDArray[np.float64], grid: NDArray[np.float64], value: float) -> NDArray[np.float64]:
    """(draws,) share of predicted scores that are nearest to a value of the grid of scores, or beyond its end."""
    lower, higher = grid[grid < value], grid[grid > value]
    below = (value + lower[-1]) / 2 if lower.size else -np.inf
    above = (value + higher[0]) / 2 if higher.size else np.inf
    share: NDArray[np.float64] = ((predicted >= below) & (predicted < above)).mean(axis=1)
    return share


def _skewness(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Skewness of each row."""
    deviation = scores - scores.mean(axis=1, keepdims=True)
    spread = np.sqrt((deviation**2).mean(axis=1))
    cubed: NDArray[np.float64] = (deviation**3).mean(axis=1)
    return np.asarray(np.divide(cubed, spread**3, out=np.full_like(cubed, np.nan), where=spread > 0))
