"""The rankings of one data set, compiled: the same questions as `whole` answers for other votes.

How outputs suit an item is integrated out item by item (`places`), by finer points than where thousands of experiments wait.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from expsim_bayes.votes.compiling import compiled
from expsim_bayes.votes.laws import RANKINGS
from expsim_bayes.votes.modes import Scales, modes
from expsim_bayes.votes.places import chances, in_differences, mode, moved_by, ranked, room_for, told_apart
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
    room = room_for(votes.votes_from, votes.own_from, rules)
    for d in range(count):
        s = which[d]
        z[:] = own[s]
        value = 0.0
        for j in range(n):
            value -= 0.5 * x[d, j] * x[d, j]
        for i in range(votes.votes_from.size - 1):
            start, stop, base = votes.votes_from[i], votes.votes_from[i + 1], votes.own_from[i]
            if start == stop:
                continue
            m = votes.own_from[i + 1] - base
            value += ranked(
                votes.vote[0], votes.effect[0], votes.code[0], votes.own, votes.own_code, start, stop, base, m, table[s], x[d], z,
                rules[max(m - 1, 0)], room, g, p, votes.weight[0, i],
            )  # fmt: skip
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
    room = room_for(votes.votes_from, votes.own_from, rules)
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
            told_apart(
                votes.vote[0], votes.effect[0], votes.code[0], votes.own_code, start, stop, m, table[which[d]], x[d], room
            )  # fmt: skip
            mode(rows, at, votes.own, base, m, edge, z, inner, pull)
            contrasts = rules[m - 1][0]
            in_differences(m, contrasts, inner)
            top = -np.inf
            for _t in range(tries):
                log = 0.0
                for c in range(m - 1):
                    plain[c] = np.random.normal()
                    log += 0.5 * plain[c] * plain[c]
                moved_by(plain, m, contrasts, inner[1], pull[0], pull[1])
                for a in range(m):
                    pull[1, a] += z[base + a]
                    log -= 0.5 * pull[1, a] * pull[1, a]
                for t in range(rows):
                    seen[0, t, 0] = edge[0, t] * np.exp(edge[1, t] * pull[1, votes.own[at[0, t], 0] - base])
                total[0, 0] = log
                chances(rows, at, 1, seen, total)
                log = total[0, 0] - np.log(-np.log(np.random.random()))
                if log > top:
                    top = log
                    best[:m] = pull[1, :m]
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
    """Own effects of places, drawn given all others: tries from the normal law around the mode, one of them chosen by its weight."""
    return np.asarray(_own_drawn_each(votes, first, which, x, own, tries, seed, rules(finer=True)))
