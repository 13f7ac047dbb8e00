"""Ratings of many replications added up, look after look, to what their marginal likelihood hangs on, whatever the components.

As in `moments`, but every level is kept as products of columns by pattern, so that what a look adds has the same size as what came before:
who rates which outputs is planned, so that few patterns occur. Products of columns are shared by all replications where these show the same
variants; products with the scores are each replication's own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from expsim_bayes.fast.planned import Bucket, Design, Units, classes_of, lowest_group, parents, units_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.models._recover import ComponentDraws
    from expsim_bayes.simulate import Plan

    Floats = NDArray[np.float64]
    Ints = NDArray[np.intp]


class Weights(NamedTuple):
    """What the sums count under D components."""

    value: Floats
    """(D, buckets)"""
    v: Floats
    """(D, S) variance of a class of units."""
    d: tuple[Floats, ...]
    """(D, patterns) of each level, 1 + a tau2."""


@dataclass(frozen=True)
class Tables:
    """Sums of R replications."""

    design: Design
    products: Floats
    """(R or 1, buckets, c, c) products of the c columns without the scores."""
    seen: Floats
    """(R, buckets, c) products with the scores."""
    square: Floats
    """(R, buckets) squares of the scores."""
    units: Floats
    """(S,) means of ratings of an output by a voice."""
    within_square: Floats
    """(R, K) squared deviations of ratings from their unit's mean."""
    within_freedom: Floats
    """(K,)"""
    groups: tuple[Floats, ...]
    """(patterns,) of each level, how many groups there are."""

    @classmethod
    def empty(cls, design: Design, replications: int) -> Self:
        """Before any look."""
        count, c = len(design.buckets), design.columns.size - 1
        evaluators = design.columns.view.shape[0]
        patterns = (len(design.lowest), len(design.upper))
        return cls(
            design,
            np.zeros((1, count, c, c)),
            np.zeros((replications, count, c)),
            np.zeros((replications, count)),
            np.zeros(design.unit_size.size),
            np.zeros((replications, evaluators)),
            np.zeros(evaluators),
            tuple(np.zeros(n) for n in patterns[: len(design.components)]),
        )

    def of(self, kept: NDArray[np.bool_] | Ints) -> Tables:
        """Of some of the replications."""
        products = self.products if len(self.products) == 1 else self.products[kept]
        return replace(
            self,
            products=products,
            seen=self.seen[kept],
            square=self.square[kept],
            within_square=self.within_square[kept],
        )

    def after(self, look: Rated) -> Tables:
        """With one more look on them."""
        design = self.design
        shape = (len(look.rows), *self.products.shape[1:])
        products, seen, square = np.zeros(shape), np.zeros_like(self.seen), np.zeros_like(self.square)

        def add(level: int, pattern: int, members: list[int], rows: Floats, score: Floats) -> None:
            """Groups of one pattern, (r, group, member, c) and (R, group, member)."""
            r, groups, m, c = rows.shape
            flat = rows.reshape(r, groups, m * c)
            inner = np.matmul(flat.swapaxes(1, 2), flat).reshape(r, m, c, m, c)
            with_scores = np.matmul(flat.swapaxes(1, 2), score).reshape(-1, m, c, m)
            squares = np.matmul(score.swapaxes(1, 2), score)
            for i, left in enumerate(members):
                for j, right in enumerate(members[i:], start=i):
                    n = design.of_bucket[Bucket(level, pattern, left, right)]
                    twice = 1.0 if i == j else 2.0
                    both = inner[:, i, :, j]
                    products[:, n] += both if i == j else both + both.swapaxes(1, 2)
                    crossed = with_scores[:, i, :, j]
                    seen[:, n] += crossed if i == j else crossed + with_scores[:, j, :, i]
                    square[:, n] += twice * squares[:, i, j]

        for s in range(design.unit_size.size):
            of_class = look.unit_class == s
            add(0, 0, [s], look.rows[:, of_class, None], look.score[:, of_class, None])
        counted = []
        for level, groups in enumerate(look.levels, start=1):
            counts = np.zeros_like(self.groups[level - 1])
            for pattern, members, place in groups:
                counts[pattern] = place.shape[0]
                rows, score = _added(look.rows, place), _added(look.score, place)
                add(level, pattern, members, rows, score)
            counted.append(self.groups[level - 1] + counts)
        return Tables(
            design,
            self.products + products,
            self.seen + seen,
            self.square + square,
            self.units + np.bincount(look.unit_class, minlength=self.units.size),
            self.within_square + look.within_square,
            self.within_freedom + look.within_freedom,
            tuple(counted),
        )

    def weights(self, sd: ComponentDraws) -> tuple[Weights, Floats]:
        """What the sums count under D components, and (D,) what of the log density has nothing to do with scores."""
        design, of = self.design, self.design.unit_evaluator
        noise2 = sd.sd_noise**2
        v = noise2[:, of] / design.unit_size + sd.sd_opinion[:, of] ** 2
        loading = sd.scale_use[:, of]
        load = loading / v
        constant = -0.5 * (np.log(v) @ self.units + np.log(noise2) @ self.within_freedom)
        level, pattern, left, right = design.index
        value = np.empty((len(v), level.size))
        value[:, level == 0] = 1 / v
        d: list[Floats] = []
        a = (loading * load) @ np.array(design.lowest, dtype=float).T if design.components else np.zeros((len(v), 0))
        by_member = load
        for at, component in enumerate(design.components, start=1):
            tau2 = sd.level(component) ** 2
            if at == 2:
                of_kind = np.array(design.kinds, dtype=np.intp)
                by_member = load[:, of_kind[:, 1]] / d[0][:, of_kind[:, 0]]
                a = (a / d[0]) @ np.array(design.upper, dtype=float).T
            d.append(1 + a * tau2)
            constant -= 0.5 * np.log(d[-1]) @ self.groups[at - 1]
            own = level == at
            shrink = (tau2 / d[-1])[:, pattern[own]]
            value[:, own] = -shrink * by_member[:, left[own]] * by_member[:, right[own]]
        return Weights(value, v, tuple(d)), constant

    def weighed(self, sd: ComponentDraws, each: int) -> tuple[Floats, Floats]:
        """Products of columns under components, and what else the log density holds.

        Parameters
        ----------
        sd : ComponentDraws
            R * each components, those of a replication one after the other.
        each : int
            Components of each replication.

        Returns
        -------
        e : numpy.ndarray
            (R * each, n, n)
        constant : numpy.ndarray
            (R * each,)
        """
        weights, constant = self.weights(sd)
        replications, count, c = self.seen.shape
        f = weights.value.reshape(replications, each, count)
        e = np.empty((replications, each, c + 1, c + 1))
        flat = self.products.reshape(len(self.products), count, c * c)
        inner = weights.value @ flat[0] if len(flat) == 1 else np.matmul(f, flat)
        e[..., :c, :c] = inner.reshape(replications, each, c, c)
        e[..., :c, c] = e[..., c, :c] = np.matmul(f, self.seen)
        e[..., c, c] = np.matmul(f, self.square[..., None])[..., 0]
        within = (1 / sd.sd_noise**2).reshape(replications, each, -1) @ self.within_square[..., None]
        return e.reshape(-1, c + 1, c + 1), constant - 0.5 * within.ravel()


