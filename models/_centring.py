"""How the sampler's coordinates should be centred: the share of an observed spread that is not sampling error.

A group of effects whose observed spread is mostly real is best sampled as it is (centred, weight 1); one whose spread may be nothing but
sampling error is best sampled as multiples of its SD (non-centred, weight 0), or the SD near zero makes a funnel. The weights change how
fast the sampler moves, never the model.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from expsim_bayes.models._effects import Layout, Shown, leads, turn
from expsim_bayes.ratings import Coded

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


def rater_weight(data: Coded, k: int) -> float:
    """Weight of the severities of evaluator k's raters."""
    mean, count, noise2 = _cells(data, k)
    seen = count > 0
    deviation = np.where(seen, mean - _average(mean, count, axis=0), 0.0)
    rater = _average(deviation, count, axis=1)[:, 0]
    return _weight(rater, noise2 / count.sum(axis=1))


def taste_weight(data: Coded, k: int) -> float:
    """Weight of the tastes of evaluator k's raters for variants."""
    mean, count, noise2 = _cells(data, k)
    seen = count > 0
    deviation = np.where(seen, mean - _average(mean, count, axis=0), 0.0)
    deviation -= _average(deviation, count, axis=1)
    return _weight(deviation[seen], noise2 / count[seen])


def shift_weight(data: Coded, k: int, reference: int) -> float:
    """Weight of evaluator k's shifts, beside the variants' means by the reference and a straight line."""
    (mean, count), (other, other_count) = _variants(data, k), _variants(data, reference)
    both = (count > 0) & (other_count > 0)
    if both.sum() < 3:
        return 0.0
    x, y = other[both] - other[both].mean(), mean[both] - mean[both].mean()
    slope = float(x @ y) / (float(x @ x) or 1.0)
    noise2 = _cells(data, k)[2] / count[both] + slope**2 * _cells(data, reference)[2] / other_count[both]
    return _weight(y - slope * x, noise2)


def severity_layout(data: Coded, has: NDArray[np.bool_], *, centred: bool = True) -> Layout:
    """Layout of the severities of the (rater,) raters who have one, the level of their evaluator absorbing the mean of its pool."""
    pool = data.rater_evaluator[has]
    weight = np.array([rater_weight(data, int(k)) if k in pool else 0.0 for k in range(len(data.evaluators))])
    return Layout(turn(pool), np.where(leads(pool), 0.0, centred * weight[pool]))


def shift_layout(data: Coded, has: NDArray[np.bool_], reference: int, *, centred: bool = True) -> Layout:
    """Layout of the tastes for variants of the (evaluator,) judges who have some, the level of a judge absorbing their mean."""
    together = np.zeros(len(data.variants), dtype=np.intp)
    told = [reference >= 0 and k != reference for k in range(has.size)]
    weight = np.array([shift_weight(data, int(k), reference) if told[k] else 0.0 for k in np.flatnonzero(has)])
    return Layout(turn(together), np.where(leads(together), 0.0, centred * weight[:, None]))


def taste_layout(data: Coded, has: NDArray[np.bool_], *, centred: bool = True) -> Layout:
    """Layout of the tastes for variants of the (rater,) raters who have some."""
    pool = data.rater_evaluator[has]
    weight = np.array([taste_weight(data, int(k)) if k in pool else 0.0 for k in range(len(data.evaluators))])
    return Layout(np.eye(len(data.variants)), centred * weight[pool][:, None])


def group_weight(residual: Floats, group: Ints) -> float:
    """Weight of effects of groups, from ratings of which everything else was taken away.

    It is 0 unless more than half of what the groups' means differ by is real, which is what sampled effects need where noise is not
    Gaussian.

    Parameters
    ----------
    residual : (R,) array
        Ratings less what is explained otherwise.
    group : (R,) array of int
        Group of each rating, numbered from 0.
    """
    count = np.bincount(group).astype(float)
    seen = count > 0
    mean = np.bincount(group, residual, count.size)[seen] / count[seen]
    square = np.bincount(group, residual**2, count.size)[seen] - count[seen] * mean**2
    freedom = max(1.0, residual.size - float(seen.sum()))
    between = float(np.mean(mean**2))
    real = 1 - float(np.mean(square.sum() / freedom / count[seen])) / between if between > 0 else 0.0
    return max(0.0, 2 * real - 1)


