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
from expsim_bayes.votes.points import PAIRS, STEEP


@compiled
def counted(rule):
    """How many points there are."""
    return 1 + 2 * rule[1].shape[0] if rule[2].size else 4 * PAIRS


@compiled
def for_steep(own, own_code, table):
    """Where the points of rankings begin whose raters all but read the order off how outputs suit an item, or 0 where none do."""
    for t in range(own.shape[0]):
        if own[t, 0] >= 0 and table[own_code[t, 0]] > STEEP:
            return MOST_RANKED
    return 0


@compiled
def room_for(votes_from, own_from, rules):
    """Work space for the rankings of one item after the other."""
    rows, m, count = 0, 1, 1
    for i in range(votes_from.size - 1):
        if votes_from[i + 1] > votes_from[i]:
            rows = max(rows, votes_from[i + 1] - votes_from[i])
            own = max(own_from[i + 1] - own_from[i], 1)
            m, count = max(m, own), max(count, counted(rules[own - 1]), counted(rules[MOST_RANKED + own - 1]))
    return (
        np.zeros((2, rows), np.int64),
        np.zeros((4, rows)),
        np.zeros((3, rows, count)),
        np.zeros((3, count)),
        np.zeros((rows, rows)),
        np.zeros((2, m, m)),
        np.zeros((4, m)),
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
def told_apart(voted, start, stop, m, c1, y, room):
    """Rows of an item in order of their places, what their outputs weigh without its own effects, and the coefficients of these."""
    vote, effect, code, _, own_code = voted
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
def put_back(m, contrasts, differences, outputs):
    """Differences turned to effects of outputs."""
    for a in range(m):
        outputs[a] = 0.0
        for i in range(contrasts.shape[1]):
            outputs[a] += contrasts[a, i] * differences[i]


@compiled
def moved_by(plain, root, turned):
    """Standard normal differences turned to those of the normal law around the mode, less that."""
    n = turned.size
    for i in range(n - 1, -1, -1):
        found = plain[i]
        for j in range(i + 1, n):
            found -= root[j, i] * turned[j]
        turned[i] = found / root[i, i]


@compiled
def over_both(at, centre, root, width):
    """Log of what is believed of differences, over an even mixture of that and of the normal law around their mode."""
    own, other, n = 0.0, 0.0, at.size
    for i in range(n):
        across = 0.0
        for j in range(i, n):
            across += root[j, i] * (at[j] - centre[j])
        own -= 0.5 * at[i] * at[i]
        other -= 0.5 * across * across
    ahead = other - width - own
    return np.log(2.0) - (np.log1p(np.exp(ahead)) if ahead < 0.0 else ahead + np.log1p(np.exp(-ahead)))


@compiled
def in_middle(m, contrasts, suits, centre):
    """The mode along differences."""
    for i in range(contrasts.shape[1]):
        centre[i] = 0.0
        for a in range(m):
            centre[i] += contrasts[a, i] * suits[a]


@compiled
def scattered_out(rows, at, own, base, m, edge, z, rule, begin, seen, total, inner, pull):
    """Weights of the outputs at scattered points, and what these weigh."""
    contrasts, points, _ = rule
    n = contrasts.shape[1]
    width, root = in_differences(m, contrasts, inner), inner[1]
    turned, there, centre, moved = pull[0, :n], pull[1, :n], pull[2, :n], pull[3]
    in_middle(m, contrasts, z[base : base + m], centre)
    for k in range(4 * PAIRS):
        plain, sign = points[(begin * PAIRS + k // 4) % points.shape[0]], 1.0 - 2.0 * (k // 2 % 2)
        if k % 2:
            for i in range(n):
                there[i] = sign * plain[i]
        else:
            moved_by(plain, root, turned)
            for i in range(n):
                there[i] = centre[i] + sign * turned[i]
        total[0, k] = over_both(there, centre, root, width) - np.log(4.0 * PAIRS)
        put_back(m, contrasts, there, moved)
        for t in range(rows):
            seen[0, t, k] = edge[0, t] * np.exp(bounded(edge[1, t] * moved[own[at[0, t], 0] - base]))


@compiled
def spread_out(rows, at, own, base, m, edge, z, rule, seen, total, inner, pull):
    """Weights of the outputs at the points of a rule, and what these weigh."""
    contrasts, points, log_weight = rule
    n = contrasts.shape[1]
    width, root = in_differences(m, contrasts, inner), inner[1]
    turned, moved = pull[0, :n], pull[1]
    middle = 0.0
    for a in range(m):
        middle += z[base + a] * z[base + a]
    for t in range(rows):
        seen[0, t, 0] = edge[2, t] = edge[0, t] * np.exp(bounded(edge[1, t] * z[own[at[0, t], 0]]))
    total[0, 0] = width + log_weight[0] - 0.5 * middle
    for h in range(points.shape[0]):
        moved_by(points[h], root, turned)
        put_back(m, contrasts, turned, moved)
        along, away = 0.0, width + log_weight[1 + h] - 0.5 * middle
        for a in range(m):
            along += moved[a] * z[base + a]
            away -= 0.5 * moved[a] * moved[a]
        total[0, 1 + 2 * h], total[0, 2 + 2 * h] = away - along, away + along
        for t in range(rows):
            f = np.exp(bounded(edge[1, t] * moved[own[at[0, t], 0] - base]))
            seen[0, t, 1 + 2 * h], seen[0, t, 2 + 2 * h] = edge[2, t] * f, edge[2, t] / f


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
def ranked(voted, start, stop, base, m, c1, y, z, rule, room, g, p, times):
    """The rankings of one item: log probability with its own effects integrated out; slopes and minus curvatures go to g and p.

    The effects' mode is sought from z[base : base + m] on and left there.
    """
    rows, own = stop - start, voted.own
    told_apart(voted, start, stop, m, c1, y, room)
    at, edge, seen, total, bent, inner, pull = room
    count = counted(rule) if m else 1
    if m:
        mode(rows, at, own, base, m, edge, z, inner, pull)
    if not m:
        total[0, 0] = 0.0
        for t in range(rows):
            seen[0, t, 0] = edge[0, t]
    elif rule[2].size:
        spread_out(rows, at, own, base, m, edge, z, rule, seen, total, inner, pull)
    else:
        scattered_out(rows, at, own, base, m, edge, z, rule, start, seen, total, inner, pull)
    chances(rows, at, count, seen, total)
    top, whole = -np.inf, 0.0
    for k in range(count):
        top = max(top, total[0, k])
    for k in range(count):
        total[0, k] = np.exp(total[0, k] - top)
        whole += total[0, k]
    for k in range(count):
        total[0, k] /= whole
    curved(rows, at, count, seen, total, edge, bent)
    scattered(rows, at, voted.effect, voted.code, c1, edge, bent, g, p, times)
    return times * (top + np.log(whole))
