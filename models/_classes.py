"""Class labels laid out for the Dawid-Skene model: counts of the labels that each rater gave to each output."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from expsim_bayes.errors import RatingsError, SettingError
from expsim_bayes.ratings import Coded, Ratings, code

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_CLASSES = 20
"""More classes are a scale."""


class Labels(NamedTuple):
    """E entries (one rater's labels of one output) on O outputs, in K classes."""

    data: Coded
    """The labels one by one."""
    classes: NDArray[np.float64]
    """(K,) the classes, as they were written in numbers."""
    counts: NDArray[np.int64]
    """(E, K) labels of each entry in each class."""
    output: NDArray[np.intp]
    """(E,)"""
    rater: NDArray[np.intp]
    """(E,) place among `raters`."""
    raters: tuple[str, ...]
    """Who has a table of errors: raters, and evaluators whose raters are slots."""
    good: NDArray[np.bool_]
    """(K,) classes whose share is the quality."""
    sentences: tuple[str, ...]
    """What was merged or assumed."""


def labels(ratings: Ratings, *, good: str | None = None) -> Labels:
    """Class labels as the model takes them.

    Raises
    ------
    RatingsError
        There is one class, or too many.
    SettingError
        The class whose share is the quality does not occur.
    """
    data = code(ratings)
    classes = np.unique(data.score)
    if ratings.score_range is not None and (classes == np.floor(classes)).all():
        low, high = ratings.score_range
        if high - low < MOST_CLASSES:
            classes = np.arange(np.ceil(low), np.floor(high) + 1)
    if not 2 <= classes.size <= MOST_CLASSES:
        raise RatingsError(
            f"{classes.size:,} classes, and 2 to {MOST_CLASSES} can be told apart",
            where=f"{ratings.source}, column 'score'",
            remedy="declare all classes with --score-range LO:HI, or fit with --model continuous",
        )
    wanted = _good(classes, good, ratings)
    first = np.array([np.flatnonzero(data.rater_evaluator == k)[0] for k in range(len(data.evaluators))])
    rater = np.where(data.anonymous[data.evaluator], first[data.evaluator], data.rater)
    pairs, entry = np.unique(np.stack([data.output, rater]), axis=1, return_inverse=True)
    own, place = np.unique(pairs[1], return_inverse=True)
    names = tuple(
        data.evaluators[k] if data.anonymous[k] else data.raters[j]
        for j, k in zip(own, data.rater_evaluator[own], strict=True)
    )
    count = np.zeros((pairs.shape[1], classes.size), dtype=np.int64)
    np.add.at(count, (entry.ravel(), np.searchsorted(classes, data.score)), 1)
    return Labels(data, classes, count, pairs[0], place.ravel(), names, wanted, _words(data, classes, wanted, count))


def _good(classes: NDArray[np.float64], good: str | None, ratings: Ratings) -> NDArray[np.bool_]:
    if good is None:
        return np.asarray(classes == (classes[-1] if ratings.higher_is_better else classes[0]))
    try:
        named = np.array([float(word) for word in good.split(",")])
    except ValueError:
        named = np.array([np.nan])
    if not np.isin(named, classes).all():
        raise SettingError(
            f"{good!r} names no class",
            where="priors.good",
            remedy=f"name some of {', '.join(f'{c:g}' for c in classes)}, with commas",
        )
    return np.isin(classes, named)


def _words(
    data: Coded, classes: NDArray[np.float64], good: NDArray[np.bool_], count: NDArray[np.int64]
) -> tuple[str, ...]:
    said = [
        f"Quality is the share of outputs of true class {' or '.join(f'{c:g}' for c in classes[good])}, among {classes.size} classes.",
        "Classes keep their names because every rater is taken, before the data, to give the right class more often than any other.",
    ]
    again = int((count.sum(axis=1) - 1).sum())
    if again:
        said.append(
            f"{again:,} labels repeat a rater's label of one output: given the true class they count as independent."
        )
    unused = classes[count.sum(axis=0) == 0]
    if unused.size:
        said.append(f"No label is {', '.join(f'{c:g}' for c in unused)}: its share comes from the prior.")
    if any(data.anonymous):
        said.append("Raters who are slots, not persons, share one table of errors.")
    raters = np.unique(np.stack([data.output, data.rater]), axis=1).shape[1]
    if raters < 1.5 * len(data.outputs):
        said.append(
            "warning: most outputs were seen by one rater: errors and true classes are told apart by the priors alone."
        )
    said += [
        f"warning: no labels of {name}: only the prior speaks of it."
        for v, name in enumerate(data.variants)
        if not (data.output_variant == v).any()
    ]
    return tuple(said)
