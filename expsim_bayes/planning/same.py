r"""What more ratings of the same kinds would bring, told from the draws of a fit alone.

With :math:`V_0` the prior and :math:`V` the posterior covariance of the contrasts of quality, the ratings so far brought the information
:math:`J = V^{-1} - V_0^{-1}`, and :math:`n` more of the same on new items bring :math:`J n / N`. What the ratings so far cannot tell at all
(a judge's taste for a variant) stays: there :math:`J` is close to nothing. It is an approximation where quality is far from normal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from expsim_bayes.planning.futures import (
    ENDLESS,
    FIRST_BATCH,
    MOST_RATINGS,
    TARGET,
    Further,
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
    >>> 100 < found.ratings < 1000, found.floor < 0.01
    (True, True)
    """
    after = _after(now, prior, ratings)

    def decides(count: float) -> float:
        return prob_decides(choice, mean, now, after(count))

    needed = fewest(decides, 1, MOST_RATINGS, target)
    pick = leader_and_challenger(choice, mean)
    start, first_batch, end = (variance(cov, pick) for cov in (now, after(FIRST_BATCH), after(ENDLESS)))
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
    )


def _after(
    now: NDArray[np.float64], prior: NDArray[np.float64], ratings: int
) -> Callable[[float], NDArray[np.float64]]:
    """Covariance of quality, up to a shift common to all variants, after a number of further ratings.

    In the coordinates in which the prior covariance of the contrasts is the identity, the posterior one is diagonal.
    """
    n = len(now)
    contrast = np.linalg.qr(np.column_stack([np.ones(n), np.eye(n)[:, : n - 1]]))[0][:, 1:]
    before, today = contrast.T @ prior @ contrast, contrast.T @ now @ contrast
    values, vectors = np.linalg.eigh(before)
    root = vectors * np.sqrt(np.maximum(values, 1e-12 * values.max()))
    shrunk, basis = np.linalg.eigh(np.linalg.solve(root, np.linalg.solve(root, today).T))
    shrunk = np.clip(shrunk, 1e-12, 1.0)
    told = 1.0 / shrunk - 1.0
    back = contrast @ root @ basis

    def after(count: float) -> NDArray[np.float64]:
        later: NDArray[np.float64] = (back / (1.0 + told * (1.0 + count / ratings))) @ back.T
        return later

    return after
