"""Error scores as steps: no error, or one of the sizes that errors have, and which ratings share what the model looks at."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from expsim_bayes.errors import RatingsError
from expsim_bayes.models._places import Places, places
from expsim_bayes.models._terms import NESTED, Terms, terms
from expsim_bayes.ratings import Coded, Ratings, code

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

MOST_SIZES = 20
"""Sizes of errors that are told apart; where there are more, those that lie closest together are taken as one."""
FINEST = 1_000
"""Parts of the cap to which sizes are rounded before they are taken together."""
UNSEEN = (0.25, 0.5, 0.75, 1.0)
"""Sizes, as shares of the cap, where no rating found an error."""


class Errors(NamedTuple):
    """Error scores of R ratings, each no error or one of S sizes."""

    data: Coded
    """The ratings one by one."""
    present: Terms
    """What they can tell apart."""
    points: Floats
    """(S + 1,) scores of the steps: 0 for no error, then the sizes; the last is the cap."""
    step: Ints
    """(R,) step of each rating."""
    places: Places
    """Where the ratings belong."""
    lowest: str | None
    """The lowest of the dims item, cell and output that has effects."""
    row: Ints
    """(R,) row of the table of what is the same given the effects of `lowest`."""
    first: Ints
    """(rows,) first rating of each row."""
    sentences: tuple[str, ...]
    """What was merged, left out or taken as the sizes."""


def errors(ratings: Ratings) -> Errors:
    """Ratings as no error or an error of some size.

    Raises
    ------
    RatingsError
        A score is below zero.
    """
    data = code(ratings)
    _check(data, ratings.source)
    present = terms(data)
    points, said = _points(data.score, ratings.score_range)
    step = _steps(data.score, points)
    points = _means(data.score, step, points)
    where, dims = places(data), [dim for dim in NESTED if present.has(dim)]
    alike = [*dims[:-1], *(["pair"] if any(present.opinion) else [])]
    shared = [data.variant, data.rater, *(where.unit(dim) for dim in alike)]
    _, first, row = np.unique(np.stack(shared), axis=1, return_index=True, return_inverse=True)
    return Errors(
        data=data,
        present=present,
        points=points,
        step=step,
        places=where,
        lowest=dims[-1] if dims else None,
        row=row.ravel(),
        first=first,
        sentences=(*present.sentences, *said, *_words(data)),
    )


def _check(data: Coded, source: str) -> None:
    below = data.score < 0
    if below.any():
        raise RatingsError(
            f"{int(below.sum()):,} of {below.size:,} scores are below zero (the lowest is {data.score.min():g}): an error score counts "
            "what is wrong, from 0",
            where=f"{source}, column 'score'",
            remedy="turn their sign so that 0 means no error, or fit them with --model continuous",
        )


def _points(score: Floats, score_range: tuple[float, float] | None) -> tuple[Floats, list[str]]:
    """Scores of the steps, and what to say about them."""
    positive = score[score > 0]
    said: list[str] = []
    if score_range is not None:
        cap = float(score_range[1])
    elif positive.size:
        cap = float(positive.max())
        said.append(f"No score range was declared: the largest score seen, {cap:g}, is taken as the largest possible.")
    else:
        cap = 1.0
        said.append("No score range was declared and no error was found: the largest possible score is taken as 1.")
    if not positive.size:
        said.append("No rating found an error: what is said of the size of errors is the prior alone.")
        return np.array([0.0, *(share * cap for share in UNSEEN)]), said
    sizes, count = np.unique(positive, return_counts=True)
    found = _merged(sizes, count.astype(float), cap)
    if found.size < sizes.size:
        said.append(f"The {sizes.size} sizes that errors have were taken together to {found.size}, each with its mean.")
    if found[-1] < cap and not np.isclose(found[-1], cap):
        found = np.append(found, cap)
    return np.concatenate([[0.0], found]), said


def _merged(sizes: Floats, count: Floats, cap: float) -> Floats:
    """At most `MOST_SIZES` sizes: neighbours become their mean where that loses the least of the sum of squares (Ward 1963)."""
    if sizes.size > FINEST:
        sizes, count = _averaged(
            sizes, count, np.unique(np.round(sizes / cap * FINEST), return_inverse=True)[1].ravel()
        )
    while sizes.size > MOST_SIZES:
        loss = count[:-1] * count[1:] / (count[:-1] + count[1:]) * np.diff(sizes) ** 2
        at = int(np.argmin(loss))
        group = np.arange(sizes.size) - (np.arange(sizes.size) > at)
        sizes, count = _averaged(sizes, count, group)
    return sizes


def _averaged(sizes: Floats, count: Floats, group: Ints) -> tuple[Floats, Floats]:
    total = np.bincount(group, count)
    return np.bincount(group, sizes * count) / total, total


def _steps(score: Floats, points: Floats) -> Ints:
    """Step nearest to each score; only no error is step 0."""
    middle = (points[1:-1] + points[2:]) / 2
    return np.where(score > 0, 1 + np.searchsorted(middle, score), 0).astype(np.intp)


def _means(score: Floats, step: Ints, points: Floats) -> Floats:
    """The mean score of each step, so that the steps have the mean that the scores have."""
    count = np.bincount(step, minlength=points.size)
    return np.where(count > 0, np.bincount(step, score, points.size) / np.maximum(count, 1), points)


def _words(data: Coded) -> list[str]:
    """What the ratings say nothing of."""
    found = data.score > 0
    if found.all():
        return ["Every rating found an error: how often there is none is the prior's guess, pulled towards never."]
    counts = np.bincount(data.variant, found, len(data.variants))
    rated = np.bincount(data.variant, minlength=len(data.variants)) > 0
    without = [name for name, n, any_ in zip(data.variants, counts, rated, strict=True) if any_ and not n]
    if not without or not found.any():
        return []
    names = ", ".join(without[:3]) + (f" and {len(without) - 3} more" if len(without) > 3 else "")
    return [
        f"No error was found in {names}: how large its errors would be is told by the other variants and the prior."
    ]
