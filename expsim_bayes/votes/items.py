"""The votes of one item, compiled: its own effects eliminated around their mode, or integrated out where it has one alone."""

from __future__ import annotations

import numpy as np

from expsim_bayes.votes.compiling import compiled
from expsim_bayes.votes.laws import law, weights
from expsim_bayes.votes.linear import cholesky
from expsim_bayes.votes.space import NODES

LOG_WEIGHTS = np.log(np.polynomial.hermite_e.hermegauss(7)[1] / np.sqrt(2.0 * np.pi)) + 0.5 * NODES**2
INNER_STEPS, NEAR = 12, 0.03
"""Steps towards its mode, at most, and the length of the last; points around a place that is off would tell something else."""
LONGEST = 2.5
"""Change of an effect in one step, at most; prior SDs."""
SMALL = 1e-100
"""Product of probabilities from which its logarithm is taken: logarithms cost more than all the rest."""


@compiled
def edges(effect, code, c1, c2, middle, y, count, touched, place, local, gt, pt):
    """Both edges of a vote without the item's own effects, how many effects it hangs on, and how many the item's votes do so far.

    Those that no vote of the item has met yet get a place; places and coefficients of the vote's effects are left in `local`.
    """
    e1, e2, n = 0.0, middle, 0
    for j in range(effect.size):
        at = effect[j]
        if at < 0:
            break
        a1, a2 = c1[code[j]], c2[code[j]]
        e1 += a1 * y[at]
        e2 += a2 * y[at]
        u = place[at]
        if u < 0:
            u = count
            place[at] = u
            touched[u] = at
            gt[u] = 0.0
            for b in range(u + 1):
                pt[u, b] = 0.0
            count += 1
        local[0, j], local[1, j], local[2, j] = u, a1, a2
        n += 1
    return e1, e2, n, count


@compiled
def integrated(kind, scales, rows, voted, often, c1, c2, y, z, space, g, p):
    """The votes of all items with one effect of their own, which is integrated out: log probability; slopes and curvatures go to g and p.

    Adaptive Gauss-Hermite quadrature (Naylor and Smith 1982) around the effect's mode, which moves to where it now is. With p_k the
    weights of the points, slopes are averages over them, and minus curvatures the averages of theirs less the variance of slopes.
    """
    vote, effect, code, own, own_code = voted
    place, gt, pt, local, seen, pulls = space.place, space.gt, space.pt, space.local, space.seen, space.pulls
    cuts, points, value = scales.cuts, NODES.size, 0.0
    for i in range(rows.votes_from.size - 1):
        start, stop, at_own, times = rows.votes_from[i], rows.votes_from[i + 1], rows.own_from[i], often[i]
        if times == 0.0:
            continue
        touched = space.touched[i]
        count, votes = 0, stop - start
        for t in range(start, stop):
            e1, e2, n, count = edges(
                effect[t], code[t], c1, c2, scales.middle, y, count, touched, place, local[t - start], gt, pt
            )
            has = own[t, 0] >= 0
            one, two = weights(kind, e1, e2)
            seen[t - start, 0, 0], seen[t - start, 0, 1], seen[t - start, 0, 2] = one, two, n
            seen[t - start, 0, 3] = c1[own_code[t, 0]] if has else 0.0
            seen[t - start, 0, 4] = c2[own_code[t, 0]] if has else 0.0
        mode, bent = z[at_own], 1.0
        for _ in range(INNER_STEPS):
            slope, bent, o1, o2, f1, f2 = -mode, 1.0, 0.0, 0.0, 1.0, 1.0
            for t in range(votes):
                if seen[t, 0, 3] != o1 or seen[t, 0, 4] != o2:
                    o1, o2 = seen[t, 0, 3], seen[t, 0, 4]
                    f1, f2 = weights(kind, o1 * mode, o2 * mode)
                _, g1, g2, h11, h12, h22 = law(kind, cuts, vote[start + t], seen[t, 0, 0] * f1, seen[t, 0, 1] * f2)
                slope += o1 * g1 + o2 * g2
                bent += o1 * o1 * h11 + 2.0 * o1 * o2 * h12 + o2 * o2 * h22
            step = min(max(slope / bent, -1.0), 1.0)
            mode += step
            if abs(step) < NEAR:
                break
        z[at_own] = mode
        width, top = 1.0 / np.sqrt(bent), -np.inf
        for k in range(points):
            at = mode + width * NODES[k]
            total, product, o1, o2, f1, f2 = LOG_WEIGHTS[k] - 0.5 * at * at, 1.0, 0.0, 0.0, 1.0, 1.0
            for t in range(votes):
                if seen[t, 0, 3] != o1 or seen[t, 0, 4] != o2:
                    o1, o2 = seen[t, 0, 3], seen[t, 0, 4]
                    f1, f2 = weights(kind, o1 * at, o2 * at)
                v, g1, g2, h11, h12, h22 = law(kind, cuts, vote[start + t], seen[t, 0, 0] * f1, seen[t, 0, 1] * f2)
                product *= v
                if product < SMALL:
                    total += np.log(product)
                    product = 1.0
                row = seen[t, k + 1]
                row[0], row[1], row[2], row[3], row[4] = g1, g2, h11, h12, h22
            total += np.log(product)
            pulls[k, 0] = total
            top = max(top, total)
        whole = 0.0
        for k in range(points):
            pulls[k, 0] = np.exp(pulls[k, 0] - top)
            whole += pulls[k, 0]
            for u in range(count):
                pulls[k, 1 + u] = 0.0
        for t in range(votes):
            h11, h12, h22 = 0.0, 0.0, 0.0
            n = int(seen[t, 0, 2])
            for k in range(points):
                weight, row = pulls[k, 0] / whole, seen[t, k + 1]
                h11 += weight * row[2]
                h12 += weight * row[3]
                h22 += weight * row[4]
                for j in range(n):
                    pulls[k, 1 + int(local[t, 0, j])] += local[t, 1, j] * row[0] + local[t, 2, j] * row[1]
            for j in range(n):
                u, a1, a2 = int(local[t, 0, j]), local[t, 1, j], local[t, 2, j]
                b1, b2 = a1 * h11 + a2 * h12, a1 * h12 + a2 * h22
                for j2 in range(j + 1):
                    u2 = int(local[t, 0, j2])
                    add = b1 * local[t, 1, j2] + b2 * local[t, 2, j2]
                    pt[max(u, u2), min(u, u2)] += add
        for k in range(points):
            weight = pulls[k, 0] / whole
            for u in range(count):
                gt[u] += weight * pulls[k, 1 + u]
        for k in range(points):
            weight, row = np.sqrt(pulls[k, 0] / whole), pulls[k, 1 : 1 + count]
            for u in range(count):
                row[u] = weight * (row[u] - gt[u])
            for u in range(count):
                of = pt[u]
                for u2 in range(u + 1):
                    of[u2] -= row[u] * row[u2]
        for u in range(count):
            at = touched[u]
            place[at] = -1
            g[at] += times * gt[u]
            for u2 in range(u + 1):
                at2 = touched[u2]
                p[max(at, at2), min(at, at2)] += times * pt[u, u2]
        value += times * (top + np.log(whole) + np.log(width))
    return value


