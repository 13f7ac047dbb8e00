"""Does the model expect ratings like those that were given? Observed shares beside what it predicts.

`predicted_shares` counts, `predictive_check` draws; `feature_check` draws any other features of the ratings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from expsim_bayes.amounts import count, feature, level
from expsim_bayes.plots.labels import FONT_SIZE, distinct, font_families
from expsim_bayes.plots.theme import LIGHT, Theme, dress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

MOST_BARS = 24
"""Bins of scores that are not whole steps of a scale."""
MOST_TICKS = 12
"""Bins that each get a tick."""


class PredictedShares(NamedTuple):
    """Shares of the ratings in bins of the score, observed and predicted."""

    edges: Floats
    """(bin + 1,) in points."""
    observed: Floats
    """(bin,)"""
    median: Floats
    """(bin,) median over draws."""
    low: Floats
    """(bin,) lower end of the predicted band."""
    high: Floats
    """(bin,) upper end of the predicted band."""
    ratings: int
    """Observed ratings."""
    ci_prob: float
    """Probability of the band, for each bin by itself."""


def predicted_shares(observed: ArrayLike, predictions: ArrayLike, *, ci_prob: float = 0.95) -> PredictedShares:
    """Shares of observed and of predicted ratings in the same bins.

    A scale of up to `MOST_BARS` equal steps gets a bin a step; bins reach as far as the scores and all but .2 % of
    the predictions do.

    Parameters
    ----------
    observed : array_like of shape (rating,)
        Scores; NaN is left out.
    predictions : array_like of shape (draw, rating)
        Posterior (or prior) predictive draws.
    ci_prob : float
        Probability of the band.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> shares = predicted_shares(rng.integers(1, 6, 500), rng.normal(3, 1.4, (100, 500)))
    >>> float(shares.observed.sum()), float(shares.edges[0]) <= 0.5, float(shares.edges[-1]) >= 5.5
    (1.0, True, True)
    """
    scores, drawn = np.asarray(observed, dtype=float), np.asarray(predictions, dtype=float)
    keep = np.isfinite(scores)
    scores, drawn = scores[keep], drawn[:, keep]
    edges = _edges(scores, drawn)
    shares = np.stack([np.histogram(draw, edges)[0] for draw in drawn]) / scores.size
    low, median, high = np.quantile(shares, [(1 - ci_prob) / 2, 0.5, (1 + ci_prob) / 2], axis=0)
    return PredictedShares(
        edges, np.histogram(scores, edges)[0] / scores.size, median, low, high, int(scores.size), ci_prob
    )


def _edges(scores: Floats, drawn: Floats) -> Floats:
    tails = np.quantile(drawn, (0.001, 0.999))
    low, high = min(float(scores.min()), float(tails[0])), max(float(scores.max()), float(tails[1]))
    steps = np.diff(np.unique(scores))
    step = float(steps.min()) if steps.size else (high - low) / MOST_BARS or 1.0
    if np.ptp(scores) > MOST_BARS * step or not np.allclose(steps / step, np.round(steps / step)):
        step = float(np.ptp(scores)) / MOST_BARS
    first = scores.min() - step / 2
    below, above = np.ceil(max(first - low, 0) / step), np.floor((high - first) / step) + 1
    return np.asarray(first + step * np.arange(-below, above + 1), dtype=float)


def predictive_check(shares: PredictedShares, ax: Axes, *, title: str | None = None, theme: Theme = LIGHT) -> Axes:
    """Observed shares as bars, predicted ones as dots with a band.

    Parameters
    ----------
    shares : PredictedShares
        From `predicted_shares`.
    ax : Axes
        To draw on.
    title : str, optional
        What the picture shows.
    theme : Theme
        Colours.
    """
    from matplotlib.ticker import FuncFormatter

    middle, width = (shares.edges[1:] + shares.edges[:-1]) / 2, np.diff(shares.edges)
    wide = f", {width[0]:.2g} points wide" if width[0] < 1.0 else ""
    words = f"score, points (bars{wide}: {count(shares.ratings)} ratings; dots: predicted by the model, {level(shares.ci_prob)} band)"
    dress(ax, theme=theme, title=title, x=words, y="share of the ratings")
    ax.bar(middle, shares.observed, 0.9 * width, color=theme.faint, edgecolor=theme.muted, linewidth=0.8)
    error = np.stack([shares.median - shares.low, shares.high - shares.median])
    colour = theme.colours[0]
    ax.errorbar(middle, shares.median, error, fmt="o", color=colour, markersize=5, linewidth=1.8)
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: level(round(float(value), 4))))
    if middle.size <= MOST_TICKS:
        ax.set_xticks(middle)
    return ax


FARTHEST = 3.0
"""Half-widths of the interval beyond which an observed value is drawn at the edge."""
LONGEST_NAME = 64
"""Letters of a feature's name that are shown."""


def feature_check(
    names: Sequence[str],
    observed: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    ax: Axes,
    *,
    ci_prob: float = 0.95,
    title: str | None = None,
    theme: Theme = LIGHT,
) -> Axes:
    """Features of the ratings, each on a scale of its own: the predicted intervals form one band, and a dot shows what was observed.

    Parameters
    ----------
    names : sequence of str
        Features; one whose name begins with "share" is told in per cent.
    observed, low, high : array_like of shape (feature,)
        In the ratings, and ends of the predictive interval.
    ax : Axes
        To draw on.
    ci_prob : float
        Probability of the intervals.
    title : str, optional
        What the picture shows.
    theme : Theme
        Colours.
    """
    seen, lows, highs = (np.asarray(values, dtype=float) for values in (observed, low, high))
    half = np.maximum((highs - lows) / 2, 1e-12 + 1e-6 * np.abs(highs))
    place = np.clip((seen - (lows + highs) / 2) / half, -FARTHEST, FARTHEST)
    words = f"dot: observed; band: predicted ({level(ci_prob)} interval)"
    dress(ax, theme=theme, title=title, x=words, y="", grid="x")
    ax.axvspan(-1, 1, color=theme.colours[0], alpha=0.14, linewidth=0, zorder=0)
    rows = np.arange(len(names))[::-1]
    for n, row in enumerate(rows):
        outside = abs(place[n]) > 1.0 + 1e-6
        marker = "<" if place[n] <= -FARTHEST else ">" if place[n] >= FARTHEST else "o"
        colour = theme.colours[1] if outside else theme.ink
        ax.plot([place[n]], [row], marker=marker, color=colour, markersize=7, linestyle="", zorder=3)
        numbers = f"{feature(names[n], seen[n])}  [{feature(names[n], lows[n])}, {feature(names[n], highs[n])}]"
        ax.text(
            1.03, row, numbers, transform=ax.get_yaxis_transform(), color=theme.ink, fontsize=FONT_SIZE - 1, va="center"
        )
    ax.set_yticks(rows, distinct(names, LONGEST_NAME), color=theme.ink, fontfamily=font_families(), parse_math=False)
    ax.tick_params(axis="y", length=0)
    ax.set_xlim(-FARTHEST - 0.2, FARTHEST + 0.2)
    ax.set_ylim(-0.7, len(names) - 0.3)
    ax.set_xticks([-1, 1], ["low end", "high end"])
    return ax
