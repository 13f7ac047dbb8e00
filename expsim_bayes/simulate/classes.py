"""Pretend class labels from a declared truth: outputs have a class, and raters confuse classes by tables of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from expsim_bayes.frozen import Frozen
from expsim_bayes.ratings import validate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.ratings import Ratings


class Truth(Frozen):
    """A small story: two variants, three classes, four raters.

    Examples
    --------
    >>> Truth(raters=2).raters
    2
    """

    prevalence: tuple[tuple[float, ...], ...] = ((0.5, 0.3, 0.2), (0.3, 0.3, 0.4))
    """Shares of the true classes 1, 2, ..., by variant."""
    raters: int = 4
    """Number of raters, who label every output."""
    items: int = 60
    """Number of items; each is answered by all variants."""
    concentration: float = 8.0
    """Sum of the Dirichlet law of a row of a rater's table of errors; labels."""
    hit: float = 0.7
    """Mean of the probability of the right class; a share."""


def ratings(truth: Truth | None = None, random_seed: int = 0) -> Ratings:
    """Labels by a story; classes are scores 1, 2, ...

    Parameters
    ----------
    truth : Truth, optional
        The story.
    random_seed : int
        Seed of everything drawn.

    Examples
    --------
    >>> int(ratings(Truth(items=5)).table["score"].count())
    40
    """
    told = truth or Truth()
    rng = np.random.default_rng(random_seed)
    share = np.array(told.prevalence)
    k = share.shape[1]
    item, variant = (axis.ravel() for axis in np.indices((told.items, len(share))))
    true = _drawn(share[variant], rng)
    wrong = told.concentration * (1 - told.hit) / (k - 1)
    believed = np.full((k, k), wrong) + np.eye(k) * (told.concentration * told.hit - wrong)
    frames = []
    for rater in range(told.raters):
        table = np.stack([rng.dirichlet(row) for row in believed])
        score = 1.0 + _drawn(table[true], rng)
        names = {"variant": np.array(list("ABCDEFGH"))[variant], "item": [f"item {i + 1:04d}" for i in item]}
        frames.append(pd.DataFrame({**names, "rater": f"rater {rater + 1}", "kind": "human", "score": score}))
    return validate(pd.concat(frames, ignore_index=True), score_range=(1, k), source="pretend labels")


def quality(truth: Truth | None = None) -> NDArray[np.float64]:
    """(variant,) share of outputs whose true class is the highest."""
    return np.array((truth or Truth()).prevalence)[:, -1]


def small(random_seed: int = 0) -> Ratings:
    """A small design: two variants, fifteen items, three raters."""
    return ratings(Truth(items=15, raters=3), random_seed)


def _drawn(share: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.intp]:
    """(row,) a class from each row of shares."""
    below = np.cumsum(share, axis=1)
    return np.asarray((below < rng.random(len(below))[:, None] * below[:, -1:]).sum(axis=1))
