r"""Modes of votes, compiled: where effects and items are likeliest given the components, how sharply, and the Laplace approximation there.

A vote's probability hangs on two edges, each a sum of effects times coefficients (`expsim_bayes.fast.votes` says which). All effects
are standard normal before a vote is seen, but for the cuts of a scale, whose prior is that of the model. The effects of an item's outputs
touch no other item's votes: they are eliminated item by item, and Newton's steps are taken in what remains. With the log density
:math:`\ell` at the mode and minus its Hessian :math:`H`, the log marginal density is :math:`\ell - \log|H| / 2` up to a constant
(Tierney and Kadane 1986).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Bytes = NDArray[np.int8]

STARS, DUELS = 0, 1
"""Kinds of votes."""
MOST_STEPS = 40
"""Newton steps, at most."""
HALVINGS = 8
"""Times in a row that a step is halved where it does not lead uphill."""
LONGEST = 2.5
"""Change of an effect in one step, at most."""
SURE, ROUGH = 1e-4, 0.2
"""Gain that the next step promises below which it is taken without looking: at the first set of components, and at those around it."""
FARTHEST = 60.0
"""Logits beyond which a vote is as good as certain."""
LEAST = 1e-12
"""What a precision, or the way between two cuts, is not below."""
COMPILED = {"cache": True, "nogil": True, "error_model": "numpy"}
"""How everything here is compiled: once a machine, and so that several threads may run it."""


class Rows(NamedTuple):
    """Votes of R replications; N votes sorted by item, I items with L effects of their own, n other effects.

    Each edge of a vote is a sum of effects times coefficients, which are looked up in tables by their code.
    """

    vote: NDArray[np.int8]
    """(R, N) step of the scale from 0; or 0, 1, 2 where the first is better, neither is, the second is."""
    effect: NDArray[np.int16]
    """(R or 1, N, M) effects that a vote hangs on; -1 after the last."""
    code: NDArray[np.int16]
    """(R or 1, N, M) codes of their coefficients."""
    own: NDArray[np.int32]
    """(N, 2) effects of its item that a vote hangs on, numbered through; -1 for none."""
    own_code: NDArray[np.int16]
    """(N, 2) codes of their coefficients."""
    votes_from: NDArray[np.int64]
    """(I + 1,) where the votes of each item begin."""
    own_from: NDArray[np.int64]
    """(I + 1,) where the effects of each item begin."""


class Scales(NamedTuple):
    """Cuts of K scales of C + 1 steps each, which stand before all other effects; no scales where votes are of another kind."""

    cuts: int
    """C, or 0."""
    evaluators: int
    """K."""
    shares: float
    """Concentration of the Dirichlet prior of a scale's steps."""
    middle: float
    """What the second edge is before any effect."""
    stretch: Floats
    """(S, K) what cuts are stretched by, at S sets of components."""


class Modes(NamedTuple):
    """What was found at S sets of components."""

    density: Floats
    """(S,) log marginal density up to a constant."""
    at: Floats
    """(S, n)"""
    precision: Floats
    """(S, n, n) of the effects, those of items eliminated."""
    own: Floats
    """(R, L) effects of items at the first set of each replication."""
    steps: NDArray[np.int64]
    """(S,) Newton steps; `MOST_STEPS` where no mode was found."""


@njit(**COMPILED)
def _star(step, cuts, upper, lower):
    """Log probability of a step between two edges, its slopes and minus its curvatures along them."""
    above = np.exp(-min(max(upper, -FARTHEST), FARTHEST)) if step < cuts else 0.0
    below = np.exp(min(max(lower, -FARTHEST), FARTHEST)) if step > 0 else 0.0
    p, q = 1.0 / (1.0 + above), 1.0 / (1.0 + below)
    if step == 0:
        return np.log(p), 1.0 - p, 0.0, p * (1.0 - p), 0.0, 0.0
    if step == cuts:
        return np.log(q), 0.0, q - 1.0, 0.0, 0.0, q * (1.0 - q)
    together = min(above * below, 1.0 - LEAST)
    r = together / (1.0 - together)
    both = r * (1.0 + r)
    value = np.log(p * q * (1.0 - together))
    return value, 1.0 - p + r, q - 1.0 - r, p * (1.0 - p) + both, -both, q * (1.0 - q) + both


