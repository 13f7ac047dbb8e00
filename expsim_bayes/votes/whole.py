"""The votes of one data set, compiled: where effects are likeliest given the components, and the density of any of them.

Own effects of blocks (an item and its outputs) are integrated out block by block (`blocks`), so that the density is that of all other
effects; its mode is sought by Newton's steps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from expsim_bayes.votes.averaged import spread
from expsim_bayes.votes.blocks import EDGES, block, loads_of
from expsim_bayes.votes.compiling import compiled
from expsim_bayes.votes.linear import cholesky, learned, solve_root, steadied
from expsim_bayes.votes.scales import cut_prior, cuts_of, in_coordinates

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

MOST_STEPS, HALVINGS = 30, 6
"""Newton steps, at most; times in a row that one is halved where it does not lead uphill."""
SURE, ROUGH, SLIP = 1e-2, 0.5, 1e-3
"""Gain that the next step promises below which it is taken without looking, and above which there is no mode; loss by rounding."""
LEARNED, TOLD = 6, 1e-4
"""Steps, at most, that curvature is learned from, and the gain that they must have promised, as slopes are not told better."""
FARTHEST = 3.0
"""Change of an effect in one step, at most; prior SDs."""


class Votes(NamedTuple):
    """Counted votes of one data set, sorted by block; N rows, n effects beside L own ones, B blocks, P patterns of own effects."""

    kind: int
    """`laws.STARS` or `laws.DUELS`."""
    cuts: int
    """C cuts of each scale, which stand before all other effects; 0 where votes are of another kind."""
    evaluators: int
    """K."""
    shares: float
    """Concentration of the Dirichlet prior of a scale's steps."""
    middle: float
    """What the second edge is before any effect."""
    vote: NDArray[np.int64]
    """(N,) step from 0; or 0, 1, 2 where the left is better, neither is, the right is."""
    times: Floats
    """(N,) how many such votes."""
    effect: Ints
    """(N, M) effects that a vote hangs on; -1 after the last."""
    code: Ints
    """(N, M) codes of their coefficients."""
    centred: Ints
    """(n,) number of a group of effects that count by what sets them apart from its mean; -1 for others."""
    role: Ints
    """(codes,) what an effect does to the first edge, as `blocks` numbers it."""
    pattern: Ints
    """(N,)"""
    votes_from: Ints
    """(B + 1,) where the rows of each block begin."""
    patterns_from: Ints
    """(B + 1,)"""
    own_from: Ints
    """(B + 1,)"""
    own: Ints
    """(P, W) own effects of a pattern, numbered within the block; -1 for none."""
    own_code: Ints
    """(P, W) codes of their coefficients."""


@compiled
def _less_means(group, values):
    """Values of groups less the mean of their group, in place."""
    for k in range(group.max() + 1):
        total, count = 0.0, 0
        for j in range(group.size):
            if group[j] == k:
                total += values[j]
                count += 1
        for j in range(group.size):
            if group[j] == k:
                values[j] -= total / count


