"""Weighted points that stand for what counts of verdicts tell, of many replications at once.

The posterior has ridges: as long as nobody knows how often the anchor errs, all other shares bend with it, and no one normal law lies
along them. So points are taken in two steps. The few unknowns that verdicts hardly tell come from a Student t with the mean and covariance
that they had at the look before. Given each of them, the rest has a mode, found by a few steps of Fisher scoring, and comes from a t around
it. The points of both are one evenly spread set (Sobol), the same for all replications. Weights make up for what the t's get wrong; the
largest are cut off at the root of their number times their mean (Ionides 2008). Where weights of the few are uneven, the t is fitted
to them and points are taken anew; where all points together are worth little, more are taken.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import chdtri, gammaln, ndtri

from expsim_bayes.posterior.confusion import both

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from expsim_bayes.posterior.confusion import Confusion, Few

    Floats = NDArray[np.float64]
    Ints = NDArray[np.intp]

FEW, EACH, ALONE = 512, 8, 2_048
"""Sets of the few, points of the rest for each, and points of the rest where there are no few."""
FREEDOM, WIDER = (5.0, 4.0), (1.1, 1.2)
"""Degrees of freedom of the t's of the few and of the rest, and by how much they are wider than what they stand for."""
STEPS, LONGEST, LEVEL = 3, 2.0, 1e-3
"""Steps to the mode, the longest of them in logits, and how much lower one may lead."""
EVEN, PASSES = 0.15, 4
"""Share of the sets of the few that these must be worth, and how often they are taken at most."""
POOR, MORE = 1_000.0, 4
"""Equal points below whose worth so many times as many points are taken."""
LEAN = 8.0
"""Sets a dimension below whose worth a fitted covariance leans on the one before."""
TINY = 1e-9


class Cloud(NamedTuple):
    """What is known of r replications: points, their moments, and where points come from at the next look."""

    counts: Floats
    """(r, V, C) outputs by variant and pattern."""
    centre: Floats
    """(r, f) mean of the few."""
    cov: Floats
    """(r, f, f) their covariance."""
    mode: Floats
    """(r, n) mean of the modes of the rest."""
    follows: Floats
    """(r, n, f) how these modes follow the few."""
    rate: Floats
    """(r, V, M) points of the rates."""
    weight: Floats
    """(r, M) their weights, which add up to 1."""
    worth: Floats
    """(r,) how many equal points they are worth."""
    mean: Floats
    """(r, L) means of rates, sensitivities and specificities."""
    spread: Floats
    """(r, L, L) their covariance."""

    def of(self, kept: Ints | NDArray[np.bool_]) -> Cloud:
        """Of some of the replications."""
        return Cloud(*(values[kept] for values in self))


class Design(NamedTuple):
    """Standard points and the log density that they are taken with."""

    few: Floats
    """(f, F)"""
    log_few: Floats
    """(F,)"""
    rest: Floats
    """(n, F, E)"""
    log_rest: Floats
    """(F, E)"""


def nothing(story: Confusion) -> Cloud:
    """Before any look, of one replication; weights are still those of `seen`."""
    uniform = _uniform(max(story.few, 1), ALONE)
    x = story.believed(uniform)
    cov = np.cov(x).reshape(story.few, story.few) if story.few else np.zeros((0, 0))
    start = Cloud(
        counts=np.zeros((1, story.variants, len(story.patterns.group))),
        centre=x.mean(axis=1)[None] if story.few else np.zeros((1, 0)),
        cov=cov[None],
        mode=story.start()[None],
        follows=np.zeros((1, story.size, story.few)),
        rate=np.zeros((1, story.variants, 1)),
        weight=np.ones((1, 1)),
        worth=np.ones(1),
        mean=np.zeros((1, 1)),
        spread=np.zeros((1, 1, 1)),
    )
    return seen(story, start)


def seen(story: Confusion, before: Cloud, *, finer: int = 1) -> Cloud:
    """Points anew, with the counts as they are now, from where they were before; `finer` times as many of them."""
    at, rows = before, np.arange(len(before.counts))
    found: Cloud | None = None
    for _ in range(PASSES if finer == 1 else 1):  # finer ones start where the t has been fitted
        part, worth = _pass(story, at.of(rows), _design(story.few, story.size, finer))
        if found is None:
            found = at = part
        else:
            for whole, some in zip(found, part, strict=True):
                whole[rows] = some
        rows = rows[worth < EVEN * FEW * finer] if story.few else rows[:0]
        if not rows.size:
            break
    assert found is not None
    poor = np.flatnonzero(found.worth < POOR) if finer == 1 else rows[:0]
    if poor.size:
        better = _thinned(seen(story, found.of(poor), finer=MORE), found.weight.shape[1])
        for whole, some in zip(found, better, strict=True):
            whole[poor] = some
    return found


