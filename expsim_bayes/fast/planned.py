"""What all looks of a planned experiment share: terms, classes of ratings, patterns of groups, and the sums that these need."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from expsim_bayes.fast.moments import columns
from expsim_bayes.models._terms import Terms, terms
from expsim_bayes.ratings import Coded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.evaluators import Panel
    from expsim_bayes.fast.moments import Columns
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
        of_class = classes_of(sketch, units)
        group = lowest_group(sketch, units)
        patterns = []
        for g in range(int(group.max()) + 1 if components else 0):
            counts = tuple(np.bincount(of_class[group == g], minlength=len(classes)).tolist())
            patterns.append(lowest.setdefault(counts, len(lowest)))
        if len(components) == 2:
            parent = parents(group, units.item)
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


def classes_of(design: Design, units: Units) -> Ints:
    """(unit,) class of each unit."""
    same = (design.unit_evaluator == units.evaluator[:, None]) & (design.unit_size == units.size[:, None])
    found: Ints = same.argmax(axis=1).astype(np.intp)
    return found


def lowest_group(design: Design, units: Units) -> Ints:
    """(unit,) group of the lowest nested level: outputs, or items where only these vary."""
    label = units.item if design.components[:1] in ((), ("sd_item",)) else units.output
    return np.unique(label, return_inverse=True)[1].ravel().astype(np.intp)


def parents(group: Ints, item: Ints) -> Ints:
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