@compiled
def _everything(votes, first, second, o, stretch, x, y, z, g, p, bend, bends):
    """Log density of effects, own ones integrated out; slopes and minus curvatures in g and p where `bends`, else what that leaves out."""
    n, blocks = x.size, votes.votes_from.size - 1
    longest, most, widest = 1, 1, 1
    for i in range(blocks):
        longest = max(longest, votes.votes_from[i + 1] - votes.votes_from[i])
        most = max(most, votes.own_from[i + 1] - votes.own_from[i])
        widest = max(widest, votes.patterns_from[i + 1] - votes.patterns_from[i])
    base, local = np.zeros((longest, EDGES)), np.zeros((longest, votes.effect.shape[1]), np.int64)
    told, sums = np.zeros((longest, 7)), np.zeros((widest, 3))
    pull, root = np.zeros(most), np.zeros((most, most))
    touched, place = np.zeros(n, np.int64), np.full(n, -1, np.int64)
    cross, gt, pt = np.zeros((most, n)), np.zeros(n), np.zeros((n, n))
    g[:] = 0.0
    p[:] = 0.0
    y[:] = x
    cuts_of(votes.cuts, votes.evaluators, stretch, x, y)
    _less_means(votes.centred, y)
    value, correction = 0.0, 0.0
    for i in range(blocks):
        m = votes.own_from[i + 1] - votes.own_from[i]
        a, b = votes.patterns_from[i], votes.patterns_from[i + 1]
        more, other = block(
            votes.kind, votes.cuts, votes.middle, votes.votes_from[i], votes.votes_from[i + 1], votes.vote, votes.times, votes.effect,
            votes.code, votes.role, votes.pattern, a, votes.own[a:b], m, first, second, o, votes.own_code[a:b], y,
            z[votes.own_from[i] : votes.own_from[i + 1]], base, local, told, sums[: b - a], pull, root, touched, place, cross, gt, pt, g, p,
            bends,
        )  # fmt: skip
        value += more
        correction += other
    normal = votes.cuts * votes.evaluators
    for j in range(n):
        for i in range(j):
            p[i, j] = p[j, i]
    if votes.centred.max() >= 0:
        _less_means(votes.centred, g)
        for i in range(n):
            _less_means(votes.centred, p[i])
        for i in range(n):
            _less_means(votes.centred, p[:, i])
    if votes.cuts:
        value += cut_prior(votes.cuts, votes.evaluators, votes.shares, stretch, y, g, p)
        value += in_coordinates(votes.cuts, votes.evaluators, stretch, x, g, p, bend)
    for j in range(normal, n):
        value -= 0.5 * x[j] * x[j]
        g[j] -= x[j]
        p[j, j] += 1.0
    return value, correction


@compiled
def found_each(votes, first, second, o, stretch, start, start_own):
    """Modes of effects at sets of components, one after another: log marginal densities, places, roots of precisions, own effects."""
    sets, n = start.shape
    density, at, roots, own = np.full(sets, -np.inf), start.copy(), np.zeros((sets, n, n)), start_own.copy()
    y, g, p, bend = np.zeros(n), np.zeros(n), np.zeros((n, n)), np.zeros(n)
    whole, step, old, old_z = np.zeros((n, n)), np.zeros(n), np.zeros(n), np.zeros(own.shape[1])
    steps, fell, slope = np.zeros((LEARNED, n)), np.zeros((LEARNED, n)), np.zeros(n)
    for s in range(sets):
        x, z = at[s], own[s]
        before, halved, pairs, gain = -np.inf, 0, 0, 0.0
        for done in range(MOST_STEPS):
            value, _ = _everything(votes, first[s], second[s], o[s], stretch[s], x, y, z, g, p, bend, True)
            last = done == MOST_STEPS - 1
            if done and not last and halved < HALVINGS and not value >= before - SLIP:
                x[:] = 0.5 * (x + old)
                halved += 1
                continue
            stuck = halved == HALVINGS  # as near as rounding lets one come
            if done and gain > TOLD and pairs < LEARNED and not stuck:
                steps[pairs] = x - old
                fell[pairs] = slope - g
                pairs += 1
            whole[:] = p
            for j in range(votes.cuts * votes.evaluators):
                whole[j, j] += bend[j]
            for j in range(pairs):
                learned(whole, n, steps[j], fell[j])
            if cholesky(whole, n):
                pass
            elif not steadied(whole, p, n):
                break
            step[:] = g
            solve_root(whole, n, step)
            gain, longest = 0.0, 1.0
            for j in range(n):
                gain += step[j] * g[j]
                longest = max(longest, abs(step[j]) / FARTHEST)
            before, halved = value, 0
            old[:] = x
            old_z[:] = z
            slope[:] = g
            if stuck:
                longest = 1.0
                step[:] = 0.0
            for j in range(n):
                x[j] += step[j] / longest
            if last or stuck or (gain < SURE and longest == 1.0):
                half = 0.0
                for j in range(n):
                    half += np.log(whole[j, j])
                roots[s] = whole
                if gain < ROUGH:
                    _, correction = _everything(
                        votes, first[s], second[s], o[s], stretch[s], old, y, z, g, p, bend, False
                    )
                    density[s] = value + correction + 0.5 * gain - half
                break
    return density, at, roots, own


