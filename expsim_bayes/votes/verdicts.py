r"""Verdicts of pass or fail of one data set: the same questions as `whole` answers for other votes.

The truth of an output is summed out, and what an item adds to all its outputs is averaged over Gauss-Hermite points, so that the density is
that of the effects behind three kinds of *edges*, all of them logits: of the truth, by variant; of sensitivity and of specificity, by cell.
Slopes are those of the density were truths and items seen, averaged over what is believed of them given the verdicts; minus curvatures are
their averages, too, less the covariance of slopes (Louis 1982).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from expsim_bayes.votes.compiling import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

MOST_STEPS, HALVINGS = 30, 8
"""Newton steps, at most; times in a row that one is halved where it does not lead uphill."""
SURE, ROUGH, SLIP = 1e-4, 0.5, 1e-9
"""Gain that the next step promises below which it is taken without looking, and above which there is no mode; loss by rounding."""
LONGEST = 3.0
"""Change of an effect in one step, at most; prior SDs."""
SMALL = 1e-100
"""Product of probabilities from which its logarithm is taken."""


class Judged(NamedTuple):
    """Verdicts of one data set, outputs sorted by block: an item, or an output alone; V variants, C cells, n effects, E = V + 2 C edges."""

    variants: int
    """V."""
    times: Floats
    """(B,) how many blocks are like this one."""
    outputs_from: Ints
    """(B + 1,) where the outputs of each block begin."""
    variant: Ints
    """(O,)"""
    truth: Ints
    """(O,) 1 or 0 where a gold label says so; -1 elsewhere."""
    entries_from: Ints
    """(O + 1,) where the entries of each output begin."""
    cell: Ints
    """(N,) cell of each entry: who said it, of what kind of output."""
    ones: Floats
    """(N,) verdicts of 1."""
    zeros: Floats
    """(N,) verdicts of 0."""
    nodes: Floats
    """(H,) points over what an item adds, in SDs of it."""
    log_weights: Floats
    """(H,)"""
    loads: Floats
    """(E, n) by how much effects move edges, before the scale of each effect."""

    @property
    def vote(self) -> Floats:
        """(N,) what there is to count."""
        return self.ones

    @property
    def own_from(self) -> Ints:
        """Where own effects of blocks begin: there are none, as what an item adds is averaged over."""
        return np.zeros(1, dtype=np.int64)


@compiled
def _log_share(x):
    """Log of the share with this logit."""
    return -np.log1p(np.exp(-x)) if x > 0.0 else x - np.log1p(np.exp(x))


@compiled
def told(judged, edge, stretch, g, seen, p, bends):
    """Log-likelihood of edges; where `bends`, slopes in g and minus curvatures in p, and in `seen` their diagonal were truths seen."""
    variants, points = judged.variants, judged.nodes.size
    cells = (edge.size - variants) // 2
    logs, share, rate = np.empty((cells, 4)), np.empty((cells, 2)), np.empty((variants, points))
    for c in range(cells):
        hit, rejected = edge[variants + c], edge[variants + cells + c]
        logs[c, 0], logs[c, 1] = _log_share(hit), _log_share(-hit)
        logs[c, 2], logs[c, 3] = _log_share(-rejected), _log_share(rejected)
        share[c, 0], share[c, 1] = np.exp(logs[c, 0]), np.exp(logs[c, 3])
    for v in range(variants):
        for h in range(points):
            rate[v, h] = np.exp(_log_share(edge[v] + stretch * judged.nodes[h]))
    most = 1
    for i in range(judged.times.size):
        most = max(most, judged.outputs_from[i + 1] - judged.outputs_from[i])
    true, more, lost = np.empty((most, points)), np.empty((most, points)), np.empty(most)
    weight, product = np.empty(points), np.empty(points)
    value = 0.0
    g[:] = 0.0
    seen[:] = 0.0
    if bends:
        p[:] = 0.0
    for i in range(judged.times.size):
        times, first = judged.times[i], judged.outputs_from[i]
        outputs = judged.outputs_from[i + 1] - first
        shift = 0.0
        weight[:] = judged.log_weights
        product[:] = 1.0
        for o in range(outputs):
            one, zero, v = 0.0, 0.0, judged.variant[first + o]
            for t in range(judged.entries_from[first + o], judged.entries_from[first + o + 1]):
                log = logs[judged.cell[t]]
                one += judged.ones[t] * log[0] + judged.zeros[t] * log[1]
                zero += judged.ones[t] * log[2] + judged.zeros[t] * log[3]
            label = judged.truth[first + o]
            top = max(one, zero) if label < 0 else (one if label == 1 else zero)
            one = 0.0 if label == 0 else np.exp(one - top)
            zero = 0.0 if label == 1 else np.exp(zero - top)
            shift += top
            for h in range(points):
                if_one = rate[v, h] * one
                chance = if_one + (1.0 - rate[v, h]) * zero
                product[h] *= chance
                true[o, h] = if_one / chance
                if product[h] < SMALL:
                    weight[h] += np.log(product[h])
                    product[h] = 1.0
        top, whole = -np.inf, 0.0
        for h in range(points):
            weight[h] += np.log(product[h])
            top = max(top, weight[h])
        for h in range(points):
            weight[h] = np.exp(weight[h] - top)
            whole += weight[h]
        value += times * (shift + top + np.log(whole))
        if bends:
            weight /= whole
            _sloped(judged, first, outputs, times, share, rate, weight, true, more, lost, g, seen)
            _bent(judged, first, outputs, times, share, weight, true, more, lost, p)
    if bends:
        for e in range(edge.size):
            p[e, e] += seen[e]
    return value


@compiled
def _sloped(judged, first, outputs, times, share, rate, weight, true, more, lost, g, seen):
    """Slopes of a block to g, and curvatures were truths seen to `seen`; what is believed of truths becomes what it is less its mean."""
    variants, cells, points = judged.variants, share.shape[0], weight.size
    for o in range(outputs):
        v = judged.variant[first + o]
        mean, slope, info, unsure = 0.0, 0.0, 0.0, 0.0
        for h in range(points):
            w, r, rest = weight[h], true[o, h], rate[v, h]
            mean += w * r
            slope += w * (r - rest)
            info += w * rest * (1.0 - rest)
            unsure += w * r * (1.0 - r)
            more[o, h] = r - rest
        lost[o] = unsure
        g[v] += times * slope
        seen[v] += times * info
        for t in range(judged.entries_from[first + o], judged.entries_from[first + o + 1]):
            c, asked = judged.cell[t], judged.ones[t] + judged.zeros[t]
            hit, rejected = share[c, 0], share[c, 1]
            g[variants + c] += times * mean * (judged.ones[t] - asked * hit)
            g[variants + cells + c] += times * (1.0 - mean) * (judged.zeros[t] - asked * rejected)
            seen[variants + c] += times * mean * asked * hit * (1.0 - hit)
            seen[variants + cells + c] += times * (1.0 - mean) * asked * rejected * (1.0 - rejected)
        for h in range(points):
            true[o, h] -= mean
            more[o, h] -= slope


@compiled
def _bent(judged, first, outputs, times, share, weight, true, more, lost, p):
    """The covariance of the slopes of a block, taken from p."""
    variants, cells, points = judged.variants, share.shape[0], weight.size
    for o in range(outputs):
        v = judged.variant[first + o]
        for o2 in range(outputs):
            v2 = judged.variant[first + o2]
            both, out, across, back = 0.0, 0.0, 0.0, 0.0
            for h in range(points):
                w = times * weight[h]
                both += w * more[o, h] * more[o2, h]
                out += w * more[o, h] * true[o2, h]
                back += w * true[o, h] * more[o2, h]
                across += w * true[o, h] * true[o2, h]
            if o == o2:
                unsure = times * lost[o]
                both, out, back, across = both + unsure, out + unsure, back + unsure, across + unsure
            p[v, v2] -= both
            for t in range(judged.entries_from[first + o], judged.entries_from[first + o + 1]):
                c, hit, rejected = _steps(judged, share, t)
                p[variants + c, v2] -= back * hit
                p[variants + cells + c, v2] += back * rejected
            for t2 in range(judged.entries_from[first + o2], judged.entries_from[first + o2 + 1]):
                c2, hit2, rejected2 = _steps(judged, share, t2)
                p[v, variants + c2] -= out * hit2
                p[v, variants + cells + c2] += out * rejected2
                for t in range(judged.entries_from[first + o], judged.entries_from[first + o + 1]):
                    c, hit, rejected = _steps(judged, share, t)
                    p[variants + c, variants + c2] -= across * hit * hit2
                    p[variants + c, variants + cells + c2] += across * hit * rejected2
                    p[variants + cells + c, variants + c2] += across * rejected * hit2
                    p[variants + cells + c, variants + cells + c2] -= across * rejected * rejected2


@compiled
def _steps(judged, share, t):
    """Cell of an entry, and its slopes along both logits were the truth 1, and 0."""
    c, asked = judged.cell[t], judged.ones[t] + judged.zeros[t]
    return c, judged.ones[t] - asked * share[c, 0], judged.zeros[t] - asked * share[c, 1]


class _Looked(NamedTuple):
    """What is told at a place."""

    value: float
    slope: Floats
    curvature: Floats
    """(n, n) minus the Hessian."""
    certain: Floats
    """(n, n) the same were truths and items seen, which is positive definite anywhere."""


def _looked(judged: Judged, scale: Floats, base: Floats, stretch: float, x: Floats) -> _Looked:
    """The log density of effects at x, their prior included, and how it moves."""
    edge = base + judged.loads @ (scale * x)
    g, seen, p = np.empty(edge.size), np.empty(edge.size), np.empty((edge.size, edge.size))
    value = told(judged, edge, stretch, g, seen, p, True)
    loads, one = judged.loads * scale, np.eye(x.size)
    return _Looked(
        value - 0.5 * float(x @ x), loads.T @ g - x, loads.T @ (p @ loads) + one, (loads.T * seen) @ loads + one
    )


def _mode(judged: Judged, scale: Floats, base: Floats, stretch: float, x: Floats) -> tuple[float, Floats, Floats]:
    """Log marginal density of the components (Laplace), the effects' mode, sought from x on, and the root of the precision there."""
    old, before, step, halved = x, -np.inf, np.zeros(x.size), 0
    for _ in range(MOST_STEPS):
        here = _looked(judged, scale, base, stretch, x)
        if not here.value >= before - SLIP and halved < HALVINGS:
            step, halved = 0.5 * step, halved + 1
            x = old + step
            continue
        root, sound = _rooted(here)
        step = np.linalg.solve(root.T, np.linalg.solve(root, here.slope))
        gain = float(step @ here.slope)
        if sound and (gain < SURE or halved == HALVINGS):
            density = here.value + 0.5 * gain - float(np.log(np.diagonal(root)).sum())
            return density if gain < ROUGH else -np.inf, x + step, root
        step *= min(1.0, LONGEST / float(np.abs(step).max()))
        old, before, halved = x, here.value, 0
        x = x + step
    return -np.inf, old, np.eye(x.size)


