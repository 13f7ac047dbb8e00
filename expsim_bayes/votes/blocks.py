"""The votes of one block, compiled: its own effects at their mode given all others, and what is left when they are integrated out.

As in `items`, but for one data set: votes are counted, a vote may hang on several own effects and on the logarithm of a factor of its
first edge, slopes hold those of the log determinant, and what Laplace's method leaves out is told to the next order (Shun and McCullagh
1995; Raudenbush, Yang and Yosef 2000).
"""

from __future__ import annotations

import numpy as np

from expsim_bayes.votes.averaged import MOST, averaged
from expsim_bayes.votes.compiling import compiled
from expsim_bayes.votes.laws import STARS, bounded, law, weights

PLAIN, SCALED, LOG = 0, 1, 2
"""What an effect does to the first edge: adds to it, adds to what a factor multiplies, or adds to the factor's logarithm."""
INNER, CLOSE, LONGEST = 30, 3e-3, 2.0
"""Steps towards the mode of own effects, at most; the length of the last, which is made up for; and of any."""
STRETCH = 6.0
"""Logarithm of a factor, or of its inverse, at most."""
MUCH = 0.02
"""What Laplace's method leaves out by the next order, by own effect, above which the block is averaged over points instead."""
EDGES, SMALL = 7, 1e-200
"""Numbers kept of what edges are without own effects; product of probabilities from which its logarithm is taken."""
LOSS = 1e-9
"""Loss of a step that is no more than rounding; others are halved."""


@compiled
def further(kind, cuts, vote, one, two):
    """Curvature of a vote along own effects (its sign turned), its slopes along both edges, and its second slope along own effects."""
    if kind == STARS:
        p, q = 1.0 / (1.0 + one), 1.0 / (1.0 + two)
        upper = p * (1.0 - p) if vote < cuts else 0.0
        lower = q * (1.0 - q) if vote > 0 else 0.0
        fourth = upper * (1.0 - 6.0 * upper) + lower * (1.0 - 6.0 * lower)
        return upper + lower, upper * (1.0 - 2.0 * p), -lower * (1.0 - 2.0 * q), fourth
    second = 1.0 / one
    whole = 1.0 / (one + two + second)
    p, t, s = one * whole, two * whole, second * whole
    mean = 0.5 * (p - s)
    a, b, c = 0.5 - mean, -mean, -0.5 - mean
    var = p * a * a + t * b * b + s * c * c
    third = p * a**3 + t * b**3 + s * c**3
    fourth = p * a**4 + t * b**4 + s * c**4 - 3.0 * var * var
    return var, third, t * (b * b - var), fourth


@compiled
def loads_of(own_load, own_code, o, m):
    """(patterns, m) what a unit of each own effect adds to the first edge."""
    loads = np.zeros((own_load.shape[0], m))
    for k in range(own_load.shape[0]):
        for j in range(own_load.shape[1]):
            if own_load[k, j] >= 0:
                loads[k, own_load[k, j]] += o[own_code[k, j]]
    return loads