def _thinned(cloud: Cloud, count: int) -> Cloud:
    """The same with so many equal points, taken as often as points weigh, evenly spaced."""
    wanted = (np.arange(count) + 0.5) / count
    upto = np.cumsum(cloud.weight, axis=1)
    chosen = np.stack([np.searchsorted(row / row[-1], wanted) for row in upto])
    rate = np.take_along_axis(cloud.rate, chosen[:, None], axis=2)
    return cloud._replace(rate=rate, weight=np.full(chosen.shape, 1.0 / count))


def _pass(story: Confusion, at: Cloud, design: Design) -> tuple[Cloud, Floats]:
    """Points around where they are expected, and what those of the few are worth."""
    counts = np.moveaxis(at.counts, 0, 2)[..., None]
    totals = np.moveaxis(story.patterns.totals(at.counts), 0, 2)[..., None]
    root = np.linalg.cholesky(at.cov)
    away = WIDER[0] * np.einsum("rij,jm->irm", root, design.few)
    x = at.centre.T[..., None] + away
    few = story.few_at(x)
    start = at.mode.T[..., None] + np.einsum("rni,irm->nrm", at.follows, away)
    mode, low = _climbed(story, list(start), few, counts, totals)
    step = _backward(low, [WIDER[1] * z[None] for z in design.rest], more=True)
    rest = [centre[..., None] + moved for centre, moved in zip(mode, step, strict=True)]
    log = story.log_density(rest, few.with_axis(), counts[..., None]) - design.log_rest - design.log_few[:, None]
    log -= np.sum([np.log(row[-1]) for row in low], axis=0)[..., None]
    weight = _weights(log.reshape(len(log), -1))
    each = weight.reshape(log.shape).sum(axis=2)
    worth, worth_few = (1.0 / (part**2).sum(axis=1) for part in (weight, each))
    mean, spread, rate = _moments(story, rest, few, weight)
    where = _followed(x, np.array(mode), each, worth_few, at.cov)
    return Cloud(at.counts, *where, rate, weight, worth, mean, spread), worth_few


def _climbed(
    story: Confusion, at: list[Floats], few: Few, counts: Floats, totals: Floats
) -> tuple[list[Floats], list[list[Floats]]]:
    """The mode of the rest given each set of the few, by Fisher scoring, and the Cholesky root of the information near it.

    A step that turns out to have led downhill is taken back to a third.
    """
    best, step, highest = at, at, np.full(np.shape(at[0]), -np.inf)
    low: list[list[Floats]] = []
    for _ in range(STEPS):
        now, slope, bend = story.ascent(at, few, counts, totals)
        up = now >= highest - LEVEL
        root = _cholesky(bend)
        low = [
            [_chosen(up, new, old) for new, old in zip(*rows, strict=True)]
            for rows in zip(root, low or root, strict=True)
        ]
        whole = _backward(root, _forward(root, slope))
        share = LONGEST / np.maximum(np.max([np.abs(part) for part in whole], axis=0), LONGEST)
        step = [_chosen(up, share * new, old / 3.0) for new, old in zip(whole, step, strict=True)]
        best = [_chosen(up, new, old) for new, old in zip(at, best, strict=True)]
        highest = np.where(up, now, highest)
        at = [value + part for value, part in zip(best, step, strict=True)]
    return at, low


def _chosen(which: NDArray[np.bool_], one: Floats, other: Floats) -> Floats:
    """The one, or the other where it is not to be."""
    return one if which.all() else np.where(which, one, other)


def _weights(log: Floats) -> Floats:
    """(r, M) weights that add up to 1, the largest cut off."""
    weight = np.exp(log - log.max(axis=1, keepdims=True))
    most = np.sqrt(weight.shape[1]) * weight.mean(axis=1, keepdims=True)
    weight = np.minimum(weight, most)
    return np.asarray(weight / weight.sum(axis=1, keepdims=True))


