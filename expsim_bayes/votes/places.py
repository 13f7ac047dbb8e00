r"""The rankings of one item, compiled: how its outputs suit the item is integrated out, over `points` around where that is likeliest.

Of a ranking with weights :math:`w_j = e^{\eta_j}` in order of places and :math:`S_j = \sum_{l \ge j} w_l`, the log probability has slopes
:math:`1 - w_j A_j` and minus curvatures :math:`w_j A_j 1_{j = k} - w_j w_k B_{\min(j, k)}`, with :math:`A_j = \sum_{i \le j} 1 / S_i` and
:math:`B_j = \sum_{i \le j} 1 / S_i^2`; at the last place there is no choice left.
"""

from __future__ import annotations

import numpy as np

from expsim_bayes.outcomes import MOST_RANKED
from expsim_bayes.votes.compiling import compiled
from expsim_bayes.votes.items import INNER_STEPS, LONGEST, NEAR, SMALL
from expsim_bayes.votes.laws import bounded
from expsim_bayes.votes.linear import cholesky, solve_root


@compiled
def room_for(votes_from, own_from, rules):
    """Work space for the rankings of one item after the other."""
    rows, m, count = 0, 1, 1
    for i in range(votes_from.size - 1):
        if votes_from[i + 1] > votes_from[i]:
            rows = max(rows, votes_from[i + 1] - votes_from[i])
            own = max(own_from[i + 1] - own_from[i], 1)
            m, count = max(m, own), max(count, 1 + 2 * rules[MOST_RANKED + own - 1][1].shape[0])
    return (
        np.zeros((2, rows), np.int64),
        np.zeros((4, rows)),
        np.zeros((3, rows, count)),
        np.zeros((3, count)),
        np.zeros((rows, rows)),
        np.zeros((2, m, m)),
        np.zeros((2, m)),
    )


@compiled
def in_places(vote, start, stop, at):
    """Rows of an item's rankings in order of their places, and how many places are left at each, the last of which is no choice."""
    first = 0
    while start + first < stop:
        many = 1
        while start + first + many < stop and vote[start + first + many] >= 0:
            many += 1
        for s in range(many):
            place = vote[start + first + s]
            place = place if place >= 0 else -1 - place
            at[0, first + place] = start + first + s
            at[1, first + place] = many - 1 - place
        first += many


@compiled
def told_apart(vote, effect, code, own_code, start, stop, m, c1, y, room):
    """Rows of an item in order of their places, what their outputs weigh without its own effects, and the coefficients of these."""
    at, edge = room[0], room[1]
    in_places(vote, start, stop, at)
    for t in range(stop - start):
        row, e = at[0, t], 0.0
        for j in range(effect.shape[1]):
            if effect[row, j] < 0:
                break
            e += c1[code[row, j]] * y[effect[row, j]]
        edge[0, t] = np.exp(bounded(e))
        edge[1, t] = c1[own_code[row, 0]] if m else 0.0


@compiled
def mode(rows, at, own, base, m, edge, z, inner, pull):
    """The item's effects where they are likeliest, left in z, with their precision in inner[0]."""
    whole, root, step = inner[0], inner[1], pull[0]
    for _ in range(INNER_STEPS):
        for a in range(m):
            step[a] = -z[base + a]
            for b in range(m):
                whole[a, b] = 1.0 if a == b else 0.0
        for t in range(rows):
            edge[2, t] = edge[0, t] * np.exp(bounded(edge[1, t] * z[own[at[0, t], 0]]))
        first = 0
        while first < rows:
            last, left, one, two = first + at[1, first], 0.0, 0.0, 0.0
            for t in range(last, first - 1, -1):
                left += edge[2, t]
                edge[3, t] = 1.0 / left
            for t in range(first, last + 1):
                a, o, w = own[at[0, t], 0] - base, edge[1, t], edge[2, t]
                if t < last:
                    one += edge[3, t]
                    two += edge[3, t] * edge[3, t]
                step[a] += o * ((1.0 if t < last else 0.0) - w * one)
                whole[a, a] += o * o * w * one
                for t2 in range(t, last + 1):
                    b = own[at[0, t2], 0] - base
                    more = o * w * two * edge[1, t2] * edge[2, t2]
                    whole[a, b] -= more
                    if t2 > t:
                        whole[b, a] -= more
            first = last + 1
        root[:] = whole
        if not cholesky(root, m):
            return
        solve_root(root, m, step)
        far = 0.0
        for a in range(m):
            far = max(far, abs(step[a]))
        shorter = max(1.0, far / LONGEST)
        for a in range(m):
            z[base + a] += step[a] / shorter
        if far < NEAR:
            return


@compiled
def in_differences(m, contrasts, inner):
    """The lower root of the precision in inner[0] along differences, left in inner[1]; minus half of its log determinant."""
    n, root, width = contrasts.shape[1], inner[1], 0.0
    for i in range(n):
        for j in range(i + 1):
            found = 0.0
            for a in range(m):
                for b in range(m):
                    found += contrasts[a, i] * inner[0][a, b] * contrasts[b, j]
            root[i, j] = found
    cholesky(root, n)
    for i in range(n):
        width -= np.log(root[i, i])
    return width


@compiled
def moved_by(plain, m, contrasts, root, turned, moved):
    """Standard normal differences turned to effects of the normal law around the mode, less that."""
    n = contrasts.shape[1]
    for i in range(n - 1, -1, -1):
        found = plain[i]
        for j in range(i + 1, n):
            found -= root[j, i] * turned[j]
        turned[i] = found / root[i, i]
    for a in range(m):
        moved[a] = 0.0
        for i in range(n):
            moved[a] += contrasts[a, i] * turned[i]