def _rooted(here: _Looked) -> tuple[Floats, bool]:
    """The lower root of the curvature, and whether there is one; else that were truths seen."""
    try:
        return np.linalg.cholesky(here.curvature), True
    except np.linalg.LinAlgError:
        return np.linalg.cholesky(here.certain), False


def found_each(
    votes: Judged,
    first: Floats,
    second: Floats,
    o: Floats,  # noqa: ARG001
    stretch: Floats,
    start: Floats,
    start_own: Floats,
) -> tuple[Floats, Floats, Floats, Floats]:
    """Modes of effects at sets of components: log marginal densities, places, roots of precisions, and no own effects."""
    found = [_mode(votes, first[s], second[s], stretch[s, 0], start[s]) for s in range(len(start))]
    density, at, root = (np.array(values) for values in zip(*found, strict=True))
    return density, at, root, start_own


def weighed_each(
    votes: Judged,
    first: Floats,
    second: Floats,
    o: Floats,  # noqa: ARG001
    stretch: Floats,
    which: Ints,
    x: Floats,
    own: Floats,  # noqa: ARG001
) -> Floats:
    """Log density of effects at places, each under one of the sets of components, by `which`."""
    edges = second[which] + (first[which] * x) @ votes.loads.T
    g, none = np.empty(edges.shape[1]), np.empty((1, 1))
    found = [told(votes, edge, stretch[s, 0], g, g.copy(), none, False) for edge, s in zip(edges, which, strict=True)]
    return np.array(found) - 0.5 * (x**2).sum(axis=1)


def own_drawn_each(
    votes: Judged,  # noqa: ARG001
    first: Floats,  # noqa: ARG001
    second: Floats,  # noqa: ARG001
    o: Floats,  # noqa: ARG001
    stretch: Floats,  # noqa: ARG001
    which: Ints,  # noqa: ARG001
    x: Floats,  # noqa: ARG001
    own: Floats,
    tries: int,  # noqa: ARG001
    seed: int,  # noqa: ARG001
) -> Floats:
    """(D, 0) no own effects: the model itself draws what was summed out and averaged over."""
    return own
