"""A fit as it is read: its draws turned into severities, tastes, uses of the scale, spreads, and the plain means beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from expsim_bayes import superiority
from expsim_bayes.facts import Interval, PlainMean, RaterFacts
from expsim_bayes.posterior.fitted import estimated, stacked

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr
    from numpy.typing import NDArray

    from expsim_bayes.ratings import Coded, Ratings
    from expsim_bayes.stopping import Rule

SPREADS = {
    "sd_item": "items",
    "sd_interaction": "how a variant suits an item",
    "sd_output": "generations of a variant on an item",
    "sd_shift": "judges' taste for a variant",
    "sd_rater": "severity of raters",
    "sd_taste": "a rater's taste for a variant",
    "sd_opinion": "a rater's lasting opinion of an output",
    "sd_noise": "noise of a rating",
}
"""Standard deviations that a report shows, in words."""


@dataclass(frozen=True)
class Reading:
    """A fit as it is read: its draws, and what the reader wants to know."""

    tree: xr.DataTree
    ratings: Ratings
    data: Coded
    quality: NDArray[np.float64]
    """(draw, variant)"""
    found: superiority.Superiority
    order: NDArray[np.intp]
    """Variants from best to worst posterior mean."""
    baseline: int
    rules: tuple[Rule, ...]
    min_effect: float
    rope: float
    prices: Mapping[str, float]
    ci_prob: float

    @property
    def sign(self) -> float:
        """1 where a higher score is better, else -1."""
        return 1.0 if self.ratings.higher_is_better else -1.0

    @property
    def leader(self) -> int:
        """The variant with the best posterior mean."""
        return int(self.order[0])

    @property
    def control(self) -> int | None:
        """Position of the control."""
        return None if self.ratings.control is None else self.data.variants.index(self.ratings.control)

    def draws(self, name: str) -> NDArray[np.float64]:
        """(draw, ...) draws of all chains of a variable."""
        return stacked(self.tree, name)

    def interval(self, draws: NDArray[np.float64]) -> Interval:
        """Mean and central interval of some draws."""
        low, high = np.quantile(draws, ((1 - self.ci_prob) / 2, (1 + self.ci_prob) / 2))
        return Interval(float(draws.mean()), float(low), float(high))


def raters(read: Reading) -> tuple[RaterFacts, ...]:
    """Severities, the lowest first; none where the model has none."""
    if "severity" not in read.tree["posterior"]:
        return ()
    data, severity = read.data, read.draws("severity")
    counts = np.bincount(data.rater, minlength=len(data.raters))
    rows = [
        RaterFacts(
            data.raters[r], data.evaluators[data.rater_evaluator[r]], read.interval(severity[:, r]), int(counts[r])
        )
        for r in np.flatnonzero(estimated(read.tree, "severity"))
    ]
    return tuple(sorted(rows, key=lambda row: row.severity.mean))


def shifts(read: Reading) -> tuple[tuple[str, str, Interval], ...]:
    """Tastes of the judges for variants."""
    if "shift" not in read.tree["posterior"]:
        return ()
    shift, names = read.draws("shift"), read.data
    places = np.argwhere(estimated(read.tree, "shift"))
    return tuple((names.evaluators[k], names.variants[v], read.interval(shift[:, k, v])) for k, v in places)


def scale_use(read: Reading) -> tuple[tuple[str, Interval], ...]:
    """How much of the scale each judge uses."""
    use, found = read.draws("scale_use"), np.flatnonzero(estimated(read.tree, "scale_use"))
    return tuple((read.data.evaluators[k], read.interval(use[:, k])) for k in found)


def spreads(read: Reading) -> tuple[tuple[str, Interval], ...]:
    """Standard deviations that were estimated, in words."""
    rows = []
    for name, words in SPREADS.items():
        draws, present = read.draws(name), estimated(read.tree, name)
        if draws.ndim == 1:
            rows += [(words, read.interval(draws))] if present.all() else []
        else:
            rows += [
                (f"{words}, {read.data.evaluators[k]}", read.interval(draws[:, k])) for k in np.flatnonzero(present)
            ]
    return tuple(rows)


def plain_means(read: Reading) -> tuple[PlainMean, ...]:
    """Means of the reference's scores (of all where there is none), with all ratings taken as independent."""
    data = read.data
    kept = data.evaluator == data.reference if data.reference >= 0 else np.ones(data.score.size, dtype=bool)
    variant, score = data.variant[kept], data.score[kept]
    n = np.bincount(variant, minlength=len(data.variants))
    if (n < 2).any():
        return ()
    mean = np.bincount(variant, score, len(data.variants)) / n
    variance = np.bincount(variant, (score - mean[variant]) ** 2, len(data.variants)) / (n - 1)
    error = np.sqrt(variance / n)
    if not (error > 0).all():
        return ()
    best = superiority.prob_best_independent(mean, error, higher_is_better=read.ratings.higher_is_better)
    return tuple(PlainMean(data.variants[v], float(mean[v]), float(error[v]), float(best[v])) for v in read.order)


def rank_correlation(read: Reading, plain: tuple[PlainMean, ...]) -> float | None:
    """Spearman's correlation of the model's ranking with that of the plain means, which come in the model's order."""
    if len(plain) < 3:
        return None
    ranks = np.argsort(np.argsort([read.sign * -p.mean for p in plain])).astype(float)
    return float(np.corrcoef(np.arange(float(len(plain))), ranks)[0, 1])
