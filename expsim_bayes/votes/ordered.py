"""The rankings of one data set, compiled: the same questions as `whole` answers for other votes.

How outputs suit an item is integrated out item by item (`places`), by finer points than where thousands of experiments wait.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from expsim_bayes.votes.compiling import compiled
from expsim_bayes.votes.laws import RANKINGS, bounded
from expsim_bayes.votes.modes import Scales, modes, voted_by
from expsim_bayes.votes.places import (
    chances,
    for_steep,
    in_differences,
    in_middle,
    mode,
    moved_by,
    over_both,
    put_back,
    ranked,
    room_for,
    told_apart,
)
from expsim_bayes.votes.points import rules

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.votes.modes import Rows

    Floats = NDArray[np.float64]
    Ints = NDArray[np.intp]


def found_each(
    votes: Rows,
    first: Floats,
    second: Floats,
    o: Floats,  # noqa: ARG001
    stretch: Floats,
    start: Floats,
    start_own: Floats,
) -> tuple[Floats, Floats, Floats, Floats]:
    """Modes of effects at sets of components: log marginal densities, places, roots of precisions, own effects."""
    scales = Scales(0, stretch.shape[1], 1.0, 0.0, stretch)
    sizes, which = (np.ones_like(start), np.zeros_like(start)), np.zeros(len(start), dtype=np.intp)
    found = modes(RANKINGS, votes, scales, (first, second), *sizes, which, start, start_own, finer=True)
    sound = np.isfinite(found.density)
    found.precision[~sound] = np.eye(start.shape[1])
    return found.density, found.at, np.linalg.cholesky(found.precision), found.own


@compiled
def _weighed_each(votes, table, which, x, own, rules):
    count, n = x.shape
    found, g, p, z = np.zeros(count), np.zeros(n), np.zeros((n, n)), np.zeros(own.shape[1])
    voted, room = voted_by(votes, 0), room_for(votes.votes_from, votes.own_from, rules)
    for d in range(count):
        s = which[d]
        z[:] = own[s]
        value, finer = 0.0, for_steep(votes.own, votes.own_code, table[s])
        for j in range(n):
            value -= 0.5 * x[d, j] * x[d, j]
        for i in range(votes.votes_from.size - 1):
            start, stop, base = votes.votes_from[i], votes.votes_from[i + 1], votes.own_from[i]
            if start == stop:
                continue
            m = votes.own_from[i + 1] - base
            rule, times = rules[max(m - 1, 0) + finer], votes.weight[0, i]
            value += ranked(voted, start, stop, base, m, table[s], x[d], z, rule, room, g, p, times)
        found[d] = value
    return found


def weighed_each(
    votes: Rows,
    first: Floats,
    second: Floats,  # noqa: ARG001
    o: Floats,  # noqa: ARG001
    stretch: Floats,  # noqa: ARG001
    which: Ints,
    x: Floats,
    own: Floats,
) -> Floats:
    """Log density of effects at places, each under one of the sets of components, by `which`."""
    return np.asarray(_weighed_each(votes, first, which, x, own, rules(finer=True)))


@compiled
def _own_drawn_each(votes, table, which, x, own, tries, seed, rules):
    np.random.seed(seed)
    found = own[which].copy()
    voted, room = voted_by(votes, 0), room_for(votes.votes_from, votes.own_from, rules)
    at, edge, seen, total, _, inner, pull = room
    plain, best = np.zeros(inner.shape[1]), np.zeros(inner.shape[1])
    for d in range(which.size):
        z = found[d]
        for i in range(votes.votes_from.size - 1):
            start, stop, base = votes.votes_from[i], votes.votes_from[i + 1], votes.own_from[i]
            m, rows = votes.own_from[i + 1] - base, stop - start
            if rows == 0:
                for a in range(m):
                    z[base + a] = np.random.normal()
            if rows == 0 or m == 0:
                continue
            told_apart(voted, start, stop, m, table[which[d]], x[d], room)
            mode(rows, at, votes.own, base, m, edge, z, inner, pull)
            contrasts, n = rules[m - 1][0], m - 1
            width, root = in_differences(m, contrasts, inner), inner[1]
            turned, there, centre, moved = pull[0, :n], pull[1, :n], pull[2, :n], pull[3]
            in_middle(m, contrasts, z[base : base + m], centre)
            top = -np.inf
            for trial in range(tries):
                for c in range(n):
                    plain[c] = np.random.normal()
                    there[c] = plain[c]
                if trial % 2:
                    moved_by(plain[:n], root, turned)
                    for c in range(n):
                        there[c] = centre[c] + turned[c]
                put_back(m, contrasts, there, moved)
                for t in range(rows):
                    seen[0, t, 0] = edge[0, t] * np.exp(bounded(edge[1, t] * moved[votes.own[at[0, t], 0] - base]))
                total[0, 0] = over_both(there, centre, root, width)
                chances(rows, at, 1, seen, total)
                log = total[0, 0] - np.log(-np.log(np.random.random()))
                if log > top:
                    top = log
                    best[:m] = moved[:m]
            shared = np.random.normal() / np.sqrt(m)  # what all outputs have in common, of which rankings say nothing
            for a in range(m):
                z[base + a] = best[a] + shared
    return found


def own_drawn_each(
    votes: Rows,
    first: Floats,
    second: Floats,  # noqa: ARG001
    o: Floats,  # noqa: ARG001
    stretch: Floats,  # noqa: ARG001
    which: Ints,
    x: Floats,
    own: Floats,
    tries: int,
    seed: int,
) -> Floats:
    """Own effects of places, drawn given all others: tries around the mode and from the prior, one of them chosen by its weight."""
    return np.asarray(_own_drawn_each(votes, first, which, x, own, tries, seed, rules(finer=True)))
