"""The votes of one block averaged over its own effects by weighed points, compiled: what Laplace's method tells badly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from expsim_bayes.votes.compiling import compiled
from expsim_bayes.votes.laws import STARS, bounded, law, weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

SMALL = 1e-200
"""Product of probabilities from which its logarithm is taken."""
WIDTHS = (1.1, 3.0)
"""Widths, beside Laplace's, of the two normal laws that these points are of, half of them each."""
PAIRS, MOST = 32, 16
"""Points of a block, each with its mirror image, and own effects up to which they are taken."""


def evenly(count: int, dims: int) -> NDArray[np.float64]:
    """(count, dims) evenly spread standard normal points: multiples of irrational numbers, of which any that follow are even, too."""
    primes = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53)[:dims]
    return np.asarray(ndtri((np.arange(1, count + 1)[:, None] * np.sqrt(primes)) % 1.0))


NODES = evenly(128 * PAIRS, MOST)
"""Points; blocks take theirs at different places, so that errors do not add up."""


@compiled
def averaged(kind, cuts, start, stop, vote, times, base, row_pattern, loads, first, m, z, root, sums):
    """Log probability of a block averaged over its own effects by points around their mode, weighed; parameters as of `settled`."""
    patterns, begin = loads.shape[0], (start * PAIRS) % NODES.shape[0]
    logs, tried, plain = np.empty(2 * PAIRS), np.empty(m), np.empty((stop - start, 2))
    for t in range(stop - start):
        ahead = base[t, 1] if kind == STARS else base[t, 2] * base[t, 0] + base[t, 1]
        plain[t, 0], plain[t, 1] = weights(kind, ahead, base[t, 3])
    for d in range(2 * PAIRS):
        size, away = WIDTHS[d % 2] * (1.0 if d < PAIRS else -1.0), 0.0
        for a in range(m):
            tried[a] = size * NODES[begin + d % PAIRS, a]
            away += 0.5 * tried[a] * tried[a]
        log = np.log(2.0) - np.log(
            np.exp(-away / WIDTHS[0] ** 2) / WIDTHS[0] ** m + np.exp(-away / WIDTHS[1] ** 2) / WIDTHS[1] ** m
        )
        for a in range(m - 1, -1, -1):
            for b in range(a + 1, m):
                tried[a] -= root[b, a] * tried[b]
            tried[a] /= root[a, a]
        for a in range(m):
            tried[a] += z[a]
            log -= 0.5 * tried[a] * tried[a]
        for k in range(patterns):
            sums[k, 0] = 0.0
            for a in range(m):
                sums[k, 0] += loads[k, a] * tried[a]
            sums[k, 0] = bounded(sums[k, 0])
            sums[k, 1] = np.exp(sums[k, 0]) if kind == STARS else np.exp(0.5 * sums[k, 0])
        product = 1.0
        for t in range(stop - start):
            k, rho = row_pattern[start + t] - first, base[t, 2]
            more = sums[k, 1] if rho == 1.0 else np.exp(0.5 * bounded(rho * sums[k, 0]))
            one, two = plain[t, 0] * more, plain[t, 1] / more if kind == STARS else plain[t, 1]
            chance = law(kind, cuts, vote[start + t], one, two)[0]
            n = times[start + t]
            if n == 1.0:
                product *= chance
            else:
                log += n * np.log(chance)
            if product < SMALL:
                log += np.log(product)
                product = 1.0
        logs[d] = log + np.log(product)
    most = logs.max()
    found = most + np.log(np.exp(logs - most).mean())
    for a in range(m):
        found -= np.log(root[a, a])
    return found
