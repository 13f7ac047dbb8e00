"""Score ratings as the sums that their marginal likelihood hangs on, whatever the components.

Ratings are linear in a few *columns*: what an evaluator thinks of a variant on average (m + lambda q + d), a rater's severity, and a
rater's taste for a variant; the scores themselves are the last column. Given the components, the precision of ratings is a weighted sum
of products of columns. The products are added up here, once, by everything that the weights depend on, and kept as sparse matrices.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.models._statistics import Statistics
    from expsim_bayes.models._terms import Terms
    from expsim_bayes.ratings import Coded

    Floats = NDArray[np.float64]
    Ints = NDArray[np.intp]

ABSENT = -1


class Columns(NamedTuple):
    """Where each effect stands among the n columns; K evaluators, V variants, J raters."""

    view: Ints
    """(K, V) what an evaluator thinks of a variant."""
    severity: Ints
    """(J,) -1 where absent."""
    taste: Ints
    """(J, V) -1 where absent."""
    size: int
    """n, the column of scores included, which is the last."""


class Sums(NamedTuple):
    """Entries of arrays that are linear in some weights: flat cells of an array, and what a unit of each weight adds to them."""

    cells: Ints
    """(cell,) flat positions, distinct."""
    matrix: sparse.csr_matrix
    """(cell, weight)"""

    def of(self, weights: Floats, size: int) -> Floats:
        """(D, size) flattened arrays for D rows of weights, (D, weight)."""
        full = np.zeros((len(weights), size))
        full[:, self.cells] = (self.matrix @ weights.T).T
        return full

    def adjoint(self, slopes: Floats) -> Floats:
        """(D, weight) slopes of a function of the arrays along the weights, from its slopes along their flat cells."""
        return np.asarray((self.matrix.T @ slopes[:, self.cells].T).T)


class Upper(NamedTuple):
    """One nested effect above the lowest: G groups, in an order in which children of one parent are neighbours."""

    component: str
    """Name of its SD."""
    starts: Ints
    """(G,) first of the groups of the level below that belong to each; empty for the lowest of the upper levels."""
    size: int
    """G"""


class Moments(NamedTuple):
    """Ratings of one data set, added up; S classes of ratings, P patterns of the lowest level."""

    columns: Columns
    rater_evaluator: Ints
    """(J,) evaluator of each rater."""
    units: Floats
    """(S,) means of ratings of an output by a voice."""
    unit_size: Floats
    """(S,) ratings behind each."""
    unit_evaluator: Ints
    """(S,)"""
    within_square: Floats
    """(K,) squared deviations of ratings from their unit's mean."""
    within_freedom: Floats
    """(K,)"""
    constant: float
    """What of the log density depends on the design alone."""
    plain: Sums
    """Products of columns by class: the weights are precisions."""
    lowest: str | None
    """SD of the lowest nested effect; None where there is none."""
    pattern_units: Floats
    """(P, S)"""
    pattern_groups: Floats
    """(P,)"""
    pairs: Sums
    """Products of columns within groups of the lowest level by `pair_of`."""
    pair_of: tuple[Ints, Ints, Ints]
    """Pattern, class and class of each weight of `pairs`."""
    rows: Sums
    """(G, n) column sums of the groups of the next level by `row_of`."""
    row_of: tuple[Ints, Ints]
    """Pattern and class of each weight of `rows`."""
    row_patterns: sparse.csr_matrix
    """(G, P) groups of the lowest level by pattern in each group of the next."""
    upper: tuple[Upper, ...]
    """Nested effects above the lowest, upwards."""


def columns(data: Coded, present: Terms) -> Columns:
    """Positions of the effects that ratings of one data set show."""
    count, variants = len(data.evaluators), len(data.variants)
    taken = count * variants
    severe = np.array(present.severity)[data.rater_evaluator]
    tasteful = np.array(present.taste)[data.rater_evaluator]
    severity = np.where(severe, taken + np.cumsum(severe) - 1, ABSENT)
    taken += int(severe.sum())
    taste = np.full((len(data.raters), variants), ABSENT)
    taste[tasteful] = taken + np.arange(tasteful.sum() * variants).reshape(-1, variants)
    taken += int(tasteful.sum()) * variants
    return Columns(
        np.arange(count * variants).reshape(count, variants), severity.astype(np.intp), taste.astype(np.intp), taken + 1
    )


