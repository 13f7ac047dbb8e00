"""The chains of a fit as finished numbers: draws of each number, how often each chain is where in their order, energy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from expsim_bayes.diagnostics import Verdict

    Floats = NDArray[np.float64]

BINS = 20
"""Bins of ranks."""
ENERGY_BINS = 40
"""Bins of energies."""
MOST_CHAINS = 8
"""Chains that are drawn."""
BAND = 0.99
"""Probability with which a step of ranks lies within its band if the chains see the same."""


class Draws(NamedTuple):
    """One number of a posterior."""

    name: str
    values: Floats
    """(chain, draw)"""
    diverging: NDArray[np.bool_] | None
    """(chain, draw) which draws diverged; None where that is not known."""


class Ranks(NamedTuple):
    """How often each chain has the lowest, middling and highest of all draws."""

    middle: Floats
    """(bin,) share of all draws that are lower, in the middle of a bin."""
    times: Floats
    """(chain, bin) times as often as expected."""
    low: float
    """Lower end of the band within which a step lies if the chains see the same."""
    high: float
    """Upper end."""

    @property
    def outside(self) -> float:
        """Share of the steps that leave the band."""
        return float(np.mean((self.times < self.low) | (self.times > self.high)))


class Energies(NamedTuple):
    """Energy of a sampler, and how far it moves from draw to draw."""

    middle: Floats
    """(bin,) energy around its mean, in the middle of a bin."""
    level: Floats
    """(bin,) share of draws with that energy."""
    moves: Floats
    """(bin,) share of draws that change by so much."""
    bfmi: tuple[float, ...]
    """Bayesian fraction of missing information of each chain."""


def numbers(tree: xr.DataTree, found: Verdict) -> list[str]:
    """Names of all numbers that can be drawn, the worst first."""
    judged = sorted(found.quantities, key=lambda q: -q.r_hat if np.isfinite(q.r_hat) else -np.inf)
    known = places(tree)
    return [q.name for q in judged if q.name in known]


def draws(tree: xr.DataTree, name: str) -> Draws:
    """Draws of one number, by its name in the verdict."""
    variable, place = places(tree)[name]
    values = tree["posterior"].to_dataset()[variable].transpose("chain", "draw", ...).to_numpy()
    flat = values.reshape(*values.shape[:2], -1)[:, :, place].astype(np.float64)
    return Draws(name, flat, _stat(tree, "diverging", np.bool_))


def energy(tree: xr.DataTree) -> Floats | None:
    """(chain, draw) energy of the sampler; None where it is not known, or not finite."""
    found: Floats | None = _stat(tree, "energy", np.float64)
    return found if found is not None and np.isfinite(found).all() else None


def _stat(tree: xr.DataTree, name: str, kind: Any) -> Any:
    if "sample_stats" not in tree.children or name not in tree["sample_stats"].data_vars:
        return None
    return tree["sample_stats"][name].transpose("chain", "draw").to_numpy().astype(kind)


def places(tree: xr.DataTree) -> dict[str, tuple[str, int]]:
    """Variable and place of every number of a posterior, by its name."""
    from expsim_bayes.diagnostics import labels

    posterior = tree["posterior"].to_dataset()
    return {
        f"{name}{label}": (str(name), place)
        for name in posterior.data_vars
        for place, label in enumerate(labels(posterior[name]))
    }


def ranks(values: Floats) -> Ranks:
    """How often each chain has the lowest, middling and highest draws: about equally often is good.

    Parameters
    ----------
    values : array of shape (chain, draw)
        Draws of one number.

    Examples
    --------
    >>> alike = np.random.default_rng(1).normal(size=(4, 1000))
    >>> ranks(alike).outside < 0.1 < ranks(alike + np.array([[0], [0], [0], [2]])).outside
    True
    """
    from scipy.stats import binom, rankdata

    draws = values.shape[1]
    place = rankdata(values, method="average").reshape(values.shape) / values.size
    bins = min(BINS, max(draws // 10, 2))
    counts = np.stack([np.histogram(row, np.linspace(0, 1, bins + 1))[0] for row in place])
    low, high = (float(binom.ppf(end, draws, 1 / bins)) * bins / draws for end in ((1 - BAND) / 2, (1 + BAND) / 2))
    return Ranks((np.arange(bins) + 0.5) / bins, counts * bins / draws, low, high)


def energies(values: Floats) -> Energies:
    """Energy of the sampler around its mean, and how far it moves from draw to draw: shapes that are about as wide are good.

    Parameters
    ----------
    values : array of shape (chain, draw)
        From `energy`.
    """
    level = (values - values.mean(axis=1, keepdims=True)).ravel()
    moves = np.diff(values, axis=1).ravel()
    reach = float(np.quantile(np.abs(np.concatenate([level, moves])), 0.998)) or 1.0
    edges = np.linspace(-reach, reach, ENERGY_BINS + 1)
    shares = [np.histogram(part, edges)[0] / max(part.size, 1) for part in (level, moves)]
    with np.errstate(invalid="ignore", divide="ignore"):
        each = np.mean(np.diff(values, axis=1) ** 2, axis=1) / np.var(values, axis=1)
    return Energies((edges[1:] + edges[:-1]) / 2, shares[0], shares[1], tuple(float(one) for one in each))


def apart(values: Floats) -> float | None:
    """Standard deviations between the means of the chains that are farthest apart; None where the draws do not move.

    Examples
    --------
    >>> apart(np.array([[0.0, 1.0], [0.0, 1.0]])), apart(np.ones((2, 3)))
    (0.0, None)
    """
    spread = float(values.std())
    return float(np.ptp(values.mean(axis=1))) / spread if spread > 0 else None
