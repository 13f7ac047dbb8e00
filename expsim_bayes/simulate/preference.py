"""Pretend comparisons of variants by people and judges, from a declared truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from expsim_bayes.frozen import Frozen
from expsim_bayes.ratings.validation import validate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from expsim_bayes.ratings import Ratings

SIDES = np.array(["left", "tie", "right"], dtype=object)


class Truth(Frozen):
    """What is true of an experiment in which people and judges compare variants; everything but counts and names is in logits.

    Examples
    --------
    >>> Truth(people=1).people
    1
    """

    variants: tuple[str, ...] = ("A", "B", "C")
    """Names of the variants; the first is the control; no unit."""
    q: tuple[float, ...] = (0.0, 0.5, -0.4)
    """Ability of each variant in the eyes of people; logits on a new item."""
    items: int = 60
    """Items, on each of which every pair of variants is compared once, sides at random; a count."""
    people: int = 3
    """People, each of whom compares every pair; a count."""
    judges: tuple[str, ...] = ("judge",)
    """Names of the judges, each of whom compares every pair; no unit."""
    sd_interaction: float = 0.8
    """SD of a variant's fit to an item; logits."""
    order_level: float = 0.1
    """Order effect of people, above 0 where the left is favoured; logits."""
    judge_order_level: float = -0.4
    """Order effect of judges; logits."""
    sd_order: float = 0.2
    """SD of order effects between people; logits."""
    log_nu_level: float = -1.0
    """Log nu of people, their readiness for ties; logits."""
    judge_log_nu_level: float = -2.0
    """Log nu of judges; logits."""
    sd_tie: float = 0.3
    """SD of log nu between people; logits."""
    scale_use: float = 0.7
    """How strongly judges answer to what people see (lambda); no unit."""
    sd_reliability: float = 0.15
    """SD of log reliability between people, around the average of those who take part; no unit."""
    sd_shift: float = 0.4
    """SD of judges' tastes for variants; logits."""


def ratings(truth: Truth | None = None, random_seed: int = 0) -> Ratings:
    """Comparisons drawn from a truth.

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
    n, people = len(truth.variants), truth.people
    names = [*(f"person {p + 1}" for p in range(people)), *truth.judges]
    human = np.arange(len(names)) < people
    worth = _ability(truth) + truth.sd_interaction * rng.normal(size=(truth.items, n))
    apart = truth.sd_reliability * rng.normal(size=human.size)
    rho = np.where(human, np.exp(apart - apart[human].mean() if people else 0.0), truth.scale_use)
    omega = np.where(human, truth.order_level + truth.sd_order * rng.normal(size=human.size), truth.judge_order_level)
    log_nu = np.where(human, truth.log_nu_level + truth.sd_tie * rng.normal(size=human.size), truth.judge_log_nu_level)
    taste = np.where(human[:, None], 0.0, truth.sd_shift * rng.normal(size=(human.size, n)))

    first, second = np.triu_indices(n, 1)
    item = np.repeat(np.arange(truth.items), first.size)
    swap = rng.random(item.size) < 0.5
    left = np.where(swap, np.tile(second, truth.items), np.tile(first, truth.items))
    right = np.where(swap, np.tile(first, truth.items), np.tile(second, truth.items))
    rows = []
    for r, name in enumerate(names):
        log_left = rho[r] * worth[item, left] + taste[r, left] + omega[r]
        log_right = rho[r] * worth[item, right] + taste[r, right]
        verdict = _draw(log_left, log_right, log_nu[r], rng)
        rows.append(
            pd.DataFrame({
                "item": item.astype(str),
                "variant_left": np.array(truth.variants, dtype=object)[left],
                "variant_right": np.array(truth.variants, dtype=object)[right],
                "rater": name,
                "kind": "human" if human[r] else "llm",
                "outcome": verdict,
            })
        )  # fmt: skip
    return validate(
        pd.concat(rows, ignore_index=True), source="pretend comparisons", variants=truth.variants, control=truth.variants[0]
    )  # fmt: skip


def _ability(truth: Truth) -> NDArray[np.float64]:
    """(variant,) logits on an average item: those on a new item, stretched by what differences between items take away."""
    return np.asarray(np.array(truth.q) * np.sqrt(1.0 + 0.69 * truth.sd_interaction**2))


def _draw(
    log_left: NDArray[np.float64], log_right: NDArray[np.float64], log_nu: float, rng: np.random.Generator
) -> NDArray[np.object_]:
    """Outcomes by Davidson's weights."""
    log_tie = log_nu + (log_left + log_right) / 2.0
    weights = np.exp(np.stack([log_left, log_tie, log_right]) - np.maximum(log_left, log_right))
    at = (rng.random(log_left.size) * weights.sum(axis=0) > np.cumsum(weights, axis=0)).sum(axis=0)
    return np.asarray(SIDES[np.minimum(at, 2)])


def quality(truth: Truth) -> NDArray[np.float64]:
    """(variant,) probability of beating the control on a new item by a new person, ties counted half, over both orders.

    By Gauss-Hermite quadrature over everything that is new.

    Examples
    --------
    >>> float(quality(Truth())[0])
    0.5
    """
    x, w = np.polynomial.hermite_e.hermegauss(40)
    y, v = np.polynomial.hermite_e.hermegauss(9)
    w, v = w / w.sum(), v / v.sum()
    fit, order, tie, use = np.meshgrid(x, y, y, y, indexing="ij")
    weight = np.einsum("a,b,c,d->abcd", w, v, v, v)
    nu = np.exp(truth.log_nu_level + truth.sd_tie * tie)
    rho, omega = np.exp(truth.sd_reliability * use), truth.order_level + truth.sd_order * order
    found = []
    abilities = _ability(truth)
    for ability in abilities:
        ahead = rho * (ability - abilities[0] + np.sqrt(2.0) * truth.sd_interaction * fit)
        shares = []
        for favour in (omega, -omega):  # seen on the left, on the right
            win, tied = np.exp(ahead + favour), nu * np.exp((ahead + favour) / 2.0)
            shares.append((win + tied / 2.0) / (win + tied + 1.0))
        found.append(float((weight * (shares[0] + shares[1]) / 2.0).sum()))
    found[0] = 0.5
    return np.array(found)


def small(random_seed: int = 0) -> Ratings:
    """A small design for calibration: three variants, eight items, two people and a judge.

    Examples
    --------
    >>> small().table.shape[0]
    72
    """
    return ratings(Truth(items=8, people=2), random_seed)