def moments(data: Coded, present: Terms, sums: Statistics, middle: float) -> Moments:
    """Sums of the ratings of one data set.

    Parameters
    ----------
    data : Coded
        The ratings.
    present : Terms
        Terms that they can tell apart.
    sums : Statistics
        The ratings added up to units.
    middle : float
        Prior mean of the levels, in points: scores count from it.
    """
    where = columns(data, present)
    seen = _columns_of_places(sums, where, len(data.variants))
    n, classes = where.size, sums.class_units.size
    square = sums.row_square
    by_row = _with_scores(seen[sums.row_place], sums.row_mean - middle, n)
    plain = _products(by_row, sums.row_units, n, sums.row_class)
    plain = _plus_corner(plain, sums.row_class, square, n, classes)
    nothing: Ints = np.zeros(0, dtype=np.intp)
    empty = Sums(nothing, sparse.csr_matrix((0, 0)))
    pair, row = (empty, (nothing, nothing, nothing)), (empty, (nothing, nothing))
    counts, upper = sparse.csr_matrix((0, 0)), tuple[Upper, ...]()
    if sums.levels:
        units = _with_scores(seen[sums.unit_place], sums.unit_mean - middle, n)
        entries = _entries(units, sums.unit_group, sums.unit_class, classes)
        pattern = sums.groups.pattern
        pair = _pairs(entries, pattern, n, classes)
        upper, parent = _upper(sums)
        if upper:
            row = _rows(entries, pattern, parent, n, classes)
            shape = (upper[0].size, len(sums.groups.pattern_units))
            counts = sparse.coo_matrix((np.ones(parent.size), (parent, pattern)), shape=shape).tocsr()
    return Moments(
        columns=where,
        rater_evaluator=data.rater_evaluator,
        units=sums.class_units,
        unit_size=sums.class_size,
        unit_evaluator=sums.class_evaluator,
        within_square=sums.within_square,
        within_freedom=sums.within_freedom,
        constant=sums.constant,
        plain=plain,
        lowest=sums.levels[0].component if sums.levels else None,
        pattern_units=sums.groups.pattern_units,
        pattern_groups=sums.groups.pattern_groups,
        pairs=pair[0],
        pair_of=pair[1],
        rows=row[0],
        row_of=row[1],
        row_patterns=counts,
        upper=upper,
    )


def _columns_of_places(sums: Statistics, where: Columns, variants: int) -> sparse.csr_matrix:
    """(J * V, n) which columns a voice's ratings of a variant show."""
    voices = sums.voice_rater.size
    voice, variant = np.repeat(np.arange(voices), variants), np.tile(np.arange(variants), voices)
    who = sums.voice_rater[voice]
    shown = [where.view[sums.voice_evaluator[voice], variant]]
    shown.append(np.where(who >= 0, where.severity[who], ABSENT))
    shown.append(np.where(who >= 0, where.taste[who, variant], ABSENT))
    column = np.stack(shown, axis=1)
    place = np.repeat(np.arange(voices * variants)[:, None], 3, axis=1)
    has = column != ABSENT
    return sparse.coo_matrix(
        (np.ones(int(has.sum())), (place[has], column[has])), shape=(voices * variants, where.size)
    ).tocsr()


def _with_scores(shown: sparse.csr_matrix, score: Floats, n: int) -> sparse.csr_matrix:
    """Rows of columns with the score in the last."""
    last = np.zeros(score.size, dtype=np.intp)
    own = sparse.csr_matrix((score, (np.arange(score.size), last + n - 1)), shape=(score.size, n))
    return sparse.csr_matrix(shown + own)


class _Entries(NamedTuple):
    """Non-zero column sums by group and class, group after group."""

    group: Ints
    of_class: Ints
    column: Ints
    value: Floats


