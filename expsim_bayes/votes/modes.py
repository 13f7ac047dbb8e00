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
from expsim_bayes.votes.items import LONGEST, added_up, followed, integrated, shrunk
from expsim_bayes.votes.laws import RANKINGS
from expsim_bayes.votes.linear import cholesky, product, solve_root, steadied
from expsim_bayes.votes.places import for_steep, ranked, room_for
from expsim_bayes.votes.points import rules
from expsim_bayes.votes.scales import cut_prior, cuts_of, in_coordinates, turned_back
from expsim_bayes.votes.space import Voted, space_for

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
def voted_by(rows, r):
    """The votes of one replication; what all share is there once."""
    effect, code = rows.effect, rows.code
    return Voted(
        rows.vote[min(r, rows.vote.shape[0] - 1)],
        effect[min(r, effect.shape[0] - 1)],
        code[min(r, code.shape[0] - 1)],
        rows.own,
        rows.own_code,
    )


@compiled
def _told(kind, rows, voted, weight, scales, tables, s, alone, finer, rules, x, y, z, space, room, g, p, bend):
    """The log density at effects x under set s, with slopes left in g and minus curvatures in p and bend.

    Also the gain that the next step of the items' own effects promises, and their log determinant: infinite where these have no mode.
    """
    first, second = tables[0][s], tables[1][s]
    n, normal = x.size, scales.evaluators * scales.cuts
    value, gain, log_det = 0.0, 0.0, 0.0
    g[:] = 0.0
    p[:] = 0.0
    y[:] = x
    cuts_of(scales.cuts, scales.evaluators, scales.stretch[s], x, y)
    if kind == RANKINGS:
        for i in range(rows.votes_from.size - 1):
            if weight[i] > 0.0:
                start, stop, base = rows.votes_from[i], rows.votes_from[i + 1], rows.own_from[i]
                m = rows.own_from[i + 1] - base
                rule = rules[max(m - 1, 0) + finer]
                value += ranked(voted, start, stop, base, m, first, y, z, rule, room, g, p, weight[i])
    elif alone:
        value = integrated(kind, scales, rows, voted, weight, first, second, y, z, space, g, p)
    else:
        value, gain, log_det = added_up(kind, scales, rows, voted, weight, first, second, y, z, space, g, p)
    for j in range(n):
        for j2 in range(j):
            p[j2, j] = p[j, j2]
    if scales.cuts:
        value += cut_prior(scales.cuts, scales.evaluators, scales.shares, scales.stretch[s], y, g, p)
        value += in_coordinates(scales.cuts, scales.evaluators, scales.stretch[s], x, g, p, bend)
    for j in range(normal, n):
        value -= 0.5 * x[j] * x[j]
        g[j] -= x[j]
        p[j, j] += 1.0
    return value, gain, log_det


@compiled
def _climbed(kind, rows, voted, weight, scales, tables, s, alone, finer, rules, sure, x, z, space, room, precision):
    """The mode of effects under set s, sought from x and z on and left there: log marginal density, steps; the precision is left, too."""
    n, normal = x.size, scales.evaluators * scales.cuts
    g, p, whole, bend = np.zeros(n), np.zeros((n, n)), np.zeros((n, n)), np.zeros(normal)
    step, y, old, old_z = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(z.size)
    before, halved = -np.inf, 0
    for done in range(MOST_STEPS):
        value, gain, log_det = _told(
            kind, rows, voted, weight, scales, tables, s, alone, finer, rules, x, y, z, space, room, g, p, bend
        )
        last = done == MOST_STEPS - 1
        if done and not last and halved < HALVINGS and not (log_det < np.inf and value >= before - SLIP):
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
        stuck = halved == HALVINGS  # no step leads uphill: this is as near as rounding and quadrature let one come
        before, halved = value, 0
        old[:] = x
        old_z[:] = z
        turned_back(scales.cuts, scales.evaluators, scales.stretch[s], x, step, y)
        if not alone:
            followed(rows.own_from, weight, space, y, longest, z)
        for j in range(n):
            x[j] += step[j] / longest
        if stuck:
            x[:], z[:], gain, longest = old, old_z, 0.0, 1.0
        if last and gain >= ROUGH:
            gain = 0.0  # the mode was not found, and what the next step promises is not to be believed
        if last or (gain < sure and longest == 1.0):
            precision[:] = product(whole, n)
            half = 0.0
            for j in range(n):
                half += np.log(whole[j, j])
            return value + 0.5 * gain - half - 0.5 * log_det, done + 1
    return -np.inf, MOST_STEPS


@compiled
def _modes(kind, rows, scales, tables, size, offset, which, each, start, start_own, rules):
    replications, n = start.shape
    sets, items = replications * each, rows.votes_from.size - 1
    density, at = np.full(sets, -np.inf), np.zeros((sets, n))
    precision, steps = np.zeros((sets, n, n)), np.full(sets, MOST_STEPS, np.int64)
    ends, z = start_own.copy(), np.zeros(start_own.shape[1])
    in_places = kind == RANKINGS
    held = 0 if in_places else items
    space = space_for(rows.votes_from, rows.own_from, rows.effect.shape[2], n, held)
    few = rows.votes_from.size if in_places else 1
    room = room_for(rows.votes_from[:few], rows.own_from[:few], rules)
    alone = in_places or (items > 0 and rows.own_from[items] == items and space.pull.shape[1] == 1)
    code_of, stiff = np.full(z.size, -1, np.int64), np.ones(z.size)
    for t in range(rows.own.shape[0]):
        for a in range(2):
            if rows.own[t, a] >= 0 and code_of[rows.own[t, a]] < 0:
                code_of[rows.own[t, a]] = rows.own_code[t, a]
    for r in range(replications):
        voted = voted_by(rows, which[r])
        weight = rows.weight[min(which[r], rows.weight.shape[0] - 1)]
        table = tables[0][r * each]
        finer = (
            for_steep(rows.own, rows.own_code, table) if in_places else 0
        )  # the same at all sets, to tell these apart
        for e in range(each):
            s = r * each + e
            for j in range(n):
                at[s, j] = start[r, j] if e == 0 else at[r * each, j] * size[r * each, j] / size[s, j] + offset[s, j]
            z[:] = ends[r]
            if e > 0 and not alone:
                shrunk(code_of, table, tables[0][s], stiff, z)
            density[s], steps[s] = _climbed(
                kind, rows, voted, weight, scales, tables, s, alone, finer, rules, SURE if e == 0 else ROUGH, at[s], z, space, room,
                precision[s],
            )  # fmt: skip
            if e == 0:
                ends[r] = z
                for i in range(0 if alone else items):
                    if weight[i] == 0.0:
                        continue
                    for a in range(rows.own_from[i + 1] - rows.own_from[i]):
                        stiff[rows.own_from[i] + a] = space.root[i, a, a] ** 2
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
    given = kind, rows, scales, tables, size, offset, which.astype(np.int64)
    return Modes(*_modes(*given, each, start, start_own, rules(finer=finer)))
