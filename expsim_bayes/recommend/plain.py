"""What one would say of the variants without a model: plain means of the ratings, beside which a fit is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from expsim_bayes import superiority
from expsim_bayes.facts import PlainMean
from expsim_bayes.ratings import code, code_calls, code_comparisons

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.recommend.reading import Reading


def plain_means(read: Reading) -> tuple[PlainMean, ...]:
    """Means that quality stands beside, with all ratings taken as independent; none where there are none to compare with.

    Of scores those of the reference (of all where there is none), of classes the share of labels that are good ones, of comparisons the
    share won against the control, ties counted half, of calls what they used up where quality is its mean.
    """
    outcome = read.ratings.outcome
    if outcome == "score":
        return _summed(read, *_scores(read)) if read.unit in ("points", "share") else ()
    if outcome == "comparison":
        return _won(read)
    return _summed(read, *_used(read)) if outcome == "operations" and read.about == "mean" else ()


def rank_correlation(read: Reading, plain: tuple[PlainMean, ...]) -> float | None:
    """Spearman's correlation of the model's ranking with that of the plain means, which come in the model's order."""
    if len(plain) < 3:
        return None
    ranks = np.argsort(np.argsort([read.sign * -p.mean for p in plain])).astype(float)
    return float(np.corrcoef(np.arange(float(len(plain))), ranks)[0, 1])


def _scores(read: Reading) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    data = code(read.ratings)
    kept = data.evaluator == data.reference if data.reference >= 0 else np.ones(data.score.size, dtype=bool)
    score = data.score[kept]
    if read.tree.attrs.get("model") == "classes":
        constant = read.tree["constant_data"]
        good = constant["said"].to_numpy()[constant["good_of"].to_numpy() == 1].astype(float)
        score = np.isin(score, good).astype(float)
    return data.variant[kept], score


def _used(read: Reading) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    data = code_calls(read.ratings)
    column = {"dollars": "cost", "seconds": "latency_s"}.get(read.unit, "")
    if column not in data.measures:
        return np.zeros(0, dtype=np.intp), np.zeros(0)
    amount = data.amount[:, data.measures.index(column)]
    kept = ~np.isnan(amount)
    return data.variant[kept], amount[kept]


def _summed(read: Reading, variant: NDArray[np.intp], value: NDArray[np.float64]) -> tuple[PlainMean, ...]:
    size = len(read.who.variants)
    n = np.bincount(variant, minlength=size)
    if (n < 2).any():
        return ()
    mean = np.bincount(variant, value, size) / n
    variance = np.bincount(variant, (value - mean[variant]) ** 2, size) / (n - 1)
    return _ranked(read, mean, np.sqrt(variance / n))


def _won(read: Reading) -> tuple[PlainMean, ...]:
    """Shares of the reference's comparisons with the control that each variant won; the control itself has a half."""
    control = read.control
    if control is None:
        return ()
    data = code_comparisons(read.ratings)
    kept = data.evaluator == data.reference if data.reference >= 0 else np.ones(data.outcome.size, dtype=bool)
    size = len(read.who.variants)
    n, won, squares = np.zeros(size), np.zeros(size), np.zeros(size)
    for own, other, points in (
        (data.left, data.right, 1.0 - data.outcome / 2),
        (data.right, data.left, data.outcome / 2),
    ):
        against = kept & (other == control)
        n += np.bincount(own[against], data.weight[against], size)
        won += np.bincount(own[against], (data.weight * points)[against], size)
        squares += np.bincount(own[against], (data.weight * points**2)[against], size)
    rivals = np.arange(size) != control
    if (n[rivals] < 2).any():
        return ()
    n[~rivals] = 2.0
    mean = np.where(rivals, won / n, 0.5)
    variance = np.where(rivals, np.maximum(squares / n - mean**2, 0.0) * n / (n - 1), 0.0)
    return _ranked(read, mean, np.sqrt(variance / n), exact=~rivals)


def _ranked(
    read: Reading,
    mean: NDArray[np.float64],
    error: NDArray[np.float64],
    *,
    exact: NDArray[np.bool_] | None = None,
) -> tuple[PlainMean, ...]:
    """Plain means in the order of the model; none where a standard error is zero."""
    known = np.zeros(mean.size, dtype=bool) if exact is None else exact
    if not (error[~known] > 0).all():
        return ()
    safe = np.where(known, 1e-9, error)
    best = superiority.prob_best_independent(mean, safe, higher_is_better=read.higher_is_better)
    names = read.who.variants
    return tuple(PlainMean(names[v], float(mean[v]), float(error[v]), float(best[v])) for v in read.order)
