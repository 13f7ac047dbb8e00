"""Sufficient statistics of ratings for the score story: what is left when exchangeable ratings are added up.

Ratings of one output by one voice (a rater, or a whole evaluator where its raters do not differ) become one *unit*: their mean, their
number and their spread. Units of one evaluator with the same number of ratings share a variance: a *class*. Items and outputs see the
units only through sums, and squared residuals only through counts, means and spreads by voice, variant and class: *rows*.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from expsim_bayes.models._terms import Terms
from expsim_bayes.ratings import Coded

Ints = NDArray[np.intp]
Floats = NDArray[np.float64]


class Level(NamedTuple):
    """One nested effect: items, item x variant cells, or outputs."""

    component: str
    """Name of its SD in `Components`."""
    size: int
    """How many effects there are."""
    parent: Ints
    """(size,) the group of the next level up that each belongs to; empty at the top."""
    label: Ints
    """(size,) item, cell or output number of each."""


class Groups(NamedTuple):
    """Units added up by group of the lowest nested level, G groups."""

    total: Floats
    """(G, S) sum of the units' means by class."""
    places: sparse.csc_matrix
    """(G * S, J * V) units by group and class, and place."""
    pattern: Ints
    """(G,) pattern of each group: groups of one pattern have the same number of units in every class."""
    pattern_units: Floats
    """(patterns, S) units by class of a pattern."""
    pattern_groups: Floats
    """(patterns,) number of its groups."""


class Statistics(NamedTuple):
    """Ratings added up: U units in S classes, by J voices; C rows."""

    unit_mean: Floats
    """(U,) mean score of a unit."""
    unit_class: Ints
    """(U,) its class."""
    unit_place: Ints
    """(U,) its place in a flattened (voice, variant) table."""
    unit_group: Ints
    """(U,) its group in the lowest nested level."""
    unit_rater: Ints
    """(U,) the rater of one of its ratings."""
    unit_output: Ints
    """(U,) its output."""
    rating_unit: Ints
    """(R,) unit of each rating."""
    class_evaluator: Ints
    """(S,) evaluator of a class."""
    class_size: Floats
    """(S,) ratings in each of its units."""
    class_units: Floats
    """(S,) number of its units."""
    row_place: Ints
    """(C,) place of a row in the flattened (voice, variant) table."""
    row_class: Ints
    """(C,) its class."""
    row_units: Floats
    """(C,) its number of units."""
    row_mean: Floats
    """(C,) mean of its units' means."""
    row_square: Floats
    """(C,) squared deviations of its units' means."""
    within_square: Floats
    """(K,) squared deviations of ratings from their unit's mean."""
    within_freedom: Floats
    """(K,) their degrees of freedom."""
    voice_evaluator: Ints
    """(J,) evaluator of a voice."""
    voice_rater: Ints
    """(J,) rater of a voice, or -1 where it speaks for its whole evaluator."""
    levels: tuple[Level, ...]
    """Nested levels that are present, from the lowest up."""
    groups: Groups
    """Units added up by group of the lowest level."""

    @property
    def constant(self) -> float:
        """The part of the log density of the ratings that depends on the design alone."""
        ratings = float((self.class_units * self.class_size).sum())
        return float(-0.5 * ratings * np.log(2 * np.pi) - 0.5 * (self.class_units * np.log(self.class_size)).sum())