@njit(**COMPILED)
def _duel(outcome, ahead, tie):
    """Log probability of an outcome by Davidson's weights, its slopes and minus its curvatures along both edges."""
    half = 0.5 * min(max(ahead, -2 * FARTHEST), 2 * FARTHEST)
    first, tied = np.exp(half), np.exp(min(max(tie, -FARTHEST), FARTHEST))
    second = 1.0 / first
    total = first + tied + second
    p, t, s = first / total, tied / total, second / total
    lead = p - s
    bent, cross, own = 0.25 * (p + s - lead * lead), -0.5 * t * lead, t * (1.0 - t)
    if outcome == 0:
        return np.log(p), 0.5 - 0.5 * lead, -t, bent, cross, own
    if outcome == 2:
        return np.log(s), -0.5 - 0.5 * lead, -t, bent, cross, own
    return np.log(t), -0.5 * lead, 1.0 - t, bent, cross, own


@njit(**COMPILED)
def _cut_prior(cuts, evaluators, shares, stretch, cut, g, p):
    """Log prior density of cuts before they are turned to coordinates; slopes and minus curvatures are added to g and p.

    Shares of steps are differences of the logistic function at the cuts before they are stretched; their Dirichlet density is the
    product of its slopes there and of the shares to the power of the concentration less one.
    """
    value = 0.0
    for k in range(evaluators):
        at, f = k * cuts, stretch[k]
        for j in range(cuts):
            plain = cut[at + j] / f
            one = 1.0 / (1.0 + np.exp(-plain))
            value -= 2.0 * np.log1p(np.exp(-abs(plain))) + abs(plain)
            g[at + j] += (1.0 - 2.0 * one) / f
            p[at + j, at + j] += 2.0 * one * (1.0 - one) / (f * f)
        if shares != 1.0:
            w = shares - 1.0
            for step in range(cuts + 1):
                upper = cut[at + step] / f if step < cuts else 0.0
                lower = cut[at + step - 1] / f if step > 0 else 0.0
                v, g1, g2, h11, h12, h22 = _star(step, cuts, upper, lower)
                value += w * v
                if step < cuts:
                    g[at + step] += w * g1 / f
                    p[at + step, at + step] += w * h11 / (f * f)
                if step > 0:
                    g[at + step - 1] += w * g2 / f
                    p[at + step - 1, at + step - 1] += w * h22 / (f * f)
                if 0 < step < cuts:
                    p[at + step, at + step - 1] += w * h12 / (f * f)
                    p[at + step - 1, at + step] += w * h12 / (f * f)
    return value


@njit(**COMPILED)
def _cuts_of(cuts, evaluators, stretch, x, y):
    """Cuts from their coordinates: the first cut, then the way from each to the next as log(1 + exp(coordinate))."""
    for k in range(evaluators if cuts else 0):
        plain = x[k * cuts]
        y[k * cuts] = stretch[k] * plain
        for j in range(1, cuts):
            plain += max(x[k * cuts + j], 0.0) + np.log1p(np.exp(-abs(x[k * cuts + j])))
            y[k * cuts + j] = stretch[k] * plain


@njit(**COMPILED)
def _turned_back(cuts, evaluators, stretch, x, step, moved):
    """A step along coordinates as one along cuts."""
    moved[:] = step
    for k in range(evaluators if cuts else 0):
        total = stretch[k] * step[k * cuts]
        moved[k * cuts] = total
        for j in range(k * cuts + 1, (k + 1) * cuts):
            total += stretch[k] * step[j] / (1.0 + np.exp(-x[j]))
            moved[j] = total