def _added(values: Floats, place: tuple[Ints, ...] | Ints) -> Floats:
    """Values of units, (r, unit, ...), added up by groups of one pattern and their members: (r, group, member, ...).

    `place` is (group, member, part): the units that each adds up, -1 where there are fewer parts.
    """
    places = np.asarray(place)
    taken = values[:, np.maximum(places, 0)]
    missing = places < 0
    if missing.any():
        taken[:, missing] = 0.0
    added: Floats = taken.sum(axis=3)
    return added


class Rated(NamedTuple):
    """One look's ratings as units."""

    rows: Floats
    """(R or 1, unit, c) columns."""
    score: Floats
    """(R, unit) mean scores, from the middle of the scale."""
    unit_class: Ints
    """(unit,)"""
    levels: tuple[tuple[tuple[int, list[int], Ints], ...], ...]
    """Of each level its patterns: number, members, and (group, member, part) units."""
    within_square: Floats
    """(R, K)"""
    within_freedom: Floats
    """(K,)"""


def as_units(design: Design, plan: Plan, variant: Ints, score: Floats) -> Rated:
    """One look's ratings as units.

    Parameters
    ----------
    design : Design
        What all looks share.
    plan : Plan
        Who rates what.
    variant : numpy.ndarray
        (R or 1, output) variants that answer.
    score : numpy.ndarray
        (R, rating) scores from the middle of the scale.
    """
    units = units_of(plan, np.array(design.present.individual))
    ordered = score[:, units.order]
    mean = np.add.reduceat(ordered, units.first, axis=1) / units.size
    off = (ordered - np.repeat(mean, units.size, axis=1)) ** 2
    evaluators = design.columns.view.shape[0]
    belongs = np.eye(evaluators)[plan.evaluator[units.order]]
    answered = variant[:, units.output]
    where, c = design.columns, design.columns.size - 1
    rows = np.zeros((len(variant), units.size.size, c))
    each, unit = np.arange(len(variant))[:, None], np.arange(units.size.size)
    rows[each, unit, where.view[units.evaluator, answered]] = 1.0
    severity = np.broadcast_to(where.severity[units.rater], answered.shape)
    for position in (severity, where.taste[units.rater, answered]):
        replication, at = np.nonzero(position >= 0)
        rows[replication, at, position[replication, at]] = 1.0
    of_class = classes_of(design, units)
    return Rated(
        rows,
        mean,
        of_class,
        _levels(design, units, of_class),
        off @ belongs,
        np.bincount(units.evaluator, units.size - 1.0, evaluators),
    )