def statistics(data: Coded, present: Terms) -> Statistics:
    """Sufficient statistics of ratings under the terms that are present."""
    individual = np.array(present.individual)[data.evaluator]
    count = len(data.raters)
    voices, voice = np.unique(np.where(individual, data.rater, count + data.evaluator), return_inverse=True)
    voice_rater = np.where(voices < count, voices, -1).astype(np.intp)
    voice_evaluator = np.where(
        voices < count, data.rater_evaluator[np.minimum(voices, count - 1)], voices - count
    ).astype(np.intp)
    units, first, unit, size = _pairs(voice.ravel(), data.output)
    mean = np.bincount(unit, data.score) / size
    classes, _, unit_class, _ = _pairs(data.evaluator[first], size)
    place = units[0].astype(np.intp) * len(data.variants) + data.variant[first]
    rows, _, row, _ = _pairs(place, unit_class)
    row_units, row_mean, row_square = _moments(mean, row, rows.shape[1])
    evaluators = len(data.evaluators)
    levels, group = _levels(data, present, units[1].astype(np.intp))
    shape = (levels[0].size if levels else 1, classes.shape[1])
    cell = group * shape[1] + unit_class
    return Statistics(
        unit_mean=mean,
        unit_class=unit_class,
        unit_place=place,
        unit_group=group,
        unit_rater=data.rater[first],
        unit_output=units[1].astype(np.intp),
        rating_unit=unit,
        class_evaluator=classes[0].astype(np.intp),
        class_size=classes[1].astype(float),
        class_units=np.bincount(unit_class).astype(float),
        row_place=rows[0].astype(np.intp),
        row_class=rows[1].astype(np.intp),
        row_units=row_units,
        row_mean=row_mean,
        row_square=row_square,
        within_square=np.bincount(data.evaluator, (data.score - mean[unit]) ** 2, evaluators),
        within_freedom=np.bincount(data.evaluator[first], size - 1.0, evaluators),
        voice_evaluator=voice_evaluator,
        voice_rater=voice_rater,
        levels=levels,
        groups=_groups(mean, place, cell, shape, len(voices) * len(data.variants)),
    )


def _pairs(upper: Ints, lower: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Distinct pairs of codes in order, (2, pairs), with the first position, the number of each position, and how often each occurs."""
    width = int(lower.max()) + 1
    code, first, at, count = np.unique(
        upper * width + lower, return_index=True, return_inverse=True, return_counts=True
    )
    return np.stack([code // width, code % width]), first, at.ravel().astype(np.intp), count


def _moments(value: Floats, group: Ints, count: int) -> tuple[Floats, Floats, Floats]:
    """Number, mean and squared deviations of values by group."""
    number = np.bincount(group, minlength=count).astype(float)
    mean = np.bincount(group, value, count) / number
    return number, mean, np.bincount(group, (value - mean[group]) ** 2, count)


def _groups(mean: Floats, place: Ints, cell: Ints, shape: tuple[int, int], places: int) -> Groups:
    """Units added up by group of the lowest level and class, given each unit's cell of the (group, class) table."""
    count, classes = shape
    units = np.bincount(cell, minlength=count * classes).reshape(shape).astype(float)
    pattern_units, group_pattern, pattern_groups = np.unique(units, axis=0, return_inverse=True, return_counts=True)
    ones = np.ones(cell.size)
    return Groups(
        np.bincount(cell, mean, count * classes).reshape(shape),
        sparse.coo_matrix((ones, (cell, place)), shape=(count * classes, places)).tocsc(),
        group_pattern.ravel().astype(np.intp),
        pattern_units,
        pattern_groups.astype(float),
    )


def _levels(data: Coded, present: Terms, unit_output: Ints) -> tuple[tuple[Level, ...], Ints]:
    """Nested levels from the lowest up, and each unit's group in the lowest."""
    output_cell = _pairs(data.output_item, data.output_variant)[2]
    chosen = [
        (component, label)
        for has, component, label in (
            (present.output, "sd_output", unit_output),
            (present.interaction, "sd_interaction", output_cell[unit_output]),
            (present.item, "sd_item", data.output_item[unit_output]),
        )
        if has
    ]
    groups = [np.unique(label, return_inverse=True) for _, label in chosen]
    levels = []
    for depth, ((component, _), (labels, inverse)) in enumerate(zip(chosen, groups, strict=True)):
        parent = np.zeros(0, dtype=np.intp)
        if depth + 1 < len(groups):
            parent = np.zeros(labels.size, dtype=np.intp)
            parent[inverse] = groups[depth + 1][1]
        levels.append(Level(component, labels.size, parent, labels.astype(np.intp)))
    return tuple(levels), groups[0][1].astype(np.intp) if groups else np.zeros(unit_output.size, dtype=np.intp)