def _moments(story: Confusion, rest: Sequence[Floats], few: Few, weight: Floats) -> tuple[Floats, Floats, Floats]:
    """Means and covariance of all shares, and the points of the rates."""
    shape = np.shape(rest[0])
    logits = [
        *rest[: story.variants],
        *(logit for k in story.unknown for logit in story.logits(k, rest, few.with_axis())),
    ]
    shares = np.stack([np.broadcast_to(both(logit)[0], shape).reshape(len(weight), -1) for logit in logits], axis=1)
    mean = np.einsum("rm,rlm->rl", weight, shares)
    away = shares - mean[..., None]
    spread = (away * weight[:, None]) @ away.swapaxes(1, 2)
    return mean, spread, shares[:, : story.variants].copy()


def _followed(
    x: Floats, mode: Floats, each: Floats, worth: Floats, before: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Mean and covariance of the few, mean of the modes, and how these follow the few."""
    centre, middle = (x * each).sum(axis=2), (mode * each).sum(axis=2)
    away, moved = (x - centre[..., None]) * each, mode - middle[..., None]
    cov = np.einsum("irm,jrm->rij", away, x - centre[..., None])
    keep = (worth / (worth + LEAN * max(len(x), 1)))[:, None, None]
    cov = keep * cov + (1.0 - keep) * before + TINY * np.eye(len(x))
    follows = np.linalg.solve(cov, np.einsum("irm,nrm->rin", away, moved)).swapaxes(1, 2)
    return centre.T, cov, middle.T, follows


def _cholesky(lower: list[list[Floats]]) -> list[list[Floats]]:
    """Cholesky roots of many positive definite matrices, given and told by the arrays of their lower halves."""
    root: list[list[Floats]] = []
    for n, row in enumerate(lower):
        made: list[Floats] = []
        for m in range(n):
            rest = row[m] - sum(made[k] * root[m][k] for k in range(m))
            made.append(rest / root[m][m])
        made.append(np.sqrt(np.maximum(row[n] - sum(part**2 for part in made), TINY)))
        root.append(made)
    return root


def _forward(root: list[list[Floats]], right: Sequence[Floats]) -> list[Floats]:
    """Solutions of root x = right."""
    found: list[Floats] = []
    for n, row in enumerate(root):
        found.append((right[n] - sum(row[k] * found[k] for k in range(n))) / row[n])
    return found


def _backward(root: list[list[Floats]], right: Sequence[Floats], *, more: bool = False) -> list[Floats]:
    """Solutions of root' x = right; with one more axis where there are several of them."""
    size = len(root)
    wide = [[part[..., None] if more else part for part in row] for row in root]
    found: list[Floats] = [np.zeros(0)] * size
    for n in reversed(range(size)):
        found[n] = (right[n] - sum(wide[k][n] * found[k] for k in range(n + 1, size))) / wide[n][n]
    return found


@cache
def _design(few: int, rest: int, finer: int) -> Design:
    """Points of both t's: one even set with a direction for all that is drawn; points of the rest come in pairs that mirror each other."""
    sets, each = (FEW * finer, EACH) if few else (1, ALONE * finer)
    half = each // 2
    if few:
        uniform = _uniform(few + 1 + half * (rest + 1), sets)
        of_few, of_half = uniform[: few + 1], uniform[few + 1 :].reshape(half, rest + 1, sets).transpose(1, 2, 0)
    else:
        of_few, of_half = np.full((1, 1), 0.5), _uniform(rest + 1, half)[:, None]
    of_few, of_half = _student(of_few, FREEDOM[0]), _student(of_half, FREEDOM[1])
    of_rest = np.concatenate([of_half, -of_half], axis=2)
    return Design(of_few, _log_student(of_few, FREEDOM[0]), of_rest, _log_student(of_rest, FREEDOM[1]))


def _student(uniform: Floats, freedom: float) -> Floats:
    """(dims, ...) points of a standard Student t from (dims + 1, ...) uniform numbers."""
    return np.asarray(ndtri(uniform[:-1]) * np.sqrt(freedom / chdtri(freedom, uniform[-1])))


def _log_student(points: Floats, freedom: float) -> Floats:
    """Log density of a standard Student t at points, their axis first."""
    dims = len(points)
    constant = gammaln((freedom + dims) / 2.0) - gammaln(freedom / 2.0) - dims / 2.0 * np.log(freedom * np.pi)
    return np.asarray(constant - (freedom + dims) / 2.0 * np.log1p((points**2).sum(axis=0) / freedom))


def _uniform(dims: int, count: int) -> Floats:
    """(dims, count) evenly spread numbers between 0 and 1."""
    from scipy.stats import qmc

    return np.clip(qmc.Sobol(dims, rng=np.random.default_rng(0)).random(count), 1e-6, 1.0 - 1e-6).T