@compiled
def settled(kind, cuts, start, stop, vote, times, base, row_pattern, loads, first, m, z, pull, root, sums, told):
    """Own effects moved to their mode: the log probability there; `pull` has slopes, `root` the root of minus their curvature.

    Parameters are a block's: `base` has of each row what its edges are without own effects, `loads` of each pattern what a unit of each own
    effect adds; `told` is left with each row's slopes and curvatures.
    """
    value, before = 0.0, -np.inf
    patterns = loads.shape[0]
    old, move, more = np.empty(m), np.zeros(m), np.empty(patterns)
    for step in range(INNER):
        sums[:] = 0.0
        value = 0.0
        for b in range(m):
            value -= 0.5 * z[b] * z[b]
            for k in range(patterns):
                sums[k, 0] += loads[k, b] * z[b]
        product = 1.0
        for k in range(patterns):
            sums[k, 0] = bounded(sums[k, 0])
            more[k] = np.exp(sums[k, 0]) if kind == STARS else np.exp(0.5 * sums[k, 0])
        for t in range(stop - start):
            k, rho = row_pattern[start + t] - first, base[t, 2]
            by = more[k] if rho == 1.0 else np.exp(0.5 * bounded(rho * sums[k, 0]))
            one, two = base[t, 5] * by, base[t, 6] / by if kind == STARS else base[t, 6]
            v, g1, g2, h11, h12, h22 = law(kind, cuts, vote[start + t], one, two)
            n = times[start + t]
            if n == 1.0:
                product *= v
            else:
                value += n * np.log(v)
            if product < SMALL:
                value += np.log(product)
                product = 1.0
            told[t, 0], told[t, 1], told[t, 2], told[t, 3], told[t, 4] = g1, g2, h11, h12, h22
            told[t, 5], told[t, 6] = one, two
            if kind == STARS:
                sums[k, 1] -= n * (g1 + g2)
                sums[k, 2] += n * (h11 + 2.0 * h12 + h22)
            else:
                sums[k, 1] += n * rho * g1
                sums[k, 2] += n * rho * rho * h11
        value += np.log(product)
        if step < INNER - 1 and value < before - LOSS:
            for a in range(m):
                move[a] *= 0.5
                z[a] = old[a] + move[a]
            continue
        before = value
        for a in range(m):
            old[a] = z[a]
            pull[a] = -z[a]
            for b in range(a + 1):
                root[a, b] = 1.0 if a == b else 0.0
        for k in range(patterns):
            for a in range(m):
                load = loads[k, a]
                if load == 0.0:
                    continue
                pull[a] += load * sums[k, 1]
                for b in range(a + 1):
                    root[a, b] += load * loads[k, b] * sums[k, 2]
        for j in range(m):
            total = root[j, j]
            for b in range(j):
                total -= root[j, b] * root[j, b]
            root[j, j] = np.sqrt(max(total, 1e-12))
            for i in range(j + 1, m):
                total = root[i, j]
                for b in range(j):
                    total -= root[i, b] * root[j, b]
                root[i, j] = total / root[j, j]
        most = 0.0
        for a in range(m):
            total = pull[a]
            for b in range(a):
                total -= root[a, b] * move[b]
            move[a] = total / root[a, a]
        for a in range(m - 1, -1, -1):
            total = move[a]
            for b in range(a + 1, m):
                total -= root[b, a] * move[b]
            move[a] = total / root[a, a]
            most = max(most, abs(move[a]))
        if most < CLOSE:
            break
        if step == INNER - 1:
            pull[:m] = 0.0  # the mode was not found, and what the next step promises is not to be believed
        shorter = max(1.0, most / LONGEST)
        for a in range(m):
            move[a] /= shorter
            z[a] += move[a]
    return value


