"""Pretend error scores: what is wrong with an output, counted and weighed, from a declared truth."""

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
    """Three systems judged by four people, in the two parts error (is there one) and size (how large it is).

    Examples
    --------
    >>> Truth(n_items=20).n_items
    20
    """

    variants: tuple[str, ...] = ("A", "B", "C")
    """Names of the variants."""
    q: tuple[tuple[float, ...], tuple[float, ...]] = ((-0.4, 0.0, 0.4), (-0.2, 0.0, 0.2))
    """What each variant adds to the latent value of an error and of its size; logits."""
    error_level: float = -0.4
    """Latent value of an error at the average of variants, items and raters; logits."""
    sizes: tuple[float, ...] = (1.0, 2.0, 5.0, 10.0, 25.0)
    """Sizes that errors have, the last of them the cap; points."""
    shares: tuple[float, ...] = (0.35, 0.1, 0.4, 0.12, 0.03)
    """Shares of the sizes at the average of variants, items and raters; they add up to 1."""
    sd_item: tuple[float, float] = (0.9, 0.6)
    """SD between items in each part; logits."""
    correlation: float = 0.4
    """Correlation of an item's two effects; no unit."""
    sd_rater: tuple[float, float] = (0.5, 0.7)
    """SD of the severity of raters in each part; logits."""
    sd_taste: tuple[float, float] = (0.0, 0.0)
    """SD of a rater's taste for a variant in each part; logits."""
    sd_shift: tuple[float, float] = (0.0, 0.0)
    """SD of a judge's taste for a variant in each part; logits."""
    judge: bool = False
    """Whether a judge rates every output as well."""
    n_items: int = 100
    """Items, each answered by every variant."""
    n_raters: int = 4
    """People, one of whom rates each output."""


def ratings(truth: Truth, random_seed: int = 0) -> Ratings:
    """Error scores of every variant on every item, each by one person drawn at random, and by the judge where there is one.

    Examples
    --------
    >>> ratings(Truth(n_items=5)).table.shape[0]
    15
    """
    rng = np.random.default_rng(random_seed)
    items, raters, variants = truth.n_items, truth.n_raters, len(truth.variants)
    x = rng.standard_normal((2, items))
    x[1] = truth.correlation * x[0] + np.sqrt(1 - truth.correlation**2) * x[1]
    u = np.array(truth.sd_item)[:, None] * x
    b = np.array(truth.sd_rater)[:, None] * rng.standard_normal((2, raters))
    t = np.array(truth.sd_taste)[:, None, None] * rng.standard_normal((2, raters, variants))
    d = np.array(truth.sd_shift)[:, None] * rng.standard_normal((2, variants))
    item, variant = (grid.ravel() for grid in np.meshgrid(np.arange(items), np.arange(variants), indexing="ij"))
    rater = rng.integers(0, raters, item.size)
    worth = np.array(truth.q)[:, variant] + u[:, item]
    tables = [
        _table(truth, rng, worth + b[:, rater] + t[:, rater, variant], item, variant, [f"r{n + 1}" for n in rater])
    ]
    if truth.judge:
        tables.append(_table(truth, rng, worth + d[:, variant], item, variant, ["judge"] * item.size))
    frame = pd.concat(tables, ignore_index=True)
    return validate(
        frame,
        source="pretend error scores",
        score_range=(0.0, truth.sizes[-1]),
        higher_is_better=False,
        variants=truth.variants,
    )


def quality(truth: Truth) -> NDArray[np.float64]:
    """(variant,) expected scores by new raters on new items, from two million draws a variant.

    Examples
    --------
    >>> bool(np.all(np.diff(quality(Truth())) > 0))
    True
    """
    rng = np.random.default_rng(20_210_401)
    z = rng.standard_normal((2, 2_000_000))
    between = np.array(truth.sd_rater) ** 2 + np.array(truth.sd_taste) ** 2
    item = np.stack([z[0], truth.correlation * z[0] + np.sqrt(1 - truth.correlation**2) * z[1]])
    new = np.array(truth.sd_item)[:, None] * item
    new += np.sqrt(between)[:, None] * rng.standard_normal((2, z.shape[1]))
    return np.array([_expected(truth, np.array(q)[:, None] + new).mean() for q in zip(*truth.q, strict=True)])


def small(random_seed: int = 0) -> Ratings:
    """A design small enough to be fitted in well under a second: 2 variants, 20 items, 3 people."""
    truth = Truth(
        variants=("A", "B"),
        q=((-0.2, 0.2), (-0.1, 0.1)),
        sizes=(1.0, 5.0, 25.0),
        shares=(0.5, 0.4, 0.1),
        n_items=20,
        n_raters=3,
    )
    return ratings(truth, random_seed)


def _cutpoints(truth: Truth) -> NDArray[np.float64]:
    below = np.cumsum(truth.shares)[:-1] / np.sum(truth.shares)
    return np.asarray(np.log(below / (1 - below)))


def _expected(truth: Truth, latent: NDArray[np.float64]) -> NDArray[np.float64]:
    """Expected score at latent values (part, n)."""
    size = np.full(latent.shape[1], truth.sizes[0])
    for cut, step in zip(_cutpoints(truth), np.diff(truth.sizes), strict=True):
        size += step / (1 + np.exp(cut - latent[1]))
    return np.asarray(size / (1 + np.exp(-truth.error_level - latent[0])))


def _table(  # noqa: PLR0917
    truth: Truth,
    rng: np.random.Generator,
    latent: NDArray[np.float64],
    item: NDArray[np.intp],
    variant: NDArray[np.intp],
    rater: list[str],
) -> pd.DataFrame:
    """One row a rating: an error where a logistic variable lies below its latent value, a size by where another one lies."""
    found = rng.logistic(size=item.size) < truth.error_level + latent[0]
    size = np.searchsorted(_cutpoints(truth), latent[1] + rng.logistic(size=item.size))
    score = np.where(found, np.array(truth.sizes)[size], 0.0)
    return pd.DataFrame(
        {
            "variant": np.array(truth.variants)[variant],
            "item": [f"i{n:03d}" for n in item],
            "rater": rater,
            "kind": ["llm" if name == "judge" else "human" for name in rater],
            "score": score,
        }
    )