def shown_nested(data: Coded, cell: Ints, k: int, *, noise: float | None = None) -> dict[str, Shown]:
    """What evaluator k's ratings say of the effects of items, cells and outputs, by dim, each level beside the one above it.

    Parameters
    ----------
    data : Coded
        Ratings in points.
    cell : (R,) array of int
        Item x variant of each rating.
    k : int
        The evaluator on whose scale the effects stand.
    noise : float, optional
        SD of the noise of a single rating on the scale of a latent value; effects are then in its unit, else in points.
    """
    own = data.evaluator == k
    score = less_means(data.score[own], data.rater[own] * len(data.variants) + data.variant[own])
    unit, shown = data.output[own], {}
    count = np.bincount(unit, minlength=len(data.outputs)).astype(float)
    mean = np.bincount(unit, score, count.size) / np.maximum(count, 1)
    freedom = max(1.0, score.size - float((count > 0).sum()))
    within = float(((score - mean[unit]) ** 2).sum()) / freedom or float(np.var(score)) or 1.0
    points = 1.0 if noise is None else np.sqrt(within) / noise
    mean, information = mean / points, count * points**2 / within
    for dim, above, size in (
        ("output", _parents(data.output, cell), int(cell.max()) + 1),
        ("cell", _parents(cell, data.item), len(data.items)),
    ):
        mean, information, shown[dim] = _level_above(mean, information, above, size)
    return shown | {"item": Shown(mean, information)}


def _parents(unit: Ints, above: Ints) -> Ints:
    """(units,) which unit of the level above each belongs to."""
    found = np.zeros(int(unit.max()) + 1, dtype=np.intp)
    found[unit] = above
    return found


def _level_above(mean: Floats, information: Floats, above: Ints, size: int) -> tuple[Floats, Floats, Shown]:
    """Means of units of the level above and what is known of them, and what is known of how these units deviate from them."""
    seen = information > 0
    error2 = np.where(seen, 1.0 / np.where(seen, information, 1.0), 0.0)
    members = np.bincount(above[seen], minlength=size)
    plain = np.bincount(above[seen], mean[seen], size) / np.maximum(members, 1)
    several = seen & (members[above] > 1)
    stretch = np.sqrt(members / np.maximum(members - 1, 1))[above]
    spread = float(np.mean(((mean - plain[above]) * stretch)[several] ** 2)) if several.any() else 0.0
    real = max(0.0, spread - float(np.mean(error2[several]))) if several.any() else 0.0
    weight = np.where(seen, 1.0 / np.where(seen, error2 + real, 1.0), 0.0)
    total = np.bincount(above, weight, size)
    higher = np.bincount(above, weight * mean, size) / np.where(total > 0, total, 1.0)
    return higher, total, Shown(np.where(seen, mean - higher[above], 0.0), information)


def less_means(values: Floats, group: Ints) -> Floats:
    """(R,) values less the mean of their group."""
    mean = np.bincount(group, values) / np.maximum(np.bincount(group), 1)
    return np.asarray(values - mean[group])


def _weight(deviation: Floats, error2: Floats) -> float:
    """Weight from deviations and the sampling error that they carry: full once half of their mean square is real, 0 when none is.

    A few deviations leave their SD so uncertain that it may come near zero all the same, so they are never quite centred.
    """
    freedom = max(1, deviation.size - 1)
    square = float(np.mean(deviation**2))
    real = 1 - float(np.mean(error2)) / square if square > 0 else 0.0
    return min(1.0, max(0.0, 2 * real)) * freedom / (freedom + 0.5)


def _cells(data: Coded, k: int) -> tuple[Floats, Floats, float]:
    """(raters, V) means and counts of evaluator k's ratings, and the variance of ratings within a cell."""
    of_k = data.evaluator == k
    who, rater = np.unique(data.rater[of_k], return_inverse=True)
    shape = (who.size, len(data.variants))
    cell = rater.ravel() * shape[1] + data.variant[of_k]
    score = data.score[of_k]
    count = np.bincount(cell, minlength=shape[0] * shape[1]).astype(float)
    mean = np.bincount(cell, score, count.size) / np.maximum(count, 1)
    freedom = max(1.0, score.size - float((count > 0).sum()))
    noise2 = float(((score - mean[cell]) ** 2).sum()) / freedom
    return mean.reshape(shape), count.reshape(shape), noise2


def _variants(data: Coded, k: int) -> tuple[Floats, Floats]:
    """(V,) means and counts of evaluator k's ratings of each variant."""
    mean, count, _ = _cells(data, k)
    return _average(mean, count, axis=0)[0], count.sum(axis=0)


def _average(values: Floats, count: Floats, *, axis: int) -> Floats:
    """Averages weighted by counts, with the axis kept."""
    total: Floats = (values * count).sum(axis=axis, keepdims=True) / np.maximum(count.sum(axis=axis, keepdims=True), 1)
    return total