@compiled
def weighed_each(votes, first, second, o, stretch, which, x, own):
    """Log density of effects at places, each under one of the sets of components, by `which`."""
    count, n = x.shape
    found = np.full(count, -np.inf)
    y, g, p, bend, z = np.zeros(n), np.zeros(n), np.zeros((n, n)), np.zeros(n), np.zeros(own.shape[1])
    for d in range(count):
        s = which[d]
        z[:] = own[s]
        value, correction = _everything(votes, first[s], second[s], o[s], stretch[s], x[d], y, z, g, p, bend, False)
        found[d] = value + correction
    return found


@compiled
def own_drawn_each(votes, first, second, o, stretch, which, x, own, tries, seed):
    """Own effects of places, drawn given all others: tries from the normal law at the mode, in mirrored pairs, one chosen by its weight."""
    np.random.seed(seed)
    count, n = x.shape
    found = own[which].copy()
    blocks = votes.votes_from.size - 1
    longest, most, widest = 1, 1, 1
    for i in range(blocks):
        longest = max(longest, votes.votes_from[i + 1] - votes.votes_from[i])
        most = max(most, votes.own_from[i + 1] - votes.own_from[i])
        widest = max(widest, votes.patterns_from[i + 1] - votes.patterns_from[i])
    base, local = np.zeros((longest, EDGES)), np.zeros((longest, votes.effect.shape[1]), np.int64)
    told, sums = np.zeros((longest, 7)), np.zeros((widest, 3))
    pull, root, y = np.zeros(most), np.zeros((most, most)), np.zeros(n)
    none, nothing = np.zeros(n, np.int64), np.zeros((1, 1))
    pairs = (tries + 1) // 2
    away, logs = np.zeros((most, pairs)), np.zeros(2 * pairs)
    for d in range(count):
        s, z = which[d], found[d]
        y[:] = x[d]
        cuts_of(votes.cuts, votes.evaluators, stretch[s], x[d], y)
        _less_means(votes.centred, y)
        for i in range(blocks):
            start, stop = votes.votes_from[i], votes.votes_from[i + 1]
            at, m = votes.own_from[i], votes.own_from[i + 1] - votes.own_from[i]
            if m == 0:
                continue
            a, b = votes.patterns_from[i], votes.patterns_from[i + 1]
            mode = z[at : at + m]
            block(
                votes.kind, votes.cuts, votes.middle, start, stop, votes.vote, votes.times, votes.effect, votes.code, votes.role,
                votes.pattern, a, votes.own[a:b], m, first[s], second[s], o[s], votes.own_code[a:b], y, mode, base, local, told,
                sums[: b - a], pull, root, none, none, nothing, y, nothing, y, nothing, False,
            )  # fmt: skip
            loads = loads_of(votes.own[a:b], votes.own_code[a:b], o[s], m)
            for c in range(m):
                for t in range(pairs):
                    away[c, t] = np.random.normal()
            for t in range(pairs):
                logs[t] = logs[t + pairs] = 0.5 * (away[:m, t] ** 2).sum()
            spread(
                votes.kind, votes.cuts, start, stop, votes.vote, votes.times, base, votes.pattern, loads, a, m, mode, root, away[:m], logs
            )  # fmt: skip
            best, top = 0, -np.inf
            for t in range(2 * pairs):
                log = logs[t] - np.log(-np.log(np.random.random()))
                if log > top:
                    best, top = t, log
            for c in range(m):
                mode[c] += away[c, best % pairs] if best < pairs else -away[c, best % pairs]
    return found
