"""Pretend rankings: a declared truth turned into ratings, with the probability that each variant is put before the control.

The story is that of `expsim_bayes.models.ranking`, told once more with plain NumPy: a rater orders the variants by what they are worth
plus Gumbel noise.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import model_validator

from expsim_bayes.errors import SettingError
from expsim_bayes.frozen import Frozen
from expsim_bayes.ratings import Ratings, validate

PLACES = 200_000
"""Draws of new items and raters behind `quality` and `prob_first`."""


class Truth(Frozen):
    """What is true of some answers, items, people and a judge; abilities and SDs are in logits.

    Examples
    --------
    >>> Truth(items=10).q
    (0.0, 0.5, 1.0, -0.4)
    """

    q: tuple[float, ...] = (0.0, 0.5, 1.0, -0.4)
    """Ability of each variant; logits. The variants are called A, B, C and so on, and A is the control."""
    items: int = 60
    """Items; count."""
    people: int = 6
    """People, each of whom ranks every item with probability `share`; count."""
    share: float = 0.5
    """Probability that a person ranks an item; no unit."""
    ranked: int | None = None
    """Variants in each person's ranking, drawn at random; all of them unless told; count."""
    judge: bool = True
    """Whether an LLM judge ranks every item, all variants."""
    scale_use: float = 1.4
    """How strongly the judge answers to what people see; no unit."""
    shift: tuple[float, ...] = (0.0, 0.6, 0.0, 0.0)
    """The judge's taste for each variant; logits."""
    sd_interaction: float = 0.6
    """SD of a variant's fit to an item; logits."""
    sd_taste: float = 0.4
    """SD of one person's taste for a variant; logits."""

    @model_validator(mode="after")
    def _possible(self) -> Truth:
        if not 2 <= len(self.q) <= 26 or len(self.shift) != len(self.q):
            raise SettingError(
                f"{len(self.q)} abilities and {len(self.shift)} tastes of the judge",
                where="truth.q",
                remedy="give one of each for 2 to 26 variants",
            )
        if self.ranked is not None and not 2 <= self.ranked <= len(self.q):
            raise SettingError(
                f"rankings of {self.ranked} variants",
                where="truth.ranked",
                remedy=f"give a number from 2 to {len(self.q)}",
            )
        return self

    @property
    def variants(self) -> tuple[str, ...]:
        """Names of the variants."""
        return tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ"[: len(self.q)])


def ratings(truth: Truth, random_seed: int = 0) -> Ratings:
    """Rankings drawn from a truth.

    Examples
    --------
    >>> ratings(Truth(items=3, people=1, share=1.0)).outcome
    'ranking'
    """
    rng = np.random.default_rng(random_seed)
    n = len(truth.q)
    fit = rng.normal(0.0, truth.sd_interaction, (truth.items, n))
    taste = rng.normal(0.0, truth.sd_taste, (truth.people, n))
    rows: list[tuple[str, str, str, str, int]] = []
    for item in range(truth.items):
        worth = np.array(truth.q) + fit[item]
        for person in range(truth.people):
            if rng.random() < truth.share:
                shown = rng.permutation(n)[: truth.ranked or n]
                order = shown[np.argsort(-(worth + taste[person] + rng.gumbel(size=n))[shown])]
                rows += _rows(truth, item, f"person {person + 1}", "human", order)
        if truth.judge:
            order = np.argsort(-(truth.scale_use * worth + np.array(truth.shift) + rng.gumbel(size=n)))
            rows += _rows(truth, item, "judge", "llm", order)
    frame = pd.DataFrame(rows, columns=["item", "rater", "kind", "variant", "rank"])
    return validate(frame, source="simulated rankings", variants=truth.variants, control="A")


def _rows(
    truth: Truth, item: int, rater: str, kind: str, order: NDArray[np.intp]
) -> list[tuple[str, str, str, str, int]]:
    return [(f"item {item + 1:04d}", rater, kind, truth.variants[v], place + 1) for place, v in enumerate(order)]


def quality(truth: Truth) -> NDArray[np.float64]:
    """(variant,) probability that people put a variant before A, for new items and people; exact to 1e-8.

    Examples
    --------
    >>> quality(Truth(q=(0.0, 1.0), shift=(0.0, 0.0), sd_interaction=0.0, sd_taste=0.0)).round(3)
    array([0.5  , 0.731])
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(101)
    spread = np.sqrt(2.0 * (truth.sd_interaction**2 + truth.sd_taste**2))
    lead = np.array(truth.q)[:, None] - truth.q[0] + spread * nodes
    return np.asarray((1 / (1 + np.exp(-lead))) @ weights / weights.sum())


def prob_first(truth: Truth, random_seed: int = 0) -> NDArray[np.float64]:
    """(variant,) probability that people put a variant first, for new items and people, from draws; SD of its error below .0012."""
    rng = np.random.default_rng(random_seed)
    spread = np.hypot(truth.sd_interaction, truth.sd_taste)
    worth = np.array(truth.q) + spread * rng.normal(size=(PLACES, len(truth.q)))
    share = np.exp(worth - worth.max(axis=1, keepdims=True))
    return np.asarray((share / share.sum(axis=1, keepdims=True)).mean(axis=0))


def small(random_seed: int = 0) -> Ratings:
    """A small design for calibration: three variants, eight items, three people and a judge."""
    truth = Truth(q=(0.0, 0.4, -0.4), shift=(0.0, 0.3, 0.0), items=8, people=3, share=1.0)
    return ratings(truth, random_seed)
