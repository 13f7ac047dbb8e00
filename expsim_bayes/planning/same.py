r"""What more ratings of the same kinds would bring, told from the draws of a fit alone.

Of the posterior covariance of the contrasts of quality, the part that hangs together with the tastes of those who rate stays however many
new items they rate: the same judge keeps its taste. What is left, :math:`V`, beside what was believed before any rating, :math:`V_0`, tells
how much was learned, :math:`J = V^{-1} - V_0^{-1}` from :math:`N` ratings; :math:`n` more of the same bring :math:`J n / N`. It is an
approximation where quality is far from normal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from expsim_bayes.planning.futures import (
    DOLLARS,
    ENDLESS,
    FIRST_BATCH,
    MOST_RATINGS,
    TARGET,
    Further,
    bought,
    fewest,
    gain_of_choosing_later,
    leader_and_challenger,
    prob_decides,
    variance,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from expsim_bayes.planning.futures import Choice


def more_of_the_same(
    choice: Choice,
    *,
    mean: NDArray[np.float64],
    now: NDArray[np.float64],
    prior: NDArray[np.float64],
    ratings: int,
    label: str,
    stays: NDArray[np.float64] | None = None,
    usd_per_rating: float | None = None,
    target: float = TARGET,
) -> Further:
    """What further ratings, shared out as those so far, would bring.

    Parameters
    ----------
    choice : Choice
        What is to be decided.
    mean, now : numpy.ndarray
        (V,) and (V, V) posterior mean and covariance of quality.
    prior : numpy.ndarray
        (V, V) its covariance before any rating.
    ratings : int
        How many there are so far.
    label : str
        What to call them, such as "comparisons".
    stays : numpy.ndarray, optional
        (V, V) the part of `now` that no further rating by the same raters removes, from `bound_to`; nothing unless told.
    usd_per_rating : float, optional
        Dollars for one.
    target : float
        Probability of a decision that is asked for.

    Examples
    --------
    >>> from expsim_bayes.planning import Choice
    >>> from expsim_bayes.stopping import Superiority
    >>> choice = Choice(rules=(Superiority(threshold=0.95),), contenders=(0, 1))
    >>> now, prior = np.eye(2) * 0.01, np.eye(2)
    >>> found = more_of_the_same(choice, mean=np.array([0.0, 0.15]), now=now, prior=prior, ratings=100, label="comparisons")
    >>> found.ratings, round(found.floor, 6), round(found.variance_removed, 3)
    (1306, 0.0, 0.497)
    """
    after = _after(now, prior, np.zeros_like(now) if stays is None else stays, ratings)

    def decides(count: float) -> float:
        return prob_decides(choice, mean, now, after(count))

    needed = fewest(decides, 1, MOST_RATINGS, target)
    pick = leader_and_challenger(choice, mean)
    start, first_batch, end = (variance(cov, pick) for cov in (now, after(FIRST_BATCH), after(ENDLESS)))
    dollar, hundred = (
        bought(choice, mean, after, usd / usd_per_rating if usd_per_rating else None, usd_each=usd_per_rating)
        for usd in DOLLARS
    )
    return Further(
        label=label,
        new_people=0,
        ratings=needed,
        outputs=None,
        usd=None if needed is None or usd_per_rating is None else needed * usd_per_rating,
        days=None,
        prob_decides=decides(MOST_RATINGS if needed is None else needed),
        batch_ratings=FIRST_BATCH,
        batch_usd=None if usd_per_rating is None else FIRST_BATCH * usd_per_rating,
        variance_removed=1.0 - first_batch / start,
        floor=end / start,
        value=gain_of_choosing_later(choice, mean, now, after(FIRST_BATCH)),
        dollar=dollar,
        hundred=hundred,
    )


def bound_to(quality: NDArray[np.float64], tastes: NDArray[np.float64]) -> NDArray[np.float64]:
    """(V, V) part of the covariance of quality that goes with the tastes of those who rated, by linear regression over the draws.

    Parameters
    ----------
    quality, tastes : numpy.ndarray
        (draw, V) draws of quality, and of the mean taste for each variant of those whose ratings quality rests on.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> taste = rng.normal(size=(4000, 2))
    >>> found = bound_to(rng.normal(size=(4000, 2)) - taste, taste)
    >>> bool(abs(found[0, 0] - 0.5) < 0.1), bool(abs(found[0, 0] + found[0, 1]) < 1e-9)  # contrasts only
    (True, True)
    """
    centred = quality - quality.mean(axis=0)
    centred = centred - centred.mean(axis=1, keepdims=True)
    liked = tastes - tastes.mean(axis=0)
    liked = liked - liked.mean(axis=1, keepdims=True)
    fitted = liked @ np.linalg.lstsq(liked, centred, rcond=1e-9)[0]
    cov: NDArray[np.float64] = fitted.T @ fitted / len(quality)
    return cov


def _after(
    now: NDArray[np.float64], prior: NDArray[np.float64], stays: NDArray[np.float64], ratings: int
) -> Callable[[float], NDArray[np.float64]]:
    """Covariance of quality, up to a shift common to all variants, after a number of further ratings.

    In the coordinates in which the prior covariance of the contrasts is the identity, that of what can still be learned is diagonal.
    """
    n = len(now)
    contrast = np.linalg.qr(np.column_stack([np.ones(n), np.eye(n)[:, : n - 1]]))[0][:, 1:]
    before, today, rest = (contrast.T @ cov @ contrast for cov in (prior, now, stays))
    values, vectors = np.linalg.eigh(before)
    root = vectors * np.sqrt(np.maximum(values, 1e-12 * values.max()))
    shrunk, basis = np.linalg.eigh(np.linalg.solve(root, np.linalg.solve(root, today - rest).T))
    shrunk = np.clip(shrunk, 1e-12, 1.0)
    told = 1.0 / shrunk - 1.0
    back = contrast @ root @ basis
    # what is not explained by either (more spread now than before any rating) stays too, so that nothing changes without ratings
    at_first = (back * shrunk) @ back.T
    kept = contrast @ today @ contrast.T - at_first

    def after(count: float) -> NDArray[np.float64]:
        later: NDArray[np.float64] = kept + (back / (1.0 + told * (1.0 + count / ratings))) @ back.T
        return later

    return after
