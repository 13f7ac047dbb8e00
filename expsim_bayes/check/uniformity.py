"""Are ranks uniform, and do intervals hold the truth as often as they say? The tests behind every calibration check.

A posterior that is right gives each test quantity a rank of the truth among its draws (or a probability below the truth) that is uniform
over simulations drawn from the prior (Cook, Gelman and Rubin 2006; Talts et al. 2018).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BINS = 20
"""Bins of the chi-square test."""
ALPHA = 0.01
"""Chance of a false alarm over all quantities of a check."""
LEVELS = (0.5, 0.8, 0.9, 0.95)
"""Probabilities of the intervals whose coverage is counted."""


class Calibration(NamedTuple):
    """What a check found for one quantity."""

    quantity: str
    """Name."""
    simulations: int
    """Simulations counted."""
    p_chi_square: float
    """p value of the chi-square test of uniformity in 20 bins."""
    p_kolmogorov: float
    """p value of the Kolmogorov-Smirnov test of uniformity."""
    coverage: tuple[float, ...]
    """Share of central 50, 80, 90 and 95 % intervals that hold the truth."""

    def passes(self, quantities: int) -> bool:
        """Whether neither test rejects, with Bonferroni's correction over two tests of each quantity."""
        return min(self.p_chi_square, self.p_kolmogorov) >= ALPHA / (2 * quantities)


def calibration(quantity: str, below: NDArray[np.float64]) -> Calibration:
    """Test one quantity.

    Parameters
    ----------
    quantity : str
        Its name.
    below : numpy.ndarray
        (simulation,) posterior probability below the truth, in (0, 1): a normal CDF, or (rank + u) / (draws + 1) with u uniform.

    Examples
    --------
    >>> even = (np.arange(1000) + 0.5) / 1000
    >>> calibration("even", even).passes(1), calibration("too sure", (even > 0.5) * 0.998 + 0.001).passes(1)
    (True, False)
    """
    from scipy import stats

    counts = np.histogram(below, bins=BINS, range=(0.0, 1.0))[0]
    inside = tuple(float((np.abs(below - 0.5) <= level / 2).mean()) for level in LEVELS)
    return Calibration(
        quantity,
        below.size,
        float(stats.chisquare(counts).pvalue),
        float(stats.kstest(below, "uniform").pvalue),
        inside,
    )


def ranks_below(
    truth: NDArray[np.float64], draws: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """(simulation,) posterior probability below the truth from draws, ties and steps broken at random.

    Parameters
    ----------
    truth : numpy.ndarray
        (simulation,)
    draws : numpy.ndarray
        (simulation, draw) nearly independent draws.
    rng : numpy.random.Generator
        Breaks ties.
    """
    less = (draws < truth[:, None]).sum(axis=1)
    equal = (draws == truth[:, None]).sum(axis=1)
    rank = less + rng.integers(0, equal + 1)
    return (rank + rng.random(truth.size)) / (draws.shape[1] + 1)