def _levels(design: Design, units: Units, of_class: Ints) -> tuple[tuple[tuple[int, list[int], Ints], ...], ...]:
    """Which units add up to which members of which groups, by level and pattern."""
    if not design.components:
        return ()
    group = lowest_group(design, units)
    held = [np.flatnonzero(group == g) for g in range(int(group.max()) + 1)]
    pattern_of = {counts: p for p, counts in enumerate(design.lowest)}
    classes = design.unit_size.size
    patterns = [pattern_of[tuple(np.bincount(of_class[at], minlength=classes).tolist())] for at in held]
    parts: list[list[tuple[int, list[int], list[Ints]]]] = [[]]
    for p, at in zip(patterns, held, strict=True):
        members = [s for s, count in enumerate(design.lowest[p]) if count]
        parts[0].append((p, members, [at[of_class[at] == s] for s in members]))
    if len(design.components) == 2:
        parts.append([])
        parent = parents(group, units.item)
        upper_of = {counts: p for p, counts in enumerate(design.upper)}
        for i in range(int(parent.max()) + 1):
            inside = np.flatnonzero(parent == i)
            counts = tuple(np.bincount([patterns[g] for g in inside], minlength=len(design.lowest)).tolist())
            members = [n for n, (of, _) in enumerate(design.kinds) if counts[of]]
            found = []
            for n in members:
                of, s = design.kinds[n]
                found.append(np.concatenate([held[g][of_class[held[g]] == s] for g in inside if patterns[g] == of]))
            parts[1].append((upper_of[counts], members, found))
    return tuple(_stacked(level) for level in parts)


def _stacked(groups: list[tuple[int, list[int], list[Ints]]]) -> tuple[tuple[int, list[int], Ints], ...]:
    """Groups of each pattern together, their parts padded with -1."""
    found = []
    for pattern in sorted({p for p, _, _ in groups}):
        same = [(members, parts) for p, members, parts in groups if p == pattern]
        longest = max(part.size for _, parts in same for part in parts)
        place = np.full((len(same), len(same[0][0]), longest), -1, dtype=np.intp)
        for g, (_, parts) in enumerate(same):
            for m, part in enumerate(parts):
                place[g, m, : part.size] = part
        found.append((pattern, same[0][0], place))
    return tuple(found)
