"""Pretend stars by people and judges, from a declared truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from expsim_bayes.frozen import Frozen
from expsim_bayes.ratings.validation import validate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.ratings import Ratings


class Truth(Frozen):
    """What is true of an experiment in which people and judges give stars; everything but counts and names is in logits.

    Examples
    --------
    >>> Truth(people=2).people
    2
    """

    variants: tuple[str, ...] = ("A", "B", "C")
    """Names of the variants; the first is the control; no unit."""
    q: tuple[float, ...] = (0.0, 0.6, -0.5)
    """What each variant adds in the eyes of people; logits."""
    items: int = 80
    """Items, each answered by every variant; a count."""
    people: int = 3
    """People, each of whom rates every output; a count."""
    judges: tuple[str, ...] = ("judge",)
    """Names of the judges, each of whom rates every output; no unit."""
    cutpoint: tuple[float, ...] = (-2.5, -1.0, 0.4, 2.0)
    """Where people cut the latent scale into steps, in ascending order; the lowest step is 1; logits."""
    judge_cutpoint: tuple[float, ...] = (-4.0, -2.0, -0.5, 2.5)
    """Where judges do; logits."""
    scale_use: float = 1.5
    """How strongly judges answer to what people see (lambda), their own noise included; no unit."""
    sd_item: float = 0.9
    """SD between items; logits."""
    sd_interaction: float = 0.6
    """SD of a variant's fit to an item; logits."""
    sd_rater: float = 0.7
    """SD of severity between people; logits."""
    sd_shift: float = 0.5
    """SD of judges' tastes for variants; logits."""
    sd_taste: float = 0.2
    """SD of one person's taste for a variant; logits."""


def ratings(truth: Truth | None = None, random_seed: int = 0) -> Ratings:
    """Stars drawn from a truth.

    Parameters
    ----------
    truth : Truth, optional
        A small believable story unless told.
    random_seed : int
        Seed of everything drawn.

    Examples
    --------
    >>> ratings(Truth(items=2)).table.shape[0]
    24
    """
    truth = truth or Truth()
    rng = np.random.default_rng(random_seed)
    variants, people = len(truth.variants), truth.people
    ease = rng.normal(0.0, truth.sd_item, (truth.items, 1))
    worth = ease + np.array(truth.q) + rng.normal(0.0, truth.sd_interaction, (truth.items, variants))
    voices = [(f"person {n + 1}", "human", _person(truth, worth, rng), truth.cutpoint) for n in range(people)]
    voices += [(name, "llm", _judge(truth, worth, rng), truth.judge_cutpoint) for name in truth.judges]
    parts = [
        pd.DataFrame(
            {
                "variant": np.tile(truth.variants, truth.items),
                "item": np.repeat([f"item {i + 1}" for i in range(truth.items)], variants),
                "rater": name,
                "kind": kind,
                "score": _stars(latent, cutpoint, rng).ravel(),
            }
        )
        for name, kind, latent, cutpoint in voices
    ]
    return validate(
        pd.concat(parts, ignore_index=True),
        source="pretend stars",
        score_range=(1, len(truth.cutpoint) + 1),
        control=truth.variants[0],
    )


def _person(truth: Truth, worth: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """(item, variant) latent values of one person's ratings."""
    return worth + rng.normal(0.0, truth.sd_rater) + rng.normal(0.0, truth.sd_taste, worth.shape[1])


def _judge(truth: Truth, worth: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """(item, variant) latent values of one judge's ratings."""
    return np.asarray(truth.scale_use * worth + rng.normal(0.0, truth.sd_shift, worth.shape[1]))


def _stars(latent: NDArray[np.float64], cutpoint: tuple[float, ...], rng: np.random.Generator) -> NDArray[np.intp]:
    """Steps from 1: one more than the number of cutpoints that the latent value with logistic noise exceeds."""
    heard = latent + rng.logistic(size=latent.shape)
    return np.asarray(1 + (heard[..., None] > np.array(cutpoint)).sum(axis=-1))


def quality(truth: Truth | None = None) -> NDArray[np.float64]:
    """(variant,) expected stars of each variant on new items by new people, in points.

    Examples
    --------
    >>> quality().round(2).tolist()
    [3.16, 3.49, 2.88]
    """
    truth = truth or Truth()
    spread = np.sqrt(truth.sd_item**2 + truth.sd_interaction**2 + truth.sd_rater**2 + truth.sd_taste**2)
    grid = np.linspace(-8.0, 8.0, 2001)
    weight = np.exp(-0.5 * grid**2)
    latent = np.array(truth.q)[:, None] + spread * grid
    above = 1.0 / (1.0 + np.exp(np.array(truth.cutpoint)[:, None, None] - latent))
    return np.asarray(1.0 + (above.sum(axis=0) * weight).sum(axis=1) / weight.sum())


def small(random_seed: int = 0) -> Ratings:
    """A design that is fitted in a moment: three variants on eight items, two people and a judge.

    Examples
    --------
    >>> small().table.shape[0]
    72
    """
    return ratings(Truth(items=8, people=2), random_seed)
