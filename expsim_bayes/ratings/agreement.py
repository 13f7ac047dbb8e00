"""Sources that contradict each other: a reversed scale, or two scales in one pool.

Neither can be known for sure from scores alone, so each check is a stated rule that is silent unless the data speak
loudly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import ndtri

from expsim_bayes.amounts import rough
from expsim_bayes.errors import RatingsError
from expsim_bayes.ratings.wording import quote

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.ratings.coding import Coded

REVERSED_BELOW = -0.3
"""A source whose correlation with the others is lower may be reversed."""

FEWEST_PAIRS = 10
"""A correlation over fewer shared variant-item pairs is not looked at."""

SCALE_TOPS = (1.0, 5.0, 7.0, 10.0)
"""Highest scores of common rating scales (0-1, 1-5, 1-7, 0-10)."""

FEWEST_RATINGS = 20
"""A rater with fewer ratings does not show a scale."""


class Correlation(NamedTuple):
    """How each source goes with the mean of the others on what both rated."""

    r: NDArray[np.float64]
    """Correlation, (source,); NaN where there is nothing to correlate."""
    pairs: NDArray[np.intp]
    """Number of variant-item pairs shared with another source, (source,)."""


def correlation_with_others(
    score: NDArray[np.float64], source: NDArray[np.intp], cell: NDArray[np.intp], n_sources: int
) -> Correlation:
    """Correlation of every source's mean score of a cell with the mean standardised score of the other sources there.

    Parameters
    ----------
    score, source, cell : arrays of shape (rating,)
        Scores, the code of who gave them, and the code of the variant-item pair that they are about.
    n_sources : int
        Number of sources.
    """
    width = int(cell.max()) + 1 if len(cell) else 1
    pair, inverse = np.unique(source.astype(np.int64) * width + cell, return_inverse=True)
    own = np.bincount(inverse, score) / np.bincount(inverse)
    who, where = pair // width, pair % width
    standard = _standardise(own, who, n_sources)
    others = np.bincount(where, weights=np.ones(len(where)), minlength=width)[where] - 1
    shared = (others > 0) & np.isfinite(standard)
    total = np.bincount(where, weights=np.nan_to_num(standard), minlength=width)[where]
    mean_of_others = (total - np.nan_to_num(standard))[shared] / others[shared]
    x = _standardise(own[shared], who[shared], n_sources)
    y = _standardise(mean_of_others, who[shared], n_sources)
    pairs = np.bincount(who[shared], minlength=n_sources)
    with np.errstate(invalid="ignore", divide="ignore"):
        r = np.bincount(who[shared], weights=x * y, minlength=n_sources) / pairs
    return Correlation(r, pairs.astype(np.intp))


def _standardise(values: NDArray[np.float64], group: NDArray[np.int64], n_groups: int) -> NDArray[np.float64]:
    n = np.maximum(np.bincount(group, minlength=n_groups), 1)
    centred = values - (np.bincount(group, values, minlength=n_groups) / n)[group]
    sd = np.sqrt(np.bincount(group, centred**2, minlength=n_groups) / n)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(sd[group] > 1e-12, centred / sd[group], np.nan)


def reversed_sources(correlation: Correlation) -> NDArray[np.bool_]:
    """Sources that seem reversed: r < -.3, on 10 pairs or more, and below zero beyond chance.

    Beyond chance means that the upper end of Fisher's 95 % interval, widened (Bonferroni) for the number of sources
    looked at, is below zero.
    """
    enough = (correlation.pairs >= FEWEST_PAIRS) & np.isfinite(correlation.r)
    z = -ndtri(0.025 / max(int(enough.sum()), 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        upper = np.arctanh(np.clip(correlation.r, -1 + 1e-12, 1)) + z / np.sqrt(correlation.pairs - 3.0)
        return enough & (correlation.r < REVERSED_BELOW) & (upper < 0)


def polarity_warnings(coded: Coded) -> list[str]:
    """A warning for each evaluator, then for each rater of an evaluator, that seems to score the other way round."""
    cell = coded.item * len(coded.variants) + coded.variant
    warnings = []
    by_evaluator = correlation_with_others(coded.score, coded.evaluator, cell, len(coded.evaluators))
    flagged = np.flatnonzero(reversed_sources(by_evaluator))
    if len(coded.evaluators) == 2 and len(flagged):
        names = " and ".join(quote(name) for name in coded.evaluators)
        warnings.append(
            _warn(f"the evaluators {names} contradict each other", by_evaluator, int(flagged[0]), "one of them")
        )
    else:
        warnings += [
            _warn(f"the evaluator {quote(coded.evaluators[k])} contradicts the others", by_evaluator, int(k), "it")
            for k in flagged
        ]
    person = ~coded.anonymous[coded.evaluator]
    within = correlation_with_others(
        coded.score[person],
        coded.rater[person],
        (coded.evaluator * (int(cell.max(initial=0)) + 1) + cell)[person],
        len(coded.raters),
    )
    warnings += [
        _warn(
            f"the rater {quote(coded.raters[r])} contradicts the other raters of the pool", within, int(r), "the rater"
        )
        for r in np.flatnonzero(reversed_sources(within))
    ]
    return warnings


def _warn(who: str, correlation: Correlation, at: int, culprit: str) -> str:
    return (
        f"warning: {who} (correlation {correlation.r[at]:.2f} on {correlation.pairs[at]:,} shared pairs of "
        "variant and item): "
        f"{culprit} may use a reversed scale; if so, reverse those scores before the analysis"
    )


def require_one_scale(coded: Coded, source: str) -> None:
    """Raise when the raters of one pool seem to use two scales, such as 0-10 and 1-5.

    Only asked where no score range is declared.

    The rule: a rater with 20 ratings or more stops at the top of a common scale (1, 5, 7 or 10) and reaches it in 5 %
    of the ratings or more, while another one with 20 or more puts over half of the scores above that top. Severe and
    lenient raters of error scores, whose highest scores are rare, do not meet it. Evaluators may each have a scale of
    their own.
    """
    n = np.bincount(coded.rater, minlength=len(coded.raters))
    top = np.full(len(coded.raters), -np.inf)
    np.maximum.at(top, coded.rater, coded.score)
    reached = np.bincount(coded.rater, weights=coded.score == top[coded.rater], minlength=len(coded.raters))
    seen = n >= FEWEST_RATINGS
    for limit in SCALE_TOPS:
        above = np.bincount(coded.rater, weights=coded.score > limit, minlength=len(coded.raters))
        low = seen & (top == limit) & (reached >= 0.05 * n)
        high = seen & (above > 0.5 * n)
        for k in np.intersect1d(coded.rater_evaluator[low], coded.rater_evaluator[high]):
            small, large = (int(np.flatnonzero(rows & (coded.rater_evaluator == k))[0]) for rows in (low, high))
            raise RatingsError(
                f"two scales among the raters of {quote(coded.evaluators[k])}: {quote(coded.raters[small])} "
                f"never passes {limit:g}, "
                f"{quote(coded.raters[large])} gives more than {limit:g} in {rough(above[large] / n[large])} "
                "of the ratings",
                where=f"{source}, column 'score'",
                remedy=(
                    "bring them to one scale, or name two evaluators in a column 'evaluator'; if it is one "
                    "scale, declare it with --score-range"
                ),
            )
