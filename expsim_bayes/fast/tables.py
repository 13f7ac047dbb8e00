"""Ratings of many replications added up, look after look, to what their marginal likelihood hangs on, whatever the components.

As in `moments`, but every level is kept as products of columns by pattern, so that what a look adds has the same size as what came before:
who rates which outputs is planned, so that few patterns occur. Products of columns are shared by all replications where these show the same
variants; products with the scores are each replication's own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from expsim_bayes.fast.moments import columns
from expsim_bayes.models._terms import Terms, terms
from expsim_bayes.ratings import Coded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.evaluators import Panel
    from expsim_bayes.fast.moments import Columns
    from expsim_bayes.models._recover import ComponentDraws
    from expsim_bayes.posterior import Components
    from expsim_bayes.simulate import Plan

    Floats = NDArray[np.float64]
    Ints = NDArray[np.intp]


@dataclass(frozen=True)
class Design:
    """What never changes from look to look: terms, classes of ratings and patterns of groups."""

    present: Terms
    columns: Columns
    rater_evaluator: Ints
    """(J,)"""
    unit_evaluator: Ints
    """(S,) evaluator of each class of units: means of ratings of an output by a voice."""
    unit_size: Ints
    """(S,) ratings behind each."""
    components: tuple[str, ...]
    """SDs of the nested effects from the lowest up: none, one or two, as one generation of a variant on an item leaves no third."""
    lowest: tuple[tuple[int, ...], ...]
    """Units by class in each pattern of the lowest level."""
    upper: tuple[tuple[int, ...], ...]
    """Groups of the lowest level by pattern in each pattern of the upper level."""

    @cached_property
    def kinds(self) -> tuple[tuple[int, int], ...]:
        """Pattern and class of each column sum of the upper level."""
        return tuple((p, s) for p, counts in enumerate(self.lowest) for s, count in enumerate(counts) if count)

    @cached_property
    def buckets(self) -> tuple[Bucket, ...]:
        """What products are added up by: the classes, then pairs of classes by pattern, then pairs of kinds by upper pattern."""
        found = [Bucket(0, 0, s, s) for s in range(self.unit_size.size)]
        if self.components:
            for p, counts in enumerate(self.lowest):
                held = [s for s, count in enumerate(counts) if count]
                found += [Bucket(1, p, s, t) for s in held for t in held if s <= t]
        if len(self.components) == 2:
            for p, counts in enumerate(self.upper):
                held = [n for n, (of, _) in enumerate(self.kinds) if counts[of]]
                found += [Bucket(2, p, a, b) for a in held for b in held if a <= b]
        return tuple(found)

    @cached_property
    def of_bucket(self) -> dict[Bucket, int]:
        """Position of each bucket."""
        return {bucket: n for n, bucket in enumerate(self.buckets)}

    @cached_property
    def index(self) -> tuple[Ints, Ints, Ints, Ints]:
        """Level, pattern and both members of the buckets, as arrays."""
        level, pattern, left, right = (np.array(column, dtype=np.intp) for column in zip(*self.buckets, strict=True))
        return level, pattern, left, right


class Bucket(NamedTuple):
    """One sum of products of columns."""

    level: int
    """0 of single units, 1 within groups of the lowest level, 2 within those of the upper."""
    pattern: int
    left: int
    """Class, or kind of column sum."""
    right: int


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


class Units(NamedTuple):
    """Who rated what at one look, as units."""

    first: Ints
    """(unit,) first of its ratings, in the order of `order`."""
    order: Ints
    """(rating,) ratings sorted by unit."""
    size: Ints
    """(unit,) ratings of each."""
    evaluator: Ints
    rater: Ints
    output: Ints
    item: Ints


def units_of(plan: Plan, individual: NDArray[np.bool_]) -> Units:
    """Ratings of one output by one voice, which is a rater or a whole evaluator, as one unit."""
    voice = np.where(individual[plan.evaluator], plan.rater, -1 - plan.evaluator)
    width = int(voice.max() - voice.min()) + 1
    code = plan.output * width + voice - voice.min()
    order = np.argsort(code, kind="stable")
    first = np.flatnonzero(np.r_[True, np.diff(code[order]) > 0])
    at = order[first]
    size = np.diff(np.r_[first, code.size])
    return Units(first, order, size, plan.evaluator[at], plan.rater[at], plan.output[at], plan.item[at])


def design_of(plans: tuple[Plan, ...], who: Panel, believed: Components) -> Design:
    """What all looks of an experiment share.

    Parameters
    ----------
    plans : tuple of Plan
        Its looks.
    who : Panel
        Who rates.
    believed : Components
        What the scenario declares: a term that it sets to zero is absent.
    """
    variants = believed.sd_output.size
    present = _declared(terms(_coded(plans, who, variants)), believed)
    where = columns(_coded(plans[:1], who, variants), present)
    individual = np.array(present.individual)
    classes: dict[tuple[int, int], int] = {}
    lowest: dict[tuple[int, ...], int] = {}
    upper: dict[tuple[int, ...], int] = {}
    looks = [units_of(plan, individual) for plan in plans]
    for units in looks:
        for key in zip(units.evaluator.tolist(), units.size.tolist(), strict=True):
            classes.setdefault(key, len(classes))
    nested = [name for name, has in (("sd_output", present.output), ("sd_interaction", present.interaction)) if has]
    components = (*nested[:1], *(["sd_item"] if present.item else []))
    sketch = Design(
        present,
        where,
        np.asarray(who.rater_evaluator),
        np.array([k for k, _ in classes], dtype=np.intp),
        np.array([size for _, size in classes], dtype=np.intp),
        components,
        (),
        (),
    )
    for units in looks:
        of_class = _classes(sketch, units)
        group = _lowest_group(sketch, units)
        patterns = []
        for g in range(int(group.max()) + 1 if components else 0):
            counts = tuple(np.bincount(of_class[group == g], minlength=len(classes)).tolist())
            patterns.append(lowest.setdefault(counts, len(lowest)))
        if len(components) == 2:
            parent = _parents(group, units.item)
            for i in range(int(parent.max()) + 1):
                held = [patterns[g] for g in np.flatnonzero(parent == i)]
                upper.setdefault(tuple(sorted(held)), len(upper))
    by_pattern = tuple(tuple(held.count(p) for p in range(len(lowest))) for held in upper)
    return replace(sketch, lowest=tuple(lowest), upper=by_pattern)


def _declared(present: Terms, believed: Components) -> Terms:
    """Terms that the ratings can tell and that a scenario has; what was merged is there where any of it is."""
    output = bool(believed.sd_output.any())

    def both(flags: tuple[bool, ...], sd: Floats) -> tuple[bool, ...]:
        return tuple(bool(flag and value > 0) for flag, value in zip(flags, sd, strict=True))

    return replace(
        present,
        item=present.item and bool(believed.sd_item or believed.sd_interaction or output),
        interaction=present.interaction and bool(believed.sd_interaction or output),
        output=present.output and output,
        shift=both(present.shift, believed.sd_shift),
        severity=both(present.severity, believed.sd_rater),
        taste=both(present.taste, believed.sd_taste),
        opinion=both(present.opinion, believed.sd_opinion),
    )


def _classes(design: Design, units: Units) -> Ints:
    """(unit,) class of each unit."""
    same = (design.unit_evaluator == units.evaluator[:, None]) & (design.unit_size == units.size[:, None])
    found: Ints = same.argmax(axis=1).astype(np.intp)
    return found


def _lowest_group(design: Design, units: Units) -> Ints:
    """(unit,) group of the lowest nested level: outputs, or items where only these vary."""
    label = units.item if design.components[:1] in ((), ("sd_item",)) else units.output
    return np.unique(label, return_inverse=True)[1].ravel().astype(np.intp)


def _parents(group: Ints, item: Ints) -> Ints:
    """(group,) item of each group of the lowest level, numbered through."""
    label = np.zeros(int(group.max()) + 1, dtype=np.intp)
    label[group] = item
    return np.unique(label, return_inverse=True)[1].ravel().astype(np.intp)


def _coded(plans: tuple[Plan, ...], who: Panel, variants: int) -> Coded:
    """The ratings that the looks will bring, without their scores, as far as terms hang on them."""
    offsets = np.cumsum([0, *(plan.n_items for plan in plans)])
    item = np.concatenate([plan.item + offset for plan, offset in zip(plans, offsets, strict=False)])
    slots = plans[0].n_slots
    output = item * slots + np.concatenate([plan.output % slots for plan in plans])
    items, outputs = int(item.max()) + 1, int(output.max()) + 1
    first = np.random.default_rng(0).integers(variants, size=items)  # whichever variants answer: by chance
    of_output = (first[np.arange(outputs) // slots] + np.arange(outputs) % slots) % variants
    count = len(who.names)
    return Coded(
        score=np.zeros(item.size),
        variant=of_output[output],
        item=item,
        output=output,
        rater=np.concatenate([plan.rater for plan in plans]),
        evaluator=np.concatenate([plan.evaluator for plan in plans]),
        variants=tuple(str(v) for v in range(variants)),
        items=tuple(str(i) for i in range(items)),
        outputs=tuple(str(o) for o in range(outputs)),
        raters=who.raters,
        evaluators=who.names,
        output_item=np.arange(outputs) // slots,
        output_variant=of_output,
        rater_evaluator=np.asarray(who.rater_evaluator),
        kinds=tuple(who.kinds),
        reference=who.reference if "human" in who.kinds else -1,
        anonymous=np.zeros(count, dtype=bool),
        n_missing=0,
    )


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
    of_class = _classes(design, units)
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
    group = _lowest_group(design, units)
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
        parent = _parents(group, units.item)
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