@compiled
def block(
    kind, cuts, middle, start, stop, vote, times, effect, code, role, row_pattern, first, own_load, m,
    c1, c2, o, own_code, y, z, base, local, told, sums, pull, root, touched, place, cross, gt, pt, g, p, bends,
):  # fmt: skip
    """The votes of a block with its own effects integrated out: log probability by Laplace's method, and what that leaves out.

    Where `bends`, slopes and minus curvatures along all other effects are added to g and p instead of the latter; what a factor bends the
    edges by is left out of curvatures, so that they are positive.
    """
    count = 0
    for t in range(stop - start):
        row = start + t
        w, plain, logs, e2, n = 0.0, 0.0, 0.0, middle, 0
        for j in range(effect.shape[1]):
            at = effect[row, j]
            if at < 0:
                break
            k = code[row, j]
            a1 = c1[k]
            if role[k] == SCALED:
                w += a1 * y[at]
            elif role[k] == LOG:
                logs += a1 * y[at]
            else:
                plain += a1 * y[at]
            e2 += c2[k] * y[at]
            n += 1
            if bends:
                u = place[at]
                if u < 0:
                    u = count
                    place[at] = u
                    touched[u] = at
                    gt[u] = 0.0
                    for b in range(u + 1):
                        pt[u, b] = 0.0
                    for b in range(m):
                        cross[b, u] = 0.0
                    count += 1
                local[t, j] = u
        rho = np.exp(min(max(logs, -STRETCH), STRETCH))
        base[t, 0], base[t, 1], base[t, 2], base[t, 3], base[t, 4] = w, plain, rho, e2, n
        base[t, 5], base[t, 6] = weights(kind, plain if kind == STARS else rho * w + plain, e2)
    loads = loads_of(own_load, own_code, o, m)
    patterns = own_load.shape[0]
    value = settled(kind, cuts, start, stop, vote, times, base, row_pattern, loads, first, m, z, pull, root, sums, told)
    half = np.zeros((patterns, m))
    for k in range(patterns):
        for a in range(m):
            total = loads[k, a]
            for b in range(a):
                total -= root[a, b] * half[k, b]
            half[k, a] = total / root[a, a]
    for a in range(m):
        value -= np.log(root[a, a])
    alpha, by = np.zeros(m), np.empty((effect.shape[1], 2))
    if m:
        for k in range(patterns):
            sums[k, 0] = 0.0
            for a in range(m):
                sums[k, 0] += half[k, a] * half[k, a]
            sums[k, 1] = 0.0
            sums[k, 2] = 0.0
    for t in range(stop - start):
        row = start + t
        k = row_pattern[row] - first
        n, rho = times[row], base[t, 2]
        a1, a2, al = 0.0, 0.0, 0.0
        if m:
            bent, third, other, fourth = further(kind, cuts, vote[row], told[t, 5], told[t, 6])
            v = n * sums[k, 0]
            if kind == STARS:
                sums[k, 1] += n * (third + other)
                sums[k, 2] -= n * fourth
                a1, a2 = -0.5 * v * third, -0.5 * v * other
                pulled = -(a1 + a2)
            else:
                sums[k, 1] -= n * rho**3 * third
                sums[k, 2] -= n * rho**4 * fourth
                a1, a2, al = -0.5 * v * rho * rho * third, -0.5 * v * rho * rho * other, -v * rho * rho * bent
                pulled = a1 * rho
            for a in range(m):
                alpha[a] += pulled * loads[k, a]
        if not bends:
            continue
        g1, g2, h11, h12, h22 = told[t, 0], told[t, 1], told[t, 2], told[t, 3], told[t, 4]
        s = 0.0
        for a in range(m):
            s += loads[k, a] * z[a]
        inner = base[t, 0] + s
        effects = int(base[t, 4])
        for j in range(effects):
            of, u = code[row, j], local[t, j]
            x1, x2, xl = c1[of], c2[of], 0.0
            if role[of] == SCALED:
                x1 *= rho
            elif role[of] == LOG:
                xl = x1
                x1 *= rho * inner
            gt[u] += x1 * (n * g1 + a1) + x2 * (n * g2 + a2) + xl * al
            b1, b2 = n * (x1 * h11 + x2 * h12), n * (x1 * h12 + x2 * h22)
            by[j, 0], by[j, 1] = x1, x2
            for i in range(j + 1):
                other = local[t, i]
                bent = b1 * by[i, 0] + b2 * by[i, 1]
                pt[max(u, other), min(u, other)] += 2.0 * bent if u == other and i < j else bent
            crossed = -(b1 + b2) if kind == STARS else rho * b1
            for a in range(m):
                if loads[k, a] != 0.0:
                    cross[a, u] += crossed * loads[k, a]
    gain = 0.0
    solved = np.empty(m)
    for a in range(m):
        for b in range(a):
            pull[a] -= root[a, b] * pull[b]
            alpha[a] -= root[a, b] * alpha[b]
        pull[a] /= root[a, a]
        alpha[a] /= root[a, a]
        gain += pull[a] * (pull[a] + 2.0 * alpha[a])
        solved[a] = pull[a] + alpha[a]
    value += 0.5 * gain
    correction = 0.0
    if m and not bends:
        for k in range(patterns):
            v = sums[k, 0]
            correction += sums[k, 2] * v * v / 8.0
            for k2 in range(k + 1):
                both = 0.0
                for a in range(m):
                    both += half[k, a] * half[k2, a]
                twice = 1.0 if k2 == k else 2.0
                correction += twice * sums[k, 1] * sums[k2, 1] * both * (v * sums[k2, 0] / 8.0 + both * both / 12.0)
    if not bends and m <= MOST and abs(correction) > MUCH * m:
        correction = averaged(kind, cuts, start, stop, vote, times, base, row_pattern, loads, first, m, z, root) - value
    if bends:
        for a in range(m):
            for b in range(a):
                for u in range(count):
                    cross[a, u] -= root[a, b] * cross[b, u]
            for u in range(count):
                cross[a, u] /= root[a, a]
        for u in range(count):
            at = touched[u]
            place[at] = -1
            total = gt[u]
            for a in range(m):
                total -= cross[a, u] * solved[a]
            g[at] += total
            for u2 in range(u + 1):
                total = pt[u, u2]
                for a in range(m):
                    total -= cross[a, u] * cross[a, u2]
                at2 = touched[u2]
                p[max(at, at2), min(at, at2)] += total
    return value, correction