@compiled
def spread_out(rows, at, own, base, m, edge, z, contrasts, points, room, total, inner, pull):
    """Weights of the outputs in room[0] and log densities of the effects in total[0] at all points; log width of the normal law there."""
    width, middle = 0.0, 0.0
    root, turned, moved = inner[1], pull[0], pull[1]
    for t in range(rows):
        edge[2, t] = edge[0, t]
    if m:
        width = in_differences(m, contrasts, inner)
        for a in range(m):
            middle += z[base + a] * z[base + a]
        for t in range(rows):
            edge[2, t] *= np.exp(bounded(edge[1, t] * z[own[at[0, t], 0]]))
    for t in range(rows):
        room[0, t, 0] = edge[2, t]
    total[0, 0] = -0.5 * middle
    for h in range(points.shape[0] if m else 0):
        moved_by(points[h], m, contrasts, root, turned, moved)
        along, away = 0.0, 0.0
        for a in range(m):
            along += moved[a] * z[base + a]
            away += moved[a] * moved[a]
        total[0, 1 + 2 * h], total[0, 2 + 2 * h] = -0.5 * (middle + away) - along, -0.5 * (middle + away) + along
        for t in range(rows):
            f = np.exp(bounded(edge[1, t] * moved[own[at[0, t], 0] - base]))
            room[0, t, 1 + 2 * h], room[0, t, 2 + 2 * h] = edge[2, t] * f, edge[2, t] / f
    return width


@compiled
def chances(rows, at, count, room, total):
    """Log probabilities of the rankings at all points, added to total[0]; one over what is left at each place goes to room[1]."""
    product, left = total[1], total[2]
    product[:count] = 1.0
    for t in range(rows - 1, -1, -1):
        w, over = room[0, t], room[1, t]
        if at[1, t] == 0:
            left[:count] = w[:count]
            continue
        for k in range(count):
            left[k] += w[k]
            over[k] = 1.0 / left[k]
            product[k] *= w[k] * over[k]
        for k in range(count):
            if product[k] < SMALL:
                total[0, k] += np.log(product[k])
                product[k] = 1.0
    for k in range(count):
        total[0, k] += np.log(product[k])


@compiled
def curved(rows, at, count, room, total, edge, bent):
    """Averages over the points, whose shares are total[0]: slopes along the outputs' logits in edge[2], minus curvatures in bent."""
    share, one, two = total[0], total[1], total[2]
    first = 0
    for t in range(rows):
        w, over, slope = room[0, t], room[1, t], room[2, t]
        if t == 0 or at[1, t - 1] == 0:
            first = t
            one[:count], two[:count] = 0.0, 0.0
        chosen, mean, own = 0.0, 0.0, 0.0
        if at[1, t] > 0:
            chosen = 1.0
            for k in range(count):
                one[k] += over[k]
                two[k] += over[k] * over[k]
        for k in range(count):
            lost = w[k] * one[k]
            slope[k] = chosen - lost
            own += share[k] * lost
            over[k] = share[k] * w[k] * two[k]  # what is left is not needed any more
        mean = chosen - own
        edge[2, t] = mean
        for k in range(count):
            slope[k] -= mean
        for t2 in range(t + 1):
            found, other = 0.0, room[2, t2]
            for k in range(count):
                found -= share[k] * slope[k] * other[k]
            if t2 >= first:
                of = room[1, t2]
                for k in range(count):
                    found -= of[k] * w[k]
            bent[t, t2] = found
        bent[t, t] += own


@compiled
def scattered(rows, at, effect, code, c1, edge, bent, g, p, times):
    """Slopes and minus curvatures along the outputs' logits turned to those along effects, added to g and the lower half of p."""
    most = effect.shape[1]
    for t in range(rows):
        row = at[0, t]
        for j in range(most):
            u = effect[row, j]
            if u < 0:
                break
            a = c1[code[row, j]] * times
            g[u] += a * edge[2, t]
            for t2 in range(t + 1):
                row2 = at[0, t2]
                step = a * bent[t, t2]
                for j2 in range(j + 1 if t2 == t else most):
                    u2 = effect[row2, j2]
                    if u2 < 0:
                        break
                    more = step * c1[code[row2, j2]]
                    if u > u2:
                        p[u, u2] += more
                    elif u < u2:
                        p[u2, u] += more
                    else:
                        p[u, u] += more if t2 == t and j2 == j else 2.0 * more


@compiled
def ranked(vote, effect, code, own, own_code, start, stop, base, m, c1, y, z, rule, room, g, p, times):
    """The rankings of one item: log probability with its own effects integrated out; slopes and minus curvatures go to g and p.

    The effects' mode is sought from z[base : base + m] on and left there.
    """
    rows, (contrasts, points, log_weight) = stop - start, rule
    told_apart(vote, effect, code, own_code, start, stop, m, c1, y, room)
    at, edge, seen, total, bent, inner, pull = room
    if m:
        mode(rows, at, own, base, m, edge, z, inner, pull)
    width = spread_out(rows, at, own, base, m, edge, z, contrasts, points, seen, total, inner, pull)
    count = 1 + 2 * points.shape[0] if m else 1
    chances(rows, at, count, seen, total)
    top, whole = -np.inf, 0.0
    for k in range(count):
        total[0, k] += log_weight[(k + 1) // 2] if m else 0.0
        top = max(top, total[0, k])
    for k in range(count):
        total[0, k] = np.exp(total[0, k] - top)
        whole += total[0, k]
    for k in range(count):
        total[0, k] /= whole
    curved(rows, at, count, seen, total, edge, bent)
    scattered(rows, at, effect, code, c1, edge, bent, g, p, times)
    return times * (top + np.log(whole) + width)