def _entries(rows: sparse.csr_matrix, group: Ints, of_class: Ints, classes: int) -> _Entries:
    """Rows of columns added up by group and class."""
    cell = group * classes + of_class
    count = int(group.max()) + 1
    belongs = sparse.csr_matrix((np.ones(cell.size), (cell, np.arange(cell.size))), shape=(count * classes, cell.size))
    added = sparse.csr_matrix(belongs @ rows)
    added.sum_duplicates()
    row = np.repeat(np.arange(count * classes), np.diff(added.indptr))
    return _Entries(row // classes, row % classes, added.indices.astype(np.intp), added.data)


def _neighbours(code: Ints) -> tuple[Ints, Ints]:
    """All ordered pairs of positions with the same code, which ascends."""
    starts = np.flatnonzero(np.r_[True, code[1:] != code[:-1]])
    sizes = np.diff(np.r_[starts, code.size])
    left = np.repeat(np.arange(code.size), np.repeat(sizes, sizes))
    begins = np.repeat(np.repeat(starts, sizes), np.repeat(sizes, sizes))
    run = np.repeat(np.cumsum(np.repeat(sizes, sizes)) - np.repeat(sizes, sizes), np.repeat(sizes, sizes))
    return left, begins + np.arange(left.size) - run


def _collected(cell: Ints, weight: Ints, value: Floats, shape: tuple[int, int]) -> Sums:
    """Values added up by cell and weight, of which there are as many as `shape` says."""
    whole = sparse.coo_matrix((value, (cell, weight)), shape=shape).tocsr()
    cells = np.flatnonzero(np.diff(whole.indptr)).astype(np.intp)
    return Sums(cells, whole[cells])


def _renumbered(code: Ints) -> tuple[Ints, Ints]:
    """Codes that occur, ascending, and the number of each among them."""
    occurs = np.bincount(code) > 0
    return np.flatnonzero(occurs).astype(np.intp), (np.cumsum(occurs) - 1)[code]


def _products(rows: sparse.csr_matrix, times: Floats, n: int, weight: Ints) -> Sums:
    """Products of the columns of each row with themselves, added up by the weight of the row."""
    row = np.repeat(np.arange(times.size), np.diff(rows.indptr))
    left, right = _neighbours(row)
    value = times[row[left]] * rows.data[left] * rows.data[right]
    cell = rows.indices[left].astype(np.intp) * n + rows.indices[right]
    return _collected(cell, weight[row[left]], value, (n * n, int(weight.max()) + 1))


def _plus_corner(plain: Sums, of_class: Ints, square: Floats, n: int, classes: int) -> Sums:
    """The same with squares of scores around their row's mean added to the corner."""
    corner = n * n - 1
    matrix = plain.matrix.tocoo()
    cell = np.r_[plain.cells[matrix.row], np.full(of_class.size, corner)]
    return _collected(cell, np.r_[matrix.col, of_class], np.r_[matrix.data, square], (n * n, classes))


def _pairs(entries: _Entries, pattern: Ints, n: int, classes: int) -> tuple[Sums, tuple[Ints, Ints, Ints]]:
    """Products of columns within groups, added up by pattern and the classes of both."""
    left, right = _neighbours(entries.group)
    code = (pattern[entries.group[left]] * classes + entries.of_class[left]) * classes + entries.of_class[right]
    kept, weight = _renumbered(code)
    cell = entries.column[left] * n + entries.column[right]
    value = entries.value[left] * entries.value[right]
    first, second = kept // classes // classes, kept // classes % classes
    return _collected(cell, weight, value, (n * n, kept.size)), (first, second, kept % classes)


def _rows(entries: _Entries, pattern: Ints, parent: Ints, n: int, classes: int) -> tuple[Sums, tuple[Ints, Ints]]:
    """Column sums of the groups above, by pattern and class of what lies below."""
    code = pattern[entries.group] * classes + entries.of_class
    kept, weight = _renumbered(code)
    cell = parent[entries.group] * n + entries.column
    shape = ((int(parent.max()) + 1) * n, kept.size)
    return _collected(cell, weight, entries.value, shape), (kept // classes, kept % classes)


def _upper(sums: Statistics) -> tuple[tuple[Upper, ...], Ints]:
    """Levels above the lowest, their groups renumbered so that siblings are neighbours, and the parent of each lowest group."""
    nothing: Ints = np.zeros(0, dtype=np.intp)
    if len(sums.levels) == 1:
        return (), nothing
    middle, *top = sums.levels[1:]
    parent = sums.levels[0].parent
    if not top:
        return (Upper(middle.component, nothing, middle.size),), parent
    order = np.argsort(middle.parent, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(order.size)
    siblings = middle.parent[order]
    starts = np.flatnonzero(np.r_[True, siblings[1:] != siblings[:-1]])
    found = (Upper(middle.component, nothing, middle.size), Upper(top[0].component, starts, top[0].size))
    return found, place[parent]
