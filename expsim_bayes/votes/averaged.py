"""The votes of one block averaged over its own effects by weighed points, compiled: what Laplace's method tells badly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from expsim_bayes.votes.compiling import compiled
from expsim_bayes.votes.exponentials import exponentials
from expsim_bayes.votes.laws import STARS, bounded, law

if TYPE_CHECKING:
    from numpy.typing import NDArray

SMALL = 1e-100
"""Product of probabilities from which its logarithm is taken."""
LOOKED = 4
"""Votes after which that is looked at."""
WIDTHS = (1.1, 3.0)
"""Widths, beside Laplace's, of the two normal laws that these points are of, half of them each."""
PAIRS, MOST = 32, 16
"""Points of a block, each with its mirror image, and own effects up to which they are taken."""


def evenly(count: int, dims: int) -> NDArray[np.float64]:
    """(count, dims) evenly spread standard normal points: multiples of irrational numbers, of which any that follow are even, too."""
    primes = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53)[:dims]
    return np.asarray(ndtri((np.arange(1, count + 1)[:, None] * np.sqrt(primes)) % 1.0))


def _logs(nodes: NDArray[np.float64]) -> NDArray[np.float64]:
    """(MOST + 1, count) minus the log density of these points beside that of a normal law, by own effects that are there."""
    away = np.concatenate([np.zeros((1, nodes.shape[1])), 0.5 * np.cumsum(nodes**2, axis=0)])
    size = np.arange(MOST + 1)[:, None]
    return np.asarray(np.log(2.0) - np.logaddexp(*(-away / width**2 - size * np.log(width) for width in WIDTHS)))


NODES = np.ascontiguousarray((evenly(128 * PAIRS, MOST) * np.resize(WIDTHS, 128 * PAIRS)[:, None]).T)
"""(MOST, count) points of both laws in turn; blocks take theirs at different places, so that errors do not add up."""
LOGS = _logs(NODES)


@compiled
def _chances(kind, cuts, vote, one, two, found):
    """Probabilities of a vote from what its law is told from, at each point: loops so plain that several points are one instruction."""
    if kind == STARS:
        for d in range(found.size):
            found[d] = law(kind, cuts, vote, one[d], two[d])[0]
    elif vote == 0:
        for d in range(found.size):
            found[d] = one[d] * one[d] / (one[d] * (one[d] + two[d]) + 1.0)
    elif vote == 1:
        for d in range(found.size):
            found[d] = one[d] * two[d] / (one[d] * (one[d] + two[d]) + 1.0)
    else:
        for d in range(found.size):
            found[d] = 1.0 / (one[d] * (one[d] + two[d]) + 1.0)


@compiled
def spread(kind, cuts, start, stop, vote, times, base, row_pattern, loads, first, m, z, root, away, logs):
    """Log densities of a block's votes and own effects added to `logs`, at a mode plus and minus normal numbers with the precision there.

    Parameters are as of `settled`; `away` has standard normal numbers, (m, half as many as `logs`), and is left with the way from the mode.
    """
    patterns, pairs = loads.shape[0], away.shape[1]
    chance, found, one, two = np.ones(2 * pairs), np.empty(2 * pairs), np.empty(2 * pairs), np.empty(2 * pairs)
    load, middle, more, room = np.zeros((patterns, pairs)), np.zeros(patterns), np.empty(pairs), np.empty(pairs)
    for a in range(m - 1, -1, -1):
        for b in range(a + 1, m):
            for d in range(pairs):
                away[a, d] -= root[b, a] * away[b, d]
        for d in range(pairs):
            away[a, d] /= root[a, a]
            logs[d] -= 0.5 * (z[a] + away[a, d]) ** 2
            logs[d + pairs] -= 0.5 * (z[a] - away[a, d]) ** 2
        for k in range(patterns):
            if loads[k, a] != 0.0:
                middle[k] += loads[k, a] * z[a]
                for d in range(pairs):
                    load[k, d] += loads[k, a] * away[a, d]
    half, k, rho, centre = 1.0 if kind == STARS else 0.5, -1, 1.0, 1.0
    for t in range(stop - start):
        if row_pattern[start + t] - first != k or base[t, 2] != rho:
            k, rho = row_pattern[start + t] - first, base[t, 2]
            for d in range(pairs):
                room[d] = half * rho * load[k, d]
            exponentials(room, more)
            centre = np.exp(half * bounded(rho * middle[k]))
        plain, other = base[t, 5] * centre, base[t, 6] / centre if kind == STARS else base[t, 6]
        for d in range(pairs):
            one[d], one[d + pairs] = plain * more[d], plain / more[d]
        if kind == STARS:
            for d in range(pairs):
                two[d], two[d + pairs] = other / more[d], other * more[d]
        else:
            two[:] = other
        _chances(kind, cuts, vote[start + t], one, two, found)
        n = times[start + t]
        if n == 1.0:
            for d in range(2 * pairs):
                chance[d] *= found[d]
        else:
            for d in range(2 * pairs):
                logs[d] += n * np.log(found[d])
        if t % LOOKED == 0:
            low = False
            for d in range(2 * pairs):
                low |= chance[d] < SMALL
            if low:
                for d in range(2 * pairs):
                    logs[d] += np.log(chance[d])
                    chance[d] = 1.0
    for d in range(2 * pairs):
        logs[d] += np.log(chance[d])


@compiled
def averaged(kind, cuts, start, stop, vote, times, base, row_pattern, loads, first, m, z, root):
    """Log probability of a block averaged over its own effects by points around their mode, weighed; parameters as of `settled`."""
    begin = (start * PAIRS) % NODES.shape[1]
    away, logs, found = NODES[:m, begin : begin + PAIRS].copy(), np.empty(2 * PAIRS), np.empty(2 * PAIRS)
    logs[:PAIRS] = LOGS[m, begin : begin + PAIRS]
    logs[PAIRS:] = logs[:PAIRS]
    spread(kind, cuts, start, stop, vote, times, base, row_pattern, loads, first, m, z, root, away, logs)
    most = logs.max()
    for d in range(2 * PAIRS):
        logs[d] -= most
    exponentials(logs, found)
    value = most + np.log(found.mean())
    for a in range(m):
        value -= np.log(root[a, a])
    return value
