r"""Modes of votes, compiled: where effects and items are likeliest given the components, how sharply, and the Laplace approximation there.

A vote's probability hangs on two edges, each a sum of effects times coefficients (`stars` and `duels` say which), and a ranking on one edge
of each of its places (`rankings`), a row each. All effects
are standard normal before a vote is seen, but for the cuts of a scale, whose prior is that of the model. The effects of an item's outputs
touch no other item's votes: they are eliminated item by item, and Newton's steps are taken in what remains. With the log density
:math:`\ell` at the mode and minus its Hessian :math:`H`, the log marginal density is :math:`\ell - \log|H| / 2` up to a constant
(Tierney and Kadane 1986).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from expsim_bayes.votes.compiling import compiled
from expsim_bayes.votes.items import LONGEST, NODES, added_up, eliminated, followed, integrated, shrunk
from expsim_bayes.votes.laws import RANKINGS
from expsim_bayes.votes.linear import cholesky, product, solve_root, steadied
from expsim_bayes.votes.places import for_steep, ranked, room_for
from expsim_bayes.votes.points import rules
from expsim_bayes.votes.scales import cut_prior, cuts_of, in_coordinates, turned_back

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Bytes = NDArray[np.int8]

MOST_STEPS = 40
"""Newton steps, at most."""
HALVINGS = 8
"""Times in a row that a step is halved where it does not lead uphill."""
SURE, ROUGH = 1e-4, 0.5
"""Gain that the next step promises below which it is taken without looking: at the first set of components, and at those around it."""
SLIP = 1e-2
"""Loss that a step may bring where effects of items have not quite followed."""


class Rows(NamedTuple):
    """Votes of R replications; N votes sorted by item, I items with L effects of their own, n other effects.

    Each edge of a vote is a sum of effects times coefficients, which are looked up in tables by their code.
    """

    vote: NDArray[np.int8]
    """(R, N) step of the scale from 0; or 0, 1, 2 where the first is better, neither is, the second is; or the place from 0, in the first
    row of a ranking -1 less it."""
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
    weight: NDArray[np.float32]
    """(R or 1, I) how many items of each replication are like this one; those that have none are passed over."""


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
    """(S,) Newton steps; where `MOST_STEPS`, the mode is not far, or the density not finite."""


@compiled
def _modes(
    kind,
    vote,
    effect,
    code,
    own,
    own_code,
    votes_from,
    own_from,
    weight,
    cuts,
    evaluators,
    shares,
    middle,
    stretch,
    table1,
    table2,
    size,
    offset,
    which,
    each,
    start,
    start_own,
    rules,
):
    replications, n = start.shape
    sets, items = replications * each, votes_from.size - 1
    density, at = np.full(sets, -np.inf), np.zeros((sets, n))
    precision, steps = np.zeros((sets, n, n)), np.full(sets, MOST_STEPS, np.int64)
    ends = start_own.copy()
    in_places, most = kind == RANKINGS, 1
    held = 0 if in_places else items
    for i in range(held):
        most = max(most, own_from[i + 1] - own_from[i])
    widest = min(n, 1 + max(1, effect.shape[2]) * np.max(votes_from[1:] - votes_from[:-1]))
    touched, counts, place = np.zeros((held, widest), np.int64), np.zeros(items, np.int64), np.full(n, -1, np.int64)
    pull, root, cross = np.zeros((held, most)), np.zeros((held, most, most)), np.zeros((held, most, widest))
    gt, pt, g, p = np.zeros(widest), np.zeros((widest, widest)), np.zeros(n), np.zeros((n, n))
    whole, step, y, old = np.zeros((n, n)), np.zeros(n), np.zeros(n), np.zeros(n)
    z, old_z = np.zeros(start_own.shape[1]), np.zeros(start_own.shape[1])
    normal = evaluators * cuts
    together = np.max(votes_from[1:] - votes_from[:-1])
    bend, locals_ = np.zeros(normal), np.zeros((together, 3, effect.shape[2]))
    alone = in_places or (items > 0 and own_from[items] == items and most == 1)  # own effects are integrated out
    room = room_for(votes_from, own_from, rules) if in_places else room_for(votes_from[:1], own_from[:1], rules)
    seen, pulls = np.zeros((together, NODES.size + 1, 5)), np.zeros((NODES.size, 1 + widest))
    code_of, stiff = np.full(z.size, -1, np.int64), np.ones(z.size)
    for t in range(own.shape[0]):
        for a in range(2):
            if own[t, a] >= 0 and code_of[own[t, a]] < 0:
                code_of[own[t, a]] = own_code[t, a]
    for r in range(replications):
        vr = which[r]
        er, cr, wr = min(vr, effect.shape[0] - 1), min(vr, code.shape[0] - 1), min(vr, weight.shape[0] - 1)
        vr = min(vr, vote.shape[0] - 1)
        finer = (
            for_steep(own, own_code, table1[r * each]) if in_places else 0
        )  # the same at all sets, to tell these apart
        for e in range(each):
            s = r * each + e
            x = at[s]
            if e == 0:
                x[:] = start[r]
            else:
                for j in range(n):
                    x[j] = at[r * each, j] * size[r * each, j] / size[s, j] + offset[s, j]
            sure = SURE if e == 0 else ROUGH
            z[:] = ends[r]
            if e > 0 and not alone:
                shrunk(code_of, table1[r * each], table1[s], stiff, z)
            before, halved = -np.inf, 0
            for done in range(MOST_STEPS):
                g[:] = 0.0
                p[:] = 0.0
                y[:] = x
                cuts_of(cuts, evaluators, stretch[s], x, y)
                value, gain, log_det, sound = 0.0, 0.0, 0.0, True
                for i in range(items):
                    base, m, times = own_from[i], own_from[i + 1] - own_from[i], weight[wr, i]
                    if times == 0.0:
                        counts[i] = 0
                        continue
                    if in_places:
                        value += ranked(
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
                            y,
                            z,
                            rules[max(m - 1, 0) + finer],
                            room,
                            g,
                            p,
                            times,
                        )
                        continue
                    if alone:
                        value += integrated(
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
                            table1[s],
                            table2[s],
                            y,
                            z,
                            touched[i],
                            place,
                            locals_,
                            seen,
                            pulls,
                            gt,
                            pt,
                            g,
                            p,
                            times,
                        )
                        continue
                    more, counts[i] = added_up(
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
                        locals_[0],
                        gt,
                        pt,
                        pull[i],
                        root[i],
                        cross[i],
                    )
                    value += times * more
                    for u in range(counts[i]):
                        place[touched[i, u]] = -1
                    if not cholesky(root[i], m):
                        sound = False
                        break
                    more, other = eliminated(m, counts[i], touched[i], gt, pt, pull[i], root[i], cross[i], g, p, times)
                    gain += times * more
                    log_det += times * other
                for j in range(n):
                    for j2 in range(j):
                        p[j2, j] = p[j, j2]
                if cuts:
                    value += cut_prior(cuts, evaluators, shares, stretch[s], y, g, p)
                    value += in_coordinates(cuts, evaluators, stretch[s], x, g, p, bend)
                for j in range(normal, n):
                    value -= 0.5 * x[j] * x[j]
                    g[j] -= x[j]
                    p[j, j] += 1.0
                last = done == MOST_STEPS - 1
                if done and not last and halved < HALVINGS and not (sound and value >= before - SLIP):
                    x[:] = 0.5 * (x + old)
                    z[:] = 0.5 * (z + old_z)
                    halved += 1
                    continue
                whole[:] = p
                for j in range(normal):
                    whole[j, j] += bend[j]
                if cholesky(whole, n):
                    for j in range(normal):
                        p[j, j] += bend[j]
                elif not steadied(whole, p, n):
                    break
                step[:] = g
                solve_root(whole, n, step)
                longest = 1.0
                for j in range(n):
                    gain += step[j] * g[j]
                    longest = max(longest, abs(step[j]) / LONGEST)
                stuck = (
                    halved == HALVINGS
                )  # no step leads uphill: this is as near as rounding and quadrature let one come
                before, halved = value, 0
                old[:] = x
                old_z[:] = z
                turned_back(cuts, evaluators, stretch[s], x, step, y)
                if not alone:
                    followed(own_from, weight[wr], touched, counts, pull, root, cross, y, longest, z)
                for j in range(n):
                    x[j] += step[j] / longest
                if stuck:
                    x[:], z[:], gain, longest = old, old_z, 0.0, 1.0
                if last and gain >= ROUGH:
                    gain = 0.0  # the mode was not found, and what the next step promises is not to be believed
                if last or (gain < sure and longest == 1.0):
                    precision[s] = product(whole, n)
                    half = 0.0
                    for j in range(n):
                        half += np.log(whole[j, j])
                    density[s], steps[s] = value + 0.5 * gain - half - 0.5 * log_det, done + 1
                    break
            if e == 0:
                ends[r] = z
                for i in range(0 if alone else items):
                    if weight[wr, i] == 0.0:
                        continue
                    for a in range(own_from[i + 1] - own_from[i]):
                        stiff[own_from[i] + a] = root[i, a, a] ** 2
    return density, at, precision, ends, steps


def modes(
    kind: int,
    rows: Rows,
    scales: Scales,
    tables: tuple[Floats, Floats],
    size: Floats,
    offset: Floats,
    which: NDArray[np.intp],
    start: Floats,
    start_own: Floats,
    *,
    finer: bool = False,
) -> Modes:
    """Modes at m sets of components of each of r replications, the first from where it was before, the others from the first.

    Parameters
    ----------
    kind : int
        `laws.STARS`, `laws.DUELS` or `laws.RANKINGS`.
    rows : Rows
        Votes.
    scales : Scales
        Cuts of scales.
    tables : two (r x m, codes) arrays
        Coefficients on the upper and the lower edge of stars, or on how far the first of two is ahead and on the log weight of a tie, or on
        the logit of a place and no other; sets of components of a replication stand one after another.
    size : (r x m, n) array
        What a unit of each effect stands for: from set to set, effects are looked for where they were but for that.
    offset : (r x m, n) array
        How far from there effects are looked for at the sets after the first.
    which : (r,) array of int
        Replications whose votes these are.
    start : (r, n) array
        Where effects may be.
    start_own : (r, L) array
        And those of items.
    finer : bool
        Whether how outputs suit items is integrated out of rankings over more points.
    """
    each = len(tables[0]) // len(which)
    given = kind, *rows, *scales, *tables, size, offset, which.astype(np.int64)
    return Modes(*_modes(*given, each, start, start_own, rules(finer=finer)))