@njit(**COMPILED)
def _in_coordinates(cuts, evaluators, stretch, x, g, p, bend):
    """Slopes and minus curvatures along cuts turned to those along their coordinates; the logarithm of the turn's Jacobian.

    What the turn itself is bent by is left aside, as it may take away more than there is far from the mode.
    """
    n, value, size = evaluators * cuts, 0.0, x.size
    turn, slope = np.zeros((n, n)), g[:n].copy()
    for k in range(evaluators):
        at = k * cuts
        for j in range(cuts):
            turn[at + j, at] = stretch[k]
            for i in range(1, j + 1):
                turn[at + j, at + i] = stretch[k] / (1.0 + np.exp(-x[at + i]))
    moved = np.zeros((n, size))
    for i in range(n):
        g[i] = 0.0
        for j in range(i, (i // cuts + 1) * cuts):
            g[i] += turn[j, i] * slope[j]
            for u in range(size):
                moved[i, u] += turn[j, i] * p[j, u]
    for i in range(n):
        for u in range(n, size):
            p[i, u] = moved[i, u]
            p[u, i] = moved[i, u]
        for i2 in range(n):
            total = 0.0
            for j in range(i2, (i2 // cuts + 1) * cuts):
                total += moved[i, j] * turn[j, i2]
            p[i, i2] = total
    for k in range(evaluators):
        at = k * cuts
        for i in range(1, cuts):
            part = 1.0 / (1.0 + np.exp(-x[at + i]))
            value += min(x[at + i], 0.0) - np.log1p(np.exp(-abs(x[at + i])))
            g[at + i] += 1.0 - part
            p[at + i, at + i] += part * (1.0 - part)
            bend[at + i] = 0.0
            for j in range(i, cuts):
                bend[at + i] -= stretch[k] * part * (1.0 - part) * slope[at + j]
    return value


@njit(**COMPILED)
def _cholesky(a, n):
    """The lower root of a matrix, in place; whether it is positive definite."""
    for j in range(n):
        total = a[j, j]
        for m in range(j):
            total -= a[j, m] * a[j, m]
        if not total > LEAST:
            return False
        root = np.sqrt(total)
        a[j, j] = root
        for i in range(j + 1, n):
            total = a[i, j]
            for m in range(j):
                total -= a[i, m] * a[j, m]
            a[i, j] = total / root
    return True


@njit(**COMPILED)
def _solve_root(a, n, b):
    """Solve with a lower root, then with its transpose, in place."""
    for i in range(n):
        total = b[i]
        for m in range(i):
            total -= a[i, m] * b[m]
        b[i] = total / a[i, i]
    for i in range(n - 1, -1, -1):
        total = b[i]
        for m in range(i + 1, n):
            total -= a[m, i] * b[m]
        b[i] = total / a[i, i]


@njit(**COMPILED)
def _added_up(
    kind,
    cuts,
    middle,
    vote,
    effect,
    code,
    own,
    own_code,
    start,
    stop,
    base,
    m,
    c1,
    c2,
    y,
    z,
    touched,
    place,
    local,
    gt,
    pt,
    pull,
    root,
    cross,
):
    """The votes of one item: log probability, and slopes and minus curvatures along all that they hang on; how many of the others."""
    value, count, most = 0.0, 0, effect.shape[1]
    for a in range(m):
        pull[a] = -z[base + a]
        value -= 0.5 * z[base + a] * z[base + a]
        for b in range(m):
            root[a, b] = 1.0 if a == b else 0.0
    for t in range(start, stop):
        e1, e2, n = 0.0, middle, 0
        for j in range(most):
            at = effect[t, j]
            if at < 0:
                break
            a1, a2 = c1[code[t, j]], c2[code[t, j]]
            e1 += a1 * y[at]
            e2 += a2 * y[at]
            u = place[at]
            if u < 0:
                u = count
                place[at] = u
                touched[u] = at
                gt[u] = 0.0
                for b in range(m):
                    cross[b, u] = 0.0
                for b in range(u + 1):
                    pt[u, b] = 0.0
                count += 1
            local[0, j], local[1, j], local[2, j] = u, a1, a2
            n += 1
        one, two = own[t, 0], own[t, 1]
        o1, o2, w1, w2 = 0.0, 0.0, 0.0, 0.0
        if one >= 0:
            o1, o2 = c1[own_code[t, 0]], c2[own_code[t, 0]]
            e1 += o1 * z[one]
            e2 += o2 * z[one]
            one -= base
        if two >= 0:
            w1, w2 = c1[own_code[t, 1]], c2[own_code[t, 1]]
            e1 += w1 * z[two]
            e2 += w2 * z[two]
            two -= base
        if kind == STARS:
            v, g1, g2, h11, h12, h22 = _star(vote[t], cuts, e1, e2)
        else:
            v, g1, g2, h11, h12, h22 = _duel(vote[t], e1, e2)
        value += v
        for j in range(n):
            u, a1, a2 = int(local[0, j]), local[1, j], local[2, j]
            gt[u] += a1 * g1 + a2 * g2
            b1, b2 = a1 * h11 + a2 * h12, a1 * h12 + a2 * h22
            for j2 in range(j + 1):
                u2 = int(local[0, j2])
                add = b1 * local[1, j2] + b2 * local[2, j2]
                if u2 <= u:
                    pt[u, u2] += add
                else:
                    pt[u2, u] += add
            if one >= 0:
                cross[one, u] += b1 * o1 + b2 * o2
            if two >= 0:
                cross[two, u] += b1 * w1 + b2 * w2
        if one >= 0:
            pull[one] += o1 * g1 + o2 * g2
            b1, b2 = o1 * h11 + o2 * h12, o1 * h12 + o2 * h22
            root[one, one] += b1 * o1 + b2 * o2
            if two >= 0:
                root[one, two] += b1 * w1 + b2 * w2
                root[two, one] += b1 * w1 + b2 * w2
        if two >= 0:
            pull[two] += w1 * g1 + w2 * g2
            root[two, two] += (w1 * h11 + w2 * h12) * w1 + (w1 * h12 + w2 * h22) * w2
    return value, count


@njit(**COMPILED)
def _eliminated(m, count, touched, gt, pt, pull, root, cross, g, p):
    """Slopes and curvatures of one item's votes, its own effects eliminated, added to g and p; gain of their own step, log determinant."""
    log_det, gain = 0.0, 0.0
    for a in range(m):
        log_det += 2.0 * np.log(root[a, a])
        f = 1.0 / root[a, a]
        for b in range(a):
            pull[a] -= root[a, b] * pull[b]
            for u in range(count):
                cross[a, u] -= root[a, b] * cross[b, u]
        pull[a] *= f
        gain += pull[a] * pull[a]
        for u in range(count):
            cross[a, u] *= f
    for u in range(count):
        at = touched[u]
        total = gt[u]
        for a in range(m):
            total -= cross[a, u] * pull[a]
        g[at] += total
        for u2 in range(u + 1):
            total = pt[u, u2]
            for a in range(m):
                total -= cross[a, u] * cross[a, u2]
            at2 = touched[u2]
            if at >= at2:
                p[at, at2] += total
            else:
                p[at2, at] += total
    return gain, log_det


@njit(**COMPILED)
def _followed(own_from, touched, counts, pull, root, cross, step, shorter, z):
    """Move the effects of items as the others move."""
    for i in range(own_from.size - 1):
        base, m = own_from[i], own_from[i + 1] - own_from[i]
        for a in range(m - 1, -1, -1):
            total = pull[i, a]
            for u in range(counts[i]):
                total -= cross[i, a, u] * step[touched[i, u]]
            for b in range(a + 1, m):
                total -= root[i, b, a] * pull[i, b]
            pull[i, a] = total / root[i, a, a]
        for a in range(m):
            z[base + a] += pull[i, a] / shorter


@njit(**COMPILED)
def _modes(
    kind,
    vote,
    effect,
    code,
    own,
    own_code,
    votes_from,
    own_from,
    cuts,
    evaluators,
    shares,
    middle,
    stretch,
    table1,
    table2,
    size,
    which,
    each,
    start,
    start_own,
):
    replications, n = start.shape
    sets, items = replications * each, votes_from.size - 1
    density, at = np.full(sets, -np.inf), np.zeros((sets, n))
    precision, steps = np.zeros((sets, n, n)), np.full(sets, MOST_STEPS, np.int64)
    ends = start_own.copy()
    most = 1
    for i in range(items):
        most = max(most, own_from[i + 1] - own_from[i])
    widest = min(n, 1 + max(1, effect.shape[2]) * np.max(votes_from[1:] - votes_from[:-1]))
    touched, counts, place = np.zeros((items, widest), np.int64), np.zeros(items, np.int64), np.full(n, -1, np.int64)
    pull, root, cross = np.zeros((items, most)), np.zeros((items, most, most)), np.zeros((items, most, widest))
    gt, pt, g, p = np.zeros(widest), np.zeros((widest, widest)), np.zeros(n), np.zeros((n, n))
    whole, step, y, old = np.zeros((n, n)), np.zeros(n), np.zeros(n), np.zeros(n)
    z, old_z = np.zeros(start_own.shape[1]), np.zeros(start_own.shape[1])
    normal = evaluators * cuts
    bend, local = np.zeros(normal), np.zeros((3, effect.shape[2]))
    for r in range(replications):
        vr = which[r]
        er, cr = min(vr, effect.shape[0] - 1), min(vr, code.shape[0] - 1)
        for e in range(each):
            s = r * each + e
            x = at[s]
            if e == 0:
                x[:] = start[r]
            else:
                for j in range(n):
                    x[j] = at[r * each, j] * size[r * each, j] / size[s, j]
            sure = SURE if e == 0 else ROUGH
            z[:] = ends[r]
            before, halved = -np.inf, 0
            for done in range(MOST_STEPS):
                g[:] = 0.0
                p[:] = 0.0
                y[:] = x
                _cuts_of(cuts, evaluators, stretch[s], x, y)
                value, gain, log_det, sound = 0.0, 0.0, 0.0, True
                for i in range(items):
                    base, m = own_from[i], own_from[i + 1] - own_from[i]
                    more, counts[i] = _added_up(
                        kind,
                        cuts,
                        middle,
                        vote[vr],
                        effect[er],
                        code[cr],
                        own,
                        own_code,
                        votes_from[i],
                        votes_from[i + 1],
                        base,
                        m,
                        table1[s],
                        table2[s],
                        y,
                        z,
                        touched[i],
                        place,
                        local,
                        gt,
                        pt,
                        pull[i],
                        root[i],
                        cross[i],
                    )
                    value += more
                    for u in range(counts[i]):
                        place[touched[i, u]] = -1
                    if not _cholesky(root[i], m):
                        sound = False
                        break
                    more, other = _eliminated(m, counts[i], touched[i], gt, pt, pull[i], root[i], cross[i], g, p)
                    gain += more
                    log_det += other
                for j in range(n):
                    for j2 in range(j):
                        p[j2, j] = p[j, j2]
                if cuts:
                    value += _cut_prior(cuts, evaluators, shares, stretch[s], y, g, p)
                    value += _in_coordinates(cuts, evaluators, stretch[s], x, g, p, bend)
                for j in range(normal, n):
                    value -= 0.5 * x[j] * x[j]
                    g[j] -= x[j]
                    p[j, j] += 1.0
                if done and halved < HALVINGS and not (sound and value >= before - 1e-9 * abs(before)):
                    x[:] = 0.5 * (x + old)
                    z[:] = 0.5 * (z + old_z)
                    halved += 1
                    continue
                whole[:] = p
                for j in range(normal):
                    whole[j, j] += bend[j]
                if _cholesky(whole, n):
                    for j in range(normal):
                        p[j, j] += bend[j]
                else:
                    whole[:] = p
                    if not _cholesky(whole, n):
                        break
                step[:] = g
                _solve_root(whole, n, step)
                longest = 1.0
                for j in range(n):
                    gain += step[j] * g[j]
                    longest = max(longest, abs(step[j]) / LONGEST)
                before, halved = value, 0
                old[:] = x
                old_z[:] = z
                _turned_back(cuts, evaluators, stretch[s], x, step, y)
                _followed(own_from, touched, counts, pull, root, cross, y, longest, z)
                for j in range(n):
                    x[j] += step[j] / longest
                if gain < sure and longest == 1.0:
                    precision[s] = p
                    half = 0.0
                    for j in range(n):
                        half += np.log(whole[j, j])
                    density[s], steps[s] = value + 0.5 * gain - half - 0.5 * log_det, done + 1
                    break
            if e == 0:
                ends[r] = z
    return density, at, precision, ends, steps


def modes(  # noqa: PLR0917
    kind: int,
    rows: Rows,
    scales: Scales,
    tables: tuple[Floats, Floats],
    size: Floats,
    which: NDArray[np.intp],
    start: Floats,
    start_own: Floats,
) -> Modes:
    """Modes at m sets of components of each of r replications, the first from where it was before, the others from the first.

    Parameters
    ----------
    kind : int
        `STARS` or `DUELS`.
    rows : Rows
        Votes.
    scales : Scales
        Cuts of scales.
    tables : two (r x m, codes) arrays
        Coefficients on the upper and the lower edge of stars, or on how far the first of two is ahead and on the log weight of a tie; sets
        of components of a replication stand one after another.
    size : (r x m, n) array
        What a unit of each effect stands for: from set to set, effects are looked for where they were but for that.
    which : (r,) array of int
        Replications whose votes these are.
    start : (r, n) array
        Where effects may be.
    start_own : (r, L) array
        And those of items.
    """
    each = len(tables[0]) // len(which)
    return Modes(*_modes(kind, *rows, *scales, *tables, size, which.astype(np.int64), each, start, start_own))
