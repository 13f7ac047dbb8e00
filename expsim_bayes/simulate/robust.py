"""Pretend scores with a heavy tail, by people who differ in noise and judges who follow the length of an answer, from a declared truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from expsim_bayes.frozen import Frozen
from expsim_bayes.ratings.validation import validate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.ratings import Ratings

TOLD = {"covariates": ("words",)}
"""Settings of the priors by which a fit is told what judges of these ratings should ignore."""


class Truth(Frozen):
    """What is true of an experiment in which people and judges give scores on a long scale; points unless told.

    Examples
    --------
    >>> Truth(people=2).people
    2
    """

    variants: tuple[str, ...] = ("A", "B", "C")
    """Names of the variants; the first is the control; no unit."""
    quality: tuple[float, ...] = (60.0, 63.0, 57.0)
    """What the panel says of each variant on average over items and people; points."""
    items: int = 60
    """Items, each answered by every variant; a count."""
    people: int = 4
    """People, each of whom rates every output; a count."""
    judges: tuple[str, ...] = ("judge",)
    """Names of the judges, each of whom rates every output; no unit."""
    judge_repeats: int = 1
    """Times that a judge rates an output, with noise of its own each time; a count."""
    judge_level: float = 65.0
    """What judges say of a variant that the panel gives the mean quality, at the mean length; points."""
    scale_use: float = 0.8
    """How much of the scale judges use beside people (lambda); no unit."""
    sd_item: float = 5.0
    """SD between items; points."""
    sd_interaction: float = 3.0
    """SD of a variant's fit to an item; points."""
    sd_rater: float = 3.0
    """SD of severity between people; points."""
    sd_shift: float = 2.0
    """SD of judges' tastes for variants; points."""
    sd_taste: float = 1.0
    """SD of one person's taste for a variant; points."""
    sd_noise: float = 4.0
    """Scale of the noise of a person in the middle of the pool; points."""
    judge_noise: float = 3.0
    """Scale of judges' noise; points."""
    sd_log_noise: float = 0.4
    """SD of the log of people's scales of noise; logs."""
    tail: float = 4.0
    """Degrees of freedom of all noise; no unit."""
    slope: tuple[float, ...] = (2.0,)
    """What each judge adds for an SD more of `words`; points."""
    words: float = 200.0
    """Mean length of an answer, which has nothing to do with its quality; words."""
    sd_words: float = 60.0
    """SD of the length of an answer; words."""
    score_range: tuple[float, float] = (0.0, 100.0)
    """Ends of the scale, at which the rare score beyond is set; points."""


def ratings(truth: Truth | None = None, random_seed: int = 0) -> Ratings:
    """Scores drawn from a truth, with the length of each answer in the column `words`.

    Parameters
    ----------
    truth : Truth, optional
        A small believable story unless told.
    random_seed : int
        Seed of everything drawn.

    Examples
    --------
    >>> ratings(Truth(items=2)).table.shape[0]
    30
    """
    truth = truth or Truth()
    rng = np.random.default_rng(random_seed)
    shape = (truth.items, len(truth.variants))
    length = rng.standard_normal(shape)
    ease = rng.normal(0.0, truth.sd_item, (truth.items, 1))
    worth = ease + np.array(truth.quality) - np.mean(truth.quality) + rng.normal(0.0, truth.sd_interaction, shape)
    voices = [(f"person {n + 1}", "human", 1, _person(truth, worth, rng)) for n in range(truth.people)]
    for name, slope in zip(truth.judges, truth.slope, strict=True):
        heard = _judge(truth, worth, slope * length, rng)
        noise = truth.judge_noise * rng.standard_t(truth.tail, (truth.judge_repeats, *shape))
        voices += [(name, "llm", n + 1, heard + each) for n, each in enumerate(noise)]
    parts = [
        pd.DataFrame(
            {
                "variant": np.tile(truth.variants, truth.items),
                "item": np.repeat([f"item {i + 1}" for i in range(truth.items)], len(truth.variants)),
                "rater": name,
                "kind": kind,
                "repeat": repeat,
                "score": np.clip(score, *truth.score_range).ravel(),
                "words": (truth.words + truth.sd_words * length).ravel(),
            }
        )
        for name, kind, repeat, score in voices
    ]
    return validate(
        pd.concat(parts, ignore_index=True),
        source="pretend scores",
        score_range=truth.score_range,
        control=truth.variants[0],
    )


def _person(truth: Truth, worth: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """(item, variant) scores of one person."""
    own = np.mean(truth.quality) + rng.normal(0.0, truth.sd_rater) + rng.normal(0.0, truth.sd_taste, worth.shape[1])
    noise = truth.sd_noise * np.exp(rng.normal(0.0, truth.sd_log_noise))
    return np.asarray(worth + own + noise * rng.standard_t(truth.tail, worth.shape))


def _judge(
    truth: Truth, worth: NDArray[np.float64], heeded: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """(item, variant) scores of one judge before its noise."""
    taste = rng.normal(0.0, truth.sd_shift, worth.shape[1])
    return np.asarray(truth.judge_level + truth.scale_use * worth + taste + heeded)


def quality(truth: Truth | None = None) -> NDArray[np.float64]:
    """(variant,) what the panel says of each variant on average over new items and new people, in points.

    Examples
    --------
    >>> quality().tolist()
    [60.0, 63.0, 57.0]
    """
    return np.array((truth or Truth()).quality)


def small(random_seed: int = 0) -> Ratings:
    """A design that is fitted in a moment: three variants on eight items, two people, and a judge who rates twice.

    Examples
    --------
    >>> small().table.shape[0]
    96
    """
    return ratings(Truth(items=8, people=2, judge_repeats=2), random_seed)