@compiled
def eliminated(m, count, touched, gt, pt, pull, root, cross, g, p, times):
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
        g[at] += times * total
        for u2 in range(u + 1):
            total = pt[u, u2]
            for a in range(m):
                total -= cross[a, u] * cross[a, u2]
            at2 = touched[u2]
            if at >= at2:
                p[at, at2] += times * total
            else:
                p[at2, at] += times * total
    return gain, log_det


@compiled
def added_up(kind, scales, rows, voted, weight, c1, c2, y, z, space, g, p):
    """The votes of all items, the items' own effects eliminated; slopes and minus curvatures go to g and p.

    Returns the log probability, the gain that the next step of the own effects promises, and their log determinant: infinite where they
    have no mode.
    """
    vote, effect, code, own, own_code = voted
    counts, place, gt, pt, local = space.counts, space.place, space.gt, space.pt, space.local[0]
    total, gain, log_det = 0.0, 0.0, 0.0
    for i in range(rows.votes_from.size - 1):
        base, m, times = rows.own_from[i], rows.own_from[i + 1] - rows.own_from[i], weight[i]
        if times == 0.0:
            counts[i] = 0
            continue
        touched, pull, root, cross = space.touched[i], space.pull[i], space.root[i], space.cross[i]
        value, product, count = 0.0, 1.0, 0
        for a in range(m):
            pull[a] = -z[base + a]
            value -= 0.5 * z[base + a] * z[base + a]
            for b in range(m):
                root[a, b] = 1.0 if a == b else 0.0
        for t in range(rows.votes_from[i], rows.votes_from[i + 1]):
            before = count
            e1, e2, n, count = edges(effect[t], code[t], c1, c2, scales.middle, y, count, touched, place, local, gt, pt)
            for u in range(before, count):
                for b in range(m):
                    cross[b, u] = 0.0
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
            one_weight, two_weight = weights(kind, e1, e2)
            v, g1, g2, h11, h12, h22 = law(kind, scales.cuts, vote[t], one_weight, two_weight)
            product *= v
            if product < SMALL:
                value += np.log(product)
                product = 1.0
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
        counts[i] = count
        for u in range(count):
            place[touched[u]] = -1
        if not cholesky(root, m):
            return 0.0, 0.0, np.inf
        more, other = eliminated(m, count, touched, gt, pt, pull, root, cross, g, p, times)
        total += times * (value + np.log(product))
        gain += times * more
        log_det += times * other
    return total, gain, log_det


@compiled
def followed(own_from, weight, space, step, shorter, z):
    """Move the effects of items as the others move."""
    touched, counts, pull, root, cross = space.touched, space.counts, space.pull, space.root, space.cross
    for i in range(own_from.size - 1):
        base, m = own_from[i], own_from[i + 1] - own_from[i]
        if weight[i] == 0.0:
            continue
        for a in range(m - 1, -1, -1):
            total = pull[i, a]
            for u in range(counts[i]):
                total -= cross[i, a, u] * step[touched[i, u]]
            for b in range(a + 1, m):
                total -= root[i, b, a] * pull[i, b]
            pull[i, a] = total / root[i, a, a]
        for a in range(m):
            z[base + a] += pull[i, a] / shorter


@compiled
def shrunk(code_of, before, now, stiff, z):
    """Effects of items moved to where they may be with other components: multiples of an SD s with information w are as s / (1 + s^2 w)."""
    for n in range(z.size):
        if code_of[n] >= 0:
            s, t = before[code_of[n]], now[code_of[n]]
            if s != 0.0:
                told = max(stiff[n] - 1.0, 0.0)
                z[n] *= t / s * (1.0 + told) / (1.0 + told * (t / s) ** 2)
