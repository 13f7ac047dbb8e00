"""Are ranks uniform, and do intervals hold the truth as often as they say? The tests behind every calibration check.

A posterior that is right gives each test quantity a rank of the truth among its draws (or a probability below the truth) that is uniform
over simulations drawn from the prior (Cook, Gelman and Rubin 2006; Talts et al. 2018).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from scipy.special import ndtr

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

BINS = 20
"""Bins of the chi-square test."""
ALPHA = 0.01
"""Chance of a false alarm over all quantities of one calibration."""
DOUBTFUL = 0.05
"""Chance over all quantities below which a check is run again, once, with fresh random numbers and twice the simulations."""
LEVELS = (0.5, 0.8, 0.9, 0.95)
"""Probabilities of the intervals whose coverage is counted."""

Verdict = Literal["pass", "again", "fail"]


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

    @property
    def p(self) -> float:
        """The smaller of the two p values."""
        return min(self.p_chi_square, self.p_kolmogorov)


def calibration(quantity: str, below: NDArray[np.float64]) -> Calibration:
    """Test one quantity; one value that is no probability fails it, for a posterior that is not a number is not a posterior.

    Parameters
    ----------
    quantity : str
        Its name.
    below : numpy.ndarray
        (simulation,) posterior probability below the truth, in (0, 1): a normal CDF, or (rank + u) / (draws + 1) with u uniform.

    Examples
    --------
    >>> even = (np.arange(1000) + 0.5) / 1000
    >>> calibration("even", even).p, calibration("too sure", (even > 0.5) * 0.998 + 0.001).p
    (1.0, 0.0)
    """
    from scipy import stats

    if not np.all((below >= 0) & (below <= 1)):
        return Calibration(quantity, below.size, 0.0, 0.0, (0.0,) * len(LEVELS))
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
    below: NDArray[np.float64] = (rank + rng.random(truth.size)) / (draws.shape[1] + 1)
    return below


def predicted_below(
    prob: NDArray[np.float64], happened: NDArray[np.intp], rng: np.random.Generator
) -> NDArray[np.float64]:
    """(simulation,) randomised probability integral transform of which of several things happened.

    Parameters
    ----------
    prob : numpy.ndarray
        (simulation, thing) predicted probabilities, which sum to 1.
    happened : numpy.ndarray
        (simulation,) what did.
    rng : numpy.random.Generator
        Breaks ties.
    """
    rows = np.arange(happened.size)
    of_it = prob[rows, happened]
    before: NDArray[np.float64] = np.cumsum(prob, axis=1)[rows, happened] - of_it
    return np.clip(before + rng.random(happened.size) * of_it, 0.0, 1.0)


def verdict(rows: Sequence[Calibration]) -> Verdict:
    """Whether a check as a whole passes, fails, or is doubtful enough to be run again.

    Examples
    --------
    >>> one = Calibration("q", 1000, 0.5, 0.4, (0.5, 0.8, 0.9, 0.95))
    >>> verdict([one]), verdict([one._replace(p_chi_square=0.02)]), verdict([one._replace(p_chi_square=0.004)])
    ('pass', 'again', 'fail')
    """
    smallest = 2 * len(rows) * min(row.p for row in rows)
    return "fail" if smallest < ALPHA else "again" if smallest < DOUBTFUL else "pass"


def power(simulations: int, quantities: int) -> tuple[float, float]:
    """How often a calibration of this size notices, in one quantity, a mean that is off by .3 SD, and an SD that is .7 of the right one.

    From 300 calibrations of each, with a Monte-Carlo error of .03 or less.

    Examples
    --------
    >>> shifted, shrunk = power(1_000, 50)
    >>> shifted > 0.9, shrunk > 0.9
    (True, True)
    """
    rng = np.random.default_rng(simulations)
    limit = ALPHA / (2 * quantities)

    def noticed(mean: float, sd: float) -> float:
        z = (rng.standard_normal((300, simulations)) - mean) / sd
        return float(np.mean([calibration("", below).p < limit for below in ndtr(z)]))

    return noticed(0.3, 1.0), noticed(0.0, 0.7)


class Runs(NamedTuple):
    """A calibration check, run once, or twice where the first run was doubtful."""

    rows: tuple[Calibration, ...]
    """Quantities of the last run, by which the check is judged."""
    seed: int
    """Its seed."""
    first: tuple[Calibration, ...]
    """Quantities of the first run where there were two, else empty."""

    @property
    def passed(self) -> bool:
        """Whether uniformity is not rejected."""
        return verdict(self.rows) == "pass" or (bool(self.first) and verdict(self.rows) == "again")


def run_again_if_doubtful(
    run: Callable[[int, int], Sequence[Calibration]], *, simulations: int, random_seed: int
) -> Runs:
    """Run a check, and where it is doubtful once more with a fresh seed and twice the simulations.

    Parameters
    ----------
    run : callable
        Number of simulations and seed to calibrations.
    simulations, random_seed : int
        Of the first run.
    """
    rows = tuple(run(simulations, random_seed))
    if verdict(rows) != "again":
        return Runs(rows, random_seed, ())
    return Runs(tuple(run(2 * simulations, random_seed + 1)), random_seed + 1, rows)


def coverage_band(simulations: int, level: float, *, alpha: float = ALPHA) -> tuple[float, float]:
    """Smallest and largest share of intervals that may hold the truth, by the exact binomial distribution.

    Examples
    --------
    >>> coverage_band(200, 0.95)
    (0.905, 0.985)
    """
    from scipy import stats

    low, high = (float(stats.binom.ppf(tail, simulations, level)) for tail in (alpha / 2, 1 - alpha / 2))
    return low / simulations, high / simulations


def covered(rows: Sequence[Calibration], *, alpha: float = ALPHA) -> bool:
    """Whether intervals hold the truth as often as they say: no coverage lies outside its band, at `alpha` over all of them.

    Examples
    --------
    >>> row = Calibration("q", 200, 0.5, 0.5, (0.5, 0.8, 0.9, 0.95))
    >>> covered([row]), covered([row._replace(coverage=(0.5, 0.8, 0.9, 0.85))])
    (True, False)
    """
    return not outside_band(rows, alpha=alpha / (len(LEVELS) * len(rows)))


def outside_band(rows: Sequence[Calibration], *, alpha: float = ALPHA) -> list[tuple[str, float, float]]:
    """Quantity, level and coverage of every interval whose coverage lies outside its band at `alpha`."""
    found = []
    for row in rows:
        for level, share in zip(LEVELS, row.coverage, strict=True):
            low, high = coverage_band(row.simulations, level, alpha=alpha)
            if not low - 1e-12 <= share <= high + 1e-12:
                found.append((row.quantity, level, share))
    return found
