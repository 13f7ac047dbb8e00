"""Scores as steps of a scale, and ratings that nothing tells apart added up to counts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from expsim_bayes.errors import RatingsError
from expsim_bayes.models._centring import shown_nested
from expsim_bayes.models._effects import Shown
from expsim_bayes.models._places import Places, places
from expsim_bayes.models._terms import NESTED, Terms, terms
from expsim_bayes.ratings import Coded, Ratings, code

FEW, MANY = 5.0, 200
"""Ratings a unit up to which its effect is integrated out rather than sampled, where there are as many units: fewer are sampled sooner."""
NOISE = np.pi / np.sqrt(3.0)
"""SD of the logistic noise of a single rating; logits."""
MOST_STEPS = 20
"""More steps are a continuous scale."""


class Stars(NamedTuple):
    """Ratings on a scale of C steps, added up: G groups of ratings that share everything the model looks at."""

    data: Coded
    """The ratings one by one."""
    places: Places
    """Where they belong."""
    present: Terms
    """What they can tell apart."""
    steps: NDArray[np.intp]
    """(C,) the steps of the scale, in points."""
    count: NDArray[np.intp]  # type: ignore[assignment]
    """(G, C) ratings of each group at each step."""
    group: NDArray[np.intp]
    """(R,) group of each rating."""
    evaluator: NDArray[np.intp]
    """(G,)"""
    variant: NDArray[np.intp]
    """(G,)"""
    item: NDArray[np.intp]
    """(G,) item; 0 where items are not looked at."""
    cell: NDArray[np.intp]
    """(G,) item x variant; 0 where cells are not looked at."""
    output: NDArray[np.intp]
    """(G,) output; 0 where outputs are not looked at."""
    rater: NDArray[np.intp]
    """(G,) rater; the first of the evaluator where its raters are not told apart."""
    pair: NDArray[np.intp]
    """(G,) rater x output; 0 where lasting opinions are not looked at."""
    shown: dict[str, Shown]
    """What the reference's ratings say of the effects of items, cells and outputs, by dim, in logits; empty where coordinates had better
    not lean on it: a judge's lambda times an SD is told better than either."""
    lowest: str | None
    """The lowest of the dims item, cell and output that has effects, where its units have too few ratings each for a sampler."""
    sentences: tuple[str, ...]
    """What was taken as the scale, and how far ratings could be added up."""


def stars(ratings: Ratings) -> Stars:
    """Ratings as steps of their scale, added up as far as nothing is lost.

    Raises
    ------
    RatingsError
        Scores lie between the steps of a scale of whole points, or there are too many steps or too few.
    """
    data = code(ratings)
    present = terms(data)
    steps, said = _steps(data, ratings.score_range, ratings.source)
    individual = np.array(present.individual)[data.evaluator]
    first = np.array([np.flatnonzero(data.rater_evaluator == k)[0] for k in range(len(data.evaluators))])
    where = places(data)
    opinion = np.array(present.opinion)[data.evaluator]
    nothing = np.zeros_like(data.item)
    columns = {
        "evaluator": data.evaluator,
        "variant": data.variant,
        "item": data.item if present.item else nothing,
        "cell": where.cell if present.interaction else nothing,
        "output": data.output if present.output else nothing,
        "rater": np.where(individual, data.rater, first[data.evaluator]),
        "pair": np.where(opinion, where.pair, 0) if any(present.opinion) else nothing,
    }
    groups, group = np.unique(np.stack(list(columns.values())), axis=1, return_inverse=True)
    group = group.ravel()
    step = np.searchsorted(steps, data.score)
    count = np.zeros((groups.shape[1], steps.size), dtype=np.intp)
    np.add.at(count, (group, step), 1)
    if groups.shape[1] < 0.9 * data.score.size:
        said.append(
            f"{data.score.size:,} ratings were added up to {groups.shape[1]:,} groups that share everything the model looks at."
        )
    return Stars(
        data=data,
        places=where,
        present=present,
        steps=steps,
        count=count,
        group=group,
        **dict(zip(columns, groups, strict=True)),
        shown={} if any(present.scale_use) else shown_nested(data, where.cell, max(present.reference, 0), noise=NOISE),
        lowest=_lowest(present, where),
        sentences=(*present.sentences, *said),
    )


def _lowest(present: Terms, where: Places) -> str | None:
    dims = [dim for dim in NESTED if present.has(dim)]
    if not dims or any(present.opinion):
        return None
    unit = where.unit(dims[-1])
    units = np.unique(unit).size
    return dims[-1] if units >= MANY and unit.size / units <= FEW else None


def _steps(data: Coded, score_range: tuple[float, float] | None, source: str) -> tuple[NDArray[np.intp], list[str]]:
    """The whole points of the scale: the declared range, else the range of the scores."""
    whole = data.score == np.floor(data.score)
    if not whole.all():
        raise RatingsError(
            f"{int((~whole).sum()):,} of {whole.size:,} scores lie between whole points (such as {data.score[~whole][0]:g}): "
            "averages are no steps of a scale",
            where=f"{source}, column 'score'",
            remedy="fit them with --model continuous, or round them to the nearest step with --round-scores",
        )
    low, high = score_range if score_range is not None else (data.score.min(), data.score.max())
    low, high = int(np.ceil(low)), int(np.floor(high))
    said = (
        []
        if score_range is not None
        else [f"No score range was declared: the steps found, {low} to {high}, are taken as the scale."]
    )
    if not 2 <= high - low + 1 <= MOST_STEPS:
        raise RatingsError(
            f"a scale from {low} to {high} has {high - low + 1} steps, and 2 to {MOST_STEPS} can be told apart",
            where=f"{source}, column 'score'",
            remedy="declare the scale with --score-range LO:HI, or fit with --model continuous",
        )
    return np.arange(low, high + 1, dtype=np.intp), said
